/*
 * The cost of an invocation: which price row, which rates, how sure. Pure arithmetic on integers
 * (base/money.h); the rows come from the price book (model/prices.h).
 */
#ifndef ASSAY_MODEL_COST_H
#define ASSAY_MODEL_COST_H

#include "model/invocation.h"

/* id, name in every face, text for people. */
#define OUTCOME_MAP(X)                                                                             \
    X(OUTCOME_PRICED, "priced", "every class with tokens has a literal rate")                      \
    X(OUTCOME_BOUNDED, "bounded", "a low and a high amount: cache TTL or scope not known")         \
    X(OUTCOME_ESTIMATED, "estimated", "by a factor, another Region's price or an old promotion")   \
    X(OUTCOME_PARTIAL, "partial", "some tokens have no rate")                                      \
    X(OUTCOME_UNPRICED, "unpriced", "no rate at all")                                              \
    X(OUTCOME_USAGE_UNKNOWN, "usage_unknown", "success without token counters")                    \
    X(OUTCOME_NO_USAGE, "no_usage", "an error without token counters")

enum outcome {
#define OUTCOME_ENUM(id, name, text) id,
    OUTCOME_MAP(OUTCOME_ENUM)
#undef OUTCOME_ENUM
        OUTCOMES
};

const char *outcome_name(enum outcome outcome);

#endif
