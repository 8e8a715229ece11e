/*
 * assay serve: the parts of the daemon that have a file of their own. One *life* of it goes from
 * reading the configuration to the signal (or failure) that ends it; SIGHUP begins another.
 *
 *     serve_sources_new(config, &sources, &err);     what the file names, as one source
 *     life_new(serve, config, &life, &err);          opens all of it and starts the pipeline
 *     life_look(life);                               how its sources are, now
 *     life_free(life, &err);                         ends it in order
 */
#ifndef ASSAY_CLI_SERVE_H
#define ASSAY_CLI_SERVE_H

#include "cli/config.h"
#include "cli/journal.h"
#include "source/source.h"
#include "source/state.h"

#include <signal.h>
#include <stdatomic.h>

/* The sources of a configuration, with the credentials that they use. */
struct serve_sources;

enum status serve_sources_new(const struct config *c, struct serve_sources **out,
                              struct err *err) MUST_USE;
void serve_sources_free(struct serve_sources *s);
/* All of them as one; stays theirs. */
struct source *serve_sources_all(struct serve_sources *s);
/* The credentials of its sources, each once. They stay theirs. */
struct aws_credentials;
struct aws_credentials *const *serve_sources_credentials(const struct serve_sources *s, int *n);

/* What was read and kept since the daemon was started. */
struct serve_counts {
    int64_t items, records, invocations, bytes;
};

/*
 * What a daemon says of its own accord (serve_watch.c): that a source fails or works again, once
 * per change, and every ten minutes a line with what was done, when something was. It also
 * remembers the last minute, for rates. Instants are of the monotonic clock.
 */
enum { SERVE_RING = 61 };
struct serve_watch {
    struct {
        int64_t at_us;
        struct serve_counts counts;
    } ring[SERVE_RING];
    int newest, ring_n;
    int64_t summary_us; /* of the last summary, with what had been done by then */
    struct serve_counts summary;
    int failing; /* sources that fail just now */
    struct {
        bool failing;
        char error[sizeof((struct source_state *)0)->error];
    } told[CONFIG_SOURCES_MAX];
};

void serve_watch_init(struct serve_watch *w, int64_t now_us);
/* Another life with other sources: of these nothing was told yet. */
void serve_watch_sources(struct serve_watch *w);
/* One state for each of n sources. Returns true when a line about a source was written. */
bool serve_watch_tick(struct serve_watch *w, const struct journal *j, int64_t now_us,
                      const struct serve_counts *counts, const struct config_source *sources,
                      const struct source_state *states, int n);
/* What came within the last minute (or since the start); how long that was. */
struct serve_counts serve_watch_minute(const struct serve_watch *w, int64_t *span_us);

/* How a daemon goes: what `assay status` shows and the metrics tell. */
struct serve_state {
    const struct config *config;
    const struct source_state *states; /* of its sources, in their order */
    int states_n;
    int64_t now_us, started_us, loaded_us;
    int64_t committed_us; /* the last commit; TIME_NONE: none yet */
    struct serve_counts counts, minute;
    int64_t minute_us;             /* how long `minute` is */
    int64_t problems, quarantined; /* since it was started */
    int64_t memory, memory_peak;   /* resident bytes */
    int64_t store_bytes;           /* with its log */
    bool running;                  /* false: it ended on purpose */
    const char *error;             /* why nothing is written just now; "" when all is well */
};

void serve_state_put(struct buf *out, const struct serve_state *s);
/* Where a daemon leaves its state: beside its store. Readable to all that may read the folder; it
 * holds no text of anybody's records. */
enum status serve_state_path(const char *store, struct buf *out, struct err *err) MUST_USE;
/* Fills what the system tells: memory and sizes of files. */
void serve_state_measure(struct serve_state *s);

/*
 * Reads such a file into *out: its part that a daemon leaves. What *out borrows lives in the arena.
 * ERR_NOT_FOUND: there is none; ERR_PARSE: it is something else.
 */
struct standing;
enum status status_read(const char *path, struct arena *arena, struct standing *out,
                        struct err *err) MUST_USE;

/* The daemon from its start to its end. */
struct serve {
    const char *given;   /* the argument of -c */
    struct config *next; /* read after a SIGHUP; the next life's */
    struct journal journal;
    int64_t started_us, loaded_us;
    sigset_t signals;
    /* Written by threads of the pipeline. */
    _Atomic int64_t invocations, items, problems, quarantined, committed_us;
    _Atomic int64_t records, bytes; /* of this life */
    int64_t records_before, bytes_before;
    _Atomic int64_t shown, shown_minute;
    struct serve_watch watch;
    struct source_state states[CONFIG_SOURCES_MAX]; /* as they were at the last tick */
    int states_n;
};

/* One life (serve_life.c). */
struct life;

/* Opens store and sources, and starts the pipeline. `c` is borrowed. ERR_CONFLICT: another process
 * writes this store. */
enum status life_new(struct serve *s, const struct config *c, struct life **out,
                     struct err *err) MUST_USE;
/* It ended by itself: that is a failure. */
bool life_ended(const struct life *l);
/* Looks at the sources: states for serve_state_put. */
void life_look(struct life *l);
/* Ends it in order: what was read is committed. ERR_…: why the pipeline failed, if it did. */
enum status life_free(struct life *l, struct err *err) MUST_USE;

#endif
