/* Hash tables of the fold: open addressing, at most three quarters full. */
#include "model/session_internal.h"

struct table_entry {
    uint64_t a, b;
    uint32_t value;
    bool used;
};

enum { FIRST_SIZE = 16 };

void table_init(struct table *t, uint64_t seed, struct arena *arena)
{
    *t = (struct table){.seed = seed, .arena = arena};
}

static uint64_t mixed(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

/* The entry with the key, or the empty one where it belongs. */
static struct table_entry *seek(const struct table *t, uint64_t a, uint64_t b)
{
    size_t i = (size_t)mixed(mixed(a ^ t->seed) + b) & (t->size - 1);
    while (t->v[i].used && (t->v[i].a != a || t->v[i].b != b))
        i = (i + 1) & (t->size - 1);
    return &t->v[i];
}

uint32_t table_get(const struct table *t, uint64_t a, uint64_t b)
{
    if (t->size == 0)
        return 0;
    const struct table_entry *e = seek(t, a, b);
    return e->used ? e->value : 0;
}

static bool grow(struct table *t)
{
    struct table old = *t;
    size_t size = old.size ? old.size * 2 : FIRST_SIZE;
    struct table_entry *v = arena_alloc(t->arena, size * sizeof *v);
    if (!v)
        return false;
    memset(v, 0, size * sizeof *v);
    t->v = v;
    t->size = size;
    for (size_t i = 0; i < old.size; i++)
        if (old.v[i].used)
            *seek(t, old.v[i].a, old.v[i].b) = old.v[i];
    return true;
}

uint32_t *table_at(struct table *t, uint64_t a, uint64_t b)
{
    if (t->n * 4 >= t->size * 3 && !grow(t)) {
        t->spare = 0;
        return &t->spare;
    }
    struct table_entry *e = seek(t, a, b);
    if (!e->used) {
        *e = (struct table_entry){a, b, 0, true};
        t->n++;
    }
    return &e->value;
}

void *room_for(struct arena *arena, void *v, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return v;
    size_t more = *cap ? *cap * 2 : 8;
    void *p = arena_alloc(arena, more * size);
    if (!p)
        return NULL;
    if (n)
        memcpy(p, v, n * size);
    *cap = more;
    return p;
}
