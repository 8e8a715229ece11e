/*
 * A question made ready to run: which series it wants and which group each belongs to. The plan is
 * shared by all threads; each has a view of its own that remembers the answers per series, so that
 * an invocation costs two array look-ups.
 *
 *     plan_wants_time(plan, v->time_us)
 *     plan_group(view, v->series, &group)        GROUP_NONE: filtered out
 *     bucket = plan_bucket(view, v->time_us)
 *     sums_add(cube_at(cube, bucket, group), v, 1)
 *     cube_mark(cube, bucket, group, m, 1)       for each m of plan_marks(view, v->series, …)
 */
#ifndef ASSAY_QUERY_PLAN_H
#define ASSAY_QUERY_PLAN_H

#include "model/directory.h"
#include "model/pricing.h"
#include "model/series.h"
#include "query/cube.h"
#include "query/question.h"

#define GROUP_NONE UINT32_MAX
enum { PLAN_MARKS = 2 };

struct plan;
struct plan_view;

/* Borrows q, series and directory (may be NULL) for its lifetime. */
enum status plan_new(const struct question *q, struct series *series,
                     const struct directory *directory, struct plan **out,
                     struct err *err) MUST_USE;
void plan_free(struct plan *p);
/* Before anything is asked: who knows the tags of profiles (tag:KEY). Borrowed. */
void plan_use_profiles(struct plan *p, const struct pricing *pricing);
const struct question *plan_question(const struct plan *p);

enum status plan_view_new(struct plan *p, struct plan_view **out, struct err *err) MUST_USE;
void plan_view_free(struct plan_view *v);

bool plan_wants_time(const struct plan *p, int64_t time_us);
enum status plan_group(struct plan_view *v, uint32_t series, uint32_t *group) MUST_USE;
/* How many marks the question wants of a series that plan_group has let pass, at most PLAN_MARKS:
 * its user, and why it has no full price. Below plan_marks_end(plan) are all marks so far. */
int plan_marks(const struct plan_view *v, uint32_t series, uint32_t marks[PLAN_MARKS]);
uint32_t plan_marks_end(const struct plan *p);
int64_t plan_bucket(struct plan_view *v, int64_t time_us);
/* Adds one invocation to a cube if the question wants it (sign -1 takes it back). */
enum status plan_add(struct plan_view *v, struct cube *cube, const struct invocation *inv,
                     int sign) MUST_USE;
/* Adds sums of a series that all lie in one bucket of the question (a rollup). */
enum status plan_add_sums(struct plan_view *v, struct cube *cube, uint32_t series, int64_t time_us,
                          const struct sums *sums) MUST_USE;

/* Adds `count` to the marks of a series in a cell of the cube. */
enum status plan_add_marks(struct plan_view *v, struct cube *cube, uint32_t series,
                           int64_t bucket_us, uint32_t group, int64_t count) MUST_USE;

/* The value of the i-th dimension of the question (0 .. dims_n-1) for a group; for DIM_TIME "". */
struct str plan_group_text(const struct plan *p, uint32_t group, int dim);

#endif
