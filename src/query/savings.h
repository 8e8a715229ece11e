/*
 * What could be saved: findings about sessions, each with its evidence, what it assumes, what it
 * cost in the period and what a change would save in 30 days.
 *
 *     savings_new(&options, &sv, &err);
 *     sessions_each(sessions, savings_session, sv, &err);
 *     savings_finish(sv, &about, date, &savings, &err);
 *
 * Findings overlap (a cold restart of an oversized first message is in both), so they are not to be
 * added up. Filters of the question choose calls. The result does not depend on the order of
 * sessions. One thread.
 */
#ifndef ASSAY_QUERY_SAVINGS_H
#define ASSAY_QUERY_SAVINGS_H

#include "model/pricing.h"
#include "query/answer.h"
#include "model/session.h"

/* id, key, heading, what to change, what it assumes */
#define SAVING_MAP(X)                                                                              \
    X(SAVING_UNUSED_MCP, "unused-mcp", "unused MCP server",                                        \
      "remove it from the configuration, or have its tools loaded on demand",                      \
      "the tokens of a request are shared among its parts by bytes")                               \
    X(SAVING_COLD_CACHE, "cold-cache", "cache runs out",                                           \
      "cache for an hour: ENABLE_PROMPT_CACHING_1H=1",                                             \
      "restarts after at most 1 h become reads; all other writes of 5 minutes cost 8/5")           \
    X(SAVING_BACKGROUND, "background-model", "large background model",                             \
      "name a small model for background calls: ANTHROPIC_DEFAULT_HAIKU_MODEL",                    \
      "the same tokens at the price of the small model")                                           \
    X(SAVING_SCOPE, "regional-profile", "regional price",                                          \
      "use the global inference profile, where data may be processed anywhere",                    \
      "the same tokens at the global price")                                                       \
    X(SAVING_LONG_SESSION, "long-session", "context not compacted",                                \
      "compact or begin anew before the context is so large",                                      \
      "what is above the limit is not sent")                                                       \
    X(SAVING_RETRIES, "retries", "retries billed",                                                 \
      "look for time-outs and proxies between client and Bedrock",                                 \
      "the first of equal requests suffices")                                                      \
    X(SAVING_FAILED, "failed", "failures billed", "look for the cause of the error",               \
      "the calls need not have been made")                                                         \
    X(SAVING_FIRST_MESSAGE, "first-message", "large first message",                                \
      "shorten project memory, servers, skills: assay report context shows what it is made of",    \
      "first messages as long as the median, in every call of the session")                        \
    X(SAVING_SUPERSEDED, "superseded-model", "superseded model", "change to the newer model",      \
      "the same tokens at the price of the newer model")

enum saving_kind {
#define SAVING_ENUM(id, key, heading, advice, assumes) id,
    SAVING_MAP(SAVING_ENUM)
#undef SAVING_ENUM
        SAVING_KINDS
};

struct saving {
    enum saving_kind kind;
    struct str subject;  /* who or what: a server, a person, a model */
    struct str evidence; /* a sentence with figures */
    int64_t sessions;
    money_sum cost;  /* pico-USD: what was spent on it in the period */
    money_sum saved; /* of that */
    money_sum month; /* the same for 30 days */
};

struct savings {
    const struct question *question;
    struct arena arena;
    struct saving *v; /* by month, largest first */
    size_t n, cut;    /* cut: by the question's limit */
    struct about about;
    struct answer_sessions sessions;
    struct str prices_date;
};

struct str saving_key(enum saving_kind kind);
struct str saving_heading(enum saving_kind kind);
struct str saving_advice(enum saving_kind kind);
struct str saving_assumes(enum saving_kind kind);

struct savings_options {
    struct plan *plan;     /* of a question without dimensions: period and filters; borrowed */
    struct series *series; /* borrowed */
    const struct directory *directory; /* may be NULL */
    const struct pricing *pricing;
    int64_t long_context; /* tokens; 0: 200000 */
    int64_t large_first;  /* tokens; 0: 60000 */
};

struct savings_engine;
enum status savings_new(const struct savings_options *o, struct savings_engine **out,
                        struct err *err) MUST_USE;
void savings_engine_free(struct savings_engine *e);
/* ctx is the struct savings_engine. ERR_NOMEM only. */
enum status savings_session(void *ctx, const struct session *s) MUST_USE;
/* Calls of no session: for the coverage only. */
void savings_loose(struct savings_engine *e, const struct cube *cube);
/* Once, last. The question must stay. */
enum status savings_finish(struct savings_engine *e, const struct about *about,
                           struct str prices_date, struct savings **out, struct err *err) MUST_USE;
void savings_free(struct savings *s);

#endif
