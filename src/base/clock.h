/*
 * Time. Inside the program an instant is int64_t microseconds since 1970-01-01T00:00:00Z; zones
 * appear only at the edge (zone.h). The clock is a value that the caller passes on, so that tests
 * choose what "now" is.
 */
#ifndef ASSAY_BASE_CLOCK_H
#define ASSAY_BASE_CLOCK_H

#include "base/str.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_HOUR (INT64_C(3600) * US_PER_SECOND)
#define US_PER_DAY (INT64_C(24) * US_PER_HOUR)
#define TIME_NONE INT64_MIN
#define TIME_TEXT 32
/* The first instant beyond year 9999. */
#define TIME_END (INT64_C(253402300800) * 1000000)

struct civil {
    int64_t year;
    int month, day, hour, minute, second, us;
};

/* The present instant of the system's clock. */
int64_t clock_now_us(void);
/* A clock for durations; its zero means nothing. */
int64_t clock_monotonic_us(void);

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back. */
int64_t days_from_civil(int64_t year, int month, int day);
struct civil civil_from_us(int64_t time_us);
int64_t us_from_civil(const struct civil *c);

/* ISO 8601 as Bedrock and its tools write it: "2026-04-14T08:57:15Z", a blank instead of the T,
 * fractions of any length (cut to microseconds), z, +00:00 or any other offset, or no zone at all
 * (UTC). Years 1970 to 9999. False on anything else, also on a day that the month does not have. */
bool time_parse(struct str text, int64_t *time_us);

/* "2026-04-14T08:57:15Z"; a fraction is printed only when there is one. Returns the length. */
size_t time_format(char out[TIME_TEXT], int64_t time_us);

#endif
