/* The sources of a configuration: see serve.h. */
#include "cli/serve.h"

#include "aws/credentials.h"
#include "aws/quota.h"
#include "source/cloudwatch.h"
#include "source/push.h"
#include "source/s3.h"
#include "source/sqs.h"

#include <stdlib.h>

enum {
    AHEAD = 256,    /* items that sources may name before they are read, all together */
    LOGS_PER_S = 5, /* FilterLogEvents in a Region: its quota is 5 or more, by account */
};

struct serve_sources {
    struct quota *quota; /* of all log groups */
    int quotas_n;        /* of those that have their own */
    struct quota *quotas[CONFIG_SOURCES_MAX];
    struct source *all;
    /* Sources that want the same share one: the tokens of SSO and the keys of roles are got once
     * for all of them. asked_by[i] is the first source that wanted credentials[i]. */
    int n;
    struct aws_credentials *credentials[CONFIG_SOURCES_MAX];
    const struct config_source *asked_by[CONFIG_SOURCES_MAX];
};

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool want_the_same(const struct config_source *a, const struct config_source *b)
{
    return is_same(a->profile, b->profile) && is_same(a->region, b->region) &&
           is_same(a->role_arn, b->role_arn) && is_same(a->external_id, b->external_id);
}

static enum status credentials_for(struct serve_sources *s, const struct config_source *c,
                                   struct aws_credentials **out, struct err *err)
{
    const struct aws_settings settings = {.profile = c->profile,
                                          .region = c->region,
                                          .role_arn = c->role_arn,
                                          .external_id = c->external_id};
    for (int i = 0; i < s->n; i++)
        if (want_the_same(s->asked_by[i], c)) {
            *out = s->credentials[i];
            return OK;
        }
    TRY(aws_credentials_new(&settings, &s->credentials[s->n], err));
    s->asked_by[s->n] = c;
    *out = s->credentials[s->n++];
    return OK;
}

static enum status make_s3(struct serve_sources *s, const struct config_source *c, int beside,
                           struct source **out, struct err *err)
{
    struct str rest = str_skip(str_from(c->url), strlen("s3://")), bucket = str_cut(&rest, '/');
    struct s3_options o = {.region = c->region,
                           .bucket = bucket,
                           .prefix = rest.p ? rest : STR(""),
                           .since_us = c->since_us,
                           .until_us = TIME_NONE,
                           .requester_pays = c->requester_pays,
                           .body_buckets = c->body_buckets.v,
                           .body_buckets_n = c->body_buckets.n,
                           .requests_per_s = c->rate,
                           .poll_us = c->poll_s * US_PER_SECOND,
                           .window_us = c->window_s * US_PER_SECOND,
                           .beside = beside};
    TRY(credentials_for(s, c, &o.credentials, err));
    return source_s3_new(&o, out, err);
}

static enum status make_sqs(struct serve_sources *s, const struct config_source *c,
                            struct source **out, struct err *err)
{
    struct sqs_options o = {.url = str_from(c->url),
                            .region = c->region,
                            .requester_pays = c->requester_pays,
                            .buckets = c->buckets.v,
                            .buckets_n = c->buckets.n,
                            .body_buckets = c->body_buckets.v,
                            .body_buckets_n = c->body_buckets.n};
    TRY(credentials_for(s, c, &o.credentials, err));
    return source_sqs_new(&o, out, err);
}

static enum status make_cloudwatch(struct serve_sources *s, const struct config_source *c,
                                   struct source **out, struct err *err)
{
    struct cloudwatch_options o = {.region = c->region,
                                   .quota = s->quota,
                                   .since_us = c->since_us,
                                   .until_us = TIME_NONE,
                                   .follow = true,
                                   .poll_ms = c->poll_s * 1000,
                                   .overlap_ms = c->overlap_s * 1000,
                                   .body_buckets = c->body_buckets.v,
                                   .body_buckets_n = c->body_buckets.n};
    if (c->rate > 0) {
        TRY(quota_new((int)c->rate, &s->quotas[s->quotas_n], err));
        o.quota = s->quotas[s->quotas_n++];
    }
    TRY(credentials_for(s, c, &o.credentials, err));
    return source_cloudwatch_new(c->url, &o, out, err);
}

static enum status make_push(const struct config_source *c, struct source **out, struct err *err)
{
    const struct push_options o = {.name = c->name,
                                   .listen = c->listen,
                                   .certificate = c->certificate,
                                   .key = c->key,
                                   .access_key_file = c->access_key_file,
                                   .body_bytes_max = (uint64_t)c->max_body,
                                   /* With the default a daemon stays within 128 MB. */
                                   .queue_bytes_max = (uint64_t)c->max_body};
    return source_push_new(&o, out, err);
}

static enum status make_one(struct serve_sources *s, const struct config_source *c, int beside,
                            struct source **out, struct err *err)
{
    struct err why = {0};
    enum status status = ERR_USAGE;
    switch (c->kind) {
    case CONFIG_S3:
        status = make_s3(s, c, beside, out, &why);
        break;
    case CONFIG_SQS:
        status = make_sqs(s, c, out, &why);
        break;
    case CONFIG_CLOUDWATCH:
        status = make_cloudwatch(s, c, out, &why);
        break;
    case CONFIG_PUSH:
        status = make_push(c, out, &why);
        break;
    case CONFIG_KINDS:
        break;
    }
    return status == OK ? OK : err_set(err, status, "source %.100s: %.250s", c->name, why.text);
}

enum status serve_sources_new(const struct config *c, struct serve_sources **out, struct err *err)
{
    struct source *parts[CONFIG_SOURCES_MAX];
    int n = 0;
    struct serve_sources *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    enum status status = quota_new(LOGS_PER_S, &s->quota, err);
    while (status == OK && n < c->sources_n) {
        status = make_one(s, &c->sources[n], c->sources_n, &parts[n], err);
        n += status == OK;
    }
    if (status == OK)
        status = source_several_new(parts, n, AHEAD, &s->all, err);
    if (status != OK) {
        while (n > 0)
            source_close(parts[--n]);
        serve_sources_free(s);
        return status;
    }
    *out = s;
    return OK;
}

void serve_sources_free(struct serve_sources *s)
{
    if (!s)
        return;
    source_close(s->all);
    quota_free(s->quota);
    for (int i = 0; i < s->quotas_n; i++)
        quota_free(s->quotas[i]);
    for (int i = 0; i < s->n; i++)
        aws_credentials_free(s->credentials[i]);
    free(s);
}

struct source *serve_sources_all(struct serve_sources *s)
{
    return s->all;
}

struct aws_credentials *const *serve_sources_credentials(const struct serve_sources *s, int *n)
{
    *n = s->n;
    return s->credentials;
}
