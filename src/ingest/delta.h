/*
 * Pieces of an answer that was streamed: nine of ten events, all written alike. They are told by
 * their first bytes and stepped over at once instead of member by member, which readers of streams
 * do for events that are written otherwise, with the same result.
 */
#ifndef ASSAY_INGEST_DELTA_H
#define ASSAY_INGEST_DELTA_H

#include "codec/json.h"

struct delta {
    int64_t index;    /* of the block */
    struct str input; /* a piece of a tool's input, as it stands; p is NULL for a piece of text */
};

/* Takes the event that is due when it is {"type":"content_block_delta","index":N,"delta":{"type":
 * T,"text":"..."}} of a known type and written compactly; otherwise leaves it untouched. */
bool delta_read(struct json_cursor *c, struct delta *out);

#endif
