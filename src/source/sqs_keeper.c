/*
 * What is told the queue while objects are read: a thread deletes what is safe, returns what could
 * not be read, and hides the rest for longer. It alone frees messages, so that they stay while it
 * waits for an answer without the lock; and it asks for nothing else, so that nothing holds it up.
 */
#include "source/sqs_internal.h"

#include "base/queue.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUND = 100, ROUND_MS = 250, PAUSE_MAX_S = 30 };

struct keeper {
    struct sqs_source *s;
    struct aws_client *client;
    int64_t again_at; /* monotonic */
    int failures;
    struct sqs_held *who[ROUND];
    enum sqs_aim aim[ROUND]; /* when it was collected: it may have changed since */
    struct sqs_entry e[ROUND];
    size_t n;
};

static void tell(struct keeper *k, const struct err *why)
{
    if (!atomic_load(&k->s->abandoned))
        sqs_ill(k->s, SQS_KEEPING, why->text);
}

static void add(struct keeper *k, struct sqs_held *m, int64_t hide_s)
{
    k->who[k->n] = m;
    k->aim[k->n] = m->aim;
    k->e[k->n] = (struct sqs_entry){.receipt = m->receipt, .hide_s = (int)hide_s};
    k->n++;
}

/* Under the lock: the next messages to be deleted, or to be hidden (from now on, or no longer). */
static void collect(struct keeper *k, bool delete)
{
    struct sqs_source *s = k->s;
    int64_t soon = clock_monotonic_us() + s->hide_s * US_PER_SECOND / 2;
    k->n = 0;
    for (struct sqs_held *m = s->held; m && k->n < ROUND; m = m->next) {
        if (delete) {
            if (m->aim == SQS_DELETE)
                add(k, m, 0);
        } else if (m->aim == SQS_RETURN || (m->aim == SQS_WORK && s->closing && !m->lost)) {
            add(k, m, s->closing ? 0 : m->return_s);
        } else if (m->aim == SQS_WORK && !m->lost && m->hidden_until < soon) {
            add(k, m, s->hide_s);
        }
    }
}

/* Under the lock: those that are done with are freed. */
static void drop(struct keeper *k, const bool *over)
{
    struct sqs_source *s = k->s;
    for (size_t i = 0; i < k->n; i++) {
        struct sqs_held **at = &s->held;
        while (over[i] && *at && *at != k->who[i])
            at = &(*at)->next;
        if (!over[i] || !*at)
            continue;
        *at = k->who[i]->next;
        s->held_n--;
        sqs_held_free(k->who[i]);
    }
}

/* Under the lock: what became of a round. A receipt that is refused is too old: the message comes
 * again, and what it names is known then. */
static void settle(struct keeper *k, int64_t asked)
{
    struct sqs_source *s = k->s;
    bool over[ROUND] = {false};
    for (size_t i = 0; i < k->n; i++) {
        struct sqs_held *m = k->who[i];
        over[i] = k->aim[i] != SQS_WORK;
        if (k->e[i].fate == SQS_FAILED) {
            /* By now it has come again, to be known and asked for anew. */
            over[i] = over[i] && m->hidden_until < asked;
            continue;
        }
        if (!over[i] && k->e[i].fate == SQS_DONE && k->e[i].hide_s > 0)
            m->hidden_until = asked + s->hide_s * US_PER_SECOND;
        else
            m->lost = true; /* or it was given back at the end */
    }
    drop(k, over);
}

static enum status one_round(struct keeper *k, bool delete, struct err *err)
{
    struct sqs_source *s = k->s;
    enum status status = OK;
    do {
        pthread_mutex_lock(&s->lock);
        collect(k, delete);
        pthread_mutex_unlock(&s->lock);
        if (k->n == 0)
            return OK;
        int64_t asked = clock_monotonic_us();
        status = delete ? sqs_delete(k->client, &s->queue, k->e, k->n, err)
                        : sqs_hide(k->client, &s->queue, k->e, k->n, err);
        bool all = status == OK;
        for (size_t i = 0; i < k->n; i++)
            all = all && k->e[i].fate != SQS_FAILED;
        if (status == OK && !all)
            status = err_set(err, ERR_IO, "%s: the queue could not do all that was asked for",
                             delete ? "sqs:DeleteMessage" : "sqs:ChangeMessageVisibility");
        pthread_mutex_lock(&s->lock);
        settle(k, asked);
        pthread_cond_broadcast(&s->wake);
        pthread_mutex_unlock(&s->lock);
    } while (status == OK && k->n == ROUND);
    return status;
}

/* Deletes first: what is deleted needs not be hidden. Each is tried, whatever became of the other:
 * they are different permissions. */
static void keep(struct keeper *k, bool last)
{
    struct err why = {0};
    enum status deleted = OK, hidden;
    if (!last && clock_monotonic_us() < k->again_at)
        return;
    deleted = one_round(k, true, &why);
    if (deleted != OK)
        tell(k, &why);
    hidden = one_round(k, false, &why);
    if (hidden != OK && deleted == OK)
        tell(k, &why);
    if (deleted == OK && hidden == OK) {
        k->failures = 0;
        sqs_well(k->s, SQS_KEEPING);
        return;
    }
    int64_t pause_s = INT64_C(1) << (k->failures < 5 ? k->failures : 5);
    k->failures++;
    k->again_at =
        clock_monotonic_us() + (pause_s < PAUSE_MAX_S ? pause_s : PAUSE_MAX_S) * US_PER_SECOND;
}

static bool wait_for_round(struct sqs_source *s)
{
    int64_t until = queue_deadline(ROUND_MS);
    pthread_mutex_lock(&s->lock);
    int late = 0;
    while (!s->closing && late == 0)
        late = queue_wait(&s->keep, &s->lock, until);
    bool on = !s->closing;
    pthread_mutex_unlock(&s->lock);
    return on;
}

void *sqs_keeper_main(void *source)
{
    struct sqs_source *s = source;
    struct keeper *k = calloc(1, sizeof *k);
    struct err why = {0};
    const struct aws_client_options o = {
        .credentials = s->credentials, .region = s->region, .cancel = &s->abandoned, .attempts = 3};
    enum status status = k ? aws_client_new(&o, &k->client, &why) : err_nomem(&why);
    if (k && status == OK) {
        k->s = s;
        while (wait_for_round(s))
            keep(k, false);
        keep(k, true);
        aws_client_free(k->client);
    } else {
        s->watch.problem(s->watch.ctx, s->queue.url, why.text);
    }
    free(k);
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    pthread_cond_broadcast(&s->kept);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}
