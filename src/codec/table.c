/*
 * Tables that people write: see table.h. What they get wrong most is the name of a column, so the
 * message for that one offers the nearest valid name.
 */
#include "codec/table.h"

#include "base/nearest.h"
#include "codec/csv.h"
#include "codec/yaml.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

static const size_t TEXT_MAX = (size_t)16 << 20;

struct reader {
    const char *name;
    const struct table_spec *spec;
    struct arena *arena;
    struct table_row *rows; /* heap, until all are read */
    size_t rows_n, rows_cap;
};

static int find_column(const struct table_spec *spec, struct str name)
{
    for (int i = 0; i < spec->columns_n; i++)
        if (str_eq(name, str_from(spec->columns[i])))
            return i;
    return -1;
}

static enum status unknown_column(const struct reader *r, int64_t line, struct str column,
                                  struct err *err)
{
    char found[STR_FOUND];
    struct nearest near = nearest_start(column);
    for (int i = 0; i < r->spec->columns_n; i++)
        nearest_offer(&near, str_from(r->spec->columns[i]));
    if (near.best.p)
        err_set(err, ERR_PARSE, "%s, line %" PRId64 ": there is no column %s; did you mean '%.*s'?",
                r->name, line, str_found(found, column), STR_ARG(near.best));
    else
        err_set(err, ERR_PARSE, "%s, line %" PRId64 ": there is no column %s", r->name, line,
                str_found(found, column));
    if (err)
        err->offset = line;
    return ERR_PARSE;
}

/* A required column that is empty. */
static enum status check_required(const struct reader *r, const struct table_row *row, size_t i,
                                  struct err *err)
{
    for (int k = 0; k < r->spec->required; k++) {
        if (row->v[k].n > 0)
            continue;
        if (row->line > 0)
            return err_set(err, ERR_PARSE, "%s, line %" PRId64 ": column '%s' must not be empty",
                           r->name, row->line, r->spec->columns[k]);
        return err_set(err, ERR_PARSE, "%s, entry %zu: column '%s' must not be empty", r->name,
                       i + 1, r->spec->columns[k]);
    }
    return OK;
}

/* A failure of the CSV reader, with the file's name in front. */
static enum status csv_failed(const struct reader *r, const struct err *cause, struct err *err)
{
    err_set(err, cause->status, "%s, %s", r->name, cause->text);
    if (err)
        err->offset = cause->offset;
    return cause->status;
}

/* Which column of the spec each field of the header names. */
static enum status read_header(struct reader *r, struct csv *csv, int *column_of, size_t *n,
                               struct err *err)
{
    struct str fields[TABLE_COLUMNS];
    struct err cause = {0};
    bool seen[TABLE_COLUMNS] = {false};
    if (csv_next(csv, r->arena, fields, TABLE_COLUMNS, n, &cause) != OK)
        return csv_failed(r, &cause, err);
    for (size_t i = 0; i < *n; i++) {
        struct str name = str_trim(fields[i]);
        int column = find_column(r->spec, name);
        if (column < 0)
            return unknown_column(r, csv->line, name, err);
        if (seen[column])
            return err_set(err, ERR_PARSE, "%s, line %" PRId64 ": column '%s' stands twice",
                           r->name, csv->line, r->spec->columns[column]);
        seen[column] = true;
        column_of[i] = column;
    }
    for (int k = 0; k < r->spec->required; k++)
        if (!seen[k])
            return err_set(err, ERR_PARSE, "%s, line %" PRId64 ": column '%s' is missing", r->name,
                           csv->line, r->spec->columns[k]);
    return OK;
}

static enum status add_row(struct reader *r, const struct table_row *row, struct err *err)
{
    if (r->rows_n == TABLE_ROWS)
        return err_set(err, ERR_LIMIT, "%s, line %" PRId64 ": more than %d rows", r->name,
                       row->line, TABLE_ROWS);
    if (r->rows_n == r->rows_cap) {
        size_t cap = r->rows_cap ? r->rows_cap * 2 : 64;
        struct table_row *grown = realloc(r->rows, cap * sizeof *grown);
        if (!grown)
            return err_nomem(err);
        r->rows = grown;
        r->rows_cap = cap;
    }
    r->rows[r->rows_n++] = *row;
    return OK;
}

static enum status read_csv_rows(struct reader *r, struct csv *csv, struct err *err)
{
    int column_of[TABLE_COLUMNS] = {0};
    size_t header_n, n;
    TRY(read_header(r, csv, column_of, &header_n, err));
    for (;;) {
        struct str fields[TABLE_COLUMNS];
        struct err cause = {0};
        if (csv_next(csv, r->arena, fields, header_n, &n, &cause) != OK)
            return csv_failed(r, &cause, err);
        if (n == 0)
            return OK;
        struct table_row row = {.line = csv->line};
        for (int k = 0; k < r->spec->columns_n; k++)
            row.v[k] = STR("");
        bool blank = true; /* as spreadsheets leave behind: commas only */
        for (size_t i = 0; i < n; i++) {
            struct str value = str_trim(fields[i]);
            blank = blank && value.n == 0;
            row.v[column_of[i]] = value;
        }
        if (blank)
            continue;
        TRY(check_required(r, &row, r->rows_n, err));
        TRY(add_row(r, &row, err));
    }
}

/* The texts must outlive the caller's: fields borrow from it. */
static enum status keep_rows(struct reader *r, struct table_row **rows, struct err *err)
{
    struct table_row *kept = arena_alloc(r->arena, r->rows_n * sizeof *kept);
    if (!kept)
        return err_nomem(err);
    for (size_t i = 0; i < r->rows_n; i++) {
        kept[i] = r->rows[i];
        for (int k = 0; k < r->spec->columns_n; k++) {
            kept[i].v[k] = arena_str(r->arena, kept[i].v[k]);
            if (!kept[i].v[k].p)
                return err_nomem(err);
        }
    }
    *rows = kept;
    return OK;
}

static enum status read_csv(struct reader *r, struct str text, struct table_row **rows,
                            size_t *rows_n, struct err *err)
{
    struct csv csv;
    csv_open(&csv, text);
    enum status status = read_csv_rows(r, &csv, err);
    if (status == OK)
        status = keep_rows(r, rows, err);
    if (status == OK)
        *rows_n = r->rows_n;
    free(r->rows);
    return status;
}

static enum status read_yaml(const struct reader *r, struct str text, struct table_row **rows,
                             size_t *rows_n, struct err *err)
{
    struct yaml_fault fault;
    struct table_row *read = NULL;
    size_t n = 0;
    enum status status = yaml_read(text, r->spec, r->arena, TABLE_ROWS, &read, &n, &fault);
    if (status == ERR_NOMEM)
        return err_nomem(err);
    if (status != OK && fault.unknown[0])
        return unknown_column(r, fault.line, str_from(fault.unknown), err);
    if (status != OK && fault.line > 0)
        return err_set(err, status, "%s, at or behind line %" PRId64 ": %s", r->name, fault.line,
                       fault.text);
    if (status != OK)
        return err_set(err, status, "%s: %s, or CSV with a column '%s' in its first line", r->name,
                       fault.text, r->spec->columns[0]);
    for (size_t i = 0; i < n; i++)
        TRY(check_required(r, &read[i], i, err));
    *rows = read;
    *rows_n = n;
    return OK;
}

/* CSV when the first line that is not empty names the first column. */
static bool looks_like_csv(struct str text, const struct table_spec *spec)
{
    struct str bom = STR("\xEF\xBB\xBF");
    if (str_has_prefix(text, bom))
        text = str_skip(text, bom.n);
    struct str line = STR_NONE;
    while (text.p && line.n == 0)
        line = str_trim(str_cut(&text, '\n'));
    while (line.p) {
        struct str field = str_trim(str_cut(&line, ','));
        if (field.n >= 2 && field.p[0] == '"' && field.p[field.n - 1] == '"')
            field = str_trim(str_of(field.p + 1, field.n - 2));
        if (str_eq(field, str_from(spec->columns[0])))
            return true;
    }
    return false;
}

enum status table_read(struct str text, const char *name, const struct table_spec *spec,
                       struct arena *arena, struct table_row **rows, size_t *rows_n,
                       struct err *err)
{
    assert(spec->columns_n > 0 && spec->columns_n <= TABLE_COLUMNS);
    assert(spec->required <= spec->columns_n);
    if (text.n > TEXT_MAX)
        return err_set(err, ERR_LIMIT, "%s: a table of %zu bytes; at most %zu are read", name,
                       text.n, TEXT_MAX);
    struct reader r = {.name = name, .spec = spec, .arena = arena};
    if (looks_like_csv(text, spec))
        return read_csv(&r, text, rows, rows_n, err);
    return read_yaml(&r, text, rows, rows_n, err);
}
