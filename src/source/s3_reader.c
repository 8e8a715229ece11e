/* Opening objects and bodies: see s3.h. Each reader has a client, and so connections, of its own.
 */
#include "source/s3_internal.h"

#include "base/io.h"
#include "net/retry.h"
#include "source/key.h"

#include <stdio.h>
#include <stdlib.h>

static const struct http_body_limits item_limits = {.memory_max = 2 << 20,
                                                    .file_max = UINT64_C(64) << 30};
static const struct http_body_limits body_limits = {.memory_max = 1 << 20, .file_max = 1 << 30};

struct s3_reader {
    struct source_reader base;
    struct aws_client *client;
    struct aws_answer item, body;
};

void pace_wait(struct pace *p, const _Atomic bool *stop)
{
    if (p->step_us == 0)
        return;
    int64_t now = clock_monotonic_us();
    pthread_mutex_lock(&p->lock);
    int64_t mine = p->next_us > now ? p->next_us : now;
    p->next_us = mine + p->step_us;
    pthread_mutex_unlock(&p->lock);
    retry_wait((mine - now + 999) / 1000, stop);
}

void s3_well(struct s3_source *s)
{
    if (atomic_load(&s->denied) + atomic_load(&s->unseen) + atomic_load(&s->failures) > 0)
        gauge_heard(&s->gauge);
    else
        gauge_success(&s->gauge);
}

enum status s3_client_new(struct s3_source *s, struct aws_client **out, struct err *err)
{
    /* S3 asks to come back slower now and then; a backfill has the time. */
    enum { ATTEMPTS = 8 };
    const struct aws_client_options o = {.credentials = s->credentials,
                                         .region = s->region,
                                         .cancel = &s->stopped,
                                         .attempts = ATTEMPTS};
    return aws_client_new(&o, out, err);
}

enum status s3_reader_new(struct source *base, struct source_reader **out, struct err *err)
{
    struct s3_reader *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    enum status status = s3_client_new((struct s3_source *)base, &r->client, err);
    if (status != OK) {
        free(r);
        return status;
    }
    aws_answer_init(&r->item);
    aws_answer_init(&r->body);
    *out = &r->base;
    return OK;
}

void s3_reader_free(struct source_reader *base)
{
    struct s3_reader *r = (struct s3_reader *)base;
    aws_answer_fini(&r->item);
    aws_answer_fini(&r->body);
    aws_client_free(r->client);
    free(r);
}

static struct s3_source *source_of(const struct source_reader *r)
{
    return (struct s3_source *)r->source;
}

/* The answer's body becomes the caller's, as far as it is a file. */
static void take_body(struct aws_answer *a, struct source_bytes *out)
{
    out->fd = a->http.body_fd;
    a->http.body_fd = -1;
    out->bytes = out->fd < 0 ? buf_view(&a->http.body) : STR_NONE;
}

enum status s3_open(struct source_reader *base, const struct source_item *item,
                    struct source_bytes *out, struct err *err)
{
    struct s3_reader *r = (struct s3_reader *)base;
    struct s3_source *s = source_of(base);
    struct ticket *t = item->ticket;
    struct err why = {0};
    struct str key = str_skip(str_from(item->name), 5 + s3_bucket_name(s->bucket).n + 1);
    atomic_fetch_add(&s->begun, 1);
    if (t)
        atomic_store(&t->begun, true);
    pace_wait(&s->pace, &s->stopped);
    enum status status = s3_get(r->client, s->bucket, key, false, &item_limits, &r->item, &why);
    if (t)
        atomic_store(&t->unopened, status != OK);
    if (t) {
        const char *code = r->item.code;
        atomic_store(&t->gone, status == ERR_NOT_FOUND && strcmp(code, "NoSuchBucket") != 0);
        atomic_store(&t->archived, status != OK && strcmp(code, "InvalidObjectState") == 0);
    }
    if (status != OK) {
        if (status != ERR_INTERRUPTED && status != ERR_NOT_FOUND)
            gauge_failure(&s->gauge, why.text);
        if (err)
            *err = why;
        return status;
    }
    s3_well(s);
    struct key_facts facts = key_facts(key);
    *out = (struct source_bytes){
        .account = facts.account, .region = facts.region, .delivery_us = facts.hour_us};
    take_body(&r->item, out);
    return OK;
}

/* Where the configuration allows bodies to be; NULL for anywhere else. */
static const struct body_place *find_place(const struct s3_source *s, struct str bucket,
                                           struct str key)
{
    for (int i = 0; i < s->bodies_n; i++)
        if (str_eq(bucket, s3_bucket_name(s->bodies[i].bucket)) &&
            source_body_is_below(str_from(s->bodies[i].prefix), key))
            return &s->bodies[i];
    return NULL;
}

/* That bodies may not be read is told once: it is so for all of them. */
static void tell_refused(struct s3_source *s, const struct err *why)
{
    gauge_failure(&s->gauge, why->text);
    if (!atomic_exchange(&s->body_refused, true))
        s->watch.problem(s->watch.ctx, s->shown, why->text);
}

enum status s3_body(struct source_reader *base, const char *name, struct str uri, struct str key,
                    bool look, struct source_bytes *out, struct err *err)
{
    (void)name;
    (void)key;
    struct s3_reader *r = (struct s3_reader *)base;
    struct s3_source *s = source_of(base);
    struct err why = {0};
    struct str rest = str_skip(uri, 5), bucket = str_cut(&rest, '/');
    const struct body_place *place = rest.n > 0 ? find_place(s, bucket, rest) : NULL;
    if (!place)
        return err_set(err, ERR_ACCESS, "the body is not in a bucket that may be read for bodies");
    pace_wait(&s->pace, &s->stopped);
    enum status status = s3_get(r->client, place->bucket, rest, look, &body_limits, &r->body, &why);
    if (status == ERR_ACCESS)
        tell_refused(s, &why);
    if (status != OK) {
        if (err)
            *err = why;
        return status;
    }
    *out = (struct source_bytes){.fd = -1, .delivery_us = TIME_NONE};
    if (!look)
        take_body(&r->body, out);
    return OK;
}
