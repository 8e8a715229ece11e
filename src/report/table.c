/*
 * The table for a terminal. A line never wraps: when the width is short, first the bars go, then
 * long texts are shortened in the middle (both ends of a name tell it from the next), then counts
 * become 12.3M, then columns are left out from the right, which the footer says.
 */
#include "report/sheet.h"

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
    sheet_ink(s, CYAN);
    for (int i = 0; i < eighths / 8; i++)
        buf_str(s->out, s->o->ascii ? STR("#") : STR("\xE2\x96\x88"));
    if (eighths % 8 && s->o->ascii && eighths < 8)
        buf_char(s->out, '#');
    if (eighths % 8 && !s->o->ascii) {
        buf_str(s->out, STR("\xE2\x96"));
        buf_char(s->out, (char)(0x90 - eighths % 8));
    }
    sheet_ink(s, PLAIN);
}

static void put_rows(const struct sheet *s)
{
    const struct answer *a = s->answer;
    sheet_headings(s);
    sheet_rule(s);
    money_sum max = largest(a);
    for (size_t r = 0; r < s->grid.rows_n; r++) {
        sheet_cells(s, grid_row(&s->grid, r));
        put_bar(s, r, max);
        sheet_trim(s);
        buf_char(s->out, '\n');
    }
    if (a->rows_cut) {
        char room[FIGURE_TEXT];
        sheet_ink(s, DIM);
        buf_printf(s->out, "%.*s more, in the total", (int)figure_count(room, (int64_t)a->rows_cut),
                   room);
        sheet_ink(s, PLAIN);
        buf_char(s->out, '\n');
    }
    if (s->grid.rows_n)
        sheet_rule(s);
    sheet_ink(s, BOLD);
    sheet_cells(s, s->grid.total);
    sheet_trim(s);
    sheet_ink(s, PLAIN);
    buf_char(s->out, '\n');
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
    sheet_head(s);
    notes_of(s->answer, &s->grid, &s->notes);
    if (s->answer->rows_n == 0) {
        sheet_wrapped(s, PLAIN, notes_empty(s->answer, &s->notes));
        buf_char(s->out, '\n');
    } else {
        put_rows(s);
    }
    sheet_notes(s);
    return s->notes.failed ? ERR_NOMEM : OK;
}

enum status render_table(const struct answer *a, const struct report_options *o, struct buf *out,
                         struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    struct sheet s = {.answer = a, .o = o, .out = out, .chosen = true};
    s.notes.arena = &arena;
    s.notes.ascii = o->ascii;
    s.notes.width = o->width;
    enum status status = put_all(&s, &arena);
    arena_fini(&arena);
    return status == OK ? OK : err_set(err, status, "the report needs more memory than there is");
}
