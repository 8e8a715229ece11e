/*
 * The other harnesses: coding assistants over Converse and ConverseStream. Known to a reader by the
 * first words of their system text and by the names of their tools.
 */
#ifndef ASSAY_SIM_CHAT_H
#define ASSAY_SIM_CHAT_H

#include "sim/sim_internal.h"

uint32_t chat_prefix_tokens(enum harness harness);
/* Fills head and tail of a talk. */
void chat_head(const struct sim *s, struct talk *t, struct rng *r, enum harness harness);
/* NULL: the harness offers no tools. */
const char *chat_tool_name(enum harness harness, uint32_t tool);
/* A tool's server and its own name when it has one; otherwise server is NULL. */
void chat_tool_parts(enum harness harness, uint32_t tool, const char **server, const char **name);
const char *chat_name(enum harness harness);
/* What a session of the harness offers. */
void chat_offers(struct note *n, enum harness harness);
/* Converse or ConverseStream. */
enum sim_operation chat_operation(enum harness harness);

#endif
