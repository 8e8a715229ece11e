/*
 * One call as one line of an invocation log: the envelope in either key order, with the bodies
 * inside, beside, or left out.
 */
#ifndef ASSAY_SIM_RECORD_H
#define ASSAY_SIM_RECORD_H

#include "base/buf.h"
#include "sim/call.h"
#include "sim/org.h"

enum body_place {
    BODY_NONE,
    BODY_INLINE,
    BODY_OBJECT, /* an object under data/ */
};

enum { REQUEST_ID = 36 };

struct delivery {
    char request_id[REQUEST_ID + 1];
    bool old_order;  /* schemaType first, as until 2025 */
    bool error_null; /* successes say errorCode: null */
    enum body_place in, out;
    struct str in_path, out_path; /* s3://… of BODY_OBJECT */
};

/* Appends the record and a newline. `zeros` writes the counts as 0 and leaves the bodies out. */
void record_write(struct buf *out, const struct org *org, const struct call *c,
                  const struct delivery *d, bool zeros);

#endif
