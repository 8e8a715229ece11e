/*
 * What the model does in a turn: which tools it calls, with which input, and what comes back.
 *
 * Draws from d->rng decide everything that is counted; texts draw from d->words only, so a corpus
 * without bodies counts the same tokens as one with them. Every input holds a serial number: two
 * calls have the same input only when they are meant to.
 */
#include "sim/dev_internal.h"

#include "sim/chat.h"
#include "sim/words.h"

#include <stdio.h>

enum {
    LOOP_SERIAL = 1, /* of the command that a runaway session runs over and over */
    LOOP_CALLS = 45,
    FAN_CALLS = 2, /* answers with as many sub-agents as there may be */
};

static void set_tool(struct dev *d, struct planned_tool *t, const char *name, enum tool_input input,
                     uint32_t tokens, uint32_t result)
{
    *t = (struct planned_tool){.input = input, .server = NO_SERVER, .serial = ++d->serial};
    t->which = rng_below(&d->rng, 1000);
    t->tokens = rng_skewed(&d->rng, 30, tokens);
    t->result = rng_skewed(&d->rng, 20, result);
    snprintf(t->name, sizeof t->name, "%s", name);
}

/* A server that is connected and that somebody calls; NO_SERVER when there is none. */
static uint32_t pick_server(const struct dev *d, uint32_t which)
{
    const struct setup *u = &d->setup;
    for (uint32_t i = 0; i < u->servers_n; i++) {
        uint32_t at = (which + i) % u->servers_n;
        bool waiting = u->slow && at == u->servers_n - 1 && !d->connected;
        if (claude_server_used(u->server[at]) && !waiting)
            return at;
    }
    return NO_SERVER;
}

static void set_mcp(struct dev *d, struct planned_tool *t, uint32_t server, uint32_t tool)
{
    set_tool(d, t, "", INPUT_QUERY, 120, 4000);
    t->server = server;
    t->tool = tool;
    claude_mcp_name(d->setup.server[server], tool, t->name, sizeof t->name);
}

/* A tool that is not loaded yet must be searched first; sub-agents do without. */
static void plan_mcp(struct dev *d, const struct thread *th, struct planned_tool *t)
{
    uint32_t which = rng_below(&d->rng, 1000), server = pick_server(d, which);
    uint32_t tool = which / 8 % MCP_TOOLS;
    bool main = th == &d->main;
    if (server == NO_SERVER || (d->setup.deferred && !main)) {
        set_tool(d, t, "Bash", INPUT_COMMAND, 160, 3000);
    } else if (d->setup.deferred && !(d->loaded >> (server * MCP_TOOLS + tool) & 1)) {
        set_tool(d, t, "ToolSearch", INPUT_LOAD, 60, 60);
        t->server = server;
        t->tool = tool;
    } else {
        set_mcp(d, t, server, tool);
    }
}

static void plan_agent(struct dev *d, struct plan *p, struct planned_tool *t)
{
    set_tool(d, t, "Agent", INPUT_AGENT, 900, 2500);
    p->agents_n++;
}

static uint32_t free_subs(const struct dev *d)
{
    uint32_t n = SUBS;
    for (int i = 0; i < SUBS; i++)
        n -= d->sub[i].active;
    return n;
}

/* The main thread may start two at a time, a general sub-agent of its own one. */
static bool may_delegate(const struct dev *d, const struct thread *th, const struct plan *p)
{
    if (free_subs(d) <= (uint32_t)p->agents_n)
        return false;
    if (th == &d->main)
        return p->agents_n < 2;
    return p->agents_n == 0 && th->depth == 1 && th->left > 2 &&
           claude_sub_type(&d->setup, th->type) == claude_agent_type(0);
}

static void plan_claude_tool(struct dev *d, const struct thread *th, bool vain, struct plan *p,
                             struct planned_tool *t)
{
    static const struct {
        const char *name;
        enum tool_input input;
        uint32_t tokens, result;
    } kinds[] = {
        {"Bash", INPUT_COMMAND, 160, 5000}, {"Bash", INPUT_COMMAND, 160, 3000},
        {"Read", INPUT_PATH, 60, 9000},     {"Read", INPUT_PATH, 60, 9000},
        {"Edit", INPUT_EDIT, 1500, 400},    {"Edit", INPUT_EDIT, 1500, 400},
        {"Write", INPUT_WRITE, 5000, 60},   {"Skill", INPUT_SKILL, 40, 3000},
    };
    uint32_t k = rng_below(&d->rng, 10);
    if (k == 7 && (!rng_one_in(&d->rng, 3) || th != &d->main)) /* skills are rarer than the rest */
        k = 0;
    if (k == 8 && !vain && may_delegate(d, th, p)) {
        plan_agent(d, p, t);
        return;
    }
    if (k == 9 && !vain) {
        plan_mcp(d, th, t);
    } else {
        k = k < 8 ? k : 2;
        set_tool(d, t, kinds[k].name, kinds[k].input, kinds[k].tokens, kinds[k].result);
    }
    t->failed = rng_one_in(&d->rng, 15) && t->input != INPUT_LOAD;
    if (t->failed && t->input == INPUT_PATH && rng_one_in(&d->rng, 4)) {
        t->unknown = true; /* the model calls what is not there */
        snprintf(t->name, sizeof t->name, "ReadMany");
    }
}

static void plan_chat_tool(struct dev *d, struct planned_tool *t)
{
    set_tool(d, t, "", INPUT_PATH, 900, 6000);
    t->input = t->which % 2 ? INPUT_PATH : INPUT_EDIT;
    snprintf(t->name, sizeof t->name, "%s", chat_tool_name(d->harness, t->which));
    t->failed = rng_one_in(&d->rng, 15);
}

static void plan_errors(struct dev *d, struct plan *p)
{
    p->tools_n = 3;
    set_tool(d, &p->tool[0], "ReadMany", INPUT_PATH, 60, 60);
    p->tool[0].unknown = true;
    set_tool(d, &p->tool[1], "Bash", INPUT_COMMAND, 160, 900);
    set_tool(d, &p->tool[2], "Read", INPUT_PATH, 60, 200);
    for (int i = 0; i < 3; i++)
        p->tool[i].failed = true;
}

/* Two sub-agents with the same words, and a general one that will start another. */
static void plan_agents(struct dev *d, struct plan *p)
{
    p->tools_n = 3;
    for (int i = 0; i < 3; i++)
        plan_agent(d, p, &p->tool[i]);
    p->tool[0].which = p->tool[1].which = 2;
    p->tool[1].tokens = p->tool[0].tokens;
    p->tool[1].serial = p->tool[0].serial;
    p->tool[2].which = 0;
    note_identical(d->note);
}

/* True while the session runs away. */
static bool plan_runaway(struct dev *d, struct plan *p)
{
    if (d->steps >= LOOP_CALLS + FAN_CALLS)
        return false;
    if (d->steps < LOOP_CALLS) {
        p->tools_n = 1;
        set_tool(d, &p->tool[0], "Bash", INPUT_COMMAND, 40, 400);
        p->tool[0].serial = LOOP_SERIAL;
        p->tool[0].failed = true;
    } else {
        for (p->tools_n = 0; p->tools_n < PLAN_TOOLS; p->tools_n++)
            plan_agent(d, p, &p->tool[p->tools_n]);
    }
    d->steps++;
    return true;
}

static bool take(struct dev *d, enum scene scene)
{
    bool there = d->pending & scene;
    d->pending &= ~(uint32_t)scene;
    return there;
}

/* What must happen in this session comes first. False when nothing is left of it. */
static bool plan_scene(struct dev *d, const struct thread *th, struct plan *p)
{
    struct planned_tool *t = &p->tool[0];
    p->tools_n = 1;
    if (th != &d->main) {
        bool nest = dev_has(d, SCENE_AGENTS) && !th->answered && may_delegate(d, th, p);
        if (nest)
            plan_agent(d, p, t);
        return nest;
    }
    if (d->next_server != NO_SERVER) {
        set_mcp(d, t, d->next_server, d->next_tool);
        d->next_server = NO_SERVER;
    } else if (take(d, SCENE_MCP)) {
        plan_mcp(d, th, t);
    } else if (take(d, SCENE_ERRORS)) {
        plan_errors(d, p);
    } else if (take(d, SCENE_SKILL)) {
        set_tool(d, t, "Skill", INPUT_SKILL, 40, 900);
    } else if (take(d, SCENE_MIDTURN)) {
        set_tool(d, t, "Read", INPUT_PATH, 60, 900);
        t->midturn = true;
    } else if (take(d, SCENE_AGENTS)) {
        plan_agents(d, p);
    } else {
        return dev_has(d, SCENE_RUNAWAY) && plan_runaway(d, p);
    }
    return true;
}

void dev_plan(struct dev *d, const struct thread *th, enum plan_mode mode, struct plan *p)
{
    bool chat = d->harness != CLAUDE_CODE, main = th == &d->main;
    *p = (struct plan){.text = rng_skewed(&d->rng, 12, mode == PLAN_LAST ? 1800 : 400)};
    if (main && !chat && rng_one_in(&d->rng, 3))
        p->thinking = rng_skewed(&d->rng, 20, 400);
    if (mode == PLAN_LAST || (chat && !chat_tool_name(d->harness, 0)))
        return;
    if (!chat && mode == PLAN_FREE && plan_scene(d, th, p))
        return;
    p->agents_n = 0;
    p->tools_n = rng_one_in(&d->rng, 4) ? (int)rng_between(&d->rng, 2, 3) : 1;
    for (int i = 0; i < p->tools_n; i++) {
        struct planned_tool *t = &p->tool[i];
        if (chat)
            plan_chat_tool(d, t);
        else
            plan_claude_tool(d, th, mode == PLAN_VAIN, p, t);
        /* Not when the context is about to be compacted: then the words would be lost. */
        uint32_t context = d->main.prefix + d->main.history;
        t->midturn = main && !chat && !d->machine && t->input != INPUT_LOAD &&
                     rng_one_in(&d->rng, 40) && context + 40000 < d->limit;
    }
}

static void write_brief(struct sim *s, struct dev *d, const struct plan *p, int at)
{
    const struct planned_tool *t = &p->tool[at];
    struct buf *brief = &d->brief[at];
    buf_reset(brief);
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
    buf_reset(b);
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
