/* Markdown: a GitHub table. Cells are escaped so that a name stays a name: no markup, no link, no
 * mention of somebody, no second column. */
#include "report/render_internal.h"

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void md_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool starts = i == 0 || !is_word(text.p[i - 1]);
        if (c == '<')
            buf_str(out, STR("&lt;"));
        else if (c == '&')
            buf_str(out, STR("&amp;"));
        else if (c == '@' && starts)
            buf_str(out, STR("&#64;"));
        else if (c == ':' && str_has_prefix(str_skip(text, i), STR("://")))
            buf_str(out, STR("&#58;"));
        else if (c == '.' && str_has_suffix(str_of(text.p, i), STR("www")))
            buf_str(out, STR("&#46;"));
        else if (c != '\0' && strchr("\\|`*_[]~#!", c)) {
            buf_char(out, '\\');
            buf_char(out, c);
        } else
            buf_char(out, c);
    }
}

/* Between two dollar signs GitHub sets mathematics. Our own amounts cannot close such a pair, since
 * a digit follows the sign. */
void md_name(struct buf *out, struct str text)
{
    while (text.p) {
        md_text(out, str_cut(&text, '$'));
        if (text.p)
            buf_str(out, STR("\\$"));
    }
}

static void put_row(struct buf *out, const struct grid *g, const struct str *cells, bool strong)
{
    for (int c = 0; c < g->columns_n; c++) {
        struct str mark = strong && cells[c].n ? STR("**") : STR("");
        buf_str(out, STR("| "));
        buf_str(out, mark);
        if (c < g->dims_n)
            md_name(out, cells[c]);
        else
            md_text(out, cells[c]);
        buf_str(out, mark);
        buf_char(out, ' ');
    }
    buf_str(out, STR("|\n"));
}

void md_table(struct buf *out, const struct grid *g)
{
    struct str headings[sizeof g->columns / sizeof g->columns[0]];
    for (int c = 0; c < g->columns_n; c++)
        headings[c] = g->columns[c].heading;
    put_row(out, g, headings, false);
    for (int c = 0; c < g->columns_n; c++)
        buf_str(out, g->columns[c].figures ? STR("|---:") : STR("|:---"));
    buf_str(out, STR("|\n"));
    for (size_t r = 0; r < g->rows_n; r++)
        put_row(out, g, grid_row(g, r), false);
    if (g->total[0].p)
        put_row(out, g, g->total, true);
}

void md_head(struct buf *out, const struct answer *a, struct notes *n)
{
    buf_str(out, STR("### "));
    md_text(out, notes_title(a, n));
    buf_str(out, STR("\n\n"));
    md_text(out, notes_period(a, n));
    struct str filters = notes_filters(a, n);
    buf_str(out, filters.n ? STR(", ") : STR(""));
    md_name(out, filters);
    buf_str(out, STR("\n\n"));
}

void md_notes(struct buf *out, const struct notes *n)
{
    for (int i = 0; i < n->n; i++) {
        buf_str(out, n->v[i].starts_line ? STR("\n- ") : STR("; "));
        md_text(out, n->v[i].text);
    }
    buf_char(out, '\n');
}

static enum status put_all(const struct answer *a, struct arena *arena, struct buf *out)
{
    static const struct grid_style style = {0};
    struct grid g;
    struct notes n = {.arena = arena};
    TRY(grid_new(a, &style, arena, &g));
    notes_of(a, &g, &n);
    md_head(out, a, &n);
    if (a->rows_n == 0)
        md_text(out, notes_empty(a, &n));
    else
        md_table(out, &g);
    if (a->rows_cut)
        buf_printf(out, "\n%zu more rows are in the total.\n", a->rows_cut);
    md_notes(out, &n);
    return n.failed ? ERR_NOMEM : OK;
}

enum status render_md(const struct answer *a, struct buf *out, struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    enum status status = put_all(a, &arena, out);
    arena_fini(&arena);
    return status == OK ? OK : err_set(err, status, "the report needs more memory than there is");
}
