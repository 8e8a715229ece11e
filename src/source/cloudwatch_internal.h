/* What the files of the CloudWatch source share: cloudwatch.c (the interface), cloudwatch_group.c
 * (which groups there are), cloudwatch_pass.c (asking for pages), cloudwatch_page.c (what becomes
 * of them), cloudwatch_reader.c. Included nowhere else. */
#ifndef ASSAY_SOURCE_CLOUDWATCH_INTERNAL_H
#define ASSAY_SOURCE_CLOUDWATCH_INTERNAL_H

#include "aws/endpoint.h"
#include "aws/logs.h"
#include "aws/quota.h"
#include "aws/s3.h"
#include "base/buf.h"
#include "base/hash.h"
#include "source/cloudwatch.h"
#include "source/s3_bodies.h"
#include "source/seen.h"
#include "source/source_internal.h"
#include "source/state.h"

#include <pthread.h>

enum {
    POLL_MS = 10 * 1000,
    OVERLAP_MS = 5 * 60 * 1000,
    NEAR_MIN_MS = 10 * 1000, /* how far polls between the thorough ones look back: one poll, */
    NEAR_MAX_MS = 60 * 1000, /* within these bounds */
    AGAIN_MAX_MS = 60 * 60 * 1000, /* a body that is missing for so long will not come */
    GROUPS_EVERY_MS = 5 * 60 * 1000,
    PAUSE_MAX_MS = 5 * 60 * 1000,
    TOLD_EVERY_MS = 60 * 1000, /* positions between pages, while following */
    HELD_MAX = 32 << 20,       /* bytes of pages that are not yet in the store */
    HELD_PAGES = 256,
    TROUBLE_MAX = sizeof((struct source_state *)0)->error,
};

enum page_state {
    PAGE_NAMED,    /* on its way to the store */
    PAGE_RETURNED, /* source_done was called */
    PAGE_WAITS,    /* will be named again */
    PAGE_LEFT,     /* a later run should read it again */
    PAGE_KEPT,
};

/* The ticket of an item. */
struct page {
    struct page *next; /* of the group, in the order of naming */
    struct group *group;
    struct buf body;
    int64_t newest_ms; /* of its events */
    int64_t upto_ms;   /* known when this page is and all before; 0: no promise */
    enum page_state state;
    enum source_outcome outcome;
    int tries;
    int64_t due_us; /* PAGE_WAITS: clock_monotonic_us */
};

struct group {
    struct group *next;
    char *asked; /* name or ARN, as the service is asked */
    char *name;  /* of the items */
    char account[16];
    struct page *first, *last;
    int64_t known_ms; /* everything up to here is in the store; 0: nothing */
    int64_t told_ms;  /* as the items so far said */
    int64_t told_us;  /* when */
    struct seen seen;
    /* The pass that is under way, or the last one. */
    bool passing, thorough, in_order, finished;
    int64_t pass_us; /* when it began, clock_monotonic_us */
    int64_t start_ms, end_ms;
    int64_t oldest_ms, newest_ms; /* of the events of the pass; 0: none yet */
    struct buf token;             /* of the next page */
    uint64_t token_mark, tokens;  /* one of the tokens, and how many there were */
    bool restarted;
    /* Between passes. */
    bool begun;
    int64_t reached_ms; /* newest event that was seen */
    int64_t covered_ms; /* newest event that a thorough pass came to; 0: none did */
    int64_t swept_ms;   /* when the last thorough pass that came to its end began */
    int64_t next_us, thorough_us;
    int64_t pause_ms; /* after the last failure; 0: none */
    char trouble[TROUBLE_MAX];
};

/* What an operand names. */
struct cloudwatch_operand {
    char region[ENDPOINT_REGION_MAX]; /* "": the client's */
    char account[16];                 /* "": not told */
    char partition[16];
    struct str group; /* of the operand; may hold `*` */
};

struct cloudwatch {
    struct source base;
    struct cloudwatch_options o;
    char *operand;
    struct cloudwatch_operand wants;
    char region[ENDPOINT_REGION_MAX];
    const struct source_watch *watch;
    struct source_watch watch_room;
    struct source_gauge gauge;
    struct body_place *places;
    int places_n;
    _Atomic bool stopped;
    _Atomic unsigned bodies_told; /* see s3_bodies.h */
    /* Of the naming thread. */
    struct aws_client *client;
    struct logs *logs;
    struct hash_key key;
    struct group *groups, *turn;
    bool listed, own_asked;
    char own[16];    /* account of the keys; "": nobody tells */
    int64_t list_us; /* when to list groups again */
    int64_t list_pause_ms;
    char list_trouble[TROUBLE_MAX];
    /* With other threads. */
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool has_news;
    size_t held, held_pages;
};

bool cloudwatch_parse(const char *operand, struct cloudwatch_operand *out);

/* Which groups there are; told once, and again from time to time where the operand is a pattern
 * that is followed. Failures of the network are told to the watch. */
enum status cloudwatch_list(struct cloudwatch *s, struct err *err) MUST_USE;

/* One page of a group that is passing; *item stays without a name when there is nothing new. */
enum status cloudwatch_page(struct cloudwatch *s, struct group *g, struct source_item *item,
                            struct err *err) MUST_USE;
/* Begins a pass when it is time; true while one is under way. */
bool cloudwatch_passing(struct cloudwatch *s, struct group *g);
/* After pages were returned: raises what is known, and says what is to be named again. Under the
 * lock. */
void cloudwatch_settle(struct cloudwatch *s, struct group *g);
/* Some page has not come back, or will be named again. Under the lock. */
bool cloudwatch_has_pending(const struct group *g);
/* The service did not answer as it should; `told` is the group's trouble, or that of listing. Tells
 * the watch once per change of the reason. The source is failing as long as anything has trouble.
 */
void cloudwatch_trouble(struct cloudwatch *s, const char *name, char told[TROUBLE_MAX],
                        const char *reason);
/* It answered as it should; `told` is over when `over`. */
void cloudwatch_well(struct cloudwatch *s, char told[TROUBLE_MAX], bool over);

/* Names what is new of a page of the group's pass; *item stays without a name when nothing is. */
enum status cloudwatch_name_page(struct cloudwatch *s, struct group *g,
                                 const struct logs_page *page, struct source_item *item,
                                 struct err *err) MUST_USE;
/* What the pass may promise that came to there. */
int64_t cloudwatch_promise(const struct group *g, int64_t ms);
/* Everything up to there is in the store as soon as all pages are that were named so far. */
void cloudwatch_raise(struct cloudwatch *s, struct group *g, int64_t ms);
int64_t cloudwatch_overlap(const struct cloudwatch *s);

enum status cloudwatch_reader_new(struct source *base, struct source_reader **out,
                                  struct err *err) MUST_USE;
void cloudwatch_reader_free(struct source_reader *r);
enum status cloudwatch_open(struct source_reader *r, const struct source_item *item,
                            struct source_bytes *out, struct err *err) MUST_USE;
enum status cloudwatch_body(struct source_reader *r, const char *name, struct str uri,
                            struct str key, bool look, struct source_bytes *out,
                            struct err *err) MUST_USE;

#endif
