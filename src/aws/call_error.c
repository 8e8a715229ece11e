/*
 * What an answer that is no success means. The protocols of AWS differ in where they put code and
 * message (botocore 1.44, parsers.py): S3 and the Query protocol in XML, <Code> and <Message>; JSON
 * services in "__type" or "code" and "message" or "Message", or in the header x-amzn-ErrorType.
 * Names come as "ns#Code" or "Code:url".
 *
 * What AWS says is shown, but never blindly: the Query protocol answers a wrong signature with the
 * whole canonical request, session token included, from the second line on.
 */
#include "aws/call_internal.h"

#include "base/io.h"
#include "net/retry.h"

#include <stdio.h>

/* Shorter pieces of a token than TOKEN_MIN tell nothing. */
enum { BODY_READ_MAX = 64 * 1024, TOKEN_MIN = 20 };

static struct str header(const struct aws_answer *a, const char *name)
{
    return http_header(&a->http, name);
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == '=' || c == '/' || c == '+';
}

/* Copies plain characters up to the first other one. */
static void set_word(char *out, size_t room, struct str s)
{
    size_t n = 0;
    while (n < s.n && n + 1 < room && is_plain(s.p[n])) {
        out[n] = s.p[n];
        n++;
    }
    out[n] = '\0';
}

static void set_code(struct aws_answer *a, struct str s)
{
    ptrdiff_t at = str_find_char(s, '#');
    s = str_skip(s, (size_t)(at + 1));
    set_word(a->code, sizeof a->code, s);
}

/* What was sent and must not come back in a message. */
struct sent {
    const struct aws_keys *keys; /* NULL: none */
    struct str headers, body;    /* of an unsigned call: all of them may be secret; else "" */
};

static bool holds_keys(struct str text, const struct aws_keys *k)
{
    if (!k || !k->secret)
        return false;
    struct str secret = str_from(k->secret), token = str_from(k->session_token);
    secret.n = secret.n > 12 ? 12 : secret.n;
    token.n = token.n > 24 ? 24 : token.n;
    return (secret.n && str_find(text, secret) >= 0) || (token.n && str_find(text, token) >= 0);
}

static bool is_of_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

/* Whether a piece of the text, long enough for a part of a token, stands in what was sent. Only
 * characters count that neither forms nor JSON encode. */
static bool echoes(struct str text, struct str sent)
{
    size_t run = 0;
    for (size_t i = 0; sent.n > 0 && i < text.n; i++) {
        run = is_of_token(text.p[i]) ? run + 1 : 0;
        if (run >= TOKEN_MIN && str_find(sent, str_of(text.p + i + 1 - TOKEN_MIN, TOKEN_MIN)) >= 0)
            return true;
    }
    return false;
}

/* A text that a service sent back together with a part of what we sent is not shown. One that is
 * cut says so. */
static void set_message(struct aws_answer *a, struct str s, const struct sent *sent)
{
    size_t n = 0;
    s = str_trim(s);
    struct str shown = str_of(s.p, s.n < sizeof a->message ? s.n : sizeof a->message);
    if (holds_keys(s, sent->keys) || echoes(shown, sent->headers) || echoes(shown, sent->body))
        return;
    for (; n < s.n && n + 1 < sizeof a->message && s.p[n] != '\n' && s.p[n] != '\r'; n++)
        a->message[n] = s.p[n] >= ' ' && s.p[n] <= '~' ? s.p[n] : '?';
    if (n + 1 == sizeof a->message && n < s.n)
        memcpy(a->message + n - 3, "...", 3);
    a->message[n] = '\0';
}

static void set_region(struct aws_answer *a, struct str s)
{
    if (endpoint_is_region(s))
        snprintf(a->region, sizeof a->region, "%.*s", STR_ARG(s));
}

static struct str first_of(struct str a, struct str b)
{
    return a.n > 0 ? a : b;
}

static void read_xml(struct aws_answer *a, struct str body, const struct sent *sent)
{
    struct field f[] = {{.name = "Code"},
                        {.name = "Message"},
                        {.name = "RequestId"},
                        {.name = "RequestID"},
                        {.name = "Region"}};
    struct buf room;
    buf_init(&room, FIELDS_MAX);
    if (fields_of_xml(body, f, sizeof f / sizeof f[0], &room, NULL) == OK) {
        set_code(a, f[0].value);
        set_message(a, f[1].value, sent);
        if (!a->request_id[0])
            set_word(a->request_id, sizeof a->request_id, first_of(f[2].value, f[3].value));
        set_region(a, f[4].value);
    }
    fields_wipe(&room);
}

static void read_json(struct aws_answer *a, struct str body, const struct sent *sent)
{
    struct field f[] = {{.name = "__type"},  {.name = "code"},  {.name = "message"},
                        {.name = "Message"}, {.name = "error"}, {.name = "error_description"}};
    struct buf room;
    buf_init(&room, FIELDS_MAX);
    if (fields_of_json(body, NULL, f, sizeof f / sizeof f[0], &room, NULL) == OK) {
        set_code(a, first_of(first_of(f[0].value, f[1].value), f[4].value));
        set_message(a, first_of(first_of(f[2].value, f[3].value), f[5].value), sent);
    }
    fields_wipe(&room);
}

static void read_text(struct aws_answer *a, struct str body, const struct sent *sent)
{
    body = str_trim(body);
    if (body.n > 0 && body.p[0] == '<')
        read_xml(a, body, sent);
    else if (body.n > 0 && body.p[0] == '{')
        read_json(a, body, sent);
}

/* The body, wherever the limits of the call have put it. */
static void read_body(struct aws_answer *a, const struct sent *sent)
{
    struct buf text;
    if (a->http.body_fd < 0 && a->http.body.n <= BODY_READ_MAX)
        read_text(a, buf_view(&a->http.body), sent);
    if (a->http.body_fd < 0 || a->http.body_bytes > BODY_READ_MAX)
        return;
    buf_init(&text, BODY_READ_MAX);
    size_t n = (size_t)a->http.body_bytes;
    if (buf_reserve(&text, n) &&
        io_read_at(a->http.body_fd, text.p, n, 0, "the answer", NULL) == OK)
        read_text(a, str_of(text.p, n), sent);
    buf_fini(&text);
}

void answer_read(struct aws_answer *a, const struct aws_keys *k, const struct aws_call *call,
                 struct str headers)
{
    struct sent sent = {.keys = k};
    if (call->unsigned_call) {
        sent.headers = headers;
        sent.body = call->body;
    }
    struct str id = first_of(header(a, "x-amzn-requestid"), header(a, "x-amz-request-id"));
    set_word(a->request_id, sizeof a->request_id, id);
    if (a->http.status / 100 == 2)
        return;
    set_region(a, header(a, "x-amz-bucket-region"));
    read_body(a, &sent);
    /* The REST protocol in JSON has it here, and there it goes before what the body says. */
    struct str type = header(a, "x-amzn-errortype");
    if (type.n > 0)
        set_code(a, type);
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

bool answer_date(const struct aws_answer *a, int64_t *time_us)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    /* "Tue, 14 Apr 2026 08:57:15 GMT" becomes what time_parse reads. */
    struct str d = header(a, "date");
    if (d.n != 29 || !str_eq(str_skip(d, 25), STR(" GMT")))
        return false;
    int month = 0;
    while (month < 12 && memcmp(months + 3 * month, d.p + 8, 3) != 0)
        month++;
    char iso[TIME_TEXT];
    int n =
        snprintf(iso, sizeof iso, "%.4s-%02d-%.2sT%.8sZ", d.p + 12, month + 1, d.p + 5, d.p + 17);
    return n > 0 && time_parse(str_of(iso, (size_t)n), time_us);
}
