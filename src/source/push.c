/*
 * The push source: see push.h. The server's thread takes requests into a queue; whoever names items
 * (next) looks into the envelopes, refuses what is malformed and gives the rest out; the reader
 * threads read it; and when the store has committed, `done` answers.
 */
#include "source/push.h"

#include "base/io.h"
#include "base/queue.h"
#include "codec/digest.h"
#include "codec/jsonw.h"
#include "net/server.h"
#include "source/push_internal.h"
#include "source/source_internal.h"
#include "source/state.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ID_MAX = 128,             /* Firehose's is a GUID */
    HEADER_BYTES = 128 << 10, /* common attributes alone may have 64,000 characters */
    REQUEST_MS = 170000,
    REFUSED_US = 60 * 1000000, /* wrong keys are told of once in so much time */
    ANSWER_MAX = 2048,
};

static const uint64_t BODY_BYTES = UINT64_C(64) << 20;
static const uint64_t QUEUE_BYTES = UINT64_C(256) << 20;

struct push;

/* The ticket of an item. */
struct push_request {
    struct push *push;
    struct server_request *http;
    char id[ID_MAX + 1];
    bool firehose;
    enum push_coding coding;
    struct buf body;
    uint64_t reserved; /* of the bytes that may wait */
    int64_t arrived_us;
    struct push_request *next, **link; /* of those in hand: waiting or named */
    bool named;
};

struct push {
    struct source base;
    struct push_options o;
    char name[256]; /* "push:NAME" */
    struct server *server;
    struct source_gauge gauge;
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct buf access_key;
    struct push_request *first, **last; /* in hand, in the order of arrival */
    uint64_t reserved;
    int in_hand, named;
    bool stopped;
    int64_t refused, refused_told_us; /* requests with a wrong key; when they were told of */
    pthread_mutex_t telling;          /* while the watch is called: it may be gone after stop */
    struct source_watch watch;        /* from begin to stop */
};

struct push_reader {
    struct source_reader base;
};

static struct push *of(struct source *s)
{
    return (struct push *)s;
}

/* ---- answers */

static void answer(struct server_request *http, const char *id, int status, const char *message)
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

static void request_free(struct push_request *r)
{
    buf_fini(&r->body);
    free(r);
}

/* Under the lock: no longer in hand. */
static void take_out(struct push *p, struct push_request *r)
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

static void finish(struct push *p, struct push_request *r, int status, const char *message)
{
    pthread_mutex_lock(&p->lock);
    take_out(p, r);
    pthread_mutex_unlock(&p->lock);
    answer(r->http, r->id, status, message);
    request_free(r);
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

/* Counts those that may not. */
static bool may_send(struct push *p, const struct server_request *http)
{
    struct str key = presented_key(http);
    pthread_mutex_lock(&p->lock);
    bool may = p->access_key.n == 0 || (key.p && secret_eq(buf_view(&p->access_key), key));
    p->refused += !may;
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
    if (id.n == 0 || id.n > ID_MAX || !str_is_plain(id))
        return false;
    memcpy(r->id, id.p, id.n);
    r->id[id.n] = '\0';
    return !version.p || str_eq(version, STR("1.0"));
}

/* What is wrong with a request of which only the headers are there; 0: nothing. */
static int objection(struct push *p, const struct server_request *http, struct push_request *r,
                     const char **message)
{
    int64_t length = server_body_length(http);
    bool understood = read_id(http, r);
    r->coding = push_coding_of(server_header(http, "Content-Encoding"));
    if (!may_send(p, http)) {
        *message = "access key missing or wrong";
        return 401;
    }
    if (!str_eq(server_method(http), STR("POST"))) {
        *message = "only POST is taken here";
        return 405;
    }
    if (!understood) {
        *message = "not a request of Firehose's protocol 1.0";
        return 400;
    }
    if (r->coding == PUSH_UNKNOWN) {
        *message = "of content encodings only gzip is understood";
        return 415;
    }
    if (length > 0 && (uint64_t)length > p->o.body_bytes_max) {
        *message = "the body is longer than the limit";
        return r->firehose ? 400 : 413;
    }
    r->reserved = length >= 0 ? (uint64_t)length : p->o.body_bytes_max;
    return 0;
}

static bool reserve(struct push *p, struct push_request *r)
{
    pthread_mutex_lock(&p->lock);
    bool room = !p->stopped && p->reserved + r->reserved <= p->o.queue_bytes_max;
    if (room)
        p->reserved += r->reserved;
    pthread_mutex_unlock(&p->lock);
    return room;
}

static void on_head(void *ctx, struct server_request *http)
{
    struct push *p = ctx;
    const char *message = NULL;
    struct push_request *r = calloc(1, sizeof *r);
    if (!r) {
        answer(http, "", 503, "out of memory");
        return;
    }
    r->push = p;
    r->http = http;
    int status = objection(p, http, r, &message);
    if (status == 0 && !reserve(p, r)) {
        status = 503;
        message = "too much is waiting; please send it again later";
    }
    if (status == 0) {
        server_set_tag(http, r);
        return;
    }
    answer(http, r->id, status, message);
    free(r);
}

static void on_request(void *ctx, struct server_request *http)
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
        answer(http, r->id, 503, "assay is stopping");
        request_free(r);
    }
}

static void on_lost(void *ctx, struct server_request *http)
{
    struct push *p = ctx;
    struct push_request *r = server_tag(http);
    pthread_mutex_lock(&p->lock);
    p->reserved -= r->reserved;
    pthread_mutex_unlock(&p->lock);
    request_free(r);
}

/* ---- the source */

static enum status begin(struct source *base, const struct source_watch *watch, struct err *err)
{
    struct push *p = of(base);
    (void)err;
    pthread_mutex_lock(&p->telling);
    p->watch = *watch;
    pthread_mutex_unlock(&p->telling);
    return OK;
}

/* Wrong keys, at most once a minute however many there are. */
static void tell_refused(struct push *p)
{
    char text[96];
    int64_t now = clock_monotonic_us();
    pthread_mutex_lock(&p->lock);
    int64_t n = p->refused;
    bool due = n > 0 && (p->refused_told_us == 0 || now - p->refused_told_us >= REFUSED_US);
    if (due) {
        p->refused = 0;
        p->refused_told_us = now;
    }
    pthread_mutex_unlock(&p->lock);
    if (!due)
        return;
    snprintf(text, sizeof text, "%lld %s without the right access key (answered 401)", (long long)n,
             n == 1 ? "request" : "requests");
    pthread_mutex_lock(&p->telling);
    if (p->watch.problem)
        p->watch.problem(p->watch.ctx, p->name, text);
    pthread_mutex_unlock(&p->telling);
}

/*
 * The oldest that waits, or NULL. Inflating may make one as large as the limit of a body, so it
 * waits until there is room for that, or until nothing else has to be read first.
 */
static struct push_request *oldest(struct push *p)
{
    pthread_mutex_lock(&p->lock);
    struct push_request *r = p->stopped ? NULL : p->first;
    while (r && r->named)
        r = r->next;
    if (r && r->firehose && p->named > 0 &&
        p->reserved + p->o.body_bytes_max > p->o.queue_bytes_max + r->reserved)
        r = NULL;
    if (r) {
        r->named = true;
        p->named++;
    }
    pthread_mutex_unlock(&p->lock);
    return r;
}

/* Looks into the envelope. False: it was answered, and is gone. */
static bool prepare(struct push *p, struct push_request *r)
{
    struct err why = {0};
    enum status status =
        r->firehose ? push_firehose(&r->body, r->coding, str_from(r->id), p->o.body_bytes_max, &why)
                    : push_plain(&r->body, r->coding, &why);
    if (status != OK) {
        int code = status == ERR_PARSE ? 400 : status != ERR_LIMIT ? 503 : r->firehose ? 400 : 413;
        finish(p, r, code, why.text);
        return false;
    }
    pthread_mutex_lock(&p->lock);
    p->reserved += r->body.n - r->reserved;
    r->reserved = r->body.n;
    pthread_mutex_unlock(&p->lock);
    return true;
}

static enum status next(struct source *base, struct source_item *item, bool *more, struct err *err)
{
    struct push *p = of(base);
    (void)err;
    *item = (struct source_item){.name = NULL};
    tell_refused(p);
    struct push_request *r = oldest(p);
    while (r && !prepare(p, r))
        r = oldest(p);
    pthread_mutex_lock(&p->lock);
    *more = !p->stopped || r;
    pthread_mutex_unlock(&p->lock);
    if (!r)
        return OK;
    gauge_named(&p->gauge);
    *item = (struct source_item){
        .name = p->name, .size = (int64_t)r->body.n, .grows = true, .ticket = r};
    return OK;
}

static int64_t position(struct source *base, bool *estimated, int64_t *bytes)
{
    (void)base;
    *estimated = true;
    *bytes = 0;
    return -1;
}

static bool is_waiting(const struct push *p)
{
    return p->in_hand > p->named;
}

static void wait_some(struct source *base, int64_t ms)
{
    struct push *p = of(base);
    struct timespec until = queue_deadline(ms);
    int late = 0;
    pthread_mutex_lock(&p->lock);
    /* When one waits already, it is for room. */
    while (!p->stopped && late == 0) {
        bool waited = is_waiting(p);
        late = pthread_cond_timedwait(&p->arrived, &p->lock, &until);
        if (waited || is_waiting(p))
            break;
    }
    pthread_mutex_unlock(&p->lock);
}

/* The first that waits, taken out. */
static struct push_request *take_waiting(struct push *p)
{
    pthread_mutex_lock(&p->lock);
    p->stopped = true;
    pthread_cond_broadcast(&p->arrived);
    struct push_request *r = p->first;
    while (r && r->named)
        r = r->next;
    if (r)
        take_out(p, r);
    pthread_mutex_unlock(&p->lock);
    return r;
}

static void stop(struct source *base)
{
    struct push *p = of(base);
    for (struct push_request *r; (r = take_waiting(p)) != NULL; request_free(r))
        answer(r->http, r->id, 503, "assay is stopping; please send it again later");
    pthread_mutex_lock(&p->telling);
    p->watch.problem = NULL;
    pthread_mutex_unlock(&p->telling);
}

static void done(struct source *base, void *ticket, enum source_outcome outcome)
{
    struct push *p = of(base);
    struct push_request *r = ticket;
    gauge_done(&p->gauge, outcome, (int64_t)r->body.n, r->arrived_us);
    if (outcome == SOURCE_FAILED) {
        gauge_failure(&p->gauge, "a request could not be read");
        finish(p, r, 500, "it could not be read; please send it again");
    } else {
        gauge_success(&p->gauge);
        finish(p, r, 200, NULL);
    }
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->arrived); /* there is room again */
    pthread_mutex_unlock(&p->lock);
}

static void free_all(struct push *p)
{
    server_free(p->server);
    secret_wipe(p->access_key.p, p->access_key.n);
    buf_fini(&p->access_key);
    gauge_fini(&p->gauge);
    pthread_cond_destroy(&p->arrived);
    pthread_mutex_destroy(&p->telling);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static void close_source(struct source *base)
{
    struct push *p = of(base);
    stop(base);
    server_stop(p->server); /* answers 503 to those that were named and are not in the store */
    while (p->first)
        finish(p, p->first, 503, NULL);
    free_all(p);
}

static enum status reader_new(struct source *s, struct source_reader **out, struct err *err)
{
    (void)s;
    struct push_reader *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    *out = &r->base;
    return OK;
}

static void reader_free(struct source_reader *r)
{
    free(r);
}

static enum status open_item(struct source_reader *base, const struct source_item *item,
                             struct source_bytes *out, struct err *err)
{
    const struct push_request *r = item->ticket;
    (void)base;
    (void)err;
    struct str bytes = r->body.n > 0 ? buf_view(&r->body) : STR("");
    *out = (struct source_bytes){.fd = -1, .bytes = bytes, .delivery_us = r->arrived_us};
    return OK;
}

static enum status body(struct source_reader *base, const char *name, struct str uri,
                        struct str key, bool look, struct source_bytes *out, struct err *err)
{
    (void)base;
    (void)name;
    (void)uri;
    (void)key;
    (void)look;
    (void)out;
    return err_set(err, ERR_NOT_FOUND, "bodies are not pushed");
}

static void state(struct source *base, struct source_state *out)
{
    gauge_get(&of(base)->gauge, out);
    /* It asks nobody: as long as nothing went wrong, that nothing comes is no sign of trouble. */
    if (!out->failing)
        out->success_us = clock_now_us();
}

/* ---- making it */

static enum status read_key(const char *path, struct buf *out, struct err *err)
{
    struct buf raw;
    buf_init(&raw, PUSH_KEY_MAX + 256);
    buf_init(out, PUSH_KEY_MAX);
    enum status status = io_read_file(path, &raw, err);
    struct str key = str_trim(buf_view(&raw));
    if (status == ERR_LIMIT || (status == OK && (key.n == 0 || key.n > PUSH_KEY_MAX)))
        status = err_set(err, ERR_USAGE, "%s: wanted is an access key of 1 to %d bytes", path,
                         PUSH_KEY_MAX);
    if (status == OK) {
        buf_str(out, key);
        status = buf_status(out) == OK ? OK : err_nomem(err);
    }
    secret_wipe(raw.p, raw.n);
    buf_fini(&raw);
    if (status != OK)
        buf_fini(out);
    return status;
}

static enum status open_server(struct push *p, struct err *err)
{
    const struct push_options *o = &p->o;
    const struct server_options server = {
        .listen = o->listen,
        .certificate = o->certificate,
        .key = o->key,
        .connections_max = o->connections_max,
        .header_bytes_max = HEADER_BYTES,
        .body_bytes_max = o->body_bytes_max,
        .request_ms = o->request_ms,
        .ctx = p,
        .head = on_head,
        .request = on_request,
        .lost = on_lost,
    };
    if (o->access_key_file)
        TRY(read_key(o->access_key_file, &p->access_key, err));
    TRY(server_new(&server, &p->server, err));
    if (!o->access_key_file && !server_is_loopback(p->server))
        return err_set(err, ERR_USAGE, "%s can be reached by others, so %s needs an access key",
                       o->listen, p->name);
    return server_start(p->server, err);
}

enum status source_push_new(const struct push_options *o, struct source **out, struct err *err)
{
    static const struct source_ops ops = {
        .begin = begin,
        .next = next,
        .position = position,
        .wait = wait_some,
        .stop = stop,
        .done = done,
        .close = close_source,
        .reader_new = reader_new,
        .reader_free = reader_free,
        .open = open_item,
        .body = body,
        .state = state,
    };
    struct push *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(err);
    p->base.ops = &ops;
    p->o = *o;
    p->o.body_bytes_max = o->body_bytes_max ? o->body_bytes_max : BODY_BYTES;
    p->o.queue_bytes_max = o->queue_bytes_max ? o->queue_bytes_max : QUEUE_BYTES;
    if (p->o.queue_bytes_max < p->o.body_bytes_max)
        p->o.queue_bytes_max = p->o.body_bytes_max;
    p->o.request_ms = o->request_ms ? o->request_ms : REQUEST_MS;
    p->last = &p->first;
    snprintf(p->name, sizeof p->name, "push:%s", o->name);
    pthread_mutex_init(&p->lock, NULL);
    pthread_mutex_init(&p->telling, NULL);
    pthread_cond_init(&p->arrived, NULL);
    gauge_init(&p->gauge, str_from(p->name));
    gauge_waiting(&p->gauge, 0);
    enum status status = open_server(p, err);
    if (status != OK) {
        free_all(p);
        return status;
    }
    *out = &p->base;
    return OK;
}

int source_push_port(const struct source *s)
{
    return server_port(((const struct push *)s)->server);
}

enum status source_push_reload(struct source *s, struct err *err)
{
    struct push *p = of(s);
    struct buf fresh = {0};
    if (p->o.access_key_file)
        TRY(read_key(p->o.access_key_file, &fresh, err));
    enum status status = server_reload(p->server, err);
    if (status == OK) {
        pthread_mutex_lock(&p->lock);
        struct buf old = p->access_key;
        p->access_key = fresh;
        pthread_mutex_unlock(&p->lock);
        fresh = old;
    }
    secret_wipe(fresh.p, fresh.n);
    buf_fini(&fresh);
    return status;
}
