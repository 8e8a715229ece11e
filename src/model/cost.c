/*
 * Tokens times rates: see cost.h and pricing_apply in pricing.h. Amounts are exact; the one place
 * that rounds is the sum of a record times tier factor and discount (price facts, section 10).
 */
#include "model/cost.h"

#include "model/pricing.h"

static const char *const outcome_names[] = {
#define OUTCOME_NAME(id, name, text) name,
    OUTCOME_MAP(OUTCOME_NAME)
#undef OUTCOME_NAME
};

const char *outcome_name(enum outcome outcome)
{
    size_t i = (size_t)outcome;
    return i < sizeof outcome_names / sizeof outcome_names[0] ? outcome_names[i] : "";
}

static struct str no_rate(int class)
{
    static const char *const reasons[] = {
#define NO_RATE(id, name, text) "no price for " text,
        TOKEN_MAP(NO_RATE)
#undef NO_RATE
    };
    return str_from(reasons[class]);
}

/* Products of the tokens of one record with the rates of one row. */
struct priced {
    money_sum class[TOKEN_CLASSES]; /* the low end */
    money_sum low, high;
    bool has_rate[TOKEN_CLASSES];
    bool one_hour_missing; /* unsplit writes, and no figure for the high end */
};

static int64_t tokens_of(const struct invocation *v, int class)
{
    return v->tokens[class] > 0 ? v->tokens[class] : 0;
}

/* Uncached input, cache reads and all writes; output does not count (price facts, 5.1). */
static bool is_long(const struct price_row_view *row, const struct invocation *v)
{
    money_sum size = 0;
    for (int c = 0; c < TOKEN_CLASSES; c++)
        if (c != TOKENS_OUTPUT)
            size += tokens_of(v, c);
    return row->threshold > 0 && size > row->threshold;
}

/* An unsplit write counter: all 5-minute at the low end, all 1-hour at the high end. Where 1 hour
 * is not sold it is exactly 5-minute; where its rate is not known there is a low end only. */
static void price_unsplit(const struct price_row_view *row, const struct rates *rates,
                          int64_t tokens, struct priced *out)
{
    int64_t low = rates->v[TOKENS_CACHE_WRITE_5M], high = rates->v[TOKENS_CACHE_WRITE_1H];
    if (low == RATE_NONE || tokens == 0)
        return;
    if (row->one_hour_not_sold)
        high = low;
    out->one_hour_missing = high == RATE_NONE;
    if (high == RATE_NONE)
        high = low;
    if (high < low) {
        int64_t swap = low;
        low = high;
        high = swap;
    }
    out->has_rate[TOKENS_CACHE_WRITE_UNKNOWN] = true;
    out->class[TOKENS_CACHE_WRITE_UNKNOWN] = (money_sum)tokens * low;
    out->low += (money_sum)tokens * low;
    out->high += (money_sum)tokens * high;
}

static void price_by_row(const struct price_row_view *row, const struct invocation *v,
                         struct priced *out)
{
    const struct rates *rates = is_long(row, v) ? &row->over : &row->base;
    *out = (struct priced){0};
    for (int c = 0; c < TOKEN_CLASSES; c++) {
        if (c == TOKENS_CACHE_WRITE_UNKNOWN || rates->v[c] == RATE_NONE)
            continue;
        out->has_rate[c] = true;
        out->class[c] = (money_sum)tokens_of(v, c) * rates->v[c];
        out->low += out->class[c];
        out->high += out->class[c];
    }
    price_unsplit(row, rates, tokens_of(v, TOKENS_CACHE_WRITE_UNKNOWN), out);
}

/* A class that only the other row has a rate for takes that one, so that the two sums speak of the
 * same tokens. */
static void fill_holes(struct priced *a, const struct priced *b)
{
    for (int c = 0; c < TOKEN_CLASSES; c++) {
        if (a->has_rate[c] || !b->has_rate[c])
            continue;
        a->has_rate[c] = true;
        a->class[c] = b->class[c];
        a->low += b->class[c];
        a->high += b->class[c];
    }
}

/* Both rows made one: the classes of the cheaper, the high end of the dearer. */
static struct priced price_by_both(const struct price_match *m, const struct invocation *v)
{
    struct priced a, b;
    price_by_row(&m->row[0], v, &a);
    if (m->rows < 2)
        return a;
    price_by_row(&m->row[1], v, &b);
    fill_holes(&a, &b);
    fill_holes(&b, &a);
    struct priced low = b.low < a.low ? b : a;
    low.high = a.high > b.high ? a.high : b.high;
    return low;
}

static bool scale(money_sum amount, int64_t num, int64_t den, int64_t *out)
{
    if (amount > INT64_MAX)
        return false;
    *out = (int64_t)amount;
    return num == den || money_scale((int64_t)amount, num, den, out); /* the usual case is quick */
}

/* Writes the amounts; false when they do not fit, which only made-up counts reach. Each class gets
 * the difference of two rounded running sums, so the classes add up to the record's one rounding.
 */
static bool write_amounts(const struct price_match *m, const struct priced *sum,
                          struct invocation *v)
{
    /* At most 7/4 of DISCOUNT_ALL: both products fit 64 bits. */
    int64_t num = m->factor_num * m->remaining, den = m->factor_den * DISCOUNT_ALL;
    int64_t list, high, before = 0, now;
    int64_t cost[TOKEN_CLASSES];
    money_sum running = 0;
    if (!scale(sum->low, m->factor_num, m->factor_den, &list) || !scale(sum->high, num, den, &high))
        return false;
    for (int c = 0; c < TOKEN_CLASSES; c++) {
        running += sum->class[c];
        if (!scale(running, num, den, &now))
            return false;
        cost[c] = now - before;
        before = now;
    }
    memcpy(v->cost, cost, sizeof cost);
    v->list_cost = list;
    v->cost_span = high - before;
    return true;
}

static struct str finish(struct invocation *v, enum outcome outcome, struct str reason)
{
    v->outcome = (uint8_t)outcome;
    return reason;
}

static void add_unpriced(struct invocation *v, int64_t tokens)
{
    if (__builtin_add_overflow(v->unpriced_tokens, tokens, &v->unpriced_tokens))
        v->unpriced_tokens = INT64_MAX;
}

static struct str unpriced(struct invocation *v, struct str reason)
{
    for (int c = 0; c < TOKEN_CLASSES; c++)
        add_unpriced(v, tokens_of(v, c));
    return finish(v, OUTCOME_UNPRICED, reason);
}

/* Tokens of classes without a rate; the first such class, or -1. */
static int note_holes(const struct priced *sum, struct invocation *v, bool *any_priced)
{
    int first = -1;
    *any_priced = false;
    for (int c = 0; c < TOKEN_CLASSES; c++) {
        int64_t n = tokens_of(v, c);
        if (n == 0)
            continue;
        *any_priced |= sum->has_rate[c];
        if (sum->has_rate[c])
            continue;
        add_unpriced(v, n);
        first = first < 0 ? c : first;
    }
    return first;
}

struct str pricing_apply(const struct price_match *m, struct invocation *v)
{
    memset(v->cost, 0, sizeof v->cost);
    v->cost_span = v->list_cost = v->unpriced_tokens = 0;
    v->flags &= ~(uint32_t)INV_PRICE_FLAGGED;
    if (v->flags & INV_NO_COUNTS)
        return v->flags & INV_ERROR ? finish(v, OUTCOME_NO_USAGE, STR(""))
                                    : finish(v, OUTCOME_USAGE_UNKNOWN, STR("no token counters"));
    if (m->rows == 0)
        return unpriced(v, m->reason);
    struct priced sum = price_by_both(m, v);
    if (!write_amounts(m, &sum, v))
        return unpriced(v, STR("token counts beyond belief"));
    if (m->flagged)
        v->flags |= INV_PRICE_FLAGGED;
    bool any_priced;
    int hole = note_holes(&sum, v, &any_priced);
    if (hole >= 0)
        return finish(v, any_priced ? OUTCOME_PARTIAL : OUTCOME_UNPRICED, no_rate(hole));
    if (sum.one_hour_missing)
        return finish(v, OUTCOME_BOUNDED, STR("cache TTL not known, low end only"));
    if (v->cost_span > 0)
        return finish(v, OUTCOME_BOUNDED,
                      m->rows == 2 ? STR("scope not known") : STR("cache TTL not known"));
    if (m->estimated)
        return finish(v, OUTCOME_ESTIMATED, m->reason);
    return finish(v, OUTCOME_PRICED, STR(""));
}
