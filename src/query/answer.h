/*
 * The answer: rows in order, totals, and what must be said about their truth. Made from the cube
 * of a question; report/ only prints it. Rows bring their figures along, so that report/ need not
 * know how they were worked out.
 */
#ifndef ASSAY_QUERY_ANSWER_H
#define ASSAY_QUERY_ANSWER_H

#include "query/about.h"
#include "query/metric.h"
#include "query/plan.h"

struct answer_row {
    int64_t bucket_us;
    struct str dims[QUESTION_DIMS]; /* text of each dimension; time buckets formatted in the zone */
    struct sums sums;
    int64_t users; /* distinct users, when the question asks for it */
    /* What is shown: a value for each metric of the question, in their order, and behind them that
     * of its lead metric, which need not be one of them. */
    struct metric_value *values;
    /* When the question asks for money: why amounts are missing, not whole or not exact; "" when
     * all are plain. Several reasons stand in order, with "; " between them. */
    struct str reasons;
};

struct answer {
    const struct question *question;
    struct arena arena;
    struct answer_row *rows; /* ordered, limited */
    size_t rows_n;
    size_t rows_cut; /* rows that the limit left out; they are in the total */
    struct answer_row total;
    struct about about;
    struct str prices_date; /* date of the price book */
};

/*
 * Rows that the order leaves equal stand by the question's lead metric, then by the dimensions'
 * text, so the order never depends on threads or on ids. The plan may be freed afterwards; the
 * question must stay.
 */
enum status answer_new(struct plan *plan, const struct cube *cube, const struct about *about,
                       struct str prices_date, struct answer **out, struct err *err) MUST_USE;
void answer_free(struct answer *a);

static inline const struct metric_value *answer_lead(const struct answer *a,
                                                     const struct answer_row *row)
{
    return &row->values[a->question->metrics_n];
}

#endif
