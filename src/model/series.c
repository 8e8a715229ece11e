/* Labels and series: see series.h. Built as base/symbols.c is, with tuples instead of texts. */
#include "model/series.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { FIRST_CHUNK_BITS = 8, CHUNKS = 24 };

struct slot {
    uint32_t hash;
    uint32_t id_plus_1;
};

struct series {
    pthread_mutex_t lock;
    struct symbols *symbols;
    struct hash_key key;
    struct slot *slots;
    size_t mask;
    _Atomic uint32_t count;
    struct labels *chunks[CHUNKS];
};

const char *label_name(enum label label)
{
    static const char *const names[] = {
#define LABEL_NAME(id, name) [id] = name,
        LABEL_MAP(LABEL_NAME)
#undef LABEL_NAME
    };
    return names[label];
}

static struct labels *locate(const struct series *s, uint32_t id)
{
    uint32_t shifted = id + (UINT32_C(1) << FIRST_CHUNK_BITS);
    unsigned top = 31u - (unsigned)__builtin_clz(shifted);
    struct labels *chunk = s->chunks[top - FIRST_CHUNK_BITS];
    return chunk ? chunk + (shifted - (UINT32_C(1) << top)) : NULL;
}

const struct labels *series_labels(const struct series *s, uint32_t id)
{
    return locate(s, id);
}

struct str series_text(const struct series *s, uint32_t id, enum label label)
{
    return symbols_text(s->symbols, locate(s, id)->v[label]);
}

uint32_t series_count(const struct series *s)
{
    return atomic_load_explicit(&s->count, memory_order_acquire);
}

struct symbols *series_symbols(const struct series *s)
{
    return s->symbols;
}

static bool grow(struct series *s)
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

static enum status append(struct series *s, const struct labels *labels, uint32_t *id)
{
    uint32_t next = atomic_load_explicit(&s->count, memory_order_relaxed);
    if (next >= UINT32_C(1) << 31)
        return ERR_LIMIT;
    unsigned top =
        31u - (unsigned)__builtin_clz(next + (UINT32_C(1) << FIRST_CHUNK_BITS)) - FIRST_CHUNK_BITS;
    if (!s->chunks[top]) {
        s->chunks[top] = calloc((size_t)1 << (FIRST_CHUNK_BITS + top), sizeof(struct labels));
        if (!s->chunks[top])
            return ERR_NOMEM;
    }
    *locate(s, next) = *labels;
    atomic_store_explicit(&s->count, next + 1, memory_order_release);
    *id = next;
    return OK;
}

static enum status intern_locked(struct series *s, const struct labels *labels, uint32_t *id)
{
    uint32_t hash = (uint32_t)hash64(s->key, labels, sizeof *labels);
    size_t at = hash & s->mask;
    for (; s->slots[at].id_plus_1; at = (at + 1) & s->mask) {
        uint32_t found = s->slots[at].id_plus_1 - 1;
        if (s->slots[at].hash == hash && memcmp(locate(s, found), labels, sizeof *labels) == 0) {
            *id = found;
            return OK;
        }
    }
    if (atomic_load_explicit(&s->count, memory_order_relaxed) > s->mask / 4 * 3) {
        if (!grow(s))
            return ERR_NOMEM;
        at = hash & s->mask;
        while (s->slots[at].id_plus_1)
            at = (at + 1) & s->mask;
    }
    uint32_t next;
    TRY(append(s, labels, &next));
    s->slots[at] = (struct slot){hash, next + 1};
    *id = next;
    return OK;
}

enum status series_intern(struct series *s, const struct labels *labels, uint32_t *id)
{
    pthread_mutex_lock(&s->lock);
    enum status status = intern_locked(s, labels, id);
    pthread_mutex_unlock(&s->lock);
    return status;
}

enum status series_new(struct symbols *symbols, struct series **out, struct err *err)
{
    struct series *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    pthread_mutex_init(&s->lock, NULL);
    s->symbols = symbols;
    s->key = hash_key_random();
    s->mask = 1023;
    s->slots = calloc(s->mask + 1, sizeof *s->slots);
    if (!s->slots) {
        series_free(s);
        return err_nomem(err);
    }
    *out = s;
    return OK;
}

void series_free(struct series *s)
{
    if (!s)
        return;
    for (int i = 0; i < CHUNKS; i++)
        free(s->chunks[i]);
    free(s->slots);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
