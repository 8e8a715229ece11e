/*
 * What a report must say of its own truth: how much was read, what was left out and why, and how
 * far the data reach. Counters of a run or of a file; adding is component by component, up_to is
 * the maximum.
 */
#ifndef ASSAY_QUERY_ABOUT_H
#define ASSAY_QUERY_ABOUT_H

#include "base/clock.h"

#define ABOUT_MAP(X)                                                                               \
    X(ABOUT_FILES, "files")             /* files (or streams) read */                              \
    X(ABOUT_BYTES, "bytes")             /* bytes after decompression */                            \
    X(ABOUT_RECORDS, "records")         /* ModelInvocationLog records decoded */                   \
    X(ABOUT_SKIPPED, "skipped")         /* things that are no records: control messages … */     \
    X(ABOUT_QUARANTINED, "quarantined") /* things that should have been records and are broken */  \
    X(ABOUT_FILES_FAILED, "files_failed") /* files that could not be read (to the end) */

enum about_count {
#define ABOUT_ENUM(id, name) id,
    ABOUT_MAP(ABOUT_ENUM)
#undef ABOUT_ENUM
        ABOUT_COUNTS
};

struct about {
    int64_t n[ABOUT_COUNTS];
    int64_t invocations; /* distinct; records - invocations = duplicates */
    int64_t since_us;    /* earliest and latest record, TIME_NONE when there is none */
    int64_t up_to_us;
    /* Of a store that lets go of old facts: single calls are kept since then, and sums (0: all) …
     */
    int64_t calls_since_us, sums_since_us;
    int64_t late;    /* records that came when facts of their time were gone: not counted */
    int64_t dropped; /* invocations whose sums are gone, which `invocations` has not */
    /* … so of this answer: an edge of the period (or of a step of it) there moved to a whole hour;
     * it asked about single calls of that time, too. */
    bool edges_moved, calls_missing;
};

void about_init(struct about *a);
void about_add(struct about *a, const struct about *other);
/* Records that were counted by another one. */
int64_t about_duplicates(const struct about *a);
/* Widens the period so that it holds an instant. */
void about_extend(struct about *a, int64_t time_us);

#endif
