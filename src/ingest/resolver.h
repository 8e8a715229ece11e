/*
 * Asks AWS what application inference profiles are: a thread of its own, a few requests a second,
 * one profile after the other.
 *
 *     resolver_want(r, arn)                   from any thread; each is asked once per call
 *     while ((a = resolver_take(r))) … resolved_free(a);
 *     resolver_free(r);                       ends what is under way
 *
 * A profile is asked for in its own Region, with the credentials that may: first those of its own
 * account, then the others, one after the other. Only credentials of the profile's own account can
 * say that it was deleted; to others AWS may call anything not found. When nobody may, the answer
 * is what those of its account were told.
 */
#ifndef ASSAY_INGEST_RESOLVER_H
#define ASSAY_INGEST_RESOLVER_H

#include "aws/credentials.h"
#include "base/arena.h"
#include "model/profiles.h"

struct resolver_options {
    struct aws_credentials *const *credentials; /* they, not the list, are borrowed */
    int credentials_n;
    int64_t pause_ms; /* between two profiles, 0: 250 */
};

struct resolver;

/* What AWS answered. Owns its texts. */
struct resolved {
    struct resolved *next;
    struct str arn;         /* as asked */
    struct profile profile; /* when status is OK; without tags unless tags_status is OK */
    /* OK; ERR_NOT_FOUND: deleted; ERR_ACCESS: not allowed; any other: no answer that helps. */
    enum status status, tags_status;
    struct err err; /* of the first that is not OK */
    struct arena arena;
};

enum status resolver_new(const struct resolver_options *o, struct resolver **out,
                         struct err *err) MUST_USE;
void resolver_free(struct resolver *r);
/* False when memory is short, or when it is no ARN that one could ask for. */
bool resolver_want(struct resolver *r, struct str arn);
/* An answer, the caller's; NULL when there is none yet. */
struct resolved *resolver_take(struct resolver *r);
void resolved_free(struct resolved *a);
bool resolver_has_answer(struct resolver *r);
/* True as long as an answer is outstanding or not taken. */
bool resolver_busy(struct resolver *r);
/* Waits until there is an answer to take, or none to wait for; at most so long. */
void resolver_wait(struct resolver *r, int64_t ms);

#endif
