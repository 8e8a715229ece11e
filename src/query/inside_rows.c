/* Rows at hand: see inside_internal.h. Two open tables, of rows by key and of marks by row. */
#include "query/inside_internal.h"

#include <stdlib.h>

_Static_assert(sizeof(struct row_key) == 16 + 4 * QUESTION_DIMS, "keys are compared as bytes");

enum { FIRST_SLOTS = 64 };

enum status row_table_init(struct row_table *t)
{
    *t = (struct row_table){.mask = FIRST_SLOTS - 1, .marks_mask = FIRST_SLOTS - 1};
    t->key = hash_key_random();
    t->slots = calloc(FIRST_SLOTS, sizeof *t->slots);
    t->marks = calloc(FIRST_SLOTS, sizeof *t->marks);
    return t->slots && t->marks ? OK : ERR_NOMEM;
}

void row_free(struct inside_row *row)
{
    if (!row)
        return;
    tally_fini(&row->tally);
    free(row->session);
    free(row->reasons);
    free(row);
}

void row_table_fini(struct row_table *t)
{
    for (uint32_t i = 0; i < t->rows_n; i++)
        row_free(t->rows[i]);
    free(t->rows);
    free(t->slots);
    free(t->marks);
}

void row_table_reset(struct row_table *t)
{
    t->rows_n = 0;
    memset(t->slots, 0, (t->mask + 1) * sizeof *t->slots);
    if (t->marks_n)
        memset(t->marks, 0, (t->marks_mask + 1) * sizeof *t->marks);
    t->marks_n = 0;
}

static bool grow_slots(struct row_table *t)
{
    size_t size = (t->mask + 1) * 2;
    uint32_t *slots = calloc(size, sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < t->rows_n; i++) {
        size_t at = (size_t)hash64(t->key, &t->rows[i]->key, sizeof(struct row_key)) & (size - 1);
        while (slots[at])
            at = (at + 1) & (size - 1);
        slots[at] = i + 1;
    }
    free(t->slots);
    t->slots = slots;
    t->mask = size - 1;
    return true;
}

static bool make_room(struct row_table *t)
{
    if (t->rows_n > t->mask / 4 * 3 && !grow_slots(t))
        return false;
    if (t->rows_n < t->rows_cap)
        return true;
    if (t->rows_cap > UINT32_MAX / 4)
        return false;
    uint32_t cap = t->rows_cap ? t->rows_cap * 2 : FIRST_SLOTS;
    struct inside_row **rows = realloc(t->rows, cap * sizeof(struct inside_row *));
    if (!rows)
        return false;
    t->rows = rows;
    t->rows_cap = cap;
    return true;
}

struct inside_row *row_at(struct row_table *t, const struct row_key *key)
{
    if (!make_room(t))
        return NULL;
    size_t at = (size_t)hash64(t->key, key, sizeof *key) & t->mask;
    for (; t->slots[at]; at = (at + 1) & t->mask)
        if (memcmp(&t->rows[t->slots[at] - 1]->key, key, sizeof *key) == 0)
            return t->rows[t->slots[at] - 1];
    struct inside_row *row = calloc(1, sizeof *row);
    if (!row)
        return NULL;
    row->key = *key;
    row->id = t->rows_n;
    t->rows[t->rows_n++] = row;
    t->slots[at] = t->rows_n;
    return row;
}

uint32_t row_share(const struct row_table *t, const struct row_key *key, unsigned bits)
{
    return bits ? (uint32_t)(hash64(t->key, key, sizeof *key) >> (64 - bits)) : 0;
}

static void put_slot(struct row_table *t, uint32_t row)
{
    size_t at = (size_t)hash64(t->key, &t->rows[row]->key, sizeof(struct row_key)) & t->mask;
    while (t->slots[at])
        at = (at + 1) & t->mask;
    t->slots[at] = row + 1;
}

static void put_mark(struct row_table *t, uint64_t *marks, uint64_t mark)
{
    size_t at = (size_t)hash64(t->key, &mark, sizeof mark) & t->marks_mask;
    while (marks[at])
        at = (at + 1) & t->marks_mask;
    marks[at] = mark;
}

/* Marks of rows that are gone go, those of others follow: new_id is their id + 1, 0: gone. */
static void keep_marks(struct row_table *t, uint64_t *marks, const uint32_t *new_id)
{
    t->marks_n = 0;
    for (size_t i = 0; i <= t->marks_mask; i++) {
        uint64_t mark = t->marks[i] - 1;
        if (t->marks[i] == 0 || new_id[mark >> 32] == 0)
            continue;
        put_mark(t, marks, ((uint64_t)(new_id[mark >> 32] - 1) << 32 | (uint32_t)mark) + 1);
        t->marks_n++;
    }
    free(t->marks);
    t->marks = marks;
}

bool row_table_keep(struct row_table *t, unsigned bits, uint32_t share)
{
    uint32_t *new_id = calloc(t->rows_n + 1, sizeof *new_id), n = 0;
    uint64_t *marks = calloc(t->marks_mask + 1, sizeof *marks);
    if (!new_id || !marks) {
        free(new_id);
        free(marks);
        return false;
    }
    for (uint32_t i = 0; i < t->rows_n; i++) {
        struct inside_row *row = t->rows[i];
        if (row_share(t, &row->key, bits) != share) {
            row_free(row);
            continue;
        }
        new_id[i] = n + 1;
        row->id = n;
        t->rows[n++] = row;
    }
    t->rows_n = n;
    memset(t->slots, 0, (t->mask + 1) * sizeof *t->slots);
    for (uint32_t i = 0; i < n; i++)
        put_slot(t, i);
    keep_marks(t, marks, new_id);
    free(new_id);
    return true;
}

static bool grow_marks(struct row_table *t)
{
    size_t size = (t->marks_mask + 1) * 2;
    uint64_t *marks = calloc(size, sizeof *marks);
    if (!marks)
        return false;
    for (size_t i = 0; i <= t->marks_mask; i++) {
        if (!t->marks[i])
            continue;
        size_t at = (size_t)hash64(t->key, &t->marks[i], sizeof t->marks[i]) & (size - 1);
        while (marks[at])
            at = (at + 1) & (size - 1);
        marks[at] = t->marks[i];
    }
    free(t->marks);
    t->marks = marks;
    t->marks_mask = size - 1;
    return true;
}

static enum status note_mark(struct inside_row *row, uint32_t mark)
{
    if (mark_kind(mark) == MARK_USER) {
        row->tally.users++;
        return OK;
    }
    uint32_t *reasons = realloc(row->reasons, (row->reasons_n + 1) * sizeof *reasons);
    if (!reasons)
        return ERR_NOMEM;
    row->reasons = reasons;
    row->reasons[row->reasons_n++] = mark;
    return OK;
}

enum status row_mark(struct row_table *t, struct inside_row *row, uint32_t mark)
{
    if (t->marks_n > t->marks_mask / 4 * 3 && !grow_marks(t))
        return ERR_NOMEM;
    uint64_t wanted = ((uint64_t)row->id << 32 | mark) + 1;
    size_t at = (size_t)hash64(t->key, &wanted, sizeof wanted) & t->marks_mask;
    for (; t->marks[at]; at = (at + 1) & t->marks_mask)
        if (t->marks[at] == wanted)
            return OK;
    TRY(note_mark(row, mark));
    t->marks[at] = wanted;
    t->marks_n++;
    return OK;
}
