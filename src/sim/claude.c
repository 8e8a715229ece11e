/* Claude Code's requests: see claude.h. */
#include "sim/claude.h"

#include "sim/words.h"

#include <stdio.h>

enum {
    SYSTEM_BYTES = 25500,
    SUB_SYSTEM_BYTES = 2100,
    MCP_TOOL_BYTES = 620,
    MCP_TOOLS = 6, /* per server */
    SUB_TYPES = 4,
    SUB_TOOLS = 6, /* the first so many of the list below are offered to sub-agents */
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
} subs[SUB_TYPES] = {
    {"general-purpose", "You are an agent for Claude Code"},
    {"Explore", "You are a file search specialist for Claude Code"},
    {"Plan", "You are a software architect and planning"},
    {"docs-checker", "Compare every page under docs with the code that it describes."},
};

const char *claude_sub_type(uint32_t sub)
{
    return subs[sub % SUB_TYPES].type;
}

void claude_mcp_name(uint32_t server, uint32_t tool, char *out, size_t cap)
{
    snprintf(out, cap, "mcp__%s__%s", words_at(&WORDS_MCP_SERVER, server),
             words_at(&WORDS_MCP_TOOL, server * 4 + tool % MCP_TOOLS));
}

void claude_setup(struct setup *u, struct rng *r, bool machine)
{
    static const char *const versions[] = {"2.1.197", "2.1.188", "2.1.201", "2.0.71"};
    *u = (struct setup){0};
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
    u->one_hour = rng_one_in(r, 4);
    for (int i = 0; i < 4; i++)
        snprintf(u->device + i * 16, 17, "%016llx", (unsigned long long)rng_u64(r));
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

static void put_environment(struct buf *b, struct rng *r, const struct setup *u,
                            enum thread_kind kind)
{
    if (kind == THREAD_SUB) {
        buf_printf(
            b, "\\n\\n<env>\\nWorking directory: /home/dev/src/%s\\nPlatform: linux\\n</env>\\n",
            u->repo);
        return;
    }
    buf_printf(b,
               "\\n\\n# Environment\\n - Primary working directory: /home/dev/src/%s\\n"
               " - Platform: linux\\n\\ngitStatus: Current branch: %s-%u\\n\\nStatus:\\n(clean)\\n",
               u->repo, words_pick(&WORDS_CODE, r), rng_below(r, 900));
}

static void put_system(const struct sim *s, struct buf *b, struct rng *r, const struct setup *u,
                       enum thread_kind kind, uint32_t sub)
{
    bool cli = strcmp(u->entrypoint, "cli") == 0;
    buf_printf(b,
               "[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: cc_version=%s.%03x; "
               "cc_entrypoint=%s;%s\"},{\"type\":\"text\",\"text\":\"%s\"",
               u->version, rng_below(r, 4096), u->entrypoint,
               kind == THREAD_SUB ? " cc_is_subagent=true;" : "",
               cli ? "You are Claude Code, Anthropic's official CLI for Claude."
                   : "You are a Claude agent, built on Anthropic's Claude Agent SDK.");
    if (kind == THREAD_TITLE) {
        buf_str(b, STR("},{\"type\":\"text\",\"text\":\"Generate a concise, sentence-case title "));
        text_append(s->text, TEXT_PROSE, r, 900, b);
        buf_str(b, STR("\"}]"));
        return;
    }
    put_mark(b, u);
    buf_printf(b, "},{\"type\":\"text\",\"text\":\"%s ",
               kind == THREAD_SUB ? subs[sub % SUB_TYPES].line : "\\nYou are an interactive agent");
    size_t bytes = kind == THREAD_SUB ? SUB_SYSTEM_BYTES : SYSTEM_BYTES;
    text_append(s->text, TEXT_PROSE, r, bytes * (size_t)s->options.body_scale / 100, b);
    put_environment(b, r, u, kind);
    buf_char(b, '"');
    put_mark(b, u);
    buf_str(b, STR("}]"));
}

static void put_tools(const struct sim *s, struct buf *b, struct rng *r, const struct setup *u,
                      enum thread_kind kind)
{
    char name[96];
    buf_char(b, '[');
    for (size_t i = 0; kind != THREAD_TITLE && i < sizeof tools / sizeof tools[0]; i++) {
        if (kind == THREAD_SUB && i >= SUB_TOOLS)
            break;
        if (i)
            buf_char(b, ',');
        claude_tool(s, b, r, tools[i].name, tools[i].bytes, false);
    }
    for (uint32_t i = 0; kind != THREAD_TITLE && !u->deferred && i < u->servers_n * MCP_TOOLS;
         i++) {
        claude_mcp_name(u->server[i / MCP_TOOLS], i % MCP_TOOLS, name, sizeof name);
        buf_char(b, ',');
        claude_tool(s, b, r, name, MCP_TOOL_BYTES, false);
    }
    buf_char(b, ']');
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
    t->no_mark = kind == THREAD_TITLE;
    buf_reset(&t->head);
    buf_reset(&t->tail);
    buf_printf(&t->head,
               "{\"anthropic_version\":\"bedrock-2023-05-31\",\"anthropic_beta\":["
               "\"interleaved-thinking-2025-05-14\"],\"max_tokens\":32000,%s\"system\":",
               kind == THREAD_MAIN ? "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":31999},"
                                   : "\"temperature\":1,");
    put_system(s, &t->head, r, u, kind, sub);
    buf_str(&t->head, STR(",\"tools\":"));
    put_tools(s, &t->head, r, u, kind);
    buf_str(&t->head, STR(",\"messages\":["));
    put_tail(&t->tail, u, session);
}

static void put_described(const struct sim *s, struct buf *b, struct rng *r, const char *name)
{
    buf_printf(b, "- %s: ", name);
    text_append(s->text, TEXT_PROSE, r, rng_between(r, 80, 400), b);
    buf_str(b, STR("\\n"));
}

static void remind_servers(const struct sim *s, struct talk *t, struct rng *r,
                           const struct setup *u)
{
    char name[96];
    if (u->deferred) {
        talk_open_text(t);
        buf_str(&t->last,
                STR("<system-reminder>\\nThe following deferred tools are now available "
                    "(load one with select:<name>):\\nCronCreate\\nCronList\\nNotebookEdit\\n"
                    "TaskCreate\\nTaskGet\\nWebFetch\\n"));
        for (uint32_t i = 0; i < u->servers_n * MCP_TOOLS; i++) {
            claude_mcp_name(u->server[i / MCP_TOOLS], i % MCP_TOOLS, name, sizeof name);
            buf_printf(&t->last, "%s\\n", name);
        }
        buf_str(&t->last, STR("</system-reminder>"));
        talk_close_text(t);
    }
    if (u->servers_n == 0)
        return;
    talk_open_text(t);
    buf_str(&t->last, STR("<system-reminder>\\n# MCP Server Instructions\\n\\n"));
    for (uint32_t i = 0; i < u->servers_n; i++) {
        buf_printf(&t->last, "## %s\\n", words_at(&WORDS_MCP_SERVER, u->server[i]));
        text_append(s->text, TEXT_PROSE, r, rng_between(r, 300, 1800), &t->last);
        buf_str(&t->last, STR("\\n\\n"));
    }
    buf_str(&t->last, STR("</system-reminder>"));
    talk_close_text(t);
}

void claude_reminders(const struct sim *s, struct talk *t, struct rng *r, const struct setup *u,
                      enum thread_kind kind)
{
    if (!t->text)
        return;
    remind_servers(s, t, r, u);
    if (kind == THREAD_MAIN) {
        talk_open_text(t);
        buf_str(&t->last, STR("<system-reminder>\\nAvailable agent types for the Agent tool:\\n"));
        for (uint32_t i = 0; i < SUB_TYPES; i++)
            put_described(s, &t->last, r, subs[i].type);
        buf_str(&t->last, STR("</system-reminder>"));
        talk_close_text(t);
    }
    talk_open_text(t);
    buf_str(&t->last, STR("<system-reminder>\\nThe following skills are available for use\\n\\n"));
    for (uint32_t i = 0; i < u->skills_n; i++)
        put_described(s, &t->last, r, words_at(&WORDS_SKILL, u->skill + i));
    buf_str(&t->last, STR("</system-reminder>"));
    talk_close_text(t);
    talk_open_text(t);
    buf_printf(
        &t->last,
        "<system-reminder>\\nAs you answer the user's questions, use this context:\\n# claudeMd"
        "\\nContents of /home/dev/src/%s/CLAUDE.md (project instructions):\\n\\n",
        u->repo);
    text_append(s->text, TEXT_PROSE, r, 1500 * (size_t)s->options.body_scale / 100, &t->last);
    buf_str(&t->last, STR("\\n# currentDate\\nToday's date is in the log.\\n</system-reminder>"));
    talk_close_text(t);
}
