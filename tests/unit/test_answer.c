/* query/answer: rows, their order, totals. */
#include "base/buf.h"
#include "query/answer.h"
#include "world.h"

static const struct fact facts[] = {
    {.arn = SSO("ann@example.com"), .model = OPUS, .input = 10, .cents = 300},
    {.arn = SSO("ANN@example.com"), .model = HAIKU, .input = 5, .cents = 100},
    {.arn = SSO("bob@example.com"), .model = OPUS, .input = 7, .cents = 200},
    {.arn = SSO("cat@example.com"), .model = HAIKU, .input = 3, .cents = 200},
    {.arn = SSO("dan@example.com"),
     .model_id = "new.model",
     .input = 9,
     .outcome = "unpriced",
     .reason = "unknown model"},
    {.arn = SSO("bob@example.com"),
     .model_id = "new.model",
     .input = 1,
     .outcome = "unpriced",
     .reason = "unknown model",
     .time = "2026-04-15T08:00:00Z"},
    {.arn = SSO("bob@example.com"),
     .model = OPUS,
     .outcome = "usage_unknown",
     .time = "2026-04-15T09:00:00Z"},
};
enum { FACTS = sizeof facts / sizeof facts[0] };

static const struct answer *ask(struct world *w, const char *words)
{
    world_open(w);
    for (struct str rest = str_from(words); rest.p && rest.n;) {
        struct str value = str_cut(&rest, ';');
        struct str key = str_cut(&value, '=');
        assert_int_equal(question_set(&w->q, key, value, NULL), OK);
    }
    world_plan(w);
    for (int i = 0; i < FACTS; i++)
        world_add(w, &facts[i]);
    return world_answer(w);
}

static void expect_rows(const char *words, const char *expected)
{
    struct world w;
    const struct answer *a = ask(&w, words);
    struct buf b;
    buf_init(&b, 1 << 16);
    for (size_t i = 0; i < a->rows_n; i++) {
        for (int d = 0; d < w.q.dims_n; d++)
            buf_printf(&b, "%.*s ", STR_ARG(a->rows[i].dims[d]));
        buf_printf(&b, "%lld\n", (long long)a->rows[i].sums.count[COUNT_INVOCATIONS]);
    }
    assert_text(buf_view(&b), expected);
    buf_fini(&b);
    world_close(&w);
}

static void rows_are_ordered_by_the_metric_then_by_text_unknown_last(void **state)
{
    (void)state;
    expect_rows("by=user", "ann@example.com 2\nbob@example.com 3\ncat@example.com 1\n"
                           "dan@example.com 1\n");
    expect_rows("by=user;order=cost:asc", "bob@example.com 3\ncat@example.com 1\n"
                                          "ann@example.com 2\ndan@example.com 1\n");
    expect_rows("by=user;order=user:desc;limit=2", "dan@example.com 1\ncat@example.com 1\n");
    expect_rows("by=model;order=invocations", OPUS " 3\n" HAIKU " 2\nnew.model 2\n");
}

static void time_runs_forward_and_the_dearest_comes_first_within_it(void **state)
{
    (void)state;
    expect_rows("by=user;bucket=day", "2026-04-14 ann@example.com 2\n"
                                      "2026-04-14 bob@example.com 1\n"
                                      "2026-04-14 cat@example.com 1\n"
                                      "2026-04-14 dan@example.com 1\n"
                                      "2026-04-15 bob@example.com 2\n");
    expect_rows("by=time;bucket=hour", "2026-04-14T08:00Z 5\n2026-04-15T08:00Z 1\n"
                                       "2026-04-15T09:00Z 1\n");
    expect_rows("by=time;bucket=week", "2026-04-13 7\n");
    expect_rows("by=time;bucket=year", "2026 7\n");
}

static void a_limit_cuts_rows_but_not_the_total(void **state)
{
    (void)state;
    struct world w;
    const struct answer *a = ask(&w, "by=user;limit=1;metrics=cost,users");
    assert_int_equal(a->rows_n, 1);
    assert_int_equal(a->rows_cut, 3);
    assert_int_equal(a->total.sums.count[COUNT_INVOCATIONS], FACTS);
    assert_int_equal(a->total.users, 4);
    assert_true(a->total.sums.money[MONEY_COST] == 8 * (money_sum)PICO_PER_USD);
    world_close(&w);
}

static void users_are_counted_once_whatever_the_rows(void **state)
{
    (void)state;
    struct world w;
    const struct answer *a = ask(&w, "by=model;metrics=users,cost");
    assert_text(a->rows[0].dims[0], OPUS);
    assert_int_equal(a->rows[0].users, 2);
    assert_int_equal(a->total.users, 4);
    world_close(&w);
    a = ask(&w, "by=;metrics=users");
    assert_int_equal(a->rows_n, 1);
    assert_int_equal(a->rows[0].users, 4);
    world_close(&w);
}

static void missing_amounts_have_their_reasons(void **state)
{
    (void)state;
    struct world w;
    const struct answer *a = ask(&w, "by=user");
    assert_text(a->rows[0].reasons, "");
    assert_text(a->rows[1].reasons, "unknown model; usage_unknown");
    assert_text(a->rows[3].reasons, "unknown model");
    assert_text(a->total.reasons, "unknown model; usage_unknown");
    world_close(&w);
}

static void what_is_taken_back_leaves_nothing(void **state)
{
    (void)state;
    struct world w;
    ask(&w, "by=user,model;bucket=day;metrics=cost,users");
    for (int i = 0; i < FACTS; i++)
        world_put(&w, &facts[i], -1);
    const struct answer *a = world_answer(&w);
    assert_int_equal(a->rows_n, 0);
    assert_int_equal(a->total.users, 0);
    assert_int_equal(a->total.reasons.n, 0);
    assert_true(sums_is_zero(&a->total.sums));
    world_close(&w);
}

static void hours_with_one_wall_clock_are_two(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    if (zone_set("Europe/Berlin", NULL) != OK) {
        world_close(&w);
        skip();
    }
    world_set(&w, "bucket", "hour");
    world_plan(&w);
    world_add(&w, &(struct fact){.time = "2026-10-25T01:30:00Z"});
    world_add(&w, &(struct fact){.time = "2026-10-25T00:30:00Z"});
    const struct answer *a = world_answer(&w);
    assert_int_equal(a->rows_n, 2);
    assert_text(a->rows[0].dims[0], "2026-10-25T02:00+02:00");
    assert_text(a->rows[1].dims[0], "2026-10-25T02:00+01:00");
    assert_int_equal(zone_set("UTC", NULL), OK);
    world_close(&w);
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static struct fact random_fact(uint32_t *seed)
{
    static const char *const people[] = {SSO("a@x.example"), SSO("b@x.example"), SSO("C@x.example"),
                                         "arn:aws:iam::111122223333:user/d", NULL};
    static const char *const models[] = {OPUS, HAIKU, NULL};
    static const char *const times[] = {"2026-04-14T08:00:00Z", "2026-04-14T23:59:59Z",
                                        "2026-04-15T00:00:00Z", "2026-05-01T00:00:00Z"};
    struct fact f = {
        .arn = people[next(seed) % 5],
        .model = models[next(seed) % 3],
        .model_id = "as.logged",
        .time = times[next(seed) % 4],
        .input = next(seed) % 1000,
        .cents = next(seed) % 50,
        .latency_ms = (int32_t)(next(seed) % 100),
    };
    if (!f.model) {
        f.outcome = next(seed) % 2 ? "unpriced" : "usage_unknown";
        f.reason = next(seed) % 2 ? "unknown model" : NULL;
        f.cents = 0;
    }
    return f;
}

static void print_answer(const struct answer *a, struct buf *out)
{
    const struct question *q = a->question;
    for (size_t i = 0; i <= a->rows_n; i++) {
        const struct answer_row *row = i < a->rows_n ? &a->rows[i] : &a->total;
        for (int d = 0; i < a->rows_n && d < q->dims_n; d++)
            buf_printf(out, "%.*s|", STR_ARG(row->dims[d]));
        buf_printf(out, "%lld %.*s ", (long long)row->users, STR_ARG(row->reasons));
        buf_append(out, &row->sums, sizeof row->sums);
    }
}

/* Adds the facts in a random order, some of them twice with one taken back, over several cubes. */
static void scramble(struct world *w, const struct fact *all, size_t n, uint32_t *seed)
{
    enum { CUBES = 3 };
    struct cube *cubes[CUBES];
    struct plan_view *views[CUBES];
    size_t *order = calloc(n, sizeof *order);
    for (int i = 0; i < CUBES; i++) {
        assert_int_equal(cube_new(&cubes[i], NULL), OK);
        assert_int_equal(plan_view_new(w->plan, &views[i], NULL), OK);
    }
    for (size_t i = 0; i < n; i++) {
        size_t j = next(seed) % (i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (size_t i = 0; i < n; i++) {
        struct invocation v = world_invocation(w, &all[order[i]]);
        int c = (int)(next(seed) % CUBES);
        assert_int_equal(plan_add(views[c], cubes[c], &v, 1), OK);
        if (next(seed) % 4 == 0) { /* a duplicate seen by two threads */
            assert_int_equal(plan_add(views[(c + 1) % CUBES], cubes[(c + 1) % CUBES], &v, 1), OK);
            assert_int_equal(plan_add(views[c], cubes[c], &v, -1), OK);
        }
    }
    for (int i = 0; i < CUBES; i++) {
        assert_int_equal(cube_merge(w->cube, cubes[i]), OK);
        cube_free(cubes[i]);
        plan_view_free(views[i]);
    }
    free(order);
}

static void any_order_and_any_split_give_the_same_answer(void **state)
{
    (void)state;
    enum { N = 400 };
    static const char *const questions[] = {"by=user,model",
                                            "by=time,user;bucket=day;metrics=users,cost,latency_ms",
                                            "by=model;metrics=users,cost;order=users",
                                            "by=;metrics=users,cost",
                                            "by=reason,outcome,user;limit=3",
                                            "by=user;where=model!=*haiku*;until=2026-04"};
    for (size_t k = 0; k < sizeof questions / sizeof questions[0]; k++) {
        struct fact all[N];
        uint32_t seed = 7;
        for (int i = 0; i < N; i++)
            all[i] = random_fact(&seed);
        struct buf first, other;
        buf_init(&first, 1 << 24);
        buf_init(&other, 1 << 24);
        for (int round = 0; round < 6; round++) {
            struct world w;
            world_open(&w);
            for (struct str rest = str_from(questions[k]); rest.p;) {
                struct str value = str_cut(&rest, ';');
                struct str key = str_cut(&value, '=');
                assert_int_equal(question_set(&w.q, key, value, NULL), OK);
            }
            world_plan(&w);
            scramble(&w, all, N, &seed);
            struct buf *b = round ? &other : &first;
            buf_reset(b);
            print_answer(world_answer(&w), b);
            if (round) {
                assert_int_equal(first.n, other.n);
                assert_memory_equal(first.p, other.p, first.n);
            }
            world_close(&w);
        }
        buf_fini(&first);
        buf_fini(&other);
    }
}

static void sums_of_a_series_count_as_their_invocations(void **state)
{
    (void)state;
    struct world w;
    ask(&w, "by=user,model;bucket=day");
    struct buf first, second;
    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    print_answer(w.answer, &first);
    cube_reset(w.cube);
    for (int i = 0; i < FACTS; i++) {
        struct invocation v = world_invocation(&w, &facts[i]);
        struct sums s = {0};
        sums_add(&s, &v, 1);
        assert_int_equal(
            plan_add_sums(w.view, w.cube, v.series, zone_floor(BUCKET_HOUR, v.time_us), &s), OK);
    }
    print_answer(world_answer(&w), &second);
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.p, second.p, first.n);
    buf_fini(&first);
    buf_fini(&second);
    world_close(&w);
}

static void marks_keep_their_counts_through_growth_merge_and_reset(void **state)
{
    (void)state;
    enum { CELLS = 30, MARKS = 200 };
    struct cube *a, *b;
    assert_int_equal(cube_new(&a, NULL), OK);
    assert_int_equal(cube_new(&b, NULL), OK);
    for (uint32_t mark = 0; mark < MARKS; mark++)
        for (uint32_t cell = 0; cell < CELLS; cell++) {
            int64_t day = cell % 3 * US_PER_DAY;
            assert_int_equal(cube_mark(a, day, cell, mark, cell + mark), OK);
            assert_int_equal(cube_mark(a, day, cell, mark, 1), OK);
            assert_int_equal(cube_mark(b, day, cell, mark, -(int64_t)mark), OK);
        }
    assert_int_equal(cube_merge(a, b), OK);
    assert_int_equal(cube_cells(a), CELLS);
    assert_int_equal(cube_marks(a), CELLS * MARKS);
    const struct cube_mark *marks = cube_mark_list(a);
    for (size_t i = 0; i < CELLS * MARKS; i++) {
        assert_true(marks[i].mark < MARKS);
        assert_int_equal(marks[i].count, cube_cell(a, marks[i].cell).id + 1);
    }
    cube_reset(a);
    assert_int_equal(cube_marks(a), 0);
    assert_int_equal(cube_mark(a, 0, 7, 7, 3), OK);
    assert_int_equal(cube_marks(a), 1);
    assert_int_equal(cube_mark_list(a)[0].count, 3);
    cube_free(a);
    cube_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_ordered_by_the_metric_then_by_text_unknown_last),
        cmocka_unit_test(time_runs_forward_and_the_dearest_comes_first_within_it),
        cmocka_unit_test(a_limit_cuts_rows_but_not_the_total),
        cmocka_unit_test(users_are_counted_once_whatever_the_rows),
        cmocka_unit_test(missing_amounts_have_their_reasons),
        cmocka_unit_test(what_is_taken_back_leaves_nothing),
        cmocka_unit_test(hours_with_one_wall_clock_are_two),
        cmocka_unit_test(any_order_and_any_split_give_the_same_answer),
        cmocka_unit_test(sums_of_a_series_count_as_their_invocations),
        cmocka_unit_test(marks_keep_their_counts_through_growth_merge_and_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
