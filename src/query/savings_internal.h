/* What savings*.c share; included nowhere else. */
#ifndef ASSAY_QUERY_SAVINGS_INTERNAL_H
#define ASSAY_QUERY_SAVINGS_INTERNAL_H

#include "model/prices.h"
#include "query/savings.h"

/* A call as it might have been made. */
enum alternative {
    ALTERNATIVE_GLOBAL, /* the same model by its global profile */
    ALTERNATIVE_SMALL,  /* the newest model of the provider's cheapest family */
    ALTERNATIVE_NEWER,  /* the newest model of the same family */
    ALTERNATIVES
};

struct line_model {
    struct str id, provider, family;
    int64_t from_day; /* DAY_NONE: not known, so older than what has a date */
    int64_t rate;     /* input and output of a million tokens, the cheapest of its rows */
};

struct alternative_price {
    bool asked, exists;
    uint32_t model; /* text of the other model's id */
    struct price_match match;
};

struct savings_prices {
    const struct pricing *pricing;
    struct series *series;
    struct symbols *texts; /* borrowed */
    struct line_model *line;
    size_t line_n;
    struct alternative_price (*known)[ALTERNATIVES]; /* by series */
    uint32_t known_n;
};

enum status savings_prices_init(struct savings_prices *p, const struct savings_options *o,
                                struct symbols *texts) MUST_USE;
void savings_prices_fini(struct savings_prices *p);
/* What the call would have cost, and with which model. *cost is -1 when there is no such way. */
enum status savings_price(struct savings_prices *p, const struct invocation *v,
                          enum alternative which, money_sum *cost, uint32_t *model) MUST_USE;

/* ---- The engine (savings.c). */

struct ledger {
    enum saving_kind kind;
    uint32_t subject, other; /* texts; other: the model to change to */
    int64_t sessions, calls, tokens, events;
    int64_t most; /* tokens: of the largest */
    money_sum cost, saved;
    uint64_t last_session;
    bool used; /* SAVING_UNUSED_MCP: somebody did */
};

/* A first message, for when the median is known. */
struct first_message {
    uint32_t context;
    uint32_t user, harness; /* texts */
    money_sum per_mtok; /* pico-USD that a million tokens more of it cost in all calls together */
};

struct savings_engine {
    struct plan *plan;
    struct plan_view *view;
    struct series *series;
    const struct directory *directory;
    struct symbols *texts;
    struct symbols *keys; /* of ledgers: id i is ledger i - 1 */
    struct ledger *ledgers;
    size_t ledgers_n, ledgers_cap;
    struct first_message *firsts;
    size_t firsts_n, firsts_cap;
    uint32_t *users; /* by series: text + 1; 0: not asked */
    uint32_t users_n;
    struct arena scratch;
    struct savings_prices prices;
    struct answer_sessions about;
    int64_t long_context, large_first;
    uint64_t serial;
    bool counted; /* the session at hand is among the sessions of the answer */
};

/* First messages, when all are there. */
enum status savings_judge_firsts(struct savings_engine *e) MUST_USE;

#endif
