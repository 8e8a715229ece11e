/* Messages in work: see sqs.h. What they name becomes parts; when all of these are handed back it
 * is decided what becomes of the message. */
#include "source/sqs_internal.h"

#include "source/key.h"

#include <stdio.h>
#include <stdlib.h>

void sqs_held_free(struct sqs_held *m)
{
    for (size_t i = 0; i < m->parts_n; i++) {
        free(m->parts[i].name);
        if (m->parts[i].bucket)
            atomic_fetch_sub(&m->parts[i].bucket->users, 1);
    }
    free(m->receipt);
    free(m);
}

/* Only what cannot break a line. */
static void put_plain(char *out, size_t room, struct str s)
{
    size_t n = 0;
    for (; n < s.n && n + 1 < room; n++)
        out[n] = s.p[n] > ' ' && s.p[n] <= '~' ? s.p[n] : '?';
    out[n] = '\0';
}

static struct sqs_held *held_new(struct sqs_source *s, const struct sqs_message *from, size_t parts)
{
    size_t n = parts ? parts : 1; /* one of them may become the reason of a quarantine */
    struct sqs_held *m = calloc(1, sizeof *m + n * sizeof m->parts[0]);
    if (!m)
        return NULL;
    m->parts_n = n;
    m->receipt = strndup(from->receipt.p, from->receipt.n);
    m->receives = from->receives;
    m->sent_us = from->sent_us;
    m->first_us = from->first_us != TIME_NONE ? from->first_us : s->begun_us;
    m->hidden_until = clock_monotonic_us() + s->hide_s * US_PER_SECOND;
    put_plain(m->id, sizeof m->id, from->id);
    for (size_t i = 0; i < n; i++)
        m->parts[i] = (struct sqs_part){.of = m, .event_us = TIME_NONE, .opened = -1};
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
    TRY(sqs_bucket_use(s, o->bucket, o->region, &p->bucket, err));
    if (asprintf(&p->name, "s3://%.*s/%.*s", STR_ARG(o->bucket), STR_ARG(o->key)) < 0) {
        p->name = NULL;
        return err_nomem(err);
    }
    p->size = o->size < 0 ? 0 : o->size;
    p->event_us = o->event_us;
    m->open++;
    return OK;
}

/* Logs of another service, in the layout that they share (CloudTrail user guide, "Finding your
 * CloudTrail log files"; read 2026-11): AWSLogs/{o-organization/}{account}/{kind}/. */
static bool is_foreign(struct str key)
{
    ptrdiff_t at = key_layout(key);
    if (at < 0)
        return false;
    struct str rest = str_skip(key, (size_t)at + strlen("AWSLogs/")), element;
    bool more = key_element(&rest, &element);
    if (more && str_has_prefix(element, STR("o-")))
        more = key_element(&rest, &element);
    return more && key_all_digits(element) && key_element(&rest, &element) && rest.p &&
           !str_eq(element, STR("BedrockModelInvocationLogs"));
}

static bool may_hold_records(const struct sqs_object *o)
{
    return o->size != 0 && o->key.p[o->key.n - 1] != '/' && key_is_record(o->key) &&
           !is_foreign(o->key);
}

/* The message has one part left: that it goes into the quarantine. */
static void refuse(struct sqs_held *m, const char *why)
{
    m->refused = true;
    m->stranger = false;
    m->open = 1;
    m->parts[0].refused = true;
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
        bool heeded = sqs_bucket_heeded(s, o->bucket);
        enum status status = heeded ? add_object(s, m, o, &why) : sqs_bucket_check(o->bucket, &why);
        if (status == ERR_NOMEM)
            return err_nomem(err);
        if (status != OK) { /* no bucket has such a name: S3 did not write this */
            char name[STR_FOUND], text[256];
            snprintf(text, sizeof text, "bucket %s: %.180s", str_found(name, o->bucket), why.text);
            refuse(m, text);
            return OK;
        }
        if (heeded)
            continue;
        m->stranger = true;
        sqs_stranger(s, o->bucket);
    }
    return OK;
}

void sqs_enqueue(struct sqs_source *s, struct sqs_part *p)
{
    struct sqs_part **at = &s->waiting;
    while (*at && (*at)->due_us <= p->due_us)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
}

static uint64_t id_of(const struct sqs_source *s, const struct sqs_held *m)
{
    return hash64(s->key, m->id, strlen(m->id));
}

/* Nobody else takes it out of the queue, and what it names was not there for long enough. Nothing
 * else is a reason: what cannot be read today may be readable tomorrow. */
static bool is_hopeless(const struct sqs_source *s, const struct sqs_held *m)
{
    return !m->refused && !m->trouble && !m->stranger && !atomic_load(&s->redrives) &&
           m->receives >= SQS_OFTEN && aws_client_now_us(s->client) - m->first_us >= s->give_up_us;
}

static void give_up(struct sqs_source *s, struct sqs_held *m)
{
    char text[256], name[160] = "";
    for (size_t i = 0; i < m->parts_n; i++)
        if (m->parts[i].name && (!name[0] || atomic_load(&m->parts[i].gone)))
            put_plain(name, sizeof name, str_from(m->parts[i].name));
    snprintf(text, sizeof text, "%s could not be read, %lld times: %s", name,
             (long long)m->receives, status_text(ERR_NOT_FOUND));
    refuse(m, text);
    m->failed = false;
    s->open_n++;
    sqs_enqueue(s, &m->parts[0]);
    pthread_cond_broadcast(&s->wake);
}

/* Twice as long each time. Where a policy counts how often a message was received, the reason why
 * it could not be read is given more time to pass. */
static int pause_of(const struct sqs_source *s, const struct sqs_held *m)
{
    bool counted = atomic_load(&s->redrives) && m->trouble;
    int pause_s = m->refused ? 2 : m->stranger ? 60 : !counted ? 5 : m->denied ? 900 : 120;
    int most_s = counted || m->stranger ? 3600 : 900;
    for (int64_t i = 1; i < m->receives && pause_s < most_s; i++)
        pause_s *= 2;
    return pause_s < most_s ? pause_s : most_s;
}

/* All parts are finished. */
static void finish(struct sqs_source *s, struct sqs_held *m)
{
    bool stopped = atomic_load(&s->stopped);
    m->aim = SQS_RETURN;
    m->return_s = 0;
    if (!m->failed && !m->stranger && !(m->refused && atomic_load(&s->redrives)))
        m->aim = SQS_DELETE;
    else if (m->failed && !stopped && is_hopeless(s, m)) {
        m->aim = SQS_WORK;
        give_up(s, m);
    } else if (!(m->failed && stopped))
        m->return_s = pause_of(s, m);
}

void sqs_finish_part(struct sqs_source *s, struct sqs_part *p, bool failed)
{
    struct sqs_held *m = p->of;
    int opened = atomic_load(&p->opened);
    bool gone = opened == ERR_NOT_FOUND && atomic_load(&p->gone);
    m->failed = m->failed || failed;
    m->trouble = m->trouble || (failed && !gone);
    m->denied = m->denied || (failed && (opened == ERR_ACCESS || atomic_load(&p->no_bodies)));
    /* Forgetting it only means that it is quarantined once more. */
    if (p->refused && !failed)
        (void)!seen_add(&s->refused, id_of(s, m), 0, 0, NULL);
    s->open_n--;
    if (--m->open == 0)
        finish(s, m);
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
        sqs_enqueue(s, &m->parts[i]);
    if (m->open == 0)
        finish(s, m);
    pthread_mutex_unlock(&s->lock);
}

enum status sqs_take_message(struct sqs_source *s, const struct sqs_message *from, struct err *err)
{
    struct err why = {0};
    int64_t skipped = 0;
    enum status status = sqs_event_read(&s->event, from->body, &why);
    if (status == ERR_NOMEM)
        return err_nomem(err);
    struct sqs_held *m = held_new(s, from, s->event.n);
    if (!m)
        return err_nomem(err);
    if (status != OK)
        refuse(m, why.text);
    else if (add_objects(s, m, &skipped, err) != OK) {
        sqs_held_free(m);
        return ERR_NOMEM;
    }
    /* It stands in the quarantine already; it is on its way to another queue. */
    pthread_mutex_lock(&s->lock);
    if (m->refused && atomic_load(&s->redrives) && seen_has(&s->refused, id_of(s, m)))
        m->open = 0;
    pthread_mutex_unlock(&s->lock);
    take_held(s, m, skipped);
    return OK;
}
