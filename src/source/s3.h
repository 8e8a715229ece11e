/*
 * A bucket of S3 (or what is below a prefix of it) as a source. Accounts and Regions are found
 * below AWSLogs/ and read together, hour by hour, as source/local.c does on disk; keys outside that
 * layout are listed as they are. Bodies below data/ are never listed through: a listing jumps
 * behind them. What is read again is recognised by the store, by name, size and time, so that a
 * listing may be repeated as often as one likes.
 *
 *     struct s3_options o = {.credentials = c, .bucket = STR("logs"), .prefix = STR("bedrock"),
 *                            .since_us = TIME_NONE, .until_us = TIME_NONE};
 *     source_s3_new(&o, &source, &err);
 *
 * Items are named "s3://bucket/key". A prefix is a folder, with or without the slash at its end, or
 * else the key of one object.
 *
 * Without `poll_us` the source ends when all is listed; with it, it does not: the last hours are
 * listed again every poll_us, `window_us` (late batches) every window_every_us, all of it every
 * sweep_us. These ways are gone beside each other, with up to eight listings in flight, and take
 * turns. Where there are more than 32 accounts and Regions, the first skips those where nothing
 * came for eight days. New accounts are looked for as often as the last hours, new Regions of an
 * account that is known at least every window_every_us.
 *
 * `since` and `until` choose hours of keys, with an hour more at both ends: records go by their own
 * time. An object that is archived (Glacier) is passed over, counted and told; one that is gone is
 * asked for once more. A prefix that may not be listed is told and left out of that way, the others
 * go on, and it is tried again soon. Keys that expire are no such refusal: then all waits, as for
 * whatever else S3 does not answer, but for no single folder or prefix for ever.
 *
 * A body that a record names (bedrock-logs facts, 7) is asked for only when it is in the source's
 * own bucket and below its prefix, or in one of body_buckets; otherwise ERR_ACCESS, and no request.
 * Bodies come up to a minute after their record: an item of which some were missing is named again
 * 5, 15, 30 and 60 seconds after it was written, and where the source does not end ever less often
 * until two days are over: what AWS refuses (s3_bodies.h) may be granted later. One that could not
 * be read is named again with growing pauses; where the source ends, a few times only. Both need a
 * run that gives outcomes back (source_done) for what it keeps.
 *
 * Each reader has its own connection, kept as long as it is used. Objects and bodies
 * lie in memory up to 1 MiB each, in the room of their thread, and in an unnamed temporary file
 * beyond that.
 */
#ifndef ASSAY_SOURCE_S3_H
#define ASSAY_SOURCE_S3_H

#include "aws/credentials.h"
#include "source/source.h"

struct s3_options {
    struct aws_credentials *credentials; /* borrowed; must outlive the source */
    const char *region;                  /* of the bucket; NULL: found out */
    struct str bucket, prefix;
    /* Hours of keys in the AWS layout; elsewhere the time of the object, and only `since`.
     * TIME_NONE: without an end. */
    int64_t since_us, until_us;
    bool requester_pays;
    /* Where bodies may be beside here: "bucket" or "bucket/prefix". */
    const char *const *body_buckets;
    int body_buckets_n;
    int64_t
        requests_per_s; /* of all threads together, without those that are repeated; 0: no limit */
    int64_t poll_us;    /* 0: the source ends */
    int64_t window_us;  /* 0: 48 hours */
    int64_t window_every_us; /* 0: 10 minutes */
    int64_t sweep_us;        /* 0: 24 hours */
    /* Sources with `poll_us` that run in the process, this one included: what they remember of
     * names, 8 MiB in all while names are few, is shared out among them. 0: one. */
    int beside;
};

/* Texts are copied. ERR_USAGE: a name that no bucket has. */
enum status source_s3_new(const struct s3_options *o, struct source **out,
                          struct err *err) MUST_USE;

#endif
