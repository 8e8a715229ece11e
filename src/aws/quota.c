/* Calls at a measured pace: see quota.h. Each caller takes the next free turn of its Region under
 * the lock and sleeps until then without it. */
#include "aws/quota.h"

#include "aws/endpoint.h"
#include "base/clock.h"
#include "net/retry.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct turn {
    char region[ENDPOINT_REGION_MAX];
    int64_t next_us; /* of clock_monotonic_us */
};

struct quota {
    pthread_mutex_t lock;
    int64_t interval_us;
    struct turn turns[QUOTA_REGIONS];
    int n;
};

enum status quota_new(int per_second, struct quota **out, struct err *err)
{
    struct quota *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(err);
    pthread_mutex_init(&p->lock, NULL);
    p->interval_us = US_PER_SECOND / (per_second > 0 ? per_second : 1);
    *out = p;
    return OK;
}

void quota_free(struct quota *p)
{
    if (!p)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static struct turn *turn_of(struct quota *p, const char *region)
{
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->turns[i].region, region) == 0)
            return &p->turns[i];
    if (p->n == QUOTA_REGIONS)
        return &p->turns[QUOTA_REGIONS - 1];
    struct turn *t = &p->turns[p->n++];
    snprintf(t->region, sizeof t->region, "%s", region);
    return t;
}

void quota_wait(struct quota *p, const char *region, const _Atomic bool *cancel)
{
    if (!p)
        return;
    int64_t now = clock_monotonic_us();
    pthread_mutex_lock(&p->lock);
    struct turn *t = turn_of(p, region ? region : "");
    int64_t mine = t->next_us > now ? t->next_us : now;
    t->next_us = mine + p->interval_us;
    pthread_mutex_unlock(&p->lock);
    if (mine > now)
        retry_wait((mine - now + 999) / 1000, cancel);
}
