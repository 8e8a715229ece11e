/* What the engines that make answers share; included nowhere else. */
#ifndef ASSAY_QUERY_ANSWER_INTERNAL_H
#define ASSAY_QUERY_ANSWER_INTERNAL_H

#include "query/answer.h"

/* For qsort_r: rows whose lead value and dimensions are there; the context is the question. */
int answer_compare_rows(const void *a, const void *b, void *question);
/* The name of a bucket of time; returns its length. */
size_t answer_bucket_text(char out[TIME_TEXT * 2], enum bucket bucket, int64_t start_us);

#endif
