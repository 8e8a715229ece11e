/*
 * The names of a writer: from the series of its caller to those of the file and back.
 *
 * A store may have millions of names (each session of a role is a principal), a writer must not. It
 * has a working set at hand: what was met lately, with the numbers in the file. When the set has
 * become large it is written and begun anew; what it lacks is looked up in the file:
 *
 *     symbol_at    128 bits of a text's hash -> number of the symbol
 *     series_at    the same of the symbols of a tuple, less the empty ones at its end
 *
 * By 64 bits stands the row; when other texts stand there, in the next one. As with the keys of
 * invocations, what agrees in 128 bits of a keyed hash is the same. While the working set is whole
 * (all names of the file are in it, as in most stores) nothing is looked up.
 *
 * New names get their numbers at once and are written before the commit. After a rollback their
 * numbers are free again, so the set is begun anew then, too.
 */
#include "store/store_internal.h"

#include <endian.h>
#include <stdlib.h>

/* Symbols or series, of some 150 bytes each. */
enum { AT_HAND = 32 * 1024 };
/* Places for labels of series that were looked up; a power of two. */
enum { SLOTS = 1024 };

struct naming_slot {
    uint32_t series_plus_1; /* in the file */
    struct labels labels;   /* of the working set */
};

struct naming_symbol {
    uint32_t id_plus_1, local;
};

const char naming_schema[] =
    "CREATE TABLE symbol_at(k INTEGER PRIMARY KEY, lo INTEGER NOT NULL, id INTEGER NOT NULL)"
    " STRICT;"
    "CREATE TABLE series_at(k INTEGER PRIMARY KEY, lo INTEGER NOT NULL, id INTEGER NOT NULL)"
    " STRICT;";

static bool list_add(struct id_list *l, uint32_t id)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 256;
        uint32_t *grown = realloc(l->v, cap * sizeof *grown);
        if (!grown)
            return false;
        l->v = grown;
        l->cap = cap;
    }
    l->v[l->n++] = id;
    return true;
}

struct hash128 naming_hash_symbol(const struct store *s, struct str text)
{
    return hash128(s->key, text.p, text.n);
}

struct hash128 naming_hash_series(const struct store *s, const uint32_t symbols[LABELS])
{
    uint32_t bytes[LABELS];
    size_t n = LABELS;
    while (n > 0 && symbols[n - 1] == 0)
        n--;
    for (size_t i = 0; i < n; i++)
        bytes[i] = htole32(symbols[i]);
    return hash128(s->key, bytes, n * sizeof *bytes);
}

enum status naming_find(struct store *s, enum stmt table, struct hash128 hash, int64_t *place,
                        int64_t *id, bool *found, struct err *err)
{
    for (uint64_t k = hash.hi;; k++) {
        sqlite3_stmt *st = NULL;
        TRY(db_get(s, table, &st, err));
        sqlite3_bind_int64(st, 1, (int64_t)k);
        TRY(db_step(s, st, found, err));
        *place = (int64_t)k;
        if (!*found)
            return OK;
        bool same = (uint64_t)sqlite3_column_int64(st, 0) == hash.lo;
        *id = sqlite3_column_int64(st, 1);
        sqlite3_reset(st);
        if (same)
            return OK;
    }
}

/* *plus_1 is 0 when the file has no such name. */
static enum status look_up(struct store *s, enum stmt table, struct hash128 hash, uint32_t count,
                           uint32_t *plus_1, struct err *err)
{
    int64_t place, id;
    bool found;
    *plus_1 = 0;
    if (s->naming.whole)
        return OK;
    TRY(naming_find(s, table, hash, &place, &id, &found, err));
    if (found && (id < 0 || id >= count))
        return db_damaged(s, err, "it knows a name that it does not have");
    *plus_1 = found ? (uint32_t)id + 1 : 0;
    return OK;
}

static enum status full(struct store *s, struct err *err)
{
    return err_set(err, ERR_LIMIT, "store '%.200s': too many names", s->path);
}

static enum status note_profile(struct store *s, uint32_t symbol, struct str text, struct err *err)
{
    struct naming *n = &s->naming;
    uint32_t before = symbols_count(n->profiles), id;
    if (model_id_parse(text).kind != MODEL_APPLICATION_PROFILE)
        return OK;
    if (symbols_intern(n->profiles, text, &id) != OK)
        return err_nomem(err);
    return id < before || list_add(&n->profile_symbols, symbol) ? OK : err_nomem(err);
}

/* The number in the file of a symbol of the working set. */
static enum status symbol_number(struct store *s, uint32_t local, uint32_t *id, struct err *err)
{
    struct naming *n = &s->naming;
    if (!id_map_reserve(&n->symbol_ids, (size_t)local + 1))
        return err_nomem(err);
    uint32_t *known = &n->symbol_ids.plus_1[local];
    if (*known == 0) {
        struct str text = symbols_text(n->symbols, local);
        uint32_t plus_1;
        TRY(look_up(s, STMT_SYMBOL_AT, naming_hash_symbol(s, text), n->symbols_n, &plus_1, err));
        if (plus_1 == 0) {
            if (n->symbols_n >= INT32_MAX)
                return full(s, err);
            if (!list_add(&n->new_symbols, local))
                return err_nomem(err);
            plus_1 = ++n->symbols_n;
            TRY(note_profile(s, plus_1 - 1, text, err));
        }
        *known = plus_1;
    }
    *id = *known - 1;
    return OK;
}

static void remember(struct naming *n, uint32_t series, const struct labels *labels)
{
    n->slots[series % SLOTS] = (struct naming_slot){series + 1, *labels};
}

enum status names_number(struct store *s, const struct labels *labels, uint32_t *id,
                         struct err *err)
{
    struct naming *n = &s->naming;
    uint32_t local;
    if (series_intern(n->series, labels, &local) != OK ||
        !id_map_reserve(&n->series_ids, (size_t)local + 1))
        return err_nomem(err);
    uint32_t *known = &n->series_ids.plus_1[local];
    if (*known == 0) {
        uint32_t symbols[LABELS], plus_1;
        for (int i = 0; i < LABELS; i++)
            TRY(symbol_number(s, labels->v[i], &symbols[i], err));
        TRY(look_up(s, STMT_SERIES_AT, naming_hash_series(s, symbols), n->series_n, &plus_1, err));
        if (plus_1 == 0) {
            if (n->series_n >= INT32_MAX)
                return full(s, err);
            if (!list_add(&n->new_series, local))
                return err_nomem(err);
            plus_1 = ++n->series_n;
        }
        *known = plus_1;
    }
    *id = *known - 1;
    remember(n, *id, labels);
    return OK;
}

static enum status map_symbol(struct store *s, uint32_t symbol, uint32_t *local, struct err *err)
{
    struct naming *n = &s->naming;
    if (!id_map_reserve(&n->symbol_map, (size_t)symbol + 1))
        return err_nomem(err);
    uint32_t *known = &n->symbol_map.plus_1[symbol];
    if (*known == 0) {
        uint32_t made;
        struct str text = symbols_text(series_symbols(s->from), symbol);
        if (symbols_intern(n->symbols, text, &made) != OK)
            return err_nomem(err);
        *known = made + 1;
    }
    *local = *known - 1;
    return OK;
}

enum status names_map(struct store *s, const struct series *from, uint32_t series, uint32_t *id,
                      struct err *err)
{
    if (s->from != from) {
        names_forget_map(s);
        s->from = from;
    }
    struct id_map *map = &s->naming.series_map;
    if (!id_map_reserve(map, (size_t)series + 1))
        return err_nomem(err);
    if (map->plus_1[series] == 0) {
        struct labels mine;
        uint32_t number;
        const struct labels *theirs = series_labels(from, series);
        for (int i = 0; i < LABELS; i++)
            TRY(map_symbol(s, theirs->v[i], &mine.v[i], err));
        TRY(names_number(s, &mine, &number, err));
        map->plus_1[series] = number + 1;
    }
    *id = map->plus_1[series] - 1;
    return OK;
}

static void forget_maps(struct naming *n)
{
    id_map_forget(&n->series_map);
    id_map_forget(&n->symbol_map);
}

void names_forget_map(struct store *s)
{
    s->from = NULL;
    forget_maps(&s->naming);
    vocabulary_forget(&s->vocabulary.in);
}

enum status names_local_symbol(struct store *s, uint32_t id, uint32_t *local, struct err *err)
{
    struct naming *n = &s->naming;
    struct str text;
    struct naming_symbol *slot = &n->symbol_slots[id % SLOTS];
    if (slot->id_plus_1 == id + 1 || id == 0) {
        *local = id == 0 ? 0 : slot->local;
        return OK;
    }
    if (id >= n->symbols_saved && id < n->symbols_n) {
        *local = n->new_symbols.v[id - n->symbols_saved];
        return OK;
    }
    TRY(names_read_symbol(s, id, &text, err));
    if (symbols_intern(n->symbols, text, local) != OK ||
        !id_map_reserve(&n->symbol_ids, (size_t)*local + 1))
        return err_nomem(err);
    n->symbol_ids.plus_1[*local] = id + 1;
    *slot = (struct naming_symbol){id + 1, *local};
    return OK;
}

enum status names_labels(struct store *s, uint32_t id, struct labels *labels, struct err *err)
{
    struct naming *n = &s->naming;
    const struct naming_slot *slot = &n->slots[id % SLOTS];
    if (slot->series_plus_1 == id + 1) {
        *labels = slot->labels;
        return OK;
    }
    if (id >= n->series_saved && id < n->series_n) {
        *labels = *series_labels(n->series, n->new_series.v[id - n->series_saved]);
        return OK;
    }
    uint32_t symbols[LABELS];
    TRY(names_read_series(s, id, symbols, err));
    for (int i = 0; i < LABELS; i++)
        TRY(names_local_symbol(s, symbols[i], &labels->v[i], err));
    remember(n, id, labels);
    return OK;
}

/* A row of symbol_at or series_at. */
struct place {
    struct hash128 hash;
    uint32_t id;
};

static int by_hash(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int64_t k = (int64_t)x->hash.hi, l = (int64_t)y->hash.hi;
    return (k > l) - (k < l);
}

enum status naming_put(struct store *s, enum stmt find, enum stmt put, struct hash128 hash,
                       uint32_t id, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int64_t place, other;
    bool found;
    TRY(naming_find(s, find, hash, &place, &other, &found, err));
    if (found)
        return db_damaged(s, err, "a name stands twice");
    TRY(db_get(s, put, &st, err));
    sqlite3_bind_int64(st, 1, place);
    sqlite3_bind_int64(st, 2, (int64_t)hash.lo);
    sqlite3_bind_int64(st, 3, id);
    return db_run(s, st, err);
}

/* In the order of the table. */
static enum status put_places(struct store *s, enum stmt find, enum stmt put, struct place *p,
                              size_t n, struct err *err)
{
    qsort(p, n, sizeof *p, by_hash);
    for (size_t i = 0; i < n; i++)
        TRY(naming_put(s, find, put, p[i].hash, p[i].id, err));
    return OK;
}

static enum status save_symbols(struct store *s, struct place *p, struct err *err)
{
    struct naming *n = &s->naming;
    size_t found = 0;
    TRY(names_append_symbols(s, err));
    for (size_t i = 0; i < n->new_symbols.n; i++) {
        struct str text = symbols_text(n->symbols, n->new_symbols.v[i]);
        uint32_t id = n->symbols_saved + (uint32_t)i;
        if (id > 0) /* the empty text needs no look-up */
            p[found++] = (struct place){naming_hash_symbol(s, text), id};
    }
    TRY(put_places(s, STMT_SYMBOL_AT, STMT_SYMBOL_AT_PUT, p, found, err));
    n->symbols_saved = n->symbols_n;
    n->new_symbols.n = 0;
    return OK;
}

static enum status save_series(struct store *s, struct place *p, struct err *err)
{
    struct naming *n = &s->naming;
    TRY(names_append_series(s, err));
    for (size_t i = 0; i < n->new_series.n; i++) {
        uint32_t symbols[LABELS];
        names_numbers(n, series_labels(n->series, n->new_series.v[i]), symbols);
        p[i] = (struct place){naming_hash_series(s, symbols), n->series_saved + (uint32_t)i};
    }
    TRY(put_places(s, STMT_SERIES_AT, STMT_SERIES_AT_PUT, p, n->new_series.n, err));
    n->series_saved = n->series_n;
    n->new_series.n = 0;
    return OK;
}

enum status names_save(struct store *s, struct err *err)
{
    struct naming *n = &s->naming;
    size_t most = n->new_symbols.n > n->new_series.n ? n->new_symbols.n : n->new_series.n;
    if (most == 0)
        return OK;
    struct place *p = malloc(most * sizeof *p);
    if (!p)
        return err_nomem(err);
    enum status status = save_symbols(s, p, err);
    if (status == OK)
        status = save_series(s, p, err);
    free(p);
    return status;
}

/* The working set has the empty text alone. */
static enum status begin_anew(struct store *s, struct err *err)
{
    struct naming *n = &s->naming;
    series_free(n->series);
    symbols_free(n->symbols);
    n->series = NULL;
    n->symbols = NULL;
    free(n->symbol_ids.plus_1);
    free(n->series_ids.plus_1);
    n->symbol_ids = n->series_ids = (struct id_map){0};
    n->new_symbols.n = n->new_series.n = 0;
    n->whole = false;
    forget_maps(n);
    memset(n->slots, 0, SLOTS * sizeof *n->slots);
    memset(n->symbol_slots, 0, SLOTS * sizeof *n->symbol_slots);
    reprice_forget_matches(s);
    TRY(symbols_new(&n->symbols, err));
    TRY(series_new(n->symbols, &n->series, err));
    if (!id_map_reserve(&n->symbol_ids, 1))
        return err_nomem(err);
    n->symbol_ids.plus_1[0] = 1;
    return OK;
}

enum status names_make_room(struct store *s, struct err *err)
{
    const struct naming *n = &s->naming;
    if (symbols_count(n->symbols) <= AT_HAND && series_count(n->series) <= AT_HAND)
        return OK;
    TRY(names_save(s, err));
    return begin_anew(s, err);
}

static enum status meet_symbol(void *ctx, uint32_t id, struct str text, struct err *err)
{
    return note_profile(ctx, id, text, err);
}

static enum status load(struct store *s, struct err *err)
{
    struct naming *n = &s->naming;
    TRY(names_count(s, &n->symbols_n, &n->series_n, err));
    n->symbols_saved = n->symbols_n;
    n->series_saved = n->series_n;
    symbols_free(n->profiles);
    n->profiles = NULL;
    n->profile_symbols.n = 0;
    TRY(symbols_new(&n->profiles, err));
    TRY(begin_anew(s, err));
    reprice_forget_series(s);
    TRY(names_load_texts(s, STMT_SYMBOLS, meet_symbol, s, err));
    if (n->symbols_n <= AT_HAND && n->series_n <= AT_HAND)
        TRY(names_load_whole(s, err));
    if (n->symbols_n == 0) { /* the empty text is the first one of every store */
        if (!list_add(&n->new_symbols, 0))
            return err_nomem(err);
        n->symbols_n = 1;
    }
    n->stale = false;
    return OK;
}

enum status naming_open(struct store *s, struct err *err)
{
    s->naming.slots = calloc(SLOTS, sizeof *s->naming.slots);
    s->naming.symbol_slots = calloc(SLOTS, sizeof *s->naming.symbol_slots);
    return s->naming.slots && s->naming.symbol_slots ? load(s, err) : err_nomem(err);
}

enum status naming_begin(struct store *s, struct err *err)
{
    return s->naming.stale ? load(s, err) : names_make_room(s, err);
}

void naming_fini(struct store *s)
{
    struct naming *n = &s->naming;
    series_free(n->series);
    symbols_free(n->symbols);
    symbols_free(n->profiles);
    free(n->profile_symbols.v);
    free(n->symbol_ids.plus_1);
    free(n->series_ids.plus_1);
    free(n->symbol_map.plus_1);
    free(n->series_map.plus_1);
    free(n->new_symbols.v);
    free(n->new_series.v);
    free(n->slots);
    free(n->symbol_slots);
    names_free_blocks(s);
}
