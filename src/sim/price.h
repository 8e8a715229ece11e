/*
 * What a call costs as a report with profiles.yaml prices it, given what a reader can see of it.
 * The rules are those of model/pricing.h; here they are only remembered per model and Region.
 */
#ifndef ASSAY_SIM_PRICE_H
#define ASSAY_SIM_PRICE_H

#include "model/pricing.h"
#include "sim/truth.h"

struct prices;

/* profiles: the text of profiles.yaml. */
enum status prices_new(const struct org *org, struct str profiles, struct prices **out,
                       struct err *err) MUST_USE;
void prices_free(struct prices *p);
/* Sets time, tokens and costs of *v. */
void price_call(struct prices *p, const struct call *c, struct seen seen, struct invocation *v);

#endif
