/*
 * What the push source refused: see push_internal.h. A sender that is refused tries again, and at
 * last gives up; who watches the daemon has to know before. Each reason is told once a minute,
 * however many requests there were, and the source counts as failing for some minutes. Two reasons
 * do not make it so: who has no key may be anybody, and that too much waits passes by itself.
 */
#include "source/push_internal.h"

#include <stdio.h>

enum { TOLD_EVERY_US = 60 * 1000000, FAILING_US = 5 * 60 * 1000000 };

static bool is_failure(enum push_reason why)
{
    return why != PUSH_KEY && why != PUSH_FULL;
}

void push_refused(struct push *p, enum push_reason why, int status, const char *message)
{
    pthread_mutex_lock(&p->lock);
    struct push_refusals *r = &p->refused[why];
    r->n++;
    r->status = status;
    snprintf(r->message, sizeof r->message, "%s", message);
    if (is_failure(why) && p->refused_us > 0)
        p->refused_us = clock_monotonic_us();
    pthread_mutex_unlock(&p->lock);
    gauge_refused(&p->gauge, 1);
}

/* Those that are to be told of now are taken out. */
static bool take_due(struct push *p, enum push_reason why, struct push_refusals *out)
{
    int64_t now = clock_monotonic_us();
    pthread_mutex_lock(&p->lock);
    struct push_refusals *r = &p->refused[why];
    bool due = r->n > 0 && (r->told_us == 0 || now - r->told_us >= TOLD_EVERY_US);
    if (due) {
        *out = *r;
        r->n = 0;
        r->told_us = now;
        p->refused_us = is_failure(why) ? now : p->refused_us;
    }
    pthread_mutex_unlock(&p->lock);
    return due;
}

static void tell(struct push *p, enum push_reason why, const struct push_refusals *r)
{
    char text[256];
    const char *requests = r->n == 1 ? "request" : "requests";
    if (why == PUSH_KEY) {
        snprintf(text, sizeof text, "%lld %s without the right access key (answered %d)",
                 (long long)r->n, requests, r->status);
    } else {
        snprintf(text, sizeof text, "requests are refused with %d: %s", r->status, r->message);
        if (is_failure(why))
            gauge_failure(&p->gauge, text);
        snprintf(text, sizeof text, "%lld %s refused: %s (answered %d)", (long long)r->n, requests,
                 r->message, r->status);
    }
    pthread_mutex_lock(&p->telling);
    if (p->watch.problem)
        p->watch.problem(p->watch.ctx, p->name, text);
    pthread_mutex_unlock(&p->telling);
}

void push_tell_refused(struct push *p)
{
    struct push_refusals due;
    for (int why = 0; why < PUSH_REASONS; why++)
        if (take_due(p, (enum push_reason)why, &due))
            tell(p, (enum push_reason)why, &due);
}

bool push_is_refusing(struct push *p)
{
    pthread_mutex_lock(&p->lock);
    bool lately = p->refused_us > 0 && clock_monotonic_us() - p->refused_us < FAILING_US;
    if (!lately)
        p->refused_us = 0;
    pthread_mutex_unlock(&p->lock);
    return lately;
}
