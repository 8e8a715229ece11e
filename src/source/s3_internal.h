/* What the files of the S3 source share: asking (s3_reader.c), where to look (s3_places.c), naming
 * in the order of time (s3_walk.c), items (s3_items.c), the schedule (s3.c). Included nowhere else.
 */
#ifndef ASSAY_SOURCE_S3_INTERNAL_H
#define ASSAY_SOURCE_S3_INTERNAL_H

#include "aws/s3.h"
#include "base/hash.h"
#include "source/s3.h"
#include "source/s3_bodies.h"
#include "source/source_internal.h"
#include "source/state.h"

#include <pthread.h>
#include <stdatomic.h>

/* Requests of all threads, spread evenly. */
struct pace {
    pthread_mutex_t lock;
    int64_t step_us, next_us; /* 0: no limit; the earliest instant of the next (monotonic) */
};
/* Waits for one's turn, or for *stop. */
void pace_wait(struct pace *p, const _Atomic bool *stop);

/* Who lists: one thread's. */
struct lister {
    struct aws_client *client;
    struct s3_bucket *bucket;
    struct pace *pace;
    const _Atomic bool *stop;
    struct s3_page page; /* of the last lister_page */
};
enum status lister_page(struct lister *l, struct s3_listing *listing, struct err *err) MUST_USE;

/* A part of the bucket that is listed in one go. */
struct s3_place {
    char *prefix;      /* listed; of the heap */
    size_t region_n;   /* length of its part up to the Region's slash; 0: outside the AWS layout */
    bool by_folder;    /* only the objects that lie here, not those in folders */
    bool exact;        /* the prefix is a key */
    int pages;         /* that the last listing of all of it took */
    int64_t newest_us; /* the last hour that was listed; 0: none was */
};
struct s3_places {
    struct s3_place *v;
    size_t n, cap;
    bool any; /* there is something below the root, whether it is of use or not */
};

/*
 * Finds the places below root (empty, or with a slash at its end), and makes them *out, which
 * replaces what it held. `refused` is told of a folder that may not be listed; others are found
 * then all the same, unless it is the root. *out is untouched after a failure.
 */
typedef void (*s3_refused)(void *ctx, const char *prefix, const struct err *why);
enum status places_find(struct lister *l, struct str root, s3_refused refused, void *ctx,
                        struct s3_places *out, struct err *err) MUST_USE;
void places_free(struct s3_places *p);
/* The end of the last day that a place in the AWS layout has; TIME_NONE when it has none. */
enum status place_last(struct lister *l, const struct s3_place *p, int64_t *last_us,
                       struct err *err) MUST_USE;

struct line;
struct walk_object {
    struct str key; /* until the next */
    int64_t size, modified_us;
};

/* One way through all places, in the order of the hours of keys. */
struct walk {
    struct lister *lister;
    struct s3_places *places;
    struct line *lines;
    size_t n, at;
    int64_t hour, next_hour, first_hour, last_us;
    int64_t since_us, until_us, modified_since_us;
    bool running;
    struct buf text;
};
/* Which places are listed: each costs a request, and there may be a thousand. */
enum walk_kind {
    WALK_ALL,
    WALK_RECENT, /* not those that take long and cannot be begun in their middle */
    WALK_QUICK,  /* of these, those where something came in the last day or so */
};
/* Objects outside the layout count when they were written after modified_since_us. */
enum status walk_begin(struct walk *w, struct lister *l, struct s3_places *places, int64_t since_us,
                       int64_t until_us, int64_t modified_since_us, enum walk_kind kind,
                       struct err *err) MUST_USE;
/* The next object that may hold records; *more is false at the end. After a failure it may be
 * called again: it goes on there. */
enum status walk_next(struct walk *w, struct walk_object *o, bool *more, struct err *err) MUST_USE;
/* The prefix that walk_next failed at. */
const char *walk_place(const struct walk *w);
/* Goes on without the rest of that. */
void walk_drop(struct walk *w);
void walk_end(struct walk *w);
/* In parts per million, or -1. */
int64_t walk_position(const struct walk *w);

/* An item on its way: named, read, perhaps named again. */
struct ticket {
    struct ticket *next, *back; /* among those that wait to be named again, or that are out */
    int64_t size, modified_us, due_us;
    int tries;
    bool again;                   /* it waits for bodies: it was read to its end */
    _Atomic bool begun, unopened; /* somebody tried to open it; that failed */
    char name[];
};

struct s3_source {
    struct source base;
    struct aws_credentials *credentials;
    char *region; /* or NULL */
    char *root;   /* prefix: "" or with a slash at its end */
    char *shown;  /* "s3://bucket/prefix" */
    struct s3_bucket *bucket;
    struct body_place *bodies; /* the first is the source's own */
    int bodies_n;
    int64_t since_us, until_us, poll_us, window_us, window_every_us, sweep_us;
    struct pace pace;
    struct source_watch watch;
    struct source_gauge gauge;
    _Atomic bool stopped;
    _Atomic unsigned bodies_told; /* see s3_bodies.h */

    struct lister lister;
    struct s3_places places;
    struct walk slow, quick;
    bool found, ended;                              /* places are known; the only pass is over */
    int64_t poll_at, window_at, sweep_at, again_at; /* monotonic */
    int failures;
    int64_t named;            /* items */
    _Atomic int64_t begun;    /* of these: opened, or handed back unopened */
    struct buf name;          /* of the item */
    _Atomic uint64_t *lately; /* hashes of what was named; NULL: the source ends */
    struct hash_key key;

    pthread_mutex_t lock; /* what is below */
    pthread_cond_t wake;
    struct ticket *waiting, *out;
    size_t waiting_n, out_n; /* named again later; not handed back yet */
    int64_t waiting_us;      /* none of them is due before */
};

/* Items, s3_items.c. */
enum { S3_LATELY = 1 << 20 }; /* names that a source without an end remembers, 8 bytes each */
/* An item that waited long enough to be named again. */
bool items_again(struct s3_source *s, struct source_item *item);
/* An item of the object, unless it was named lately. */
enum status items_give(struct s3_source *s, const struct walk_object *o, struct source_item *item,
                       struct err *err) MUST_USE;
void s3_wait(struct source *s, int64_t ms);
void s3_done(struct source *s, void *ticket, enum source_outcome outcome);

/* Readers, s3_reader.c. */
enum status s3_reader_new(struct source *s, struct source_reader **out, struct err *err);
void s3_reader_free(struct source_reader *r);
enum status s3_open(struct source_reader *r, const struct source_item *item,
                    struct source_bytes *out, struct err *err);
enum status s3_body(struct source_reader *r, const char *name, struct str uri, struct str key,
                    bool look, struct source_bytes *out, struct err *err);
enum status s3_client_new(struct s3_source *s, struct aws_client **out, struct err *err) MUST_USE;

#endif
