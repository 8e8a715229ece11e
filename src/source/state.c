/* States of sources: see state.h. */
#include "source/state.h"

#include "source/source_internal.h"

#include <stdio.h>

static const struct source_state nothing = {.success_us = TIME_NONE,
                                            .error_us = TIME_NONE,
                                            .up_to_us = TIME_NONE,
                                            .waiting = -1,
                                            .oldest_us = TIME_NONE,
                                            .passes = -1};

void source_state_get(struct source *s, struct source_state *out)
{
    *out = nothing;
    if (s->ops->state)
        s->ops->state(s, out);
    out->open = out->named - out->kept - out->known - out->failed;
}

struct source *source_part(struct source *s, int i)
{
    if (s->ops->part)
        return s->ops->part(s, i);
    return i == 0 ? s : NULL;
}

void gauge_init(struct source_gauge *g, struct str name)
{
    pthread_mutex_init(&g->lock, NULL);
    g->state = nothing;
    snprintf(g->state.name, sizeof g->state.name, "%.*s", STR_ARG(name));
}

void gauge_fini(struct source_gauge *g)
{
    pthread_mutex_destroy(&g->lock);
}

void gauge_get(struct source_gauge *g, struct source_state *out)
{
    pthread_mutex_lock(&g->lock);
    *out = g->state;
    pthread_mutex_unlock(&g->lock);
}

void gauge_named(struct source_gauge *g)
{
    pthread_mutex_lock(&g->lock);
    g->state.named++;
    pthread_mutex_unlock(&g->lock);
}

void gauge_done(struct source_gauge *g, enum source_outcome outcome, int64_t bytes,
                int64_t up_to_us)
{
    pthread_mutex_lock(&g->lock);
    struct source_state *s = &g->state;
    bool kept = outcome == SOURCE_KEPT || outcome == SOURCE_AGAIN;
    s->kept += kept;
    s->known += outcome == SOURCE_KNOWN;
    s->again += outcome == SOURCE_AGAIN;
    s->failed += outcome == SOURCE_FAILED;
    s->bytes += kept ? bytes : 0;
    if (outcome != SOURCE_FAILED && up_to_us > s->up_to_us)
        s->up_to_us = up_to_us;
    pthread_mutex_unlock(&g->lock);
}

void gauge_success(struct source_gauge *g)
{
    int64_t now = clock_now_us();
    pthread_mutex_lock(&g->lock);
    g->state.success_us = now;
    g->state.failing = false;
    pthread_mutex_unlock(&g->lock);
}

void gauge_heard(struct source_gauge *g)
{
    int64_t now = clock_now_us();
    pthread_mutex_lock(&g->lock);
    g->state.success_us = now;
    pthread_mutex_unlock(&g->lock);
}

/* Bytes of a text before the request's number: aws/call.h puts it last. */
static size_t without_request(const char *text)
{
    const char *request = strstr(text, "; request ");
    return request ? (size_t)(request - text) : strlen(text);
}

bool gauge_same(const char *a, const char *b)
{
    size_t n = without_request(a);
    return n == without_request(b) && memcmp(a, b, n) == 0;
}

bool gauge_failure(struct source_gauge *g, const char *text)
{
    int64_t now = clock_now_us();
    pthread_mutex_lock(&g->lock);
    struct source_state *s = &g->state;
    bool told = s->failing && gauge_same(s->error, text);
    s->failing = true;
    s->error_us = now;
    if (!told)
        snprintf(s->error, sizeof s->error, "%s", text);
    pthread_mutex_unlock(&g->lock);
    return !told;
}

void gauge_waiting(struct source_gauge *g, int64_t n)
{
    pthread_mutex_lock(&g->lock);
    g->state.waiting = n;
    pthread_mutex_unlock(&g->lock);
}

void gauge_skipped(struct source_gauge *g, int64_t n)
{
    pthread_mutex_lock(&g->lock);
    g->state.skipped += n;
    pthread_mutex_unlock(&g->lock);
}

void gauge_refused(struct source_gauge *g, int64_t n)
{
    pthread_mutex_lock(&g->lock);
    g->state.refused += n;
    pthread_mutex_unlock(&g->lock);
}

void gauge_passes(struct source_gauge *g, int64_t n)
{
    pthread_mutex_lock(&g->lock);
    g->state.passes = n;
    pthread_mutex_unlock(&g->lock);
}
