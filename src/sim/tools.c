/* Tools at work: what the model puts into them and what comes back. */
#include "sim/dev_internal.h"

#include "sim/chat.h"
#include "sim/words.h"

static void write_brief(struct sim *s, struct dev *d, const struct plan *p, int at)
{
    const struct planned_tool *t = &p->tool[at];
    struct buf *brief = &d->brief[at];
    buf_rewind(brief);
    if (at && p->tool[at - 1].serial == t->serial) {
        buf_str(brief, buf_view(&d->brief[at - 1]));
        return;
    }
    buf_printf(brief, "Part %llu: ", (unsigned long long)t->serial);
    sim_text(s, &d->words, TEXT_PROSE, t->tokens, brief);
}

static void write_edit(struct sim *s, struct dev *d, const struct planned_tool *t)
{
    struct buf *b = &s->scratch;
    size_t n = sim_bytes(s, t->tokens);
    buf_printf(b, "{\"file_path\":\"/home/dev/src/%s/src/%s_%llu.ts\",\"", d->setup.repo,
               words_pick(&WORDS_CODE, &d->words), (unsigned long long)t->serial);
    if (t->input == INPUT_EDIT) {
        buf_str(b, STR("old_string\":\""));
        text_append(s->text, TEXT_CODE, &d->words, n / 2, b);
        n -= n / 2;
        buf_str(b, STR("\",\"new_string\":\""));
    } else {
        buf_str(b, STR("content\":\""));
    }
    text_append(s->text, TEXT_CODE, &d->words, n, b);
}

static void write_command(struct sim *s, struct dev *d, const struct planned_tool *t)
{
    struct buf *b = &s->scratch;
    if (t->serial == LOOP_SERIAL) {
        buf_str(b, STR("{\"command\":\"make -C service check\",\"description\":\"Run the checks"));
        return;
    }
    buf_str(b, STR("{\"command\":\""));
    text_append(s->text, TEXT_CODE, &d->words, sim_bytes(s, t->tokens) / 2, b);
    buf_printf(b, "\",\"description\":\"%llu ", (unsigned long long)t->serial);
    buf_str(b, text_take(s->text, TEXT_PROSE, &d->words, 40));
}

void dev_write_input(struct sim *s, struct dev *d, const struct plan *p, int at)
{
    const struct planned_tool *t = &p->tool[at];
    struct buf *b = &s->scratch;
    struct rng *r = &d->words;
    unsigned long long serial = t->serial;
    char name[96];
    buf_rewind(b);
    switch (t->input) {
    case INPUT_COMMAND:
        write_command(s, d, t);
        break;
    case INPUT_PATH:
        buf_printf(b, "{\"file_path\":\"/home/dev/src/%s/src/%s.ts\",\"limit\":%llu,\"reason\":\"",
                   d->setup.repo, words_pick(&WORDS_CODE, r), serial);
        break;
    case INPUT_EDIT:
    case INPUT_WRITE:
        write_edit(s, d, t);
        break;
    case INPUT_QUERY:
        buf_printf(b, "{\"limit\":20,\"query\":\"%llu ", serial);
        text_append(s->text, TEXT_PROSE, r, sim_bytes(s, t->tokens) / 2, b);
        break;
    case INPUT_LOAD:
        claude_mcp_name(d->setup.server[t->server], t->tool, name, sizeof name);
        buf_printf(b, "{\"max_results\":%llu,\"query\":\"select:%s", serial, name);
        break;
    case INPUT_SKILL:
        buf_printf(b, "{\"skill\":\"%s\",\"args\":\"%llu",
                   words_at(&WORDS_SKILL, d->setup.skill + t->which % d->setup.skills_n), serial);
        break;
    case INPUT_AGENT:
        write_brief(s, d, p, at);
        buf_printf(b, "{\"description\":\"%s %s\",\"subagent_type\":\"%s\",\"prompt\":\"",
                   words_pick(&WORDS_CODE, r), words_pick(&WORDS_CODE, r),
                   claude_sub_type(&d->setup, t->which));
        buf_str(b, buf_view(&d->brief[at]));
        break;
    }
    buf_str(b, STR("\"}"));
}

/* The tool's schema comes with the next request. */
static void load_tool(struct sim *s, struct dev *d, struct thread *th, const struct planned_tool *t,
                      const char *id)
{
    char name[96];
    claude_mcp_name(d->setup.server[t->server], t->tool, name, sizeof name);
    talk_loaded_result(&th->talk, id, name);
    talk_text(&th->talk, STR("Tool loaded."), PART_REMINDERS);
    uint64_t bit = UINT64_C(1) << (t->server * MCP_TOOLS + t->tool);
    if (!(d->loaded & bit)) {
        claude_load_tool(s, &th->talk, &d->setup, t->server, t->tool);
        th->prefix += claude_tool_tokens();
    }
    d->loaded |= bit;
    d->next_server = t->server;
    d->next_tool = t->tool;
}

/* The user's words, typed while the model was at work: inside the result, a block of its own where
 * the result has blocks. */
static void write_midturn(struct sim *s, struct dev *d, struct talk *t, bool as_array)
{
    buf_printf(&t->last,
               "%s<system-reminder>\\nThe user sent a new message while you were working:\\n",
               as_array ? "\"},{\"type\":\"text\",\"text\":\"" : "\\n");
    sim_text(s, &d->words, TEXT_PROSE, 30, &t->last);
    buf_str(&t->last, STR("\\n</system-reminder>"));
}

static void write_skill(struct sim *s, struct dev *d, struct thread *th, uint32_t which)
{
    talk_open_text(&th->talk);
    buf_printf(&th->talk.last, "Base directory for this skill: /home/dev/.claude/skills/%s\\n",
               words_at(&WORDS_SKILL, d->setup.skill + which % d->setup.skills_n));
    sim_text(s, &d->words, TEXT_PROSE, 700, &th->talk.last);
    talk_close_text(&th->talk, PART_SKILLS);
}

static void write_content(struct sim *s, struct dev *d, struct talk *t,
                          const struct planned_tool *tool, bool as_array)
{
    struct buf *b = &t->last;
    if (tool->unknown) {
        buf_printf(b, "<tool_use_error>Error: No such tool available: %s</tool_use_error>",
                   tool->name);
        return;
    }
    if (tool->failed && tool->input == INPUT_COMMAND)
        buf_str(b, STR("Exit code 1\\n"));
    bool code = tool->input == INPUT_PATH || tool->input == INPUT_EDIT;
    sim_text(s, &d->words, code ? TEXT_CODE : TEXT_OUTPUT, tool->result, b);
    /* General sub-agents tell who they were. */
    if (as_array && tool->input == INPUT_AGENT && tool->which % AGENT_TYPES == 0)
        buf_printf(b, "\"},{\"type\":\"text\",\"text\":\"agentId: a%llu\\nsubagent_tokens: %u",
                   (unsigned long long)tool->serial, tool->result);
}

void dev_write_result(struct sim *s, struct dev *d, struct thread *th, const struct planned_tool *t,
                      const char *id)
{
    if (t->input == INPUT_LOAD) {
        load_tool(s, d, th, t, id);
        return;
    }
    if (t->midturn) {
        th->prompts++;
        th->human++;
        th->history += 30;
    }
    if (t->input == INPUT_SKILL && !t->failed)
        th->history += 700;
    if (!s->text)
        return;
    bool as_array = t->which % 3 == 0;
    talk_open_result(&th->talk, id, as_array);
    write_content(s, d, &th->talk, t, as_array);
    if (t->midturn)
        write_midturn(s, d, &th->talk, as_array);
    talk_close_result(&th->talk, as_array, t->failed);
    if (t->input == INPUT_SKILL && !t->failed)
        write_skill(s, d, th, t->which);
}

uint32_t dev_note_use(struct dev *d, const struct thread *th, const struct planned_tool *t)
{
    const struct setup *u = &d->setup;
    const char *server = NULL, *name = t->name;
    enum tool_kind kind = TOOL_BUILTIN;
    if (d->harness != CLAUDE_CODE) {
        chat_tool_parts(d->harness, t->which, &server, &name);
        kind = server ? TOOL_MCP : TOOL_BUILTIN;
    } else if (t->input == INPUT_QUERY && t->server != NO_SERVER) {
        kind = TOOL_MCP;
        server = words_at(&WORDS_MCP_SERVER, u->server[t->server]);
        name = claude_mcp_tool(u->server[t->server], t->tool);
    } else if (t->input == INPUT_SKILL) {
        kind = TOOL_SKILL;
        name = words_at(&WORDS_SKILL, u->skill + t->which % u->skills_n);
    } else if (t->input == INPUT_AGENT) {
        kind = TOOL_AGENT;
        name = claude_sub_type(u, t->which);
    }
    return note_use(d->note, th->noted, kind, server, name, t->serial);
}
