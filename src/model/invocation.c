/* The fact: see invocation.h. */
#include "model/invocation.h"

int64_t invocation_tokens(const struct invocation *v)
{
    int64_t sum = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        sum += v->tokens[i];
    return sum;
}

static int body_rank(const struct invocation *v)
{
    int bodies = !!(v->flags & INV_INPUT_BODY) + !!(v->flags & INV_OUTPUT_BODY);
    return bodies * 2 + !!(v->flags & INV_BODY_PATH);
}

bool invocation_beats(const struct invocation *a, const struct invocation *b)
{
    int64_t ta = invocation_tokens(a), tb = invocation_tokens(b);
    if (ta != tb)
        return ta > tb;
    int ra = body_rank(a), rb = body_rank(b);
    if (ra != rb)
        return ra > rb;
    if (a->unpriced_tokens != b->unpriced_tokens)
        return a->unpriced_tokens < b->unpriced_tokens;
    bool ea = a->flags & INV_ERROR, eb = b->flags & INV_ERROR;
    if (ea != eb)
        return eb;
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us;
    return a->content < b->content;
}
