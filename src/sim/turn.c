/*
 * One call of a coding assistant: what it costs given the cache, what the request and the answer
 * look like, and what goes wrong with it.
 */
#include "sim/dev_internal.h"

#include "base/clock.h"
#include "sim/chat.h"

#include <stdio.h>

enum {
    MINUTES_5 = 300,
    HOUR = 3600,
    CHAIN_WINDOW = 3600, /* seconds after which calls without a session id are another session */
    REMINDER_TOKENS = 2600,
    SUB_REMINDER_TOKENS = 1500,
    LATE_TOKENS = 90,
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
    dev_next_message(th);
    th->answered = th->continued = false;
    th->human = 0;
    if (d->harness != CLAUDE_CODE) {
        th->prefix = chat_prefix_tokens(d->harness);
        th->history = 0;
        chat_head(s, &th->talk, &d->words, d->harness);
        return;
    }
    th->prefix = claude_prefix_tokens(&d->setup, kind);
    for (uint64_t bits = kind == THREAD_MAIN ? d->loaded : 0; bits; bits &= bits - 1)
        th->prefix += claude_tool_tokens();
    th->history = kind == THREAD_MAIN ? REMINDER_TOKENS : SUB_REMINDER_TOKENS;
    /* A session keeps its system text and tools over compactions. */
    if (th->talk.head.n == 0 || kind == THREAD_SUB)
        claude_head(s, &th->talk, &d->words, &d->setup, kind, th->type, d->session);
    claude_reminders(s, &th->talk, &d->setup, kind, d->connected);
}

void dev_begin_sub(struct sim *s, struct dev *d, struct thread *parent,
                   const struct planned_tool *t, int at)
{
    int slot = 0;
    while (slot < SUBS && d->sub[slot].active)
        slot++;
    if (slot == SUBS)
        return; /* never: the plan leaves room */
    struct thread *th = &d->sub[slot];
    th->active = true;
    th->parent = parent == &d->main ? NOBODY : (int)(parent - d->sub);
    th->depth = parent->depth + 1;
    th->type = t->which;
    bool fast = dev_has(d, SCENE_RUNAWAY);
    th->left = fast ? 2 : rng_skewed(&d->rng, dev_has(d, SCENE_AGENTS) ? 3 : 2, 14);
    th->noted =
        note_thread(d->note, CALL_SUBAGENT, parent->noted, claude_sub_type(&d->setup, t->which));
    dev_begin_thread(s, d, th, THREAD_SUB);
    th->history += t->tokens;
    talk_text(&th->talk, buf_view(&d->brief[at]), PART_USER);
}

/* Whatever the body of a call would tell, when there is one. */
static bool be_seen(const struct sim *s, const struct dev *d, enum call_kind kind, struct call *c)
{
    c->body = c->body && !s->org.callers[c->caller].no_bodies;
    if (!c->body)
        return false;
    c->kind = kind;
    c->harness = d->harness == CLAUDE_CODE ? "Claude Code" : chat_name(d->harness);
    if (d->harness == CLAUDE_CODE && !d->setup.plain)
        c->version = d->setup.version;
    c->note = d->note;
    return c->note != NULL;
}

/* Without a session id, calls that are far apart are two sessions. */
static void split_session(struct sim *s, struct dev *d, int64_t now_s)
{
    if (d->harness == CLAUDE_CODE || d->harness == AGENTCORE || !note_calls(d->note) ||
        now_s - note_last_s(d->note) <= CHAIN_WINDOW)
        return;
    note_end(d->note);
    d->note = note_new(s->book, s->org.callers[d->as].arn, NULL);
    note_thread(d->note, CALL_MAIN, NOTE_NONE, "");
    d->offered = false;
    s->sessions++;
}

static void note_offers(struct dev *d)
{
    if (d->offered)
        return;
    d->offered = true;
    if (d->harness == CLAUDE_CODE)
        claude_offers(d->note, &d->setup);
    else
        chat_offers(d->note, d->harness);
}

enum status dev_emit(struct sim *s, struct dev *d, struct thread *th, enum call_kind kind,
                     struct call *c)
{
    bool main = th == &d->main, counts = kind == CALL_MAIN && th->attempts == 0;
    if (!session_texts_ok(d))
        return err_nomem(s->err);
    if (c->body && d->note)
        split_session(s, d, c->time_s);
    if (!be_seen(s, d, kind, c))
        return sim_emit(s, c);
    if (main)
        note_offers(d);
    struct sizes sizes = s->text ? talk_sizes(&th->talk) : (struct sizes){0};
    struct note_call in = {
        .thread = th->noted,
        .retry = th->attempts > 0,
        .prompts = counts ? th->prompts : 0,
        .interrupts = counts ? th->interrupts : 0,
        .history_prompts = kind == CALL_MAIN ? th->human : 0,
        .history = th->answered,
        .continued = th->continued,
        .sizes = s->text ? &sizes : NULL,
    };
    c->in_session = &in;
    for (int i = 0; i < th->results_n; i++)
        note_result(d->note, th->result[i].use, th->result[i].failed);
    for (int i = 0; counts && i < th->commands_n; i++)
        note_command(d->note, th->command[i]);
    th->attempts++;
    return sim_emit(s, c);
}

enum status dev_emit_alone(struct sim *s, struct dev *d, const char *purpose, struct call *c)
{
    struct note_call in = {0};
    if (!session_texts_ok(d))
        return err_nomem(s->err);
    c->body = true;
    if (be_seen(s, d, CALL_BACKGROUND, c)) {
        in.thread = note_thread(d->note, CALL_BACKGROUND, NOTE_NONE, purpose);
        c->in_session = &in;
    }
    return sim_emit(s, c);
}

/* What becomes of a call. */
enum fate {
    FATE_GOOD,
    FATE_REFUSED,     /* before anything was done: neither input nor output is logged */
    FATE_UNAVAILABLE, /* the same, but the request is logged */
    FATE_BROKEN,      /* the stream ends early */
    FATE_LOST,        /* a good answer that nobody waits for any more */
};

static enum fate draw_fate(struct dev *d, const struct thread *th)
{
    uint32_t draw = rng_below(&d->rng, 7200);
    if (d->scene) { /* what must happen is not left to chance */
        static const enum fate fates[] = {FATE_GOOD, FATE_UNAVAILABLE, FATE_GOOD, FATE_BROKEN,
                                          FATE_GOOD, FATE_LOST,        FATE_GOOD, FATE_REFUSED};
        bool due = dev_has(d, SCENE_RETRIES) && th == &d->main && d->tries < 8;
        return due ? fates[d->tries++] : FATE_GOOD;
    }
    if (d->harness == AGENTCORE)
        return FATE_GOOD;
    if (draw < 55) /* one in 130 */
        return FATE_REFUSED;
    if (d->harness != CLAUDE_CODE)
        return FATE_GOOD;
    return draw < 73   ? FATE_UNAVAILABLE
           : draw < 81 ? FATE_BROKEN
           : draw < 99 ? FATE_LOST
                       : FATE_GOOD;
}

static enum status refused(struct sim *s, struct dev *d, struct thread *th, bool logged,
                           struct call *c, int64_t *gap_ms)
{
    static const enum sim_error errors[] = {FAIL_THROTTLE, FAIL_THROTTLE, FAIL_THROTTLE,
                                            FAIL_UNAVAILABLE, FAIL_VALIDATION};
    c->error = logged ? FAIL_UNAVAILABLE : errors[rng_below(&d->rng, 5)];
    c->no_counts = true;
    c->body = logged;
    if (logged)
        c->in_n = talk_request(&th->talk, c->in);
    *gap_ms = rng_between(&d->rng, 1000, 12000);
    return dev_emit(s, d, th, th == &d->main ? CALL_MAIN : CALL_SUBAGENT, c);
}

/* Builds the answer. */
static void write_texts(struct sim *s, struct dev *d, struct thread *th, const struct plan *p,
                        struct call *c, int64_t latency_ms, char ids[PLAN_TOOLS][TOOL_ID])
{
    struct answer *a = &s->answer;
    c->in_n = talk_request(&th->talk, c->in);
    answer_begin(a, &d->words, c, s->org.models[c->model].body_name);
    if (p->thinking)
        answer_thinking(a, sim_bytes(s, p->thinking));
    answer_text(a, sim_bytes(s, p->text));
    if (c->error == FAIL_STREAM) {
        answer_break(a);
    } else {
        for (int i = 0; i < p->tools_n; i++) {
            dev_write_input(s, d, p, i);
            answer_tool(a, p->tool[i].name, buf_view(&s->scratch), ids[i]);
        }
        const char *stop = p->tools_n ? "tool_use" : "end_turn";
        answer_end(a, c, stop, latency_ms);
    }
    c->out = buf_view(&a->out);
}

/* The answer and what came of its tools become part of the conversation. */
static void advance(struct sim *s, struct dev *d, struct thread *th, const struct plan *p,
                    uint32_t output, char ids[PLAN_TOOLS][TOOL_ID], const uint32_t uses[PLAN_TOOLS])
{
    if (p->tools_n == 0 && th == &d->main && d->interrupted)
        return;
    talk_answered(&th->talk, buf_view(&s->answer.blocks));
    dev_next_message(th);
    th->history += output;
    for (int i = 0; i < p->tools_n; i++) {
        th->history += p->tool[i].result;
        th->result[th->results_n++] =
            (struct tail_result){.use = uses[i], .failed = p->tool[i].failed};
        dev_write_result(s, d, th, &p->tool[i], ids[i]);
        if (p->tool[i].input == INPUT_AGENT)
            dev_begin_sub(s, d, th, &p->tool[i], i);
    }
    if (th != &d->main || d->harness != CLAUDE_CODE || !d->setup.slow || d->connected ||
        !d->setup.servers_n)
        return;
    d->connected = true;
    th->history += LATE_TOKENS;
    claude_remind_late(&th->talk, &d->setup);
}

static uint32_t output_of(const struct plan *p)
{
    uint32_t output = p->text + p->thinking;
    for (int i = 0; i < p->tools_n; i++)
        output += p->tool[i].tokens;
    return output;
}

enum status dev_turn(struct sim *s, struct dev *d, struct thread *th, bool last, int64_t now_ms,
                     bool *failed, int64_t *gap_ms)
{
    bool main = th == &d->main, chat = d->harness != CLAUDE_CODE;
    bool fast = dev_has(d, SCENE_RUNAWAY);
    /* Explore runs on the small model, the other sub-agents on the session's. */
    bool small = !main && strcmp(claude_sub_type(&d->setup, th->type), "Explore") == 0;
    struct call c = dev_call(s, d, now_ms, small ? dev_small_model(s, d, now_ms / 1000) : d->model);
    c.op = chat ? chat_operation(d->harness) : OP_INVOKE_STREAM;
    enum fate fate = draw_fate(d, th);
    *failed = fate != FATE_GOOD;
    if (fate == FATE_REFUSED || fate == FATE_UNAVAILABLE)
        return refused(s, d, th, fate == FATE_UNAVAILABLE, &c, gap_ms);
    struct plan p;
    char ids[PLAN_TOOLS][TOOL_ID] = {{0}};
    uint32_t uses[PLAN_TOOLS] = {0};
    dev_plan(d, th, last ? PLAN_LAST : *failed ? PLAN_VAIN : PLAN_FREE, &p);
    uint32_t output = output_of(&p);
    if (fate == FATE_BROKEN) {
        c.error = FAIL_STREAM;
        output = p.text + p.thinking;
    }
    dev_count(d, th, &c, output);
    c.body = true;
    c.model_in_body = !chat;
    c.split_in_body = !chat || answer_has_details(&c);
    c.zero_first = c.op == OP_CONVERSE_STREAM && rng_one_in(&d->rng, 60);
    /* Records have whole seconds: two calls of a thread never share one. */
    int64_t latency_ms = fast ? 500 : 1200 + (int64_t)output * 13 + rng_below(&d->rng, 2500);
    if (s->text)
        write_texts(s, d, th, &p, &c, chat || c.caller % 4 == 0 ? latency_ms : -1, ids);
    TRY(dev_emit(s, d, th, main ? CALL_MAIN : CALL_SUBAGENT, &c));
    for (int i = 0; i < p.tools_n && fate != FATE_BROKEN; i++)
        uses[i] = dev_note_use(d, th, &p.tool[i]);
    *gap_ms = latency_ms + (fast ? 550 : rng_skewed(&d->rng, 150, last ? 600 : 45000));
    if (!*failed)
        advance(s, d, th, &p, output, ids, uses);
    return OK;
}
