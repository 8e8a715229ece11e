/* store/rollup.c, read.c: rollups are the sums of facts, and any period is answered exactly. */
#include "store_fixture.h"

#include "base/zone.h"

/* Some of the batch are copies or rivals of earlier records: same key, other counts or time. */
static size_t random_batch(struct fixture *f, struct invocation *v, size_t max, int days)
{
    size_t n = 1 + fixture_random(f) % max;
    for (size_t i = 0; i < n; i++) {
        v[i] = fixture_invocation(f, days);
        size_t older = f->kept_n + i;
        if (older == 0 || fixture_random(f) % 4)
            continue;
        size_t pick = fixture_random(f) % older;
        struct invocation was = pick < f->kept_n ? f->kept[pick] : v[pick - f->kept_n];
        uint64_t how = fixture_random(f) % 3;
        if (how == 0)
            v[i].key = was.key;
        else
            v[i] = was;
        if (how == 1)
            v[i].tokens[TOKENS_OUTPUT] += (int64_t)(fixture_random(f) % 3) - 1;
    }
    return n;
}

static void rollups_equal_facts_after_any_batches(void **state)
{
    (void)state;
    struct invocation *v = calloc(500, sizeof *v);
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct fixture f;
        fixture_open(&f, seed);
        for (int batch = 0; batch < 8; batch++) {
            size_t n = random_batch(&f, v, 500, seed % 2 ? 3 : 200);
            fixture_put(&f, v, n);
            if (fixture_random(&f) % 4 == 0)
                fixture_reopen(&f);
            fixture_agrees(&f);
        }
        fixture_close(&f);
    }
    free(v);
}

static void order_and_split_of_the_input_do_not_matter(void **state)
{
    (void)state;
    enum { N = 600 };
    struct fixture a, b;
    fixture_open(&a, 5);
    fixture_open(&b, 5);
    struct invocation *v = calloc(N, sizeof *v);
    for (size_t n = 0; n < N;)
        n += random_batch(&a, v + n, N - n, 20);
    fixture_put(&a, v, N);
    for (size_t i = N; i > 1; i--) {
        size_t j = fixture_random(&b) % i;
        struct invocation t = v[i - 1];
        v[i - 1] = v[j];
        v[j] = t;
    }
    for (size_t i = 0; i < N;) {
        size_t n = 1 + fixture_random(&b) % 100;
        n = n < N - i ? n : N - i;
        fixture_put(&b, v + i, n);
        i += n;
    }
    assert_int_equal(a.kept_n, b.kept_n);
    fixture_agrees(&a);
    fixture_agrees(&b);
    fixture_same_answer(&a, b.store, &everything);
    free(v);
    fixture_close(&a);
    fixture_close(&b);
}

static int64_t random_instant(struct fixture *f, int days)
{
    uint64_t span = (uint64_t)((days + 4) * US_PER_DAY);
    int64_t t = FIXTURE_START - 2 * US_PER_DAY + (int64_t)(fixture_random(f) % span);
    static const int64_t grain[] = {1, US_PER_SECOND, US_PER_HOUR / 2, US_PER_HOUR, US_PER_DAY};
    return t - t % grain[fixture_random(f) % 5];
}

static void any_period_bucket_and_zone_is_answered_exactly(void **state)
{
    (void)state;
    static const char *const zones[] = {"UTC", "Europe/Berlin", "Asia/Kolkata",
                                        "Australia/Lord_Howe"};
    static const char *const dims[] = {"user,model", "model", "account,reason", "time"};
    static const char *const wheres[] = {NULL, NULL, "model=*claude-1", "reason!="};
    enum { DAYS = 150, N = 4000 };
    struct fixture f;
    fixture_open(&f, 77);
    struct invocation *v = calloc(N, sizeof *v);
    for (int i = 0; i < N; i++)
        v[i] = fixture_invocation(&f, i % 2 ? DAYS : 4);
    fixture_put(&f, v, N);
    for (int i = 0; i < 600; i++) {
        GOOD(zone_set(zones[fixture_random(&f) % 4], &failure));
        int64_t x = random_instant(&f, DAYS), y = random_instant(&f, DAYS);
        struct asked a = {dims[fixture_random(&f) % 4],
                          fixture_random(&f) % 2 ? "invocations,users,cost" : "input",
                          wheres[fixture_random(&f) % 4],
                          (enum bucket)(fixture_random(&f) % (BUCKET_YEAR + 1)),
                          x < y ? x : y,
                          x < y ? y : x + 1};
        if (fixture_random(&f) % 8 == 0)
            a.since_us = INT64_MIN;
        if (fixture_random(&f) % 8 == 0)
            a.until_us = INT64_MAX;
        fixture_same_answer(&f, f.store, &a);
    }
    GOOD(zone_set("UTC", &failure));
    free(v);
    fixture_close(&f);
}

static void far_apart_times_do_not_take_long(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 3);
    struct invocation v[3];
    for (int i = 0; i < 3; i++)
        v[i] = fixture_invocation(&f, 1);
    v[0].time_us = 0;
    v[2].time_us = INT64_C(253402300800) * US_PER_SECOND - 1; /* the last of the year 9999 */
    fixture_put(&f, v, 3);
    struct asked a = {"time", NULL, NULL, BUCKET_HOUR, INT64_MIN, INT64_MAX};
    fixture_same_answer(&f, f.store, &a);
    a.by = "model";
    a.bucket = BUCKET_DAY;
    fixture_same_answer(&f, f.store, &a);
    fixture_agrees(&f);
    fixture_close(&f);
}

static void many_in_one_batch_flush_in_between(void **state)
{
    (void)state;
    /* More than a batch of the store settles at once, more cells than its cube holds. */
    enum { N = 80000, COPIES = 3000 };
    struct fixture f;
    fixture_open(&f, 9);
    struct invocation *v = calloc(N, sizeof *v);
    for (int i = 0; i < N; i++)
        v[i] = fixture_invocation(&f, 365);
    for (int i = 0; i < COPIES; i++) /* all distinct otherwise, so the oracle is a count */
        v[N - 1 - i] = v[i * 7];
    GOOD(store_begin(f.store, &failure));
    for (int i = 0; i < N; i += 1000)
        GOOD(store_put(f.store, f.series, v + i, 1000, &failure));
    GOOD(store_commit(f.store, &failure));
    struct about about;
    GOOD(store_about(f.store, &about, &failure));
    assert_int_equal(about.invocations, N - COPIES);
    GOOD(store_check(f.store, &failure));
    free(v);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rollups_equal_facts_after_any_batches),
        cmocka_unit_test(order_and_split_of_the_input_do_not_matter),
        cmocka_unit_test(any_period_bucket_and_zone_is_answered_exactly),
        cmocka_unit_test(far_apart_times_do_not_take_long),
        cmocka_unit_test(many_in_one_batch_flush_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
