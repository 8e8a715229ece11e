/*
 * Which program made a call: rules that are data (data/harnesses.csv, built in, and a file of the
 * user's before it), applied to what ingest/exchange.c finds in a request. Markers move with every
 * version of a client, so none of them stands in code (shared facts, request-bodies 3, 4, 12, 14).
 *
 * A rule is a line of CSV:
 *
 *     where,match,text,harness,kind,purpose,note
 *
 *     where    system (any system block), user_last (last block of the last user
 *              message), tool (a tool's name), principal (identity.arn)
 *     match    prefix, contains, exact; texts are compared after leading white space
 *     text     what to look for
 *     harness  its name; "" leaves it as it is
 *     kind     main, sub-agent, compaction, background, probe; "" leaves it as it is
 *     purpose  of background calls: title, safety …
 *     note     where the fact comes from
 *
 * The longest matching text wins, for harness and kind each; three tool names of one harness are
 * needed to name it.
 */
#ifndef ASSAY_MODEL_HARNESS_H
#define ASSAY_MODEL_HARNESS_H

#include "base/err.h"
#include "base/str.h"
#include "model/exchange.h"

#define HARNESS_WHERE_MAP(X)                                                                       \
    X(HARNESS_SYSTEM, "system")                                                                    \
    X(HARNESS_USER_LAST, "user_last")                                                              \
    X(HARNESS_TOOL, "tool")                                                                        \
    X(HARNESS_PRINCIPAL, "principal")

enum harness_where {
#define HARNESS_ENUM(id, name) id,
    HARNESS_WHERE_MAP(HARNESS_ENUM)
#undef HARNESS_ENUM
        HARNESS_WHERES
};

struct harness_rules;

/* What the rules have said so far about one call. */
struct harness_verdict {
    struct str harness, purpose;        /* of the rules' memory; "" */
    enum call_kind kind;                /* CALL_UNKNOWN: no rule named one */
    size_t harness_length, kind_length; /* of the texts that decided */
    struct str tool_harness;            /* candidate by tool names, and how many spoke for it */
    int tools;
};

/* The built-in rules, preceded by those of `text` when it is not empty (`name` for errors). */
enum status harness_rules_new(struct str text, const char *name, struct harness_rules **out,
                              struct err *err) MUST_USE;
void harness_rules_free(struct harness_rules *r);
/* A number that changes with the rules, the same in every process. */
uint64_t harness_rules_fingerprint(const struct harness_rules *r);

/* Looks at one text of a request. Only its first HARNESS_LOOK bytes are looked at. */
enum { HARNESS_LOOK = 4096 };
void harness_look(const struct harness_rules *r, enum harness_where where, struct str text,
                  struct harness_verdict *v);
/* The verdict after all looks: tool names count where no text named the harness. */
struct str harness_of(const struct harness_verdict *v);

#endif
