/*
 * A report without a store: files are read, duplicates sorted out and the question's groups added
 * up in memory, one cube per thread. Where sessions are asked for, the calls of the question's
 * period go to them too.
 */
#ifndef ASSAY_INGEST_ONESHOT_H
#define ASSAY_INGEST_ONESHOT_H

#include "ingest/crew.h"
#include "ingest/dedupe.h"
#include "query/plan.h"
#include "query/sessions.h"

struct oneshot {
    struct source *source; /* not begun; the caller closes it */
    int threads;
    uint64_t dedupe_memory; /* bytes, 0: the default of dedupe.h */
    const struct intake_env *env;
    struct plan *plan;
    /* Made for as many threads, filled by the run; may be NULL. The cube then holds only what
     * belongs to no session. */
    struct sessions *sessions;
    /* Hears of each invocation that goes to the cube, sign -1 when it is taken back; `thread` is
     * below oneshot_threads. May be NULL. ERR_NOMEM only. */
    enum status (*loose)(void *ctx, int thread, const struct invocation *v, int sign);
    void *loose_ctx;
    void *ctx; /* of the two below */
    /* Each thing that could not be read; one call at a time. May be NULL. */
    void (*trouble)(void *ctx, const struct crew_trouble *t);
    void (*progress)(void *ctx, const struct crew_progress *p);
};

/* How many threads a run has that asks for `threads`: what sessions_new is told. */
int oneshot_threads(int threads);
/* Fills the cube and what is to be said about it. */
enum status oneshot_run(const struct oneshot *o, struct cube *cube, struct about *about,
                        struct err *err) MUST_USE;

/* What a verdict (dedupe.h) about *v means for sessions, which may be NULL. Of what is deferred
 * sessions_confirm tells in the end. */
enum status oneshot_gather(struct sessions *s, int worker, const struct invocation *v,
                           enum verdict verdict, const struct invocation *old,
                           struct err *err) MUST_USE;

#endif
