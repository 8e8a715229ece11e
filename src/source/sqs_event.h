/*
 * What a message of a queue says about objects of S3. Pure: text in, objects out.
 *
 *     struct sqs_event e;
 *     sqs_event_init(&e);
 *     switch (sqs_event_read(&e, body, &err)) {
 *     case OK:          for (size_t i = 0; i < e.n; i++) … e.objects[i].key …
 *     case ERR_NOMEM:   …
 *     default:          no event of S3; err says why, and never what it holds
 *     }
 *     sqs_event_fini(&e);
 *
 * Read are (Amazon S3 user guide, "Event message structure", "Using EventBridge"; Amazon SNS
 * developer guide, "Raw message delivery" and "Message format for HTTP/HTTPS, email and SQS", read
 * 2026-11):
 *
 *     {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", …}]}
 *     {"Service": "Amazon S3", "Event": "s3:TestEvent", …}     sent when notifications are set up
 *     {"source": "aws.s3", "detail-type": "Object Created", "detail": {…}}        EventBridge
 *     {"Type": "Notification", "Message": "…"}                 one of these inside, through SNS
 *
 * Keys in Records are encoded as in forms ("+" is a blank), those of EventBridge are not. A message
 * is somebody else's data: one that is only partly as it should be counts for nothing as a whole.
 */
#ifndef ASSAY_SOURCE_SQS_EVENT_H
#define ASSAY_SOURCE_SQS_EVENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

enum {
    SQS_EVENT_BYTES_MAX = 1 << 20, /* of a message (SQS quotas, August 2025) */
    SQS_EVENT_OBJECTS_MAX = 1000,  /* S3 names one object in a message */
};

/* Texts live until the event is read again; "" where the message has none. */
struct sqs_object {
    struct str bucket; /* never empty; any characters */
    struct str key;    /* decoded; 1 to 1,024 bytes, no zero among them */
    struct str etag, version, region;
    int64_t size;     /* -1: not told */
    int64_t event_us; /* when it was written; TIME_NONE: not told */
};

struct sqs_event {
    struct sqs_object *objects; /* that were made */
    size_t n;
    size_t skipped; /* other events: deleted, tagged, restored, the test of the set-up */
    size_t cap;     /* private, as is all below */
    struct arena arena;
    struct buf text, inner;
    struct json *json;
};

void sqs_event_init(struct sqs_event *e);
void sqs_event_fini(struct sqs_event *e);
/* ERR_PARSE, ERR_LIMIT: as above. */
enum status sqs_event_read(struct sqs_event *e, struct str body, struct err *err) MUST_USE;

#endif
