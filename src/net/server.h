/*
 * A small HTTP/1.1 server over libmicrohttpd: one thread that accepts, reads whole requests into
 * memory within limits, and gives them to a handler, which answers at once or later from any
 * thread. With a certificate it speaks TLS 1.2 or newer only.
 *
 *     static void on_request(void *ctx, struct server_request *r)
 *     {
 *         if (str_eq(server_path(r), STR("/healthz")))
 *             server_answer(r, 200, "text/plain", STR("ok\n"), NULL);
 *         else
 *             server_answer(r, 404, "text/plain", STR("not found\n"), NULL);
 *     }
 *     const struct server_options o = {.listen = "127.0.0.1:0", .request = on_request};
 *     TRY(server_new(&o, &server, err));            it listens, but answers nobody yet
 *     printf("port %d\n", server_port(server));
 *     TRY(server_start(server, err));
 *     …
 *     server_stop(server);
 *     server_free(server);
 *
 * The handler runs on the server's thread and keeps everybody waiting while it does: what takes
 * longer belongs into another thread, which then answers. Everything about a request that is
 * borrowed (path, headers, query) is good until the handler returns; the body can be taken.
 *
 * What the server answers by itself (text/plain, and the connection ends): 400 for a malformed
 * request and for one whose length is told in two ways; 413 for a body that is too long, before it
 * was read when its length was announced; 431 or 414 for headers or an address that are too long;
 * 501 for a transfer coding other than chunked; 503 while it stops or has no memory. A connection
 * on which a request is not complete in time is closed without an answer.
 */
#ifndef ASSAY_NET_SERVER_H
#define ASSAY_NET_SERVER_H

#include "base/buf.h"
#include "base/err.h"

struct server;
struct server_request;

struct server_options {
    const char *listen;       /* "host:port", "[::1]:port", ":port" for all addresses; port 0:
                               * any free one */
    const char *certificate;  /* PEM, with the chain; NULL: no TLS */
    const char *key;          /* PEM, not encrypted; NULL exactly when certificate is */
    unsigned connections_max; /* 0: 64. An eighth of them is kept free by shutting idle ones; when
                               * none is idle, more wait to be accepted */
    size_t header_bytes_max;  /* about, with the request line; 0: 32 KiB */
    uint64_t body_bytes_max;  /* 0: 1 MiB */
    int64_t first_ms;         /* for a TLS handshake and headers, until a request was let pass by
                               * `head`. 0: 10000; at most request_ms */
    int64_t request_ms;       /* from then on: for the body, for taking the answer, for the next
                               * headers: each. 0: 30000 */
    void *ctx;
    /*
     * Optional: the headers are there, the body is not. Who answers here refuses the body; the
     * rest of it, if it is announced and not too long, is read and thrown away first, so that the
     * client sees the answer.
     */
    void (*head)(void *ctx, struct server_request *r);
    /*
     * Optional, of bodies whose length is not announced: with what comes now it is `n` bytes. Who
     * answers here refuses the rest, as in `head`; `lost` is not called then.
     */
    void (*grows)(void *ctx, struct server_request *r, uint64_t n);
    /* All of it is there. From now on until server_answer the request is the handler's. */
    void (*request)(void *ctx, struct server_request *r);
    /* Optional: a request that `head` let pass ended before it came to `request`. */
    void (*lost)(void *ctx, struct server_request *r);
};

/* Binds and listens. ERR_USAGE for a malformed address, or for files that hold no certificate and
 * its key; ERR_CONFLICT when the port is in use. */
enum status server_new(const struct server_options *o, struct server **out,
                       struct err *err) MUST_USE;
int server_port(const struct server *s);
/* Nobody but this machine can reach it. */
bool server_is_loopback(const struct server *s);
enum status server_start(struct server *s, struct err *err) MUST_USE;
/* Reads the certificate and the key again, for new connections. After a failure the old ones stay.
 * OK without TLS, too. From any thread. */
enum status server_reload(struct server *s, struct err *err) MUST_USE;
/*
 * When it returns, no handler runs or will run. Requests that were not answered get 503, answers
 * under way have two seconds to arrive. The handler's requests stay its own: each is still to be
 * answered, which then only frees it. Once; not from a handler.
 */
void server_stop(struct server *s);
/* Stops it when that was not done. All requests were answered before. */
void server_free(struct server *s);

/* "POST"; the path, decoded, without the query. */
struct str server_method(const struct server_request *r);
struct str server_path(const struct server_request *r);
/* The first of that name, in any case for headers; decoded for the query. p is NULL when there is
 * none. */
struct str server_header(const struct server_request *r, const char *name);
struct str server_query(const struct server_request *r, const char *name);
/* As announced by Content-Length; 0 when there is no body, -1 when its length is not known. */
int64_t server_body_length(const struct server_request *r);
/* Moves the body to *out, which is overwritten and then the caller's. In `request` only. */
void server_take_body(struct server_request *r, struct buf *out);
/* A pointer of the handler's. */
void server_set_tag(struct server_request *r, void *tag);
void *server_tag(const struct server_request *r);

/*
 * Ends the handler's hold on a request; copies what it is given. `headers`: lines "Name: value\n"
 * or NULL. Without memory for an answer the connection is closed. From any thread.
 */
void server_answer(struct server_request *r, int status, const char *type, struct str body,
                   const char *headers);

#endif
