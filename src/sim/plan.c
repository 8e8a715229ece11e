/*
 * What the model does in a turn: which tools it calls, and what must happen in a scene.
 *
 * Draws from d->rng decide everything that is counted; texts draw from d->words only, so a corpus
 * without bodies counts the same tokens as one with them. Every input holds a serial number: two
 * calls have the same input only when they are meant to.
 */
#include "sim/dev_internal.h"

#include "sim/chat.h"

#include <stdio.h>

enum {
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
