/* Printing what could be saved: see render.h. For people each finding is three lines: what and how
 * much, the evidence, what to change. */
#include "report/sheet.h"

#include "codec/csv.h"
#include "query/savings.h"

enum { FINDING, SUBJECT, SESSIONS, COST, MONTH, COLUMNS };

static struct answer shell_of(const struct savings *s)
{
    return (struct answer){.question = s->question,
                           .about = s->about,
                           .sessions = s->sessions,
                           .prices_date = s->prices_date};
}

struct filler {
    struct arena *arena;
    bool ascii, failed;
};

static struct str keep(struct filler *f, struct str text)
{
    struct str copy = arena_str(f->arena, text);
    f->failed = f->failed || !copy.p;
    return copy.p ? copy : STR("");
}

static struct str clean(struct filler *f, struct str text)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    text_clean(&b, text, f->ascii);
    struct str copy = keep(f, buf_view(&b));
    f->failed = f->failed || buf_status(&b) != OK;
    buf_fini(&b);
    return copy;
}

static void fill_row(struct filler *f, const struct saving *v, struct str *cells)
{
    char room[FIGURE_TEXT];
    cells[FINDING] = saving_heading(v->kind);
    cells[SUBJECT] = v->subject.n ? clean(f, v->subject) : STR("(none)");
    cells[SESSIONS] = v->sessions == SAVING_NO_SESSIONS
                          ? STR("-")
                          : keep(f, str_of(room, figure_count(room, v->sessions)));
    cells[COST] = keep(f, str_of(room, figure_dollars(room, v->cost, 2)));
    cells[MONTH] = keep(f, str_of(room, figure_dollars(room, v->month, 2)));
}

static enum status make_grid(const struct savings *s, struct filler *f, struct grid *g)
{
    static const struct column columns[COLUMNS] = {
        [FINDING] = {.heading = {"finding", 7}},
        [SUBJECT] = {.heading = {"of", 2}},
        [SESSIONS] = {.heading = {"sessions", 8}, .figures = true},
        [COST] = {.heading = {"cost", 4}, .figures = true},
        [MONTH] = {.heading = {"saves/month", 11}, .figures = true, .lead = true},
    };
    *g = (struct grid){.columns_n = COLUMNS, .dims_n = SESSIONS, .rows_n = s->n};
    memcpy(g->columns, columns, sizeof columns);
    g->cells = arena_alloc(f->arena, (s->n + 1) * COLUMNS * sizeof *g->cells);
    if (!g->cells)
        return ERR_NOMEM;
    for (size_t i = 0; i < s->n; i++)
        fill_row(f, &s->v[i], grid_row(g, i));
    grid_measure(g);
    return f->failed ? ERR_NOMEM : OK;
}

static struct str no_finding(const struct savings *s)
{
    if (s->about.invocations == 0)
        return STR("No calls were read.");
    if (s->sessions.calls == 0)
        return STR("Nothing to judge: no call in this period and with these filters.");
    return STR("Nothing found that would save money.");
}

/* What can be found only in part, as not all calls were logged with their request; "" otherwise. */
static struct str not_judged(const struct savings *s, struct filler *f)
{
    struct buf b;
    char room[FIGURE_TEXT];
    const char *before = " looked into): ";
    const struct answer_sessions *about = &s->sessions;
    if (s->seen >= about->calls)
        return STR("");
    buf_init(&b, 1 << 12);
    figure_percent(room, (int64_t)((money_sum)s->seen * 10000 / about->calls));
    buf_printf(&b, "needs content logging (%s of calls", room);
    for (int kind = 0; kind < SAVING_KINDS; kind++) {
        if (!saving_needs_content((enum saving_kind)kind))
            continue;
        buf_printf(&b, "%s%.*s", before, STR_ARG(saving_heading((enum saving_kind)kind)));
        before = ", ";
    }
    f->failed = f->failed || buf_status(&b) != OK;
    struct str text = keep(f, buf_view(&b));
    buf_fini(&b);
    return text;
}

#define OVERLAP "findings overlap: they do not add up"

/* ---- For a terminal. */

static void put_below(const struct sheet *s, const char *code, const char *what, struct str text)
{
    struct buf line;
    buf_init(&line, 1 << 16);
    buf_printf(&line, "  %s%.*s", what, STR_ARG(text));
    sheet_wrapped(s, code, buf_view(&line));
    buf_char(s->out, '\n');
    buf_fini(&line);
}

static void put_finding(const struct sheet *s, struct filler *f, const struct saving *v)
{
    put_below(s, PLAIN, "", clean(f, v->evidence));
    put_below(s, PLAIN, s->o->ascii ? "-> " : "\xE2\x86\x92 ", saving_advice(v->kind));
    put_below(s, DIM, "assumes: ", saving_assumes(v->kind));
}

static enum status put_page(const struct savings *v, struct sheet *s, struct filler *f)
{
    struct layout_wish wish = {.width = s->o->width, .dim_least = 16, .may_hide = true};
    TRY(make_grid(v, f, &s->grid));
    s->layout = layout_of(&s->grid, &wish);
    sheet_head(s);
    notes_of(s->answer, NULL, &s->notes);
    if (v->n == 0) {
        sheet_wrapped(s, PLAIN, no_finding(v));
        buf_char(s->out, '\n');
    } else {
        sheet_headings(s);
        sheet_rule(s);
    }
    for (size_t i = 0; i < v->n; i++) {
        sheet_ink(s, BOLD);
        sheet_cells(s, grid_row(&s->grid, i));
        sheet_trim(s);
        sheet_ink(s, PLAIN);
        buf_char(s->out, '\n');
        put_finding(s, f, &v->v[i]);
    }
    if (v->cut)
        buf_printf(s->out, "%zu more\n", v->cut);
    if (v->n > 0) {
        sheet_rule(s);
        sheet_wrapped(s, DIM, STR(OVERLAP));
        buf_char(s->out, '\n');
    }
    struct str missing = not_judged(v, f);
    if (missing.n > 0) {
        sheet_wrapped(s, YELLOW, missing);
        buf_char(s->out, '\n');
    }
    sheet_notes(s);
    return s->notes.failed || f->failed ? ERR_NOMEM : OK;
}

static enum status put_table(const struct savings *v, const struct report_options *o,
                             struct arena *arena, struct buf *out)
{
    struct answer shell = shell_of(v);
    struct sheet s = {.answer = &shell, .o = o, .out = out};
    struct filler f = {.arena = arena, .ascii = o->ascii};
    s.notes = (struct notes){.arena = arena, .width = o->width, .ascii = o->ascii};
    return put_page(v, &s, &f);
}

/* ---- For programs. */

static void write_finding(struct jsonw *w, const struct saving *v)
{
    jsonw_object(w);
    write_str(w, "finding", saving_key(v->kind));
    write_str(w, "subject", v->subject);
    write_str(w, "evidence", v->evidence);
    write_str(w, "advice", saving_advice(v->kind));
    write_str(w, "assumes", saving_assumes(v->kind));
    jsonw_key(w, STR("sessions"));
    if (v->sessions == SAVING_NO_SESSIONS)
        jsonw_null(w);
    else
        jsonw_i64(w, v->sessions);
    write_money(w, "cost", v->cost);
    write_money(w, "saving", v->saved);
    write_money(w, "saving_month", v->month);
    jsonw_end(w);
}

static void write_needs(struct jsonw *w, const struct savings *s)
{
    jsonw_key(w, STR("needs_content"));
    jsonw_object(w);
    jsonw_key(w, STR("findings"));
    jsonw_array(w);
    for (int kind = 0; kind < SAVING_KINDS; kind++)
        if (saving_needs_content((enum saving_kind)kind))
            jsonw_str(w, saving_key((enum saving_kind)kind));
    jsonw_end(w);
    write_i64(w, "calls", s->sessions.calls);
    write_i64(w, "seen", s->seen);
    jsonw_end(w);
}

static void put_json(const struct savings *s, struct buf *out)
{
    struct jsonw w = jsonw_start(out, 2);
    jsonw_object(&w);
    write_i64(&w, "assay", 1);
    write_question(&w, s->question);
    jsonw_key(&w, STR("savings"));
    jsonw_array(&w);
    for (size_t i = 0; i < s->n; i++)
        write_finding(&w, &s->v[i]);
    jsonw_end(&w);
    write_needs(&w, s);
    jsonw_key(&w, STR("about"));
    jsonw_object(&w);
    write_read(&w, &s->about);
    write_i64(&w, "rows_cut", (int64_t)s->cut);
    write_sessions(&w, &s->sessions);
    write_time(&w, "since", s->about.since_us);
    write_time(&w, "up_to", s->about.up_to_us);
    write_str(&w, "prices", s->prices_date);
    jsonw_end(&w);
    jsonw_end(&w);
    buf_char(out, '\n');
}

static enum status put_csv(const struct savings *s, struct buf *out)
{
    struct buf clean;
    buf_init(&clean, SIZE_MAX / 2);
    buf_str(out, STR("finding,subject,evidence,advice,assumes,sessions,cost_nusd,saving_nusd,"
                     "saving_month_nusd\n"));
    for (size_t i = 0; i < s->n; i++) {
        const struct saving *v = &s->v[i];
        const struct str texts[] = {saving_key(v->kind), v->subject, v->evidence,
                                    saving_advice(v->kind), saving_assumes(v->kind)};
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            buf_reset(&clean);
            text_clean(&clean, texts[k], false);
            csv_write(out, buf_view(&clean));
            buf_char(out, ',');
        }
        const money_sum amounts[] = {v->cost, v->saved, v->month};
        if (v->sessions != SAVING_NO_SESSIONS)
            buf_printf(out, "%lld", (long long)v->sessions);
        for (size_t k = 0; k < sizeof amounts / sizeof amounts[0]; k++) {
            char room[FIGURE_TEXT];
            buf_printf(out, ",%.*s", (int)figure_nano(room, amounts[k]), room);
        }
        buf_char(out, '\n');
    }
    enum status status = buf_status(&clean);
    buf_fini(&clean);
    return status;
}

static enum status put_md(const struct savings *s, struct arena *arena, struct buf *out)
{
    struct answer shell = shell_of(s);
    struct filler f = {.arena = arena};
    struct notes n = {.arena = arena};
    struct grid g;
    TRY(make_grid(s, &f, &g));
    notes_of(&shell, NULL, &n);
    md_head(out, &shell, &n);
    if (s->n == 0)
        md_text(out, no_finding(s));
    else
        md_table(out, &g);
    buf_char(out, '\n');
    for (size_t i = 0; i < s->n; i++) {
        const struct saving *v = &s->v[i];
        buf_printf(out, "%zu. ", i + 1);
        md_name(out, grid_row(&g, i)[FINDING]);
        buf_str(out, STR(", "));
        md_name(out, grid_row(&g, i)[SUBJECT]);
        buf_str(out, STR(": "));
        md_name(out, clean(&f, v->evidence));
        buf_str(out, STR(". "));
        md_text(out, saving_advice(v->kind));
        buf_str(out, STR(". Assumes: "));
        md_text(out, saving_assumes(v->kind));
        buf_str(out, STR(".\n"));
    }
    if (s->n > 0)
        buf_str(out, STR("\n" OVERLAP ".\n"));
    struct str missing = not_judged(s, &f);
    if (missing.n > 0) {
        buf_char(out, '\n');
        md_text(out, missing);
        buf_str(out, STR(".\n"));
    }
    md_notes(out, &n);
    return n.failed || f.failed ? ERR_NOMEM : OK;
}

enum status report_savings(const struct savings *s, const struct report_options *o, struct buf *out,
                           struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    enum status status = OK;
    if (o->format == REPORT_JSON)
        put_json(s, out);
    else if (o->format == REPORT_CSV)
        status = put_csv(s, out);
    else if (o->format == REPORT_MD)
        status = put_md(s, &arena, out);
    else
        status = put_table(s, o, &arena, out);
    arena_fini(&arena);
    if (status == OK)
        status = buf_status(out);
    return status == OK ? OK : err_set(err, status, "the report needs more memory than there is");
}
