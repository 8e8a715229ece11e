/*
 * Since when the store keeps single calls, and since when sums. retain.c moves both forward, hour
 * by hour; here is the row that says how far, and why nothing counts twice for it.
 *
 * Once a fact and its key are gone, nobody can tell whether a record of that time was counted. So
 * records of that time are not counted any more, only as `late`. Two records of one call need not
 * have the same time to the microsecond: facts therefore stay a day (KEPT_MARGIN) longer than
 * records of their time are taken, and a second record that is younger by less than that still
 * meets the first.
 *
 * The slot of a key that is gone may stand in `seen` for a while (`sweep`): it is passed over.
 */
#include "store/store_internal.h"

const char kept_schema[] =
    "CREATE TABLE kept(id INTEGER PRIMARY KEY, facts_since_us INTEGER NOT NULL,"
    " sums_since_us INTEGER NOT NULL, sweep INTEGER, late INTEGER NOT NULL,"
    " dropped INTEGER NOT NULL) STRICT;"
    "INSERT INTO kept VALUES(1,0,0,NULL,0,0);";

static bool is_good(const struct kept *k)
{
    return k->sums_since_us >= 0 && k->sums_since_us % US_PER_HOUR == 0 &&
           k->facts_since_us >= k->sums_since_us && k->facts_since_us % US_PER_HOUR == 0 &&
           k->facts_since_us < STORE_TIME_END && k->late >= 0 && k->dropped >= 0;
}

enum status kept_load(struct store *s, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    s->kept = (struct kept){0};
    if (s->version < KEPT_VERSION) /* it keeps everything */
        return OK;
    TRY(db_get(s, STMT_KEPT_GET, &st, err));
    TRY(db_step(s, st, &row, err));
    if (!row)
        return db_damaged(s, err, "it does not say what it keeps");
    const struct kept k = {
        .facts_since_us = sqlite3_column_int64(st, 0),
        .sums_since_us = sqlite3_column_int64(st, 1),
        .sweeping = sqlite3_column_type(st, 2) != SQLITE_NULL,
        .sweep = sqlite3_column_int64(st, 2),
        .late = sqlite3_column_int64(st, 3),
        .dropped = sqlite3_column_int64(st, 4),
    };
    sqlite3_reset(st);
    if (!is_good(&k))
        return db_damaged(s, err, "it does not say what it keeps");
    s->kept = s->kept_saved = k;
    return OK;
}

static bool same(const struct kept *a, const struct kept *b)
{
    return a->facts_since_us == b->facts_since_us && a->sums_since_us == b->sums_since_us &&
           a->sweeping == b->sweeping && a->sweep == b->sweep && a->late == b->late &&
           a->dropped == b->dropped;
}

enum status kept_save(struct store *s, struct err *err)
{
    const struct kept *k = &s->kept;
    sqlite3_stmt *st = NULL;
    if (same(k, &s->kept_saved))
        return OK;
    TRY(db_get(s, STMT_KEPT_PUT, &st, err));
    sqlite3_bind_int64(st, 1, k->facts_since_us);
    sqlite3_bind_int64(st, 2, k->sums_since_us);
    if (k->sweeping)
        sqlite3_bind_int64(st, 3, k->sweep);
    else
        sqlite3_bind_null(st, 3);
    sqlite3_bind_int64(st, 4, k->late);
    sqlite3_bind_int64(st, 5, k->dropped);
    return db_run(s, st, err);
}
