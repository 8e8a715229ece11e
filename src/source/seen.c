/* The events that were handed on lately: see seen.h. Open addressing with linear steps; the hashes
 * are keyed, so nobody can choose ids that collide. */
#include "source/seen.h"

#include <stdlib.h>

enum { CAP_MIN = 1024 }; /* a power of two, as all sizes are */

void seen_fini(struct seen *s)
{
    free(s->slots);
    *s = (struct seen){0};
}

/* 0 marks a free slot. */
static uint64_t usable(uint64_t hash)
{
    return hash ? hash : 1;
}

static struct seen_slot *find(const struct seen *s, uint64_t hash)
{
    size_t i = (size_t)hash & (s->cap - 1);
    while (s->slots[i].hash && s->slots[i].hash != hash)
        i = (i + 1) & (s->cap - 1);
    return &s->slots[i];
}

bool seen_has(const struct seen *s, uint64_t hash)
{
    return s->slots && find(s, usable(hash))->hash;
}

static size_t count_from(const struct seen *s, int64_t from_ms)
{
    size_t n = 0;
    for (size_t i = 0; i < s->cap; i++)
        n += s->slots[i].hash && s->slots[i].time_ms >= from_ms;
    return n;
}

/* Into a table that is at most half full of what is to be kept. */
static enum status make_room(struct seen *s, int64_t keep_from_ms, struct err *err)
{
    size_t kept = count_from(s, keep_from_ms), cap = CAP_MIN;
    while (cap < kept * 2 && cap < SEEN_MAX)
        cap *= 2;
    if (kept > cap / 2)
        kept = 0;
    struct seen bigger = {.slots = calloc(cap, sizeof *bigger.slots), .cap = cap};
    if (!bigger.slots)
        return err_nomem(err);
    for (size_t i = 0; kept && i < s->cap; i++) {
        if (!s->slots[i].hash || s->slots[i].time_ms < keep_from_ms)
            continue;
        *find(&bigger, s->slots[i].hash) = s->slots[i];
        bigger.n++;
    }
    free(s->slots);
    *s = bigger;
    return OK;
}

enum status seen_add(struct seen *s, uint64_t hash, int64_t time_ms, int64_t keep_from_ms,
                     struct err *err)
{
    if ((s->n + 1) * 4 > s->cap * 3)
        TRY(make_room(s, keep_from_ms, err));
    struct seen_slot *slot = find(s, usable(hash));
    s->n += slot->hash == 0;
    *slot = (struct seen_slot){usable(hash), time_ms};
    return OK;
}
