/* Other harnesses: see chat.h. */
#include "sim/chat.h"

#include "sim/claude.h"

enum { CHAT_TOOLS = 6, CHAT_TOOL_BYTES = 900, CHAT_SYSTEM_BYTES = 9000 };

static const struct {
    const char *name, *opening;
    const char *tool[CHAT_TOOLS];
    enum sim_operation op;
    /* The last tool as a reader takes it apart, when it is of a server. */
    const char *server, *server_tool;
} harnesses[] = {
    [CLINE] = {"Cline",
               "You are Cline, an AI coding agent",
               {"read_files", "search_codebase", "run_commands", "editor", "apply_patch", "skills"},
               OP_CONVERSE,
               NULL,
               NULL},
    [ROO] = {"Roo Code",
             "You are Roo, a highly skilled",
             {"apply_diff", "codebase_search", "read_file", "update_todo_list", "switch_mode",
              "mcp--tickets--search"},
             OP_CONVERSE_STREAM,
             "tickets",
             "search"},
    [OPENCODE] = {"opencode",
                  "You are opencode, an interactive CLI",
                  {"bash", "edit", "glob", "grep", "read", "todowrite"},
                  OP_CONVERSE,
                  NULL,
                  NULL},
    [AIDER] = {"aider", "Act as an expert software developer", {0}, OP_CONVERSE, NULL, NULL},
    [CONTINUE] = {"Continue",
                  "<important_rules>\\n  You are in agent mode",
                  {"edit_existing_file", "create_new_file", "run_terminal_command", "read_skill",
                   "single_find_and_replace", "wiki_search"},
                  OP_CONVERSE_STREAM,
                  NULL,
                  NULL},
    [GOOSE] = {"Goose",
               "You are a general-purpose AI agent called goose",
               {"developer__shell", "developer__shell", "developer__shell", "developer__shell",
                "developer__shell", "developer__shell"},
               OP_CONVERSE_STREAM,
               "developer",
               "shell"},
    [ZED] = {"Zed",
             "You are the Zed coding agent",
             {"edit_file", "find_path", "grep", "terminal", "read_file", "diagnostics"},
             OP_CONVERSE_STREAM,
             NULL,
             NULL},
    [AGENTCORE] = {"AgentCore",
                   "You help the people of the shop with their orders",
                   {"find_order", "refund", "track_parcel", "open_case", "stock_of", "note"},
                   OP_CONVERSE_STREAM,
                   NULL,
                   NULL},
};

/* The tools that the harness offers: each name once. */
static uint32_t tools_of(enum harness harness)
{
    if (!harnesses[harness].tool[0])
        return 0;
    return harness == GOOSE ? 1 : CHAT_TOOLS;
}

uint32_t chat_prefix_tokens(enum harness harness)
{
    return (CHAT_SYSTEM_BYTES + tools_of(harness) * CHAT_TOOL_BYTES) / 3 + (uint32_t)harness * 150;
}

const char *chat_tool_name(enum harness harness, uint32_t tool)
{
    return harnesses[harness].tool[tool % CHAT_TOOLS];
}

void chat_tool_parts(enum harness harness, uint32_t tool, const char **server, const char **name)
{
    uint32_t n = tools_of(harness);
    bool last = n && harnesses[harness].server && tool % n == n - 1;
    *server = last ? harnesses[harness].server : NULL;
    *name = last ? harnesses[harness].server_tool : chat_tool_name(harness, tool);
}

const char *chat_name(enum harness harness)
{
    return harnesses[harness].name;
}

void chat_offers(struct note *n, enum harness harness)
{
    if (!harnesses[harness].server)
        return;
    note_server(n, 0, harnesses[harness].server);
    note_offer(n, TOOL_MCP, harnesses[harness].server);
}

enum sim_operation chat_operation(enum harness harness)
{
    return harnesses[harness].op;
}

static void put_tools(const struct sim *s, struct talk *t, struct rng *r, enum harness harness)
{
    struct buf *b = &t->head;
    uint32_t n = tools_of(harness);
    buf_str(b, STR(",\"toolConfig\":{\"tools\":["));
    for (uint32_t i = 0; i < n; i++) {
        const char *server, *name;
        chat_tool_parts(harness, i, &server, &name);
        if (i)
            buf_char(b, ',');
        size_t from = b->n;
        claude_tool(s, b, r, harnesses[harness].tool[i], CHAT_TOOL_BYTES, true);
        uint32_t bytes = (uint32_t)(b->n - from);
        t->of_head.part[server ? PART_MCP : PART_TOOLS] += bytes;
        t->of_head.server[0].schema += server ? bytes : 0;
    }
    buf_str(b, STR("]}"));
}

void chat_head(const struct sim *s, struct talk *t, struct rng *r, enum harness harness)
{
    if (!t->text)
        return;
    struct buf *b = &t->head;
    buf_rewind(b);
    buf_rewind(&t->tail);
    t->of_head = (struct sizes){0};
    buf_str(b, STR("{\"system\":[{\"text\":\""));
    size_t from = b->n;
    buf_printf(b, "%s. ", harnesses[harness].opening);
    text_append(s->text, TEXT_PROSE, r, CHAT_SYSTEM_BYTES * (size_t)s->options.body_scale / 100, b);
    t->of_head.part[PART_SYSTEM] = text_decoded(str_skip(buf_view(b), from));
    buf_str(b, STR("\"},{\"cachePoint\":{\"type\":\"default\"}}]"));
    if (tools_of(harness))
        put_tools(s, t, r, harness);
    buf_str(b, STR(",\"inferenceConfig\":{\"maxTokens\":8192,\"temperature\":0},\"messages\":["));
    buf_str(&t->tail, STR("]}"));
}
