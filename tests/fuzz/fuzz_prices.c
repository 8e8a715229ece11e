/*
 * Override files of prices: whatever the file says, loading it is refused with a message or gives a
 * book that can be searched, checked and written, and what was written reads back as the same rows.
 */
#include "model/prices.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void search(const struct price_book *b)
{
    for (uint32_t i = 0; i < b->rows_n && i < 64; i++) {
        const struct price_row *row = &b->rows[i];
        struct price_query q = {.id = row->head,
                                .region = STR("us-east-1"),
                                .latency_optimized = row->latency,
                                .scope = row->any_scope ? SCOPE_GEO : row->scope,
                                .day = 20000};
        struct price_hit hit = price_book_find(b, &q);
        assert(hit.row == ROW_NONE || hit.row < b->rows_n);
        assert(hit.from_day <= q.day && q.day < hit.until_day);
    }
}

/* A quoted field may hold a line end or white space at its edges, which trimming changes; so only
 * the number of rows and their rates are compared. */
static void read_back(const struct price_book *b)
{
    struct buf out;
    buf_init(&out, 64 << 20);
    price_csv_header(&out);
    for (uint32_t i = 0; i < b->rows_n; i++)
        price_row_csv(&out, &b->rows[i]);
    struct price_book again;
    price_book_init(&again);
    if (price_book_load(&again, buf_view(&out), "again", NULL) != OK)
        abort();
    assert(again.rows_n == b->rows_n);
    for (uint32_t i = 0; i < b->rows_n; i++) {
        assert(memcmp(&again.rows[i].base, &b->rows[i].base, sizeof b->rows[i].base) == 0);
        assert(memcmp(&again.rows[i].over, &b->rows[i].over, sizeof b->rows[i].over) == 0);
        assert(again.rows[i].from_day == b->rows[i].from_day);
    }
    price_book_fini(&again);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct price_book b;
    struct err err = {0};
    price_book_init(&b);
    if (price_book_load(&b, str_of((const char *)data, size), "fuzz", &err) == OK) {
        search(&b);
        struct buf out;
        buf_init(&out, 1 << 20);
        (void)price_book_check(&b, &out);
        buf_fini(&out);
        read_back(&b);
    } else {
        assert(err.text[0]);
    }
    price_book_fini(&b);
    return 0;
}
