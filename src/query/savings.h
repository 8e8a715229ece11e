/*
 * What could be saved: findings, each with its evidence, what it assumes, what it cost in the
 * period and what a change would save in 30 days. Some need no more than records: a price or a
 * failure is in each call, whether it belongs to a session or not. The others need requests
 * (content logging).
 *
 *     savings_new(&options, &sv, &err);
 *     savings_call(sv, thread, &v, 1);                      call of no session after call, while
 *     sessions_each(sessions, savings_session, sv, &err);   logs are read; then the sessions
 *     savings_loose(sv, cube);                              coverage
 *     savings_finish(sv, &about, date, &savings, &err);
 *
 * Findings overlap (a cold restart of an oversized first message is in both), so they are not to be
 * added up. Filters of the question choose calls. The result does not depend on the order of
 * calls and sessions, nor on the number of threads.
 */
#ifndef ASSAY_QUERY_SAVINGS_H
#define ASSAY_QUERY_SAVINGS_H

#include "model/pricing.h"
#include "query/answer.h"
#include "model/session.h"

/* id, key, heading, what to change, what it assumes, whether it needs content logging */
#define SAVING_MAP(X)                                                                              \
    X(SAVING_UNUSED_MCP, "unused-mcp", "unused MCP server",                                        \
      "remove it from the configuration, or have its tools loaded on demand",                      \
      "the tokens of a request are shared among its parts by bytes", true)                         \
    X(SAVING_COLD_CACHE, "cold-cache", "cache runs out",                                           \
      "cache for an hour: ENABLE_PROMPT_CACHING_1H=1",                                             \
      "restarts after at most 1 h become reads; all other writes of 5 minutes cost 8/5", true)     \
    X(SAVING_BACKGROUND, "background-model", "large background model",                             \
      "name a small model for background calls: ANTHROPIC_DEFAULT_HAIKU_MODEL",                    \
      "the same tokens at the price of the small model", true)                                     \
    X(SAVING_SCOPE, "regional-profile", "regional price",                                          \
      "use the global inference profile, where data may be processed anywhere",                    \
      "the same tokens at the global price", false)                                                \
    X(SAVING_LONG_SESSION, "long-session", "context not compacted",                                \
      "compact or begin anew before the context is so large",                                      \
      "what is above the limit is not sent", true)                                                 \
    X(SAVING_RETRIES, "retries", "retries billed",                                                 \
      "look for time-outs and proxies between client and Bedrock",                                 \
      "the first of equal requests suffices", true)                                                \
    X(SAVING_FAILED, "failed", "failures billed", "look for the cause of the error",               \
      "the calls need not have been made", false)                                                  \
    X(SAVING_FIRST_MESSAGE, "first-message", "large first message",                                \
      "shorten project memory, servers, skills: assay report context shows what it is made of",    \
      "first messages as long as the median, in every call of the session", true)                  \
    X(SAVING_SUPERSEDED, "superseded-model", "superseded model", "change to the newer model",      \
      "the same tokens at the price of the newer model", false)

enum saving_kind {
#define SAVING_ENUM(id, key, heading, advice, assumes, needs_content) id,
    SAVING_MAP(SAVING_ENUM)
#undef SAVING_ENUM
        SAVING_KINDS
};

/* id, key on the command line, default, largest (0: none), text for help. 0 switches it off. */
#define SAVINGS_LIMIT_MAP(X)                                                                       \
    X(SAVINGS_CONTEXT, "context", 200000, 0, "long-session: tokens of context that are enough")    \
    X(SAVINGS_FIRST, "first-message", 60000, 0, "first-message: tokens that are not too many")     \
    X(SAVINGS_FIRST_PERCENTILE, "first-percentile", 90, 100,                                       \
      "first-message: only what is above this percentile of the program's")

enum savings_limit {
#define SAVINGS_LIMIT_ENUM(id, key, usual, most, text) id,
    SAVINGS_LIMIT_MAP(SAVINGS_LIMIT_ENUM)
#undef SAVINGS_LIMIT_ENUM
        SAVINGS_LIMITS
};

struct savings_limits {
    int64_t v[SAVINGS_LIMITS];
};

struct savings_limits savings_defaults(void);
/* "KEY=N,…"; what is not named stays. ERR_USAGE, naming the nearest key. */
enum status savings_limits_set(struct savings_limits *limits, struct str text,
                               struct err *err) MUST_USE;

#define SAVING_NO_SESSIONS (-1)

struct saving {
    enum saving_kind kind;
    struct str subject;  /* who or what: a server, a person, a model */
    struct str evidence; /* a sentence with figures */
    int64_t sessions;    /* SAVING_NO_SESSIONS: all calls are of none */
    money_sum cost;      /* pico-USD: what was spent on it in the period */
    money_sum saved;     /* of that */
    money_sum month;     /* the same for 30 days */
};

struct savings {
    const struct question *question;
    struct arena arena;
    struct saving *v; /* by month, largest first */
    size_t n, cut;    /* cut: by the question's limit */
    struct about about;
    struct answer_sessions sessions;
    int64_t seen; /* of its calls: those whose request was looked into */
    struct str prices_date;
};

struct str saving_key(enum saving_kind kind);
struct str saving_heading(enum saving_kind kind);
struct str saving_advice(enum saving_kind kind);
struct str saving_assumes(enum saving_kind kind);
bool saving_needs_content(enum saving_kind kind);

struct savings_options {
    struct plan *plan;     /* of a question without dimensions: period and filters; borrowed */
    struct series *series; /* borrowed */
    const struct directory *directory; /* may be NULL */
    const struct pricing *pricing;
    struct savings_limits limits;
    int threads; /* of savings_call; 0: it is not used */
};

struct savings_engine;
enum status savings_new(const struct savings_options *o, struct savings_engine **out,
                        struct err *err) MUST_USE;
void savings_engine_free(struct savings_engine *e);
/* A call of no session; sign -1 takes it back exactly. ctx is the struct savings_engine; each of
 * 0 .. threads-1 is used by one thread at a time. ERR_NOMEM only. */
enum status savings_call(void *ctx, int thread, const struct invocation *v, int sign) MUST_USE;
/* After the calls, one thread. ctx is the struct savings_engine. ERR_NOMEM only. */
enum status savings_session(void *ctx, const struct session *s) MUST_USE;
/* Calls of no session, for the coverage only: savings_call judges them. */
void savings_loose(struct savings_engine *e, const struct cube *cube);
/* Once, last. The question must stay. */
enum status savings_finish(struct savings_engine *e, const struct about *about,
                           struct str prices_date, struct savings **out, struct err *err) MUST_USE;
void savings_free(struct savings *s);

#endif
