/*
 * A batch. Invocations are gathered up to BATCH and then settled together, so that each table is
 * touched in its own order: keys sorted, facts by time, rollups by bucket.
 *
 * Two records with one key are found whatever their times, by 64 bits of the key: slot k of `seen`
 * names the fact; when another key stands there, the next slot (linear probing; nothing is ever
 * removed). Keys are random, so in a large `seen` every batch would change nearly every page; new
 * ones therefore gather in the small `recent`, which is folded into `seen` from time to time. A
 * slot is in one of the two.
 */
#include "store/store_internal.h"

#include <stdlib.h>

enum {
    FOLD = 512 * 1024,    /* slots in `recent`: about 15 MB, which the page cache holds */
    CUBE_MAX = 32 * 1024, /* cells, some 380 bytes each */
};

static int64_t fact_id(const struct invocation *v)
{
    return (v->time_us / US_PER_SECOND) << FACT_BITS | ((int64_t)v->key.lo & FACT_MASK);
}

enum status fact_get(struct store *s, int64_t id, struct invocation *v, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    TRY(db_get(s, STMT_FACT_GET, &st, err));
    sqlite3_bind_int64(st, 1, id);
    TRY(db_step(s, st, &row, err));
    bool good = false;
    if (row) {
        struct unpack u = db_blob(st, 0);
        good = unpack_fact(&u, fact_second(id), v);
        sqlite3_reset(st);
    }
    return good ? OK : db_damaged(s, err, "a fact cannot be read");
}

/* Inserts under *id or, when that is taken, a later one of the same second. */
static enum status fact_put(struct store *s, const struct invocation *v, int64_t *id,
                            struct err *err)
{
    uint8_t bytes[PACK_FACT_MAX];
    size_t n =
        (size_t)(pack_fact(bytes, v, v->series, (uint32_t)(v->time_us % US_PER_SECOND)) - bytes);
    for (int64_t tries = 0; tries <= FACT_MASK; tries++) {
        TRY(db_put_blob(s, STMT_FACT_PUT, *id, bytes, n, err));
        if (sqlite3_changes(s->db) > 0)
            return OK;
        *id = (*id & ~FACT_MASK) | ((*id + 1) & FACT_MASK);
    }
    return err_set(err, ERR_LIMIT, "store '%.200s': too many invocations in one second", s->path);
}

static enum status count(struct store *s, const struct invocation *v, int sign, struct err *err)
{
    if (cube_cells(s->cube) >= CUBE_MAX)
        TRY(rollup_flush(s, err));
    struct sums *sums = cube_at(s->cube, quarter_of(v->time_us), v->series);
    if (!sums)
        return err_nomem(err);
    sums_add(sums, v, sign);
    return OK;
}

static enum status bind_pair(struct store *s, enum stmt id, int64_t a, int64_t b, struct err *err)
{
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, id, &st, err));
    sqlite3_bind_int64(st, 1, a);
    sqlite3_bind_int64(st, 2, b);
    return db_run(s, st, err);
}

static enum status slot_get(struct store *s, int64_t slot, int64_t *id, bool *in_seen, bool *found,
                            struct err *err)
{
    *in_seen = false;
    TRY(db_i64(s, STMT_RECENT_GET, slot, id, found, err));
    if (!*found && !s->seen_empty) {
        TRY(db_i64(s, STMT_SEEN_GET, slot, id, found, err));
        *in_seen = *found;
    }
    return OK;
}

enum status seen_find(struct store *s, const struct hash128 *key, int64_t *slot, int64_t *id,
                      bool *in_seen, struct invocation *v, bool *found, struct err *err)
{
    for (uint64_t k = key->hi;; k++) {
        *slot = (int64_t)k;
        TRY(slot_get(s, *slot, id, in_seen, found, err));
        if (!*found)
            return OK;
        TRY(fact_get(s, *id, v, err));
        if (hash128_eq(v->key, *key))
            return OK;
    }
}

/* An invocation whose slot is taken: by a record of the same key or by another key. */
static enum status settle_known(struct store *s, const struct entry *e, struct err *err)
{
    const struct invocation *v = &s->pending[e->at];
    int64_t slot, old_id, id = e->id;
    bool in_seen, found;
    struct invocation old;
    TRY(seen_find(s, &v->key, &slot, &old_id, &in_seen, &old, &found, err));
    if (found) {
        if (!invocation_beats(v, &old))
            return OK;
        sqlite3_stmt *drop = NULL;
        TRY(db_get(s, STMT_FACT_DROP, &drop, err));
        sqlite3_bind_int64(drop, 1, old_id);
        TRY(db_run(s, drop, err));
        TRY(count(s, &old, -1, err));
    }
    TRY(fact_put(s, v, &id, err));
    TRY(count(s, v, 1, err));
    if (found)
        return bind_pair(s, in_seen ? STMT_SEEN_MOVE : STMT_RECENT_MOVE, slot, id, err);
    s->recent_n++;
    return bind_pair(s, STMT_RECENT_PUT, slot, id, err);
}

static enum status settle_fresh(struct store *s, const struct entry *e, struct err *err)
{
    const struct invocation *v = &s->pending[e->at];
    int64_t id = e->id;
    TRY(fact_put(s, v, &id, err));
    if (id != e->id)
        TRY(bind_pair(s, STMT_RECENT_MOVE, e->k, id, err));
    return count(s, v, 1, err);
}

static int by_key(const void *a, const void *b, void *pending)
{
    const struct entry *x = a, *y = b;
    if (x->k != y->k)
        return x->k < y->k ? -1 : 1;
    const struct invocation *v = (const struct invocation *)pending + x->at;
    const struct invocation *w = (const struct invocation *)pending + y->at;
    if (v->key.lo != w->key.lo)
        return v->key.lo < w->key.lo ? -1 : 1;
    if (invocation_beats(v, w))
        return -1;
    return invocation_beats(w, v);
}

static int by_id(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Entries of the pending invocations by key, of each key the best one; returns how many. */
static size_t order_pending(struct store *s, struct entry *e)
{
    for (size_t i = 0; i < s->pending_n; i++) {
        const struct invocation *v = &s->pending[i];
        e[i] = (struct entry){(int64_t)v->key.hi, fact_id(v), (uint32_t)i};
    }
    qsort_r(e, s->pending_n, sizeof *e, by_key, s->pending);
    size_t n = 0;
    for (size_t i = 0; i < s->pending_n; i++)
        if (n == 0 || !hash128_eq(s->pending[e[n - 1].at].key, s->pending[e[i].at].key))
            e[n++] = e[i];
    return n;
}

/* Takes the slot of a key that was never seen; *taken false when something stands there. */
static enum status take_slot(struct store *s, const struct entry *e, bool *taken, struct err *err)
{
    if (!s->seen_empty) {
        int64_t id;
        bool found;
        TRY(db_i64(s, STMT_SEEN_GET, e->k, &id, &found, err));
        if (found) {
            *taken = false;
            return OK;
        }
    }
    TRY(bind_pair(s, STMT_RECENT_PUT, e->k, e->id, err));
    *taken = sqlite3_changes(s->db) > 0;
    s->recent_n += *taken;
    return OK;
}

/* The known ones come last: whatever their slots name must be a fact by then. */
static enum status settle(struct store *s, struct err *err)
{
    size_t n = order_pending(s, s->fresh), fresh_n = 0, known_n = 0;
    for (size_t i = 0; i < n; i++) {
        struct entry e = s->fresh[i];
        bool taken;
        TRY(take_slot(s, &e, &taken, err));
        if (taken)
            s->fresh[fresh_n++] = e;
        else
            s->known[known_n++] = e;
    }
    qsort(s->fresh, fresh_n, sizeof *s->fresh, by_id);
    for (size_t i = 0; i < fresh_n; i++)
        TRY(settle_fresh(s, &s->fresh[i], err));
    qsort(s->known, known_n, sizeof *s->known, by_id);
    for (size_t i = 0; i < known_n; i++)
        TRY(settle_known(s, &s->known[i], err));
    s->pending_n = 0;
    return OK;
}

static enum status begin(struct store *s, struct err *err)
{
    snapshot_end(s);
    TRY(db_do(s, STMT_BEGIN_WRITE, err));
    s->in_batch = true;
    bool found;
    if (s->recent_n < 0)
        TRY(db_i64(s, STMT_RECENT_COUNT, 0, &s->recent_n, &found, err));
    int64_t one;
    TRY(db_i64(s, STMT_SEEN_ANY, 0, &one, &found, err));
    s->seen_empty = !found;
    return OK;
}

enum status store_begin(struct store *s, struct err *err)
{
    if (s->mode != STORE_WRITE || s->in_batch)
        return err_set(err, ERR_USAGE, "store '%.200s': not open for writing, or a batch is open",
                       s->path);
    names_forget_map(s);
    enum status status = begin(s, err);
    if (status != OK)
        store_rollback(s);
    return status;
}

static enum status need_batch(const struct store *s, struct err *err)
{
    if (s->in_batch)
        return OK;
    return err_set(err, ERR_USAGE, "store '%.200s': no batch is open", s->path);
}

static enum status put(struct store *s, const struct series *series, const struct invocation *v,
                       size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].time_us < 0 || v[i].time_us >= STORE_TIME_END)
            return err_set(err, ERR_RANGE, "store '%.200s': a time outside of 1970 to 9999",
                           s->path);
        if (s->pending_n == BATCH)
            TRY(settle(s, err));
        struct invocation *mine = &s->pending[s->pending_n];
        *mine = v[i];
        TRY(names_map(s, series, v[i].series, &mine->series, err));
        s->pending_n++;
    }
    return OK;
}

enum status store_put(struct store *s, const struct series *series, const struct invocation *v,
                      size_t n, struct err *err)
{
    TRY(need_batch(s, err));
    enum status status = put(s, series, v, n, err);
    if (status != OK)
        store_rollback(s);
    return status;
}

static enum status fold(struct store *s, struct err *err)
{
    if (s->recent_n < FOLD)
        return OK;
    TRY(db_do(s, STMT_RECENT_FOLD, err));
    TRY(db_do(s, STMT_RECENT_CLEAR, err));
    s->recent_n = 0;
    return OK;
}

static enum status commit(struct store *s, struct err *err)
{
    TRY(settle(s, err));
    TRY(rollup_flush(s, err));
    TRY(names_save(s, err));
    TRY(fold(s, err));
    return db_do(s, STMT_COMMIT, err);
}

enum status store_commit(struct store *s, struct err *err)
{
    TRY(need_batch(s, err));
    enum status status = commit(s, err);
    if (status != OK) {
        store_rollback(s);
        return status;
    }
    names_saved(s);
    s->in_batch = false;
    return OK;
}

void store_rollback(struct store *s)
{
    /* SQLite rolls back by itself on some errors. */
    if (s->mode == STORE_WRITE && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    if (s->cube)
        cube_reset(s->cube);
    s->pending_n = 0;
    s->recent_n = -1;
    s->in_batch = false;
}
