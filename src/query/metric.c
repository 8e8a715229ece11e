/*
 * Metrics: see metric.h. The one rule that matters here: an amount of 0 is shown only where it is
 * known to be 0. Where tokens have no rate, or a success came without counters, and nothing else
 * gave an amount, the figure does not exist.
 */
#include "query/metric.h"

struct label_text {
    struct str heading, text;
};

#define TEXT(heading, text)                                                                        \
    {                                                                                              \
        {heading, sizeof heading - 1},                                                             \
        {                                                                                          \
            text, sizeof text - 1                                                                  \
        }                                                                                          \
    }

static const struct label_text count_texts[COUNTS] = {
    [COUNT_INVOCATIONS] = TEXT("calls", "model invocations"),
    [COUNT_ERRORS] = TEXT("errors", "invocations that ended with an errorCode"),
    [COUNT_INPUT] = TEXT("input", "input tokens that did not come from the cache"),
    [COUNT_OUTPUT] = TEXT("output", "output tokens"),
    [COUNT_CACHE_READ] = TEXT("cache read", "input tokens read from the cache"),
    [COUNT_CACHE_WRITE_5M] = TEXT("write 5m", "tokens written to the cache for 5 minutes"),
    [COUNT_CACHE_WRITE_1H] = TEXT("write 1h", "tokens written to the cache for 1 hour"),
    [COUNT_CACHE_WRITE_UNKNOWN] = TEXT("write TTL?", "tokens written to the cache, TTL not known"),
    [COUNT_UNPRICED] = TEXT("unpriced", "invocations without any amount"),
    [COUNT_PARTIAL] = TEXT("partial", "invocations with an amount for some tokens only"),
    [COUNT_BOUNDED] = TEXT("bounded", "invocations with a low and a high amount"),
    [COUNT_ESTIMATED] = TEXT("estimated", "invocations priced by a factor or a substitute"),
    [COUNT_UNKNOWN_USAGE] = TEXT("no usage", "successful invocations without token counters"),
    [COUNT_UNPRICED_TOKENS] = TEXT("unpriced tokens", "tokens without a rate"),
    [COUNT_FLAGGED] = TEXT("flagged", "invocations priced from a disputed source"),
    [COUNT_INPUT_BODIES] = TEXT("input bodies", "invocations whose request was seen"),
    [COUNT_OUTPUT_BODIES] = TEXT("output bodies", "invocations whose response was seen"),
    [COUNT_BODIES_MISSING] = TEXT("bodies missing", "invocations with a body that was not found"),
    [COUNT_BODIES_REFUSED] = TEXT("bodies refused", "invocations with a body at a refused path"),
    [COUNT_ODD] = TEXT("odd", "invocations with an odd field or counts that disagree"),
    [COUNT_TIME_GUESSED] = TEXT("time guessed", "invocations dated by their delivery"),
    [COUNT_NO_REQUEST_ID] = TEXT("no request id", "invocations without a request id"),
    [COUNT_GUARDRAIL] = TEXT("guardrail", "invocations in which a guardrail intervened"),
    [COUNT_INCOMPLETE] = TEXT("incomplete", "streams that ended early"),
    [COUNT_LATENCY_MS] = TEXT("latency sum", "sum of latencies in milliseconds"),
    [COUNT_LATENCY_N] = TEXT("latency n", "invocations that report a latency"),
    [COUNT_FIRST_BYTE_MS] = TEXT("first byte sum", "sum of times to the first byte, milliseconds"),
    [COUNT_FIRST_BYTE_N] = TEXT("first byte n", "invocations that report a time to the first byte"),
};

static const struct label_text money_texts[MONIES] = {
    [MONEY_INPUT] = TEXT("input $", "cost of input tokens"),
    [MONEY_OUTPUT] = TEXT("output $", "cost of output tokens"),
    [MONEY_CACHE_READ] = TEXT("cache read $", "cost of cache reads"),
    [MONEY_CACHE_WRITE_5M] = TEXT("write 5m $", "cost of cache writes for 5 minutes"),
    [MONEY_CACHE_WRITE_1H] = TEXT("write 1h $", "cost of cache writes for 1 hour"),
    [MONEY_CACHE_WRITE_UNKNOWN] = TEXT("write TTL? $", "cost of cache writes, TTL not known"),
    [MONEY_COST] = TEXT("cost", "cost after discounts; the low end where it is bounded"),
    [MONEY_HIGH] = TEXT("cost at most", "the high end where the cost is bounded, else the cost"),
    [MONEY_LIST] = TEXT("list price", "cost before discounts"),
};

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }

static const struct str count_names[COUNTS] = {
#define COUNT_NAME(id, name) [id] = NAME(name),
    COUNT_MAP(COUNT_NAME)
#undef COUNT_NAME
};

static const struct str money_names[MONIES] = {
#define MONEY_NAME(id, name) [id] = NAME(name),
    MONEY_MAP(MONEY_NAME)
#undef MONEY_NAME
};

static const struct metric_info derived[] = {
#define METRIC_INFO(id, name, kind, heading, text) {NAME(name), kind, NAME(heading), NAME(text)},
    METRIC_DERIVED_MAP(METRIC_INFO) METRIC_SESSION_MAP(METRIC_INFO)
#undef METRIC_INFO
};

struct metric_info metric_info(int metric)
{
    if (metric > METRIC_BEFORE_DERIVED_)
        return derived[metric - METRIC_BEFORE_DERIVED_ - 1];
    bool money = metric >= COUNTS;
    int i = money ? metric - COUNTS : metric;
    const struct label_text *t = money ? &money_texts[i] : &count_texts[i];
    return (struct metric_info){
        .name = money ? money_names[i] : count_names[i],
        .kind = money ? METRIC_KIND_MONEY : METRIC_KIND_COUNT,
        .heading = t->heading,
        .text = t->text,
    };
}

int metric_find(struct str name)
{
    for (int i = 0; i < METRICS; i++)
        if (str_eq(metric_info(i).name, name))
            return i;
    return -1;
}

/* Sums of int64 counters are made in 128 bits; what does not fit stops at the largest number. */
static int64_t clamp(money_sum v)
{
    return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

static money_sum sum_counts(const struct sums *s, enum count first, int n)
{
    money_sum sum = 0;
    for (int i = 0; i < n; i++)
        sum += s->count[(int)first + i];
    return sum;
}

static struct metric_value known_count(money_sum n)
{
    return (struct metric_value){.known = true, .n = clamp(n)};
}

bool metric_divide(money_sum a, money_sum b, money_sum *out)
{
    if (b <= 0)
        return false;
    money_sum q = a / b, r = a % b;
    if (r < 0 ? -r >= b + r : r >= b - r)
        q += r < 0 ? -1 : 1;
    *out = q;
    return true;
}

static struct metric_value quotient(money_sum a, money_sum b)
{
    money_sum q;
    if (!metric_divide(a, b, &q))
        return (struct metric_value){0};
    return known_count(q);
}

bool metric_incomplete(const struct sums *s)
{
    return s->count[COUNT_UNPRICED] > 0 || s->count[COUNT_UNKNOWN_USAGE] > 0 ||
           s->count[COUNT_PARTIAL] > 0;
}

bool metric_has_amount(const struct sums *s)
{
    return s->money[MONEY_COST] != 0 || s->money[MONEY_HIGH] != 0 || !metric_incomplete(s);
}

static struct metric_value money_value(enum money m, const struct sums *s)
{
    if (!metric_has_amount(s))
        return (struct metric_value){0};
    /* A class that has tokens and no money, among tokens without a rate: its 0 may be a gap. */
    bool is_class = (int)m < TOKEN_CLASSES;
    if (is_class && s->money[m] == 0 && s->count[(int)COUNT_INPUT + (int)m] > 0 &&
        s->count[COUNT_UNPRICED_TOKENS] > 0)
        return (struct metric_value){0};
    return (struct metric_value){.known = true, .money = s->money[m]};
}

static struct metric_value mean_money(const struct sums *s, money_sum scale, money_sum base)
{
    struct metric_value v = {0};
    v.known = metric_has_amount(s) && metric_divide(s->money[MONEY_COST] * scale, base, &v.money);
    return v;
}

static struct metric_value derived_value(enum metric metric, const struct sums *s, int64_t users)
{
    const int64_t *n = s->count;
    money_sum tokens = sum_counts(s, COUNT_INPUT, TOKEN_CLASSES);
    money_sum writes = sum_counts(s, COUNT_CACHE_WRITE_5M, 3);
    switch (metric) {
    case METRIC_TOKENS:
        return known_count(tokens);
    case METRIC_CACHE_WRITE:
        return known_count(writes);
    case METRIC_USERS:
        return known_count(users);
    case METRIC_CACHE_HIT_RATE:
        return quotient((money_sum)n[COUNT_CACHE_READ] * 10000, tokens - n[COUNT_OUTPUT]);
    case METRIC_ERROR_RATE:
        return quotient((money_sum)n[COUNT_ERRORS] * 10000, n[COUNT_INVOCATIONS]);
    case METRIC_LATENCY:
        return quotient(n[COUNT_LATENCY_MS], n[COUNT_LATENCY_N]);
    case METRIC_FIRST_BYTE:
        return quotient(n[COUNT_FIRST_BYTE_MS], n[COUNT_FIRST_BYTE_N]);
    case METRIC_COST_PER_CALL:
        return mean_money(
            s, 1, (money_sum)n[COUNT_INVOCATIONS] - n[COUNT_UNPRICED] - n[COUNT_UNKNOWN_USAGE]);
    case METRIC_COST_PER_MTOK:
        return mean_money(s, 1000000, tokens - n[COUNT_UNPRICED_TOKENS]);
    default:
        return (struct metric_value){0};
    }
}

struct metric_value metric_value(int metric, const struct sums *s, int64_t users)
{
    if (metric < COUNTS)
        return known_count(s->count[metric]);
    if (metric <= METRIC_BEFORE_DERIVED_)
        return money_value((enum money)(metric - COUNTS), s);
    return derived_value((enum metric)metric, s, users);
}

int metric_compare(const struct metric_value *a, const struct metric_value *b)
{
    if (a->known != b->known)
        return a->known ? 1 : -1;
    if (a->money != b->money)
        return a->money < b->money ? -1 : 1;
    return (a->n > b->n) - (a->n < b->n);
}
