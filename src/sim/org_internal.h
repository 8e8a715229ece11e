/* Shared by org.c and org_models.c. */
#ifndef ASSAY_SIM_ORG_INTERNAL_H
#define ASSAY_SIM_ORG_INTERNAL_H

#include "sim/org.h"

/* Formats into the arena; p is NULL when memory is short. */
struct str org_text(struct org *o, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Fills the desks of all teams and the sandbox. False when memory is short. */
bool org_desks(struct org *o, struct rng *r);
/* The model of a service; 0 is never one (model 0 is the empty id). */
uint32_t org_service_model(struct org *o, struct rng *r, const struct caller *c, const char *name);

#endif
