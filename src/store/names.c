/*
 * Symbols and series in the file: blocks of 256, so that 50,000 series are some 200 rows to load.
 * A block begins with the number of its entries (and, for series, of labels); only the last one
 * changes, by being written again.
 *
 * A reader loads all of them; a writer has a part (naming.c), and reads and adds to single blocks
 * (blocks.c).
 */
#include "store/store_internal.h"

#include <stdlib.h>

enum { BLOCK = NAMES_BLOCK };

bool id_map_reserve(struct id_map *m, size_t n)
{
    if (n <= m->cap)
        return true;
    size_t cap = m->cap ? m->cap : 1024;
    while (cap < n)
        cap *= 2;
    uint32_t *grown = realloc(m->plus_1, cap * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + m->cap, 0, (cap - m->cap) * sizeof *grown);
    *m = (struct id_map){grown, cap};
    return true;
}

void id_map_forget(struct id_map *m)
{
    if (m->plus_1)
        memset(m->plus_1, 0, m->cap * sizeof *m->plus_1);
}

struct texts {
    struct store *store;
    text_fn *each;
    void *ctx;
    uint32_t n;
};

static enum status load_text_block(void *ctx, struct unpack *u, struct err *err)
{
    struct texts *t = ctx;
    uint64_t n = unpack_u64(u);
    if (u->bad || n == 0 || n > BLOCK || t->n % BLOCK != 0)
        return db_damaged(t->store, err, "a block of symbols");
    for (; n > 0; n--) {
        uint64_t len = unpack_u64(u);
        if (u->bad || len > (uint64_t)(u->end - u->p))
            return db_damaged(t->store, err, "a block of symbols");
        struct str text = {(const char *)u->p, (size_t)len};
        TRY(t->each(t->ctx, t->n++, text, err));
        u->p += len;
    }
    return OK;
}

typedef enum status load_block(void *ctx, struct unpack *u, struct err *err);

static enum status load_blocks(struct store *s, enum stmt id, load_block *load, void *ctx,
                               struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    TRY(db_get(s, id, &st, err));
    for (int64_t block = 0;; block++) {
        TRY(db_step(s, st, &row, err));
        if (!row)
            return OK;
        struct unpack u = db_blob(st, 1);
        enum status status = OK;
        if (sqlite3_column_int64(st, 0) != block)
            status = db_damaged(s, err, "a block of names is missing");
        else
            status = load(ctx, &u, err);
        if (status != OK) {
            sqlite3_reset(st);
            return status;
        }
    }
}

enum status names_load_texts(struct store *s, enum stmt id, text_fn *each, void *ctx,
                             struct err *err)
{
    struct texts t = {s, each, ctx, 0};
    return load_blocks(s, id, load_text_block, &t, err);
}

/* Loading: names of the file go into `series`; ids[i] is the id there of the i-th in the file. */
struct loading {
    struct store *store;
    struct series *series;
    struct id_map symbols, ids;
    uint32_t symbols_n, series_n;
};

static enum status load_symbol(void *ctx, uint32_t at, struct str text, struct err *err)
{
    struct loading *l = ctx;
    uint32_t id;
    if (!id_map_reserve(&l->symbols, (size_t)at + 1) ||
        symbols_intern(series_symbols(l->series), text, &id) != OK)
        return err_nomem(err);
    l->symbols.plus_1[at] = id + 1;
    l->symbols_n = at + 1;
    return OK;
}

static enum status load_series_block(void *ctx, struct unpack *u, struct err *err)
{
    struct loading *l = ctx;
    uint64_t n = unpack_u64(u), width = unpack_u64(u);
    if (u->bad || n == 0 || n > BLOCK || width > LABELS || l->series_n % BLOCK != 0)
        return db_damaged(l->store, err, "a block of series");
    if (!id_map_reserve(&l->ids, l->series_n + n))
        return err_nomem(err);
    for (; n > 0; n--) {
        struct labels labels = {0};
        for (uint64_t i = 0; i < width; i++) {
            uint64_t symbol = unpack_u64(u);
            if (u->bad || symbol >= l->symbols_n)
                return db_damaged(l->store, err, "a series names an unknown symbol");
            labels.v[i] = l->symbols.plus_1[symbol] - 1;
        }
        uint32_t id;
        if (series_intern(l->series, &labels, &id) != OK)
            return err_nomem(err);
        l->ids.plus_1[l->series_n++] = id + 1;
    }
    return OK;
}

static enum status load(struct loading *l, struct err *err)
{
    TRY(names_load_texts(l->store, STMT_SYMBOLS, load_symbol, l, err));
    return load_blocks(l->store, STMT_SERIES, load_series_block, l, err);
}

enum status names_load_whole(struct store *s, struct err *err)
{
    struct naming *n = &s->naming;
    struct loading l = {.store = s, .series = n->series};
    enum status status = load(&l, err);
    free(l.symbols.plus_1);
    free(l.ids.plus_1);
    if (status != OK)
        return status;
    /* A name that stands twice would move all ids behind it. */
    bool same = symbols_count(n->symbols) == (l.symbols_n ? l.symbols_n : 1) &&
                series_count(n->series) == l.series_n;
    if (!same)
        return db_damaged(s, err, "a name stands twice");
    if (!id_map_reserve(&n->symbol_ids, l.symbols_n) || !id_map_reserve(&n->series_ids, l.series_n))
        return err_nomem(err);
    for (uint32_t i = 0; i < l.symbols_n; i++)
        n->symbol_ids.plus_1[i] = i + 1;
    for (uint32_t i = 0; i < l.series_n; i++)
        n->series_ids.plus_1[i] = i + 1;
    n->whole = true;
    return OK;
}

enum status names_load_into(struct store *s, struct series *series, struct err *err)
{
    struct loading l = {.store = s, .series = series};
    enum status status = load(&l, err);
    free(l.symbols.plus_1);
    if (status != OK) {
        free(l.ids.plus_1);
        return status;
    }
    for (uint32_t i = 0; i < l.series_n; i++)
        l.ids.plus_1[i]--;
    free(s->loaded_ids);
    s->loaded_ids = l.ids.plus_1;
    s->loaded_n = l.series_n;
    s->loaded = series;
    return OK;
}

static void put_u64(struct buf *b, uint64_t v)
{
    uint8_t bytes[PACK_VARINT_MAX];
    buf_append(b, bytes, (size_t)(pack_u64(bytes, v) - bytes));
}

static void pack_symbols(struct buf *out, const struct symbols *symbols, uint32_t at, uint32_t end)
{
    put_u64(out, end - at);
    for (; at < end; at++) {
        struct str text = symbols_text(symbols, at);
        put_u64(out, text.n);
        buf_str(out, text);
    }
}

enum status names_save_texts(struct store *s, enum stmt id, const struct symbols *symbols,
                             uint32_t saved, struct err *err)
{
    uint32_t count = symbols_count(symbols);
    if (saved == count)
        return OK;
    for (uint32_t at = saved / BLOCK * BLOCK; at < count; at += BLOCK) {
        buf_reset(&s->out);
        pack_symbols(&s->out, symbols, at, count - at < BLOCK ? count : at + BLOCK);
        if (buf_status(&s->out) != OK)
            return err_nomem(err);
        TRY(db_put_blob(s, id, at / BLOCK, s->out.p, s->out.n, err));
    }
    return OK;
}
