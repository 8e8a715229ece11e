/*
 * When and how long to wait before a failed call is tried again: exponential back-off with full
 * jitter (each wait is drawn evenly from 0 to the bound of its attempt), so that many readers that
 * failed together do not come back together.
 *
 *     struct retry again;
 *     retry_init(&again, 5, seed);
 *     while (try_once(...) fails in a way that is worth it) {
 *         int64_t ms = retry_next(&again, RETRY_BASE_MS,
 *                                 retry_after_of(http_header(&answer, "retry-after")));
 *         if (ms < 0)
 *             break;
 *         retry_wait(ms, cancel);
 *     }
 *
 * A struct retry is a value of one thread's; it owns nothing.
 */
#ifndef ASSAY_NET_RETRY_H
#define ASSAY_NET_RETRY_H

#include "base/str.h"

enum {
    RETRY_BASE_MS = 100,        /* the bound of the first wait; it doubles with each */
    RETRY_THROTTLED_MS = 1000,  /* the same, of a server that says there was too much */
    RETRY_CAP_MS = 20000,       /* no bound is larger */
    RETRY_AFTER_MAX_MS = 60000, /* what a server may ask for; more is taken as this */
};

struct retry {
    int attempts_max, attempts; /* allowed in all; made so far */
    uint64_t seed;
};

/* attempts_max counts the first attempt, too: with 1 there is never a second. The seed decides the
 * jitter; give each thread another one. */
void retry_init(struct retry *r, int attempts_max, uint64_t seed);

/* An attempt has failed. Milliseconds to wait before the next one, or -1: enough. base_ms is one of
 * the two bases above; asked_ms what the server asked for (-1: nothing): the wait is never shorter,
 * except for the maximum. */
int64_t retry_next(struct retry *r, int64_t base_ms, int64_t asked_ms);

/* A Retry-After header, which counts in seconds, in milliseconds; -1 for an empty one, and for a
 * date, which AWS does not send. */
int64_t retry_after_of(struct str header);

/* Statuses that another attempt may change: 408, 429, 500, 502, 503, 504, and 0 (no answer). */
bool retry_worth(int http_status);

/* Sleeps; returns within 100 ms after *cancel (may be NULL) became true. */
void retry_wait(int64_t ms, const _Atomic bool *cancel);

#endif
