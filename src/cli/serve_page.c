/* The page of metrics of a daemon, across its lives: see serve.h. */
#include "cli/serve.h"

#include "report/metrics.h"

#include <stdio.h>
#include <stdlib.h>

enum { FAILS_MIN_S = 300, FAILS_POLLS = 3 };

struct serve_page {
    struct serve *of;
    struct metrics_page *page;
    char listen[300];
    pthread_mutex_t lock;  /* what is below */
    struct metrics latest; /* as the main thread saw it last; its texts are these: */
    char store[4096], failure[sizeof((struct serve *)0)->failure];
    char shown_store[4096], shown_failure[sizeof((struct serve *)0)->failure]; /* the page's own */
};

int64_t serve_patience_us(const struct config_source *c)
{
    int64_t s = c->poll_s * FAILS_POLLS;
    return (s > FAILS_MIN_S ? s : FAILS_MIN_S) * US_PER_SECOND;
}

/* The page's thread. Counters are as they are now, the rest as it was a second ago. */
static void fill(void *ctx, struct metrics *m)
{
    struct serve_page *p = ctx;
    const struct serve *s = p->of;
    pthread_mutex_lock(&p->lock);
    *m = p->latest;
    memcpy(p->shown_store, p->store, sizeof p->store);
    memcpy(p->shown_failure, p->failure, sizeof p->failure);
    pthread_mutex_unlock(&p->lock);
    m->store = p->shown_store;
    m->failure = p->shown_failure;
    m->now_us = clock_now_us();
    m->items = s->items;
    m->invocations = s->invocations;
    m->quarantined = s->quarantined;
    m->committed_us = s->committed_us;
    metrics_measure(m);
}

enum status serve_page_open(struct serve *s, const struct config *c, struct err *err)
{
    serve_page_leave(s, c);
    if (s->page || !c->status_listen)
        return OK;
    struct err why = {0};
    struct serve_page *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(err);
    p->of = s;
    snprintf(p->listen, sizeof p->listen, "%s", c->status_listen);
    pthread_mutex_init(&p->lock, NULL);
    s->page = p;
    serve_page_show(s, c);
    enum status status = metrics_page_new(c->status_listen, fill, p, &p->page, &why);
    if (status != OK) {
        serve_page_leave(s, NULL);
        return err_set(err, status, "status_listen: %.300s", why.text);
    }
    return OK;
}

void serve_page_leave(struct serve *s, const struct config *c)
{
    struct serve_page *p = s->page;
    if (!p || (c && c->status_listen && strcmp(c->status_listen, p->listen) == 0))
        return;
    metrics_page_free(p->page);
    pthread_mutex_destroy(&p->lock);
    free(p);
    s->page = NULL;
}

static void show_sources(const struct serve *s, const struct config *c, struct metrics *m)
{
    int64_t mono = clock_monotonic_us();
    m->sources_n = s->states_n < c->sources_n ? s->states_n : c->sources_n;
    for (int i = 0; i < m->sources_n; i++) {
        const struct config_source *of = &c->sources[i];
        m->sources[i] = s->states[i];
        snprintf(m->sources[i].name, sizeof m->sources[i].name, "%s", of->name);
        m->failing_us[i] = s->watch.told[i].failing ? mono - s->watch.told[i].since_us : 0;
        m->patience_us[i] = serve_patience_us(of);
    }
}

void serve_page_show(struct serve *s, const struct config *c)
{
    struct serve_page *p = s->page;
    struct serve_state size = {.config = c};
    if (!p)
        return;
    serve_state_measure(&size);
    pthread_mutex_lock(&p->lock);
    struct metrics *m = &p->latest;
    metrics_init(m);
    m->started_us = s->started_us;
    m->bytes = s->bytes_before + s->bytes;
    m->records = s->records_before + s->records;
    m->problems = s->problems + s->watch.failures;
    m->store_bytes = size.store_bytes;
    show_sources(s, c, m);
    snprintf(p->store, sizeof p->store, "%s", c->store);
    memcpy(p->failure, s->failure, sizeof p->failure);
    pthread_mutex_unlock(&p->lock);
}

int serve_page_port(const struct serve *s)
{
    return s->page ? metrics_page_port(s->page->page) : 0;
}
