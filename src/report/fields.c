/*
 * The flat form of a row, the same for JSON and CSV: dimensions, metrics in the order asked for
 * (money twice: nano-USD and decimal text; with prompts, whether there are more), and, where money
 * was asked for, how many invocations have no amount, and why the amount is missing or not exact.
 * Those two are always there, so that every row has the same keys.
 */
#include "report/render_internal.h"

#include <stdio.h>

static void add(struct field *out, int *n, enum field_kind kind, int index, struct str name,
                const char *suffix)
{
    struct field *f = &out[(*n)++];
    f->kind = kind;
    f->index = index;
    snprintf(f->name, sizeof f->name, "%.*s%s", STR_ARG(name), suffix);
}

int fields_of(const struct question *q, struct field out[FIELDS])
{
    int n = 0;
    bool money = false, unpriced = false;
    char room[DIMENSION_NAME];
    for (int i = 0; i < q->dims_n; i++)
        add(out, &n, FIELD_DIM, i, question_dimension(q, i, room), "");
    for (int i = 0; i < q->metrics_n; i++) {
        int m = q->metrics[i];
        struct metric_info info = metric_info(m);
        unpriced = unpriced || m == METRIC_OF_COUNT(COUNT_UNPRICED);
        if (info.kind != METRIC_KIND_MONEY) {
            add(out, &n, FIELD_NUMBER, i, info.name, info.kind == METRIC_KIND_TIME ? "_ms" : "");
            out[n - 1].unit = info.kind;
            if (m == METRIC_PROMPTS)
                add(out, &n, FIELD_AT_LEAST, i, STR("prompts_at_least"), "");
            continue;
        }
        money = true;
        add(out, &n, FIELD_NANO, i, info.name, "_nusd");
        add(out, &n, FIELD_USD, i, info.name, "_usd");
    }
    if (money && !unpriced)
        add(out, &n, FIELD_UNPRICED, 0, STR("unpriced"), "");
    if (money)
        add(out, &n, FIELD_REASON, 0, STR("cost_reason"), "");
    return n;
}

struct str field_value(const struct field *f, const struct answer_row *row, char room[FIGURE_TEXT])
{
    if (f->kind == FIELD_DIM)
        return row->dims[f->index].p ? row->dims[f->index] : STR("");
    if (f->kind == FIELD_REASON)
        return row->reasons.n ? row->reasons : STR_NONE;
    if (f->kind == FIELD_AT_LEAST)
        return row->at_least ? STR("true") : STR("false");
    if (f->kind == FIELD_UNPRICED)
        return str_of(room, figure_plain(room, METRIC_KIND_COUNT, row->sums.count[COUNT_UNPRICED]));
    struct metric_value v = row->values[f->index];
    if (!v.known)
        return STR_NONE;
    if (f->kind == FIELD_NANO)
        return str_of(room, figure_nano(room, v.money));
    if (f->kind == FIELD_USD)
        return str_of(room, figure_usd(room, v.money));
    return str_of(room, figure_plain(room, f->unit, v.n));
}
