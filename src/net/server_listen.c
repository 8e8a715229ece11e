/* Where a server listens: an address as people write it, to a socket. */
#include "net/server_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

enum { HOST_MAX = 256, BACKLOG = 256 };

/* "host:port" or "[address]:port", cut in two. */
static bool cut_address(const char *address, char host[HOST_MAX], const char **port)
{
    const char *colon = strrchr(address, ':');
    struct str name = str_of(address, colon ? (size_t)(colon - address) : 0);
    int64_t number;
    if (!colon || !str_to_i64(str_from(colon + 1), &number) || number > UINT16_MAX)
        return false;
    if (name.n > 1 && name.p[0] == '[' && name.p[name.n - 1] == ']')
        name = str_of(name.p + 1, name.n - 2);
    else if (str_find_char(name, ':') >= 0)
        return false;
    if (name.n >= HOST_MAX)
        return false;
    memcpy(host, name.p, name.n);
    host[name.n] = '\0';
    *port = colon + 1;
    return true;
}

static bool is_loopback(const struct sockaddr_storage *a)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    memcpy(&in, a, sizeof in);
    memcpy(&in6, a, sizeof in6);
    return a->ss_family == AF_INET
               ? ntohl(in.sin_addr.s_addr) >> 24 == 127
               : a->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

static int port_of(const struct sockaddr_storage *a)
{
    struct sockaddr_in in; /* the port stands at the same place for IPv6 */
    memcpy(&in, a, sizeof in);
    return ntohs(in.sin_port);
}

/* -1 with errno set when this address cannot be had. */
static int try_address(const struct addrinfo *a)
{
    int one = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

enum status listen_on(const char *address, int *fd, int *port, bool *loopback, struct err *err)
{
    char host[HOST_MAX];
    const char *service;
    if (!cut_address(address, host, &service))
        return err_set(err, ERR_USAGE, "'%s' is no address to listen on; wanted is host:port",
                       address);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(host[0] ? host : NULL, service, &hints, &found);
    if (failure != 0)
        return err_set(err, failure == EAI_MEMORY ? ERR_NOMEM : ERR_USAGE,
                       "cannot listen on %s: %s", address, gai_strerror(failure));
    int got = -1;
    errno = EADDRNOTAVAIL;
    for (const struct addrinfo *a = found; a && got < 0; a = a->ai_next)
        got = try_address(a);
    int why = errno;
    freeaddrinfo(found);
    if (got < 0 && why == EADDRINUSE)
        return err_set(err, ERR_CONFLICT, "cannot listen on %s: another program does", address);
    if (got < 0)
        return err_errno(err, why, "cannot listen on %s", address);
    struct sockaddr_storage bound = {0};
    socklen_t n = sizeof bound;
    if (getsockname(got, (struct sockaddr *)&bound, &n) != 0) {
        why = errno;
        close(got);
        return err_errno(err, why, "cannot listen on %s", address);
    }
    *fd = got;
    *port = port_of(&bound);
    *loopback = is_loopback(&bound);
    return OK;
}
