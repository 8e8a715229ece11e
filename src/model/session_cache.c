/*
 * Cold restarts: a thread paused for longer than its cache lives, so the next call wrote again what
 * the call before had in the cache. What that cost, and how much more than reading it.
 */
#include "model/session_internal.h"

#include "base/clock.h"

static const int64_t SHORT_US = 300 * INT64_C(1000000);
static const int64_t LONG_US = 3600 * INT64_C(1000000);
enum { LEAST_PREFIX = 1024 }; /* tokens; Bedrock caches nothing shorter */

/* Per model the first call that read from the cache at a price. */
struct rates {
    struct table by_model;
};

static uint32_t model_of(const struct fold *f, const struct session_call *c)
{
    const struct series *series = f->options->series;
    return series ? series_labels(series, c->v.series)->v[LABEL_MODEL] : c->v.series;
}

static void find_rates(struct fold *f, struct rates *r)
{
    table_init(&r->by_model, f->options->key.k0, &f->step);
    for (uint32_t i = 0; i < f->n; i++) {
        const struct session_call *c = &f->calls[i];
        if (c->v.tokens[TOKENS_CACHE_READ] <= 0 || c->v.cost[TOKENS_CACHE_READ] <= 0)
            continue;
        uint32_t *first = table_at(&r->by_model, model_of(f, c), 0);
        if (*first == 0)
            *first = i + 1;
    }
}

/* What reading the tokens would have cost; without a price of the session's own by Anthropic's
 * ratios: reading is 0.1 of the input price, writing 1.25 (5 minutes) or 2 (1 hour). */
static int64_t price_of_reading(struct fold *f, const struct rates *r, const struct session_call *c)
{
    int64_t price = 0;
    uint32_t from = table_get(&r->by_model, model_of(f, c), 0);
    if (from) {
        const struct invocation *v = &f->calls[from - 1].v;
        if (money_scale(v->cost[TOKENS_CACHE_READ], c->cold_tokens, v->tokens[TOKENS_CACHE_READ],
                        &price))
            return price;
    }
    int percent = c->v.tokens[TOKENS_CACHE_WRITE_1H] > 0 ? 5 : 8;
    return money_scale(c->cold_cost, percent, 100, &price) ? price : 0;
}

static bool is_cold(const struct session_call *before, const struct session_call *c, int64_t ttl_us)
{
    int64_t prefix = before->v.tokens[TOKENS_CACHE_READ] + cache_written(&before->v);
    return c->v.time_us - before->v.time_us > ttl_us && prefix >= LEAST_PREFIX &&
           c->v.tokens[TOKENS_CACHE_READ] < prefix - prefix / 2 &&
           cache_written(&c->v) >= prefix - prefix / 2;
}

static void take_cold(struct fold *f, const struct rates *r, const struct session_call *before,
                      struct session_call *c)
{
    int64_t written = cache_written(&c->v), cost;
    int64_t lost = before->v.tokens[TOKENS_CACHE_READ] + cache_written(&before->v) -
                   c->v.tokens[TOKENS_CACHE_READ];
    c->flags |= SC_COLD;
    c->cold_tokens = lost < written ? lost : written;
    cost = c->v.cost[TOKENS_CACHE_WRITE_5M] + c->v.cost[TOKENS_CACHE_WRITE_1H] +
           c->v.cost[TOKENS_CACHE_WRITE_UNKNOWN];
    if (!money_scale(cost, c->cold_tokens, written, &c->cold_cost))
        c->cold_cost = cost; /* cannot be: tokens are not more than were written */
    c->cold_excess = c->cold_cost - price_of_reading(f, r, c);
    f->s.cold_restarts++;
    f->s.cold_cost += c->cold_cost;
    f->s.cold_excess += c->cold_excess;
}

void fold_cache(struct fold *f)
{
    struct rates rates;
    find_rates(f, &rates);
    for (uint32_t i = 0; i < f->n; i++) {
        struct session_call *c = &f->calls[i];
        struct thread_work *t = &f->thread[c->thread];
        const struct session_call *before = t->good ? &f->calls[t->good - 1] : NULL;
        c->cold_tokens = c->cold_cost = c->cold_excess = 0;
        if (before && is_cold(before, c, t->hour ? LONG_US : SHORT_US))
            take_cold(f, &rates, before, c);
        if (c->flags & SC_RETRY)
            continue;
        if (cache_written(&c->v) > 0)
            t->wrote_hour = c->v.tokens[TOKENS_CACHE_WRITE_1H] > 0;
        if (call_failed(c))
            continue;
        t->good = i + 1;
        t->hour = t->wrote_hour;
    }
}
