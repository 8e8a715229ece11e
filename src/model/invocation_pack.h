/*
 * An invocation as some 50 bytes, without its exchange: what is needed to undo its contribution and
 * to compare it with a copy, and which session it is of. For temporary files only (ingest/dedupe.c,
 * query/sessions.c); it never outlives the process.
 */
#ifndef ASSAY_MODEL_INVOCATION_PACK_H
#define ASSAY_MODEL_INVOCATION_PACK_H

#include "model/invocation.h"

enum { PACK_MAX = 256 };

/* Returns the number of bytes written, at most PACK_MAX. */
size_t invocation_pack(const struct invocation *v, unsigned char out[PACK_MAX]);
/* Reads what pack wrote; returns the number of bytes it had, 0 when they are not all there. */
size_t invocation_unpack(const unsigned char *p, size_t n, struct invocation *v);

#endif
