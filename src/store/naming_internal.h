/*
 * Names in the file and those that a writer has at hand: what names.c, blocks.c, naming.c and their
 * users share. Included by store_internal.h alone.
 */
#ifndef ASSAY_STORE_NAMING_INTERNAL_H
#define ASSAY_STORE_NAMING_INTERNAL_H

#include "base/hash.h"
#include "model/series.h"
#include "store/statements_internal.h"

struct store;

/* Series of the caller to series of the store, or back: grows on demand, 0 is "not yet". */
struct id_map {
    uint32_t *plus_1;
    size_t cap;
};

struct id_list {
    uint32_t *v;
    size_t n, cap;
};

/* See naming.c. "Local" is the working set, numbers are those in the file. */
struct naming {
    struct symbols *symbols; /* local */
    struct series *series;
    struct id_map symbol_ids, series_ids;   /* local to number, where it is known */
    struct id_list new_symbols, new_series; /* local, in the order of their numbers */
    uint32_t symbols_n, series_n;           /* numbers that are given, */
    uint32_t symbols_saved, series_saved;   /* and of these in the file */
    bool whole;                             /* all names of the file are local */
    bool stale;                             /* rolled back: to be read again */
    struct id_map series_map, symbol_map;   /* of `from`, to numbers and to local */
    struct naming_slot *slots;              /* what was looked up last: by number, local */
    struct naming_symbol *symbol_slots;
    struct block_cache *blocks;
    struct symbols *profiles;       /* ids of application profiles, but for id 0 */
    struct id_list profile_symbols; /* their numbers */
};

/* names.c */
bool id_map_reserve(struct id_map *m, size_t n);
void id_map_forget(struct id_map *m);
/* All texts of a table of blocks, with their ids; what `text` points to is good during the call. */
typedef enum status text_fn(void *ctx, uint32_t id, struct str text, struct err *err);
enum status names_load_texts(struct store *s, enum stmt id, text_fn *each, void *ctx,
                             struct err *err) MUST_USE;
/* Saves all texts behind the first `saved`. */
enum status names_save_texts(struct store *s, enum stmt id, const struct symbols *symbols,
                             uint32_t saved, struct err *err) MUST_USE;
enum status names_load_whole(struct store *s, struct err *err) MUST_USE; /* into `naming` */
enum status names_load_into(struct store *s, struct series *series, struct err *err) MUST_USE;

/* blocks.c */
enum { NAMES_BLOCK = 256 };
enum status names_count(struct store *s, uint32_t *symbols, uint32_t *series,
                        struct err *err) MUST_USE;
/* *text is good until the next call. */
enum status names_read_symbol(struct store *s, uint32_t id, struct str *text,
                              struct err *err) MUST_USE;
enum status names_read_series(struct store *s, uint32_t id, uint32_t symbols[LABELS],
                              struct err *err) MUST_USE;
/* Of the first n series of the file the numbers of their symbols. */
typedef enum status series_fn(void *ctx, uint32_t id, const uint32_t symbols[LABELS],
                              struct err *err);
enum status names_each_series(struct store *s, uint32_t n, series_fn *each, void *ctx,
                              struct err *err) MUST_USE;
/* Those that are new. */
enum status names_append_symbols(struct store *s, struct err *err) MUST_USE;
enum status names_append_series(struct store *s, struct err *err) MUST_USE;
void names_numbers(const struct naming *n, const struct labels *labels, uint32_t symbols[LABELS]);
void names_forget_blocks(struct store *s);
void names_free_blocks(struct store *s);

/* naming.c */
extern const char naming_schema[];
enum status naming_open(struct store *s, struct err *err) MUST_USE;
void naming_fini(struct store *s);
enum status naming_begin(struct store *s, struct err *err) MUST_USE;
/* The number in the file of a series of the caller. */
enum status names_map(struct store *s, const struct series *from, uint32_t series, uint32_t *id,
                      struct err *err) MUST_USE;
void names_forget_map(struct store *s);
/* The number of a tuple of local symbols; of a number the tuple; of a symbol's number the local
 * one. */
enum status names_number(struct store *s, const struct labels *labels, uint32_t *id,
                         struct err *err) MUST_USE;
enum status names_labels(struct store *s, uint32_t id, struct labels *labels,
                         struct err *err) MUST_USE;
enum status names_local_symbol(struct store *s, uint32_t id, uint32_t *local,
                               struct err *err) MUST_USE;
static inline struct str names_text(const struct naming *n, const struct labels *l,
                                    enum label label)
{
    return symbols_text(n->symbols, l->v[label]);
}
/* All new names go into the file. */
enum status names_save(struct store *s, struct err *err) MUST_USE;
/* When many names are local: saves, and begins anew. Local symbols are no longer good then. */
enum status names_make_room(struct store *s, struct err *err) MUST_USE;
struct hash128 naming_hash_symbol(const struct store *s, struct str text);
struct hash128 naming_hash_series(const struct store *s, const uint32_t symbols[LABELS]);
/* In symbol_at or series_at. */
enum status naming_find(struct store *s, enum stmt table, struct hash128 hash, int64_t *place,
                        int64_t *id, bool *found, struct err *err) MUST_USE;
enum status naming_put(struct store *s, enum stmt find, enum stmt put, struct hash128 hash,
                       uint32_t id, struct err *err) MUST_USE;

#endif
