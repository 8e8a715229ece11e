/*
 * Time zones, for the edge only: where a day, a week or a month of a question begins, and how a
 * bucket is named. One zone per process, chosen once at start, because the C library knows one.
 */
#ifndef ASSAY_BASE_ZONE_H
#define ASSAY_BASE_ZONE_H

#include "base/clock.h"
#include "base/err.h"

enum bucket {
    BUCKET_NONE,
    BUCKET_HOUR,
    BUCKET_DAY,
    BUCKET_WEEK, /* begins on Monday, ISO 8601 */
    BUCKET_MONTH,
    BUCKET_YEAR,
};

/* Name as in the tz database ("UTC", "Europe/Berlin"). ERR_USAGE for a name that does not exist.
 * Call before other threads start; the choice holds for the whole process. */
enum status zone_set(const char *name, struct err *err) MUST_USE;
/* The wall clock of the zone at an instant, and the instant of a wall clock. Fields may be out of
 * range (day 32, month 0): they are carried over, as mktime does; years before 0 or after 10000 are
 * taken for these. Of a wall clock that a change of the clocks repeats, the first is meant; one
 * that it skips is read by the clock before the change. */
struct civil zone_civil(int64_t time_us);
int64_t zone_instant(struct civil c);
/* The start of the bucket that holds the instant; BUCKET_NONE gives 0. */
int64_t zone_floor(enum bucket bucket, int64_t time_us);
/* The start of the bucket after the one that begins at start_us. */
int64_t zone_next(enum bucket bucket, int64_t start_us);

#endif
