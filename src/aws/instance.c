/*
 * Keys of an EC2 instance, from its metadata service, version 2 (as in botocore 1.44, utils.py,
 * IMDSFetcher): a PUT gives a token, which the GETs carry. Version 1, without a token, is never
 * spoken: whatever can be tricked into a GET can be tricked into that.
 *
 * When the service's own source of keys is down it goes on giving expired ones, which the services
 * of AWS then take a while longer ("static stability"). Such keys are used for ten minutes, then
 * asked for again.
 */
#include "aws/metadata.h"

#include <stdio.h>

#define PLACE "/latest/meta-data/iam/security-credentials/"

enum { CODE_TIMEOUT = 28 /* of http_send */ };

struct service {
    struct metadata_patience patience;
    struct uri uri;
    char headers[512]; /* with the token */
};

static bool is_mode_ipv6(const struct asking *a)
{
    const char *mode = machine_variable(a->machine, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (!mode && a->endpoints.config)
        mode = config_get(a->endpoints.config, CONFIG_PROFILE, a->endpoints.profile,
                          "ec2_metadata_service_endpoint_mode");
    return str_eq_nocase(str_from(mode), STR("ipv6"));
}

static int64_t number(const struct asking *a, const char *name, int64_t usual, int64_t max)
{
    int64_t value;
    const char *text = machine_variable(a->machine, name);
    if (!text || !str_to_i64(str_from(text), &value) || value < 1)
        return usual;
    return value < max ? value : max;
}

static enum status find_service(const struct asking *a, struct service *s, struct err *err)
{
    const char *url = machine_variable(a->machine, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (!url && a->endpoints.config)
        url = config_get(a->endpoints.config, CONFIG_PROFILE, a->endpoints.profile,
                         "ec2_metadata_service_endpoint");
    if (!url || !*url)
        url = is_mode_ipv6(a) ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    *s = (struct service){0};
    s->patience.timeout_ms = 1000 * number(a, "AWS_METADATA_SERVICE_TIMEOUT", 1, 60);
    s->patience.attempts = (int)number(a, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", 1, 10);
    if (!uri_parse(str_from(url), &s->uri) || str_eq(s->uri.scheme, STR("s3")))
        return err_set(err, ERR_USAGE,
                       "AWS_EC2_METADATA_SERVICE_ENDPOINT is no http or https address");
    return OK;
}

static enum status ask(const struct asking *a, const struct service *s, const char *method,
                       struct str path, const char *headers, struct http_answer *out,
                       struct err *err)
{
    struct buf target;
    struct str base = s->uri.path;
    buf_init(&target, 2048);
    while (base.n > 0 && base.p[base.n - 1] == '/')
        base.n--;
    buf_str(&target, base);
    buf_str(&target, path);
    enum status status = buf_status(&target);
    if (status != OK)
        status = err_set(err, status, "the address of the metadata service is too long");
    else
        status = metadata_ask(a, &s->patience, method, &s->uri, buf_view(&target),
                              str_from(headers), out, err);
    buf_fini(&target);
    return status;
}

/* The answer to the PUT lives for so many hops as is set for the instance, usually one: then a
 * container gets a connection, but no answer. */
static enum status without_answer(enum status status, struct err *err)
{
    if (!err || err->native != CODE_TIMEOUT || strstr(err->text, "no connection"))
        return status;
    struct err cause = *err;
    return err_set(err, status, "%.90s; in a container the instance's hop limit must be 2 or more",
                   cause.text);
}

static enum status get_token(const struct asking *asking, struct service *s, struct http_answer *a,
                             struct err *err)
{
    enum status status = ask(asking, s, "PUT", STR("/latest/api/token"),
                             "X-aws-ec2-metadata-token-ttl-seconds: 21600\n", a, err);
    if (status != OK)
        return without_answer(status, err);
    struct str token = str_trim(buf_view(&a->body));
    if (a->status != 200 || token.n == 0 || token.n > 400)
        return err_set(err, ERR_ACCESS, "the instance's metadata service gives no token (HTTP %d)",
                       a->status);
    for (size_t i = 0; i < token.n; i++)
        if (token.p[i] <= ' ' || token.p[i] > '~')
            return err_set(err, ERR_PARSE, "the instance's metadata service gives an odd token");
    snprintf(s->headers, sizeof s->headers, "X-aws-ec2-metadata-token: %.*s\n", STR_ARG(token));
    return OK;
}

/* The first line of a role's name, appended to the place of keys. */
static enum status role_place(const struct http_answer *a, struct buf *out, struct err *err)
{
    struct str rest = str_trim(buf_view(&a->body));
    struct str name = str_trim(str_cut(&rest, '\n'));
    if (a->status != 200 || name.n == 0)
        return err_set(err, ERR_ACCESS,
                       "no role is attached to this instance (HTTP %d from its metadata service)",
                       a->status);
    buf_str(out, STR(PLACE));
    uri_encode(out, name, false);
    return buf_status(out) == OK ? OK : err_set(err, ERR_LIMIT, "the role's name is too long");
}

static enum status get_keys(const struct asking *asking, struct service *s, struct buf *place,
                            struct http_answer *a, struct aws_keys *out, struct err *err)
{
    TRY(get_token(asking, s, a, err));
    TRY(ask(asking, s, "GET", STR(PLACE), s->headers, a, err));
    TRY(role_place(a, place, err));
    TRY(ask(asking, s, "GET", buf_view(place), s->headers, a, err));
    if (a->status != 200)
        return err_set(err, ERR_ACCESS, "the instance's metadata service said HTTP %d", a->status);
    TRY(metadata_keys(a, "the instance's metadata service", out, err));
    asking_go_on(asking, out);
    return OK;
}

void instance_region(const struct asking *a, char out[ENDPOINT_REGION_MAX])
{
    struct service s;
    struct http_answer answer;
    if (machine_switch(a->machine, "AWS_EC2_METADATA_DISABLED") || find_service(a, &s, NULL) != OK)
        return;
    http_answer_init(&answer);
    if (get_token(a, &s, &answer, NULL) == OK &&
        ask(a, &s, "GET", STR("/latest/meta-data/placement/region"), s.headers, &answer, NULL) ==
            OK) {
        struct str region = str_trim(buf_view(&answer.body));
        if (answer.status == 200 && endpoint_is_region(region))
            snprintf(out, ENDPOINT_REGION_MAX, "%.*s", STR_ARG(region));
    }
    http_answer_fini(&answer);
    secret_wipe(s.headers, sizeof s.headers);
}

enum status instance_keys(const struct asking *a, struct aws_keys *out, struct err *err)
{
    struct service s;
    struct http_answer answer;
    struct buf place;
    if (machine_switch(a->machine, "AWS_EC2_METADATA_DISABLED"))
        return err_set(err, ERR_ACCESS,
                       "the instance may not be asked: AWS_EC2_METADATA_DISABLED is true");
    TRY(find_service(a, &s, err));
    http_answer_init(&answer);
    buf_init(&place, 1024);
    enum status status = get_keys(a, &s, &place, &answer, out, err);
    buf_fini(&place);
    http_answer_fini(&answer);
    secret_wipe(s.headers, sizeof s.headers);
    return status;
}
