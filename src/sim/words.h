/*
 * The vocabulary of the simulated organization: what its people, repositories, tools and texts are
 * called. Everything here is made up for this program; the few strings that real clients send are
 * in claude.c and chat.c.
 */
#ifndef ASSAY_SIM_WORDS_H
#define ASSAY_SIM_WORDS_H

#include "sim/rand.h"

struct words {
    const char *const *v;
    uint32_t n;
};

extern const struct words WORDS_TEXT;   /* running prose, commonest first */
extern const struct words WORDS_CODE;   /* parts of identifiers */
extern const struct words WORDS_LINES;  /* templates of source lines, see text.c */
extern const struct words WORDS_OUTPUT; /* templates of command output */
extern const struct words WORDS_FIRST, WORDS_LAST, WORDS_TEAM, WORDS_SERVICE, WORDS_REPO;
extern const struct words WORDS_SKILL, WORDS_MCP_SERVER, WORDS_MCP_TOOL;

static inline const char *words_at(const struct words *w, uint32_t i)
{
    return w->v[i % w->n];
}

static inline const char *words_pick(const struct words *w, struct rng *r)
{
    return w->v[rng_below(r, w->n)];
}

#endif
