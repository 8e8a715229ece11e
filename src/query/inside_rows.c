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
