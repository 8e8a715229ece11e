/*
 * The newest slots of keys: see write.c. In memory they are a table in the order of the keys (open
 * addressing that keeps order: the place follows from the key's top bits), so that folding them
 * into `seen` is one pass. In the file they are a log: each row some pairs of key and fact, of
 * which the last one of a key holds. A slot found here overrules `seen`.
 */
#include "store/store_internal.h"

#include <endian.h>
#include <stdlib.h>

enum {
    FOLD = 300 * 1000, /* slots; with those of a batch the table is some 9 MB */
    FIRST_SLOTS = 1024,
    SLICE = 1024, /* slots folded at once */
    PAIR = 16,    /* bytes of a slot in the file */
};

#define NO_FACT (-1)

/* The last place stays empty, so that every search ends. */
static size_t room_of(size_t size)
{
    return size + size / 8 + 64;
}

/* No key of the table stands before its home. Places behind the last home are for overflow. */
static size_t home(const struct recent *r, int64_t k)
{
    __extension__ typedef unsigned __int128 wide;
    uint64_t place = (uint64_t)k ^ UINT64_C(1) << 63;
    return (size_t)((wide)place * r->size >> 64);
}

static size_t place_of(const struct recent *r, int64_t k)
{
    size_t at = home(r, k);
    while (r->slots[at].fact != NO_FACT && r->slots[at].k < k)
        at++;
    return at;
}

static bool renew(struct recent *r, size_t size)
{
    struct slot *slots = malloc(room_of(size) * sizeof *slots);
    if (!slots)
        return false;
    memset(slots, 0xff, room_of(size) * sizeof *slots);
    *r = (struct recent){.slots = slots, .size = size};
    return true;
}

/* False when there is no room: the table must grow. */
static bool place(struct recent *r, int64_t k, int64_t fact)
{
    size_t at = place_of(r, k), end = at, last = room_of(r->size) - 1;
    if (r->slots[at].fact != NO_FACT && r->slots[at].k == k) {
        r->slots[at].fact = fact;
        return true;
    }
    while (r->slots[end].fact != NO_FACT)
        end++;
    if (end == last)
        return false;
    memmove(&r->slots[at + 1], &r->slots[at], (end - at) * sizeof *r->slots);
    r->slots[at] = (struct slot){k, fact};
    r->n++;
    return true;
}

static bool grow(struct recent *r)
{
    for (size_t size = r->size * 2;; size *= 2) {
        struct recent wider;
        if (!renew(&wider, size))
            return false;
        bool fits = true;
        for (size_t i = 0; fits && i < room_of(r->size); i++)
            if (r->slots[i].fact != NO_FACT)
                fits = place(&wider, r->slots[i].k, r->slots[i].fact);
        free(fits ? r->slots : wider.slots);
        if (fits) {
            *r = wider;
            return true;
        }
    }
}

static bool set(struct recent *r, int64_t k, int64_t fact)
{
    if (r->n >= r->size / 8 * 7 && !grow(r))
        return false;
    while (!place(r, k, fact))
        if (!grow(r))
            return false;
    return true;
}

bool recent_find(const struct store *s, int64_t k, int64_t *fact)
{
    const struct slot *slot = &s->recent.slots[place_of(&s->recent, k)];
    if (slot->fact == NO_FACT || slot->k != k)
        return false;
    *fact = slot->fact;
    return true;
}

enum status recent_set(struct store *s, int64_t k, int64_t fact, struct err *err)
{
    const uint64_t pair[] = {htole64((uint64_t)k), htole64((uint64_t)fact)};
    _Static_assert(sizeof pair == PAIR, "a slot in the file");
    buf_append(&s->log, pair, sizeof pair);
    return set(&s->recent, k, fact) && buf_status(&s->log) == OK ? OK : err_nomem(err);
}

static bool load_row(struct recent *r, struct unpack u, bool *good)
{
    uint64_t pair[2];
    for (; u.end - u.p >= PAIR; u.p += PAIR) {
        memcpy(pair, u.p, PAIR);
        int64_t fact = (int64_t)le64toh(pair[1]);
        *good &= fact >= 0;
        if (*good && !set(r, (int64_t)le64toh(pair[0]), fact))
            return false;
    }
    *good &= u.p == u.end;
    return true;
}

enum status recent_load(struct store *s, struct err *err)
{
    recent_forget(s);
    if (!renew(&s->recent, FIRST_SLOTS))
        return err_nomem(err);
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, STMT_RECENT, &st, err));
    for (bool row, good = true;;) {
        TRY(db_step(s, st, &row, err));
        if (!row)
            return OK;
        bool fits = load_row(&s->recent, db_blob(st, 0), &good);
        if (fits && good)
            continue;
        sqlite3_reset(st);
        recent_forget(s);
        return fits ? db_damaged(s, err, "a row of recent keys") : err_nomem(err);
    }
}

void recent_forget(struct store *s)
{
    free(s->recent.slots);
    s->recent = (struct recent){0};
    buf_reset(&s->log);
}

enum status recent_save(struct store *s, struct err *err)
{
    if (s->log.n == 0)
        return OK;
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, STMT_RECENT_PUT, &st, err));
    if (sqlite3_bind_blob64(st, 1, s->log.p, s->log.n, SQLITE_STATIC) != SQLITE_OK)
        return db_error(s, err, "write");
    enum status status = db_run(s, st, err);
    sqlite3_bind_null(st, 1);
    buf_reset(&s->log);
    return status;
}

int64_t recent_count(const struct store *s, int64_t first_fact)
{
    int64_t n = 0;
    size_t room = room_of(s->recent.size);
    for (size_t i = 0; i < room; i++)
        n += s->recent.slots[i].fact != NO_FACT && s->recent.slots[i].fact >= first_fact;
    return n;
}

enum status recent_fold(struct store *s, struct err *err)
{
    return s->recent.n < FOLD ? OK : recent_fold_all(s, err);
}

enum status recent_fold_all(struct store *s, struct err *err)
{
    struct chunk_item items[SLICE];
    uint64_t facts[SLICE];
    size_t n = 0, room = room_of(s->recent.size);
    for (size_t i = 0; i < room; i++) {
        const struct slot *slot = &s->recent.slots[i];
        if (slot->fact != NO_FACT) {
            facts[n] = htole64((uint64_t)slot->fact);
            items[n] = (struct chunk_item){
                .key = slot->k, .p = (const uint8_t *)&facts[n], .n = sizeof facts[n]};
            n++;
        }
        if (n == SLICE || i + 1 == room) {
            TRY(chunk_put(s, CHUNK_SEEN, items, n, true, err));
            n = 0;
        }
    }
    s->seen_empty = false;
    TRY(db_do(s, STMT_RECENT_CLEAR, err));
    return recent_load(s, err);
}
