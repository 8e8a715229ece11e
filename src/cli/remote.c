/* Sources in AWS: see remote.h. */
#include "cli/remote.h"

#include "aws/credentials.h"
#include "aws/quota.h"
#include "base/clock.h"
#include "query/question.h"
#include "source/cloudwatch.h"
#include "source/s3.h"

void remote_init(struct remote *r)
{
    *r = (struct remote){.since_us = TIME_NONE, .until_us = TIME_NONE};
}

void remote_fini(struct remote *r)
{
    aws_credentials_free(r->credentials);
    quota_free(r->logs_quota);
    r->credentials = NULL;
    r->logs_quota = NULL;
}

enum status remote_period(struct remote *r, const char *since, const char *until, struct err *err)
{
    int64_t now = clock_now_us();
    if (since)
        TRY(period_parse(str_from(since), false, now, &r->since_us, err));
    if (until)
        TRY(period_parse(str_from(until), true, now, &r->until_us, err));
    if (since && until && r->until_us <= r->since_us)
        return err_set(err, ERR_USAGE, "--until is not after --since");
    return OK;
}

bool remote_is(const char *operand)
{
    return str_has_prefix(str_from(operand), STR("s3://")) || cloudwatch_is(operand);
}

enum status remote_credentials(struct remote *r, struct err *err)
{
    const struct aws_settings settings = {.profile = r->profile,
                                          .region = r->region,
                                          .role_arn = r->role_arn,
                                          .external_id = r->external_id};
    return r->credentials ? OK : aws_credentials_new(&settings, &r->credentials, err);
}

static enum status cloudwatch_source(struct remote *r, const char *operand, struct source **out,
                                     struct err *err)
{
    /* Of FilterLogEvents, per account and Region ("CloudWatch Logs quotas", August 2026). */
    enum { PER_SECOND = 5, MOST = 10000 };
    int64_t wanted = r->max_requests > 0 ? r->max_requests : PER_SECOND;
    if (!r->logs_quota)
        TRY(quota_new(wanted < MOST ? (int)wanted : MOST, &r->logs_quota, err));
    const struct cloudwatch_options o = {.credentials = r->credentials,
                                         .region = r->region,
                                         .quota = r->logs_quota,
                                         .since_us = r->since_us,
                                         .until_us = r->until_us,
                                         .all_streams = r->all_streams,
                                         .body_buckets = r->body_buckets.v,
                                         .body_buckets_n = r->body_buckets.n};
    return source_cloudwatch_new(operand, &o, out, err);
}

static enum status s3_source(struct remote *r, const char *operand, struct source **out,
                             struct err *err)
{
    struct str rest = str_skip(str_from(operand), 5), bucket = str_cut(&rest, '/');
    const struct s3_options o = {.credentials = r->credentials,
                                 .region = r->region,
                                 .bucket = bucket,
                                 .prefix = rest.p ? rest : STR(""),
                                 .since_us = r->since_us,
                                 .until_us = r->until_us,
                                 .requester_pays = r->requester_pays,
                                 .body_buckets = r->body_buckets.v,
                                 .body_buckets_n = r->body_buckets.n,
                                 .requests_per_s = r->max_requests};
    struct err why = {0};
    enum status status = source_s3_new(&o, out, &why);
    if (status == ERR_USAGE)
        return err_set(err, status, "s3://%.100s: %.200s", operand + 5, why.text);
    if (status != OK && err)
        *err = why;
    return status;
}

enum status remote_source(struct remote *r, const char *operand, struct source **out,
                          struct err *err)
{
    TRY(remote_credentials(r, err));
    return cloudwatch_is(operand) ? cloudwatch_source(r, operand, out, err)
                                  : s3_source(r, operand, out, err);
}
