/* Claude Code's requests: see claude.h. */
#include "sim/claude.h"

#include "sim/words.h"

#include <stdio.h>

enum {
    SYSTEM_BYTES = 25500,
    SUB_SYSTEM_BYTES = 2100,
    MCP_TOOL_BYTES = 620,
    SUB_TYPES_PLAIN = 3, /* those that can be told without a billing line */
    SUB_TOOLS = 6,       /* the first so many of the list below are offered to sub-agents */
};

static const struct {
    const char *name;
    size_t bytes;
} tools[] = {
    {"Bash", 12000},     {"Agent", 6800},           {"Edit", 1700},       {"Read", 2300},
    {"Skill", 1600},     {"Write", 1100},           {"ToolSearch", 1900}, {"ReportFindings", 2200},
    {"Workflow", 21000}, {"AskUserQuestion", 4600},
};

/* The line by which a reader knows the type: in the third system block. */
static const struct {
    const char *type, *line;
} subs[AGENT_TYPES] = {
    {"general-purpose", "You are an agent for Claude Code"},
    {"Explore", "You are a file search specialist for Claude Code"},
    {"Plan", "You are a software architect and planning"},
    {"docs-checker", "Compare every page under docs with the code that it describes."},
};

const char *claude_agent_type(uint32_t i)
{
    return subs[i].type;
}

static uint32_t type_of(const struct setup *u, uint32_t sub)
{
    return sub % (u->plain ? SUB_TYPES_PLAIN : AGENT_TYPES);
}

const char *claude_sub_type(const struct setup *u, uint32_t sub)
{
    return claude_agent_type(type_of(u, sub));
}

void claude_offers(struct note *n, const struct setup *u)
{
    for (uint32_t i = 0; i < u->servers_n; i++)
        note_offer(n, TOOL_MCP, words_at(&WORDS_MCP_SERVER, u->server[i]));
    for (uint32_t i = 0; i < u->skills_n; i++)
        note_offer(n, TOOL_SKILL, words_at(&WORDS_SKILL, u->skill + i));
    for (uint32_t i = 0; i < AGENT_TYPES; i++)
        note_offer(n, TOOL_AGENT, subs[i].type);
}

bool claude_server_used(uint32_t server)
{
    return server % WORDS_MCP_SERVER.n % 4 != 1;
}

const char *claude_mcp_tool(uint32_t server, uint32_t tool)
{
    return words_at(&WORDS_MCP_TOOL, server * 4 + tool % MCP_TOOLS);
}

void claude_mcp_name(uint32_t server, uint32_t tool, char *out, size_t cap)
{
    snprintf(out, cap, "mcp__%s__%s", words_at(&WORDS_MCP_SERVER, server),
             claude_mcp_tool(server, tool));
}

struct rng claude_texts(const struct sim *s, const struct setup *u, uint32_t what)
{
    struct rng r;
    rng_seed(&r, (uint64_t)s->options.seed,
             UINT64_C(0x5000000000) + (uint64_t)u->caller * 64 + what);
    return r;
}

/* The first people have one of each kind of setup, so that small organizations have them all. */
static void set_up_first(struct setup *u, uint32_t caller)
{
    if (caller > 5)
        return;
    u->version = (const char *const[]){"2.1.197", "2.1.201", "", "2.0.71", "", "2.1.188"}[caller];
    u->entrypoint = caller == 5 ? "sdk-cli" : "cli";
    u->plain = u->legacy_id = caller == 3;
    u->deferred = caller == 1 || caller == 5;
    u->slow = caller == 1;
    u->one_hour = caller == 1;
    u->servers_n = caller == 0 ? 3 : 2;
    for (uint32_t i = 0; i < SETUP_SERVERS; i++)
        u->server[i] = i + (caller == 1 ? 2 : 0);
    if (u->skills_n < 3)
        u->skills_n = 3;
}

void claude_setup(struct setup *u, struct rng *r, uint32_t caller, bool machine)
{
    static const char *const versions[] = {"2.1.197", "2.1.188", "2.1.201", "2.0.71"};
    *u = (struct setup){.caller = caller};
    uint32_t version = rng_below(r, 4);
    u->version = versions[version];
    u->legacy_id = version == 3;
    u->entrypoint = machine || rng_one_in(r, 6) ? "sdk-cli" : "cli";
    u->repo = words_pick(&WORDS_REPO, r);
    u->servers_n = rng_below(r, SETUP_SERVERS + 1);
    for (uint32_t i = 0, from = rng_below(r, WORDS_MCP_SERVER.n); i < SETUP_SERVERS; i++)
        u->server[i] = from + i;
    u->skills_n = rng_between(r, 1, 8);
    u->skill = rng_below(r, WORDS_SKILL.n);
    u->deferred = rng_one_in(r, 2);
    u->slow = u->deferred && rng_one_in(r, 3);
    u->one_hour = rng_one_in(r, 4);
    u->plain = u->legacy_id && rng_one_in(r, 3);
    for (int i = 0; i < 4; i++)
        snprintf(u->device + i * 16, 17, "%016llx", (unsigned long long)rng_u64(r));
    set_up_first(u, caller);
}

uint32_t claude_tool_tokens(void)
{
    return MCP_TOOL_BYTES / 3;
}

uint32_t claude_prefix_tokens(const struct setup *u, enum thread_kind kind)
{
    size_t bytes = kind == THREAD_SUB ? SUB_SYSTEM_BYTES : SYSTEM_BYTES;
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++)
        if (kind == THREAD_MAIN || i < SUB_TOOLS)
            bytes += tools[i].bytes;
    if (!u->deferred)
        bytes += (size_t)u->servers_n * MCP_TOOLS * MCP_TOOL_BYTES;
    return (uint32_t)(bytes / 3);
}

void claude_tool(const struct sim *s, struct buf *b, struct rng *r, const char *name, size_t bytes,
                 bool converse)
{
    static const char *const types[] = {"string", "string", "integer", "boolean"};
    size_t scaled = bytes * (size_t)s->options.body_scale / 100;
    buf_printf(b,
               converse ? "{\"toolSpec\":{\"name\":\"%s\",\"description\":\""
                        : "{\"name\":\"%s\",\"description\":\"",
               name);
    text_append(s->text, TEXT_PROSE, r, scaled * 6 / 10, b);
    buf_printf(b, converse ? "\",\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":{"
                           : "\",\"input_schema\":{\"$schema\":"
                             "\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
                             "\"properties\":{");
    const char *first = words_pick(&WORDS_CODE, r);
    size_t end = b->n + scaled * 3 / 10;
    for (uint32_t i = 0; i == 0 || (b->n < end && buf_status(b) == OK); i++) {
        if (i)
            buf_printf(b, ",\"%s_%u\":", words_pick(&WORDS_CODE, r), i);
        else
            buf_printf(b, "\"%s\":", first);
        buf_printf(b, "{\"type\":\"%s\",\"description\":\"", types[rng_below(r, 4)]);
        buf_str(b, text_take(s->text, TEXT_PROSE, r, rng_between(r, 30, 240)));
        buf_str(b, STR("\"}"));
    }
    buf_printf(b, "},\"required\":[\"%s\"],\"additionalProperties\":false}", first);
    buf_str(b, converse ? STR("}}}") : STR("}"));
}

static void put_mark(struct buf *b, const struct setup *u)
{
    buf_str(b, u->one_hour ? STR(",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}")
                           : STR(",\"cache_control\":{\"type\":\"ephemeral\"}"));
}

/* From its heading to the end of the system text; the git status belongs to it. */
static void put_environment(struct buf *b, struct rng *r, const struct setup *u,
                            enum thread_kind kind)
{
    if (kind == THREAD_SUB) {
        buf_printf(b, "<env>\\nWorking directory: /home/dev/src/%s\\nPlatform: linux\\n</env>\\n",
                   u->repo);
        return;
    }
    buf_printf(b,
               "# Environment\\n - Primary working directory: /home/dev/src/%s\\n"
               " - Platform: linux\\n\\ngitStatus: Current branch: %s-%u\\n\\nStatus:\\n(clean)\\n",
               u->repo, words_pick(&WORDS_CODE, r), rng_below(r, 900));
}

/* Counts what was written since `from`. */
static void count_system(const struct buf *b, size_t from, enum request_part part,
                         struct sizes *sizes)
{
    sizes->part[part] += text_decoded(str_skip(buf_view(b), from));
}

/* The end of a system text that began at `from`. */
static void end_system(struct buf *b, size_t from, struct sizes *sizes)
{
    count_system(b, from, PART_SYSTEM, sizes);
    buf_char(b, '"');
}

static void put_billing(struct buf *b, struct rng *r, const struct setup *u, enum thread_kind kind,
                        struct sizes *sizes)
{
    buf_str(b, STR("{\"type\":\"text\",\"text\":\""));
    size_t from = b->n;
    buf_printf(b, "x-anthropic-billing-header: cc_version=%s.%03x; cc_entrypoint=%s;%s", u->version,
               rng_below(r, 4096), u->entrypoint,
               kind == THREAD_SUB ? " cc_is_subagent=true;" : "");
    end_system(b, from, sizes);
    buf_str(b, STR("},"));
}

static const char *system_line(const struct setup *u, enum thread_kind kind, uint32_t sub)
{
    switch (kind) {
    case THREAD_MAIN:
        return "\\nYou are an interactive agent";
    case THREAD_SUB:
        return subs[type_of(u, sub)].line;
    case THREAD_TITLE:
        return u->plain ? "Analyze if this message indicates a new conversation topic"
                        : "Generate a concise, sentence-case title";
    case THREAD_SAFETY:
        return "Your task is to process Bash commands";
    }
    return "";
}

static void put_system(const struct sim *s, struct buf *b, struct rng *r, const struct setup *u,
                       enum thread_kind kind, uint32_t sub, struct sizes *sizes)
{
    bool cli = strcmp(u->entrypoint, "cli") == 0;
    bool marked = kind == THREAD_MAIN || kind == THREAD_SUB;
    buf_char(b, '[');
    if (!u->plain)
        put_billing(b, r, u, kind, sizes);
    buf_str(b, STR("{\"type\":\"text\",\"text\":\""));
    size_t from = b->n;
    buf_printf(b, "%s",
               cli ? "You are Claude Code, Anthropic's official CLI for Claude."
                   : "You are a Claude agent, built on Anthropic's Claude Agent SDK.");
    end_system(b, from, sizes);
    if (marked)
        put_mark(b, u);
    buf_str(b, STR("},{\"type\":\"text\",\"text\":\""));
    from = b->n;
    buf_printf(b, "%s ", system_line(u, kind, sub));
    struct rng own =
        claude_texts(s, u, (uint32_t)kind + (kind == THREAD_SUB ? 8 + type_of(u, sub) : 0));
    size_t bytes = kind == THREAD_MAIN ? SYSTEM_BYTES : kind == THREAD_SUB ? SUB_SYSTEM_BYTES : 900;
    text_append(s->text, TEXT_PROSE, &own, bytes * (size_t)s->options.body_scale / 100, b);
    if (marked) {
        buf_str(b, STR("\\n\\n"));
        count_system(b, from, PART_SYSTEM, sizes);
        from = b->n;
        put_environment(b, r, u, kind);
        count_system(b, from, PART_ENVIRONMENT, sizes);
        from = b->n;
    }
    end_system(b, from, sizes);
    if (marked)
        put_mark(b, u);
    buf_str(b, STR("}]"));
}

/* The schema of a server's tool; the same text whenever it is written. */
static void put_mcp_tool(const struct sim *s, struct buf *b, const struct setup *u, uint32_t server,
                         uint32_t tool, struct sizes *sizes)
{
    char name[96];
    struct rng own = claude_texts(s, u, 24 + server * MCP_TOOLS + tool);
    claude_mcp_name(u->server[server], tool, name, sizeof name);
    size_t from = b->n;
    claude_tool(s, b, &own, name, MCP_TOOL_BYTES, false);
    sizes->part[PART_MCP] += (uint32_t)(b->n - from);
    sizes->server[server].schema += (uint32_t)(b->n - from);
}

static void put_tools(const struct sim *s, struct buf *b, const struct setup *u,
                      enum thread_kind kind, struct sizes *sizes)
{
    struct rng own = claude_texts(s, u, 16);
    bool some = kind == THREAD_MAIN || kind == THREAD_SUB;
    buf_char(b, '[');
    for (size_t i = 0; some && i < sizeof tools / sizeof tools[0]; i++) {
        if (kind == THREAD_SUB && i >= SUB_TOOLS)
            break;
        if (i)
            buf_char(b, ',');
        size_t from = b->n;
        claude_tool(s, b, &own, tools[i].name, tools[i].bytes, false);
        sizes->part[PART_TOOLS] += (uint32_t)(b->n - from);
    }
    for (uint32_t i = 0; some && !u->deferred && i < u->servers_n * MCP_TOOLS; i++) {
        buf_char(b, ',');
        put_mcp_tool(s, b, u, i / MCP_TOOLS, i % MCP_TOOLS, sizes);
    }
    buf_char(b, ']');
}

void claude_load_tool(struct sim *s, struct talk *t, const struct setup *u, uint32_t server,
                      uint32_t tool)
{
    if (!t->text)
        return;
    const struct str mark = STR(",\"defer_loading\":true}");
    struct buf *b = &s->scratch;
    buf_rewind(b);
    put_mcp_tool(s, b, u, server, tool, &t->of_head);
    b->n -= b->n > 0;
    buf_str(b, mark);
    t->of_head.part[PART_MCP] += (uint32_t)mark.n - 1;
    t->of_head.server[server].schema += (uint32_t)mark.n - 1;
    talk_add_tool(t, buf_view(b));
}

static void put_tail(struct buf *b, const struct setup *u, const char *session)
{
    if (u->legacy_id)
        buf_printf(b, "],\"metadata\":{\"user_id\":\"user_%s_account__session_%s\"}}", u->device,
                   session);
    else
        buf_printf(
            b,
            "],\"metadata\":{\"user_id\":\"{\\\"device_id\\\":\\\"%s\\\",\\\"account_uuid\\\":"
            "\\\"\\\",\\\"session_id\\\":\\\"%s\\\"}\"}}",
            u->device, session);
}

void claude_head(const struct sim *s, struct talk *t, struct rng *r, const struct setup *u,
                 enum thread_kind kind, uint32_t sub, const char *session)
{
    if (!t->text)
        return;
    t->one_hour = u->one_hour;
    t->no_mark = kind != THREAD_MAIN && kind != THREAD_SUB;
    t->of_head = (struct sizes){0};
    buf_rewind(&t->head);
    buf_rewind(&t->tail);
    buf_printf(&t->head,
               "{\"anthropic_version\":\"bedrock-2023-05-31\",\"anthropic_beta\":["
               "\"interleaved-thinking-2025-05-14\"],\"max_tokens\":32000,%s\"system\":",
               kind == THREAD_MAIN ? "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":31999},"
                                   : "\"temperature\":1,");
    put_system(s, &t->head, r, u, kind, sub, &t->of_head);
    buf_str(&t->head, STR(",\"tools\":"));
    put_tools(s, &t->head, u, kind, &t->of_head);
    buf_str(&t->head, STR(",\"messages\":["));
    put_tail(&t->tail, u, session);
}
