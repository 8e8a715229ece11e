/*
 * From calls to sessions: see session.h. Calls are put in order, cut into sessions by their id or,
 * where clients give none, into chains of requests; then each session is worked out in steps that
 * have files of their own: threads, uses, measures, cache. What they need meanwhile lies in arenas
 * that are emptied after each step and after each session.
 */
#include "model/session_internal.h"

#include <stdlib.h>

static const int64_t HOUR_US = 3600 * INT64_C(1000000);

int64_t session_window_us(const struct session_options *options)
{
    return options->window_us ? options->window_us : HOUR_US;
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/*
 * Logs tell whole seconds, and a client may make several calls in one. Among these a main call
 * comes before what it starts, what failed before what repeats it, and the shorter request before
 * the one that goes on from it. `content` is the same in every process, as the key is not.
 */
static int by_time(const void *a, const void *b)
{
    const struct session_call *p = a, *q = b;
    const struct invocation *x = &p->v, *y = &q->v;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    int order =
        compare((uint8_t)(x->exchange->kind - CALL_MAIN), (uint8_t)(y->exchange->kind - CALL_MAIN));
    order = order ? order : compare(x->exchange->messages, y->exchange->messages);
    order = order ? order : compare(!call_failed(p), !call_failed(q));
    order = order ? order : compare(x->content, y->content);
    order = order ? order : compare(x->key.hi, y->key.hi);
    return order ? order : compare(x->key.lo, y->key.lo);
}

static int by_id(const void *a, const void *b)
{
    const struct session_call *x = a, *y = b;
    int order = str_cmp(x->v.exchange->session, y->v.exchange->session);
    return order ? order : by_time(a, b);
}

/* One session; `calls` are all its calls in the order of time. */
static enum status fold_one(struct fold *f, struct session_call *calls, size_t n, struct str id,
                            bool inferred, enum status (*each)(void *ctx, const struct session *s),
                            void *ctx, struct err *err)
{
    static void (*const steps[])(struct fold *) = {fold_threads, fold_uses, fold_parents,
                                                   fold_measures, fold_cache};
    f->calls = calls;
    f->n = n;
    f->s = (struct session){
        .id = id,
        .inferred = inferred,
        .continued = !inferred && f->options->before,
        .calls = calls,
        .calls_n = n,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        steps[i](f);
        if (f->step.failed || f->scratch.failed || f->out->failed)
            return err_nomem(err);
        arena_reset(&f->step);
    }
    arena_reset(&f->scratch);
    enum status status = each(ctx, &f->s);
    return status == OK ? OK : err_set(err, status, "%s", status_text(status));
}

static struct str name_of(const struct session_call *first, struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    enum { DIGITS = 16 };
    char *p = arena_alloc(arena, 1 + DIGITS);
    if (!p)
        return STR_NONE;
    /* Two calls may say the same, at other times. */
    uint64_t name = first->v.content ^ (uint64_t)first->v.time_us * UINT64_C(0x9E3779B97F4A7C15);
    p[0] = '~';
    for (int i = 0; i < DIGITS; i++)
        p[1 + i] = digits[name >> (60 - 4 * i) & 15];
    return str_of(p, 1 + DIGITS);
}

/* Moves each call to its place; the places are used up. */
static void move(struct session_call *calls, uint32_t *place, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        while (place[i] != i) {
            uint32_t to = place[i];
            struct session_call call = calls[to];
            calls[to] = calls[i];
            calls[i] = call;
            place[i] = place[to];
            place[to] = to;
        }
}

/* Cuts calls without a session id into chains: start[k] .. start[k+1] of `calls` are one of the
 * *chains_n chains, each in the order of time. ERR_NOMEM. */
static enum status cut(struct session_call *calls, size_t n, const struct session_options *options,
                       struct arena *step, struct arena *scratch, uint32_t **start,
                       size_t *chains_n)
{
    struct chains c;
    chains_init(&c, calls, n, options->key.k1, step);
    c.window_us = session_window_us(options);
    for (uint32_t i = 0; i < n && !step->failed; i++)
        chains_add(&c, i);
    uint32_t *at = arena_alloc(scratch, (c.chain_n + 2) * sizeof *at);
    if (step->failed || scratch->failed)
        return ERR_NOMEM;
    memset(at, 0, (c.chain_n + 2) * sizeof *at);
    for (size_t i = 0; i < n; i++)
        at[c.of[i] + 1]++;
    for (size_t k = 1; k < c.chain_n + 2; k++)
        at[k] += at[k - 1];
    for (size_t i = 0; i < n; i++)
        c.of[i] = at[c.of[i]]++;
    move(calls, c.of, (uint32_t)n);
    arena_reset(step);
    /* Each has moved on to where the next begins; nothing is in chain 0. */
    *start = at;
    *chains_n = c.chain_n;
    return OK;
}

static enum status fold_chains(struct fold *f, struct session_call *calls, size_t n,
                               enum status (*each)(void *ctx, const struct session *s), void *ctx,
                               struct err *err)
{
    struct arena cuts;
    uint32_t *start;
    size_t chains_n;
    arena_init(&cuts);
    enum status status = cut(calls, n, f->options, &f->step, &cuts, &start, &chains_n);
    if (status != OK)
        err_nomem(err);
    for (size_t k = 0; status == OK && k < chains_n; k++) {
        struct session_call *first = &calls[start[k]];
        size_t calls_n = start[k + 1] - start[k];
        if (calls_n > 0)
            status = fold_one(f, first, calls_n, name_of(first, f->out), true, each, ctx, err);
    }
    arena_fini(&cuts);
    return status;
}

enum status session_fold(struct session_call *calls, size_t n,
                         const struct session_options *options, struct arena *arena,
                         enum status (*each)(void *ctx, const struct session *s), void *ctx,
                         struct err *err)
{
    struct fold f = {.options = options, .out = arena};
    enum status status = OK;
    if (n >= INT32_MAX)
        return err_set(err, ERR_LIMIT, "a session has too many calls");
    if (n > 0)
        qsort(calls, n, sizeof *calls, by_id);
    arena_init(&f.scratch);
    arena_init(&f.step);
    for (size_t from = 0, to; status == OK && from < n; from = to) {
        struct str id = calls[from].v.exchange->session;
        for (to = from + 1; to < n && str_eq(calls[to].v.exchange->session, id);)
            to++;
        if (id.n > 0)
            status = fold_one(&f, &calls[from], to - from, id, false, each, ctx, err);
        else
            status = fold_chains(&f, &calls[from], to - from, each, ctx, err);
    }
    arena_fini(&f.scratch);
    arena_fini(&f.step);
    return status;
}

bool session_is_stray(const struct session *s)
{
    return s->inferred && s->calls_n == 1 && !(s->calls[0].v.exchange->flags & EX_RECOGNISED);
}
