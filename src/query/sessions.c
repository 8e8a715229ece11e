/*
 * Calls on their way to sessions: see sessions.h. Each thread has a lane of 64 streams (spill.h),
 * one per part of the sessions' hashes; what is put, dropped and confirmed is appended as a packed
 * record. In the end the streams of a part are read into memory, an index of their records is
 * sorted, and session after session is unpacked and folded. A part that is too large is first dealt
 * out to 64 streams by the next bits of the hash, and where a single session is, it is sorted in
 * the file (sessions_sort.c).
 */
#include "query/sessions.h"

#include "base/varint.h"
#include "model/invocation_pack.h"
#include "query/sessions_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    DEFAULT_MEMORY = 32 << 20,
    LEAST_BLOCK = 512, /* bytes of a stream in memory */
    LARGEST_BLOCK = 16 << 10,
    LANES_SHARE = 8, /* of the memory, for what the lanes hold */
    PART_SHARE = 4,
    LEAST_PART = 64 << 10,
    LEAST_FOLD = 4 << 20,
    LEVELS = 64 / BITS,    /* of parts of parts: then the hash is used up */
    RECORD_MAX = 32 << 10, /* bytes: two full lists of uses */
};

/* An id in the log cannot choose its part: the hash is keyed. What tests choose is mixed. */
static unsigned part_of(uint64_t session, int level)
{
    uint64_t x = session * UINT64_C(0x9E3779B97F4A7C15);
    x ^= x >> 32;
    x *= UINT64_C(0xD6E8FEB86659FD93);
    return (unsigned)(x >> (64 - BITS * (level + 1)) & (SESSION_PARTS - 1));
}

enum status sessions_new(const struct sessions_options *o, int threads, struct sessions **out,
                         struct err *err)
{
    struct sessions *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    s->o = *o;
    s->o.memory = o->memory ? o->memory : DEFAULT_MEMORY;
    s->o.fold.series = o->series;
    s->threads = threads;
    uint64_t share = s->o.memory / LANES_SHARE / SESSION_PARTS / (unsigned)threads;
    uint32_t block = LEAST_BLOCK;
    while (block < LARGEST_BLOCK && block * UINT64_C(2) <= share)
        block *= 2;
    s->block = block;
    s->part_limit = s->o.memory / PART_SHARE;
    s->fold_limit = s->o.memory - s->part_limit - s->o.memory / LANES_SHARE;
    s->part_limit = s->part_limit < LEAST_PART ? LEAST_PART : s->part_limit;
    s->fold_limit = s->fold_limit < LEAST_FOLD ? LEAST_FOLD : s->fold_limit;
    s->lanes = calloc((size_t)threads, sizeof *s->lanes);
    enum status status = s->lanes ? spill_new(block, &s->spill, err) : err_nomem(err);
    for (int i = 0; s->lanes && i < threads; i++)
        buf_init(&s->lanes[i].record, RECORD_MAX);
    if (status != OK)
        sessions_free(s);
    else
        *out = s;
    return status;
}

void sessions_free(struct sessions *s)
{
    if (!s)
        return;
    for (int i = 0; s->lanes && i < s->threads; i++) {
        for (int k = 0; s->spill && k < SESSION_PARTS; k++)
            spill_fini(s->spill, &s->lanes[i].part[k].bytes);
        buf_fini(&s->lanes[i].record);
    }
    free(s->lanes);
    spill_free(s->spill);
    free(s);
}

void sessions_note_memory(struct sessions *s, uint64_t more)
{
    uint64_t now = spill_memory(s->spill) + more, peak = atomic_load(&s->peak);
    while (now > peak && !atomic_compare_exchange_weak(&s->peak, &peak, now))
        ;
}

uint64_t sessions_memory(const struct sessions *s)
{
    return atomic_load(&s->peak);
}

struct sessions_cuts sessions_cuts(const struct sessions *s)
{
    return s->cuts;
}

uint64_t sessions_spilled(const struct sessions *s)
{
    return spill_bytes(s->spill);
}

/* A record is its length and kind, then the invocation, then of a call that was put the number of
 * entries of its lists and the exchange. */
enum status sessions_append(struct sessions *s, struct session_stream *stream, uint64_t session,
                            enum record_kind kind, struct str bytes, struct err *err)
{
    uint8_t head[VARINT_MAX];
    size_t n = (size_t)(pack_u64(head, (uint64_t)bytes.n << KIND_BITS | kind) - head);
    stream->several |= stream->records > 0 && stream->session != session;
    stream->session = session;
    stream->records++;
    TRY(spill_append(s->spill, &stream->bytes, head, n, err));
    return spill_append(s->spill, &stream->bytes, bytes.p, bytes.n, err);
}

static enum status add(struct sessions *s, int thread, const struct invocation *v,
                       enum record_kind kind, struct err *err)
{
    struct lane *lane = &s->lanes[thread];
    struct buf *record = &lane->record;
    if (v->session == 0)
        return OK;
    buf_reset(record);
    if (!buf_reserve(record, PACK_MAX + VARINT_MAX))
        return err_nomem(err);
    record->n = invocation_pack(v, (unsigned char *)record->p);
    if (kind == RECORD_SURE || kind == RECORD_PENDING) {
        const struct exchange *x = v->exchange;
        uint8_t *p = (uint8_t *)record->p + record->n;
        record->n += (size_t)(pack_u64(p, x->made_n + x->earlier_n + x->commands_n) - p);
        exchange_pack(x, record);
    }
    if (buf_status(record) != OK)
        return buf_status(record) == ERR_NOMEM
                   ? err_nomem(err)
                   : err_set(err, ERR_LIMIT, "a call has more uses of tools than a record holds");
    struct session_stream *stream = &lane->part[part_of(v->session, 0)];
    size_t before = spill_pieces(&stream->bytes);
    TRY(sessions_append(s, stream, v->session, kind, buf_view(record), err));
    if (spill_pieces(&stream->bytes) != before)
        sessions_note_memory(s, 0);
    return OK;
}

enum status sessions_put(struct sessions *s, int thread, const struct invocation *v,
                         enum sessions_how how, struct err *err)
{
    if (!v->exchange)
        return OK;
    return add(s, thread, v, how == SESSIONS_SURE ? RECORD_SURE : RECORD_PENDING, err);
}

/* What names a call that was put: no more of it goes to the file. */
static struct invocation name_of(const struct invocation *v)
{
    return (struct invocation){
        .time_us = v->time_us, .key = v->key, .content = v->content, .session = v->session};
}

enum status sessions_drop(struct sessions *s, int thread, const struct invocation *v,
                          struct err *err)
{
    struct invocation name = name_of(v);
    return add(s, thread, &name, RECORD_DROP, err);
}

enum status sessions_confirm(struct sessions *s, int thread, const struct invocation *v,
                             struct err *err)
{
    struct invocation name = name_of(v);
    return add(s, thread, &name, RECORD_CONFIRM, err);
}

/* Takes a whole record off the front; false when there is none. */
bool sessions_next(struct unpack *u, enum record_kind *kind, struct str *bytes)
{
    struct unpack ahead = *u;
    uint64_t head = unpack_u64(&ahead);
    if (ahead.bad || head >> KIND_BITS > (uint64_t)(ahead.end - ahead.p))
        return false;
    *kind = (enum record_kind)(head & ((1 << KIND_BITS) - 1));
    *bytes = str_of((const char *)ahead.p, (size_t)(head >> KIND_BITS));
    ahead.p += bytes->n;
    *u = ahead;
    return true;
}

static size_t share_of(const struct session_deal *deal, const struct invocation *v)
{
    return deal->by_call ? (size_t)((v->key.hi >> 32) * deal->n >> 32)
                         : part_of(v->session, deal->level);
}

enum status sessions_deal(struct sessions *s, const struct session_stream *from,
                          const struct session_deal *deal, struct buf *bytes, struct err *err)
{
    buf_reset(bytes);
    for (size_t i = 0; i < spill_pieces(&from->bytes); i++) {
        TRY(spill_take(s->spill, &from->bytes, i, bytes, err));
        struct unpack u = unpack_of(bytes->p, bytes->n);
        enum record_kind kind;
        struct str record;
        while (sessions_next(&u, &kind, &record)) {
            struct invocation v;
            if (invocation_unpack((const unsigned char *)record.p, record.n, &v) == 0)
                return err_set(err, ERR_IO, "the temporary file was changed from outside");
            TRY(sessions_append(s, &deal->to[share_of(deal, &v)], v.session, kind, record, err));
        }
        size_t left = (size_t)(u.end - u.p);
        if (left)
            memmove(bytes->p, u.p, left);
        bytes->n = left;
    }
    if (bytes->n)
        return err_set(err, ERR_IO, "the temporary file was changed from outside");
    return OK;
}

static enum status read_part(struct visit *visit, struct session_stream *const *streams, size_t n,
                             int level, struct err *err);

static enum status split(struct visit *visit, struct session_stream *const *streams, size_t n,
                         int level, struct err *err)
{
    struct sessions *s = visit->s;
    struct session_stream *parts = calloc(SESSION_PARTS, sizeof *parts);
    const struct session_deal by = {.to = parts, .n = SESSION_PARTS, .level = level};
    struct buf bytes;
    buf_init(&bytes, SIZE_MAX);
    enum status status = parts ? OK : err_nomem(err);
    for (size_t i = 0; status == OK && i < n; i++)
        status = sessions_deal(s, streams[i], &by, &bytes, err);
    sessions_note_memory(s, bytes.cap);
    buf_fini(&bytes);
    for (int k = 0; status == OK && k < SESSION_PARTS; k++) {
        struct session_stream *part = &parts[k];
        status = read_part(visit, &part, 1, level, err);
        spill_fini(s->spill, &part->bytes);
    }
    for (int k = 0; parts && k < SESSION_PARTS; k++)
        spill_fini(s->spill, &parts[k].bytes);
    free(parts);
    return status;
}

/* Streams that hold one part at a level. */
static enum status read_part(struct visit *visit, struct session_stream *const *streams, size_t n,
                             int level, struct err *err)
{
    uint64_t need = 0, session = 0;
    bool several = false, any = false;
    for (size_t i = 0; i < n; i++) {
        if (streams[i]->records == 0)
            continue;
        need += streams[i]->bytes.bytes + streams[i]->records * SESSIONS_INDEX_BYTES;
        several |= streams[i]->several || (any && streams[i]->session != session);
        session = streams[i]->session;
        any = true;
    }
    if (!any)
        return OK;
    if (need <= visit->s->part_limit)
        return sessions_read(visit, streams, n, err);
    if (several && level + 1 < LEVELS)
        return split(visit, streams, n, level + 1, err);
    return sessions_sort(visit, streams, n, need, err);
}

enum status sessions_each(struct sessions *s,
                          enum status (*each)(void *ctx, const struct session *s), void *ctx,
                          struct err *err)
{
    struct visit visit = {.s = s, .each = each, .ctx = ctx};
    struct session_stream **streams = calloc((size_t)s->threads, sizeof(*streams));
    if (!streams)
        return err_nomem(err);
    buf_init(&visit.bytes, SIZE_MAX);
    arena_init(&visit.arena);
    s->cuts = (struct sessions_cuts){0};
    enum status status = OK;
    for (int k = 0; status == OK && k < SESSION_PARTS; k++) {
        for (int i = 0; i < s->threads; i++)
            streams[i] = &s->lanes[i].part[k];
        status = read_part(&visit, streams, (size_t)s->threads, 0, err);
    }
    sessions_visit_fini(&visit);
    free(streams);
    return status;
}
