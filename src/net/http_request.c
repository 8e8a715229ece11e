/*
 * What may be put into a request, and which way it goes. Host and target become parts of an URL, so
 * none of them may hold what would change its other parts.
 */
#include "net/http_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool host_is_sound(struct str host)
{
    struct str inner = host;
    const char *allowed = "-._";
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
        inner = str_of(host.p + 1, host.n - 2);
        allowed = ":.";
    }
    for (size_t i = 0; i < inner.n; i++) {
        unsigned char ch = (unsigned char)inner.p[i];
        bool plain = (ch >= '0' && ch <= '9') || ((ch | 32) >= 'a' && (ch | 32) <= 'z');
        if (!plain && (ch == 0 || !strchr(allowed, ch)))
            return false;
    }
    return inner.n > 0 && inner.n < 256;
}

static bool target_is_sound(struct str target)
{
    for (size_t i = 0; i < target.n; i++)
        if (target.p[i] <= ' ' || target.p[i] >= 0x7f || target.p[i] == '#')
            return false;
    return target.n > 0 && target.p[0] == '/';
}

int request_port(const struct http_request *r)
{
    return r->port ? r->port : str_eq(r->scheme, STR("https")) ? 443 : 80;
}

bool request_port_is_default(const struct http_request *r)
{
    return request_port(r) == (str_eq(r->scheme, STR("https")) ? 443 : 80);
}

enum status request_check(const struct http_request *r, struct err *err)
{
    char found[STR_FOUND];
    if (!str_eq(r->scheme, STR("http")) && !str_eq(r->scheme, STR("https")))
        return err_set(err, ERR_USAGE, "%s is not a scheme that is spoken here: http or https",
                       str_found(found, r->scheme));
    if (!host_is_sound(r->host))
        return err_set(err, ERR_USAGE, "%s is not a host name", str_found(found, r->host));
    if (r->port < 0 || r->port > 65535)
        return err_set(err, ERR_USAGE, "%.*s: %d is not a port", STR_ARG(r->host), r->port);
    if (!target_is_sound(r->target))
        return err_set(err, ERR_USAGE, "%.*s: a target begins with / and is encoded",
                       STR_ARG(r->host));
    return OK;
}

bool request_is_direct(const struct http_request *r)
{
    char text[260];
    struct in_addr four;
    struct in6_addr six;
    struct str host = r->host;
    bool bracketed = host.p[0] == '[';
    struct str inner = bracketed ? str_of(host.p + 1, host.n - 2) : host;
    snprintf(text, sizeof text, "%.*s", STR_ARG(inner));
    if (bracketed) {
        static const unsigned char aws[4] = {0xfd, 0x00, 0x0e, 0xc2};
        return inet_pton(AF_INET6, text, &six) == 1 &&
               (IN6_IS_ADDR_LOOPBACK(&six) || memcmp(&six, aws, sizeof aws) == 0);
    }
    if (inet_aton(text, &four)) {
        uint32_t address = ntohl(four.s_addr);
        return address >> 24 == 127 || address >> 16 == 0xa9fe;
    }
    return str_eq_nocase(inner, STR("localhost"));
}
