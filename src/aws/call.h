/*
 * One call of an AWS service: found (endpoint), signed, sent, repeated where that helps, and its
 * error told so that somebody who is woken by it knows what to check.
 *
 *     struct aws_client_options o = {.credentials = credentials, .cancel = &stop};
 *     struct aws_client *c;                               one per thread
 *     aws_client_new(&o, &c, &err);
 *     struct aws_call call = {.service = "logs", .method = "POST", .path = STR("/"), …,
 *                             .action = "logs:FilterLogEvents", .subject = group};
 *     struct aws_answer a;
 *     aws_answer_init(&a);                                may be used for many calls
 *     if (aws_send(c, &call, &a, &err) == OK) … a.http.body …
 *     aws_answer_fini(&a);
 *
 * Endpoints: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's `services` section and its
 * endpoint_url, else the ones of AWS (endpoint.h).
 */
#ifndef ASSAY_AWS_CALL_H
#define ASSAY_AWS_CALL_H

#include "aws/credentials.h"
#include "codec/sigv4.h"
#include "net/http.h"

#include <stdatomic.h>

struct aws_client;

struct aws_client_options {
    struct aws_credentials *credentials; /* borrowed, must outlive the client */
    const char *region;                  /* NULL: the credentials' */
    _Atomic bool *cancel;                /* NULL, or set by somebody: calls end soon */
    int attempts;                        /* 0: AWS_MAX_ATTEMPTS, the profile's max_attempts, or 5 */
};

/* ERR_USAGE: a Region with characters that no Region has. Having none is an error of the call. */
enum status aws_client_new(const struct aws_client_options *o, struct aws_client **out,
                           struct err *err) MUST_USE;
void aws_client_free(struct aws_client *c);
/* The Region of calls that name none: the one of the options or the credentials, or, when nothing
 * names one and the first keys are the instance's, the instance's (the first such call asks it and
 * takes a second or two when nobody answers). NULL: none. Lives as long as the credentials. */
const char *aws_client_region(const struct aws_client *c);
/* True when the user gave an endpoint for this service: then S3 puts the bucket into the path. */
bool aws_client_own_endpoint(const struct aws_client *c, const char *service);
/* Now, by the clock of AWS as far as it is known (the machine's own may be wrong). */
int64_t aws_client_now_us(const struct aws_client *c);

struct aws_call {
    const char *service; /* "s3", "sqs", "logs", "sts", "bedrock", "sso", "oidc" */
    const char *region;  /* NULL: the client's */
    const char *method;
    struct str host_prefix; /* "bucket." before the host (S3), or "" */
    struct str path;        /* raw, begins with '/' */
    const struct sigv4_pair *query;
    size_t query_n;
    const struct sigv4_pair *headers; /* a content type among them when there is a body */
    size_t headers_n;
    struct str body;
    bool unsigned_call;
    bool encoded_path; /* path is given as it is to be sent (%2F in a segment); not for S3 */
    bool secret;       /* the answer is wiped when it is emptied */
    struct http_body_limits limits; /* all zero: 1 MiB in memory, no file */
    /* For messages: the permission that the call needs ("s3:GetObject") and what it is about
     * (bucket, key, group or queue; "" for nothing). */
    const char *action;
    struct str subject;
};

struct aws_answer {
    struct http_answer http;
    char code[64];       /* error code of an XML or JSON error body, or of a header; "" */
    char message[512];   /* its text: first line, printable, cut with "..."; never with a key or a
                          * token in it */
    char request_id[80]; /* "" when the service gave none */
    char region[40];     /* that answered at last: S3 may have sent us to another than asked */
};

void aws_answer_init(struct aws_answer *a);
void aws_answer_fini(struct aws_answer *a);

/*
 * OK only for 2xx. Otherwise the message names action, subject, what AWS said and what to check:
 *   ERR_NOT_FOUND    404 and codes like NoSuchKey, NoSuchBucket, ResourceNotFoundException,
 *                    AWS.SimpleQueueService.NonExistentQueue
 *   ERR_ACCESS       401, 403 and codes like AccessDenied; also: no credentials, or expired ones
 *   ERR_INTERRUPTED  cancelled
 *   ERR_LIMIT, ERR_TRUNCATED, ERR_IO, ERR_PARSE  as from http_send, and all else that AWS refuses;
 *                    a->code and a->http.status (0 when there was no answer) tell
 * Repeated, up to `attempts` times in all: no answer, a body that ends too early, 5xx, 429 and the
 * codes of throttling (these after about a second, and never before the service wants it:
 * Retry-After, x-amz-retry-after). In addition once each: keys that AWS calls expired, unknown or
 * wrong (got again, at most every five seconds), a clock that AWS calls wrong (set by its Date
 * header, for all clients of these credentials) and an S3 bucket in another Region
 * (x-amz-bucket-region, or <Region> of the body).
 */
enum status aws_send(struct aws_client *c, const struct aws_call *call, struct aws_answer *a,
                     struct err *err) MUST_USE;

#endif
