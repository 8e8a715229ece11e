/* "Did you mean …?": the known word that is nearest to what was typed. */
#ifndef ASSAY_BASE_NEAREST_H
#define ASSAY_BASE_NEAREST_H

#include "base/str.h"

struct nearest {
    struct str typed;
    struct str best; /* p == NULL while nothing is near enough */
    size_t distance;
};

struct nearest nearest_start(struct str typed);
void nearest_offer(struct nearest *n, struct str word);

/* Text for a message about what the user typed: cut, and control bytes replaced by '?'. */
#define QUOTED_TEXT 64
const char *quoted(char out[QUOTED_TEXT], struct str typed);

#endif
