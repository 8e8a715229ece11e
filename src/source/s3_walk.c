/*
 * Objects of all places in the order of time: see s3_internal.h. Each place is a line, listed flat;
 * keys of one account and Region come in the order of their hours, so lines are merged hour by
 * hour. A line holds what is left of one page. A page that ends among the bodies of an hour is
 * followed by one behind them: there may be two for each record.
 */
#include "source/s3_internal.h"

#include "source/key.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    KEYS_HELD = 65536, /* of all lines together, about */
    KEYS_LEAST = 50,   /* in a page nevertheless */
    QUICK_PAGES = 4,   /* a place outside the layout with more is not listed again and again */
    TEXT_MAX = 16 << 20,
};

struct entry {
    uint32_t at, n; /* of the line's text */
    int64_t size, modified_us, hour;
};

struct line {
    struct s3_place *place;
    struct s3_listing listing;
    struct buf text, from; /* keys; where the listing starts */
    struct entry *entries;
    size_t n, cap, next;
    int pages;
};

/* What comes before all hours. */
#define HOUR_NONE INT64_MIN

static void line_fini(struct line *l)
{
    s3_listing_fini(&l->listing);
    buf_fini(&l->text);
    buf_fini(&l->from);
    free(l->entries);
}

void walk_end(struct walk *w)
{
    for (size_t i = 0; i < w->n; i++)
        line_fini(&w->lines[i]);
    free(w->lines);
    w->lines = NULL;
    w->n = 0;
    w->running = false;
    buf_fini(&w->text);
}

/* ".../us-east-1/2026/10/05/13": what is behind that is not before the hour. */
static void put_start(struct line *l, int64_t since_us)
{
    const struct s3_place *p = l->place;
    if (p->region_n == 0 || since_us == TIME_NONE || since_us < 0)
        return;
    struct civil c = civil_from_us(since_us);
    buf_append(&l->from, p->prefix, p->region_n);
    buf_printf(&l->from, "%04d/%02d/%02d/%02d", (int)c.year, c.month, c.day, c.hour);
}

static enum status line_init(struct walk *w, struct line *l, struct s3_place *place, int max_keys,
                             struct err *err)
{
    *l = (struct line){.place = place};
    buf_init(&l->text, TEXT_MAX);
    buf_init(&l->from, 4 * S3_KEY_MAX);
    put_start(l, w->since_us);
    if (buf_status(&l->from) != OK)
        return err_set(err, buf_status(&l->from), "a prefix that is too long");
    const struct s3_query q = {.prefix = str_from(place->prefix),
                               .start_after = buf_view(&l->from),
                               .by_folder = place->by_folder,
                               .max_keys = place->exact ? 1 : max_keys};
    s3_listing_init(&l->listing, &q);
    return OK;
}

/* The end of the last day of all, for the position: a few requests, so only where places are few.
 */
static enum status find_last(struct walk *w, struct err *err)
{
    enum { FEW = 4 };
    w->last_us = w->n <= FEW ? TIME_NONE : clock_now_us();
    for (size_t i = 0; i < w->n && w->n <= FEW; i++) {
        int64_t last = TIME_NONE;
        if (w->lines[i].place->region_n == 0)
            continue;
        enum status status = place_last(w->lister, w->lines[i].place, &last, err);
        if (status == ERR_NOMEM || status == ERR_INTERRUPTED)
            return status;
        w->last_us = last > w->last_us ? last : w->last_us;
    }
    if (w->until_us != TIME_NONE && w->last_us > w->until_us)
        w->last_us = w->until_us;
    return OK;
}

enum status walk_begin(struct walk *w, struct lister *l, struct s3_places *places, int64_t since_us,
                       int64_t until_us, int64_t modified_since_us, bool quick, struct err *err)
{
    walk_end(w);
    *w = (struct walk){.lister = l,
                       .places = places,
                       .hour = HOUR_NONE,
                       .next_hour = INT64_MAX,
                       .first_hour = INT64_MAX,
                       .last_us = TIME_NONE,
                       .since_us = since_us,
                       .until_us = until_us,
                       .modified_since_us = modified_since_us};
    buf_init(&w->text, TEXT_MAX);
    w->lines = calloc(places->n ? places->n : 1, sizeof *w->lines);
    if (!w->lines)
        return err_nomem(err);
    size_t each = KEYS_HELD / (places->n ? places->n : 1);
    int max_keys = each < KEYS_LEAST ? KEYS_LEAST : each < S3_PAGE_KEYS ? (int)each : S3_PAGE_KEYS;
    enum status status = OK;
    for (size_t i = 0; i < places->n && status == OK; i++) {
        struct s3_place *p = &places->v[i];
        if (quick && p->region_n == 0 && p->pages > QUICK_PAGES)
            continue;
        status = line_init(w, &w->lines[w->n++], p, max_keys, err);
    }
    if (status == OK && !quick)
        status = find_last(w, err);
    if (status != OK)
        walk_end(w);
    w->running = status == OK;
    return status;
}

static bool is_wanted(const struct walk *w, const struct line *l, const struct s3_object *o,
                      int64_t hour)
{
    struct str key = o->key;
    if (key.n == 0 || o->size == 0 || key.p[key.n - 1] == '/' || key.n > 4 * S3_KEY_MAX ||
        memchr(key.p, 0, key.n) || !key_is_record(key))
        return false;
    if (l->place->exact && !str_eq(key, str_from(l->place->prefix)))
        return false;
    if (hour == HOUR_NONE)
        return w->modified_since_us == TIME_NONE || o->modified_us >= w->modified_since_us;
    return (w->since_us == TIME_NONE || hour > w->since_us - US_PER_HOUR) &&
           (w->until_us == TIME_NONE || hour < w->until_us);
}

static enum status put_entry(struct line *l, const struct s3_object *o, int64_t hour,
                             struct err *err)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        struct entry *bigger = realloc(l->entries, cap * sizeof *bigger);
        if (!bigger)
            return err_nomem(err);
        l->entries = bigger;
        l->cap = cap;
    }
    l->entries[l->n++] = (struct entry){(uint32_t)l->text.n, (uint32_t)o->key.n,
                                        o->size < 0 ? 0 : o->size, o->modified_us, hour};
    buf_str(&l->text, o->key);
    return buf_status(&l->text) == OK ? OK : err_nomem(err);
}

/* Behind the bodies that a page ended among. Their names are hexadecimal, so nothing but other
 * names than Bedrock's could stand behind "~", and is listed then. */
static enum status pass_bodies(struct walk *w, struct line *l, struct str last, struct err *err)
{
    struct key_facts facts = key_facts(last);
    if (!facts.is_body || facts.account.n == 0)
        return OK;
    size_t n = last.n;
    while (n > 0 && last.p[n - 1] != '/')
        n--;
    buf_reset(&w->text);
    buf_str(&w->text, str_of(last.p, n));
    buf_char(&w->text, '~');
    if (buf_status(&w->text) != OK)
        return err_nomem(err);
    return str_cmp(buf_view(&w->text), last) > 0
               ? s3_listing_jump(&l->listing, buf_view(&w->text), err)
               : OK;
}

static enum status fill(struct walk *w, struct line *l, struct err *err)
{
    const struct s3_page *page = &w->lister->page;
    l->n = l->next = 0;
    buf_reset(&l->text);
    TRY(lister_page(w->lister, &l->listing, err));
    l->pages++;
    for (size_t i = 0; i < page->n; i++) {
        int64_t hour = key_facts(page->objects[i].key).hour_us;
        if (is_wanted(w, l, &page->objects[i], hour))
            TRY(put_entry(l, &page->objects[i], hour, err));
        else if (l->place->region_n > 0 && w->until_us != TIME_NONE && hour != TIME_NONE &&
                 hour >= w->until_us)
            l->listing.ended = true; /* and all that is behind it */
    }
    if (l->place->exact)
        l->listing.ended = true;
    if (l->listing.ended)
        l->place->pages = l->pages;
    if (!l->listing.ended && page->n > 0)
        TRY(pass_bodies(w, l, page->objects[page->n - 1].key, err));
    return OK;
}

enum status walk_next(struct walk *w, struct walk_object *o, bool *more, struct err *err)
{
    *more = true;
    for (;;) {
        if (w->at == w->n) {
            if (w->next_hour == INT64_MAX)
                break;
            w->hour = w->next_hour;
            w->next_hour = INT64_MAX;
            w->at = 0;
            continue;
        }
        struct line *l = &w->lines[w->at];
        while (l->next == l->n && !l->listing.ended && !atomic_load(w->lister->stop))
            TRY(fill(w, l, err));
        if (l->next == l->n) {
            w->at++;
            continue;
        }
        const struct entry *e = &l->entries[l->next];
        if (e->hour <= w->hour) {
            *o = (struct walk_object){str_of(l->text.p + e->at, e->n), e->size, e->modified_us};
            l->next++;
            return OK;
        }
        w->next_hour = e->hour < w->next_hour ? e->hour : w->next_hour;
        w->first_hour = e->hour < w->first_hour ? e->hour : w->first_hour;
        w->at++;
    }
    *more = false;
    walk_end(w);
    return OK;
}

const char *walk_place(const struct walk *w)
{
    return w->at < w->n ? w->lines[w->at].place->prefix : "";
}

void walk_drop(struct walk *w)
{
    if (w->at < w->n) {
        w->lines[w->at].listing.ended = true;
        w->lines[w->at].n = w->lines[w->at].next = 0;
    }
}

int64_t walk_position(const struct walk *w)
{
    const int64_t million = 1000000;
    if (!w->running || w->last_us == TIME_NONE || w->first_hour == INT64_MAX)
        return -1;
    int64_t all = (w->last_us - w->first_hour) / US_PER_SECOND;
    int64_t past = w->hour == HOUR_NONE ? 0 : (w->hour - w->first_hour) / US_PER_SECOND;
    return all <= 0 || past >= all ? million : past < 0 ? 0 : past * million / all;
}
