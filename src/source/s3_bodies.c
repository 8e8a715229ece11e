/* Bodies that lie in S3: see s3_bodies.h. */
#include "source/s3_bodies.h"

#include <string.h>

static const struct http_body_limits limits = {.memory_max = 1 << 20, .file_max = 1 << 30};

/* The bucket and the key of a body; NULL where none may be. */
static struct s3_bucket *place_of(const struct s3_bodies *b, struct str uri, struct str *key)
{
    *key = str_skip(uri, sizeof "s3://" - 1);
    struct str in = str_cut(key, '/');
    for (int i = 0; i < b->places_n && key->n > 0; i++)
        if (str_eq(in, s3_bucket_name(b->places[i].bucket)) &&
            source_body_is_below(str_from(b->places[i].prefix), *key))
            return b->places[i].bucket;
    return NULL;
}

bool s3_bodies_may(const struct s3_bodies *b, struct str uri)
{
    struct str key;
    return place_of(b, uri, &key) != NULL;
}

/* AWS knows who asks, and does not let this body be read; an answer to `look` has no code. */
static bool is_denied(const struct aws_answer *a)
{
    return strncmp(a->code, "KMS", 3) == 0 ||
           (a->http.status == 403 &&
            (!a->code[0] || strstr(a->code, "AccessDenied") ||
             !strcmp(a->code, "AllAccessDisabled") || !strcmp(a->code, "InvalidObjectState")));
}

static void tell(const struct s3_bodies *b, bool denied, const struct err *why)
{
    gauge_failure(b->gauge, why->text);
    unsigned kind = denied ? 1 : 2;
    if (atomic_fetch_or(b->told, kind) & kind)
        return;
    struct err all;
    if (denied)
        err_set(&all, ERR_ACCESS,
                "bodies are refused, and asked for again: needed are s3:GetObject and "
                "s3:ListBucket, and kms:Decrypt where a key of KMS encrypts them: %.220s",
                why->text);
    b->watch->problem(b->watch->ctx, b->shown, denied ? all.text : why->text);
}

/* What a failure means for the record; see s3_bodies.h. */
static enum status judge(const struct s3_bodies *b, const struct aws_answer *a, enum status status,
                         const struct err *why)
{
    bool denied = (status == ERR_ACCESS || status == ERR_IO) && is_denied(a);
    if (denied || status == ERR_ACCESS)
        tell(b, denied, why);
    else if (status != ERR_NOT_FOUND && status != ERR_INTERRUPTED)
        gauge_failure(b->gauge, why->text);
    return denied ? ERR_NOT_FOUND : status == ERR_ACCESS ? ERR_IO : status;
}

enum status s3_bodies_get(const struct s3_bodies *b, struct aws_client *client, struct str uri,
                          bool look, struct aws_answer *a, struct source_bytes *out,
                          struct err *err)
{
    struct str key;
    struct s3_bucket *bucket = place_of(b, uri, &key);
    if (!bucket)
        return err_set(err, ERR_ACCESS, "the body is not in a bucket that may be read for bodies");
    struct err why = {0};
    enum status status = s3_get(client, bucket, key, look, &limits, a, &why);
    if (status != OK) {
        status = judge(b, a, status, &why);
        return err_set(err, status, "%s", why.text);
    }
    *out = (struct source_bytes){.fd = -1, .delivery_us = TIME_NONE};
    if (look)
        return OK;
    out->fd = a->http.body_fd;
    a->http.body_fd = -1; /* the caller closes it */
    out->bytes = out->fd < 0 ? buf_view(&a->http.body) : STR_NONE;
    return OK;
}
