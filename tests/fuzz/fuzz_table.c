/* Tables: CSV and YAML from anybody's hand are rows of readable texts, or an error with a text. */
#include "codec/table.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const columns[] = {"match", "person", "team", "cost_centre"};
static const struct table_spec spec = {columns, 4, 1};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct table_row *rows = NULL;
    struct err err = {0};
    size_t n = 0;
    arena_init(&arena);
    enum status status =
        table_read(str_of((const char *)data, size), "table", &spec, &arena, &rows, &n, &err);
    if (status != OK && (err.status != status || err.text[0] == '\0' || rows || n))
        abort();
    for (size_t i = 0; i < n; i++) {
        if (rows[i].v[0].n == 0)
            abort();
        for (int k = 0; k < spec.columns_n; k++)
            if (rows[i].v[k].p[rows[i].v[k].n] != '\0')
                abort();
    }
    arena_fini(&arena);
    return 0;
}
