/*
 * gzip that lies in memory as a whole, inflated in one go. Log objects are small, so this is the
 * usual way of reading one: a tenth faster than the stream of gz.h and without its set-up. It knows
 * success only; what it does not take (damage, bytes behind the last member, a header with a CRC of
 * its own) is for gz.h to read, which tells what is wrong and saves what is whole.
 */
#ifndef ASSAY_CODEC_GZ_WHOLE_H
#define ASSAY_CODEC_GZ_WHOLE_H

#include "base/err.h"
#include "base/str.h"

struct gz_whole;

enum status gz_whole_new(struct gz_whole **out, struct err *err) MUST_USE;
void gz_whole_free(struct gz_whole *z);

/* What the trailer at the end of the bytes says that its member inflates to (RFC 1952, ISIZE). A
 * hint, written by whoever wrote the file. */
uint32_t gz_whole_hint(struct str in);

/* True when `in` is members of gzip, each with the right CRC and length, up to its end, and all fit
 * into out; *n is their length then. Otherwise out holds anything. */
bool gz_whole_inflate(struct gz_whole *z, struct str in, char *out, size_t cap, size_t *n);

#endif
