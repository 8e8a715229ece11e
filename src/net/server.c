/*
 * The HTTP server: see server.h. libmicrohttpd reads and writes; what is added here is requests
 * that outlive their handler, limits, and a clean end.
 *
 * One lock guards everything that both the server's thread and others touch. A request is freed
 * when neither libmicrohttpd (`live`) nor the handler (`held`) has it any more.
 */
#include "net/server_internal.h"

#include "base/queue.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    CONNECTIONS = 64,
    SPARE_PART = 8, /* so much of them is held free, by shutting idle ones */
    HEADER_BYTES = 32 << 10,
    BODY_BYTES = 1 << 20,
    REQUEST_MS = 30000,
    FIRST_MS = 10000,
    /* libmicrohttpd keeps headers, and builds those of the answer, in one pool per connection. */
    POOL_EXTRA = 16 << 10,
    FAREWELL_MS = 2000,
};

struct server_request {
    struct server *server;
    struct guest *guest;
    struct MHD_Connection *connection; /* good while live */
    const char *method, *path;
    int64_t length; /* -1: not known */
    struct buf body;
    uint64_t dropped; /* bytes of a body that nobody wants */
    bool live, held, suspended;
    bool passed; /* `head` let it pass, and was not told more yet */
    bool taken;  /* it let it pass */
    bool answered, queued;
    int status;
    struct MHD_Response *response; /* NULL though answered: no memory */
    void *tag;
    struct server_request *next, **link; /* of those held */
};

struct server {
    struct server_options o;
    struct server_tls *tls;
    struct MHD_Daemon *daemon;
    int fd, port;
    bool loopback;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct guests *guests;
    struct server_request *held;
    int answering; /* answers that are not yet sent */
    bool stopping;
};

/* ---- connections */

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct server *s = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *context = guest_enter(
            s->guests,
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
    else if (*context)
        guest_leave(*context);
}

static struct guest *guest_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

struct server_tls *server_tls_of(void *connection)
{
    struct guest *g = guest_of(connection);
    return g ? guest_server(g)->tls : NULL;
}

/* ---- answers; all under the lock */

static void add_headers(struct MHD_Response *response, const char *type, const char *headers)
{
    char name[64], value[256];
    MHD_add_response_header(response, "Content-Type", type);
    struct str rest = str_from(headers);
    while (rest.n > 0) {
        struct str line = str_cut(&rest, '\n');
        struct str key = str_cut(&line, ':');
        line = str_trim(line);
        if (key.n >= sizeof name || line.n >= sizeof value)
            continue;
        memcpy(name, key.p, key.n);
        name[key.n] = '\0';
        memcpy(value, line.p, line.n);
        value[line.n] = '\0';
        MHD_add_response_header(response, name, value);
    }
}

static void set_answer(struct server_request *r, int status, const char *type, struct str body,
                       const char *headers)
{
    if (r->answered)
        return;
    r->answered = true;
    r->status = status;
    /* The function copies, but for older callers its parameter is not const. */
    r->response =
        MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);
    if (r->response)
        add_headers(r->response, type, headers ? headers : "");
    r->server->answering++;
}

static void set_text(struct server_request *r, int status, const char *text)
{
    set_answer(r, status, "text/plain; charset=utf-8", str_from(text),
               status == 503 ? "Retry-After: 5\n" : NULL);
}

static void wake(struct server_request *r)
{
    if (r->suspended) {
        r->suspended = false;
        MHD_resume_connection(r->connection);
    }
}

static void hold(struct server_request *r)
{
    struct server *s = r->server;
    r->held = true;
    r->next = s->held;
    r->link = &s->held;
    if (r->next)
        r->next->link = &r->next;
    s->held = r;
}

static void let_go(struct server_request *r)
{
    *r->link = r->next;
    if (r->next)
        r->next->link = r->link;
    r->held = false;
}

static void request_free(struct server_request *r)
{
    if (r->response)
        MHD_destroy_response(r->response);
    buf_fini(&r->body);
    free(r);
}

void server_answer(struct server_request *r, int status, const char *type, struct str body,
                   const char *headers)
{
    struct server *s = r->server;
    pthread_mutex_lock(&s->lock);
    set_answer(r, status, type, body, headers);
    bool held = r->held;
    if (held)
        let_go(r);
    if (r->live)
        wake(r);
    else if (held)
        request_free(r);
    pthread_mutex_unlock(&s->lock);
}

/* ---- requests, on the server's thread */

static enum MHD_Result send_answer(struct server_request *r)
{
    struct server *s = r->server;
    pthread_mutex_lock(&s->lock);
    struct MHD_Response *response = r->response;
    r->response = NULL;
    r->queued = true;
    pthread_mutex_unlock(&s->lock);
    guest_is(r->guest, r->taken ? GUEST_TAKEN : GUEST_IDLE);
    if (!response)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(r->connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return result;
}

struct framing {
    int lengths, codings;
    bool chunked;
};

static enum MHD_Result count_framing(void *cls, enum MHD_ValueKind kind, const char *key,
                                     const char *value)
{
    struct framing *f = cls;
    (void)kind;
    if (str_eq_nocase(str_from(key), STR("content-length")))
        f->lengths++;
    if (str_eq_nocase(str_from(key), STR("transfer-encoding"))) {
        f->codings++;
        f->chunked = value && str_eq_nocase(str_from(value), STR("chunked"));
    }
    return MHD_YES;
}

/* How long the body is. What libmicrohttpd would understand otherwise than a proxy before it, or
 * not at all, is refused. */
static void measure(struct server_request *r)
{
    struct framing f = {0};
    struct str length = server_header(r, "Content-Length");
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, count_framing, &f);
    if (f.lengths + f.codings > 1)
        set_text(r, 400, "the length of the body is told twice\n");
    else if (f.codings && !f.chunked)
        set_text(r, 501, "of transfer codings only chunked is understood\n");
    r->length = f.codings ? -1 : 0;
    if (f.lengths && !str_to_i64(length, &r->length))
        r->length = -1;
}

/* An answer that is there before the body: at once, when the client waits for it (RFC 9110,
 * 10.1.1) or has too much to send; libmicrohttpd then closes the connection. */
static bool is_early(const struct server_request *r)
{
    return r->length < 0 || (uint64_t)r->length > r->server->o.body_bytes_max ||
           server_header(r, "Expect").p;
}

static enum MHD_Result begin(struct server *s, struct MHD_Connection *connection, const char *path,
                             const char *method, void **context)
{
    struct guest *guest = guest_of(connection);
    struct server_request *r = guest ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return MHD_NO;
    r->server = s;
    r->connection = connection;
    r->guest = guest;
    r->method = method;
    r->path = path;
    r->live = true;
    buf_init(&r->body, (size_t)s->o.body_bytes_max);
    *context = r;
    pthread_mutex_lock(&s->lock);
    measure(r);
    if (s->stopping)
        set_text(r, 503, "the server is stopping\n");
    pthread_mutex_unlock(&s->lock);
    if (!r->answered && s->o.head) {
        s->o.head(s->o.ctx, r);
        r->passed = !r->answered;
    }
    pthread_mutex_lock(&s->lock);
    if (r->length > 0 && (uint64_t)r->length > s->o.body_bytes_max)
        set_text(r, 413, "the body is too long\n");
    pthread_mutex_unlock(&s->lock);
    if (!r->answered && r->length > 0 && !buf_reserve(&r->body, (size_t)r->length)) {
        pthread_mutex_lock(&s->lock);
        set_text(r, 503, "no memory for the body\n");
        pthread_mutex_unlock(&s->lock);
    }
    r->taken = !r->answered;
    guest_is(guest, r->taken ? GUEST_TAKEN : GUEST_IDLE);
    return r->answered && r->length != 0 && is_early(r) ? send_answer(r) : MHD_YES;
}

/* More of a body whose length nobody told: the handler may say that it is enough. */
static void ask_about(struct server_request *r, uint64_t n)
{
    struct server *s = r->server;
    if (r->length >= 0 || !s->o.grows || !r->passed)
        return;
    s->o.grows(s->o.ctx, r, n);
    if (r->answered) {
        r->passed = false;
        buf_fini(&r->body);
    }
}

static enum MHD_Result take_part(struct server_request *r, struct str part)
{
    struct server *s = r->server;
    if (!r->answered)
        ask_about(r, r->body.n + part.n);
    if (!r->answered) {
        buf_str(&r->body, part);
        if (buf_status(&r->body) == OK)
            return MHD_YES;
        bool limit = buf_status(&r->body) == ERR_LIMIT;
        pthread_mutex_lock(&s->lock);
        set_text(r, limit ? 413 : 503,
                 limit ? "the body is too long\n" : "no memory for the body\n");
        pthread_mutex_unlock(&s->lock);
        buf_fini(&r->body);
    }
    /* To its end, so that the client gets to see the answer; but not whatever it sends. */
    r->dropped += part.n;
    return r->dropped > s->o.body_bytes_max ? MHD_NO : MHD_YES;
}

static enum MHD_Result hand_over(struct server_request *r)
{
    struct server *s = r->server;
    pthread_mutex_lock(&s->lock);
    if (s->stopping)
        set_text(r, 503, "the server is stopping\n");
    bool wanted = !r->answered;
    if (wanted) {
        r->passed = false;
        hold(r);
    }
    pthread_mutex_unlock(&s->lock);
    if (wanted) {
        guest_is(r->guest, GUEST_SERVED);
        s->o.request(s->o.ctx, r);
    }
    pthread_mutex_lock(&s->lock);
    bool later = !r->answered;
    if (later) {
        MHD_suspend_connection(r->connection);
        r->suspended = true;
    }
    pthread_mutex_unlock(&s->lock);
    return later ? MHD_YES : send_answer(r);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *part,
                                  size_t *part_n, void **context)
{
    (void)version;
    struct server_request *r = *context;
    if (!r)
        return begin(cls, connection, path, method, context);
    if (*part_n > 0) {
        struct str taken = str_of(part, *part_n);
        *part_n = 0;
        return take_part(r, taken);
    }
    if (r->queued)
        return MHD_YES;
    pthread_mutex_lock(&r->server->lock);
    bool answered = r->answered;
    pthread_mutex_unlock(&r->server->lock);
    return answered ? send_answer(r) : hand_over(r);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode how)
{
    struct server *s = cls;
    struct server_request *r = *context;
    (void)connection;
    (void)how;
    *context = NULL;
    if (!r)
        return;
    guest_is(r->guest, GUEST_IDLE);
    if (r->passed && s->o.lost)
        s->o.lost(s->o.ctx, r);
    pthread_mutex_lock(&s->lock);
    r->live = false;
    if (r->answered)
        s->answering--;
    if (!r->held)
        request_free(r);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

struct str server_method(const struct server_request *r)
{
    return str_from(r->method);
}

struct str server_path(const struct server_request *r)
{
    return str_from(r->path);
}

static struct str look_up(const struct server_request *r, enum MHD_ValueKind kind, const char *name)
{
    const char *value = NULL;
    size_t n = 0;
    if (MHD_lookup_connection_value_n(r->connection, kind, name, strlen(name), &value, &n) !=
        MHD_YES)
        return STR_NONE;
    return value ? str_of(value, n) : STR("");
}

struct str server_header(const struct server_request *r, const char *name)
{
    return look_up(r, MHD_HEADER_KIND, name);
}

struct str server_query(const struct server_request *r, const char *name)
{
    return look_up(r, MHD_GET_ARGUMENT_KIND, name);
}

int64_t server_body_length(const struct server_request *r)
{
    return r->length;
}

void server_take_body(struct server_request *r, struct buf *out)
{
    *out = r->body;
    buf_init(&r->body, 0);
}

void server_set_tag(struct server_request *r, void *tag)
{
    r->tag = tag;
}

void *server_tag(const struct server_request *r)
{
    return r->tag;
}

/* ---- the server */

static void fill_in(struct server_options *o)
{
    o->connections_max = o->connections_max ? o->connections_max : CONNECTIONS;
    o->header_bytes_max = o->header_bytes_max ? o->header_bytes_max : HEADER_BYTES;
    o->body_bytes_max = o->body_bytes_max ? o->body_bytes_max : BODY_BYTES;
    o->request_ms = o->request_ms ? o->request_ms : REQUEST_MS;
    o->first_ms = o->first_ms ? o->first_ms : FIRST_MS;
    if (o->first_ms > o->request_ms)
        o->first_ms = o->request_ms;
}

enum status server_new(const struct server_options *o, struct server **out, struct err *err)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    s->o = *o;
    fill_in(&s->o);
    s->fd = -1;
    enum status status = OK;
    if (!o->certificate != !o->key)
        status = err_set(err, ERR_USAGE, "a certificate needs its key, and a key its certificate");
    if (status == OK && o->certificate)
        status = server_tls_new(o->certificate, o->key, &s->tls, err);
    if (status == OK)
        status = listen_on(o->listen, &s->fd, &s->port, &s->loopback, err);
    if (status != OK) {
        server_tls_free(s->tls);
        free(s);
        return status;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    *out = s;
    return OK;
}

int server_port(const struct server *s)
{
    return s->port;
}

bool server_is_loopback(const struct server *s)
{
    return s->loopback;
}

enum status server_start(struct server *s, struct err *err)
{
    const unsigned plain = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)server_tls_retrieve()},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)SERVER_TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    const struct guests_limits limits = {
        .first_ms = s->o.first_ms,
        .patience_ms = s->o.request_ms,
        .most = s->o.connections_max,
        .spare = (s->o.connections_max + SPARE_PART - 1) / SPARE_PART,
    };
    TRY(guests_new(s, &limits, &s->guests, err));
    s->daemon =
        MHD_start_daemon(s->tls ? plain | MHD_USE_TLS : plain, 0, NULL, NULL, on_request, s, //
                         MHD_OPTION_LISTEN_SOCKET, s->fd,                                    //
                         MHD_OPTION_CONNECTION_LIMIT, s->o.connections_max,                  //
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->o.header_bytes_max + POOL_EXTRA,
                         MHD_OPTION_STRICT_FOR_CLIENT, 1,                //
                         MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,   //
                         MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, //
                         MHD_OPTION_ARRAY, s->tls ? tls : none, MHD_OPTION_END);
    if (s->daemon)
        return OK;
    guests_free(s->guests);
    s->guests = NULL;
    return err_set(err, ERR_NOMEM, "cannot start the server on %s", s->o.listen);
}

enum status server_reload(struct server *s, struct err *err)
{
    return s->tls ? server_tls_reload(s->tls, err) : OK;
}

void server_stop(struct server *s)
{
    if (!s->daemon)
        return;
    MHD_quiesce_daemon(s->daemon); /* the socket stays ours */
    int64_t until = queue_deadline(FAREWELL_MS);
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    for (struct server_request *r = s->held; r; r = r->next) {
        set_text(r, 503, "the server is stopping\n");
        wake(r);
    }
    while (s->answering > 0 && queue_wait(&s->changed, &s->lock, until) == 0)
        continue;
    pthread_mutex_unlock(&s->lock);
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
    guests_free(s->guests);
    s->guests = NULL;
}

void server_free(struct server *s)
{
    if (!s)
        return;
    server_stop(s);
    if (s->fd >= 0)
        close(s->fd);
    server_tls_free(s->tls);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
