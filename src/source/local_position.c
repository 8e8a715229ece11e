/* How far a walk has come: see local.h. No file is looked at for it. */
#include "source/local_internal.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { MILLION = 1000000, NO_DAY = INT_MIN };

/* A part of the walk, in parts per million. */
struct range {
    int64_t from, n;
};

static struct range part_of(struct range r, int64_t from, int64_t to, int64_t n)
{
    return (struct range){r.from + r.n * from / n, r.n * (to - from) / n};
}

static int number_of(const char *name)
{
    int value = 0;
    for (const char *c = name; *c; c++) {
        if (*c < '0' || *c > '9' || c - name > 4)
            return -1;
        value = value * 10 + (*c - '0');
    }
    return value;
}

/* The largest number (or the smallest) among the names of a directory; -1 when there is none. */
static int outermost(const char *path, bool last)
{
    int found = -1;
    DIR *dir = opendir(path);
    for (struct dirent *d; dir && (d = readdir(dir));) {
        int number = number_of(d->d_name);
        if (number >= 0 && (found < 0 || (last ? number > found : number < found)))
            found = number;
    }
    if (dir)
        closedir(dir);
    return found;
}

static int64_t day_of(const int64_t part[4], int n)
{
    if (n < 3 || part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31)
        return NO_DAY;
    return days_from_civil(part[0], (int)part[1], (int)part[2]);
}

/* The last (or first) day below a directory of a year, a month or a day. */
static int64_t outermost_day(const char *directory, const char *name, bool last)
{
    char path[PATH_MAX];
    int64_t part[4];
    int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    for (int n; length > 0 && length < PATH_MAX - 16;) {
        n = key_time(str_of(path, (size_t)length), part);
        if (n >= 3)
            return day_of(part, n);
        int next = n > 0 ? outermost(path, last) : -1;
        if (next < 0)
            break;
        length += snprintf(path + length, sizeof path - (size_t)length, "/%02d", next);
    }
    return NO_DAY;
}

/* Of all directories of the level that bear its last (or first) number. */
static int64_t end_of(const struct level *l, bool last)
{
    int number = -1;
    int64_t day = NO_DAY;
    for (size_t k = 0; k < l->n; k++) {
        const struct entry *e = &l->entries[last ? l->n - 1 - k : k];
        int here = number_of(l->names.p + e->name);
        if (here < 0)
            continue;
        if (number >= 0 && here != number)
            break;
        number = here;
        int64_t found = outermost_day(l->directories.p + e->directory, l->names.p + e->name, last);
        if (found != NO_DAY && (day == NO_DAY || (last ? found > day : found < day)))
            day = found;
    }
    return day;
}

static bool has_days(struct level *l)
{
    if (l->stage != STAGE_YEARS && l->stage != STAGE_MONTHS && l->stage != STAGE_DAYS)
        return false;
    if (l->first_day == 0 && l->last_day == 0) {
        l->first_day = end_of(l, false);
        l->last_day = end_of(l, true);
    }
    return l->first_day != NO_DAY && l->last_day != NO_DAY && l->first_day <= l->last_day;
}

/* The part that belongs to the day in work; false when the path names none. */
static bool day_in_work(const struct local_walk *w, const struct level *l, struct range *r)
{
    int64_t part[4];
    int64_t day = day_of(part, key_time(buf_view(&w->path), part));
    if (day < l->first_day || day > l->last_day)
        return false;
    *r = part_of(*r, day - l->first_day, day - l->first_day + 1, l->last_day - l->first_day + 1);
    return true;
}

static int64_t position_inside(struct local_walk *w, struct range r)
{
    bool timed = false;
    for (int i = 0; i < w->depth; i++) {
        struct level *l = &w->levels[i];
        bool in_days = l->stage >= STAGE_YEARS && l->stage <= STAGE_DAYS;
        if (timed && in_days)
            continue;
        timed = has_days(l) && day_in_work(w, l, &r);
        if (!timed && l->n > 0)
            r = part_of(r, (int64_t)l->begun, (int64_t)l->next, (int64_t)l->n);
    }
    return r.from;
}

int64_t local_position(struct local_walk *w, bool *estimated, int64_t *bytes)
{
    *estimated = !w->all_files;
    *bytes = w->bytes;
    if (w->has_stdin)
        return -1;
    if (w->all_files || w->next_operand == 0)
        return 0;
    if (w->ended)
        return MILLION;
    int64_t at = (int64_t)w->next_operand - 1;
    struct range all = {0, MILLION};
    return position_inside(w, part_of(all, at, at + 1, (int64_t)w->names.gl_pathc));
}
