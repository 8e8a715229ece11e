/*
 * The sessions of one part: an index of its records is sorted by session and call, so that what was
 * put, dropped and confirmed of one call lies together; then session after session is unpacked and
 * folded, so that besides the packed part only one session is in memory.
 */
#include "base/varint.h"
#include "model/invocation_pack.h"
#include "query/sessions_internal.h"

#include <stdlib.h>

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_call(const void *a, const void *b)
{
    const struct index_entry *x = a, *y = b;
    int order = compare(x->session, y->session);
    order = order ? order : compare(x->key.hi, y->key.hi);
    order = order ? order : compare(x->key.lo, y->key.lo);
    order = order ? order : compare(x->content, y->content);
    order = order ? order : compare((uint64_t)x->time_us, (uint64_t)y->time_us);
    order = order ? order : compare(x->kind, y->kind);
    return order ? order : compare(x->at, y->at);
}

static bool same_call(const struct index_entry *a, const struct index_entry *b)
{
    return a->session == b->session && hash128_eq(a->key, b->key);
}

static enum status changed(struct err *err)
{
    return err_set(err, ERR_IO, "the temporary file was changed from outside");
}

static enum status load(struct visit *visit, struct session_stream *const *streams, size_t n,
                        size_t *records, struct err *err)
{
    size_t bytes = 0;
    *records = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += streams[i]->bytes.bytes;
        *records += streams[i]->records;
    }
    buf_reset(&visit->bytes);
    if (!buf_reserve(&visit->bytes, bytes))
        return err_nomem(err);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < spill_pieces(&streams[i]->bytes); k++)
            TRY(spill_take(visit->s->spill, &streams[i]->bytes, k, &visit->bytes, err));
    if (*records > visit->entries_cap) {
        free(visit->entries);
        visit->entries_cap = 0;
        visit->entries = calloc(*records, sizeof *visit->entries);
        if (!visit->entries)
            return err_nomem(err);
        visit->entries_cap = *records;
    }
    return OK;
}

static enum status make_index(struct visit *visit, size_t records, struct err *err)
{
    struct unpack u = unpack_of(visit->bytes.p, visit->bytes.n);
    for (size_t i = 0; i < records; i++) {
        enum record_kind kind;
        struct str record;
        struct invocation v;
        if (!sessions_next(&u, &kind, &record) ||
            invocation_unpack((const unsigned char *)record.p, record.n, &v) == 0)
            return changed(err);
        visit->entries[i] = (struct index_entry){
            .session = v.session,
            .key = v.key,
            .content = v.content,
            .time_us = v.time_us,
            .kind = kind,
            .n = (uint32_t)record.n,
            .at = (size_t)(record.p - visit->bytes.p),
        };
    }
    if (u.p != u.end)
        return changed(err);
    qsort(visit->entries, records, sizeof *visit->entries, by_call);
    return OK;
}

static const unsigned char *bytes_at(const struct visit *visit, const struct index_entry *e)
{
    return (const unsigned char *)visit->bytes.p + e->at;
}

/* What is said about one version of a call: several entries with equal content. */
struct version {
    bool confirmed;
    bool dropped; /* whatever its time: no call was put with the time of the drop */
};

static struct version version_of(const struct index_entry *e, size_t n)
{
    struct version v = {false, false};
    for (size_t i = 0, end; i < n; i = end) {
        bool put = false, drop = false;
        for (end = i; end < n && e[end].time_us == e[i].time_us; end++) {
            put |= e[end].kind == RECORD_SURE;
            drop |= e[end].kind == RECORD_DROP;
            v.confirmed |= e[end].kind == RECORD_CONFIRM;
        }
        v.dropped |= drop && !put;
    }
    return v;
}

/* The entry of the call that counts, NULL when none does; all n entries have its key. */
static const struct index_entry *choose(const struct visit *visit, const struct index_entry *e,
                                        size_t n)
{
    const struct index_entry *best = NULL;
    struct invocation kept = {0}, v;
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && e[to].content == e[from].content;)
            to++;
        struct version version = version_of(&e[from], to - from);
        for (size_t i = from, end; i < to; i = end) {
            const struct index_entry *found = NULL;
            bool dropped = version.dropped;
            for (end = i; end < to && e[end].time_us == e[i].time_us; end++) {
                bool live = e[end].kind == RECORD_SURE ||
                            (e[end].kind == RECORD_PENDING && version.confirmed);
                found = !found && live ? &e[end] : found;
                dropped |= e[end].kind == RECORD_DROP;
            }
            if (!found || (dropped && found->kind == RECORD_SURE) ||
                invocation_unpack(bytes_at(visit, found), found->n, &v) == 0)
                continue;
            if (!best || invocation_beats(&v, &kept)) {
                best = found;
                kept = v;
            }
        }
    }
    return best;
}

static enum status unpack_call(struct visit *visit, const struct index_entry *e,
                               struct session_call *call, struct err *err)
{
    const unsigned char *p = bytes_at(visit, e);
    *call = (struct session_call){.thread = 0};
    struct exchange *x = arena_alloc(&visit->arena, sizeof *x);
    if (!x)
        return err_nomem(err);
    size_t used = invocation_unpack(p, e->n, &call->v);
    struct unpack u = unpack_of(p + used, e->n - used);
    enum status status = exchange_unpack(&u, &visit->arena, x);
    call->v.exchange = x;
    return status == OK ? OK : status == ERR_NOMEM ? err_nomem(err) : changed(err);
}

static enum status take_call(struct visit *visit, const struct index_entry *e, size_t n,
                             size_t *calls_n, struct err *err)
{
    const struct index_entry *chosen = choose(visit, e, n);
    if (!chosen)
        return OK;
    if (*calls_n == visit->calls_cap) {
        size_t cap = visit->calls_cap ? visit->calls_cap * 2 : 64;
        struct session_call *calls = realloc(visit->calls, cap * sizeof *calls);
        if (!calls)
            return err_nomem(err);
        visit->calls = calls;
        visit->calls_cap = cap;
    }
    TRY(unpack_call(visit, chosen, &visit->calls[*calls_n], err));
    ++*calls_n;
    return OK;
}

static int by_flags(const void *a, const void *b)
{
    const struct session_call *x = a, *y = b;
    return compare(x->flags, y->flags);
}

/* Calls of one hash: of one principal, unless two collide. The principal's symbol stands in flags
 * meanwhile. */
static enum status fold_calls(struct visit *visit, size_t n, struct err *err)
{
    const struct sessions *s = visit->s;
    struct session_call *calls = visit->calls;
    bool several = false;
    for (size_t i = 0; i < n; i++) {
        calls[i].flags =
            s->o.series ? series_labels(s->o.series, calls[i].v.series)->v[LABEL_PRINCIPAL] : 0;
        several |= calls[i].flags != calls[0].flags;
    }
    if (several)
        qsort(calls, n, sizeof *calls, by_flags);
    for (size_t from = 0, to; from < n; from = to) {
        uint32_t principal = calls[from].flags;
        for (to = from; to < n && calls[to].flags == principal;)
            to++;
        TRY(session_fold(&calls[from], to - from, &s->o.fold, &visit->arena, visit->each,
                         visit->ctx, err));
    }
    return OK;
}

enum status sessions_read(struct visit *visit, struct session_stream *const *streams, size_t n,
                          struct err *err)
{
    size_t records;
    TRY(load(visit, streams, n, &records, err));
    TRY(make_index(visit, records, err));
    const struct index_entry *e = visit->entries;
    for (size_t i = 0; i < records;) {
        size_t calls_n = 0;
        uint64_t session = e[i].session;
        arena_reset(&visit->arena);
        for (size_t end; i < records && e[i].session == session; i = end) {
            for (end = i; end < records && same_call(&e[end], &e[i]);)
                end++;
            TRY(take_call(visit, &e[i], end - i, &calls_n, err));
        }
        TRY(fold_calls(visit, calls_n, err));
        sessions_note_memory(visit->s, visit->bytes.cap + visit->entries_cap * sizeof *e +
                                           visit->calls_cap * sizeof *visit->calls +
                                           visit->arena.used);
    }
    return OK;
}

void sessions_visit_fini(struct visit *visit)
{
    buf_fini(&visit->bytes);
    free(visit->entries);
    free(visit->calls);
    arena_fini(&visit->arena);
}
