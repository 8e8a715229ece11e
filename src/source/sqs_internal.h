/* What the files of the SQS source share: naming (sqs.c), messages in work (sqs_messages.c), what
 * is told the queue (sqs_keeper.c), which buckets are heeded (sqs_buckets.c), reading
 * (sqs_reader.c), what goes wrong (sqs_trouble.c). Included nowhere else. */
#ifndef ASSAY_SOURCE_SQS_INTERNAL_H
#define ASSAY_SOURCE_SQS_INTERNAL_H

#include "aws/s3.h"
#include "aws/sqs.h"
#include "base/hash.h"
#include "source/seen.h"
#include "source/source_internal.h"
#include "source/sqs.h"
#include "source/sqs_event.h"
#include "source/state.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    SQS_HELD_MAX = 1000,    /* messages, and objects, in work at once */
    SQS_OFTEN = 5,          /* receives after which a message may be given up */
    SQS_BUCKETS_IDLE = 256, /* kept though nothing of them is in work */
    SQS_BODIES_TIMES = 12,  /* as long as it takes to give an object up, refused bodies are kept */
};

/* A bucket that a message named. */
struct sqs_bucket {
    struct s3_bucket *s3;
    _Atomic int users;  /* parts in work; only the naming thread adds some */
    uint64_t last_used; /* the greater, the later */
};

/* Where bodies may be, besides the bucket of their record. */
struct sqs_place {
    struct s3_bucket *bucket;
    char *prefix;
};

/* An object of a message, or the reason why the message goes into the quarantine. It is the ticket
 * of its item. */
struct sqs_part {
    struct sqs_part *next; /* while it waits to be named */
    struct sqs_held *of;
    struct sqs_bucket *bucket; /* NULL: there is nothing to be read */
    char *name;
    bool refused; /* it is the reason */
    int64_t size, event_us;
    int64_t due_us;         /* 0: now (by the clock of the world) */
    _Atomic int opened;     /* enum status of the last opening; -1: it was not opened */
    _Atomic bool gone;      /* that said that there is no such object */
    _Atomic bool no_bodies; /* a body could not be got, for whatever reason but its absence */
    _Atomic int64_t bytes;  /* that were fetched */
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
    int64_t receives, sent_us, first_us; /* first_us: when it was received first */
    int64_t hidden_until;                /* monotonic */
    enum sqs_aim aim;
    int return_s;
    bool failed;   /* one of its parts */
    bool trouble;  /* not because there is no such object */
    bool denied;   /* but because AWS refuses it */
    bool stranger; /* it names a bucket that is not heeded */
    bool refused;  /* its part is the reason of a quarantine */
    bool lost;     /* SQS will not hide it any longer */
    size_t open;   /* parts that are not finished */
    size_t parts_n;
    char reason[300]; /* when refused */
    struct sqs_part parts[];
};

/* What may go wrong at the same time. The first that does is what the source shows. */
enum sqs_spot {
    SQS_RECEIVING,
    SQS_READING,
    SQS_BODIES,
    SQS_KEEPING,
    SQS_STRANGERS,
    SQS_LOOKING, /* at the queue's attributes: the source works without */
    SQS_SPOTS,
};

struct sqs_trouble {
    char text[384];    /* "": all is well */
    char told[384];    /* what was said last */
    bool over;         /* it went well since */
    int64_t at_us, at; /* when last; monotonic */
};

struct sqs_source {
    struct source base;
    struct aws_credentials *credentials;
    struct sqs_queue queue;
    char *region; /* or NULL */
    bool requester_pays;
    char **allowed; /* buckets */
    int allowed_n;
    struct sqs_place *places;
    int places_n;
    int64_t hide_s, wait_s, depth_us, give_up_us;
    struct source_watch watch;
    struct source_gauge gauge;
    _Atomic bool stopped;   /* naming and reading */
    _Atomic bool abandoned; /* the keeper, too */
    _Atomic bool redrives;
    _Atomic int64_t receives_max; /* of the redrive policy; 0: unknown */

    /* Of the naming thread. */
    struct aws_client *client;
    struct sqs_batch batch;
    struct sqs_event event;
    int64_t look_at, again_at; /* monotonic */
    int64_t begun_us;          /* by the clock of the world */
    int failures;
    char look_failed[384]; /* why the last look at its attributes did; "" */
    struct sqs_bucket **buckets;
    size_t buckets_n, buckets_cap;
    uint64_t uses;
    struct hash_key key;
    struct seen strangers; /* names of buckets that were told of */
    int strangers_n;

    pthread_t keeper;
    bool keeping;

    pthread_mutex_t trouble_lock;
    struct sqs_trouble troubles[SQS_SPOTS];

    pthread_mutex_t lock; /* what is below */
    pthread_cond_t wake, keep, kept;
    struct sqs_part *waiting; /* to be named */
    struct sqs_held *held;
    size_t held_n, open_n; /* messages in work; parts of them that are not finished */
    bool closing, ended;   /* the keeper shall end, has ended */
    struct seen refused;   /* ids of messages that stand in the quarantine since this run */
    /* How reading goes, monotonic: the last object that was opened, and when, as long as none can
     * be, the queue is asked for another. */
    int64_t well_at, probe_at;
    int pauses;
    bool probing; /* the other was received, and is being read */
    bool redrive_told;
};

/* sqs_messages.c */
/* A message that was received: it is in work from then on. ERR_NOMEM only. */
enum status sqs_take_message(struct sqs_source *s, const struct sqs_message *from,
                             struct err *err) MUST_USE;
void sqs_held_free(struct sqs_held *m);
/* Under the lock: a part is to be named when it is due. */
void sqs_enqueue(struct sqs_source *s, struct sqs_part *p);
/* Under the lock: a part was handed back for the last time. */
void sqs_finish_part(struct sqs_source *s, struct sqs_part *p, bool failed);

/* sqs_keeper.c */
void *sqs_keeper_main(void *source);

/* sqs_trouble.c */
/* Something went wrong, or well again. Troubles are told once each; not those of reading and of
 * strangers, which are told where they are found. From any thread, without the lock. */
void sqs_ill(struct sqs_source *s, enum sqs_spot spot, const char *text);
void sqs_well(struct sqs_source *s, enum sqs_spot spot);
void sqs_state(struct source *s, struct source_state *out);
/* An object was opened, or AWS would not give it: who cannot read must not receive either, because
 * a redrive policy counts how often a message was received. */
void sqs_read_well(struct sqs_source *s);
void sqs_read_ill(struct sqs_source *s, enum status status, const char *text);
/* A message was received. */
void sqs_received(struct sqs_source *s);
/* AWS refuses what a message names: says once what a redrive policy will make of that. */
void sqs_tell_redrive(struct sqs_source *s);
/* A message that names a bucket which is not heeded. From the naming thread. */
void sqs_stranger(struct sqs_source *s, struct str bucket);
/* Under the lock: how many messages may be asked for now; 0: none yet. */
int sqs_may_receive(const struct sqs_source *s);

/* sqs_buckets.c */
enum status sqs_places_init(struct sqs_source *s, const struct sqs_options *o,
                            struct err *err) MUST_USE;
void sqs_buckets_fini(struct sqs_source *s);
/* ERR_USAGE: no bucket has such a name. */
enum status sqs_bucket_check(struct str name, struct err *err) MUST_USE;
/* A message may name it. */
bool sqs_bucket_heeded(const struct sqs_source *s, struct str name);
/* The bucket, made when it is new, with one user more. ERR_USAGE: no name of a bucket; ERR_NOMEM.
 * From the naming thread. */
enum status sqs_bucket_use(struct sqs_source *s, struct str name, struct str region,
                           struct sqs_bucket **out, struct err *err) MUST_USE;
/* Where a body of a record of that bucket may be read; NULL where it may not. */
struct s3_bucket *sqs_body_bucket(const struct sqs_source *s, const struct sqs_bucket *own,
                                  struct str bucket, struct str key);

/* sqs_reader.c */
enum status sqs_reader_new(struct source *s, struct source_reader **out, struct err *err);
void sqs_reader_free(struct source_reader *r);
enum status sqs_open(struct source_reader *r, const struct source_item *item,
                     struct source_bytes *out, struct err *err);
enum status sqs_body(struct source_reader *r, const char *name, struct str uri, struct str key,
                     bool look, struct source_bytes *out, struct err *err);

#endif
