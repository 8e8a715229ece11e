/* Sources in AWS: see remote.h. */
#include "cli/remote.h"

#include "aws/credentials.h"
#include "base/clock.h"
#include "query/question.h"
#include "source/s3.h"

void remote_init(struct remote *r)
{
    *r = (struct remote){.since_us = TIME_NONE, .until_us = TIME_NONE};
}

void remote_fini(struct remote *r)
{
    aws_credentials_free(r->credentials);
    r->credentials = NULL;
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
    return str_has_prefix(str_from(operand), STR("s3://"));
}

static enum status find_credentials(struct remote *r, struct err *err)
{
    const struct aws_settings settings = {.profile = r->profile,
                                          .region = r->region,
                                          .role_arn = r->role_arn,
                                          .external_id = r->external_id};
    return r->credentials ? OK : aws_credentials_new(&settings, &r->credentials, err);
}

enum status remote_source(struct remote *r, const char *operand, struct source **out,
                          struct err *err)
{
    struct str rest = str_skip(str_from(operand), 5), bucket = str_cut(&rest, '/');
    TRY(find_credentials(r, err));
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
