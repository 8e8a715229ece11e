/* What the files of the S3 source share: requests in flight (s3_pool.c), where to look
 * (s3_search.c, s3_places.c), naming in the order of time (s3_walk.c, s3_line.c), items
 * (s3_items.c), the schedule (s3_schedule.c), opening (s3_reader.c). Included nowhere else.
 *
 * Who names items (one thread at a time) owns searches, walks and places; threads of the pool have
 * a job, and nothing else, as long as it is with them.
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
struct s3_source;
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

/* Something that one of the pool's threads does. First member of what it is about. */
struct job {
    struct job *next;
    enum status (*run)(struct job *j, struct lister *l, struct err *err);
    void *owner; /* the walk or the search */
    enum status status;
    bool denied;     /* s3_page_denied */
    struct err *why; /* of the last failure, of the heap; NULL: there was none, or no memory */
    int failures;    /* in a row */
};
void job_fini(struct job *j);

enum { POOL_THREADS = 8 }; /* requests in flight at most */
enum job_class { JOB_QUICK, JOB_WINDOW, JOB_SWEEP, JOB_SEARCH, JOB_CLASSES };
struct pool;
enum status pool_new(struct s3_source *s, struct pool **out, struct err *err) MUST_USE;
/* Ends the threads; jobs are where they are. */
void pool_stop(struct pool *p);
void pool_free(struct pool *p);
/* The job belongs to the pool until pool_take gives it back. Threads start as they are needed. */
enum status pool_put(struct pool *p, struct job *j, enum job_class class, struct err *err) MUST_USE;
/* A job that is done; NULL: none is. Does not wait: s3_wake is called when one is. */
struct job *pool_take(struct pool *p);
/* After pool_stop: what was put in and not taken out, one after another. */
struct job *pool_left(struct pool *p);
/* No job begins before that instant (monotonic); those that run go on. */
void pool_hold(struct pool *p, int64_t until_us);
bool pool_holds(struct pool *p);

/* A part of the bucket that is listed in one go. */
struct s3_place {
    size_t region_n;   /* length of its part up to the Region's slash; 0: outside the AWS layout */
    bool by_folder;    /* only the objects that lie here, not those in folders */
    bool exact;        /* the prefix is a key */
    bool empty;        /* an account without Regions: there is nothing to list */
    bool gone;         /* it was not there any more when places were looked for last */
    bool known;        /* a walk that began days ago came to its end: newest_us tells something */
    bool missed;       /* the last sweep did not come to its end */
    bool denied;       /* it was not allowed to be listed when that was tried last */
    int pages;         /* that the last listing of all of it took */
    int64_t newest_us; /* the last hour that was listed; 0: none was */
    char prefix[];     /* listed */
};
/* In the order of their prefixes. */
struct s3_places {
    struct s3_place **v;
    size_t n, cap;
};
enum status places_add(struct s3_places *p, struct str prefix, const struct s3_place *what,
                       struct err *err) MUST_USE;
void places_free(struct s3_places *p);
/* Takes those of *found that p does not have, and empties *found. Of the others all stays as it is,
 * so walks may go on. `whole`: what *found does not have is gone. */
enum status places_merge(struct s3_places *p, struct s3_places *found, bool whole,
                         struct err *err) MUST_USE;
/* Frees those that are gone; no walk may be running. */
void places_forget(struct s3_places *p);
/* There is a place that begins with the prefix. */
bool places_has_below(const struct s3_places *p, struct str prefix);
/* How many are there; with accounts that have no Regions. */
size_t places_count(const struct s3_places *p);
size_t places_known(const struct s3_places *p);
/* How many of them may not be listed. */
size_t places_denied(const struct s3_places *p);

/* Looking for places, folder by folder, many at a time. */
struct search {
    struct s3_source *source;
    struct s3_places found;
    bool running, shallow;
    bool any;        /* there is something below the root, whether it is of use or not */
    int refused;     /* folders that may not be looked into: what was known there stays */
    int above;       /* folders outside the layout that were asked for */
    int phase;       /* 0: folders; then the root itself; then the root as a key */
    size_t busy;     /* tasks on their way */
    int64_t from_us; /* when it began (monotonic) */
};
/* `shallow`: accounts that are known are not looked into again. */
enum status search_begin(struct search *k, struct s3_source *s, bool shallow,
                         struct err *err) MUST_USE;
/* What a task that went well has found; it is freed. */
enum status search_take(struct search *k, struct job *j, struct err *err) MUST_USE;
/* The same task again; or without what it would have found. */
enum status search_again(struct search *k, struct job *j, struct err *err) MUST_USE;
enum status search_drop(struct search *k, struct job *j, struct err *err) MUST_USE;
/* The prefix that a task is about; whether it is that of the source itself. */
const char *search_prefix(const struct job *j);
bool search_is_root(const struct job *j);
/* A task that nobody takes any more. */
void search_forget(struct job *j);
void search_end(struct search *k);

/* The end of the last day that a place in the AWS layout has, at most now_us; TIME_NONE when it has
 * none. Asks three times. */
enum status place_last(struct lister *l, const struct s3_place *p, int64_t now_us, int64_t *last_us,
                       struct err *err) MUST_USE;

/* A record's object, as a line holds it: `shared` bytes are those of the place's prefix. */
struct entry {
    uint32_t at;
    uint16_t n, shared;
    int64_t size, modified_us, hour;
};

/* A place on a walk: what is left of its last page. */
struct line {
    struct job job;
    struct s3_place *place;
    struct s3_listing listing;
    struct entry *entries;
    char *text;
    size_t n, next;
    int want, pages, archived; /* keys in a page; of the last page */
    int64_t newest_us;
};
/* The job of a line: its next page. */
enum status line_run(struct job *j, struct lister *l, struct err *err);
void line_drop_page(struct line *l);
void line_fini(struct line *l);

struct walk_object {
    struct str key;                     /* until the next */
    int64_t size, modified_us, hour_us; /* WALK_NO_HOUR: of none */
};
#define WALK_NO_HOUR INT64_MIN

/* Which places are listed: each costs a request, and there may be a thousand. */
enum walk_kind {
    WALK_ALL,
    WALK_MISSED, /* where the last way through all broke off */
    WALK_RECENT, /* not those that take long and cannot be begun in their middle */
    WALK_QUICK,  /* of these, those where something came in the last days, or nobody knows */
};
struct walk_options {
    enum walk_kind kind;
    enum job_class class;
    /* Hours of keys; objects outside the layout count when they were written after
     * modified_since_us. TIME_NONE: without an end. */
    int64_t since_us, until_us, modified_since_us;
    bool in_order; /* by the hours of keys; otherwise as the answers come */
    bool position; /* walk_position is wanted */
};

/* One way through all places. */
struct walk {
    struct walk_options o;
    struct pool *pool;
    struct line *lines;
    struct line **heap; /* of those that hold something, the earliest hour first */
    size_t n, begun, heap_n, busy;
    int64_t held, promised; /* keys that lines hold; that are asked for */
    int64_t hour, first_hour, last_us, now_us;
    int64_t archived;
    size_t dropped;
    struct job last; /* finds last_us */
    bool running, last_busy;
    struct buf key;
};
enum walk_step { WALK_GIVES, WALK_WAITS, WALK_ENDS };
enum status walk_begin(struct walk *w, struct pool *pool, const struct s3_places *places,
                       const struct walk_options *o, int64_t now_us, struct err *err) MUST_USE;
/* The next object that may hold records, if there is one without waiting. */
enum status walk_next(struct walk *w, struct walk_object *o, enum walk_step *step,
                      struct err *err) MUST_USE;
/* A page that went well. */
enum status walk_take(struct walk *w, struct job *j, struct err *err) MUST_USE;
/* The same page again, anew where a token may be too old; or the walk goes on without the rest of
 * the place. */
enum status walk_again(struct walk *w, struct job *j, bool anew, struct err *err) MUST_USE;
void walk_drop(struct walk *w, struct job *j);
struct s3_place *walk_place(const struct walk *w, const struct job *j); /* NULL: of none */
/* No job of it may be on its way. */
void walk_end(struct walk *w);
/* In parts per million, or -1. */
int64_t walk_position(const struct walk *w);

/* An item on its way: named, read, perhaps named again. */
struct ticket {
    struct ticket *next, *back; /* among those that wait to be named again, or that are out */
    int64_t size, modified_us, due_us;
    int tries;
    bool again;                   /* it waited for bodies: it was read to its end */
    _Atomic bool begun, unopened; /* somebody tried to open it; that failed */
    _Atomic bool gone, archived;  /* because of that */
    char name[];
};

/* Names that were given lately; what is beyond is forgotten, and named again. */
struct lately {
    uint64_t *slots; /* hashes, of the heap; NULL: nothing is remembered */
    size_t cap, used, most;
};

/* The last hours again and again; what may have come late; all there is. */
enum { QUICK, WINDOW, SWEEP, WALKS };

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

    struct aws_client *clock; /* for the time; it is never asked */
    struct pool *pool;
    struct s3_places places;
    struct search search;
    struct walk walks[WALKS];
    int turn;         /* the walk that names next */
    bool found, some; /* places were looked for; there was something */
    bool ended;       /* the only pass is over */
    int above;        /* folders that looking for places took outside the layout */
    /* Monotonic: when each walk is due; since when places are known, and all of them. */
    int64_t due_at[WALKS], missed_at, looked_at, looked_all_at;
    _Atomic int failures;   /* in a row, of listings; those in flight together count once */
    int missed_n;           /* in a row, sweeps that were not whole */
    _Atomic bool left_out;  /* more items failed than can be named again, or folders were not looked
                             * into; a sweep finds them */
    _Atomic int64_t denied; /* places that may not be listed */
    _Atomic int64_t unseen; /* folders of the last search that may not */
    int64_t archived;       /* objects, of the last sweep */
    int64_t named;          /* items */
    _Atomic int64_t begun;  /* of these: opened, or handed back unopened */
    struct buf name;        /* of the item */
    struct hash_key key;

    pthread_mutex_t lock; /* what is below */
    pthread_cond_t wake;
    uint64_t events, events_seen; /* what s3_wait waits for; as of the last `next` */
    struct lately lately;
    struct ticket *waiting, *out;
    int64_t waiting_due_us;  /* not before that: the first of them */
    size_t waiting_n, out_n; /* named again later; not handed back yet */
};

/* Something happened that the naming may go on with. From any thread. */
void s3_wake(struct s3_source *s);
/* The server answered as it should; that places may not be listed stays the last word. */
void s3_well(struct s3_source *s);

/* The schedule, s3_schedule.c: the next object of the ways that are being gone, or nothing; *idle:
 * not before s3_wake, or some time. */
enum status schedule_step(struct s3_source *s, struct source_item *item, bool *idle,
                          struct err *err) MUST_USE;
/* Frees walks and searches, and the jobs that are done; behind pool_stop. */
void schedule_end(struct s3_source *s);

/* Items, s3_items.c. */
/* Names, 8 bytes each: at first, while only old ones are many, and at most. */
enum { LATELY_LEAST = 1 << 10, LATELY_OLD = 1 << 16, LATELY_MOST = 1 << 20 };
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
