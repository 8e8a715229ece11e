/*
 * Facts of a profile that has become known. They have all that a price depends on (time, tokens,
 * flags and labels), so they are priced as if they came now, and what they change is added to the
 * rollups like any batch.
 *
 * It goes piece by piece, from the oldest facts on, so that whoever waits for a commit waits for
 * one piece: what is done and what is not may stand side by side, in the file too. Where it was is
 * not written down: after a crash it begins at the front again and finds less.
 *
 * A series is stale when its labels name another model for its profile than is known now. Totals
 * say which quarters of an hour have a stale series, from the coarsest level down, so only their
 * facts are read.
 */
#include "store/store_internal.h"

#include "model/content.h"

#include <stdlib.h>

enum { MATCHES = 256, ROUND = 1024 };

/* Rates of a series, remembered as intake does. */
struct match_slot {
    bool used, optimized;
    uint32_t series;
    struct price_match match;
};

struct repricing {
    const struct pricing *pricing;
    uint32_t generation; /* of the pricing, when the marks were made */
    uint8_t *stale;      /* two bits for each series of the store: looked at, stale */
    size_t size;         /* in bytes */
    bool marked;         /* all series were looked at */
    bool any;
    int64_t next; /* facts before this are done; 0: none */
    int64_t gone;
    struct match_slot match[MATCHES];
    struct chunk_item items[ROUND];
    uint8_t bytes[ROUND * PACK_FACT_MAX];
};

enum { LOOKED_AT = 1, STALE = 2 };

void reprice_free(struct repricing *r)
{
    if (r)
        free(r->stale);
    free(r);
}

void reprice_forget_matches(struct store *s)
{
    if (s->repricing)
        memset(s->repricing->match, 0, sizeof s->repricing->match);
}

/* Something was learned since, or numbers of series may have come to mean others. */
static void forget_marks(struct repricing *r)
{
    if (r->stale)
        memset(r->stale, 0, r->size);
    r->marked = r->any = false;
    r->next = r->gone = 0;
}

void reprice_forget_series(struct store *s)
{
    if (s->repricing)
        forget_marks(s->repricing);
}

static bool is_stale(const struct store *s, const struct labels *l)
{
    struct profile now;
    struct model_id id = model_id_parse(names_text(&s->naming, l, LABEL_MODEL_ID));
    return id.arn.n > 0 && pricing_profile(s->repricing->pricing, id.arn, &now) &&
           !(str_eq(names_text(&s->naming, l, LABEL_MODEL), now.base) &&
             str_eq(names_text(&s->naming, l, LABEL_GEO), now.geo) &&
             str_eq(names_text(&s->naming, l, LABEL_SCOPE), model_scope_name(now.scope)));
}

static bool has_mark(const struct repricing *r, uint32_t series, int mark)
{
    return series / 4 < r->size && (r->stale[series / 4] >> series % 4 * 2 & mark) != 0;
}

static enum status put_mark(struct repricing *r, uint32_t series, bool stale, struct err *err)
{
    if (series / 4 >= r->size) {
        size_t size = ((size_t)series / 4 + 256) * 2;
        uint8_t *grown = realloc(r->stale, size);
        if (!grown)
            return err_nomem(err);
        memset(grown + r->size, 0, size - r->size);
        r->stale = grown;
        r->size = size;
    }
    r->stale[series / 4] |= (uint8_t)((LOOKED_AT | (stale ? STALE : 0)) << series % 4 * 2);
    r->any |= stale;
    return OK;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static enum status mark_series(void *ctx, uint32_t id, const uint32_t symbols[LABELS],
                               struct err *err)
{
    static const enum label needed[] = {LABEL_MODEL_ID, LABEL_MODEL, LABEL_GEO, LABEL_SCOPE};
    struct store *s = ctx;
    const struct id_list *ids = &s->naming.profile_symbols; /* rising */
    struct labels l = {0};
    if (ids->n == 0 ||
        !bsearch(&symbols[LABEL_MODEL_ID], ids->v, ids->n, sizeof *ids->v, by_number))
        return put_mark(s->repricing, id, false, err);
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        TRY(names_local_symbol(s, symbols[needed[i]], &l.v[needed[i]], err));
    return put_mark(s->repricing, id, is_stale(s, &l), err);
}

static enum status mark_all(struct store *s, struct err *err)
{
    TRY(names_save(s, err));
    TRY(names_each_series(s, s->naming.series_saved, mark_series, s, err));
    s->repricing->marked = true;
    return OK;
}

static const struct price_match *find_match(struct store *s, const struct invocation *v,
                                            const struct labels *l)
{
    bool optimized = v->flags & INV_OPTIMIZED;
    struct match_slot *slot = &s->repricing->match[(v->series * 2 + optimized) % MATCHES];
    if (slot->used && slot->series == v->series && slot->optimized == optimized &&
        v->time_us >= slot->match.from_us && v->time_us < slot->match.until_us)
        return &slot->match;
    const struct price_key key = {
        .account = names_text(&s->naming, l, LABEL_ACCOUNT),
        .region = names_text(&s->naming, l, LABEL_REGION),
        .model_id = names_text(&s->naming, l, LABEL_MODEL_ID),
        .body_model = STR(""), /* not kept; where the profile is known it does not count */
        .inference_region = names_text(&s->naming, l, LABEL_INFERENCE_REGION),
        .tier = names_text(&s->naming, l, LABEL_TIER),
        .latency_optimized = optimized,
        .time_us = v->time_us,
    };
    pricing_find(s->repricing->pricing, &key, &slot->match);
    slot->used = true;
    slot->series = v->series;
    slot->optimized = optimized;
    return &slot->match;
}

/* Another price, so another series. */
static enum status price_again(struct store *s, struct invocation *v, struct err *err)
{
    struct symbols *symbols = s->naming.symbols;
    struct labels l;
    TRY(names_labels(s, v->series, &l, err));
    const struct price_match *m = find_match(s, v, &l);
    struct str reason = pricing_apply(m, v);
    if (symbols_intern(symbols, m->model, &l.v[LABEL_MODEL]) != OK ||
        symbols_intern(symbols, m->scope, &l.v[LABEL_SCOPE]) != OK ||
        symbols_intern(symbols, m->geo, &l.v[LABEL_GEO]) != OK ||
        symbols_intern(symbols, reason, &l.v[LABEL_REASON]) != OK ||
        symbols_intern(symbols, str_from(outcome_name(v->outcome)), &l.v[LABEL_OUTCOME]) != OK)
        return err_nomem(err);
    TRY(names_number(s, &l, &v->series, err));
    v->content = content_again(v, content_of_labels(symbols, &l));
    return OK;
}

enum status reprice_put(struct store *s, struct invocation *v, struct err *err)
{
    struct repricing *r = s->repricing;
    if (!has_mark(r, v->series, LOOKED_AT)) {
        struct labels l;
        TRY(names_labels(s, v->series, &l, err));
        TRY(put_mark(r, v->series, is_stale(s, &l), err));
    }
    return has_mark(r, v->series, STALE) ? price_again(s, v, err) : OK;
}

/* Buckets of a level. */
struct buckets {
    int64_t *v;
    size_t n, cap;
};

/* Rows come in their order, those of one bucket one after the other. */
static bool add_bucket(struct buckets *b, int64_t bucket)
{
    if (b->n > 0 && b->v[b->n - 1] == bucket)
        return true;
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 256;
        int64_t *grown = realloc(b->v, cap * sizeof *grown);
        if (!grown)
            return false;
        b->v = grown;
        b->cap = cap;
    }
    b->v[b->n++] = bucket;
    return true;
}

/* How many invocations of stale series the quarter of this row has; of a coarser bucket 1 or 0. -1:
 * damaged. */
static int64_t stale_in(const struct store *s, sqlite3_stmt *st, bool counted)
{
    struct present_reader present = present_of(db_blob(st, 2));
    struct unpack counts = counted ? db_blob(st, 3) : unpack_of(NULL, 0);
    uint32_t series;
    int64_t n = 0;
    while (present_next(&present, &series)) {
        int64_t count = counted ? unpack_i64(&counts) : 1;
        if (!has_mark(s->repricing, series, STALE))
            continue;
        if (!counted)
            return 1;
        if (count < 0 || __builtin_add_overflow(n, count, &n))
            return -1;
    }
    return present.u.bad || counts.bad ? -1 : n;
}

/* Those buckets of a level, from `first` to before `end`, that have a stale series. */
static enum status find_buckets(struct store *s, int level, int64_t first, int64_t end,
                                struct buckets *out, int64_t *invocations, struct err *err)
{
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, STMT_TOTAL_PARTS, &st, err));
    sqlite3_bind_int64(st, 1, bucket_row(level, first));
    sqlite3_bind_int64(st, 2, bucket_row(level, end));
    for (;;) {
        bool row;
        TRY(db_step(s, st, &row, err));
        if (!row)
            return OK;
        int64_t n = stale_in(s, st, level < FIRST_CELLS);
        enum status status = n < 0 ? db_damaged(s, err, "a total cannot be read") : OK;
        if (n > 0 && !add_bucket(out, row_bucket(sqlite3_column_int64(st, 0))))
            status = err_nomem(err);
        if (n > 0 && level < FIRST_CELLS)
            *invocations += n;
        if (status != OK) {
            sqlite3_reset(st);
            return status;
        }
    }
}

/* The quarters from `first` to before `end` that have a stale series, and how many invocations of
 * one. */
static enum status find_quarters(struct store *s, int64_t first, int64_t end, struct buckets *out,
                                 int64_t *invocations, struct err *err)
{
    struct buckets coarse = {0};
    int64_t size = level_quarters[LEVELS - 1];
    enum status status = find_buckets(s, LEVELS - 1, first / size, (end + size - 1) / size, &coarse,
                                      invocations, err);
    for (int level = LEVELS - 2; status == OK && level >= 0; level--) {
        struct buckets fine = {0};
        int64_t ratio = level_quarters[level + 1] / level_quarters[level];
        size = level_quarters[level];
        for (size_t i = 0; status == OK && i < coarse.n; i++) {
            int64_t from = coarse.v[i] * ratio, to = from + ratio;
            if (from < first / size)
                from = first / size;
            if (to > (end + size - 1) / size)
                to = (end + size - 1) / size;
            status = find_buckets(s, level, from, to, &fine, invocations, err);
        }
        free(coarse.v);
        coarse = fine;
    }
    *out = coarse;
    return status;
}

/* One fact of a stale series, as it is to be. */
static enum status take_fact(struct store *s, const struct chunk_item *item, struct invocation *v,
                             struct chunk_item *out, uint8_t *bytes, struct err *err)
{
    TRY(count_invocation(s, v, -1, err));
    TRY(price_again(s, v, err));
    TRY(count_invocation(s, v, 1, err));
    uint8_t *end = pack_fact(bytes, v, v->series, (uint32_t)(v->time_us % US_PER_SECOND));
    *out = (struct chunk_item){.key = item->key, .p = bytes, .n = (size_t)(end - bytes)};
    return OK;
}

/* At most ROUND facts of stale series from *from on; *from becomes where to go on, behind `last`
 * when all are done. */
static enum status do_round(struct store *s, int64_t *from, int64_t last, int64_t *done,
                            struct err *err)
{
    struct repricing *r = s->repricing;
    struct chunk_reader reader;
    struct chunk_item fact;
    size_t n = 0;
    bool more;
    TRY(chunk_open(s, CHUNK_FACTS, *from, last, &reader, err));
    enum status status;
    while ((status = chunk_next(&reader, &fact, &more, err)) == OK && more && n < ROUND) {
        struct invocation v;
        struct unpack u = unpack_of(fact.p, fact.n);
        *from = fact.key + 1;
        if (!unpack_fact(&u, fact_second(fact.key), &v))
            status = db_damaged(s, err, "a fact cannot be read");
        else if (has_mark(r, v.series, STALE))
            status = take_fact(s, &fact, &v, &r->items[n], &r->bytes[n * PACK_FACT_MAX], err), n++;
        if (status != OK)
            break;
    }
    chunk_close(&reader);
    TRY(status);
    if (!more)
        *from = last + 1;
    *done += (int64_t)n;
    if (n > 0)
        TRY(chunk_put(s, CHUNK_FACTS, r->items, n, true, err));
    return names_make_room(s, err);
}

/* Until some more facts than `most` are done. */
static enum status do_quarters(struct store *s, const struct buckets *quarters, int64_t most,
                               int64_t *done, struct err *err)
{
    const int64_t seconds = US_PER_QUARTER / US_PER_SECOND;
    struct repricing *r = s->repricing;
    for (size_t i = 0; i < quarters->n; i++) {
        int64_t from = quarters->v[i] * seconds << FACT_BITS;
        int64_t last = ((quarters->v[i] + 1) * seconds << FACT_BITS) - 1;
        if (from < r->next)
            from = r->next;
        while (from <= last && *done < most)
            TRY(do_round(s, &from, last, done, err));
        r->next = from;
        if (*done >= most)
            return OK;
    }
    r->next = INT64_MAX;
    return OK;
}

/* Facts that are gone leave stale sums behind for ever: before this quarter there are only those.
 */
static int64_t first_quarter(const struct store *s)
{
    return quarter_of(s->kept.facts_since_us);
}

static enum status do_piece(struct store *s, int64_t most, int64_t *done, struct err *err)
{
    struct repricing *r = s->repricing;
    const int64_t seconds = US_PER_QUARTER / US_PER_SECOND;
    struct buckets quarters = {0};
    int64_t there = 0, first = (r->next >> FACT_BITS) / seconds;
    enum status status = OK;
    TRY(rollup_flush(s, err));
    if (r->next == 0 && first_quarter(s) > 0)
        status = find_quarters(s, 0, first_quarter(s), &quarters, &r->gone, err);
    free(quarters.v);
    quarters = (struct buckets){0};
    if (first < first_quarter(s))
        first = first_quarter(s);
    if (status == OK)
        status = find_quarters(s, first, quarter_of(STORE_TIME_END), &quarters, &there, err);
    if (status == OK)
        status = do_quarters(s, &quarters, most, done, err);
    free(quarters.v);
    return status;
}

static enum status reprice(struct store *s, const struct pricing *pricing, int64_t most,
                           struct store_repriced *out, struct err *err)
{
    int64_t done = 0;
    if (!s->repricing && !(s->repricing = calloc(1, sizeof *s->repricing)))
        return err_nomem(err);
    struct repricing *r = s->repricing;
    uint32_t generation = pricing_generation(pricing);
    bool goes_on =
        r->marked && r->next != INT64_MAX && r->pricing == pricing && r->generation == generation;
    TRY(settle_pending(s, err));
    if (!goes_on) {
        r->pricing = pricing;
        r->generation = generation;
        forget_marks(r);
        reprice_forget_matches(s);
        TRY(mark_all(s, err));
    }
    if (r->any)
        TRY(do_piece(s, most, &done, err));
    else
        r->next = INT64_MAX;
    *out =
        (struct store_repriced){.invocations = done, .gone = r->gone, .more = r->next != INT64_MAX};
    return OK;
}

enum status store_reprice(struct store *s, const struct pricing *pricing, int64_t most,
                          struct store_repriced *out, struct err *err)
{
    if (!s->in_batch)
        return err_set(err, ERR_USAGE, "store '%.200s': no batch is open", s->path);
    enum status status = reprice(s, pricing, most, out, err);
    if (status != OK)
        store_rollback(s);
    return status;
}
