/*
 * CSV: any text is read to its end, in lines that only grow; and the fields that were read survive
 * being written and read again.
 */
#include "codec/csv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 8 };

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void write_and_read_back(const struct str *fields, size_t n)
{
    struct buf out;
    struct arena arena;
    struct csv csv;
    struct str again[FIELDS];
    size_t again_n;
    buf_init(&out, 64 << 20);
    arena_init(&arena);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_char(&out, ',');
        csv_write(&out, fields[i]);
    }
    csv_open(&csv, buf_view(&out));
    require(csv_next(&csv, &arena, again, FIELDS, &again_n, NULL) == OK);
    /* A byte order mark is not read back, and one empty field is an empty line. */
    bool mark = str_has_prefix(buf_view(&out), STR("\xEF\xBB\xBF"));
    require(again_n == n || (n == 1 && (fields[0].n == 0 || mark)));
    for (size_t i = mark; i < again_n; i++) {
        if (again[i].n == fields[i].n + 1 && again[i].p[0] == '\'')
            again[i] = str_skip(again[i], 1);
        require(str_eq(again[i], fields[i]));
    }
    arena_fini(&arena);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct csv csv;
    struct str fields[FIELDS];
    int64_t line = 0;
    arena_init(&arena);
    csv_open(&csv, str_of((const char *)data, size));
    for (;;) {
        size_t n = 0;
        size_t before = csv.rest.n;
        enum status status = csv_next(&csv, &arena, fields, FIELDS, &n, NULL);
        if (status == OK && n == 0)
            break;
        require(csv.rest.n < before && csv.line > line);
        line = csv.line;
        if (status == OK)
            write_and_read_back(fields, n);
    }
    require(csv.rest.n == 0);
    arena_fini(&arena);
    return 0;
}
