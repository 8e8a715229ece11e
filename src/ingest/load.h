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
    const struct intake_env *env; /* its key is the store's */
    struct store *store;          /* open for writing */
    const char *store_path;       /* a second connection looks files up */
    uint32_t options;             /* what the reading depends on; see struct store_file */
    /* The source has no end: what was read is committed as soon as nothing more waits, not only
     * when there is much of it. source_stop ends the run in order. */
    bool follow;
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
