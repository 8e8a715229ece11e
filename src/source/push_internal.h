/* Private to the push source: push.c (the source), push_intake.c (what its server calls),
 * push_refused.c (telling what was refused), push_body.c and push_envelope.c (what becomes of a
 * body before it is named). */
#ifndef ASSAY_SOURCE_PUSH_INTERNAL_H
#define ASSAY_SOURCE_PUSH_INTERNAL_H

#include "base/buf.h"
#include "net/server.h"
#include "source/push.h"
#include "source/source_internal.h"
#include "source/state.h"

#include <pthread.h>

enum push_coding { PUSH_IDENTITY, PUSH_GZIP, PUSH_UNKNOWN };

/* Of the header Content-Encoding. */
enum push_coding push_coding_of(struct str header);

/*
 * The body of a Firehose request becomes one line per record, {"records":[{"data":…}]}, which the
 * reader takes one by one: limits and places in the quarantine are those of the record, not of the
 * batch. `id` is what the request's header says. Records without data are left out.
 *
 * *body is replaced. ERR_PARSE: malformed (also when it holds more than PUSH_RECORDS_MAX records,
 * or one of more than 4 MiB), ERR_LIMIT: inflates to more than `max`; the message is for the sender
 * and holds nothing of the body. Beside the body, and the compressed one while it is inflated, it
 * takes as much again as the largest record has tokens, at most 16 MiB.
 */
enum status push_firehose(struct buf *body, enum push_coding coding, struct str id, uint64_t max,
                          struct err *err) MUST_USE;
/* The same of one that is not compressed, in place; it may become PUSH_LINES_BYTES longer. */
enum status push_lines(struct buf *body, struct str id, struct err *err) MUST_USE;

enum {
    PUSH_RECORDS_MAX = 100 * 1000, /* ten times what Firehose sends */
    PUSH_LINES_BYTES = 14 * PUSH_RECORDS_MAX,
};
/*
 * A plain body stays as it is, since the reader inflates by itself; but damaged gzip is told to the
 * sender (ERR_PARSE), who could not know otherwise that a part of it was lost.
 */
enum status push_plain(const struct buf *body, enum push_coding coding, struct err *err) MUST_USE;

enum { PUSH_ID_MAX = 128 }; /* Firehose's is a GUID */

/* Why a request is not taken. */
enum push_reason {
    PUSH_KEY,
    PUSH_METHOD,
    PUSH_MALFORMED,
    PUSH_CODING,
    PUSH_LONG,
    PUSH_FULL,
    PUSH_REASONS,
};

/* Requests that were refused for a reason. */
struct push_refusals {
    int64_t n;       /* since it was told */
    int64_t told_us; /* 0: never; of the monotonic clock */
    int status;      /* of the last one, as is the message */
    char message[128];
};

struct push;

/* The ticket of an item. */
struct push_request {
    struct push *push;
    struct server_request *http;
    char id[PUSH_ID_MAX + 1];
    bool firehose;
    enum push_coding coding;
    struct buf body;
    uint64_t reserved; /* of the bytes that may wait: what it holds now */
    int64_t arrived_us;
    struct push_request *next, **link; /* of those in hand: waiting or named */
    bool named;
};

struct push {
    struct source base;
    struct push_options o;
    char name[256]; /* "push:NAME" */
    struct server *server;
    struct source_gauge gauge;
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct buf access_key;
    struct push_request *first, **last; /* in hand, in the order of arrival */
    uint64_t reserved;
    int in_hand, named;
    bool stopped;
    struct push_refusals refused[PUSH_REASONS];
    int64_t refused_us;        /* the last one by somebody with the key that was told; 0: none */
    pthread_mutex_t telling;   /* while the watch is called: it may be gone after stop */
    struct source_watch watch; /* from begin to stop */
};

/* For a server of options with the push as context. */
void push_on_head(void *ctx, struct server_request *http);
void push_on_request(void *ctx, struct server_request *http);
void push_on_lost(void *ctx, struct server_request *http);
void push_on_growth(void *ctx, struct server_request *http, uint64_t n);

/* `message` NULL: all went well. */
void push_answer(struct server_request *http, const char *id, int status, const char *message);
void push_request_free(struct push_request *r);
/* Under the lock: no longer in hand. */
void push_take_out(struct push *p, struct push_request *r);
/* Counts one that is answered with such a status. The message holds nothing of anybody's. */
void push_refused(struct push *p, enum push_reason why, int status, const char *message);
/* Tells the watch of those, each reason at most once a minute. */
void push_tell_refused(struct push *p);
/* Somebody with the key was refused within the last minutes. */
bool push_is_refusing(struct push *p);
/* Answers and frees one in hand. */
void push_finish(struct push *p, struct push_request *r, int status, const char *message);

#endif
