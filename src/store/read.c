/*
 * Answering. A period is covered by the coarsest rollups that lie wholly inside it and inside one
 * bucket of the question; what is left at the edges (part of an hour) is read from facts.
 *
 * store_load_series opens a snapshot in which store_fill and store_about read, so that the three
 * agree even while somebody ingests.
 */
#include "store/store_internal.h"

#include <stdlib.h>

/*
 * When rows differ in time alone and nothing is filtered, only the sum of all series is shown, and
 * who took part (marks). So the totals do, in place of all cells: for the overview of a year by day
 * that is a thirtieth of the bytes.
 */
struct brief {
    struct sums sums; /* of one bucket of the question */
    uint32_t *round;  /* by series: the last bucket of the question that has it */
    uint32_t *series; /* those of this bucket */
    size_t series_n;
    uint32_t rounds;      /* buckets of the question so far, this one included */
    uint32_t *mark_round; /* by mark, as `round` */
    uint32_t marks_n;
};

struct fill {
    struct store *store;
    struct plan_view *view;
    struct cube *cube;
    struct err *err;
    int64_t bucket_us; /* of the question, for the cells of rollups */
    bool is_brief;
    struct brief brief;
};

enum status snapshot_begin(struct store *s, struct err *err)
{
    snapshot_end(s);
    TRY(db_do(s, STMT_BEGIN_READ, err));
    s->in_snapshot = true;
    return OK;
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
    for (uint64_t next = 0; series.p < series.end; next++) {
        next += unpack_u64(&series);
        unpack_i64(&series);
        if (series.bad || next >= f->store->loaded_n)
            return db_damaged(f->store, f->err, "a total cannot be read");
        if (b->round[next] != b->rounds) {
            b->round[next] = b->rounds;
            b->series[b->series_n++] = (uint32_t)next;
        }
    }
    unpack_sums(&total, &b->sums);
    if (total.bad)
        return db_damaged(f->store, f->err, "a total cannot be read");
    return OK;
}

/* The marks of a series, each once in a bucket of the question. */
static enum status brief_marks(struct fill *f, uint32_t series, uint32_t group)
{
    struct brief *b = &f->brief;
    uint32_t marks[PLAN_MARKS];
    for (int n = plan_marks(f->view, f->store->loaded_ids[series], marks); n > 0; n--) {
        uint32_t mark = marks[n - 1];
        if (mark >= b->marks_n) {
            uint32_t room = mark < UINT32_MAX / 2 ? mark * 2 + 1024 : UINT32_MAX;
            uint32_t *wider = realloc(b->mark_round, room * sizeof *wider);
            if (!wider)
                return err_nomem(f->err);
            memset(wider + b->marks_n, 0, (room - b->marks_n) * sizeof *wider);
            b->mark_round = wider;
            b->marks_n = room;
        }
        if (b->mark_round[mark] == b->rounds)
            continue;
        b->mark_round[mark] = b->rounds;
        if (cube_mark(f->cube, f->bucket_us, group, mark, 1) != OK)
            return err_nomem(f->err);
    }
    return OK;
}

/* Writes down what the totals of one bucket of the question came to. */
static enum status end_brief(struct fill *f)
{
    struct brief *b = &f->brief;
    uint32_t group = GROUP_NONE;
    for (size_t i = 0; i < b->series_n; i++) {
        TRY(group_of(f, b->series[i], &group));
        TRY(brief_marks(f, b->series[i], group));
    }
    if (group != GROUP_NONE) {
        struct sums *sums = cube_at(f->cube, f->bucket_us, group);
        if (!sums)
            return err_nomem(f->err);
        pack_add(sums, &b->sums);
    }
    b->series_n = 0;
    b->rounds++;
    b->sums = (struct sums){0};
    return OK;
}

static enum status add_level(struct fill *f, int level, int64_t first, int64_t end)
{
    struct store *s = f->store;
    sqlite3_stmt *st = NULL;
    bool row;
    TRY(db_get(s, f->is_brief ? STMT_TOTAL_RANGE : STMT_ROLLUP_RANGE, &st, f->err));
    sqlite3_bind_int64(st, 1, (int64_t)level << LEVEL_BITS | first);
    sqlite3_bind_int64(st, 2, ((int64_t)level << LEVEL_BITS) + end);
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
    v.series = f->store->loaded_ids[v.series];
    return plan_add(f->view, f->cube, &v, 1) == OK ? OK : err_nomem(f->err);
}

static enum status add_facts(struct fill *f, int64_t since_us, int64_t until_us)
{
    if (since_us >= until_us)
        return OK;
    struct store *s = f->store;
    sqlite3_stmt *st = NULL;
    bool row;
    TRY(db_get(s, STMT_FACT_RANGE, &st, f->err));
    sqlite3_bind_int64(st, 1, (since_us / US_PER_SECOND) << FACT_BITS);
    sqlite3_bind_int64(st, 2, ((until_us - 1) / US_PER_SECOND + 1) << FACT_BITS);
    for (;;) {
        TRY(db_step(s, st, &row, f->err));
        if (!row)
            return OK;
        enum status status =
            add_fact(f, sqlite3_column_int64(st, 0), db_blob(st, 1), since_us, until_us);
        if (status != OK) {
            sqlite3_reset(st);
            return status;
        }
    }
}

/* Whole hours [from, to), the coarsest buckets first. */
static enum status cover_hours(struct fill *f, int level, int64_t from, int64_t to)
{
    for (; level >= 0 && from < to; level--) {
        int64_t size = level_hours[level];
        int64_t first = (from + size - 1) / size, end = to / size;
        if (first >= end)
            continue;
        TRY(add_level(f, level, first, end));
        TRY(cover_hours(f, level - 1, from, first * size));
        from = end * size;
    }
    return OK;
}

static enum status cover(struct fill *f, int64_t since_us, int64_t until_us)
{
    int64_t from = (since_us + US_PER_HOUR - 1) / US_PER_HOUR, to = until_us / US_PER_HOUR;
    if (from > to)
        return add_facts(f, since_us, until_us);
    TRY(add_facts(f, since_us, from * US_PER_HOUR));
    TRY(cover_hours(f, LEVELS - 1, from, to));
    return add_facts(f, to * US_PER_HOUR, until_us);
}

/* One bucket of the question after the other, jumping to the next hour that has anything. */
static enum status cover_buckets(struct fill *f, enum bucket bucket, int64_t since_us,
                                 int64_t until_us)
{
    for (int64_t t = since_us; t < until_us;) {
        int64_t hour;
        bool found;
        TRY(db_i64(f->store, STMT_TOTAL_NEXT, hour_of(t), &hour, &found, f->err));
        if (!found || hour > LEVEL_MASK)
            return OK;
        int64_t at = hour * US_PER_HOUR > t ? hour * US_PER_HOUR : t;
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
    if (f->is_brief) {
        f->brief.rounds = 1;
        f->brief.round = calloc((size_t)f->store->loaded_n + 1, sizeof(uint32_t));
        f->brief.series = calloc((size_t)f->store->loaded_n + 1, sizeof(uint32_t));
        if (!f->brief.round || !f->brief.series)
            return err_nomem(f->err);
    }
    /* Open ends: whole buckets of the coarsest level. */
    int64_t top = level_hours[LEVELS - 1] * US_PER_HOUR;
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
    struct fill f = {.store = s, .view = view, .cube = cube, .err = err};
    enum status status = fill(&f, plan_question(plan));
    free(f.brief.round);
    free(f.brief.series);
    free(f.brief.mark_round);
    return status;
}
