/* The smallest HTTP client, for tests of servers: one connection, one request, all that comes. */
#ifndef ASSAY_TESTS_CLIENT_H
#define ASSAY_TESTS_CLIENT_H

#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline int client_connect(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval patience = {.tv_sec = 30};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline void client_send(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Up to the end of the connection, zero-terminated. */
static inline size_t client_receive(int fd, char *out, size_t cap)
{
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n + 1 < cap; n += got > 0 ? (size_t)got : 0)
        got = recv(fd, out + n, cap - 1 - n, 0);
    out[n] = '\0';
    close(fd);
    return n;
}

/* The answer to "METHOD target" with the lines `more` ("Name: value\r\n") and a body. */
static inline void client_ask(int port, const char *line, const char *more, const char *body,
                              char *out, size_t cap)
{
    char head[1024];
    int fd = client_connect(port);
    snprintf(head, sizeof head,
             "%s HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n",
             line, strlen(body), more);
    client_send(fd, head);
    client_send(fd, body);
    client_receive(fd, out, cap);
}

#endif
