/*
 * What Claude Code sends around the messages: system blocks with the billing line, tool schemas,
 * reminders, and the few markers by which a reader tells its calls apart. Only those short markers
 * are as the real client writes them; all other text is generated.
 *
 * What belongs to an installation (system text, schemas, lists) is the same text in each of its
 * sessions and calls, as with real clients: it is drawn from a stream of its own each time.
 */
#ifndef ASSAY_SIM_CLAUDE_H
#define ASSAY_SIM_CLAUDE_H

#include "sim/sim_internal.h"

enum thread_kind {
    THREAD_MAIN,
    THREAD_SUB,
    THREAD_TITLE,
    THREAD_SAFETY, /* looks at a command line before it runs */
};

enum { SETUP_SERVERS = SIZES_SERVERS, MCP_TOOLS = 6 /* per server */, AGENT_TYPES = 4 };

/* How somebody's client is set up. */
struct setup {
    uint32_t caller;
    const char *version, *entrypoint, *repo;
    uint32_t server[SETUP_SERVERS]; /* MCP servers, indexes into WORDS_MCP_SERVER */
    uint32_t servers_n, skills_n, skill;
    bool deferred;  /* MCP tools are named in a reminder and loaded when needed */
    bool slow;      /* with `deferred`: the last server connects after the first call */
    bool one_hour;  /* caches of one hour */
    bool legacy_id; /* the older form of metadata.user_id */
    bool plain;     /* no billing line, so the version is not told */
    char device[65];
};

void claude_setup(struct setup *u, struct rng *r, uint32_t caller, bool machine);
/* Tokens of system and tools: what the first call of a thread writes to the cache. */
uint32_t claude_prefix_tokens(const struct setup *u, enum thread_kind kind);
uint32_t claude_tool_tokens(void); /* of one MCP tool */

/* A stream of the installation's own texts. */
struct rng claude_texts(const struct sim *s, const struct setup *u, uint32_t what);

/* Fills head and tail of a talk. sub: which type of sub-agent. */
void claude_head(const struct sim *s, struct talk *t, struct rng *r, const struct setup *u,
                 enum thread_kind kind, uint32_t sub, const char *session);
/* The reminders at the beginning of a thread's first message. `connected`: also the slow server. */
void claude_reminders(const struct sim *s, struct talk *t, const struct setup *u,
                      enum thread_kind kind, bool connected);
/* The slow server's tools are there now. */
void claude_remind_late(struct talk *t, const struct setup *u);
const char *claude_agent_type(uint32_t i); /* below AGENT_TYPES */
const char *claude_sub_type(const struct setup *u, uint32_t sub);
/* What a session of this installation offers. */
void claude_offers(struct note *n, const struct setup *u);

/* Nobody ever calls some servers. */
bool claude_server_used(uint32_t server);
/* "mcp__tickets__search" */
void claude_mcp_name(uint32_t server, uint32_t tool, char *out, size_t cap);
const char *claude_mcp_tool(uint32_t server, uint32_t tool);
/* One more tool in the head: server is one of the setup's. */
void claude_load_tool(struct sim *s, struct talk *t, const struct setup *u, uint32_t server,
                      uint32_t tool);
/* A tool's schema, in either dialect. */
void claude_tool(const struct sim *s, struct buf *b, struct rng *r, const char *name, size_t bytes,
                 bool converse);

#endif
