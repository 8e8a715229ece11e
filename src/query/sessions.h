/*
 * Gathers invocations until all calls of a session are together, in bounded memory, and hands
 * session after session to a visitor. Calls come in any order, from several threads, and their
 * number is limited by disk only: packed calls go to an unnamed temporary file in parts by
 * invocation.session; at the end part after part is read back, sorted and folded.
 *
 *     sessions_new(&options, threads, &s, &err);
 *     sessions_put(s, thread, &v, SESSIONS_SURE, &err);   …
 *     sessions_each(s, visit, ctx, &err);
 *
 * The result does not depend on the order of arrival nor on the number of threads; sessions come in
 * an order of their own (by part, then by hash), which callers must not show. Of several records of
 * one call that were put the one counts that invocation_beats.
 *
 * A call takes some 250 bytes of the file. All that is in memory at once keeps to `memory` bytes,
 * but for 4 MiB that are always allowed: an eighth is for what waits to be written, a quarter for
 * packed calls with their index, the rest for unpacked calls that are folded together, 1.2 KB each
 * and 140 bytes more for each use of a tool it tells of. Calls without an id are folded from pause
 * to pause, which changes nothing. A session that is longer than that is folded in pieces, which
 * do not depend on threads or on the order of arrival; what has an id is `continued` then
 * (model/session.h), what has none is several sessions. sessions_cuts counts them.
 */
#ifndef ASSAY_QUERY_SESSIONS_H
#define ASSAY_QUERY_SESSIONS_H

#include "model/series.h"
#include "model/session.h"

struct sessions;

struct sessions_options {
    struct series *series; /* borrowed */
    struct session_options fold;
    uint64_t memory; /* bytes of calls in memory at once, 0: 32 MiB; the rest is in the file */
};

struct sessions_cuts {
    int64_t sessions, pieces; /* sessions that were cut, and what became of them */
};

enum sessions_how {
    SESSIONS_SURE,    /* it counts */
    SESSIONS_PENDING, /* it counts if sessions_confirm says so */
};

enum status sessions_new(const struct sessions_options *o, int threads, struct sessions **out,
                         struct err *err) MUST_USE;
void sessions_free(struct sessions *s);

/* `thread` is 0 .. threads-1; each is used by one thread at a time. Invocations without an exchange
 * or with session 0 are passed over. Everything is copied. */
enum status sessions_put(struct sessions *s, int thread, const struct invocation *v,
                         enum sessions_how how, struct err *err) MUST_USE;
/* A duplicate that was put, before or after, has lost: only key, content, session and time of *v
 * matter. The time tells copies apart that differ in nothing else; a time that none of them has
 * stands for all. Both calls may come from another thread than the put did. */
enum status sessions_drop(struct sessions *s, int thread, const struct invocation *v,
                          struct err *err) MUST_USE;
enum status sessions_confirm(struct sessions *s, int thread, const struct invocation *v,
                             struct err *err) MUST_USE;

/* After all puts; one thread, and as often as wanted. What the visitor is shown is good during its
 * call. */
enum status sessions_each(struct sessions *s,
                          enum status (*each)(void *ctx, const struct session *s), void *ctx,
                          struct err *err) MUST_USE;
/* Of the last sessions_each. */
struct sessions_cuts sessions_cuts(const struct sessions *s);
/* Peak bytes of memory, of which those of calls that are folded are estimated; and bytes of the
 * file. */
uint64_t sessions_memory(const struct sessions *s);
uint64_t sessions_spilled(const struct sessions *s);

#endif
