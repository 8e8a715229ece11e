/*
 * Does everything in the store still agree? SQLite's own structure, the rollups with the sums of
 * the facts, the totals with the rollups, the slots of the keys with the facts; where facts are not
 * kept any more, the rollups with finer ones. Reads everything; memory as for one bucket of the
 * coarsest level.
 */
#include "store/store_internal.h"

#include <endian.h>
#include <stdlib.h>

static enum status check_structure(struct store *s, struct err *err)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1, &st, NULL) != SQLITE_OK)
        return db_error(s, err, "check it");
    bool row;
    enum status status = db_step(s, st, &row, err);
    if (status == OK && (!row || strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0))
        status = db_damaged(s, err, "its pages do not fit together");
    sqlite3_finalize(st);
    return status;
}

static bool same_sums(const struct sums *a, const struct sums *b)
{
    return memcmp(a->count, b->count, sizeof a->count) == 0 &&
           memcmp(a->money, b->money, sizeof a->money) == 0;
}

struct progress {
    int64_t facts, rollups, totals;
};

/* The rows of one bucket. */
static enum status open_bucket(struct store *s, enum stmt id, int level, int64_t bucket,
                               sqlite3_stmt **st, struct err *err)
{
    TRY(db_get(s, id, st, err));
    sqlite3_bind_int64(*st, 1, bucket_row(level, bucket));
    sqlite3_bind_int64(*st, 2, bucket_row(level, bucket + 1));
    return OK;
}

static bool is_of_row(sqlite3_stmt *st, uint32_t series)
{
    return (sqlite3_column_int64(st, 0) & ((INT64_C(1) << SHARD_BITS) - 1)) == series / SHARD;
}

/* Every cell of the row is in the cube with the same sums; *n counts them. */
static bool same_cells(struct cube *cube, sqlite3_stmt *st, size_t *n)
{
    struct unpack blob = db_blob(st, 1);
    struct cell_reader r = cells_of(blob.p, (size_t)(blob.end - blob.p));
    for (struct cell cell; cell_next(&r, &cell); ++*n) {
        struct sums sums = {0};
        unpack_sums(&cell.sums, &sums);
        const struct sums *expected = cube_at(cube, 0, cell.series);
        if (cell.sums.bad || !expected || !same_sums(&sums, expected) ||
            !is_of_row(st, cell.series))
            return false;
    }
    return !r.u.bad;
}

static enum status check_rollup(struct store *s, struct cube *cube, int level, int64_t bucket,
                                struct progress *p, struct err *err)
{
    sqlite3_stmt *st = NULL;
    size_t n = 0, cells = cube_cells(cube);
    bool row, good = true;
    TRY(open_bucket(s, STMT_ROLLUP_PARTS, level, bucket, &st, err));
    do {
        TRY(db_step(s, st, &row, err));
        good = !row || same_cells(cube, st, &n);
        p->rollups += row;
    } while (row && good);
    sqlite3_reset(st);
    good = good && n == cells && cube_cells(cube) == cells;
    return good ? OK : db_damaged(s, err, "a rollup is not the sum of its facts");
}

/* The row's series are in the cube, its sums are theirs; with counts, so are their invocations. */
static bool same_total(struct cube *cube, sqlite3_stmt *st, bool counted, size_t *n)
{
    struct unpack kept = db_blob(st, 1), counts = db_blob(st, 3);
    struct present_reader r = present_of(db_blob(st, 2));
    struct sums sum = {0}, total = {0};
    for (uint32_t id; present_next(&r, &id); ++*n) {
        const struct sums *sums = cube_at(cube, 0, id);
        if (!sums || !is_of_row(st, id) ||
            (counted && sums->count[COUNT_INVOCATIONS] != unpack_i64(&counts)))
            return false;
        pack_add(&sum, sums);
    }
    unpack_sums(&kept, &total);
    return !r.u.bad && !kept.bad && !counts.bad && counts.p == counts.end &&
           same_sums(&sum, &total);
}

static enum status check_total(struct store *s, struct cube *cube, int level, int64_t bucket,
                               struct progress *p, struct err *err)
{
    sqlite3_stmt *st = NULL;
    size_t n = 0, cells = cube_cells(cube);
    bool row, good = true;
    TRY(open_bucket(s, STMT_TOTAL_PARTS, level, bucket, &st, err));
    do {
        TRY(db_step(s, st, &row, err));
        good = !row || same_total(cube, st, level < FIRST_CELLS, &n);
        p->totals += row;
    } while (row && good);
    sqlite3_reset(st);
    good = good && n == cells && cube_cells(cube) == cells;
    return good ? OK : db_damaged(s, err, "a total is not the sum of its facts");
}

static enum status check_slot(struct store *s, int64_t id, const struct invocation *v,
                              struct err *err)
{
    int64_t slot, fact;
    bool found;
    struct invocation other;
    TRY(slot_find(s, &v->key, &slot, &fact, &other, &found, err));
    return found && fact == id ? OK : db_damaged(s, err, "a fact is not found by its key");
}

/* How many buckets of a level begin before the facts that are kept. */
static int64_t old_buckets(const struct store *s, int level)
{
    int64_t size = level_quarters[level];
    return (quarter_of(s->kept.facts_since_us) + size - 1) / size;
}

/* Compares what is kept of one bucket with the facts' sums, then empties the cube. */
static enum status check_bucket(struct store *s, struct cube *cube, int level, int64_t bucket,
                                struct progress *p, struct err *err)
{
    if (bucket < old_buckets(s, level)) { /* not all of its facts are here: check_old */
        cube_reset(cube);
        return OK;
    }
    if (level >= FIRST_CELLS)
        TRY(check_rollup(s, cube, level, bucket, p, err));
    TRY(check_total(s, cube, level, bucket, p, err));
    cube_reset(cube);
    return OK;
}

static enum status check_facts(struct store *s, int level, struct cube *cube,
                               struct chunk_reader *r, struct progress *p, struct err *err)
{
    int64_t quarters = level_quarters[level], bucket = -1, last = -1;
    for (bool more = true; more;) {
        struct chunk_item fact;
        TRY(chunk_next(r, &fact, &more, err));
        struct invocation v = {0};
        if (more) {
            struct unpack u = unpack_of(fact.p, fact.n);
            if (fact.key <= last || !unpack_fact(&u, fact_second(fact.key), &v))
                return db_damaged(s, err, "a fact cannot be read");
            if (v.time_us < s->kept.facts_since_us)
                return db_damaged(s, err, "it has a fact of a time of which it keeps none");
            last = fact.key;
        }
        if (bucket >= 0 && (!more || quarter_of(v.time_us) / quarters != bucket))
            TRY(check_bucket(s, cube, level, bucket, p, err));
        if (!more)
            break;
        bucket = quarter_of(v.time_us) / quarters;
        struct sums *sums = cube_at(cube, 0, v.series);
        if (!sums)
            return err_nomem(err);
        sums_add(sums, &v, 1);
        p->facts++;
        if (level == 0)
            TRY(check_slot(s, fact.key, &v, err));
    }
    return OK;
}

static enum status check_level(struct store *s, int level, struct cube *cube, struct progress *p,
                               struct err *err)
{
    struct chunk_reader r;
    TRY(chunk_open(s, CHUNK_FACTS, INT64_MIN, INT64_MAX, &r, err));
    enum status status = check_facts(s, level, cube, &r, p, err);
    chunk_close(&r);
    return status;
}

/* The quarters of an hour without facts: their totals must add up to that of the hour. */
static enum status check_quarters(struct store *s, const struct cube *cube, int64_t hour,
                                  struct progress *p, struct err *err)
{
    int64_t first = hour * level_quarters[FIRST_CELLS];
    struct sums sum = {0}, whole = {0};
    sqlite3_stmt *st = NULL;
    bool row;
    for (size_t i = 0; i < cube_cells(cube); i++)
        pack_add(&whole, cube_cell(cube, i).sums);
    TRY(db_get(s, STMT_TOTAL_RANGE, &st, err));
    sqlite3_bind_int64(st, 1, bucket_row(0, first));
    sqlite3_bind_int64(st, 2, bucket_row(0, first + level_quarters[FIRST_CELLS]));
    for (;;) {
        TRY(db_step(s, st, &row, err));
        if (!row)
            break;
        struct unpack u = db_blob(st, 1);
        unpack_sums(&u, &sum);
        p->totals++;
    }
    return same_sums(&sum, &whole) ? OK : db_damaged(s, err, "totals of an hour do not add up");
}

/* The cube has the sums of the next finer level; in the finest, its own. */
static enum status check_old_bucket(struct store *s, struct cube *cube, int level, int64_t bucket,
                                    struct progress *p, struct err *err)
{
    /* The finest rollups are what is checked against, so they are counted while they are read. */
    if (level > FIRST_CELLS)
        TRY(check_rollup(s, cube, level, bucket, p, err));
    else
        TRY(check_quarters(s, cube, bucket, p, err));
    TRY(check_total(s, cube, level, bucket, p, err));
    cube_reset(cube);
    return OK;
}

static enum status add_old(struct store *s, struct cube *cube, struct unpack blob, struct err *err)
{
    struct cell_reader r = cells_of(blob.p, (size_t)(blob.end - blob.p));
    struct cell cell = {0};
    while (cell_next(&r, &cell) && !cell.sums.bad) {
        struct sums *sums = cube_at(cube, 0, cell.series);
        if (!sums)
            return err_nomem(err);
        unpack_sums(&cell.sums, sums);
    }
    return r.u.bad || cell.sums.bad ? db_damaged(s, err, "a rollup cannot be read") : OK;
}

static enum status walk_old(struct store *s, struct cube *cube, int level, sqlite3_stmt *st,
                            struct progress *p, struct err *err)
{
    int from = level > FIRST_CELLS ? level - 1 : level;
    int64_t ratio = level_quarters[level] / level_quarters[from], last = -1;
    for (;;) {
        bool row;
        TRY(db_step(s, st, &row, err));
        int64_t at = row ? row_bucket(sqlite3_column_int64(st, 0)) : -1;
        if (last >= 0 && (!row || at / ratio != last))
            TRY(check_old_bucket(s, cube, level, last, p, err));
        if (!row)
            return OK;
        if (at * level_quarters[from] < quarter_of(s->kept.sums_since_us) && from == FIRST_CELLS)
            return db_damaged(s, err, "it has sums of a time of which it keeps none");
        last = at / ratio;
        p->rollups += level == FIRST_CELLS;
        TRY(add_old(s, cube, db_blob(st, 1), err));
    }
}

/* Where facts are gone, each level must be the sum of the one below. */
static enum status check_old(struct store *s, struct cube *cube, struct progress *p,
                             struct err *err)
{
    enum status status = OK;
    for (int level = FIRST_CELLS; status == OK && level < LEVELS; level++) {
        int from = level > FIRST_CELLS ? level - 1 : level;
        int64_t ratio = level_quarters[level] / level_quarters[from];
        sqlite3_stmt *st = NULL;
        TRY(db_get(s, STMT_ROLLUP_RANGE, &st, err));
        sqlite3_bind_int64(st, 1, bucket_row(from, 0));
        sqlite3_bind_int64(st, 2, bucket_row(from, old_buckets(s, level) * ratio));
        status = walk_old(s, cube, level, st, p, err);
        sqlite3_reset(st);
    }
    return status;
}

/* How many slots name facts that are here; one that is in `recent` and in `seen` counts once. */
static enum status count_slots(struct store *s, int64_t *n, struct err *err)
{
    struct chunk_reader r;
    struct chunk_item slot;
    bool more, any = false;
    int64_t fact, last = 0;
    uint64_t id;
    enum status status;
    *n = recent_count(s, kept_first(s));
    TRY(chunk_open(s, CHUNK_SEEN, INT64_MIN, INT64_MAX, &r, err));
    while ((status = chunk_next(&r, &slot, &more, err)) == OK && more) {
        if (any && slot.key <= last) {
            status = db_damaged(s, err, "a slot of a key");
            break;
        }
        any = true;
        last = slot.key;
        if (slot.n == sizeof id && !recent_find(s, slot.key, &fact)) {
            memcpy(&id, slot.p, sizeof id);
            *n += (int64_t)le64toh(id) >= kept_first(s);
        }
    }
    chunk_close(&r);
    return status;
}

struct named {
    struct store *store;
    int64_t n;
};

static enum status check_name(struct store *s, enum stmt table, struct hash128 hash, uint32_t id,
                              struct err *err)
{
    int64_t place, there;
    bool found;
    TRY(naming_find(s, table, hash, &place, &there, &found, err));
    return found && there == id ? OK : db_damaged(s, err, "a name is not found");
}

static enum status check_symbol(void *ctx, uint32_t id, struct str text, struct err *err)
{
    struct named *n = ctx;
    n->n++;
    if (id == 0)
        return OK;
    return check_name(n->store, STMT_SYMBOL_AT, naming_hash_symbol(n->store, text), id, err);
}

static enum status check_series(void *ctx, uint32_t id, const uint32_t symbols[LABELS],
                                struct err *err)
{
    struct named *n = ctx;
    n->n++;
    return check_name(n->store, STMT_SERIES_AT, naming_hash_series(n->store, symbols), id, err);
}

/* A writer finds each name under its number, and no others. */
static enum status check_names(struct store *s, struct err *err)
{
    struct named symbols = {s, 0}, series = {s, 0};
    uint32_t symbols_n, series_n;
    int64_t rows;
    bool found;
    TRY(names_count(s, &symbols_n, &series_n, err));
    TRY(names_load_texts(s, STMT_SYMBOLS, check_symbol, &symbols, err));
    TRY(names_each_series(s, series_n, check_series, &series, err));
    TRY(db_i64(s, STMT_SYMBOL_AT_COUNT, 0, &rows, &found, err));
    if (symbols.n != symbols_n || (symbols_n > 0 && rows != symbols.n - 1))
        return db_damaged(s, err, "a name is not found");
    TRY(db_i64(s, STMT_SERIES_AT_COUNT, 0, &rows, &found, err));
    return series.n == series_n && rows == series.n ? OK
                                                    : db_damaged(s, err, "a name is not found");
}

static enum status check_all(struct store *s, struct cube *cube, struct err *err)
{
    TRY(check_structure(s, err));
    TRY(check_names(s, err));
    struct progress p = {0};
    int64_t slots, found_buckets, one;
    bool found;
    TRY(db_i64(s, STMT_SEEN_ANY, 0, &one, &found, err));
    s->seen_empty = !found;
    TRY(recent_load(s, err));
    for (int level = 0; level < LEVELS; level++)
        TRY(check_level(s, level, cube, &p, err));
    TRY(check_old(s, cube, &p, err));
    TRY(count_slots(s, &slots, err));
    if (slots * LEVELS != p.facts)
        return db_damaged(s, err, "it knows keys without facts");
    TRY(db_i64(s, STMT_ROLLUP_COUNT, 0, &found_buckets, &found, err));
    if (found_buckets != p.rollups)
        return db_damaged(s, err, "it has rollups without facts");
    TRY(db_i64(s, STMT_TOTAL_COUNT, 0, &found_buckets, &found, err));
    if (found_buckets != p.totals)
        return db_damaged(s, err, "it has totals without facts");
    return exchange_check(s, err);
}

enum status store_check(struct store *s, struct err *err)
{
    if (s->in_batch)
        return err_set(err, ERR_USAGE, "store '%.200s': a batch is open", s->path);
    struct cube *cube;
    TRY(cube_new(&cube, err));
    enum status status = snapshot_begin(s, err);
    if (status == OK)
        status = check_all(s, cube, err);
    snapshot_end(s);
    cube_free(cube);
    return status;
}
