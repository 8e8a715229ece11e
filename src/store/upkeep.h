/*
 * Looking after a store: what it takes up, letting go of what is old, a copy of it, the step from
 * an older version. Checking it is store_check (store.h).
 *
 *     struct store_retention r = {.calls_since_us = now_us - 400 * US_PER_DAY};
 *     struct store_retained done;
 *     do
 *         status = store_retain(s, &r, &done, &err);
 *     while (status == OK && done.more);
 */
#ifndef ASSAY_STORE_UPKEEP_H
#define ASSAY_STORE_UPKEEP_H

#include "store/store.h"

/* 0 is "for ever". */
struct store_retention {
    /* Records from then on are counted, and their calls kept. Before, single calls go, with what
     * was inside them and with their keys: whole hours, and a day later than asked, because two
     * records of one call may differ in time. Their sums stay. A record of that time that comes
     * afterwards is not counted but told by about.late: it is lost, unless it was counted before.
     */
    int64_t calls_since_us;
    /* Sums before go, too: whole hours. Not later than the calls: the earlier of both holds. */
    int64_t sums_since_us;
    int rows; /* of each table, at most, in one call; 0: 2,000 */
};

struct store_retained {
    int64_t calls;   /* that are kept as sums only from now on */
    int64_t sums_of; /* calls whose sums are gone, too */
    int64_t keys;    /* that are gone */
    int64_t pages;   /* of the file, given back */
    bool more;       /* call again */
};

/*
 * One piece of the work, in a transaction of its own, so that the writer can go on with batches
 * between two calls; some tens of milliseconds. A crash at any instant leaves the state before or
 * after such a piece, and the next call goes on. First calls go, oldest hours first (at least one
 * in a piece), then sums, then keys, at last the file shrinks; on the disk it does so as soon as no
 * reader needs what was there before. No batch may be open (ERR_USAGE).
 */
enum status store_retain(struct store *s, const struct store_retention *r,
                         struct store_retained *done, struct err *err) MUST_USE;
/* What all pieces together would let go of: calls and sums_of. Changes nothing, a reader may ask.
 */
enum status store_retain_preview(struct store *s, const struct store_retention *r,
                                 struct store_retained *out, struct err *err) MUST_USE;

/*
 * A compact copy of the state at this moment, also while another process writes; also of a store of
 * an older version. It is written beside the target and takes its name when it is whole and on the
 * disk; readable to its owner alone. ERR_CONFLICT: the target is there and may not be replaced
 * (`replace`), or is in use; ERR_FULL. On failure nothing is left behind.
 */
enum status store_backup(const char *path, const char *target, bool replace,
                         struct err *err) MUST_USE;

/*
 * Makes a store of version 3 one of this program's version: *from is what it was, *to what it is.
 * Nothing is done where they are the same. The file is written anew, once (so that it can shrink
 * from then on), which takes as much room again in TMPDIR and beside the store for as long; then
 * the version changes in one transaction. A crash leaves the old version or the new one.
 * ERR_VERSION: older than 3, or newer than this program.
 */
enum status store_migrate(const char *path, int *from, int *to, struct err *err) MUST_USE;

enum { STORE_TABLES = 20 };

struct store_table {
    char name[24];
    int64_t rows;
    int64_t bytes; /* of its pages and those of its indexes; -1: this SQLite cannot tell (dbstat) */
};

struct store_stats {
    int version, newest; /* of the store, of this program */
    int64_t bytes, wal_bytes;
    int64_t page_size, pages, free_pages;
    struct store_table tables[STORE_TABLES];
    int tables_n;
    struct about about;
    int64_t calls_kept;         /* of about.invocations those that are there as single calls */
    int64_t files, quarantined; /* known; entries */
    int64_t symbols, series;
    /* Texts that clients choose are limited: so many, so much of the limit. */
    int64_t names, names_bytes, names_limit;
    int64_t offers, offers_bytes, offers_limit;
};

/* Reads the whole file once. Also of a store of an older version. */
enum status store_stats(const char *path, struct store_stats *out, struct err *err) MUST_USE;

#endif
