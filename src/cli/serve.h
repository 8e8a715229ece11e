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

#include <pthread.h>
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
    int failing;      /* sources that fail just now */
    int64_t failures; /* lines about failures, since it was started */
    struct {
        bool failing;
        int64_t since_us; /* it began to fail */
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
    const char *problem;           /* the last single thing that could not be read, and why … */
    int64_t problem_us;            /* … and when; TIME_NONE: none yet */
    int64_t memory, memory_peak;   /* resident bytes */
    int64_t store_bytes;           /* with its log */
    bool running;                  /* false: it ended on purpose */
    const char *error;             /* why nothing is written just now; "" when all is well */
};

void serve_state_put(struct buf *out, const struct serve_state *s);
/* Where a daemon leaves its state: beside its store, for those that may read that. It holds no text
 * of anybody's records, but names and messages of AWS. */
enum status serve_state_path(const char *store, struct buf *out, struct err *err) MUST_USE;
/* Leaves it there, also on a disk that has become full meanwhile. */
enum status serve_state_leave(const struct serve_state *s, struct err *err) MUST_USE;
/* When a process began, in ticks since the machine was started (proc(5)), so that another one with
 * its number is told from it; 0: nothing tells; -1: it has ended and only waits for its parent. */
int64_t serve_process_began(int64_t process);
/* Fills what the system tells: memory and sizes of files. */
void serve_state_measure(struct serve_state *s);

/*
 * Reads such a file into *out: its part that a daemon leaves. What *out borrows lives in the arena.
 * ERR_NOT_FOUND: there is none; ERR_PARSE: it is something else.
 */
struct standing;
enum status status_read(const char *path, struct arena *arena, struct standing *out,
                        struct err *err) MUST_USE;

/* What sources have counted in lives before, by their names: counters of a process do not begin
 * anew with SIGHUP. */
struct serve_sums {
    struct {
        char name[132];
        struct source_state counts;
    } v[CONFIG_SOURCES_MAX];
    int n;
};

/* Adds to the state of a source what it counted before. */
void serve_sums_add(const struct serve_sums *sums, const char *name, struct source_state *state);
/* At the end of a life: the sources of n states, these included. Others are forgotten. */
void serve_sums_keep(struct serve_sums *sums, const struct config_source *sources,
                     const struct source_state *states, int n);

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
    pthread_mutex_t problem_lock;
    char problem[640]; /* the last one, and when */
    int64_t problem_us;
    struct serve_watch watch;
    /* As they were at the last tick, with what they counted in lives before. */
    struct source_state states[CONFIG_SOURCES_MAX];
    int states_n;
    struct serve_sums sums;
    /* Why nothing was written, from that on until something is; "" when all is well. */
    char failure[sizeof((struct err *)0)->text];
    int64_t failed_us;
    struct serve_page *page; /* NULL: off */
};

/*
 * The page of metrics (serve_page.c). It outlives lives, so that it answers also while the store
 * cannot be written; what it shows is what was last given to it. For the main thread.
 */
/* Opens it where the configuration wants it, unless it is there already. */
enum status serve_page_open(struct serve *s, const struct config *c, struct err *err) MUST_USE;
/* Ends it unless the configuration wants it where it is; NULL: ends it. */
void serve_page_leave(struct serve *s, const struct config *c);
/* What it shows from now on. */
void serve_page_show(struct serve *s, const struct config *c);
int serve_page_port(const struct serve *s);
/* How long a source may fail until the whole is not healthy. */
int64_t serve_patience_us(const struct config_source *c);

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
