/*
 * What Claude Code sends around the messages: system blocks with the billing line, tool schemas,
 * reminders, and the few markers by which a reader tells its calls apart. Only those short markers
 * are as the real client writes them; all other text is generated.
 */
#ifndef ASSAY_SIM_CLAUDE_H
#define ASSAY_SIM_CLAUDE_H

#include "sim/sim_internal.h"

enum thread_kind {
    THREAD_MAIN,
    THREAD_SUB,
    THREAD_TITLE,
};

enum { SETUP_SERVERS = 3 };

/* How somebody's client is set up. */
struct setup {
    const char *version, *entrypoint, *repo;
    uint32_t server[SETUP_SERVERS]; /* MCP servers, indexes into WORDS_MCP_SERVER */
    uint32_t servers_n, skills_n, skill;
    bool deferred;  /* MCP tools are named in a reminder instead of offered */
    bool one_hour;  /* caches of one hour */
    bool legacy_id; /* the older form of metadata.user_id */
    char device[65];
};

void claude_setup(struct setup *u, struct rng *r, bool machine);
/* Tokens of system and tools: what the first call of a thread writes to the cache. */
uint32_t claude_prefix_tokens(const struct setup *u, enum thread_kind kind);

/* Fills head and tail of a talk. sub: which type of sub-agent. */
void claude_head(const struct sim *s, struct talk *t, struct rng *r, const struct setup *u,
                 enum thread_kind kind, uint32_t sub, const char *session);
/* The reminders at the beginning of a thread's first message. */
void claude_reminders(const struct sim *s, struct talk *t, struct rng *r, const struct setup *u,
                      enum thread_kind kind);
const char *claude_sub_type(uint32_t sub);

/* "mcp__tickets__search" */
void claude_mcp_name(uint32_t server, uint32_t tool, char *out, size_t cap);
/* A tool's schema, in either dialect. */
void claude_tool(const struct sim *s, struct buf *b, struct rng *r, const char *name, size_t bytes,
                 bool converse);

#endif
