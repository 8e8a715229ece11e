/* Time: see clock.h. The calendar arithmetic counts days in eras of 400 years from 0000-03-01. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_now_us(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000;
}

int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct civil civil_from_us(int64_t time_us)
{
    int64_t days = time_us / US_PER_DAY;
    int64_t rest = time_us % US_PER_DAY;
    if (rest < 0) {
        rest += US_PER_DAY;
        days--;
    }
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);
    int64_t seconds = rest / US_PER_SECOND;
    return (struct civil){
        .year = yoe + era * 400 + (month <= 2),
        .month = month,
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (int)(seconds / 3600),
        .minute = (int)(seconds / 60 % 60),
        .second = (int)(seconds % 60),
        .us = (int)(rest % US_PER_SECOND),
    };
}

int64_t us_from_civil(const struct civil *c)
{
    int64_t seconds = days_from_civil(c->year, c->month, c->day) * 86400 + c->hour * 3600 +
                      c->minute * 60 + c->second;
    return seconds * US_PER_SECOND + c->us;
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Takes exactly `digits` digits from the front of *s. */
static bool take_number(struct str *s, size_t digits, int *out)
{
    if (s->n < digits)
        return false;
    int value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        value = value * 10 + (s->p[i] - '0');
    }
    *s = str_skip(*s, digits);
    *out = value;
    return true;
}

/* Takes one character, either of two. */
static bool take_char(struct str *s, char a, char b)
{
    if (s->n == 0 || (s->p[0] != a && s->p[0] != b))
        return false;
    s->p++;
    s->n--;
    return true;
}

/* "Z", "z", "+hh:mm", "+hhmm" or nothing; what remains must be empty. */
static bool take_offset(struct str s, int *minutes)
{
    *minutes = 0;
    if (s.n == 0)
        return true;
    if (take_char(&s, 'Z', 'z'))
        return s.n == 0;
    bool west = s.p[0] == '-';
    int h, m;
    if (!take_char(&s, '+', '-') || !take_number(&s, 2, &h))
        return false;
    take_char(&s, ':', ':');
    if (!take_number(&s, 2, &m) || s.n != 0 || h > 18 || m > 59)
        return false;
    *minutes = (west ? -1 : 1) * (h * 60 + m);
    return true;
}

bool time_parse(struct str s, int64_t *time_us)
{
    struct civil c = {0};
    int year, offset;
    if (!take_number(&s, 4, &year) || !take_char(&s, '-', '-') || !take_number(&s, 2, &c.month) ||
        !take_char(&s, '-', '-') || !take_number(&s, 2, &c.day) ||
        (!take_char(&s, 'T', 't') && !take_char(&s, ' ', ' ')) || !take_number(&s, 2, &c.hour) ||
        !take_char(&s, ':', ':') || !take_number(&s, 2, &c.minute) || !take_char(&s, ':', ':') ||
        !take_number(&s, 2, &c.second))
        return false;
    if (take_char(&s, '.', ',')) {
        int scale = 100000, digit;
        if (!take_number(&s, 1, &digit))
            return false;
        do {
            c.us += digit * scale;
            scale /= 10;
        } while (take_number(&s, 1, &digit));
    }
    c.year = year;
    if (!take_offset(s, &offset) || year < 1970 || c.month < 1 || c.month > 12 || c.day < 1 ||
        c.day > days_in_month(year, c.month) || c.hour > 23 || c.minute > 59 || c.second > 60)
        return false;
    /* An offset or a leap second can carry the instant over either end. */
    int64_t us = us_from_civil(&c) - (int64_t)offset * 60 * US_PER_SECOND;
    if (us < 0 || us >= TIME_END)
        return false;
    *time_us = us;
    return true;
}

size_t time_format(char out[TIME_TEXT], int64_t time_us)
{
    struct civil c = civil_from_us(time_us);
    int n = snprintf(out, TIME_TEXT, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)c.year, c.month,
                     c.day, c.hour, c.minute, c.second);
    if (n < 0 || n + 9 > TIME_TEXT)
        return 0;
    if (c.us)
        n += snprintf(out + n, TIME_TEXT - (size_t)n, ".%06d", c.us);
    n += snprintf(out + n, TIME_TEXT - (size_t)n, "Z");
    return (size_t)n;
}
