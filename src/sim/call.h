/*
 * One invocation on its way into the logs. The actors (session.c, service.c) fill it, record.c
 * writes it down, truth.c counts it. Text is borrowed until sim_emit returns.
 */
#ifndef ASSAY_SIM_CALL_H
#define ASSAY_SIM_CALL_H

#include "base/str.h"
#include "model/exchange.h"

/* id, name in the record */
#define SIM_OPERATION_MAP(X)                                                                       \
    X(OP_INVOKE, "InvokeModel")                                                                    \
    X(OP_INVOKE_STREAM, "InvokeModelWithResponseStream")                                           \
    X(OP_CONVERSE, "Converse")                                                                     \
    X(OP_CONVERSE_STREAM, "ConverseStream")                                                        \
    X(OP_RESPONSES, "Responses")

enum sim_operation {
#define SIM_OPERATION_ENUM(id, name) id,
    SIM_OPERATION_MAP(SIM_OPERATION_ENUM)
#undef SIM_OPERATION_ENUM
        SIM_OPERATIONS
};

/* id, name in the record */
#define SIM_ERROR_MAP(X)                                                                           \
    X(FAIL_NOT, "")                                                                                \
    X(FAIL_ACCESS, "AccessDeniedException")                                                        \
    X(FAIL_THROTTLE, "ThrottlingException")                                                        \
    X(FAIL_VALIDATION, "ValidationException")                                                      \
    X(FAIL_TIMEOUT, "ModelTimeoutException")                                                       \
    X(FAIL_UNAVAILABLE, "ServiceUnavailableException")                                             \
    X(FAIL_STREAM, "ModelStreamErrorException")

enum sim_error {
#define SIM_ERROR_ENUM(id, name) id,
    SIM_ERROR_MAP(SIM_ERROR_ENUM)
#undef SIM_ERROR_ENUM
        SIM_ERRORS
};

const char *sim_operation_name(enum sim_operation op);
const char *sim_error_name(enum sim_error error);

enum { CALL_SLICES = 8 };

struct call {
    int64_t time_s;  /* seconds since 1970: records have whole seconds */
    uint32_t caller; /* index into org.callers */
    uint32_t model;  /* index into org.models */
    enum sim_operation op;
    enum sim_error error;
    int64_t input, output, cache_read, write_5m, write_1h;
    bool no_counts;             /* an InvokeModel that a guardrail blocked, or a plain failure */
    bool no_cache_counts;       /* the model reports no cache counters */
    bool no_output_count;       /* embeddings */
    bool split_in_body;         /* the answer's body tells the TTL of the cache writes */
    bool model_in_body;         /* the answer's body names the model */
    bool zero_first;            /* ConverseStream wrote a record of zeros before */
    bool null_metadata;         /* requestMetadata is null */
    uint8_t inference;          /* index into REGIONS + 1 of where it ran; 0: not said */
    struct str in[CALL_SLICES]; /* the request's body in pieces; none when bodies are off */
    int in_n;
    struct str out;
    /* What a reader of the bodies can tell. */
    bool body;                     /* the request is logged where bodies are */
    bool alone;                    /* a session by itself, of one call and without an id */
    enum call_kind kind;           /* CALL_UNKNOWN without a body */
    const char *harness, *version; /* NULL: not to be told */
    struct note *note;             /* its session; NULL: none that can be told */
    struct note_call *in_session;  /* with `note`: the rest, see book.h */
};

#endif
