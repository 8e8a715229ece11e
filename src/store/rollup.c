/*
 * Rollups. The cube of a batch, (hour, series) -> sums, goes into the blobs of each level: cells
 * are sorted by bucket and series and merged with the old blob, whose untouched cells are copied as
 * they stand. A cell that becomes zero goes; so does a blob without cells.
 *
 * `total` has the sum of each blob's cells, and of each series the number of invocations, for
 * questions that do not tell series apart.
 */
#include "store/store_internal.h"

#include <stdlib.h>

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

/* What merge makes: the cells and, in `present`, distance and invocations of each series. */
struct making {
    struct buf *cells, *present;
    uint64_t next;
};

static void append(struct making *m, uint32_t series, const void *sums, size_t n)
{
    uint8_t pair[2 * PACK_VARINT_MAX], *p = pack_u64(pair, series - m->next);
    p = pack_i64(p, unpack_invocations(unpack_of(sums, n)));
    buf_append(m->present, pair, (size_t)(p - pair));
    cell_append(m->cells, &m->next, series, sums, n);
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

static enum status write_cells(struct store *s, int64_t id, const struct change *c, size_t n,
                               struct err *err)
{
    sqlite3_stmt *st = NULL;
    struct unpack old;
    struct making m = {&s->out, &s->present, 0};
    buf_reset(m.cells);
    buf_reset(m.present);
    TRY(old_blob(s, STMT_ROLLUP_GET, id, &st, &old, err));
    bool good = merge(&m, cells_of(old.p, (size_t)(old.end - old.p)), c, n);
    sqlite3_reset(st);
    if (!good)
        return db_damaged(s, err, "a rollup cannot be read");
    if (buf_status(m.cells) != OK || buf_status(m.present) != OK)
        return err_set(err, ERR_LIMIT, "store '%.200s': no room for a rollup", s->path);
    if (m.cells->n == 0)
        return drop(s, STMT_ROLLUP_DROP, id, err);
    return db_put_blob(s, STMT_ROLLUP_PUT, id, m.cells->p, m.cells->n, err);
}

/* After write_cells, which leaves the series in s->present. */
static enum status write_total(struct store *s, int64_t id, const struct change *c, size_t n,
                               struct err *err)
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
    if (sqlite3_bind_blob64(st, 3, s->present.p, s->present.n, SQLITE_STATIC) != SQLITE_OK)
        return db_error(s, err, "write");
    return db_put_blob(s, STMT_TOTAL_PUT, id, bytes, len, err);
}

static enum status write_level(struct store *s, int level, const struct change *c, size_t n,
                               struct err *err)
{
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && c[end].bucket == c[i].bucket;)
            end++;
        int64_t id = (int64_t)level << LEVEL_BITS | c[i].bucket;
        TRY(write_cells(s, id, c + i, end - i, err));
        TRY(write_total(s, id, c + i, end - i, err));
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

static enum status write_levels(struct store *s, struct change *c, size_t n, struct err *err)
{
    int64_t hours = 1;
    for (int level = 0; level < LEVELS; level++) {
        n = coarsen(c, n, level_hours[level] / hours);
        hours = level_hours[level];
        TRY(write_level(s, level, c, n, err));
    }
    return OK;
}

enum status rollup_flush(struct store *s, struct err *err)
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
    enum status status = write_levels(s, c, n, err);
    free(c);
    cube_reset(s->cube);
    return status;
}
