/*
 * The store's inside, shared by the files of this folder and by nobody else.
 *
 *     statements_internal.h  the statements of SQL
 *     naming_internal.h  names in the file and at hand
 *     open.c    the file: recognise, make, lock, settings
 *     db.c      statements and errors of SQLite
 *     names.c   symbols and series, kept in blocks; blocks.c single ones
 *     naming.c  the names that a writer has at hand
 *     write.c   a batch: duplicates, facts
 *     chunk.c   sorted maps in blobs: facts and slots of keys
 *     recent.c  the newest slots of keys
 *     rollup.c  cube of a batch -> blobs of all levels
 *     read.c    answering: periods covered by rollups and facts
 *     files.c   positions, quarantine, totals
 *     check.c   does everything still agree
 *     kept.c    since when facts and sums are kept
 *     retain.c  letting go of what is older
 *     migrate.c from an older version to this one
 *     backup.c  a copy, while somebody writes
 *     stats.c   how large what is
 *     profiles.c    what is known of application inference profiles
 *     reprice.c     facts of a profile that has become known
 *     exchange.c    exchanges of a batch; giving back calls
 *     vocabulary.c  the names in exchanges
 *     pack.c    bytes of the blobs
 *     present.c which series a bucket has
 *
 * Tables:
 *     fact(id, v)       chunks of facts by second << 24 | 24 bits of the key; see chunk.c
 *     exchange(id, v)   the same, of exchanges by the id of their fact; see exchange.c
 *     name, offer       blocks of 256 texts that exchanges name; see vocabulary.c
 *     recent, seen      64 bits of the key -> fact; see write.c
 *     rollup(id, cells) id = (level << 40 | bucket) << 20 | series / 4096; cells by series, see
 *                       pack.h. However many series there are, a batch changes few rows, none large
 *     total(id, sums, series, counts)  of each rollup the sum and which series it has; also of
 *                       quarters of an hour, which have no rollup but counts of invocations
 *     symbol, series    blocks of 256 names, tuples of labels
 *     symbol_at, series_at  from their hash to their number; see names.c
 *     file, quarantine, files_total, meta
 *     kept              one row, see kept.c
 *     profile           by ARN; made by the first writer that knows of it; see profiles.c
 */
#ifndef ASSAY_STORE_STORE_INTERNAL_H
#define ASSAY_STORE_STORE_INTERNAL_H

#include "store/naming_internal.h"
#include "store/pack.h"
#include "store/present.h"
#include "store/statements_internal.h"
#include "store/store.h"

#include <sqlite3.h>

enum {
    STORE_VERSION = 5,
    STORE_OLDEST = 3,               /* that migrate.c can read */
    KEPT_VERSION = 4,               /* the first one with `kept` */
    SHARD_VERSION = 5,              /* the first one with several rows of a bucket */
    STORE_APPLICATION = 0x41535359, /* "ASSY", PRAGMA application_id */
    FACT_BITS = 24,                 /* of the key in a fact's id */
    LEVEL_BITS = 40,
    SHARD_BITS = 20,
    SHARD = 4096, /* series in one row of a bucket */
    LEVELS = 6,
    FIRST_CELLS = 1, /* the finest level that has rollups */
    BATCH = 32768,   /* invocations settled at once */
};

/* 10000-01-01T00:00:00Z: time_parse knows no later time. */
#define STORE_TIME_END (INT64_C(253402300800) * US_PER_SECOND)
/* Facts stay so much longer than records of their time are taken: see kept.c. */
#define KEPT_MARGIN US_PER_DAY
#define FACT_MASK ((INT64_C(1) << FACT_BITS) - 1)
#define LEVEL_MASK ((INT64_C(1) << LEVEL_BITS) - 1)

/*
 * Quarters of an hour of a bucket, finest first; buckets count from 1970-01-01T00:00Z. No months: a
 * period or a zone seldom begins where one does, and eights reach any period with few buckets.
 * Single quarters have totals alone: days of zones like India's begin within an hour, and reading
 * the facts of two half hours a day took ten times as long as all the rest of a year.
 */
#define US_PER_QUARTER (US_PER_HOUR / 4)
static const int64_t level_quarters[LEVELS] = {1, 4, 96, 8 * 96, 64 * 96, 512 * 96};

/* The first row that a bucket may have; its last one lies before the first of the next. */
static inline int64_t bucket_row(int level, int64_t bucket)
{
    return (((int64_t)level << LEVEL_BITS) + bucket) << SHARD_BITS;
}
/* The same where a store of an older version is read, too. */
static inline int64_t bucket_row_in(int version, int level, int64_t bucket)
{
    return bucket_row(level, bucket) >> (version < SHARD_VERSION ? SHARD_BITS : 0);
}
static inline int64_t row_bucket(int64_t row)
{
    return row >> SHARD_BITS & LEVEL_MASK;
}

/* Symbols of the caller to names of exchanges, or back. */
struct vocabulary_map {
    struct id_map names, offers;
};

/* See vocabulary.c. Ids are those in the file. */
struct vocabulary {
    struct symbols *names, *offers; /* NULL: not loaded */
    uint32_t names_saved, offers_saved;
    struct symbols_budget names_budget, offers_budget;
    struct vocabulary_map in, out;
    struct buf text;
};

/* A packed exchange in struct store; n is 0 when there is none. */
struct span {
    size_t at, n;
};

/* One invocation to settle: see write.c. */
struct entry {
    int64_t k; /* 64 bits of the key, signed as SQLite orders them */
    int64_t id;
    int64_t known; /* what its slot named, when it was taken */
    uint32_t at;   /* in pending */
};

enum chunk_table {
    CHUNK_FACTS,
    CHUNK_SEEN,
    CHUNK_EXCHANGES,
    CHUNK_TABLES,
};

struct chunk_item {
    int64_t key;
    const uint8_t *p; /* NULL: to be removed */
    size_t n;
    bool taken; /* the key stood there before, the item was left out */
};

/* The items of a row, from some place on. */
struct items {
    struct unpack u;
    int64_t key; /* of the last one; at first the row's id */
    bool first;
};

/* The row that was searched last. */
struct chunk {
    bool loaded;
    int64_t id, reach; /* keys between them stand in this row or nowhere */
    struct buf bytes;
    struct items at; /* behind the last item before the key that was asked for */
};

struct slot {
    int64_t k, fact;
};

struct recent {
    struct slot *slots; /* NULL: not loaded */
    size_t size, n;
};

/* What retention has left: see kept.c. */
struct kept {
    int64_t
        facts_since_us; /* a whole hour; facts, exchanges and keys before are gone. 0: all here */
    int64_t sums_since_us; /* the same of rollups and totals; never behind the facts */
    bool sweeping;         /* keys of facts that are gone may still stand in `seen` … */
    int64_t sweep;         /* … from this slot on */
    int64_t late;          /* records that came too late to be counted */
    int64_t dropped;       /* invocations whose sums are gone */
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *stmt[STMTS];
    char *path;
    enum store_mode mode;
    int lock_fd;
    struct hash_key key;
    bool in_batch;    /* between begin and commit */
    bool in_snapshot; /* a read transaction is open */
    bool old_too;     /* an older version may be opened, too: migrate.c, backup.c, stats.c */
    int version;
    struct kept kept, kept_saved; /* of the batch or snapshot; as in the file */

    /* writer */
    struct naming naming;
    const struct series *from;  /* what maps of `naming` and `vocabulary` translate */
    struct invocation *pending; /* series translated */
    size_t pending_n;
    struct span *pending_exchange; /* by position in pending, in packed */
    struct buf packed;             /* exchanges of the pending invocations */
    bool has_exchanges;            /* the file has */
    struct entry *fresh, *known;
    struct cube *cube;       /* (quarter, series) of this batch, not yet in the rollups */
    struct buf out, present; /* cells or counts of a blob in the making, and their series */
    struct recent recent;
    struct buf log; /* slots of `recent` that are not yet in the file */
    struct chunk chunk[CHUNK_TABLES];
    struct chunk_item *merged; /* a row in the making */
    size_t merged_n, merged_cap;
    struct slice *slice; /* facts on their way into chunks: write.c */
    bool seen_empty;
    struct vocabulary vocabulary; /* the reader's, too */
    struct arena scratch;         /* lists of one exchange */
    struct repricing *repricing;  /* NULL: nothing was ever priced again */

    /* reader */
    struct series *loaded; /* the caller's */
    uint32_t *loaded_ids;  /* series of the store -> series of the caller */
    uint32_t loaded_n;
    bool edges_moved, calls_missing; /* of what was asked: see struct about */
};

/* open.c */
/* As store_open; with old_too also versions since STORE_OLDEST, which can then not be written in
 * batches. */
enum status store_connect(const char *path, enum store_mode mode, bool old_too, struct store **out,
                          struct err *err) MUST_USE;
enum status store_run_sql(struct store *s, const char *sql, const char *doing,
                          struct err *err) MUST_USE;
/* Freed with free(). */
char *store_uri(const char *path, bool immutable);

/* db.c */
enum status db_error(struct store *s, struct err *err, const char *doing);
enum status db_damaged(struct store *s, struct err *err, const char *what);
enum status db_get(struct store *s, enum stmt id, sqlite3_stmt **out, struct err *err) MUST_USE;
/* One step; *row is false at the end, and then (or on failure) the statement is reset. */
enum status db_step(struct store *s, sqlite3_stmt *st, bool *row, struct err *err) MUST_USE;
/* Runs a bound statement that gives no rows. */
enum status db_run(struct store *s, sqlite3_stmt *st, struct err *err) MUST_USE;
/* Runs a statement without parameters. */
enum status db_do(struct store *s, enum stmt id, struct err *err) MUST_USE;
/* First column of a statement with at most one parameter; *found false when there is no row. */
enum status db_i64(struct store *s, enum stmt id, int64_t parameter, int64_t *out, bool *found,
                   struct err *err) MUST_USE;
enum status db_put_blob(struct store *s, enum stmt id, int64_t key, const void *bytes, size_t n,
                        struct err *err) MUST_USE;
static inline struct unpack db_blob(sqlite3_stmt *st, int column)
{
    const void *bytes = sqlite3_column_blob(st, column);
    return unpack_of(bytes, (size_t)sqlite3_column_bytes(st, column));
}

/* lock.c: *fd keeps out other writers until lock_release. */
enum status lock_acquire(const char *store_path, int *fd, struct err *err) MUST_USE;
void lock_release(const char *store_path, int fd);

/* vocabulary.c: only where there are exchanges is it ever loaded. */
enum status vocabulary_load(struct store *s, struct err *err) MUST_USE;
void vocabulary_fini(struct store *s);
void vocabulary_forget(struct vocabulary_map *m);
enum status vocabulary_save(struct store *s, struct err *err) MUST_USE;
void vocabulary_saved(struct store *s);
/* Of a symbol of the series that names_map was called with last; *id 0: there is no room for it. */
enum status vocabulary_name_in(struct store *s, uint32_t symbol, uint32_t *id,
                               struct err *err) MUST_USE;
enum status vocabulary_offer_in(struct store *s, uint32_t symbol, uint32_t *id,
                                struct err *err) MUST_USE;
/* Into the series that was loaded last. */
enum status vocabulary_name_out(struct store *s, uint32_t id, uint32_t *symbol,
                                struct err *err) MUST_USE;
enum status vocabulary_offer_out(struct store *s, uint32_t id, uint32_t *symbol,
                                 struct err *err) MUST_USE;

struct store_stats;
enum status vocabulary_measure(struct store *s, struct store_stats *out, struct err *err) MUST_USE;

/* exchange.c */
enum { PACKED_MAX = 16 << 20 }; /* bytes of pending exchanges after which they are settled */
/* Packs the exchange of *v, whose series names_map was called with, behind s->packed. */
enum status exchange_keep(struct store *s, const struct invocation *v, struct span *kept,
                          struct err *err) MUST_USE;
static inline const uint8_t *exchange_bytes_of(const struct store *s, const struct span *kept)
{
    return (const uint8_t *)s->packed.p + kept->at;
}
enum status exchange_put(struct store *s, int64_t id, const struct span *kept,
                         struct err *err) MUST_USE;
enum status exchange_drop(struct store *s, int64_t id, struct err *err) MUST_USE;
enum status exchange_find(struct store *s, int64_t id, bool *found, struct err *err) MUST_USE;
enum status exchange_check(struct store *s, struct err *err) MUST_USE;

/* chunk.c. Items come in rising order of their keys. With `replace` an item takes the place of the
 * one that stands there; without, it is left out and marked. */
enum status chunk_put(struct store *s, enum chunk_table table, struct chunk_item *item, size_t n,
                      bool replace, struct err *err) MUST_USE;
/* *value is good until the next call for this table. */
enum status chunk_find(struct store *s, enum chunk_table table, int64_t key, struct unpack *value,
                       bool *found, struct err *err) MUST_USE;
/* What chunk_find remembers is no longer true. */
void chunk_forget(struct store *s);

/* All items from `from` to `last`; one reader of a table at a time. chunk_close ends it early; an
 * item is good until the next call. */
struct chunk_reader {
    struct store *store;
    sqlite3_stmt *st;
    int64_t from, last;
    struct items items;
};
enum status chunk_open(struct store *s, enum chunk_table table, int64_t from, int64_t last,
                       struct chunk_reader *r, struct err *err) MUST_USE;
enum status chunk_next(struct chunk_reader *r, struct chunk_item *item, bool *more,
                       struct err *err) MUST_USE;
void chunk_close(struct chunk_reader *r);

/* All items below a key go. */
enum status chunk_cut(struct store *s, enum chunk_table table, int64_t below,
                      struct err *err) MUST_USE;

/* Rows from that of `from` to that of `last` that became short are put together. */
enum status chunk_join(struct store *s, enum chunk_table table, int64_t from, int64_t last,
                       struct err *err) MUST_USE;

/* recent.c. What is set goes into the file with recent_save; recent_fold moves all slots into
 * `seen` when they have become many, recent_fold_all at once. */
enum status recent_load(struct store *s, struct err *err) MUST_USE;
void recent_forget(struct store *s);
bool recent_find(const struct store *s, int64_t k, int64_t *fact);
enum status recent_set(struct store *s, int64_t k, int64_t fact, struct err *err) MUST_USE;
enum status recent_save(struct store *s, struct err *err) MUST_USE;
enum status recent_fold(struct store *s, struct err *err) MUST_USE;
enum status recent_fold_all(struct store *s, struct err *err) MUST_USE;
/* How many slots name a fact from this one on. */
int64_t recent_count(const struct store *s, int64_t first_fact);

/* write.c */
static inline int64_t fact_second(int64_t id)
{
    return id >> FACT_BITS;
}
static inline int64_t quarter_of(int64_t time_us)
{
    return time_us / US_PER_QUARTER;
}
/* Freed with free(). */
struct slice *slice_new(void);
enum status fact_get(struct store *s, int64_t id, struct invocation *v, struct err *err) MUST_USE;
/* The slot and the fact of a key; not *found: the slot that it may take. */
enum status slot_find(struct store *s, const struct hash128 *key, int64_t *slot, int64_t *id,
                      struct invocation *v, bool *found, struct err *err) MUST_USE;
/* The fact that a slot of `seen` names. */
enum status seen_get(struct store *s, int64_t slot, int64_t *id, bool *found,
                     struct err *err) MUST_USE;

enum status settle_pending(struct store *s, struct err *err) MUST_USE;
/* Adds to the rollups in the making; sign -1 takes back. */
enum status count_invocation(struct store *s, const struct invocation *v, int sign,
                             struct err *err) MUST_USE;

/* profiles.c */
extern const char profiles_schema[];

/* reprice.c: *v is priced again when its series (of the store) is one of a profile that was not
 * known then. */
enum status reprice_put(struct store *s, struct invocation *v, struct err *err) MUST_USE;
void reprice_free(struct repricing *r);
/* Local symbols are no longer what they were. */
void reprice_forget_matches(struct store *s);
/* Numbers of series that were given since the last commit are free again. */
void reprice_forget_series(struct store *s);

/* read.c */
enum status snapshot_begin(struct store *s, struct err *err) MUST_USE;
void snapshot_end(struct store *s);

/* rollup.c: moves the cube of the batch into the rollups and empties it. */
enum status rollup_flush(struct store *s, struct err *err) MUST_USE;
/* The same into one level, whose buckets the cube has: migrate.c. */
enum status rollup_flush_level(struct store *s, int level, struct err *err) MUST_USE;
extern const char rollup_schema[];
/* Takes the oldest hours before `end_us`, as many as fit into a cube, out of the rollups of all
 * levels. *until_us is how far that came, *invocations how many there were. */
enum status rollup_forget(struct store *s, int64_t end_us, int64_t *until_us, int64_t *invocations,
                          struct err *err) MUST_USE;

/* kept.c */
extern const char kept_schema[];
/* Into s->kept, at the beginning of a transaction. */
enum status kept_load(struct store *s, struct err *err) MUST_USE;
enum status kept_save(struct store *s, struct err *err) MUST_USE;
/* The least id that a fact may have; what stands under a lesser one is gone. */
static inline int64_t kept_first(const struct store *s)
{
    return (s->kept.facts_since_us / US_PER_SECOND) << FACT_BITS;
}
/* Records before this are not counted any more. */
static inline int64_t kept_late(const struct store *s)
{
    return s->kept.facts_since_us > 0 ? s->kept.facts_since_us + KEPT_MARGIN : 0;
}

/* files.c */
extern const char files_schema[];

#endif
