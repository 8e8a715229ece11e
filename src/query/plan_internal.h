/* What plan.c, labels.c and answer.c share; included nowhere else. */
#ifndef ASSAY_QUERY_PLAN_INTERNAL_H
#define ASSAY_QUERY_PLAN_INTERNAL_H

#include "query/plan.h"

/*
 * A group is a tuple of texts: one for each dimension of the question, then two that the reader
 * never sees as such and that answer.c folds away: the user, where distinct users are counted, and
 * the reason why something has no full price. DIM_TIME is not in it (the cube has the bucket).
 */
enum {
    GROUP_USER = QUESTION_DIMS,
    GROUP_REASON,
    GROUP_PARTS,
};

struct group {
    uint32_t part[GROUP_PARTS]; /* ids of plan_text */
};

/* Both for the time after the cubes are filled: no other thread adds groups any more. */
const struct group *plan_group_parts(const struct plan *p, uint32_t group);
struct str plan_text(const struct plan *p, uint32_t id);

/* One series seen through the dimensions; what takes work is worked out when first asked for. */
struct series_view {
    const struct series *series;
    const struct directory *directory;
    struct arena *scratch; /* for texts that stand nowhere yet */
    uint32_t id;
    bool parsed; /* principal and entry are there */
    struct principal principal;
    struct directory_entry entry;
};

/* The text of a dimension other than DIM_TIME; borrows from the series, the directory, static
 * memory or scratch. p == NULL when memory is short. */
struct str series_dimension(struct series_view *v, enum dimension dim);
/* Why the invocations of this series have no plain price; "" when they have one. */
struct str series_reason(struct series_view *v);
/* Whether all filters of q let the series pass; *pass is set only on OK. */
enum status series_passes(struct series_view *v, const struct question *q, bool *pass) MUST_USE;

#endif
