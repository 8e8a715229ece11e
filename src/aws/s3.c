/* Buckets and objects: see s3.h. */
#include "aws/s3_internal.h"

#include "aws/endpoint.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = 255 };

struct s3_bucket {
    pthread_mutex_t lock; /* region */
    char region[ENDPOINT_REGION_MAX];
    bool requester_pays, in_host;
    size_t n;
    char prefix[NAME_MAX_BYTES + 2]; /* "name." */
    char name[NAME_MAX_BYTES + 1];
};

/* 3 to 63 of a-z, 0-9 and "-", beginning and ending without "-"; what is looser goes into the path
 * (user guide, "General purpose bucket naming rules", with those from before March 2018). */
static bool is_host_label(struct str name)
{
    if (name.n < 3 || name.n > 63 || name.p[0] == '-' || name.p[name.n - 1] == '-')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

static bool is_bucket_name(struct str name)
{
    if (name.n < 3 || name.n > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && c != '_' && c != '.')
            return false;
        if (c == '.' && (i == 0 || i + 1 == name.n || name.p[i - 1] == '.'))
            return false;
    }
    return true;
}

enum status s3_bucket_new(struct str name, const char *region, bool requester_pays,
                          struct s3_bucket **out, struct err *err)
{
    if (str_has_prefix(name, STR("arn:")))
        return err_set(err, ERR_USAGE,
                       "an access point goes by its alias (…-s3alias), not by its ARN");
    if (!is_bucket_name(name))
        return err_set(
            err, ERR_USAGE,
            "no bucket has such a name: 3 to 63 small letters, digits, dots and hyphens");
    if (region && !endpoint_is_region(str_from(region)))
        return err_set(err, ERR_USAGE, "%.40s is not the name of an AWS Region", region);
    struct s3_bucket *b = calloc(1, sizeof *b);
    if (!b)
        return err_nomem(err);
    pthread_mutex_init(&b->lock, NULL);
    snprintf(b->region, sizeof b->region, "%s", region ? region : "");
    b->requester_pays = requester_pays;
    b->in_host = is_host_label(name);
    b->n = name.n;
    memcpy(b->name, name.p, name.n);
    memcpy(b->prefix, name.p, name.n);
    b->prefix[name.n] = '.';
    *out = b;
    return OK;
}

void s3_bucket_free(struct s3_bucket *b)
{
    if (!b)
        return;
    pthread_mutex_destroy(&b->lock);
    free(b);
}

struct str s3_bucket_name(const struct s3_bucket *b)
{
    return str_of(b->name, b->n);
}

static void get_region(struct s3_bucket *b, const struct aws_client *c, char *out, size_t room)
{
    pthread_mutex_lock(&b->lock);
    const char *region = b->region;
    if (!*region)
        region = aws_client_region(c);
    snprintf(out, room, "%s", region ? region : "us-east-1");
    pthread_mutex_unlock(&b->lock);
}

static void set_region(struct s3_bucket *b, const char *region)
{
    pthread_mutex_lock(&b->lock);
    snprintf(b->region, sizeof b->region, "%s", region);
    pthread_mutex_unlock(&b->lock);
}

enum status s3_send(struct aws_client *c, struct s3_bucket *b, const struct aws_call *call,
                    struct aws_answer *a, struct err *err)
{
    static const struct sigv4_pair payer = {{"x-amz-request-payer", 19}, {"requester", 9}};
    char region[ENDPOINT_REGION_MAX], path[NAME_MAX_BYTES + S3_KEY_MAX + 3];
    bool in_host = b->in_host && !aws_client_own_endpoint(c, "s3");
    get_region(b, c, region, sizeof region);
    struct buf p;
    buf_on(&p, path, sizeof path);
    if (!in_host) {
        buf_char(&p, '/');
        buf_str(&p, s3_bucket_name(b));
    }
    if (in_host || call->path.n > 0)
        buf_char(&p, '/');
    buf_str(&p, call->path);
    if (buf_status(&p) != OK)
        return err_set(err, ERR_LIMIT, "a key has at most %d bytes", S3_KEY_MAX);
    struct aws_call full = *call;
    full.service = "s3";
    full.region = region;
    full.host_prefix = in_host ? str_of(b->prefix, b->n + 1) : STR("");
    full.path = buf_view(&p);
    full.subject = s3_bucket_name(b);
    struct sigv4_pair headers[2];
    size_t headers_n = 0;
    for (; headers_n < call->headers_n && headers_n < 1; headers_n++)
        headers[headers_n] = call->headers[headers_n];
    if (b->requester_pays)
        headers[headers_n++] = payer;
    full.headers = headers;
    full.headers_n = headers_n;
    TRY(aws_send(c, &full, a, err));
    if (strcmp(a->region, region) != 0)
        set_region(b, a->region);
    return OK;
}

enum status s3_get(struct aws_client *c, struct s3_bucket *b, struct str key, bool look,
                   const struct http_body_limits *limits, struct aws_answer *a, struct err *err)
{
    if (key.n == 0)
        return err_set(err, ERR_USAGE, "an object has a key");
    const struct aws_call call = {
        .method = look ? "HEAD" : "GET", .path = key, .limits = *limits, .action = "s3:GetObject"};
    return s3_send(c, b, &call, a, err);
}
