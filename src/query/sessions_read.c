/*
 * The sessions of one part: an index of its records is sorted by session and call, so that what was
 * put, dropped and confirmed of one call lies together; then session after session is unpacked and
 * folded, so that besides the packed part only one session is in memory, or a piece of it.
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
        size_t used;
        if (!sessions_next(&u, &kind, &record) ||
            (used = invocation_unpack((const unsigned char *)record.p, record.n, &v)) == 0)
            return changed(err);
        struct unpack rest = unpack_of(record.p + used, record.n - used);
        bool put = kind == RECORD_SURE || kind == RECORD_PENDING;
        visit->entries[i] = (struct index_entry){
            .session = v.session,
            .key = v.key,
            .content = v.content,
            .time_us = v.time_us,
            .kind = (uint8_t)kind,
            .listed = put ? (uint16_t)unpack_u64(&rest) : 0,
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

uint32_t sessions_principal(const struct sessions *s, uint32_t series)
{
    return s->o.series ? series_labels(s->o.series, series)->v[LABEL_PRINCIPAL] : 0;
}

static bool make_room(struct visit *visit)
{
    if (visit->calls_n < visit->calls_cap)
        return true;
    size_t cap = visit->calls_cap ? visit->calls_cap * 2 : 64;
    struct session_call *calls = realloc(visit->calls, cap * sizeof *calls);
    if (!calls)
        return false;
    visit->calls = calls;
    visit->calls_cap = cap;
    return true;
}

/* Nearly all calls that come together have one id. */
static struct str keep_id(struct visit *visit, struct str id)
{
    if (id.n == 0)
        return STR("");
    if (visit->calls_n > 0) {
        struct str last = visit->calls[visit->calls_n - 1].v.exchange->session;
        if (str_eq(last, id))
            return last;
    }
    return arena_str(&visit->arena, id);
}

enum status sessions_unpack(struct visit *visit, const unsigned char *p, size_t n, struct err *err)
{
    struct exchange *x = arena_alloc(&visit->arena, sizeof *x);
    if (!x || !make_room(visit))
        return err_nomem(err);
    struct session_call *call = &visit->calls[visit->calls_n];
    *call = (struct session_call){.thread = 0};
    size_t used = invocation_unpack(p, n, &call->v);
    struct unpack u = unpack_of(p + used, n - used);
    unpack_u64(&u);
    enum status status = exchange_unpack(&u, &visit->arena, x);
    if (status == OK) {
        x->session = keep_id(visit, x->session);
        status = visit->arena.failed ? ERR_NOMEM : OK;
    }
    call->v.exchange = x;
    visit->calls_n++;
    return status == OK ? OK : status == ERR_NOMEM ? err_nomem(err) : changed(err);
}

static int by_flags(const void *a, const void *b)
{
    const struct session_call *x = a, *y = b;
    return compare(x->flags, y->flags);
}

/* Calls of one hash: of one principal, unless two collide. The principal's symbol stands in flags
 * meanwhile. */
enum status sessions_fold(struct visit *visit, const struct session_before *before, struct err *err)
{
    const struct sessions *s = visit->s;
    struct session_options options = s->o.fold;
    struct session_call *calls = visit->calls;
    size_t n = visit->calls_n;
    uint64_t weight = 0;
    bool several = false;
    enum status status = OK;
    options.before = before;
    for (size_t i = 0; i < n; i++) {
        const struct exchange *x = calls[i].v.exchange;
        weight += session_weight(x->made_n + x->earlier_n + x->commands_n);
        calls[i].flags = sessions_principal(s, calls[i].v.series);
        several |= calls[i].flags != calls[0].flags;
    }
    if (several)
        qsort(calls, n, sizeof *calls, by_flags);
    for (size_t from = 0, to; status == OK && from < n; from = to) {
        uint32_t principal = calls[from].flags;
        for (to = from; to < n && calls[to].flags == principal;)
            to++;
        status = session_fold(&calls[from], to - from, &options, &visit->arena, visit->each,
                              visit->ctx, err);
    }
    sessions_note_memory(visit->s, visit->bytes.cap + visit->entries_cap * sizeof *visit->entries +
                                       visit->places_cap * sizeof *visit->places + weight);
    return status;
}

void sessions_forget(struct visit *visit)
{
    arena_reset(&visit->arena);
    visit->calls_n = 0;
}

/* Leaves the calls that count at the beginning of the entries, which are in the order of calls. */
static size_t choose_all(struct visit *visit, size_t records)
{
    struct index_entry *e = visit->entries;
    size_t n = 0;
    for (size_t i = 0, end; i < records; i = end) {
        for (end = i; end < records && same_call(&e[end], &e[i]);)
            end++;
        const struct index_entry *chosen = choose(visit, &e[i], end - i);
        if (chosen)
            e[n++] = *chosen;
    }
    return n;
}

enum status sessions_load(struct visit *visit, struct session_stream *const *streams,
                          size_t streams_n, size_t *n, struct err *err)
{
    size_t records;
    TRY(load(visit, streams, streams_n, &records, err));
    TRY(make_index(visit, records, err));
    *n = choose_all(visit, records);
    return OK;
}

/* Calls of one hash, which fit into what is folded at once or not. */
static enum status read_one(struct visit *visit, const struct index_entry *e, size_t n,
                            struct err *err)
{
    uint64_t weight = 0;
    for (size_t i = 0; i < n; i++)
        weight += session_weight(e[i].listed);
    if (weight <= visit->s->fold_limit) {
        for (size_t i = 0; i < n; i++)
            TRY(sessions_unpack(visit, bytes_at(visit, &e[i]), e[i].n, err));
        TRY(sessions_fold(visit, NULL, err));
        sessions_forget(visit);
        return OK;
    }
    TRY(sessions_place(visit, e, n, err));
    for (size_t i = 0; i < n; i++) {
        const struct call_place *place = &visit->places[i];
        TRY(sessions_slice(visit, place, (const unsigned char *)visit->bytes.p + place->at, err));
    }
    return sessions_slice_end(visit, err);
}

enum status sessions_read(struct visit *visit, struct session_stream *const *streams,
                          size_t streams_n, struct err *err)
{
    size_t n;
    TRY(sessions_load(visit, streams, streams_n, &n, err));
    const struct index_entry *e = visit->entries;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && e[end].session == e[i].session;)
            end++;
        TRY(read_one(visit, &e[i], end - i, err));
    }
    return OK;
}

void sessions_visit_fini(struct visit *visit)
{
    buf_fini(&visit->bytes);
    free(visit->entries);
    free(visit->places);
    free(visit->calls);
    free(visit->slice.uses);
    arena_fini(&visit->arena);
}
