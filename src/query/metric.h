/*
 * Metrics: what can be asked for. Every additive figure of sums.h is a metric, and some more are
 * derived from them. A metric is a small number: first the counts, then the money, then the
 * derived ones, so that COUNT_ and MONEY_ ids convert by addition. All are integers.
 *
 *     int m = metric_find(STR("cost"));
 *     struct metric_value v = metric_value(m, &row->sums, row->users);
 *     if (v.known) ...
 */
#ifndef ASSAY_QUERY_METRIC_H
#define ASSAY_QUERY_METRIC_H

#include "base/str.h"
#include "query/sums.h"

enum metric_kind {
    METRIC_KIND_COUNT,
    METRIC_KIND_MONEY, /* pico-USD */
    METRIC_KIND_RATIO, /* in 1/10000 */
    METRIC_KIND_MS,    /* an average in milliseconds */
};

/* id, name, kind, heading, text for help */
#define METRIC_DERIVED_MAP(X)                                                                      \
    X(METRIC_TOKENS, "tokens", METRIC_KIND_COUNT, "tokens", "tokens of all classes")               \
    X(METRIC_CACHE_WRITE, "cache_write", METRIC_KIND_COUNT, "cache write",                         \
      "tokens written to the cache, any TTL")                                                      \
    X(METRIC_USERS, "users", METRIC_KIND_COUNT, "users", "distinct values of the dimension user")  \
    X(METRIC_CACHE_HIT_RATE, "cache_hit_rate", METRIC_KIND_RATIO, "cache hits",                    \
      "cache reads as a share of all input: cache_read / (input + cache_read + cache_write)")      \
    X(METRIC_ERROR_RATE, "error_rate", METRIC_KIND_RATIO, "error rate", "errors / invocations")    \
    X(METRIC_LATENCY, "latency_ms", METRIC_KIND_MS, "latency", "mean latency")                     \
    X(METRIC_FIRST_BYTE, "first_byte_ms", METRIC_KIND_MS, "first byte",                            \
      "mean time to the first byte")                                                               \
    X(METRIC_COST_PER_CALL, "cost_per_call", METRIC_KIND_MONEY, "cost/call",                       \
      "mean cost of the invocations that have one")                                                \
    X(METRIC_COST_PER_MTOK, "cost_per_mtok", METRIC_KIND_MONEY, "cost/Mtok",                       \
      "mean cost of a million tokens of all classes that have a rate")

#define METRIC_OF_COUNT(id) ((int)(id))
#define METRIC_OF_MONEY(id) (COUNTS + (int)(id))

enum metric {
    METRIC_BEFORE_DERIVED_ = COUNTS + MONIES - 1,
#define METRIC_ENUM(id, name, kind, heading, text) id,
    METRIC_DERIVED_MAP(METRIC_ENUM)
#undef METRIC_ENUM
        METRICS
};

struct metric_info {
    struct str name; /* as typed and as JSON key */
    enum metric_kind kind;
    struct str heading; /* short, for the head of a column */
    struct str text;    /* for help */
};

/* metric is 0 .. METRICS-1; all texts are static. */
struct metric_info metric_info(int metric);
/* -1 when there is no such metric. */
int metric_find(struct str name);

struct metric_value {
    bool known;      /* false: there is no figure; never to be shown as 0 */
    int64_t n;       /* counts, ratios, milliseconds */
    money_sum money; /* METRIC_KIND_MONEY */
};

/* `users` is the number of distinct users, which sums cannot tell. */
struct metric_value metric_value(int metric, const struct sums *s, int64_t users);
/* <0, 0, >0; an unknown value is less than any known one. */
int metric_compare(const struct metric_value *a, const struct metric_value *b);
/* True when money of these sums is a lower limit only: something in them has no amount. */
bool metric_incomplete(const struct sums *s);

#endif
