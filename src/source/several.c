/*
 * Several sources as one (source.h). Whoever names items over a network waits most of the time, so
 * each source has a thread that names ahead; a bounded ring lies between them and the readers, and
 * a slow reader slows them all.
 */
#include "base/queue.h"
#include "source/source_internal.h"

#include <pthread.h>
#include <stdlib.h>

struct several;

struct child {
    struct several *of;
    struct source *source;
    pthread_t thread;
    bool started, ended;
    int64_t position; /* as its own thread was told last */
};

struct named {
    struct source_item item;
    char *name;
};

struct several {
    struct source base;
    /* The run's watch, which is good until the source is stopped; threads of sources live longer.
     */
    struct source_watch watch;
    pthread_mutex_t watch_lock;
    bool quiet;
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    struct named *ring;
    size_t cap, head, n;
    char *shown; /* name of the item that was taken last */
    bool stopped, failed;
    struct err err;
    int children_n, running;
    struct child children[];
};

static struct several *of(struct source *s)
{
    return (struct several *)s;
}

static enum status push(struct several *s, const struct source_item *item, struct err *err)
{
    struct named copy = {*item, strdup(item->name)};
    if (!copy.name)
        return err_nomem(err);
    copy.item.name = copy.name;
    pthread_mutex_lock(&s->lock);
    while (s->n == s->cap && !s->stopped)
        pthread_cond_wait(&s->not_full, &s->lock);
    bool taken = !s->stopped;
    if (taken) {
        s->ring[(s->head + s->n++) % s->cap] = copy;
        pthread_cond_broadcast(&s->not_empty);
    }
    pthread_mutex_unlock(&s->lock);
    if (!taken)
        free(copy.name);
    return OK;
}

static bool stopped(struct several *s)
{
    pthread_mutex_lock(&s->lock);
    bool yes = s->stopped;
    pthread_mutex_unlock(&s->lock);
    return yes;
}

static void note_position(struct child *c)
{
    int64_t bytes;
    bool estimated;
    int64_t position = source_position(c->source, &estimated, &bytes);
    pthread_mutex_lock(&c->of->lock);
    c->position = position;
    pthread_mutex_unlock(&c->of->lock);
}

static enum status name_all(struct child *c, struct err *err)
{
    enum { WAIT_MS = 200, ASK_EVERY = 64 };
    for (uint32_t n = 0; !stopped(c->of); n++) {
        struct source_item item;
        bool more = false;
        TRY(source_next(c->source, &item, &more, err));
        if (!more)
            return OK;
        if (n % ASK_EVERY == 0 || !item.name)
            note_position(c);
        if (item.name)
            TRY(push(c->of, &item, err));
        else
            source_wait(c->source, WAIT_MS);
    }
    return OK;
}

static void *child_main(void *arg)
{
    struct child *c = arg;
    struct several *s = c->of;
    struct err err = {0};
    enum status status = name_all(c, &err);
    pthread_mutex_lock(&s->lock);
    if (status != OK && !s->stopped && !s->failed) {
        s->failed = true;
        s->err = err;
        s->err.status = status;
    }
    c->ended = true;
    s->running--;
    pthread_cond_broadcast(&s->not_empty);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void tell_problem(void *ctx, const char *name, const char *reason)
{
    struct several *s = ctx;
    pthread_mutex_lock(&s->watch_lock);
    if (!s->quiet)
        s->watch.problem(s->watch.ctx, name, reason);
    pthread_mutex_unlock(&s->watch_lock);
}

static int64_t ask_position(void *ctx, const char *name)
{
    struct several *s = ctx;
    pthread_mutex_lock(&s->watch_lock);
    int64_t at = s->quiet ? 0 : s->watch.position(s->watch.ctx, name);
    pthread_mutex_unlock(&s->watch_lock);
    return at;
}

static enum status begin(struct source *base, const struct source_watch *watch, struct err *err)
{
    struct several *s = of(base);
    s->watch = *watch;
    const struct source_watch mine = {.versions = watch->versions,
                                      .ctx = s,
                                      .problem = tell_problem,
                                      .position = watch->position ? ask_position : NULL};
    for (int i = 0; i < s->children_n; i++)
        TRY(source_begin(s->children[i].source, &mine, err));
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->children_n && !s->failed; i++) {
        struct child *c = &s->children[i];
        c->started = pthread_create(&c->thread, NULL, child_main, c) == 0;
        s->running += c->started;
        s->failed = !c->started;
    }
    bool failed = s->failed;
    pthread_mutex_unlock(&s->lock);
    return failed ? err_set(err, ERR_NOMEM, "cannot start a thread") : OK;
}

static enum status next(struct source *base, struct source_item *item, bool *more, struct err *err)
{
    struct several *s = of(base);
    enum status status = OK;
    *item = (struct source_item){.name = NULL};
    pthread_mutex_lock(&s->lock);
    if (s->n > 0 && !s->stopped) {
        *item = s->ring[s->head].item;
        free(s->shown);
        s->shown = s->ring[s->head].name;
        s->head = (s->head + 1) % s->cap;
        s->n--;
        pthread_cond_signal(&s->not_full);
    } else if (s->failed) {
        status = s->err.status;
        if (err)
            *err = s->err;
    }
    *more = item->name != NULL || (s->running > 0 && !s->stopped);
    pthread_mutex_unlock(&s->lock);
    return status;
}

static void wait_some(struct source *base, int64_t ms)
{
    struct several *s = of(base);
    int64_t until = queue_deadline(ms);
    int late = 0;
    pthread_mutex_lock(&s->lock);
    while (s->n == 0 && s->running > 0 && !s->stopped && late == 0)
        late = queue_wait(&s->not_empty, &s->lock, until);
    pthread_mutex_unlock(&s->lock);
}

static int64_t position(struct source *base, bool *estimated, int64_t *bytes)
{
    struct several *s = of(base);
    const int64_t million = 1000000;
    int64_t sum = 0;
    *estimated = true;
    *bytes = 0;
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->children_n && sum >= 0; i++) {
        const struct child *c = &s->children[i];
        int64_t here = c->ended ? million : c->position;
        sum = here < 0 ? -1 : sum + here;
    }
    pthread_mutex_unlock(&s->lock);
    return sum < 0 || s->children_n == 0 ? -1 : sum / s->children_n;
}

static void stop(struct source *base)
{
    struct several *s = of(base);
    pthread_mutex_lock(&s->watch_lock);
    s->quiet = true;
    pthread_mutex_unlock(&s->watch_lock);
    pthread_mutex_lock(&s->lock);
    s->stopped = true;
    pthread_cond_broadcast(&s->not_full);
    pthread_cond_broadcast(&s->not_empty);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->children_n; i++)
        source_stop(s->children[i].source);
}

static void free_all(struct several *s)
{
    pthread_cond_destroy(&s->not_empty);
    pthread_cond_destroy(&s->not_full);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->watch_lock);
    free(s->shown);
    free(s->ring);
    free(s);
}

static void close_source(struct source *base)
{
    struct several *s = of(base);
    stop(base);
    for (int i = 0; i < s->children_n; i++)
        if (s->children[i].started)
            pthread_join(s->children[i].thread, NULL);
    for (; s->n > 0; s->n--, s->head = (s->head + 1) % s->cap)
        free(s->ring[s->head].name);
    for (int i = 0; i < s->children_n; i++)
        source_close(s->children[i].source);
    free_all(s);
}

static struct source *part(struct source *base, int i)
{
    struct several *s = of(base);
    return i >= 0 && i < s->children_n ? s->children[i].source : NULL;
}

enum status source_several_new(struct source *const *sources, int n, size_t ahead,
                               struct source **out, struct err *err)
{
    /* Items are of the children, so readers and tickets are theirs. */
    static const struct source_ops ops = {
        .begin = begin,
        .next = next,
        .position = position,
        .wait = wait_some,
        .stop = stop,
        .close = close_source,
        .part = part,
    };
    struct several *s = calloc(1, sizeof *s + (size_t)n * sizeof s->children[0]);
    if (!s)
        return err_nomem(err);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->watch_lock, NULL);
    pthread_cond_init(&s->not_empty, NULL);
    pthread_cond_init(&s->not_full, NULL);
    s->base.ops = &ops;
    s->cap = ahead;
    s->children_n = n;
    for (int i = 0; i < n; i++)
        s->children[i] = (struct child){.of = s, .source = sources[i]};
    s->ring = calloc(ahead, sizeof *s->ring);
    if (!s->ring) {
        free_all(s);
        return err_nomem(err);
    }
    *out = &s->base;
    return OK;
}
