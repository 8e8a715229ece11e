/*
 * Facts of a profile that has become known. They have all that a price depends on (time, tokens,
 * flags and labels), so they are priced as if they came now, and what they change is added to the
 * rollups like any batch.
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
    uint8_t *stale;     /* bitmap by series of the store */
    size_t size;        /* in bytes */
    uint32_t looked_at; /* series before this one are marked if they are stale */
    bool any;
    struct match_slot match[MATCHES];
    struct chunk_item items[ROUND];
    uint8_t bytes[ROUND * PACK_FACT_MAX];
};

void reprice_free(struct repricing *r)
{
    if (r)
        free(r->stale);
    free(r);
}

static bool is_stale(const struct store *s, uint32_t series)
{
    struct profile now;
    struct model_id id = model_id_parse(series_text(s->series, series, LABEL_MODEL_ID));
    return id.arn.n > 0 && pricing_profile(s->repricing->pricing, id.arn, &now) &&
           !(str_eq(series_text(s->series, series, LABEL_MODEL), now.base) &&
             str_eq(series_text(s->series, series, LABEL_GEO), now.geo) &&
             str_eq(series_text(s->series, series, LABEL_SCOPE), model_scope_name(now.scope)));
}

static bool marked(const struct repricing *r, uint32_t series)
{
    return series < r->looked_at && (r->stale[series / 8] >> series % 8 & 1) != 0;
}

/* Looks at those series that are new since the last time. */
static enum status mark_stale(struct store *s, struct err *err)
{
    struct repricing *r = s->repricing;
    uint32_t n = series_count(s->series);
    size_t size = (size_t)n / 8 + 1;
    if (size > r->size) {
        uint8_t *grown = realloc(r->stale, size * 2);
        if (!grown)
            return err_nomem(err);
        memset(grown + r->size, 0, size * 2 - r->size);
        r->stale = grown;
        r->size = size * 2;
    }
    for (uint32_t i = r->looked_at; i < n; i++)
        if (is_stale(s, i)) {
            r->stale[i / 8] |= (uint8_t)(1u << i % 8);
            r->any = true;
        }
    r->looked_at = n;
    return OK;
}

/* Something may have been learned since. */
static void forget_marks(struct repricing *r)
{
    if (r->stale)
        memset(r->stale, 0, r->size);
    memset(r->match, 0, sizeof r->match);
    r->looked_at = 0;
    r->any = false;
}

static const struct price_match *find_match(struct store *s, const struct invocation *v)
{
    bool optimized = v->flags & INV_OPTIMIZED;
    struct match_slot *slot = &s->repricing->match[(v->series * 2 + optimized) % MATCHES];
    if (slot->used && slot->series == v->series && slot->optimized == optimized &&
        v->time_us >= slot->match.from_us && v->time_us < slot->match.until_us)
        return &slot->match;
    const struct price_key key = {
        .account = series_text(s->series, v->series, LABEL_ACCOUNT),
        .region = series_text(s->series, v->series, LABEL_REGION),
        .model_id = series_text(s->series, v->series, LABEL_MODEL_ID),
        .body_model = STR(""), /* not kept; where the profile is known it does not count */
        .inference_region = series_text(s->series, v->series, LABEL_INFERENCE_REGION),
        .tier = series_text(s->series, v->series, LABEL_TIER),
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
    const struct price_match *m = find_match(s, v);
    struct labels l = *series_labels(s->series, v->series);
    struct str reason = pricing_apply(m, v);
    if (symbols_intern(s->symbols, m->model, &l.v[LABEL_MODEL]) != OK ||
        symbols_intern(s->symbols, m->scope, &l.v[LABEL_SCOPE]) != OK ||
        symbols_intern(s->symbols, m->geo, &l.v[LABEL_GEO]) != OK ||
        symbols_intern(s->symbols, reason, &l.v[LABEL_REASON]) != OK ||
        symbols_intern(s->symbols, str_from(outcome_name(v->outcome)), &l.v[LABEL_OUTCOME]) != OK ||
        series_intern(s->series, &l, &v->series) != OK)
        return err_nomem(err);
    v->content = content_again(v, content_of_labels(s->symbols, &l));
    return OK;
}

enum status reprice_put(struct store *s, struct invocation *v, struct err *err)
{
    if (v->series >= s->repricing->looked_at)
        TRY(mark_stale(s, err));
    return marked(s->repricing, v->series) ? price_again(s, v, err) : OK;
}

/* Buckets of a level. */
struct buckets {
    int64_t *v;
    size_t n, cap;
};

static bool add_bucket(struct buckets *b, int64_t bucket)
{
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
        if (!marked(s->repricing, series))
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
    const int64_t base = (int64_t)level << LEVEL_BITS;
    TRY(db_get(s, STMT_TOTAL_PARTS, &st, err));
    sqlite3_bind_int64(st, 1, base + first);
    sqlite3_bind_int64(st, 2, base + end);
    for (;;) {
        bool row;
        TRY(db_step(s, st, &row, err));
        if (!row)
            return OK;
        int64_t n = stale_in(s, st, level < FIRST_CELLS);
        enum status status = n < 0 ? db_damaged(s, err, "a total cannot be read") : OK;
        if (n > 0 && !add_bucket(out, sqlite3_column_int64(st, 0) & LEVEL_MASK))
            status = err_nomem(err);
        if (n > 0 && level < FIRST_CELLS)
            *invocations += n;
        if (status != OK) {
            sqlite3_reset(st);
            return status;
        }
    }
}

/* The quarters that have a stale series, and how many invocations of one. */
static enum status find_quarters(struct store *s, struct buckets *out, int64_t *invocations,
                                 struct err *err)
{
    struct buckets coarse = {0};
    enum status status =
        find_buckets(s, LEVELS - 1, 0, (int64_t)1 << LEVEL_BITS, &coarse, invocations, err);
    for (int level = LEVELS - 2; status == OK && level >= 0; level--) {
        struct buckets fine = {0};
        int64_t ratio = level_quarters[level + 1] / level_quarters[level];
        for (size_t i = 0; status == OK && i < coarse.n; i++)
            status = find_buckets(s, level, coarse.v[i] * ratio, (coarse.v[i] + 1) * ratio, &fine,
                                  invocations, err);
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
        else if (marked(r, v.series))
            status = take_fact(s, &fact, &v, &r->items[n], &r->bytes[n * PACK_FACT_MAX], err), n++;
        if (status != OK)
            break;
    }
    chunk_close(&reader);
    TRY(status);
    if (!more)
        *from = last + 1;
    *done += (int64_t)n;
    return n > 0 ? chunk_put(s, CHUNK_FACTS, r->items, n, true, err) : OK;
}

static enum status do_quarters(struct store *s, const struct buckets *quarters, int64_t *done,
                               struct err *err)
{
    const int64_t seconds = US_PER_QUARTER / US_PER_SECOND;
    for (size_t i = 0; i < quarters->n; i++) {
        int64_t from = quarters->v[i] * seconds << FACT_BITS;
        int64_t last = ((quarters->v[i] + 1) * seconds << FACT_BITS) - 1;
        while (from <= last)
            TRY(do_round(s, &from, last, done, err));
    }
    return OK;
}

static enum status reprice(struct store *s, const struct pricing *pricing,
                           struct store_repriced *out, struct err *err)
{
    struct buckets quarters = {0};
    int64_t there = 0, done = 0;
    if (!s->repricing && !(s->repricing = calloc(1, sizeof *s->repricing)))
        return err_nomem(err);
    s->repricing->pricing = pricing;
    forget_marks(s->repricing);
    TRY(settle_pending(s, err));
    TRY(mark_stale(s, err));
    if (s->repricing->any) {
        TRY(rollup_flush(s, err));
        enum status status = find_quarters(s, &quarters, &there, err);
        if (status == OK)
            status = do_quarters(s, &quarters, &done, err);
        free(quarters.v);
        TRY(status);
    }
    *out = (struct store_repriced){.invocations = done, .gone = there - done};
    return OK;
}

enum status store_reprice(struct store *s, const struct pricing *pricing,
                          struct store_repriced *out, struct err *err)
{
    if (!s->in_batch)
        return err_set(err, ERR_USAGE, "store '%.200s': no batch is open", s->path);
    enum status status = reprice(s, pricing, out, err);
    if (status != OK)
        store_rollback(s);
    return status;
}
