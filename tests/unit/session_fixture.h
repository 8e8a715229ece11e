/*
 * Sessions made by hand: a conversation is a list of message digests, a call sends what it holds so
 * far. What tests of model/session and query/sessions stand on. All memory is given
 * back by forget_calls, the teardown of the group.
 */
#ifndef ASSAY_TESTS_SESSION_FIXTURE_H
#define ASSAY_TESTS_SESSION_FIXTURE_H

#include "model/session.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { TALK_MAX = 64, USES_MAX = 8, SESSIONS_MAX = 4096 };

static const int64_t SECOND_US = 1000000;

struct talk {
    uint64_t message[TALK_MAX];
    uint32_t n;
    uint64_t system;
};

/* A call and what it borrows. */
struct made_call {
    struct exchange x;
    struct tool_use made[USES_MAX], earlier[USES_MAX];
};

struct made_calls {
    struct session_call *v;
    size_t n, cap;
};

/* Lives as long as the test program. */
static inline struct arena *arena_of_calls(void)
{
    static struct arena arena;
    return &arena;
}

static inline void say(struct talk *t, uint64_t message)
{
    assert_true(t->n < TALK_MAX);
    t->message[t->n++] = message;
}

static inline void fill_request(struct exchange *x, const struct talk *t)
{
    x->messages = t->n;
    x->first = t->n ? t->message[0] : 0;
    x->opening = t->n ? t->message[0] * 31 : 0;
    x->system = t->system;
    x->recent_n = t->n < EXCHANGE_RECENT ? t->n : EXCHANGE_RECENT;
    for (uint32_t i = 0; i < x->recent_n; i++)
        x->recent[i] = t->message[t->n - x->recent_n + i];
    x->flags |= t->n > 1 ? EX_HISTORY : 0;
}

/* The opening of a sub-agent whose first message is this. */
static inline uint64_t prompt_of(uint64_t message)
{
    return message * 31;
}

static inline struct session_call *add_call(struct made_calls *c, int64_t second,
                                            enum call_kind kind, const struct talk *t)
{
    struct arena *arena = arena_of_calls();
    if (c->n == c->cap) {
        struct session_call *more = arena_alloc(arena, (c->cap * 2 + 16) * sizeof *more);
        assert_non_null(more);
        if (c->n)
            memcpy(more, c->v, c->n * sizeof *more);
        c->v = more;
        c->cap = c->cap * 2 + 16;
    }
    struct made_call *made = arena_alloc(arena, sizeof *made);
    assert_non_null(made);
    memset(made, 0, sizeof *made);
    struct exchange *x = &made->x;
    *x = (struct exchange){.session = STR("0198-id"), .kind = (uint8_t)kind};
    if (t)
        fill_request(x, t);
    x->flags |= kind == CALL_SUBAGENT ? EX_SUBAGENT : 0;
    x->made = made->made;
    x->earlier = made->earlier;
    struct session_call *call = &c->v[c->n++];
    *call = (struct session_call){.thread = 99, .flags = 99};
    call->v = (struct invocation){.time_us = second * SECOND_US,
                                  .key = {c->n, c->n * 7},
                                  .content = 0x1000 + c->n,
                                  .exchange = x,
                                  .session = 5};
    return call;
}

/* Exchanges are const for the fold only. */
static inline struct exchange *exchange_in(struct session_call *c)
{
    union {
        const struct exchange *seen;
        struct exchange *mine;
    } x = {.seen = c->v.exchange};
    return x.mine;
}

static inline struct tool_use *list_in(const struct tool_use *list)
{
    union {
        const struct tool_use *seen;
        struct tool_use *mine;
    } v = {.seen = list};
    return v.mine;
}

static inline void makes(struct session_call *c, struct tool_use use)
{
    struct exchange *x = exchange_in(c);
    assert_true(x->made_n < USES_MAX);
    list_in(x->made)[x->made_n++] = use;
}

static inline void tells(struct session_call *c, struct tool_use use)
{
    struct exchange *x = exchange_in(c);
    assert_true(x->earlier_n < USES_MAX);
    list_in(x->earlier)[x->earlier_n++] = use;
}

static inline struct tool_use tool(uint64_t id, uint32_t name, uint64_t input)
{
    return (struct tool_use){.id = id, .input = input, .name = name, .kind = TOOL_BUILTIN};
}

static inline struct tool_use agent(uint64_t id, uint32_t name, uint64_t first_message)
{
    return (struct tool_use){
        .id = id, .input = prompt_of(first_message), .name = name, .kind = TOOL_AGENT};
}

static inline struct tool_use result(struct tool_use use, bool error)
{
    use.answered = true;
    use.error = error;
    return use;
}

/* Sessions that a fold has handed out; good until the next. */
struct folded {
    struct session v[SESSIONS_MAX];
    size_t n;
    struct arena arena;
};

static inline enum status keep_session(void *ctx, const struct session *s)
{
    struct folded *f = ctx;
    assert_true(f->n < SESSIONS_MAX);
    f->v[f->n++] = *s;
    return OK;
}

static inline int by_session_id(const void *a, const void *b)
{
    const struct session *x = a, *y = b;
    return str_cmp(x->id, y->id);
}

static inline struct folded *folded_calls(void)
{
    static struct folded f;
    return &f;
}

static inline int forget_calls(void **state)
{
    (void)state;
    arena_fini(arena_of_calls());
    arena_fini(&folded_calls()->arena);
    return 0;
}

static inline struct folded *fold_with(struct made_calls *c, const struct session_options *options)
{
    struct folded *f = folded_calls();
    struct err err = {0};
    arena_fini(&f->arena);
    f->n = 0;
    enum status status = session_fold(c->v, c->n, options, &f->arena, keep_session, f, &err);
    if (status != OK)
        fail_msg("fold: %s", err.text);
    qsort(f->v, f->n, sizeof *f->v, by_session_id);
    return f;
}

static inline struct folded *fold_all(struct made_calls *c)
{
    const struct session_options options = {.key = {3, 4}};
    return fold_with(c, &options);
}

/* The only session of the calls. */
static inline const struct session *fold_one_of(struct made_calls *c)
{
    struct folded *f = fold_all(c);
    assert_int_equal(f->n, 1);
    return &f->v[0];
}

static inline void mix(uint64_t *h, const void *bytes, size_t n)
{
    *h ^= hash64((struct hash_key){*h, n}, bytes, n);
    *h *= UINT64_C(0x9E3779B97F4A7C15);
}

/* A number for all that a session says. */
static inline uint64_t session_digest(const struct session *s)
{
    uint64_t h = 1;
    const int64_t numbers[] = {s->prompts,       s->turns,         s->retries,
                               s->compactions,   s->tool_calls,    s->tool_errors,
                               s->agents,        s->fan_out,       s->depth,
                               s->peak_context,  s->first_context, s->loop,
                               s->cold_restarts, s->active_us,     (int64_t)s->cold_excess,
                               (int64_t)s->cost, s->seen_whole,    s->requests_per_minute};
    mix(&h, s->id.p, s->id.n);
    mix(&h, numbers, sizeof numbers);
    for (size_t k = 0; k < s->calls_n; k++) {
        const struct session_call *c = &s->calls[k];
        const int64_t v[] = {c->thread, c->flags, (int64_t)c->v.key.hi, c->cold_cost};
        mix(&h, v, sizeof v);
    }
    for (size_t k = 0; k < s->threads_n; k++) {
        const struct session_thread *t = &s->threads[k];
        const int64_t v[] = {t->kind, t->parent, t->depth, t->name, t->generations, t->calls};
        mix(&h, v, sizeof v);
    }
    for (size_t k = 0; k < s->uses_n; k++) {
        const struct session_use *u = &s->uses[k];
        const int64_t v[] = {u->name, u->kind, u->error, u->call, (int64_t)u->input};
        mix(&h, v, sizeof v);
    }
    return h;
}

#endif
