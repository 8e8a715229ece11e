/*
 * What the sources of keys share. Each is a function that asks one place once; when to ask and how
 * long to keep the answer is credentials.c's concern.
 */
#ifndef ASSAY_AWS_CREDENTIALS_INTERNAL_H
#define ASSAY_AWS_CREDENTIALS_INTERNAL_H

#include "aws/chain.h"
#include "aws/endpoint.h"
#include "aws/fields.h"

/* All borrowed. */
struct asking {
    const struct aws_machine *machine;
    struct endpoint_settings endpoints;
    const char *region; /* NULL: nothing names one */
    struct http_client *http;
    _Atomic int64_t *skew_us;
};

/* Copies. ERR_PARSE when a text is empty or holds what no key holds (a blank, a line end); `what`
 * names the place for the message. */
enum status keys_make(struct aws_keys *out, struct str access_key_id, struct str secret,
                      struct str session_token, int64_t expires_us, const char *what,
                      struct err *err) MUST_USE;
enum status keys_copy(struct aws_keys *out, const struct aws_keys *from, struct err *err) MUST_USE;
/* f: access key id, secret, session token, time of expiry (ISO 8601; may be absent). */
enum status keys_of_fields(struct aws_keys *out, const struct field f[4], const char *what,
                           struct err *err) MUST_USE;

enum status process_keys(const struct asking *a, const struct link *l, struct aws_keys *out,
                         struct err *err) MUST_USE;
enum status sso_keys(const struct asking *a, const struct link *l, struct aws_keys *out,
                     struct err *err) MUST_USE;
enum status container_keys(const struct asking *a, struct aws_keys *out, struct err *err) MUST_USE;
enum status instance_keys(const struct asking *a, struct aws_keys *out, struct err *err) MUST_USE;

#endif
