/*
 * From an older version to this one.
 *
 *     3 -> 4   `kept`: since when facts are kept (kept.c); pages that are free can be given back
 *     4 -> 5   rollups and totals of a bucket in several rows (rollup.c); symbol_at and series_at,
 *              by which a writer finds names (naming.c)
 *
 * Only assay's first release wrote stores that are still about, version 3. A further step is a
 * further entry of `steps`, which run one after the other in one transaction.
 */
#include "store/upkeep.h"

#include "store/store_internal.h"

#include <stdio.h>

enum { CELLS = 16 * 1024 }; /* written at once */

static enum status add_kept(struct store *s, struct err *err)
{
    return store_run_sql(s, kept_schema, "bring it to this version", err);
}

static enum status find_symbol(void *ctx, uint32_t id, struct str text, struct err *err)
{
    struct store *s = ctx;
    if (id == 0)
        return OK;
    return naming_put(s, STMT_SYMBOL_AT, STMT_SYMBOL_AT_PUT, naming_hash_symbol(s, text), id, err);
}

static enum status find_series(void *ctx, uint32_t id, const uint32_t symbols[LABELS],
                               struct err *err)
{
    struct store *s = ctx;
    return naming_put(s, STMT_SERIES_AT, STMT_SERIES_AT_PUT, naming_hash_series(s, symbols), id,
                      err);
}

static enum status find_names(struct store *s, struct err *err)
{
    TRY(store_run_sql(s, naming_schema, "bring it to this version", err));
    TRY(names_load_texts(s, STMT_SYMBOLS, find_symbol, s, err));
    uint32_t symbols, series;
    TRY(names_count(s, &symbols, &series, err));
    return names_each_series(s, series, find_series, s, err);
}

static enum status split_row(struct store *s, int64_t id, struct unpack blob, struct err *err)
{
    int level = (int)(id >> LEVEL_BITS);
    struct cell_reader r = cells_of(blob.p, (size_t)(blob.end - blob.p));
    struct cell cell = {0};
    if (level < FIRST_CELLS || level >= LEVELS)
        return db_damaged(s, err, "a rollup cannot be read");
    while (cell_next(&r, &cell) && !cell.sums.bad) {
        if (cube_cells(s->cube) >= CELLS)
            TRY(rollup_flush_level(s, level, err));
        struct sums *sums = cube_at(s->cube, id & LEVEL_MASK, cell.series);
        if (!sums)
            return err_nomem(err);
        unpack_sums(&cell.sums, sums);
    }
    if (r.u.bad || cell.sums.bad)
        return db_damaged(s, err, "a rollup cannot be read");
    return rollup_flush_level(s, level, err);
}

static enum status split_rollups(struct store *s, struct err *err)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(s->db, "SELECT id,cells FROM old_rollup ORDER BY id", -1, &st, NULL) !=
        SQLITE_OK)
        return db_error(s, err, "read it");
    enum status status = OK;
    for (bool row = true; status == OK && row;) {
        status = db_step(s, st, &row, err);
        if (status == OK && row)
            status = split_row(s, sqlite3_column_int64(st, 0), db_blob(st, 1), err);
    }
    sqlite3_finalize(st);
    return status;
}

/* Quarters have no cells, but facts. */
static enum status count_quarters(struct store *s, struct chunk_reader *r, struct err *err)
{
    for (;;) {
        struct chunk_item fact;
        struct invocation v;
        bool more;
        TRY(chunk_next(r, &fact, &more, err));
        if (!more)
            return rollup_flush_level(s, 0, err);
        struct unpack u = unpack_of(fact.p, fact.n);
        if (!unpack_fact(&u, fact_second(fact.key), &v))
            return db_damaged(s, err, "a fact cannot be read");
        if (cube_cells(s->cube) >= CELLS)
            TRY(rollup_flush_level(s, 0, err));
        struct sums *sums = cube_at(s->cube, quarter_of(v.time_us), v.series);
        if (!sums)
            return err_nomem(err);
        sums_add(sums, &v, 1);
    }
}

/* Where facts are gone nothing changes any more, so there one row may have all series. */
static enum status split_quarters(struct store *s, struct err *err)
{
    char sql[200];
    struct chunk_reader r;
    snprintf(sql, sizeof sql,
             "INSERT INTO total SELECT id<<%d,sums,series,counts FROM old_total WHERE id<%lld",
             SHARD_BITS, (long long)quarter_of(s->kept.facts_since_us));
    TRY(store_run_sql(s, sql, "bring it to this version", err));
    TRY(chunk_open(s, CHUNK_FACTS, INT64_MIN, INT64_MAX, &r, err));
    enum status status = count_quarters(s, &r, err);
    chunk_close(&r);
    return status;
}

static enum status split_buckets(struct store *s, struct err *err)
{
    static const char begin[] = "ALTER TABLE rollup RENAME TO old_rollup;"
                                "ALTER TABLE total RENAME TO old_total;";
    static const char end[] = "DROP TABLE old_rollup; DROP TABLE old_total;";
    TRY(find_names(s, err));
    TRY(store_run_sql(s, begin, "bring it to this version", err));
    TRY(store_run_sql(s, rollup_schema, "bring it to this version", err));
    TRY(kept_load(s, err));
    TRY(cube_new(&s->cube, err));
    TRY(split_rollups(s, err));
    TRY(split_quarters(s, err));
    return store_run_sql(s, end, "bring it to this version", err);
}

/* From version STORE_OLDEST + its place to the next. */
static enum status (*const steps[])(struct store *s, struct err *err) = {add_kept, split_buckets};
_Static_assert(sizeof steps / sizeof steps[0] == STORE_VERSION - STORE_OLDEST,
               "a step to each version");

/* By itself a transaction; until the next one it is the old version, and nothing else for it. */
static enum status renew_file(struct store *s, struct err *err)
{
    TRY(store_run_sql(s, "PRAGMA auto_vacuum=INCREMENTAL; VACUUM", "write it anew", err));
    sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return OK;
}

static enum status run_steps(struct store *s, struct err *err)
{
    char mark[64];
    snprintf(mark, sizeof mark, "PRAGMA user_version=%d", STORE_VERSION);
    TRY(db_do(s, STMT_BEGIN_WRITE, err));
    for (int i = s->version - STORE_OLDEST; i < STORE_VERSION - STORE_OLDEST; i++)
        TRY(steps[i](s, err));
    TRY(store_run_sql(s, mark, "bring it to this version", err));
    return db_do(s, STMT_COMMIT, err);
}

enum status store_migrate(const char *path, int *from, int *to, struct err *err)
{
    struct store *s = NULL;
    TRY(store_connect(path, STORE_WRITE, true, &s, err));
    int was = s->version;
    enum status status = OK;
    if (was < STORE_VERSION) {
        status = renew_file(s, err);
        if (status == OK)
            status = run_steps(s, err);
        if (status != OK)
            store_rollback(s);
    }
    store_close(s);
    if (status == OK) {
        *from = was;
        *to = STORE_VERSION;
    }
    return status;
}
