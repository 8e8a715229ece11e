/*
 * Letting go: see upkeep.h for what goes and kept.c for why nothing counts twice then.
 *
 * Facts and exchanges lie in the order of time: the oldest rows go, and `facts_since_us` moves in
 * the same transaction, so that they are never half gone. Keys lie in no order of time: `seen` is
 * walked through, and slots of facts that are gone are taken out. Free pages go at the end of all,
 * some at a time.
 */
#include "store/upkeep.h"

#include "store/store_internal.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ROWS = 2000,      /* unless the caller says */
    ROW_SLOTS = 50,   /* slots in a row of `seen`, about */
    ROWS_MAX = 10000, /* of one call */
};

static int64_t hour_floor(int64_t time_us)
{
    return time_us - time_us % US_PER_HOUR;
}

/* Where facts shall begin, and sums. */
static struct kept goal_of(const struct store *s, const struct store_retention *r)
{
    struct kept goal = s->kept;
    bool some = r->calls_since_us > KEPT_MARGIN && r->calls_since_us < STORE_TIME_END;
    int64_t facts = some ? r->calls_since_us - KEPT_MARGIN : 0;
    if (hour_floor(facts) > goal.facts_since_us)
        goal.facts_since_us = hour_floor(facts);
    int64_t sums = r->sums_since_us > 0 ? hour_floor(r->sums_since_us) : 0;
    if (sums > goal.facts_since_us)
        sums = goal.facts_since_us;
    if (sums > goal.sums_since_us)
        goal.sums_since_us = sums;
    return goal;
}

/* Invocations of whole hours; a whole store has some 9,000 a year. */
static enum status count_hours(struct store *s, int64_t since_us, int64_t until_us, int64_t *n,
                               struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    *n = 0;
    TRY(db_get(s, STMT_TOTAL_RANGE, &st, err));
    sqlite3_bind_int64(st, 1, bucket_row(FIRST_CELLS, since_us / US_PER_HOUR));
    sqlite3_bind_int64(st, 2, bucket_row(FIRST_CELLS, until_us / US_PER_HOUR));
    for (;;) {
        TRY(db_step(s, st, &row, err));
        if (!row)
            return OK;
        *n += unpack_invocations(db_blob(st, 1));
    }
}

/* The first quarter of an hour that has facts, or `until` when none before it has. */
static enum status first_facts(struct store *s, int64_t until_us, int64_t *time_us, struct err *err)
{
    int64_t row, first = bucket_row(0, quarter_of(s->kept.facts_since_us));
    bool found;
    TRY(db_i64(s, STMT_TOTAL_NEXT, first, &row, &found, err));
    *time_us = found && row < bucket_row(1, 0) ? row_bucket(row) * US_PER_QUARTER : until_us;
    if (*time_us > until_us)
        *time_us = until_us;
    return OK;
}

/* How far one piece goes: the hour of the row behind so many, but at least an hour. */
static enum status piece_end(struct store *s, int64_t first_us, int64_t goal_us, int rows,
                             int64_t *end_us, struct err *err)
{
    int64_t id;
    bool found;
    TRY(db_i64(s, STMT_FACT_NTH, rows, &id, &found, err));
    int64_t least = hour_floor(first_us) + US_PER_HOUR;
    *end_us = found ? hour_floor(fact_second(id) * US_PER_SECOND) : goal_us;
    if (*end_us < least)
        *end_us = least;
    if (*end_us > goal_us)
        *end_us = goal_us;
    return OK;
}

static enum status let_calls_go(struct store *s, int64_t goal_us, int rows,
                                struct store_retained *done, struct err *err)
{
    int64_t first_us, end_us = 0;
    TRY(first_facts(s, goal_us, &first_us, err));
    TRY(piece_end(s, first_us, goal_us, rows, &end_us, err));
    TRY(count_hours(s, s->kept.facts_since_us, end_us, &done->calls, err));
    s->kept.facts_since_us = end_us;
    s->kept.sweeping = true;
    s->kept.sweep = INT64_MIN;
    TRY(chunk_cut(s, CHUNK_FACTS, kept_first(s), err));
    return chunk_cut(s, CHUNK_EXCHANGES, kept_first(s), err);
}

static enum status let_sums_go(struct store *s, int64_t goal_us, struct store_retained *done,
                               struct err *err)
{
    int64_t until_us;
    TRY(rollup_forget(s, goal_us, &until_us, &done->sums_of, err));
    s->kept.sums_since_us = until_us;
    s->kept.dropped += done->sums_of;
    return OK;
}

/* Slots of facts that are gone, of one piece of `seen`. */
struct sweep {
    struct chunk_item *gone;
    size_t n;
    int64_t next; /* where the next piece begins */
    bool more;
};

static int64_t slot_fact(const struct chunk_item *slot)
{
    uint64_t fact;
    if (slot->n != sizeof fact) /* damage: seen_get will say so */
        return INT64_MAX;
    memcpy(&fact, slot->p, sizeof fact);
    return (int64_t)le64toh(fact);
}

/*
 * A slot goes only when the next one is free: a key that found its own slot taken stands there or
 * behind, and is looked for only as far as slots are taken. Keys share 64 bits next to never, so
 * what stays for that is next to nothing.
 */
static enum status find_gone(struct store *s, struct chunk_reader *r, size_t most, struct sweep *w,
                             struct err *err)
{
    struct chunk_item slot;
    int64_t before = 0, other;
    bool before_gone = false;
    for (size_t i = 0;; i++) {
        TRY(chunk_next(r, &slot, &w->more, err));
        bool follows = w->more && before != INT64_MAX && slot.key == before + 1;
        if (before_gone && !follows && before != INT64_MAX && !recent_find(s, before + 1, &other))
            w->gone[w->n++] = (struct chunk_item){.key = before};
        if (!w->more)
            return OK;
        w->next = slot.key;
        if (i == most)
            return OK;
        before = slot.key;
        before_gone = slot_fact(&slot) < kept_first(s);
    }
}

static enum status sweep_piece(struct store *s, size_t most, struct sweep *w, struct err *err)
{
    struct chunk_reader r;
    TRY(chunk_open(s, CHUNK_SEEN, s->kept.sweep, INT64_MAX, &r, err));
    enum status status = find_gone(s, &r, most, w, err);
    chunk_close(&r);
    if (status != OK || w->n == 0)
        return status;
    TRY(chunk_put(s, CHUNK_SEEN, w->gone, w->n, true, err));
    return chunk_join(s, CHUNK_SEEN, s->kept.sweep, w->more ? w->next : INT64_MAX, err);
}

static enum status let_keys_go(struct store *s, int rows, struct store_retained *done,
                               struct err *err)
{
    /* Of a slot in `recent` an older state may stand in `seen`, so none is taken out there. */
    if (recent_count(s, 0) > recent_count(s, kept_first(s)))
        return recent_fold_all(s, err);
    size_t most = (size_t)rows * ROW_SLOTS;
    struct sweep w = {.gone = malloc(most * sizeof *w.gone)};
    if (!w.gone)
        return err_nomem(err);
    enum status status = sweep_piece(s, most, &w, err);
    free(w.gone);
    s->kept.sweeping = w.more;
    s->kept.sweep = w.next;
    done->keys = (int64_t)w.n;
    return status;
}

static enum status free_pages(struct store *s, int64_t *n, struct err *err)
{
    bool found;
    return db_i64(s, STMT_FREE_PAGES, 0, n, &found, err);
}

/* The last pages move to free places, and the file ends earlier. */
static enum status shrink(struct store *s, int rows, struct store_retained *done, struct err *err)
{
    char sql[64];
    int64_t before, after = 0;
    TRY(free_pages(s, &before, err));
    if (before == 0)
        return OK;
    snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%d)", rows);
    TRY(store_run_sql(s, sql, "shrink it", err));
    TRY(free_pages(s, &after, err));
    done->pages = before - after;
    done->more = after > 0 && after < before;
    /* What readers still need stays in the -wal, and a later checkpoint finds it. */
    if (!done->more)
        sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return OK;
}

/* *any is false when nothing but room is left to be given back. */
static enum status one_piece(struct store *s, const struct store_retention *r, int rows,
                             struct store_retained *done, bool *any, struct err *err)
{
    struct kept goal = goal_of(s, r);
    int64_t first_us;
    TRY(first_facts(s, goal.facts_since_us, &first_us, err));
    *any = true;
    /* Where no fact is that old nothing changes: late records can still be told apart. */
    if (first_us < goal.facts_since_us)
        return let_calls_go(s, goal.facts_since_us, rows, done, err);
    if (goal.sums_since_us > s->kept.facts_since_us)
        goal.sums_since_us = s->kept.facts_since_us;
    if (s->kept.sums_since_us < goal.sums_since_us)
        return let_sums_go(s, goal.sums_since_us, done, err);
    if (s->kept.sweeping)
        return let_keys_go(s, rows, done, err);
    *any = false;
    return OK;
}

enum status store_retain(struct store *s, const struct store_retention *r,
                         struct store_retained *done, struct err *err)
{
    struct store_retained made = {0};
    bool any = false;
    int rows = r->rows <= 0 ? ROWS : r->rows < ROWS_MAX ? r->rows : ROWS_MAX;
    TRY(store_begin(s, err));
    enum status status = one_piece(s, r, rows, &made, &any, err);
    if (status != OK) {
        store_rollback(s);
        return status;
    }
    TRY(store_commit(s, err));
    made.more = any;
    if (!any)
        TRY(shrink(s, rows, &made, err));
    *done = made;
    return OK;
}

static enum status preview(struct store *s, const struct store_retention *r,
                           struct store_retained *out, struct err *err)
{
    struct kept goal = goal_of(s, r);
    TRY(count_hours(s, s->kept.facts_since_us, goal.facts_since_us, &out->calls, err));
    return count_hours(s, s->kept.sums_since_us, goal.sums_since_us, &out->sums_of, err);
}

enum status store_retain_preview(struct store *s, const struct store_retention *r,
                                 struct store_retained *out, struct err *err)
{
    struct store_retained made = {0};
    if (s->in_batch)
        return err_set(err, ERR_USAGE, "store '%.200s': a batch is open", s->path);
    TRY(snapshot_begin(s, err));
    enum status status = preview(s, r, &made, err);
    snapshot_end(s);
    made.more = made.calls > 0 || made.sums_of > 0;
    if (status == OK)
        *out = made;
    return status;
}
