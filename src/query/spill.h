/*
 * Many streams of bytes in one unnamed temporary file, for what is more than memory holds. Each
 * stream fills a block of its own; a full block goes to the file. A stream that never fills a block
 * never touches the disk.
 *
 *     spill_append(spill, &stream, bytes, n, &err);   …
 *     spill_take(spill, &stream, i, buf, &err)        i = 0 .. spill_pieces(&stream)-1
 *
 * A stream is the caller's, zero before its first use, and used by one thread at a time; the file
 * is shared by all threads.
 */
#ifndef ASSAY_QUERY_SPILL_H
#define ASSAY_QUERY_SPILL_H

#include "base/buf.h"

struct spill;

struct spill_stream {
    unsigned char *block; /* being filled; NULL before the first byte */
    uint32_t n;           /* bytes in it */
    uint32_t *blocks;     /* numbers of the full ones, in their order */
    size_t blocks_n, blocks_cap;
    uint64_t bytes; /* in all */
};

enum status spill_new(uint32_t block, struct spill **out, struct err *err) MUST_USE;
void spill_free(struct spill *s);
void spill_fini(struct spill *s, struct spill_stream *stream);

enum status spill_append(struct spill *s, struct spill_stream *stream, const void *bytes, size_t n,
                         struct err *err) MUST_USE;
/* How many pieces the stream has, and appends one of them to out. */
size_t spill_pieces(const struct spill_stream *stream);
enum status spill_take(struct spill *s, const struct spill_stream *stream, size_t piece,
                       struct buf *out, struct err *err) MUST_USE;

/* Bytes that streams hold in memory, and bytes in the file. */
uint64_t spill_memory(const struct spill *s);
uint64_t spill_bytes(const struct spill *s);

#endif
