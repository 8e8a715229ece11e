/* Private to net/: what the server's files share. GnuTLS has its home in server_tls.c, and
 * libmicrohttpd in server.c, so neither's types stand here. */
#ifndef ASSAY_NET_SERVER_INTERNAL_H
#define ASSAY_NET_SERVER_INTERNAL_H

#include "net/server.h"

/* "host:port" to a listening socket; *port is what it got. */
enum status listen_on(const char *address, int *fd, int *port, bool *loopback,
                      struct err *err) MUST_USE;

/* Connections, each with the time in which something must be done with. A guest is entered before
 * its socket is used and left before that is closed. */
struct guests;
struct guest;

struct guests_limits {
    int64_t first_ms;    /* for a handshake and the headers of the first request that is let pass */
    int64_t patience_ms; /* for all else: see server_options.request_ms */
    unsigned most, spare; /* how many the server takes; how many places are held free */
};

enum guest_state {
    GUEST_IDLE,   /* no request that was let pass */
    GUEST_TAKEN,  /* one that was let pass is coming, or its answer is going */
    GUEST_SERVED, /* its request is the handler's: it may stay as long as that takes */
};

enum status guests_new(struct server *server, const struct guests_limits *limits,
                       struct guests **out, struct err *err) MUST_USE;
void guests_free(struct guests *all);
/* NULL without memory. It is idle; another idle one may have to go. */
struct guest *guest_enter(struct guests *all, int fd);
void guest_leave(struct guest *g);
/* Its time begins again. */
void guest_is(struct guest *g, enum guest_state state);
struct server *guest_server(const struct guest *g);

/* Certificate and key, as files name them; read again on demand. Files are borrowed. */
struct server_tls;

enum status server_tls_new(const char *certificate, const char *key, struct server_tls **out,
                           struct err *err) MUST_USE;
enum status server_tls_reload(struct server_tls *t, struct err *err) MUST_USE;
void server_tls_free(struct server_tls *t);

/* What libmicrohttpd wants for MHD_OPTION_HTTPS_CERT_CALLBACK2 and MHD_OPTION_HTTPS_PRIORITIES. */
typedef void (*server_tls_hook)(void);
server_tls_hook server_tls_retrieve(void);
extern const char SERVER_TLS_PRIORITIES[];
/* In server.c: of the connection that is in its handshake; NULL without memory. */
struct server_tls *server_tls_of(void *connection);

#endif
