/* net/retry.h: how long is waited between attempts, and for what. */
#include "base/clock.h"
#include "net/retry.h"
#include "unit.h"

#include <pthread.h>
#include <unistd.h>

enum { SEEDS = 2000, MANY = 12 };

static void waits_stay_below_a_bound_that_doubles_up_to_the_cap(void **state)
{
    (void)state;
    static const int64_t bounds[MANY] = {100,  200,   400,   800,   1600,  3200,
                                         6400, 12800, 20000, 20000, 20000, 20000};
    int64_t most[MANY] = {0}, least[MANY], sum[MANY] = {0};
    for (int i = 0; i < MANY; i++)
        least[i] = INT64_MAX;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct retry r;
        retry_init(&r, MANY + 1, seed);
        for (int i = 0; i < MANY; i++) {
            int64_t ms = retry_next(&r, RETRY_BASE_MS, -1);
            assert_in_range(ms, 0, bounds[i]);
            most[i] = ms > most[i] ? ms : most[i];
            least[i] = ms < least[i] ? ms : least[i];
            sum[i] += ms;
        }
        assert_int_equal(retry_next(&r, RETRY_BASE_MS, -1), -1);
    }
    /* Full jitter: evenly from nothing to the bound. */
    for (int i = 0; i < MANY; i++) {
        assert_true(least[i] * 50 <= bounds[i]);
        assert_true(most[i] * 50 >= bounds[i] * 49);
        assert_in_range(sum[i] / SEEDS, bounds[i] * 47 / 100, bounds[i] * 53 / 100);
    }
}

static void the_same_seed_waits_the_same_and_another_one_differs(void **state)
{
    (void)state;
    struct retry a, b, c;
    int64_t differ = 0;
    retry_init(&a, 10, 42);
    retry_init(&b, 10, 42);
    retry_init(&c, 10, 43);
    for (int i = 0; i < 9; i++) {
        int64_t ms = retry_next(&a, RETRY_BASE_MS, -1);
        assert_int_equal(retry_next(&b, RETRY_BASE_MS, -1), ms);
        differ += retry_next(&c, RETRY_BASE_MS, -1) != ms;
    }
    assert_true(differ > 5);
}

static void attempts_are_counted_with_the_first(void **state)
{
    (void)state;
    struct retry r;
    for (int most = -1; most <= 1; most++) {
        retry_init(&r, most, 1);
        assert_int_equal(retry_next(&r, RETRY_BASE_MS, -1), -1);
        assert_int_equal(retry_next(&r, RETRY_BASE_MS, 5000), -1);
    }
    retry_init(&r, 3, 1);
    assert_true(retry_next(&r, RETRY_BASE_MS, -1) >= 0);
    assert_true(retry_next(&r, RETRY_BASE_MS, -1) >= 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(retry_next(&r, RETRY_BASE_MS, -1), -1);
}

static void what_the_server_asks_for_is_obeyed_up_to_a_minute(void **state)
{
    (void)state;
    static const struct {
        int64_t asked_ms, wait_ms;
    } cases[] = {{1000, 1000}, {7001, 7001}, {60000, 60000}, {60001, 60000}, {INT64_MAX, 60000}};
    struct retry r;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        retry_init(&r, 2, i);
        assert_int_equal(retry_next(&r, RETRY_BASE_MS, cases[i].asked_ms), cases[i].wait_ms);
    }
    /* Who is told that there was too much waits longer from the start. */
    int64_t longest = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        retry_init(&r, 2, seed);
        int64_t ms = retry_next(&r, RETRY_THROTTLED_MS, -1);
        assert_in_range(ms, 0, 1000);
        longest = ms > longest ? ms : longest;
    }
    assert_true(longest > 900);
    /* 0 s is no reason to come back at once. */
    int64_t sum = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        retry_init(&r, 2, seed);
        sum += retry_next(&r, RETRY_BASE_MS, 0);
    }
    assert_in_range(sum / 100, 30, 70);
}

static void a_header_asks_in_seconds_or_not_at_all(void **state)
{
    (void)state;
    assert_int_equal(retry_after_of(STR("59")), 59000);
    assert_int_equal(retry_after_of(STR(" 0 ")), 0);
    assert_int_equal(retry_after_of(STR("")), -1);
    assert_int_equal(retry_after_of(STR("-1")), -1);
    assert_int_equal(retry_after_of(STR("1.5")), -1);
    assert_int_equal(retry_after_of(STR("Wed, 21 Oct 2026 07:28:00 GMT")), -1);
    assert_int_equal(retry_after_of(STR("99999999999999999999")), -1);
    assert_int_equal(retry_after_of(STR("61")), RETRY_AFTER_MAX_MS);
    assert_int_equal(retry_after_of(STR("9223372036854775807")), RETRY_AFTER_MAX_MS);
}

static void only_passing_troubles_are_worth_another_attempt(void **state)
{
    (void)state;
    for (int status = 0; status < 600; status++) {
        bool worth = status == 0 || status == 408 || status == 429 || status == 500 ||
                     status == 502 || status == 503 || status == 504;
        assert_int_equal(retry_worth(status), worth);
    }
}

static _Atomic bool cancelled;

static void *cancel_soon(void *unused)
{
    usleep(20000);
    cancelled = true;
    return unused;
}

static void a_wait_lasts_and_is_cancelled(void **state)
{
    (void)state;
    int64_t start_us = clock_monotonic_us();
    retry_wait(120, NULL);
    assert_true(clock_monotonic_us() - start_us >= 120000);
    start_us = clock_monotonic_us();
    retry_wait(0, NULL);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
    retry_wait(60000, &cancelled);
    retry_wait(60000, &cancelled);
    pthread_join(thread, NULL);
    assert_true(clock_monotonic_us() - start_us < 20 * US_PER_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_stay_below_a_bound_that_doubles_up_to_the_cap),
        cmocka_unit_test(the_same_seed_waits_the_same_and_another_one_differs),
        cmocka_unit_test(attempts_are_counted_with_the_first),
        cmocka_unit_test(what_the_server_asks_for_is_obeyed_up_to_a_minute),
        cmocka_unit_test(a_header_asks_in_seconds_or_not_at_all),
        cmocka_unit_test(only_passing_troubles_are_worth_another_attempt),
        cmocka_unit_test(a_wait_lasts_and_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
