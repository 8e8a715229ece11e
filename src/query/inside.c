/*
 * Sessions added up by the groups of a question: see inside.h. Here are the engine's life, what
 * rows are called, which are kept, and the answer; inside_walk.c goes through a session.
 */
#include "query/inside.h"

#include "model/offer.h"
#include "query/inside_internal.h"

#include <stdlib.h>

enum { ROWS_AT_ONCE = 32768, MOST_SHARE_BITS = 12 };

static bool asks_metric(const struct question *q, int from, int to)
{
    bool asks = q->lead_metric >= from && q->lead_metric <= to;
    for (int i = 0; i < q->metrics_n; i++)
        asks = asks || (q->metrics[i] >= from && q->metrics[i] <= to);
    return asks;
}

static bool rows_of_sessions_only(const struct inside *in)
{
    bool only = in->filters_sessions;
    for (int i = 0; i < in->question->dims_n; i++)
        only = only || dimension_of_session(in->question->dims[i]);
    return only;
}

static void read_question(struct inside *in)
{
    const struct question *q = in->question;
    for (int i = 0; i < q->dims_n; i++) {
        enum dimension dim = q->dims[i];
        in->by_session = in->by_session || dim == DIM_SESSION;
        in->by_use = in->by_use || dimension_of_use(dim);
        in->by_tool = in->by_tool || dim == DIM_TOOL;
        in->wants_signals = in->wants_signals || dim == DIM_SIGNALS;
        in->wants_skills = in->wants_skills || dim == DIM_SKILL;
    }
    for (int i = 0; i < q->filters_n; i++) {
        enum dimension dim = q->filters[i].dim;
        in->filters_sessions = in->filters_sessions || dimension_of_session(dim);
        in->filters_uses = in->filters_uses || dimension_of_use(dim);
        in->by_thread = in->by_thread || dim == DIM_THREAD;
        in->wants_signals = in->wants_signals || dim == DIM_SIGNALS;
        in->wants_skills = in->wants_skills || dim == DIM_SKILL;
    }
    in->by_offer = in->by_use && !in->by_tool;
    in->wants_offers = !in->by_tool && (asks_metric(q, METRIC_OFFERED, METRIC_OFFERED) ||
                                        asks_metric(q, METRIC_TAX_TOKENS, METRIC_TAX_TOKENS) ||
                                        asks_metric(q, METRIC_TAX_COST, METRIC_TAX_COST) ||
                                        asks_metric(q, METRIC_TAX_MONTH, METRIC_TAX_MONTH));
    in->wants_first = asks_metric(q, METRIC_FIRST_MAX, METRIC_FIRST_MAX) ||
                      asks_metric(q, METRIC_FIRST_P50, METRIC_FIRST_USER);
}

enum status inside_new(const struct inside_options *o, struct inside **out, struct err *err)
{
    struct inside *in = calloc(1, sizeof *in);
    if (!in)
        return err_nomem(err);
    in->plan = o->plan;
    in->question = plan_question(o->plan);
    in->series = o->series;
    in->symbols = series_symbols(o->series);
    in->limits = o->limits;
    in->about.asked = true;
    read_question(in);
    in->about.around = in->by_use;
    enum status status = plan_view_new(o->plan, &in->view, err);
    if (status == OK)
        status = symbols_new(&in->texts, err);
    if (status == OK)
        status = cube_new(&in->stray, err);
    if (status == OK &&
        (row_table_init(&in->table) != OK || row_table_init(&in->total_table) != OK))
        status = err_nomem(err);
    if (status == OK && !(in->total = row_at(&in->total_table, &(struct row_key){0})))
        status = err_nomem(err);
    if (status != OK) {
        inside_free(in);
        return status;
    }
    in->total->tally.no_offers = in->by_tool;
    in->limit = in->question->limit;
    if (in->limit == 0 && in->by_use && !in->by_session)
        in->limit = o->most_rows;
    in->may_share = in->limit > 0 && rows_of_sessions_only(in);
    in->rows_at_once = o->rows_at_once ? o->rows_at_once : ROWS_AT_ONCE;
    *out = in;
    return OK;
}

void inside_free(struct inside *in)
{
    if (!in)
        return;
    for (size_t i = 0; i < in->kept_n; i++)
        row_free(in->kept[i].row);
    free(in->kept);
    for (int i = 0; i < OFFER_CACHE; i++)
        free(in->offers[i].v);
    row_table_fini(&in->table);
    row_table_fini(&in->total_table);
    cube_free(in->stray);
    symbols_free(in->texts);
    plan_view_free(in->view);
    free(in);
}

/* ---- Offers. */

static enum status add_offered(struct inside *in, struct offer_cache *c,
                               const struct offer_item *item)
{
    static const enum tool_kind kinds[] = {
        [OFFER_SERVER] = TOOL_MCP, [OFFER_SKILL] = TOOL_SKILL, [OFFER_AGENT] = TOOL_AGENT};
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 32;
        struct offered *v = realloc(c->v, cap * sizeof *v);
        if (!v)
            return ERR_NOMEM;
        c->v = v;
        c->cap = cap;
    }
    struct offered *o = &c->v[c->n];
    *o = (struct offered){.kind = (uint8_t)kinds[item->kind], .bytes = offer_bytes(item)};
    TRY(symbols_intern(in->symbols, item->name, &o->name));
    c->n++;
    return OK;
}

/* Calls of a session repeat few offers, so a small cache reads most of them once. */
const struct offer_cache *inside_offer(struct inside *in, uint32_t symbol)
{
    struct offer_cache *c = &in->offers[symbol % OFFER_CACHE];
    if (c->symbol == symbol && symbol != 0)
        return c;
    c->symbol = 0;
    c->n = 0;
    struct str text = symbols_text(in->symbols, symbol);
    struct offer_item item;
    while (offer_next(&text, &item))
        if (add_offered(in, c, &item) != OK)
            return NULL;
    c->symbol = symbol;
    return c;
}

/* ---- What rows are called. */

uint32_t atom_part(const struct atom *a, enum dimension dim)
{
    switch (dim) {
    case DIM_TOOL_KIND:
        return a->kind;
    case DIM_SERVER:
        return a->server;
    case DIM_SKILL:
        return a->kind == TOOL_SKILL || a->is_skill ? a->name : 0;
    case DIM_AGENT:
        return a->kind == TOOL_AGENT ? a->name : 0;
    default:
        return a->name;
    }
}

struct str inside_part_text(const struct inside *in, enum dimension dim, uint32_t part)
{
    if (dim == DIM_TOOL_KIND)
        return tool_kind_text((enum tool_kind)part);
    bool own = dim == DIM_THREAD || dim == DIM_SIGNALS;
    return symbols_text(own ? in->texts : in->symbols, part);
}

struct str inside_text(const struct inside *in, const struct inside_row *row, int dim)
{
    enum dimension d = in->question->dims[dim];
    if (d == DIM_SESSION)
        return str_of(row->session ? row->session : "", row->session_n);
    if (dimension_of_session(d))
        return inside_part_text(in, d, row->key.part[dim]);
    return plan_group_text(in->plan, row->key.group, dim);
}

/* ---- Which rows are kept. */

/* Amounts per month are ordered as those of the period are. */
static const struct tally_scale any_scale = {30 * US_PER_DAY};

static int compare_kept(const void *pa, const void *pb, void *ctx)
{
    const struct inside *in = ctx;
    const struct kept_row *a = pa, *b = pb;
    struct str of_a[QUESTION_DIMS], of_b[QUESTION_DIMS];
    for (int i = 0; i < in->question->dims_n; i++) {
        of_a[i] = inside_text(in, a->row, i);
        of_b[i] = inside_text(in, b->row, i);
    }
    const struct answer_order x = {a->row->key.bucket_us, &a->lead, of_a},
                              y = {b->row->key.bucket_us, &b->lead, of_b};
    return answer_compare(&x, &y, in->question);
}

static void trim(struct inside *in, size_t limit)
{
    if (in->kept_n > 0)
        qsort_r(in->kept, in->kept_n, sizeof *in->kept, compare_kept, in);
    while (in->kept_n > limit) {
        row_free(in->kept[--in->kept_n].row);
        in->cut++;
    }
}

static enum status keep(struct inside *in, struct inside_row *row)
{
    const struct question *q = in->question;
    if (in->kept_n == in->kept_cap) {
        size_t cap = in->kept_cap ? in->kept_cap * 2 : 64;
        struct kept_row *kept = realloc(in->kept, cap * sizeof *kept);
        if (!kept)
            return ERR_NOMEM;
        in->kept = kept;
        in->kept_cap = cap;
    }
    struct kept_row *k = &in->kept[in->kept_n];
    *k = (struct kept_row){.row = row};
    row->tally.no_offers = in->by_tool;
    k->lead = tally_value(&row->tally, q->lead_metric, &any_scale);
    in->kept_n++;
    return OK;
}

enum status inside_keep(struct inside *in)
{
    uint32_t done = 0;
    enum status status = OK;
    for (; done < in->table.rows_n && status == OK; done++)
        status = keep(in, in->table.rows[done]);
    if (status != OK) { /* what was not taken over stays in the table */
        uint32_t left = in->table.rows_n - --done;
        memmove(in->table.rows, in->table.rows + done, left * sizeof in->table.rows[0]);
        in->table.rows_n = left;
        return status;
    }
    row_table_reset(&in->table);
    const int64_t most = INT64_MAX / 4;
    int64_t wanted = in->limit;
    size_t limit = (size_t)(wanted > 0 && wanted < most ? wanted : most);
    if (in->kept_n >= 2 * limit + 64)
        trim(in, limit);
    return OK;
}

/* ---- Which rows are worked out now. */

enum status inside_row_at(struct inside *in, const struct row_key *key, struct inside_row **row)
{
    struct row_table *t = &in->table;
    *row = NULL;
    if (row_share(t, key, in->share_bits) != in->pass)
        return OK;
    *row = row_at(t, key);
    if (!*row)
        return ERR_NOMEM;
    if (!in->may_share || in->pass > 0 || t->rows_n <= in->rows_at_once ||
        in->share_bits == MOST_SHARE_BITS)
        return OK;
    if (!row_table_keep(t, in->share_bits + 1, 0))
        return ERR_NOMEM;
    in->share_bits++;
    if (row_share(t, key, in->share_bits) != 0)
        *row = NULL;
    return OK;
}

enum status inside_again(struct inside *in, bool *more, struct err *err)
{
    *more = in->pass + 1 < UINT32_C(1) << in->share_bits;
    if (!*more)
        return OK;
    in->pass++;
    return inside_keep(in) == OK ? OK : err_nomem(err);
}

/* ---- What belongs to no session. */

static enum status add_loose(struct inside *in, struct inside_row **row_of, const struct cube *cube,
                             size_t i)
{
    struct cube_cell cell = cube_cell(cube, i);
    struct row_key key = {.bucket_us = cell.bucket_us, .group = cell.id};
    row_of[i] = row_at(&in->table, &key);
    if (!row_of[i])
        return ERR_NOMEM;
    sums_merge(&row_of[i]->tally.sums, cell.sums);
    sums_merge(&in->total->tally.sums, cell.sums);
    return OK;
}

static enum status add_rows(struct inside *in, struct inside_row **row_of, const struct cube *cube)
{
    for (size_t i = 0; i < cube_cells(cube); i++)
        if (!sums_is_zero(cube_cell(cube, i).sums))
            TRY(add_loose(in, row_of, cube, i));
    const struct cube_mark *marks = cube_mark_list(cube);
    for (size_t i = 0; i < cube_marks(cube); i++) {
        struct inside_row *row = row_of[marks[i].cell];
        if (marks[i].count <= 0 || !row)
            continue;
        TRY(row_mark(&in->table, row, marks[i].mark));
        TRY(row_mark(&in->total_table, in->total, marks[i].mark));
    }
    return OK;
}

enum status inside_loose(struct inside *in, const struct cube *cube, struct err *err)
{
    size_t n = cube_cells(cube);
    for (size_t i = 0; i < n; i++) {
        const struct sums *s = cube_cell(cube, i).sums;
        in->about.calls += s->count[COUNT_INVOCATIONS];
        in->about.requests += s->count[COUNT_INPUT_BODIES];
        in->about.cost += s->money[MONEY_COST];
        if (!rows_of_sessions_only(in))
            continue;
        in->about.left_out += s->count[COUNT_INVOCATIONS];
        in->about.left_out_cost += s->money[MONEY_COST];
    }
    if (rows_of_sessions_only(in))
        return OK;
    struct inside_row **row_of = calloc(n + 1, sizeof(struct inside_row *));
    enum status status = row_of ? add_rows(in, row_of, cube) : ERR_NOMEM;
    free(row_of);
    return status == OK ? OK : err_nomem(err);
}

/* ---- The answer. */

static int compare_texts(const void *pa, const void *pb)
{
    const struct str *a = pa, *b = pb;
    return str_cmp(*a, *b);
}

/* Reasons in order, with "; " between them. */
static enum status tell_reasons(const struct inside *in, const struct inside_row *row,
                                struct arena *arena, struct str *out)
{
    struct str *texts = arena_alloc(arena, (row->reasons_n + 1) * sizeof *texts);
    size_t bytes = 1, at = 0;
    if (!texts)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < row->reasons_n; i++) {
        texts[i] = plan_mark_text(in->plan, row->reasons[i]);
        bytes += texts[i].n + 2;
    }
    qsort(texts, row->reasons_n, sizeof *texts, compare_texts);
    char *p = arena_alloc(arena, bytes);
    if (!p)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < row->reasons_n; i++) {
        memcpy(p + at, i ? "; " : "", i ? 2 : 0);
        at += i ? 2 : 0;
        memcpy(p + at, texts[i].p, texts[i].n);
        at += texts[i].n;
    }
    *out = str_of(p, at);
    return OK;
}

static enum status tell_row(const struct inside *in, struct answer *a, struct inside_row *row,
                            const struct tally_scale *scale, struct answer_row *out)
{
    const struct question *q = in->question;
    struct tally *t = &row->tally;
    *out = (struct answer_row){.bucket_us = row->key.bucket_us,
                               .sums = t->sums,
                               .users = t->users,
                               .tax_more = t->tax_more,
                               .at_least = t->at_least};
    out->values = arena_alloc(&a->arena, (size_t)q->metrics_n * sizeof *out->values);
    if (!out->values)
        return ERR_NOMEM;
    for (int i = 0; i < q->metrics_n; i++)
        out->values[i] = tally_value(t, q->metrics[i], scale);
    out->lead = tally_value(t, q->lead_metric, scale);
    return tell_reasons(in, row, &a->arena, &out->reasons);
}

static enum status name_row(const struct inside *in, struct answer *a, const struct inside_row *row,
                            struct answer_row *out)
{
    const struct question *q = in->question;
    for (int i = 0; i < q->dims_n; i++) {
        char text[TIME_TEXT * 2];
        struct str s = inside_text(in, row, i);
        if (q->dims[i] == DIM_TIME)
            s = str_of(text, answer_bucket_text(text, q->bucket, row->key.bucket_us));
        out->dims[i] = arena_str(&a->arena, s);
        if (!out->dims[i].p)
            return ERR_NOMEM;
    }
    return OK;
}

static enum status tell(struct inside *in, struct answer *a)
{
    struct tally_scale scale = tally_scale_of(in->question, &a->about);
    TRY(inside_keep(in));
    trim(in, in->limit > 0 ? (size_t)in->limit : SIZE_MAX);
    a->rows_n = in->kept_n;
    a->rows_cut = in->cut;
    a->rows = arena_alloc(&a->arena, (in->kept_n ? in->kept_n : 1) * sizeof *a->rows);
    if (!a->rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < in->kept_n; i++) {
        TRY(tell_row(in, a, in->kept[i].row, &scale, &a->rows[i]));
        TRY(name_row(in, a, in->kept[i].row, &a->rows[i]));
        row_free(in->kept[i].row); /* so that not all of them are there twice */
        in->kept[i].row = NULL;
    }
    return tell_row(in, a, in->total, &scale, &a->total);
}

enum status inside_answer(struct inside *in, const struct about *about, struct str prices_date,
                          struct answer **out, struct err *err)
{
    TRY(inside_loose(in, in->stray, err));
    cube_reset(in->stray);
    struct answer *a = calloc(1, sizeof *a);
    if (!a)
        return err_nomem(err);
    arena_init(&a->arena);
    a->question = in->question;
    a->about = *about;
    a->sessions = in->about;
    a->prices_date = arena_str(&a->arena, prices_date);
    enum status status = a->prices_date.p ? tell(in, a) : ERR_NOMEM;
    if (status != OK) {
        answer_free(a);
        return err_set(err, status, "the answer needs more memory than there is");
    }
    *out = a;
    return OK;
}
