/*
 * What an answer that is no success means: what helps against it, and how people are told. What
 * stands in it call_answer.c has read.
 */
#include "aws/call_internal.h"

#include "net/retry.h"

#include <stdio.h>

static struct str header(const struct aws_answer *a, const char *name)
{
    return http_header(&a->http, name);
}

static bool code_has(const struct aws_answer *a, const char *part)
{
    return strstr(a->code, part) != NULL;
}

static bool code_is_one(const struct aws_answer *a, const char *const *codes)
{
    for (; *codes; codes++)
        if (strcmp(a->code, *codes) == 0)
            return true;
    return false;
}

/* The codes of throttling that SDKs repeat (botocore 1.44, retries/standard.py).
 */
static bool is_throttled(const struct aws_answer *a)
{
    static const char *const codes[] = {"SlowDown",
                                        "BandwidthLimitExceeded",
                                        "LimitExceededException",
                                        "PriorRequestNotComplete",
                                        "RequestLimitExceeded",
                                        "RequestThrottled",
                                        "RequestThrottledException",
                                        "TooManyRequestsException",
                                        "ProvisionedThroughputExceededException",
                                        "TransactionInProgressException",
                                        "EC2ThrottledException",
                                        NULL};
    return a->http.status == 429 || code_has(a, "Throttl") || code_is_one(a, codes);
}

static bool is_transient(const struct aws_answer *a)
{
    static const char *const codes[] = {"RequestTimeout", "RequestTimeoutException",
                                        "InternalError", "IDPCommunicationError", NULL};
    return retry_worth(a->http.status) || code_is_one(a, codes);
}

static bool is_expired(const struct aws_answer *a)
{
    static const char *const codes[] = {"ExpiredToken", "ExpiredTokenException",
                                        "TokenRefreshRequired", NULL};
    return code_is_one(a, codes);
}

static bool is_clock(const struct aws_answer *a)
{
    static const char *const codes[] = {"RequestTimeTooSkewed", "RequestInTheFuture", NULL};
    return code_is_one(a, codes);
}

/* About the clock when the Date header says so, too, else about the keys. RequestExpired is a
 * request of more than 15 minutes ago ("Common Errors" of AWS's API references). */
static bool may_be_clock(const struct aws_answer *a)
{
    static const char *const codes[] = {"InvalidSignatureException", "SignatureDoesNotMatch",
                                        "AuthFailure", "RequestExpired", NULL};
    return code_is_one(a, codes);
}

/* Another tool may have written others meanwhile. */
static bool is_unknown_key(const struct aws_answer *a)
{
    static const char *const codes[] = {"InvalidAccessKeyId", "InvalidClientTokenId",
                                        "UnrecognizedClientException", "InvalidToken", NULL};
    return code_is_one(a, codes);
}

static bool is_elsewhere(const struct aws_answer *a, const struct aws_call *call,
                         const char *region)
{
    int status = a->http.status;
    return strcmp(call->service, "s3") == 0 && strcmp(a->region, region) != 0 &&
           (status == 301 || status == 307 || status == 400);
}

enum remedy answer_remedy(const struct aws_answer *a, const struct aws_call *call,
                          const char *region)
{
    if (is_expired(a) || is_unknown_key(a))
        return REMEDY_KEYS;
    if (is_clock(a))
        return REMEDY_CLOCK;
    if (may_be_clock(a))
        return REMEDY_CLOCK_OR_KEYS;
    if (is_elsewhere(a, call, region))
        return REMEDY_REGION;
    if (is_throttled(a))
        return REMEDY_WAIT_LONGER;
    return is_transient(a) ? REMEDY_WAIT : REMEDY_NONE;
}

int64_t answer_asked_ms(const struct aws_answer *a)
{
    int64_t ms;
    if (str_to_i64(header(a, "x-amz-retry-after"), &ms) && ms >= 0)
        return ms;
    return retry_after_of(header(a, "retry-after"));
}

/* KMS refuses, on behalf of the service: "KMS.DisabledException" of S3, "KmsAccessDenied" of SQS;
 * or the permission that is missing is one of KMS, which only the message says. */
static bool is_kms(const struct aws_answer *a)
{
    bool code = strncmp(a->code, "KMS", 3) == 0 || strncmp(a->code, "Kms", 3) == 0;
    return (code && !is_throttled(a) && !is_transient(a)) ||
           (code_has(a, "AccessDenied") && strstr(a->message, "kms:"));
}

static bool is_archived(const struct aws_answer *a)
{
    return strcmp(a->code, "InvalidObjectState") == 0;
}

static bool is_missing(const struct aws_answer *a)
{
    return !is_kms(a) &&
           (a->http.status == 404 || strncmp(a->code, "NoSuch", 6) == 0 ||
            code_has(a, "NotFound") || code_has(a, "NonExistent") || code_has(a, "DoesNotExist"));
}

static bool is_refused(const struct aws_answer *a)
{
    return a->http.status == 401 || a->http.status == 403 || code_has(a, "AccessDenied") ||
           is_unknown_key(a) || is_expired(a) || is_clock(a) || may_be_clock(a) || is_kms(a);
}

static void allow(const char *permission, const char *source, struct buf *out)
{
    if (source[0])
        buf_printf(out, "allow %s to the principal with the keys of %.100s", permission, source);
    else
        buf_printf(out, "allow %s to this caller", permission);
}

static void advise_kms(const struct aws_answer *a, const char *source, struct buf *out)
{
    if (code_has(a, "Disabled") || code_has(a, "InvalidState") || code_has(a, "NotFound"))
        buf_printf(out, "; it is encrypted, and its key in KMS is disabled or gone: enable that");
    else {
        buf_str(out, STR("; it is encrypted: "));
        allow("kms:Decrypt on its key", source, out);
    }
}

/* What to check, for people: one advice. */
static void advise(const struct aws_answer *a, const struct aws_call *call, const char *region,
                   const char *source, struct buf *out)
{
    const char *keys = source[0] != '\0' ? source : "this caller";
    if (is_expired(a))
        buf_printf(out, "; renew the keys of %.100s (aws sso login, or new keys)", keys);
    else if (is_unknown_key(a))
        buf_printf(out, "; is the access key of %.100s active, and complete?", keys);
    else if (is_clock(a) || strcmp(a->code, "RequestExpired") == 0)
        buf_printf(out, "; set the clock of this machine");
    else if (may_be_clock(a))
        buf_printf(out, "; check the secret key of %.100s", keys);
    else if (is_kms(a))
        advise_kms(a, source, out);
    else if (is_archived(a))
        buf_printf(out, "; it is archived (Glacier): restore it first");
    else if (is_refused(a) && call->action) {
        buf_str(out, STR("; "));
        allow(call->action, source, out);
    } else if (is_missing(a))
        buf_printf(out, "; check the name and the Region (%s was asked)", region);
    else if (is_throttled(a))
        buf_printf(out, "; AWS wants fewer requests");
}

/* What AWS said itself gets the room that is left: what it is about and what to do go before. */
static void tell(const struct aws_answer *a, struct str about, struct str advice, struct buf *out)
{
    size_t around = about.n + advice.n + strlen(a->code) + 20, n = strlen(a->message);
    size_t room = around < out->max ? out->max - around : 0;
    buf_printf(out, "%.*s: HTTP %d", STR_ARG(about), a->http.status);
    if (a->code[0])
        buf_printf(out, " %s", a->code);
    if (n > 0 && n <= room)
        buf_printf(out, " (%s)", a->message);
    else if (n > 0 && room > 20)
        buf_printf(out, " (%.*s...)", (int)room - 3, a->message);
    buf_str(out, advice);
}

enum status answer_refused(const struct aws_answer *a, const struct aws_call *call,
                           const char *region, const char *source, struct err *err)
{
    char text[384], what[160], hint[256], id[64] = "";
    struct buf out, about, advice;
    buf_on(&about, what, sizeof what - 1);
    buf_on(&advice, hint, sizeof hint - 1);
    buf_on(&out, text, sizeof text - 1);
    size_t subject = call->subject.n < 90 ? call->subject.n : 90;
    buf_printf(&about, "%s%s%.*s", call->action ? call->action : call->service,
               subject ? " on " : "", (int)subject, call->subject.p ? call->subject.p : "");
    advise(a, call, region, source, &advice);
    if (a->request_id[0])
        snprintf(id, sizeof id, "; request %.36s", a->request_id);
    buf_str(&advice, str_from(id));
    tell(a, buf_view(&about), buf_view(&advice), &out);
    enum status status = ERR_IO;
    if (is_missing(a))
        status = ERR_NOT_FOUND;
    else if (is_refused(a))
        status = ERR_ACCESS;
    return err_set(err, status, "%.*s", (int)out.n, text);
}
