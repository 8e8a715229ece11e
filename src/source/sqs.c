/* The SQS source: see sqs.h. Here are its making, the naming and the end. */
#include "source/sqs_internal.h"

#include "base/queue.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CLOSE_MS = 5000,
    /* Of a poll while objects are being read: one whose bodies are missing is due again 5 seconds
     * after it was written, and a poll that has begun is not cut short. */
    BUSY_WAIT_S = 2,
    LOOK_LATER = 10, /* times longer until the next look after one that failed */
};

static struct sqs_source *of(struct source *s)
{
    return (struct sqs_source *)s;
}

static enum status begin(struct source *base, const struct source_watch *watch, struct err *err)
{
    struct sqs_source *s = of(base);
    const struct aws_client_options o = {
        .credentials = s->credentials, .region = s->region, .cancel = &s->stopped, .attempts = 3};
    s->watch = *watch;
    TRY(aws_client_new(&o, &s->client, err));
    s->begun_us = aws_client_now_us(s->client);
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
    bool object = !p->refused;
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

/* How many messages the next poll may bring, and how long it may wait for the first, in seconds. */
static int poll_plan(struct sqs_source *s, int *wait_s)
{
    int64_t wait = s->wait_s, now = aws_client_now_us(s->client);
    pthread_mutex_lock(&s->lock);
    int most = sqs_may_receive(s);
    if (s->waiting && s->waiting->due_us - now < wait * US_PER_SECOND)
        wait = s->waiting->due_us <= now ? 0 : (s->waiting->due_us - now) / US_PER_SECOND + 1;
    if (s->open_n > 0 && wait > BUSY_WAIT_S)
        wait = BUSY_WAIT_S;
    pthread_mutex_unlock(&s->lock);
    *wait_s = (int)wait;
    return most;
}

/* How long the queue is, and whether it has a redrive policy; before anything is received, as that
 * must be known before a message is given up. That it may not be asked is not told while receiving
 * fails as well: it is mostly the same reason. */
static void look(struct sqs_source *s)
{
    struct sqs_depth d;
    struct err why = {0};
    int64_t now = clock_monotonic_us();
    if (now < s->look_at)
        return;
    enum status status = sqs_depth(s->client, &s->queue, &d, &why);
    s->look_at = clock_monotonic_us() + s->depth_us * (status == OK ? 1 : LOOK_LATER);
    if (status == OK) {
        atomic_store(&s->redrives, d.redrives);
        atomic_store(&s->receives_max, d.receives_max);
        gauge_waiting(&s->gauge, d.waiting < 0 || d.hidden < 0 ? -1 : d.waiting + d.hidden);
        s->look_failed[0] = '\0';
        sqs_well(s, SQS_LOOKING);
        return;
    }
    gauge_waiting(&s->gauge, -1);
    snprintf(s->look_failed, sizeof s->look_failed, "%s", why.text);
}

static enum status receive(struct sqs_source *s, int most, int wait_s, struct err *err)
{
    const struct sqs_wish wish = {.most = most, .wait_s = wait_s, .hide_s = (int)s->hide_s};
    TRY(sqs_receive(s->client, &s->queue, &wish, &s->batch, err));
    gauge_success(&s->gauge);
    sqs_well(s, SQS_RECEIVING);
    if (s->look_failed[0])
        sqs_ill(s, SQS_LOOKING, s->look_failed);
    if (s->batch.n > 0)
        sqs_received(s);
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
    sqs_ill(s, SQS_RECEIVING, why->text);
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
    if (clock_monotonic_us() < s->again_at)
        return OK;
    look(s);
    int wait_s = 0, most = poll_plan(s, &wait_s);
    if (most == 0)
        return OK;
    enum status status = receive(s, most, wait_s, &why);
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
    int64_t until = queue_deadline(ms);
    int64_t now = aws_client_now_us(s->client);
    pthread_mutex_lock(&s->lock);
    bool held_back = sqs_may_receive(s) == 0 || s->failures > 0;
    bool ready = s->waiting && s->waiting->due_us <= now;
    /* Otherwise the queue itself is what is waited for. */
    if (!atomic_load(&s->stopped) && !ready && held_back)
        queue_wait(&s->wake, &s->lock, until);
    pthread_mutex_unlock(&s->lock);
}

static void stop(struct source *base)
{
    struct sqs_source *s = of(base);
    pthread_mutex_lock(&s->lock);
    atomic_store(&s->stopped, true);
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

/* ---- outcomes */

static void done(struct source *base, void *ticket, enum source_outcome outcome)
{
    struct sqs_source *s = of(base);
    struct sqs_part *p = ticket;
    int64_t due = TIME_NONE, now = aws_client_now_us(s->client);
    if (p->refused)
        gauge_refused(&s->gauge, outcome == SOURCE_KEPT);
    else
        gauge_done(&s->gauge, outcome, atomic_load(&p->bytes), p->event_us);
    if (outcome == SOURCE_AGAIN)
        due = source_body_due(p->event_us != TIME_NONE ? p->event_us : p->of->first_us, now);
    pthread_mutex_lock(&s->lock);
    if (due != TIME_NONE && !atomic_load(&s->stopped)) {
        p->due_us = due;
        sqs_enqueue(s, p);
    } else {
        /* Stopped while bodies may still come: whoever runs next shall see it. */
        sqs_finish_part(s, p, outcome == SOURCE_FAILED || due != TIME_NONE);
    }
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

/* ---- making and closing */

/* The keeper's last round: deletes what is safe and gives the rest back, in a few seconds. */
static void end_keeper(struct sqs_source *s)
{
    int64_t until = queue_deadline(CLOSE_MS);
    int late = 0;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_broadcast(&s->keep);
    while (!s->ended && late == 0)
        late = queue_wait(&s->kept, &s->lock, until);
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->abandoned, true);
    pthread_join(s->keeper, NULL);
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
    sqs_buckets_fini(s);
    seen_fini(&s->strangers);
    seen_fini(&s->refused);
    aws_client_free(s->client);
    sqs_batch_fini(&s->batch);
    sqs_event_fini(&s->event);
    gauge_fini(&s->gauge);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->keep);
    pthread_cond_destroy(&s->kept);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->trouble_lock);
    free(s->region);
    free(s);
}

static enum status fill(struct sqs_source *s, const struct sqs_options *o, struct err *err)
{
    TRY(sqs_queue_init(&s->queue, o->url, o->region, err));
    snprintf(s->gauge.state.name, sizeof s->gauge.state.name, "%.255s", s->queue.url);
    s->region = o->region ? strdup(o->region) : NULL;
    if (o->region && !s->region)
        return err_nomem(err);
    TRY(sqs_places_init(s, o, err));
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
        .state = sqs_state,
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
    s->key = hash_key_random();
    s->well_at = TIME_NONE;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->trouble_lock, NULL);
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
