/*
 * What the tests of the store share: a folder of its own for each test, random invocations over a
 * handful of series, and the plain way to answer a question: all invocations in an array, the best
 * of each key added up one by one.
 */
#ifndef ASSAY_TESTS_STORE_FIXTURE_H
#define ASSAY_TESTS_STORE_FIXTURE_H

#include "model/cost.h"
#include "query/answer.h"
#include "store/store.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

enum { FIXTURE_SERIES = 60, FIXTURE_MAX = 20000 };
/* 2026-03-27T00:00:00Z: two days before Europe changes its clocks. */
#define FIXTURE_START (INT64_C(1774569600) * US_PER_SECOND)

struct fixture {
    char folder[64], path[96];
    struct symbols *symbols;
    struct series *series;
    struct store *store;
    struct invocation *kept; /* the oracle: the best record of each key */
    size_t kept_n;
    uint64_t seed;
};

static struct err failure;

#define GOOD(call)                                                                                 \
    do {                                                                                           \
        failure.text[0] = 0;                                                                       \
        enum status got_ = (call);                                                                 \
        if (got_ != OK)                                                                            \
            fail_msg("%s: %s: %s", #call, status_text(got_), failure.text);                        \
    } while (0)

static UNUSED uint64_t fixture_random(struct fixture *f)
{
    f->seed ^= f->seed << 13;
    f->seed ^= f->seed >> 7;
    f->seed ^= f->seed << 17;
    return f->seed;
}

PRINTF_LIKE(2, 3)
static UNUSED uint32_t fixture_label(struct series *series, const char *fmt, ...)
{
    char text[96];
    uint32_t id;
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    GOOD(symbols_intern(series_symbols(series), str_of(text, (size_t)len), &id));
    return id;
}

static UNUSED void fixture_series(struct series *series)
{
    for (unsigned i = 0; i < FIXTURE_SERIES; i++) {
        struct labels l = {0};
        l.v[LABEL_ACCOUNT] = fixture_label(series, "11112222333%u", i % 2);
        l.v[LABEL_PRINCIPAL] = fixture_label(series, "arn:aws:iam::111122223333:user/u%u", i / 4);
        l.v[LABEL_MODEL_ID] = fixture_label(series, "anthropic.claude-%u", i % 4);
        l.v[LABEL_MODEL] = fixture_label(series, "anthropic.claude-%u", i % 4);
        l.v[LABEL_OUTCOME] = fixture_label(series, "%s", i % 4 == 3 ? "unpriced" : "priced");
        l.v[LABEL_REASON] = fixture_label(series, "%s", i % 4 == 3 ? "no price" : "");
        uint32_t id;
        GOOD(series_intern(series, &l, &id));
    }
}

static UNUSED void fixture_open(struct fixture *f, uint64_t seed)
{
    *f = (struct fixture){.folder = "/tmp/assay-store-XXXXXX", .seed = seed * 2654435761u + 1};
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/facts.db", f->folder);
    GOOD(symbols_new(&f->symbols, &failure));
    GOOD(series_new(f->symbols, &f->series, &failure));
    fixture_series(f->series);
    f->kept = calloc(FIXTURE_MAX, sizeof *f->kept);
    assert_non_null(f->kept);
    GOOD(store_open(f->path, STORE_WRITE, &f->store, &failure));
}

static UNUSED void fixture_remove(struct fixture *f)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
    for (int i = 0; i < 4; i++) {
        char path[112];
        snprintf(path, sizeof path, "%s%s", f->path, ends[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(f->folder), 0);
}

static UNUSED void fixture_close(struct fixture *f)
{
    store_close(f->store);
    series_free(f->series);
    symbols_free(f->symbols);
    free(f->kept);
    fixture_remove(f);
}

/* A random invocation within `days` of FIXTURE_START; costs are large enough to leave 64 bits. */
static UNUSED struct invocation fixture_invocation(struct fixture *f, int days)
{
    struct invocation v = {
        .time_us = FIXTURE_START + (int64_t)(fixture_random(f) % (uint64_t)(days * US_PER_DAY)),
        .key = {fixture_random(f), fixture_random(f)},
        .content = fixture_random(f),
        .series = (uint32_t)(fixture_random(f) % FIXTURE_SERIES),
        .flags = (uint32_t)(fixture_random(f) & 0x3fff),
        .latency_ms = (int32_t)(fixture_random(f) % 1000) - 1,
        .first_byte_ms = (int32_t)(fixture_random(f) % 1000) - 1,
        .outcome = (uint8_t)(fixture_random(f) % OUTCOMES),
        .cost_span = (int64_t)(fixture_random(f) % 3),
        .unpriced_tokens = (int64_t)(fixture_random(f) % 3),
        .list_cost = (int64_t)(fixture_random(f) >> 8),
    };
    if (fixture_random(f) % 2)
        v.time_us -= v.time_us % US_PER_SECOND;
    for (int i = 0; i < TOKEN_CLASSES; i++) {
        v.tokens[i] = (int64_t)(fixture_random(f) % 4 ? fixture_random(f) % 100000 : 0);
        v.cost[i] = v.tokens[i] * (int64_t)(fixture_random(f) % (INT64_C(1) << 40));
    }
    return v;
}

/* Tells the oracle. */
static UNUSED void fixture_expect(struct fixture *f, const struct invocation *v)
{
    for (size_t i = 0; i < f->kept_n; i++)
        if (hash128_eq(f->kept[i].key, v->key)) {
            if (invocation_beats(v, &f->kept[i]))
                f->kept[i] = *v;
            return;
        }
    assert_true(f->kept_n < FIXTURE_MAX);
    f->kept[f->kept_n++] = *v;
}

static UNUSED void fixture_put(struct fixture *f, const struct invocation *v, size_t n)
{
    GOOD(store_begin(f->store, &failure));
    GOOD(store_put(f->store, f->series, v, n, &failure));
    GOOD(store_commit(f->store, &failure));
    for (size_t i = 0; i < n; i++)
        fixture_expect(f, &v[i]);
}

struct asked {
    const char *by, *metrics, *where;
    enum bucket bucket;
    int64_t since_us, until_us;
};

static UNUSED void fixture_question(const struct asked *a, struct question *q)
{
    question_init(q);
    GOOD(question_set(q, STR("by"), str_from(a->by), &failure));
    if (a->metrics)
        GOOD(question_set(q, STR("metrics"), str_from(a->metrics), &failure));
    if (a->where)
        GOOD(question_set(q, STR("where"), str_from(a->where), &failure));
    q->bucket = a->bucket;
    GOOD(question_finish(q, FIXTURE_START, &failure));
    q->since_us = a->since_us;
    q->until_us = a->until_us;
}

/* One way to answer: from the store, or from the oracle when `store` is NULL. */
struct told {
    struct question q;
    struct symbols *symbols;
    struct series *series;
    struct plan *plan;
    struct plan_view *view;
    struct cube *cube;
    struct answer *answer;
};

static UNUSED void fixture_ask(struct fixture *f, struct store *store, const struct asked *a,
                               struct told *t)
{
    struct about about = {0};
    *t = (struct told){0};
    fixture_question(a, &t->q);
    if (store) {
        GOOD(symbols_new(&t->symbols, &failure));
        GOOD(series_new(t->symbols, &t->series, &failure));
        GOOD(store_load_series(store, t->series, &failure));
    }
    GOOD(plan_new(&t->q, store ? t->series : f->series, NULL, &t->plan, &failure));
    GOOD(plan_view_new(t->plan, &t->view, &failure));
    GOOD(cube_new(&t->cube, &failure));
    if (store)
        GOOD(store_fill(store, t->plan, t->view, t->cube, &failure));
    for (size_t i = 0; !store && i < f->kept_n; i++)
        GOOD(plan_add(t->view, t->cube, &f->kept[i], 1));
    GOOD(answer_new(t->plan, t->cube, &about, STR(""), &t->answer, &failure));
}

static UNUSED void fixture_forget(struct told *t)
{
    answer_free(t->answer);
    cube_free(t->cube);
    plan_view_free(t->view);
    plan_free(t->plan);
    series_free(t->series);
    symbols_free(t->symbols);
    question_fini(&t->q);
}

static UNUSED void same_row(const struct question *q, const struct answer_row *a,
                            const struct answer_row *b)
{
    assert_int_equal(a->bucket_us, b->bucket_us);
    assert_int_equal(a->users, b->users);
    assert_true(str_eq(a->reasons, b->reasons));
    for (int i = 0; i < q->dims_n; i++)
        assert_true(str_eq(a->dims[i], b->dims[i]));
    assert_memory_equal(a->sums.count, b->sums.count, sizeof a->sums.count);
    assert_memory_equal(a->sums.money, b->sums.money, sizeof a->sums.money);
}

/* The store's answer is the oracle's. */
static UNUSED void fixture_same_answer(struct fixture *f, struct store *store,
                                       const struct asked *a)
{
    struct told x, y;
    fixture_ask(f, store, a, &x);
    fixture_ask(f, NULL, a, &y);
    assert_int_equal(x.answer->rows_n, y.answer->rows_n);
    for (size_t i = 0; i < x.answer->rows_n; i++)
        same_row(&x.q, &x.answer->rows[i], &y.answer->rows[i]);
    same_row(&x.q, &x.answer->total, &y.answer->total);
    fixture_forget(&x);
    fixture_forget(&y);
}

static const struct asked everything = {
    "account,user,model", "invocations,users,cost", NULL, BUCKET_NONE, INT64_MIN, INT64_MAX};

/* The store agrees with the oracle and with itself. */
static UNUSED void fixture_agrees(struct fixture *f)
{
    fixture_same_answer(f, f->store, &everything);
    GOOD(store_check(f->store, &failure));
    struct about about;
    GOOD(store_about(f->store, &about, &failure));
    assert_int_equal(about.invocations, f->kept_n);
}

static UNUSED void fixture_reopen(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
    GOOD(store_open(f->path, STORE_WRITE, &f->store, &failure));
}

#endif
