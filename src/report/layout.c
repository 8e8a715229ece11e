/* Fitting columns into a width: see layout.h. */
#include "report/layout.h"

enum { BAR_LEAST = 6, BAR_WISHED = 10, BAR_MOST = 20 };

static int line_width(const struct grid *g, const struct layout *l)
{
    int sum = 0, shown = 0;
    for (int c = 0; c < g->columns_n; c++)
        if (!l->hidden[c]) {
            sum += l->width[c];
            shown++;
        }
    return sum + (shown > 0 ? (shown - 1) * GAP : 0);
}

/* Takes from the widest text column until the line fits or all are at `least`. */
static void shorten_texts(const struct grid *g, struct layout *l, int width, int least)
{
    for (int excess = line_width(g, l) - width; excess > 0; excess--) {
        int widest = -1;
        for (int c = 0; c < g->dims_n; c++)
            if (!l->hidden[c] && l->width[c] > least &&
                (widest < 0 || l->width[c] > l->width[widest]))
                widest = c;
        if (widest < 0)
            return;
        l->width[widest]--;
    }
}

static void hide(struct layout *l, int column)
{
    l->hidden[column] = true;
    l->hidden_n++;
}

/* Figures go first, from the right, the cost after all others, but not the one that the bars show;
 * then dimensions. */
static void hide_columns(const struct grid *g, struct layout *l, int width)
{
    for (int cost = 0; cost <= 1; cost++)
        for (int c = g->columns_n - 1; c >= g->dims_n && line_width(g, l) > width; c--)
            if (!g->columns[c].lead && g->columns[c].cost == (cost == 1))
                hide(l, c);
    for (int c = g->dims_n - 1; c >= 1 && line_width(g, l) > width; c--)
        hide(l, c);
}

static struct layout natural(const struct grid *g)
{
    struct layout l = {0};
    for (int c = 0; c < g->columns_n; c++)
        l.width[c] = g->columns[c].width;
    return l;
}

static struct layout fit(const struct grid *g, const struct layout_wish *wish)
{
    enum { LEAST_OF_ALL = 4 };
    struct layout l = natural(g);
    if (wish->bars && g->rows_n > 1) {
        /* Rather shorter texts than no bars. */
        shorten_texts(g, &l, wish->width - GAP - BAR_WISHED, wish->dim_least);
        if (line_width(g, &l) <= wish->width - GAP - BAR_WISHED)
            return l;
        l = natural(g);
    }
    shorten_texts(g, &l, wish->width, wish->dim_least);
    if (!wish->may_hide)
        return l;
    hide_columns(g, &l, wish->width);
    for (int c = 0; c < g->dims_n; c++) /* what became free is theirs again */
        l.width[c] = g->columns[c].width;
    shorten_texts(g, &l, wish->width, LEAST_OF_ALL);
    return l;
}

struct layout layout_of(const struct grid *g, const struct layout_wish *wish)
{
    struct layout l = wish->width > 0 ? fit(g, wish) : natural(g);
    l.total = line_width(g, &l);
    l.fits = wish->width <= 0 || l.total <= wish->width;
    for (int c = 0; c < g->columns_n; c++)
        if (!l.hidden[c])
            l.last = c;
    int room = wish->width > 0 ? wish->width - l.total - GAP : BAR_MOST;
    if (wish->bars && g->rows_n > 1 && room >= BAR_LEAST)
        l.bar = room < BAR_MOST ? room : BAR_MOST;
    return l;
}
