/*
 * Single blocks of symbols and series, for a writer that has not all names at hand: see names.c for
 * their form. The block that was read last is kept, because calls of one time name what was new
 * about that time.
 */
#include "store/store_internal.h"

#include <stdlib.h>

enum { BLOCK = NAMES_BLOCK };

struct block_cache {
    int64_t symbols_at, series_at; /* -1: none */
    struct buf bytes;              /* of the symbols */
    uint32_t symbols_n, series_n;
    struct str text[BLOCK];
    uint32_t labels[BLOCK][LABELS];
};

static enum status cache_of(struct store *s, struct block_cache **out, struct err *err)
{
    if (!s->naming.blocks) {
        struct block_cache *c = calloc(1, sizeof *c);
        if (!c)
            return err_nomem(err);
        c->symbols_at = c->series_at = -1;
        buf_init(&c->bytes, SIZE_MAX / 2);
        s->naming.blocks = c;
    }
    *out = s->naming.blocks;
    return OK;
}

void names_forget_blocks(struct store *s)
{
    if (s->naming.blocks)
        s->naming.blocks->symbols_at = s->naming.blocks->series_at = -1;
}

void names_free_blocks(struct store *s)
{
    if (s->naming.blocks)
        buf_fini(&s->naming.blocks->bytes);
    free(s->naming.blocks);
    s->naming.blocks = NULL;
}

static bool unpack_symbols(struct block_cache *c)
{
    struct unpack u = unpack_of(c->bytes.p, c->bytes.n);
    uint64_t n = unpack_u64(&u);
    if (u.bad || n == 0 || n > BLOCK)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t len = unpack_u64(&u);
        if (u.bad || len > (uint64_t)(u.end - u.p))
            return false;
        c->text[i] = str_of((const char *)u.p, (size_t)len);
        u.p += len;
    }
    c->symbols_n = (uint32_t)n;
    return true;
}

static bool unpack_series(struct block_cache *c, struct unpack u)
{
    uint64_t n = unpack_u64(&u), width = unpack_u64(&u);
    if (u.bad || n == 0 || n > BLOCK || width > LABELS)
        return false;
    memset(c->labels, 0, sizeof c->labels);
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = 0; j < width; j++) {
            uint64_t symbol = unpack_u64(&u);
            if (u.bad || symbol > UINT32_MAX)
                return false;
            c->labels[i][j] = (uint32_t)symbol;
        }
    c->series_n = (uint32_t)n;
    return true;
}

static enum status open_block(struct store *s, enum stmt id, int64_t block, sqlite3_stmt **st,
                              struct err *err)
{
    bool row;
    TRY(db_get(s, id, st, err));
    sqlite3_bind_int64(*st, 1, block);
    TRY(db_step(s, *st, &row, err));
    return row ? OK : db_damaged(s, err, "a block of names is missing");
}

static enum status symbols_block(struct store *s, int64_t block, struct block_cache **out,
                                 struct err *err)
{
    sqlite3_stmt *st = NULL;
    struct block_cache *c = NULL;
    TRY(cache_of(s, &c, err));
    *out = c;
    if (c->symbols_at == block)
        return OK;
    c->symbols_at = -1;
    TRY(open_block(s, STMT_SYMBOL_BLOCK, block, &st, err));
    struct unpack u = db_blob(st, 0);
    buf_reset(&c->bytes);
    buf_append(&c->bytes, u.p, (size_t)(u.end - u.p));
    sqlite3_reset(st);
    if (buf_status(&c->bytes) != OK)
        return err_nomem(err);
    if (!unpack_symbols(c))
        return db_damaged(s, err, "a block of symbols");
    c->symbols_at = block;
    return OK;
}

static enum status series_block(struct store *s, int64_t block, struct block_cache **out,
                                struct err *err)
{
    sqlite3_stmt *st = NULL;
    struct block_cache *c = NULL;
    TRY(cache_of(s, &c, err));
    *out = c;
    if (c->series_at == block)
        return OK;
    c->series_at = -1;
    TRY(open_block(s, STMT_SERIES_BLOCK, block, &st, err));
    bool good = unpack_series(c, db_blob(st, 0));
    sqlite3_reset(st);
    if (!good)
        return db_damaged(s, err, "a block of series");
    c->series_at = block;
    return OK;
}

enum status names_read_symbol(struct store *s, uint32_t id, struct str *text, struct err *err)
{
    struct block_cache *c = NULL;
    TRY(symbols_block(s, id / BLOCK, &c, err));
    if (id % BLOCK >= c->symbols_n)
        return db_damaged(s, err, "a series names an unknown symbol");
    *text = c->text[id % BLOCK];
    return OK;
}

enum status names_read_series(struct store *s, uint32_t id, uint32_t symbols[LABELS],
                              struct err *err)
{
    struct block_cache *c = NULL;
    TRY(series_block(s, id / BLOCK, &c, err));
    if (id % BLOCK >= c->series_n)
        return db_damaged(s, err, "it counts a series that it does not name");
    memcpy(symbols, c->labels[id % BLOCK], sizeof c->labels[0]);
    return OK;
}

void names_numbers(const struct naming *n, const struct labels *labels, uint32_t symbols[LABELS])
{
    for (int i = 0; i < LABELS; i++)
        symbols[i] = n->symbol_ids.plus_1[labels->v[i]] - 1;
}

static void put_u64(struct buf *b, uint64_t v)
{
    uint8_t bytes[PACK_VARINT_MAX];
    buf_append(b, bytes, (size_t)(pack_u64(bytes, v) - bytes));
}

static void put_series(struct buf *b, const uint32_t symbols[LABELS])
{
    for (int i = 0; i < LABELS; i++)
        put_u64(b, symbols[i]);
}

static void put_text(struct buf *b, struct str text)
{
    put_u64(b, text.n);
    buf_str(b, text);
}

/* One block with names `at` to `end` - 1, of which those from `saved` on are new. */
static enum status pack_symbols(struct store *s, uint32_t at, uint32_t end, struct err *err)
{
    const struct naming *n = &s->naming;
    uint32_t saved = n->symbols_saved;
    buf_reset(&s->out);
    put_u64(&s->out, end - at);
    for (; at < end; at++) {
        struct str text = STR_NONE;
        if (at < saved)
            TRY(names_read_symbol(s, at, &text, err));
        else
            text = symbols_text(n->symbols, n->new_symbols.v[at - saved]);
        put_text(&s->out, text);
    }
    return OK;
}

static enum status pack_series(struct store *s, uint32_t at, uint32_t end, struct err *err)
{
    const struct naming *n = &s->naming;
    uint32_t saved = n->series_saved;
    buf_reset(&s->out);
    put_u64(&s->out, end - at);
    put_u64(&s->out, LABELS);
    for (; at < end; at++) {
        uint32_t symbols[LABELS] = {0};
        if (at < saved)
            TRY(names_read_series(s, at, symbols, err));
        else
            names_numbers(n, series_labels(n->series, n->new_series.v[at - saved]), symbols);
        put_series(&s->out, symbols);
    }
    return OK;
}

typedef enum status pack_fn(struct store *s, uint32_t at, uint32_t end, struct err *err);

static enum status append_blocks(struct store *s, enum stmt put, pack_fn *pack, uint32_t saved,
                                 uint32_t count, struct err *err)
{
    for (uint32_t at = saved / BLOCK * BLOCK; saved < count && at < count; at += BLOCK) {
        TRY(pack(s, at, count - at < BLOCK ? count : at + BLOCK, err));
        if (buf_status(&s->out) != OK)
            return err_nomem(err);
        TRY(db_put_blob(s, put, at / BLOCK, s->out.p, s->out.n, err));
    }
    names_forget_blocks(s);
    return OK;
}

enum status names_append_symbols(struct store *s, struct err *err)
{
    const struct naming *n = &s->naming;
    return append_blocks(s, STMT_SYMBOLS_PUT, pack_symbols, n->symbols_saved, n->symbols_n, err);
}

enum status names_append_series(struct store *s, struct err *err)
{
    const struct naming *n = &s->naming;
    return append_blocks(s, STMT_SERIES_PUT, pack_series, n->series_saved, n->series_n, err);
}

/* How many names the blocks of a table have: all but the last one are full. */
static enum status count_of(struct store *s, enum stmt last, uint32_t *n, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    *n = 0;
    TRY(db_get(s, last, &st, err));
    TRY(db_step(s, st, &row, err));
    if (!row)
        return OK;
    int64_t block = sqlite3_column_int64(st, 0);
    struct unpack u = db_blob(st, 1);
    uint64_t in_last = unpack_u64(&u);
    sqlite3_reset(st);
    if (u.bad || in_last == 0 || in_last > BLOCK || block < 0 || block >= INT32_MAX / BLOCK)
        return db_damaged(s, err, "a block of names");
    *n = (uint32_t)block * BLOCK + (uint32_t)in_last;
    return OK;
}

enum status names_count(struct store *s, uint32_t *symbols, uint32_t *series, struct err *err)
{
    names_forget_blocks(s);
    TRY(count_of(s, STMT_SYMBOLS_LAST, symbols, err));
    return count_of(s, STMT_SERIES_LAST, series, err);
}

enum status names_each_series(struct store *s, uint32_t n, series_fn *each, void *ctx,
                              struct err *err)
{
    for (uint32_t id = 0; id < n; id++) {
        uint32_t symbols[LABELS] = {0};
        TRY(names_read_series(s, id, symbols, err));
        TRY(each(ctx, id, symbols, err));
    }
    return OK;
}
