/*
 * What an output body says of usage: the split of cache writes by TTL, counts where the envelope
 * has none, the model's name, latency, how the answer ended. The shape decides, not the operation
 * (bedrock-logs facts, section 2): an object (Converse, InvokeModel), an array of events (a stream)
 * or anything else, which says nothing. Text is stepped over, never read.
 */
#ifndef ASSAY_INGEST_USAGE_H
#define ASSAY_INGEST_USAGE_H

#include "ingest/record.h"

struct usage {
    int64_t input, output, cache_read, cache_write; /* COUNT_ABSENT */
    int64_t write_5m, write_1h;                     /* COUNT_ABSENT when no split is given */
    struct str model;                               /* "" when the body names none */
    struct str tier;
    int32_t latency_ms, first_byte_ms; /* LATENCY_UNKNOWN */
    bool stream;                       /* an array with a message_start */
    bool complete;                     /* that had its message_delta */
    bool guardrail;                    /* a guardrail intervened */
    bool optimized;                    /* answered by latency-optimized inference */
    bool odd;
};

/* Reads the body that is due at *c, which is left behind it. */
void usage_decode(struct json_cursor *c, struct arena *arena, struct usage *out);

#endif
