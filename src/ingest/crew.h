/*
 * The crew: threads that take items from sources, read them, and hand each invocation on. What
 * becomes of an invocation is the job's business: added to a cube (oneshot.c) or written to a
 * store (load.c).
 */
#ifndef ASSAY_INGEST_CREW_H
#define ASSAY_INGEST_CREW_H

#include "ingest/intake.h"
#include "source/source.h"

enum { CREW_MAX = 64 };

/* Something that could not be read, as told to people: a bad record, or a file. */
struct crew_trouble {
    const char *path;
    int64_t offset;     /* -1 for a whole file */
    const char *reason; /* never text of a record */
    bool quarantined;   /* of a whole item: it was refused, rather than not read */
};

struct crew_progress {
    int64_t files, bytes, records;
    int64_t position; /* parts per million of all there is, -1: not known */
    bool estimated;   /* the position is not exact; see source_position */
    bool finished;
};

struct crew_job {
    void *ctx;
    bool versions; /* `wants` looks at sizes and times */
    /* False: the item is passed over (known and unchanged). Called under the lock of the naming. */
    bool (*wants)(void *ctx, const struct source_item *item);
    /* Between two records: the thread should read with something else from now on, and what that
     * is; it reads no more with what it had. A NULL for `out`: nothing for now, it has nothing to
     * read. May be NULL: all read with the env of crew_run. */
    bool (*is_full)(void *ctx, int worker);
    enum status (*env)(void *ctx, int worker, const struct intake_env **out, struct err *err);
    /* One thread's part, by its number. A failure ends the run. */
    enum status (*take)(void *ctx, int worker, const struct invocation *v, struct err *err);
    /* A file was read, as far as it could be; its counters and troubles. Its size is -1 when the
     * system, not the content, ended that: it is worth another attempt. */
    enum status (*file_done)(void *ctx, int worker, const struct source_item *item,
                             const struct about *about, const struct crew_trouble *troubles,
                             size_t troubles_n, struct err *err);
    /* There is nothing to read for now: what the thread keeps back should go on. May be NULL. */
    enum status (*idle)(void *ctx, int worker, struct err *err);
    /* What the watch of a source asks; may be NULL. */
    int64_t (*position)(void *ctx, const char *name);
    /* An operand, directory or file that could not be opened. From any thread. */
    void (*problem)(void *ctx, const char *path, const char *reason);
    /* From the calling thread, some times a second; may be NULL. */
    void (*progress)(void *ctx, const struct crew_progress *p);
};

/* Reads all items of the source, which has not begun, with `threads` threads. The first failure
 * ends the run. Who gets file_done calls source_done; for items that are passed over or cannot be
 * opened the crew does. */
enum status crew_run(struct source *source, int threads, const struct intake_env *env,
                     const struct crew_job *job, struct err *err) MUST_USE;

#endif
