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
/* What the call would have cost less, at least, and with which model; *less is 0 when there is no
 * such way, or none that is cheaper for sure. */
enum status savings_price(struct savings_prices *p, const struct invocation *v,
                          enum alternative which, money_sum *less, uint32_t *model) MUST_USE;

/* ---- The engine (savings.c). */

struct ledger {
    enum saving_kind kind;
    uint32_t subject, other; /* texts; other: the model to change to */
    int64_t sessions, calls, tokens, events;
    int64_t loose;   /* of the calls: of no session */
    int64_t bounded; /* of the calls: cost and saving are lower limits */
    int64_t users;   /* as savings_note_user counts them */
    int64_t most;    /* tokens: of the largest */
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
    struct symbols *texts; /* in common with the parts */
    struct symbols *keys;  /* of ledgers: id i is ledger i - 1 */
    struct symbols *pairs; /* of ledgers and users */
    struct ledger *ledgers;
    size_t ledgers_n, ledgers_cap;
    struct first_message *firsts;
    size_t firsts_n, firsts_cap;
    uint32_t *users; /* by series: text + 1; 0: not asked */
    uint32_t users_n;
    struct arena scratch;
    struct savings_prices prices;
    struct answer_sessions about;
    struct savings_limits limits;
    int64_t seen;                 /* calls of sessions whose request was there */
    uint64_t sessions;            /* so far */
    uint64_t serial;              /* of the session at hand; 0: a call of none */
    struct savings_engine *parts; /* one a thread, for calls of no session */
    int parts_n;
    bool counted; /* the session at hand is among the sessions of the answer */
};

/* The account of a subject, made when it is new; NULL when memory is short. Counts the session at
 * hand. Good until the next call. */
struct ledger *savings_ledger(struct savings_engine *e, enum saving_kind kind, uint32_t subject,
                              uint32_t other);
/* Counts a user of the account once. */
enum status savings_note_user(struct savings_engine *e, struct ledger *l, uint32_t user) MUST_USE;
/* The user of a series, and a label, as texts. */
enum status savings_user(struct savings_engine *e, uint32_t series, uint32_t *user) MUST_USE;
enum status savings_label(struct savings_engine *e, uint32_t series, enum label id,
                          uint32_t *text) MUST_USE;
money_sum savings_cost(const struct invocation *v);
/* total * part / whole, rounded; 0 for a whole of 0. */
money_sum savings_share(money_sum total, int64_t part, int64_t whole);
/* Adds what the threads' engines have. Once, last. */
enum status savings_join(struct savings_engine *e) MUST_USE;

/* ---- Looking (savings_look.c, savings_first.c). */

/* A call of no session, as its record tells it; sign -1 takes it back. */
enum status savings_look_at_loose(struct savings_engine *e, const struct invocation *v,
                                  int sign) MUST_USE;
/* per_mtok: see struct first_message. */
enum status savings_note_first(struct savings_engine *e, const struct session *s, uint32_t user,
                               money_sum per_mtok) MUST_USE;
/* First messages, when all are there. */
enum status savings_judge_firsts(struct savings_engine *e) MUST_USE;

#endif
