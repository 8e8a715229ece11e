/*
 * Answering. A period is covered by the coarsest rollups that lie wholly inside it and inside one
 * bucket of the question; what is left at the edges (part of an hour, or of a quarter where totals
 * are enough) is read from facts; before those that are kept, an edge moves to the next whole one.
 *
 * store_load_series opens a snapshot in which store_fill and store_about read, so that the three
 * agree even while somebody ingests.
 */
#include "store/store_internal.h"

#include <endian.h>
#include <stdlib.h>

/*
 * When rows differ in time alone and nothing is filtered, only the sum of all series is shown, and
 * who took part (marks). So the totals do, in place of all cells: for the overview of a year by day
 * that is a thirtieth of the bytes.
 */
struct brief {
    struct sums sums;   /* of one bucket of the question */
    uint8_t *series;    /* a bitmap of the series of this bucket */
    size_t series_size; /* in bytes, a multiple of eight */
    bool any;
    uint32_t group; /* of all series */
    enum status (*mark)(struct cube *, int64_t, uint32_t, uint32_t, int64_t);
    struct brief_series {
        bool asked;
        uint32_t mark[PLAN_MARKS];
    } * known;
    uint32_t *mark_round; /* by mark: the last bucket of the question that has it */
    uint32_t marks_n;
    uint32_t rounds; /* buckets of the question so far, this one included */
};

struct fill {
    struct store *store;
    const struct plan *plan;
    struct plan_view *view;
    struct cube *cube;
    struct err *err;
    int64_t bucket_us; /* of the question, for the cells of rollups */
    bool is_brief;
    int finest; /* the finest level that answers */
    struct brief brief;
};

enum status snapshot_begin(struct store *s, struct err *err)
{
    snapshot_end(s);
    chunk_forget(s);
    TRY(db_do(s, STMT_BEGIN_READ, err));
    s->in_snapshot = true;
    s->edges_moved = s->calls_missing = false;
    enum status status = kept_load(s, err);
    if (status != OK)
        snapshot_end(s);
    return status;
}

void snapshot_end(struct store *s)
{
    if (s->in_snapshot && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
    s->in_snapshot = false;
}

enum status store_load_series(struct store *s, struct series *series, struct err *err)
{
    if (s->in_batch)
        return err_set(err, ERR_USAGE, "store '%.200s': a batch is open", s->path);
    TRY(snapshot_begin(s, err));
    if (s->mode == STORE_READ)
        vocabulary_fini(s); /* somebody may have added to it */
    vocabulary_forget(&s->vocabulary.out);
    enum status status = names_load_into(s, series, err);
    if (status != OK)
        snapshot_end(s);
    return status;
}

static enum status group_of(struct fill *f, uint32_t series, uint32_t *group)
{
    if (series >= f->store->loaded_n)
        return db_damaged(f->store, f->err, "it counts a series that it does not name");
    if (plan_group(f->view, f->store->loaded_ids[series], group) != OK)
        return err_nomem(f->err);
    return OK;
}

static enum status add_cells(struct fill *f, struct unpack blob)
{
    struct cell_reader r = cells_of(blob.p, (size_t)(blob.end - blob.p));
    struct cell cell = {0}; /* an empty rollup has none */
    while (cell_next(&r, &cell)) {
        uint32_t group = GROUP_NONE;
        TRY(group_of(f, cell.series, &group));
        if (group == GROUP_NONE)
            continue;
        if (plan_add_marks(f->view, f->cube, f->store->loaded_ids[cell.series], f->bucket_us, group,
                           1) != OK)
            return err_nomem(f->err);
        struct sums *sums = cube_at(f->cube, f->bucket_us, group);
        if (!sums)
            return err_nomem(f->err);
        unpack_sums(&cell.sums, sums);
        if (cell.sums.bad)
            break;
    }
    if (r.u.bad || cell.sums.bad)
        return db_damaged(f->store, f->err, "a rollup cannot be read");
    return OK;
}

static enum status add_brief(struct fill *f, struct unpack total, struct unpack series)
{
    struct brief *b = &f->brief;
    unpack_sums(&total, &b->sums);
    if (total.bad || !present_or(series, b->series, b->series_size))
        return db_damaged(f->store, f->err, "a total cannot be read");
    b->any = true;
    return OK;
}

/* Asks for the marks of a series; those that it has not are zero. */
static enum status ask_marks(struct fill *f, uint32_t series, struct brief_series *known)
{
    struct brief *b = &f->brief;
    uint32_t marks[PLAN_MARKS];
    uint32_t group = GROUP_NONE;
    TRY(group_of(f, series, &group));
    int n = plan_marks(f->view, f->store->loaded_ids[series], marks);
    for (int i = 0; i < n; i++)
        known->mark[i] = marks[i];
    known->asked = true;
    uint32_t end = plan_marks_end(f->plan);
    if (end <= b->marks_n)
        return OK;
    uint32_t room = end < UINT32_MAX / 2 ? end * 2 + 1024 : UINT32_MAX;
    uint32_t *wider = realloc(b->mark_round, room * sizeof *wider);
    if (!wider)
        return err_nomem(f->err);
    memset(wider + b->marks_n, 0, (room - b->marks_n) * sizeof *wider);
    b->mark_round = wider;
    b->marks_n = room;
    return OK;
}

/* The marks of a series, each once in a bucket of the question. */
static enum status brief_marks(struct fill *f, uint32_t series)
{
    struct brief *b = &f->brief;
    if (series >= f->store->loaded_n)
        return db_damaged(f->store, f->err, "it counts a series that it does not name");
    struct brief_series *known = &b->known[series];
    if (!known->asked)
        TRY(ask_marks(f, series, known));
    for (int i = 0; i < PLAN_MARKS && known->mark[i] != 0; i++) {
        uint32_t *round = &b->mark_round[known->mark[i]];
        if (*round == b->rounds)
            continue;
        *round = b->rounds;
        if (b->mark(f->cube, f->bucket_us, b->group, known->mark[i], 1) != OK)
            return err_nomem(f->err);
    }
    return OK;
}

static uint32_t first_series(const struct brief *b)
{
    size_t i = 0;
    while (i + 1 < b->series_size && b->series[i] == 0)
        i++;
    return (uint32_t)i * 8 + (b->series[i] ? (uint32_t)__builtin_ctz(b->series[i]) : 0);
}

/* Writes down what the totals of one bucket of the question came to. */
static enum status end_brief(struct fill *f)
{
    struct brief *b = &f->brief;
    if (!b->any)
        return OK;
    if (b->group == GROUP_NONE)
        TRY(group_of(f, first_series(b), &b->group));
    size_t cells = cube_cells(f->cube);
    struct sums *sums = cube_at(f->cube, f->bucket_us, b->group);
    if (!sums)
        return err_nomem(f->err);
    pack_add(sums, &b->sums);
    /* Where midnight is skipped, a day may be covered in two parts. */
    b->mark = cube_cells(f->cube) > cells ? cube_mark_new : cube_mark;
    for (size_t i = 0; i < b->series_size; i += sizeof(uint64_t)) {
        uint64_t bits;
        memcpy(&bits, b->series + i, sizeof bits);
        for (bits = le64toh(bits); bits; bits &= bits - 1)
            TRY(brief_marks(f, (uint32_t)i * 8 + (uint32_t)__builtin_ctzll(bits)));
    }
    memset(b->series, 0, b->series_size);
    b->sums = (struct sums){0};
    b->any = false;
    b->rounds++;
    return OK;
}

static enum status add_level(struct fill *f, int level, int64_t first, int64_t end)
{
    struct store *s = f->store;
    sqlite3_stmt *st = NULL;
    bool row;
    TRY(db_get(s, f->is_brief ? STMT_TOTAL_RANGE : STMT_ROLLUP_RANGE, &st, f->err));
    sqlite3_bind_int64(st, 1, bucket_row(level, first));
    sqlite3_bind_int64(st, 2, bucket_row(level, end));
    for (;;) {
        TRY(db_step(s, st, &row, f->err));
        if (!row)
            return OK;
        enum status status = f->is_brief ? add_brief(f, db_blob(st, 1), db_blob(st, 2))
                                         : add_cells(f, db_blob(st, 1));
        if (status != OK) {
            sqlite3_reset(st);
            return status;
        }
    }
}

static enum status add_fact(struct fill *f, int64_t id, struct unpack blob, int64_t since_us,
                            int64_t until_us)
{
    struct invocation v;
    if (!unpack_fact(&blob, fact_second(id), &v))
        return db_damaged(f->store, f->err, "a fact cannot be read");
    if (v.time_us < since_us || v.time_us >= until_us)
        return OK;
    if (v.series >= f->store->loaded_n)
        return db_damaged(f->store, f->err, "it counts a series that it does not name");
    if (f->is_brief) {
        f->brief.series[v.series / 8] |= (uint8_t)(1u << v.series % 8);
        f->brief.any = true;
        sums_add(&f->brief.sums, &v, 1);
        return OK;
    }
    v.series = f->store->loaded_ids[v.series];
    return plan_add(f->view, f->cube, &v, 1) == OK ? OK : err_nomem(f->err);
}

static enum status add_facts(struct fill *f, int64_t since_us, int64_t until_us)
{
    if (since_us >= until_us)
        return OK;
    int64_t from = (since_us / US_PER_SECOND) << FACT_BITS;
    int64_t end = ((until_us - 1) / US_PER_SECOND + 1) << FACT_BITS;
    struct chunk_reader r;
    struct chunk_item fact;
    bool more;
    TRY(chunk_open(f->store, CHUNK_FACTS, from, end - 1, &r, f->err));
    enum status status;
    while ((status = chunk_next(&r, &fact, &more, f->err)) == OK && more) {
        status = add_fact(f, fact.key, unpack_of(fact.p, fact.n), since_us, until_us);
        if (status != OK)
            break;
    }
    chunk_close(&r);
    return status;
}

/* Whole quarters [from, to), the coarsest buckets first. */
static enum status cover_quarters(struct fill *f, int level, int64_t from, int64_t to)
{
    for (; level >= f->finest && from < to; level--) {
        int64_t size = level_quarters[level];
        int64_t first = (from + size - 1) / size, end = to / size;
        if (first >= end)
            continue;
        TRY(add_level(f, level, first, end));
        TRY(cover_quarters(f, level - 1, from, first * size));
        from = end * size;
    }
    return OK;
}

/* Where facts are gone, an edge within the finest rollup moves to its end: one that begins in the
 * period belongs to it as a whole, so that periods side by side still share nothing and miss
 * nothing. */
static int64_t kept_edge(struct fill *f, int64_t time_us, int64_t step)
{
    if (time_us >= f->store->kept.facts_since_us || time_us % step == 0)
        return time_us;
    f->store->edges_moved = true;
    return (time_us / step + 1) * step;
}

static enum status cover(struct fill *f, int64_t since_us, int64_t until_us)
{
    int64_t size = level_quarters[f->finest], step = size * US_PER_QUARTER;
    since_us = kept_edge(f, since_us, step);
    until_us = kept_edge(f, until_us, step);
    int64_t from = (since_us + step - 1) / step, to = until_us / step;
    if (from > to)
        return add_facts(f, since_us, until_us);
    TRY(add_facts(f, since_us, from * step));
    TRY(cover_quarters(f, LEVELS - 1, from * size, to * size));
    return add_facts(f, to * step, until_us);
}

/* Where the first rollup after t begins, but not before t. */
static int64_t next_rollup(const struct fill *f, int64_t t, int64_t quarter)
{
    int64_t at = quarter * US_PER_QUARTER;
    if (at < f->store->kept.facts_since_us)
        at -= at % (level_quarters[f->finest] * US_PER_QUARTER);
    return at > t ? at : t;
}

/* One bucket of the question after the other, jumping to the next quarter that has anything. */
static enum status cover_buckets(struct fill *f, enum bucket bucket, int64_t since_us,
                                 int64_t until_us)
{
    for (int64_t t = since_us; t < until_us;) {
        int64_t row;
        bool found;
        TRY(db_i64(f->store, STMT_TOTAL_NEXT, bucket_row(0, quarter_of(t)), &row, &found, f->err));
        if (!found || row >= bucket_row(1, 0))
            return OK;
        int64_t at = next_rollup(f, t, row_bucket(row));
        if (at >= until_us)
            return OK;
        int64_t start = zone_floor(bucket, at), end = zone_next(bucket, start);
        if (end <= at) /* a zone that contradicts itself must not stop us */
            end = at + US_PER_HOUR;
        f->bucket_us = plan_bucket(f->view, at);
        TRY(cover(f, start > t ? start : t, end < until_us ? end : until_us));
        TRY(end_brief(f));
        t = end;
    }
    return OK;
}

static bool brief_is_enough(const struct question *q)
{
    for (int i = 0; i < q->dims_n; i++)
        if (q->dims[i] != DIM_TIME)
            return false;
    return q->filters_n == 0;
}

static enum status fill(struct fill *f, const struct question *q)
{
    f->is_brief = brief_is_enough(q);
    f->finest = f->is_brief ? 0 : FIRST_CELLS;
    if (f->is_brief) {
        f->brief.rounds = 1;
        f->brief.group = GROUP_NONE;
        f->brief.series_size = ((size_t)f->store->loaded_n / 64 + 1) * sizeof(uint64_t);
        f->brief.series = calloc(f->brief.series_size, 1);
        f->brief.known = calloc((size_t)f->store->loaded_n + 1, sizeof *f->brief.known);
        if (!f->brief.series || !f->brief.known)
            return err_nomem(f->err);
    }
    /* Open ends: whole buckets of the coarsest level. */
    int64_t top = level_quarters[LEVELS - 1] * US_PER_QUARTER;
    int64_t since_us = q->since_us > 0 ? q->since_us : 0;
    int64_t until_us =
        q->until_us < STORE_TIME_END ? q->until_us : (STORE_TIME_END / top + 1) * top;
    if (since_us >= until_us)
        return OK;
    if (q->bucket != BUCKET_NONE)
        return cover_buckets(f, q->bucket, since_us, until_us);
    TRY(cover(f, since_us, until_us));
    return end_brief(f);
}

enum status store_fill(struct store *s, struct plan *plan, struct plan_view *view,
                       struct cube *cube, struct err *err)
{
    if (!s->in_snapshot)
        return err_set(err, ERR_USAGE, "store '%.200s': its series were not loaded", s->path);
    struct fill f = {.store = s, .plan = plan, .view = view, .cube = cube, .err = err};
    enum status status = fill(&f, plan_question(plan));
    free(f.brief.series);
    free(f.brief.known);
    free(f.brief.mark_round);
    return status;
}
