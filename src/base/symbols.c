/*
 * Symbols: see symbols.h. One mutex guards the hash table; texts are reached without it through a
 * table of chunks that doubles in size each time, so that no chunk ever moves. Whoever interns the
 * same text again and again (the decoder) keeps a small cache in front, so the lock is rare.
 */
#include "base/symbols.h"

#include "base/arena.h"
#include "base/hash.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { FIRST_CHUNK_BITS = 8, CHUNKS = 24 };

struct slot {
    uint32_t hash;
    uint32_t id_plus_1; /* 0: empty */
};

struct symbols {
    pthread_mutex_t lock;
    struct hash_key key;
    struct arena texts;
    struct slot *slots;
    size_t mask;
    _Atomic uint32_t count;
    struct str *chunks[CHUNKS]; /* chunk i holds 2^(8+i) texts */
};

static void locate(uint32_t id, unsigned *chunk, uint32_t *at)
{
    uint32_t shifted = id + (UINT32_C(1) << FIRST_CHUNK_BITS);
    unsigned top = 31u - (unsigned)__builtin_clz(shifted);
    *chunk = top - FIRST_CHUNK_BITS;
    *at = shifted - (UINT32_C(1) << top);
}

struct str symbols_text(const struct symbols *s, uint32_t id)
{
    unsigned chunk;
    uint32_t at;
    locate(id, &chunk, &at);
    return s->chunks[chunk][at];
}

uint32_t symbols_count(const struct symbols *s)
{
    return atomic_load_explicit(&s->count, memory_order_acquire);
}

static bool grow(struct symbols *s)
{
    size_t size = (s->mask + 1) * 2;
    struct slot *slots = calloc(size, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i <= s->mask; i++) {
        if (s->slots[i].id_plus_1 == 0)
            continue;
        size_t at = s->slots[i].hash & (size - 1);
        while (slots[at].id_plus_1)
            at = (at + 1) & (size - 1);
        slots[at] = s->slots[i];
    }
    free(s->slots);
    s->slots = slots;
    s->mask = size - 1;
    return true;
}

/* Stores the text under the next id; the slot is filled by the caller. */
static enum status append(struct symbols *s, struct str text, uint32_t *id)
{
    uint32_t next = atomic_load_explicit(&s->count, memory_order_relaxed);
    if (next >= UINT32_C(1) << 31)
        return ERR_LIMIT;
    unsigned chunk;
    uint32_t at;
    locate(next, &chunk, &at);
    if (!s->chunks[chunk]) {
        s->chunks[chunk] = calloc((size_t)1 << (FIRST_CHUNK_BITS + chunk), sizeof(struct str));
        if (!s->chunks[chunk])
            return ERR_NOMEM;
    }
    struct str copy = arena_str(&s->texts, text);
    if (!copy.p)
        return ERR_NOMEM;
    s->chunks[chunk][at] = copy;
    atomic_store_explicit(&s->count, next + 1, memory_order_release);
    *id = next;
    return OK;
}

/* The slot of the text, or the empty one where it would stand. */
static size_t slot_of(const struct symbols *s, uint32_t hash, struct str text)
{
    size_t at = hash & s->mask;
    for (; s->slots[at].id_plus_1; at = (at + 1) & s->mask)
        if (s->slots[at].hash == hash && str_eq(symbols_text(s, s->slots[at].id_plus_1 - 1), text))
            break;
    return at;
}

static enum status intern_locked(struct symbols *s, struct str text, uint32_t *id)
{
    uint32_t hash = (uint32_t)hash64(s->key, text.p, text.n);
    size_t at = slot_of(s, hash, text);
    if (s->slots[at].id_plus_1) {
        *id = s->slots[at].id_plus_1 - 1;
        return OK;
    }
    if (atomic_load_explicit(&s->count, memory_order_relaxed) > s->mask / 4 * 3) {
        if (!grow(s))
            return ERR_NOMEM;
        at = hash & s->mask;
        while (s->slots[at].id_plus_1)
            at = (at + 1) & s->mask;
    }
    uint32_t next;
    TRY(append(s, text, &next));
    s->slots[at] = (struct slot){hash, next + 1};
    *id = next;
    return OK;
}

enum status symbols_intern(struct symbols *s, struct str text, uint32_t *id)
{
    if (text.n == 0) {
        *id = 0;
        return OK;
    }
    pthread_mutex_lock(&s->lock);
    enum status status = intern_locked(s, text, id);
    pthread_mutex_unlock(&s->lock);
    return status;
}

static enum status intern_within(struct symbols *s, struct str text, size_t bytes,
                                 struct symbols_budget *budget, uint32_t *id)
{
    uint32_t hash = (uint32_t)hash64(s->key, text.p, text.n);
    uint32_t id_plus_1 = s->slots[slot_of(s, hash, text)].id_plus_1;
    *id = id_plus_1 ? id_plus_1 - 1 : 0;
    if (id_plus_1 || budget->used > budget->limit ||
        bytes + SYMBOL_COST > budget->limit - budget->used)
        return OK;
    TRY(intern_locked(s, text, id));
    budget->used += bytes + SYMBOL_COST;
    return OK;
}

enum status symbols_intern_within(struct symbols *s, struct str text, size_t bytes,
                                  struct symbols_budget *budget, uint32_t *id)
{
    *id = 0;
    if (text.n == 0)
        return OK;
    pthread_mutex_lock(&s->lock);
    enum status status = intern_within(s, text, bytes, budget, id);
    pthread_mutex_unlock(&s->lock);
    return status;
}

bool symbols_find(struct symbols *s, struct str text, uint32_t *id)
{
    uint32_t hash = (uint32_t)hash64(s->key, text.p, text.n);
    pthread_mutex_lock(&s->lock);
    uint32_t id_plus_1 = s->slots[slot_of(s, hash, text)].id_plus_1;
    pthread_mutex_unlock(&s->lock);
    if (id_plus_1 == 0)
        return false;
    *id = id_plus_1 - 1;
    return true;
}

enum status symbols_new(struct symbols **out, struct err *err)
{
    struct symbols *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    pthread_mutex_init(&s->lock, NULL);
    arena_init(&s->texts);
    s->key = hash_key_random();
    s->mask = 1023;
    s->slots = calloc(s->mask + 1, sizeof *s->slots);
    uint32_t zero;
    if (!s->slots || intern_locked(s, STR(""), &zero) != OK) {
        symbols_free(s);
        return err_nomem(err);
    }
    *out = s;
    return OK;
}

void symbols_free(struct symbols *s)
{
    if (!s)
        return;
    for (int i = 0; i < CHUNKS; i++)
        free(s->chunks[i]);
    free(s->slots);
    arena_fini(&s->texts);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
