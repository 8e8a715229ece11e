/* Shared by truth.c and truth_json.c. */
#ifndef ASSAY_SIM_TRUTH_INTERNAL_H
#define ASSAY_SIM_TRUTH_INTERNAL_H

#include "sim/truth.h"

struct tally_slot {
    uint64_t key; /* plus one; 0 is a free slot */
    struct tally tally;
};

/* Lower ends of the ranges of request size (input side) between which prices can change. Strictly
 * above one of them is the next range. */
enum { CONTEXT_RANGES = 4 };
extern const int64_t CONTEXT_ABOVE[CONTEXT_RANGES];

/* The key of truth.cells, apart. */
struct cell {
    uint32_t account, region, model, day, context, inference;
    uint32_t error;  /* enum sim_error */
    bool cached;     /* some tokens are of the cache, which not every model has a price for */
    bool body_named; /* of an unresolved profile: a body names the model */
};

struct cell cell_unpack(uint64_t key);
void tally_join(struct tally *into, const struct tally *from);

#endif
