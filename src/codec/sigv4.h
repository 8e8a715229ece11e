/*
 * Signature Version 4: how AWS wants requests signed (IAM User Guide, "Create a signed AWS API
 * request"; Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)"; read
 * 2026-11). Pure: no I/O, the time is given.
 *
 *     struct sigv4_request r = {.method = STR("GET"), .host =
 * STR("logs.s3.eu-west-1.amazonaws.com"), .path = STR("/AWSLogs/a=b.gz"), .plain_path = true,
 *                               .content_sha256 = true};
 *     struct sigv4_scope s = {.region = STR("eu-west-1"), .service = STR("s3"), .now_us = now};
 *     TRY(sigv4_sign(&r, &keys, &s, &target, &headers, err));
 *
 * What is given is borrowed for the call. Texts with the session token and keys that were derived
 * are wiped before a function returns; `headers` and a presigned `target` hold secrets and are the
 * caller's to wipe. Any thread may call; a cache belongs to one thread at a time.
 *
 * Errors: ERR_USAGE for what could not be sent or would break a header (a path that does not begin
 * with "/", control characters, a header that the signer writes itself), ERR_LIMIT, ERR_RANGE,
 * ERR_NOMEM, and those of digest.h. Messages name what is wrong, never a value.
 */
#ifndef ASSAY_CODEC_SIGV4_H
#define ASSAY_CODEC_SIGV4_H

#include "base/buf.h"
#include "codec/digest.h"

enum {
    SIGV4_PAIRS_MAX = 64,   /* headers, and query parameters, of one request */
    SIGV4_SECRET_MAX = 256, /* bytes of a secret; those of AWS have 40 */
    SIGV4_EXPIRES_MAX = 7 * 24 * 3600
};

struct sigv4_pair {
    struct str name, value; /* raw, not encoded */
};

struct sigv4_keys {
    struct str access_key_id, secret;
    struct str session_token; /* "": none */
};

struct sigv4_request {
    struct str method; /* "GET" */
    struct str host;   /* as in the Host header, with a port where it is not the default */
    struct str path;   /* raw, "/" and the key for S3; not encoded. "" stands for "/" */
    const struct sigv4_pair *query;
    size_t query_n; /* any order; an empty value is signed and sent as "name=" */
    /* Beside host, x-amz-date, x-amz-security-token, x-amz-content-sha256 and authorization. All
     * are signed. A name may stand more than once; a line end in a value counts as a blank. */
    const struct sigv4_pair *headers;
    size_t headers_n;
    struct str body;
    /* S3: the path is encoded once and signed as it is sent. All other services: what is signed is
     * the path as sent, normalised (no empty segments, "." and ".." resolved) and encoded again. */
    bool plain_path;
    /* The path is given as it is to be sent, for a segment that holds "/" (%2F): an ARN in a path
     * of Bedrock. Not with plain_path. */
    bool encoded_path;
    /* Send and sign x-amz-content-sha256: S3 wants it. A presigned request signs the text
     * UNSIGNED-PAYLOAD in place of the body's digest then, as S3 wants, too. */
    bool content_sha256;
};

/*
 * The signing key of one secret, day, Region and service: deriving it costs four of the five HMACs
 * of a signature. Begins as zeros; it recognises by itself when it does not fit. It holds a secret:
 * secret_wipe it at the end.
 */
struct sigv4_cache {
    bool filled;
    struct sha256 of; /* digest of all that the key is derived from */
    struct sha256 key;
};

struct sigv4_scope {
    struct str region, service;
    int64_t now_us;
    struct sigv4_cache *cache; /* NULL: none */
};

/*
 * Appends to *target the request target (encoded path?query, as sent and as signed; the query in
 * the order that is signed), to *headers lines "Name: value\n" that must be sent: the given ones,
 * X-Amz-Date, X-Amz-Content-Sha256, X-Amz-Security-Token, Authorization. Not Host, which the HTTP
 * client sends. On failure neither has more text than before.
 */
enum status sigv4_sign(const struct sigv4_request *r, const struct sigv4_keys *k,
                       const struct sigv4_scope *s, struct buf *target, struct buf *headers,
                       struct err *err) MUST_USE;

/*
 * Presigned: *target gets path and query with X-Amz-Algorithm, X-Amz-Credential, X-Amz-Date,
 * X-Amz-Expires, X-Amz-Security-Token, X-Amz-SignedHeaders and, last, X-Amz-Signature. Whoever uses
 * it sends the Host header and exactly the given headers. Good for expires_s seconds, 1 to
 * SIGV4_EXPIRES_MAX (a week); ERR_RANGE otherwise.
 */
enum status sigv4_presign(const struct sigv4_request *r, const struct sigv4_keys *k,
                          const struct sigv4_scope *s, int64_t expires_s, struct buf *target,
                          struct err *err) MUST_USE;

#endif
