/* CloudWatch Logs as a source: the interface. See cloudwatch.h; passes and pages are in
 * cloudwatch_pass.c, names of groups in cloudwatch_group.c. */
#include "source/cloudwatch.h"

#include "base/queue.h"
#include "source/cloudwatch_internal.h"

#include <stdio.h>
#include <stdlib.h>

static struct cloudwatch *of(struct source *s)
{
    return (struct cloudwatch *)s;
}

bool cloudwatch_is(const char *operand)
{
    return str_has_prefix(str_from(operand), STR("cloudwatch:"));
}

static enum status begin(struct source *base, const struct source_watch *watch, struct err *err)
{
    (void)err;
    struct cloudwatch *s = of(base);
    s->watch_room = *watch;
    s->watch = &s->watch_room;
    return OK;
}

static bool is_full(const struct cloudwatch *s)
{
    return s->held > HELD_MAX || s->held_pages >= HELD_PAGES;
}

/* A page whose pause is over, under its old ticket. When pages that wait are in the way of new
 * ones, those that only miss bodies wait no longer. */
static bool name_again(const struct cloudwatch *s, struct group *g, struct source_item *item)
{
    bool hurry = is_full(s);
    for (struct page *p = g->first; p; p = p->next) {
        bool due = p->due_us <= clock_monotonic_us() || (hurry && p->outcome == SOURCE_AGAIN);
        if (p->state != PAGE_WAITS || !due)
            continue;
        p->state = PAGE_NAMED;
        item->ticket = p;
        item->name = g->name;
        item->again = true; /* its bytes are at hand, so it was read to its end */
        return true;
    }
    return false;
}

/* An item without content, only to have a position written: at the end, and while following now
 * and then, when no page came that could have carried it. */
static bool name_position(const struct cloudwatch *s, struct group *g, struct source_item *item)
{
    int64_t now_us = clock_monotonic_us();
    bool idle = !g->passing && !cloudwatch_has_pending(g);
    bool due = !s->o.follow || now_us - g->told_us >= (int64_t)TOLD_EVERY_MS * 1000;
    if (!s->watch->position || !idle || !due || g->known_ms <= g->told_ms)
        return false;
    item->name = g->name;
    return true;
}

static void fill(struct group *g, struct source_item *item)
{
    item->grows = true;
    item->mtime_ns = g->known_ms * 1000000;
    g->told_ms = g->known_ms;
    g->told_us = clock_monotonic_us();
}

static void state(struct source *base, struct source_state *out)
{
    gauge_get(&of(base)->gauge, out);
}

/* Under the lock: what needs no network. *full: no further pages now. */
static bool name_at_hand(struct cloudwatch *s, struct source_item *item, bool *full)
{
    struct group *named = NULL;
    s->has_news = false;
    for (struct group *g = s->groups; g; g = g->next)
        cloudwatch_settle(s, g);
    for (struct group *g = s->groups; g && !named; g = g->next)
        if (name_again(s, g, item) || name_position(s, g, item))
            named = g;
    if (named)
        fill(named, item);
    if (item->ticket)
        gauge_named(&s->gauge);
    *full = is_full(s);
    return named != NULL;
}

/* The next group that has a page to give, in turns. */
static struct group *next_passing(struct cloudwatch *s)
{
    struct group *from = s->turn && s->turn->next ? s->turn->next : s->groups, *g = from;
    if (!g)
        return NULL;
    do {
        if (cloudwatch_passing(s, g)) {
            s->turn = g;
            return g;
        }
        g = g->next ? g->next : s->groups;
    } while (g != from);
    return NULL;
}

/* Of one pass: nothing is left to be read, and nobody has anything in hand. Positions are written
 * only for who asks for them. */
static bool is_over(struct cloudwatch *s)
{
    bool over = !s->o.follow;
    pthread_mutex_lock(&s->lock);
    for (struct group *g = s->groups; g && over; g = g->next) {
        over = g->finished;
        if (s->watch->position)
            over &= !cloudwatch_has_pending(g) && g->known_ms <= g->told_ms;
    }
    pthread_mutex_unlock(&s->lock);
    return over;
}

static enum status next(struct source *base, struct source_item *item, bool *more, struct err *err)
{
    struct cloudwatch *s = of(base);
    *item = (struct source_item){.name = NULL};
    *more = true;
    TRY(cloudwatch_list(s, err));
    while (!item->name && !atomic_load(&s->stopped)) {
        bool full;
        pthread_mutex_lock(&s->lock);
        bool named = name_at_hand(s, item, &full);
        pthread_mutex_unlock(&s->lock);
        if (named)
            return OK;
        struct group *g = full ? NULL : next_passing(s);
        if (!g)
            break;
        TRY(cloudwatch_page(s, g, item, err));
        if (item->name) {
            fill(g, item);
            gauge_named(&s->gauge);
        }
    }
    *more = item->name || (!atomic_load(&s->stopped) && !is_over(s));
    return OK;
}

static void wait_some(struct source *base, int64_t ms)
{
    struct cloudwatch *s = of(base);
    int64_t until = queue_deadline(ms);
    int late = 0;
    pthread_mutex_lock(&s->lock);
    while (!s->has_news && late == 0)
        late = queue_wait(&s->news, &s->lock, until);
    pthread_mutex_unlock(&s->lock);
}

static void tell_news(struct cloudwatch *s)
{
    s->has_news = true;
    pthread_cond_broadcast(&s->news);
}

static void stop(struct source *base)
{
    struct cloudwatch *s = of(base);
    atomic_store(&s->stopped, true);
    pthread_mutex_lock(&s->lock);
    tell_news(s);
    pthread_mutex_unlock(&s->lock);
}

static void done(struct source *base, void *ticket, enum source_outcome outcome)
{
    struct cloudwatch *s = of(base);
    struct page *p = ticket;
    pthread_mutex_lock(&s->lock);
    p->outcome = outcome;
    p->state = PAGE_RETURNED;
    tell_news(s);
    int64_t bytes = (int64_t)p->body.n, newest_us = p->newest_ms * 1000;
    pthread_mutex_unlock(&s->lock);
    gauge_done(&s->gauge, outcome, bytes, newest_us);
}

/* How far the pass of a group has come, by the times of its events. */
static int64_t group_position(const struct group *g)
{
    const int64_t million = 1000000;
    if (g->finished)
        return million;
    int64_t from = g->start_ms > 0 ? g->start_ms : g->oldest_ms, all = g->end_ms - from;
    if (!g->passing || g->newest_ms == 0 || all <= 0)
        return 0;
    int64_t part = g->newest_ms > from ? g->newest_ms - from : 0;
    return part >= all ? million : part * (million / 1000) / (all / 1000 + 1);
}

static int64_t position(struct source *base, bool *estimated, int64_t *bytes)
{
    struct cloudwatch *s = of(base);
    int64_t sum = 0, n = 0;
    *estimated = true;
    *bytes = 0;
    if (s->o.follow)
        return -1;
    for (const struct group *g = s->groups; g; g = g->next, n++)
        sum += group_position(g);
    return n ? sum / n : 0;
}

static void free_group(struct group *g)
{
    while (g->first) {
        struct page *p = g->first;
        g->first = p->next;
        buf_fini(&p->body);
        free(p);
    }
    seen_fini(&g->seen);
    buf_fini(&g->token);
    free(g->asked);
    free(g->name);
    free(g);
}

static void close_source(struct source *base)
{
    struct cloudwatch *s = of(base);
    while (s->groups) {
        struct group *g = s->groups;
        s->groups = g->next;
        free_group(g);
    }
    logs_free(s->logs);
    aws_client_free(s->client);
    for (int i = 0; i < s->places_n; i++) {
        s3_bucket_free(s->places[i].bucket);
        free(s->places[i].prefix);
    }
    free(s->places);
    gauge_fini(&s->gauge);
    pthread_cond_destroy(&s->news);
    pthread_mutex_destroy(&s->lock);
    free(s->operand);
    free(s);
}

static enum status open_client(struct cloudwatch *s, struct err *err)
{
    /* Others use the same quota: being throttled is usual, and there is time. */
    enum { ATTEMPTS = 8 };
    const struct aws_client_options o = {
        .credentials = s->o.credentials,
        .region = s->wants.region[0] ? s->wants.region : s->o.region,
        .cancel = &s->stopped,
        .attempts = ATTEMPTS,
    };
    TRY(aws_client_new(&o, &s->client, err));
    const char *region = aws_client_region(s->client);
    if (!region)
        return err_set(err, ERR_USAGE,
                       "no AWS Region is known for %.200s: give --region, or "
                       "cloudwatch:REGION:GROUP",
                       s->operand);
    snprintf(s->region, sizeof s->region, "%s", region);
    snprintf(s->gauge.state.name, sizeof s->gauge.state.name, "cloudwatch:%s:%.*s", region,
             (int)(s->wants.group.n < 200 ? s->wants.group.n : 200), s->wants.group.p);
    return logs_new(s->client, &s->logs, err);
}

/* A copy, with a slash at the end unless it is empty; NULL when memory is short. */
static char *folder(struct str prefix)
{
    char *made = calloc(1, prefix.n + 2);
    if (!made || prefix.n == 0)
        return made;
    memcpy(made, prefix.p, prefix.n);
    if (made[prefix.n - 1] != '/')
        made[prefix.n] = '/';
    return made;
}

static enum status open_places(struct cloudwatch *s, struct err *err)
{
    int n = s->o.body_buckets_n;
    s->places = calloc((size_t)n + 1, sizeof *s->places);
    if (!s->places)
        return err_nomem(err);
    for (; s->places_n < n; s->places_n++) {
        struct body_place *p = &s->places[s->places_n];
        struct str prefix = str_from(s->o.body_buckets[s->places_n]);
        struct str bucket = str_cut(&prefix, '/');
        p->prefix = folder(prefix);
        enum status status = p->prefix ? OK : err_nomem(err);
        if (status == OK)
            status = s3_bucket_new(bucket, NULL, false, &p->bucket, err);
        if (status != OK) {
            free(p->prefix);
            return status;
        }
    }
    s->o.body_buckets = NULL;
    return OK;
}

enum status source_cloudwatch_new(const char *operand, const struct cloudwatch_options *o,
                                  struct source **out, struct err *err)
{
    static const struct source_ops ops = {
        .begin = begin,
        .next = next,
        .position = position,
        .wait = wait_some,
        .stop = stop,
        .done = done,
        .close = close_source,
        .reader_new = cloudwatch_reader_new,
        .reader_free = cloudwatch_reader_free,
        .open = cloudwatch_open,
        .body = cloudwatch_body,
        .state = state,
    };
    struct cloudwatch *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->news, NULL);
    gauge_init(&s->gauge, str_from(operand));
    s->base.ops = &ops;
    s->o = *o;
    s->key = hash_key_random();
    s->operand = strdup(operand);
    enum status status = s->operand ? OK : err_nomem(err);
    if (status == OK && !cloudwatch_parse(s->operand, &s->wants))
        status = err_set(err, ERR_USAGE,
                         "'%.200s' names no log group: cloudwatch:GROUP, cloudwatch:REGION:GROUP "
                         "or cloudwatch:ARN",
                         operand);
    if (status == OK)
        status = open_client(s, err);
    if (status == OK)
        status = open_places(s, err);
    if (status != OK) {
        close_source(&s->base);
        return status;
    }
    *out = &s->base;
    return OK;
}
