/* Bodies that lie in S3, for every source whose records may point there: where they may be asked
 * for, and what an answer means. Included by the files of this room only. */
#ifndef ASSAY_SOURCE_S3_BODIES_H
#define ASSAY_SOURCE_S3_BODIES_H

#include "aws/s3.h"
#include "source/source_internal.h"
#include "source/state.h"

/* A bucket where bodies may be, below a prefix ("": everywhere). */
struct body_place {
    struct s3_bucket *bucket;
    char *prefix;
};

/* Who asks: one source. Its threads share it. */
struct s3_bodies {
    const struct body_place *places;
    int places_n;
    const struct source_watch *watch;
    struct source_gauge *gauge;
    const char *shown; /* the source, as told to people */
    /* What was told: it is so for all bodies, so each of the two (not allowed, no good keys) is
     * told once. */
    _Atomic unsigned *told;
};

/* Whether it lies where one may be asked for. */
bool s3_bodies_may(const struct s3_bodies *b, struct str uri);

/*
 * As source_body; into `a`, whose file, if any, becomes the caller's. What AWS refuses (403, a key
 * of KMS) is ERR_NOT_FOUND, because it is nothing for ever: without s3:ListBucket S3 answers so for
 * a key that does not exist yet (Amazon S3 API reference, GetObject, "Permissions", read 2026-11),
 * and a permission may be granted later. Keys that are expired, wrong or missing are ERR_IO: they
 * tell nothing about the body. ERR_ACCESS: it lies where none may be asked for, and none was.
 */
enum status s3_bodies_get(const struct s3_bodies *b, struct aws_client *client, struct str uri,
                          bool look, struct aws_answer *a, struct source_bytes *out,
                          struct err *err) MUST_USE;

#endif
