/*
 * Endpoints: see endpoint.h. The names of AWS are the rules of botocore 1.44 (endpoint-rule-set-1
 * of each service, partitions.json) put into two tables; tests/py/test_aws_call.py compares them in
 * every Region.
 */
#include "aws/endpoint.h"

#include "codec/uri.h"

#include <stdio.h>
#include <stdlib.h>

struct service {
    const char *name, *host, *signs_as;
    const char *variable; /* behind AWS_ENDPOINT_URL_ */
    const char *key;      /* in a `services` section */
    /* FIPS in GovCloud (all of it is): the plain name, but for the dual-stack one. */
    bool plain_in_gov;
};

static const struct service services[] = {
    {"s3", "s3", "s3", "S3", "s3", false},
    {"sqs", "sqs", "sqs", "SQS", "sqs", true},
    {"logs", "logs", "logs", "CLOUDWATCH_LOGS", "cloudwatch_logs", true},
    {"sts", "sts", "sts", "STS", "sts", true},
    {"bedrock", "bedrock", "bedrock", "BEDROCK", "bedrock", false},
    {"sso", "portal.sso", "awsssoportal", "SSO", "sso", true},
    {"oidc", "oidc", "sso-oauth", "SSO_OIDC", "sso_oidc", true},
};

struct partition {
    const char *prefix; /* of its Regions */
    const char *domain, *dual_stack;
};

static const struct partition partitions[] = {
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"", "amazonaws.com", "api.aws"},
};

static const struct service *find_service(const char *name)
{
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (strcmp(services[i].name, name) == 0)
            return &services[i];
    return NULL;
}

static const struct partition *partition_of(struct str region)
{
    const struct partition *p = partitions;
    while (!str_has_prefix(region, str_from(p->prefix)))
        p++;
    return p;
}

bool endpoint_is_region(struct str region)
{
    if (region.n == 0 || region.n >= ENDPOINT_REGION_MAX || region.p[0] == '-' ||
        region.p[region.n - 1] == '-')
        return false;
    for (size_t i = 0; i < region.n; i++) {
        char c = region.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-'))
            return false;
    }
    return true;
}

/* A key of the profile; NULL when it is not there or empty. */
static const char *of_profile(const struct endpoint_settings *s, const char *key)
{
    const char *value = s->config ? config_get(s->config, CONFIG_PROFILE, s->profile, key) : NULL;
    return value && *value ? value : NULL;
}

static bool is_on(const struct endpoint_settings *s, const char *variable, const char *key)
{
    const char *value = machine_variable(s->machine, variable);
    if (!value)
        value = of_profile(s, key);
    return str_eq_nocase(str_from(value), STR("true"));
}

/* The user's endpoint and where it was found (for messages); NULL when there is none. */
static const char *own_url(const struct endpoint_settings *s, const struct service *service,
                           const char **where)
{
    char variable[64];
    if (is_on(s, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"))
        return NULL;
    snprintf(variable, sizeof variable, "AWS_ENDPOINT_URL_%s", service->variable);
    *where = "AWS_ENDPOINT_URL_…";
    const char *url = machine_variable(s->machine, variable);
    if (!url) {
        *where = "AWS_ENDPOINT_URL";
        url = machine_variable(s->machine, *where);
    }
    const char *section = of_profile(s, "services");
    if (!url && section) {
        *where = "endpoint_url in the services section of the AWS config file";
        url = config_get_below(s->config, CONFIG_SERVICES, section, service->key, "endpoint_url");
    }
    if (!url || !*url) {
        *where = "endpoint_url in the AWS config file";
        url = of_profile(s, "endpoint_url");
    }
    return url;
}

bool endpoint_is_own(const struct endpoint_settings *s, const char *service)
{
    const char *where;
    const struct service *found = find_service(service);
    return found && own_url(s, found, &where);
}

static enum status set_own(const char *url, const char *where, struct endpoint *out,
                           struct err *err)
{
    struct uri u;
    if (!uri_parse(str_from(url), &u) || str_eq(u.scheme, STR("s3")) || u.query.n > 0 ||
        u.host.n >= sizeof out->host || u.path.n >= sizeof out->base_path)
        return err_set(err, ERR_USAGE, "%s: wanted http://host:port or https://host", where);
    out->own = true;
    out->port = u.port;
    while (u.path.n > 0 && u.path.p[u.path.n - 1] == '/')
        u.path.n--;
    snprintf(out->scheme, sizeof out->scheme, "%.*s", STR_ARG(u.scheme));
    snprintf(out->host, sizeof out->host, "%.*s", STR_ARG(u.host));
    snprintf(out->base_path, sizeof out->base_path, "%.*s", STR_ARG(u.path));
    return OK;
}

static enum status set_aws(const struct endpoint_settings *s, const struct service *service,
                           struct endpoint *out, struct err *err)
{
    struct str region = str_from(out->region);
    const struct partition *p = partition_of(region);
    bool fips = is_on(s, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    bool dual = is_on(s, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    bool s3 = strcmp(service->name, "s3") == 0;
    if (fips && s3 && strcmp(p->prefix, "cn-") == 0)
        return err_set(err, ERR_USAGE,
                       "S3 has no FIPS endpoint in %s: unset "
                       "AWS_USE_FIPS_ENDPOINT or use_fips_endpoint",
                       out->region);
    if (fips && !dual && service->plain_in_gov && str_has_prefix(region, STR("us-gov-")))
        fips = false;
    snprintf(out->scheme, sizeof out->scheme, "https");
    snprintf(out->host, sizeof out->host, "%s%s%s.%s.%s", service->host, fips ? "-fips" : "",
             s3 && dual ? ".dualstack" : "", out->region, dual && !s3 ? p->dual_stack : p->domain);
    return OK;
}

enum status endpoint_find(const struct endpoint_settings *s, const char *service,
                          const char *region, struct endpoint *out, struct err *err)
{
    const char *where;
    const struct service *found = find_service(service);
    if (!found)
        return err_set(err, ERR_USAGE, "no AWS service is called %.40s here", service);
    if (!endpoint_is_region(str_from(region)))
        return err_set(err, ERR_USAGE, "%.40s is not the name of an AWS Region", region);
    struct endpoint e = {.signs_as = found->signs_as};
    snprintf(e.region, sizeof e.region, "%s", region);
    const char *url = own_url(s, found, &where);
    if (url)
        TRY(set_own(url, where, &e, err));
    else
        TRY(set_aws(s, found, &e, err));
    *out = e;
    return OK;
}
