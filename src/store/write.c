/*
 * A batch. Invocations are gathered up to BATCH and then settled together, so that each table is
 * touched in its own order: keys sorted, facts by time, rollups by bucket.
 *
 * Two records with one key are found whatever their times, by 64 bits of the key: slot k names the
 * fact; when another key stands there, the next slot (linear probing).
 * Slots are in `seen`. Keys are random, so in a large `seen` every batch would change nearly every
 * page; new and changed ones therefore gather in `recent`, in memory and as a log in the file, and
 * are folded into `seen` from time to time.
 *
 * Where old facts are let go (retain.c), a slot may name one that is gone; it stays taken until it
 * is swept.
 */
#include "store/store_internal.h"

#include <endian.h>
#include <stdlib.h>

enum { CUBE_MAX = 32 * 1024 /* cells, some 380 bytes each */ };

static int64_t fact_id(const struct invocation *v)
{
    return (v->time_us / US_PER_SECOND) << FACT_BITS | ((int64_t)v->key.lo & FACT_MASK);
}

enum status fact_get(struct store *s, int64_t id, struct invocation *v, struct err *err)
{
    struct unpack u;
    bool found;
    TRY(chunk_find(s, CHUNK_FACTS, id, &u, &found, err));
    if (!found || !unpack_fact(&u, fact_second(id), v))
        return db_damaged(s, err, "a fact cannot be read");
    return OK;
}

static size_t pack(uint8_t *bytes, const struct invocation *v)
{
    return (size_t)(pack_fact(bytes, v, v->series, (uint32_t)(v->time_us % US_PER_SECOND)) - bytes);
}

/* Puts one fact under *id or, when that is taken, a later one of the same second. */
static enum status fact_put(struct store *s, const struct invocation *v, int64_t *id,
                            struct err *err)
{
    uint8_t bytes[PACK_FACT_MAX];
    for (int64_t tries = 0; tries <= FACT_MASK; tries++) {
        struct unpack there;
        bool found;
        TRY(chunk_find(s, CHUNK_FACTS, *id, &there, &found, err));
        if (!found) {
            struct chunk_item item = {.key = *id, .p = bytes, .n = pack(bytes, v)};
            return chunk_put(s, CHUNK_FACTS, &item, 1, false, err);
        }
        *id = (*id & ~FACT_MASK) | ((*id + 1) & FACT_MASK);
    }
    return err_set(err, ERR_LIMIT, "store '%.200s': too many invocations in one second", s->path);
}

enum status count_invocation(struct store *s, const struct invocation *v, int sign, struct err *err)
{
    if (cube_cells(s->cube) >= CUBE_MAX)
        TRY(rollup_flush(s, err));
    struct sums *sums = cube_at(s->cube, quarter_of(v->time_us), v->series);
    if (!sums)
        return err_nomem(err);
    sums_add(sums, v, sign);
    return OK;
}

enum status seen_get(struct store *s, int64_t slot, int64_t *id, bool *found, struct err *err)
{
    struct unpack u;
    uint64_t fact;
    *found = false;
    if (s->seen_empty)
        return OK;
    TRY(chunk_find(s, CHUNK_SEEN, slot, &u, found, err));
    if (!*found)
        return OK;
    if ((size_t)(u.end - u.p) != sizeof fact)
        return db_damaged(s, err, "a slot of a key");
    memcpy(&fact, u.p, sizeof fact);
    *id = (int64_t)le64toh(fact);
    return OK;
}

static enum status slot_get(struct store *s, int64_t slot, int64_t *id, bool *found,
                            struct err *err)
{
    *found = recent_find(s, slot, id);
    return *found ? OK : seen_get(s, slot, id, found, err);
}

enum status slot_find(struct store *s, const struct hash128 *key, int64_t *slot, int64_t *id,
                      struct invocation *v, bool *found, struct err *err)
{
    for (uint64_t k = key->hi;; k++) {
        *slot = (int64_t)k;
        TRY(slot_get(s, *slot, id, found, err));
        if (!*found)
            return OK;
        if (*id < kept_first(s)) /* of a fact that is gone: as good as another key's */
            continue;
        TRY(fact_get(s, *id, v, err));
        if (hash128_eq(v->key, *key))
            return OK;
    }
}

/* As slot_find. Mostly the fact that the slot named when the batch was looked through is the one;
 * it is not when another key stands there, whose fact may be gone by now. */
static enum status find_known(struct store *s, const struct entry *e, int64_t *slot, int64_t *id,
                              struct invocation *old, bool *found, struct err *err)
{
    const struct hash128 *key = &s->pending[e->at].key;
    struct unpack u;
    TRY(chunk_find(s, CHUNK_FACTS, e->known, &u, found, err));
    if (!*found || e->known < kept_first(s) || !unpack_fact(&u, fact_second(e->known), old) ||
        !hash128_eq(old->key, *key))
        return slot_find(s, key, slot, id, old, found, err);
    *slot = e->k;
    *id = e->known;
    return OK;
}

/* The same record again: the first time its bodies may not have been looked at. */
static enum status complete(struct store *s, int64_t id, const struct span *kept, struct err *err)
{
    if (kept->n == 0)
        return OK;
    bool found;
    TRY(exchange_find(s, id, &found, err));
    return found ? OK : exchange_put(s, id, kept, err);
}

/* An invocation whose slot is taken: by a record of the same key or by another key. */
static enum status settle_known(struct store *s, const struct entry *e, struct err *err)
{
    const struct invocation *v = &s->pending[e->at];
    const struct span *kept = &s->pending_exchange[e->at];
    int64_t slot, old_id, id = e->id;
    bool found;
    struct invocation old;
    TRY(find_known(s, e, &slot, &old_id, &old, &found, err));
    if (found) {
        if (!invocation_beats(v, &old))
            return invocation_beats(&old, v) ? OK : complete(s, old_id, kept, err);
        struct chunk_item drop = {.key = old_id};
        TRY(chunk_put(s, CHUNK_FACTS, &drop, 1, true, err));
        if (s->has_exchanges)
            TRY(exchange_drop(s, old_id, err));
        TRY(count_invocation(s, &old, -1, err));
    }
    TRY(fact_put(s, v, &id, err));
    TRY(exchange_put(s, id, kept, err));
    TRY(count_invocation(s, v, 1, err));
    return recent_set(s, slot, id, err);
}

enum { SLICE = 1024 };

struct slice {
    struct chunk_item items[SLICE];
    uint8_t bytes[SLICE * PACK_FACT_MAX];
};

struct slice *slice_new(void)
{
    return malloc(sizeof(struct slice));
}

/* Of those facts of the slice that stand under their first id. */
static enum status put_exchanges(struct store *s, const struct entry *e, size_t n, struct err *err)
{
    struct chunk_item *items = s->slice->items;
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        const struct span *kept = &s->pending_exchange[e[i].at];
        if (items[i].taken || kept->n == 0)
            continue;
        items[found++] =
            (struct chunk_item){.key = e[i].id, .p = exchange_bytes_of(s, kept), .n = kept->n};
    }
    return chunk_put(s, CHUNK_EXCHANGES, items, found, true, err);
}

/* At most SLICE fresh invocations, ordered by id. */
static enum status put_slice(struct store *s, const struct entry *e, size_t n, struct err *err)
{
    struct slice *slice = s->slice;
    uint8_t *p = slice->bytes;
    for (size_t i = 0; i < n; i++) {
        size_t len = pack(p, &s->pending[e[i].at]);
        slice->items[i] = (struct chunk_item){
            .key = e[i].id, .p = p, .n = len, .taken = i > 0 && e[i].id == e[i - 1].id};
        p += len;
        TRY(count_invocation(s, &s->pending[e[i].at], 1, err));
    }
    TRY(chunk_put(s, CHUNK_FACTS, slice->items, n, false, err));
    for (size_t i = 0; i < n; i++) {
        if (!slice->items[i].taken)
            continue;
        int64_t id = e[i].id;
        TRY(fact_put(s, &s->pending[e[i].at], &id, err));
        TRY(exchange_put(s, id, &s->pending_exchange[e[i].at], err));
        TRY(recent_set(s, e[i].k, id, err));
    }
    return s->packed.n > 0 ? put_exchanges(s, e, n, err) : OK;
}

static int by_key(const void *a, const void *b, void *store)
{
    const struct store *s = store;
    const struct entry *x = a, *y = b;
    if (x->k != y->k)
        return x->k < y->k ? -1 : 1;
    const struct invocation *v = &s->pending[x->at], *w = &s->pending[y->at];
    if (v->key.lo != w->key.lo)
        return v->key.lo < w->key.lo ? -1 : 1;
    if (invocation_beats(v, w))
        return -1;
    if (invocation_beats(w, v))
        return 1;
    size_t n = s->pending_exchange[x->at].n, m = s->pending_exchange[y->at].n;
    return (n < m) - (n > m);
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
        e[i] = (struct entry){.k = (int64_t)v->key.hi, .id = fact_id(v), .at = (uint32_t)i};
    }
    qsort_r(e, s->pending_n, sizeof *e, by_key, s);
    size_t n = 0;
    for (size_t i = 0; i < s->pending_n; i++)
        if (n == 0 || !hash128_eq(s->pending[e[n - 1].at].key, s->pending[e[i].at].key))
            e[n++] = e[i];
    return n;
}

/* Takes the slot of a key that was never seen; *taken false when something stands there. */
static enum status take_slot(struct store *s, struct entry *e, bool *taken, struct err *err)
{
    bool found;
    TRY(slot_get(s, e->k, &e->known, &found, err));
    *taken = !found;
    return found ? OK : recent_set(s, e->k, e->id, err);
}

/* The known ones come last: whatever their slots name must be a fact by then. */
enum status settle_pending(struct store *s, struct err *err)
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
    for (size_t i = 0; i < fresh_n; i += SLICE)
        TRY(put_slice(s, &s->fresh[i], fresh_n - i < SLICE ? fresh_n - i : SLICE, err));
    qsort(s->known, known_n, sizeof *s->known, by_id);
    for (size_t i = 0; i < known_n; i++)
        TRY(settle_known(s, &s->known[i], err));
    s->pending_n = 0;
    s->has_exchanges |= s->packed.n > 0;
    buf_reset(&s->packed);
    TRY(names_make_room(s, err));
    return recent_save(s, err);
}

static enum status begin(struct store *s, struct err *err)
{
    snapshot_end(s);
    TRY(db_do(s, STMT_BEGIN_WRITE, err));
    s->in_batch = true;
    TRY(kept_load(s, err));
    TRY(naming_begin(s, err));
    if (!s->recent.slots)
        TRY(recent_load(s, err));
    bool found;
    int64_t one;
    TRY(db_i64(s, STMT_SEEN_ANY, 0, &one, &found, err));
    s->seen_empty = !found;
    return db_i64(s, STMT_EXCHANGE_ANY, 0, &one, &s->has_exchanges, err);
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
        if (v[i].time_us < kept_late(s)) {
            s->kept.late++;
            continue;
        }
        if (s->pending_n == BATCH || s->packed.n > PACKED_MAX)
            TRY(settle_pending(s, err));
        struct invocation *mine = &s->pending[s->pending_n];
        *mine = v[i];
        TRY(names_map(s, series, v[i].series, &mine->series, err));
        if (s->repricing)
            TRY(reprice_put(s, mine, err));
        TRY(exchange_keep(s, &v[i], &s->pending_exchange[s->pending_n], err));
        mine->exchange = NULL; /* the caller's */
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

static enum status commit(struct store *s, struct err *err)
{
    TRY(settle_pending(s, err));
    TRY(rollup_flush(s, err));
    TRY(names_save(s, err));
    TRY(vocabulary_save(s, err));
    TRY(recent_fold(s, err));
    TRY(kept_save(s, err));
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
    vocabulary_saved(s);
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
    buf_reset(&s->packed);
    recent_forget(s);
    chunk_forget(s);
    s->naming.stale = true;
    s->in_batch = false;
}
