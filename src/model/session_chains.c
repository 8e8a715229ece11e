/*
 * Chains of requests: which call goes on from which (shared facts, request-bodies 10.3 and 10.8).
 * A sub-agent's calls share their first message, but two sub-agents that were started with the same
 * words share it too, and so do two conversations without a session id that begin alike. What tells
 * them apart is that each request begins with the one before it.
 *
 * At the beginning they cannot be told apart: the second of two equal requests is a repetition of
 * the first or the start of another chain. It starts one when more sub-agents were started with its
 * words than there are chains; else it counts as a repetition, in reserve: should a later request
 * go on from there although the chain has already gone on elsewhere, a chain is made of it.
 *
 * A state is what a request ends with: group (first message), number of messages, last message.
 * Each step looks at a bounded number of chains, so that the whole is linear whatever is sent.
 *
 * Where chains end after a pause (window_us), what is over is as if it had not been: it leaves the
 * lists when it is met, and is not counted among what is looked at. So calls that are cut apart at
 * a longer pause give the same chains as all of them together; session_fold's callers rely on it.
 */
#include "model/session_internal.h"

enum { LOOK = 8 };      /* chains looked at per step */
enum { WANTED, BEGUN }; /* second half of a key of `wanted`: asked for, and there already */

struct chain {
    uint32_t at;             /* call whose request is the chain's last, from 1 */
    uint32_t last;           /* last call, from 1; a repetition or a compaction leaves `at` */
    uint32_t state;          /* from 1; 0: none */
    uint32_t next, previous; /* chains at the same state, first come first, from 1 */
    uint32_t group;
    uint32_t older, younger; /* chains of the group by last use, from 1 */
    uint32_t continued;
};

struct chain_group {
    uint32_t youngest; /* chain, from 1 */
    uint32_t chains;
};

struct chain_state {
    uint32_t head, tail;           /* chains that are at it, from 1 */
    uint32_t reserve, reserve_end; /* calls, from 1 */
    uint32_t owner;                /* the last chain that was at it */
};

static const struct exchange *exchange_of(const struct chains *c, uint32_t call)
{
    return c->calls[call].v.exchange;
}

static struct chain *chain_at(const struct chains *c, uint32_t chain)
{
    return &c->chain[chain - 1];
}

void chains_init(struct chains *c, const struct session_call *calls, size_t n, uint64_t seed,
                 struct arena *arena)
{
    *c = (struct chains){.calls = calls, .arena = arena};
    struct table *tables[] = {&c->groups, &c->states, &c->made, &c->wanted, &c->waiting};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        table_init(tables[i], seed, arena);
    c->of = arena_alloc(arena, n * sizeof *c->of);
    c->behind = arena_alloc(arena, n * sizeof *c->behind);
    c->reserve = arena_alloc(arena, n * sizeof *c->reserve);
    if (arena->failed)
        return;
    memset(c->of, 0, n * sizeof *c->of);
    memset(c->behind, 0, n * sizeof *c->behind);
    memset(c->reserve, 0, n * sizeof *c->reserve);
}

void chains_expect(struct chains *c, uint32_t call)
{
    const struct exchange *x = exchange_of(c, call);
    for (uint32_t i = 0; i < x->made_n; i++)
        if (x->made[i].kind == TOOL_AGENT && x->made[i].input)
            ++*table_at(&c->wanted, x->made[i].input, WANTED);
}

uint32_t chains_expected(const struct chains *c, uint64_t opening)
{
    return opening ? table_get(&c->wanted, opening, WANTED) : 0;
}

uint32_t chain_continued(const struct chains *c, uint32_t chain)
{
    return chain_at(c, chain)->continued;
}

static bool over(const struct chains *c, uint32_t last, uint32_t call)
{
    return c->window_us && c->calls[call].v.time_us - c->calls[last].v.time_us > c->window_us;
}

static void leave_state(struct chains *c, uint32_t chain)
{
    struct chain *k = chain_at(c, chain);
    if (!k->state)
        return;
    struct chain_state *s = &c->state[k->state - 1];
    *(k->previous ? &chain_at(c, k->previous)->next : &s->head) = k->next;
    *(k->next ? &chain_at(c, k->next)->previous : &s->tail) = k->previous;
    k->state = k->next = k->previous = 0;
}

static uint64_t state_key(uint32_t group, uint32_t messages)
{
    return (uint64_t)group << 32 | messages;
}

/* The state of a request, from 1; 0 when it has none. */
static uint32_t state_of(struct chains *c, uint32_t group, const struct exchange *x)
{
    if (x->recent_n == 0)
        return 0;
    uint32_t *state =
        table_at(&c->states, x->recent[x->recent_n - 1], state_key(group, x->messages));
    if (*state == 0) {
        struct chain_state *v = room_for(c->arena, c->state, c->state_n, &c->state_cap, sizeof *v);
        if (!v)
            return 0;
        c->state = v;
        v[c->state_n++] = (struct chain_state){0};
        *state = (uint32_t)c->state_n;
    }
    return *state;
}

static void enter_state(struct chains *c, uint32_t chain, uint32_t state)
{
    struct chain *k = chain_at(c, chain);
    k->state = state;
    if (!state)
        return;
    struct chain_state *s = &c->state[state - 1];
    k->previous = s->tail;
    *(s->tail ? &chain_at(c, s->tail)->next : &s->head) = chain;
    s->tail = s->owner = chain;
}

static void leave_group(struct chains *c, uint32_t chain)
{
    struct chain *k = chain_at(c, chain);
    if (k->older)
        chain_at(c, k->older)->younger = k->younger;
    if (k->younger)
        chain_at(c, k->younger)->older = k->older;
    else
        c->group[k->group].youngest = k->older;
    k->older = k->younger = 0;
}

static void enter_group(struct chains *c, uint32_t chain, uint32_t group)
{
    struct chain *k = chain_at(c, chain);
    struct chain_group *g = &c->group[group];
    k->group = group;
    k->older = g->youngest;
    if (k->older)
        chain_at(c, k->older)->younger = chain;
    g->youngest = chain;
}

/* The call belongs to the chain, whose last request stays what it was. */
static void join(struct chains *c, uint32_t chain, uint32_t group, uint32_t call)
{
    c->of[call] = chain;
    chain_at(c, chain)->last = call + 1;
    leave_group(c, chain);
    enter_group(c, chain, group);
}

static void move_on(struct chains *c, uint32_t chain, uint32_t group, uint32_t call)
{
    leave_state(c, chain);
    join(c, chain, group, call);
    chain_at(c, chain)->at = call + 1;
    enter_state(c, chain, state_of(c, group, exchange_of(c, call)));
}

static uint32_t begin(struct chains *c, uint32_t group, const struct exchange *x)
{
    struct chain *v = room_for(c->arena, c->chain, c->chain_n, &c->chain_cap, sizeof *v);
    if (!v)
        return 0;
    c->chain = v;
    v[c->chain_n++] = (struct chain){.group = group};
    uint32_t chain = (uint32_t)c->chain_n;
    enter_group(c, chain, group);
    c->group[group].chains++;
    ++*table_at(&c->wanted, x->opening, BEGUN);
    return chain;
}

static void put_in_reserve(struct chains *c, uint32_t state, uint32_t call)
{
    if (!state || c->reserve[call] || call_failed(&c->calls[call]))
        return;
    struct chain_state *s = &c->state[state - 1];
    c->reserve[call] = true;
    c->behind[call] = 0;
    if (s->reserve_end)
        c->behind[s->reserve_end - 1] = call + 1;
    else
        s->reserve = call + 1;
    s->reserve_end = call + 1;
}

/* A repetition was none: it begins a chain. */
static uint32_t split(struct chains *c, uint32_t group, uint32_t repetition)
{
    uint32_t chain = begin(c, group, exchange_of(c, repetition));
    c->reserve[repetition] = false;
    if (chain) {
        c->of[repetition] = chain;
        chain_at(c, chain)->last = chain_at(c, chain)->at = repetition + 1;
    }
    return chain;
}

/* The chain that a call in reserve would give to `call`, 0: none. Used ones leave the list. */
static uint32_t from_reserve(struct chains *c, uint32_t group, uint32_t state, uint32_t call)
{
    struct chain_state *s = &c->state[state - 1];
    while (s->reserve && (!c->reserve[s->reserve - 1] || over(c, s->reserve - 1, call))) {
        c->reserve[s->reserve - 1] = false;
        s->reserve = c->behind[s->reserve - 1];
    }
    if (!s->reserve) {
        s->reserve_end = 0;
        return 0;
    }
    uint32_t first = s->reserve - 1;
    if (!request_goes_on(exchange_of(c, first), exchange_of(c, call)))
        return 0;
    return split(c, group, first);
}

/* The chain, or the first one behind it at its state, that is not over; others leave the state. */
static uint32_t not_over(struct chains *c, uint32_t k, uint32_t call)
{
    while (k && over(c, chain_at(c, k)->last - 1, call)) {
        uint32_t next = chain_at(c, k)->next;
        leave_state(c, k);
        k = next;
    }
    return k;
}

static uint32_t first_at(struct chains *c, uint32_t state, uint32_t call)
{
    return not_over(c, c->state[state - 1].head, call);
}

static uint32_t next_at(struct chains *c, uint32_t k, uint32_t call)
{
    return not_over(c, chain_at(c, k)->next, call);
}

static uint32_t at_state(struct chains *c, uint32_t state, uint32_t call)
{
    int looked = 0;
    for (uint32_t k = first_at(c, state, call); k && looked < LOOK; looked++) {
        const struct chain *chain = chain_at(c, k);
        if (request_goes_on(exchange_of(c, chain->at - 1), exchange_of(c, call)))
            return k;
        k = next_at(c, k, call);
    }
    return 0;
}

/* The answer that the request quotes last tells which call it goes on from, if that was seen. */
static uint32_t by_answer(struct chains *c, uint32_t group, uint32_t call)
{
    const struct exchange *x = exchange_of(c, call);
    uint32_t from = 0;
    for (uint32_t i = 0; i < x->earlier_n && !from; i++) {
        from = table_get(&c->made, x->earlier[i].id, 0);
        from = from && over(c, from - 1, call) ? 0 : from;
    }
    if (!from || !c->of[from - 1] || !request_goes_on(exchange_of(c, from - 1), x))
        return 0;
    uint32_t k = c->of[from - 1];
    const struct chain *chain = chain_at(c, k);
    if (chain->group != group)
        return 0;
    uint32_t state = state_of(c, group, exchange_of(c, from - 1));
    if (chain->at != from && !(state && chain->state == state))
        return c->reserve[from - 1] ? split(c, group, from - 1) : 0;
    c->reserve[from - 1] = false;
    if (chain->at != from) /* it was the repetition that went on */
        put_in_reserve(c, state, chain->at - 1);
    return k;
}

/* The chain whose last request is the longest prefix of the call's. */
static uint32_t by_prefix(struct chains *c, uint32_t group, uint32_t call)
{
    const struct exchange *x = exchange_of(c, call);
    uint32_t from = request_window(x);
    for (uint32_t i = x->recent_n; i-- > 0;) {
        uint32_t messages = from + i + 1;
        if (messages >= x->messages)
            continue;
        uint32_t state = table_get(&c->states, x->recent[i], state_key(group, messages));
        uint32_t k = state ? at_state(c, state, call) : 0;
        if (state && !k)
            k = from_reserve(c, group, state, call);
        if (k)
            return k;
    }
    uint32_t k = c->group[group].youngest;
    for (int looked = 0; k && looked < LOOK; looked++) {
        const struct chain *chain = chain_at(c, k);
        if (!over(c, chain->last - 1, call) && request_goes_on(exchange_of(c, chain->at - 1), x))
            return k;
        k = chain->older;
    }
    return 0;
}

/* The chain of which the call repeats a request; 0 when it is another one that begins alike. */
static uint32_t by_repetition(struct chains *c, uint32_t group, uint32_t call)
{
    const struct exchange *x = exchange_of(c, call);
    uint32_t state = x->recent_n == 0 ? 0
                                      : table_get(&c->states, x->recent[x->recent_n - 1],
                                                  state_key(group, x->messages));
    if (!state)
        return 0;
    const struct chain_state *s = &c->state[state - 1];
    uint32_t k = first_at(c, state, call), found = k;
    for (int looked = 0; k && looked < LOOK; looked++) {
        if (call_failed(&c->calls[chain_at(c, k)->last - 1]))
            return k;
        k = next_at(c, k, call);
    }
    uint32_t expected = chains_expected(c, x->opening);
    if (expected > table_get(&c->wanted, x->opening, BEGUN))
        return 0;
    if (!found && expected && s->owner && !over(c, chain_at(c, s->owner)->last - 1, call))
        found = s->owner;
    return found;
}

/* A compaction call has its instruction merged into the last message and leaves out the last
 * answer, so it goes on from nothing; nor does a call whose request was not seen. */
static uint32_t by_neighbour(struct chains *c, uint32_t group, uint32_t call)
{
    const struct exchange *x = exchange_of(c, call);
    uint32_t k = c->group[group].youngest, found = 0;
    for (int looked = 0; k && looked < LOOK; looked++) {
        const struct chain *chain = chain_at(c, k);
        const struct exchange *a = exchange_of(c, chain->at - 1);
        if (!over(c, chain->last - 1, call)) {
            found = found ? found : k;
            if (request_shares(a, 1, x) == SHARED)
                return k;
        }
        k = chain->older;
    }
    return found;
}

static bool group_of(struct chains *c, const struct exchange *x, uint32_t *group)
{
    uint32_t *place = table_at(&c->groups, x->first, c->by_system ? x->system : 0);
    if (*place == 0) {
        struct chain_group *v = room_for(c->arena, c->group, c->group_n, &c->group_cap, sizeof *v);
        if (!v)
            return false;
        c->group = v;
        v[c->group_n++] = (struct chain_group){0};
        *place = (uint32_t)c->group_n;
    }
    *group = *place - 1;
    return true;
}

/* The chain that went on from its compaction with a summary: a first message not seen before. */
static uint32_t by_summary(struct chains *c, uint32_t group, uint32_t call)
{
    const struct exchange *x = exchange_of(c, call);
    if (!(x->flags & EX_CONTINUED) || c->group[group].chains > 0)
        return 0;
    uint32_t *waiting = table_at(&c->waiting, x->system, 0), k = *waiting;
    *waiting = 0;
    if (k) {
        chain_at(c, k)->continued++;
        c->group[group].chains++;
    }
    return k;
}

/* A repetition comes before a prefix: of a request that has ids of tools in it there are no two, so
 * that another chain, which may still be where this one was, is not the one that goes on. */
static void place(struct chains *c, uint32_t group, uint32_t call)
{
    const struct exchange *x = exchange_of(c, call);
    bool aside = x->kind == CALL_COMPACTION || x->kind == CALL_UNKNOWN;
    uint32_t k = by_answer(c, group, call);
    if (!k && !aside && (k = by_repetition(c, group, call))) {
        join(c, k, group, call);
        put_in_reserve(c, state_of(c, group, x), call);
        return;
    }
    if (!k)
        k = by_prefix(c, group, call);
    if (!k && aside)
        k = by_neighbour(c, group, call);
    if (k && aside) {
        join(c, k, group, call);
        return;
    }
    if (!k)
        k = by_summary(c, group, call);
    if (!k)
        k = begin(c, group, x);
    if (k)
        move_on(c, k, group, call);
}

void chains_add(struct chains *c, uint32_t call)
{
    const struct exchange *x = exchange_of(c, call);
    uint32_t group;
    if (c->arena->failed || !group_of(c, x, &group))
        return;
    place(c, group, call);
    if (x->kind == CALL_COMPACTION && c->by_system)
        *table_at(&c->waiting, x->system, 0) = c->of[call];
    for (uint32_t i = 0; i < x->made_n; i++)
        if (x->made[i].id)
            *table_at(&c->made, x->made[i].id, 0) = call + 1;
}
