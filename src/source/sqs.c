/* The SQS source: see sqs.h. Here is the naming, and what becomes of messages whose objects are
 * handed back. */
#include "source/sqs_internal.h"

#include "aws/s3.h"
#include "base/queue.h"
#include "source/key.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLOSE_MS = 5000 };

static struct sqs_source *of(struct source *s)
{
    return (struct sqs_source *)s;
}

static void tell(struct sqs_source *s, const struct err *why)
{
    if (gauge_failure(&s->gauge, why->text))
        s->watch.problem(s->watch.ctx, s->queue.url, why->text);
}

void sqs_held_free(struct sqs_held *m)
{
    for (size_t i = 0; i < m->parts_n; i++)
        free(m->parts[i].name);
    free(m->receipt);
    free(m);
}

static enum status begin(struct source *base, const struct source_watch *watch, struct err *err)
{
    struct sqs_source *s = of(base);
    const struct aws_client_options o = {
        .credentials = s->credentials, .region = s->region, .cancel = &s->stopped, .attempts = 3};
    s->watch = *watch;
    TRY(aws_client_new(&o, &s->client, err));
    s->keeping = pthread_create(&s->keeper, NULL, sqs_keeper_main, s) == 0;
    return s->keeping ? OK : err_set(err, ERR_NOMEM, "cannot start a thread");
}

/* ---- messages */

/* Only what cannot break a line. */
static void put_plain(char *out, size_t room, struct str s)
{
    size_t n = 0;
    for (; n < s.n && n + 1 < room; n++)
        out[n] = s.p[n] > ' ' && s.p[n] <= '~' ? s.p[n] : '?';
    out[n] = '\0';
}

static struct sqs_held *held_new(const struct sqs_message *from, size_t parts, int64_t hide_s)
{
    size_t n = parts ? parts : 1; /* one of them may become the reason of a quarantine */
    struct sqs_held *m = calloc(1, sizeof *m + n * sizeof m->parts[0]);
    if (!m)
        return NULL;
    m->parts_n = n;
    m->receipt = strndup(from->receipt.p, from->receipt.n);
    m->receives = from->receives;
    m->sent_us = from->sent_us;
    m->hidden_until = clock_monotonic_us() + hide_s * US_PER_SECOND;
    put_plain(m->id, sizeof m->id, from->id);
    for (size_t i = 0; i < n; i++)
        m->parts[i] = (struct sqs_part){.of = m, .bucket = -1, .event_us = TIME_NONE};
    if (!m->receipt) {
        sqs_held_free(m);
        return NULL;
    }
    return m;
}

static enum status add_object(struct sqs_source *s, struct sqs_held *m, const struct sqs_object *o,
                              struct err *err)
{
    struct sqs_part *p = &m->parts[m->open];
    TRY(sqs_bucket_find(s, o->bucket, o->region, &p->bucket, err));
    if (asprintf(&p->name, "s3://%.*s/%.*s", STR_ARG(o->bucket), STR_ARG(o->key)) < 0) {
        p->name = NULL;
        return err_nomem(err);
    }
    p->size = o->size < 0 ? 0 : o->size;
    p->event_us = o->event_us;
    m->open++;
    return OK;
}

static bool may_hold_records(const struct sqs_object *o)
{
    return o->size != 0 && o->key.p[o->key.n - 1] != '/' && key_is_record(o->key);
}

/* The message has one part left: that it goes into the quarantine. */
static void refuse(struct sqs_held *m, const char *why)
{
    m->refused = true;
    m->open = 1;
    m->parts[0].bucket = -1;
    m->parts[0].due_us = 0;
    snprintf(m->reason, sizeof m->reason, "message %.70s: %.200s", m->id, why);
}

/* What the message names becomes parts; *skipped: events that are nothing to be read. */
static enum status add_objects(struct sqs_source *s, struct sqs_held *m, int64_t *skipped,
                               struct err *err)
{
    struct err why = {0};
    *skipped = (int64_t)s->event.skipped;
    for (size_t i = 0; i < s->event.n; i++) {
        const struct sqs_object *o = &s->event.objects[i];
        if (!may_hold_records(o)) {
            (*skipped)++;
            continue;
        }
        enum status status = add_object(s, m, o, &why);
        if (status == ERR_NOMEM)
            return err_nomem(err);
        if (status != OK) {
            char name[STR_FOUND], text[256];
            snprintf(text, sizeof text, "bucket %s: %.180s", str_found(name, o->bucket), why.text);
            refuse(m, text);
            return OK;
        }
    }
    return OK;
}

/* Under the lock. */
static void enqueue(struct sqs_source *s, struct sqs_part *p)
{
    struct sqs_part **at = &s->waiting;
    while (*at && (*at)->due_us <= p->due_us)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
}

static void take_held(struct sqs_source *s, struct sqs_held *m, int64_t skipped)
{
    gauge_skipped(&s->gauge, skipped);
    pthread_mutex_lock(&s->lock);
    m->next = s->held;
    s->held = m;
    s->held_n++;
    s->open_n += m->open;
    for (size_t i = 0; i < m->open; i++)
        enqueue(s, &m->parts[i]);
    if (m->open == 0)
        sqs_finish(s, m);
    pthread_mutex_unlock(&s->lock);
}

static enum status take_message(struct sqs_source *s, const struct sqs_message *from,
                                struct err *err)
{
    struct err why = {0};
    int64_t skipped = 0;
    enum status status = sqs_event_read(&s->event, from->body, &why);
    if (status == ERR_NOMEM)
        return err_nomem(err);
    struct sqs_held *m = held_new(from, s->event.n, s->hide_s);
    if (!m)
        return err_nomem(err);
    if (status != OK)
        refuse(m, why.text);
    else if (add_objects(s, m, &skipped, err) != OK) {
        sqs_held_free(m);
        return ERR_NOMEM;
    }
    /* It stands in the quarantine since it came first; it is on its way to another queue. */
    if (m->refused && m->receives > 1 && atomic_load(&s->redrives))
        m->open = 0;
    take_held(s, m, skipped);
    return OK;
}

/* ---- naming */

static bool give(struct sqs_source *s, struct source_item *item)
{
    int64_t now = aws_client_now_us(s->client);
    pthread_mutex_lock(&s->lock);
    struct sqs_part *p = s->waiting && s->waiting->due_us <= now ? s->waiting : NULL;
    if (p)
        s->waiting = p->next;
    pthread_mutex_unlock(&s->lock);
    if (!p)
        return false;
    bool object = p->bucket >= 0;
    *item = (struct source_item){.name = object ? p->name : s->queue.url,
                                 .size = object ? p->size : 0,
                                 .grows = !object,
                                 .ticket = p};
    /* LastModified has whole seconds. */
    if (object && p->event_us > 0)
        item->mtime_ns = p->event_us / US_PER_SECOND * 1000000000;
    if (object)
        gauge_named(&s->gauge);
    return true;
}

/* How long the next poll may wait, in seconds; -1: there is enough in work. */
static int poll_wait(struct sqs_source *s)
{
    int64_t wait = s->wait_s, now = aws_client_now_us(s->client);
    pthread_mutex_lock(&s->lock);
    if (s->held_n >= SQS_HELD_MAX || s->open_n >= SQS_HELD_MAX)
        wait = -1;
    else if (s->waiting && s->waiting->due_us - now < wait * US_PER_SECOND)
        wait = s->waiting->due_us <= now ? 0 : (s->waiting->due_us - now) / US_PER_SECOND + 1;
    pthread_mutex_unlock(&s->lock);
    return (int)wait;
}

static enum status receive(struct sqs_source *s, int wait_s, struct err *err)
{
    const struct sqs_wish wish = {.most = SQS_BATCH, .wait_s = wait_s, .hide_s = (int)s->hide_s};
    struct err why = {0};
    struct sqs_depth d;
    /* Whether the queue has a redrive policy must be known before a message is given up. */
    if (!s->asked && sqs_depth(s->client, &s->queue, &d, &why) == OK)
        atomic_store(&s->redrives, d.redrives);
    else if (!s->asked && !atomic_load(&s->stopped))
        tell(s, &why);
    s->asked = true;
    TRY(sqs_receive(s->client, &s->queue, &wish, &s->batch, err));
    gauge_success(&s->gauge);
    for (size_t i = 0; i < s->batch.n; i++)
        TRY(take_message(s, &s->batch.messages[i], err));
    return OK;
}

static enum status after_failure(struct sqs_source *s, enum status status, const struct err *why,
                                 struct err *err)
{
    const int64_t most_us = 300 * US_PER_SECOND;
    if (atomic_load(&s->stopped))
        return OK;
    if (status == ERR_NOMEM) {
        if (err)
            *err = *why;
        return status;
    }
    tell(s, why);
    int64_t pause = 2 * US_PER_SECOND << (s->failures < 8 ? s->failures : 8);
    s->failures++;
    s->again_at = clock_monotonic_us() + (pause < most_us ? pause : most_us);
    return OK;
}

static enum status next(struct source *base, struct source_item *item, bool *more, struct err *err)
{
    struct sqs_source *s = of(base);
    struct err why = {0};
    *item = (struct source_item){.name = NULL};
    *more = !atomic_load(&s->stopped);
    if (!*more || give(s, item))
        return OK;
    int wait_s = poll_wait(s);
    if (wait_s < 0 || clock_monotonic_us() < s->again_at)
        return OK;
    enum status status = receive(s, wait_s, &why);
    if (status != OK)
        return after_failure(s, status, &why, err);
    s->failures = 0;
    give(s, item);
    return OK;
}

static int64_t position(struct source *base, bool *estimated, int64_t *bytes)
{
    (void)base;
    *estimated = true;
    *bytes = 0;
    return -1;
}

static void wait_some(struct source *base, int64_t ms)
{
    struct sqs_source *s = of(base);
    struct timespec until = queue_deadline(ms);
    int64_t now = aws_client_now_us(s->client);
    pthread_mutex_lock(&s->lock);
    bool full = s->held_n >= SQS_HELD_MAX || s->open_n >= SQS_HELD_MAX;
    bool ready = s->waiting && s->waiting->due_us <= now;
    /* Otherwise the queue itself is what is waited for. */
    if (!atomic_load(&s->stopped) && !ready && (full || s->failures > 0))
        pthread_cond_timedwait(&s->wake, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

static void stop(struct source *base)
{
    struct sqs_source *s = of(base);
    pthread_mutex_lock(&s->lock);
    atomic_store(&s->stopped, true);
    for (int i = 0; i < s->buckets_n; i++)
        source_stop(s->buckets[i].s3);
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

/* ---- outcomes */

/* Nobody else takes it out of the queue, and it has had its chances. */
static bool is_hopeless(const struct sqs_source *s, const struct sqs_held *m)
{
    int64_t now = aws_client_now_us(s->client);
    return !atomic_load(&s->redrives) && m->receives >= SQS_OFTEN &&
           (m->gone || m->sent_us == TIME_NONE || now - m->sent_us >= s->give_up_us);
}

static void give_up(struct sqs_source *s, struct sqs_held *m)
{
    char text[256], name[160] = "";
    enum status why = OK;
    for (size_t i = 0; i < m->parts_n; i++)
        if (m->parts[i].name && (why == OK || !name[0])) {
            put_plain(name, sizeof name, str_from(m->parts[i].name));
            why = (enum status)atomic_load(&m->parts[i].opened);
        }
    snprintf(text, sizeof text, "%s could not be read, %lld times: %s", name,
             (long long)m->receives, why == OK ? "it breaks off" : status_text(why));
    refuse(m, text);
    m->failed = false;
    s->open_n++;
    enqueue(s, &m->parts[0]);
    pthread_cond_broadcast(&s->wake);
}

void sqs_finish(struct sqs_source *s, struct sqs_held *m)
{
    static const int pauses_s[SQS_OFTEN] = {5, 10, 20, 40, 60};
    bool stopped = atomic_load(&s->stopped);
    m->aim = SQS_RETURN;
    if (!m->failed && m->refused && atomic_load(&s->redrives))
        m->return_s = 1;
    else if (!m->failed)
        m->aim = SQS_DELETE;
    else if (stopped)
        m->return_s = 0;
    else if (!m->refused && is_hopeless(s, m)) {
        m->aim = SQS_WORK;
        give_up(s, m);
    } else
        m->return_s = pauses_s[m->receives > SQS_OFTEN ? SQS_OFTEN - 1 : m->receives - 1];
}

static void done(struct source *base, void *ticket, enum source_outcome outcome)
{
    struct sqs_source *s = of(base);
    struct sqs_part *p = ticket;
    struct sqs_held *m = p->of;
    int64_t due = TIME_NONE;
    if (p->bucket < 0)
        gauge_refused(&s->gauge, outcome == SOURCE_KEPT);
    else
        gauge_done(&s->gauge, outcome, p->size, p->event_us);
    if (outcome == SOURCE_AGAIN && p->event_us != TIME_NONE)
        due = source_body_due(p->event_us, aws_client_now_us(s->client));
    pthread_mutex_lock(&s->lock);
    if (due != TIME_NONE && !atomic_load(&s->stopped)) {
        p->due_us = due;
        enqueue(s, p);
    } else {
        m->failed = m->failed || outcome == SOURCE_FAILED;
        m->gone = m->gone || (outcome == SOURCE_FAILED && atomic_load(&p->opened) == ERR_NOT_FOUND);
        s->open_n--;
        if (--m->open == 0)
            sqs_finish(s, m);
    }
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

static void state(struct source *base, struct source_state *out)
{
    struct sqs_source *s = of(base);
    gauge_get(&s->gauge, out);
    pthread_mutex_lock(&s->lock);
    for (const struct sqs_held *m = s->held; m; m = m->next)
        if (m->sent_us != TIME_NONE && (out->oldest_us == TIME_NONE || m->sent_us < out->oldest_us))
            out->oldest_us = m->sent_us;
    pthread_mutex_unlock(&s->lock);
}

/* ---- making and closing */

/* The keeper's last round: deletes what is safe and gives the rest back, in a few seconds. */
static void end_keeper(struct sqs_source *s)
{
    struct timespec until = queue_deadline(CLOSE_MS);
    int late = 0;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_broadcast(&s->keep);
    while (!s->ended && late == 0)
        late = pthread_cond_timedwait(&s->kept, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->abandoned, true);
    pthread_join(s->keeper, NULL);
}

static void free_names(char **v, int n)
{
    for (int i = 0; i < n; i++)
        free(v[i]);
    free(v);
}

static void close_source(struct source *base)
{
    struct sqs_source *s = of(base);
    stop(base);
    if (s->keeping)
        end_keeper(s);
    for (struct sqs_held *m = s->held, *after; m; m = after) {
        after = m->next;
        sqs_held_free(m);
    }
    for (int i = 0; i < s->buckets_n; i++) {
        source_close(s->buckets[i].s3);
        free(s->buckets[i].name);
    }
    aws_client_free(s->client);
    sqs_batch_fini(&s->batch);
    sqs_event_fini(&s->event);
    gauge_fini(&s->gauge);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->keep);
    pthread_cond_destroy(&s->kept);
    pthread_mutex_destroy(&s->lock);
    free_names(s->allowed, s->allowed_n);
    free_names(s->body_buckets, s->body_buckets_n);
    free(s->region);
    free(s);
}

static enum status copy_names(const char *const *from, int n, char ***v, int *v_n, struct err *err)
{
    *v = calloc((size_t)n + 1, sizeof **v);
    if (!*v)
        return err_nomem(err);
    for (; *v_n < n; (*v_n)++) {
        (*v)[*v_n] = strdup(from[*v_n]);
        if (!(*v)[*v_n])
            return err_nomem(err);
    }
    return OK;
}

/* Bodies' buckets are used when a message names one; that they are names is found out now. */
static enum status check_bucket(const char *text, struct err *err)
{
    struct str rest = str_from(text);
    struct s3_bucket *b = NULL;
    if (str_has_prefix(rest, STR("s3://")))
        rest = str_skip(rest, 5);
    enum status status = s3_bucket_new(str_cut(&rest, '/'), NULL, false, &b, err);
    s3_bucket_free(b);
    return status;
}

static enum status fill(struct sqs_source *s, const struct sqs_options *o, struct err *err)
{
    TRY(sqs_queue_init(&s->queue, o->url, o->region, err));
    snprintf(s->gauge.state.name, sizeof s->gauge.state.name, "%.255s", s->queue.url);
    s->region = o->region ? strdup(o->region) : NULL;
    if (o->region && !s->region)
        return err_nomem(err);
    TRY(copy_names(o->buckets, o->buckets_n, &s->allowed, &s->allowed_n, err));
    TRY(copy_names(o->body_buckets, o->body_buckets_n, &s->body_buckets, &s->body_buckets_n, err));
    for (int i = 0; i < o->buckets_n; i++)
        TRY(check_bucket(o->buckets[i], err));
    for (int i = 0; i < o->body_buckets_n; i++)
        TRY(check_bucket(o->body_buckets[i], err));
    if (s->hide_s < 2 || s->hide_s > SQS_HIDE_MAX_S || s->wait_s < 0 || s->wait_s > SQS_WAIT_MAX_S)
        return err_set(err, ERR_USAGE, "a queue hides for 2 to %d s and waits for 0 to %d s",
                       SQS_HIDE_MAX_S, SQS_WAIT_MAX_S);
    return OK;
}

enum status source_sqs_new(const struct sqs_options *o, struct source **out, struct err *err)
{
    static const struct source_ops ops = {
        .begin = begin,
        .next = next,
        .position = position,
        .wait = wait_some,
        .stop = stop,
        .done = done,
        .close = close_source,
        .reader_new = sqs_reader_new,
        .reader_free = sqs_reader_free,
        .open = sqs_open,
        .body = sqs_body,
        .state = state,
    };
    struct sqs_source *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    s->base.ops = &ops;
    s->credentials = o->credentials;
    s->requester_pays = o->requester_pays;
    s->hide_s = o->hide_s ? o->hide_s : 120;
    s->wait_s = o->wait_s ? o->wait_s : SQS_WAIT_MAX_S;
    s->depth_us = o->depth_us ? o->depth_us : 30 * US_PER_SECOND;
    s->give_up_us = o->give_up_us ? o->give_up_us : US_PER_HOUR;
    sqs_batch_init(&s->batch);
    sqs_event_init(&s->event);
    gauge_init(&s->gauge, STR(""));
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    pthread_cond_init(&s->keep, NULL);
    pthread_cond_init(&s->kept, NULL);
    enum status status = fill(s, o, err);
    if (status != OK) {
        close_source(&s->base);
        return status;
    }
    *out = &s->base;
    return OK;
}
