/*
 * The answer: see answer.h. A cell of the cube is a row; its marks give the row its users and
 * reasons. Ids only bring equals together: what is shown is ordered by values and texts.
 */
#include "query/answer.h"

#include "query/answer_internal.h"
#include "query/plan_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define NO_ROW UINT32_MAX

struct reason {
    uint32_t row; /* NO_ROW: of the total */
    struct str text;
};

struct fold {
    struct plan *plan;
    struct answer *answer;
    const struct cube *cube;
    uint32_t *row_of;       /* cell -> row, NO_ROW for a cell that came to nothing */
    bool *seen;             /* marks that are in the total */
    struct reason *reasons; /* of rows and of the total */
    size_t reasons_n;
};

static int compare_reasons(const void *pa, const void *pb)
{
    const struct reason *a = pa, *b = pb;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    return str_cmp(a->text, b->text);
}

/* Several texts with "; " between them. */
static struct str join(struct arena *arena, const struct reason *reasons, size_t n)
{
    size_t bytes = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        bytes += reasons[i].text.n + 2;
    char *p = arena_alloc(arena, bytes);
    for (size_t i = 0; p && i < n; i++) {
        if (i > 0) {
            memcpy(p + at, "; ", 2);
            at += 2;
        }
        memcpy(p + at, reasons[i].text.p, reasons[i].text.n);
        at += reasons[i].text.n;
    }
    return str_of(p, at);
}

static enum status join_reasons(struct fold *f)
{
    qsort(f->reasons, f->reasons_n, sizeof *f->reasons, compare_reasons);
    for (size_t from = 0, to; from < f->reasons_n; from = to) {
        uint32_t row = f->reasons[from].row;
        for (to = from + 1; to < f->reasons_n && f->reasons[to].row == row;)
            to++;
        struct str text = join(&f->answer->arena, f->reasons + from, to - from);
        if (!text.p)
            return ERR_NOMEM;
        *(row == NO_ROW ? &f->answer->total.reasons : &f->answer->rows[row].reasons) = text;
    }
    return OK;
}

/* Distinct users and reasons of each row and of the total. */
static enum status read_marks(struct fold *f)
{
    size_t n = cube_marks(f->cube), reasons = 0;
    const struct cube_mark *m = cube_mark_list(f->cube);
    for (size_t i = 0; i < n; i++)
        reasons += mark_kind(m[i].mark) == MARK_REASON;
    f->seen = calloc((size_t)plan_marks_end(f->plan), sizeof *f->seen);
    f->reasons = malloc((2 * reasons + 1) * sizeof *f->reasons);
    if (!f->seen || !f->reasons)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        uint32_t row = f->row_of[m[i].cell], mark = m[i].mark;
        if (m[i].count <= 0 || row == NO_ROW)
            continue;
        bool first = !f->seen[mark];
        f->seen[mark] = true;
        if (mark_kind(mark) == MARK_USER) {
            f->answer->rows[row].users++;
            f->answer->total.users += first;
            continue;
        }
        struct str text = plan_mark_text(f->plan, mark);
        f->reasons[f->reasons_n++] = (struct reason){row, text};
        if (first)
            f->reasons[f->reasons_n++] = (struct reason){NO_ROW, text};
    }
    return join_reasons(f);
}

/* A bucket is named by the wall clock where it begins, hours with their offset from UTC, because
 * one hour of the year has the same wall clock as the one before. */
size_t answer_bucket_text(char out[TIME_TEXT * 2], enum bucket bucket, int64_t start_us)
{
    struct civil c = zone_civil(start_us);
    int n = 0;
    const size_t cap = TIME_TEXT * 2;
    if (bucket == BUCKET_YEAR)
        n = snprintf(out, cap, "%04lld", (long long)c.year);
    else if (bucket == BUCKET_MONTH)
        n = snprintf(out, cap, "%04lld-%02d", (long long)c.year, c.month);
    else
        n = snprintf(out, cap, "%04lld-%02d-%02d", (long long)c.year, c.month, c.day);
    if (bucket == BUCKET_HOUR) {
        int64_t minutes = (us_from_civil(&c) - start_us) / (60 * US_PER_SECOND);
        n += snprintf(out + n, cap - (size_t)n, "T%02d:%02d", c.hour, c.minute);
        char sign = minutes < 0 ? '-' : '+';
        minutes = minutes < 0 ? -minutes : minutes;
        if (minutes == 0)
            n += snprintf(out + n, cap - (size_t)n, "Z");
        else
            n += snprintf(out + n, cap - (size_t)n, "%c%02d:%02d", sign, (int)(minutes / 60 % 100),
                          (int)(minutes % 60));
    }
    return (size_t)n;
}

static enum status name_row(struct fold *f, uint32_t group, struct answer_row *row)
{
    const struct question *q = f->answer->question;
    for (int i = 0; i < q->dims_n; i++) {
        char text[TIME_TEXT * 2];
        struct str s;
        if (q->dims[i] == DIM_TIME)
            s = str_of(text, answer_bucket_text(text, q->bucket, row->bucket_us));
        else
            s = plan_group_text(f->plan, group, i);
        row->dims[i] = arena_str(&f->answer->arena, s);
        if (!row->dims[i].p)
            return ERR_NOMEM;
    }
    return OK;
}

static int compare_lead(const struct answer_order *a, const struct answer_order *b, bool ascending)
{
    int order = metric_compare(a->lead, b->lead);
    /* What has no figure stands last in either direction. */
    return ascending && a->lead->known && b->lead->known ? order : -order;
}

static int compare_dim(const struct question *q, const struct answer_order *a,
                       const struct answer_order *b, int dim)
{
    /* By the instant: the texts of two hours with one wall clock do not sort by time. */
    if (q->dims[dim] == DIM_TIME)
        return (a->bucket_us > b->bucket_us) - (a->bucket_us < b->bucket_us);
    return str_cmp(a->dims[dim], b->dims[dim]);
}

/* A question that is ordered by a metric has that one for its lead. */
int answer_compare(const struct answer_order *a, const struct answer_order *b,
                   const struct question *q)
{
    int order = 0;
    if (q->order_metric >= 0)
        order = compare_lead(a, b, q->ascending);
    else if (q->dims_n > 0)
        order = compare_dim(q, a, b, q->order_dim) * (q->ascending ? 1 : -1);
    if (order == 0)
        order = compare_lead(a, b, false);
    for (int i = 0; order == 0 && i < q->dims_n; i++)
        order = compare_dim(q, a, b, i);
    return order;
}

static int compare_rows(const void *pa, const void *pb, void *question)
{
    const struct answer_row *a = pa, *b = pb;
    const struct answer_order x = {a->bucket_us, &a->lead, a->dims},
                              y = {b->bucket_us, &b->lead, b->dims};
    return answer_compare(&x, &y, question);
}

/* Cells that came to nothing, because all that was added was taken back, are left out here. */
static enum status find_rows(struct fold *f)
{
    struct answer *a = f->answer;
    size_t cells = cube_cells(f->cube), rows = 0;
    f->row_of = malloc((cells + 1) * sizeof *f->row_of);
    if (!f->row_of)
        return ERR_NOMEM;
    for (size_t i = 0; i < cells; i++)
        f->row_of[i] = sums_is_zero(cube_cell(f->cube, i).sums) ? NO_ROW : (uint32_t)rows++;
    a->rows = arena_alloc(&a->arena, (rows ? rows : 1) * sizeof *a->rows);
    if (!a->rows)
        return ERR_NOMEM;
    a->rows_n = rows;
    for (size_t i = 0; i < cells; i++) {
        if (f->row_of[i] == NO_ROW)
            continue;
        struct cube_cell cell = cube_cell(f->cube, i);
        struct answer_row *row = &a->rows[f->row_of[i]];
        *row = (struct answer_row){
            .bucket_us = cell.bucket_us, .sums = *cell.sums, .reasons = STR("")};
        TRY(name_row(f, cell.id, row));
        sums_merge(&a->total.sums, cell.sums);
    }
    return OK;
}

static enum status value_row(struct answer *a, struct answer_row *row)
{
    const struct question *q = a->question;
    row->values = arena_alloc(&a->arena, (size_t)q->metrics_n * sizeof *row->values);
    if (!row->values)
        return ERR_NOMEM;
    for (int i = 0; i < q->metrics_n; i++)
        row->values[i] = metric_value(q->metrics[i], &row->sums, row->users);
    return OK;
}

static enum status make_rows(struct fold *f)
{
    struct answer *a = f->answer;
    a->total.reasons = STR("");
    TRY(find_rows(f));
    TRY(read_marks(f));
    for (size_t i = 0; i < a->rows_n; i++)
        a->rows[i].lead =
            metric_value(a->question->lead_metric, &a->rows[i].sums, a->rows[i].users);
    a->total.lead = metric_value(a->question->lead_metric, &a->total.sums, a->total.users);
    qsort_r(a->rows, a->rows_n, sizeof *a->rows, compare_rows, (void *)(uintptr_t)a->question);
    int64_t limit = a->question->limit;
    if (limit > 0 && (uint64_t)limit < a->rows_n) {
        a->rows_cut = a->rows_n - (size_t)limit;
        a->rows_n = (size_t)limit;
    }
    for (size_t i = 0; i < a->rows_n; i++)
        TRY(value_row(a, &a->rows[i]));
    return value_row(a, &a->total);
}

enum status answer_new(struct plan *plan, const struct cube *cube, const struct about *about,
                       struct str prices_date, struct answer **out, struct err *err)
{
    struct answer *a = calloc(1, sizeof *a);
    if (!a)
        return err_nomem(err);
    arena_init(&a->arena);
    a->question = plan_question(plan);
    a->about = *about;
    a->prices_date = arena_str(&a->arena, prices_date);
    struct fold f = {.plan = plan, .answer = a, .cube = cube};
    enum status status = a->prices_date.p ? make_rows(&f) : ERR_NOMEM;
    free(f.row_of);
    free(f.seen);
    free(f.reasons);
    if (status != OK) {
        answer_free(a);
        return err_set(err, status, "the answer needs more memory than there is");
    }
    *out = a;
    return OK;
}

void answer_free(struct answer *a)
{
    if (!a)
        return;
    arena_fini(&a->arena);
    free(a);
}
