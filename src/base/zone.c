/* Time zones: see zone.h. */
#include "base/zone.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum status zone_set(const char *name, struct err *err)
{
    bool plain = name[0] != '\0' && name[0] != '/' && name[0] != '.' && !strstr(name, "..");
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    bool utc = strcmp(name, "UTC") == 0;
    if (!plain || n < 0 || (size_t)n >= sizeof path || (!utc && access(path, R_OK) != 0))
        return err_set(err, ERR_USAGE,
                       "unknown time zone '%.64s': give a name of the tz database, for example "
                       "UTC or Europe/Berlin",
                       name);
    if (setenv("TZ", utc ? "UTC0" : name, 1) != 0)
        return err_nomem(err);
    tzset();
    return OK;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct civil zone_civil(int64_t time_us)
{
    int64_t seconds = floor_div(time_us, US_PER_SECOND);
    time_t t = (time_t)seconds;
    struct tm tm = {0};
    if (!localtime_r(&t, &tm))
        return civil_from_us(time_us);
    return (struct civil){
        .year = (int64_t)tm.tm_year + 1900,
        .month = tm.tm_mon + 1,
        .day = tm.tm_mday,
        .hour = tm.tm_hour,
        .minute = tm.tm_min,
        .second = tm.tm_sec,
        .us = (int)(time_us - seconds * US_PER_SECOND),
    };
}

static int64_t clamp(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

/* Seconds of a wall clock, as if it were that of UTC. */
static int64_t wall_at(int64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm = {0};
    return localtime_r(&t, &tm) ? (int64_t)timegm(&tm) : seconds;
}

/*
 * mktime's answer for a wall clock that is skipped or repeated depends on what it was asked before,
 * and in some zones that happens at midnight: a day must not begin now here and now there.
 */
static int64_t settle(int64_t t, int64_t wall)
{
    static const int64_t shifts[] = {3600, 1800};
    int64_t late = wall - wall_at(t);
    if (late > 0) /* skipped, and answered by the clock after the change: take that before it */
        return t + late;
    for (size_t i = 0; late == 0 && i < sizeof shifts / sizeof shifts[0]; i++)
        if (wall_at(t - shifts[i]) == wall)
            return t - shifts[i];
    return t;
}

int64_t zone_instant(struct civil c)
{
    /* 10000, so that 9999 has an end. Days and months may still lead far beyond. */
    struct tm tm = {
        .tm_year = (int)(clamp(c.year, 0, 10000) - 1900),
        .tm_mon = c.month - 1,
        .tm_mday = c.day,
        .tm_hour = c.hour,
        .tm_min = c.minute,
        .tm_sec = c.second,
        .tm_isdst = -1,
    };
    const int64_t far = INT64_C(1) << 38; /* seconds: in the year 10680, or before the year 0 */
    struct tm wall = tm;
    int64_t t = clamp((int64_t)mktime(&tm), -far, far);
    return settle(t, clamp((int64_t)timegm(&wall), -far, far)) * US_PER_SECOND + c.us;
}

int64_t zone_floor(enum bucket bucket, int64_t time_us)
{
    if (bucket == BUCKET_NONE)
        return 0;
    struct civil c = zone_civil(time_us);
    if (bucket == BUCKET_HOUR) {
        /* By subtraction, not through mktime: the repeated hour in autumn stays two hours. */
        int64_t into = ((int64_t)c.minute * 60 + c.second) * US_PER_SECOND + c.us;
        return time_us - into;
    }
    struct civil start = {.year = c.year, .month = c.month, .day = c.day};
    if (bucket == BUCKET_WEEK) {
        /* 1970-01-01 was a Thursday, day 3 of a week that begins on Monday. */
        int64_t days = days_from_civil(c.year, c.month, c.day);
        start.day -= (int)(((days + 3) % 7 + 7) % 7);
    } else if (bucket == BUCKET_MONTH) {
        start.day = 1;
    } else if (bucket == BUCKET_YEAR) {
        start.month = start.day = 1;
    }
    return zone_instant(start);
}

int64_t zone_next(enum bucket bucket, int64_t start_us)
{
    if (bucket == BUCKET_NONE)
        return INT64_MAX;
    if (bucket == BUCKET_HOUR)
        return start_us + US_PER_HOUR;
    /* Noon of a day that follows, because midnight may be skipped. */
    struct civil c = zone_civil(start_us);
    c.hour = 12;
    if (bucket == BUCKET_DAY)
        c.day += 1;
    else if (bucket == BUCKET_WEEK)
        c.day += 7;
    else if (bucket == BUCKET_MONTH)
        c.month += 1;
    else
        c.year += 1;
    return zone_floor(bucket, zone_instant(c));
}
