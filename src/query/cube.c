/* The cube: see cube.h. Cells stand in blocks that never move; marks, in one array. An
 * open-addressed table finds each. The last cell is remembered, because records come sorted by time
 * and often by series. */
#include "query/cube.h"

#include <stdlib.h>

enum { BLOCK_BITS = 8, BLOCK = 1 << BLOCK_BITS, FIRST_SLOTS = 256 };
#define NO_CELL UINT32_MAX

struct cell {
    int64_t bucket_us;
    uint32_t id;
    struct sums sums;
};

struct table {
    uint32_t *slots; /* index + 1; 0 is empty */
    size_t mask;
};

struct cube {
    struct cell **blocks;
    size_t blocks_n;
    struct table cells;
    size_t n;
    uint32_t last;
    struct table marks;
    struct cube_mark *mark;
    size_t marks_n, marks_cap;
    size_t marks_found; /* the first of them, that the table of marks knows */
};

static bool table_new(struct table *t, size_t size)
{
    t->mask = size - 1;
    t->slots = calloc(size, sizeof *t->slots);
    return t->slots;
}

static void table_clear(struct table *t)
{
    memset(t->slots, 0, (t->mask + 1) * sizeof *t->slots);
}

static bool is_full(const struct table *t, size_t n)
{
    return n >= (t->mask + 1) / 4 * 3;
}

enum status cube_new(struct cube **out, struct err *err)
{
    struct cube *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    c->last = NO_CELL;
    if (!table_new(&c->cells, FIRST_SLOTS) || !table_new(&c->marks, FIRST_SLOTS)) {
        cube_free(c);
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
    free(c->cells.slots);
    free(c->marks.slots);
    free(c->mark);
    free(c);
}

void cube_reset(struct cube *c)
{
    table_clear(&c->cells);
    table_clear(&c->marks);
    c->n = c->marks_n = c->marks_found = 0;
    c->last = NO_CELL;
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

size_t cube_marks(const struct cube *c)
{
    return c->marks_n;
}

const struct cube_mark *cube_mark_list(const struct cube *c)
{
    return c->mark;
}

/* Not keyed: an id is our own small number, nobody outside chooses it. The end is mixed well,
 * because buckets are multiples of a day. */
static size_t mix(uint64_t h)
{
    h *= UINT64_C(0x9E3779B97F4A7C15);
    h ^= h >> 32;
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return (size_t)(h ^ h >> 32);
}

static size_t cell_hash(int64_t bucket_us, uint32_t id)
{
    return mix((uint64_t)bucket_us ^ (uint64_t)id << 40 ^ id);
}

static size_t mark_hash(uint32_t cell, uint32_t mark)
{
    return mix((uint64_t)cell << 32 | mark);
}

static uint32_t *free_slot(const struct table *t, size_t hash)
{
    size_t at = hash & t->mask;
    while (t->slots[at])
        at = (at + 1) & t->mask;
    return &t->slots[at];
}

static bool grow_cells(struct cube *c)
{
    struct table wider;
    if (!table_new(&wider, (c->cells.mask + 1) * 2))
        return false;
    for (size_t i = 0; i < c->n; i++) {
        const struct cell *cell = cell_of(c, i);
        *free_slot(&wider, cell_hash(cell->bucket_us, cell->id)) = (uint32_t)(i + 1);
    }
    free(c->cells.slots);
    c->cells = wider;
    return true;
}

static struct cell *new_cell(struct cube *c)
{
    if (c->n >= NO_CELL - 1 || (is_full(&c->cells, c->n) && !grow_cells(c)))
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
    if (c->last != NO_CELL) {
        struct cell *last = cell_of(c, c->last);
        if (last->bucket_us == bucket_us && last->id == id)
            return &last->sums;
    }
    size_t hash = cell_hash(bucket_us, id);
    for (size_t at = hash; c->cells.slots[at & c->cells.mask]; at++) {
        uint32_t i = c->cells.slots[at & c->cells.mask] - 1;
        struct cell *cell = cell_of(c, i);
        if (cell->bucket_us == bucket_us && cell->id == id) {
            c->last = i;
            return &cell->sums;
        }
    }
    struct cell *cell = new_cell(c);
    if (!cell)
        return NULL;
    *cell = (struct cell){.bucket_us = bucket_us, .id = id};
    c->last = (uint32_t)c->n++;
    *free_slot(&c->cells, hash) = c->last + 1;
    return &cell->sums;
}

static uint32_t *mark_slot(const struct cube *c, const struct table *t, size_t i)
{
    return free_slot(t, mark_hash(c->mark[i].cell, c->mark[i].mark));
}

/* Four times as large: a growing table is refilled, and there may be hundreds of thousands. */
static bool grow_marks(struct cube *c)
{
    struct table wider;
    if (!table_new(&wider, (c->marks.mask + 1) * 4))
        return false;
    for (size_t i = 0; i < c->marks_found; i++)
        *mark_slot(c, &wider, i) = (uint32_t)(i + 1);
    free(c->marks.slots);
    c->marks = wider;
    return true;
}

/* Puts marks into the table that it does not know yet. */
static bool find_marks(struct cube *c)
{
    for (; c->marks_found < c->marks_n; c->marks_found++) {
        if (is_full(&c->marks, c->marks_found) && !grow_marks(c))
            return false;
        *mark_slot(c, &c->marks, c->marks_found) = (uint32_t)(c->marks_found + 1);
    }
    return true;
}

enum status cube_mark_new(struct cube *c, int64_t bucket_us, uint32_t id, uint32_t mark,
                          int64_t count)
{
    if (!cube_at(c, bucket_us, id) || c->marks_n >= UINT32_MAX - 1)
        return ERR_NOMEM;
    if (c->marks_n == c->marks_cap) {
        size_t cap = c->marks_cap ? c->marks_cap * 2 : FIRST_SLOTS;
        struct cube_mark *wider = realloc(c->mark, cap * sizeof *wider);
        if (!wider)
            return ERR_NOMEM;
        c->mark = wider;
        c->marks_cap = cap;
    }
    c->mark[c->marks_n++] = (struct cube_mark){c->last, mark, count};
    return OK;
}

enum status cube_mark(struct cube *c, int64_t bucket_us, uint32_t id, uint32_t mark, int64_t count)
{
    if (!cube_at(c, bucket_us, id) || !find_marks(c))
        return ERR_NOMEM;
    for (size_t at = mark_hash(c->last, mark); c->marks.slots[at & c->marks.mask]; at++) {
        struct cube_mark *m = &c->mark[c->marks.slots[at & c->marks.mask] - 1];
        if (m->cell == c->last && m->mark == mark) {
            m->count += count;
            return OK;
        }
    }
    TRY(cube_mark_new(c, bucket_us, id, mark, count));
    return find_marks(c) ? OK : ERR_NOMEM;
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
    for (size_t i = 0; i < from->marks_n; i++) {
        const struct cube_mark *m = &from->mark[i];
        const struct cell *cell = cell_of(from, m->cell);
        TRY(cube_mark(into, cell->bucket_us, cell->id, m->mark, m->count));
    }
    return OK;
}
