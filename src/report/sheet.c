/* Lines of a page for a terminal: see sheet.h. */
#include "report/sheet.h"

void sheet_ink(const struct sheet *s, const char *code)
{
    if (s->o->color)
        buf_str(s->out, str_from(code));
}

void sheet_inked(const struct sheet *s, const char *code, struct str text)
{
    sheet_ink(s, code);
    buf_str(s->out, text);
    sheet_ink(s, PLAIN);
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

void sheet_cells(const struct sheet *s, const struct str *cells)
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

void sheet_trim(const struct sheet *s)
{
    while (s->out->n > 0 && s->out->p[s->out->n - 1] == ' ')
        s->out->n--;
}

void sheet_rule(const struct sheet *s)
{
    sheet_ink(s, DIM);
    for (int i = 0; i < s->layout.total; i++)
        buf_str(s->out, s->o->ascii ? STR("-") : STR("\xE2\x94\x80"));
    sheet_ink(s, PLAIN);
    buf_char(s->out, '\n');
}

void sheet_headings(const struct sheet *s)
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
        sheet_ink(s, DIM);
        sheet_cells(s, line == 0 ? above : headings);
        sheet_trim(s);
        sheet_ink(s, PLAIN);
        buf_char(s->out, '\n');
    }
}

/* A note of its own line may be longer than the line: it goes on below, between words. */
void sheet_wrapped(const struct sheet *s, const char *code, struct str text)
{
    enum { INDENT = 2 };
    int width = s->o->width;
    while (width > 2 * INDENT && text_width(text) > width) {
        size_t cut = text_head(text, width).n;
        while (cut > 0 && text.p[cut] != ' ')
            cut--;
        if (cut == 0)
            break;
        sheet_inked(s, code, str_of(text.p, cut));
        buf_char(s->out, '\n');
        buf_fill(s->out, ' ', INDENT);
        text = str_skip(text, cut + 1);
        width = s->o->width - INDENT;
    }
    sheet_inked(s, code, text);
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
    buf_str(&text, s->chosen ? STR(": widen the terminal, or choose with --metrics")
                             : STR(": widen the terminal; the other formats have all"));
    sheet_wrapped(s, DIM, buf_view(&text));
    buf_fini(&text);
}

/* Parts of one line stand between dots; a part that no longer fits begins a new line. */
void sheet_notes(const struct sheet *s)
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
            sheet_inked(s, DIM, dot);
        }
        sheet_wrapped(s, note->warning ? YELLOW : DIM, note->text);
        at += width + text_width(dot);
    }
    if (s->layout.hidden_n) {
        buf_char(s->out, '\n');
        put_hidden(s);
    }
    buf_char(s->out, '\n');
}

void sheet_head(struct sheet *s)
{
    struct str title = notes_title(s->answer, &s->notes);
    struct str period = notes_period(s->answer, &s->notes);
    struct str dot = s->o->ascii ? STR(", ") : STR(" \xC2\xB7 ");
    int width = text_width(title) + text_width(dot) + text_width(period);
    sheet_wrapped(s, BOLD, title);
    if (s->o->width > 0 && width > s->o->width)
        buf_char(s->out, '\n');
    else
        sheet_inked(s, DIM, dot);
    sheet_wrapped(s, DIM, period);
    struct str filters = notes_filters(s->answer, &s->notes);
    if (filters.n) {
        buf_char(s->out, '\n');
        sheet_wrapped(s, DIM, filters);
    }
    buf_str(s->out, STR("\n\n"));
}
