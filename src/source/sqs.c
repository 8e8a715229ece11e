/* The SQS source: see sqs.h. Here are its making, the naming and the end. */
#include "source/sqs_internal.h"

#include "aws/s3.h"
#include "base/queue.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLOSE_MS = 5000 };

static struct sqs_source *of(struct source *s)
{
    return (struct sqs_source *)s;
}

static void tell(struct sqs_source *s, const struct err *why)
{
    if (gauge_failure(&s->gauge, why->text))
        s->watch.problem(s->watch.ctx, s->queue.url, why->text);
}

static enum status begin(struct source *base, const struct source_watch *watch, struct err *err)
{
    struct sqs_source *s = of(base);
    const struct aws_client_options o = {
        .credentials = s->credentials, .region = s->region, .cancel = &s->stopped, .attempts = 3};
    s->watch = *watch;
    TRY(aws_client_new(&o, &s->client, err));
    s->keeping = pthread_create(&s->keeper, NULL, sqs_keeper_main, s) == 0;
    return s->keeping ? OK : err_set(err, ERR_NOMEM, "cannot start a thread");
}

/* ---- naming */

static bool give(struct sqs_source *s, struct source_item *item)
{
    int64_t now = aws_client_now_us(s->client);
    pthread_mutex_lock(&s->lock);
    struct sqs_part *p = s->waiting && s->waiting->due_us <= now ? s->waiting : NULL;
    if (p)
        s->waiting = p->next;
    pthread_mutex_unlock(&s->lock);
    if (!p)
        return false;
    bool object = p->bucket >= 0;
    *item = (struct source_item){.name = object ? p->name : s->queue.url,
                                 .size = object ? p->size : 0,
                                 .grows = !object,
                                 .again = object && p->due_us > 0,
                                 .ticket = p};
    /* LastModified has whole seconds. */
    if (object && p->event_us > 0)
        item->mtime_ns = p->event_us / US_PER_SECOND * 1000000000;
    if (object)
        gauge_named(&s->gauge);
    return true;
}

/* How long the next poll may wait, in seconds; -1: there is enough in work. */
static int poll_wait(struct sqs_source *s)
{
    int64_t wait = s->wait_s, now = aws_client_now_us(s->client);
    pthread_mutex_lock(&s->lock);
    if (s->held_n >= SQS_HELD_MAX || s->open_n >= SQS_HELD_MAX)
        wait = -1;
    else if (s->waiting && s->waiting->due_us - now < wait * US_PER_SECOND)
        wait = s->waiting->due_us <= now ? 0 : (s->waiting->due_us - now) / US_PER_SECOND + 1;
    pthread_mutex_unlock(&s->lock);
    return (int)wait;
}

static enum status receive(struct sqs_source *s, int wait_s, struct err *err)
{
    const struct sqs_wish wish = {.most = SQS_BATCH, .wait_s = wait_s, .hide_s = (int)s->hide_s};
    struct sqs_depth d;
    /* Whether the queue has a redrive policy must be known before a message is given up. When it
     * does not say, the keeper tells. */
    if (!s->asked && sqs_depth(s->client, &s->queue, &d, NULL) == OK)
        atomic_store(&s->redrives, d.redrives);
    s->asked = true;
    TRY(sqs_receive(s->client, &s->queue, &wish, &s->batch, err));
    gauge_success(&s->gauge);
    for (size_t i = 0; i < s->batch.n; i++)
        TRY(sqs_take_message(s, &s->batch.messages[i], err));
    return OK;
}

static enum status after_failure(struct sqs_source *s, enum status status, const struct err *why,
                                 struct err *err)
{
    const int64_t most_us = 300 * US_PER_SECOND;
    if (atomic_load(&s->stopped))
        return OK;
    if (status == ERR_NOMEM) {
        if (err)
            *err = *why;
        return status;
    }
    tell(s, why);
    int64_t pause = 2 * US_PER_SECOND << (s->failures < 8 ? s->failures : 8);
    s->failures++;
    s->again_at = clock_monotonic_us() + (pause < most_us ? pause : most_us);
    return OK;
}

static enum status next(struct source *base, struct source_item *item, bool *more, struct err *err)
{
    struct sqs_source *s = of(base);
    struct err why = {0};
    *item = (struct source_item){.name = NULL};
    *more = !atomic_load(&s->stopped);
    if (!*more || give(s, item))
        return OK;
    int wait_s = poll_wait(s);
    if (wait_s < 0 || clock_monotonic_us() < s->again_at)
        return OK;
    enum status status = receive(s, wait_s, &why);
    if (status != OK)
        return after_failure(s, status, &why, err);
    s->failures = 0;
    give(s, item);
    return OK;
}

static int64_t position(struct source *base, bool *estimated, int64_t *bytes)
{
    (void)base;
    *estimated = true;
    *bytes = 0;
    return -1;
}

static void wait_some(struct source *base, int64_t ms)
{
    struct sqs_source *s = of(base);
    struct timespec until = queue_deadline(ms);
    int64_t now = aws_client_now_us(s->client);
    pthread_mutex_lock(&s->lock);
    bool full = s->held_n >= SQS_HELD_MAX || s->open_n >= SQS_HELD_MAX;
    bool ready = s->waiting && s->waiting->due_us <= now;
    /* Otherwise the queue itself is what is waited for. */
    if (!atomic_load(&s->stopped) && !ready && (full || s->failures > 0))
        pthread_cond_timedwait(&s->wake, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

static void stop(struct source *base)
{
    struct sqs_source *s = of(base);
    pthread_mutex_lock(&s->lock);
    atomic_store(&s->stopped, true);
    for (int i = 0; i < s->buckets_n; i++)
        source_stop(s->buckets[i].s3);
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

/* ---- outcomes */

static void done(struct source *base, void *ticket, enum source_outcome outcome)
{
    struct sqs_source *s = of(base);
    struct sqs_part *p = ticket;
    struct sqs_held *m = p->of;
    int64_t due = TIME_NONE;
    if (p->bucket < 0)
        gauge_refused(&s->gauge, outcome == SOURCE_KEPT);
    else
        gauge_done(&s->gauge, outcome, p->size, p->event_us);
    if (outcome == SOURCE_AGAIN && p->event_us != TIME_NONE)
        due = source_body_due(p->event_us, aws_client_now_us(s->client));
    pthread_mutex_lock(&s->lock);
    if (due != TIME_NONE && !atomic_load(&s->stopped)) {
        p->due_us = due;
        sqs_enqueue(s, p);
    } else {
        m->failed = m->failed || outcome == SOURCE_FAILED;
        m->gone = m->gone || (outcome == SOURCE_FAILED && atomic_load(&p->opened) == ERR_NOT_FOUND);
        s->open_n--;
        if (--m->open == 0)
            sqs_finish(s, m);
    }
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

static void state(struct source *base, struct source_state *out)
{
    struct sqs_source *s = of(base);
    gauge_get(&s->gauge, out);
    pthread_mutex_lock(&s->lock);
    for (const struct sqs_held *m = s->held; m; m = m->next)
        if (m->sent_us != TIME_NONE && (out->oldest_us == TIME_NONE || m->sent_us < out->oldest_us))
            out->oldest_us = m->sent_us;
    pthread_mutex_unlock(&s->lock);
}

/* ---- making and closing */

/* The keeper's last round: deletes what is safe and gives the rest back, in a few seconds. */
static void end_keeper(struct sqs_source *s)
{
    struct timespec until = queue_deadline(CLOSE_MS);
    int late = 0;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_broadcast(&s->keep);
    while (!s->ended && late == 0)
        late = pthread_cond_timedwait(&s->kept, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->abandoned, true);
    pthread_join(s->keeper, NULL);
}

static void free_names(char **v, int n)
{
    for (int i = 0; i < n; i++)
        free(v[i]);
    free(v);
}

static void close_source(struct source *base)
{
    struct sqs_source *s = of(base);
    stop(base);
    if (s->keeping)
        end_keeper(s);
    for (struct sqs_held *m = s->held, *after; m; m = after) {
        after = m->next;
        sqs_held_free(m);
    }
    for (int i = 0; i < s->buckets_n; i++) {
        source_close(s->buckets[i].s3);
        free(s->buckets[i].name);
    }
    aws_client_free(s->client);
    sqs_batch_fini(&s->batch);
    sqs_event_fini(&s->event);
    gauge_fini(&s->gauge);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->keep);
    pthread_cond_destroy(&s->kept);
    pthread_mutex_destroy(&s->lock);
    free_names(s->allowed, s->allowed_n);
    free_names(s->body_buckets, s->body_buckets_n);
    free(s->region);
    free(s);
}

static enum status copy_names(const char *const *from, int n, char ***v, int *v_n, struct err *err)
{
    *v = calloc((size_t)n + 1, sizeof **v);
    if (!*v)
        return err_nomem(err);
    for (; *v_n < n; (*v_n)++) {
        (*v)[*v_n] = strdup(from[*v_n]);
        if (!(*v)[*v_n])
            return err_nomem(err);
    }
    return OK;
}

/* Bodies' buckets are used when a message names one; that they are names is found out now. */
static enum status check_bucket(const char *text, struct err *err)
{
    struct str rest = str_from(text);
    struct s3_bucket *b = NULL;
    if (str_has_prefix(rest, STR("s3://")))
        rest = str_skip(rest, 5);
    enum status status = s3_bucket_new(str_cut(&rest, '/'), NULL, false, &b, err);
    s3_bucket_free(b);
    return status;
}

static enum status fill(struct sqs_source *s, const struct sqs_options *o, struct err *err)
{
    TRY(sqs_queue_init(&s->queue, o->url, o->region, err));
    snprintf(s->gauge.state.name, sizeof s->gauge.state.name, "%.255s", s->queue.url);
    s->region = o->region ? strdup(o->region) : NULL;
    if (o->region && !s->region)
        return err_nomem(err);
    TRY(copy_names(o->buckets, o->buckets_n, &s->allowed, &s->allowed_n, err));
    TRY(copy_names(o->body_buckets, o->body_buckets_n, &s->body_buckets, &s->body_buckets_n, err));
    for (int i = 0; i < o->buckets_n; i++)
        TRY(check_bucket(o->buckets[i], err));
    for (int i = 0; i < o->body_buckets_n; i++)
        TRY(check_bucket(o->body_buckets[i], err));
    if (s->hide_s < 2 || s->hide_s > SQS_HIDE_MAX_S || s->wait_s < 0 || s->wait_s > SQS_WAIT_MAX_S)
        return err_set(err, ERR_USAGE, "a queue hides for 2 to %d s and waits for 0 to %d s",
                       SQS_HIDE_MAX_S, SQS_WAIT_MAX_S);
    return OK;
}

enum status source_sqs_new(const struct sqs_options *o, struct source **out, struct err *err)
{
    static const struct source_ops ops = {
        .begin = begin,
        .next = next,
        .position = position,
        .wait = wait_some,
        .stop = stop,
        .done = done,
        .close = close_source,
        .reader_new = sqs_reader_new,
        .reader_free = sqs_reader_free,
        .open = sqs_open,
        .body = sqs_body,
        .state = state,
    };
    struct sqs_source *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    s->base.ops = &ops;
    s->credentials = o->credentials;
    s->requester_pays = o->requester_pays;
    s->hide_s = o->hide_s ? o->hide_s : 120;
    s->wait_s = o->wait_s ? o->wait_s : SQS_WAIT_MAX_S;
    s->depth_us = o->depth_us ? o->depth_us : 30 * US_PER_SECOND;
    s->give_up_us = o->give_up_us ? o->give_up_us : US_PER_HOUR;
    sqs_batch_init(&s->batch);
    sqs_event_init(&s->event);
    gauge_init(&s->gauge, STR(""));
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    pthread_cond_init(&s->keep, NULL);
    pthread_cond_init(&s->kept, NULL);
    enum status status = fill(s, o, err);
    if (status != OK) {
        close_source(&s->base);
        return status;
    }
    *out = &s->base;
    return OK;
}
