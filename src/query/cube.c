/* The cube: see cube.h. Cells stand in blocks that never move; an open-addressed table finds them.
 * The last cell is remembered, because records come sorted by time and often by series. */
#include "query/cube.h"

#include <stdlib.h>

enum { BLOCK_BITS = 8, BLOCK = 1 << BLOCK_BITS };

struct cell {
    int64_t bucket_us;
    uint32_t id;
    struct sums sums;
};

struct cube {
    struct cell **blocks;
    size_t blocks_n;
    uint32_t *slots; /* index + 1; 0 is empty */
    size_t mask;
    size_t n;
    struct cell *last;
};

enum status cube_new(struct cube **out, struct err *err)
{
    struct cube *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    c->mask = 255;
    c->slots = calloc(c->mask + 1, sizeof *c->slots);
    if (!c->slots) {
        free(c);
        return err_nomem(err);
    }
    *out = c;
    return OK;
}

void cube_free(struct cube *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->blocks_n; i++)
        free(c->blocks[i]);
    free(c->blocks);
    free(c->slots);
    free(c);
}

void cube_reset(struct cube *c)
{
    memset(c->slots, 0, (c->mask + 1) * sizeof *c->slots);
    c->n = 0;
    c->last = NULL;
}

size_t cube_cells(const struct cube *c)
{
    return c->n;
}

static struct cell *cell_of(const struct cube *c, size_t i)
{
    return &c->blocks[i >> BLOCK_BITS][i & (BLOCK - 1)];
}

struct cube_cell cube_cell(const struct cube *c, size_t i)
{
    const struct cell *cell = cell_of(c, i);
    return (struct cube_cell){cell->bucket_us, cell->id, &cell->sums};
}

static size_t slot_of(int64_t bucket_us, uint32_t id)
{
    /* Not keyed: an id is our own small number, nobody outside chooses it. */
    uint64_t h = ((uint64_t)bucket_us ^ (uint64_t)id << 40 ^ id) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(h ^ h >> 29);
}

static bool grow_slots(struct cube *c)
{
    size_t size = (c->mask + 1) * 2;
    uint32_t *slots = calloc(size, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < c->n; i++) {
        const struct cell *cell = cell_of(c, i);
        size_t at = slot_of(cell->bucket_us, cell->id) & (size - 1);
        while (slots[at])
            at = (at + 1) & (size - 1);
        slots[at] = (uint32_t)(i + 1);
    }
    free(c->slots);
    c->slots = slots;
    c->mask = size - 1;
    return true;
}

static struct cell *new_cell(struct cube *c)
{
    if (c->n >= UINT32_MAX - 1 || (c->n >= (c->mask + 1) / 4 * 3 && !grow_slots(c)))
        return NULL;
    if (c->n >> BLOCK_BITS == c->blocks_n) {
        struct cell **blocks = realloc(c->blocks, (c->blocks_n + 1) * sizeof(struct cell *));
        if (!blocks)
            return NULL;
        c->blocks = blocks;
        blocks[c->blocks_n] = malloc(BLOCK * sizeof(struct cell));
        if (!blocks[c->blocks_n])
            return NULL;
        c->blocks_n++;
    }
    return cell_of(c, c->n);
}

struct sums *cube_at(struct cube *c, int64_t bucket_us, uint32_t id)
{
    if (c->last && c->last->bucket_us == bucket_us && c->last->id == id)
        return &c->last->sums;
    size_t at = slot_of(bucket_us, id) & c->mask;
    for (; c->slots[at]; at = (at + 1) & c->mask) {
        struct cell *cell = cell_of(c, c->slots[at] - 1);
        if (cell->bucket_us == bucket_us && cell->id == id) {
            c->last = cell;
            return &cell->sums;
        }
    }
    struct cell *cell = new_cell(c);
    if (!cell)
        return NULL;
    at = slot_of(bucket_us, id) & c->mask; /* the table may have grown */
    while (c->slots[at])
        at = (at + 1) & c->mask;
    *cell = (struct cell){.bucket_us = bucket_us, .id = id};
    c->slots[at] = (uint32_t)++c->n;
    c->last = cell;
    return &cell->sums;
}

enum status cube_merge(struct cube *into, const struct cube *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct cell *cell = cell_of(from, i);
        struct sums *sums = cube_at(into, cell->bucket_us, cell->id);
        if (!sums)
            return ERR_NOMEM;
        sums_merge(sums, &cell->sums);
    }
    return OK;
}
