/* query/question, stored, finish, metric: what can be said, and what it means. */
#include "query/metric.h"
#include "query/question.h"
#include "unit.h"

#define NOW "2026-04-15T12:34:56Z"

static int64_t now(void)
{
    int64_t t = 0;
    assert_true(time_parse(STR(NOW), &t));
    return t;
}

/* "key=value;key=value" into q; the first failure ends it. */
static enum status say(struct question *q, const char *words, struct err *err)
{
    struct str rest = str_from(words);
    while (rest.p && rest.n) {
        struct str value = str_cut(&rest, ';');
        struct str key = str_cut(&value, '=');
        TRY(question_set(q, key, value, err));
    }
    return question_finish(q, now(), err);
}

static void must(struct question *q, const char *words)
{
    struct err err = {0};
    question_init(q);
    if (say(q, words, &err) != OK)
        fail_msg("%s: %s", words, err.text);
}

static void must_fail(const char *words, const char *part_of_message)
{
    struct question q;
    struct err err = {0};
    question_init(&q);
    if (say(&q, words, &err) != ERR_USAGE)
        fail_msg("%s was taken", words);
    if (!strstr(err.text, part_of_message))
        fail_msg("%s: '%s' does not say '%s'", words, err.text, part_of_message);
    question_fini(&q);
}

static void every_dimension_and_metric_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < DIMENSIONS; i++) {
        assert_int_equal(dimension_find(dimension_name(i)), i);
        assert_true(dimension_text(i).n > 0);
        assert_int_equal(metric_find(dimension_name(i)), -1);
    }
    for (int i = 0; i < METRICS; i++) {
        struct metric_info info = metric_info(i);
        assert_int_equal(metric_find(info.name), i);
        assert_true(info.heading.n > 0 && info.text.n > 0);
    }
    assert_int_equal(metric_find(STR("cost")), METRIC_OF_MONEY(MONEY_COST));
    assert_int_equal(metric_find(STR("latency_ms")), METRIC_LATENCY);
}

static void every_stored_question_can_be_asked(void **state)
{
    (void)state;
    static const char *const names[] = {
        "overview", "people", "teams",  "models", "regions",  "profiles", "errors",    "unpriced",
        "tools",    "mcp",    "skills", "agents", "sessions", "context",  "harnesses", "runaway"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct question q;
        struct err err = {0};
        question_init(&q);
        assert_true(question_is_name(str_from(names[i])));
        assert_int_equal(question_named(&q, str_from(names[i]), &err), OK);
        assert_int_equal(question_finish(&q, now(), &err), OK);
        assert_true(str_eq(q.name, str_from(names[i])));
        assert_true(q.title.n > 0 && q.dims_n > 0 && q.metrics_n > 0);
        question_fini(&q);
    }
    struct question q;
    struct err err = {0};
    question_init(&q);
    assert_int_equal(question_named(&q, STR("poeple"), &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "people"));
    question_fini(&q);
}

static void words_after_a_stored_question_change_it(void **state)
{
    (void)state;
    struct question q;
    question_init(&q);
    assert_int_equal(question_named(&q, STR("errors"), NULL), OK);
    assert_int_equal(say(&q, "by=team,user;where=region=us-*;limit=5", NULL), OK);
    assert_int_equal(q.filters_n, 2);
    assert_int_equal(q.dims[0], DIM_TEAM);
    assert_int_equal(q.limit, 5);
    assert_true(str_eq(q.title, STR("Failed invocations by team and user")));
    question_fini(&q);
}

static void lists_filters_and_spaces_are_read(void **state)
{
    (void)state;
    struct question q;
    must(&q, "by= user , model ;metrics=cost,users;where=team = search*,build ;where=user!=ci-*;"
             "where=team=");
    assert_int_equal(q.dims_n, 2);
    assert_int_equal(q.metrics[1], METRIC_USERS);
    assert_int_equal(q.filters_n, 3);
    assert_int_equal(q.filters[0].dim, DIM_TEAM);
    assert_true(str_eq(q.filters[0].values, STR("search*,build")));
    assert_int_equal(q.filters[1].op, FILTER_IS_NOT);
    assert_int_equal(q.filters[2].values.n, 0);
    question_fini(&q);
}

static void a_wrong_word_is_answered_with_the_nearest(void **state)
{
    (void)state;
    must_fail("by=usr", "did you mean user?");
    must_fail("metrics=cots", "did you mean cost?");
    must_fail("metrics=cache_wr", "did you mean cache_write");
    must_fail("metrix=cost", "did you mean metrics?");
    must_fail("by=zzzzzzzzzzzz", "for example");
    must_fail("where=tean=x", "did you mean team?");
    must_fail("where=team", "dimension=value");
    must_fail("where=time=2026", "since and until");
    must_fail("by=user,user", "twice");
    must_fail("metrics=", "at least one");
    must_fail("bucket=fortnight", "hour, day, week");
    must_fail("limit=-1", "number of rows");
    must_fail("order=cost:up", "asc");
    must_fail("order=user", "not one of the dimensions");
    must_fail("by=\x1b[2J", "'?[2J'");
    must_fail("by=user,team,model,region,account,tier,scope,geo;bucket=day", "at most 8");
    must_fail("since=2026-05;until=2026-04", "the period is empty");
}

static void a_failed_word_leaves_the_question_as_it_was(void **state)
{
    (void)state;
    struct question q;
    question_init(&q);
    assert_int_equal(question_set(&q, STR("by"), STR("model"), NULL), OK);
    assert_int_equal(question_set(&q, STR("by"), STR("user,nonsense"), NULL), ERR_USAGE);
    assert_int_equal(question_set(&q, STR("where"), STR("nonsense=1"), NULL), ERR_USAGE);
    assert_int_equal(q.dims_n, 1);
    assert_int_equal(q.dims[0], DIM_MODEL);
    assert_int_equal(q.filters_n, 0);
    question_fini(&q);
}

static void the_bucket_follows_from_the_question_alone(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        enum bucket bucket;
    } cases[] = {
        {"by=time", BUCKET_DAY},
        {"by=time;since=2026-04-14;until=2026-04-15", BUCKET_HOUR},
        {"by=time;since=2026-04-01;until=2026-04-30", BUCKET_DAY},
        {"by=time;since=2026-01;until=2026-06", BUCKET_MONTH},
        {"by=time;since=24h", BUCKET_HOUR},
        {"by=time;since=1y", BUCKET_MONTH},
        {"by=time;since=2026-04-15", BUCKET_DAY}, /* would change tomorrow if "now" counted */
        {"by=time;until=2026-04-15", BUCKET_DAY},
        {"by=time;bucket=week;since=24h", BUCKET_WEEK},
        {"by=user;since=24h", BUCKET_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct question q;
        must(&q, cases[i].words);
        if (q.bucket != cases[i].bucket)
            fail_msg("%s: bucket %d", cases[i].words, q.bucket);
        question_fini(&q);
    }
}

static void a_bucket_alone_puts_time_first(void **state)
{
    (void)state;
    struct question q;
    must(&q, "by=user,model;bucket=month");
    assert_int_equal(q.dims_n, 3);
    assert_int_equal(q.dims[0], DIM_TIME);
    assert_int_equal(q.dims[2], DIM_MODEL);
    assert_int_equal(q.order_metric, -1);
    assert_true(q.ascending);
    assert_true(str_eq(q.title, STR("Spend over time by user and model")));
    question_fini(&q);
}

static void the_order_is_by_money_unless_said_otherwise(void **state)
{
    (void)state;
    struct question q;
    must(&q, "by=user");
    assert_int_equal(q.order_metric, METRIC_OF_MONEY(MONEY_COST));
    assert_false(q.ascending);
    question_fini(&q);
    must(&q, "by=user;metrics=invocations,cost_input,users");
    assert_int_equal(q.order_metric, METRIC_OF_MONEY(MONEY_INPUT));
    question_fini(&q);
    must(&q, "by=user;metrics=errors,users");
    assert_int_equal(q.order_metric, METRIC_OF_COUNT(COUNT_ERRORS));
    question_fini(&q);
    must(&q, "by=user,model;order=model:desc");
    assert_int_equal(q.order_metric, -1);
    assert_int_equal(q.order_dim, 1);
    assert_false(q.ascending);
    question_fini(&q);
    must(&q, "by=user;order=users:asc");
    assert_int_equal(q.order_metric, METRIC_USERS);
    assert_true(q.ascending);
    question_fini(&q);
}

static void derived_metrics_are_integers_and_know_when_they_do_not_exist(void **state)
{
    (void)state;
    struct sums s = {0};
    assert_false(metric_value(METRIC_CACHE_HIT_RATE, &s, 0).known);
    assert_false(metric_value(METRIC_LATENCY, &s, 0).known);
    assert_true(metric_value(METRIC_OF_MONEY(MONEY_COST), &s, 0).known);
    s.count[COUNT_INVOCATIONS] = 3;
    s.count[COUNT_INPUT] = 100;
    s.count[COUNT_OUTPUT] = 50;
    s.count[COUNT_CACHE_READ] = 873;
    s.count[COUNT_CACHE_WRITE_1H] = 27;
    s.count[COUNT_LATENCY_MS] = 5;
    s.count[COUNT_LATENCY_N] = 2;
    s.money[MONEY_COST] = 10;
    assert_int_equal(metric_value(METRIC_TOKENS, &s, 0).n, 1050);
    assert_int_equal(metric_value(METRIC_CACHE_WRITE, &s, 0).n, 27);
    assert_int_equal(metric_value(METRIC_CACHE_HIT_RATE, &s, 0).n, 8730);
    assert_int_equal(metric_value(METRIC_LATENCY, &s, 0).n, 3);
    assert_int_equal(metric_value(METRIC_USERS, &s, 7).n, 7);
    assert_int_equal((int64_t)metric_value(METRIC_COST_PER_CALL, &s, 0).money, 3);
    for (int i = COUNT_INPUT; i <= COUNT_CACHE_WRITE_UNKNOWN; i++)
        s.count[i] = INT64_MAX;
    assert_true(metric_value(METRIC_TOKENS, &s, 0).n == INT64_MAX);
}

static void money_that_is_not_known_is_not_zero(void **state)
{
    (void)state;
    const int cost = METRIC_OF_MONEY(MONEY_COST);
    struct sums s = {0};
    s.count[COUNT_INVOCATIONS] = 2;
    s.count[COUNT_UNPRICED] = 1;
    assert_false(metric_value(cost, &s, 0).known);
    assert_false(metric_value(METRIC_COST_PER_MTOK, &s, 0).known);
    s.money[MONEY_COST] = s.money[MONEY_HIGH] = s.money[MONEY_INPUT] = 5;
    assert_true(metric_value(cost, &s, 0).known);
    assert_true(metric_incomplete(&s));
    /* Output has tokens, no money, and something has no rate: that may be the output. */
    s.count[COUNT_UNPRICED_TOKENS] = s.count[COUNT_OUTPUT] = 9;
    assert_false(metric_value(METRIC_OF_MONEY(MONEY_OUTPUT), &s, 0).known);
    assert_true(metric_value(METRIC_OF_MONEY(MONEY_INPUT), &s, 0).known);
    assert_true(metric_value(METRIC_OF_MONEY(MONEY_CACHE_READ), &s, 0).known);
    struct sums unknown = {0};
    unknown.count[COUNT_UNKNOWN_USAGE] = 1;
    assert_false(metric_value(cost, &unknown, 0).known);
    /* An error without counters costs nothing, and that is known. */
    struct sums failed = {0};
    failed.count[COUNT_INVOCATIONS] = failed.count[COUNT_ERRORS] = 1;
    assert_true(metric_value(cost, &failed, 0).known);
    /* Between nothing and something is an amount. */
    struct sums bounded = {0};
    bounded.count[COUNT_UNPRICED] = 1;
    bounded.money[MONEY_HIGH] = 1;
    assert_true(metric_value(cost, &bounded, 0).known);
}

/* Keys of tags are as AWS has them: by case, with colons, without what no tag can have. */
static void tags_are_dimensions_by_their_key(void **state)
{
    (void)state;
    struct question q;
    char room[DIMENSION_NAME], longest[140] = "tag:";
    question_init(&q);
    memset(longest + 4, 'k', 128);
    assert_int_equal(question_set(&q, STR("by"), STR("user, tag:Owner-Team,tag:a:b,time"), NULL),
                     OK);
    assert_int_equal(question_set(&q, STR("where"), STR("tag:team!=x=y,z"), NULL), OK);
    assert_int_equal(question_set(&q, STR("order"), STR("tag:a:b:desc"), NULL), OK);
    assert_int_equal(question_finish(&q, 0, NULL), OK);
    assert_int_equal(q.dims[1], DIM_TAG);
    assert_true(str_eq(q.tags[1], STR("Owner-Team")));
    assert_true(str_eq(question_dimension(&q, 2, room), STR("tag:a:b")));
    assert_true(str_eq(question_dimension(&q, 0, room), STR("user")));
    assert_int_equal(q.order_dim, 2);
    assert_false(q.ascending);
    assert_true(str_eq(q.filters[0].tag, STR("team")));
    assert_int_equal(q.filters[0].op, FILTER_IS_NOT);
    assert_true(str_eq(q.filters[0].values, STR("x=y,z")));
    assert_true(str_eq(filter_dimension(&q.filters[0], room), STR("tag:team")));
    assert_int_equal(question_set(&q, STR("by"), str_from(longest), NULL), OK);
    longest[132] = 'k';
    static const char *const wrong[] = {"tag", "tag:", "tag:a\tb", "tag:a,tag:a"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(question_set(&q, STR("by"), str_from(wrong[i]), NULL), ERR_USAGE);
    assert_int_equal(question_set(&q, STR("by"), str_from(longest), NULL), ERR_USAGE);
    question_fini(&q);
}

/* A bucket moves the dimensions, and the keys with them. */
static void a_bucket_moves_keys_of_tags_too(void **state)
{
    (void)state;
    struct question q;
    char room[DIMENSION_NAME];
    question_init(&q);
    assert_int_equal(question_set(&q, STR("by"), STR("tag:team"), NULL), OK);
    assert_int_equal(question_set(&q, STR("bucket"), STR("day"), NULL), OK);
    assert_int_equal(question_finish(&q, 0, NULL), OK);
    assert_int_equal(q.dims_n, 2);
    assert_true(str_eq(question_dimension(&q, 0, room), STR("time")));
    assert_true(str_eq(question_dimension(&q, 1, room), STR("tag:team")));
    assert_true(str_eq(q.title, STR("Spend over time by tag:team")));
    question_fini(&q);
}

int main(void)
{
    assert_int_equal(zone_set("UTC", NULL), OK);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dimension_and_metric_has_a_name_of_its_own),
        cmocka_unit_test(every_stored_question_can_be_asked),
        cmocka_unit_test(words_after_a_stored_question_change_it),
        cmocka_unit_test(lists_filters_and_spaces_are_read),
        cmocka_unit_test(a_wrong_word_is_answered_with_the_nearest),
        cmocka_unit_test(a_failed_word_leaves_the_question_as_it_was),
        cmocka_unit_test(the_bucket_follows_from_the_question_alone),
        cmocka_unit_test(a_bucket_alone_puts_time_first),
        cmocka_unit_test(the_order_is_by_money_unless_said_otherwise),
        cmocka_unit_test(derived_metrics_are_integers_and_know_when_they_do_not_exist),
        cmocka_unit_test(money_that_is_not_known_is_not_zero),
        cmocka_unit_test(tags_are_dimensions_by_their_key),
        cmocka_unit_test(a_bucket_moves_keys_of_tags_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
