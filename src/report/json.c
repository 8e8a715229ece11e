/* JSON: the stable, versioned shape that assay-report(1) documents. */
#include "report/render_internal.h"

#include <stdio.h>

enum { SHAPE_VERSION = 1 };

void write_i64(struct jsonw *w, const char *key, int64_t value)
{
    jsonw_key(w, str_from(key));
    jsonw_i64(w, value);
}

void write_str(struct jsonw *w, const char *key, struct str value)
{
    jsonw_key(w, str_from(key));
    jsonw_str(w, value);
}

/* null for a time that is open or not known */
void write_time(struct jsonw *w, const char *key, int64_t time_us)
{
    char text[TIME_TEXT];
    jsonw_key(w, str_from(key));
    if (time_us == INT64_MIN || time_us == INT64_MAX)
        jsonw_null(w);
    else
        jsonw_str(w, str_of(text, time_format(text, time_us)));
}

static void write_filter(struct jsonw *w, const struct filter *f)
{
    struct buf text;
    char room[DIMENSION_NAME];
    buf_init(&text, SIZE_MAX / 2);
    buf_str(&text, filter_dimension(f, room));
    buf_str(&text, f->op == FILTER_IS ? STR("=") : STR("!="));
    buf_str(&text, f->values);
    jsonw_str(w, buf_view(&text));
    if (buf_status(&text) != OK)
        w->out->status = buf_status(&text);
    buf_fini(&text);
}

static void write_order(struct jsonw *w, const struct question *q)
{
    char room[DIMENSION_NAME], text[DIMENSION_NAME + 8];
    struct str name = q->order_metric >= 0 ? metric_info(q->order_metric).name
                      : q->dims_n > 0      ? question_dimension(q, q->order_dim, room)
                                           : STR("");
    struct str direction = q->ascending ? STR(":asc") : STR(":desc");
    memcpy(text, name.p, name.n);
    memcpy(text + name.n, direction.p, direction.n);
    write_str(w, "order", str_of(text, name.n + direction.n));
}

void write_question(struct jsonw *w, const struct question *q)
{
    jsonw_key(w, STR("question"));
    jsonw_object(w);
    jsonw_key(w, STR("name"));
    if (q->name.n)
        jsonw_str(w, q->name);
    else
        jsonw_null(w);
    jsonw_key(w, STR("by"));
    jsonw_array_inline(w);
    char room[DIMENSION_NAME];
    for (int i = 0; i < q->dims_n; i++)
        jsonw_str(w, question_dimension(q, i, room));
    jsonw_end(w);
    jsonw_key(w, STR("metrics"));
    jsonw_array_inline(w);
    for (int i = 0; i < q->metrics_n; i++)
        jsonw_str(w, metric_info(q->metrics[i]).name);
    jsonw_end(w);
    write_time(w, "since", q->since_us);
    write_time(w, "until", q->until_us);
    jsonw_key(w, STR("where"));
    jsonw_array_inline(w);
    for (int i = 0; i < q->filters_n; i++)
        write_filter(w, &q->filters[i]);
    jsonw_end(w);
    jsonw_key(w, STR("bucket"));
    if (q->bucket != BUCKET_NONE)
        jsonw_str(w, bucket_name(q->bucket));
    else
        jsonw_null(w);
    write_str(w, "zone", q->zone);
    write_order(w, q);
    jsonw_key(w, STR("limit"));
    if (q->limit > 0)
        jsonw_i64(w, q->limit);
    else
        jsonw_null(w);
    jsonw_end(w);
}

static void write_row(struct jsonw *w, const struct field *fields, int n,
                      const struct answer_row *row, bool total)
{
    char room[FIGURE_TEXT];
    jsonw_object_inline(w);
    for (int i = 0; i < n; i++) {
        if (total && fields[i].kind == FIELD_DIM)
            continue;
        struct str value = field_value(&fields[i], row, room);
        bool text = fields[i].kind == FIELD_DIM || fields[i].kind == FIELD_USD ||
                    fields[i].kind == FIELD_REASON;
        jsonw_key(w, str_from(fields[i].name));
        if (!value.p)
            jsonw_null(w);
        else if (text)
            jsonw_str(w, value);
        else
            jsonw_raw(w, value);
    }
    jsonw_end(w);
}

static void write_counts(struct jsonw *w, const struct sums *s, const enum count *counts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        jsonw_key(w, metric_info(METRIC_OF_COUNT(counts[i])).name);
        jsonw_i64(w, s->count[counts[i]]);
    }
}

static void write_coverage(struct jsonw *w, const struct sums *s)
{
    static const enum count counts[] = {
        COUNT_INVOCATIONS,    COUNT_INPUT_BODIES,  COUNT_OUTPUT_BODIES, COUNT_BODIES_MISSING,
        COUNT_BODIES_REFUSED, COUNT_NO_REQUEST_ID, COUNT_TIME_GUESSED,  COUNT_ODD,
        COUNT_INCOMPLETE,
    };
    jsonw_key(w, STR("coverage"));
    jsonw_object(w);
    write_counts(w, s, counts, sizeof counts / sizeof counts[0]);
    jsonw_end(w);
}

void write_money(struct jsonw *w, const char *key, money_sum pico)
{
    char name[64], room[FIGURE_TEXT];
    snprintf(name, sizeof name, "%s_nusd", key);
    jsonw_key(w, str_from(name));
    jsonw_raw(w, str_of(room, figure_nano(room, pico)));
    snprintf(name, sizeof name, "%s_usd", key);
    write_str(w, name, str_of(room, figure_usd(room, pico)));
}

static void key_nano(struct jsonw *w, const char *key, money_sum pico)
{
    char room[FIGURE_TEXT];
    jsonw_key(w, str_from(key));
    jsonw_raw(w, str_of(room, figure_nano(room, pico)));
}

void write_sessions(struct jsonw *w, const struct answer_sessions *s)
{
    jsonw_key(w, STR("sessions"));
    jsonw_object(w);
    write_i64(w, "sessions", s->sessions);
    write_i64(w, "inferred", s->inferred);
    write_i64(w, "prompts_at_least", s->at_least);
    write_i64(w, "calls", s->calls);
    write_i64(w, "requests_seen", s->requests);
    write_i64(w, "recognised", s->recognised);
    write_i64(w, "left_out", s->left_out);
    write_i64(w, "names_cut", s->names_cut);
    if (s->cut > 0) {
        write_i64(w, "cut", s->cut);
        write_i64(w, "pieces", s->pieces);
    }
    key_nano(w, "cost_nusd", s->cost);
    key_nano(w, "recognised_cost_nusd", s->recognised_cost);
    key_nano(w, "left_out_cost_nusd", s->left_out_cost);
    jsonw_end(w);
}

/* Of a store that let go of something, and of nothing else: what is gone, and what that means for
 * this answer. */
void write_kept(struct jsonw *w, const struct about *about)
{
    if (about->calls_since_us == 0)
        return;
    write_time(w, "calls_since", about->calls_since_us);
    if (about->sums_since_us > 0)
        write_time(w, "sums_since", about->sums_since_us);
    write_i64(w, "late", about->late);
    jsonw_key(w, STR("edges_moved"));
    jsonw_bool(w, about->edges_moved);
    jsonw_key(w, STR("calls_missing"));
    jsonw_bool(w, about->calls_missing);
}

/* How much was read, of the whole input. Bytes are not told: they depend on how the input is
 * packed, and a store must answer as its files do. */
void write_read(struct jsonw *w, const struct about *about)
{
    write_i64(w, "files", about->n[ABOUT_FILES]);
    write_i64(w, "records", about->n[ABOUT_RECORDS]);
    write_i64(w, "invocations", about->invocations);
    write_i64(w, "duplicates", about_duplicates(about));
    write_i64(w, "skipped", about->n[ABOUT_SKIPPED]);
    write_i64(w, "quarantined", about->n[ABOUT_QUARANTINED]);
    write_i64(w, "files_failed", about->n[ABOUT_FILES_FAILED]);
    write_kept(w, about);
}

/* What was read; then what the question's selection lacks. */
static void write_about(struct jsonw *w, const struct answer *a)
{
    static const enum count counts[] = {
        COUNT_ERRORS,    COUNT_UNPRICED,      COUNT_PARTIAL,         COUNT_BOUNDED,
        COUNT_ESTIMATED, COUNT_UNKNOWN_USAGE, COUNT_UNPRICED_TOKENS, COUNT_FLAGGED,
    };
    jsonw_key(w, STR("about"));
    jsonw_object(w);
    write_read(w, &a->about);
    write_counts(w, &a->total.sums, counts, sizeof counts / sizeof counts[0]);
    write_coverage(w, &a->total.sums);
    if (a->sessions.asked)
        write_sessions(w, &a->sessions);
    write_i64(w, "rows_cut", (int64_t)a->rows_cut);
    write_time(w, "since", a->about.since_us);
    write_time(w, "up_to", a->about.up_to_us);
    write_str(w, "prices", a->prices_date);
    jsonw_end(w);
}

enum status render_json(const struct answer *a, struct buf *out)
{
    struct field fields[FIELDS];
    int n = fields_of(a->question, fields);
    struct jsonw w = jsonw_start(out, 2);
    jsonw_object(&w);
    write_i64(&w, "assay", SHAPE_VERSION);
    write_question(&w, a->question);
    jsonw_key(&w, STR("rows"));
    jsonw_array(&w);
    for (size_t i = 0; i < a->rows_n; i++)
        write_row(&w, fields, n, &a->rows[i], false);
    jsonw_end(&w);
    jsonw_key(&w, STR("total"));
    write_row(&w, fields, n, &a->total, true);
    write_about(&w, a);
    jsonw_end(&w);
    buf_char(out, '\n');
    return OK;
}
