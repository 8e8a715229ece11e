/*
 * A call: see call.h. Each attempt finds its endpoint, keys and time anew, because the attempt
 * before may have changed any of them.
 */
#include "aws/call_internal.h"

#include "base/hash.h"
#include "codec/digest.h"
#include "codec/uri.h"
#include "net/retry.h"

#include <stdio.h>
#include <stdlib.h>

enum { ATTEMPTS = 5, ATTEMPTS_MAX = 100, TEXT_MAX = 1 << 20 };
/* A clock that is off by less does not make AWS refuse a signature (it allows five minutes). */
#define SKEW_MIN_US (4 * 60 * US_PER_SECOND)

static void init_texts(struct aws_client *c)
{
    buf_init(&c->target, TEXT_MAX);
    buf_init(&c->headers, TEXT_MAX);
    buf_init(&c->path, TEXT_MAX);
    buf_init(&c->host, 1024);
}

void client_borrow(struct aws_client *c, const struct asking *a, const struct aws_keys *keys,
                   const char *region)
{
    *c = (struct aws_client){.http = a->http,
                             .keys = keys,
                             .machine = a->machine,
                             .endpoints = a->endpoints,
                             .region = region,
                             .skew_us = a->skew_us,
                             .cancel = a->cancel,
                             .attempts = 3,
                             .seed = hash_key_random().k0};
    init_texts(c);
}

void client_return(struct aws_client *c)
{
    secret_wipe(&c->cache, sizeof c->cache);
    fields_wipe(&c->headers);
    fields_wipe(&c->target);
    buf_fini(&c->path);
    buf_fini(&c->host);
}

/* The user's number of attempts, or ours. */
static int attempts_of(const struct aws_client *c)
{
    int64_t n;
    const char *text = machine_variable(c->machine, "AWS_MAX_ATTEMPTS");
    if (!text)
        text =
            config_get(c->endpoints.config, CONFIG_PROFILE, c->endpoints.profile, "max_attempts");
    return text && str_to_i64(str_from(text), &n) && n >= 1 && n <= ATTEMPTS_MAX ? (int)n
                                                                                 : ATTEMPTS;
}

enum status aws_client_new(const struct aws_client_options *o, struct aws_client **out,
                           struct err *err)
{
    struct aws_client *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    init_texts(c);
    credentials_lend(o->credentials, c);
    c->cancel = o->cancel;
    c->attempts = o->attempts ? o->attempts : attempts_of(c);
    c->seed = hash_key_random().k0;
    enum status status = OK;
    const char *region = o->region ? o->region : aws_credentials_region(o->credentials);
    if (region && !endpoint_is_region(str_from(region)))
        status = err_set(err, ERR_USAGE, "%.40s is not the name of an AWS Region", region);
    if (status == OK && region) {
        snprintf(c->own_region, sizeof c->own_region, "%s", region);
        c->region = c->own_region;
    }
    const char *ca = machine_variable(c->machine, "AWS_CA_BUNDLE");
    if (!ca)
        ca = config_get(c->endpoints.config, CONFIG_PROFILE, c->endpoints.profile, "ca_bundle");
    struct http_options http = {
        .ca_file = ca, .user_agent = "assay/" ASSAY_VERSION, .cancel = o->cancel};
    if (status == OK)
        status = http_new(&http, &c->http, err);
    if (status != OK) {
        aws_client_free(c);
        return status;
    }
    *out = c;
    return OK;
}

void aws_client_free(struct aws_client *c)
{
    if (!c)
        return;
    http_free(c->http);
    client_return(c);
    free(c);
}

const char *aws_client_region(const struct aws_client *c)
{
    return c->region || !c->provider ? c->region : credentials_find_region(c->provider, c->cancel);
}

bool aws_client_own_endpoint(const struct aws_client *c, const char *service)
{
    return endpoint_is_own(&c->endpoints, service);
}

int64_t aws_client_now_us(const struct aws_client *c)
{
    return machine_now_us(c->machine) + atomic_load(c->skew_us);
}

void aws_answer_init(struct aws_answer *a)
{
    *a = (struct aws_answer){0};
    http_answer_init(&a->http);
}

void aws_answer_fini(struct aws_answer *a)
{
    http_answer_fini(&a->http);
}

/* Path and query as sent, of a call that nobody signs. */
static void write_plain(struct aws_client *c, const struct aws_call *call)
{
    if (call->encoded_path)
        buf_str(&c->target, buf_view(&c->path));
    else
        uri_encode(&c->target, buf_view(&c->path), true);
    for (size_t i = 0; i < call->query_n; i++) {
        buf_char(&c->target, i == 0 ? '?' : '&');
        uri_encode(&c->target, call->query[i].name, false);
        buf_char(&c->target, '=');
        uri_encode(&c->target, call->query[i].value, false);
    }
    for (size_t i = 0; i < call->headers_n; i++) {
        buf_str(&c->headers, call->headers[i].name);
        buf_str(&c->headers, STR(": "));
        buf_str(&c->headers, call->headers[i].value);
        buf_char(&c->headers, '\n');
    }
}

static enum status sign(struct aws_client *c, const struct aws_call *call, const struct endpoint *e,
                        const struct aws_keys *keys, int64_t now_us, struct err *err)
{
    bool s3 = strcmp(call->service, "s3") == 0;
    struct sigv4_request r = {.method = str_from(call->method),
                              .host = buf_view(&c->host),
                              .path = buf_view(&c->path),
                              .query = call->query,
                              .query_n = call->query_n,
                              .headers = call->headers,
                              .headers_n = call->headers_n,
                              .body = call->body,
                              .plain_path = s3,
                              .encoded_path = call->encoded_path,
                              .content_sha256 = s3};
    struct sigv4_keys k = aws_keys_view(keys);
    struct sigv4_scope scope = {.region = str_from(e->region),
                                .service = str_from(e->signs_as),
                                .now_us = now_us,
                                .cache = &c->cache};
    return sigv4_sign(&r, &k, &scope, &c->target, &c->headers, err);
}

/* The request of one attempt: c->target, c->headers, c->path, c->host; the last with the port. */
static enum status prepare(struct aws_client *c, const struct aws_call *call,
                           const struct endpoint *e, const struct aws_keys *keys, int64_t now_us,
                           struct err *err)
{
    buf_reset(&c->target);
    buf_reset(&c->headers);
    buf_reset(&c->path);
    buf_reset(&c->host);
    /* At once: a buffer that grows leaves copies of what it held behind. */
    if (!buf_reserve(&c->headers, 16 * 1024))
        return err_nomem(err);
    buf_str(&c->path, str_from(e->base_path));
    buf_str(&c->path, call->path);
    buf_str(&c->host, call->host_prefix);
    buf_str(&c->host, str_from(e->host));
    if (e->port)
        buf_printf(&c->host, ":%d", e->port);
    if (call->unsigned_call)
        write_plain(c, call);
    else
        TRY(sign(c, call, e, keys, now_us, err));
    struct buf *const texts[] = {&c->target, &c->headers, &c->path, &c->host};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (buf_status(texts[i]) != OK)
            return err_set(err, buf_status(texts[i]), "the request is too long");
    return OK;
}

static enum status exchange(struct aws_client *c, const struct aws_call *call,
                            const struct endpoint *e, struct aws_answer *a, struct err *err)
{
    static const struct http_body_limits usual = {.memory_max = 1 << 20};
    struct http_request r = {.method = call->method,
                             .scheme = str_from(e->scheme),
                             .port = e->port,
                             .target = buf_view(&c->target),
                             .headers = buf_view(&c->headers),
                             .body = call->body,
                             .secret = call->secret};
    r.host = buf_view(&c->host);
    /* The name without its port: it was appended last, and an IPv6 address has colons. */
    if (e->port) {
        char port[8];
        r.host.n -= (size_t)snprintf(port, sizeof port, ":%d", e->port);
    }
    bool unlimited = call->limits.memory_max == 0 && call->limits.file_max == 0;
    return http_send(c->http, &r, unlimited ? &usual : &call->limits, &a->http, err);
}

/* The state of a call between its attempts. */
struct attempts {
    char region[ENDPOINT_REGION_MAX];
    struct retry again;
    bool new_keys, new_clock, new_region; /* each has been tried */
    bool sent;                            /* the service was asked: its failure may pass */
    int64_t sent_us;                      /* the time that the last one was signed with */
};

static enum status attempt(struct aws_client *c, const struct aws_call *call, struct attempts *t,
                           struct aws_keys *keys, struct aws_answer *a, struct err *err)
{
    struct endpoint e;
    t->sent = false;
    if (!call->unsigned_call && c->provider)
        TRY(aws_credentials_get(c->provider, c->http, c->cancel, keys, err));
    TRY(endpoint_find(&c->endpoints, call->service, t->region, &e, err));
    t->sent_us = aws_client_now_us(c);
    TRY(prepare(c, call, &e, c->provider || call->unsigned_call ? keys : c->keys, t->sent_us, err));
    t->sent = true;
    return exchange(c, call, &e, a, err);
}

/* True when the clock was off by so much that setting it may help. */
static bool set_clock(struct aws_client *c, const struct attempts *t, const struct aws_answer *a)
{
    int64_t theirs;
    if (!answer_date(a, &theirs))
        return false;
    int64_t off = theirs - t->sent_us;
    if (off > -SKEW_MIN_US && off < SKEW_MIN_US)
        return false;
    atomic_store(c->skew_us, theirs - machine_now_us(c->machine));
    return true;
}

/* Whether another attempt is worth it, having waited for it when that is due. */
static bool remedied(struct aws_client *c, const struct aws_call *call, struct attempts *t,
                     const struct aws_keys *keys, const struct aws_answer *a, enum remedy remedy)
{
    bool clock = remedy == REMEDY_CLOCK || remedy == REMEDY_CLOCK_OR_KEYS;
    if (clock && !t->new_clock && set_clock(c, t, a))
        return t->new_clock = true;
    if ((remedy == REMEDY_KEYS || remedy == REMEDY_CLOCK_OR_KEYS) && c->provider && !t->new_keys &&
        !call->unsigned_call) {
        t->new_keys = true;
        return aws_credentials_reject(c->provider, keys);
    }
    if (remedy == REMEDY_REGION && !t->new_region) {
        snprintf(t->region, sizeof t->region, "%s", a->region);
        return t->new_region = true;
    }
    if (remedy != REMEDY_WAIT && remedy != REMEDY_WAIT_LONGER)
        return false;
    int64_t ms = retry_next(&t->again, remedy == REMEDY_WAIT ? RETRY_BASE_MS : RETRY_THROTTLED_MS,
                            answer_asked_ms(a));
    if (ms < 0 || (c->cancel && atomic_load(c->cancel)))
        return false;
    retry_wait(ms, c->cancel);
    return true;
}

/* The failure of a call that got no answer, with what it was about in front; one that was never
 * sent (no keys, no endpoint) speaks for itself. */
static enum status unanswered(const struct aws_call *call, const struct attempts *t,
                              enum status status, struct err *err)
{
    if (!t->sent)
        return status;
    struct err cause = *err;
    char tries[32] = "";
    if (t->again.attempts > 1)
        snprintf(tries, sizeof tries, " (%d attempts)", t->again.attempts);
    err_set(err, status, "%s%s%.*s: %.280s%s", call->action ? call->action : call->service,
            call->subject.n ? " on " : "", (int)(call->subject.n < 100 ? call->subject.n : 100),
            call->subject.p ? call->subject.p : "", cause.text, tries);
    err->native = cause.native;
    return status;
}

static bool is_transient(enum status status)
{
    return status == ERR_IO || status == ERR_TRUNCATED;
}

static enum status run(struct aws_client *c, const struct aws_call *call, struct attempts *t,
                       struct aws_answer *a, struct err *err)
{
    struct aws_keys keys = {.expires_us = TIME_NONE};
    for (;;) {
        aws_keys_wipe(&keys);
        a->code[0] = a->message[0] = a->request_id[0] = '\0';
        a->http.status = 0;
        snprintf(a->region, sizeof a->region, "%s", t->region);
        enum status status = attempt(c, call, t, &keys, a, err);
        enum remedy remedy = t->sent && is_transient(status) ? REMEDY_WAIT : REMEDY_NONE;
        if (status == OK) {
            answer_read(a, c->provider ? &keys : c->keys, call, buf_view(&c->headers));
            if (a->http.status / 100 == 2) {
                /* Nobody would complain of our clock, but when these keys expire is told by AWS's.
                 */
                if (call->unsigned_call)
                    set_clock(c, t, a);
                break;
            }
            remedy = answer_remedy(a, call, t->region);
        }
        if (remedied(c, call, t, &keys, a, remedy))
            continue;
        aws_keys_wipe(&keys);
        if (c->cancel && atomic_load(c->cancel))
            return err_set(err, ERR_INTERRUPTED, "interrupted");
        if (status != OK)
            return unanswered(call, t, status, err);
        return answer_refused(a, call, t->region,
                              c->provider ? aws_credentials_source(c->provider) : "", err);
    }
    aws_keys_wipe(&keys);
    return OK;
}

enum status aws_send(struct aws_client *c, const struct aws_call *call, struct aws_answer *a,
                     struct err *err)
{
    const char *region = call->region ? call->region : aws_client_region(c);
    struct err local;
    if (!region && c->cancel && atomic_load(c->cancel))
        return err_set(err, ERR_INTERRUPTED, "interrupted");
    if (!region)
        return err_set(err, ERR_USAGE,
                       "no AWS Region is known: set AWS_REGION, or region in the profile %.100s",
                       c->endpoints.profile);
    if (!endpoint_is_region(str_from(region)))
        return err_set(err, ERR_USAGE, "%.40s is not the name of an AWS Region", region);
    struct attempts t = {0};
    snprintf(t.region, sizeof t.region, "%s", region);
    retry_init(&t.again, c->attempts, c->seed++);
    enum status status = run(c, call, &t, a, err ? err : &local);
    /* Of an unsigned call these may hold a token. */
    if (c->headers.p)
        secret_wipe(c->headers.p, c->headers.n);
    return status;
}
