/*
 * What the files of the fold share: the call's place while threads are found, hash tables in an
 * arena, chains of requests. All indexes are 32 bits wide: a session has fewer than 2^31 calls.
 */
#ifndef ASSAY_MODEL_SESSION_INTERNAL_H
#define ASSAY_MODEL_SESSION_INTERNAL_H

#include "model/session.h"

/*
 * From two numbers to one, 0 being "none". Grows as it fills. Keys come from clients: the seed is
 * secret. When memory is short the arena says so and values are forgotten; callers look at
 * arena->failed in the end.
 */
struct table {
    struct table_entry *v;
    size_t size, n;
    uint64_t seed;
    struct arena *arena;
    uint32_t spare;
};

void table_init(struct table *t, uint64_t seed, struct arena *arena);
uint32_t table_get(const struct table *t, uint64_t a, uint64_t b);
/* The place of the value, 0 when it is new; good until the next call. Never NULL. */
uint32_t *table_at(struct table *t, uint64_t a, uint64_t b);

/* Room for one more behind n elements, which are copied when they move; NULL when memory is
 * short. */
void *room_for(struct arena *arena, void *v, size_t n, size_t *cap, size_t size);

/* Position of the first message of which the digest is kept. */
uint32_t request_window(const struct exchange *x);
/* Does the last message of `a`, or `back` before it, stand in `b` at the same place? */
enum shared { NOT_KNOWN, SHARED, NOT_SHARED };
enum shared request_shares(const struct exchange *a, uint32_t back, const struct exchange *b);
/* Is `a` a proper prefix of `b`, as far as digests are left? Both have the same first message. */
bool request_goes_on(const struct exchange *a, const struct exchange *b);

/*
 * Chains: each call goes on from at most one earlier request, the one that it begins with. Calls
 * are added in the order of time; a call is linked to the chain whose last request is its prefix,
 * to the chain whose last request it repeats, or begins one.
 */
struct chains {
    const struct session_call *calls;
    struct arena *arena;
    int64_t window_us; /* a chain ends after so long without a call; 0: never */
    bool by_system;    /* another system text is another chain */
    struct table groups, states, made, wanted, waiting;
    struct chain *chain;
    struct chain_group *group;
    struct chain_state *state;
    size_t chain_n, chain_cap, group_n, group_cap, state_n, state_cap;
    uint32_t *of;     /* per call: its chain, from 1; 0: none */
    uint32_t *behind; /* per call: the next one in reserve of the same state, from 1 */
    bool *reserve;    /* per call: a repetition that may turn out to be a chain of its own */
};

void chains_init(struct chains *c, const struct session_call *calls, size_t n, uint64_t seed,
                 struct arena *arena);
/* Tells of the sub-agents that the answer of a call starts: so many chains may begin alike. */
void chains_expect(struct chains *c, uint32_t call);
/* How many sub-agents were started with this opening so far. */
uint32_t chains_expected(const struct chains *c, uint64_t opening);
void chains_add(struct chains *c, uint32_t call);
/* How often a chain (from 1) went on from a summary. */
uint32_t chain_continued(const struct chains *c, uint32_t chain);

/* What is known of a call while its session is folded. */
struct call_work {
    uint32_t before;     /* in the same thread, from 1; 0: none */
    uint32_t generation; /* of the main thread, from 0 */
};

struct thread_work {
    uint32_t first, last; /* calls, from 1 */
    uint32_t good;        /* last call that succeeded and was no retry, from 1 */
    uint32_t use;         /* last use, from 1 */
    int64_t run;          /* how often it was made in a row */
    bool wrote_hour;      /* the last write into the cache that was no retry's was for one hour */
    bool hour;            /* the same when `good` was made */
};

struct fold {
    const struct session_options *options;
    struct arena *out;    /* of the caller */
    struct arena scratch; /* of the session */
    struct arena step;    /* of the step at hand */
    struct session_call *calls;
    size_t n;
    struct session s;
    struct session_thread *threads;
    struct call_work *work;     /* per call */
    struct thread_work *thread; /* per thread */
    uint32_t *since;            /* per use: the last call before it was made, from 1 */
};

static inline bool call_failed(const struct session_call *c)
{
    return c->v.flags & INV_ERROR;
}

static inline int64_t cache_written(const struct invocation *v)
{
    return v->tokens[TOKENS_CACHE_WRITE_5M] + v->tokens[TOKENS_CACHE_WRITE_1H] +
           v->tokens[TOKENS_CACHE_WRITE_UNKNOWN];
}

static inline money_sum call_cost(const struct invocation *v)
{
    money_sum sum = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        sum += v->cost[i];
    return sum;
}

/* In this order. Each leaves its results in f; what failed stands in the arenas. What is given to
 * later steps is not in the arena of a step. */
void fold_threads(struct fold *f);  /* session_threads.c */
void fold_uses(struct fold *f);     /* session_uses.c */
void fold_parents(struct fold *f);  /* session_uses.c */
void fold_measures(struct fold *f); /* session_measures.c */
void fold_cache(struct fold *f);    /* session_cache.c */

#endif
