/*
 * The envelope of one ModelInvocationLog record, decoded by structure and nothing else: bodies are
 * embedded JSON and can hold the same key names at any depth, so text is never searched
 * (bedrock-logs facts, sections 1.1 and 1.2).
 *
 * Slices borrow from the text that the cursor walks, or from the arena where a string had escapes.
 */
#ifndef ASSAY_INGEST_RECORD_H
#define ASSAY_INGEST_RECORD_H

#include "base/arena.h"
#include "codec/json.h"
#include "model/invocation.h"

#define COUNT_ABSENT (-1)

/*
 * More tokens than any call can have (contexts end near 10^7), and few enough that the dearest rate
 * times five classes of them fits 63 bits of pico-USD and that sums cannot overflow.
 */
#define RECORD_LARGEST_COUNT INT64_C(10000000000)

/* Longest name (ARN, model id, Region …) that is kept; a longer one counts as absent and odd. */
enum { RECORD_NAME_MAX = 2048 };

/* One of input and output. */
struct record_side {
    bool present;            /* the object is there, even when empty */
    struct str path;         /* inputBodyS3Path / outputBodyS3Path, "" when absent */
    bool has_body;           /* …BodyJson is there and not null */
    struct json_cursor body; /* due at the body, when has_body */
    struct str content_type;
};

struct record {
    struct str schema_type, timestamp, account, region, request_id, operation, model_id, arn;
    struct str inference_region, error, latency_mode;
    struct record_side input, output;
    int64_t input_tokens, cache_read, cache_write, output_tokens; /* COUNT_ABSENT */
    bool odd;             /* a field had a wrong type, was negative, fractional or too large */
    bool has_record_keys; /* modelId and (requestId or timestamp) stood there with any value */
};

/* What else a top-level object can be: a wrapper around records. */
enum wrapper_key {
    WRAP_MESSAGE_TYPE,
    WRAP_LOG_EVENTS, /* CloudWatch Logs subscription */
    WRAP_OWNER,
    WRAP_AWSLOGS, /* Lambda event */
    WRAP_RECORDS, /* Kinesis event, Firehose request */
    WRAP_EVENTS,  /* filter-log-events, get-log-events */
    WRAP_RESULTS, /* Insights */
    WRAP_MESSAGE, /* one event by itself */
    WRAP_TIME,    /* its time; this alone is no wrapper */
    WRAP_KEYS
};

struct document {
    struct record record;
    bool wraps; /* at least one wrapper key was there */
    bool has[WRAP_KEYS];
    struct json_cursor at[WRAP_KEYS]; /* due at the value */
};

/* Decodes the object that is due at *c, and leaves it. False when the text is broken there (then
 * json_failed(c)) or when it is no object. */
bool document_decode(struct json_cursor *c, struct arena *arena, struct document *out);

/* A string that is due, escapes decoded; absent (n == 0) when it is of another type, too long or
 * broken, and *odd is set then. null is absent without being odd. */
struct str record_name(struct json_cursor *c, struct arena *arena, bool *odd);
/* A count that is due: 0 to 10^10, otherwise COUNT_ABSENT and *odd. null is absent. */
int64_t record_count(struct json_cursor *c, bool *odd);

#endif
