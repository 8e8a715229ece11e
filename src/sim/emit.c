/*
 * From a call to the logs: where its bodies go, what else happens on the way (copies, zero records,
 * lost objects), and what of it a reader can see. The draws are the same whatever happens to
 * bodies, so that corpora of one seed agree in everything but their bodies.
 */
#include "sim/sim_internal.h"

#include "sim/record.h"

enum {
    OFFLOAD_BYTES = 25 << 10,
    COPY_BYTES = 1 << 20, /* larger records are not delivered twice: copies are kept in memory */
};

/* Where a profile may send a call of a Region: global ones anywhere, geographic ones next door. */
static uint8_t inference_region(struct rng *r, const struct model *m, uint8_t region)
{
    uint32_t draw = rng_below(r, 4 * ORG_OPEN_REGIONS);
    if (draw < ORG_OPEN_REGIONS) /* one in four does not say */
        return 0;
    uint32_t to = draw % ORG_OPEN_REGIONS;
    bool global = strcmp(m->scope, "global") == 0, geo = strcmp(m->scope, "geo") == 0;
    if (global || (geo && strcmp(REGIONS[to].geo, REGIONS[region].geo) == 0))
        return (uint8_t)(to + 1);
    return geo ? (uint8_t)(region + 1) : 0;
}

static size_t request_bytes(const struct call *c)
{
    size_t n = 0;
    for (int i = 0; i < c->in_n; i++)
        n += c->in[i].n;
    return n;
}

static enum body_place place(const struct sim *s, const struct caller *caller, size_t bytes)
{
    if (bytes == 0 || caller->no_bodies || s->options.bodies == SIM_NONE)
        return BODY_NONE;
    return s->options.bodies == SIM_S3 && bytes > OFFLOAD_BYTES ? BODY_OBJECT : BODY_INLINE;
}

/* Writes the object of one body, unless it got lost. */
static enum status offload(struct sim *s, const struct call *c, const struct delivery *d,
                           const char *kind, const struct str *pieces, int n, bool lost,
                           struct buf *path)
{
    const struct caller *caller = &s->org.callers[c->caller];
    buf_rewind(path);
    writer_object_path(&s->writer, caller->account, caller->region, c->time_s, d->request_id, kind,
                       false, path);
    return lost ? OK
                : writer_object(&s->writer, caller->account, caller->region, c->time_s,
                                d->request_id, kind, pieces, n, s->err);
}

static void count_places(struct truth *t, const struct delivery *d, bool in_lost, bool out_lost)
{
    t->in_inline += d->in == BODY_INLINE;
    t->in_offloaded += d->in == BODY_OBJECT;
    t->in_missing += d->in == BODY_OBJECT && in_lost;
    t->out_inline += d->out == BODY_INLINE;
    t->out_offloaded += d->out == BODY_OBJECT;
    t->out_missing += d->out == BODY_OBJECT && out_lost;
}

static enum status write_lines(struct sim *s, const struct call *c, const struct delivery *d)
{
    const struct caller *caller = &s->org.callers[c->caller];
    struct stream *stream;
    TRY(writer_at(&s->writer, caller->account, caller->region, c->time_s, &stream, s->err));
    if (c->zero_first) {
        record_write(&stream->json, &s->org, c, d, true);
        s->truth.records++;
        s->truth.duplicates++;
    }
    size_t from = stream->json.n;
    record_write(&stream->json, &s->org, c, d, false);
    s->truth.records++;
    if (rng_one_in(&s->rng, 300) && stream->json.n - from <= COPY_BYTES)
        writer_again(stream, from);
    if (buf_status(&stream->json) != OK || buf_status(&stream->late) != OK)
        return err_nomem(s->err);
    return OK;
}

/* What was written and noted for this call found its memory. */
static bool texts_ok(const struct sim *s)
{
    return buf_status(&s->answer.blocks) == OK && buf_status(&s->answer.out) == OK &&
           buf_status(&s->scratch) == OK && book_ok(s->book);
}

enum status sim_emit(struct sim *s, struct call *c)
{
    const struct caller *caller = &s->org.callers[c->caller];
    struct delivery d = {0};
    if (!texts_ok(s))
        return err_nomem(s->err);
    rng_uuid(&s->rng, d.request_id);
    c->inference = inference_region(&s->rng, &s->org.models[c->model], caller->region);
    d.old_order = rng_one_in(&s->rng, 5);
    d.error_null = caller->account % 3 == 2;
    bool in_lost = rng_one_in(&s->rng, 150), out_lost = rng_one_in(&s->rng, 150);
    d.in = place(s, caller, request_bytes(c));
    d.out = place(s, caller, c->out.n);
    if (d.in == BODY_OBJECT)
        TRY(offload(s, c, &d, "input", c->in, c->in_n, in_lost, &s->in_path));
    if (d.out == BODY_OBJECT)
        TRY(offload(s, c, &d, "output", &c->out, 1, out_lost, &s->out_path));
    if (buf_status(&s->in_path) != OK || buf_status(&s->out_path) != OK)
        return err_nomem(s->err);
    d.in_path = buf_view(&s->in_path);
    d.out_path = buf_view(&s->out_path);
    count_places(&s->truth, &d, in_lost, out_lost);
    struct seen seen = {.output_body = d.out == BODY_INLINE || (d.out == BODY_OBJECT && !out_lost)};
    TRY(write_lines(s, c, &d));
    struct invocation v;
    price_call(s->prices, c, seen, &v);
    book_call(s->book, c, &v);
    return truth_add(&s->truth, c, seen) && book_ok(s->book) ? OK : err_nomem(s->err);
}
