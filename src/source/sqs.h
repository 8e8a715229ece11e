/*
 * A queue of SQS as a source: S3 sends it a message for each object that is written, directly or
 * through SNS or EventBridge (sqs_event.h), and so objects are read within seconds, by as many
 * machines as there are. It never ends by itself.
 *
 *     struct sqs_options o = {.credentials = c, .url = STR("https://sqs.…/012345678901/logs")};
 *     source_sqs_new(&o, &source, &err);
 *
 * Items are the objects, "s3://bucket/key"; they are read as source/s3 reads them, and bodies are
 * allowed in the record's own bucket and in body_buckets. Size is the event's, and the time its
 * whole seconds: that is the object's LastModified, except where S3 wrote it over the edge of a
 * second. So a bucket that is both listed and announced is mostly read once; where it is read
 * twice, the store knows its calls by their keys.
 *
 * A message is deleted when all of its objects are in the store for good (source_done), within a
 * second; until then it is kept hidden from others, as long as that takes (SQS allows 12 hours).
 * Nothing that could be read is deleted unread:
 *   Objects that hold no records (bodies, empty ones, logs of other services) and other events:
 *     deleted.
 *   Bodies were missing: named again 5, 15, 30 and 60 seconds after the object was written.
 *   Could not be read, for whatever reason: left to redelivery after 5 seconds, 10, … 15 minutes.
 *     As long as nothing at all can be read, the queue is asked for one message at a time, ever
 *     more rarely, up to once a minute: a redrive policy counts how often a message was received.
 *     Where there is one, pauses are 2 minutes to an hour, 15 at first when AWS refuses it.
 *   Gone (NoSuchKey): into the quarantine at the fifth receive or later, give_up_us after the
 *     first; then deleted. Where the queue has a redrive policy, that decides instead.
 *   Bodies are refused: as what could not be read, for twelve times give_up_us. Then the calls stay
 *     without.
 *   No event of S3: into the quarantine at once; then it is deleted, or left to the queue's redrive
 *     policy where there is one.
 *   A bucket that is not allowed: left in the queue, and told. It may be the list that is wrong.
 * The quarantine is the store's, under the URL of the queue; only when it is committed there, the
 * message is deleted. When the source is closed, what is not committed becomes visible at once.
 *
 * Needs sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility, and for depth and
 * redrive policy sqs:GetQueueAttributes (without it both are taken as unknown, and none); of the
 * buckets s3:GetObject, s3:ListBucket (without it S3 calls what is not there refused) and, where a
 * key of KMS encrypts, kms:Decrypt. It works only as one of several (source_several_new): naming
 * waits for the queue.
 */
#ifndef ASSAY_SOURCE_SQS_H
#define ASSAY_SOURCE_SQS_H

#include "aws/credentials.h"
#include "source/source.h"

struct sqs_options {
    struct aws_credentials *credentials; /* borrowed; must outlive the source */
    struct str url;
    const char *region; /* of the queue; NULL: as its URL says, or else the credentials' */
    bool requester_pays;
    /* The only buckets whose objects are read; none: any that a message names, as far as IAM
     * lets us. Who may write to the queue can otherwise make us read what we are allowed to. */
    const char *const *buckets;
    int buckets_n;
    const char *const *body_buckets; /* as in s3.h: "bucket" or "bucket/prefix" */
    int body_buckets_n;
    /* 0: the default. */
    int64_t hide_s;     /* 120: for which a message is hidden at a time; 2 to 43200 */
    int64_t wait_s;     /* 20: of a long poll */
    int64_t depth_us;   /* 30 s: between two looks at the queue's attributes */
    int64_t give_up_us; /* one hour: for which what is gone is asked for again */
};

/* Texts are copied. ERR_USAGE: no URL of a queue, a FIFO queue, no name of a bucket. */
enum status source_sqs_new(const struct sqs_options *o, struct source **out,
                           struct err *err) MUST_USE;

#endif
