/*
 * The cube: sums by (bucket of time, id). The one structure in which invocations are added up. In
 * a one-shot report the ids are the groups of the question (plan.h) and each thread fills a cube
 * of its own; in the store's writer the ids are series and the buckets hours, which is what the
 * rollups are made of. Owned by one thread at a time.
 */
#ifndef ASSAY_QUERY_CUBE_H
#define ASSAY_QUERY_CUBE_H

#include "base/err.h"
#include "query/sums.h"

struct cube;

enum status cube_new(struct cube **out, struct err *err) MUST_USE;
void cube_free(struct cube *c);
/* Forgets the cells, keeps the memory. */
void cube_reset(struct cube *c);
size_t cube_cells(const struct cube *c);
/* The sums of a cell, made (zero) when it is new; NULL when memory is short. The pointer is good
 * until the next call that may make a cell. */
struct sums *cube_at(struct cube *c, int64_t bucket_us, uint32_t id);
enum status cube_merge(struct cube *into, const struct cube *from) MUST_USE;

struct cube_cell {
    int64_t bucket_us;
    uint32_t id;
    const struct sums *sums;
};
/* The i-th cell, 0 <= i < cube_cells; the order is that of first use. */
struct cube_cell cube_cell(const struct cube *c, size_t i);

#endif
