/*
 * The form for people: every cell as text. Here is decided what an amount looks like that is not
 * the whole truth: nothing known is a word, more than this is "+?", bounded or estimated is "~".
 * notes.c explains the marks below the table.
 */
#include "report/render_internal.h"

struct filler {
    const struct answer *answer;
    const struct grid_style *style;
    struct arena *arena;
    struct grid *grid;
    struct buf text; /* scratch */
    bool failed;
};

static struct str keep(struct filler *f, struct str text)
{
    struct str copy = arena_str(f->arena, text);
    f->failed = f->failed || !copy.p || buf_status(&f->text) != OK;
    return copy.p ? copy : STR("");
}

static struct str dimension_cell(struct filler *f, const struct answer_row *row, int dim)
{
    struct str text = row->dims[dim];
    if (text.n == 0)
        return STR("(none)");
    buf_reset(&f->text);
    if (f->answer->question->dims[dim] == DIM_TIME) {
        /* "2026-04-14T08:00Z": the zone stands in the title. */
        for (size_t i = 0; i < text.n; i++)
            if (text.p[i] != 'Z')
                buf_char(&f->text, text.p[i] == 'T' ? ' ' : text.p[i]);
    } else {
        text_clean(&f->text, text, f->style->ascii);
    }
    f->failed = f->failed || buf_status(&f->text) != OK;
    return keep(f, buf_view(&f->text));
}

static struct str unknown_amount(const struct sums *s)
{
    bool priced_out = s->count[COUNT_UNPRICED] > 0 || s->count[COUNT_PARTIAL] > 0;
    return priced_out || s->count[COUNT_UNKNOWN_USAGE] == 0 ? STR("unpriced") : STR("unknown");
}

/* What an amount lacks follows from the sums of its calls; the tax of a server is of other calls.
 */
static void put_money(struct filler *f, const struct answer_row *row, int at, int decimals)
{
    char room[FIGURE_TEXT];
    const struct sums *s = &row->sums;
    const struct metric_value *v = &row->values[at];
    int metric = f->answer->question->metrics[at];
    bool tax = metric == METRIC_TAX_COST || metric == METRIC_TAX_MONTH;
    bool roughly = !tax && (s->count[COUNT_BOUNDED] > 0 || s->count[COUNT_ESTIMATED] > 0);
    bool more = v->known && (tax ? row->tax_more : metric_incomplete(s));
    if (!v->known) {
        buf_str(&f->text, tax && !row->tax_more ? STR("-") : unknown_amount(s));
    } else {
        buf_str(&f->text, roughly && v->money != 0 ? STR("~") : STR(""));
        buf_str(&f->text, str_of(room, figure_dollars(room, v->money, decimals)));
    }
    if (more)
        buf_str(&f->text, STR("+?"));
    else if (f->style->align_marks && f->grid->marked)
        buf_str(&f->text, STR("  "));
}

/* `at` is the position of the metric in the question. */
static struct str metric_cell(struct filler *f, const struct answer_row *row, int at, int decimals)
{
    char room[FIGURE_TEXT];
    struct metric_value v = row->values[at];
    enum metric_kind kind = metric_info(f->answer->question->metrics[at]).kind;
    buf_reset(&f->text);
    if (kind == METRIC_KIND_MONEY)
        put_money(f, row, at, decimals);
    else if (!v.known)
        buf_str(&f->text, STR("-"));
    else if (kind == METRIC_KIND_RATIO)
        buf_str(&f->text, str_of(room, figure_percent(room, v.n)));
    else if (kind == METRIC_KIND_TIME)
        buf_str(&f->text, str_of(room, figure_time(room, v.n)));
    else if (kind == METRIC_KIND_MS)
        buf_printf(&f->text, "%.*s ms", (int)figure_count(room, v.n), room);
    else
        buf_str(&f->text, str_of(room, f->style->narrow ? figure_count_short(room, v.n)
                                                        : figure_count(room, v.n)));
    if (v.known && row->at_least && f->answer->question->metrics[at] == METRIC_PROMPTS)
        buf_char(&f->text, '+');
    f->failed = f->failed || buf_status(&f->text) != OK;
    return keep(f, buf_view(&f->text));
}

/* Two decimals; four where there are amounts and none of the column reaches a dollar. */
static int decimals_of(const struct answer *a, int at)
{
    money_sum largest = 0;
    for (size_t i = 0; i <= a->rows_n; i++) {
        const struct answer_row *row = i < a->rows_n ? &a->rows[i] : &a->total;
        const struct metric_value *v = &row->values[at];
        if (v->known && v->money > largest)
            largest = v->money;
    }
    return largest > 0 && largest < PICO_PER_USD ? 4 : 2;
}

static bool any_marked(const struct answer *a)
{
    bool money = false;
    for (int i = 0; i < a->question->metrics_n; i++)
        money = money || metric_info(a->question->metrics[i]).kind == METRIC_KIND_MONEY;
    return money && (metric_incomplete(&a->total.sums) || a->total.tax_more);
}

static struct str heading_of(struct filler *f, int at)
{
    char room[DIMENSION_NAME];
    enum dimension dim = f->answer->question->dims[at];
    struct str name = question_dimension(f->answer->question, at, room);
    if (dim == DIM_TIME) {
        enum bucket bucket = f->answer->question->bucket;
        return bucket == BUCKET_WEEK ? STR("week of") : bucket_name(bucket);
    }
    buf_reset(&f->text);
    if (dim == DIM_TAG)
        text_clean(&f->text, name, f->style->ascii);
    for (size_t i = 0; dim != DIM_TAG && i < name.n; i++)
        buf_char(&f->text, name.p[i] == '_' ? ' ' : name.p[i]);
    return keep(f, buf_view(&f->text));
}

static void fill_dimension(struct filler *f, int column)
{
    const struct question *q = f->answer->question;
    struct grid *g = f->grid;
    g->total[column] = column == 0 ? STR("total") : STR("");
    if (q->dims_n == 0) {
        g->columns[column].heading = STR("");
        return;
    }
    g->columns[column].heading = heading_of(f, column);
    for (size_t r = 0; r < g->rows_n; r++)
        grid_row(g, r)[column] = dimension_cell(f, &f->answer->rows[r], column);
}

static void fill_metric(struct filler *f, int column, int at)
{
    struct grid *g = f->grid;
    int metric = f->answer->question->metrics[at];
    struct metric_info info = metric_info(metric);
    int decimals = info.kind == METRIC_KIND_MONEY ? decimals_of(f->answer, at) : 0;
    g->columns[column] = (struct column){
        .heading = info.heading,
        .figures = true,
        .lead = metric == f->answer->question->lead_metric,
        .cost = metric == METRIC_OF_MONEY(MONEY_COST),
    };
    g->total[column] = metric_cell(f, &f->answer->total, at, decimals);
    for (size_t r = 0; r < g->rows_n; r++)
        grid_row(g, r)[column] = metric_cell(f, &f->answer->rows[r], at, decimals);
}

/* "cache write" over figures of five digits: two lines of heading leave room for names. */
static void break_headings(struct grid *g)
{
    for (int c = g->dims_n; c < g->columns_n; c++) {
        struct str below = g->columns[c].heading;
        struct str above = str_cut(&below, ' ');
        if (below.p) {
            g->columns[c].above = above;
            g->columns[c].heading = below;
        }
    }
}

void grid_measure(struct grid *g)
{
    for (int c = 0; c < g->columns_n; c++) {
        int width = text_width(g->columns[c].heading), above = text_width(g->columns[c].above);
        width = above > width ? above : width;
        int total = text_width(g->total[c]);
        width = total > width ? total : width;
        for (size_t r = 0; r < g->rows_n; r++) {
            int w = text_width(grid_row(g, r)[c]);
            width = w > width ? w : width;
        }
        g->columns[c].width = width;
    }
}

enum status grid_new(const struct answer *a, const struct grid_style *style, struct arena *arena,
                     struct grid *out)
{
    const struct question *q = a->question;
    struct grid g = {.dims_n = q->dims_n > 0 ? q->dims_n : 1, .marked = any_marked(a)};
    g.columns_n = g.dims_n + q->metrics_n;
    g.rows_n = q->dims_n > 0 ? a->rows_n : 0; /* without dimensions the total says it all */
    size_t cells = g.rows_n * (size_t)g.columns_n;
    g.cells = arena_alloc(arena, (cells ? cells : 1) * sizeof *g.cells);
    if (!g.cells)
        return ERR_NOMEM;
    struct filler f = {.answer = a, .style = style, .arena = arena, .grid = &g};
    buf_init(&f.text, SIZE_MAX / 2);
    for (int i = 0; i < g.dims_n; i++)
        fill_dimension(&f, i);
    for (int i = 0; i < q->metrics_n; i++)
        fill_metric(&f, g.dims_n + i, i);
    if (style->narrow)
        break_headings(&g);
    grid_measure(&g);
    buf_fini(&f.text);
    if (f.failed)
        return ERR_NOMEM;
    *out = g;
    return OK;
}
