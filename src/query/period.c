/*
 * Periods: what people type for since and until. Everything that names a span of time has a start
 * and an end; `end` chooses. Calendar arithmetic happens on the wall clock of the zone, so a day
 * with a change of the clocks is still one day.
 */
#include "query/question.h"

#include "base/nearest.h"

enum unit { UNIT_DAY, UNIT_WEEK, UNIT_MONTH, UNIT_QUARTER, UNIT_YEAR };

/* The start of the unit that lies `steps` units after the one that holds now. */
static int64_t unit_start(enum unit unit, int steps, int64_t now_us)
{
    if (unit == UNIT_WEEK) {
        struct civil c = zone_civil(zone_floor(BUCKET_WEEK, now_us));
        c.day += 7 * steps;
        return zone_instant(c);
    }
    struct civil now = zone_civil(now_us);
    struct civil c = {.year = now.year, .month = now.month, .day = now.day};
    if (unit == UNIT_DAY)
        c.day += steps;
    else
        c.day = 1;
    if (unit == UNIT_MONTH)
        c.month += steps;
    if (unit == UNIT_QUARTER)
        c.month = (now.month - 1) / 3 * 3 + 1 + 3 * steps;
    if (unit == UNIT_YEAR) {
        c.month = 1;
        c.year += steps;
    }
    return zone_instant(c);
}

static const struct {
    struct str name;
    enum unit unit;
    int steps;
} named[] = {
    {{"today", 5}, UNIT_DAY, 0},
    {{"yesterday", 9}, UNIT_DAY, -1},
    {{"this-week", 9}, UNIT_WEEK, 0},
    {{"last-week", 9}, UNIT_WEEK, -1},
    {{"this-month", 10}, UNIT_MONTH, 0},
    {{"last-month", 10}, UNIT_MONTH, -1},
    {{"this-quarter", 12}, UNIT_QUARTER, 0},
    {{"last-quarter", 12}, UNIT_QUARTER, -1},
    {{"this-year", 9}, UNIT_YEAR, 0},
    {{"last-year", 9}, UNIT_YEAR, -1},
};
enum { NAMED = sizeof named / sizeof named[0] };

static bool parse_named(struct str text, bool end, int64_t now_us, int64_t *out)
{
    if (str_eq_nocase(text, STR("now"))) {
        *out = now_us;
        return true;
    }
    for (int i = 0; i < NAMED; i++)
        if (str_eq_nocase(text, named[i].name)) {
            *out = unit_start(named[i].unit, named[i].steps + end, now_us);
            return true;
        }
    return false;
}

/* "7d": so long before now. */
static bool parse_ago(struct str text, int64_t now_us, int64_t *out)
{
    size_t digits = 0;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    int64_t n;
    if (digits > 6 || !str_to_i64(str_of(text.p, digits), &n))
        return false;
    struct str unit = str_skip(text, digits);
    if (str_eq_nocase(unit, STR("m")) || str_eq_nocase(unit, STR("h"))) {
        int64_t t = now_us - n * (str_eq_nocase(unit, STR("m")) ? US_PER_HOUR / 60 : US_PER_HOUR);
        *out = t < 0 ? 0 : t;
        return true;
    }
    struct civil c = zone_civil(now_us);
    if (str_eq_nocase(unit, STR("d")))
        c.day -= (int)n;
    else if (str_eq_nocase(unit, STR("w")))
        c.day -= (int)n * 7;
    else if (str_eq_nocase(unit, STR("mo")))
        c.month -= (int)n;
    else if (str_eq_nocase(unit, STR("y")))
        c.year -= n;
    else
        return false;
    /* Before the epoch nothing was logged, and the C library's answers become odd. */
    int64_t t = c.year < 1970 ? 0 : zone_instant(c);
    *out = t < 0 ? 0 : t;
    return true;
}

/* The date is completed to an instant, read as if it were UTC, and put into the zone. */
static bool parse_date(struct str text, bool end, int64_t *out)
{
    char whole[] = "0000-01-01T00:00:00Z";
    if (text.n != 4 && text.n != 7 && text.n != 10)
        return false;
    memcpy(whole, text.p, text.n);
    int64_t t;
    if (!time_parse(STR(whole), &t))
        return false;
    struct civil c = civil_from_us(t);
    c.year += end && text.n == 4;
    c.month += end && text.n == 7;
    c.day += end && text.n == 10;
    *out = zone_instant(c);
    return true;
}

static bool has_offset(struct str text)
{
    char last = text.p[text.n - 1];
    struct str clock = str_skip(text, 11);
    return last == 'Z' || last == 'z' || str_find_char(clock, '+') >= 0 ||
           str_find_char(clock, '-') >= 0;
}

/* "2026-04-14T08:30" with or without seconds and zone. */
static bool parse_instant(struct str text, int64_t *out)
{
    enum { MINUTES = 16, LONGEST = 48 };
    char whole[LONGEST + 4];
    if (text.n < MINUTES || text.n > LONGEST)
        return false;
    bool seconds = text.n > MINUTES && text.p[MINUTES] == ':';
    size_t n = seconds ? text.n : MINUTES;
    memcpy(whole, text.p, n);
    if (!seconds) {
        memcpy(whole + n, ":00", 3);
        memcpy(whole + n + 3, text.p + MINUTES, text.n - MINUTES);
        n = text.n + 3;
    }
    int64_t t;
    if (!time_parse(str_of(whole, n), &t))
        return false;
    *out = has_offset(str_of(whole, n)) ? t : zone_instant(civil_from_us(t));
    return true;
}

enum status period_parse(struct str text, bool end, int64_t now_us, int64_t *time_us,
                         struct err *err)
{
    text = str_trim(text);
    int64_t t;
    if (parse_named(text, end, now_us, &t) || parse_ago(text, now_us, &t) ||
        parse_date(text, end, &t) || parse_instant(text, &t)) {
        *time_us = t;
        return OK;
    }
    char shown[QUOTED_TEXT];
    struct nearest near = nearest_start(text);
    for (int i = 0; i < NAMED; i++)
        nearest_offer(&near, named[i].name);
    if (near.best.p)
        return err_set(err, ERR_USAGE, "'%s' is no time; did you mean %.*s?", quoted(shown, text),
                       STR_ARG(near.best));
    return err_set(err, ERR_USAGE,
                   "'%s' is no time; give a date (2026-04-14, 2026-04), an instant "
                   "(2026-04-14T08:30), a length (24h, 7d, 3mo) or a name (today, last-month)",
                   quoted(shown, text));
}
