/* Whether one request begins with another, from the digests of their last messages. */
#include "model/session_internal.h"

uint32_t request_window(const struct exchange *x)
{
    return x->messages > x->recent_n ? x->messages - x->recent_n : 0;
}

enum shared request_shares(const struct exchange *a, uint32_t back, const struct exchange *b)
{
    uint32_t from = request_window(b);
    if (back >= a->recent_n || back >= a->messages)
        return NOT_KNOWN;
    uint32_t position = a->messages - 1 - back;
    if (position < from || position - from >= b->recent_n)
        return NOT_KNOWN;
    return a->recent[a->recent_n - 1 - back] == b->recent[position - from] ? SHARED : NOT_SHARED;
}

bool request_goes_on(const struct exchange *a, const struct exchange *b)
{
    if (a->messages >= b->messages)
        return false;
    return b->messages - a->messages >= EXCHANGE_RECENT ||
           (request_shares(a, 0, b) != NOT_SHARED && request_shares(a, 1, b) != NOT_SHARED);
}
