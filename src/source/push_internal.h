/* Private to the push source: what becomes of a body before it is named. */
#ifndef ASSAY_SOURCE_PUSH_INTERNAL_H
#define ASSAY_SOURCE_PUSH_INTERNAL_H

#include "base/buf.h"
#include "base/err.h"

enum push_coding { PUSH_IDENTITY, PUSH_GZIP, PUSH_UNKNOWN };

/* Of the header Content-Encoding. */
enum push_coding push_coding_of(struct str header);

/*
 * The body of a Firehose request becomes one line per record, {"records":[{"data":…}]}, which the
 * reader takes one by one: limits and places in the quarantine are those of the record, not of the
 * batch. `id` is what the request's header says. Records without data are left out.
 *
 * *body is replaced. ERR_PARSE: malformed, ERR_LIMIT: inflates to more than `max`; the message is
 * for the sender and holds nothing of the body.
 */
enum status push_firehose(struct buf *body, enum push_coding coding, struct str id, uint64_t max,
                          struct err *err) MUST_USE;
/*
 * A plain body stays as it is, since the reader inflates by itself; but damaged gzip is told to the
 * sender (ERR_PARSE), who could not know otherwise that a part of it was lost.
 */
enum status push_plain(const struct buf *body, enum push_coding coding, struct err *err) MUST_USE;

#endif
