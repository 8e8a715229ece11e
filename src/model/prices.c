/*
 * The price book: see prices.h. A row wins as a whole and nothing is inherited from a row that
 * lost: an empty long-context cell in a newer row means that the surcharge is gone (price facts,
 * 9.2). No figure is never a family default: a model nobody has priced is unpriced.
 */
#include "model/prices_internal.h"

#include <stdlib.h>

void price_book_init(struct price_book *b)
{
    *b = (struct price_book){0};
    arena_init(&b->arena);
}

void price_book_fini(struct price_book *b)
{
    free(b->rows);
    free(b->entries);
    free(b->order);
    arena_fini(&b->arena);
    *b = (struct price_book){0};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(struct str s)
{
    size_t n = 0;
    while (n < s.n && is_digit(s.p[n]))
        n++;
    return n;
}

/* Length of one version mark at the start of s, 0 when there is none: -20251001, @20251001,
 * -2026-03-05, -v1, :0. */
static size_t version_mark(struct str s)
{
    if (s.n < 2)
        return 0;
    size_t n = digits(str_skip(s, 1));
    if (s.p[0] == ':')
        return n ? n + 1 : 0;
    if (s.p[0] == '@')
        return n == 8 ? 9 : 0;
    if (s.p[0] != '-')
        return 0;
    if (s.p[1] == 'v') {
        n = digits(str_skip(s, 2));
        return n ? n + 2 : 0;
    }
    if (n == 8)
        return 9;
    bool iso = n == 4 && s.n >= 11 && s.p[5] == '-' && digits(str_skip(s, 6)) == 2 &&
               s.p[8] == '-' && digits(str_skip(s, 9)) == 2;
    return iso ? 11 : 0;
}

/* For Claude and for OpenAI's numbered models, what the * takes must be version marks only: a tail
 * such as -mini or -fast is another model at another price (8.3, step 7). */
static bool guard_passes(const struct price_row *row, struct str taken)
{
    bool gpt = str_has_prefix(row->head, STR("openai.gpt-")) && row->head.n > 11 &&
               is_digit(row->head.p[11]);
    if (!gpt && !str_has_prefix(row->head, STR("anthropic.")))
        return true;
    while (taken.n) {
        size_t n = version_mark(taken);
        if (n == 0)
            return false;
        taken = str_skip(taken, n);
    }
    return true;
}

static bool id_matches(const struct price_row *row, struct str id)
{
    if (!row->star)
        return str_eq(id, row->head);
    if (id.n < row->head.n + row->tail.n || !str_has_prefix(id, row->head) ||
        !str_has_suffix(id, row->tail))
        return false;
    struct str taken = str_of(id.p + row->head.n, id.n - row->head.n - row->tail.n);
    return guard_passes(row, taken);
}

/* The last entry whose head is not after id. Every head that begins id is this one or one of its
 * parents: whatever sorts between such a head and id begins with that head too. */
static uint32_t last_entry(const struct price_book *b, struct str id)
{
    uint32_t lo = 0, hi = b->entries_n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (str_cmp(b->entries[mid].head, id) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo ? lo - 1 : ROW_NONE;
}

uint32_t price_candidates_next(const struct price_book *b, struct price_candidates *c)
{
    struct str id = str_of(c->id, c->id_n);
    while (c->entry != ROW_NONE) {
        const struct price_entry *e = &b->entries[c->entry];
        bool begins = str_has_prefix(id, e->head);
        while (begins && c->at < e->n) {
            uint32_t row = b->order[e->first + c->at++];
            if (b->rows[row].latency == c->latency && id_matches(&b->rows[row], id))
                return row;
        }
        c->entry = e->parent;
        c->at = 0;
    }
    return ROW_NONE;
}

static bool any_candidate(const struct price_book *b, struct price_candidates *c)
{
    c->entry = last_entry(b, str_of(c->id, c->id_n));
    c->at = 0;
    struct price_candidates probe = *c;
    return price_candidates_next(b, &probe) != ROW_NONE;
}

/* Drops one suffix of the given step from the first n bytes of id: ":<digits>", then "-v<digits>",
 * then "-<8 digits>" or "@<8 digits>". Returns the new length. */
static size_t drop_suffix(const char *id, size_t n, int step)
{
    size_t i = n;
    while (i > 0 && is_digit(id[i - 1]))
        i--;
    size_t run = n - i;
    if (run == 0 || i == 0)
        return n;
    if (step == 0 && id[i - 1] == ':')
        return i - 1;
    if (step == 1 && i > 1 && id[i - 1] == 'v' && id[i - 2] == '-')
        return i - 2;
    if (step == 2 && run == 8 && (id[i - 1] == '-' || id[i - 1] == '@'))
        return i - 1;
    return n;
}

void price_candidates_find(const struct price_book *b, const struct price_query *q,
                           struct price_candidates *out)
{
    static const char optimized[] = ":latency-optimized";
    size_t extra = q->latency_optimized ? sizeof optimized - 1 : 0;
    out->id_n = 0;
    out->at = 0;
    out->entry = ROW_NONE;
    out->latency = q->latency_optimized;
    if (q->id.n == 0 || q->id.n + sizeof optimized > sizeof out->id)
        return;
    for (size_t i = 0; i < q->id.n; i++) {
        char c = q->id.p[i];
        out->id[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    size_t n = q->id.n;
    for (int step = -1; step < 3; step++) {
        size_t shorter = step < 0 ? n : drop_suffix(out->id, n, step);
        if (step >= 0 && shorter == n)
            continue;
        n = shorter;
        memcpy(out->id + n, optimized, extra);
        out->id_n = n + extra;
        if (any_candidate(b, out))
            return;
    }
    out->entry = ROW_NONE;
}

bool price_row_in_region(const struct price_row *row, struct str region, bool gov)
{
    if (row->regions.n == 0)
        return !gov;
    struct str rest = row->regions;
    while (rest.p) {
        struct str one = str_cut(&rest, ',');
        if (gov && !str_has_prefix(one, STR("us-gov")))
            continue; /* a row for "*" does not name GovCloud */
        if (str_glob_nocase(one, region))
            return true;
    }
    return false;
}

enum row_fate price_row_fate(const struct price_row *row, const struct price_query *q)
{
    if (!price_row_in_region(row, q->region, q->gov))
        return ROW_OTHER_REGION;
    if (!row->any_scope && row->scope != q->scope)
        return ROW_OTHER_SCOPE;
    if (row->from_day != DAY_NONE && row->from_day > q->day)
        return ROW_NOT_YET;
    return ROW_APPLIES;
}

const char *row_fate_text(enum row_fate fate)
{
    static const char *const texts[] = {
#define ROW_FATE_TEXT(id, text) text,
        ROW_FATE_MAP(ROW_FATE_TEXT)
#undef ROW_FATE_TEXT
    };
    return texts[fate];
}

const char *price_row_beats(const struct price_row *a, const struct price_row *b)
{
    if ((a->regions.n > 0) != (b->regions.n > 0))
        return a->regions.n ? "a row for this Region wins" : NULL;
    size_t la = a->head.n + a->tail.n, lb = b->head.n + b->tail.n;
    if (la != lb)
        return la > lb ? "a more exact pattern wins" : NULL;
    if (a->from_day != b->from_day)
        return a->from_day > b->from_day ? "a newer price is in force" : NULL;
    return NULL;
}

struct price_hit price_book_find(const struct price_book *b, const struct price_query *q)
{
    struct price_hit hit = {.row = ROW_NONE,
                            .candidate = ROW_NONE,
                            .best = ROW_OTHER_REGION,
                            .from_day = DAY_NONE,
                            .until_day = DAY_EVER};
    struct price_candidates c;
    price_candidates_find(b, q, &c);
    for (uint32_t i; (i = price_candidates_next(b, &c)) != ROW_NONE;) {
        const struct price_row *row = &b->rows[i];
        enum row_fate fate = price_row_fate(row, q);
        hit.candidate = i;
        if (fate > hit.best)
            hit.best = fate;
        if (fate == ROW_NOT_YET && row->from_day < hit.until_day)
            hit.until_day = row->from_day;
        if (fate != ROW_APPLIES)
            continue;
        if (row->from_day > hit.from_day)
            hit.from_day = row->from_day;
        if (hit.row == ROW_NONE || price_row_beats(row, &b->rows[hit.row]) ||
            (!price_row_beats(&b->rows[hit.row], row) && i > hit.row))
            hit.row = i; /* on a tie the later row, so that an override wins */
    }
    if (hit.row == ROW_NONE)
        return hit;
    int64_t confirmed = b->rows[hit.row].confirmed_day;
    if (confirmed == DAY_EVER)
        return hit;
    if (q->day <= confirmed && confirmed + 1 < hit.until_day)
        hit.until_day = confirmed + 1;
    if (q->day > confirmed && confirmed + 1 > hit.from_day)
        hit.from_day = confirmed + 1;
    return hit;
}
