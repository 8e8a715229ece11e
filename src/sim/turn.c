/*
 * One call of a coding assistant: what the model does, what it costs given the cache, what the
 * request and the answer look like.
 *
 * Draws from d->rng decide everything that is counted; texts draw from d->words only, so a corpus
 * without bodies counts the same tokens as one with them.
 */
#include "sim/dev_internal.h"

#include "base/clock.h"
#include "sim/chat.h"
#include "sim/words.h"

#include <stdio.h>

enum {
    MINUTES_5 = 300,
    HOUR = 3600,
    REMINDER_TOKENS = 2600,
    SUB_REMINDER_TOKENS = 1500,
};

struct call dev_call(const struct sim *s, const struct dev *d, int64_t now_ms, uint32_t model)
{
    (void)s;
    return (struct call){.time_s = now_ms / 1000, .caller = d->as, .model = model};
}

/* Haiku 5.5 came out on 2026-10-07. */
uint32_t dev_small_model(const struct sim *s, const struct dev *d, int64_t now_s)
{
    const struct desk *desk = &s->org.desk[s->org.callers[d->as].desk];
    return now_s >= days_from_civil(2026, 10, 7) * 86400 ? desk->haiku_new : desk->haiku_old;
}

/* What of a thread's earlier context is still cached, and since when the rest must be rewritten. */
static uint32_t still_cached(const struct dev *d, const struct thread *th, int64_t now_s)
{
    int64_t age = now_s - th->touched_s;
    switch (d->policy) {
    case CACHE_5M:
        return age <= MINUTES_5 ? th->cached : 0;
    case CACHE_1H:
        return age <= HOUR ? th->cached : 0;
    case CACHE_MIXED:
        return age <= MINUTES_5 ? th->cached : age <= HOUR && th->cached ? th->prefix : 0;
    }
    return 0;
}

void dev_count(struct dev *d, struct thread *th, struct call *c, uint32_t output)
{
    uint32_t total = th->prefix + th->history;
    uint32_t loose = rng_between(&d->rng, 1, 12); /* behind the last cache mark */
    uint32_t read = still_cached(d, th, c->time_s);
    if (th == &d->main && read == 0 && th->cached == 0 && d->prefix_as == d->as &&
        c->time_s - d->prefix_s <= (d->policy == CACHE_5M ? MINUTES_5 : HOUR))
        read = th->prefix;    /* another session of the same person has just cached it */
    if (loose > total - read) /* a request that is made again */
        loose = total - read;
    uint32_t write = total - read - loose;
    c->input = loose;
    c->output = output;
    c->cache_read = read;
    if (d->policy == CACHE_1H)
        c->write_1h = write;
    else if (d->policy == CACHE_MIXED && read == 0)
        c->write_1h = th->prefix;
    c->write_5m = write - c->write_1h;
    th->cached = total - loose;
    th->touched_s = c->time_s;
    if (th == &d->main) {
        d->prefix_s = c->time_s;
        d->prefix_as = d->as;
    }
}

void dev_begin_thread(const struct sim *s, struct dev *d, struct thread *th, enum thread_kind kind)
{
    th->cached = 0;
    th->touched_s = 0;
    talk_clear(&th->talk);
    if (d->harness != CLAUDE_CODE) {
        th->prefix = chat_prefix_tokens(d->harness);
        th->history = 0;
        chat_head(s, &th->talk, &d->words, d->harness);
        return;
    }
    th->prefix = claude_prefix_tokens(&d->setup, kind);
    th->history = kind == THREAD_MAIN ? REMINDER_TOKENS : SUB_REMINDER_TOKENS;
    /* A session keeps its system text and tools over compactions. */
    if (th->talk.head.n == 0 || kind == THREAD_SUB)
        claude_head(s, &th->talk, &d->words, &d->setup, kind, d->sub_type, d->session);
    claude_reminders(s, &th->talk, &d->words, &d->setup, kind);
}

void dev_prompt(struct sim *s, struct dev *d)
{
    s->prompts++;
    struct thread *th = &d->main;
    uint32_t tokens = rng_skewed(&d->rng, 8, 1200);
    bool command = d->harness == CLAUDE_CODE && rng_one_in(&d->rng, 14);
    th->history += tokens;
    talk_open_text(&th->talk);
    if (command && s->text)
        buf_printf(&th->talk.last,
                   "<command-message>%s is running</command-message>\\n<command-name>/%s"
                   "</command-name>\\n<command-args>",
                   words_at(&WORDS_SKILL, d->setup.skill), words_at(&WORDS_SKILL, d->setup.skill));
    sim_text(s, &d->words, TEXT_PROSE, tokens, &th->talk.last);
    if (command && s->text)
        buf_str(&th->talk.last, STR("</command-args>"));
    talk_close_text(&th->talk);
}

static void plan_claude_tool(struct dev *d, struct planned_tool *t, bool may_delegate)
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
        {"Agent", INPUT_AGENT, 900, 2500},  {"mcp", INPUT_QUERY, 120, 4000},
    };
    uint32_t k = rng_below(&d->rng, 10);
    if (k == 7 && !rng_one_in(&d->rng, 3)) /* skills are rarer than the rest */
        k = 0;
    if (k == 8 && !may_delegate)
        k = 2;
    if (k == 9 && d->setup.servers_n == 0)
        k = 1;
    t->input = kinds[k].input;
    t->which = rng_below(&d->rng, 1000);
    t->tokens = rng_skewed(&d->rng, 30, kinds[k].tokens);
    t->result = rng_skewed(&d->rng, 20, kinds[k].result);
    if (k == 9)
        claude_mcp_name(d->setup.server[t->which % d->setup.servers_n], t->which / 8, t->name,
                        sizeof t->name);
    else
        snprintf(t->name, sizeof t->name, "%s", kinds[k].name);
}

static void plan_chat_tool(struct dev *d, struct planned_tool *t)
{
    t->which = rng_below(&d->rng, 1000);
    t->input = t->which % 2 ? INPUT_PATH : INPUT_EDIT;
    t->tokens = rng_skewed(&d->rng, 30, 900);
    t->result = rng_skewed(&d->rng, 20, 6000);
    snprintf(t->name, sizeof t->name, "%s", chat_tool_name(d->harness, t->which));
}

static void make_plan(struct dev *d, bool main, bool last, struct plan *p)
{
    *p = (struct plan){.text = rng_skewed(&d->rng, 12, last ? 1800 : 400)};
    if (last)
        return;
    p->tools_n = rng_one_in(&d->rng, 4) ? (int)rng_between(&d->rng, 2, PLAN_TOOLS) : 1;
    for (int i = 0; i < p->tools_n; i++) {
        struct planned_tool *t = &p->tool[i];
        if (d->harness == CLAUDE_CODE)
            plan_claude_tool(d, t, main && !p->agent);
        else
            plan_chat_tool(d, t);
        p->agent |= t->input == INPUT_AGENT;
        t->failed = rng_one_in(&d->rng, 15);
    }
}

/* The tool's input as a JSON object into the scratch buffer. */
static void write_input(struct sim *s, struct dev *d, const struct planned_tool *t)
{
    struct buf *b = &s->scratch;
    struct rng *r = &d->words;
    const struct text *x = s->text;
    size_t n = sim_bytes(s, t->tokens);
    if (buf_status(b) != OK || buf_status(&d->brief) != OK)
        return; /* dev_emit tells */
    buf_reset(b);
    switch (t->input) {
    case INPUT_COMMAND:
        buf_str(b, STR("{\"command\":\""));
        text_append(x, TEXT_CODE, r, n / 2, b);
        buf_str(b, STR("\",\"description\":\""));
        buf_str(b, text_take(x, TEXT_PROSE, r, 40));
        break;
    case INPUT_PATH:
        buf_printf(b, "{\"file_path\":\"/home/dev/src/%s/src/%s.ts\",\"limit\":%u,\"reason\":\"",
                   d->setup.repo, words_pick(&WORDS_CODE, r), rng_below(r, 2000));
        break;
    case INPUT_EDIT:
    case INPUT_WRITE:
        buf_printf(b, "{\"file_path\":\"/home/dev/src/%s/src/%s.ts\",\"", d->setup.repo,
                   words_pick(&WORDS_CODE, r));
        if (t->input == INPUT_EDIT) {
            buf_str(b, STR("old_string\":\""));
            text_append(x, TEXT_CODE, r, n / 2, b);
            n -= n / 2;
            buf_str(b, STR("\",\"new_string\":\""));
        } else {
            buf_str(b, STR("content\":\""));
        }
        text_append(x, TEXT_CODE, r, n, b);
        break;
    case INPUT_QUERY:
        buf_str(b, STR("{\"limit\":20,\"query\":\""));
        text_append(x, TEXT_PROSE, r, n / 2, b);
        break;
    case INPUT_SKILL:
        buf_printf(b, "{\"skill\":\"%s\",\"args\":\"",
                   words_at(&WORDS_SKILL, d->setup.skill + t->which));
        break;
    case INPUT_AGENT:
        buf_reset(&d->brief);
        text_append(x, TEXT_PROSE, r, n, &d->brief);
        buf_printf(b, "{\"description\":\"%s %s\",\"subagent_type\":\"%s\",\"prompt\":\"",
                   words_pick(&WORDS_CODE, r), words_pick(&WORDS_CODE, r),
                   claude_sub_type(t->which));
        buf_str(b, buf_view(&d->brief));
        break;
    }
    buf_str(b, STR("\"}"));
}

static void write_result(struct sim *s, struct dev *d, struct thread *th,
                         const struct planned_tool *t, const char *id)
{
    bool as_array = t->which % 3 == 0;
    talk_open_result(&th->talk, id, as_array);
    if (t->failed && t->input == INPUT_COMMAND)
        buf_str(&th->talk.last, STR("Exit code 1\\n"));
    bool code = t->input == INPUT_PATH || t->input == INPUT_EDIT;
    sim_text(s, &d->words, code ? TEXT_CODE : TEXT_OUTPUT, t->result, &th->talk.last);
    if (t->which % 40 == 7) {
        buf_str(&th->talk.last, STR("\\n<system-reminder>\\nThe user sent a new message while you "
                                    "were working:\\n"));
        sim_text(s, &d->words, TEXT_PROSE, 30, &th->talk.last);
        buf_str(&th->talk.last, STR("\\n</system-reminder>"));
    }
    talk_close_result(&th->talk, as_array, t->failed);
    if (t->input == INPUT_SKILL && !t->failed && !th->talk.converse) {
        talk_open_text(&th->talk);
        buf_printf(&th->talk.last, "Base directory for this skill: /home/dev/.claude/skills/%s\\n",
                   words_at(&WORDS_SKILL, d->setup.skill + t->which));
        sim_text(s, &d->words, TEXT_PROSE, 700, &th->talk.last);
        talk_close_text(&th->talk);
    }
}

/* Builds the answer and, unless the call broke, moves the thread's text on. */
static void write_texts(struct sim *s, struct dev *d, struct thread *th, const struct plan *p,
                        struct call *c, int64_t latency_ms, char ids[PLAN_TOOLS][TOOL_ID])
{
    struct answer *a = &s->answer;
    c->in_n = talk_request(&th->talk, c->in);
    answer_begin(a, &d->words, c, s->org.models[c->model].body_name);
    answer_text(a, sim_bytes(s, p->text));
    if (c->error == FAIL_STREAM) {
        answer_break(a);
    } else {
        for (int i = 0; i < p->tools_n; i++) {
            write_input(s, d, &p->tool[i]);
            answer_tool(a, p->tool[i].name, buf_view(&s->scratch), ids[i]);
        }
        const char *stop = p->tools_n ? "tool_use" : "end_turn";
        answer_end(a, c, stop, latency_ms);
    }
    c->out = buf_view(&a->out);
}

/* The sub-agent's only words are the prompt of the Agent tool. */
static void begin_sub(const struct sim *s, struct dev *d, const struct planned_tool *t)
{
    d->sub_type = t->which;
    d->sub_left = rng_skewed(&d->rng, 2, 14);
    dev_begin_thread(s, d, &d->sub, THREAD_SUB);
    d->sub.history += t->tokens;
    talk_text(&d->sub.talk, buf_view(&d->brief));
}

/* A refusal before anything was done: neither input nor output is logged. */
static enum status refused(struct sim *s, struct dev *d, struct call *c, int64_t *gap_ms)
{
    static const enum sim_error errors[] = {FAIL_THROTTLE, FAIL_THROTTLE, FAIL_THROTTLE,
                                            FAIL_UNAVAILABLE, FAIL_VALIDATION};
    c->error = errors[rng_below(&d->rng, 5)];
    c->no_counts = true;
    *gap_ms = rng_between(&d->rng, 700, 12000);
    return dev_emit(s, d, c);
}

static void advance(struct sim *s, struct dev *d, struct thread *th, const struct plan *p,
                    uint32_t output, char ids[PLAN_TOOLS][TOOL_ID])
{
    if (p->tools_n == 0 && th == &d->main && d->interrupted)
        return;
    talk_answered(&th->talk, buf_view(&s->answer.blocks));
    th->history += output;
    for (int i = 0; i < p->tools_n; i++) {
        th->history += p->tool[i].result;
        if (s->text)
            write_result(s, d, th, &p->tool[i], ids[i]);
        if (p->tool[i].input == INPUT_AGENT)
            begin_sub(s, d, &p->tool[i]);
    }
}

enum status dev_turn(struct sim *s, struct dev *d, struct thread *th, bool last, int64_t now_ms,
                     bool *failed, int64_t *gap_ms)
{
    bool main = th == &d->main, chat = d->harness != CLAUDE_CODE;
    /* Explore runs on the small model, the other sub-agents on the session's. */
    bool small = !main && d->sub_type % 4 == 1;
    struct call c = dev_call(s, d, now_ms, small ? dev_small_model(s, d, now_ms / 1000) : d->model);
    c.op = chat ? chat_operation(d->harness) : OP_INVOKE_STREAM;
    *failed = rng_one_in(&d->rng, 130);
    if (*failed)
        return refused(s, d, &c, gap_ms);
    struct plan p;
    char ids[PLAN_TOOLS][TOOL_ID] = {{0}};
    make_plan(d, main, last, &p);
    uint32_t output = p.text;
    for (int i = 0; i < p.tools_n; i++)
        output += p.tool[i].tokens;
    *failed = !chat && rng_one_in(&d->rng, 900);
    if (*failed) {
        c.error = FAIL_STREAM;
        output = p.text;
    }
    dev_count(d, th, &c, output);
    c.model_in_body = !chat;
    c.split_in_body = !chat || answer_has_details(&c);
    c.zero_first = c.op == OP_CONVERSE_STREAM && rng_one_in(&d->rng, 60);
    int64_t latency_ms = 1200 + (int64_t)output * 13 + rng_below(&d->rng, 2500);
    if (s->text)
        write_texts(s, d, th, &p, &c, chat || c.caller % 4 == 0 ? latency_ms : -1, ids);
    TRY(dev_emit(s, d, &c));
    *gap_ms = latency_ms + rng_skewed(&d->rng, 150, last ? 600 : 45000);
    if (!*failed)
        advance(s, d, th, &p, output, ids);
    return OK;
}
