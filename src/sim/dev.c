/*
 * A person at work: days with sessions, sessions with prompts, prompts with turns. Claude Code's
 * sessions also have probes at the start, a title call, sub-agents and compaction.
 */
#include "sim/dev_internal.h"

#include <stdlib.h>

enum {
    DAY_S = 86400,
    COMPACTION_TOKENS = 1600, /* of the instruction */
};

/* When work begins on the first working day at or after a time. */
static int64_t next_morning(struct dev *d, const struct org *org, int64_t after_s)
{
    int offset_s = REGIONS[org->callers[d->caller].region].utc_offset_h * 3600;
    int64_t day = (after_s + offset_s + DAY_S - 1) / DAY_S;
    /* 1970-01-01 was a Thursday. */
    while (!d->machine && ((day + 4) % 7 == 0 || (day + 4) % 7 == 6))
        day++;
    int64_t start = day * DAY_S - offset_s + (d->machine ? 0 : 7 * 3600 + 1800);
    start += rng_below(&d->rng, d->machine ? 12 * 3600 : 3 * 3600);
    d->day_end_s = start + 9 * 3600;
    d->sessions_left = rng_skewed(&d->rng, 2, 8);
    if (d->caller < PLAYERS && d->sessions_left < 4) /* they have something to show */
        d->sessions_left = 4;
    return start;
}

enum status dev_new(struct sim *s, uint32_t caller, struct dev **out, int64_t *first_ms)
{
    struct dev *d = calloc(1, sizeof *d);
    if (!d)
        return err_nomem(s->err);
    const struct caller *c = &s->org.callers[caller];
    d->caller = d->as = caller;
    d->harness = (enum harness)c->what;
    d->machine = c->kind == CALLER_CI;
    d->serial = FIRST_SERIAL;
    rng_seed(&d->rng, (uint64_t)s->options.seed, UINT64_C(0x10000000) + caller);
    rng_seed(&d->words, (uint64_t)s->options.seed, UINT64_C(0x20000000) + caller);
    claude_setup(&d->setup, &d->rng, caller, d->machine);
    d->policy = d->setup.one_hour ? CACHE_1H : rng_one_in(&d->rng, 8) ? CACHE_MIXED : CACHE_5M;
    if (d->harness != CLAUDE_CODE)
        d->policy = CACHE_5M;
    int64_t first_s = next_morning(d, &s->org, s->start_s);
    *first_ms = first_s * 1000;
    *out = d;
    return OK;
}

void dev_free(struct dev *d)
{
    if (!d)
        return;
    session_end(d);
    free(d);
}

/* The same request once more with an instruction behind the user's last words; afterwards the
 * thread begins anew with the summary. */
static enum status compact(struct sim *s, struct dev *d, int64_t now_ms, int64_t *gap_ms)
{
    struct thread *th = &d->main;
    uint32_t summary = rng_between(&d->rng, 900, 3500);
    struct call c = dev_call(s, d, now_ms, d->model);
    c.op = OP_INVOKE_STREAM;
    c.split_in_body = c.model_in_body = true;
    th->history += COMPACTION_TOKENS;
    dev_count(d, th, &c, summary);
    if (s->text) {
        talk_open_text(&th->talk);
        buf_str(&th->talk.last,
                STR("CRITICAL: Respond with TEXT ONLY.\\n\\nYour task is to create a "
                    "detailed summary "));
        sim_text(s, &d->words, TEXT_PROSE, COMPACTION_TOKENS, &th->talk.last);
        talk_close_text(&th->talk, PART_REMINDERS);
        c.in_n = talk_request(&th->talk, c.in);
        answer_begin(&s->answer, &d->words, &c, s->org.models[c.model].body_name);
        answer_text(&s->answer, sim_bytes(s, summary));
        answer_end(&s->answer, &c, "end_turn", -1);
        c.out = buf_view(&s->answer.out);
    }
    c.body = true;
    th->attempts = 0;
    TRY(dev_emit(s, d, th, CALL_COMPACTION, &c));
    int64_t touched = th->touched_s;
    dev_begin_thread(s, d, th, THREAD_MAIN);
    th->continued = true;
    if (dev_has(d, SCENE_COMPACT)) /* once is enough */
        d->limit = CONTEXT_LIMIT;
    th->cached = th->prefix; /* system and tools have not changed */
    th->touched_s = touched;
    talk_open_text(&th->talk);
    if (s->text)
        buf_str(&th->talk.last, STR("This session is being continued from an earlier one. "));
    if (s->text)
        buf_printf(&th->talk.last, "%llu ", (unsigned long long)++d->serial);
    sim_text(s, &d->words, TEXT_PROSE, summary, &th->talk.last);
    talk_close_text(&th->talk, PART_HISTORY);
    th->history += summary;
    d->phase = PHASE_MAIN;
    *gap_ms = 4000 + (int64_t)summary * 14;
    if (d->interrupted) {
        d->interrupted = false;
        dev_prompt(s, d);
        *gap_ms += rng_skewed(&d->rng, 10, 900) * INT64_C(1000);
    }
    return OK;
}

/* Until the person has read the answer and typed on: mostly minutes, sometimes lunch. */
static int64_t think_ms(struct dev *d)
{
    uint32_t most_s = rng_one_in(&d->rng, 9) ? 5400 : 700;
    uint32_t think_s = rng_skewed(&d->rng, 15, most_s);
    if (dev_has(d, SCENE_COLD) && d->prompts_left < 3)
        think_s = 4000 + rng_below(&d->rng, 600);
    else if (d->scene)
        think_s = 15 + think_s % 200;
    return think_s * INT64_C(1000);
}

/* The sub-agent whose turn it is: they take turns, and wait for those they started. */
static struct thread *next_sub(struct dev *d)
{
    bool waits[SUBS] = {false};
    for (int i = 0; i < SUBS; i++)
        if (d->sub[i].active && d->sub[i].parent != NOBODY)
            waits[d->sub[i].parent] = true;
    for (int k = 1; k <= SUBS; k++) {
        int i = (d->turn_of + k) % SUBS;
        if (!d->sub[i].active || waits[i])
            continue;
        d->turn_of = i;
        return &d->sub[i];
    }
    return NULL;
}

static enum status sub_turn(struct sim *s, struct dev *d, struct thread *th, int64_t now_ms,
                            int64_t *gap_ms)
{
    bool failed;
    TRY(dev_turn(s, d, th, th->left == 1, now_ms, &failed, gap_ms));
    th->left -= !failed;
    th->active = th->left > 0;
    return OK;
}

/* The session is over, for today or for good. */
static void leave(struct dev *d, int64_t *gap_ms)
{
    d->phase = PHASE_AWAY;
    *gap_ms += rng_skewed(&d->rng, 120, 9000) * INT64_C(1000);
    bool overnight = dev_has(d, SCENE_CONTINUED);
    d->kept = d->harness == CLAUDE_CODE && (rng_one_in(&d->rng, 15) || overnight) &&
              d->main.prefix + d->main.history + 10000 < d->limit;
    if (overnight)
        d->sessions_left = 0;
    if (!d->kept)
        session_end(d);
}

static enum status main_turn(struct sim *s, struct dev *d, int64_t now_ms, int64_t *gap_ms)
{
    bool failed, last = d->calls_left <= 1;
    bool full = d->main.prefix + d->main.history > d->limit;
    if (full && d->harness != CLAUDE_CODE) { /* the others begin a new conversation instead */
        d->prompts_left = 1;
        last = true;
    }
    /* What the user has just typed is sent first. */
    if (full && !last && d->harness == CLAUDE_CODE && d->main.prompts == 0 &&
        d->main.attempts == 0 && d->main.answered) {
        d->phase = PHASE_COMPACT;
        *gap_ms = 500;
        return OK;
    }
    /* Compaction leaves the newest answer out, so that answer is not settled. */
    d->interrupted = full && last && d->prompts_left > 1 && d->harness == CLAUDE_CODE;
    TRY(dev_turn(s, d, &d->main, last, now_ms, &failed, gap_ms));
    if (failed) {
        d->interrupted = false;
        return OK;
    }
    d->calls_left -= d->calls_left > 0;
    if (!last) {
        bool bash = d->setup.plain && d->harness == CLAUDE_CODE && rng_one_in(&d->rng, 6);
        d->phase = bash ? PHASE_SAFETY : PHASE_MAIN;
        return OK;
    }
    d->calls_left = d->harness == AIDER ? 1
                    : dev_has(d, SCENE_OVERSIZED)
                        ? 2
                        : rng_skewed(&d->rng, d->scene ? 2 : 1, d->scene ? 10 : 20);
    if (--d->prompts_left == 0) {
        leave(d, gap_ms);
        return OK;
    }
    if (d->interrupted)
        d->phase = PHASE_COMPACT;
    else
        dev_prompt(s, d);
    *gap_ms += think_ms(d);
    return OK;
}

/* Somebody who is away: begins a session, or says when to look again. */
static enum status arrive(struct sim *s, struct dev *d, int64_t now_ms, int64_t *next_ms)
{
    if (d->harness == AGENTCORE && d->sessions_n) /* one conversation is all */
        *next_ms = INT64_MAX / 2;
    else if (d->sessions_left == 0 || now_ms / 1000 > d->day_end_s)
        *next_ms = next_morning(d, &s->org, now_ms / 1000) * 1000;
    else
        return session_begin(s, d);
    return OK;
}

enum status dev_step(struct sim *s, struct dev *d, int64_t now_ms, int64_t *next_ms)
{
    int64_t gap_ms = 0;
    if (d->phase == PHASE_AWAY) {
        TRY(arrive(s, d, now_ms, next_ms));
        if (d->phase == PHASE_AWAY)
            return OK;
    }
    struct thread *sub = d->phase == PHASE_MAIN ? next_sub(d) : NULL;
    switch (d->phase) {
    case PHASE_AWAY:
        break;
    case PHASE_PROBE:
        TRY(alone_probe(s, d, now_ms, &gap_ms));
        break;
    case PHASE_TITLE:
        TRY(alone_title(s, d, now_ms, &gap_ms));
        break;
    case PHASE_SAFETY:
        TRY(alone_safety(s, d, now_ms, &gap_ms));
        break;
    case PHASE_MAIN:
        TRY(sub ? sub_turn(s, d, sub, now_ms, &gap_ms) : main_turn(s, d, now_ms, &gap_ms));
        break;
    case PHASE_COMPACT:
        TRY(compact(s, d, now_ms, &gap_ms));
        break;
    }
    if (s->text && !session_texts_ok(d))
        return err_nomem(s->err);
    *next_ms = now_ms + gap_ms;
    return OK;
}
