/*
 * A small world for tests of query/ and report/: facts are written down as plain structs, and a
 * question is asked of them. world_open, world_set…, world_ask, world_add…, world_answer.
 */
#ifndef ASSAY_TESTS_WORLD_H
#define ASSAY_TESTS_WORLD_H

#include "model/cost.h"
#include "query/answer.h"
#include "query/metric.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

struct fact {
    const char *time; /* default 2026-04-14T08:00:00Z */
    const char *arn, *model, *model_id, *region, *account, *error, *outcome, *reason, *operation;
    int64_t input, output, read, write;
    int64_t cents; /* of cost, all of it input */
    int64_t pico;  /* more cost, in pico-USD */
    int32_t latency_ms;
    uint32_t flags;
};

struct world {
    struct symbols *symbols;
    struct series *series;
    struct directory *directory;
    struct question q;
    struct plan *plan;
    struct plan_view *view;
    struct cube *cube;
    struct about about;
    struct answer *answer;
};

#define NOW_TEXT "2026-04-15T12:34:56Z"

static inline int64_t instant(const char *text)
{
    int64_t t = 0;
    assert_true(time_parse(str_from(text), &t));
    return t;
}

static inline void world_open(struct world *w)
{
    *w = (struct world){0};
    w->about.since_us = w->about.up_to_us = TIME_NONE;
    assert_int_equal(zone_set("UTC", NULL), OK);
    assert_int_equal(symbols_new(&w->symbols, NULL), OK);
    assert_int_equal(series_new(w->symbols, &w->series, NULL), OK);
    question_init(&w->q);
}

static inline void world_set(struct world *w, const char *key, const char *value)
{
    struct err err = {0};
    if (question_set(&w->q, str_from(key), str_from(value), &err) != OK)
        fail_msg("%s=%s: %s", key, value, err.text);
}

static inline void world_ask(struct world *w, const char *name)
{
    struct err err = {0};
    if (name && question_named(&w->q, str_from(name), &err) != OK)
        fail_msg("%s: %s", name, err.text);
}

static inline void world_plan(struct world *w)
{
    struct err err = {0};
    if (question_finish(&w->q, instant(NOW_TEXT), &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(plan_new(&w->q, w->series, w->directory, &w->plan, NULL), OK);
    assert_int_equal(plan_view_new(w->plan, &w->view, NULL), OK);
    assert_int_equal(cube_new(&w->cube, NULL), OK);
}

static inline void world_label(struct world *w, struct labels *l, enum label id, const char *text)
{
    if (text)
        assert_int_equal(symbols_intern(w->symbols, str_from(text), &l->v[id]), OK);
}

static inline uint8_t outcome_of(const char *name)
{
    for (int i = 0; name && i < OUTCOMES; i++)
        if (strcmp(name, outcome_name((enum outcome)i)) == 0)
            return (uint8_t)i;
    return OUTCOME_PRICED;
}

static inline struct invocation world_invocation(struct world *w, const struct fact *f)
{
    struct labels l = {{0}};
    world_label(w, &l, LABEL_ACCOUNT, f->account ? f->account : "111122223333");
    world_label(w, &l, LABEL_REGION, f->region ? f->region : "us-east-1");
    world_label(w, &l, LABEL_PRINCIPAL, f->arn);
    world_label(w, &l, LABEL_MODEL, f->model);
    world_label(w, &l, LABEL_MODEL_ID, f->model_id ? f->model_id : f->model);
    world_label(w, &l, LABEL_OPERATION, f->operation ? f->operation : "Converse");
    world_label(w, &l, LABEL_ERROR, f->error);
    world_label(w, &l, LABEL_OUTCOME, f->outcome ? f->outcome : "priced");
    world_label(w, &l, LABEL_REASON, f->reason);
    struct invocation v = {
        .time_us = instant(f->time ? f->time : "2026-04-14T08:00:00Z"),
        .flags = f->flags | (f->error ? INV_ERROR : 0),
        .tokens = {f->input, f->output, f->read, f->write},
        .cost = {f->cents * (PICO_PER_USD / 100) + f->pico},
        .latency_ms = f->latency_ms ? f->latency_ms : LATENCY_UNKNOWN,
        .first_byte_ms = LATENCY_UNKNOWN,
        .outcome = outcome_of(f->outcome),
    };
    if (v.outcome == OUTCOME_UNPRICED)
        v.unpriced_tokens = invocation_tokens(&v);
    assert_int_equal(series_intern(w->series, &l, &v.series), OK);
    return v;
}

static inline void world_put(struct world *w, const struct fact *f, int sign)
{
    struct invocation v = world_invocation(w, f);
    assert_int_equal(plan_add(w->view, w->cube, &v, sign), OK);
    w->about.n[ABOUT_RECORDS] += sign;
    w->about.invocations += sign;
    if (w->about.since_us == TIME_NONE || v.time_us < w->about.since_us)
        w->about.since_us = v.time_us;
    if (w->about.up_to_us == TIME_NONE || v.time_us > w->about.up_to_us)
        w->about.up_to_us = v.time_us;
}

static inline void world_add(struct world *w, const struct fact *f)
{
    world_put(w, f, 1);
}

static inline const struct answer *world_answer(struct world *w)
{
    answer_free(w->answer);
    w->answer = NULL;
    assert_int_equal(answer_new(w->plan, w->cube, &w->about, STR("2026-10-07"), &w->answer, NULL),
                     OK);
    return w->answer;
}

static inline void world_close(struct world *w)
{
    answer_free(w->answer);
    cube_free(w->cube);
    plan_view_free(w->view);
    plan_free(w->plan);
    question_fini(&w->q);
    directory_free(w->directory);
    series_free(w->series);
    symbols_free(w->symbols);
}

static inline void assert_text(struct str s, const char *expected)
{
    char text[512];
    size_t n = s.n < sizeof text - 1 ? s.n : sizeof text - 1;
    memcpy(text, s.p, n);
    text[n] = '\0';
    assert_string_equal(text, expected);
}

#define SSO(name) "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/" name
#define OPUS "anthropic.claude-opus-4-8"
#define HAIKU "anthropic.claude-haiku-4-5"

#endif
