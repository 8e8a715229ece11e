/*
 * Reading price files and keeping the rows sorted: see prices.h for the columns. A bad cell refuses
 * the whole file, because a price that is skipped in silence would be a wrong total later.
 */
#include "model/prices_internal.h"

#include "base/clock.h"
#include "base/nearest.h"
#include "codec/csv.h"

#include <inttypes.h>
#include <stdlib.h>

enum { CELLS_MAX = 64, COLUMNS = PRICE_COLUMNS };

#define RATE(which, class) offsetof(struct price_row, which.v[class])

/* clang-format off */
const struct price_column price_columns[PRICE_COLUMNS] = {
    {"model_id_pattern", CELL_PATTERN, offsetof(struct price_row, pattern), true},
    {"provider", CELL_TEXT, offsetof(struct price_row, provider), false},
    {"display_name", CELL_TEXT, offsetof(struct price_row, name), false},
    {"region_scope", CELL_SCOPE, offsetof(struct price_row, scope), true},
    {"effective_from", CELL_DAY, offsetof(struct price_row, from_day), false},
    {"confirmed_until", CELL_DAY, offsetof(struct price_row, confirmed_day), false},
    {"input_per_mtok", CELL_RATE, RATE(base, TOKENS_INPUT), true},
    {"output_per_mtok", CELL_RATE, RATE(base, TOKENS_OUTPUT), true},
    {"cache_read_per_mtok", CELL_RATE, RATE(base, TOKENS_CACHE_READ), false},
    {"cache_write_5m_per_mtok", CELL_RATE, RATE(base, TOKENS_CACHE_WRITE_5M), false},
    {"cache_write_1h_per_mtok", CELL_RATE, RATE(base, TOKENS_CACHE_WRITE_1H), false},
    {"long_context_threshold", CELL_COUNT, offsetof(struct price_row, threshold), false},
    {"long_input", CELL_RATE, RATE(over, TOKENS_INPUT), false},
    {"long_output", CELL_RATE, RATE(over, TOKENS_OUTPUT), false},
    {"long_cache_read", CELL_RATE, RATE(over, TOKENS_CACHE_READ), false},
    {"long_cache_write", CELL_RATE, RATE(over, TOKENS_CACHE_WRITE_5M), false},
    {"long_cache_write_1h", CELL_RATE, RATE(over, TOKENS_CACHE_WRITE_1H), false},
    {"batch_input", CELL_RATE, offsetof(struct price_row, batch_input), false},
    {"batch_output", CELL_RATE, offsetof(struct price_row, batch_output), false},
    {"max_input_tokens", CELL_COUNT, offsetof(struct price_row, max_input), false},
    {"basis", CELL_BASIS, offsetof(struct price_row, speech), false},
    {"source", CELL_TEXT, offsetof(struct price_row, source), false},
};
/* clang-format on */

struct reader {
    struct arena *arena;
    struct str file;
    struct csv csv;
    const struct price_column *by_index[CELLS_MAX];
    size_t width;
    struct err *err;
};

static enum status bad(const struct reader *r, const char *what, struct str column, struct str cell)
{
    char found[STR_FOUND];
    return err_set(r->err, ERR_PARSE, "%.*s:%" PRId64 ": %.*s: %s, not %s", STR_ARG(r->file),
                   r->csv.line, STR_ARG(column), what, str_found(found, cell));
}

static enum status unknown_column(const struct reader *r, struct str name)
{
    char found[STR_FOUND];
    struct nearest near = nearest_start(name);
    for (size_t i = 0; i < COLUMNS; i++)
        nearest_offer(&near, str_from(price_columns[i].name));
    if (near.best.p)
        return err_set(r->err, ERR_PARSE,
                       "%.*s:%" PRId64 ": unknown column %s; did you mean \"%.*s\"?",
                       STR_ARG(r->file), r->csv.line, str_found(found, name), STR_ARG(near.best));
    return err_set(r->err, ERR_PARSE, "%.*s:%" PRId64 ": unknown column %s", STR_ARG(r->file),
                   r->csv.line, str_found(found, name));
}

static enum status next_record(struct reader *r, struct str *cells, size_t *n)
{
    struct err err = {0};
    enum status status = csv_next(&r->csv, r->arena, cells, CELLS_MAX, n, &err);
    return status == OK ? OK : err_set(r->err, status, "%.*s: %s", STR_ARG(r->file), err.text);
}

static enum status read_header(struct reader *r)
{
    struct str cells[CELLS_MAX];
    TRY(next_record(r, cells, &r->width));
    bool seen[COLUMNS] = {false};
    for (size_t i = 0; i < r->width; i++) {
        size_t c = 0;
        while (c < COLUMNS && !str_eq_nocase(str_trim(cells[i]), str_from(price_columns[c].name)))
            c++;
        if (c == COLUMNS)
            return unknown_column(r, str_trim(cells[i]));
        if (seen[c])
            return bad(r, "each column once", str_from(price_columns[c].name), cells[i]);
        seen[c] = true;
        r->by_index[i] = &price_columns[c];
    }
    for (size_t c = 0; c < COLUMNS; c++)
        if (price_columns[c].required && !seen[c])
            return err_set(r->err, ERR_PARSE, "%.*s: column \"%s\" is missing from the header",
                           STR_ARG(r->file), price_columns[c].name);
    return OK;
}

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-._:@*/", c));
}

static bool is_region_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == ',' || c == '*';
}

/* Takes [regions/]head[*tail] apart. */
static bool parse_pattern(struct str s, struct price_row *row)
{
    struct str id = s;
    ptrdiff_t slash = str_find_char(s, '/');
    row->pattern = s;
    if (s.n == 0 || strchr("-._:@/,", s.p[0]))
        return false; /* no id or Region begins so, and a spreadsheet would take - for a formula */
    if (slash >= 0) {
        row->regions = str_of(s.p, (size_t)slash);
        id = str_skip(s, (size_t)slash + 1);
        for (size_t i = 0; i < row->regions.n; i++)
            if (!is_region_char(row->regions.p[i]))
                return false;
        if (row->regions.n == 0)
            return false;
    }
    for (size_t i = 0; i < id.n; i++)
        if (!is_id_char(id.p[i]) || id.p[i] == '/')
            return false;
    struct str tail = id;
    row->head = str_cut(&tail, '*');
    row->star = tail.p != NULL;
    row->tail = row->star ? tail : STR("");
    row->latency = str_has_suffix(id, STR(":latency-optimized"));
    return id.n > 0 && id.n < 200 && str_find_char(row->tail, '*') < 0;
}

static bool parse_day(struct str cell, int64_t *day)
{
    char midnight[] = "2026-01-31T00:00:00Z";
    int64_t us;
    if (cell.n != 10)
        return false;
    memcpy(midnight, cell.p, 10);
    if (!time_parse(str_from(midnight), &us))
        return false;
    *day = us / US_PER_DAY;
    return true;
}

static enum status read_cell(struct reader *r, const struct price_column *c, struct str cell,
                             struct price_row *row)
{
    void *at = (char *)row + c->offset;
    struct str name = str_from(c->name);
    switch (c->kind) {
    case CELL_TEXT:
        *(struct str *)at = cell;
        return OK;
    case CELL_PATTERN:
        return parse_pattern(cell, row)
                   ? OK
                   : bad(r, "wanted [region,.../]id in lower case with at most one *", name, cell);
    case CELL_SCOPE:
        row->any_scope = str_eq(cell, STR("*"));
        row->scope = model_scope_from(cell);
        return row->any_scope || row->scope != SCOPE_UNKNOWN
                   ? OK
                   : bad(r, "wanted global, geo, in-region or *", name, cell);
    case CELL_DAY:
        return cell.n == 0 || parse_day(cell, at) ? OK
                                                  : bad(r, "wanted a date 2026-01-31", name, cell);
    case CELL_RATE:
        if (at == &row->base.v[TOKENS_CACHE_WRITE_1H])
            row->one_hour_not_sold = str_eq(cell, STR("n/a"));
        return cell.n == 0 || str_eq(cell, STR("n/a")) || money_parse_per_mtok(cell, at)
                   ? OK
                   : bad(r, "wanted USD per million tokens with at most 6 decimals, n/a or nothing",
                         name, cell);
    case CELL_COUNT:
        return cell.n == 0 || str_to_i64(cell, at) ? OK : bad(r, "wanted a number", name, cell);
    case CELL_BASIS:
        row->speech = str_eq(cell, STR("speech-text"));
        return row->speech || cell.n == 0 ? OK
                                          : bad(r, "wanted speech-text or nothing", name, cell);
    }
    return OK;
}

static void blank_row(struct price_row *row)
{
    *row = (struct price_row){.from_day = DAY_NONE,
                              .confirmed_day = DAY_EVER,
                              .batch_input = RATE_NONE,
                              .batch_output = RATE_NONE};
    for (int i = 0; i < TOKEN_CLASSES; i++)
        row->base.v[i] = row->over.v[i] = RATE_NONE;
    row->regions = row->provider = row->name = row->source = STR("");
}

static enum status read_row(struct reader *r, const struct str *cells, size_t n,
                            struct price_row *row)
{
    blank_row(row);
    if (n != r->width)
        return err_set(r->err, ERR_PARSE, "%.*s:%" PRId64 ": %zu cells, the header has %zu",
                       STR_ARG(r->file), r->csv.line, n, r->width);
    for (size_t i = 0; i < n; i++)
        TRY(read_cell(r, r->by_index[i], str_trim(cells[i]), row));
    if (row->provider.n == 0)
        row->provider = model_provider(row->head);
    row->flagged = str_find(row->source, STR("unconfirmed")) >= 0 ||
                   str_find(row->source, STR("differs:")) >= 0;
    row->file = r->file;
    row->line = r->csv.line;
    return OK;
}

static enum status refuse_duplicate(const struct reader *r, const struct price_row *rows,
                                    uint32_t n, const struct price_row *row)
{
    for (uint32_t i = 0; i < n; i++)
        if (price_row_replaces(&rows[i], row))
            return err_set(r->err, ERR_PARSE,
                           "%.*s:%" PRId64 ": pattern, scope and date of line %" PRId64 " again",
                           STR_ARG(r->file), r->csv.line, rows[i].line);
    return OK;
}

/* The place for one row more behind the first n, or NULL when memory is short. */
static struct price_row *room_for_one(struct price_row **rows, uint32_t *cap, uint32_t n)
{
    if (!*rows || n == *cap) {
        uint32_t larger = *cap ? *cap * 2 : 512;
        struct price_row *p = realloc(*rows, larger * sizeof *p);
        if (!p)
            return NULL;
        *rows = p;
        *cap = larger;
    }
    return *rows + n;
}

static enum status read_rows(struct reader *r, struct price_row **rows, uint32_t *rows_n)
{
    TRY(read_header(r));
    uint32_t cap = 0;
    for (*rows_n = 0;; (*rows_n)++) {
        struct str cells[CELLS_MAX];
        size_t n;
        TRY(next_record(r, cells, &n));
        if (n == 0)
            return OK;
        if (*rows_n == PRICE_ROWS_MAX)
            return err_set(r->err, ERR_LIMIT, "%.*s: more than %d prices", STR_ARG(r->file),
                           PRICE_ROWS_MAX);
        struct price_row *row = room_for_one(rows, &cap, *rows_n);
        if (!row)
            return err_nomem(r->err);
        TRY(read_row(r, cells, n, row));
        TRY(refuse_duplicate(r, *rows, *rows_n, row));
    }
}

enum status price_csv_read(struct arena *arena, struct str csv, const char *name,
                           struct price_row **rows, uint32_t *rows_n, struct err *err)
{
    struct reader r = {.arena = arena, .err = err};
    struct str text = arena_str(arena, csv);
    r.file = arena_str(arena, str_from(name));
    if (!text.p || !r.file.p)
        return err_nomem(err);
    csv_open(&r.csv, text);
    struct price_row *read = NULL;
    uint32_t n = 0;
    enum status status = read_rows(&r, &read, &n);
    if (status != OK) {
        free(read);
        return status;
    }
    *rows = read;
    *rows_n = n;
    return OK;
}
