/*
 * Sorted maps in blobs. A row holds the items of one stretch of keys, about a page of them: its id
 * is the least key that may stand there, the next row's id is the end. An item is the distance of
 * its key from the one before (of the first, from the row's id), its length, and its bytes.
 *
 * A row of SQLite for each fact was measured first: statement, search and insertion cost some 1.2
 * us a fact. Here a batch comes sorted and is merged row by row, so that a fact costs a copy of its
 * bytes; the file is a fifth smaller, too.
 */
#include "store/store_internal.h"

#include <stdlib.h>

/* What fits into a page of 4096 with its heads, and a quarter of it: facts are mostly read in a
 * row, slots of keys one by one. */
enum { FACTS_SIZE = 4000, SEEN_SIZE = 1000, EXCHANGES_SIZE = 4000 };

struct chunk_stmts {
    enum stmt at, next, range, put, drop;
    enum stmt cut; /* of those that are ever cut */
    size_t size;
};

static const struct chunk_stmts stmts[CHUNK_TABLES] = {
    [CHUNK_FACTS] = {STMT_FACT_AT, STMT_FACT_NEXT, STMT_FACT_RANGE, STMT_FACT_PUT, STMT_FACT_DROP,
                     STMT_FACT_CUT, FACTS_SIZE},
    [CHUNK_SEEN] = {STMT_SEEN_AT, STMT_SEEN_NEXT, STMT_SEEN_RANGE, STMT_SEEN_PUT, STMT_SEEN_DROP,
                    STMTS, SEEN_SIZE},
    [CHUNK_EXCHANGES] = {STMT_EXCHANGE_AT, STMT_EXCHANGE_NEXT, STMT_EXCHANGE_RANGE,
                         STMT_EXCHANGE_PUT, STMT_EXCHANGE_DROP, STMT_EXCHANGE_CUT, EXCHANGES_SIZE},
};

static struct items items_of(int64_t id, struct unpack u)
{
    return (struct items){u, id, true};
}

/* False at the end or when r->u.bad. */
static bool item_next(struct items *r, struct chunk_item *item)
{
    if (r->u.p == r->u.end)
        return false;
    uint64_t step = unpack_u64(&r->u), n = unpack_u64(&r->u);
    uint64_t room = (uint64_t)INT64_MAX - (uint64_t)r->key;
    if (r->u.bad || step > room || (step == 0 && !r->first) || n > (uint64_t)(r->u.end - r->u.p)) {
        r->u.bad = true;
        return false;
    }
    r->key = (int64_t)((uint64_t)r->key + step);
    r->first = false;
    *item = (struct chunk_item){.key = r->key, .p = r->u.p, .n = (size_t)n};
    r->u.p += n;
    return true;
}

static enum status damaged(struct store *s, struct err *err)
{
    return db_damaged(s, err, "a chunk of facts or keys cannot be read");
}

void chunk_forget(struct store *s)
{
    for (int i = 0; i < CHUNK_TABLES; i++)
        s->chunk[i].loaded = false;
}

/* Copies the row where the key would stand; loaded is false when there is none. */
static enum status load(struct store *s, enum chunk_table table, int64_t key, struct err *err)
{
    struct chunk *c = &s->chunk[table];
    sqlite3_stmt *st = NULL;
    c->loaded = false;
    bool row;
    TRY(db_get(s, stmts[table].at, &st, err));
    sqlite3_bind_int64(st, 1, key);
    TRY(db_step(s, st, &row, err));
    if (!row)
        return OK;
    struct unpack u = db_blob(st, 1);
    c->id = c->reach = sqlite3_column_int64(st, 0);
    buf_reset(&c->bytes);
    buf_append(&c->bytes, u.p, (size_t)(u.end - u.p));
    sqlite3_reset(st);
    if (buf_status(&c->bytes) != OK)
        return err_nomem(err);
    c->at = items_of(c->id, unpack_of(c->bytes.p, c->bytes.n));
    c->loaded = true;
    return OK;
}

enum status chunk_find(struct store *s, enum chunk_table table, int64_t key, struct unpack *value,
                       bool *found, struct err *err)
{
    struct chunk *c = &s->chunk[table];
    *found = false;
    if (!c->loaded || key < c->id || key > c->reach)
        TRY(load(s, table, key, err));
    if (!c->loaded)
        return OK;
    /* Keys are mostly asked for in their order. */
    if (c->at.first || key <= c->at.key)
        c->at = items_of(c->id, unpack_of(c->bytes.p, c->bytes.n));
    struct items before = c->at, r = before;
    struct chunk_item item = {0};
    bool more;
    while ((more = item_next(&r, &item)) && item.key < key)
        before = r;
    c->at = before;
    if (r.u.bad)
        return damaged(s, err);
    int64_t reach = more ? item.key : key;
    if (reach > c->reach)
        c->reach = reach;
    *found = more && item.key == key;
    *value = unpack_of(item.p, item.n);
    return OK;
}

static bool add_item(struct store *s, const struct chunk_item *item)
{
    if (s->merged_n == s->merged_cap) {
        size_t cap = s->merged_cap ? s->merged_cap * 2 : 1024;
        struct chunk_item *grown = realloc(s->merged, cap * sizeof *grown);
        if (!grown)
            return false;
        s->merged = grown;
        s->merged_cap = cap;
    }
    s->merged[s->merged_n++] = *item;
    return true;
}

/* Old items and new ones in s->merged, in the order of their keys. */
static enum status merge(struct store *s, struct items old, struct chunk_item *item, size_t n,
                         bool replace, struct err *err)
{
    struct chunk_item o;
    bool fits = true;
    s->merged_n = 0;
    while (fits && item_next(&old, &o)) {
        for (; fits && n > 0 && item->key < o.key; item++, n--)
            fits = !item->p || item->taken || add_item(s, item);
        /* More than one may want the key: all but the first are taken already. */
        bool kept = true;
        for (; n > 0 && item->key == o.key; item++, n--) {
            if (item->taken)
                continue;
            if (item->p && !replace)
                item->taken = true;
            else if (item->p)
                o = *item;
            else
                kept = false;
        }
        fits = fits && (!kept || add_item(s, &o));
    }
    for (; fits && n > 0; item++, n--)
        fits = !item->p || item->taken || add_item(s, item);
    if (!fits)
        return err_nomem(err);
    return old.u.bad ? damaged(s, err) : OK;
}

/* Writes s->merged as rows: full ones at the end of the table, where more will follow, even ones
 * elsewhere. The first keeps the id of the row that was there. */
static enum status write_rows(struct store *s, enum chunk_table table, int64_t id, bool at_end,
                              struct err *err)
{
    size_t total = 0, size = stmts[table].size, target = size;
    for (size_t i = 0; i < s->merged_n; i++)
        total += s->merged[i].n + 8;
    if (!at_end)
        target = total / (total / size + 1) + 1;
    for (size_t i = 0; i < s->merged_n;) {
        int64_t key = id;
        buf_reset(&s->out);
        for (; i < s->merged_n; i++) {
            const struct chunk_item *item = &s->merged[i];
            uint8_t head[20], *p = pack_u64(head, (uint64_t)item->key - (uint64_t)key);
            p = pack_u64(p, item->n);
            size_t n = s->out.n + (size_t)(p - head) + item->n;
            if (s->out.n > 0 && (n > size || s->out.n >= target))
                break;
            buf_append(&s->out, head, (size_t)(p - head));
            buf_append(&s->out, item->p, item->n);
            key = item->key;
        }
        if (buf_status(&s->out) != OK)
            return err_nomem(err);
        TRY(db_put_blob(s, stmts[table].put, id, s->out.p, s->out.n, err));
        if (i < s->merged_n)
            id = s->merged[i].key;
    }
    return OK;
}

/* Those items that belong into the row of the first; *done is how many. */
static enum status put_row(struct store *s, enum chunk_table table, struct chunk_item *item,
                           size_t n, bool replace, size_t *done, struct err *err)
{
    struct chunk *c = &s->chunk[table];
    TRY(load(s, table, item->key, err));
    bool had = c->loaded, more;
    int64_t id = had ? c->id : item->key, end;
    struct unpack none = unpack_of(NULL, 0);
    TRY(db_i64(s, stmts[table].next, id, &end, &more, err));
    size_t mine = 1;
    while (mine < n && (!more || item[mine].key < end))
        mine++;
    TRY(merge(s, had ? c->at : items_of(id, none), item, mine, replace, err));
    *done = mine;
    if (s->merged_n > 0)
        return write_rows(s, table, id, !more, err);
    if (!had)
        return OK;
    sqlite3_stmt *drop = NULL;
    TRY(db_get(s, stmts[table].drop, &drop, err));
    sqlite3_bind_int64(drop, 1, id);
    return db_run(s, drop, err);
}

enum status chunk_put(struct store *s, enum chunk_table table, struct chunk_item *item, size_t n,
                      bool replace, struct err *err)
{
    enum status status = OK;
    for (size_t done; status == OK && n > 0; item += done, n -= done) {
        done = n; /* on failure the loop ends anyway */
        status = put_row(s, table, item, n, replace, &done, err);
    }
    s->chunk[table].loaded = false;
    return status;
}

enum status chunk_cut(struct store *s, enum chunk_table table, int64_t below, struct err *err)
{
    struct chunk *c = &s->chunk[table];
    struct chunk_item item;
    sqlite3_stmt *cut = NULL;
    TRY(load(s, table, below - 1, err));
    if (!c->loaded)
        return OK;
    /* The row in which the cut falls: what stays of it begins a row of its own. */
    struct items r = c->at;
    s->merged_n = 0;
    while (item_next(&r, &item))
        if (item.key >= below && !add_item(s, &item))
            return err_nomem(err);
    if (r.u.bad)
        return damaged(s, err);
    TRY(db_get(s, stmts[table].cut, &cut, err));
    sqlite3_bind_int64(cut, 1, below);
    TRY(db_run(s, cut, err));
    enum status status = write_rows(s, table, below, false, err);
    c->loaded = false;
    return status;
}

enum { JOIN = 16 };

/* Rows side by side that fit into one. */
struct group {
    int64_t id[JOIN];
    size_t len[JOIN], n;
    struct buf bytes;
};

/* The rows that can be joined with the one of `at`; *next is the first behind them. */
static enum status read_group(struct store *s, enum chunk_table table, int64_t at, int64_t last,
                              struct group *g, int64_t *next, bool *more, struct err *err)
{
    sqlite3_stmt *st = NULL;
    g->n = 0;
    buf_reset(&g->bytes);
    TRY(db_get(s, stmts[table].range, &st, err));
    sqlite3_bind_int64(st, 1, at);
    sqlite3_bind_int64(st, 2, last);
    for (;;) {
        TRY(db_step(s, st, more, err));
        if (!*more)
            break;
        struct unpack u = db_blob(st, 1);
        size_t len = (size_t)(u.end - u.p);
        *next = sqlite3_column_int64(st, 0);
        /* Not quite full: keys come in between. */
        if (g->n == JOIN || (g->n > 0 && g->bytes.n + len > stmts[table].size / 4 * 3))
            break;
        buf_append(&g->bytes, u.p, len);
        g->id[g->n] = *next;
        g->len[g->n++] = len;
    }
    sqlite3_reset(st);
    return buf_status(&g->bytes) == OK ? OK : err_nomem(err);
}

static enum status join_group(struct store *s, enum chunk_table table, const struct group *g,
                              struct err *err)
{
    const uint8_t *p = (const uint8_t *)g->bytes.p;
    sqlite3_stmt *drop = NULL;
    s->merged_n = 0;
    TRY(db_get(s, stmts[table].drop, &drop, err));
    for (size_t i = 0; i < g->n; p += g->len[i++]) {
        struct items r = items_of(g->id[i], unpack_of(p, g->len[i]));
        struct chunk_item item;
        while (item_next(&r, &item))
            if (!add_item(s, &item))
                return err_nomem(err);
        if (r.u.bad)
            return damaged(s, err);
        sqlite3_bind_int64(drop, 1, g->id[i]);
        if (i > 0)
            TRY(db_run(s, drop, err));
    }
    return write_rows(s, table, g->id[0], false, err);
}

enum status chunk_join(struct store *s, enum chunk_table table, int64_t from, int64_t last,
                       struct err *err)
{
    struct group g;
    enum status status = OK;
    bool more = true;
    buf_init(&g.bytes, s->out.max);
    for (int64_t at = from; status == OK && more;) {
        status = read_group(s, table, at, last, &g, &at, &more, err);
        if (status == OK && g.n > 1)
            status = join_group(s, table, &g, err);
    }
    buf_fini(&g.bytes);
    s->chunk[table].loaded = false;
    return status;
}

enum status chunk_open(struct store *s, enum chunk_table table, int64_t from, int64_t last,
                       struct chunk_reader *r, struct err *err)
{
    *r = (struct chunk_reader){.store = s, .from = from, .last = last};
    r->items = items_of(0, unpack_of(NULL, 0));
    TRY(db_get(s, stmts[table].range, &r->st, err));
    sqlite3_bind_int64(r->st, 1, from);
    sqlite3_bind_int64(r->st, 2, last);
    return OK;
}

void chunk_close(struct chunk_reader *r)
{
    sqlite3_reset(r->st);
}

enum status chunk_next(struct chunk_reader *r, struct chunk_item *item, bool *more, struct err *err)
{
    for (;;) {
        while (item_next(&r->items, item)) {
            if (item->key < r->from)
                continue;
            *more = item->key <= r->last;
            return OK;
        }
        if (r->items.u.bad)
            return damaged(r->store, err);
        TRY(db_step(r->store, r->st, more, err));
        if (!*more)
            return OK;
        r->items = items_of(sqlite3_column_int64(r->st, 0), db_blob(r->st, 1));
    }
}
