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
    QUICK_HOURS = 2,
    ANEW_AFTER = 3,  /* failures of a listing in a row */
    FEW_PLACES = 32, /* up to so many are all looked at, and looked for, each time */
};

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
        s->lately = calloc(S3_LATELY, sizeof *s->lately);
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
        TRY(walk_begin(&s->slow, &s->lister, &s->places, since, s->until_us, s->since_us, WALK_ALL,
                       err));
        if (sweep)
            s->sweep_at = mono + s->sweep_us;
        s->window_at = mono + s->window_every_us;
        s->poll_at = mono + s->poll_us;
        s->found = true;
        return OK;
    }
    if (s->poll_us && s->found && !s->quick.running && mono >= s->poll_at) {
        bool few = s->places.n <= FEW_PLACES;
        s->poll_at = mono + s->poll_us;
        if (few && !s->slow.running)
            TRY(places_find(&s->lister, str_from(s->root), refused, s, &s->places, err));
        return walk_begin(&s->quick, &s->lister, &s->places,
                          not_before(s->since_us, now - QUICK_HOURS * US_PER_HOUR), s->until_us,
                          s->since_us, few ? WALK_RECENT : WALK_QUICK, err);
    }
    *begun = false;
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
        return items_give(s, &o, item, err);
    gauge_success(&s->gauge);
    if (w == &s->slow)
        gauge_passes(&s->gauge, 1);
    s->ended = !s->poll_us;
    return OK;
}

static enum status next(struct source *base, struct source_item *item, bool *more, struct err *err)
{
    struct s3_source *s = of(base);
    *item = (struct source_item){.name = NULL};
    *more = true;
    for (bool idle = false; !idle && !item->name && !atomic_load(&s->stopped);) {
        if (items_again(s, item))
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
    int64_t at = s->ended ? 1000000 : walk_position(&s->slow);
    /* The naming is ahead of the reading. */
    return at > 0 && s->named > 0 ? at * atomic_load(&s->begun) / s->named : at;
}

static void stop(struct source *base)
{
    struct s3_source *s = of(base);
    pthread_mutex_lock(&s->lock);
    atomic_store(&s->stopped, true);
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

static void state(struct source *base, struct source_state *out)
{
    gauge_get(&of(base)->gauge, out);
}

static void free_tickets(struct ticket *t)
{
    for (struct ticket *after; t; t = after) {
        after = t->next;
        free(t);
    }
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
    free_tickets(s->waiting);
    free_tickets(s->out); /* void: nobody will hand them back */
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
    bool slash = rest.n > 0 && rest.p[rest.n - 1] != '/';
    if (asprintf(&p->prefix, "%.*s%s", STR_ARG(rest), slash ? "/" : "") < 0)
        p->prefix = NULL;
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
    gauge_passes(&s->gauge, 0);
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
        .wait = s3_wait,
        .stop = stop,
        .done = s3_done,
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
    s->window_every_us = o->window_every_us ? o->window_every_us : US_PER_HOUR / 6;
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
