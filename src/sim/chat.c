/* Other harnesses: see chat.h. */
#include "sim/chat.h"

#include "sim/claude.h"

enum { CHAT_TOOLS = 6, CHAT_TOOL_BYTES = 900, CHAT_SYSTEM_BYTES = 9000 };

static const struct {
    const char *opening;
    const char *tool[CHAT_TOOLS];
    enum sim_operation op;
} harnesses[] = {
    [CLINE] = {"You are Cline, an AI coding agent",
               {"read_files", "search_codebase", "run_commands", "editor", "apply_patch", "skills"},
               OP_CONVERSE},
    [ROO] = {"You are Roo, a highly skilled",
             {"apply_diff", "codebase_search", "read_file", "update_todo_list", "switch_mode",
              "mcp--tickets--search"},
             OP_CONVERSE_STREAM},
    [OPENCODE] = {"You are opencode, an interactive CLI",
                  {"bash", "edit", "glob", "grep", "read", "todowrite"},
                  OP_CONVERSE_STREAM},
    [CONTINUE] = {"<important_rules>\\n  You are in agent mode",
                  {"edit_existing_file", "create_new_file", "run_terminal_command", "read_skill",
                   "single_find_and_replace", "wiki_search"},
                  OP_CONVERSE_STREAM},
};

uint32_t chat_prefix_tokens(enum harness harness)
{
    return (uint32_t)(CHAT_SYSTEM_BYTES + CHAT_TOOLS * CHAT_TOOL_BYTES) / 3 +
           (uint32_t)harness * 150;
}

const char *chat_tool_name(enum harness harness, uint32_t tool)
{
    return harnesses[harness].tool[tool % CHAT_TOOLS];
}

enum sim_operation chat_operation(enum harness harness)
{
    return harnesses[harness].op;
}

void chat_head(const struct sim *s, struct talk *t, struct rng *r, enum harness harness)
{
    if (!t->text)
        return;
    struct buf *b = &t->head;
    buf_reset(b);
    buf_reset(&t->tail);
    buf_printf(b, "{\"system\":[{\"text\":\"%s. ", harnesses[harness].opening);
    text_append(s->text, TEXT_PROSE, r, CHAT_SYSTEM_BYTES * (size_t)s->options.body_scale / 100, b);
    buf_str(b, STR("\"},{\"cachePoint\":{\"type\":\"default\"}}],\"toolConfig\":{\"tools\":["));
    for (uint32_t i = 0; i < CHAT_TOOLS; i++) {
        if (i)
            buf_char(b, ',');
        claude_tool(s, b, r, harnesses[harness].tool[i], CHAT_TOOL_BYTES, true);
    }
    buf_str(b, STR("]},\"inferenceConfig\":{\"maxTokens\":8192,\"temperature\":0},\"messages\":["));
    buf_str(&t->tail, STR("]}"));
}
