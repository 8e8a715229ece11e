/*
 * A bounded queue of pointers between threads. Pushing waits while it is full, so a slow consumer
 * slows its producers; closing wakes everybody.
 */
#ifndef ASSAY_BASE_QUEUE_H
#define ASSAY_BASE_QUEUE_H

#include "base/err.h"

#include <stdbool.h>
#include <time.h>

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
/* The instant, for pthread_cond_timedwait, that lies so many milliseconds ahead. */
struct timespec queue_deadline(int64_t ms);

#endif
