/* Writing price rows, by the same table of columns that they are read by: see prices.h. */
#include "model/prices_internal.h"

#include "base/clock.h"
#include "codec/csv.h"

#include <inttypes.h>
#include <stdio.h>

size_t price_rate_text(char out[MONEY_TEXT], int64_t rate)
{
    out[0] = '\0';
    if (rate == RATE_NONE)
        return 0;
    size_t n = money_format(out, (money_sum)rate * 1000000, 6, 0);
    while (out[n - 1] == '0')
        n--;
    if (out[n - 1] == '.')
        n--;
    out[n] = '\0';
    return n;
}

/* The cell of a column as text; short ones are made in `room`. */
static struct str cell_text(const struct price_row *row, const struct price_column *c,
                            char room[MONEY_TEXT])
{
    const void *at = (const char *)row + c->offset;
    int64_t number = 0;
    room[0] = '\0';
    switch (c->kind) {
    case CELL_TEXT:
    case CELL_PATTERN:
        return *(const struct str *)at;
    case CELL_SCOPE:
        return row->any_scope ? STR("*") : model_scope_name(row->scope);
    case CELL_BASIS:
        return row->speech ? STR("speech-text") : STR("");
    case CELL_RATE:
        memcpy(&number, at, sizeof number);
        if (at == &row->base.v[TOKENS_CACHE_WRITE_1H] && row->one_hour_not_sold)
            return STR("n/a");
        return str_of(room, price_rate_text(room, number));
    case CELL_COUNT:
        memcpy(&number, at, sizeof number);
        return number ? str_of(room, (size_t)snprintf(room, MONEY_TEXT, "%" PRId64, number))
                      : STR("");
    case CELL_DAY:
        memcpy(&number, at, sizeof number);
        if (number == DAY_NONE || number == DAY_EVER)
            return STR("");
        time_format(room, number * US_PER_DAY);
        return str_of(room, 10);
    }
    return STR("");
}

void price_csv_header(struct buf *out)
{
    for (int i = 0; i < PRICE_COLUMNS; i++)
        buf_printf(out, "%s%s", i ? "," : "", price_columns[i].name);
    buf_char(out, '\n');
}

void price_row_csv(struct buf *out, const struct price_row *row)
{
    char room[MONEY_TEXT];
    for (int i = 0; i < PRICE_COLUMNS; i++) {
        if (i)
            buf_char(out, ',');
        csv_write(out, cell_text(row, &price_columns[i], room));
    }
    buf_char(out, '\n');
}

void price_row_json(struct jsonw *w, const struct price_row *row)
{
    char room[MONEY_TEXT];
    jsonw_object_inline(w);
    for (int i = 0; i < PRICE_COLUMNS; i++) {
        struct str cell = cell_text(row, &price_columns[i], room);
        if (cell.n == 0)
            continue;
        jsonw_key(w, str_from(price_columns[i].name));
        /* Rates stay text: a reader of JSON would make them floating point. */
        if (price_columns[i].kind == CELL_COUNT)
            jsonw_raw(w, cell);
        else
            jsonw_str(w, cell);
    }
    jsonw_end(w);
}
