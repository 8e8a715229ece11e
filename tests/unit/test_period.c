/* query/period: what people type for since and until. */
#include "query/question.h"
#include "unit.h"

#include <stdio.h>

#define NOW "2026-04-15T12:34:56Z" /* a Wednesday */

static int64_t instant(const char *text)
{
    int64_t t = 0;
    assert_true(time_parse(str_from(text), &t));
    return t;
}

static void expect(const char *text, bool end, const char *utc)
{
    int64_t t = 0;
    char found[TIME_TEXT];
    struct err err = {0};
    if (period_parse(str_from(text), end, instant(NOW), &t, &err) != OK)
        fail_msg("'%s': %s", text, err.text);
    time_format(found, t);
    if (strcmp(found, utc) != 0)
        fail_msg("'%s' (%s) is %s, not %s", text, end ? "until" : "since", found, utc);
}

static void a_date_names_its_whole_span(void **state)
{
    (void)state;
    assert_int_equal(zone_set("UTC", NULL), OK);
    expect("2026-04-14", false, "2026-04-14T00:00:00Z");
    expect("2026-04-14", true, "2026-04-15T00:00:00Z");
    expect("2026-02", false, "2026-02-01T00:00:00Z");
    expect("2026-02", true, "2026-03-01T00:00:00Z");
    expect("2026-12", true, "2027-01-01T00:00:00Z");
    expect("2026", false, "2026-01-01T00:00:00Z");
    expect("2026", true, "2027-01-01T00:00:00Z");
}

static void an_instant_is_the_same_at_both_ends(void **state)
{
    (void)state;
    assert_int_equal(zone_set("UTC", NULL), OK);
    for (int end = 0; end < 2; end++) {
        expect("2026-04-14T08:30", end, "2026-04-14T08:30:00Z");
        expect("2026-04-14 08:30:15", end, "2026-04-14T08:30:15Z");
        expect("2026-04-14T08:30:15.5Z", end, "2026-04-14T08:30:15.500000Z");
        expect("2026-04-14T08:30+02:00", end, "2026-04-14T06:30:00Z");
        expect("2026-04-14T08:30Z", end, "2026-04-14T08:30:00Z");
        expect("now", end, NOW);
    }
}

static void a_length_reaches_back_from_now(void **state)
{
    (void)state;
    assert_int_equal(zone_set("UTC", NULL), OK);
    expect("30m", false, "2026-04-15T12:04:56Z");
    expect("24h", false, "2026-04-14T12:34:56Z");
    expect("7d", false, "2026-04-08T12:34:56Z");
    expect("2w", true, "2026-04-01T12:34:56Z");
    expect("3mo", false, "2026-01-15T12:34:56Z");
    expect("1y", false, "2025-04-15T12:34:56Z");
    expect("999999d", false, "1970-01-01T00:00:00Z");
    expect("999999h", false, "1970-01-01T00:00:00Z");
    expect("999999y", false, "1970-01-01T00:00:00Z");
}

static void a_name_has_a_start_and_an_end(void **state)
{
    (void)state;
    assert_int_equal(zone_set("UTC", NULL), OK);
    static const struct {
        const char *name, *since, *until;
    } names[] = {
        {"today", "2026-04-15", "2026-04-16"},        {"yesterday", "2026-04-14", "2026-04-15"},
        {"this-week", "2026-04-13", "2026-04-20"},    {"last-week", "2026-04-06", "2026-04-13"},
        {"this-month", "2026-04-01", "2026-05-01"},   {"last-month", "2026-03-01", "2026-04-01"},
        {"this-quarter", "2026-04-01", "2026-07-01"}, {"last-quarter", "2026-01-01", "2026-04-01"},
        {"this-year", "2026-01-01", "2027-01-01"},    {"Last-Year", "2025-01-01", "2026-01-01"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[TIME_TEXT];
        snprintf(text, sizeof text, "%sT00:00:00Z", names[i].since);
        expect(names[i].name, false, text);
        snprintf(text, sizeof text, "%sT00:00:00Z", names[i].until);
        expect(names[i].name, true, text);
    }
}

static void days_follow_the_zone(void **state)
{
    (void)state;
    if (zone_set("Europe/Berlin", NULL) != OK)
        skip();
    expect("2026-04-14", false, "2026-04-13T22:00:00Z");
    expect("2026-03-29", false, "2026-03-28T23:00:00Z"); /* 23 hours long */
    expect("2026-03-29", true, "2026-03-29T22:00:00Z");
    expect("2026-04-14T08:30", false, "2026-04-14T06:30:00Z");
    expect("2026-04-14T08:30Z", false, "2026-04-14T08:30:00Z");
    expect("today", false, "2026-04-14T22:00:00Z");
    expect("30d", false, "2026-03-16T13:34:56Z"); /* the same wall clock, before the change */
    assert_int_equal(zone_set("UTC", NULL), OK);
}

static void what_is_no_time_is_refused_with_advice(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "d",
                                      "7",
                                      "7x",
                                      "-7d",
                                      "2026-13",
                                      "26-04",
                                      "2026-4-1",
                                      "2026-02-30",
                                      "99999999d",
                                      "0000",
                                      "2026-04-14T",
                                      "2026-04-14T25:00",
                                      "2026-04-14T08:30 Berlin",
                                      "\x1b[2J"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t t = 42;
        struct err err = {0};
        if (period_parse(str_from(bad[i]), false, instant(NOW), &t, &err) != ERR_USAGE)
            fail_msg("'%s' was taken for a time", bad[i]);
        assert_int_equal(t, 42);
        assert_null(strchr(err.text, '\x1b'));
    }
    int64_t t;
    struct err err = {0};
    assert_int_equal(period_parse(STR("last-mont"), false, 0, &t, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "did you mean last-month?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_names_its_whole_span),
        cmocka_unit_test(an_instant_is_the_same_at_both_ends),
        cmocka_unit_test(a_length_reaches_back_from_now),
        cmocka_unit_test(a_name_has_a_start_and_an_end),
        cmocka_unit_test(days_follow_the_zone),
        cmocka_unit_test(what_is_no_time_is_refused_with_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
