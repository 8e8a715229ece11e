/*
 * The push source as its server sees it: see push_internal.h. Requests are looked at by their
 * headers, counted against the bytes that may wait, and put into the queue.
 */
#include "source/push_internal.h"

#include "codec/digest.h"
#include "codec/jsonw.h"

#include <stdlib.h>

enum { ANSWER_MAX = 2048 };

/* ---- answers */

void push_answer(struct server_request *http, const char *id, int status, const char *message)
{
    char room[ANSWER_MAX];
    struct buf text;
    buf_on(&text, room, sizeof room);
    struct jsonw w = jsonw_start(&text, 0);
    jsonw_object(&w);
    if (id[0]) {
        jsonw_key(&w, STR("requestId"));
        jsonw_str(&w, str_from(id));
    }
    jsonw_key(&w, STR("timestamp"));
    jsonw_i64(&w, clock_now_us() / 1000);
    if (message) {
        jsonw_key(&w, STR("errorMessage"));
        jsonw_str(&w, str_from(message));
    }
    jsonw_end(&w);
    const char *headers = status == 503   ? "Retry-After: 5\n"
                          : status == 405 ? "Allow: POST\n"
                          : status == 401 ? "WWW-Authenticate: Bearer\n"
                                          : NULL;
    server_answer(http, status, "application/json", buf_view(&text), headers);
}

void push_request_free(struct push_request *r)
{
    buf_fini(&r->body);
    free(r);
}

void push_take_out(struct push *p, struct push_request *r)
{
    *r->link = r->next;
    if (r->next)
        r->next->link = r->link;
    else
        p->last = r->link;
    p->reserved -= r->reserved;
    p->in_hand--;
    p->named -= r->named;
    gauge_waiting(&p->gauge, p->in_hand);
}

void push_finish(struct push *p, struct push_request *r, int status, const char *message)
{
    pthread_mutex_lock(&p->lock);
    push_take_out(p, r);
    pthread_mutex_unlock(&p->lock);
    push_answer(r->http, r->id, status, message);
    push_request_free(r);
}

/* ---- what the server calls, on its thread */

static struct str presented_key(const struct server_request *http)
{
    const struct str bearer = STR("Bearer ");
    struct str key = server_header(http, "X-Amz-Firehose-Access-Key");
    if (key.p)
        return key;
    key = server_header(http, "Authorization");
    if (key.n > bearer.n && str_eq_nocase(str_of(key.p, bearer.n), bearer))
        return str_trim(str_skip(key, bearer.n));
    return STR_NONE;
}

static bool may_send(struct push *p, const struct server_request *http)
{
    struct str key = presented_key(http);
    pthread_mutex_lock(&p->lock);
    bool may = p->access_key.n == 0 || (key.p && secret_eq(buf_view(&p->access_key), key));
    pthread_mutex_unlock(&p->lock);
    return may;
}

/* Empty for a plain request; false when it is none of Firehose's. */
static bool read_id(const struct server_request *http, struct push_request *r)
{
    struct str id = server_header(http, "X-Amz-Firehose-Request-Id");
    struct str version = server_header(http, "X-Amz-Firehose-Protocol-Version");
    r->firehose = id.p || version.p;
    if (!r->firehose)
        return true;
    if (!id.p || id.n == 0 || id.n > PUSH_ID_MAX || !str_is_plain(id))
        return false;
    memcpy(r->id, id.p, id.n);
    r->id[id.n] = '\0';
    return !version.p || str_eq(version, STR("1.0"));
}

/* Answers a request that is not taken, and counts it. */
static void refuse(struct push *p, struct server_request *http, const struct push_request *r,
                   enum push_reason why)
{
    /* Firehose drops for good what is answered with 413. */
    const struct {
        int status;
        const char *message;
    } answers[PUSH_REASONS] = {
        [PUSH_KEY] = {401, "access key missing or wrong"},
        [PUSH_METHOD] = {405, "only POST is taken here"},
        [PUSH_MALFORMED] = {400, "not a request of Firehose's protocol 1.0"},
        [PUSH_CODING] = {415, "of content encodings only gzip is understood"},
        [PUSH_LONG] = {r->firehose ? 400 : 413, "the body is longer than the limit"},
        [PUSH_FULL] = {503, "too much is waiting; please send it again later"},
    };
    push_refused(p, why, answers[why].status, answers[why].message);
    push_answer(http, r->id, answers[why].status, answers[why].message);
}

/* What is wrong with a request of which only the headers are there; PUSH_REASONS: nothing. */
static enum push_reason objection(struct push *p, const struct server_request *http,
                                  struct push_request *r)
{
    int64_t length = server_body_length(http);
    bool understood = read_id(http, r);
    r->coding = push_coding_of(server_header(http, "Content-Encoding"));
    if (!may_send(p, http))
        return PUSH_KEY;
    if (!str_eq(server_method(http), STR("POST")))
        return PUSH_METHOD;
    if (!understood)
        return PUSH_MALFORMED;
    if (r->coding == PUSH_UNKNOWN)
        return PUSH_CODING;
    if (length > 0 && (uint64_t)length > p->o.body_bytes_max)
        return PUSH_LONG;
    return PUSH_REASONS;
}

/* So many bytes for a request in all. */
static bool reserve(struct push *p, struct push_request *r, uint64_t n)
{
    pthread_mutex_lock(&p->lock);
    bool room = !p->stopped && p->reserved - r->reserved + n <= p->o.queue_bytes_max;
    if (room) {
        p->reserved += n - r->reserved;
        r->reserved = n;
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}

void push_on_head(void *ctx, struct server_request *http)
{
    struct push *p = ctx;
    int64_t length = server_body_length(http);
    struct push_request *r = calloc(1, sizeof *r);
    if (!r) {
        push_answer(http, "", 503, "out of memory");
        return;
    }
    r->push = p;
    r->http = http;
    enum push_reason why = objection(p, http, r);
    if (why == PUSH_REASONS && !reserve(p, r, length > 0 ? (uint64_t)length : 0))
        why = PUSH_FULL;
    if (why == PUSH_REASONS) {
        server_set_tag(http, r);
        return;
    }
    refuse(p, http, r, why);
    free(r);
}

static void give_back(struct push *p, struct push_request *r)
{
    pthread_mutex_lock(&p->lock);
    p->reserved -= r->reserved;
    pthread_mutex_unlock(&p->lock);
    push_request_free(r);
}

/* Reserved in steps, ahead of the bytes. */
void push_on_growth(void *ctx, struct server_request *http, uint64_t n)
{
    const uint64_t step = UINT64_C(1) << 20;
    struct push *p = ctx;
    struct push_request *r = server_tag(http);
    uint64_t wanted = (n + step - 1) / step * step;
    if (wanted > p->o.body_bytes_max)
        wanted = p->o.body_bytes_max;
    if (n <= r->reserved || (n <= wanted && reserve(p, r, wanted)))
        return;
    refuse(p, http, r, n > wanted ? PUSH_LONG : PUSH_FULL);
    give_back(p, r);
}

void push_on_request(void *ctx, struct server_request *http)
{
    struct push *p = ctx;
    struct push_request *r = server_tag(http);
    server_take_body(http, &r->body);
    r->arrived_us = clock_now_us();
    pthread_mutex_lock(&p->lock);
    bool stopped = p->stopped;
    p->reserved -= r->reserved;
    if (!stopped) {
        r->reserved = r->body.n;
        p->reserved += r->reserved;
        r->link = p->last;
        *p->last = r;
        p->last = &r->next;
        p->in_hand++;
        gauge_waiting(&p->gauge, p->in_hand);
        pthread_cond_broadcast(&p->arrived);
    }
    pthread_mutex_unlock(&p->lock);
    if (stopped) {
        push_answer(http, r->id, 503, "assay is stopping");
        push_request_free(r);
    }
}

void push_on_lost(void *ctx, struct server_request *http)
{
    struct push *p = ctx;
    give_back(p, server_tag(http));
}
