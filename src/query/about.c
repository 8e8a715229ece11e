/* What a report must say of its own truth: see about.h. */
#include "query/about.h"

void about_init(struct about *a)
{
    *a = (struct about){.since_us = TIME_NONE, .up_to_us = TIME_NONE};
}

void about_add(struct about *a, const struct about *other)
{
    for (int i = 0; i < ABOUT_COUNTS; i++)
        a->n[i] += other->n[i];
    a->invocations += other->invocations;
    about_extend(a, other->since_us);
    about_extend(a, other->up_to_us);
}

int64_t about_duplicates(const struct about *a)
{
    int64_t n = a->n[ABOUT_RECORDS] - a->invocations - a->dropped;
    return n > 0 ? n : 0;
}

void about_extend(struct about *a, int64_t time_us)
{
    if (time_us == TIME_NONE)
        return;
    if (a->since_us == TIME_NONE || time_us < a->since_us)
        a->since_us = time_us;
    if (a->up_to_us == TIME_NONE || time_us > a->up_to_us)
        a->up_to_us = time_us;
}
