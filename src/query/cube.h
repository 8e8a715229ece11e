/*
 * The cube: sums by (bucket of time, id). The one structure in which invocations are added up. In
 * a one-shot report the ids are the groups of the question (plan.h) and each thread fills a cube
 * of its own; in the store's writer the ids are series and the buckets hours, which is what the
 * rollups are made of. Owned by one thread at a time.
 *
 * Sums cannot tell who took part, so a cell may bear marks: small numbers of the caller's, each
 * with a count. A mark is 16 bytes where a cell of its own would be 380, and a year of days by
 * thousands of users has hundreds of thousands of them.
 */
#ifndef ASSAY_QUERY_CUBE_H
#define ASSAY_QUERY_CUBE_H

#include "base/err.h"
#include "query/sums.h"

struct cube;

enum status cube_new(struct cube **out, struct err *err) MUST_USE;
void cube_free(struct cube *c);
/* Forgets the cells and marks, keeps the memory. */
void cube_reset(struct cube *c);
size_t cube_cells(const struct cube *c);
/* The sums of a cell, made (zero) when it is new; NULL when memory is short. The pointer is good
 * until the next call that may make a cell. */
struct sums *cube_at(struct cube *c, int64_t bucket_us, uint32_t id);
/* Adds `count` to a mark of the cell, which is made when it is new; a negative count takes back.
 * ERR_NOMEM leaves the marks as they were. */
enum status cube_mark(struct cube *c, int64_t bucket_us, uint32_t id, uint32_t mark,
                      int64_t count) MUST_USE;
/* The same for a mark that the cell is known not to have: nothing is looked up. */
enum status cube_mark_new(struct cube *c, int64_t bucket_us, uint32_t id, uint32_t mark,
                          int64_t count) MUST_USE;
/* Adds cells and marks. */
enum status cube_merge(struct cube *into, const struct cube *from) MUST_USE;

struct cube_cell {
    int64_t bucket_us;
    uint32_t id;
    const struct sums *sums;
};
/* The i-th cell, 0 <= i < cube_cells; the order is that of first use. */
struct cube_cell cube_cell(const struct cube *c, size_t i);

/* A mark is there when its count is positive: others were taken back. */
struct cube_mark {
    uint32_t cell; /* as cube_cell takes it */
    uint32_t mark;
    int64_t count;
};
size_t cube_marks(const struct cube *c);
/* All marks, in the order of first use; borrowed until the next mark is made. */
const struct cube_mark *cube_mark_list(const struct cube *c);

#endif
