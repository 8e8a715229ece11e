/*
 * HTTP/1.1 over libcurl, one exchange at a time: what the rooms above need to speak with AWS and
 * with the servers that hand out credentials. It adds nothing of its own to a request but Host,
 * User-Agent and Content-Length, because signatures cover what is sent; it follows no redirect,
 * keeps no cookie, decodes no gzip and tries nothing twice, with one exception: when a kept
 * connection turns out to be dead before a byte of the answer came, libcurl sends the request again
 * on a new one.
 *
 *     struct http_client *c;
 *     struct http_answer a;
 *     http_answer_init(&a);
 *     TRY(http_new(&(struct http_options){.user_agent = "assay/1"}, &c, err));
 *     TRY(http_send(c, &(struct http_request){.method = "GET", .scheme = STR("https"),
 *                   .host = STR("logs.s3.eu-west-1.amazonaws.com"), .target = STR("/a%20key")},
 *                   &(struct http_body_limits){.memory_max = 1 << 20}, &a, err));
 *     if (a.status == 200) use(buf_view(&a.body));
 *     http_answer_fini(&a);
 *     http_free(c);
 *
 * A client belongs to one thread at a time; different threads use different clients. Connections
 * are kept and used again by later calls of the same client. Options and requests are borrowed for
 * the call only. The program ignores SIGPIPE or lives with libcurl 7.87 or newer, which sends with
 * MSG_NOSIGNAL.
 *
 * TLS is 1.2 or newer and always verified, host name included. Proxies come from the environment
 * as libcurl reads it (http_proxy in small letters only, https_proxy, all_proxy, no_proxy and their
 * capitals; curl.se/libcurl/c/libcurl-env.html), but never for loopback, 169.254.0.0/16 and
 * fd00:ec2::/32: there the instance, task and pod metadata services of AWS answer, with keys.
 */
#ifndef ASSAY_NET_HTTP_H
#define ASSAY_NET_HTTP_H

#include "base/buf.h"
#include "base/err.h"

struct http_client;

struct http_options {
    int64_t connect_timeout_ms; /* name, TCP and TLS together; 0: 5000 */
    int64_t stall_timeout_ms;   /* no byte in either direction for so long; 0: 30000 */
    int64_t total_timeout_ms;   /* a whole exchange; 0: none */
    const char *ca_file;        /* PEM; then only its authorities count. NULL: the system's */
    const char *user_agent;     /* NULL: none is sent */
    const _Atomic bool *cancel; /* NULL, or true ends a running call within 200 ms; it must live
                                 * as long as the client */
};

enum status http_new(const struct http_options *o, struct http_client **out,
                     struct err *err) MUST_USE;
void http_free(struct http_client *c);
/* Connections opened since http_new; fewer than calls when they are used again. */
uint64_t http_connections(const struct http_client *c);

struct http_request {
    const char *method; /* "GET", in capitals */
    struct str scheme;  /* "http" or "https" */
    struct str host;    /* a name or an address, that of IPv6 in brackets; no port */
    int port;           /* 0: the scheme's */
    struct str target;  /* "/path?query", encoded; sent byte for byte */
    struct str headers; /* lines "Name: value\n"; a Host among them replaces ours */
    struct str body;    /* sent with its length when not empty, or for POST and PUT */
    bool secret;        /* the answer is wiped when it is emptied (set a small memory_max:
                         * so much is reserved at once). Copies of headers made here always
                         * are, and libcurl's own buffers when it gives them back */
};

/* The whole body is at most file_max bytes, or memory_max when that is larger. Up to memory_max
 * bytes it stands in memory, beyond that all of it in an unnamed temporary file. */
struct http_body_limits {
    size_t memory_max;
    uint64_t file_max;
};

enum { HTTP_HEADERS_MAX = 256 * 1024 };

/* Filled by http_send, which empties it first; its memory is used again by the next call. After a
 * failure it holds nothing. */
struct http_answer {
    int status;          /* 200 … of the final answer; 0: there was none */
    struct buf headers;  /* its status line and header lines as they came, without trailers */
    struct buf body;     /* empty when it is in the file */
    int body_fd;         /* -1: in memory; otherwise at its first byte */
    uint64_t body_bytes; /* wherever it is */
    bool open_end;       /* neither length nor chunks: nobody knows whether the body is whole */
    bool secret;         /* private: wiped when emptied */
};

void http_answer_init(struct http_answer *a);
void http_answer_fini(struct http_answer *a);
/* The value of the first header of that name (in any case), trimmed and borrowed; "" when there is
 * none. */
struct str http_header(const struct http_answer *a, const char *name);

/*
 * One exchange. OK for every HTTP status, and for answers without a body (HEAD, 204, 304).
 *
 * ERR_IO           no whole answer: err->native is the CURLcode (6 name not found, 7 no connection,
 *                  28 a timeout, 52 nothing came, 56 connection lost …)
 * ERR_TRUNCATED    the answer broke off: in its headers, or the body is shorter than its
 *                  Content-Length, or its last chunk is missing or malformed, or the connection was
 *                  reset. (A body that has neither length nor chunks ends wherever the connection
 *                  does, see open_end; libcurl 7.88 misses no close_notify of TLS.)
 * ERR_LIMIT        more than HTTP_HEADERS_MAX bytes of headers, or a body beyond the limits
 * ERR_ACCESS       the server's certificate is not to be trusted, or the CA file cannot be read:
 *                  trying again does not help
 * ERR_USAGE        the request is malformed: a scheme other than those two, a host or target with
 *                  characters that do not belong there
 * ERR_INTERRUPTED  cancelled
 * ERR_NOMEM        also for a single header line of more than 100 KB, which libcurl 7.88 calls so
 * ERR_FULL …       the temporary file could not be written
 *
 * Messages name the host and what failed, never path, query, headers or anything of the body.
 */
enum status http_send(struct http_client *c, const struct http_request *r,
                      const struct http_body_limits *l, struct http_answer *a,
                      struct err *err) MUST_USE;

#endif
