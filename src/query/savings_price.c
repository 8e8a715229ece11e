/*
 * What a call would have cost in another way: see savings.h. Prices come from the price book by the
 * same path as real ones. A family says which models stand in for each other, never what one costs.
 */
#include "query/savings_internal.h"

#include <stdio.h>
#include <stdlib.h>

static int64_t rate_of(const struct price_row *row)
{
    return row->base.v[TOKENS_INPUT] + row->base.v[TOKENS_OUTPUT];
}

static struct line_model *find_model(struct savings_prices *p, struct str id)
{
    for (size_t i = 0; i < p->line_n; i++)
        if (str_eq(p->line[i].id, id))
            return &p->line[i];
    return NULL;
}

/* Every model that generates text, once, with the day since when it has been sold. */
static void read_line(struct savings_prices *p, const struct price_book *book)
{
    for (uint32_t i = 0; i < book->rows_n; i++) {
        const struct price_row *row = &book->rows[i];
        bool text = row->base.v[TOKENS_INPUT] > 0 && row->base.v[TOKENS_OUTPUT] > 0;
        if (row->regions.n || row->latency || row->speech || !text)
            continue;
        struct line_model *m = find_model(p, row->head);
        if (!m) {
            m = &p->line[p->line_n++];
            *m = (struct line_model){.id = row->head,
                                     .provider = model_provider(row->head),
                                     .family = model_family(row->head),
                                     .from_day = row->from_day,
                                     .rate = rate_of(row)};
        }
        m->from_day = row->from_day < m->from_day ? row->from_day : m->from_day;
        m->rate = rate_of(row) < m->rate ? rate_of(row) : m->rate;
    }
}

enum status savings_prices_init(struct savings_prices *p, const struct savings_options *o,
                                struct symbols *texts)
{
    const struct price_book *book = pricing_book(o->pricing);
    *p = (struct savings_prices){.pricing = o->pricing, .series = o->series, .texts = texts};
    p->line = calloc(book->rows_n + 1, sizeof *p->line);
    if (!p->line)
        return ERR_NOMEM;
    read_line(p, book);
    return OK;
}

void savings_prices_fini(struct savings_prices *p)
{
    free(p->line);
    free(p->known);
}

static struct str label(const struct savings_prices *p, uint32_t series, enum label id)
{
    struct str text = series_text(p->series, series, id);
    return text.p ? text : STR("");
}

static bool sold(const struct line_model *m, int64_t day)
{
    return m->from_day != DAY_NONE && m->from_day <= day;
}

static bool beats(const struct line_model *m, const struct line_model *best)
{
    return !best || m->from_day > best->from_day ||
           (m->from_day == best->from_day && str_cmp(m->id, best->id) < 0);
}

static const struct line_model *newest_of(const struct savings_prices *p, struct str provider,
                                          struct str family, int64_t day)
{
    const struct line_model *best = NULL;
    for (size_t i = 0; i < p->line_n; i++) {
        const struct line_model *m = &p->line[i];
        if (str_eq(m->provider, provider) && str_eq(m->family, family) && sold(m, day) &&
            beats(m, best))
            best = m;
    }
    return best;
}

static const struct line_model *cheapest_of(const struct savings_prices *p, struct str provider,
                                            int64_t day)
{
    const struct line_model *best = NULL;
    for (size_t i = 0; i < p->line_n; i++) {
        if (!str_eq(p->line[i].provider, provider))
            continue;
        const struct line_model *m = newest_of(p, provider, p->line[i].family, day);
        if (m && (!best || m->rate < best->rate || (m->rate == best->rate && beats(m, best))))
            best = m;
    }
    return best;
}

/* The price book's own name of a model: "anthropic.claude-opus-4-1-20250805". */
static const struct line_model *own_model(const struct savings_prices *p, struct str base)
{
    const struct line_model *best = NULL;
    for (size_t i = 0; i < p->line_n; i++)
        if (str_has_prefix(base, p->line[i].id) && (!best || p->line[i].id.n > best->id.n))
            best = &p->line[i];
    return best;
}

static const struct line_model *other_model(const struct savings_prices *p, struct str base,
                                            enum alternative which, int64_t day)
{
    struct str provider = model_provider(base), family = model_family(base);
    const struct line_model *own = own_model(p, base);
    const struct line_model *m = which == ALTERNATIVE_SMALL ? cheapest_of(p, provider, day)
                                                            : newest_of(p, provider, family, day);
    if (!m || !own || m == own)
        return NULL;
    if (which == ALTERNATIVE_SMALL)
        return str_eq(m->family, family) ? NULL : m;
    return m->from_day > own->from_day ? m : NULL;
}

/* The id by which the other way would be called; false when there is none. */
static bool other_id(const struct savings_prices *p, uint32_t series, enum alternative which,
                     int64_t day, char *out, size_t cap, struct str *model)
{
    struct str base = label(p, series, LABEL_MODEL), scope = label(p, series, LABEL_SCOPE);
    struct str prefix = str_eq(scope, STR("geo"))      ? label(p, series, LABEL_GEO)
                        : str_eq(scope, STR("global")) ? STR("global")
                                                       : STR("");
    *model = base;
    if (base.n == 0)
        return false;
    if (which == ALTERNATIVE_GLOBAL) {
        if (!str_eq(scope, STR("geo")) && !str_eq(scope, STR("in-region")))
            return false;
        prefix = STR("global");
    } else {
        const struct line_model *other = other_model(p, base, which, day);
        if (!other)
            return false;
        *model = other->id;
    }
    int n = snprintf(out, cap, "%.*s%s%.*s", STR_ARG(prefix), prefix.n ? "." : "", STR_ARG(*model));
    return n > 0 && (size_t)n < cap;
}

static enum status find(struct savings_prices *p, const struct invocation *v,
                        enum alternative which, struct alternative_price *a)
{
    char id[512];
    struct str model;
    int64_t day = v->time_us / US_PER_DAY;
    *a = (struct alternative_price){.asked = true};
    /* Which model is newest may change any day. */
    a->match.from_us = day * US_PER_DAY;
    a->match.until_us = (day + 1) * US_PER_DAY;
    if (!other_id(p, v->series, which, day, id, sizeof id, &model))
        return OK;
    const struct price_key key = {
        .account = label(p, v->series, LABEL_ACCOUNT),
        .region = label(p, v->series, LABEL_REGION),
        .model_id = str_from(id),
        .body_model = STR(""),
        .inference_region = STR(""),
        .tier = label(p, v->series, LABEL_TIER),
        .time_us = v->time_us,
    };
    struct price_match m;
    pricing_find(p->pricing, &key, &m);
    a->exists = m.rows == 1 && !m.estimated &&
                (which != ALTERNATIVE_GLOBAL || str_eq(m.scope, STR("global")));
    TRY(symbols_intern(p->texts, model, &a->model));
    int64_t from = a->match.from_us, until = a->match.until_us;
    a->match = m;
    a->match.from_us = from > m.from_us ? from : m.from_us;
    a->match.until_us = until < m.until_us ? until : m.until_us;
    return OK;
}

static enum status remember_up_to(struct savings_prices *p, uint32_t series)
{
    uint32_t n = p->known_n ? p->known_n : 64;
    while (n <= series)
        n = n > UINT32_MAX / 2 ? UINT32_MAX : n * 2;
    void *known = realloc(p->known, n * sizeof *p->known);
    if (!known)
        return ERR_NOMEM;
    p->known = known;
    memset(p->known + p->known_n, 0, (n - p->known_n) * sizeof *p->known);
    p->known_n = n;
    return OK;
}

/* Where the TTL of cache writes is not known, both amounts are bounded, and their difference is
 * smallest at one of the ends. */
static money_sum less_at_least(const struct invocation *v, const struct invocation *other)
{
    money_sum low = savings_cost(v) - savings_cost(other);
    money_sum high = low + v->cost_span - other->cost_span;
    return low < high ? low : high;
}

enum status savings_price(struct savings_prices *p, const struct invocation *v,
                          enum alternative which, money_sum *less, uint32_t *model)
{
    *less = 0;
    if (v->series >= p->known_n)
        TRY(remember_up_to(p, v->series));
    struct alternative_price *a = &p->known[v->series][which];
    if (!a->asked || v->time_us < a->match.from_us || v->time_us >= a->match.until_us)
        TRY(find(p, v, which, a));
    if (!a->exists)
        return OK;
    struct invocation other = *v;
    pricing_apply(&a->match, &other);
    if (other.outcome != OUTCOME_PRICED && other.outcome != OUTCOME_BOUNDED)
        return OK;
    money_sum saved = less_at_least(v, &other);
    *less = saved > 0 ? saved : 0;
    *model = a->model;
    return OK;
}
