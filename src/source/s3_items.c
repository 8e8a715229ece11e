/*
 * Items of the S3 source (s3.h) between their naming and their end: what was named lately, what is
 * with the readers, and what waits to be named again.
 */
#include "source/s3_internal.h"

#include "base/queue.h"

#include <stdlib.h>

enum {
    WAITING_MAX = 10000, /* items that wait to be named again */
    PASS_TRIES = 3,      /* of an item whose reading failed half-way, where the source ends */
    GONE_TRIES = 1,      /* of what is not there: some servers list what they do not have yet */
};

static uint64_t hash_of(const struct s3_source *s, const char *name, int64_t size,
                        int64_t modified_us)
{
    uint64_t hash = hash64(s->key, name, strlen(name));
    return hash_mix(hash_mix(hash, (uint64_t)size), (uint64_t)modified_us) | 1;
}

/* Where the hash is, or may be put: near its place, free if possible. */
static uint64_t *slot_of(const struct lately *l, uint64_t hash)
{
    enum { NEAR = 16 };
    uint64_t *home = &l->slots[(hash >> 32) & (l->cap - 1)], *open = NULL;
    for (size_t i = 0; i < NEAR; i++) {
        uint64_t *slot = &l->slots[((hash >> 32) + i) & (l->cap - 1)];
        if (*slot == hash)
            return slot;
        open = open || *slot ? open : slot;
    }
    return open ? open : home;
}

/* Twice the room, while it is of use and there is memory. */
static void grow(struct lately *l, size_t most)
{
    struct lately bigger = {.cap = l->cap * 2, .most = l->most};
    if (l->used * 2 < l->cap || bigger.cap > most)
        return;
    bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
    if (!bigger.slots)
        return;
    for (size_t i = 0; i < l->cap; i++) {
        uint64_t *slot = l->slots[i] ? slot_of(&bigger, l->slots[i]) : NULL;
        if (slot) {
            bigger.used += *slot == 0;
            *slot = l->slots[i];
        }
    }
    free(l->slots);
    *l = bigger;
}

/* What lies in the last hours, or has no hour, is listed again and again; the rest once a day: that
 * is remembered only as far as it takes little room. */
static bool is_recent(const struct s3_source *s, int64_t hour_us)
{
    int64_t now = aws_client_now_us(s->clock);
    return hour_us == WALK_NO_HOUR || hour_us > now - s->window_us - 2 * US_PER_HOUR;
}

/* True when this version was named before, as far as that is remembered; it is remembered now. */
static bool named_lately(struct s3_source *s, const char *name, const struct walk_object *o)
{
    struct lately *l = &s->lately;
    if (!l->slots)
        return false;
    uint64_t hash = hash_of(s, name, o->size, o->modified_us);
    bool recent = is_recent(s, o->hour_us);
    pthread_mutex_lock(&s->lock);
    grow(l, recent || l->most < LATELY_OLD ? l->most : LATELY_OLD);
    uint64_t *slot = slot_of(l, hash);
    bool named = *slot == hash;
    if (recent || *slot == 0) {
        l->used += *slot == 0;
        *slot = hash;
    }
    pthread_mutex_unlock(&s->lock);
    return named;
}

static void forget(struct s3_source *s, const struct ticket *t)
{
    uint64_t hash = hash_of(s, t->name, t->size, t->modified_us);
    pthread_mutex_lock(&s->lock);
    uint64_t *slot = s->lately.slots ? slot_of(&s->lately, hash) : NULL;
    if (slot && *slot == hash) {
        *slot = 0;
        s->lately.used--;
    }
    pthread_mutex_unlock(&s->lock);
}

static void give(struct s3_source *s, const char *name, struct ticket *t, int64_t size,
                 int64_t modified_us, struct source_item *item)
{
    *item = (struct source_item){
        .name = name, .size = size, .mtime_ns = modified_us * 1000, .ticket = t};
    item->again = t && t->again;
    if (t) {
        pthread_mutex_lock(&s->lock);
        s->out_n++;
        t->back = NULL;
        t->next = s->out;
        if (s->out)
            s->out->back = t;
        s->out = t;
        pthread_mutex_unlock(&s->lock);
    }
    s->named++;
    gauge_named(&s->gauge);
}

/* The first that is due; what is not is looked at again when the first of it is. */
static struct ticket *take_due(struct s3_source *s, int64_t now)
{
    if (now < s->waiting_due_us)
        return NULL;
    s->waiting_due_us = INT64_MAX;
    for (struct ticket **at = &s->waiting; *at; at = &(*at)->next) {
        struct ticket *t = *at;
        if (t->due_us <= now) {
            *at = t->next;
            s->waiting_n--;
            s->waiting_due_us = now;
            return t;
        }
        s->waiting_due_us = t->due_us < s->waiting_due_us ? t->due_us : s->waiting_due_us;
    }
    return NULL;
}

bool items_again(struct s3_source *s, struct source_item *item)
{
    int64_t now = aws_client_now_us(s->clock);
    pthread_mutex_lock(&s->lock);
    struct ticket *t = take_due(s, now);
    pthread_mutex_unlock(&s->lock);
    if (t)
        give(s, t->name, t, t->size, t->modified_us, item);
    return t != NULL;
}

enum status items_give(struct s3_source *s, const struct walk_object *o, struct source_item *item,
                       struct err *err)
{
    buf_reset(&s->name);
    buf_printf(&s->name, "s3://%s/", s3_bucket_name(s->bucket).p);
    buf_append(&s->name, o->key.p, o->key.n);
    buf_char(&s->name, '\0');
    if (buf_status(&s->name) != OK)
        return err_nomem(err);
    if (named_lately(s, s->name.p, o))
        return OK;
    struct ticket *t = NULL;
    /* Without versions nobody keeps what is read, and reading it again would count it twice. */
    if (s->watch.versions) {
        t = calloc(1, sizeof *t + s->name.n);
        if (!t)
            return err_nomem(err);
        t->size = o->size;
        t->modified_us = o->modified_us;
        memcpy(t->name, s->name.p, s->name.n);
    }
    give(s, s->name.p, t, o->size, o->modified_us, item);
    return OK;
}

/* When an item is to be named again; TIME_NONE: not. */
static int64_t due_at(struct s3_source *s, struct ticket *t, enum source_outcome outcome)
{
    int64_t now = aws_client_now_us(s->clock);
    if (outcome == SOURCE_KEPT || outcome == SOURCE_KNOWN)
        return TIME_NONE;
    if (outcome == SOURCE_AGAIN)
        return s->poll_us ? source_body_due_long(t->modified_us, now)
                          : source_body_due(t->modified_us, now);
    int tries = t->tries++;
    if (atomic_load(&t->archived) || (atomic_load(&t->gone) && tries >= GONE_TRIES))
        return TIME_NONE;
    if (!s->poll_us && (atomic_load(&t->unopened) || tries >= PASS_TRIES))
        return TIME_NONE;
    int64_t pause_s = INT64_C(2) << (2 * (tries < 6 ? tries : 6));
    return now + (pause_s < 3600 ? pause_s : 3600) * US_PER_SECOND;
}

void s3_done(struct source *base, void *ticket, enum source_outcome outcome)
{
    struct s3_source *s = (struct s3_source *)base;
    struct ticket *t = ticket;
    gauge_done(&s->gauge, outcome, t->size, t->modified_us);
    if (!atomic_exchange(&t->begun, false))
        atomic_fetch_add(&s->begun, 1);
    int64_t due = due_at(s, t, outcome);
    pthread_mutex_lock(&s->lock);
    s->out_n--;
    *(t->back ? &t->back->next : &s->out) = t->next;
    if (t->next)
        t->next->back = t->back;
    bool waits = due != TIME_NONE && s->waiting_n < WAITING_MAX && !atomic_load(&s->stopped);
    if (waits) {
        t->due_us = due;
        t->again = t->again || outcome == SOURCE_AGAIN; /* whatever fails later */
        s->waiting_due_us = due < s->waiting_due_us ? due : s->waiting_due_us;
        t->next = s->waiting;
        s->waiting = t;
        s->waiting_n++;
    }
    s->events++;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    /* A walk may find it again; for a body of long ago, that would be too often. */
    bool soon = due != TIME_NONE && due < aws_client_now_us(s->clock) + US_PER_HOUR;
    if (!waits && soon)
        atomic_store(&s->left_out, true);
    /* A later sweep may find room, or what was archived restored. */
    if (!waits && (soon || atomic_load(&t->archived)))
        forget(s, t);
    if (!waits)
        free(t);
}

void s3_wait(struct source *base, int64_t ms)
{
    struct s3_source *s = (struct s3_source *)base;
    int64_t until = queue_deadline(ms);
    pthread_mutex_lock(&s->lock);
    if (!atomic_load(&s->stopped) && s->events == s->events_seen)
        queue_wait(&s->wake, &s->lock, until);
    pthread_mutex_unlock(&s->lock);
}

void s3_wake(struct s3_source *s)
{
    pthread_mutex_lock(&s->lock);
    s->events++;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}
