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

static struct str figure(struct timeline_filler *f, int64_t n)
{
    char room[FIGURE_TEXT];
    size_t len = f->narrow ? figure_count_short(room, n) : figure_count(room, n);
    return timeline_keep(f, str_of(room, len));
}

static struct str dollars(struct timeline_filler *f, money_sum pico)
{
    char room[FIGURE_TEXT];
    return timeline_keep(f, str_of(room, figure_dollars(room, pico, pico < PICO_PER_USD ? 4 : 2)));
}

/* "main first", "sub-agent Explore #2 cold", "background title". */
static struct str call_cell(struct timeline_filler *f, const struct timeline_call *c)
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
    return timeline_cleaned(f);
}

static struct str model_cell(struct timeline_filler *f, const struct timeline_call *c)
{
    ptrdiff_t dot = str_find_char(c->model, '.');
    buf_reset(&f->text);
    buf_str(&f->text, str_skip(c->model, dot > 0 ? (size_t)dot + 1 : 0));
    return timeline_cleaned(f);
}

static struct str idle_cell(struct timeline_filler *f, int64_t idle_us)
{
    char room[FIGURE_TEXT];
    if (idle_us < US_PER_SECOND)
        return STR("");
    return timeline_keep(f, str_of(room, figure_time(room, idle_us / 1000)));
}

static void fill_row(struct timeline_filler *f, const struct timeline_call *c, bool with_day,
                     struct str *cells)
{
    cells[TIME] = timeline_clock(f, c->time_us, with_day);
    cells[CALL] = call_cell(f, c);
    cells[MODEL] = model_cell(f, c);
    buf_reset(&f->text);
    timeline_uses_text(c, &f->text);
    cells[TOOLS] = timeline_cleaned(f);
    cells[CONTEXT] = figure(f, c->context);
    cells[OUTPUT] = figure(f, c->output);
    cells[COST] = c->priced ? dollars(f, c->cost) : STR("unpriced");
    cells[IDLE] = idle_cell(f, c->idle_us);
    cells[READ] = figure(f, c->cache_read);
    cells[WRITE] = figure(f, c->cache_write);
    cells[INPUT] = figure(f, c->input);
}

static void fill_total(struct timeline_filler *f, struct grid *g)
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

static enum status make_grid(struct timeline_filler *f, struct grid *g)
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

/* ---- For a terminal. */

static enum status lay_out(struct sheet *s, struct timeline_filler *f)
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

static enum status put_page(struct sheet *s, struct timeline_filler *f)
{
    struct timeline_head h = timeline_head(f, s->o->width);
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

static enum status put_md(struct timeline_filler *f, struct buf *out)
{
    struct answer shell = timeline_shell(f->t);
    struct notes n = {.arena = f->arena};
    struct timeline_head h = timeline_head(f, 0);
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
    struct timeline_filler f = {.t = t, .arena = &arena, .ascii = o->ascii};
    buf_init(&f.text, SIZE_MAX / 2);
    struct answer shell = timeline_shell(t);
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
