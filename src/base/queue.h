/*
 * A bounded queue of pointers between threads. Pushing waits while it is full, so a slow consumer
 * slows its producers; closing wakes everybody.
 */
#ifndef ASSAY_BASE_QUEUE_H
#define ASSAY_BASE_QUEUE_H

#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct queue;

enum status queue_new(size_t capacity, struct queue **out, struct err *err) MUST_USE;
/* Frees the queue, not what is in it. */
void queue_free(struct queue *q);
/* False when the queue is closed: the item was not taken and stays the caller's. */
bool queue_push(struct queue *q, void *item);
/* The oldest item, or NULL once the queue is closed and empty. */
void *queue_pop(struct queue *q);
/* As queue_pop, but waits at most so many milliseconds; *timed_out tells that from the end. */
void *queue_pop_within(struct queue *q, int64_t ms, bool *timed_out);
void queue_close(struct queue *q);

/*
 * For waiting with one's own condition: an instant so many milliseconds ahead, by the clock that
 * nobody sets (clock_monotonic_us), and pthread_cond_wait that ends with it. Not 0: it has passed.
 */
int64_t queue_deadline(int64_t ms);
int queue_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_us);

#endif
