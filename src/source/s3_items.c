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
};

static uint64_t hash_of(const struct s3_source *s, const char *name, int64_t size,
                        int64_t modified_us)
{
    uint64_t hash = hash64(s->key, name, strlen(name));
    return hash_mix(hash_mix(hash, (uint64_t)size), (uint64_t)modified_us) | 1;
}

/* True when this version was named before, as far as that is remembered; it is remembered now. */
static bool named_lately(struct s3_source *s, const char *name, int64_t size, int64_t modified_us)
{
    if (!s->lately)
        return false;
    uint64_t hash = hash_of(s, name, size, modified_us);
    return atomic_exchange(&s->lately[(hash >> 32) % S3_LATELY], hash) == hash;
}

static void forget(struct s3_source *s, const struct ticket *t)
{
    if (!s->lately)
        return;
    uint64_t hash = hash_of(s, t->name, t->size, t->modified_us);
    atomic_compare_exchange_strong(&s->lately[(hash >> 32) % S3_LATELY], &hash, 0);
}

static void give(struct s3_source *s, const char *name, struct ticket *t, int64_t size,
                 int64_t modified_us, struct source_item *item)
{
    *item = (struct source_item){
        .name = name, .size = size, .mtime_ns = modified_us * 1000, .ticket = t};
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

bool items_again(struct s3_source *s, struct source_item *item)
{
    int64_t now = aws_client_now_us(s->lister.client);
    pthread_mutex_lock(&s->lock);
    struct ticket **at = &s->waiting, *t = NULL;
    while (*at && (*at)->due_us > now)
        at = &(*at)->next;
    if (*at) {
        t = *at;
        *at = t->next;
        s->waiting_n--;
    }
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
    if (named_lately(s, s->name.p, o->size, o->modified_us))
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
    int64_t now = aws_client_now_us(s->lister.client);
    if (outcome == SOURCE_KEPT || outcome == SOURCE_KNOWN)
        return TIME_NONE;
    if (outcome == SOURCE_AGAIN)
        return source_body_due(t->modified_us, now);
    int tries = t->tries++;
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
        t->next = s->waiting;
        s->waiting = t;
        s->waiting_n++;
    }
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (!waits && due != TIME_NONE)
        forget(s, t);
    if (!waits)
        free(t);
}

void s3_wait(struct source *base, int64_t ms)
{
    struct s3_source *s = (struct s3_source *)base;
    struct timespec until = queue_deadline(ms);
    pthread_mutex_lock(&s->lock);
    if (!atomic_load(&s->stopped))
        pthread_cond_timedwait(&s->wake, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}
