/* An invocation as some 50 bytes: see invocation_pack.h. Numbers are varints; a bit mask says
 * which of the many that are mostly zero are there at all. */
#include "model/invocation_pack.h"

#include "base/varint.h"

/* The figures that are zero more often than not, as one list. None is negative. */
enum { SPARSE = 2 * TOKEN_CLASSES + 3 };
/* Bit of the mask above those: the session follows, a hash, whole. */
#define HAS_SESSION (UINT64_C(1) << SPARSE)
_Static_assert(2 * sizeof(uint64_t) + sizeof(uint64_t) + (7 + SPARSE) * 10 + sizeof(uint64_t) <=
                   PACK_MAX,
               "the longest invocation fits");

static void list_sparse(const struct invocation *v, uint64_t out[SPARSE])
{
    for (int i = 0; i < TOKEN_CLASSES; i++) {
        out[i] = (uint64_t)v->tokens[i];
        out[TOKEN_CLASSES + i] = (uint64_t)v->cost[i];
    }
    int64_t sum = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        sum += v->cost[i];
    out[2 * TOKEN_CLASSES] = (uint64_t)v->cost_span;
    out[2 * TOKEN_CLASSES + 1] = (uint64_t)(v->list_cost - sum); /* 0 without a discount */
    out[2 * TOKEN_CLASSES + 2] = (uint64_t)v->unpriced_tokens;
}

size_t invocation_pack(const struct invocation *v, unsigned char out[PACK_MAX])
{
    uint64_t sparse[SPARSE], mask = 0;
    list_sparse(v, sparse);
    for (int i = 0; i < SPARSE; i++)
        mask |= (uint64_t)(sparse[i] != 0) << i;
    mask |= v->session ? HAS_SESSION : 0;

    unsigned char *p = out;
    memcpy(p, &v->key, sizeof v->key);
    p += sizeof v->key;
    memcpy(p, &v->content, sizeof v->content);
    p += sizeof v->content;
    p = pack_u64(p, (uint64_t)v->time_us);
    p = pack_u64(p, v->series);
    p = pack_u64(p, v->flags);
    p = pack_u64(p, v->outcome);
    p = pack_u64(p, (uint64_t)((int64_t)v->latency_ms + 1));
    p = pack_u64(p, (uint64_t)((int64_t)v->first_byte_ms + 1));
    p = pack_u64(p, mask);
    for (int i = 0; i < SPARSE; i++)
        if (sparse[i])
            p = pack_u64(p, sparse[i]);
    if (v->session) {
        memcpy(p, &v->session, sizeof v->session);
        p += sizeof v->session;
    }
    return (size_t)(p - out);
}

size_t invocation_unpack(const unsigned char *p, size_t n, struct invocation *v)
{
    uint64_t head[7], sparse[SPARSE] = {0};
    if (n < sizeof v->key + sizeof v->content)
        return 0;
    struct unpack u = unpack_of(p, n);
    *v = (struct invocation){0};
    memcpy(&v->key, u.p, sizeof v->key);
    u.p += sizeof v->key;
    memcpy(&v->content, u.p, sizeof v->content);
    u.p += sizeof v->content;
    for (int i = 0; i < 7; i++)
        head[i] = unpack_u64(&u);
    for (int i = 0; i < SPARSE; i++)
        if (head[6] >> i & 1)
            sparse[i] = unpack_u64(&u);
    if (head[6] & HAS_SESSION) {
        if ((size_t)(u.end - u.p) < sizeof v->session)
            return 0;
        memcpy(&v->session, u.p, sizeof v->session);
        u.p += sizeof v->session;
    }
    if (u.bad)
        return 0;
    v->time_us = (int64_t)head[0];
    v->series = (uint32_t)head[1];
    v->flags = (uint32_t)head[2];
    v->outcome = (uint8_t)head[3];
    v->latency_ms = (int32_t)((int64_t)head[4] - 1);
    v->first_byte_ms = (int32_t)((int64_t)head[5] - 1);
    int64_t sum = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++) {
        v->tokens[i] = (int64_t)sparse[i];
        v->cost[i] = (int64_t)sparse[TOKEN_CLASSES + i];
        sum += v->cost[i];
    }
    v->cost_span = (int64_t)sparse[2 * TOKEN_CLASSES];
    v->list_cost = (int64_t)sparse[2 * TOKEN_CLASSES + 1] + sum;
    v->unpriced_tokens = (int64_t)sparse[2 * TOKEN_CLASSES + 2];
    return (size_t)(u.p - p);
}
