/* What the files of the SQS source share: naming (sqs.c), messages in work (sqs_messages.c), what
 * is told the queue (sqs_keeper.c), reading (sqs_reader.c). Included nowhere else. */
#ifndef ASSAY_SOURCE_SQS_INTERNAL_H
#define ASSAY_SOURCE_SQS_INTERNAL_H

#include "aws/sqs.h"
#include "source/source_internal.h"
#include "source/sqs.h"
#include "source/sqs_event.h"
#include "source/state.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    SQS_BUCKETS_MAX = 64, /* different ones in a run */
    SQS_HELD_MAX = 1000,  /* messages, and objects, in work at once */
    SQS_OFTEN = 5,        /* receives after which a message may be given up */
};

/* A bucket that a message named: a source of S3 that names nothing and only reads. */
struct sqs_bucket {
    char *name;
    struct source *s3;
};

/* An object of a message, or the reason why the message goes into the quarantine. It is the ticket
 * of its item. */
struct sqs_part {
    struct sqs_part *next; /* while it waits to be named */
    struct sqs_held *of;
    char *name;
    int64_t size, event_us;
    int64_t due_us;     /* 0: now (by the clock of the world) */
    int bucket;         /* -1: there is nothing to be read */
    _Atomic int opened; /* enum status: how the last opening ended */
};

enum sqs_aim {
    SQS_WORK,   /* its parts are being read */
    SQS_DELETE, /* all are safe */
    SQS_RETURN, /* it shall come again, in return_s */
};

/* A message in work. Freed by the keeper alone, or at the end. */
struct sqs_held {
    struct sqs_held *next;
    char *receipt;
    char id[80];
    int64_t receives, sent_us;
    int64_t hidden_until; /* monotonic */
    enum sqs_aim aim;
    int return_s;
    bool failed;  /* one of its parts */
    bool gone;    /* because there is no such object */
    bool refused; /* its part is the reason of a quarantine */
    bool lost;    /* SQS will not hide it any longer */
    size_t open;  /* parts that are not finished */
    size_t parts_n;
    char reason[300]; /* when refused */
    struct sqs_part parts[];
};

struct sqs_source {
    struct source base;
    struct aws_credentials *credentials;
    struct sqs_queue queue;
    char *region; /* or NULL */
    bool requester_pays;
    char **allowed; /* buckets */
    int allowed_n;
    char **body_buckets;
    int body_buckets_n;
    int64_t hide_s, wait_s, depth_us, give_up_us;
    struct source_watch watch;
    struct source_gauge gauge;
    _Atomic bool stopped;   /* naming and reading */
    _Atomic bool abandoned; /* the keeper, too */
    _Atomic bool redrives;

    /* Of the naming thread. */
    struct aws_client *client;
    struct sqs_batch batch;
    struct sqs_event event;
    bool asked;       /* for the queue's attributes */
    int64_t again_at; /* monotonic */
    int failures;

    pthread_t keeper;
    bool keeping;

    pthread_mutex_t lock; /* what is below */
    pthread_cond_t wake, keep, kept;
    struct sqs_part *waiting; /* to be named */
    struct sqs_held *held;
    size_t held_n, open_n; /* messages in work; parts of them that are not finished */
    bool closing, ended;   /* the keeper shall end, has ended */
    struct sqs_bucket buckets[SQS_BUCKETS_MAX];
    int buckets_n;
};

/* sqs_messages.c */
/* A message that was received: it is in work from then on. ERR_NOMEM only. */
enum status sqs_take_message(struct sqs_source *s, const struct sqs_message *from,
                             struct err *err) MUST_USE;
void sqs_held_free(struct sqs_held *m);
/* Under the lock: a part is to be named when it is due. */
void sqs_enqueue(struct sqs_source *s, struct sqs_part *p);
/* Under the lock: all parts are finished. */
void sqs_finish(struct sqs_source *s, struct sqs_held *m);

/* sqs_keeper.c */
void *sqs_keeper_main(void *source);

/* sqs_reader.c */
/* The bucket's number, made when it is new. ERR_USAGE: no name of a bucket; ERR_ACCESS: not one of
 * the allowed; ERR_LIMIT: too many. From the naming thread. */
enum status sqs_bucket_find(struct sqs_source *s, struct str name, struct str region, int *number,
                            struct err *err) MUST_USE;
enum status sqs_reader_new(struct source *s, struct source_reader **out, struct err *err);
void sqs_reader_free(struct source_reader *r);
enum status sqs_open(struct source_reader *r, const struct source_item *item,
                     struct source_bytes *out, struct err *err);
enum status sqs_body(struct source_reader *r, const char *name, struct str uri, struct str key,
                     bool look, struct source_bytes *out, struct err *err);

#endif
