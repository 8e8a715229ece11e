/*
 * Listings in flight: a few threads that ask S3 for pages, so that thousands of accounts and
 * Regions take thousands of answers, but not one after another. Who names items puts jobs in and
 * takes them out again when they are done; it never waits for an answer itself. Jobs of the classes
 * take turns, so that a way through years of history does not stop the last hour, nor that the
 * history.
 */
#include "source/s3_internal.h"

#include "base/queue.h"

#include <stdlib.h>

/* Another thread is worth it when so many jobs wait for each that there is. */
enum { JOBS_EACH = 3 };

struct job_list {
    struct job *first, **end;
};

struct pool {
    struct s3_source *source;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t work;
    struct job_list queued[JOB_CLASSES], done;
    size_t queued_n;
    int turn; /* the class to be looked at first */
    int64_t hold_until_us;
    bool stopped;
    int threads_n;
    pthread_t threads[POOL_THREADS];
};

static void list_init(struct job_list *l)
{
    l->first = NULL;
    l->end = &l->first;
}

static void list_put(struct job_list *l, struct job *j)
{
    j->next = NULL;
    *l->end = j;
    l->end = &j->next;
}

static struct job *list_take(struct job_list *l)
{
    struct job *j = l->first;
    if (j && !(l->first = j->next))
        l->end = &l->first;
    return j;
}

enum status pool_new(struct s3_source *s, struct pool **out, struct err *err)
{
    struct pool *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(err);
    p->source = s;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    for (int i = 0; i < JOB_CLASSES; i++)
        list_init(&p->queued[i]);
    list_init(&p->done);
    *out = p;
    return OK;
}

void pool_stop(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopped = true;
    pthread_cond_broadcast(&p->work);
    int n = p->threads_n;
    p->threads_n = 0;
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < n; i++)
        pthread_join(p->threads[i], NULL);
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    pool_stop(p);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* The next job of the classes in turn. */
static struct job *next_job(struct pool *p)
{
    for (int i = 0; i < JOB_CLASSES; i++) {
        int class = (p->turn + i) % JOB_CLASSES;
        struct job *j = list_take(&p->queued[class]);
        if (j) {
            p->turn = (class + 1) % JOB_CLASSES;
            p->queued_n--;
            return j;
        }
    }
    return NULL;
}

/* Waits for a job, called under the lock; NULL at the end. */
static struct job *wait_for_job(struct pool *p)
{
    while (!p->stopped) {
        int64_t held_us = p->hold_until_us - clock_monotonic_us();
        struct job *j = held_us > 0 ? NULL : next_job(p);
        if (j)
            return j;
        if (held_us > 0) {
            int64_t ms = held_us / 1000 + 1;
            queue_wait(&p->work, &p->lock, queue_deadline(ms < 60000 ? ms : 60000));
        } else {
            pthread_cond_wait(&p->work, &p->lock);
        }
    }
    return NULL;
}

static void do_job(struct pool *p, struct lister *l, struct job *j)
{
    struct err why = {0};
    j->denied = false;
    free(j->why);
    j->why = NULL;
    enum status status = l->client ? OK : s3_client_new(p->source, &l->client, &why);
    if (status == OK)
        status = j->run(j, l, &why);
    if (status != OK) {
        j->denied = status == ERR_ACCESS && s3_page_denied(&l->page);
        j->why = malloc(sizeof *j->why);
        if (j->why)
            *j->why = why;
    }
    j->status = status;
}

static void *thread_main(void *arg)
{
    struct pool *p = arg;
    struct s3_source *s = p->source;
    struct lister l = {.bucket = s->bucket, .pace = &s->pace, .stop = &s->stopped};
    s3_page_init(&l.page);
    pthread_mutex_lock(&p->lock);
    for (struct job *j; (j = wait_for_job(p)) != NULL;) {
        pthread_mutex_unlock(&p->lock);
        do_job(p, &l, j);
        pthread_mutex_lock(&p->lock);
        list_put(&p->done, j);
        if (p->queued_n == 0) {
            /* A page of a thousand keys is half a megabyte, and the next may be a minute away. */
            s3_page_fini(&l.page);
            s3_page_init(&l.page);
        }
        pthread_mutex_unlock(&p->lock);
        s3_wake(s);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    s3_page_fini(&l.page);
    aws_client_free(l.client);
    return NULL;
}

enum status pool_put(struct pool *p, struct job *j, enum job_class class, struct err *err)
{
    pthread_mutex_lock(&p->lock);
    list_put(&p->queued[class], j);
    p->queued_n++;
    bool more = p->threads_n == 0 || p->queued_n > (size_t)p->threads_n * JOBS_EACH;
    if (more && p->threads_n < POOL_THREADS && !p->stopped)
        p->threads_n += pthread_create(&p->threads[p->threads_n], NULL, thread_main, p) == 0;
    bool none = p->threads_n == 0 && !p->stopped;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
    return none ? err_set(err, ERR_NOMEM, "cannot start a thread") : OK;
}

struct job *pool_take(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct job *j = list_take(&p->done);
    pthread_mutex_unlock(&p->lock);
    return j;
}

struct job *pool_left(struct pool *p)
{
    struct job *j = NULL;
    for (int i = 0; i < JOB_CLASSES && !j; i++)
        j = list_take(&p->queued[i]);
    return j ? j : list_take(&p->done);
}

void pool_hold(struct pool *p, int64_t until_us)
{
    pthread_mutex_lock(&p->lock);
    p->hold_until_us = until_us;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
}

bool pool_holds(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    bool holds = p->hold_until_us > clock_monotonic_us();
    pthread_mutex_unlock(&p->lock);
    return holds;
}
