/*
 * A report without a store: files are read, duplicates sorted out and the question's groups added
 * up in memory, one cube per thread.
 */
#ifndef ASSAY_INGEST_ONESHOT_H
#define ASSAY_INGEST_ONESHOT_H

#include "ingest/crew.h"
#include "query/plan.h"

struct oneshot {
    char *const *operands;
    int operands_n;
    int threads;
    uint64_t dedupe_memory; /* bytes, 0: the default of dedupe.h */
    const struct intake_env *env;
    struct plan *plan;
    void *ctx; /* of the two below */
    /* Each thing that could not be read; one call at a time. May be NULL. */
    void (*trouble)(void *ctx, const struct crew_trouble *t);
    void (*progress)(void *ctx, const struct crew_progress *p);
};

/* Fills the cube and what is to be said about it. */
enum status oneshot_run(const struct oneshot *o, struct cube *cube, struct about *about,
                        struct err *err) MUST_USE;

#endif
