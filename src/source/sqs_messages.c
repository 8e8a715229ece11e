/* Messages in work: see sqs.h. What they name becomes parts; when all of these are handed back it
 * is decided what becomes of the message. */
#include "source/sqs_internal.h"

#include "source/key.h"

#include <stdio.h>
#include <stdlib.h>

void sqs_held_free(struct sqs_held *m)
{
    for (size_t i = 0; i < m->parts_n; i++)
        free(m->parts[i].name);
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

void sqs_enqueue(struct sqs_source *s, struct sqs_part *p)
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
        sqs_enqueue(s, &m->parts[i]);
    if (m->open == 0)
        sqs_finish(s, m);
    pthread_mutex_unlock(&s->lock);
}

enum status sqs_take_message(struct sqs_source *s, const struct sqs_message *from, struct err *err)
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
    sqs_enqueue(s, &m->parts[0]);
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
