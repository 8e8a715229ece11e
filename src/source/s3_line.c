/*
 * One place on a walk (s3_walk.c): asking for its next page, and what is kept of that. A page of
 * one place or another lies in memory for a while, so keys are kept without what they share with
 * the place's prefix, in just the room that they take. A page that ends among the bodies of an hour
 * is followed by one behind them: there may be two for each record.
 */
#include "source/s3_internal.h"

#include "source/key.h"

#include <stdlib.h>

/* The greatest text that entries can point into. */
enum { TEXT_MAX = 16 << 20 };

void line_drop_page(struct line *l)
{
    free(l->entries);
    free(l->text);
    l->entries = NULL;
    l->text = NULL;
    l->n = l->next = 0;
}

void line_fini(struct line *l)
{
    line_drop_page(l);
    s3_listing_fini(&l->listing);
    job_fini(&l->job);
}

/* What lies beyond `until` in hours of keys may hold records of before: they are delivered minutes
 * after the call, at times later, and nobody promises that a record's hour is its key's
 * (bedrock-logs facts, 5). So there is an hour more at both ends; reports go by the records. */
static bool is_before(const struct walk *w, int64_t hour)
{
    return w->o.since_us != TIME_NONE && hour <= w->o.since_us - 2 * US_PER_HOUR;
}

static bool is_behind(const struct walk *w, int64_t hour)
{
    return w->o.until_us != TIME_NONE && hour != TIME_NONE && hour - US_PER_HOUR >= w->o.until_us;
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
    if (hour == WALK_NO_HOUR)
        return w->o.modified_since_us == TIME_NONE || o->modified_us >= w->o.modified_since_us;
    return !is_before(w, hour) && !is_behind(w, hour);
}

static size_t shared_part(const struct line *l, struct str key)
{
    const char *prefix = l->place->prefix;
    size_t n = 0;
    while (n < key.n && prefix[n] && prefix[n] == key.p[n])
        n++;
    return n;
}

static void put_entry(struct line *l, struct buf *text, const struct s3_object *o, int64_t hour)
{
    size_t shared = shared_part(l, o->key);
    struct str rest = str_skip(o->key, shared);
    l->entries[l->n++] = (struct entry){.at = (uint32_t)text->n,
                                        .n = (uint16_t)rest.n,
                                        .shared = (uint16_t)shared,
                                        .size = o->size < 0 ? 0 : o->size,
                                        .modified_us = o->modified_us,
                                        .hour = hour};
    buf_str(text, rest);
}

/* Just the room that is needed; what there is stays when there is no other. */
static void *fitted(void *array, size_t bytes)
{
    void *smaller = bytes > 0 ? realloc(array, bytes) : NULL;
    return smaller ? smaller : array;
}

/* What is wanted of the page. */
static enum status keep_page(const struct walk *w, struct line *l, const struct s3_page *page,
                             struct err *err)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    l->entries = page->n > 0 ? malloc(page->n * sizeof *l->entries) : NULL;
    if (page->n > 0 && !l->entries)
        return err_nomem(err);
    for (size_t i = 0; i < page->n; i++) {
        const struct s3_object *o = &page->objects[i];
        int64_t hour = key_facts(o->key).hour_us;
        l->newest_us = hour > l->newest_us ? hour : l->newest_us;
        bool wanted = is_wanted(w, l, o, hour);
        if (wanted && !o->archived)
            put_entry(l, &text, o, hour);
        l->archived += wanted && o->archived;
        if (l->place->region_n > 0 && is_behind(w, hour))
            l->listing.ended = true; /* and all that is behind it */
    }
    l->text = text.p;
    if (buf_status(&text) != OK || l->n == 0) {
        enum status status = buf_status(&text);
        line_drop_page(l);
        return status == OK ? OK : err_nomem(err);
    }
    l->text = fitted(l->text, text.n);
    l->entries = fitted(l->entries, l->n * sizeof *l->entries);
    return OK;
}

/* Behind the bodies that a page ended among. Their names are hexadecimal, so nothing but other
 * names than Bedrock's could stand behind "~", and is listed then. */
static enum status pass_bodies(struct line *l, struct str last, struct err *err)
{
    char room[4 * S3_KEY_MAX + 2];
    struct key_facts facts = key_facts(last);
    if (!facts.is_body || facts.account.n == 0)
        return OK;
    struct buf behind;
    buf_on(&behind, room, sizeof room);
    size_t n = last.n;
    while (n > 0 && last.p[n - 1] != '/')
        n--;
    buf_str(&behind, str_of(last.p, n));
    buf_char(&behind, '~');
    if (buf_status(&behind) != OK)
        return OK;
    return str_cmp(buf_view(&behind), last) > 0
               ? s3_listing_jump(&l->listing, buf_view(&behind), err)
               : OK;
}

enum status line_run(struct job *j, struct lister *lister, struct err *err)
{
    struct line *l = (struct line *)j;
    const struct s3_page *page = &lister->page;
    l->archived = 0;
    l->listing.query.max_keys = l->want;
    TRY(lister_page(lister, &l->listing, err));
    l->pages++;
    TRY(keep_page(j->owner, l, page, err));
    if (l->place->exact)
        l->listing.ended = true;
    if (!l->listing.ended && page->n > 0)
        TRY(pass_bodies(l, page->objects[page->n - 1].key, err));
    return OK;
}
