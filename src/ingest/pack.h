/*
 * An invocation as some 50 bytes: what is needed to undo its contribution and to compare it with a
 * copy. For the temporary file of dedupe.c only; it never outlives the process.
 */
#ifndef ASSAY_INGEST_PACK_H
#define ASSAY_INGEST_PACK_H

#include "model/invocation.h"

enum { PACK_MAX = 256 };

/* Returns the number of bytes written, at most PACK_MAX. */
size_t invocation_pack(const struct invocation *v, unsigned char out[PACK_MAX]);
/* Reads what pack wrote; returns the number of bytes it had, 0 when they are not all there. */
size_t invocation_unpack(const unsigned char *p, size_t n, struct invocation *v);

#endif
