/* What s3.c (buckets, objects) and s3_listing.c share; included nowhere else. */
#ifndef ASSAY_AWS_S3_INTERNAL_H
#define ASSAY_AWS_S3_INTERNAL_H

#include "aws/s3.h"

/* One call about a bucket, in the Region where it is: what s3_send adds to `call` is host, path,
 * Region and the header of requester pays beside one of its own at most. The path of `call` is what
 * stands behind the bucket. */
enum status s3_send(struct aws_client *c, struct s3_bucket *b, const struct aws_call *call,
                    struct aws_answer *a, struct err *err) MUST_USE;

#endif
