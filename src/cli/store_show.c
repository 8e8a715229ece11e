/* assay store stats: what a store holds and how large it is, for people and for programs. */
#include "cli/store_show.h"

#include "base/money.h"
#include "codec/jsonw.h"

#include <stdio.h>

void store_show_count(struct buf *out, int64_t n)
{
    char text[MONEY_TEXT];
    money_format(text, (money_sum)n * PICO_PER_USD, 0, ',');
    buf_str(out, str_from(text));
}

/* Bytes of the store for each invocation, rounded up: its pages, of which the newest may still
 * stand in the -wal. */
static int64_t bytes_each(const struct store_stats *s)
{
    int64_t n = s->about.invocations;
    return n > 0 ? (s->pages * s->page_size + n - 1) / n : 0;
}

static void head(struct buf *out, const char *name)
{
    buf_printf(out, "%-16s", name);
}

static void time_line(struct buf *out, const char *name, int64_t time_us, const char *none)
{
    char text[TIME_TEXT];
    head(out, name);
    if (time_us > 0)
        buf_str(out, str_of(text, time_format(text, time_us)));
    else
        buf_str(out, str_from(none));
    buf_char(out, '\n');
}

static void count_line(struct buf *out, const char *name, int64_t n, const char *unit)
{
    head(out, name);
    store_show_count(out, n);
    buf_printf(out, "%s\n", unit);
}

static void limited_line(struct buf *out, const char *name, int64_t n, int64_t bytes, int64_t limit)
{
    head(out, name);
    store_show_count(out, n);
    buf_str(out, STR(", "));
    store_show_count(out, bytes);
    buf_str(out, STR(" bytes of at most "));
    store_show_count(out, limit);
    buf_char(out, '\n');
}

/* Right-aligned in so many columns. */
static void cell(struct buf *out, int64_t n, int width)
{
    char room[MONEY_TEXT];
    money_format(room, (money_sum)n * PICO_PER_USD, 0, ',');
    buf_printf(out, " %*s", width, n < 0 ? "-" : room);
}

static void table_lines(const struct store_stats *s, struct buf *out)
{
    buf_printf(out, "\n%-12s %14s %16s\n", "table", "rows", "bytes");
    for (int i = 0; i < s->tables_n; i++) {
        buf_printf(out, "%-12s", s->tables[i].name);
        cell(out, s->tables[i].rows, 14);
        cell(out, s->tables[i].bytes, 16);
        buf_char(out, '\n');
    }
}

void store_show_table(const struct store_stats *s, const char *path, struct buf *out)
{
    head(out, "store");
    buf_printf(out, "%s, version %d%s\n", path, s->version,
               s->version < s->newest ? "; assay store migrate makes it newer" : "");
    count_line(out, "file", s->bytes, " bytes");
    count_line(out, "wal", s->wal_bytes, " bytes");
    head(out, "pages");
    store_show_count(out, s->pages);
    buf_printf(out, " of %lld bytes, ", (long long)s->page_size);
    store_show_count(out, s->free_pages);
    buf_str(out, STR(" of them free\n"));
    count_line(out, "invocations", s->about.invocations, "");
    count_line(out, "  as calls", s->calls_kept, "");
    count_line(out, "  bytes each", bytes_each(s), "");
    time_line(out, "data from", s->about.since_us, "none");
    time_line(out, "data up to", s->about.up_to_us, "none");
    time_line(out, "calls since", s->about.calls_since_us, "ever");
    time_line(out, "sums since", s->about.sums_since_us, "ever");
    count_line(out, "too late", s->about.late, s->about.late == 1 ? " record" : " records");
    count_line(out, "files known", s->files, "");
    count_line(out, "quarantined", s->quarantined, s->quarantined == 1 ? " entry" : " entries");
    count_line(out, "series", s->series, "");
    count_line(out, "symbols", s->symbols, "");
    limited_line(out, "names", s->names, s->names_bytes, s->names_limit);
    limited_line(out, "offers", s->offers, s->offers_bytes, s->offers_limit);
    table_lines(s, out);
}

static void key_i64(struct jsonw *w, const char *key, int64_t n)
{
    jsonw_key(w, str_from(key));
    jsonw_i64(w, n);
}

static void key_time(struct jsonw *w, const char *key, int64_t time_us)
{
    char text[TIME_TEXT];
    jsonw_key(w, str_from(key));
    if (time_us > 0)
        jsonw_str(w, str_of(text, time_format(text, time_us)));
    else
        jsonw_null(w);
}

static void limited_json(struct jsonw *w, const char *key, int64_t n, int64_t bytes, int64_t limit)
{
    jsonw_key(w, str_from(key));
    jsonw_object_inline(w);
    key_i64(w, "n", n);
    key_i64(w, "bytes", bytes);
    key_i64(w, "limit", limit);
    jsonw_end(w);
}

static void tables_json(struct jsonw *w, const struct store_stats *s)
{
    jsonw_key(w, STR("tables"));
    jsonw_array(w);
    for (int i = 0; i < s->tables_n; i++) {
        const struct store_table *t = &s->tables[i];
        jsonw_object_inline(w);
        jsonw_key(w, STR("name"));
        jsonw_str(w, str_from(t->name));
        key_i64(w, "rows", t->rows);
        jsonw_key(w, STR("bytes"));
        if (t->bytes < 0)
            jsonw_null(w);
        else
            jsonw_i64(w, t->bytes);
        jsonw_end(w);
    }
    jsonw_end(w);
}

void store_show_json(const struct store_stats *s, const char *path, struct buf *out)
{
    struct jsonw w = jsonw_start(out, 2);
    jsonw_object(&w);
    key_i64(&w, "assay", 1);
    jsonw_key(&w, STR("store"));
    jsonw_str(&w, str_from(path));
    key_i64(&w, "version", s->version);
    key_i64(&w, "bytes", s->bytes);
    key_i64(&w, "wal_bytes", s->wal_bytes);
    key_i64(&w, "page_size", s->page_size);
    key_i64(&w, "pages", s->pages);
    key_i64(&w, "free_pages", s->free_pages);
    key_i64(&w, "invocations", s->about.invocations);
    key_i64(&w, "calls", s->calls_kept);
    key_i64(&w, "bytes_per_invocation", bytes_each(s));
    key_time(&w, "since", s->about.since_us);
    key_time(&w, "up_to", s->about.up_to_us);
    key_time(&w, "calls_since", s->about.calls_since_us);
    key_time(&w, "sums_since", s->about.sums_since_us);
    key_i64(&w, "late", s->about.late);
    key_i64(&w, "dropped", s->about.dropped);
    key_i64(&w, "files", s->files);
    key_i64(&w, "quarantined", s->quarantined);
    key_i64(&w, "series", s->series);
    key_i64(&w, "symbols", s->symbols);
    limited_json(&w, "names", s->names, s->names_bytes, s->names_limit);
    limited_json(&w, "offers", s->offers, s->offers_bytes, s->offers_limit);
    tables_json(&w, s);
    jsonw_end(&w);
    buf_char(out, '\n');
}
