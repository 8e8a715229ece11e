/*
 * Signature Version 4: see sigv4.h. The canonical request (sigv4_canonical.c) is digested, its
 * digest stands in the string to sign, and that is signed with a key derived from the secret.
 */
#include "codec/sigv4_internal.h"

#include "base/clock.h"

#include <stdio.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { TEXT_MAX = 4 << 20, NAME_MAX_BYTES = 256 };

void sigv4_texts_init(struct sigv4_texts *t)
{
    memset(t, 0, sizeof *t);
    buf_init(&t->scope, TEXT_MAX);
    buf_init(&t->path, TEXT_MAX);
    buf_init(&t->query, TEXT_MAX);
    buf_init(&t->names, TEXT_MAX);
    buf_init(&t->canonical, TEXT_MAX);
    buf_init(&t->to_sign, TEXT_MAX);
}

static void drop(struct buf *b)
{
    secret_wipe(b->p, b->cap);
    buf_fini(b);
}

void sigv4_texts_fini(struct sigv4_texts *t)
{
    drop(&t->scope);
    drop(&t->path);
    drop(&t->query);
    drop(&t->names);
    drop(&t->canonical);
    drop(&t->to_sign);
    memset(t, 0, sizeof *t);
}

static enum status texts_status(const struct sigv4_texts *t, struct err *err)
{
    const struct buf *all[] = {&t->scope, &t->path,      &t->query,
                               &t->names, &t->canonical, &t->to_sign};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i]->status == ERR_NOMEM)
            return err_nomem(err);
        if (all[i]->status != OK)
            return err_set(err, all[i]->status, "signing: the request is too long");
    }
    return OK;
}

/* A part of the scope: its slashes must stay countable, and it goes into a header. */
static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= '\x7f' || s.p[i] == '/' || s.p[i] == ',')
            return false;
    return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

static enum status check(const struct sigv4_keys *k, const struct sigv4_scope *s, int64_t expires_s,
                         struct err *err)
{
    if (!is_name(k->access_key_id))
        return err_set(err, ERR_USAGE, "signing: no access key id, or odd characters in it");
    if (k->secret.n == 0 || k->secret.n > SIGV4_SECRET_MAX)
        return err_set(err, ERR_USAGE, "signing: wanted a secret of 1 to %d bytes, found %zu",
                       SIGV4_SECRET_MAX, k->secret.n);
    if (!is_name(s->region))
        return err_set(err, ERR_USAGE, "signing: no Region, or odd characters in its name");
    if (!is_name(s->service))
        return err_set(err, ERR_USAGE, "signing: no service, or odd characters in its name");
    if (s->now_us < 0 || s->now_us >= TIME_END)
        return err_set(err, ERR_RANGE, "signing: the time is not between 1970 and 9999");
    if (expires_s != SIGV4_HEADERS && (expires_s < 1 || expires_s > SIGV4_EXPIRES_MAX))
        return err_set(err, ERR_RANGE, "a presigned request is good for 1 to %d seconds, not %lld",
                       SIGV4_EXPIRES_MAX, (long long)expires_s);
    return OK;
}

static void fill_time(int64_t now_us, char out[SIGV4_TIME + 1])
{
    char text[TIME_TEXT]; /* 2015-08-30T12:36:00Z */
    time_format(text, now_us - now_us % US_PER_SECOND);
    char *p = out;
    for (const char *in = text; *in; in++)
        if (*in != '-' && *in != ':')
            *p++ = *in;
    *p = '\0';
}

static enum status fill_payload(const struct sigv4_request *r, bool presigned,
                                struct sigv4_texts *t, struct err *err)
{
    if (presigned && r->content_sha256) {
        struct str none = STR("UNSIGNED-PAYLOAD");
        memcpy(t->payload, none.p, none.n);
        t->payload_n = none.n;
        return OK;
    }
    struct sha256 digest;
    TRY(sha256_of(r->body, &digest, err));
    hex_lower(t->payload, digest.b, SHA256_BYTES);
    t->payload_n = SIGV4_HEX;
    return OK;
}

static struct str digest_view(const struct sha256 *digest)
{
    return str_of((const char *)digest->b, SHA256_BYTES);
}

/* HMAC after HMAC: day, Region, service and an end mark, beginning with the secret. */
static enum status derive(struct str seed, const struct sigv4_scope *s, const char *date,
                          struct sha256 *key, struct err *err)
{
    const struct str steps[] = {str_of(date, SIGV4_DATE), s->region, s->service,
                                STR("aws4_request")};
    struct sha256 now;
    struct str with = seed;
    enum status status = OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == OK; i++) {
        status = hmac_sha256(with, steps[i], &now, err);
        with = digest_view(&now);
    }
    if (status == OK)
        *key = now;
    secret_wipe(&now, sizeof now);
    return status;
}

/* The key from the cache when it was derived from the same, else a new one, which is kept there. */
static enum status signing_key(const struct sigv4_keys *k, const struct sigv4_scope *s,
                               const struct sigv4_texts *t, struct sha256 *key, struct err *err)
{
    char room[4 + SIGV4_SECRET_MAX + 3 * NAME_MAX_BYTES];
    struct sha256 of;
    struct buf seed;
    buf_on(&seed, room, sizeof room);
    buf_str(&seed, STR("AWS4"));
    buf_str(&seed, k->secret);
    struct str first = buf_view(&seed);
    enum status status = OK;
    if (!s->cache) {
        status = derive(first, s, t->time, key, err);
        goto out;
    }
    buf_char(&seed, '/');
    buf_str(&seed, buf_view(&t->scope));
    status = sha256_of(buf_view(&seed), &of, err);
    if (status != OK)
        goto out;
    if (!s->cache->filled || !secret_eq(digest_view(&of), digest_view(&s->cache->of))) {
        status = derive(first, s, t->time, &s->cache->key, err);
        s->cache->filled = status == OK;
        s->cache->of = of;
    }
    if (status == OK)
        *key = s->cache->key;
out:
    secret_wipe(room, sizeof room);
    return status;
}

enum status sigv4_work_out(const struct sigv4_request *r, const struct sigv4_keys *k,
                           const struct sigv4_scope *s, int64_t expires_s, struct sigv4_texts *t,
                           struct err *err)
{
    TRY(check(k, s, expires_s, err));
    fill_time(s->now_us, t->time);
    TRY(fill_payload(r, expires_s != SIGV4_HEADERS, t, err));
    buf_append(&t->scope, t->time, SIGV4_DATE);
    buf_char(&t->scope, '/');
    buf_str(&t->scope, s->region);
    buf_char(&t->scope, '/');
    buf_str(&t->scope, s->service);
    buf_str(&t->scope, STR("/aws4_request"));
    TRY(sigv4_canonical(r, k, expires_s, t, err));
    TRY(texts_status(t, err));

    struct sha256 digest, key, signature;
    char hex[SIGV4_HEX];
    TRY(sha256_of(buf_view(&t->canonical), &digest, err));
    hex_lower(hex, digest.b, SHA256_BYTES);
    buf_str(&t->to_sign, STR(ALGORITHM "\n"));
    buf_append(&t->to_sign, t->time, SIGV4_TIME);
    buf_char(&t->to_sign, '\n');
    buf_str(&t->to_sign, buf_view(&t->scope));
    buf_char(&t->to_sign, '\n');
    buf_append(&t->to_sign, hex, SIGV4_HEX);
    TRY(texts_status(t, err));

    TRY(signing_key(k, s, t, &key, err));
    enum status status = hmac_sha256(digest_view(&key), buf_view(&t->to_sign), &signature, err);
    secret_wipe(&key, sizeof key);
    TRY(status);
    hex_lower(t->signature, signature.b, SHA256_BYTES);
    return OK;
}

static void line(struct buf *out, struct str name, struct str value)
{
    buf_str(out, name);
    buf_str(out, STR(": "));
    sigv4_header_value(out, value);
    buf_char(out, '\n');
}

static void append_headers(const struct sigv4_request *r, const struct sigv4_keys *k,
                           const struct sigv4_texts *t, struct buf *out)
{
    for (size_t i = 0; i < r->headers_n; i++)
        line(out, r->headers[i].name, r->headers[i].value);
    line(out, STR("X-Amz-Date"), str_of(t->time, SIGV4_TIME));
    if (r->content_sha256)
        line(out, STR("X-Amz-Content-Sha256"), str_of(t->payload, t->payload_n));
    if (k->session_token.n > 0)
        line(out, STR("X-Amz-Security-Token"), k->session_token);
    buf_str(out, STR("Authorization: " ALGORITHM " Credential="));
    buf_str(out, k->access_key_id);
    buf_char(out, '/');
    buf_str(out, buf_view(&t->scope));
    buf_str(out, STR(", SignedHeaders="));
    buf_str(out, buf_view(&t->names));
    buf_str(out, STR(", Signature="));
    buf_append(out, t->signature, SIGV4_HEX);
    buf_char(out, '\n');
}

static void append_target(const struct sigv4_texts *t, bool presigned, struct buf *out)
{
    buf_str(out, buf_view(&t->path));
    if (t->query.n > 0)
        buf_char(out, '?');
    buf_str(out, buf_view(&t->query));
    if (!presigned)
        return;
    buf_str(out, STR("&X-Amz-Signature="));
    buf_append(out, t->signature, SIGV4_HEX);
}

static enum status too_long(enum status status, struct err *err)
{
    if (status == ERR_NOMEM)
        return err_nomem(err);
    return err_set(err, status, "signing: the signed request is too long");
}

enum status sigv4_sign(const struct sigv4_request *r, const struct sigv4_keys *k,
                       const struct sigv4_scope *s, struct buf *target, struct buf *headers,
                       struct err *err)
{
    struct sigv4_texts t;
    size_t target_n = target->n, headers_n = headers->n;
    sigv4_texts_init(&t);
    enum status status = sigv4_work_out(r, k, s, SIGV4_HEADERS, &t, err);
    if (status == OK) {
        append_target(&t, false, target);
        append_headers(r, k, &t, headers);
        status = target->status != OK ? target->status : headers->status;
        if (status != OK) {
            target->n = target_n;
            headers->n = headers_n;
            too_long(status, err);
        }
    }
    sigv4_texts_fini(&t);
    return status;
}

enum status sigv4_presign(const struct sigv4_request *r, const struct sigv4_keys *k,
                          const struct sigv4_scope *s, int64_t expires_s, struct buf *target,
                          struct err *err)
{
    struct sigv4_texts t;
    size_t target_n = target->n;
    sigv4_texts_init(&t);
    /* What stands for a signature in headers is no time to expire. */
    enum status status = sigv4_work_out(r, k, s, expires_s < 0 ? 0 : expires_s, &t, err);
    if (status == OK) {
        append_target(&t, true, target);
        status = target->status;
        if (status != OK) {
            target->n = target_n;
            too_long(status, err);
        }
    }
    sigv4_texts_fini(&t);
    return status;
}
