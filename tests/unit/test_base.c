/* base/: numbers, money, time, text. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/pages.h"
#include "base/str.h"
#include "base/zone.h"
#include "unit.h"

#include <limits.h>

static void rates_are_whole_pico_usd_per_token(void **state)
{
    (void)state;
    int64_t pico;
    assert_true(money_parse_per_mtok(STR("0.701666"), &pico));
    assert_int_equal(pico, 701666);
    assert_true(money_parse_per_mtok(STR("137.5"), &pico));
    assert_int_equal(pico, 137500000);
    assert_true(money_parse_per_mtok(STR("0"), &pico));
    assert_int_equal(pico, 0);
    static const char *const bad[] = {
        "", ".", "1.", "-1", "1e3", "0.1234567", " 1", "1 ", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(money_parse_per_mtok(str_from(bad[i]), &pico));
}

static void money_rounds_half_away_from_zero_only_when_printed(void **state)
{
    (void)state;
    char text[MONEY_TEXT];
    money_format(text, (money_sum)1234567890 * 1000000000000 + 5000000000, 2, ',');
    assert_string_equal(text, "1,234,567,890.01");
    money_format(text, -(money_sum)4999999999, 2, 0);
    assert_string_equal(text, "0.00");
    money_format(text, -(money_sum)5000000000, 2, 0);
    assert_string_equal(text, "-0.01");
    money_format(text, 190141248, 12, 0);
    assert_string_equal(text, "0.000190141248");
    int64_t nano;
    assert_true(money_to_nano(1500, &nano));
    assert_int_equal(nano, 2);
    assert_true(money_to_nano(-1500, &nano));
    assert_int_equal(nano, -2);
}

static void instants_in_all_spellings_are_equal(void **state)
{
    (void)state;
    int64_t a, b;
    assert_true(time_parse(STR("2026-04-14T08:57:15Z"), &a));
    static const char *const same[] = {"2026-04-14T08:57:15z",      "2026-04-14T08:57:15.000Z",
                                       "2026-04-14T08:57:15+00:00", "2026-04-14 08:57:15.000000000",
                                       "2026-04-14T10:57:15+0200",  "2026-04-14T08:57:15"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_true(time_parse(str_from(same[i]), &b));
        assert_int_equal(a, b);
    }
    static const char *const bad[] = {"2025-04-99T23:00:17Z",
                                      "2025-02-29T00:00:00Z",
                                      "xxxx",
                                      "",
                                      "1969-12-31T00:00:00Z",
                                      "2025-01-01T24:00:00Z",
                                      "2025-01-01T00:00:00Q",
                                      "2025-01-01T00:00:00.Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(time_parse(str_from(bad[i]), &b));
    char text[TIME_TEXT];
    time_format(text, a + 5);
    assert_string_equal(text, "2026-04-14T08:57:15.000005Z");
}

static void buckets_follow_the_zone(void **state)
{
    (void)state;
    int64_t t, expect;
    assert_int_equal(zone_set("Europe/Berlin", NULL), OK);
    assert_true(time_parse(STR("2026-10-24T22:30:00Z"), &t)); /* 00:30 on Sunday the 25th */
    assert_true(time_parse(STR("2026-10-24T22:00:00Z"), &expect));
    assert_int_equal(zone_floor(BUCKET_DAY, t), expect);
    /* The clocks go back that day: it has 25 hours. */
    assert_int_equal(zone_next(BUCKET_DAY, expect) - expect, 25 * US_PER_HOUR);
    assert_true(time_parse(STR("2026-10-18T22:00:00Z"), &expect));
    assert_int_equal(zone_floor(BUCKET_WEEK, t), expect);
    assert_true(time_parse(STR("2026-09-30T22:00:00Z"), &expect));
    assert_int_equal(zone_floor(BUCKET_MONTH, t), expect);
    assert_int_equal(zone_set("Mars/Olympus", NULL), ERR_USAGE);
    assert_int_equal(zone_set("../etc/passwd", NULL), ERR_USAGE);
    assert_int_equal(zone_set("UTC", NULL), OK);
}

/* Midnight is skipped in one place and happens twice in the other. */
static void days_begin_where_their_first_instant_is(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *day, *next;
    } cases[] = {
        {"America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
        {"America/Havana", "2018-11-04T04:00:00Z", "2018-11-05T05:00:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t start, next;
        assert_int_equal(zone_set(cases[i].zone, NULL), OK);
        assert_true(time_parse(str_from(cases[i].day), &start));
        assert_true(time_parse(str_from(cases[i].next), &next));
        for (int64_t t = start - 2 * US_PER_DAY; t < next + US_PER_DAY; t += US_PER_HOUR / 4) {
            int64_t floor = zone_floor(BUCKET_DAY, t);
            assert_true(floor <= t && t < zone_next(BUCKET_DAY, floor));
            if (t >= start && t < next)
                assert_int_equal(floor, start);
        }
        assert_int_equal(zone_next(BUCKET_DAY, start), next);
        assert_int_equal(zone_instant((struct civil){.year = 2018, .month = 11, .day = 4}), start);
    }
    assert_int_equal(zone_set("UTC", NULL), OK);
}

static void a_wall_clock_beyond_all_years_stays_an_instant(void **state)
{
    (void)state;
    assert_int_equal(zone_set("UTC", NULL), OK);
    int64_t end, beyond = zone_instant((struct civil){.year = INT64_MAX, .month = 1, .day = 1});
    assert_true(time_parse(STR("9999-12-31T23:59:59Z"), &end));
    assert_int_equal(beyond, end + US_PER_SECOND);
    assert_int_equal(zone_next(BUCKET_YEAR, zone_floor(BUCKET_YEAR, end)), beyond);
    int64_t before = zone_instant((struct civil){.year = INT64_MIN, .month = 1, .day = 1});
    assert_int_equal(before, zone_instant((struct civil){.year = 0, .month = 1, .day = 1}));
    assert_true(before < 0);
    assert_true(zone_instant((struct civil){.year = 2026, .month = 1, .day = INT_MAX}) > beyond);
    assert_true(zone_instant((struct civil){.year = 2026, .month = 1, .day = INT_MIN}) < before);
}

static void globs_match_without_backtracking_forever(void **state)
{
    (void)state;
    assert_true(str_glob(STR("a*b*c"), STR("a--b--b--c")));
    assert_false(str_glob(STR("a*b*c"), STR("a--b--b--")));
    assert_true(str_glob(STR("*"), STR("")));
    assert_true(str_glob_nocase(STR("*@EXAMPLE.com"), STR("Ann@example.COM")));
    char text[4001];
    memset(text, 'a', sizeof text);
    assert_false(str_glob(STR("*a*a*a*a*a*a*a*a*b"), str_of(text, sizeof text)));
}

static void an_error_stays_until_it_is_reset(void **state)
{
    (void)state;
    char room[4];
    struct buf b;
    buf_on(&b, room, sizeof room);
    buf_str(&b, STR("abcd"));
    assert_ptr_equal(b.p, room);
    assert_int_equal(buf_status(&b), OK);
    buf_char(&b, 'e');
    assert_int_equal(buf_status(&b), ERR_LIMIT);
    buf_rewind(&b);
    buf_char(&b, 'f');
    assert_int_equal(buf_status(&b), ERR_LIMIT);
    assert_int_equal(b.n, 0);
    buf_reset(&b);
    buf_char(&b, 'g');
    assert_int_equal(buf_status(&b), OK);
    assert_int_equal(b.n, 1);
}

static void large_blocks_keep_what_is_in_them(void **state)
{
    (void)state;
    static const size_t sizes[] = {2, 4096, 1 << 20, (1 << 20) + 1, 2 << 20, (6 << 20) + 64};
    pages_free(NULL);
    assert_null(pages_alloc(SIZE_MAX - 4096));
    char *p = pages_alloc(0);
    size_t used = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        p = pages_grow(p, used, sizes[i]);
        assert_non_null(p);
        assert_true(used == 0 || (p[0] == 'a' && p[used - 1] == 'z'));
        if (sizes[i] > 1 << 20)
            assert_int_equal((uintptr_t)p % (2 << 20), 0);
        used = sizes[i];
        p[0] = 'a';
        p[used - 1] = 'z';
    }
    pages_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_whole_pico_usd_per_token),
        cmocka_unit_test(money_rounds_half_away_from_zero_only_when_printed),
        cmocka_unit_test(instants_in_all_spellings_are_equal),
        cmocka_unit_test(buckets_follow_the_zone),
        cmocka_unit_test(days_begin_where_their_first_instant_is),
        cmocka_unit_test(a_wall_clock_beyond_all_years_stays_an_instant),
        cmocka_unit_test(globs_match_without_backtracking_forever),
        cmocka_unit_test(large_blocks_keep_what_is_in_them),
        cmocka_unit_test(an_error_stays_until_it_is_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
