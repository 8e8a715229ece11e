/* Private to the push source: push.c (the source), push_intake.c (what its server calls) and
 * push_body.c (what becomes of a body before it is named). */
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
 * *body is replaced. ERR_PARSE: malformed, ERR_LIMIT: inflates to more than `max`; the message is
 * for the sender and holds nothing of the body.
 */
enum status push_firehose(struct buf *body, enum push_coding coding, struct str id, uint64_t max,
                          struct err *err) MUST_USE;
/*
 * A plain body stays as it is, since the reader inflates by itself; but damaged gzip is told to the
 * sender (ERR_PARSE), who could not know otherwise that a part of it was lost.
 */
enum status push_plain(const struct buf *body, enum push_coding coding, struct err *err) MUST_USE;

enum { PUSH_ID_MAX = 128 }; /* Firehose's is a GUID */

struct push;

/* The ticket of an item. */
struct push_request {
    struct push *push;
    struct server_request *http;
    char id[PUSH_ID_MAX + 1];
    bool firehose;
    enum push_coding coding;
    struct buf body;
    uint64_t reserved; /* of the bytes that may wait */
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
    int64_t refused, refused_told_us; /* requests with a wrong key; when they were told of */
    pthread_mutex_t telling;          /* while the watch is called: it may be gone after stop */
    struct source_watch watch;        /* from begin to stop */
};

/* For a server of options with the push as context. */
void push_on_head(void *ctx, struct server_request *http);
void push_on_request(void *ctx, struct server_request *http);
void push_on_lost(void *ctx, struct server_request *http);

/* `message` NULL: all went well. */
void push_answer(struct server_request *http, const char *id, int status, const char *message);
void push_request_free(struct push_request *r);
/* Under the lock: no longer in hand. */
void push_take_out(struct push *p, struct push_request *r);
/* Answers and frees one in hand. */
void push_finish(struct push *p, struct push_request *r, int status, const char *message);

#endif
