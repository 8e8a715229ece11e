/*
 * The hash of what a record says that decides between two records with one key where all else is
 * equal (invocation_beats): the same in every process, whatever the order of arrival.
 */
#ifndef ASSAY_MODEL_CONTENT_H
#define ASSAY_MODEL_CONTENT_H

#include "model/invocation.h"
#include "model/series.h"

/* Of the labels that do not come from bodies: those are there only when somebody asks for them. */
uint64_t content_of_labels(const struct symbols *symbols, const struct labels *l);

/*
 * The high bits are what the record says without its bodies' details, so that the choice between
 * duplicates is the same whether or not exchanges are read; they decide only where all else is
 * equal. The low ones are those of v->exchange.
 */
uint64_t content_of(const struct invocation *v, uint64_t labels);
/* The same for an invocation whose labels or flags have changed since v->content was made. */
uint64_t content_again(const struct invocation *v, uint64_t labels);

#endif
