/* What can be added up: see sums.h. */
#include "query/sums.h"

#include "model/cost.h"

void sums_add(struct sums *s, const struct invocation *v, int sign)
{
    int64_t *n = s->count;
    n[COUNT_INVOCATIONS] += sign;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        n[COUNT_INPUT + i] += sign * v->tokens[i];

    money_sum cost = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++) {
        s->money[MONEY_INPUT + i] += sign * (money_sum)v->cost[i];
        cost += v->cost[i];
    }
    s->money[MONEY_COST] += sign * cost;
    s->money[MONEY_HIGH] += sign * (cost + v->cost_span);
    s->money[MONEY_LIST] += sign * (money_sum)v->list_cost;

    if (v->latency_ms != LATENCY_UNKNOWN) {
        n[COUNT_LATENCY_MS] += sign * (int64_t)v->latency_ms;
        n[COUNT_LATENCY_N] += sign;
    }
    if (v->first_byte_ms != LATENCY_UNKNOWN) {
        n[COUNT_FIRST_BYTE_MS] += sign * (int64_t)v->first_byte_ms;
        n[COUNT_FIRST_BYTE_N] += sign;
    }
    n[COUNT_UNPRICED_TOKENS] += sign * v->unpriced_tokens;
    n[COUNT_UNPRICED] += sign * (v->outcome == OUTCOME_UNPRICED);
    n[COUNT_PARTIAL] += sign * (v->outcome == OUTCOME_PARTIAL);
    n[COUNT_BOUNDED] += sign * (v->outcome == OUTCOME_BOUNDED);
    n[COUNT_ESTIMATED] += sign * (v->outcome == OUTCOME_ESTIMATED);
    n[COUNT_UNKNOWN_USAGE] += sign * (v->outcome == OUTCOME_USAGE_UNKNOWN);

    static const struct {
        uint32_t flag;
        enum count count;
    } flags[] = {
        {INV_ERROR, COUNT_ERRORS},
        {INV_PRICE_FLAGGED, COUNT_FLAGGED},
        {INV_INPUT_BODY, COUNT_INPUT_BODIES},
        {INV_OUTPUT_BODY, COUNT_OUTPUT_BODIES},
        {INV_BODY_MISSING, COUNT_BODIES_MISSING},
        {INV_BODY_REFUSED, COUNT_BODIES_REFUSED},
        {INV_ODD, COUNT_ODD},
        {INV_TIME_GUESSED, COUNT_TIME_GUESSED},
        {INV_NO_REQUEST_ID, COUNT_NO_REQUEST_ID},
        {INV_GUARDRAIL, COUNT_GUARDRAIL},
        {INV_INCOMPLETE, COUNT_INCOMPLETE},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        n[flags[i].count] += sign * !!(v->flags & flags[i].flag);
}

void sums_merge(struct sums *s, const struct sums *other)
{
    for (int i = 0; i < COUNTS; i++)
        s->count[i] += other->count[i];
    for (int i = 0; i < MONIES; i++)
        s->money[i] += other->money[i];
}

bool sums_is_zero(const struct sums *s)
{
    for (int i = 0; i < COUNTS; i++)
        if (s->count[i] != 0)
            return false;
    for (int i = 0; i < MONIES; i++)
        if (s->money[i] != 0)
            return false;
    return true;
}
