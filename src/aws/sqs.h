/*
 * SQS as far as reading a queue needs it: messages are received, hidden for longer, and deleted.
 *
 *     struct sqs_queue q;
 *     sqs_queue_init(&q, STR("https://sqs.eu-west-1.amazonaws.com/012345678901/logs"), NULL, &err);
 *     struct sqs_batch b;
 *     sqs_batch_init(&b);
 *     sqs_receive(client, &q, &(struct sqs_wish){.most = 10, .wait_s = 20, .hide_s = 120}, &b,
 * &err); for (size_t i = 0; i < b.n; i++) … b.messages[i].body … sqs_delete(client, &q, entries, n,
 * &err);    each entry tells what became of it
 *
 * What was received is hidden from others for hide_s, and comes again afterwards unless it was
 * deleted. Sources: Amazon SQS API reference, ReceiveMessage, DeleteMessageBatch,
 * ChangeMessageVisibilityBatch, GetQueueAttributes; developer guide, "Making query API requests
 * using AWS JSON protocol", "Amazon SQS message quotas" (read 2026-11).
 */
#ifndef ASSAY_AWS_SQS_H
#define ASSAY_AWS_SQS_H

#include "aws/call.h"
#include "base/clock.h"

struct json;

enum {
    SQS_BATCH = 10,      /* messages and entries at once */
    SQS_WAIT_MAX_S = 20, /* of a long poll */
    SQS_HIDE_MAX_S = 43200,
    SQS_URL_MAX = 512,
};

/* Needs no fini; not to be copied. */
struct sqs_queue {
    char url[SQS_URL_MAX + 1];
    struct str name; /* the last element of the URL; points into it */
    char region[40]; /* "": the client's */
};

/* region: NULL: what the URL's host says (sqs.REGION.…, REGION.queue.…), else the client's.
 * ERR_USAGE: no https:// or http:// URL with the path /account/name, or a FIFO queue: S3 sends no
 * notifications to those, and what one holds back holds back what is behind it. */
enum status sqs_queue_init(struct sqs_queue *q, struct str url, const char *region,
                           struct err *err) MUST_USE;

struct sqs_message {
    struct str id, receipt, body; /* decoded; zero bytes follow, so that json_index may read it */
    int64_t receives;             /* how often it was received, this time too; at least 1 */
    int64_t sent_us, first_us;    /* sent, first received; TIME_NONE when it does not say */
};

/* What was received; texts live until it is filled again. */
struct sqs_batch {
    struct sqs_message messages[SQS_BATCH];
    size_t n;
    struct json *json; /* private, as is all below */
    struct buf text;
    struct aws_answer answer;
};

void sqs_batch_init(struct sqs_batch *b);
void sqs_batch_fini(struct sqs_batch *b);

struct sqs_wish {
    int most;   /* messages, 1 to SQS_BATCH */
    int wait_s; /* how long to wait for the first, 0 to SQS_WAIT_MAX_S */
    int hide_s; /* 0 to SQS_HIDE_MAX_S */
};

/* As aws_send; ERR_PARSE: no answer of this kind. Needs sqs:ReceiveMessage, and kms:Decrypt where
 * the queue is encrypted with a key of KMS. */
enum status sqs_receive(struct aws_client *c, const struct sqs_queue *q, const struct sqs_wish *w,
                        struct sqs_batch *b, struct err *err) MUST_USE;

enum sqs_fate {
    SQS_FAILED, /* the service had trouble with this one; another attempt may work */
    SQS_DONE,
    SQS_REFUSED, /* it will not do it: the receipt is too old, the message gone */
};

struct sqs_entry {
    const char *receipt; /* zero-terminated */
    int hide_s;          /* of sqs_hide: from now on; 0: visible at once */
    enum sqs_fate fate;  /* set by the calls below, whatever they return */
};

/* Any number of entries, ten at a time. OK: each entry tells its fate. Otherwise as aws_send: those
 * that were not done are SQS_FAILED. Need sqs:DeleteMessage and sqs:ChangeMessageVisibility. */
enum status sqs_delete(struct aws_client *c, const struct sqs_queue *q, struct sqs_entry *e,
                       size_t n, struct err *err) MUST_USE;
enum status sqs_hide(struct aws_client *c, const struct sqs_queue *q, struct sqs_entry *e, size_t n,
                     struct err *err) MUST_USE;

struct sqs_depth {
    int64_t waiting, hidden; /* estimates by the service; -1: it does not say */
    bool redrives;           /* what is received too often goes to another queue */
    int64_t receives_max;    /* how often that is; 0: it does not say */
};
/* Needs sqs:GetQueueAttributes. */
enum status sqs_depth(struct aws_client *c, const struct sqs_queue *q, struct sqs_depth *out,
                      struct err *err) MUST_USE;

#endif
