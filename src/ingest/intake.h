/*
 * From a record to an invocation: counts in their order of precedence, the split of cache writes,
 * labels, key, price. One intake per thread; what several share is in struct intake_env.
 */
#ifndef ASSAY_INGEST_INTAKE_H
#define ASSAY_INGEST_INTAKE_H

#include "ingest/exchange.h"
#include "ingest/reader.h"
#include "model/harness.h"
#include "model/pricing.h"
#include "model/series.h"
#include "source/source.h"

/* How much of a record is looked at. */
enum level_of_detail {
    DETAIL_COUNTS,  /* the envelope; bodies are not opened */
    DETAIL_CONTENT, /* bodies too, where they are */
};

struct intake_env {
    struct series *series;
    const struct pricing *pricing;
    struct hash_key key; /* of the store, or of the run */
    enum level_of_detail detail;
    struct reader_limits limits;
    bool exchange; /* bodies are read for what they tell beside usage; with DETAIL_COUNTS there is
                    * only what the caller's ARN tells */
    bool repository_names;             /* see exchange.h */
    struct exchange_room *room;        /* likewise */
    const struct harness_rules *rules; /* when `exchange` is set */
};

struct intake;

/* Borrows env. What *out borrows (its exchange) is good until the next record. */
enum status intake_new(const struct intake_env *env, struct intake **out, struct err *err) MUST_USE;
void intake_free(struct intake *in);
/* The source of the next records, which has their bodies that lie outside; borrowed. NULL: none. */
void intake_from(struct intake *in, struct source_reader *from);
enum status intake_record(struct intake *in, struct record *r, const struct origin *from,
                          struct invocation *out, struct err *err) MUST_USE;
/* The `known` of a reader's sink. */
size_t intake_known(struct intake *in, struct str text, struct json_gap *gaps, size_t room,
                    size_t *end);
/* True when, since it was asked last, a body was there that the system could not read. */
bool intake_unread(struct intake *in);

#endif
