/*
 * Questions: each line is a word as of question_set, "key=value"; a line without "=" is the name of
 * a stored question. What is accepted must be whole: it can be asked and printed.
 */
#include "query/answer.h"
#include "query/metric.h"
#include "report/render.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void ask(const struct question *q)
{
    struct symbols *symbols = NULL;
    struct series *series = NULL;
    struct plan *plan = NULL;
    struct plan_view *view = NULL;
    struct cube *cube = NULL;
    struct answer *answer = NULL;
    check(symbols_new(&symbols, NULL) == OK && series_new(symbols, &series, NULL) == OK);
    check(plan_new(q, series, NULL, &plan, NULL) == OK);
    check(plan_view_new(plan, &view, NULL) == OK && cube_new(&cube, NULL) == OK);
    struct labels labels = {{0}};
    struct invocation v = {.time_us = INT64_C(1776153600000000), .tokens = {3, 2, 1}};
    check(series_intern(series, &labels, &v.series) == OK);
    check(plan_add(view, cube, &v, 1) == OK);
    struct about about = {.invocations = 1, .since_us = v.time_us, .up_to_us = v.time_us};
    check(answer_new(plan, cube, &about, STR("2026-10-07"), &answer, NULL) == OK);
    check(answer->rows_n <= 1);
    for (int format = 0; format < REPORT_FORMATS; format++) {
        struct report_options o = {.format = (enum report_format)format, .width = 80, .bars = true};
        struct buf out;
        buf_init(&out, 1 << 24);
        check(report_render(answer, &o, &out, NULL) == OK && out.n > 0);
        buf_fini(&out);
    }
    answer_free(answer);
    cube_free(cube);
    plan_view_free(view);
    plan_free(plan);
    series_free(series);
    symbols_free(symbols);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct question q;
    question_init(&q);
    if (zone_set("UTC", &err) != OK)
        return 0;
    bool accepted = true;
    struct str rest = str_of((const char *)data, size);
    while (rest.p && rest.n && accepted) {
        struct str value = str_cut(&rest, '\n');
        struct str key = str_cut(&value, '=');
        enum status status =
            value.p ? question_set(&q, key, value, &err) : question_named(&q, key, &err);
        accepted = status == OK;
    }
    if (accepted && question_finish(&q, INT64_C(1776256496000000), &err) == OK) {
        check(q.metrics_n > 0 && q.metrics_n <= METRICS && q.dims_n <= QUESTION_DIMS);
        check(q.since_us < q.until_us && q.order_metric < METRICS && q.lead_metric < METRICS);
        check(q.title.n > 0);
        ask(&q);
    }
    question_fini(&q);
    return 0;
}
