/*
 * The S3 source: see s3.h. Here is its schedule: which way through the bucket is gone when, and
 * what becomes of items that are handed back.
 */
#include "source/s3_internal.h"

#include "base/queue.h"
#include "source/key.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LATELY = 1 << 20,    /* names that a source without an end remembers, 8 bytes each */
    WAITING_MAX = 10000, /* items that wait to be named again */
    PASS_TRIES = 3,      /* of an item whose reading failed half-way, where the source ends */
    QUICK_HOURS = 2,
    ANEW_AFTER = 3, /* failures of a listing in a row */
};
#define WINDOW_EVERY_US (10 * 60 * US_PER_SECOND)

static struct s3_source *of(struct source *s)
{
    return (struct s3_source *)s;
}

static void tell(struct s3_source *s, const char *prefix, const struct err *why)
{
    char name[1400];
    if (!gauge_failure(&s->gauge, why->text) && s->poll_us)
        return;
    snprintf(name, sizeof name, "s3://%s/%s", s3_bucket_name(s->bucket).p, prefix);
    s->watch.problem(s->watch.ctx, name, why->text);
}

static void refused(void *ctx, const char *prefix, const struct err *why)
{
    tell(ctx, prefix, why);
}

static enum status begin(struct source *base, const struct source_watch *watch, struct err *err)
{
    struct s3_source *s = of(base);
    s->watch = *watch;
    TRY(s3_client_new(s, &s->lister.client, err));
    if (s->poll_us) {
        s->lately = calloc(LATELY, sizeof *s->lately);
        if (!s->lately)
            return err_nomem(err);
    }
    return OK;
}

static int64_t not_before(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Begins what is due, longest first. False: nothing is. */
static enum status begin_due(struct s3_source *s, bool *begun, struct err *err)
{
    int64_t mono = clock_monotonic_us(), now = aws_client_now_us(s->lister.client);
    bool sweep = mono >= s->sweep_at, window = mono >= s->window_at;
    *begun = true;
    if (!s->slow.running && (sweep || window)) {
        TRY(places_find(&s->lister, str_from(s->root), refused, s, &s->places, err));
        gauge_success(&s->gauge);
        if (!s->places.any && !s->poll_us) {
            const struct err nothing = {.text = "there are no objects here"};
            s->watch.problem(s->watch.ctx, s->shown, nothing.text);
        }
        walk_end(&s->quick); /* its places are gone */
        int64_t since = sweep ? s->since_us : not_before(s->since_us, now - s->window_us);
        TRY(walk_begin(&s->slow, &s->lister, &s->places, since, s->until_us, s->since_us, false,
                       err));
        if (sweep)
            s->sweep_at = mono + s->sweep_us;
        s->window_at = mono + WINDOW_EVERY_US;
        s->poll_at = mono + s->poll_us;
        s->found = true;
        return OK;
    }
    if (s->poll_us && s->found && !s->quick.running && mono >= s->poll_at) {
        s->poll_at = mono + s->poll_us;
        return walk_begin(&s->quick, &s->lister, &s->places,
                          not_before(s->since_us, now - QUICK_HOURS * US_PER_HOUR), s->until_us,
                          s->since_us, true, err);
    }
    *begun = false;
    return OK;
}

/* True when this version was named before, as far as that is remembered; it is remembered now. */
static bool named_lately(struct s3_source *s, const char *name, int64_t size, int64_t modified_us)
{
    if (!s->lately)
        return false;
    uint64_t hash = hash64(s->key, name, strlen(name));
    hash = hash_mix(hash_mix(hash, (uint64_t)size), (uint64_t)modified_us) | 1;
    uint64_t *place = &s->lately[(hash >> 32) % LATELY];
    bool known = *place == hash;
    *place = hash;
    return known;
}

static void forget(struct s3_source *s, const struct ticket *t)
{
    if (!s->lately)
        return;
    uint64_t hash = hash64(s->key, t->name, strlen(t->name));
    hash = hash_mix(hash_mix(hash, (uint64_t)t->size), (uint64_t)t->modified_us) | 1;
    uint64_t *place = &s->lately[(hash >> 32) % LATELY];
    if (*place == hash)
        *place = 0;
}

/* Both under the lock. */
static void keep_ticket(struct s3_source *s, struct ticket *t)
{
    t->older = s->newest;
    if (t->older)
        t->older->newer = t;
    s->newest = t;
}

static void drop_ticket(struct s3_source *s, struct ticket *t)
{
    if (t->newer)
        t->newer->older = t->older;
    else
        s->newest = t->older;
    if (t->older)
        t->older->newer = t->newer;
}

static void give(struct s3_source *s, const char *name, struct ticket *t, int64_t size,
                 int64_t modified_us, struct source_item *item)
{
    *item = (struct source_item){
        .name = name, .size = size, .mtime_ns = modified_us * 1000, .ticket = t};
    if (t) {
        pthread_mutex_lock(&s->lock);
        s->out_n++;
        pthread_mutex_unlock(&s->lock);
    }
    gauge_named(&s->gauge);
}

/* An item that waited long enough to be named again. */
static bool give_again(struct s3_source *s, struct source_item *item)
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

static enum status give_object(struct s3_source *s, const struct walk_object *o,
                               struct source_item *item, struct err *err)
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
        pthread_mutex_lock(&s->lock);
        keep_ticket(s, t);
        pthread_mutex_unlock(&s->lock);
    }
    give(s, s->name.p, t, o->size, o->modified_us, item);
    return OK;
}

/* After a failure of the listing: told, and what of it can go on goes on. */
static enum status after_failure(struct s3_source *s, struct walk *w, enum status status,
                                 struct err *why, struct err *err)
{
    const int64_t most_us = 300 * US_PER_SECOND;
    if (atomic_load(&s->stopped))
        return OK;
    if (status == ERR_NOMEM || status == ERR_INTERRUPTED) {
        if (err)
            *err = *why;
        return status;
    }
    bool here_only = status == ERR_ACCESS || status == ERR_PARSE || status == ERR_LIMIT;
    tell(s, w ? walk_place(w) : s->root, why);
    if (w && here_only) {
        walk_drop(w);
    } else if (!s->poll_us) {
        s->ended = true;
    } else {
        /* The token of a listing may be too old by now: it begins anew. */
        if (w && s->failures >= ANEW_AFTER) {
            s->sweep_at = w == &s->slow ? 0 : s->sweep_at;
            walk_end(w);
        }
        int64_t pause = 5 * US_PER_SECOND << (s->failures < 6 ? s->failures : 6);
        s->failures++;
        s->again_at = clock_monotonic_us() + (pause < most_us ? pause : most_us);
    }
    return OK;
}

/* The next object of the ways that are being gone; *idle: there is none to go. */
static enum status step(struct s3_source *s, struct source_item *item, bool *idle, struct err *err)
{
    struct err why = {0};
    struct walk_object o;
    bool more = true, begun = false;
    *idle = false;
    if (clock_monotonic_us() < s->again_at) {
        *idle = true;
        return OK;
    }
    enum status status = begin_due(s, &begun, &why);
    if (status != OK)
        return after_failure(s, NULL, status, &why, err);
    struct walk *w = s->quick.running ? &s->quick : s->slow.running ? &s->slow : NULL;
    if (!w) {
        *idle = !begun;
        return OK;
    }
    status = walk_next(w, &o, &more, &why);
    if (status != OK)
        return after_failure(s, w, status, &why, err);
    s->failures = 0;
    if (more)
        return give_object(s, &o, item, err);
    gauge_success(&s->gauge);
    s->ended = !s->poll_us;
    return OK;
}

static enum status next(struct source *base, struct source_item *item, bool *more, struct err *err)
{
    struct s3_source *s = of(base);
    *item = (struct source_item){.name = NULL};
    *more = true;
    for (bool idle = false; !idle && !item->name && !atomic_load(&s->stopped);) {
        if (give_again(s, item))
            return OK;
        idle = s->ended;
        if (!s->ended)
            TRY(step(s, item, &idle, err));
    }
    if (item->name)
        return OK;
    pthread_mutex_lock(&s->lock);
    *more = !atomic_load(&s->stopped) && (!s->ended || s->out_n > 0 || s->waiting_n > 0);
    pthread_mutex_unlock(&s->lock);
    return OK;
}

static int64_t position(struct source *base, bool *estimated, int64_t *bytes)
{
    const struct s3_source *s = of(base);
    *estimated = true;
    *bytes = 0;
    return s->ended ? 1000000 : walk_position(&s->slow);
}

static void wait_some(struct source *base, int64_t ms)
{
    struct s3_source *s = of(base);
    struct timespec until = queue_deadline(ms);
    pthread_mutex_lock(&s->lock);
    if (!atomic_load(&s->stopped))
        pthread_cond_timedwait(&s->wake, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

static void stop(struct source *base)
{
    struct s3_source *s = of(base);
    pthread_mutex_lock(&s->lock);
    atomic_store(&s->stopped, true);
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

/* When an item is to be named again; TIME_NONE: not. */
static int64_t due_at(struct s3_source *s, struct ticket *t, enum source_outcome outcome)
{
    static const int64_t after_s[] = {5, 15, 30, 60};
    int64_t now = aws_client_now_us(s->lister.client);
    if (outcome == SOURCE_KEPT)
        return TIME_NONE;
    if (outcome == SOURCE_AGAIN) {
        for (size_t i = 0; i < sizeof after_s / sizeof after_s[0]; i++)
            if (t->modified_us + after_s[i] * US_PER_SECOND > now)
                return t->modified_us + after_s[i] * US_PER_SECOND;
        return TIME_NONE;
    }
    int tries = t->tries++;
    if (!s->poll_us && (atomic_load(&t->unopened) || tries >= PASS_TRIES))
        return TIME_NONE;
    int64_t pause_s = INT64_C(2) << (2 * (tries < 6 ? tries : 6));
    return now + (pause_s < 3600 ? pause_s : 3600) * US_PER_SECOND;
}

static void done(struct source *base, void *ticket, enum source_outcome outcome)
{
    struct s3_source *s = of(base);
    struct ticket *t = ticket;
    gauge_done(&s->gauge, outcome, t->size, t->modified_us);
    int64_t due = due_at(s, t, outcome);
    pthread_mutex_lock(&s->lock);
    s->out_n--;
    bool waits = due != TIME_NONE && s->waiting_n < WAITING_MAX && !atomic_load(&s->stopped);
    if (waits) {
        t->due_us = due;
        t->next = s->waiting;
        s->waiting = t;
        s->waiting_n++;
    } else {
        drop_ticket(s, t);
    }
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (!waits && due != TIME_NONE)
        forget(s, t);
    if (!waits)
        free(t);
}

static void state(struct source *base, struct source_state *out)
{
    gauge_get(&of(base)->gauge, out);
}

static void close_source(struct source *base)
{
    struct s3_source *s = of(base);
    walk_end(&s->slow);
    walk_end(&s->quick);
    places_free(&s->places);
    s3_page_fini(&s->lister.page);
    aws_client_free(s->lister.client);
    for (int i = 0; i < s->bodies_n; i++) {
        free(s->bodies[i].prefix);
        if (i > 0)
            s3_bucket_free(s->bodies[i].bucket);
    }
    free(s->bodies);
    s3_bucket_free(s->bucket);
    for (struct ticket *t = s->newest, *after; t; t = after) {
        after = t->older;
        free(t);
    }
    buf_fini(&s->name);
    gauge_fini(&s->gauge);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->pace.lock);
    free(s->lately);
    free(s->root);
    free(s->shown);
    free(s->region);
    free(s);
}

/* "bucket" or "bucket/prefix". */
static enum status add_bodies(struct s3_source *s, const char *text, bool payer, struct err *err)
{
    struct str rest = str_from(text);
    if (str_has_prefix(rest, STR("s3://")))
        rest = str_skip(rest, 5);
    struct str bucket = str_cut(&rest, '/');
    struct body_place *p = &s->bodies[s->bodies_n];
    TRY(s3_bucket_new(bucket, NULL, payer, &p->bucket, err));
    s->bodies_n++;
    p->prefix = strndup(rest.p ? rest.p : "", rest.n);
    return p->prefix ? OK : err_nomem(err);
}

/* The source's own bodies: below the part of its prefix that stands in front of the AWS layout. */
static enum status own_bodies(struct s3_source *s, struct err *err)
{
    ptrdiff_t layout = key_layout(str_from(s->root));
    size_t n = layout >= 0 ? (size_t)layout : strlen(s->root);
    s->bodies[0] = (struct body_place){s->bucket, strndup(s->root, n)};
    s->bodies_n = 1;
    return s->bodies[0].prefix ? OK : err_nomem(err);
}

/* What can fail; s owns what it has got by then. */
static enum status fill(struct s3_source *s, const struct s3_options *o, struct err *err)
{
    struct str prefix = o->prefix;
    bool slash = prefix.n > 0 && prefix.p[prefix.n - 1] != '/';
    TRY(s3_bucket_new(o->bucket, o->region, o->requester_pays, &s->bucket, err));
    if (prefix.n > S3_KEY_MAX || (prefix.n > 0 && memchr(prefix.p, 0, prefix.n)))
        return err_set(err, ERR_USAGE, "a prefix has at most %d bytes", S3_KEY_MAX);
    if (asprintf(&s->root, "%.*s%s", STR_ARG(prefix), slash ? "/" : "") < 0)
        s->root = NULL;
    if (asprintf(&s->shown, "s3://%.*s/%.*s", STR_ARG(o->bucket), STR_ARG(prefix)) < 0)
        s->shown = NULL;
    s->region = o->region ? strdup(o->region) : NULL;
    s->bodies = calloc((size_t)o->body_buckets_n + 1, sizeof *s->bodies);
    if (!s->root || !s->shown || !s->bodies || (o->region && !s->region))
        return err_nomem(err);
    snprintf(s->gauge.state.name, sizeof s->gauge.state.name, "%s", s->shown);
    s->lister.bucket = s->bucket;
    TRY(own_bodies(s, err));
    for (int i = 0; i < o->body_buckets_n; i++)
        TRY(add_bodies(s, o->body_buckets[i], o->requester_pays, err));
    return OK;
}

enum status source_s3_new(const struct s3_options *o, struct source **out, struct err *err)
{
    static const struct source_ops ops = {
        .begin = begin,
        .next = next,
        .position = position,
        .wait = wait_some,
        .stop = stop,
        .done = done,
        .close = close_source,
        .reader_new = s3_reader_new,
        .reader_free = s3_reader_free,
        .open = s3_open,
        .body = s3_body,
        .state = state,
    };
    struct s3_source *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    s->base.ops = &ops;
    s->credentials = o->credentials;
    s->since_us = o->since_us;
    s->until_us = o->until_us;
    s->poll_us = o->poll_us;
    s->window_us = o->window_us ? o->window_us : 48 * US_PER_HOUR;
    s->sweep_us = o->sweep_us ? o->sweep_us : US_PER_DAY;
    s->pace.step_us = o->requests_per_s > 0 ? US_PER_SECOND / o->requests_per_s : 0;
    s->key = hash_key_random();
    buf_init(&s->name, 1 << 20);
    gauge_init(&s->gauge, STR(""));
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->pace.lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    s->lister.pace = &s->pace;
    s->lister.stop = &s->stopped;
    s3_page_init(&s->lister.page);
    enum status status = fill(s, o, err);
    if (status != OK) {
        close_source(&s->base);
        return status;
    }
    *out = &s->base;
    return OK;
}
