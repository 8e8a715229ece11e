/*
 * Bodies that lie outside their record: the objects under data/ that inputBodyS3Path and
 * outputBodyS3Path name. A path is data that somebody else wrote, so it is followed only when it
 * has the form that Bedrock gives it, for this record, and only where the source of the record
 * allows (bedrock-logs facts, section 7): files below the same tree, without links; objects in the
 * buckets that were named.
 *
 * One per thread; what a body was read into is overwritten by the next. Who needs the input and the
 * output body of a record at once has two.
 */
#ifndef ASSAY_INGEST_BODIES_H
#define ASSAY_INGEST_BODIES_H

#include "ingest/reader.h"
#include "source/source.h"

struct bodies;

enum body_result {
    BODY_FOUND,
    BODY_MISSING, /* not there (yet), or not for us (yet) */
    BODY_UNREAD,  /* the system could not open or read it: another attempt may succeed */
    BODY_REFUSED, /* the path is not one that may be followed */
    BODY_DAMAGED, /* there, but broken or beyond the limits */
};

enum status bodies_new(struct reader_limits limits, struct bodies **out, struct err *err) MUST_USE;
void bodies_free(struct bodies *b);

/* Where the bodies of the next records are; borrowed. Without it all of them are missing. */
void bodies_from(struct bodies *b, struct source_reader *from);

/* True when the path has the form …/AWSLogs/<account>/BedrockModelInvocationLogs/<region>/…/data/
 * <request id>…; *key is then the part from AWSLogs on. */
bool body_path_is_safe(struct str path, const struct record *r, struct str *key);

/* Reads the body of a record found in the file `record_file`. On BODY_FOUND *c is due at it. */
enum status body_fetch(struct bodies *b, const char *record_file, struct str path,
                       const struct record *r, enum body_result *result, struct json_cursor *c,
                       struct err *err) MUST_USE;

/* As body_fetch, but only looks whether the body is there; it is never BODY_DAMAGED. */
enum status body_look(struct bodies *b, const char *record_file, struct str path,
                      const struct record *r, enum body_result *result, struct err *err) MUST_USE;

#endif
