/*
 * The answer: see answer.h. Cells are sorted by bucket, dimensions, user and reason; a run of equal
 * dimensions is one row, and inside it the changes of user are the distinct users. Ids only bring
 * equals together: what is shown is ordered by values and texts afterwards.
 */
#include "query/answer.h"

#include "query/metric.h"
#include "query/plan_internal.h"

#include <stdio.h>
#include <stdlib.h>

struct entry {
    int64_t bucket_us;
    const uint32_t *part; /* of the group */
    const struct sums *sums;
};

struct fold {
    struct plan *plan;
    struct answer *answer;
    struct entry *entries;
    size_t n;
    uint32_t *ids; /* room for n ids */
};

static int compare_ids(const uint32_t *a, const uint32_t *b, int n)
{
    for (int i = 0; i < n; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

static int compare_entries(const void *pa, const void *pb)
{
    const struct entry *a = pa, *b = pb;
    if (a->bucket_us != b->bucket_us)
        return a->bucket_us < b->bucket_us ? -1 : 1;
    return compare_ids(a->part, b->part, GROUP_PARTS);
}

static bool same_row(const struct entry *a, const struct entry *b)
{
    return a->bucket_us == b->bucket_us && compare_ids(a->part, b->part, QUESTION_DIMS) == 0;
}

static int compare_id(const void *a, const void *b)
{
    return compare_ids(a, b, 1);
}

/* The distinct ids of one part of entries[from, to), sorted, in f->ids. */
static size_t distinct(struct fold *f, int part, size_t from, size_t to)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        uint32_t id = f->entries[i].part[part];
        if (n == 0 || f->ids[n - 1] != id)
            f->ids[n++] = id;
    }
    if (n == 0)
        return 0;
    qsort(f->ids, n, sizeof *f->ids, compare_id);
    size_t kept = 1;
    for (size_t i = 1; i < n; i++)
        if (f->ids[i] != f->ids[kept - 1])
            f->ids[kept++] = f->ids[i];
    return kept;
}

static int compare_texts(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The texts of ids other than the empty one, in order, with "; " between them. */
static enum status join(struct fold *f, size_t n, struct str *out)
{
    *out = STR("");
    if (n == 0 || (n == 1 && f->ids[0] == 0))
        return OK;
    struct str *texts = malloc(n * sizeof *texts);
    if (!texts)
        return ERR_NOMEM;
    size_t texts_n = 0, bytes = 0;
    for (size_t i = 0; i < n; i++)
        if (f->ids[i] != 0) {
            texts[texts_n++] = plan_text(f->plan, f->ids[i]);
            bytes += texts[texts_n - 1].n + 2;
        }
    qsort(texts, texts_n, sizeof *texts, compare_texts);
    char *p = arena_alloc(&f->answer->arena, bytes);
    size_t at = 0;
    for (size_t i = 0; p && i < texts_n; i++) {
        if (i > 0) {
            memcpy(p + at, "; ", 2);
            at += 2;
        }
        memcpy(p + at, texts[i].p, texts[i].n);
        at += texts[i].n;
    }
    free(texts);
    if (!p)
        return ERR_NOMEM;
    *out = str_of(p, at);
    return OK;
}

static enum status fold_row(struct fold *f, size_t from, size_t to, struct answer_row *row)
{
    *row = (struct answer_row){.bucket_us = from < to ? f->entries[from].bucket_us : 0};
    for (size_t i = from; i < to; i++)
        sums_merge(&row->sums, f->entries[i].sums);
    size_t users = distinct(f, GROUP_USER, from, to);
    row->users = users == 1 && f->ids[0] == 0 ? 0 : (int64_t)users;
    return join(f, distinct(f, GROUP_REASON, from, to), &row->reasons);
}

/* A bucket is named by the wall clock where it begins, hours with their offset from UTC, because
 * one hour of the year has the same wall clock as the one before. */
static size_t format_bucket(char out[TIME_TEXT * 2], enum bucket bucket, int64_t start_us)
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

static enum status name_row(struct fold *f, const struct entry *e, struct answer_row *row)
{
    const struct question *q = f->answer->question;
    for (int i = 0; i < q->dims_n; i++) {
        char text[TIME_TEXT * 2];
        struct str s;
        if (q->dims[i] == DIM_TIME)
            s = str_of(text, format_bucket(text, q->bucket, row->bucket_us));
        else
            s = plan_text(f->plan, e->part[i]);
        row->dims[i] = arena_str(&f->answer->arena, s);
        if (!row->dims[i].p)
            return ERR_NOMEM;
    }
    return OK;
}

static int compare_metric(const struct answer_row *a, const struct answer_row *b, int metric,
                          bool ascending)
{
    struct metric_value va = metric_value(metric, &a->sums, a->users);
    struct metric_value vb = metric_value(metric, &b->sums, b->users);
    int order = metric_compare(&va, &vb);
    /* What has no figure stands last in either direction. */
    return ascending && va.known && vb.known ? order : -order;
}

static int compare_dim(const struct question *q, const struct answer_row *a,
                       const struct answer_row *b, int dim)
{
    /* By the instant: the texts of two hours with one wall clock do not sort by time. */
    if (q->dims[dim] == DIM_TIME)
        return (a->bucket_us > b->bucket_us) - (a->bucket_us < b->bucket_us);
    return str_cmp(a->dims[dim], b->dims[dim]);
}

static int compare_rows(const void *pa, const void *pb, void *context)
{
    const struct answer_row *a = pa, *b = pb;
    const struct question *q = context;
    int order = 0;
    if (q->order_metric >= 0)
        order = compare_metric(a, b, q->order_metric, q->ascending);
    else if (q->dims_n > 0)
        order = compare_dim(q, a, b, q->order_dim) * (q->ascending ? 1 : -1);
    if (order == 0)
        order = compare_metric(a, b, q->lead_metric, false);
    for (int i = 0; order == 0 && i < q->dims_n; i++)
        order = compare_dim(q, a, b, i);
    return order;
}

/* Cells that came to nothing, because all that was added was taken back, are left out here. */
static enum status collect(struct fold *f, const struct cube *cube)
{
    size_t cells = cube_cells(cube);
    f->entries = calloc(cells + 1, sizeof *f->entries);
    f->ids = calloc(cells + 1, sizeof *f->ids);
    if (!f->entries || !f->ids)
        return ERR_NOMEM;
    for (size_t i = 0; i < cells; i++) {
        struct cube_cell cell = cube_cell(cube, i);
        if (!sums_is_zero(cell.sums))
            f->entries[f->n++] =
                (struct entry){cell.bucket_us, plan_group_parts(f->plan, cell.id)->part, cell.sums};
    }
    qsort(f->entries, f->n, sizeof *f->entries, compare_entries);
    return OK;
}

static enum status make_rows(struct fold *f)
{
    struct answer *a = f->answer;
    size_t rows = 0;
    for (size_t i = 0; i < f->n; i++)
        rows += i == 0 || !same_row(&f->entries[i - 1], &f->entries[i]);
    a->rows = arena_alloc(&a->arena, (rows ? rows : 1) * sizeof *a->rows);
    if (!a->rows)
        return ERR_NOMEM;
    for (size_t from = 0, to; from < f->n; from = to) {
        for (to = from + 1; to < f->n && same_row(&f->entries[from], &f->entries[to]);)
            to++;
        struct answer_row *row = &a->rows[a->rows_n++];
        TRY(fold_row(f, from, to, row));
        TRY(name_row(f, &f->entries[from], row));
    }
    TRY(fold_row(f, 0, f->n, &a->total));
    a->total.bucket_us = 0;
    qsort_r(a->rows, a->rows_n, sizeof *a->rows, compare_rows, (void *)(uintptr_t)a->question);
    int64_t limit = a->question->limit;
    if (limit > 0 && (uint64_t)limit < a->rows_n) {
        a->rows_cut = a->rows_n - (size_t)limit;
        a->rows_n = (size_t)limit;
    }
    return OK;
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
    struct fold f = {.plan = plan, .answer = a};
    enum status status = a->prices_date.p ? collect(&f, cube) : ERR_NOMEM;
    if (status == OK)
        status = make_rows(&f);
    free(f.entries);
    free(f.ids);
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
