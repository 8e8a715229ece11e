/*
 * URIs: what was encoded comes back; what can be decoded comes back from its encoding; the parts of
 * an address lie inside it and hold nothing that could break a request line.
 */
#include "codec/uri.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Encoded, decoded and compared. */
static void there_and_back(struct str raw, bool keep_slash, bool plus_is_space)
{
    struct buf coded, back;
    buf_init(&coded, 1 << 20);
    buf_init(&back, 1 << 20);
    uri_encode(&coded, raw, keep_slash);
    if (coded.status == OK) {
        if (!uri_decode(buf_view(&coded), plus_is_space, &back) || !str_eq(buf_view(&back), raw))
            abort();
        for (size_t i = 0; i < coded.n; i++)
            if (coded.p[i] <= ' ' || coded.p[i] >= '\x7f')
                abort();
    }
    buf_fini(&coded);
    buf_fini(&back);
}

static void check_part(struct str all, struct str part)
{
    if (part.n > 0 && (part.p < all.p || part.p + part.n > all.p + all.n))
        abort();
}

static void check_address(struct str text)
{
    struct uri u;
    if (!uri_parse(text, &u))
        return;
    check_part(text, u.host);
    check_part(text, u.path);
    check_part(text, u.query);
    if (u.scheme.n == 0 || u.host.n == 0 || u.port < 0 || u.port > 65535)
        abort();
    if (u.path.n > 0 && u.path.p[0] != '/')
        abort();
    struct str web[] = {u.host, u.path, u.query};
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < web[k].n; i++)
            if (!str_eq(u.scheme, STR("s3")) && (unsigned char)web[k].p[i] <= ' ')
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct buf plain;
    for (int how = 0; how < 4; how++)
        there_and_back(text, how & 1, how & 2);
    buf_init(&plain, 1 << 20);
    if (uri_decode(text, true, &plain))
        there_and_back(buf_view(&plain), false, true);
    else if (plain.n != 0)
        abort();
    buf_fini(&plain);
    check_address(text);
    return 0;
}
