/*
 * The fact: one model invocation, flat and without text. Produced by ingest/, added up by query/,
 * kept by store/.
 */
#ifndef ASSAY_MODEL_INVOCATION_H
#define ASSAY_MODEL_INVOCATION_H

#include "base/clock.h"
#include "base/hash.h"
#include "base/money.h"
#include "model/exchange.h"

/*
 * Token classes, disjoint; their sum is what the call processed. id, metric name, text for people.
 * Bedrock's record has one counter for both cache writes; only bodies split it
 * (shared facts, bedrock-logs 2.3), so what cannot be split has a class of its own.
 */
#define TOKEN_MAP(X)                                                                               \
    X(TOKENS_INPUT, "input", "uncached input")                                                     \
    X(TOKENS_OUTPUT, "output", "output")                                                           \
    X(TOKENS_CACHE_READ, "cache_read", "cache read")                                               \
    X(TOKENS_CACHE_WRITE_5M, "cache_write_5m", "cache write, 5 minutes")                           \
    X(TOKENS_CACHE_WRITE_1H, "cache_write_1h", "cache write, 1 hour")                              \
    X(TOKENS_CACHE_WRITE_UNKNOWN, "cache_write_unknown", "cache write, TTL unknown")

enum token_class {
#define TOKEN_ENUM(id, name, text) id,
    TOKEN_MAP(TOKEN_ENUM)
#undef TOKEN_ENUM
        TOKEN_CLASSES
};

enum invocation_flag {
    INV_ERROR = 1 << 0,           /* errorCode was set */
    INV_INPUT_BODY = 1 << 1,      /* an input body was there (inline or fetched) */
    INV_OUTPUT_BODY = 1 << 2,     /* an output body was there (inline or fetched) */
    INV_BODY_PATH = 1 << 3,       /* a body was offloaded (a path stands in the record) */
    INV_BODY_MISSING = 1 << 4,    /* offloaded, wanted, and not found */
    INV_BODY_REFUSED = 1 << 5,    /* offloaded to a path that must not be followed */
    INV_NO_CACHE_COUNTS = 1 << 6, /* the record reports no cache counters */
    INV_NO_COUNTS = 1 << 7,       /* no token counter anywhere */
    INV_INCOMPLETE = 1 << 8,      /* a stream that ended without message_delta */
    INV_GUARDRAIL = 1 << 9,       /* a guardrail intervened */
    INV_ODD = 1 << 10,            /* a field had a wrong type or counts disagreed (a diagnostic) */
    INV_TIME_GUESSED = 1 << 11,   /* the timestamp was unusable; time of delivery instead */
    INV_NO_REQUEST_ID = 1 << 12,  /* the key is a hash of the record itself */
    INV_PRICE_FLAGGED = 1 << 13,  /* the price row's source is unconfirmed or disputed */
    INV_OPTIMIZED = 1 << 14,      /* latency-optimized: another price; kept to price it again */
};

/* Milliseconds that were not reported. Zero is a real value. */
#define LATENCY_UNKNOWN (-1)

struct invocation {
    int64_t time_us;
    struct hash128 key; /* keyed hash of (account, region, request id) */
    /*
     * Which of two records with one key is kept: the one that is larger in this order; see
     * invocation_beats. `content` is a hash of what the record says that is the same in every
     * process, so that the choice never depends on the order of arrival.
     */
    uint64_t content;
    uint32_t series;
    uint32_t flags; /* enum invocation_flag */
    int64_t tokens[TOKEN_CLASSES];
    int64_t cost[TOKEN_CLASSES]; /* pico-USD by class; the low end where it is bounded */
    int64_t cost_span;           /* pico-USD that the high end lies above the sum of cost[] */
    int64_t list_cost;           /* pico-USD, sum before discounts */
    int64_t unpriced_tokens;     /* tokens of classes without a rate */
    int32_t latency_ms;          /* LATENCY_UNKNOWN when not reported */
    int32_t first_byte_ms;
    uint8_t outcome; /* enum outcome of model/cost.h */
    /*
     * What the bodies tell beside usage; NULL when none was seen or nobody asked. Borrowed: good
     * during the call that hands the invocation over, unless that says more.
     */
    const struct exchange *exchange;
    /*
     * Keyed hash of what holds its conversation together: principal and session id, or principal
     * and first message where there is no id. 0 without an exchange. All calls of one session have
     * the same; see query/sessions.h.
     */
    uint64_t session;
};

int64_t invocation_tokens(const struct invocation *v);

/*
 * True when `a` is to be kept rather than `b`, both with one key: larger counts, then with a body
 * or a path, then with fewer tokens unpriced (read again with a fuller profile map), then without
 * errorCode, then older, then by content. A total order, so any order of arrival and any number of
 * copies end with the same one (bedrock-logs 5).
 */
bool invocation_beats(const struct invocation *a, const struct invocation *b);

#endif
