/* What the engines that make answers share; included nowhere else. */
#ifndef ASSAY_QUERY_ANSWER_INTERNAL_H
#define ASSAY_QUERY_ANSWER_INTERNAL_H

#include "query/answer.h"

/* What a row is ordered by. */
struct answer_order {
    int64_t bucket_us;
    const struct metric_value *lead;
    const struct str *dims; /* texts */
};
int answer_compare(const struct answer_order *a, const struct answer_order *b,
                   const struct question *q);
/* The name of a bucket of time; returns its length. */
size_t answer_bucket_text(char out[TIME_TEXT * 2], enum bucket bucket, int64_t start_us);

#endif
