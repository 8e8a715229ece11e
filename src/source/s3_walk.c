/*
 * Objects of all places, in the order of time where that is wanted: see s3_internal.h. Each place
 * is a line, listed flat; keys of one account and Region come in the order of their hours, so lines
 * are merged hour by hour. Pages are asked for by the pool, many at a time; an hour is over when no
 * line that may still have some of it waits for a page.
 *
 * Lines together hold about KEYS_HELD keys, and a few each: where places are many, pages are small,
 * and grow for those that have much in an hour.
 */
#include "source/s3_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    KEYS_HELD = 65536,        /* of all lines together, some 90 bytes each */
    KEYS_LEAST = 8,           /* in a page nevertheless */
    AHEAD = 2 * POOL_THREADS, /* places asked at a time, where the order does not count */
    QUICK_PAGES = 4, /* a place outside the layout with more is not listed again and again */
    POSITION_FEW = 4,
};
/* A place where nothing came for so long sleeps: longer than a weekend with a holiday. */
#define LIVE_US (8 * US_PER_DAY)

void job_fini(struct job *j)
{
    free(j->why);
    j->why = NULL;
}

void walk_end(struct walk *w)
{
    for (size_t i = 0; i < w->n; i++)
        line_fini(&w->lines[i]);
    free(w->lines);
    free(w->heap);
    job_fini(&w->last);
    buf_fini(&w->key);
    *w = (struct walk){.running = false};
}

/* ".../us-east-1/2026/10/05/13": what is behind that is not before the hour. */
static enum status put_start(const struct walk *w, struct line *l, struct err *err)
{
    const struct s3_place *p = l->place;
    const int64_t since_us = w->o.since_us == TIME_NONE ? -1 : w->o.since_us - US_PER_HOUR;
    char room[4 * S3_KEY_MAX];
    struct buf from;
    if (p->region_n == 0 || since_us < 0)
        return OK;
    struct civil c = civil_from_us(since_us);
    buf_on(&from, room, sizeof room);
    buf_append(&from, p->prefix, p->region_n);
    buf_printf(&from, "%04d/%02d/%02d/%02d", (int)c.year, c.month, c.day, c.hour);
    if (buf_status(&from) != OK)
        return OK;
    return s3_listing_jump(&l->listing, buf_view(&from), err);
}

static bool is_due(const struct s3_place *p, const struct walk_options *o)
{
    if (p->gone || p->empty || o->kind == WALK_ALL)
        return !p->gone && !p->empty;
    if (o->kind == WALK_MISSED)
        return p->missed;
    if (p->region_n == 0)
        return p->pages <= QUICK_PAGES;
    return o->kind == WALK_RECENT || !p->known || p->newest_us > o->since_us - LIVE_US;
}

/* The end of the last day of all, for the position: a few requests, so only where places are few.
 */
static enum status find_last(struct job *j, struct lister *lister, struct err *err)
{
    struct walk *w = j->owner;
    int64_t most = TIME_NONE;
    for (size_t i = 0; i < w->n; i++) {
        int64_t last = TIME_NONE;
        if (w->lines[i].place->region_n == 0)
            continue;
        TRY(place_last(lister, w->lines[i].place, w->now_us, &last, err));
        most = last > most ? last : most;
    }
    w->last_us = most;
    return OK;
}

static enum status find_position(struct walk *w, struct err *err)
{
    w->last_us = w->n <= POSITION_FEW ? TIME_NONE : w->now_us;
    if (!w->o.position || w->n > POSITION_FEW)
        return OK;
    w->last = (struct job){.run = find_last, .owner = w};
    w->last_busy = true;
    return pool_put(w->pool, &w->last, w->o.class, err);
}

static void put_lines(struct walk *w, const struct s3_places *places)
{
    size_t each = w->o.in_order ? KEYS_HELD / (places->n ? places->n : 1) : S3_PAGE_KEYS;
    int want = each < KEYS_LEAST ? KEYS_LEAST : each < S3_PAGE_KEYS ? (int)each : S3_PAGE_KEYS;
    for (size_t i = 0; i < places->n; i++) {
        struct s3_place *p = places->v[i];
        if (!is_due(p, &w->o))
            continue;
        struct line *l = &w->lines[w->n++];
        *l = (struct line){.job = {.run = line_run, .owner = w}, .place = p};
        l->want = p->exact ? 1 : want;
        const struct s3_query q = {.prefix = str_from(p->prefix), .by_folder = p->by_folder};
        s3_listing_init(&l->listing, &q);
    }
}

enum status walk_begin(struct walk *w, struct pool *pool, const struct s3_places *places,
                       const struct walk_options *o, int64_t now_us, struct err *err)
{
    *w = (struct walk){.o = *o,
                       .pool = pool,
                       .hour = o->in_order ? WALK_NO_HOUR : INT64_MAX,
                       .first_hour = INT64_MAX,
                       .now_us = now_us};
    buf_init(&w->key, 8 * S3_KEY_MAX);
    size_t n = places->n ? places->n : 1;
    w->lines = calloc(n, sizeof *w->lines);
    w->heap = calloc(n, sizeof(struct line *));
    if (!w->lines || !w->heap) {
        walk_end(w);
        return err_nomem(err);
    }
    put_lines(w, places);
    w->running = true;
    return find_position(w, err);
}

static bool is_earlier(const struct line *a, const struct line *b)
{
    int64_t x = a->entries[a->next].hour, y = b->entries[b->next].hour;
    return x != y ? x < y : a < b;
}

static void sink(struct walk *w, size_t i)
{
    for (;;) {
        size_t least = i, child = 2 * i + 1;
        for (size_t c = child; c < child + 2 && c < w->heap_n; c++)
            if (is_earlier(w->heap[c], w->heap[least]))
                least = c;
        if (least == i)
            return;
        struct line *l = w->heap[i];
        w->heap[i] = w->heap[least];
        w->heap[least] = l;
        i = least;
    }
}

static void push(struct walk *w, struct line *l)
{
    size_t i = w->heap_n++;
    w->heap[i] = l;
    for (; i > 0 && is_earlier(l, w->heap[(i - 1) / 2]); i = (i - 1) / 2) {
        w->heap[i] = w->heap[(i - 1) / 2];
        w->heap[(i - 1) / 2] = l;
    }
}

/* Asks for the line's next page. */
static enum status ask(struct walk *w, struct line *l, struct err *err)
{
    int64_t room = KEYS_HELD - w->held - w->promised;
    if (l->want > room && l->want > KEYS_LEAST)
        l->want = room > KEYS_LEAST ? (int)room : KEYS_LEAST;
    w->promised += l->want;
    w->busy++;
    return pool_put(w->pool, &l->job, w->o.class, err);
}

/* A page that held little, or nothing but one hour: the next may be larger. */
static void grow(struct line *l)
{
    int more = l->want;
    if (l->n * 2 <= (size_t)l->want)
        more = l->want * 2;
    else if (l->entries[0].hour == l->entries[l->n - 1].hour)
        more = l->want * 4;
    l->want = l->place->exact ? 1 : more < S3_PAGE_KEYS ? more : S3_PAGE_KEYS;
}

/* The line is through. */
static void finish(const struct walk *w, struct line *l)
{
    struct s3_place *p = l->place;
    p->pages = l->pages;
    p->known = p->known || w->o.since_us < w->now_us - LIVE_US;
    line_fini(l);
}

enum status walk_take(struct walk *w, struct job *j, struct err *err)
{
    struct line *l = (struct line *)j;
    if (j == &w->last) {
        w->last_busy = false;
        return OK;
    }
    w->busy--;
    w->promised -= l->want;
    w->held += (int64_t)l->n;
    w->archived += l->archived;
    if (l->newest_us > l->place->newest_us)
        l->place->newest_us = l->newest_us;
    grow(l);
    if (l->n > 0)
        push(w, l);
    else if (l->listing.ended)
        finish(w, l);
    else
        return ask(w, l, err);
    return OK;
}

enum status walk_again(struct walk *w, struct job *j, bool anew, struct err *err)
{
    struct line *l = (struct line *)j;
    if (j == &w->last)
        return pool_put(w->pool, j, w->o.class, err);
    if (anew)
        s3_listing_resume(&l->listing);
    line_drop_page(l);
    w->busy--;
    w->promised -= l->want;
    return ask(w, l, err);
}

void walk_drop(struct walk *w, struct job *j)
{
    struct line *l = (struct line *)j;
    if (j == &w->last) {
        w->last_busy = false;
        return;
    }
    w->busy--;
    w->promised -= l->want;
    w->dropped++;
    line_fini(l);
}

struct s3_place *walk_place(const struct walk *w, const struct job *j)
{
    return j == &w->last ? NULL : ((const struct line *)j)->place;
}

/* Asks places that were not yet, as many at a time as is good. */
static enum status begin_lines(struct walk *w, struct err *err)
{
    while (w->begun < w->n && (w->o.in_order || w->busy + w->heap_n < AHEAD)) {
        struct line *l = &w->lines[w->begun++];
        TRY(put_start(w, l, err));
        TRY(ask(w, l, err));
    }
    return OK;
}

static enum status give(struct walk *w, struct walk_object *o, struct err *err)
{
    struct line *l = w->heap[0];
    const struct entry *e = &l->entries[l->next++];
    buf_reset(&w->key);
    buf_append(&w->key, l->place->prefix, e->shared);
    buf_append(&w->key, l->text + e->at, e->n);
    if (buf_status(&w->key) != OK)
        return err_nomem(err);
    *o = (struct walk_object){buf_view(&w->key), e->size, e->modified_us, e->hour};
    w->held--;
    if (l->next == l->n) {
        w->heap[0] = w->heap[--w->heap_n];
        line_drop_page(l);
        if (l->listing.ended)
            finish(w, l);
        else
            TRY(ask(w, l, err));
    }
    sink(w, 0);
    return OK;
}

enum status walk_next(struct walk *w, struct walk_object *o, enum walk_step *step, struct err *err)
{
    TRY(begin_lines(w, err));
    *step = w->busy > 0 || w->last_busy ? WALK_WAITS : WALK_ENDS;
    if (w->heap_n == 0)
        return OK;
    const struct line *first = w->heap[0];
    int64_t hour = first->entries[first->next].hour;
    if (hour > w->hour && w->busy > 0)
        return OK;
    if (hour > w->hour) {
        w->hour = hour;
        w->first_hour = hour < w->first_hour ? hour : w->first_hour;
    }
    *step = WALK_GIVES;
    return give(w, o, err);
}

int64_t walk_position(const struct walk *w)
{
    const int64_t million = 1000000;
    /* last_us is the job's as long as that is on its way. */
    if (!w->running || w->last_busy || w->last_us == TIME_NONE || w->first_hour == INT64_MAX)
        return -1;
    int64_t last_us = w->last_us;
    if (w->o.until_us != TIME_NONE && last_us > w->o.until_us)
        last_us = w->o.until_us;
    int64_t all = (last_us - w->first_hour) / US_PER_SECOND;
    int64_t past = w->hour == WALK_NO_HOUR ? 0 : (w->hour - w->first_hour) / US_PER_SECOND;
    return all <= 0 || past >= all ? million : past < 0 ? 0 : past * million / all;
}
