/*
 * Does a session look like a runaway? A score from 0 to 100 and its reasons. Each signal is a
 * figure with a threshold; it gives 10 points for each full multiple of its threshold, at most 30.
 *
 *     struct runaway_limits limits = runaway_defaults();
 *     runaway_set(&limits, STR("prompts=50,cost=20"), &err);
 *     struct runaway r = runaway_of(session, &limits);
 */
#ifndef ASSAY_QUERY_RUNAWAY_H
#define ASSAY_QUERY_RUNAWAY_H

#include "base/buf.h"
#include "model/session.h"

/* id, key on the command line, default threshold, text for help */
#define RUNAWAY_MAP(X)                                                                             \
    X(RUNAWAY_PROMPTS, "prompts", 200, "prompts by a human")                                       \
    X(RUNAWAY_RATE, "rate", 60, "most requests within 60 seconds")                                 \
    X(RUNAWAY_PER_PROMPT, "per-prompt", 100, "requests per prompt")                                \
    X(RUNAWAY_FAN_OUT, "fan-out", 10, "most sub-agents started by one answer")                     \
    X(RUNAWAY_DEPTH, "depth", 3, "depth of sub-agents below sub-agents")                           \
    X(RUNAWAY_GROWTH, "growth", 200, "thousands of tokens that the main thread's context grew by") \
    X(RUNAWAY_LOOP, "loop", 10, "longest run of one tool call with the same input")                \
    X(RUNAWAY_COST, "cost", 50, "cost in whole dollars")                                           \
    X(RUNAWAY_ACTIVE, "active", 12, "active hours")

enum runaway_signal {
#define RUNAWAY_ENUM(id, key, limit, text) id,
    RUNAWAY_MAP(RUNAWAY_ENUM)
#undef RUNAWAY_ENUM
        RUNAWAY_SIGNALS
};

enum { RUNAWAY_STEP = 10, RUNAWAY_SIGNAL_MOST = 30, RUNAWAY_MOST = 100 };

struct runaway_limits {
    int64_t v[RUNAWAY_SIGNALS]; /* 0: the signal does not count */
};

struct runaway {
    int64_t score;
    int64_t value[RUNAWAY_SIGNALS];
    int64_t points[RUNAWAY_SIGNALS];
};

struct runaway_limits runaway_defaults(void);
/* "KEY=N,…"; what is not named stays. ERR_USAGE, naming the nearest key. */
enum status runaway_set(struct runaway_limits *limits, struct str text, struct err *err) MUST_USE;
struct str runaway_key(enum runaway_signal signal);
struct runaway runaway_of(const struct session *s, const struct runaway_limits *limits);
/* Appends "loop 24, cost 132": the signals that gave points, with their values. */
void runaway_text(const struct runaway *r, struct buf *out);

#endif
