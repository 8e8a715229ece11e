/*
 * A part that does not fit into memory though all of it is one session: a service that sends the
 * same words for months, an id that everybody uses. Its records are dealt out by the hash of the
 * call, so that what was put, dropped and confirmed of one call stays together; of each such share
 * the calls that count are put in order and written as a run; then the runs are merged.
 */
#include "query/sessions_internal.h"

#include <stdlib.h>

enum { MOST_RUNS = 4096 };

struct run {
    struct session_stream stream;
    size_t piece;     /* the next one to read */
    struct buf bytes; /* read, from `at` not yet used */
    size_t at;
    struct call_place place; /* the next call */
};

struct sorter {
    struct visit *visit;
    struct session_stream *shares;
    struct run *runs;
    size_t n;
    struct run **heap;
    size_t heap_n;
    struct buf bytes;
};

static enum status changed(struct err *err)
{
    return err_set(err, ERR_IO, "the temporary file was changed from outside");
}

static enum status write_run(struct sorter *t, size_t i, struct err *err)
{
    struct visit *visit = t->visit;
    struct spill *spill = visit->s->spill;
    struct session_stream *share = &t->shares[i];
    struct spill_stream *out = &t->runs[i].stream.bytes;
    size_t n = 0;
    if (share->records == 0)
        return OK;
    TRY(sessions_load(visit, &share, 1, &n, err));
    TRY(sessions_place(visit, visit->entries, n, err));
    for (size_t k = 0; k < n; k++) {
        const struct call_place *place = &visit->places[k];
        TRY(spill_append(spill, out, place, sizeof *place, err));
        TRY(spill_append(spill, out, visit->bytes.p + place->at, place->n, err));
    }
    sessions_note_memory(visit->s, visit->bytes.cap + visit->entries_cap * sizeof *visit->entries +
                                       visit->places_cap * sizeof *visit->places);
    spill_fini(spill, &share->bytes);
    return OK;
}

/* Makes n bytes of the run readable; false at its end. */
static enum status ensure(struct sorter *t, struct run *run, size_t n, bool *there, struct err *err)
{
    while (run->bytes.n - run->at < n && run->piece < spill_pieces(&run->stream.bytes)) {
        size_t left = run->bytes.n - run->at;
        if (left)
            memmove(run->bytes.p, run->bytes.p + run->at, left);
        run->bytes.n = left;
        run->at = 0;
        TRY(spill_take(t->visit->s->spill, &run->stream.bytes, run->piece++, &run->bytes, err));
    }
    *there = run->bytes.n - run->at >= n;
    return OK;
}

/* The place of the next call, behind which its bytes are. */
static enum status advance(struct sorter *t, struct run *run, bool *more, struct err *err)
{
    bool whole;
    TRY(ensure(t, run, sizeof run->place, more, err));
    if (!*more)
        return run->bytes.n == run->at ? OK : changed(err);
    memcpy(&run->place, run->bytes.p + run->at, sizeof run->place);
    run->at += sizeof run->place;
    TRY(ensure(t, run, run->place.n, &whole, err));
    return whole ? OK : changed(err);
}

static bool before(const struct run *a, const struct run *b)
{
    return sessions_compare(&a->place, &b->place) < 0;
}

/* The first run of the heap may not be the least. */
static void sift(struct sorter *t)
{
    for (size_t i = 0, least;; i = least) {
        least = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < t->heap_n; k++)
            if (before(t->heap[k], t->heap[least]))
                least = k;
        if (least == i)
            return;
        struct run *swap = t->heap[i];
        t->heap[i] = t->heap[least];
        t->heap[least] = swap;
    }
}

static int by_place(const void *a, const void *b)
{
    const struct run *const *x = a, *const *y = b;
    return sessions_compare(&(*x)->place, &(*y)->place);
}

static enum status merge(struct sorter *t, struct err *err)
{
    uint64_t held = 0;
    for (size_t i = 0; i < t->n; i++) {
        bool more;
        TRY(advance(t, &t->runs[i], &more, err));
        held += t->runs[i].bytes.cap;
        if (more)
            t->heap[t->heap_n++] = &t->runs[i];
    }
    sessions_note_memory(t->visit->s, held + t->visit->s->fold_limit);
    if (t->heap_n > 1)
        qsort(t->heap, t->heap_n, sizeof(struct run *), by_place);
    while (t->heap_n > 0) {
        struct run *run = t->heap[0];
        bool more;
        TRY(sessions_slice(t->visit, &run->place, (unsigned char *)run->bytes.p + run->at, err));
        run->at += run->place.n;
        TRY(advance(t, run, &more, err));
        if (!more)
            t->heap[0] = t->heap[--t->heap_n];
        sift(t);
    }
    return sessions_slice_end(t->visit, err);
}

/* The part's own bytes are no longer needed: memory is for what is folded. */
static void forget_part(struct visit *visit)
{
    buf_fini(&visit->bytes);
    buf_init(&visit->bytes, SIZE_MAX);
    free(visit->entries);
    free(visit->places);
    visit->entries = NULL;
    visit->places = NULL;
    visit->entries_cap = visit->places_cap = 0;
}

static enum status sort(struct sorter *t, struct session_stream *const *streams, size_t n,
                        struct err *err)
{
    const struct session_deal by = {.to = t->shares, .n = t->n, .by_call = true};
    for (size_t i = 0; i < n; i++)
        TRY(sessions_deal(t->visit->s, streams[i], &by, &t->bytes, err));
    sessions_note_memory(t->visit->s, t->bytes.cap);
    buf_fini(&t->bytes);
    for (size_t i = 0; i < t->n; i++)
        TRY(write_run(t, i, err));
    forget_part(t->visit);
    return merge(t, err);
}

enum status sessions_sort(struct visit *visit, struct session_stream *const *streams, size_t n,
                          uint64_t need, struct err *err)
{
    uint64_t shares = need / (visit->s->part_limit / 2) + 1;
    struct sorter t = {.visit = visit, .n = shares < MOST_RUNS ? (size_t)shares : MOST_RUNS};
    buf_init(&t.bytes, SIZE_MAX);
    t.shares = calloc(t.n, sizeof *t.shares);
    t.runs = calloc(t.n, sizeof *t.runs);
    t.heap = calloc(t.n, sizeof(struct run *));
    bool made = t.shares && t.runs && t.heap;
    for (size_t i = 0; made && i < t.n; i++)
        buf_init(&t.runs[i].bytes, SIZE_MAX);
    enum status status = made ? sort(&t, streams, n, err) : err_nomem(err);
    for (size_t i = 0; made && i < t.n; i++) {
        spill_fini(visit->s->spill, &t.shares[i].bytes);
        spill_fini(visit->s->spill, &t.runs[i].stream.bytes);
        buf_fini(&t.runs[i].bytes);
    }
    buf_fini(&t.bytes);
    free(t.shares);
    free(t.runs);
    free(t.heap);
    return status;
}
