/*
 * The push source: see push.h. The server's thread takes requests into a queue; whoever names items
 * (next) looks into the envelopes, refuses what is malformed and gives the rest out; the reader
 * threads read it; and when the store has committed, `done` answers.
 */
#include "source/push_internal.h"

#include "base/io.h"
#include "base/queue.h"
#include "codec/digest.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    HEADER_BYTES = 128 << 10, /* common attributes alone may have 64,000 characters */
    REQUEST_MS = 170000,
    CONNECTIONS = 256,
};

static const uint64_t BODY_BYTES = UINT64_C(64) << 20;
static const uint64_t QUEUE_BYTES = UINT64_C(256) << 20;

struct push_reader {
    struct source_reader base;
};

static struct push *of(struct source *s)
{
    return (struct push *)s;
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

/*
 * The oldest that waits, or NULL. Those that wait keep within the bytes that may, but one that is
 * inflated may become as large as the limit of a body. So it waits until those before it are within
 * them again: then all together never hold more than these bytes and one body.
 */
static struct push_request *oldest(struct push *p)
{
    pthread_mutex_lock(&p->lock);
    struct push_request *r = p->stopped ? NULL : p->first;
    while (r && r->named)
        r = r->next;
    if (r && r->firehose && r->coding == PUSH_GZIP && p->named > 0 &&
        p->reserved > p->o.queue_bytes_max)
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
        push_refused(p,
                     status == ERR_PARSE   ? PUSH_MALFORMED
                     : status == ERR_LIMIT ? PUSH_LONG
                                           : PUSH_FULL,
                     code, why.text);
        push_finish(p, r, code, why.text);
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
    push_tell_refused(p);
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
    int64_t until = queue_deadline(ms);
    int late = 0;
    pthread_mutex_lock(&p->lock);
    /* When one waits already, it is for room. */
    while (!p->stopped && late == 0) {
        bool waited = is_waiting(p);
        late = queue_wait(&p->arrived, &p->lock, until);
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
        push_take_out(p, r);
    pthread_mutex_unlock(&p->lock);
    return r;
}

static void stop(struct source *base)
{
    struct push *p = of(base);
    for (struct push_request *r; (r = take_waiting(p)) != NULL; push_request_free(r))
        push_answer(r->http, r->id, 503, "assay is stopping; please send it again later");
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
        push_finish(p, r, 500, "it could not be read; please send it again");
    } else {
        gauge_success(&p->gauge);
        push_finish(p, r, 200, NULL);
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
        push_finish(p, p->first, 503, NULL);
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
    out->failing |= push_is_refusing(of(base));
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
        .connections_max = o->connections_max ? o->connections_max : CONNECTIONS,
        .header_bytes_max = HEADER_BYTES,
        .body_bytes_max = o->body_bytes_max,
        .first_ms = o->first_ms,
        .request_ms = o->request_ms,
        .ctx = p,
        .head = push_on_head,
        .request = push_on_request,
        .lost = push_on_lost,
        .grows = push_on_growth,
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
