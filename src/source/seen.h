/*
 * Which events were handed on lately: a bounded set of hashes of their ids, each with the time of
 * its event. Who reads the last minutes of a log again and again leaves out what it has seen. What
 * is older than asked for is forgotten when room is needed; when there is more than SEEN_MAX
 * nevertheless, all is, and what comes again is then read again (the store recognises it).
 *
 * For one thread.
 */
#ifndef ASSAY_SOURCE_SEEN_H
#define ASSAY_SOURCE_SEEN_H

#include "base/err.h"

#include <stdbool.h>

enum { SEEN_MAX = 1 << 20 }; /* slots, 16 bytes each, of which three in four are used */

struct seen_slot {
    uint64_t hash; /* 0: free */
    int64_t time_ms;
};

struct seen {
    struct seen_slot *slots; /* NULL: empty */
    size_t cap, n;
};

/* All zero is the empty set. */
void seen_fini(struct seen *s);
bool seen_has(const struct seen *s, uint64_t hash);
/* Events before keep_from_ms need not be remembered any longer. */
enum status seen_add(struct seen *s, uint64_t hash, int64_t time_ms, int64_t keep_from_ms,
                     struct err *err) MUST_USE;

#endif
