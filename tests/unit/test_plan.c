/* query/plan, labels: which group a series belongs to. */
#include "query/plan.h"
#include "world.h"

#include <pthread.h>
#include <stdio.h>

static void expect_dimension(struct world *w, const char *dim, const struct fact *f,
                             const char *expected)
{
    world_set(w, "by", dim);
    world_plan(w);
    struct invocation v = world_invocation(w, f);
    uint32_t group;
    assert_int_equal(plan_group(w->view, v.series, &group), OK);
    assert_int_not_equal(group, GROUP_NONE);
    assert_text(plan_group_text(w->plan, group, 0), expected);
}

static void one_dimension(const char *dim, const struct fact *f, const char *expected)
{
    struct world w;
    world_open(&w);
    expect_dimension(&w, dim, f, expected);
    world_close(&w);
}

static void a_user_is_a_person_or_else_whatever_is_known(void **state)
{
    (void)state;
    one_dimension("user", &(struct fact){.arn = SSO("Ann.Lee@Example.com")}, "ann.lee@example.com");
    one_dimension("user", &(struct fact){.arn = "arn:aws:iam::111122223333:user/Bob"}, "Bob");
    one_dimension("user",
                  &(struct fact){.arn = "arn:aws:sts::111122223333:assumed-role/Batch/i-0abc"},
                  "Batch/i-0abc");
    one_dimension("user", &(struct fact){.arn = "arn:aws:iam::111122223333:root"},
                  "arn:aws:iam::111122223333:root");
    one_dimension("user", &(struct fact){.arn = "nonsense"}, "nonsense");
    one_dimension("user", &(struct fact){0}, "unknown");
}

static void the_directory_has_the_first_word_on_a_user(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    struct err err = {0};
    if (directory_load(STR("match,person,team,cost_centre\n"
                           "*/ci-*,CI@Example.com,Build,42\n"),
                       "directory.csv", &w.directory, &err) != OK)
        fail_msg("%s", err.text);
    expect_dimension(&w, "user,team,cost_centre",
                     &(struct fact){.arn = "arn:aws:sts::111122223333:assumed-role/Ci/ci-7"},
                     "ci@example.com");
    assert_text(plan_group_text(w.plan, 0, 1), "Build");
    assert_text(plan_group_text(w.plan, 0, 2), "42");
    world_close(&w);
}

static void labels_become_dimensions(void **state)
{
    (void)state;
    const char *profile =
        "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc";
    one_dimension("model", &(struct fact){.model = OPUS, .model_id = "us." OPUS}, OPUS);
    one_dimension("model", &(struct fact){.model_id = profile}, profile);
    one_dimension("profile", &(struct fact){.model = OPUS, .model_id = profile}, profile);
    one_dimension("profile", &(struct fact){.model = OPUS, .model_id = "us." OPUS}, "");
    one_dimension("provider", &(struct fact){.model = OPUS}, "anthropic");
    one_dimension("family", &(struct fact){.model = OPUS}, "claude-opus");
    one_dimension("status", &(struct fact){.error = "ThrottlingException"}, "error");
    one_dimension("status", &(struct fact){.model = OPUS}, "ok");
    one_dimension("principal_kind", &(struct fact){.arn = SSO("a@b.example")}, "sso");
    one_dimension("principal_account", &(struct fact){.arn = SSO("a@b.example")}, "111122223333");
}

static bool passes(const char *filter, const struct fact *f)
{
    struct world w;
    world_open(&w);
    world_set(&w, "by", "user");
    for (struct str rest = str_from(filter); rest.p;) {
        struct str one = str_cut(&rest, ';');
        assert_int_equal(question_set(&w.q, STR("where"), one, NULL), OK);
    }
    world_plan(&w);
    struct invocation v = world_invocation(&w, f);
    uint32_t group;
    assert_int_equal(plan_group(w.view, v.series, &group), OK);
    world_close(&w);
    return group != GROUP_NONE;
}

static void filters_are_globs_without_case_and_all_must_hold(void **state)
{
    (void)state;
    const struct fact f = {.arn = SSO("ann@example.com"), .model = OPUS, .region = "eu-west-1"};
    assert_true(passes("user=ANN@*", &f));
    assert_true(passes("user=bob*,*@example.com", &f));
    assert_false(passes("user=bob*", &f));
    assert_true(passes("region!=us-*", &f));
    assert_false(passes("region!=us-*,eu-*", &f));
    assert_true(passes("model=*opus*;region=eu-*", &f));
    assert_false(passes("model=*opus*;region=us-*", &f));
    assert_true(passes("team=", &f));
    assert_false(passes("team!=", &f));
    assert_true(passes("error=", &f));
}

static void only_the_period_is_added_up_to_its_end_exclusive(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_set(&w, "since", "2026-04-14");
    world_set(&w, "until", "2026-04-14");
    world_plan(&w);
    world_add(&w, &(struct fact){.time = "2026-04-13T23:59:59.999999Z"});
    world_add(&w, &(struct fact){.time = "2026-04-14T00:00:00Z"});
    world_add(&w, &(struct fact){.time = "2026-04-14T23:59:59.999999Z"});
    world_add(&w, &(struct fact){.time = "2026-04-15T00:00:00Z"});
    assert_int_equal(world_answer(&w)->total.sums.count[COUNT_INVOCATIONS], 2);
    world_close(&w);
}

static void a_bucket_is_the_same_in_any_order_of_times(void **state)
{
    (void)state;
    static const char *const zones[] = {"UTC", "Europe/Berlin", "Asia/Kathmandu",
                                        "Australia/Lord_Howe"};
    for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++)
        for (int bucket = BUCKET_HOUR; bucket <= BUCKET_YEAR; bucket++) {
            struct world w;
            world_open(&w);
            if (zone_set(zones[z], NULL) != OK) {
                world_close(&w);
                continue;
            }
            world_set(&w, "by", "time");
            w.q.bucket = bucket;
            world_plan(&w);
            int64_t start = instant("2026-03-28T00:00:00Z");
            for (int64_t step = 7; step < 20000; step = step * 3 + 1)
                for (int64_t i = 0; i < 400; i++) {
                    int64_t t = start + i * step % 27000 * 60 * US_PER_SECOND + step;
                    assert_int_equal(plan_bucket(w.view, t), zone_floor(bucket, t));
                }
            assert_int_equal(zone_set("UTC", NULL), OK);
            world_close(&w);
        }
}

struct worker {
    struct plan *plan;
    const uint32_t *series;
    size_t n, from;
    uint32_t *groups;
};

static void *group_all(void *context)
{
    struct worker *k = context;
    struct plan_view *view;
    if (plan_view_new(k->plan, &view, NULL) != OK)
        return "memory";
    void *failed = NULL;
    for (size_t i = 0; i < k->n; i++) {
        size_t at = (i * 7 + k->from) % k->n;
        if (plan_group(view, k->series[at], &k->groups[at]) != OK)
            failed = "group";
    }
    plan_view_free(view);
    return failed;
}

static void threads_agree_on_the_groups(void **state)
{
    (void)state;
    enum { N = 3000 };
    static uint32_t series[N], a[N], b[N];
    struct world w;
    world_open(&w);
    world_set(&w, "by", "user,model");
    world_plan(&w);
    for (size_t i = 0; i < N; i++) {
        char arn[128];
        snprintf(arn, sizeof arn, SSO("u%zu@example.com"), i % 500);
        series[i] =
            world_invocation(&w, &(struct fact){.arn = arn,
                                                .model = i % 2 ? OPUS : HAIKU,
                                                .region = i % 3 ? "us-east-1" : "eu-west-1"})
                .series;
    }
    struct worker one = {w.plan, series, N, 0, a}, two = {w.plan, series, N, N / 2, b};
    pthread_t t1, t2;
    assert_int_equal(pthread_create(&t1, NULL, group_all, &one), 0);
    assert_int_equal(pthread_create(&t2, NULL, group_all, &two), 0);
    void *r1, *r2;
    pthread_join(t1, &r1);
    pthread_join(t2, &r2);
    assert_null(r1);
    assert_null(r2);
    assert_memory_equal(a, b, sizeof a);
    for (size_t i = 0; i < N; i++)
        assert_true(a[i] < 1000);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_is_a_person_or_else_whatever_is_known),
        cmocka_unit_test(the_directory_has_the_first_word_on_a_user),
        cmocka_unit_test(labels_become_dimensions),
        cmocka_unit_test(filters_are_globs_without_case_and_all_must_hold),
        cmocka_unit_test(only_the_period_is_added_up_to_its_end_exclusive),
        cmocka_unit_test(a_bucket_is_the_same_in_any_order_of_times),
        cmocka_unit_test(threads_agree_on_the_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
