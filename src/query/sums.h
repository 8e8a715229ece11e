/*
 * What can be added up. A struct sums holds every additive figure of a set of invocations: counts
 * in 64 bits, money in 128. Adding with sign -1 undoes an earlier addition exactly, which is how a
 * duplicate with larger counts replaces the record before it.
 */
#ifndef ASSAY_QUERY_SUMS_H
#define ASSAY_QUERY_SUMS_H

#include "model/invocation.h"

/* id, name. Appending is safe; the names stand in the store's rollups. */
#define COUNT_MAP(X)                                                                               \
    X(COUNT_INVOCATIONS, "invocations")                                                            \
    X(COUNT_ERRORS, "errors")                                                                      \
    X(COUNT_INPUT, "input")                                                                        \
    X(COUNT_OUTPUT, "output")                                                                      \
    X(COUNT_CACHE_READ, "cache_read")                                                              \
    X(COUNT_CACHE_WRITE_5M, "cache_write_5m")                                                      \
    X(COUNT_CACHE_WRITE_1H, "cache_write_1h")                                                      \
    X(COUNT_CACHE_WRITE_UNKNOWN, "cache_write_unknown")                                            \
    X(COUNT_UNPRICED, "unpriced")               /* invocations without any amount */               \
    X(COUNT_PARTIAL, "partial")                 /* with an amount for some classes only */         \
    X(COUNT_BOUNDED, "bounded")                 /* with a low and a high amount */                 \
    X(COUNT_ESTIMATED, "estimated")             /* by a factor or another Region's price */        \
    X(COUNT_UNKNOWN_USAGE, "unknown_usage")     /* success without counters */                     \
    X(COUNT_UNPRICED_TOKENS, "unpriced_tokens") /* tokens without a rate */                        \
    X(COUNT_FLAGGED, "flagged")                 /* priced from a disputed source */                \
    X(COUNT_INPUT_BODIES, "input_bodies")                                                          \
    X(COUNT_OUTPUT_BODIES, "output_bodies")                                                        \
    X(COUNT_BODIES_MISSING, "bodies_missing")                                                      \
    X(COUNT_BODIES_REFUSED, "bodies_refused")                                                      \
    X(COUNT_ODD, "odd")                                                                            \
    X(COUNT_TIME_GUESSED, "time_guessed")                                                          \
    X(COUNT_NO_REQUEST_ID, "no_request_id")                                                        \
    X(COUNT_GUARDRAIL, "guardrail")                                                                \
    X(COUNT_INCOMPLETE, "incomplete")                                                              \
    X(COUNT_LATENCY_MS, "latency_ms_sum")                                                          \
    X(COUNT_LATENCY_N, "latency_n")                                                                \
    X(COUNT_FIRST_BYTE_MS, "first_byte_ms_sum")                                                    \
    X(COUNT_FIRST_BYTE_N, "first_byte_n")

enum count {
#define COUNT_ENUM(id, name) id,
    COUNT_MAP(COUNT_ENUM)
#undef COUNT_ENUM
        COUNTS
};

/* id, name: pico-USD. MONEY_COST is the sum of the six classes; MONEY_HIGH is what the cost could
 * be at most, where it is bounded. */
#define MONEY_MAP(X)                                                                               \
    X(MONEY_INPUT, "cost_input")                                                                   \
    X(MONEY_OUTPUT, "cost_output")                                                                 \
    X(MONEY_CACHE_READ, "cost_cache_read")                                                         \
    X(MONEY_CACHE_WRITE_5M, "cost_cache_write_5m")                                                 \
    X(MONEY_CACHE_WRITE_1H, "cost_cache_write_1h")                                                 \
    X(MONEY_CACHE_WRITE_UNKNOWN, "cost_cache_write_unknown")                                       \
    X(MONEY_COST, "cost")                                                                          \
    X(MONEY_HIGH, "cost_high")                                                                     \
    X(MONEY_LIST, "cost_list")

enum money {
#define MONEY_ENUM(id, name) id,
    MONEY_MAP(MONEY_ENUM)
#undef MONEY_ENUM
        MONIES
};

struct sums {
    int64_t count[COUNTS];
    money_sum money[MONIES];
};

/* Adds (sign 1) or takes back (sign -1) one invocation. */
void sums_add(struct sums *s, const struct invocation *v, int sign);
void sums_merge(struct sums *s, const struct sums *other);
bool sums_is_zero(const struct sums *s);

#endif
