/* Reading what messages name: see sqs.h. Each bucket has a source of S3 of its own, which is never
 * asked for names: objects and bodies are read by its readers, by its rules. */
#include "source/sqs_internal.h"

#include "aws/endpoint.h"
#include "source/s3.h"

#include <stdlib.h>

struct sqs_reader {
    struct source_reader base;
    struct source_reader *now; /* that opened the last object */
    struct source_reader *of[SQS_BUCKETS_MAX];
};

static struct sqs_source *source_of(const struct source_reader *r)
{
    return (struct sqs_source *)r->source;
}

static bool is_allowed(const struct sqs_source *s, struct str name)
{
    for (int i = 0; i < s->allowed_n; i++)
        if (str_eq(name, str_from(s->allowed[i])))
            return true;
    return s->allowed_n == 0;
}

static enum status add_bucket(struct sqs_source *s, struct str name, struct str region,
                              struct err *err)
{
    struct sqs_bucket b = {.name = strndup(name.p, name.n)};
    char *where = endpoint_is_region(region) ? strndup(region.p, region.n) : NULL;
    const struct s3_options o = {.credentials = s->credentials,
                                 .region = where,
                                 .bucket = name,
                                 .prefix = STR(""),
                                 .since_us = TIME_NONE,
                                 .until_us = TIME_NONE,
                                 .requester_pays = s->requester_pays,
                                 .body_buckets = (const char *const *)s->body_buckets,
                                 .body_buckets_n = s->body_buckets_n};
    enum status status = b.name ? source_s3_new(&o, &b.s3, err) : err_nomem(err);
    if (status == OK)
        status = source_begin(b.s3, &s->watch, err);
    free(where);
    if (status != OK) {
        source_close(b.s3);
        free(b.name);
        return status;
    }
    pthread_mutex_lock(&s->lock);
    s->buckets[s->buckets_n++] = b;
    pthread_mutex_unlock(&s->lock);
    /* source_stop may have come before it was there to be stopped. */
    if (atomic_load(&s->stopped))
        source_stop(b.s3);
    return OK;
}

enum status sqs_bucket_find(struct sqs_source *s, struct str name, struct str region, int *number,
                            struct err *err)
{
    if (!is_allowed(s, name))
        return err_set(err, ERR_ACCESS, "the bucket it names is not one of those allowed");
    /* Only this thread adds. */
    for (int i = 0; i < s->buckets_n; i++)
        if (str_eq(name, str_from(s->buckets[i].name))) {
            *number = i;
            return OK;
        }
    if (s->buckets_n == SQS_BUCKETS_MAX)
        return err_set(err, ERR_LIMIT, "messages named more than %d buckets", SQS_BUCKETS_MAX);
    TRY(add_bucket(s, name, region, err));
    *number = s->buckets_n - 1;
    return OK;
}

enum status sqs_reader_new(struct source *base, struct source_reader **out, struct err *err)
{
    (void)base;
    struct sqs_reader *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    *out = &r->base;
    return OK;
}

void sqs_reader_free(struct source_reader *base)
{
    struct sqs_reader *r = (struct sqs_reader *)base;
    for (int i = 0; i < SQS_BUCKETS_MAX; i++)
        source_reader_free(r->of[i]);
    free(r);
}

static enum status reader_of(struct sqs_reader *r, int bucket, struct err *err)
{
    struct sqs_source *s = source_of(&r->base);
    pthread_mutex_lock(&s->lock);
    struct source *s3 = s->buckets[bucket].s3;
    pthread_mutex_unlock(&s->lock);
    if (!r->of[bucket])
        TRY(source_reader_new(s3, r->base.room, &r->of[bucket], err));
    r->now = r->of[bucket];
    return OK;
}

enum status sqs_open(struct source_reader *base, const struct source_item *item,
                     struct source_bytes *out, struct err *err)
{
    struct sqs_reader *r = (struct sqs_reader *)base;
    struct sqs_source *s = source_of(base);
    struct sqs_part *p = item->ticket;
    struct err why = {0};
    if (p->bucket < 0) {
        *out = (struct source_bytes){.fd = -1, .delivery_us = TIME_NONE, .refused = p->of->reason};
        return OK;
    }
    TRY(reader_of(r, p->bucket, err));
    struct source_item object = *item;
    object.source = r->now->source;
    object.ticket = NULL;
    enum status status = source_open(r->now, &object, out, &why);
    atomic_store(&p->opened, (int)status);
    if (status != OK && status != ERR_INTERRUPTED && status != ERR_NOT_FOUND)
        gauge_failure(&s->gauge, why.text);
    if (status != OK && err)
        *err = why;
    return status;
}

enum status sqs_body(struct source_reader *base, const char *name, struct str uri, struct str key,
                     bool look, struct source_bytes *out, struct err *err)
{
    struct sqs_reader *r = (struct sqs_reader *)base;
    return source_body(r->now, name, uri, key, look, out, err);
}
