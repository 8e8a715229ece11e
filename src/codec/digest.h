/*
 * Digests and what belongs to secrets: SHA-256 (FIPS 180-4), HMAC (RFC 2104), hex, comparing in
 * constant time, wiping. A thin cover of OpenSSL, whose headers have their home in digest.c.
 *
 * All functions may be called by any thread; nothing is kept between calls. Errors: ERR_NOMEM, or
 * ERR_IO when the crypto library refuses (a system that forbids the digest); messages never hold
 * what was digested.
 */
#ifndef ASSAY_CODEC_DIGEST_H
#define ASSAY_CODEC_DIGEST_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

enum { SHA256_BYTES = 32, SHA1_BYTES = 20 };

struct sha256 {
    unsigned char b[SHA256_BYTES];
};

enum status sha256_of(struct str bytes, struct sha256 *out, struct err *err) MUST_USE;
enum status hmac_sha256(struct str key, struct str bytes, struct sha256 *out,
                        struct err *err) MUST_USE;

/* For the names of files in the cache of AWS SSO tokens only (the SHA-1 of a session's name or
 * start URL in lower-case hex, as the AWS CLI does it); SHA-1 protects nothing. Zero-terminated. */
enum status sha1_hex(struct str bytes, char out[2 * SHA1_BYTES + 1], struct err *err) MUST_USE;

/* Writes 2n characters, no terminator. */
void hex_lower(char *out, const void *bytes, size_t n);

/* Takes the same time for all contents of one length; lengths are no secret. */
bool secret_eq(struct str a, struct str b);
/* Overwrites p with zeros, and the compiler does not leave that out. p may be NULL when n is 0. */
void secret_wipe(void *p, size_t n);

#endif
