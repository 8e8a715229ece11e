/* The parts of a call: the client, and what is read out of an answer that is an error. */
#ifndef ASSAY_AWS_CALL_INTERNAL_H
#define ASSAY_AWS_CALL_INTERNAL_H

#include "aws/call.h"
#include "aws/credentials_internal.h"

struct aws_client {
    struct http_client *http;
    struct aws_credentials *provider; /* NULL: `keys` */
    const struct aws_keys *keys;      /* NULL: unsigned calls only */
    const struct aws_machine *machine;
    struct endpoint_settings endpoints;
    const char *region; /* NULL: nothing names one; see credentials_find_region */
    char own_region[ENDPOINT_REGION_MAX];
    _Atomic int64_t *skew_us; /* to be added to the machine's time */
    const _Atomic bool *cancel;
    int attempts;
    uint64_t seed;
    struct sigv4_cache cache;
    struct buf target, headers, path, host;
};

/* A client for calls on the way to keys: over somebody else's connections, with these keys (NULL:
 * unsigned calls only). client_return gives back its own memory. */
void client_borrow(struct aws_client *c, const struct asking *a, const struct aws_keys *keys,
                   const char *region);
void client_return(struct aws_client *c);
/* The Region of the settings; when nothing names one and the first keys are the instance's, the one
 * that it is in, which it is asked for once. NULL: none. Lives as long as p. */
const char *credentials_find_region(struct aws_credentials *p, const _Atomic bool *cancel);
/* What the client of a provider needs from it. */
void credentials_lend(struct aws_credentials *p, struct aws_client *c);

/* What an answer that is no success asks for. */
enum remedy {
    REMEDY_NONE,
    REMEDY_WAIT,          /* the same again, later */
    REMEDY_WAIT_LONGER,   /* after it was too much */
    REMEDY_KEYS,          /* with new keys */
    REMEDY_CLOCK,         /* with another time */
    REMEDY_CLOCK_OR_KEYS, /* with another time when ours is off, else with new keys */
    REMEDY_REGION,        /* in a->region */
};

/* Fills request_id and region of a from its headers; of one that is no success also code and
 * message, and what the body says of these. The message is left out when it holds a part of the
 * keys (may be NULL), or, after an unsigned call, of what was sent: its headers and its body hold
 * tokens. */
void answer_read(struct aws_answer *a, const struct aws_keys *k, const struct aws_call *call,
                 struct str headers);
enum remedy answer_remedy(const struct aws_answer *a, const struct aws_call *call,
                          const char *region);
/* The error of a call that AWS refused; source names the credentials. */
enum status answer_refused(const struct aws_answer *a, const struct aws_call *call,
                           const char *region, const char *source, struct err *err);
/* How long the service wants us to wait: x-amz-retry-after counts in milliseconds (botocore 1.44,
 * retries/standard.py), Retry-After in seconds; -1 when it does not say. */
int64_t answer_asked_ms(const struct aws_answer *a);
/* The Date header of an answer, an IMF-fixdate (RFC 9110, 5.6.7); false when there is none. */
bool answer_date(const struct aws_answer *a, int64_t *time_us);

#endif
