/* What the calls of a session add up to, thread by thread worked out already (shared facts,
 * request-bodies 8 and 11). */
#include "model/session_internal.h"

#include "base/clock.h"

static const int64_t IDLE_US = 300 * INT64_C(1000000);  /* longer gaps are not activity */
static const int64_t MINUTE_US = 60 * INT64_C(1000000); /* of requests_per_minute */

/* Prompts are counted where they are new: at the end of a main call's request. */
static bool may_prompt(const struct fold *f, size_t call)
{
    return f->calls[call].kind == CALL_MAIN && !(f->calls[call].flags & SC_RETRY);
}

/* What the first request of a generation tells of in a piece that is not the first of its session:
 * earlier pieces counted it. */
static int64_t told_before(const struct fold *f, const struct exchange *x)
{
    return f->s.continued && x->history_prompts > x->prompts ? x->history_prompts - x->prompts : 0;
}

/* Per generation of the main thread: a later request repeats the prompts of calls that were not
 * seen. What was not seen and no later request tells of may have had any number. */
static void count_prompts(struct fold *f)
{
    struct session *s = &f->s;
    size_t n = s->threads_n ? f->threads[0].generations : 1;
    int64_t *sum = arena_alloc(&f->step, n * sizeof *sum);
    bool *begun = arena_alloc(&f->step, n * sizeof *begun);
    if (!sum || !begun)
        return;
    memset(sum, 0, n * sizeof *sum);
    memset(begun, 0, n * sizeof *begun);
    bool untold = false;
    for (size_t i = 0; i < f->n; i++) {
        struct session_call *c = &f->calls[i];
        const struct exchange *x = c->v.exchange;
        c->prompts = may_prompt(f, i) ? x->prompts : 0;
        if (!may_prompt(f, i)) {
            untold = untold || (x->kind == CALL_UNKNOWN && !call_failed(c));
            continue;
        }
        untold = false;
        uint32_t generation = f->work[i].generation;
        int64_t *known = &sum[generation];
        if (!begun[generation]) {
            *known = told_before(f, x);
            s->prompts -= *known;
        }
        begun[generation] = true;
        *known += x->prompts;
        s->interrupts += x->interrupts;
        if (x->history_prompts > *known) {
            *known = x->history_prompts;
            s->prompts_at_least = true;
        }
    }
    s->prompts_at_least = s->prompts_at_least || untold;
    for (size_t i = 0; i < n; i++)
        s->prompts += sum[i];
}

static void count_call(struct fold *f, size_t call)
{
    struct session *s = &f->s;
    const struct session_call *c = &f->calls[call];
    int kind = c->kind;
    money_sum cost = call_cost(&c->v);
    bool retry = c->flags & SC_RETRY;
    s->requests_seen += kind != CALL_UNKNOWN;
    s->retries += retry;
    s->turns += kind == CALL_MAIN && !retry;
    s->compactions += kind == CALL_COMPACTION && !retry;
    s->cost += cost;
    s->cost_kind[kind] += cost;
    s->cost_retries += retry ? cost : 0;
    int64_t gap = c->v.time_us - (call > 0 ? f->calls[call - 1].v.time_us : s->before_us);
    s->active_us += gap < IDLE_US ? gap : IDLE_US;
    /* What has no body counts as the main thread's, to which it is attached. */
    if ((kind == CALL_MAIN || kind == CALL_UNKNOWN) && c->context > s->peak_context)
        s->peak_context = c->context;
}

/* The first request of the main thread that was answered, unless it goes on from something that was
 * not seen. It may be a retry of what was throttled: that had no answer to go on from. */
static void find_first(struct fold *f)
{
    for (size_t i = 0; i < f->n && !f->s.continued; i++) {
        struct session_call *c = &f->calls[i];
        if (c->kind != CALL_MAIN)
            continue;
        if (c->v.exchange->flags & (EX_HISTORY | EX_CONTINUED))
            return;
        if (call_failed(c))
            continue;
        c->flags |= SC_FIRST;
        f->s.seen_whole = true;
        f->s.first_context = c->context;
        return;
    }
}

static int64_t busiest_minute(const struct fold *f)
{
    size_t most = 0;
    for (size_t from = 0, to = 0; to < f->n; to++) {
        while (f->calls[to].v.time_us - f->calls[from].v.time_us >= MINUTE_US)
            from++;
        most = to - from + 1 > most ? to - from + 1 : most;
    }
    return (int64_t)most;
}

void fold_measures(struct fold *f)
{
    f->s.first_us = f->s.before_us = f->calls[0].v.time_us;
    if (f->s.continued)
        f->s.before_us = f->options->before->last_us;
    count_prompts(f);
    for (size_t i = 0; i < f->n; i++)
        count_call(f, i);
    find_first(f);
    f->s.last_us = f->calls[f->n - 1].v.time_us;
    f->s.requests_per_minute = busiest_minute(f);
}

void session_share(int64_t total, const uint32_t part[PARTS], int64_t share[PARTS])
{
    int64_t bytes = 0, left = total;
    bool given[PARTS] = {false};
    money_sum rest[PARTS] = {0};
    memset(share, 0, PARTS * sizeof *share);
    for (int i = 0; i < PARTS; i++)
        bytes += part[i];
    if (bytes == 0) { /* nothing says whose it is */
        share[0] = total;
        return;
    }
    for (int i = 0; i < PARTS; i++) {
        money_sum product = (money_sum)total * part[i];
        share[i] = (int64_t)(product / bytes);
        rest[i] = product % bytes;
        left -= share[i];
    }
    for (; left > 0; left--) {
        int most = -1;
        for (int i = 0; i < PARTS; i++)
            if (!given[i] && (most < 0 || rest[i] > rest[most]))
                most = i;
        given[most] = true;
        share[most]++;
    }
}
