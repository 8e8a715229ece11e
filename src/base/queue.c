/* A bounded queue of pointers between threads: see queue.h. */
#include "base/queue.h"

#include "base/clock.h"

#include <stdlib.h>
#include <time.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    void **items;
    size_t capacity, n, head;
    bool closed;
};

enum status queue_new(size_t capacity, struct queue **out, struct err *err)
{
    struct queue *q = calloc(1, sizeof *q);
    void **items = calloc(capacity, sizeof *items);
    if (!q || !items) {
        free(q);
        free(items);
        return err_nomem(err);
    }
    q->items = items;
    q->capacity = capacity;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->not_empty, NULL);
    pthread_cond_init(&q->not_full, NULL);
    *out = q;
    return OK;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    pthread_cond_destroy(&q->not_full);
    pthread_cond_destroy(&q->not_empty);
    pthread_mutex_destroy(&q->lock);
    free(q->items);
    free(q);
}

bool queue_push(struct queue *q, void *item)
{
    pthread_mutex_lock(&q->lock);
    while (q->n == q->capacity && !q->closed)
        pthread_cond_wait(&q->not_full, &q->lock);
    bool taken = !q->closed;
    if (taken) {
        q->items[(q->head + q->n++) % q->capacity] = item;
        pthread_cond_signal(&q->not_empty);
    }
    pthread_mutex_unlock(&q->lock);
    return taken;
}

/* Under the lock. */
static void *take_oldest(struct queue *q)
{
    if (q->n == 0)
        return NULL;
    void *item = q->items[q->head];
    q->head = (q->head + 1) % q->capacity;
    q->n--;
    pthread_cond_signal(&q->not_full);
    return item;
}

void *queue_pop(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->n == 0 && !q->closed)
        pthread_cond_wait(&q->not_empty, &q->lock);
    void *item = take_oldest(q);
    pthread_mutex_unlock(&q->lock);
    return item;
}

int64_t queue_deadline(int64_t ms)
{
    return clock_monotonic_us() + ms * 1000;
}

int queue_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_us)
{
    const struct timespec until = {.tv_sec = (time_t)(until_us / US_PER_SECOND),
                                   .tv_nsec = (long)(until_us % US_PER_SECOND) * 1000};
    return pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, &until);
}

void *queue_pop_within(struct queue *q, int64_t ms, bool *timed_out)
{
    int64_t until = queue_deadline(ms);
    int late = 0;
    pthread_mutex_lock(&q->lock);
    while (q->n == 0 && !q->closed && late == 0)
        late = queue_wait(&q->not_empty, &q->lock, until);
    *timed_out = q->n == 0 && !q->closed;
    void *item = take_oldest(q);
    pthread_mutex_unlock(&q->lock);
    return item;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->lock);
}
