/* The head of a session's page: who, how much, and how its context grew; and texts in the arena. */
#include "report/timeline_internal.h"

#include <stdio.h>

struct str timeline_keep(struct timeline_filler *f, struct str text)
{
    struct str copy = arena_str(f->arena, text);
    f->failed = f->failed || !copy.p || buf_status(&f->text) != OK;
    return copy.p ? copy : STR("");
}

struct str timeline_cleaned(struct timeline_filler *f)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    text_clean(&b, buf_view(&f->text), f->ascii);
    struct str copy = timeline_keep(f, buf_view(&b));
    f->failed = f->failed || buf_status(&b) != OK;
    buf_fini(&b);
    return copy;
}

struct str timeline_clock(struct timeline_filler *f, int64_t time_us, bool with_day)
{
    struct civil c = zone_civil(time_us);
    buf_reset(&f->text);
    if (with_day)
        buf_printf(&f->text, "%04lld-%02d-%02d ", (long long)c.year, c.month, c.day);
    buf_printf(&f->text, "%02d:%02d:%02d", c.hour, c.minute, c.second);
    return timeline_keep(f, buf_view(&f->text));
}

static void end_line(struct timeline_filler *f, struct timeline_head *h)
{
    if (f->text.n && h->n < TIMELINE_HEAD_LINES)
        h->line[h->n++] = timeline_cleaned(f);
    buf_reset(&f->text);
}

static void put_part(struct timeline_filler *f, struct str text)
{
    if (text.n == 0)
        return;
    buf_str(&f->text, f->text.n ? STR(", ") : STR(""));
    buf_str(&f->text, text);
}

static void put_count(struct timeline_filler *f, int64_t n, const char *mark, const char *one,
                      const char *many)
{
    char room[FIGURE_TEXT], text[FIGURE_TEXT + 64];
    figure_count(room, n);
    int len = snprintf(text, sizeof text, "%s%s %s", room, mark, n == 1 ? one : many);
    put_part(f, str_of(text, len > 0 ? (size_t)len : 0));
}

static void who(struct timeline_filler *f, struct timeline_head *h)
{
    const struct timeline *t = f->t;
    buf_reset(&f->text);
    put_part(f, t->user);
    put_part(f, t->harness);
    if (t->version.n)
        buf_printf(&f->text, " %.*s", STR_ARG(t->version));
    if (t->entrypoint.n)
        buf_printf(&f->text, " (%.*s)", STR_ARG(t->entrypoint));
    if (t->repository.n)
        buf_printf(&f->text, ", repository %.*s", STR_ARG(t->repository));
    end_line(f, h);
}

static void counts(struct timeline_filler *f, struct timeline_head *h)
{
    const struct session *s = &f->t->s;
    bool seen = f->t->seen > 0; /* 0 would say that there were none */
    if (seen) {
        put_count(f, s->prompts, s->prompts_at_least ? "+" : "", "prompt", "prompts");
        put_count(f, s->turns, "", "turn", "turns");
    }
    put_count(f, f->t->requests, "", "request", "requests");
    if (seen || s->tool_calls)
        put_count(f, s->tool_calls, "", "tool call", "tool calls");
    if (s->tool_errors)
        put_count(f, s->tool_errors, "", "tool error", "tool errors");
    if (s->agents) {
        put_count(f, s->agents, "", "sub-agent", "sub-agents");
        buf_printf(&f->text, " (fan-out %lld, depth %lld)", (long long)s->fan_out,
                   (long long)s->depth);
    }
    if (s->compactions)
        put_count(f, s->compactions, "", "compaction", "compactions");
    if (s->retries)
        put_count(f, s->retries, "", "retry", "retries");
    if (s->interrupts)
        put_count(f, s->interrupts, "", "interrupt", "interrupts");
    end_line(f, h);
}

static void times_and_money(struct timeline_filler *f, struct timeline_head *h)
{
    char duration[FIGURE_TEXT], active[FIGURE_TEXT], cost[FIGURE_TEXT];
    const struct session *s = &f->t->s;
    figure_time(duration, (s->last_us - s->first_us) / 1000);
    figure_time(active, s->active_us / 1000);
    figure_dollars(cost, s->cost, 2);
    buf_printf(&f->text, "%s long, %s active, %s", duration, active, cost);
    static const struct {
        enum call_kind kind;
        const char *name;
    } kinds[] = {{CALL_MAIN, "main"},
                 {CALL_SUBAGENT, "sub-agents"},
                 {CALL_COMPACTION, "compaction"},
                 {CALL_BACKGROUND, "background"}};
    const char *before = ": ";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (s->cost_kind[kinds[i].kind] == 0 || s->cost_kind[kinds[i].kind] == s->cost)
            continue;
        figure_dollars(cost, s->cost_kind[kinds[i].kind], 2);
        buf_printf(&f->text, "%s%s %s", before, kinds[i].name, cost);
        before = ", ";
    }
    end_line(f, h);
    if (s->cold_restarts) {
        figure_dollars(cost, s->cold_excess, 2);
        put_count(f, s->cold_restarts, "", "cold restart", "cold restarts");
        buf_printf(&f->text, " (%s more than with a warm cache)", cost);
    }
    if (f->t->runaway.score > 0) {
        put_part(f, STR("runaway score "));
        buf_printf(&f->text, "%lld: %.*s", (long long)f->t->runaway.score, STR_ARG(f->t->signals));
    }
    end_line(f, h);
}

static int64_t largest_context(const struct timeline *t)
{
    int64_t most = 0;
    for (size_t i = 0; i < t->calls_n; i++)
        if (t->calls[i].kind == CALL_MAIN && t->calls[i].context > most)
            most = t->calls[i].context;
    return most;
}

/* The context of the main thread, call by call; the largest of those that share a column. */
static void sparkline(struct timeline_filler *f, struct timeline_head *h, int width)
{
    enum { MOST = 60 };
    static const char *const levels[] = {"\xE2\x96\x81", "\xE2\x96\x82", "\xE2\x96\x83",
                                         "\xE2\x96\x84", "\xE2\x96\x85", "\xE2\x96\x86",
                                         "\xE2\x96\x87", "\xE2\x96\x88"};
    static const char plain[] = "_.-=+*#@";
    int64_t column[MOST] = {0}, most = largest_context(f->t);
    size_t n = 0, at = 0;
    for (size_t i = 0; i < f->t->calls_n; i++)
        n += f->t->calls[i].kind == CALL_MAIN;
    size_t room = width > 40 && width - 30 < MOST ? (size_t)width - 30 : MOST;
    size_t columns = n < room ? n : room;
    if (n < 2 || most <= 0)
        return;
    for (size_t i = 0; i < f->t->calls_n; i++) {
        if (f->t->calls[i].kind != CALL_MAIN)
            continue;
        int64_t *c = &column[at++ * columns / n];
        *c = f->t->calls[i].context > *c ? f->t->calls[i].context : *c;
    }
    buf_reset(&f->text);
    buf_str(&f->text, STR("context "));
    for (size_t i = 0; i < columns; i++) {
        size_t level = (size_t)((money_sum)column[i] * 7 / most);
        if (f->ascii)
            buf_char(&f->text, plain[level]);
        else
            buf_str(&f->text, str_from(levels[level]));
    }
    char peak[FIGURE_TEXT];
    figure_count(peak, most);
    buf_printf(&f->text, " peak %s", peak);
    h->line[h->n++] = timeline_keep(f, buf_view(&f->text));
    buf_reset(&f->text);
}

struct answer timeline_shell(const struct timeline *t)
{
    return (struct answer){
        .question = t->question,
        .about = t->about,
        .prices_date = t->prices_date,
        .sessions = {.asked = true,
                     .sessions = 1,
                     .inferred = t->s.inferred,
                     .at_least = t->s.prompts_at_least,
                     .calls = t->requests,
                     .requests = t->seen,
                     .names_cut = t->names_cut,
                     .unshown = t->unshown},
    };
}

/* Of a part of a session the figures are those of the part. */
static void period(struct timeline_filler *f, struct timeline_head *h)
{
    const struct question *q = f->t->question;
    if (q->since_us == INT64_MIN && q->until_us == INT64_MAX)
        return;
    struct answer shell = timeline_shell(f->t);
    struct notes n = {.arena = f->arena, .ascii = f->ascii};
    buf_reset(&f->text);
    buf_printf(&f->text, "only calls of this period: %.*s", STR_ARG(notes_period(&shell, &n)));
    f->failed = f->failed || n.failed;
    end_line(f, h);
}

struct timeline_head timeline_head(struct timeline_filler *f, int width)
{
    struct timeline_head h = {0};
    struct str from = timeline_clock(f, f->t->s.first_us, true);
    struct str to = timeline_clock(f, f->t->s.last_us, true);
    if (str_eq(str_of(from.p, 10), str_of(to.p, 10)))
        to = str_skip(to, 11);
    buf_reset(&f->text);
    buf_printf(&f->text, "Session %.*s%s, %.*s to %.*s, %.*s", STR_ARG(f->t->id),
               f->t->s.inferred ? " (inferred from messages)" : "", STR_ARG(from), STR_ARG(to),
               STR_ARG(f->t->question->zone));
    h.title = timeline_cleaned(f);
    period(f, &h);
    who(f, &h);
    counts(f, &h);
    times_and_money(f, &h);
    sparkline(f, &h, width);
    return h;
}
