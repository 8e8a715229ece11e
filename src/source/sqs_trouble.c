/*
 * What goes wrong with a queue, and when it is better not to ask it for more: see sqs_internal.h.
 * Receiving, reading, deleting may fail at the same time, each for its own reason: each is told
 * once, and one of them is shown until all is well, so that they do not take turns.
 */
#include "source/sqs_internal.h"

#include <stdio.h>

/* Without an object that was read for so long, the next that cannot be read is taken for a sign
 * that none can. */
#define PATIENCE_US (10 * US_PER_SECOND)

/* What may be read in part is well again when nothing was refused for so long. */
#define QUIET_US (30 * US_PER_SECOND)

/* What was not seen again for longer than any message is hidden has become somebody else's. */
#define STALE_US (70 * 60 * US_PER_SECOND)

enum { PAUSE_MAX_S = 60, STRANGERS_TOLD = 20 };

void sqs_ill(struct sqs_source *s, enum sqs_spot spot, const char *text)
{
    struct sqs_trouble *t = &s->troubles[spot];
    bool tell = false;
    pthread_mutex_lock(&s->trouble_lock);
    t->at_us = clock_now_us();
    t->at = clock_monotonic_us();
    t->over = false;
    /* The number of a request alone is no news, nor is another stranger. */
    if (!t->text[0] || (spot != SQS_STRANGERS && !gauge_same(t->text, text)))
        snprintf(t->text, sizeof t->text, "%s", text);
    if (spot != SQS_READING && spot != SQS_STRANGERS && !gauge_same(t->told, text)) {
        snprintf(t->told, sizeof t->told, "%s", text);
        tell = true;
    }
    pthread_mutex_unlock(&s->trouble_lock);
    gauge_failure(&s->gauge, text);
    if (tell)
        s->watch.problem(s->watch.ctx, s->queue.url, text);
}

/* One object may be readable while others are not. */
static bool is_mixed(enum sqs_spot spot)
{
    return spot == SQS_READING || spot == SQS_BODIES;
}

void sqs_well(struct sqs_source *s, enum sqs_spot spot)
{
    struct sqs_trouble *t = &s->troubles[spot];
    pthread_mutex_lock(&s->trouble_lock);
    t->over = true;
    if (!is_mixed(spot))
        t->text[0] = t->told[0] = '\0';
    pthread_mutex_unlock(&s->trouble_lock);
}

void sqs_state(struct source *base, struct source_state *out)
{
    struct sqs_source *s = (struct sqs_source *)base;
    gauge_get(&s->gauge, out);
    out->failing = false;
    pthread_mutex_lock(&s->trouble_lock);
    for (int spot = 0; spot < SQS_LOOKING && !out->failing; spot++) {
        const struct sqs_trouble *t = &s->troubles[spot];
        if (!t->text[0] || clock_monotonic_us() - t->at > (t->over ? QUIET_US : STALE_US))
            continue;
        out->failing = true;
        out->error_us = t->at_us;
        snprintf(out->error, sizeof out->error, "%s", t->text);
    }
    pthread_mutex_unlock(&s->trouble_lock);
    pthread_mutex_lock(&s->lock);
    for (const struct sqs_held *m = s->held; m; m = m->next)
        if (m->sent_us != TIME_NONE && (out->oldest_us == TIME_NONE || m->sent_us < out->oldest_us))
            out->oldest_us = m->sent_us;
    pthread_mutex_unlock(&s->lock);
}

void sqs_read_well(struct sqs_source *s)
{
    pthread_mutex_lock(&s->lock);
    s->well_at = clock_monotonic_us();
    bool paused = s->pauses > 0;
    s->pauses = 0;
    s->probing = false;
    if (paused)
        pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    gauge_success(&s->gauge);
    sqs_well(s, SQS_READING);
    sqs_well(s, SQS_STRANGERS);
}

/* Once in a run: what the queue will do by itself while nobody can read. */
void sqs_tell_redrive(struct sqs_source *s)
{
    char text[384], number[48] = "";
    int64_t most = atomic_load(&s->receives_max);
    if (!atomic_load(&s->redrives))
        return;
    pthread_mutex_lock(&s->lock);
    bool told = s->redrive_told;
    s->redrive_told = true;
    pthread_mutex_unlock(&s->lock);
    if (told)
        return;
    if (most > 0)
        snprintf(number, sizeof number, " (maxReceiveCount %lld)", (long long)most);
    snprintf(text, sizeof text,
             "objects are refused, and the queue's redrive policy%s moves messages that were "
             "received too often to its dead-letter queue; few are received meanwhile. Once the "
             "objects may be read, move the messages back from there",
             number);
    s->watch.problem(s->watch.ctx, s->queue.url, text);
}

static void pause_until(struct sqs_source *s, int64_t pause_s)
{
    int64_t least_s = pause_s < PAUSE_MAX_S ? pause_s : PAUSE_MAX_S;
    s->probe_at = clock_monotonic_us() + least_s * US_PER_SECOND;
}

void sqs_read_ill(struct sqs_source *s, enum status status, const char *text)
{
    int64_t now = clock_monotonic_us();
    pthread_mutex_lock(&s->lock);
    bool none = s->well_at == TIME_NONE || now - s->well_at >= PATIENCE_US;
    if (none && (s->pauses == 0 || s->probing)) {
        pause_until(s, INT64_C(2) << (s->pauses < 5 ? s->pauses : 5));
        s->pauses++;
        s->probing = false;
    }
    pthread_mutex_unlock(&s->lock);
    sqs_ill(s, SQS_READING, text);
    if (status == ERR_ACCESS)
        sqs_tell_redrive(s);
}

void sqs_received(struct sqs_source *s)
{
    pthread_mutex_lock(&s->lock);
    if (s->pauses > 0) {
        s->probing = true;
        pause_until(s, PAUSE_MAX_S);
    }
    pthread_mutex_unlock(&s->lock);
}

void sqs_stranger(struct sqs_source *s, struct str bucket)
{
    char text[384], name[STR_FOUND];
    uint64_t id = hash64(s->key, bucket.p, bucket.n);
    snprintf(text, sizeof text,
             "messages name the bucket %s, which is not one of those allowed: they stay in the "
             "queue; add it to `buckets`, or have it announced elsewhere",
             str_found(name, bucket));
    pthread_mutex_lock(&s->lock);
    bool any = s->well_at != TIME_NONE;
    pthread_mutex_unlock(&s->lock);
    if (!any) /* then it is rather the configuration that names the wrong ones */
        sqs_ill(s, SQS_STRANGERS, text);
    if (s->strangers_n == STRANGERS_TOLD || seen_has(&s->strangers, id) ||
        seen_add(&s->strangers, id, 0, 0, NULL) != OK)
        return;
    s->strangers_n++;
    s->watch.problem(s->watch.ctx, s->queue.url, text);
}

int sqs_may_receive(const struct sqs_source *s)
{
    if (s->held_n >= SQS_HELD_MAX || s->open_n >= SQS_HELD_MAX)
        return 0;
    if (s->pauses == 0)
        return SQS_BATCH;
    return clock_monotonic_us() >= s->probe_at ? 1 : 0;
}
