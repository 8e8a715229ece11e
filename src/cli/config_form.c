/*
 * Forms of texts in assay.yaml that come from AWS and the network: URLs of sources, buckets, roles,
 * addresses. Only the form: whether such a thing exists is found out when it is used.
 */
#include "cli/config_internal.h"

#include "aws/endpoint.h"
#include "codec/uri.h"

enum { NAME_LENGTH = 128 };

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool has_only(struct str s, const char *others)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_lower_or_digit(s.p[i]) && !(s.p[i] >= 'A' && s.p[i] <= 'Z') &&
            !(s.p[i] && strchr(others, s.p[i])))
            return false;
    return true;
}

static bool has_digits(struct str s, size_t n)
{
    int64_t ignored;
    return s.n == n && str_to_i64(s, &ignored);
}

/* S3 user guide, "General purpose bucket naming rules" (read 2026-11). */
bool config_bucket_is_name(struct str name)
{
    if (name.n < 3 || name.n > 63 || !is_lower_or_digit(name.p[0]) ||
        !is_lower_or_digit(name.p[name.n - 1]) || str_find(name, STR("..")) >= 0)
        return false;
    bool letter = false;
    for (size_t i = 0; i < name.n; i++) {
        if (!is_lower_or_digit(name.p[i]) && name.p[i] != '.' && name.p[i] != '-')
            return false;
        letter |= name.p[i] != '.' && !(name.p[i] >= '0' && name.p[i] <= '9');
    }
    return letter; /* otherwise it looks like an IP address */
}

enum config_kind config_url_kind(struct str url)
{
    if (str_has_prefix(url, STR("s3://")))
        return CONFIG_S3;
    if (str_has_prefix(url, STR("https://")) || str_has_prefix(url, STR("http://")))
        return CONFIG_SQS;
    return str_has_prefix(url, STR("cloudwatch:")) ? CONFIG_CLOUDWATCH : CONFIG_KINDS;
}

/* https://HOST/ACCOUNT/QUEUE. Names: SQS developer guide, "Queue and message identifiers". */
static const char *queue_fault(struct str url)
{
    struct uri uri;
    struct str rest;
    if (!uri_parse(url, &uri) || uri.query.n)
        return config_wanted(TYPE_URL);
    rest = str_skip(uri.path, 1);
    struct str account = str_cut(&rest, '/');
    if (!has_digits(account, 12) || rest.n == 0 || rest.n > 80 || !has_only(rest, "-_."))
        return "a queue's address as SQS shows it: https://HOST/ACCOUNT/QUEUE";
    return NULL;
}

static const char *url_fault(struct str url)
{
    struct str rest = url;
    switch (config_url_kind(url)) {
    case CONFIG_S3:
        rest = str_skip(url, strlen("s3://"));
        return config_bucket_is_name(str_cut(&rest, '/'))
                   ? NULL
                   : "s3://BUCKET or s3://BUCKET/PREFIX with the name of a bucket (3 to 63 "
                     "small letters, digits, dots and hyphens)";
    case CONFIG_SQS:
        return queue_fault(url);
    case CONFIG_CLOUDWATCH:
        /* CreateLogGroup: 1 to 512 of a-zA-Z0-9_-/.# */
        rest = str_skip(url, strlen("cloudwatch:"));
        return rest.n > 0 && rest.n <= 512 && has_only(rest, "_-/.#")
                   ? NULL
                   : "cloudwatch:GROUP with the name of a log group; its Region is the key region";
    default:
        return config_wanted(TYPE_URL);
    }
}

/* arn:PARTITION:iam::ACCOUNT:role/NAME */
static bool is_role(struct str arn)
{
    struct str partition, service, region, account;
    if (!str_eq(str_cut(&arn, ':'), STR("arn")))
        return false;
    partition = str_cut(&arn, ':');
    service = str_cut(&arn, ':');
    region = str_cut(&arn, ':');
    account = str_cut(&arn, ':');
    return str_has_prefix(partition, STR("aws")) && has_only(partition, "-") &&
           str_eq(service, STR("iam")) && region.n == 0 && has_digits(account, 12) &&
           str_has_prefix(arn, STR("role/")) && arn.n > 5 && has_only(arn, "/+=,.@_-");
}

bool config_is_address(struct str text)
{
    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    int64_t port;
    if (colon < 2 || !str_to_i64(str_skip(text, colon), &port) || port < 1 || port > 65535)
        return false;
    struct str host = str_of(text.p, colon - 1);
    if (host.p[0] != '[')
        return has_only(host, ".-");
    return host.n > 3 && host.p[host.n - 1] == ']' &&
           has_only(str_of(host.p + 1, host.n - 2), ":.%");
}

/* A name such as 127.example.com may lead anywhere. */
bool config_is_loopback(const char *listen)
{
    return strncmp(listen, "[::1]:", 6) == 0 || strncmp(listen, "localhost:", 10) == 0 ||
           (strncmp(listen, "127.", 4) == 0 && strspn(listen, "0123456789.:") == strlen(listen));
}

const char *config_text_fault(enum config_type type, struct str text)
{
    switch (type) {
    case TYPE_NAME:
        return str_is_plain(text) && text.n <= NAME_LENGTH ? NULL : config_wanted(type);
    case TYPE_URL:
        return url_fault(text);
    case TYPE_REGION:
        return endpoint_is_region(text) ? NULL : config_wanted(type);
    case TYPE_ROLE:
        return is_role(text) ? NULL : config_wanted(type);
    default:
        return NULL;
    }
}
