/*
 * Putting price files together: rows of a later file replace those with the same pattern, scope and
 * date, and the index over their ids is built anew (prices_internal.h says what it is).
 */
#include "model/prices_internal.h"

#include <stdlib.h>

struct sort_key {
    struct str head;
    uint32_t row;
};

static int by_head(const void *a, const void *b)
{
    const struct sort_key *x = a, *y = b;
    int order = str_cmp(x->head, y->head);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static void fill_index(const struct sort_key *keys, uint32_t n, struct price_entry *entries,
                       uint32_t *order, uint32_t *entries_n)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < n; i++) {
        order[i] = keys[i].row;
        if (used && str_eq(entries[used - 1].head, keys[i].head)) {
            entries[used - 1].n++;
            continue;
        }
        uint32_t parent = used ? used - 1 : ROW_NONE;
        while (parent != ROW_NONE && !str_has_prefix(keys[i].head, entries[parent].head))
            parent = entries[parent].parent;
        entries[used++] =
            (struct price_entry){.head = keys[i].head, .first = i, .n = 1, .parent = parent};
    }
    *entries_n = used;
}

enum status price_book_index(struct price_book *b, struct err *err)
{
    size_t n = b->rows_n ? b->rows_n : 1;
    struct sort_key *keys = malloc(n * sizeof *keys);
    struct price_entry *entries = malloc(n * sizeof *entries);
    uint32_t *order = malloc(n * sizeof *order);
    if (!keys || !entries || !order) {
        free(keys);
        free(entries);
        free(order);
        return err_nomem(err);
    }
    for (uint32_t i = 0; i < b->rows_n; i++)
        keys[i] = (struct sort_key){b->rows[i].head, i};
    qsort(keys, b->rows_n, sizeof *keys, by_head);
    fill_index(keys, b->rows_n, entries, order, &b->entries_n);
    free(keys);
    free(b->entries);
    free(b->order);
    b->entries = entries;
    b->order = order;
    return OK;
}

bool price_row_replaces(const struct price_row *a, const struct price_row *b)
{
    return a->from_day == b->from_day && a->any_scope == b->any_scope && a->scope == b->scope &&
           str_eq(a->pattern, b->pattern);
}

/* The rows of the book with `fresh` over them, in one new array. */
static struct price_row *merge(const struct price_book *b, const struct price_row *fresh,
                               uint32_t n, uint32_t *merged_n)
{
    struct price_row *rows = malloc((b->rows_n + n + (size_t)1) * sizeof *rows);
    if (!rows)
        return NULL;
    if (b->rows_n)
        memcpy(rows, b->rows, b->rows_n * sizeof *rows);
    uint32_t used = b->rows_n;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = 0;
        while (at < b->rows_n && !price_row_replaces(&fresh[i], &b->rows[at]))
            at++;
        rows[at < b->rows_n ? at : used++] = fresh[i];
    }
    *merged_n = used;
    return rows;
}

enum status price_book_load(struct price_book *b, struct str csv, const char *name, struct err *err)
{
    struct price_row *fresh;
    uint32_t fresh_n, merged_n = 0;
    TRY(price_csv_read(&b->arena, csv, name, &fresh, &fresh_n, err));
    struct price_row *merged = merge(b, fresh, fresh_n, &merged_n);
    free(fresh);
    if (!merged)
        return err_nomem(err);
    struct price_book next = *b;
    next.rows = merged;
    next.rows_n = merged_n;
    next.entries = NULL;
    next.order = NULL;
    enum status status = price_book_index(&next, err);
    if (status != OK) {
        free(merged);
        return status;
    }
    free(b->rows);
    free(b->entries);
    free(b->order);
    *b = next;
    return OK;
}
