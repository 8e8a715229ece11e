/* What question.c, stored.c and finish.c share of the question; included nowhere else. */
#ifndef ASSAY_QUERY_QUESTION_INTERNAL_H
#define ASSAY_QUERY_QUESTION_INTERNAL_H

#include "query/question.h"

/* ERR_USAGE about an unknown metric or dimension, naming the nearest. */
enum status question_unknown_metric(struct str word, struct err *err);
enum status question_unknown_dimension(struct str word, struct err *err);

/* KEY of "tag:KEY"; no text when it is none. */
struct str question_tag_key(struct str word);

#endif
