/*
 * The table for a terminal. A line never wraps: when the width is short, first the bars go, then
 * long texts are shortened in the middle (both ends of a name tell it from the next), then counts
 * become 12.3M, then columns are left out from the right, which the footer says.
 */
#include "report/render_internal.h"

#include "report/layout.h"

struct sheet {
    const struct answer *answer;
    const struct report_options *o;
    struct grid grid;
    struct layout layout;
    struct notes notes;
    struct buf *out;
};

/* SGR sequences; the empty string without colours. */
#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define CYAN "\x1b[36m"
#define YELLOW "\x1b[33m"
#define PLAIN "\x1b[0m"

static void ink(const struct sheet *s, const char *code)
{
    if (s->o->color)
        buf_str(s->out, str_from(code));
}

static void put_inked(const struct sheet *s, const char *code, struct str text)
{
    ink(s, code);
    buf_str(s->out, text);
    ink(s, PLAIN);
}

static void put_shortened(const struct sheet *s, struct str text, int width)
{
    struct str dots = s->o->ascii ? STR("...") : STR("\xE2\x80\xA6");
    int dots_width = s->o->ascii ? 3 : 1;
    if (width <= dots_width + 1) {
        buf_str(s->out, text_head(text, width));
        return;
    }
    int left = (width - dots_width + 1) / 2;
    buf_str(s->out, text_head(text, left));
    buf_str(s->out, dots);
    buf_str(s->out, text_tail(text, width - dots_width - left));
}

/* A cell within its column; blanks behind it only when something follows on the line. */
static void put_cell(const struct sheet *s, int column, struct str text, bool follows)
{
    int width = s->layout.width[column], taken = text_width(text);
    size_t before = s->out->n;
    if (s->grid.columns[column].figures && taken < width)
        buf_fill(s->out, ' ', (size_t)(width - taken));
    if (taken <= width)
        buf_str(s->out, text);
    else
        put_shortened(s, text, width);
    if (!s->grid.columns[column].figures && follows && buf_status(s->out) == OK) {
        int used = text_width(str_of(s->out->p + before, s->out->n - before));
        buf_fill(s->out, ' ', used < width ? (size_t)(width - used) : 0);
    }
}

static void put_cells(const struct sheet *s, const struct str *cells)
{
    const struct layout *l = &s->layout;
    bool first = true;
    for (int c = 0; c < s->grid.columns_n; c++) {
        if (l->hidden[c])
            continue;
        if (!first)
            buf_fill(s->out, ' ', GAP);
        first = false;
        put_cell(s, c, cells[c], c < l->last);
    }
}

/* No blanks at the end of a line: they stand there for a mark that other rows have. */
static void trim(const struct sheet *s)
{
    while (s->out->n > 0 && s->out->p[s->out->n - 1] == ' ')
        s->out->n--;
}

static void put_rule(const struct sheet *s)
{
    ink(s, DIM);
    for (int i = 0; i < s->layout.total; i++)
        buf_str(s->out, s->o->ascii ? STR("-") : STR("\xE2\x94\x80"));
    ink(s, PLAIN);
    buf_char(s->out, '\n');
}

static money_sum magnitude(const struct metric_value *v)
{
    return !v->known ? 0 : v->money ? v->money : v->n;
}

static money_sum largest(const struct answer *a)
{
    money_sum max = 0;
    for (size_t i = 0; i < a->rows_n; i++) {
        money_sum m = magnitude(&a->rows[i].lead);
        max = m > max ? m : max;
    }
    return max;
}

/* In eighths of a character: U+2588 is a full one, U+2589 seven eighths … U+258F one eighth. */
static void put_bar(const struct sheet *s, size_t row, money_sum max)
{
    money_sum m = magnitude(&s->answer->rows[row].lead);
    int width = s->layout.bar;
    if (width == 0 || max <= 0 || m <= 0)
        return;
    while (max > (money_sum)1 << 100) { /* no product below may overflow */
        max >>= 8;
        m >>= 8;
    }
    int eighths = (int)(m * width * 8 / max);
    eighths = eighths ? eighths : 1;
    buf_fill(s->out, ' ', GAP);
    ink(s, CYAN);
    for (int i = 0; i < eighths / 8; i++)
        buf_str(s->out, s->o->ascii ? STR("#") : STR("\xE2\x96\x88"));
    if (eighths % 8 && s->o->ascii && eighths < 8)
        buf_char(s->out, '#');
    if (eighths % 8 && !s->o->ascii) {
        buf_str(s->out, STR("\xE2\x96"));
        buf_char(s->out, (char)(0x90 - eighths % 8));
    }
    ink(s, PLAIN);
}

static void put_headings(const struct sheet *s)
{
    struct str above[sizeof s->grid.columns / sizeof s->grid.columns[0]];
    struct str headings[sizeof s->grid.columns / sizeof s->grid.columns[0]];
    bool two_lines = false;
    for (int c = 0; c < s->grid.columns_n; c++) {
        above[c] = s->grid.columns[c].above;
        headings[c] = s->grid.columns[c].heading;
        two_lines = two_lines || (above[c].n > 0 && !s->layout.hidden[c]);
    }
    for (int line = two_lines ? 0 : 1; line < 2; line++) {
        ink(s, DIM);
        put_cells(s, line == 0 ? above : headings);
        trim(s);
        ink(s, PLAIN);
        buf_char(s->out, '\n');
    }
}

static void put_rows(const struct sheet *s)
{
    const struct answer *a = s->answer;
    put_headings(s);
    put_rule(s);
    money_sum max = largest(a);
    for (size_t r = 0; r < s->grid.rows_n; r++) {
        put_cells(s, grid_row(&s->grid, r));
        put_bar(s, r, max);
        trim(s);
        buf_char(s->out, '\n');
    }
    if (a->rows_cut) {
        char room[FIGURE_TEXT];
        ink(s, DIM);
        buf_printf(s->out, "%.*s more, in the total", (int)figure_count(room, (int64_t)a->rows_cut),
                   room);
        ink(s, PLAIN);
        buf_char(s->out, '\n');
    }
    if (s->grid.rows_n)
        put_rule(s);
    ink(s, BOLD);
    put_cells(s, s->grid.total);
    trim(s);
    ink(s, PLAIN);
    buf_char(s->out, '\n');
}

/* A note of its own line may be longer than the line: it goes on below, between words. */
static void put_wrapped(const struct sheet *s, const char *code, struct str text)
{
    enum { INDENT = 2 };
    int width = s->o->width;
    while (width > 2 * INDENT && text_width(text) > width) {
        size_t cut = text_head(text, width).n;
        while (cut > 0 && text.p[cut] != ' ')
            cut--;
        if (cut == 0)
            break;
        put_inked(s, code, str_of(text.p, cut));
        buf_char(s->out, '\n');
        buf_fill(s->out, ' ', INDENT);
        text = str_skip(text, cut + 1);
        width = s->o->width - INDENT;
    }
    put_inked(s, code, text);
}

/* Which columns are left out, and what helps. */
static void put_hidden(const struct sheet *s)
{
    struct buf text;
    buf_init(&text, SIZE_MAX / 2);
    const char *before = "no room for ";
    for (int c = 0; c < s->grid.columns_n; c++) {
        const struct column *column = &s->grid.columns[c];
        if (!s->layout.hidden[c])
            continue;
        buf_printf(&text, "%s%.*s%s%.*s", before, STR_ARG(column->above),
                   column->above.n ? " " : "", STR_ARG(column->heading));
        before = ", ";
    }
    buf_str(&text, STR(": widen the terminal, or choose with --metrics"));
    put_wrapped(s, DIM, buf_view(&text));
    buf_fini(&text);
}

/* Parts of one line stand between dots; a part that no longer fits begins a new line. */
static void put_notes(const struct sheet *s)
{
    struct str dot = s->o->ascii ? STR(", ") : STR(" \xC2\xB7 ");
    int at = 0;
    for (int i = 0; i < s->notes.n; i++) {
        const struct note *note = &s->notes.v[i];
        int width = text_width(note->text);
        bool full = s->o->width > 0 && at + width > s->o->width;
        if (note->starts_line || full) {
            buf_char(s->out, '\n');
            at = 0;
        } else {
            put_inked(s, DIM, dot);
        }
        put_wrapped(s, note->warning ? YELLOW : DIM, note->text);
        at += width + text_width(dot);
    }
    if (s->layout.hidden_n) {
        buf_char(s->out, '\n');
        put_hidden(s);
    }
    buf_char(s->out, '\n');
}

static void put_head(struct sheet *s)
{
    struct str title = notes_title(s->answer, &s->notes);
    struct str period = notes_period(s->answer, &s->notes);
    struct str dot = s->o->ascii ? STR(", ") : STR(" \xC2\xB7 ");
    int width = text_width(title) + text_width(dot) + text_width(period);
    put_wrapped(s, BOLD, title);
    if (s->o->width > 0 && width > s->o->width)
        buf_char(s->out, '\n');
    else
        put_inked(s, DIM, dot);
    put_wrapped(s, DIM, period);
    struct str filters = notes_filters(s->answer, &s->notes);
    if (filters.n) {
        buf_char(s->out, '\n');
        put_wrapped(s, DIM, filters);
    }
    buf_str(s->out, STR("\n\n"));
}

/*
 * The grid is made again in its narrow style when the wide one does not fit, or when that makes
 * room for the bars: JSON and CSV have the digits.
 */
static enum status lay_out(struct sheet *s, struct arena *arena)
{
    struct grid_style style = {.ascii = s->o->ascii, .align_marks = true};
    struct layout_wish wish = {.width = s->o->width, .bars = s->o->bars, .dim_least = 24};
    TRY(grid_new(s->answer, &style, arena, &s->grid));
    s->layout = layout_of(&s->grid, &wish);
    bool wants_bar = wish.bars && s->grid.rows_n > 1 && s->layout.bar == 0;
    if (s->layout.fits && !wants_bar)
        return OK;
    struct grid brief;
    style.narrow = true;
    TRY(grid_new(s->answer, &style, arena, &brief));
    struct layout l = layout_of(&brief, &wish);
    if (s->layout.fits && l.bar == 0)
        return OK;
    wish.bars = wish.bars && l.fits; /* names before bars, when it is that narrow */
    wish.dim_least = 16;
    if (!l.fits)
        l = layout_of(&brief, &wish);
    wish.may_hide = true; /* rather a column less than names that one cannot tell apart */
    if (!l.fits)
        l = layout_of(&brief, &wish);
    s->grid = brief;
    s->layout = l;
    return OK;
}

static enum status put_all(struct sheet *s, struct arena *arena)
{
    TRY(lay_out(s, arena));
    put_head(s);
    notes_of(s->answer, &s->grid, &s->notes);
    if (s->answer->rows_n == 0) {
        put_wrapped(s, PLAIN, notes_empty(s->answer, &s->notes));
        buf_char(s->out, '\n');
    } else {
        put_rows(s);
    }
    put_notes(s);
    return s->notes.failed ? ERR_NOMEM : OK;
}

enum status render_table(const struct answer *a, const struct report_options *o, struct buf *out,
                         struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    struct sheet s = {.answer = a, .o = o, .out = out};
    s.notes.arena = &arena;
    s.notes.ascii = o->ascii;
    s.notes.width = o->width;
    enum status status = put_all(&s, &arena);
    arena_fini(&arena);
    return status == OK ? OK : err_set(err, status, "the report needs more memory than there is");
}
