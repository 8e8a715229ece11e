/* A hash of what a record says: see content.h. */
#include "model/content.h"

enum { EXCHANGE_BITS = 16 };

/* A constant, because the choice between duplicates must not depend on the process. */
static const struct hash_key CONTENT_KEY = {UINT64_C(0x61737361792d3031),
                                            UINT64_C(0x636f6e74656e7400)};

uint64_t content_of_labels(const struct symbols *symbols, const struct labels *l)
{
    uint64_t h = 0;
    for (int i = 0; i < LABEL_HARNESS; i++) {
        struct str s = symbols_text(symbols, l->v[i]);
        h = (h ^ hash64(CONTENT_KEY, s.p, s.n)) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return h;
}

/* What the exchange adds, as numbers that are the same in every process. */
static uint64_t content_of_exchange(const struct exchange *x)
{
    uint64_t h = (uint64_t)x->kind << 32 | x->flags;
    const uint32_t numbers[] = {x->messages,        x->tail,   x->prompts,
                                x->history_prompts, x->made_n, x->earlier_n};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        h = hash_mix(h, numbers[i]);
    for (int i = 0; i < PARTS; i++)
        h = hash_mix(h, x->part[i]);
    return h;
}

/* With the low bits empty. */
static uint64_t without_exchange(const struct invocation *v, uint64_t labels)
{
    uint64_t h = labels;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        h = (h ^ (uint64_t)v->tokens[i]) * UINT64_C(0x9E3779B97F4A7C15);
    h ^= (uint64_t)(uint32_t)v->latency_ms << 32 ^ (uint32_t)v->first_byte_ms;
    h = (h ^ v->flags) * UINT64_C(0xD6E8FEB86659FD93);
    return (h ^ h >> 32) >> EXCHANGE_BITS << EXCHANGE_BITS;
}

uint64_t content_of(const struct invocation *v, uint64_t labels)
{
    uint64_t h = without_exchange(v, labels);
    if (v->exchange)
        h |= content_of_exchange(v->exchange) >> (64 - EXCHANGE_BITS);
    return h;
}

uint64_t content_again(const struct invocation *v, uint64_t labels)
{
    return without_exchange(v, labels) | (v->content & ((UINT64_C(1) << EXCHANGE_BITS) - 1));
}
