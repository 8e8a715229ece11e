/* Opening objects and bodies: see s3.h. Each reader has a client, and so connections, of its own.
 */
#include "source/s3_internal.h"

#include "base/io.h"
#include "net/retry.h"
#include "source/key.h"
#include "source/room.h"

#include <stdio.h>
#include <stdlib.h>

static const struct http_body_limits item_limits = {.memory_max = 1 << 20,
                                                    .file_max = UINT64_C(64) << 30};

struct s3_reader {
    struct source_reader base;
    struct aws_client *client;
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
    *out = &r->base;
    return OK;
}

void s3_reader_free(struct source_reader *base)
{
    struct s3_reader *r = (struct s3_reader *)base;
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
    enum status status =
        s3_get(r->client, s->bucket, key, false, &item_limits, &base->room->item, &why);
    if (t)
        atomic_store(&t->unopened, status != OK);
    if (t) {
        const char *code = base->room->item.code;
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
    take_body(&base->room->item, out);
    return OK;
}

enum status s3_body(struct source_reader *base, const char *name, struct str uri, struct str key,
                    bool look, struct source_bytes *out, struct err *err)
{
    (void)name;
    (void)key;
    struct s3_reader *r = (struct s3_reader *)base;
    struct s3_source *s = source_of(base);
    const struct s3_bodies bodies = {.places = s->bodies,
                                     .places_n = s->bodies_n,
                                     .watch = &s->watch,
                                     .gauge = &s->gauge,
                                     .shown = s->shown,
                                     .told = &s->bodies_told};
    if (s3_bodies_may(&bodies, uri))
        pace_wait(&s->pace, &s->stopped);
    return s3_bodies_get(&bodies, r->client, uri, look, &base->room->body, out, err);
}
