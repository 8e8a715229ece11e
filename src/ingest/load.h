/*
 * Into the store: threads read, one writes. A file is marked as read in the transaction that holds
 * the last of its invocations, or in a later one, never in an earlier: after a crash it is read
 * again, and what it holds is recognised by its keys.
 */
#ifndef ASSAY_INGEST_LOAD_H
#define ASSAY_INGEST_LOAD_H

#include "ingest/crew.h"
#include "ingest/learn.h"
#include "store/store.h"

struct load {
    struct source *source; /* not begun; the caller closes it */
    int threads;
    const struct intake_env *env; /* its key is the store's; for its tables see lexicon.h */
    struct store *store;          /* open for writing */
    const char *store_path;       /* a second connection looks files up */
    uint32_t options;             /* what the reading depends on; see struct store_file */
    /* The source has no end: what was read is committed as soon as nothing more waits, and within
     * a second or so in any case, not only when there is much of it (items with tickets: every few
     * seconds). source_stop ends the run in order. */
    bool follow;
    /* From the writer, between two transactions: a piece of upkeep of the store. Asked for once a
     * minute, and soon again while it says that there is more. Only followers; may be NULL. */
    enum status (*upkeep)(void *ctx, struct store *s, bool *more, struct err *err);
    /* From the writer, behind each commit: what it made safe. May be NULL. */
    void (*committed)(void *ctx, int64_t invocations, int64_t items);
    /* NULL: nothing is learned of profiles. A run with an end waits for what was asked. */
    struct learn *learn;
    void *ctx;
    void (*note)(void *ctx, struct str text); /* of what was learned: whole lines */
    void (*trouble)(void *ctx, const struct crew_trouble *t);
    void (*progress)(void *ctx, const struct crew_progress *p);
};

struct load_result {
    struct about about;  /* of what was read now */
    int64_t files_known; /* passed over: known and unchanged */
    int64_t problems;    /* operands and directories that could not be read */
};

enum status load_run(const struct load *l, struct load_result *result, struct err *err) MUST_USE;

#endif
