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
    int64_t users;               /* distinct users, when the question asks for it */
    struct metric_value *values; /* what is shown: of the question's metrics, in their order */
    struct metric_value lead;    /* of the lead metric, which need not be one of them */
    /* When the question asks for money: why amounts are missing, not whole or not exact; "" when
     * all are plain. Several reasons stand in order, with "; " between them. */
    struct str reasons;
    bool tax_more; /* of the tax of MCP servers some has no amount */
    bool at_least; /* prompts are a lower limit: some requests were not seen */
};

/* What is to be said of an answer that sessions gave (query/inside.h). */
struct answer_sessions {
    bool asked;         /* sessions gave it */
    bool around;        /* rows are uses of tools: figures of calls are of those around them */
    int64_t sessions;   /* that the question selects */
    int64_t inferred;   /* of them, those whose calls were joined by their messages */
    int64_t at_least;   /* of them, those with prompts that were not seen */
    int64_t calls;      /* that the question selects, also those in no session */
    int64_t requests;   /* of them, those whose request was seen */
    int64_t recognised; /* of them, those whose harness a rule named */
    int64_t left_out;   /* in no session, and so in no row of this question */
    int64_t names_cut;  /* names in requests and answers that are none, and what limits left out */
    int64_t looked;     /* conversations and single calls, selected or not, that bodies told of */
    /* Selected or not, were too long to be worked out at once, and what was made of them: their
     * figures miss what spans a cut (query/sessions.h). The caller's to fill. */
    int64_t cut, pieces;
    int64_t unshown; /* of one session: calls of later pieces, which are not shown */
    money_sum cost, recognised_cost, left_out_cost;
};

struct answer {
    const struct question *question;
    struct arena arena;
    struct answer_row *rows; /* ordered, limited */
    size_t rows_n;
    size_t rows_cut; /* rows that the limit left out; they are in the total */
    struct answer_row total;
    struct about about;
    struct answer_sessions sessions;
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

#endif
