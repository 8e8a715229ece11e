/*
 * What a request offers the model: MCP servers with the size of what they put into the context,
 * skills, types of sub-agents. Written as a text, one item a line, so that the same offer is one
 * symbol however often it is sent:
 *
 *     m <tab> server <tab> tools <tab> deferred <tab> schema bytes <tab> name bytes <tab> note
 * bytes s <tab> skill a <tab> type of sub-agent
 *
 * Lines are sorted and occur once; names hold no control characters.
 */
#ifndef ASSAY_MODEL_OFFER_H
#define ASSAY_MODEL_OFFER_H

#include "base/buf.h"

enum offer_kind { OFFER_SERVER, OFFER_SKILL, OFFER_AGENT };

struct offer_item {
    enum offer_kind kind;
    struct str name;
    /* OFFER_SERVER: */
    uint32_t tools;    /* with their schema in the request */
    uint32_t deferred; /* named only, to be loaded when needed */
    uint32_t schema_bytes, name_bytes, note_bytes;
};

static inline int64_t offer_bytes(const struct offer_item *item)
{
    return (int64_t)item->schema_bytes + item->name_bytes + item->note_bytes;
}

/* Sorts the items (bytewise by kind, then name; equal names become one, sizes added up) and appends
 * them as text. */
void offer_write(struct offer_item *items, size_t n, struct buf *out);
/* Takes the next item off the text; false at its end or when it is no offer. */
bool offer_next(struct str *text, struct offer_item *item);

#endif
