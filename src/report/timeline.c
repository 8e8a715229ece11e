/*
 * A session for people: what it was, how its context grew, and a line for each call. Where the
 * terminal is narrow, columns are left out from the right, so the telling ones stand left.
 */
#include "report/sheet.h"

#include "report/timeline_internal.h"

#include <stdio.h>

enum {
    TIME,
    CALL,
    MODEL,
    TOOLS,
    CONTEXT,
    OUTPUT,
    COST,
    IDLE,
    READ,
    WRITE,
    INPUT,
    COLUMNS,
    TEXTS = CONTEXT,
};

struct filler {
    const struct timeline *t;
    struct arena *arena;
    struct buf text;
    bool ascii, narrow, failed;
};

static struct str keep(struct filler *f, struct str text)
{
    struct str copy = arena_str(f->arena, text);
    f->failed = f->failed || !copy.p || buf_status(&f->text) != OK;
    return copy.p ? copy : STR("");
}

/* What was put into f->text, cleaned. */
static struct str cleaned(struct filler *f)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    text_clean(&b, buf_view(&f->text), f->ascii);
    struct str copy = keep(f, buf_view(&b));
    f->failed = f->failed || buf_status(&b) != OK;
    buf_fini(&b);
    return copy;
}

static struct str figure(struct filler *f, int64_t n)
{
    char room[FIGURE_TEXT];
    size_t len = f->narrow ? figure_count_short(room, n) : figure_count(room, n);
    return keep(f, str_of(room, len));
}

static struct str dollars(struct filler *f, money_sum pico)
{
    char room[FIGURE_TEXT];
    return keep(f, str_of(room, figure_dollars(room, pico, pico < PICO_PER_USD ? 4 : 2)));
}

static struct str clock(struct filler *f, int64_t time_us, bool with_day)
{
    struct civil c = zone_civil(time_us);
    buf_reset(&f->text);
    if (with_day)
        buf_printf(&f->text, "%04lld-%02d-%02d ", (long long)c.year, c.month, c.day);
    buf_printf(&f->text, "%02d:%02d:%02d", c.hour, c.minute, c.second);
    return keep(f, buf_view(&f->text));
}

/* "main first", "sub-agent Explore #2 cold", "background title". */
static struct str call_cell(struct filler *f, const struct timeline_call *c)
{
    const struct timeline_thread *t = &f->t->threads[c->thread];
    struct str kind = call_kind_text((enum call_kind)c->kind);
    buf_reset(&f->text);
    if (t->kind == CALL_SUBAGENT) {
        buf_str(&f->text, t->name.n ? t->name : STR("sub-agent"));
        buf_printf(&f->text, " #%d", (int)c->thread);
    } else if (c->kind == CALL_BACKGROUND && c->purpose.n) {
        buf_str(&f->text, c->purpose);
    } else if (c->kind != CALL_COMPACTION) {
        buf_str(&f->text, kind.n ? kind : STR("not seen"));
    }
    for (int i = 0; timeline_mark(c, i); i++)
        buf_printf(&f->text, "%s%s", f->text.n ? " " : "", timeline_mark(c, i));
    return cleaned(f);
}

static struct str model_cell(struct filler *f, const struct timeline_call *c)
{
    ptrdiff_t dot = str_find_char(c->model, '.');
    buf_reset(&f->text);
    buf_str(&f->text, str_skip(c->model, dot > 0 ? (size_t)dot + 1 : 0));
    return cleaned(f);
}

static struct str idle_cell(struct filler *f, int64_t idle_us)
{
    char room[FIGURE_TEXT];
    if (idle_us < US_PER_SECOND)
        return STR("");
    return keep(f, str_of(room, figure_time(room, idle_us / 1000)));
}

static void fill_row(struct filler *f, const struct timeline_call *c, bool with_day,
                     struct str *cells)
{
    cells[TIME] = clock(f, c->time_us, with_day);
    cells[CALL] = call_cell(f, c);
    cells[MODEL] = model_cell(f, c);
    buf_reset(&f->text);
    timeline_uses_text(c, &f->text);
    cells[TOOLS] = cleaned(f);
    cells[CONTEXT] = figure(f, c->context);
    cells[OUTPUT] = figure(f, c->output);
    cells[COST] = c->priced ? dollars(f, c->cost) : STR("unpriced");
    cells[IDLE] = idle_cell(f, c->idle_us);
    cells[READ] = figure(f, c->cache_read);
    cells[WRITE] = figure(f, c->cache_write);
    cells[INPUT] = figure(f, c->input);
}

static void fill_total(struct filler *f, struct grid *g)
{
    int64_t sums[COLUMNS] = {0};
    for (size_t i = 0; i < f->t->calls_n; i++) {
        const struct timeline_call *c = &f->t->calls[i];
        sums[OUTPUT] += c->output;
        sums[READ] += c->cache_read;
        sums[WRITE] += c->cache_write;
        sums[INPUT] += c->input;
    }
    for (int c = 0; c < COLUMNS; c++)
        g->total[c] = c == OUTPUT || c > IDLE ? figure(f, sums[c]) : STR("");
    g->total[TIME] = STR("total");
    g->total[COST] = dollars(f, f->t->s.cost);
}

static enum status make_grid(struct filler *f, struct grid *g)
{
    static const struct column columns[COLUMNS] = {
        [TIME] = {.heading = {"time", 4}},
        [CALL] = {.heading = {"call", 4}},
        [MODEL] = {.heading = {"model", 5}},
        [TOOLS] = {.heading = {"tools", 5}},
        [CONTEXT] = {.heading = {"context", 7}, .figures = true},
        [OUTPUT] = {.heading = {"output", 6}, .figures = true},
        [COST] = {.heading = {"cost", 4}, .figures = true, .lead = true},
        [IDLE] = {.heading = {"idle", 4}, .figures = true},
        [READ] = {.heading = {"read", 4}, .figures = true},
        [WRITE] = {.heading = {"write", 5}, .figures = true},
        [INPUT] = {.heading = {"input", 5}, .figures = true},
    };
    struct span span = timeline_span(f->t);
    *g = (struct grid){.columns_n = COLUMNS, .dims_n = TEXTS, .rows_n = span.to - span.from};
    memcpy(g->columns, columns, sizeof columns);
    g->cells = arena_alloc(f->arena, (g->rows_n + 1) * COLUMNS * sizeof *g->cells);
    if (!g->cells)
        return ERR_NOMEM;
    struct civil first = zone_civil(f->t->s.first_us), last = zone_civil(f->t->s.last_us);
    bool with_day = first.day != last.day || first.month != last.month || first.year != last.year;
    for (size_t i = span.from; i < span.to; i++)
        fill_row(f, &f->t->calls[i], with_day, grid_row(g, i - span.from));
    fill_total(f, g);
    grid_measure(g);
    return f->failed ? ERR_NOMEM : OK;
}

/* ---- The head: lines of parts. */

enum { HEAD_LINES = 6 };

struct head {
    struct str title;
    struct str line[HEAD_LINES];
    int n;
};

static void end_line(struct filler *f, struct head *h)
{
    if (f->text.n && h->n < HEAD_LINES)
        h->line[h->n++] = cleaned(f);
    buf_reset(&f->text);
}

static void put_part(struct filler *f, struct str text)
{
    if (text.n == 0)
        return;
    buf_str(&f->text, f->text.n ? STR(", ") : STR(""));
    buf_str(&f->text, text);
}

static void put_count(struct filler *f, int64_t n, const char *mark, const char *one,
                      const char *many)
{
    char room[FIGURE_TEXT], text[FIGURE_TEXT + 64];
    figure_count(room, n);
    int len = snprintf(text, sizeof text, "%s%s %s", room, mark, n == 1 ? one : many);
    put_part(f, str_of(text, len > 0 ? (size_t)len : 0));
}

static void who(struct filler *f, struct head *h)
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

static void counts(struct filler *f, struct head *h)
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

static void times_and_money(struct filler *f, struct head *h)
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
static void sparkline(struct filler *f, struct head *h, int width)
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
    h->line[h->n++] = keep(f, buf_view(&f->text));
    buf_reset(&f->text);
}

static struct head make_head(struct filler *f, int width)
{
    struct head h = {0};
    struct str from = clock(f, f->t->s.first_us, true);
    struct str to = clock(f, f->t->s.last_us, true);
    if (str_eq(str_of(from.p, 10), str_of(to.p, 10)))
        to = str_skip(to, 11);
    buf_reset(&f->text);
    buf_printf(&f->text, "Session %.*s%s, %.*s to %.*s, %.*s", STR_ARG(f->t->id),
               f->t->s.inferred ? " (inferred from messages)" : "", STR_ARG(from), STR_ARG(to),
               STR_ARG(f->t->question->zone));
    h.title = cleaned(f);
    who(f, &h);
    counts(f, &h);
    times_and_money(f, &h);
    sparkline(f, &h, width);
    return h;
}

static struct answer shell_of(const struct timeline *t)
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
                     .cut = t->cut},
    };
}

/* ---- For a terminal. */

static enum status lay_out(struct sheet *s, struct filler *f)
{
    struct layout_wish wish = {.width = s->o->width, .dim_least = 20};
    TRY(make_grid(f, &s->grid));
    s->layout = layout_of(&s->grid, &wish);
    if (s->layout.fits)
        return OK;
    f->narrow = true;
    wish.dim_least = 12;
    wish.may_hide = true;
    TRY(make_grid(f, &s->grid));
    s->layout = layout_of(&s->grid, &wish);
    return OK;
}

static void put_left(const struct sheet *s, const struct timeline *t)
{
    struct span span = timeline_span(t);
    char room[FIGURE_TEXT];
    if (span.to == t->calls_n)
        return;
    figure_count(room, (int64_t)(t->calls_n - span.to));
    sheet_ink(s, DIM);
    buf_printf(s->out, "%s more calls: --skip %zu, or --limit 0 for all\n", room, span.to);
    sheet_ink(s, PLAIN);
}

static enum status put_page(struct sheet *s, struct filler *f)
{
    struct head h = make_head(f, s->o->width);
    TRY(lay_out(s, f));
    sheet_wrapped(s, BOLD, h.title);
    for (int i = 0; i < h.n; i++) {
        buf_char(s->out, '\n');
        sheet_wrapped(s, PLAIN, h.line[i]);
    }
    buf_str(s->out, STR("\n\n"));
    notes_of(s->answer, NULL, &s->notes);
    sheet_headings(s);
    sheet_rule(s);
    for (size_t i = 0; i < s->grid.rows_n; i++) {
        sheet_cells(s, grid_row(&s->grid, i));
        sheet_trim(s);
        buf_char(s->out, '\n');
    }
    put_left(s, f->t);
    sheet_rule(s);
    sheet_ink(s, BOLD);
    sheet_cells(s, s->grid.total);
    sheet_trim(s);
    sheet_ink(s, PLAIN);
    buf_char(s->out, '\n');
    sheet_notes(s);
    return s->notes.failed || f->failed ? ERR_NOMEM : OK;
}

static enum status put_md(struct filler *f, struct buf *out)
{
    struct answer shell = shell_of(f->t);
    struct notes n = {.arena = f->arena};
    struct head h = make_head(f, 0);
    struct grid g;
    TRY(make_grid(f, &g));
    notes_of(&shell, NULL, &n);
    buf_str(out, STR("### "));
    md_name(out, h.title);
    buf_str(out, STR("\n\n"));
    for (int i = 0; i < h.n; i++) {
        buf_str(out, STR("- "));
        md_name(out, h.line[i]);
        buf_char(out, '\n');
    }
    buf_char(out, '\n');
    md_table(out, &g);
    md_notes(out, &n);
    return n.failed || f->failed ? ERR_NOMEM : OK;
}

static enum status put_text(const struct timeline *t, const struct report_options *o,
                            struct buf *out)
{
    struct arena arena;
    arena_init(&arena);
    struct filler f = {.t = t, .arena = &arena, .ascii = o->ascii};
    buf_init(&f.text, SIZE_MAX / 2);
    struct answer shell = shell_of(t);
    struct sheet s = {.answer = &shell, .o = o, .out = out};
    s.notes = (struct notes){.arena = &arena, .width = o->width, .ascii = o->ascii};
    enum status status = o->format == REPORT_MD ? put_md(&f, out) : put_page(&s, &f);
    buf_fini(&f.text);
    arena_fini(&arena);
    return status;
}

enum status report_timeline(const struct timeline *t, const struct report_options *o,
                            struct buf *out, struct err *err)
{
    enum status status = OK;
    if (o->format == REPORT_JSON)
        status = timeline_json(t, out);
    else if (o->format == REPORT_CSV)
        status = timeline_csv(t, out);
    else
        status = put_text(t, o, out);
    if (status == OK)
        status = buf_status(out);
    return status == OK ? OK : err_set(err, status, "the report needs more memory than there is");
}
