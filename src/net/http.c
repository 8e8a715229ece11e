/*
 * HTTP over libcurl: see http.h. The only file that knows libcurl.
 *
 * The multi interface drives one transfer at a time: curl_easy_perform would sleep for up to a
 * second between two looks at the cancel flag. The multi handle also keeps the connections.
 */
#include "net/http_internal.h"

#include "base/clock.h"

#include <curl/curl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 100, RECEIVE_BYTES = 128 * 1024, NUMBER_TEXT = 24 };

struct http_client {
    CURL *easy;
    CURLM *multi;
    struct http_options options;
    char *ca_file, *user_agent;
    uint64_t connections;
    /* Of the running exchange. */
    struct curl_slist *lines;
    struct buf text; /* the URL, then header lines: each is copied by libcurl */
    struct arrival in;
    uint64_t received; /* calls with bytes, for the stall */
    bool stalled;
    char reason[CURL_ERROR_SIZE];
};

/* What libcurl gives back is wiped: its buffers held headers with tokens and answers with keys. It
 * takes less than a thousandth of what the bytes took on their way here. */
static void wiping_free(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

static void *wiping_realloc(void *p, size_t n)
{
    void *grown = malloc(n ? n : 1);
    if (!grown || !p)
        return grown;
    size_t old = malloc_usable_size(p);
    memcpy(grown, p, old < n ? old : n);
    wiping_free(p);
    return grown;
}

/* libcurl must be set up once, and not while another thread does. */
static CURLcode set_up(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool done;
    pthread_mutex_lock(&lock);
    CURLcode code = done ? CURLE_OK
                         : curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free,
                                                wiping_realloc, strdup, calloc);
    done = code == CURLE_OK;
    pthread_mutex_unlock(&lock);
    return code;
}

static char *copy(const char *text, bool *failed)
{
    char *p = text ? strdup(text) : NULL;
    *failed |= text && !p;
    return p;
}

enum status http_new(const struct http_options *o, struct http_client **out, struct err *err)
{
    CURLcode code = set_up();
    if (code == CURLE_OUT_OF_MEMORY)
        return err_nomem(err);
    if (code != CURLE_OK)
        return err_set(err, ERR_IO, "libcurl cannot start: %s", curl_easy_strerror(code));
    struct http_client *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    bool failed = false;
    c->options = *o;
    c->ca_file = copy(o->ca_file, &failed);
    c->user_agent = copy(o->user_agent, &failed);
    buf_init(&c->text, 8 << 20);
    c->multi = curl_multi_init();
    c->easy = curl_easy_init();
    if (failed || !c->multi || !c->easy) {
        http_free(c);
        return err_nomem(err);
    }
    if (o->connect_timeout_ms <= 0)
        c->options.connect_timeout_ms = 5000;
    if (o->stall_timeout_ms <= 0)
        c->options.stall_timeout_ms = 30000;
    *out = c;
    return OK;
}

void http_free(struct http_client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->easy);
    if (c->multi)
        curl_multi_cleanup(c->multi);
    buf_fini(&c->text);
    free(c->ca_file);
    free(c->user_agent);
    free(c);
}

uint64_t http_connections(const struct http_client *c)
{
    return c->connections;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct http_client *c = ctx;
    c->received++;
    return arrival_header(&c->in, str_of(p, size * n)) ? size * n : 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct http_client *c = ctx;
    curl_off_t length = -1;
    c->received++;
    if (curl_easy_getinfo(c->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) != CURLE_OK)
        length = -1;
    size_t taken = size * n;
    return arrival_body(&c->in, str_of(p, taken), length) ? taken : 0;
}

/* Options of curl_easy_setopt, with a sticky error: only memory can be missing. */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(c->easy, option, value);                                       \
    } while (0)

static CURLcode set_connection(struct http_client *c, const struct http_request *r)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_ERRORBUFFER, c->reason);
    SET(CURLOPT_NOSIGNAL, 1L);
    /* A name that is still being looked up is not waited for when the call is given up. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)c->options.connect_timeout_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)c->options.total_timeout_ms);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (c->ca_file) {
        SET(CURLOPT_CAINFO, c->ca_file);
        SET(CURLOPT_PROXY_CAINFO, c->ca_file);
        /* Debian's libcurl would look into /etc/ssl/certs as well. */
        SET(CURLOPT_CAPATH, NULL);
        SET(CURLOPT_PROXY_CAPATH, NULL);
    }
    if (request_is_direct(r))
        SET(CURLOPT_PROXY, "");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    return code;
}

static CURLcode set_request(struct http_client *c, const struct http_request *r)
{
    CURLcode code = CURLE_OK;
    buf_reset(&c->text);
    buf_printf(&c->text, "%.*s://%.*s:%d", STR_ARG(r->scheme), STR_ARG(r->host), request_port(r));
    buf_str(&c->text, r->target);
    buf_char(&c->text, '\0');
    if (buf_status(&c->text) != OK)
        return CURLE_OUT_OF_MEMORY;
    SET(CURLOPT_URL, c->text.p);
    /* Otherwise libcurl would resolve `..`, which S3 keys may hold. */
    SET(CURLOPT_PATH_AS_IS, 1L);
    bool post = strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0;
    if (r->body.n > 0 || post) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
        SET(CURLOPT_POSTFIELDS, r->body.p ? r->body.p : "");
    }
    if (strcmp(r->method, "HEAD") == 0)
        SET(CURLOPT_NOBODY, 1L);
    else
        SET(CURLOPT_CUSTOMREQUEST, r->method);
    SET(CURLOPT_USERAGENT, c->user_agent);
    SET(CURLOPT_HTTPHEADER, c->lines);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, c);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, c);
    return code;
}

/* Appends what stands in c->text to the list of lines. */
static bool add_line(struct http_client *c)
{
    buf_char(&c->text, '\0');
    struct curl_slist *longer =
        buf_status(&c->text) == OK ? curl_slist_append(c->lines, c->text.p) : NULL;
    if (longer)
        c->lines = longer;
    return longer != NULL;
}

/* libcurl's lists say "Name: value", "Name;" for an empty value, and "Name:" for a header of its
 * own that is not to be sent. */
static enum status make_lines(struct http_client *c, const struct http_request *r, struct err *err)
{
    static const char *const implicit[] = {"Accept", "Content-Type", "Expect"};
    bool given[3] = {false}, host = false;
    struct str rest = r->headers;
    while (rest.n > 0) {
        struct str line = str_trim(str_cut(&rest, '\n'));
        ptrdiff_t colon = str_find_char(line, ':');
        if (line.n == 0)
            continue;
        if (colon <= 0 || memchr(line.p, '\r', line.n) || memchr(line.p, '\0', line.n))
            return err_set(err, ERR_USAGE, "%.*s: a header line is malformed", STR_ARG(r->host));
        struct str name = str_of(line.p, (size_t)colon);
        for (size_t i = 0; i < 3; i++)
            given[i] |= str_eq_nocase(name, str_from(implicit[i]));
        host |= str_eq_nocase(name, STR("Host"));
        buf_reset(&c->text);
        buf_str(&c->text, line);
        if (name.n + 1 == line.n && c->text.n > 0)
            c->text.p[name.n] = ';';
        if (!add_line(c))
            return err_nomem(err);
    }
    for (size_t i = 0; i < 3; i++) {
        buf_reset(&c->text);
        buf_printf(&c->text, "%s:", implicit[i]);
        if (!given[i] && !add_line(c))
            return err_nomem(err);
    }
    char port[NUMBER_TEXT] = "";
    if (!request_port_is_default(r))
        snprintf(port, sizeof port, ":%d", r->port);
    buf_reset(&c->text);
    buf_printf(&c->text, "Host: %.*s%s", STR_ARG(r->host), port);
    return host || add_line(c) ? OK : err_nomem(err);
}

/* True when nothing has moved for too long since the connection stood. */
static bool is_stalled(struct http_client *c, uint64_t *seen, int64_t *since_us)
{
    curl_off_t ready_us = 0, sent = 0;
    curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    curl_easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    uint64_t moved = c->received + (uint64_t)sent;
    int64_t now_us = clock_monotonic_us();
    if (moved != *seen || ready_us == 0) {
        *seen = moved;
        *since_us = now_us;
    }
    return now_us - *since_us > c->options.stall_timeout_ms * 1000;
}

static CURLcode result_of(struct http_client *c)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(c->multi, &left)))
        if (message->msg == CURLMSG_DONE && message->easy_handle == c->easy)
            return message->data.result;
    return CURLE_OUT_OF_MEMORY;
}

/* CURLE_ABORTED_BY_CALLBACK: cancelled. */
static CURLcode drive(struct http_client *c)
{
    uint64_t seen = 0;
    int64_t since_us = clock_monotonic_us();
    for (;;) {
        if (c->options.cancel && *c->options.cancel)
            return CURLE_ABORTED_BY_CALLBACK;
        int running = 0;
        CURLMcode code = curl_multi_perform(c->multi, &running);
        if (code == CURLM_OK && !running)
            return result_of(c);
        c->stalled = is_stalled(c, &seen, &since_us);
        if (c->stalled)
            return CURLE_OPERATION_TIMEDOUT;
        if (code == CURLM_OK)
            code = curl_multi_poll(c->multi, NULL, 0, LOOK_MS, NULL);
        if (code != CURLM_OK)
            return code == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT;
    }
}

static CURLcode transfer(struct http_client *c, const struct http_request *r)
{
    long opened = 0;
    CURLcode code = set_connection(c, r);
    if (code == CURLE_OK)
        code = set_request(c, r);
    if (code != CURLE_OK)
        return code;
    if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
        return CURLE_OUT_OF_MEMORY;
    code = drive(c);
    if (curl_easy_getinfo(c->easy, CURLINFO_NUM_CONNECTS, &opened) == CURLE_OK && opened > 0)
        c->connections += (uint64_t)opened;
    curl_multi_remove_handle(c->multi, c->easy);
    return code;
}

static enum status timed_out(const struct http_client *c, struct str host, struct err *err)
{
    const struct http_options *o = &c->options;
    curl_off_t ready_us = 0;
    curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    if (c->stalled)
        return err_set(err, ERR_IO, "%.*s: nothing moved for %lld ms", STR_ARG(host),
                       (long long)o->stall_timeout_ms);
    if (ready_us == 0)
        return err_set(err, ERR_IO, "%.*s: no connection within %lld ms", STR_ARG(host),
                       (long long)o->connect_timeout_ms);
    return err_set(err, ERR_IO, "%.*s: not done within %lld ms", STR_ARG(host),
                   (long long)o->total_timeout_ms);
}

/* What libcurl says itself, where that is about names, addresses, certificates and lengths; in
 * other cases it could quote what the server sent. */
static const char *reason_of(struct http_client *c, CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        break;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return "what it says is not HTTP";
    default:
        return curl_easy_strerror(code);
    }
    for (char *p = c->reason; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return c->reason[0] ? c->reason : curl_easy_strerror(code);
}

static enum status failed(struct http_client *c, struct str host, CURLcode code, struct err *err)
{
    bool begun = c->in.head_done && !c->in.interim;
    const char *reason = reason_of(c, code);
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT: /* what libcurl calls it in some of its parts */
        return err_set(err, ERR_NOMEM, "%.*s: out of memory, or a header line of more than 100 KB",
                       STR_ARG(host));
    case CURLE_ABORTED_BY_CALLBACK:
        return err_set(err, ERR_INTERRUPTED, "%.*s: interrupted", STR_ARG(host));
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(c, host, err);
    case CURLE_PEER_FAILED_VERIFICATION:
        return err_set(err, ERR_ACCESS, "%.*s: its certificate is not trusted: %.200s",
                       STR_ARG(host), reason);
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, ERR_ACCESS, "%.*s: the file of certificate authorities cannot be read",
                       STR_ARG(host));
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_BAD_CONTENT_ENCODING:
        if (begun)
            return err_set(err, ERR_TRUNCATED, "%.*s: the answer breaks off: %.200s", STR_ARG(host),
                           reason);
        break;
    default:
        break;
    }
    return err_set(err, ERR_IO, "%.*s: %.200s", STR_ARG(host), reason);
}

/* The copies of header lines that were made here: they can hold tokens. */
static void forget_lines(struct http_client *c)
{
    for (struct curl_slist *line = c->lines; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(c->lines);
    c->lines = NULL;
    if (c->text.cap > 0)
        explicit_bzero(c->text.p, c->text.cap);
    /* Forgets also the pointers to what the caller lent. */
    curl_easy_reset(c->easy);
}

static enum status exchange(struct http_client *c, const struct http_request *r, struct err *err)
{
    /* Room for the longest text at once: a buffer that grows leaves copies behind. */
    buf_reset(&c->text);
    buf_reserve(&c->text, r->headers.n + r->target.n + 1024);
    TRY(make_lines(c, r, err));
    CURLcode code = transfer(c, r);
    if (c->in.status == OK && code == CURLE_OK)
        c->in.status = arrival_end(&c->in, &c->in.err);
    if (c->in.status == OK && code == CURLE_OK)
        return OK;
    enum status status;
    int native = (int)code;
    if (c->in.status != OK) {
        status = err_set(err, c->in.status, "%.*s: %.300s", STR_ARG(r->host), c->in.err.text);
        native = c->in.err.native;
    } else {
        status = failed(c, r->host, code, err);
    }
    if (err)
        err->native = native;
    return status;
}

enum status http_send(struct http_client *c, const struct http_request *r,
                      const struct http_body_limits *l, struct http_answer *a, struct err *err)
{
    answer_clear(a);
    TRY(request_check(r, err));
    TRY(arrival_begin(&c->in, a, l, r->secret, err));
    c->received = 0;
    c->stalled = false;
    c->reason[0] = '\0';
    enum status status = exchange(c, r, err);
    long http_status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &http_status);
    a->status = (int)http_status;
    forget_lines(c);
    if (status != OK)
        answer_clear(a);
    return status;
}
