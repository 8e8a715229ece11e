/* What savings.c and savings_price.c share; included nowhere else. */
#ifndef ASSAY_QUERY_SAVINGS_INTERNAL_H
#define ASSAY_QUERY_SAVINGS_INTERNAL_H

#include "model/prices.h"
#include "query/savings.h"

/* A call as it might have been made. */
enum alternative {
    ALTERNATIVE_GLOBAL, /* the same model by its global profile */
    ALTERNATIVE_SMALL,  /* the newest model of the provider's cheapest family */
    ALTERNATIVE_NEWER,  /* the newest model of the same family */
    ALTERNATIVES
};

struct line_model {
    struct str id, provider, family;
    int64_t from_day; /* DAY_NONE: not known, so older than what has a date */
    int64_t rate;     /* input and output of a million tokens, the cheapest of its rows */
};

struct alternative_price {
    bool asked, exists;
    uint32_t model; /* text of the other model's id */
    struct price_match match;
};

struct savings_prices {
    const struct pricing *pricing;
    struct series *series;
    struct symbols *texts; /* borrowed */
    struct line_model *line;
    size_t line_n;
    struct alternative_price (*known)[ALTERNATIVES]; /* by series */
    uint32_t known_n;
};

enum status savings_prices_init(struct savings_prices *p, const struct savings_options *o,
                                struct symbols *texts) MUST_USE;
void savings_prices_fini(struct savings_prices *p);
/* What the call would have cost, and with which model. *cost is -1 when there is no such way. */
enum status savings_price(struct savings_prices *p, const struct invocation *v,
                          enum alternative which, money_sum *cost, uint32_t *model) MUST_USE;

#endif
