/*
 * Does everything in the store still agree? SQLite's own structure, the rollups with the sums of
 * the facts, the totals with the rollups, the slots of the keys with the facts. Reads everything;
 * memory as for one bucket of the coarsest level.
 */
#include "store/store_internal.h"

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

/* Every cell of the blob is in the cube with the same sums, and there are as many. */
static bool same_cells(struct cube *cube, struct unpack blob)
{
    struct cell_reader r = cells_of(blob.p, (size_t)(blob.end - blob.p));
    struct cell cell;
    size_t n = 0;
    for (; cell_next(&r, &cell); n++) {
        struct sums sums = {0};
        unpack_sums(&cell.sums, &sums);
        const struct sums *expected = cube_at(cube, 0, cell.series);
        if (cell.sums.bad || !expected || !same_sums(&sums, expected))
            return false;
    }
    return !r.u.bad && n == cube_cells(cube);
}

/* The series of the cube and no others; with counts, their invocations. */
static bool same_series(struct cube *cube, struct unpack series, struct unpack counts, bool counted)
{
    struct present_reader r = present_of(series);
    size_t n = 0, cells = cube_cells(cube);
    for (uint32_t id; present_next(&r, &id); n++) {
        const struct sums *sums = cube_at(cube, 0, id);
        if (!sums || (counted && sums->count[COUNT_INVOCATIONS] != unpack_i64(&counts)))
            return false;
    }
    return !r.u.bad && !counts.bad && counts.p == counts.end && n == cells &&
           cube_cells(cube) == cells;
}

static enum status check_rollup(struct store *s, struct cube *cube, int64_t id, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    TRY(db_get(s, STMT_ROLLUP_GET, &st, err));
    sqlite3_bind_int64(st, 1, id);
    TRY(db_step(s, st, &row, err));
    bool good = row && same_cells(cube, db_blob(st, 0));
    sqlite3_reset(st);
    return good ? OK : db_damaged(s, err, "a rollup is not the sum of its facts");
}

static enum status check_total(struct store *s, struct cube *cube, int64_t id, bool counted,
                               struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    struct sums sum = {0}, kept = {0};
    for (size_t i = 0; i < cube_cells(cube); i++)
        pack_add(&sum, cube_cell(cube, i).sums);
    TRY(db_get(s, STMT_TOTAL_GET, &st, err));
    sqlite3_bind_int64(st, 1, id);
    TRY(db_step(s, st, &row, err));
    bool good = row;
    if (row) {
        struct unpack u = db_blob(st, 0);
        unpack_sums(&u, &kept);
        good = !u.bad && same_series(cube, db_blob(st, 1), db_blob(st, 2), counted) &&
               same_sums(&sum, &kept);
    }
    sqlite3_reset(st);
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

struct progress {
    int64_t facts, rollups, totals;
};

/* Compares what is kept of one bucket with the facts' sums, then empties the cube. */
static enum status check_bucket(struct store *s, struct cube *cube, int level, int64_t bucket,
                                struct progress *p, struct err *err)
{
    int64_t id = (int64_t)level << LEVEL_BITS | bucket;
    if (level >= FIRST_CELLS) {
        TRY(check_rollup(s, cube, id, err));
        p->rollups++;
    }
    TRY(check_total(s, cube, id, level < FIRST_CELLS, err));
    p->totals++;
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

/* How many slots there are; one that is in `recent` and in `seen` counts once. */
static enum status count_slots(struct store *s, int64_t *n, struct err *err)
{
    struct chunk_reader r;
    struct chunk_item slot;
    bool more, any = false;
    int64_t fact, last = 0;
    enum status status;
    *n = (int64_t)s->recent.n;
    TRY(chunk_open(s, CHUNK_SEEN, INT64_MIN, INT64_MAX, &r, err));
    while ((status = chunk_next(&r, &slot, &more, err)) == OK && more) {
        if (any && slot.key <= last) {
            status = db_damaged(s, err, "a slot of a key");
            break;
        }
        any = true;
        last = slot.key;
        *n += !recent_find(s, slot.key, &fact);
    }
    chunk_close(&r);
    return status;
}

static enum status check_all(struct store *s, struct cube *cube, struct err *err)
{
    TRY(check_structure(s, err));
    struct progress p = {0};
    int64_t slots, found_buckets, one;
    bool found;
    TRY(db_i64(s, STMT_SEEN_ANY, 0, &one, &found, err));
    s->seen_empty = !found;
    TRY(recent_load(s, err));
    for (int level = 0; level < LEVELS; level++)
        TRY(check_level(s, level, cube, &p, err));
    TRY(count_slots(s, &slots, err));
    if (slots * LEVELS != p.facts)
        return db_damaged(s, err, "it knows keys without facts");
    TRY(db_i64(s, STMT_ROLLUP_COUNT, 0, &found_buckets, &found, err));
    if (found_buckets != p.rollups)
        return db_damaged(s, err, "it has rollups without facts");
    TRY(db_i64(s, STMT_TOTAL_COUNT, 0, &found_buckets, &found, err));
    if (found_buckets != p.totals)
        return db_damaged(s, err, "it has totals without facts");
    return OK;
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
