/*
 * What stands in an answer that is no success. The protocols of AWS differ in where they put code
 * and message (botocore 1.44, parsers.py): S3 and the Query protocol in XML, <Code> and <Message>;
 * JSON services in "__type" or "code" and "message" or "Message", or in the header
 * x-amzn-ErrorType. Names come as "ns#Code" or "Code:url".
 *
 * What AWS says is shown, but never blindly: the Query protocol answers a wrong signature with the
 * whole canonical request, session token included, from the second line on.
 */
#include "aws/call_internal.h"

#include "base/io.h"

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
