/*
 * A tally: all that a row of an answer about sessions adds up. The sums of its calls, and what only
 * sessions tell, by the families of metric.h. Sessions come one after the other and are numbered,
 * so that a tally need only remember the last one to count each once.
 *
 *     tally_add_call(&t, &v, session);
 *     *tally_sum(&t, METRIC_PROMPTS) += 3;
 *     tally_value(&t, METRIC_PROMPTS, &scale)
 */
#ifndef ASSAY_QUERY_TALLY_H
#define ASSAY_QUERY_TALLY_H

#include "base/err.h"
#include "query/about.h"
#include "query/metric.h"
#include "query/question.h"

/* Of first requests: the whole, then its parts in the order of their metrics. */
enum { TALLY_SAMPLES = SESSION_SAMPLES - (METRIC_FIRST_P99 - METRIC_FIRST_P50) };

/* 4 bytes a session, exact. */
struct sample {
    uint32_t *v;
    uint32_t n, cap;
};

struct tally {
    struct sums sums;
    int64_t sum[SESSION_SUMS]; /* times in microseconds */
    int64_t max[SESSION_MAXES];
    money_sum money[SESSION_MONIES];
    money_sum cost_of_sessions; /* of all calls that belong to one */
    struct sample *sample;      /* TALLY_SAMPLES of them; NULL while there is none */
    int64_t users;
    uint64_t last_session, last_used, last_offered; /* numbers of sessions, from 1 */
    uint64_t last_call;                             /* number of the call, from 1 */
    bool main;                                      /* a call of some main thread */
    bool at_least;                                  /* of some session not all prompts were seen */
    bool tax_more;                                  /* some of the tax has no amount */
    bool taxed;                                     /* there was an offer whose size is known */
    bool no_offers;                                 /* rows are finer than offers */
};

/* What amounts per month are scaled by: microseconds, more than 0. */
struct tally_scale {
    int64_t period_us;
};

/* The part of the question's period that there are data of, at least a day. */
struct tally_scale tally_scale_of(const struct question *q, const struct about *about);

void tally_fini(struct tally *t);
static inline int64_t *tally_sum(struct tally *t, enum metric metric)
{
    return &t->sum[(int)metric - (int)SESSION_SUM_FIRST];
}
static inline money_sum *tally_money(struct tally *t, enum metric metric)
{
    return &t->money[(int)metric - (int)SESSION_MONEY_FIRST];
}
void tally_max(struct tally *t, enum metric metric, int64_t value);
/* A value of a first request: METRIC_FIRST_P50 for the whole, METRIC_FIRST_SYSTEM … for a part. */
enum status tally_sample(struct tally *t, enum metric metric, int64_t tokens) MUST_USE;
/* The p-th percentile by nearest rank: of n sorted values the one at ceil(p n / 100). Sorts. */
int64_t sample_percentile(struct sample *s, int percent);
/* Any metric. */
struct metric_value tally_value(struct tally *t, int metric, const struct tally_scale *scale);
/* An amount of the period as an amount of 30 days, rounded half away from zero. */
money_sum tally_month(money_sum amount, const struct tally_scale *scale);

#endif
