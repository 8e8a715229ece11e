/*
 * gzip: inflate by ISA-L, in a stream and within limits, and deflate for what assay writes itself.
 *
 * A stream may hold several members one after another (concatenated Firehose output), empty ones
 * among them, and zero bytes or garbage behind the last. CRC and length of each member are checked.
 */
#ifndef ASSAY_CODEC_GZ_H
#define ASSAY_CODEC_GZ_H

#include "base/buf.h"
#include "base/err.h"

struct gz;

struct gz_limits {
    uint64_t max_out;   /* inflated bytes of one stream; 0: no limit */
    uint32_t max_ratio; /* inflated : deflated, checked from the first MiB of output on; 0: none */
};

/* The first bytes of a gzip member: 1f 8b 08. */
bool gz_is_gzip(struct str head);

enum status gz_new(struct gz **out, struct err *err) MUST_USE;
void gz_free(struct gz *z);
/* Begins a new stream. */
void gz_start(struct gz *z, struct gz_limits limits);

enum gz_state {
    GZ_MORE,     /* give more input (in->n is 0) or more room */
    GZ_BOUNDARY, /* a member ended cleanly, or none has begun: the stream may end here */
    GZ_GARBAGE,  /* bytes behind the last member that begin no member; they are left in *in,
                  * but for a 1f or 1f 8b that an earlier call took from the end of its input */
};

/*
 * Inflates from the front of *in, which moves, into out. *n is what was written. The call returns
 * when out is full, when the input is used up, or at the end of the input's last member. While *n
 * is cap more may be held back, even with no input left: call again.
 * Zero bytes between or behind members are passed over.
 * ERR_PARSE: bad header, data, CRC or length; ERR_LIMIT: a limit was passed. What was written
 * before the error (*n, set also on failure) is data, though not under a checked CRC. After an
 * error gz_start is needed.
 * Whoever reaches the end of the file in state GZ_MORE has a truncated stream; gz_truncated says
 * so.
 */
enum status gz_inflate(struct gz *z, struct str *in, char *out, size_t cap, size_t *n,
                       enum gz_state *state, struct err *err) MUST_USE;
/* True when input ended inside a member. */
bool gz_truncated(const struct gz *z);
/* Bytes taken from and given to the caller since gz_start. */
uint64_t gz_total_in(const struct gz *z);
uint64_t gz_total_out(const struct gz *z);

/* Appends one whole member. level 0 (fast) to 2 (smaller). The bytes depend on the input and the
 * level only (time stamp 0, no name). */
enum status gz_deflate(struct str in, int level, struct buf *out, struct err *err) MUST_USE;

#endif
