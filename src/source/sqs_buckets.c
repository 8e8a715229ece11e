/* Which buckets are heeded: see sqs.h. Messages may name any number of them, so those of which
 * nothing is in work are let go when there are many; a bucket costs little to be made anew. */
#include "source/sqs_internal.h"

#include "aws/endpoint.h"

#include <stdio.h>
#include <stdlib.h>

enum status sqs_bucket_check(struct str name, struct err *err)
{
    struct s3_bucket *b = NULL;
    TRY(s3_bucket_new(name, NULL, false, &b, err));
    s3_bucket_free(b);
    return OK;
}

bool sqs_bucket_heeded(const struct sqs_source *s, struct str name)
{
    for (int i = 0; i < s->allowed_n; i++)
        if (str_eq(name, str_from(s->allowed[i])))
            return true;
    return s->allowed_n == 0;
}

static void bucket_free(struct sqs_bucket *b)
{
    s3_bucket_free(b->s3);
    free(b);
}

/* The place for another: at the end, or that of the idle one that was used longest ago. */
static enum status make_room(struct sqs_source *s, size_t *at, struct err *err)
{
    size_t oldest = s->buckets_n;
    for (size_t i = 0; s->buckets_n >= SQS_BUCKETS_IDLE && i < s->buckets_n; i++)
        if (atomic_load(&s->buckets[i]->users) == 0 &&
            (oldest == s->buckets_n || s->buckets[i]->last_used < s->buckets[oldest]->last_used))
            oldest = i;
    *at = oldest;
    if (oldest < s->buckets_n) {
        bucket_free(s->buckets[oldest]);
        s->buckets[oldest] = s->buckets[--s->buckets_n];
        *at = s->buckets_n;
    }
    if (s->buckets_n < s->buckets_cap)
        return OK;
    size_t cap = s->buckets_cap ? s->buckets_cap * 2 : 16;
    struct sqs_bucket **bigger = realloc(s->buckets, cap * sizeof(struct sqs_bucket *));
    if (!bigger)
        return err_nomem(err);
    s->buckets = bigger;
    s->buckets_cap = cap;
    return OK;
}

static enum status add_bucket(struct sqs_source *s, struct str name, struct str region,
                              struct sqs_bucket **out, struct err *err)
{
    size_t at = 0;
    TRY(make_room(s, &at, err));
    struct sqs_bucket *b = calloc(1, sizeof *b);
    char *where = endpoint_is_region(region) ? strndup(region.p, region.n) : NULL;
    enum status status =
        b ? s3_bucket_new(name, where, s->requester_pays, &b->s3, err) : err_nomem(err);
    free(where);
    if (status != OK) {
        free(b);
        return status;
    }
    s->buckets[at] = b;
    s->buckets_n++;
    *out = b;
    return OK;
}

enum status sqs_bucket_use(struct sqs_source *s, struct str name, struct str region,
                           struct sqs_bucket **out, struct err *err)
{
    struct sqs_bucket *b = NULL;
    for (size_t i = 0; i < s->buckets_n && !b; i++)
        if (str_eq(name, s3_bucket_name(s->buckets[i]->s3)))
            b = s->buckets[i];
    if (!b)
        TRY(add_bucket(s, name, region, &b, err));
    b->last_used = ++s->uses;
    atomic_fetch_add(&b->users, 1);
    *out = b;
    return OK;
}

struct s3_bucket *sqs_body_bucket(const struct sqs_source *s, const struct sqs_bucket *own,
                                  struct str bucket, struct str key)
{
    if (str_eq(bucket, s3_bucket_name(own->s3)))
        return source_body_is_below(STR(""), key) ? own->s3 : NULL;
    for (int i = 0; i < s->places_n; i++)
        if (str_eq(bucket, s3_bucket_name(s->places[i].bucket)) &&
            source_body_is_below(str_from(s->places[i].prefix), key))
            return s->places[i].bucket;
    return NULL;
}

/* "bucket", "s3://bucket", "bucket/prefix". */
static enum status add_place(struct sqs_source *s, const char *text, struct err *err)
{
    struct sqs_place *p = &s->places[s->places_n];
    struct str rest = str_from(text);
    if (str_has_prefix(rest, STR("s3://")))
        rest = str_skip(rest, 5);
    TRY(s3_bucket_new(str_cut(&rest, '/'), NULL, s->requester_pays, &p->bucket, err));
    s->places_n++;
    bool slash = rest.n > 0 && rest.p[rest.n - 1] != '/';
    if (asprintf(&p->prefix, "%.*s%s", STR_ARG(rest), slash ? "/" : "") < 0)
        p->prefix = NULL;
    return p->prefix ? OK : err_nomem(err);
}

static enum status add_allowed(struct sqs_source *s, const char *name, struct err *err)
{
    TRY(sqs_bucket_check(str_from(name), err));
    s->allowed[s->allowed_n] = strdup(name);
    if (!s->allowed[s->allowed_n])
        return err_nomem(err);
    s->allowed_n++;
    return OK;
}

enum status sqs_places_init(struct sqs_source *s, const struct sqs_options *o, struct err *err)
{
    s->places = calloc((size_t)o->body_buckets_n + 1, sizeof *s->places);
    s->allowed = calloc((size_t)o->buckets_n + 1, sizeof(char *));
    if (!s->places || !s->allowed)
        return err_nomem(err);
    for (int i = 0; i < o->body_buckets_n; i++)
        TRY(add_place(s, o->body_buckets[i], err));
    for (int i = 0; i < o->buckets_n; i++)
        TRY(add_allowed(s, o->buckets[i], err));
    return OK;
}

void sqs_buckets_fini(struct sqs_source *s)
{
    for (int i = 0; i < s->places_n; i++) {
        s3_bucket_free(s->places[i].bucket);
        free(s->places[i].prefix);
    }
    free(s->places);
    for (int i = 0; i < s->allowed_n; i++)
        free(s->allowed[i]);
    free(s->allowed);
    for (size_t i = 0; i < s->buckets_n; i++)
        bucket_free(s->buckets[i]);
    free(s->buckets);
}
