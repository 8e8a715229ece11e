/*
 * The directory: who belongs where. A file (CSV with a header, or YAML: a list of mappings) with
 * the columns match, person, team, cost_centre; `match` is a glob over the ARN, the e-mail or
 * session name, or the role name, compared without case. The first row that matches wins.
 *
 *     match,person,team,cost_centre
 *     *@search.example.com,,Search,4100
 *     arn:aws:iam::111122223333:user/ci-*,,Build,4200
 */
#ifndef ASSAY_MODEL_DIRECTORY_H
#define ASSAY_MODEL_DIRECTORY_H

#include "base/err.h"
#include "model/principal.h"

struct directory;

/* YAML when the text does not begin with a CSV header. Messages name file and line. */
enum status directory_load(struct str text, const char *name, struct directory **out,
                           struct err *err) MUST_USE;
void directory_free(struct directory *d);

struct directory_entry {
    struct str person, team, cost_centre; /* "" where the directory is silent */
};

/* d may be NULL (no directory). The person falls back to p->person (lower case is the caller's
 * matter), team and cost centre to "". */
struct directory_entry directory_find(const struct directory *d, struct str arn,
                                      const struct principal *p);

#endif
