/* What plan.c, labels.c and answer.c share; included nowhere else. */
#ifndef ASSAY_QUERY_PLAN_INTERNAL_H
#define ASSAY_QUERY_PLAN_INTERNAL_H

#include "model/pricing.h"
#include "query/plan.h"

/*
 * A group is a tuple of texts, one for each dimension of the question. DIM_TIME is not in it: the
 * cube has the bucket. So a cell of the cube is a row of the answer.
 */
struct group {
    uint32_t part[QUESTION_DIMS]; /* ids of texts */
};

/*
 * What a row knows of its series beside their sums are marks (cube.h): the users, where distinct
 * users are counted, and the reasons why something has no full price. A mark is the id of the text
 * and the kind.
 */
enum mark_kind { MARK_USER, MARK_REASON, MARK_KINDS };
_Static_assert((int)MARK_KINDS == (int)PLAN_MARKS, "plan_marks has room for one of each kind");

static inline uint32_t mark_make(uint32_t text, enum mark_kind kind)
{
    return text << 1 | (uint32_t)kind; /* there are less than 2^31 texts */
}

static inline enum mark_kind mark_kind(uint32_t mark)
{
    return (enum mark_kind)(mark & 1);
}

/* For the time after the cubes are filled: no other thread adds texts any more. */
struct str plan_mark_text(const struct plan *p, uint32_t mark);

/* One series seen through the dimensions; what takes work is worked out when first asked for. */
struct series_view {
    const struct series *series;
    const struct directory *directory;
    const struct pricing *pricing; /* knows the tags of profiles; NULL: nobody does */
    struct arena *scratch;         /* for texts that stand nowhere yet */
    uint32_t id;
    bool parsed; /* principal and entry are there */
    struct principal principal;
    struct directory_entry entry;
};

/* The text of a dimension other than DIM_TIME; borrows from the series, the directory, static
 * memory or scratch. p == NULL when memory is short. */
struct str series_dimension(struct series_view *v, enum dimension dim);
/* The same of DIM_TAG with a key. */
struct str series_tag(const struct series_view *v, struct str key);
/* Why the invocations of this series have no plain price; "" when they have one. */
struct str series_reason(struct series_view *v);
/* Whether one of the filter's globs matches, whatever its operator. */
bool filter_names(const struct filter *f, struct str text);
/* Whether all filters of q that labels tell let the series pass; *pass is set only on OK. */
enum status series_passes(struct series_view *v, const struct question *q, bool *pass) MUST_USE;

#endif
