/*
 * What the sources of keys share. Each is a function that asks one place once; when to ask and how
 * long to keep the answer is credentials.c's concern.
 */
#ifndef ASSAY_AWS_CREDENTIALS_INTERNAL_H
#define ASSAY_AWS_CREDENTIALS_INTERNAL_H

#include "aws/chain.h"
#include "aws/endpoint.h"
#include "aws/fields.h"

/* The text of a file with an SSO token that could not be written: then it is kept here. Used by one
 * thread at a time. */
struct sso_memory {
    struct buf path, file; /* empty: there is none */
};

/* All borrowed. */
struct asking {
    const struct aws_machine *machine;
    struct endpoint_settings endpoints;
    const char *region; /* NULL: nothing names one */
    struct http_client *http;
    _Atomic int64_t *skew_us; /* of AWS's clock against the machine's */
    struct sso_memory *sso;
    const _Atomic bool *cancel; /* NULL, or whoever asks wants to end: then ERR_INTERRUPTED soon */
};

/* Now, by the clock of AWS as far as it is known: by it AWS says when keys expire. */
int64_t asking_now_us(const struct asking *a);
bool asking_is_cancelled(const struct asking *a);
/* Keys from a server that gives only what holds, but that seem to have expired: then its times are
 * not to be trusted (or its own source of keys is down, see instance.c). They are used for ten
 * minutes, then asked for again. */
void asking_go_on(const struct asking *a, struct aws_keys *k);

/* Copies. ERR_PARSE when a text is empty or holds what no key holds (a blank, a line end); `what`
 * names the place for the message. */
enum status keys_make(struct aws_keys *out, struct str access_key_id, struct str secret,
                      struct str session_token, int64_t expires_us, const char *what,
                      struct err *err) MUST_USE;
enum status keys_copy(struct aws_keys *out, const struct aws_keys *from, struct err *err) MUST_USE;
/* f: access key id, secret, session token, time of expiry (ISO 8601; may be absent). */
enum status keys_of_fields(struct aws_keys *out, const struct field f[4], const char *what,
                           struct err *err) MUST_USE;

/* The whole chain. */
enum status chain_walk(const struct asking *a, const struct chain *chain, struct aws_keys *out,
                       struct err *err) MUST_USE;

enum status process_keys(const struct asking *a, const struct link *l, struct aws_keys *out,
                         struct err *err) MUST_USE;
enum status sso_keys(const struct asking *a, const struct link *l, struct aws_keys *out,
                     struct err *err) MUST_USE;
enum status container_keys(const struct asking *a, struct aws_keys *out, struct err *err) MUST_USE;
enum status instance_keys(const struct asking *a, struct aws_keys *out, struct err *err) MUST_USE;
/* The Region that the instance is in; left alone when it cannot be had. */
void instance_region(const struct asking *a, char out[ENDPOINT_REGION_MAX]);

#endif
