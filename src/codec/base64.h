/* Base64 (RFC 4648, standard alphabet): decoding, and encoding for what assay writes itself. */
#ifndef ASSAY_CODEC_BASE64_H
#define ASSAY_CODEC_BASE64_H

#include "base/buf.h"

/* Appends the decoded bytes. White space is passed over, padding may be missing. False on any other
 * byte (out is then as before) or when out is full (its status is then set). */
bool base64_decode(struct str text, struct buf *out);
void base64_encode(struct str bytes, struct buf *out);

#endif
