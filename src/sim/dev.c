/*
 * A person at work: days with sessions, sessions with prompts, prompts with turns. Claude Code's
 * sessions also have probes at the start, a title call, sub-agents and compaction.
 */
#include "sim/dev_internal.h"

#include "sim/chat.h"
#include "sim/record.h"

#include <stdlib.h>

enum {
    DAY_S = 86400,
    COMPACTION_TOKENS = 1600, /* of the instruction */
    CONTEXT_LIMIT = 150000,
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
    rng_seed(&d->rng, (uint64_t)s->options.seed, UINT64_C(0x10000000) + caller);
    rng_seed(&d->words, (uint64_t)s->options.seed, UINT64_C(0x20000000) + caller);
    claude_setup(&d->setup, &d->rng, d->machine);
    d->policy = d->setup.one_hour ? CACHE_1H : rng_one_in(&d->rng, 8) ? CACHE_MIXED : CACHE_5M;
    bool converse = d->harness != CLAUDE_CODE;
    if (converse)
        d->policy = CACHE_5M;
    talk_init(&d->main.talk, s->text, converse);
    talk_init(&d->sub.talk, s->text, converse);
    buf_init(&d->brief, 1 << 20);
    int64_t first_s = next_morning(d, &s->org, s->start_s);
    *first_ms = first_s * 1000;
    *out = d;
    return OK;
}

void dev_free(struct dev *d)
{
    if (!d)
        return;
    talk_fini(&d->main.talk);
    talk_fini(&d->sub.talk);
    buf_fini(&d->brief);
    free(d);
}

static bool texts_ok(const struct dev *d)
{
    return talk_ok(&d->main.talk) && talk_ok(&d->sub.talk) && buf_status(&d->brief) == OK;
}

enum status dev_emit(struct sim *s, struct dev *d, struct call *c)
{
    return texts_ok(d) ? sim_emit(s, c) : err_nomem(s->err);
}

/* Texts of a finished session are given back: thousands of people are idle at any time. */
static void drop_texts(const struct sim *s, struct dev *d)
{
    bool converse = d->harness != CLAUDE_CODE;
    talk_fini(&d->main.talk);
    talk_fini(&d->sub.talk);
    talk_init(&d->main.talk, s->text, converse);
    talk_init(&d->sub.talk, s->text, converse);
}

static void begin_session(struct sim *s, struct dev *d)
{
    const struct caller *c = &s->org.callers[d->caller];
    struct rng *r = &d->rng;
    s->sessions++;
    d->sessions_left--;
    d->as = c->second && rng_one_in(r, 4) ? c->second : d->caller;
    const struct desk *desk = &s->org.desk[s->org.callers[d->as].desk];
    d->model = rng_one_in(r, 3) ? desk->sonnet : desk->opus;
    record_uuid(r, d->session);
    d->prompts_left = rng_skewed(r, 1, 18);
    d->calls_left = rng_skewed(r, 1, 20);
    d->sub_left = 0;
    d->limit = rng_one_in(r, 6) ? 55000 : CONTEXT_LIMIT;
    d->interrupted = false;
    dev_begin_thread(s, d, &d->main, THREAD_MAIN);
    dev_prompt(s, d);
    if (d->harness != CLAUDE_CODE) {
        d->phase = PHASE_MAIN;
        return;
    }
    d->probes_left = rng_between(r, 2, 3);
    d->phase = PHASE_PROBE;
}

/* One output token on the default model of each family, to see what is there. */
static enum status probe(struct sim *s, struct dev *d, int64_t now_ms, int64_t *gap_ms)
{
    const struct desk *desk = &s->org.desk[s->org.callers[d->as].desk];
    const uint32_t models[] = {dev_small_model(s, d, now_ms / 1000), desk->sonnet, desk->opus};
    struct call c = dev_call(s, d, now_ms, models[--d->probes_left]);
    c.op = OP_INVOKE;
    c.split_in_body = c.model_in_body = true;
    c.input = 8;
    c.output = 1;
    bool refused = rng_one_in(&d->rng, 12);
    if (refused) {
        c.error = FAIL_ACCESS;
        c.no_counts = true;
    } else if (s->text) {
        c.in[c.in_n++] = STR("{\"anthropic_version\":\"bedrock-2023-05-31\",\"max_tokens\":1,"
                             "\"messages\":[{\"role\":\"user\",\"content\":\".\"}]}");
        answer_begin(&s->answer, &d->words, &c, s->org.models[c.model].body_name);
        answer_literal(&s->answer, STR("Hi"));
        answer_end(&s->answer, &c, "max_tokens", -1);
        c.out = buf_view(&s->answer.out);
    }
    *gap_ms = 40;
    if (d->probes_left == 0) {
        /* Print mode makes no title. */
        d->phase = d->setup.entrypoint[0] == 'c' ? PHASE_TITLE : PHASE_MAIN;
        *gap_ms = rng_between(&d->rng, 900, 9000);
    }
    return dev_emit(s, d, &c);
}

static enum status title(struct sim *s, struct dev *d, int64_t now_ms, int64_t *gap_ms)
{
    struct call c = dev_call(s, d, now_ms, d->model);
    c.op = OP_INVOKE_STREAM;
    c.split_in_body = c.model_in_body = true;
    c.input = 380 + rng_skewed(&d->rng, 10, 300);
    c.output = rng_between(&d->rng, 8, 24);
    if (s->text) {
        struct talk *t = &d->sub.talk;
        talk_clear(t);
        claude_head(s, t, &d->words, &d->setup, THREAD_TITLE, 0, d->session);
        talk_open_text(t);
        buf_str(&t->last, STR("<session>\\n"));
        sim_text(s, &d->words, TEXT_PROSE, 60, &t->last);
        buf_str(&t->last, STR("\\n</session>"));
        talk_close_text(t);
        c.in_n = talk_request(t, c.in);
        answer_begin(&s->answer, &d->words, &c, s->org.models[c.model].body_name);
        answer_text(&s->answer, 60);
        answer_end(&s->answer, &c, "end_turn", -1);
        c.out = buf_view(&s->answer.out);
    }
    d->phase = PHASE_MAIN;
    *gap_ms = 150;
    return dev_emit(s, d, &c);
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
        talk_close_text(&th->talk);
        c.in_n = talk_request(&th->talk, c.in);
        answer_begin(&s->answer, &d->words, &c, s->org.models[c.model].body_name);
        answer_text(&s->answer, sim_bytes(s, summary));
        answer_end(&s->answer, &c, "end_turn", -1);
        c.out = buf_view(&s->answer.out);
    }
    TRY(dev_emit(s, d, &c));
    int64_t touched = th->touched_s;
    dev_begin_thread(s, d, th, THREAD_MAIN);
    th->cached = th->prefix; /* system and tools have not changed */
    th->touched_s = touched;
    talk_open_text(&th->talk);
    if (s->text)
        buf_str(&th->talk.last, STR("This session is being continued from an earlier one. "));
    sim_text(s, &d->words, TEXT_PROSE, summary, &th->talk.last);
    talk_close_text(&th->talk);
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
    return rng_skewed(&d->rng, 15, most_s) * INT64_C(1000);
}

static enum status sub_turn(struct sim *s, struct dev *d, int64_t now_ms, int64_t *gap_ms)
{
    bool failed;
    TRY(dev_turn(s, d, &d->sub, d->sub_left == 1, now_ms, &failed, gap_ms));
    d->sub_left -= !failed;
    return OK;
}

static enum status main_turn(struct sim *s, struct dev *d, int64_t now_ms, int64_t *gap_ms)
{
    bool failed, last = d->calls_left <= 1;
    bool full = d->main.prefix + d->main.history > d->limit;
    if (full && d->harness != CLAUDE_CODE) { /* the others begin a new conversation instead */
        d->prompts_left = 1;
        last = true;
    }
    if (full && !last && d->harness == CLAUDE_CODE) {
        d->phase = PHASE_COMPACT;
        *gap_ms = 500;
        return OK;
    }
    /* Compaction leaves the newest answer out, so that answer is not settled. */
    d->interrupted = full && last && d->prompts_left > 1;
    TRY(dev_turn(s, d, &d->main, last, now_ms, &failed, gap_ms));
    if (failed) {
        d->interrupted = false;
        return OK;
    }
    d->calls_left -= d->calls_left > 0;
    if (!last)
        return OK;
    d->calls_left = rng_skewed(&d->rng, 1, 20);
    if (--d->prompts_left == 0) {
        d->phase = PHASE_AWAY;
        drop_texts(s, d);
        *gap_ms += rng_skewed(&d->rng, 120, 9000) * INT64_C(1000);
    } else if (d->interrupted) {
        d->phase = PHASE_COMPACT;
        *gap_ms += think_ms(d);
    } else {
        dev_prompt(s, d);
        *gap_ms += think_ms(d);
    }
    return OK;
}

enum status dev_step(struct sim *s, struct dev *d, int64_t now_ms, int64_t *next_ms)
{
    int64_t gap_ms = 0;
    if (d->phase == PHASE_AWAY) {
        if (d->sessions_left == 0 || now_ms / 1000 > d->day_end_s) {
            *next_ms = next_morning(d, &s->org, now_ms / 1000) * 1000;
            return OK;
        }
        begin_session(s, d);
    }
    switch (d->phase) {
    case PHASE_AWAY:
        break;
    case PHASE_PROBE:
        TRY(probe(s, d, now_ms, &gap_ms));
        break;
    case PHASE_TITLE:
        TRY(title(s, d, now_ms, &gap_ms));
        break;
    case PHASE_MAIN:
        TRY(d->sub_left ? sub_turn(s, d, now_ms, &gap_ms) : main_turn(s, d, now_ms, &gap_ms));
        break;
    case PHASE_COMPACT:
        TRY(compact(s, d, now_ms, &gap_ms));
        break;
    }
    if (!texts_ok(d))
        return err_nomem(s->err);
    *next_ms = now_ms + gap_ms;
    return OK;
}
