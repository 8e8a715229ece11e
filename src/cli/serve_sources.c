/* The sources of a configuration: see serve.h. */
#include "cli/serve.h"

#include "aws/credentials.h"
#include "source/s3.h"

#include <stdlib.h>

/* Items that sources may name ahead of the readers, all together. */
enum { AHEAD = 256 };

struct serve_sources {
    struct source *all;
    int n; /* credentials made so far, one for each source that needs them */
    struct aws_credentials *credentials[CONFIG_SOURCES_MAX];
};

static enum status credentials_for(struct serve_sources *s, const struct config_source *c,
                                   struct aws_credentials **out, struct err *err)
{
    const struct aws_settings settings = {.profile = c->profile,
                                          .region = c->region,
                                          .role_arn = c->role_arn,
                                          .external_id = c->external_id};
    TRY(aws_credentials_new(&settings, &s->credentials[s->n], err));
    *out = s->credentials[s->n++];
    return OK;
}

static enum status make_s3(struct serve_sources *s, const struct config_source *c,
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
                           .window_us = c->window_s * US_PER_SECOND};
    TRY(credentials_for(s, c, &o.credentials, err));
    return source_s3_new(&o, out, err);
}

static enum status make_one(struct serve_sources *s, const struct config_source *c,
                            struct source **out, struct err *err)
{
    struct err why = {0};
    enum status status = ERR_USAGE;
    switch (c->kind) {
    case CONFIG_S3:
        status = make_s3(s, c, out, &why);
        break;
    default:
        err_set(&why, ERR_USAGE, "this kind of source is not known");
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
    enum status status = OK;
    while (status == OK && n < c->sources_n) {
        status = make_one(s, &c->sources[n], &parts[n], err);
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
    for (int i = 0; i < s->n; i++)
        aws_credentials_free(s->credentials[i]);
    free(s);
}

struct source *serve_sources_all(struct serve_sources *s)
{
    return s->all;
}
