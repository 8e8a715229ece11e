/*
 * The map of application inference profiles: ARN -> model and scope. The ARN is opaque and the
 * profile may be deleted while its records remain, so operators keep the answers in a file (CSV or
 * YAML, codec/table.h):
 *
 *     - arn: arn:aws:bedrock:us-west-2:111122223333:application-inference-profile/a1b2c3d4e5f6
 *       model: us.anthropic.claude-sonnet-4-6
 *       name: search-team
 *
 * Instead of `model`, `models` may hold the model ARNs that GetInferenceProfile answers, separated
 * by commas; their Regions give the scope. So does `regions` beside a plain model id; a `scope`
 * (in-region, geo, global) wins over both. A model id without any of them leaves the scope unknown.
 *
 * Loaded once, then read by any thread; owns its texts.
 */
#ifndef ASSAY_MODEL_PROFILES_H
#define ASSAY_MODEL_PROFILES_H

#include "base/arena.h"
#include "base/err.h"
#include "model/model_id.h"

struct profile {
    struct str arn;
    struct str base;
    struct str geo; /* of the model's prefix, "" without one */
    struct str name;
    enum model_scope scope;
    bool unknown_prefix;
};

struct profiles {
    struct arena arena;
    struct profile *v; /* sorted by ARN */
    size_t n;
};

void profiles_init(struct profiles *p);
void profiles_fini(struct profiles *p);
/* Adds a file; an ARN that is there already is replaced. The same ARN twice in one file, a row
 * without a model and an unknown scope are errors. */
enum status profiles_load(struct profiles *p, struct str text, const char *name,
                          struct err *err) MUST_USE;
/* NULL when the map does not know the ARN. Compared without case. */
const struct profile *profiles_find(const struct profiles *p, struct str arn);

/* One Region: in-region. Several of one geography: geo. Several geographies, or a model ARN without
 * a Region: global (price facts, 8.4; the latter unconfirmed). */
enum model_scope scope_of_regions(const struct str *regions, size_t n);
/* True when b is surely outside the geography of a: the call went through a global profile. */
bool regions_apart(struct str a, struct str b);

#endif
