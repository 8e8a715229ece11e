/*
 * One session in the order of its calls: found by its id, or by a beginning of it that no other
 * session has.
 *
 *     timeline_finder_new(&options, &f, &err);
 *     sessions_each(sessions, timeline_session, f, &err);
 *     if (timeline_found(f)) …  else the list of timeline_matches(f)
 *
 * Timelines own their texts. One thread.
 */
#ifndef ASSAY_QUERY_TIMELINE_H
#define ASSAY_QUERY_TIMELINE_H

#include "model/directory.h"
#include "query/about.h"
#include "query/question.h"
#include "query/runaway.h"

struct timeline_use {
    uint8_t kind; /* enum tool_kind */
    struct str server, name;
    int64_t n, errors;
};

struct timeline_call {
    int64_t time_us;
    int32_t thread;
    uint8_t kind;   /* enum call_kind */
    uint32_t flags; /* enum session_call_flag */
    uint32_t prompts;
    struct str purpose;                                      /* of background calls */
    struct str model;                                        /* base model, or as logged */
    struct str error;                                        /* errorCode */
    int64_t context, input, cache_read, cache_write, output; /* tokens */
    bool priced;                                             /* there is an amount */
    money_sum cost;
    int64_t idle_us; /* since the call before in its thread */
    int64_t cold_tokens;
    money_sum cold_excess;
    const struct timeline_use *uses; /* made by its answer; equal ones are one, in order */
    size_t uses_n;
};

struct timeline_thread {
    uint8_t kind; /* enum call_kind */
    int32_t parent;
    uint32_t depth, calls, turns, generations;
    struct str name; /* type of the sub-agent, purpose */
    bool peaked;     /* some call is no compaction: peak_context is known */
    int64_t peak_context;
    money_sum cost;
};

struct timeline {
    struct arena arena;
    struct session s; /* figures only; its lists and texts are gone */
    struct str id, user, harness, version, entrypoint, repository;
    int64_t requests, seen; /* calls; of them those whose request was seen */
    bool has_main;          /* otherwise s.peak_context is not known */
    int64_t unshown;        /* later calls: the session was too long to be folded at once */
    int64_t names_cut;      /* names in their bodies that are none, and what limits left out */
    struct runaway runaway;
    struct str signals;
    struct timeline_call *calls;
    struct timeline_thread *threads;
    size_t calls_n, threads_n;
    /* The caller's to fill: what was asked (zone, limit, period), and of what. */
    const struct question *question;
    size_t skip; /* calls that are not shown, before those that are */
    struct about about;
    struct str prices_date;
};

struct timeline_match {
    struct str id, user;
    int64_t first_us, requests;
    money_sum cost;
};

enum { TIMELINE_MATCHES = 100 };

struct timeline_options {
    struct str id;                     /* or its beginning; borrowed */
    const struct series *series;       /* borrowed */
    const struct directory *directory; /* may be NULL */
    struct runaway_limits limits;
};

struct timeline_finder;
enum status timeline_finder_new(const struct timeline_options *o, struct timeline_finder **out,
                                struct err *err) MUST_USE;
void timeline_finder_free(struct timeline_finder *f);
/* ctx is the struct timeline_finder. ERR_NOMEM only. */
enum status timeline_session(void *ctx, const struct session *s) MUST_USE;
/* The session that is meant: the one with this very id, or else the only one whose id begins so.
 * NULL when there is none, or when there are several. Borrowed. */
struct timeline *timeline_found(struct timeline_finder *f);
/* All that match, by id then time, at most TIMELINE_MATCHES; *total counts the others too. */
const struct timeline_match *timeline_matches(struct timeline_finder *f, size_t *n, size_t *total);

#endif
