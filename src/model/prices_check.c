/*
 * Is a price file consistent? The rules that AWS's own lists keep (price facts, 9.2 and rules 23 to
 * 29), so that a slipped digit is found before it prices anything. They are for people who edit
 * files: pricing itself never derives one rate from another.
 */
#include "model/prices_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* Two prices are "equal" up to a cent per million tokens where AWS rounds (batch of small models).
 */
static const int64_t CENT_PER_MTOK = 10000;

struct checker {
    struct buf *out;
    size_t findings;
};

static void finding(struct checker *k, const struct price_row *row, const char *what)
{
    k->findings++;
    buf_printf(k->out, "%.*s:%" PRId64 ": %.*s %.*s: %s\n", STR_ARG(row->file), row->line,
               STR_ARG(row->pattern),
               STR_ARG(row->any_scope ? STR("*") : model_scope_name(row->scope)), what);
}

static void finding_with(struct checker *k, const struct price_row *row, const char *what,
                         const struct price_row *other)
{
    char text[256];
    snprintf(text, sizeof text, "%s (%.*s:%" PRId64 ")", what, STR_ARG(other->file), other->line);
    finding(k, row, text);
}

static bool is_claude(const struct price_row *row)
{
    return str_has_prefix(row->head, STR("anthropic."));
}

static bool names_gov(const struct price_row *row)
{
    return str_has_prefix(row->regions, STR("us-gov"));
}

/* a x an = b x bn, for rates that are both there. */
static bool ratio(int64_t a, int64_t an, int64_t b, int64_t bn)
{
    return a == RATE_NONE || b == RATE_NONE || (money_sum)a * an == (money_sum)b * bn;
}

static bool all_ratio(const struct price_row *a, int64_t an, const struct price_row *b, int64_t bn)
{
    bool same = ratio(a->batch_input, an, b->batch_input, bn) &&
                ratio(a->batch_output, an, b->batch_output, bn);
    for (int c = 0; c < TOKEN_CLASSES; c++)
        same = same && ratio(a->base.v[c], an, b->base.v[c], bn) &&
               ratio(a->over.v[c], an, b->over.v[c], bn);
    return same;
}

static bool all_equal(const struct price_row *a, const struct price_row *b)
{
    return memcmp(&a->base, &b->base, sizeof a->base) == 0 &&
           memcmp(&a->over, &b->over, sizeof a->over) == 0 && a->batch_input == b->batch_input &&
           a->batch_output == b->batch_output && a->threshold == b->threshold;
}

static bool is_half(int64_t batch, int64_t rate)
{
    int64_t off = 2 * batch - rate;
    return batch == RATE_NONE || rate == RATE_NONE ||
           (off <= CENT_PER_MTOK && off >= -CENT_PER_MTOK);
}

static void check_row(struct checker *k, const struct price_row *row)
{
    const int64_t *base = row->base.v, *over = row->over.v;
    bool has_long = false, has_any = row->batch_input != RATE_NONE;
    for (int c = 0; c < TOKEN_CLASSES; c++) {
        has_long |= over[c] != RATE_NONE;
        has_any |= base[c] != RATE_NONE;
    }
    if (!has_any)
        finding(k, row, "no rate at all");
    if (has_long != (row->threshold > 0))
        finding(k, row, "a threshold and long_ rates belong together");
    if (row->confirmed_day < row->from_day)
        finding(k, row, "confirmed_until lies before effective_from");
    if (!is_half(row->batch_input, base[TOKENS_INPUT]) ||
        !is_half(row->batch_output, base[TOKENS_OUTPUT]))
        finding(k, row, "batch is not half of input and output");
    if (base[TOKENS_CACHE_READ] > base[TOKENS_INPUT])
        finding(k, row, "a cache read costs more than input");
    if (!is_claude(row))
        return;
    if (!ratio(base[TOKENS_CACHE_WRITE_5M], 4, base[TOKENS_INPUT], 5) ||
        !ratio(over[TOKENS_CACHE_WRITE_5M], 4, over[TOKENS_INPUT], 5))
        finding(k, row, "a 5-minute write is not 1.25 x input");
    if (!ratio(base[TOKENS_CACHE_WRITE_1H], 1, base[TOKENS_INPUT], 2) ||
        !ratio(over[TOKENS_CACHE_WRITE_1H], 1, over[TOKENS_INPUT], 2))
        finding(k, row, "a 1-hour write is not 2 x input");
}

/* One pattern and date in two scopes. */
static void check_scopes(struct checker *k, const struct price_row *a, const struct price_row *b)
{
    if (a->scope == SCOPE_GEO && b->scope == SCOPE_IN_REGION && !all_equal(a, b))
        finding_with(k, b, "in-region differs from geo", a);
    /* AWS rounds Nova 2 Omni (0.3 / 2.5 and 0.3 / 2.8), the one exception. */
    if (a->scope == SCOPE_GLOBAL && b->scope == SCOPE_GEO && !a->speech && !all_ratio(a, 11, b, 10))
        finding_with(k, b, "geo is not 1.1 x global", a);
    if (a->any_scope && !b->any_scope)
        finding_with(k, b, "a row for all scopes has the same pattern and date", a);
}

static bool regions_overlap(struct str a, struct str b)
{
    for (struct str left = a; left.p;) {
        struct str one = str_cut(&left, ',');
        for (struct str right = b; right.p;) {
            struct str two = str_cut(&right, ',');
            if (str_glob(one, two) || str_glob(two, one))
                return true;
        }
    }
    return false;
}

/* Different patterns of one head: could they tie? */
static void check_ambiguity(struct checker *k, const struct price_row *a, const struct price_row *b)
{
    bool scopes_meet = a->any_scope || b->any_scope || a->scope == b->scope;
    if (!scopes_meet || a->from_day != b->from_day || a->latency != b->latency ||
        (a->regions.n > 0) != (b->regions.n > 0) || a->tail.n != b->tail.n)
        return;
    if (a->regions.n == 0 || regions_overlap(a->regions, b->regions))
        finding_with(k, b, "cannot be told from another pattern", a);
}

static void check_gov(struct checker *k, const struct price_row *gov, const struct price_row *list)
{
    bool is_list = list->regions.n == 0 && (list->any_scope || list->scope == SCOPE_GLOBAL);
    if (is_claude(gov) && names_gov(gov) && is_list && !all_ratio(list, 12, gov, 10))
        finding_with(k, gov, "GovCloud is not 1.2 x global", list);
}

static void check_pair(struct checker *k, const struct price_row *a, const struct price_row *b)
{
    if (!str_eq(a->pattern, b->pattern))
        check_ambiguity(k, a, b);
    else if (a->from_day == b->from_day) {
        check_scopes(k, a, b);
        check_scopes(k, b, a);
    }
    check_gov(k, a, b);
    check_gov(k, b, a);
}

size_t price_book_check(const struct price_book *b, struct buf *out)
{
    struct checker k = {.out = out};
    for (uint32_t i = 0; i < b->rows_n; i++)
        check_row(&k, &b->rows[i]);
    for (uint32_t e = 0; e < b->entries_n; e++) {
        const uint32_t *order = b->order + b->entries[e].first;
        for (uint32_t i = 0; i < b->entries[e].n; i++)
            for (uint32_t j = i + 1; j < b->entries[e].n; j++)
                check_pair(&k, &b->rows[order[i]], &b->rows[order[j]]);
    }
    return k.findings;
}
