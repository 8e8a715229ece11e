/*
 * How a source is doing, for whoever watches a run that does not end: what it has named and what
 * became of it, when it last heard from its server, what went wrong last, and how far it is.
 *
 *     struct source_state state;
 *     for (int i = 0; (part = source_part(s, i)) != NULL; i++) {
 *         source_state_get(part, &state);              any thread, at any time until source_close
 *         … state.name, state.kept, state.error …
 *     }
 *
 * The second half is for sources: a gauge is a state with a lock, one in each source that has one.
 * Instants are of the machine's clock.
 */
#ifndef ASSAY_SOURCE_STATE_H
#define ASSAY_SOURCE_STATE_H

#include "source/source.h"

#include <pthread.h>

struct source_state {
    char name[256]; /* as shown to people: "s3://bucket/prefix"; "" for a source without state */
    int64_t named;  /* items given out, repeated ones each time */
    int64_t kept;   /* of these: read, and in the store */
    int64_t known;  /* of these: in the store before, so not read */
    int64_t again;  /* of those kept: bodies were missing */
    int64_t failed; /* of those named: not read */
    int64_t open;   /* of these: not handed back yet */
    int64_t bytes;  /* of what was kept, as it is stored (compressed) */
    int64_t success_us; /* when its server last answered as it should; TIME_NONE: never */
    int64_t error_us;   /* when it last did not; TIME_NONE: never */
    char error[384];    /* why; stays after it went well again: compare the two instants */
    int64_t up_to_us;   /* how far the newest thing kept reaches; TIME_NONE: nothing was kept */
    int64_t waiting;    /* things that wait on the server, as it estimates; -1: nothing tells */
    int64_t oldest_us;  /* when the oldest thing in work was sent; TIME_NONE: nothing tells */
    int64_t skipped;    /* things the server told of that hold no records */
    int64_t refused; /* things that went into the quarantine as a whole; of a push source requests
                      * that were not taken */
    int64_t passes;  /* 1: all there was has been gone through; 0: not yet; -1: nothing tells */
    bool failing;    /* the last thing tried did not work; it is being tried again */
};

/* A copy. Sources without a state (files) give an empty name and zeros. */
void source_state_get(struct source *s, struct source_state *out);
/* The i-th source that several consist of, NULL behind the last; any other consists of itself. */
struct source *source_part(struct source *s, int i);

struct source_gauge {
    pthread_mutex_t lock;
    struct source_state state;
};

void gauge_init(struct source_gauge *g, struct str name);
void gauge_fini(struct source_gauge *g);
void gauge_get(struct source_gauge *g, struct source_state *out);
void gauge_named(struct source_gauge *g);
/* An item was handed back. `bytes` and up_to_us (or TIME_NONE) count where it was kept, the latter
 * also where it was known. */
void gauge_done(struct source_gauge *g, enum source_outcome outcome, int64_t bytes,
                int64_t up_to_us);
/* The server answered as it should. */
void gauge_success(struct source_gauge *g);
/* The same, but something else still fails: the failure stays the last word. */
void gauge_heard(struct source_gauge *g);
/* It did not. True when the text is another than that of the failure going on, or when this is
 * the first after a success: then somebody should be told. */
bool gauge_failure(struct source_gauge *g, const char *text);
/* Whether two texts are the same but for the number of the request that AWS gives each answer. */
bool gauge_same(const char *a, const char *b);
void gauge_waiting(struct source_gauge *g, int64_t n);
void gauge_skipped(struct source_gauge *g, int64_t n);
void gauge_refused(struct source_gauge *g, int64_t n);
/* Of a source that goes through all there is: 0 at its start, 1 when it has. */
void gauge_passes(struct source_gauge *g, int64_t n);

#endif
