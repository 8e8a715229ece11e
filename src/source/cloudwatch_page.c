/*
 * Pages of events: which are new, what is promised with them, and what becomes of them when they
 * come back from the store. A page holds its bytes until then, so that it can be named again.
 */
#include "source/cloudwatch_internal.h"

#include <stdlib.h>

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t cloudwatch_overlap(const struct cloudwatch *s)
{
    return s->o.overlap_ms > 0 ? s->o.overlap_ms : OVERLAP_MS;
}

void cloudwatch_raise(struct cloudwatch *s, struct group *g, int64_t ms)
{
    pthread_mutex_lock(&s->lock);
    if (g->last)
        g->last->upto_ms = max_of(g->last->upto_ms, ms);
    else
        g->known_ms = max_of(g->known_ms, ms);
    pthread_mutex_unlock(&s->lock);
}

static uint64_t hash_event(const struct cloudwatch *s, const struct logs_event *e)
{
    struct str what = e->id.n > 0 ? e->id : e->raw;
    return hash64(s->key, what.p, what.n);
}

/* The times of a page's events become part of what is known of the pass. */
static int64_t note_times(struct group *g, const struct logs_page *page)
{
    int64_t newest = 0;
    for (size_t i = 0; i < page->events_n; i++) {
        int64_t t = page->events[i].time_ms;
        if (t < 0)
            continue;
        g->in_order &= t >= g->newest_ms;
        g->oldest_ms = g->newest_ms ? g->oldest_ms : t;
        g->newest_ms = max_of(g->newest_ms, t);
        newest = max_of(newest, t);
    }
    return newest;
}

/* Into body the page without the events that were handed on before; *fresh says how many it has.
 * From here on they count as handed on. */
static enum status without_known(struct cloudwatch *s, struct group *g,
                                 const struct logs_page *page, struct buf *body, size_t *fresh,
                                 struct err *err)
{
    /* From there on it may be asked for again, by the next thorough pass. */
    int64_t in_order_ms = g->thorough && g->in_order ? g->newest_ms : 0;
    int64_t keep_from = max_of(g->covered_ms, in_order_ms) - cloudwatch_overlap(s);
    *fresh = 0;
    buf_str(body, STR("{\"events\":["));
    for (size_t i = 0; i < page->events_n; i++) {
        const struct logs_event *e = &page->events[i];
        uint64_t hash = hash_event(s, e);
        if (seen_has(&g->seen, hash))
            continue;
        TRY(seen_add(&g->seen, hash, e->time_ms, keep_from, err));
        if ((*fresh)++ > 0)
            buf_char(body, ',');
        buf_str(body, e->raw);
    }
    buf_str(body, STR("]}"));
    if (*fresh == page->events_n) {
        buf_reset(body);
        buf_str(body, page->body);
    }
    return buf_status(body) == OK ? OK : err_nomem(err);
}

/* Names a page: it is the group's last one now. */
static enum status name_page(struct cloudwatch *s, struct group *g, struct buf *body,
                             int64_t newest_ms, struct source_item *item, struct err *err)
{
    struct page *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(err);
    p->group = g;
    p->body = *body;
    *body = (struct buf){0};
    p->newest_ms = newest_ms;
    p->upto_ms = g->in_order ? cloudwatch_promise(g, g->newest_ms) : 0;
    pthread_mutex_lock(&s->lock);
    *(g->last ? &g->last->next : &g->first) = p;
    g->last = p;
    s->held += p->body.n;
    s->held_pages++;
    pthread_mutex_unlock(&s->lock);
    item->ticket = p;
    item->name = g->name;
    return OK;
}

enum status cloudwatch_name_page(struct cloudwatch *s, struct group *g,
                                 const struct logs_page *page, struct source_item *item,
                                 struct err *err)
{
    enum { PAGE_MAX = 64 << 20 };
    struct buf body;
    size_t fresh = 0;
    int64_t newest = note_times(g, page);
    buf_init(&body, PAGE_MAX);
    enum status status = without_known(s, g, page, &body, &fresh, err);
    if (status == OK && fresh > 0)
        status = name_page(s, g, &body, newest, item, err);
    buf_fini(&body);
    if (status == OK && g->in_order && fresh == 0)
        cloudwatch_raise(s, g, cloudwatch_promise(g, g->newest_ms));
    return status;
}

/* When a page that was not kept is to be named again, in microseconds from now; -1: never. */
static int64_t again_after_us(const struct cloudwatch *s, const struct page *p)
{
    static const int pause_s[] = {5, 15, 30, 60};
    enum { PAUSES = sizeof pause_s / sizeof pause_s[0], TRIES_MAX = 30 };
    int64_t age_ms = aws_client_now_us(s->client) / 1000 - p->newest_ms;
    /* Of a busy group whose bodies never come, pages that wait must not hold up new ones. */
    bool crowded = s->held > HELD_MAX / 2 || s->held_pages > HELD_PAGES / 2;
    if (p->outcome == SOURCE_AGAIN && crowded && p->tries > 0)
        return -1;
    if (p->outcome == SOURCE_KEPT || p->outcome == SOURCE_KNOWN || p->tries >= TRIES_MAX ||
        (p->outcome == SOURCE_AGAIN && (age_ms > AGAIN_MAX_MS || p->tries >= PAUSES)))
        return -1;
    return pause_s[p->tries < PAUSES ? p->tries : PAUSES - 1] * US_PER_SECOND;
}

static void drop_body(struct cloudwatch *s, struct page *p)
{
    s->held -= p->body.n;
    s->held_pages--;
    buf_fini(&p->body);
}

static void settle_page(struct cloudwatch *s, struct page *p)
{
    int64_t after = again_after_us(s, p);
    p->state = after < 0 ? PAGE_KEPT : s->o.follow ? PAGE_WAITS : PAGE_LEFT;
    if (p->state == PAGE_WAITS) {
        p->due_us = clock_monotonic_us() + after;
        p->tries++;
        return;
    }
    drop_body(s, p);
}

bool cloudwatch_has_pending(const struct group *g)
{
    for (const struct page *p = g->first; p; p = p->next)
        if (p->state != PAGE_LEFT && p->state != PAGE_KEPT)
            return true;
    return false;
}

void cloudwatch_settle(struct cloudwatch *s, struct group *g)
{
    for (struct page *p = g->first; p; p = p->next)
        if (p->state == PAGE_RETURNED)
            settle_page(s, p);
    while (g->first && g->first->state == PAGE_KEPT) {
        struct page *p = g->first;
        g->first = p->next;
        g->known_ms = max_of(g->known_ms, p->upto_ms);
        free(p);
    }
    if (!g->first)
        g->last = NULL;
}
