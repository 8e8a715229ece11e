/*
 * How a daemon and its store stand, as a page for people or as JSON: what `assay status` prints.
 * Values in, bytes out; instants are compared with `now_us`, so the clock is the caller's.
 *
 *     struct standing s = {.now_us = clock_now_us(), .state = STANDING_RUNNING, …};
 *     report_standing(&s, &options, &out, &err);
 */
#ifndef ASSAY_REPORT_STANDING_H
#define ASSAY_REPORT_STANDING_H

#include "report/render.h"

enum standing_state {
    STANDING_RUNNING,
    STANDING_HANGING, /* its process lives, but has left no word of itself for long */
    STANDING_STOPPED, /* it ended in order */
    STANDING_GONE,    /* it left no word of an end: killed */
    STANDING_NEVER,   /* no daemon left its state beside this store */
    STANDING_STATES
};

/* TIME_NONE and "" where nothing is known, as in all of these; waiting: -1. */
struct standing_source {
    struct str name, kind, address, error;
    int64_t named, open, kept, known, again, failed, refused, skipped, bytes, waiting, passes;
    int64_t oldest_us, up_to_us, success_us, error_us; /* as in source/state.h */
    bool failing;
};

struct standing_counts {
    int64_t items, records, invocations, bytes;
};

struct standing {
    int64_t now_us;
    enum standing_state state;
    struct str store; /* its path */
    /* As the daemon left them; nothing of it where the state is STANDING_NEVER. */
    struct str version, configuration, error, problem;
    int64_t process, process_began, time_us, started_us, loaded_us, committed_us, problem_us;
    struct standing_counts counts, minute;
    int64_t minute_ms;
    int64_t quarantined, problems, memory, memory_peak;
    const struct standing_source *sources;
    int sources_n;
    /* Of the store. */
    int64_t store_bytes;       /* -1: there is none */
    const struct answer *kept; /* over everything, in one row; NULL: it cannot be asked … */
    struct str kept_error;     /* … and why */
};

/* The daemon runs and writes, no source fails, and the store can be asked. */
bool standing_is_well(const struct standing *s);
/* It has gone through what there was, everything that it named was handed back, and nothing waits
 * on its server. */
bool standing_caught_up(const struct standing_source *s);
/* How far behind it is, in microseconds: caught up, since its server last answered; else, the age
 * of the newest thing kept. -1: nothing tells. */
int64_t standing_lag_us(const struct standing *s, const struct standing_source *source);

/* REPORT_TABLE (lines of at most 80 columns, whatever the width) or REPORT_JSON. Appends to out. */
enum status report_standing(const struct standing *s, const struct report_options *o,
                            struct buf *out, struct err *err) MUST_USE;

#endif
