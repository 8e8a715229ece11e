/*
 * Uses of tools, each once: from the answers that made them, and where an answer was not seen, from
 * the request that came after it (shared facts, request-bodies 11). And which of them started which
 * sub-agent: the sub-agent's first words are the use's input.
 */
#include "model/session_internal.h"

#include <stdlib.h>

struct found {
    struct session_use use;
    uint32_t since; /* last call before it was made, from 1; 0: not known */
    uint32_t order; /* within the call: what the request quotes, then what the answer made */
};

enum { OF_ANSWER = 1 << 16 }; /* of `order` */
_Static_assert((int)EXCHANGE_USES < (int)OF_ANSWER, "the order of uses within a call");

struct gatherer {
    struct fold *f;
    struct table by_id;
    struct found *found;
    size_t n, cap;
};

/* Appends a use unless there is one with its id; returns its number from 1, 0 without memory. */
static uint32_t gather(struct gatherer *g, const struct tool_use *u, uint32_t call, uint32_t since,
                       uint32_t order)
{
    uint32_t none = 0, *place = u->id ? table_at(&g->by_id, u->id, 0) : &none;
    if (*place)
        return *place;
    struct found *v = room_for(&g->f->step, g->found, g->n, &g->cap, sizeof *v);
    if (!v)
        return 0;
    g->found = v;
    v[g->n++] = (struct found){
        .use = {.server = u->server,
                .name = u->name,
                .kind = u->kind,
                .call = call,
                .input = u->input},
        .since = since,
        .order = order,
    };
    return *place = (uint32_t)g->n;
}

static int compare_ids(const void *pa, const void *pb)
{
    const uint64_t *a = pa, *b = pb;
    return (*a > *b) - (*a < *b);
}

/* It was counted in an earlier piece of the session. */
static bool was_counted(const struct fold *f, uint64_t id)
{
    const struct session_before *before = f->options->before;
    return before && before->uses_n > 0 &&
           bsearch(&id, before->uses, before->uses_n, sizeof id, compare_ids);
}

/* What the request tells of an earlier answer's uses: how they ended, or that they were. */
static void gather_earlier(struct gatherer *g, uint32_t call)
{
    const struct session_call *c = &g->f->calls[call];
    const struct exchange *x = c->v.exchange;
    if (c->flags & SC_RETRY)
        return;
    for (uint32_t i = 0; i < x->earlier_n; i++) {
        const struct tool_use *u = &x->earlier[i];
        if (u->kind == TOOL_COMMAND || u->id == 0 || /* without an id it may be counted already */
            was_counted(g->f, u->id))
            continue;
        uint32_t at = gather(g, u, call, g->f->work[call].before, i);
        if (at) {
            struct session_use *use = &g->found[at - 1].use;
            use->answered |= u->answered;
            use->error |= u->error;
        }
    }
}

static int by_call(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->use.call != y->use.call)
        return x->use.call < y->use.call ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Counters that follow the order: fan-out per answer, loops per thread. */
static void count_uses(struct fold *f, const struct found *found, size_t n)
{
    struct session *s = &f->s;
    int64_t started = 0;
    s->loop = 1;
    for (size_t i = 0; i < n; i++) {
        const struct session_use *u = &found[i].use;
        struct thread_work *t = &f->thread[f->calls[u->call].thread];
        bool same_answer = i > 0 && found[i - 1].use.call == u->call &&
                           found[i - 1].order / OF_ANSWER == found[i].order / OF_ANSWER;
        started = (same_answer ? started : 0) + (u->kind == TOOL_AGENT);
        s->fan_out = started > s->fan_out ? started : s->fan_out;
        s->agents += u->kind == TOOL_AGENT;
        s->tool_errors += u->error;
        const struct session_use *last = t->use ? &found[t->use - 1].use : NULL;
        bool again = last && u->input && last->input == u->input && last->name == u->name &&
                     last->server == u->server && last->kind == u->kind;
        t->run = again ? t->run + 1 : 1;
        t->use = (uint32_t)i + 1;
        s->loop = t->run > s->loop ? t->run : s->loop;
    }
    s->tool_calls = (int64_t)n;
}

void fold_uses(struct fold *f)
{
    struct gatherer g = {.f = f};
    table_init(&g.by_id, f->options->key.k1, &f->step);
    for (uint32_t i = 0; i < f->n; i++) {
        const struct exchange *x = f->calls[i].v.exchange;
        for (uint32_t k = 0; k < x->made_n; k++)
            if (x->made[k].kind != TOOL_COMMAND)
                gather(&g, &x->made[k], i, i + 1, OF_ANSWER + k);
    }
    for (uint32_t i = 0; i < f->n; i++)
        gather_earlier(&g, i);
    struct session_use *uses = arena_alloc(f->out, g.n * sizeof *uses);
    f->since = arena_alloc(&f->scratch, g.n * sizeof *f->since);
    if (!uses || f->scratch.failed || f->step.failed)
        return;
    if (g.n)
        qsort(g.found, g.n, sizeof *g.found, by_call);
    for (size_t i = 0; i < g.n; i++) {
        uses[i] = g.found[i].use;
        f->since[i] = g.found[i].since;
    }
    f->s.uses = uses;
    f->s.uses_n = g.n;
    count_uses(f, g.found, g.n);
}

/*
 * The use that started a sub-agent: the earliest with its words that no other sub-agent has taken,
 * and that was made before its first call; when all are taken, the last one of them.
 */
static uint32_t take_start(struct fold *f, struct table *starts, const uint32_t *next,
                           uint64_t opening, uint32_t first)
{
    uint32_t head = table_get(starts, opening, 0);
    if (!head || f->since[head - 1] > first)
        return table_get(starts, opening, 1);
    *table_at(starts, opening, 0) = next[head - 1];
    *table_at(starts, opening, 1) = head;
    return head;
}

/* A use by a thread of which no earlier call was seen: it is not known when it was made, but the
 * main thread was there before any sub-agent. */
static bool is_dated(const struct fold *f, size_t use)
{
    int32_t thread = f->calls[f->s.uses[use].call].thread;
    return f->since[use] || f->threads[thread].kind == CALL_MAIN;
}

void fold_parents(struct fold *f)
{
    struct table starts;
    uint32_t *next = arena_alloc(&f->step, f->s.uses_n * sizeof *next);
    table_init(&starts, f->options->key.k0, &f->step);
    if (!next)
        return;
    for (size_t i = f->s.uses_n; i-- > 0;) {
        const struct session_use *u = &f->s.uses[i];
        if (u->kind != TOOL_AGENT || !u->input || !is_dated(f, i))
            continue;
        uint32_t *head = table_at(&starts, u->input, 0);
        next[i] = *head;
        *head = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < f->s.threads_n && !f->step.failed; i++) {
        struct session_thread *t = &f->threads[i];
        uint32_t first = f->thread[i].first - 1;
        uint64_t opening = f->calls[first].v.exchange->opening;
        if (t->kind != CALL_SUBAGENT)
            continue;
        uint32_t use = opening ? take_start(f, &starts, next, opening, first) : 0;
        if (use) {
            t->parent = f->calls[f->s.uses[use - 1].call].thread;
            t->name = f->s.uses[use - 1].name;
            t->depth = f->threads[t->parent].depth + 1;
        }
        f->s.depth = t->depth > f->s.depth ? t->depth : f->s.depth;
    }
}
