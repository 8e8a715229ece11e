/*
 * Which thread each call of a session belongs to, and which calls repeat an earlier one (shared
 * facts, request-bodies 4 and 10). The main thread is what is neither sub-agent nor background,
 * whatever came first; its generations are told apart by their first message. Versions of Claude
 * Code without a mark for sub-agents send them like main calls: there the text tells that an answer
 * started a sub-agent with.
 */
#include "model/session_internal.h"

enum { CLASS_MAIN, CLASS_SUBAGENT, CLASS_APART };
enum { FIRST_SUBAGENT = 1, FIRST_GENERATION = 2 }; /* values of `firsts`; then one per generation */

struct finder {
    struct fold *f;
    struct chains chains;
    struct table firsts; /* of calls that look like main ones, see above */
    struct table apart;  /* background calls and probes: first and purpose to number */
    uint32_t apart_n;
    uint32_t generation; /* the newest of the main thread */
    bool main, unknown;  /* there is such a call */
    uint32_t *apart_of;  /* per call: its thread apart, from 1; 0: none */
};

static const struct exchange *exchange_at(const struct fold *f, size_t call)
{
    return f->calls[call].v.exchange;
}

/* A sub-agent that is not marked as one: begins with words that an answer gave to a sub-agent. */
static bool is_unmarked(const struct finder *d, const struct exchange *x)
{
    return x->kind == CALL_MAIN && !(x->flags & EX_CONTINUED) &&
           chains_expected(&d->chains, x->opening) > 0;
}

static int class_of(struct finder *d, size_t call)
{
    const struct exchange *x = exchange_at(d->f, call);
    struct call_work *w = &d->f->work[call];
    struct session_call *c = &d->f->calls[call];
    c->kind = x->kind;
    if (x->kind == CALL_BACKGROUND || x->kind == CALL_PROBE)
        return CLASS_APART;
    if (x->kind == CALL_SUBAGENT || x->flags & EX_SUBAGENT) {
        c->kind = x->kind == CALL_COMPACTION ? CALL_COMPACTION : CALL_SUBAGENT;
        return CLASS_SUBAGENT;
    }
    if (x->kind == CALL_UNKNOWN) {
        d->unknown = true;
        w->generation = d->generation;
        return CLASS_MAIN;
    }
    uint32_t *first = table_at(&d->firsts, x->first, 0);
    if (*first == 0) {
        if (is_unmarked(d, x))
            *first = FIRST_SUBAGENT;
        else
            *first = FIRST_GENERATION + (d->generation += !!(x->flags & EX_CONTINUED));
    }
    if (*first == FIRST_SUBAGENT) {
        c->kind = x->kind == CALL_MAIN ? CALL_SUBAGENT : x->kind;
        return CLASS_SUBAGENT;
    }
    d->main = true;
    w->generation = *first - FIRST_GENERATION;
    return CLASS_MAIN;
}

static void sort_out(struct finder *d)
{
    struct fold *f = d->f;
    for (uint32_t i = 0; i < f->n && !f->step.failed; i++) {
        const struct exchange *x = exchange_at(f, i);
        int class = class_of(d, i);
        d->apart_of[i] = 0;
        if (class == CLASS_SUBAGENT) {
            chains_add(&d->chains, i);
        } else if (class == CLASS_APART) {
            uint32_t *n = table_at(&d->apart, x->first, (uint64_t)x->kind << 32 | x->purpose);
            if (*n == 0)
                *n = ++d->apart_n;
            d->apart_of[i] = *n;
        }
        chains_expect(&d->chains, i);
    }
}

/* Threads get their numbers in the order of their first calls, after the main one. */
static bool number(struct finder *d)
{
    struct fold *f = d->f;
    size_t most = 1 + d->chains.chain_n + d->apart_n;
    int32_t *of_chain = arena_alloc(&f->step, most * sizeof *of_chain);
    int32_t *of_apart = arena_alloc(&f->step, most * sizeof *of_apart);
    if (!of_chain || !of_apart)
        return false;
    for (size_t i = 0; i < most; i++)
        of_chain[i] = of_apart[i] = SESSION_THREAD_NONE;
    int32_t n = d->main || d->unknown;
    for (size_t i = 0; i < f->n; i++) {
        int32_t *thread = NULL;
        if (d->chains.of[i])
            thread = &of_chain[d->chains.of[i]];
        else if (d->apart_of[i])
            thread = &of_apart[d->apart_of[i]];
        if (thread && *thread == SESSION_THREAD_NONE)
            *thread = n++;
        f->calls[i].thread = thread ? *thread : 0;
    }
    f->s.threads_n = (size_t)n;
    return true;
}

/* The same request once more: as many messages, of which first and last are the same. */
static void mark_retries(struct fold *f)
{
    struct table seen;
    table_init(&seen, f->options->key.k0, &f->step);
    for (uint32_t i = 0; i < f->n; i++) {
        struct session_call *c = &f->calls[i];
        const struct exchange *x = c->v.exchange;
        c->flags = 0;
        if (x->kind == CALL_UNKNOWN || x->recent_n == 0)
            continue;
        uint64_t ends = x->recent[x->recent_n - 1] * UINT64_C(0x9E3779B97F4A7C15) + x->first;
        uint32_t *first = table_at(&seen, ends, (uint64_t)(uint32_t)c->thread << 32 | x->messages);
        if (*first)
            c->flags |= SC_RETRY;
        else
            *first = i + 1;
    }
}

static void open_thread(struct finder *d, size_t call, struct session_thread *t)
{
    const struct exchange *x = exchange_at(d->f, call);
    *t = (struct session_thread){
        .kind = d->f->calls[call].kind,
        .parent = SESSION_THREAD_NONE,
        .generations = 1,
        .first_us = d->f->calls[call].v.time_us,
    };
    if (d->chains.of[call]) {
        t->kind = CALL_SUBAGENT;
        t->depth = 1;
        t->generations += chain_continued(&d->chains, d->chains.of[call]);
    } else if (d->apart_of[call]) {
        t->name = x->purpose;
    } else {
        t->kind = d->main ? CALL_MAIN : CALL_UNKNOWN;
        t->generations += d->generation;
    }
}

static void add_up(struct finder *d)
{
    struct fold *f = d->f;
    for (uint32_t i = 0; i < f->n; i++) {
        struct session_call *c = &f->calls[i];
        struct session_thread *t = &f->threads[c->thread];
        struct thread_work *w = &f->thread[c->thread];
        if (!w->first) {
            open_thread(d, i, t);
            w->first = i + 1;
        }
        f->work[i].before = w->last;
        w->last = i + 1;
        c->context =
            c->v.tokens[TOKENS_INPUT] + c->v.tokens[TOKENS_CACHE_READ] + cache_written(&c->v);
        c->idle_us = f->work[i].before ? c->v.time_us - t->last_us : 0;
        t->last_us = c->v.time_us;
        t->calls++;
        t->turns += !(c->flags & SC_RETRY) && c->kind != CALL_COMPACTION;
        t->cost += call_cost(&c->v);
        if (c->kind != CALL_COMPACTION && c->context > t->peak_context)
            t->peak_context = c->context;
    }
}

void fold_threads(struct fold *f)
{
    struct finder d = {.f = f};
    chains_init(&d.chains, f->calls, f->n, f->options->key.k1, &f->step);
    d.chains.by_system = true;
    table_init(&d.firsts, f->options->key.k0, &f->step);
    table_init(&d.apart, f->options->key.k0, &f->step);
    f->work = arena_alloc(&f->scratch, f->n * sizeof *f->work);
    d.apart_of = arena_alloc(&f->step, f->n * sizeof *d.apart_of);
    if (f->scratch.failed || f->step.failed)
        return;
    memset(f->work, 0, f->n * sizeof *f->work);
    sort_out(&d);
    if (f->step.failed || !number(&d))
        return;
    f->threads = arena_alloc(f->out, f->s.threads_n * sizeof *f->threads);
    f->thread = arena_alloc(&f->scratch, f->s.threads_n * sizeof *f->thread);
    mark_retries(f);
    if (!f->threads || f->scratch.failed || f->step.failed)
        return;
    memset(f->thread, 0, f->s.threads_n * sizeof *f->thread);
    add_up(&d);
    f->s.threads = f->threads;
}
