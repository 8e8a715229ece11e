/*
 * Rollups. The cube of a batch, (quarter, series) -> sums, goes into the blobs of each level: cells
 * are sorted by bucket and series and merged with the old blob, whose untouched cells are copied as
 * they stand. A cell that becomes zero goes; so does a blob without cells.
 *
 * A bucket has a row for each SHARD of the series that it has.
 *
 * `total` has the sum of each blob's cells and which series there are, for questions that do not
 * tell series apart. Quarters have no cells; their totals count the invocations of each series
 * instead, so that one shows to be gone when all of it was taken back.
 *
 * Hours that are no longer to be kept are taken out of the coarser levels just so.
 */
#include "store/store_internal.h"

#include <stdlib.h>

enum { FORGET_CELLS = 8 * 1024 };

const char rollup_schema[] =
    "CREATE TABLE rollup(id INTEGER PRIMARY KEY, cells BLOB NOT NULL) STRICT;"
    "CREATE TABLE total(id INTEGER PRIMARY KEY, sums BLOB NOT NULL, series BLOB NOT NULL,"
    " counts BLOB) STRICT;";

struct change {
    int64_t bucket;
    uint32_t series;
    struct sums *sums;
};

static int by_bucket_and_series(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    if (x->bucket != y->bucket)
        return x->bucket < y->bucket ? -1 : 1;
    return (x->series > y->series) - (x->series < y->series);
}

/* What merge makes. */
struct making {
    struct buf *out;
    struct present_writer present;
    uint64_t next;
};

static struct making make(struct store *s)
{
    buf_reset(&s->out);
    buf_reset(&s->present);
    return (struct making){&s->out, present_to(&s->present), 0};
}

static void append(struct making *m, uint32_t series, const void *sums, size_t n)
{
    present_add(&m->present, series);
    cell_append(m->out, &m->next, series, sums, n);
}

static void append_sums(struct making *m, uint32_t series, const struct sums *sums)
{
    if (sums_is_zero(sums))
        return;
    uint8_t bytes[PACK_SUMS_MAX];
    append(m, series, bytes, (size_t)(pack_sums(bytes, sums) - bytes));
}

/* The old cells with the changes of one bucket; false when they are damaged. */
static bool merge(struct making *m, struct cell_reader old, const struct change *c, size_t n)
{
    struct cell cell;
    while (cell_next(&old, &cell)) {
        for (; n > 0 && c->series < cell.series; c++, n--)
            append_sums(m, c->series, c->sums);
        if (n > 0 && c->series == cell.series) {
            struct sums sums = *c->sums;
            unpack_sums(&cell.sums, &sums);
            if (cell.sums.bad)
                return false;
            append_sums(m, c->series, &sums);
            c++, n--;
        } else {
            append(m, cell.series, cell.sums.p, (size_t)(cell.sums.end - cell.sums.p));
        }
    }
    for (; n > 0; c++, n--)
        append_sums(m, c->series, c->sums);
    return !old.u.bad;
}

static enum status drop(struct store *s, enum stmt id, int64_t key, struct err *err)
{
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, id, &st, err));
    sqlite3_bind_int64(st, 1, key);
    return db_run(s, st, err);
}

/* The blob of an id, empty when there is none; good until the statement is reset. */
static enum status old_blob(struct store *s, enum stmt id, int64_t key, sqlite3_stmt **st,
                            struct unpack *u, struct err *err)
{
    bool row;
    TRY(db_get(s, id, st, err));
    sqlite3_bind_int64(*st, 1, key);
    TRY(db_step(s, *st, &row, err));
    *u = row ? db_blob(*st, 0) : unpack_of(NULL, 0);
    return OK;
}

static enum status check_room(struct store *s, struct err *err)
{
    if (buf_status(&s->out) == ERR_NOMEM || buf_status(&s->present) == ERR_NOMEM)
        return err_nomem(err);
    if (buf_status(&s->out) != OK || buf_status(&s->present) != OK)
        return err_set(err, ERR_LIMIT, "store '%.200s': no room for a rollup", s->path);
    return OK;
}

/* Leaves the series of the bucket in s->present. */
static enum status write_cells(struct store *s, int64_t id, const struct change *c, size_t n,
                               struct err *err)
{
    sqlite3_stmt *st = NULL;
    struct unpack old;
    struct making m = make(s);
    TRY(old_blob(s, STMT_ROLLUP_GET, id, &st, &old, err));
    bool good = merge(&m, cells_of(old.p, (size_t)(old.end - old.p)), c, n);
    sqlite3_reset(st);
    if (!good)
        return db_damaged(s, err, "a rollup cannot be read");
    present_end(&m.present);
    TRY(check_room(s, err));
    if (s->out.n == 0)
        return drop(s, STMT_ROLLUP_DROP, id, err);
    return db_put_blob(s, STMT_ROLLUP_PUT, id, s->out.p, s->out.n, err);
}

static void append_count(struct making *m, uint32_t series, int64_t count)
{
    if (count == 0)
        return;
    uint8_t bytes[PACK_VARINT_MAX];
    present_add(&m->present, series);
    buf_append(m->out, bytes, (size_t)(pack_i64(bytes, count) - bytes));
}

static int64_t invocations(const struct change *c)
{
    return c->sums->count[COUNT_INVOCATIONS];
}

/* The old counts with the changes of one quarter; false when they are damaged. */
static bool merge_counts(struct making *m, struct present_reader old, struct unpack counts,
                         const struct change *c, size_t n)
{
    uint32_t series;
    while (present_next(&old, &series)) {
        for (; n > 0 && c->series < series; c++, n--)
            append_count(m, c->series, invocations(c));
        uint64_t count = (uint64_t)unpack_i64(&counts);
        if (n > 0 && c->series == series) {
            count += (uint64_t)invocations(c);
            c++, n--;
        }
        append_count(m, series, (int64_t)count);
    }
    for (; n > 0; c++, n--)
        append_count(m, c->series, invocations(c));
    return !old.u.bad && !counts.bad && counts.p == counts.end;
}

/* Leaves the series of the quarter in s->present and their invocations in s->out. */
static enum status make_counts(struct store *s, int64_t id, const struct change *c, size_t n,
                               struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    struct making m = make(s);
    TRY(db_get(s, STMT_TOTAL_GET, &st, err));
    sqlite3_bind_int64(st, 1, id);
    TRY(db_step(s, st, &row, err));
    struct unpack none = unpack_of(NULL, 0);
    bool good = merge_counts(&m, present_of(row ? db_blob(st, 1) : none),
                             row ? db_blob(st, 2) : none, c, n);
    sqlite3_reset(st);
    if (!good)
        return db_damaged(s, err, "a total cannot be read");
    present_end(&m.present);
    return check_room(s, err);
}

/* After what leaves the series in s->present. */
static enum status write_total(struct store *s, int64_t id, bool counted, const struct change *c,
                               size_t n, struct err *err)
{
    sqlite3_stmt *st = NULL;
    struct unpack old;
    struct sums sums = {0};
    if (s->present.n == 0)
        return drop(s, STMT_TOTAL_DROP, id, err);
    for (size_t i = 0; i < n; i++)
        pack_add(&sums, c[i].sums);
    TRY(old_blob(s, STMT_TOTAL_GET, id, &st, &old, err));
    if (old.p != old.end)
        unpack_sums(&old, &sums);
    sqlite3_reset(st);
    if (old.bad)
        return db_damaged(s, err, "a total cannot be read");
    uint8_t bytes[PACK_SUMS_MAX];
    size_t len = (size_t)(pack_sums(bytes, &sums) - bytes);
    TRY(db_get(s, STMT_TOTAL_PUT, &st, err));
    int code = sqlite3_bind_blob64(st, 3, s->present.p, s->present.n, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = counted ? sqlite3_bind_blob64(st, 4, s->out.p, s->out.n, SQLITE_STATIC)
                       : sqlite3_bind_null(st, 4);
    if (code != SQLITE_OK)
        return db_error(s, err, "write");
    return db_put_blob(s, STMT_TOTAL_PUT, id, bytes, len, err);
}

static int64_t row_of(int level, const struct change *c)
{
    return bucket_row(level, c->bucket) | c->series / SHARD;
}

static enum status write_level(struct store *s, int level, const struct change *c, size_t n,
                               struct err *err)
{
    bool counted = level < FIRST_CELLS;
    for (size_t i = 0, end; i < n; i = end) {
        int64_t id = row_of(level, &c[i]);
        for (end = i + 1; end < n && row_of(level, &c[end]) == id;)
            end++;
        if (counted)
            TRY(make_counts(s, id, c + i, end - i, err));
        else
            TRY(write_cells(s, id, c + i, end - i, err));
        TRY(write_total(s, id, counted, c + i, end - i, err));
    }
    return OK;
}

/* From the buckets of one level to those of the next: cells that become one are added up, in the
 * cube's own memory. Returns how many are left. */
static size_t coarsen(struct change *c, size_t n, int64_t ratio)
{
    for (size_t i = 0; i < n; i++)
        c[i].bucket /= ratio;
    qsort(c, n, sizeof *c, by_bucket_and_series);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && by_bucket_and_series(&c[kept - 1], &c[i]) == 0)
            pack_add(c[kept - 1].sums, c[i].sums);
        else
            c[kept++] = c[i];
    }
    return kept;
}

/* From the finest one to the coarsest that is wanted. */
static enum status write_levels(struct store *s, int finest, int coarsest, struct change *c,
                                size_t n, struct err *err)
{
    int64_t quarters = level_quarters[finest];
    for (int level = finest; level <= coarsest; level++) {
        n = coarsen(c, n, level_quarters[level] / quarters);
        quarters = level_quarters[level];
        TRY(write_level(s, level, c, n, err));
    }
    return OK;
}

/* The cube has buckets of the finest level. */
static enum status flush(struct store *s, int finest, int coarsest, struct err *err)
{
    size_t n = cube_cells(s->cube);
    if (n == 0)
        return OK;
    struct change *c = malloc(n * sizeof *c);
    if (!c)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        struct cube_cell cell = cube_cell(s->cube, i);
        c[i] = (struct change){cell.bucket_us, cell.id, cube_at(s->cube, cell.bucket_us, cell.id)};
    }
    enum status status = write_levels(s, finest, coarsest, c, n, err);
    free(c);
    cube_reset(s->cube);
    return status;
}

enum status rollup_flush(struct store *s, struct err *err)
{
    return flush(s, 0, LEVELS - 1, err);
}

enum status rollup_flush_level(struct store *s, int level, struct err *err)
{
    return flush(s, level, level, err);
}

/* The cells of one hour into the cube, as what is to be taken away. */
static enum status take_hour(struct store *s, int64_t hour, struct unpack blob,
                             int64_t *invocations, struct err *err)
{
    struct cell_reader r = cells_of(blob.p, (size_t)(blob.end - blob.p));
    struct cell cell = {0};
    while (cell_next(&r, &cell)) {
        struct sums sums = {0};
        unpack_sums(&cell.sums, &sums);
        if (cell.sums.bad)
            break;
        struct sums *away = cube_at(s->cube, hour, cell.series);
        if (!away)
            return err_nomem(err);
        pack_take(away, &sums);
        *invocations += sums.count[COUNT_INVOCATIONS];
    }
    bool good = r.u.p == r.u.end && !r.u.bad && !cell.sums.bad;
    return good ? OK : db_damaged(s, err, "a rollup cannot be read");
}

static enum status take_hours(struct store *s, int64_t end_us, int64_t *until_us,
                              int64_t *invocations, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    int64_t last = -1;
    *until_us = end_us;
    TRY(db_get(s, STMT_ROLLUP_RANGE, &st, err));
    sqlite3_bind_int64(st, 1, bucket_row(FIRST_CELLS, 0));
    sqlite3_bind_int64(st, 2, bucket_row(FIRST_CELLS, end_us / US_PER_HOUR));
    for (;;) {
        TRY(db_step(s, st, &row, err));
        if (!row)
            return OK;
        int64_t hour = row_bucket(sqlite3_column_int64(st, 0));
        enum status status = OK;
        bool full = hour != last && cube_cells(s->cube) >= FORGET_CELLS;
        last = hour;
        if (full)
            *until_us = hour * US_PER_HOUR;
        else
            status = take_hour(s, hour, db_blob(st, 1), invocations, err);
        if (status != OK || full) {
            sqlite3_reset(st);
            return status;
        }
    }
}

enum status rollup_forget(struct store *s, int64_t end_us, int64_t *until_us, int64_t *invocations,
                          struct err *err)
{
    sqlite3_stmt *cut = NULL;
    *invocations = 0;
    TRY(take_hours(s, end_us, until_us, invocations, err));
    TRY(flush(s, FIRST_CELLS, LEVELS - 1, err));
    TRY(db_get(s, STMT_TOTAL_CUT, &cut, err));
    sqlite3_bind_int64(cut, 1, bucket_row(0, quarter_of(*until_us)));
    return db_run(s, cut, err);
}
