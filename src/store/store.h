/*
 * The store: facts, rollups and positions in one SQLite file, written by one thread, each batch in
 * one transaction. A crash at any instant leaves the state before or after a batch. Copies, sizes,
 * letting go of old calls, other versions: upkeep.h.
 */
#ifndef ASSAY_STORE_STORE_H
#define ASSAY_STORE_STORE_H

#include "model/pricing.h"
#include "query/answer.h"

struct store;

enum store_mode {
    STORE_READ,  /* must exist */
    STORE_WRITE, /* made when it does not exist; one writer at a time (ERR_CONFLICT) */
};

/* ERR_VERSION: written by a newer assay, or by an older one (store_migrate); ERR_PARSE: not a store
 * of assay, or damaged; ERR_NOT_FOUND; ERR_ACCESS; ERR_CONFLICT: another writer has it. A store
 * that nobody writes can be read where neither it nor its folder is writable. A new file is
 * readable to its owner alone. */
enum status store_open(const char *path, enum store_mode mode, struct store **out,
                       struct err *err) MUST_USE;
void store_close(struct store *s);

/* From now on a commit is on the disk when it returns, also if the machine loses its power: for
 * who then tells others that they may forget what they sent. */
enum status store_durable(struct store *s, struct err *err) MUST_USE;

/* The hash key of this store: invocation.key must be made with it. */
struct hash_key store_hash_key(const struct store *s);

/* What was read of a file, by its canonical path (or URL). */
struct store_file {
    struct str path;
    int64_t size;
    int64_t mtime_ns;
    uint32_t options;   /* what the reading depended on: level, limits; a change reads it again */
    struct about about; /* counters of this file alone; invocations is not used */
    /* A part of something that grows: counters and quarantine entries are added to those that are
     * there, and mtime_ns, a position, never goes back. */
    bool grows;
};

/* Known and unchanged (size, mtime, options): need not be read again. */
enum status store_file_done(struct store *s, const struct store_file *file, bool *done,
                            struct err *err) MUST_USE;

/* The mtime_ns of a file that is known, else 0. */
enum status store_file_position(struct store *s, struct str path, int64_t *mtime_ns,
                                struct err *err) MUST_USE;

struct store_quarantine {
    struct str path;
    int64_t offset;
    struct str reason; /* never text of the record */
};

/* Exchanges of invocations (those with a session) are kept with them; of two records with one key
 * that of the one that is kept, if it has one. New names and offers beyond 48 MB and 64 MB become
 * "none" and are counted in the exchange: `cut`, EX_TOOLS_CUT.
 *
 * A batch: begin, any number of puts, commit. Any failure rolls the batch back; the store stays
 * usable. `series` gives the labels of v[i].series and must live until commit. Facts are gathered
 * and settled together, so a failure may show only in a later call; large batches (100,000 facts)
 * are fastest. Times lie in the years 1970 to 9999 (ERR_RANGE otherwise). What is older than the
 * calls that are kept (store_retain) is not counted but for about.late. */
enum status store_begin(struct store *s, struct err *err) MUST_USE;
enum status store_put(struct store *s, const struct series *series, const struct invocation *v,
                      size_t n, struct err *err) MUST_USE;
/* Marks a file as wholly read, replaces its counters and forgets its old quarantine entries, unless
 * it grows: then both are added to, and of the entries the newest 1,000 stay. */
enum status store_put_file(struct store *s, const struct store_file *file,
                           const struct store_quarantine *q, size_t q_n, struct err *err) MUST_USE;
/* All entries, by path and place; what q points to is good during the call. Any failure of the
 * callback ends it. */
typedef enum status (*store_quarantine_fn)(void *ctx, const struct store_quarantine *q,
                                           struct err *err);
enum status store_quarantine(struct store *s, store_quarantine_fn each, void *ctx,
                             struct err *err) MUST_USE;
enum status store_commit(struct store *s, struct err *err) MUST_USE;
void store_rollback(struct store *s);

/*
 * What is known of application inference profiles, by their ARN in lower case: kept for ever,
 * because a profile that is deleted answers no more, while its records stay.
 */
enum store_profile_status {
    STORE_PROFILE_KNOWN,   /* AWS has told */
    STORE_PROFILE_GIVEN,   /* a file of the user has told */
    STORE_PROFILE_DELETED, /* AWS knows it no more, and nobody knew it before */
    STORE_PROFILE_DENIED,  /* AWS does not let us ask */
    STORE_PROFILE_STATUSES,
};
struct store_profile {
    struct profile profile; /* of a deleted or denied one the ARN alone */
    enum store_profile_status status;
    int64_t asked_us; /* when AWS was asked last, 0: never */
};
static inline bool store_profile_names_model(const struct store_profile *p)
{
    return p->status == STORE_PROFILE_KNOWN || p->status == STORE_PROFILE_GIVEN;
}
/* Inside a batch; replaces what is there. */
enum status store_put_profile(struct store *s, const struct store_profile *p,
                              struct err *err) MUST_USE;
/* All of them, by ARN; what p points to is good during the call. None in a store that was made
 * before there were any. Any failure of the callback ends it. */
typedef enum status (*store_profile_fn)(void *ctx, const struct store_profile *p, struct err *err);
enum status store_profiles(struct store *s, store_profile_fn each, void *ctx,
                           struct err *err) MUST_USE;
/* The ARNs of application profiles as logged, from the *from-th that was met on, some more than
 * once; *from becomes where to go on. Of a store open for writing. */
typedef enum status (*store_arn_fn)(void *ctx, struct str arn, struct err *err);
enum status store_profile_arns(struct store *s, uint32_t *from, store_arn_fn each, void *ctx,
                               struct err *err) MUST_USE;

/*
 * Inside a batch: what was kept of a profile before it was known is priced by what is known now,
 * fact by fact, and all sums with it; a piece of some `most` facts, unless there are few. While
 * there is more, it is to be called again, best after a commit; with a new `pricing`, or one that
 * has learned something, it begins again. Afterwards the store is as if the profile had been known
 * when the records came; so it is for what is put from now on, whoever priced it: `pricing` is
 * borrowed until the store is closed.
 *
 * A fact that is no longer kept cannot be priced again: tiers, long context and the time of a price
 * change are those of single calls. What it added stays unpriced, with its tokens.
 */
struct store_repriced {
    int64_t invocations;
    int64_t gone; /* of such profiles, whose facts are no longer kept: still unpriced */
    bool more;
};
enum status store_reprice(struct store *s, const struct pricing *pricing, int64_t most,
                          struct store_repriced *out, struct err *err) MUST_USE;

/* Loads the labels of all series into `series` (which the plan is made with), so that store_fill
 * can name them. Also opens a snapshot, in which store_fill and store_about read until the series
 * are loaded again, a batch begins or the store is closed. */
enum status store_load_series(struct store *s, struct series *series, struct err *err) MUST_USE;
/* Fills the cube from rollups, and from facts at the edges of the period; where those are gone, an
 * hour belongs to the period in which it begins, and store_about says so afterwards. A mark's count
 * is then some positive number, not that of the invocations: from a store nothing is taken back. */
enum status store_fill(struct store *s, struct plan *plan, struct plan_view *view,
                       struct cube *cube, struct err *err) MUST_USE;
/*
 * Calls each for every invocation of the period that has an exchange, with symbols of the series
 * that were loaded (it may get new ones), and `bare`, unless NULL, for every one without. Second
 * after second; within a second in an order of the store's own. What *v borrows is good during the
 * call, which must not use the store. Any failure of a callback ends it.
 */
typedef enum status (*store_call_fn)(void *ctx, const struct invocation *v, struct err *err);
enum status store_calls(struct store *s, int64_t since_us, int64_t until_us, store_call_fn each,
                        store_call_fn bare, void *ctx, struct err *err) MUST_USE;
/* Totals over all files, number of invocations, period; of what was asked in this snapshot, whether
 * it wanted what is not kept any more. */
enum status store_about(struct store *s, struct about *about, struct err *err) MUST_USE;

/* Reads everything and compares: the file's structure, rollups = sums of facts, keys. ERR_PARSE
 * says what does not agree. */
enum status store_check(struct store *s, struct err *err) MUST_USE;

#endif
