/* The S3 source: see s3.h. Here is how it is made and ended; what it names when is in
 * s3_schedule.c. */
#include "source/s3_internal.h"

#include "base/queue.h"
#include "source/key.h"

#include <stdio.h>
#include <stdlib.h>

static struct s3_source *of(struct source *s)
{
    return (struct s3_source *)s;
}

static enum status begin(struct source *base, const struct source_watch *watch, struct err *err)
{
    struct s3_source *s = of(base);
    s->watch = *watch;
    TRY(s3_client_new(s, &s->clock, err));
    TRY(pool_new(s, &s->pool, err));
    if (s->poll_us) {
        s->lately.slots = calloc(s->lately.cap, sizeof *s->lately.slots);
        if (!s->lately.slots)
            return err_nomem(err);
    }
    return OK;
}

static enum status next(struct source *base, struct source_item *item, bool *more, struct err *err)
{
    struct s3_source *s = of(base);
    *item = (struct source_item){.name = NULL};
    *more = true;
    pthread_mutex_lock(&s->lock);
    s->events_seen = s->events;
    pthread_mutex_unlock(&s->lock);
    for (bool idle = false; !idle && !item->name && !atomic_load(&s->stopped);) {
        if (items_again(s, item))
            return OK;
        idle = s->ended;
        if (!s->ended)
            TRY(schedule_step(s, item, &idle, err));
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
    int64_t at = s->ended ? 1000000 : walk_position(&s->walks[SWEEP]);
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
    /* Nothing is asked any more; what was on its way is freed with whom it belongs to. */
    pool_stop(s->pool);
    schedule_end(s);
    pool_free(s->pool);
    places_free(&s->places);
    aws_client_free(s->clock);
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
    free(s->lately.slots);
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
    s->waiting_due_us = INT64_MAX;
    s->looked_at = s->looked_all_at = -1;
    s->missed_at = INT64_MAX;
    s->lately.cap = LATELY_LEAST;
    s->lately.most = LATELY_MOST;
    for (int i = 1; i < o->beside && s->lately.most > LATELY_LEAST; i *= 2)
        s->lately.most /= 2;
    enum status status = fill(s, o, err);
    if (status != OK) {
        close_source(&s->base);
        return status;
    }
    *out = &s->base;
    return OK;
}
