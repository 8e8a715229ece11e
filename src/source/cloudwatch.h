/*
 * CloudWatch Logs as a source: the groups that Bedrock writes its invocation logs to, read with
 * FilterLogEvents. One item is one page of events, handed to the reader as it came; all pages of a
 * group have one name, "cloudwatch:REGION:ACCOUNT:GROUP" (without the account where nobody tells
 * it), under which the store keeps up to which time the group is known.
 *
 * Operands: cloudwatch:GROUP, cloudwatch:REGION:GROUP, cloudwatch:REGION:ACCOUNT:GROUP and
 * cloudwatch:arn:aws:logs:REGION:ACCOUNT:log-group:GROUP; a `*` in GROUP stands for any part of
 * names, and all groups that fit are read. With an account that is not the keys' own the group is
 * asked for by its ARN (cross-account observability).
 *
 * Where reading begins. The first time: with the oldest event that is retained, or with `since`.
 * Later: with the newest event that is in the store, less an overlap, because events are delivered
 * late and in any order; or with `since` when that is earlier. What lies in the overlap is read
 * twice by different runs (the store recognises it, it counts as duplicates); inside one run events
 * are known by their ids and left out.
 *
 * Up to where a group is known is promised only for what is in the store together with all before
 * it (events come in the order of their times, API reference; where they do not, only the end of a
 * pass counts). So it holds after a crash, too. A page whose records miss bodies, or that could not
 * be read, holds the promise back; a follower reads it again after 5, 15, 30 and 60 seconds, or
 * sooner and only once when 32 MB of pages wait, so that new ones are not held up.
 *
 * Following: a group is asked every poll_ms for what is newer than its newest event less a poll (10
 * to 60 seconds), and once per overlap *thoroughly*: from the overlap before the newest event of
 * the last thorough pass on, however long ago that was and whatever failed since. A position is
 * never promised beyond the time at which the last thorough pass began. So an event that is late by
 * no more than the overlap is found, after failures, outages and restarts, too: at the latest by
 * the first thorough pass that begins after it came.
 *
 * How much that is: FilterLogEvents gives pages of at most 1 MB, and five a second in a Region
 * unless told otherwise, so a pass reads 5 MB/s. While following, minutes are read several times:
 * with poll 60 s and overlap 5 min 3.6 times, with poll 10 s 3.9 times. So all groups of a Region
 * together may grow by about 1.4 MB/s, which is 480 records of 3 KB a second.
 *
 * Bodies that lie in S3 (largeDataDeliveryS3Config) are fetched from the buckets that were named,
 * and from no other.
 */
#ifndef ASSAY_SOURCE_CLOUDWATCH_H
#define ASSAY_SOURCE_CLOUDWATCH_H

#include "source/source.h"

struct aws_credentials;
struct quota;

struct cloudwatch_options {
    struct aws_credentials *credentials; /* borrowed */
    const char *region;                  /* of operands that name none; NULL: the credentials' */
    struct quota *quota;                 /* borrowed, shared by all such sources; NULL: none */
    bool all_streams;                    /* not only the one that Bedrock writes to */
    int64_t since_us, until_us;          /* TIME_NONE: no bound */
    bool follow;
    int64_t poll_ms;    /* 0: 10 seconds (assay.yaml asks for 60) */
    int64_t overlap_ms; /* 0: 5 minutes */
    int events_max;     /* of a page; 0: what the service takes, 10,000 */
    /* Where bodies may be: "bucket" or "bucket/prefix". */
    const char *const *body_buckets;
    int body_buckets_n;
};

/* True for "cloudwatch:…". */
bool cloudwatch_is(const char *operand);
/* ERR_USAGE: the operand is none of the forms above. Options are copied, what they point to is
 * borrowed. */
enum status source_cloudwatch_new(const char *operand, const struct cloudwatch_options *o,
                                  struct source **out, struct err *err) MUST_USE;

#endif
