/*
 * Private to sigv4, and for its tests: the texts on the way to a signature, by the names that AWS
 * gives them.
 */
#ifndef ASSAY_CODEC_SIGV4_INTERNAL_H
#define ASSAY_CODEC_SIGV4_INTERNAL_H

#include "codec/sigv4.h"

#define SIGV4_HEADERS (-1) /* in place of expires_s: the signature goes into a header */
#define SIGV4_TIME 16      /* 20150830T123600Z */
#define SIGV4_DATE 8
#define SIGV4_HEX (2 * SHA256_BYTES)

struct sigv4_texts {
    char time[SIGV4_TIME + 1];
    char payload[SIGV4_HEX]; /* digest of the body, or UNSIGNED-PAYLOAD */
    size_t payload_n;
    char signature[SIGV4_HEX];
    struct buf scope;     /* 20150830/us-east-1/s3/aws4_request */
    struct buf path;      /* as sent */
    struct buf query;     /* canonical, which is also as sent */
    struct buf names;     /* host;x-amz-date */
    struct buf canonical; /* the canonical request */
    struct buf to_sign;   /* the string to sign */
};

void sigv4_texts_init(struct sigv4_texts *t);
/* Wipes and frees; also after a failure. */
void sigv4_texts_fini(struct sigv4_texts *t);
/* All texts of a request. expires_s: as in sigv4_presign, or SIGV4_HEADERS. */
enum status sigv4_work_out(const struct sigv4_request *r, const struct sigv4_keys *k,
                           const struct sigv4_scope *s, int64_t expires_s, struct sigv4_texts *t,
                           struct err *err) MUST_USE;

/* sigv4_canonical.c: the canonical request, from method to payload. time, payload and scope are
 * filled already; fills path, query, names and canonical. ERR_USAGE, ERR_LIMIT; a lack of memory
 * shows in the buffers' statuses. */
enum status sigv4_canonical(const struct sigv4_request *r, const struct sigv4_keys *k,
                            int64_t expires_s, struct sigv4_texts *t, struct err *err) MUST_USE;
/* Appends a header's value without white space at its ends; line ends become blanks. */
void sigv4_header_value(struct buf *out, struct str value);

#endif
