/* store/retain.c, backup.c: what goes, what stays, and that nothing counts twice for it. */
#include "store_fixture.h"

#include "base/zone.h"
#include "store/upkeep.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const struct asked by_day = {
    "time,account,user,model", "invocations,users,cost", NULL, BUCKET_DAY, INT64_MIN, INT64_MAX};
static const struct asked days_alone = {
    "time", "invocations,users,cost", NULL, BUCKET_DAY, INT64_MIN, INT64_MAX};

static int64_t hour_of(int64_t time_us)
{
    return time_us - time_us % US_PER_HOUR;
}

static void same_sums_as_ever(struct fixture *f)
{
    fixture_agrees(f);
    fixture_same_answer(f, f->store, &by_day);
    fixture_same_answer(f, f->store, &days_alone);
}

static struct about about_of(struct fixture *f)
{
    struct about about;
    GOOD(store_about(f->store, &about, &failure));
    return about;
}

/* All pieces; after each, everything must agree when it shall be `watched`. */
static struct store_retained retain(struct fixture *f, int64_t calls_us, int64_t sums_us, int rows,
                                    bool watched)
{
    const struct store_retention r = {calls_us, sums_us, rows};
    struct store_retained all = {0}, done = {.more = true};
    for (int i = 0; done.more; i++) {
        assert_true(i < 100000);
        GOOD(store_retain(f->store, &r, &done, &failure));
        all.calls += done.calls;
        all.sums_of += done.sums_of;
        all.keys += done.keys;
        all.pages += done.pages;
        if (watched)
            same_sums_as_ever(f);
    }
    return all;
}

static size_t before(const struct fixture *f, int64_t time_us)
{
    size_t n = 0;
    for (size_t i = 0; i < f->kept_n; i++)
        n += f->kept[i].time_us < time_us;
    return n;
}

static void sums_by_day_are_the_same_before_and_after(void **state)
{
    (void)state;
    enum { N = 1200, DAYS = 12 };
    static struct invocation v[N];
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct fixture f;
        fixture_open(&f, seed);
        for (size_t i = 0; i < N; i++)
            v[i] = fixture_invocation(&f, DAYS);
        fixture_put(&f, v, N);
        int64_t since = FIXTURE_START;
        for (int round = 0; round < 4; round++) {
            since += (int64_t)(fixture_random(&f) % (uint64_t)(4 * US_PER_DAY));
            int64_t gone_before = about_of(&f).calls_since_us;
            struct store_retained done =
                retain(&f, since, 0, 1 + (int)(fixture_random(&f) % 40), round < 2);
            int64_t gone_until = about_of(&f).calls_since_us;
            if (done.calls > 0)
                assert_int_equal(gone_until, hour_of(since - US_PER_DAY));
            assert_int_equal(done.calls, before(&f, gone_until) - before(&f, gone_before));
            same_sums_as_ever(&f);
            if (fixture_random(&f) % 2)
                fixture_reopen(&f);
        }
        fixture_close(&f);
    }
}

/* Records come again, better ones and new ones, of any time; what is late changes nothing. */
static void what_comes_late_is_told_and_never_counted(void **state)
{
    (void)state;
    enum { N = 800, DAYS = 10 };
    static struct invocation v[N];
    for (uint64_t seed = 11; seed <= 14; seed++) {
        struct fixture f;
        fixture_open(&f, seed);
        for (size_t i = 0; i < N; i++)
            v[i] = fixture_invocation(&f, DAYS);
        fixture_put(&f, v, N);
        int64_t since = FIXTURE_START + 5 * US_PER_DAY + 1234567;
        retain(&f, since, 0, 0, false);
        int64_t counted_since = about_of(&f).calls_since_us + US_PER_DAY;
        assert_true(counted_since <= since);
        int64_t late = 0;
        for (size_t i = 0; i < N; i++) {
            if (i % 3 == 0)
                v[i].tokens[TOKENS_OUTPUT] += 7;
            if (i % 5 == 0)
                v[i] = fixture_invocation(&f, DAYS);
        }
        v[0].time_us = counted_since - 1;
        v[0].key.lo ^= 1;
        v[1].time_us = counted_since;
        v[1].key.lo ^= 1;
        GOOD(store_begin(f.store, &failure));
        GOOD(store_put(f.store, f.series, v, N, &failure));
        store_rollback(f.store);
        assert_int_equal(about_of(&f).late, 0);
        GOOD(store_begin(f.store, &failure));
        GOOD(store_put(f.store, f.series, v, N, &failure));
        GOOD(store_commit(f.store, &failure));
        for (size_t i = 0; i < N; i++) {
            if (v[i].time_us < counted_since)
                late++;
            else
                fixture_expect(&f, &v[i]);
        }
        assert_true(late > N / 3);
        assert_int_equal(about_of(&f).late, late);
        same_sums_as_ever(&f);
        fixture_reopen(&f);
        assert_int_equal(about_of(&f).late, late);
        fixture_close(&f);
    }
}

/* Two records of one call, of which the first is before the limit and the second behind it. */
static void a_record_that_is_a_little_younger_still_meets_the_first(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 21);
    int64_t since = FIXTURE_START + 3 * US_PER_DAY;
    struct invocation first = fixture_invocation(&f, 1), old = first, second;
    old.key.lo++;
    first.time_us = since - 5;
    memset(first.tokens, 0, sizeof first.tokens);
    memset(first.cost, 0, sizeof first.cost);
    second = first;
    second.time_us = since + US_PER_HOUR;
    second.tokens[TOKENS_OUTPUT] = 9;
    fixture_put(&f, &first, 1);
    fixture_put(&f, &old, 1);
    assert_int_equal(retain(&f, since, 0, 0, true).calls, 1);
    fixture_put(&f, &second, 1);
    assert_int_equal(f.kept_n, 2);
    same_sums_as_ever(&f);
    fixture_close(&f);
}

static void keys_that_share_64_bits_are_found_behind_those_that_went(void **state)
{
    (void)state;
    enum { N = 60 };
    struct fixture f;
    struct invocation v[N];
    fixture_open(&f, 22);
    for (int i = 0; i < N; i++) {
        v[i] = fixture_invocation(&f, 1);
        v[i].key.hi = i < 20 ? (uint64_t)INT64_MAX : i < 40 ? UINT64_MAX : (uint64_t)(i - 40) / 3;
        v[i].key.lo = (uint64_t)i;
        v[i].time_us = FIXTURE_START + (int64_t)(fixture_random(&f) % 2) * 5 * US_PER_DAY;
    }
    fixture_put(&f, v, 30);
    fixture_put(&f, v + 20, 40);
    retain(&f, FIXTURE_START + 4 * US_PER_DAY, 0, 1, true);
    struct invocation again[N];
    size_t n = 0;
    for (int i = 0; i < N; i++)
        if (v[i].time_us > FIXTURE_START) {
            again[n] = v[i];
            again[n++].tokens[TOKENS_OUTPUT] += i % 2;
        }
    fixture_put(&f, again, n);
    assert_int_equal(f.kept_n, N);
    same_sums_as_ever(&f);
    fixture_close(&f);
}

static void where_no_call_is_that_old_nothing_changes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 23);
    struct invocation v[2] = {fixture_invocation(&f, 1), fixture_invocation(&f, 1)};
    v[1].time_us = 86400 * US_PER_SECOND;
    fixture_put(&f, v, 1);
    struct store_retained done = retain(&f, FIXTURE_START, FIXTURE_START, 0, true);
    assert_int_equal(done.calls, 0);
    assert_int_equal(about_of(&f).calls_since_us, 0);
    fixture_put(&f, v + 1, 1);
    same_sums_as_ever(&f);
    /* "For ever", and limits of no sense. */
    retain(&f, 0, 0, 0, true);
    retain(&f, INT64_MIN, INT64_MIN, -5, true);
    retain(&f, INT64_MAX, INT64_MAX, INT32_MAX, true);
    assert_int_equal(about_of(&f).calls_since_us, 0);
    const struct store_retention r = {FIXTURE_START, 0, 0};
    GOOD(store_begin(f.store, &failure));
    assert_int_equal(store_retain(f.store, &r, &done, &failure), ERR_USAGE);
    store_rollback(f.store);
    fixture_close(&f);
}

/* Periods that begin or end within an hour of which no calls are left. */
static void edges_there_move_to_whole_hours_and_are_told(void **state)
{
    (void)state;
    enum { N = 1500 };
    static struct invocation v[N];
    struct fixture f;
    struct told t;
    fixture_open(&f, 24);
    for (int i = 0; i < N; i++)
        v[i] = fixture_invocation(&f, 6);
    v[0].time_us = FIXTURE_START + 13 * US_PER_HOUR / 2 + 5; /* alone in its hour's second half */
    fixture_put(&f, v, N);
    int64_t edge = FIXTURE_START + 30 * US_PER_HOUR + 17 * US_PER_SECOND;
    struct asked early = {"account", "invocations,cost", NULL, BUCKET_NONE, INT64_MIN, edge};
    struct asked later = {"account", "invocations,cost", NULL, BUCKET_NONE, edge, INT64_MAX};
    fixture_same_answer(&f, f.store, &early);
    assert_false(about_of(&f).edges_moved);
    retain(&f, FIXTURE_START + 5 * US_PER_DAY, 0, 0, false);
    int64_t sum = 0;
    fixture_ask(&f, f.store, &early, &t);
    assert_true(about_of(&f).edges_moved);
    sum += t.answer->total.sums.count[COUNT_INVOCATIONS];
    assert_int_equal(sum, before(&f, FIXTURE_START + 31 * US_PER_HOUR));
    fixture_forget(&t);
    fixture_ask(&f, f.store, &later, &t);
    sum += t.answer->total.sums.count[COUNT_INVOCATIONS];
    fixture_forget(&t);
    assert_int_equal(sum, N);
    /* Days of a zone that is half an hour off: of all series, and of each, where hours move. */
    GOOD(zone_set("Asia/Kolkata", &failure));
    fixture_same_answer(&f, f.store, &days_alone);
    assert_false(about_of(&f).edges_moved);
    fixture_ask(&f, f.store, &by_day, &t);
    assert_int_equal(t.answer->total.sums.count[COUNT_INVOCATIONS], N);
    assert_true(about_of(&f).edges_moved);
    fixture_forget(&t);
    GOOD(zone_set("UTC", &failure));
    fixture_same_answer(&f, f.store, &by_day);
    assert_false(about_of(&f).edges_moved);
    fixture_close(&f);
}

static void sums_go_too_when_they_are_not_for_ever(void **state)
{
    (void)state;
    enum { N = 3000, DAYS = 900 };
    static struct invocation v[N];
    for (uint64_t seed = 31; seed <= 33; seed++) {
        struct fixture f;
        fixture_open(&f, seed);
        for (int i = 0; i < N; i++)
            v[i] = fixture_invocation(&f, DAYS);
        fixture_put(&f, v, N);
        int64_t sums = FIXTURE_START + (int64_t)(fixture_random(&f) % 600) * US_PER_DAY + 99;
        int64_t calls = sums + (int64_t)(fixture_random(&f) % 200) * US_PER_DAY;
        struct store_retained done = retain(&f, calls, sums, 1000, false);
        struct about about = about_of(&f);
        assert_int_equal(about.sums_since_us, hour_of(sums) < about.calls_since_us
                                                  ? hour_of(sums)
                                                  : about.calls_since_us);
        size_t gone = before(&f, about.sums_since_us), left = 0;
        assert_int_equal(done.sums_of, gone);
        assert_int_equal(about.dropped, gone);
        for (size_t i = 0; i < f.kept_n; i++)
            if (f.kept[i].time_us >= about.sums_since_us)
                f.kept[left++] = f.kept[i];
        f.kept_n = left;
        same_sums_as_ever(&f);
        fixture_close(&f);
    }
}

static int64_t size_on_disk(struct fixture *f)
{
    struct stat st;
    fixture_reopen(f);
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(stat(f->path, &st), 0);
    GOOD(store_open(f->path, STORE_WRITE, &f->store, &failure));
    return (int64_t)st.st_size;
}

/* Past 300,000 keys they lie in `seen`, and must go from there, too. */
static void the_file_shrinks_by_what_is_gone(void **state)
{
    (void)state;
    enum { MANY = 320000, CHUNK = 10000, DAYS = 40 };
    struct fixture f;
    struct invocation *v = calloc(CHUNK, sizeof *v);
    fixture_open(&f, 41);
    for (int again = 0; again < 2; again++) {
        GOOD(store_begin(f.store, &failure));
        for (int i = 0; i < MANY; i += CHUNK) {
            for (int j = 0; j < CHUNK; j++) {
                int64_t at = (int64_t)(i + j) * (DAYS * US_PER_DAY / MANY);
                v[j] = (struct invocation){.time_us = FIXTURE_START + at,
                                           .key = {(uint64_t)(i + j) * 0x9E3779B97F4A7C15u, 7},
                                           .tokens = {1}};
            }
            GOOD(store_put(f.store, f.series, v, CHUNK, &failure));
        }
        GOOD(store_commit(f.store, &failure));
        GOOD(store_check(f.store, &failure));
        assert_int_equal(about_of(&f).invocations, MANY);
        if (again)
            break;
        int64_t large = size_on_disk(&f);
        const struct store_retention r = {FIXTURE_START + 37 * US_PER_DAY, 0, 0};
        struct store_retained expected;
        GOOD(store_retain_preview(f.store, &r, &expected, &failure));
        struct store_retained done = retain(&f, r.calls_since_us, 0, 0, false);
        assert_int_equal(expected.calls, done.calls);
        assert_int_equal(done.calls, MANY / 10 * 9);
        assert_int_equal(done.keys, MANY / 10 * 9);
        int64_t small = size_on_disk(&f);
        /* Letting go takes and leaves a few pages itself. */
        assert_in_range(large - small, (done.pages - 32) * 4096, (done.pages + 32) * 4096);
        /* What is left: a tenth of facts and keys, and 24 sums a day. */
        assert_in_range(small, 1, large / 9);
    }
    assert_int_equal(about_of(&f).late, MANY / 40 * 37);
    free(v);
    fixture_close(&f);
}

static void a_full_disk_stops_it_and_loses_nothing(void **state)
{
    (void)state;
    enum { N = 3000 };
    static struct invocation v[N];
    for (rlim_t room = 0; room < 400000; room += 20000) {
        struct fixture f;
        struct rlimit limit, little;
        struct store_retained done = {.more = true};
        const struct store_retention r = {FIXTURE_START + 8 * US_PER_DAY,
                                          FIXTURE_START + 2 * US_PER_DAY, 20};
        fixture_open(&f, 45);
        for (int i = 0; i < N; i++)
            v[i] = fixture_invocation(&f, 9);
        fixture_put(&f, v, N);
        fixture_reopen(&f);
        getrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_IGN);
        little = limit;
        little.rlim_cur = room;
        setrlimit(RLIMIT_FSIZE, &little);
        enum status status = OK;
        while (status == OK && done.more)
            status = store_retain(f.store, &r, &done, &failure);
        setrlimit(RLIMIT_FSIZE, &limit);
        assert_true(status == OK || status == ERR_FULL);
        if (room == 0)
            assert_int_equal(status, ERR_FULL);
        GOOD(store_check(f.store, &failure));
        struct about about = about_of(&f);
        assert_int_equal(about.invocations + about.dropped, N);
        retain(&f, r.calls_since_us, r.sums_since_us, 0, false);
        GOOD(store_check(f.store, &failure));
        about = about_of(&f);
        assert_int_equal(about.dropped, before(&f, about.sums_since_us));
        assert_int_equal(about.invocations + about.dropped, N);
        fixture_close(&f);
    }
}

static void a_copy_answers_the_same_and_a_full_disk_leaves_none(void **state)
{
    (void)state;
    enum { N = 2000 };
    static struct invocation v[N];
    struct fixture f;
    struct stat st;
    char target[112], part[128];
    fixture_open(&f, 51);
    for (int i = 0; i < N; i++)
        v[i] = fixture_invocation(&f, 9);
    fixture_put(&f, v, N);
    retain(&f, FIXTURE_START + 4 * US_PER_DAY, 0, 0, false);
    snprintf(target, sizeof target, "%s/copy.db", f.folder);
    snprintf(part, sizeof part, "%s-part", target);
    struct rlimit limit, little;
    getrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);
    little = limit;
    little.rlim_cur = 50000;
    setrlimit(RLIMIT_FSIZE, &little);
    enum status status = store_backup(f.path, target, false, &failure);
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_int_equal(status, ERR_FULL);
    assert_non_null(strstr(failure.text, target));
    assert_int_not_equal(stat(target, &st), 0);
    assert_int_not_equal(stat(part, &st), 0);
    /* A batch is open in this store meanwhile. */
    GOOD(store_begin(f.store, &failure));
    GOOD(store_put(f.store, f.series, v, 5, &failure));
    GOOD(store_backup(f.path, target, false, &failure));
    store_rollback(f.store);
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(store_backup(f.path, target, false, &failure), ERR_CONFLICT);
    GOOD(store_backup(f.path, target, true, &failure));
    assert_int_equal(store_backup(f.path, f.path, true, &failure), ERR_CONFLICT);
    struct store *copy;
    GOOD(store_open(target, STORE_WRITE, &copy, &failure));
    /* It is being written: no copy goes over it. */
    assert_int_equal(store_backup(f.path, target, true, &failure), ERR_CONFLICT);
    GOOD(store_check(copy, &failure));
    fixture_same_answer(&f, copy, &by_day);
    store_close(copy);
    unlink(target);
    fixture_close(&f);
}

int main(void)
{
    if (zone_set("UTC", NULL) != OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_by_day_are_the_same_before_and_after),
        cmocka_unit_test(what_comes_late_is_told_and_never_counted),
        cmocka_unit_test(a_record_that_is_a_little_younger_still_meets_the_first),
        cmocka_unit_test(keys_that_share_64_bits_are_found_behind_those_that_went),
        cmocka_unit_test(where_no_call_is_that_old_nothing_changes),
        cmocka_unit_test(edges_there_move_to_whole_hours_and_are_told),
        cmocka_unit_test(sums_go_too_when_they_are_not_for_ever),
        cmocka_unit_test(the_file_shrinks_by_what_is_gone),
        cmocka_unit_test(a_full_disk_stops_it_and_loses_nothing),
        cmocka_unit_test(a_copy_answers_the_same_and_a_full_disk_leaves_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
