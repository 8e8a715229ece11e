/* aws/logs: what is asked of CloudWatch Logs, and how answers are read; aws/quota. */
#include "aws/logs_internal.h"
#include "aws/quota.h"
#include "base/clock.h"
#include "unit.h"

#include <stdio.h>

static void written(const struct logs_query *q, const char *wanted)
{
    char room[1024];
    struct buf out;
    buf_on(&out, room, sizeof room);
    logs_write_query(&out, q);
    assert_int_equal(buf_status(&out), OK);
    assert_true(str_eq(buf_view(&out), str_from(wanted)));
}

static void a_request_holds_what_was_asked_and_no_more(void **state)
{
    (void)state;
    written(&(struct logs_query){.group = STR("/a/b"), .start_ms = -1, .end_ms = -1},
            "{\"logGroupName\":\"/a/b\",\"limit\":10000}");
    written(&(struct logs_query){.group = STR("g"),
                                 .stream = LOGS_BEDROCK_STREAM,
                                 .start_ms = 0,
                                 .end_ms = 5,
                                 .token = STR("a\"\n\xc3\xa9"),
                                 .limit = 7},
            "{\"logGroupName\":\"g\",\"logStreamNames\":[\"aws/bedrock/modelinvocations\"],"
            "\"startTime\":0,\"endTime\":5,\"limit\":7,\"nextToken\":\"a\\\"\\n\xc3\xa9\"}");
}

static void a_group_of_another_account_is_asked_for_by_its_arn(void **state)
{
    (void)state;
    written(&(struct logs_query){.group = STR("arn:aws:logs:eu-west-1:123456789012:log-group:g"),
                                 .start_ms = -1,
                                 .end_ms = -1},
            "{\"logGroupIdentifier\":\"arn:aws:logs:eu-west-1:123456789012:log-group:g\","
            "\"limit\":10000}");
}

/* A copy on the heap, of its own size, so that reading behind it is noticed. */
static struct buf copy(const char *text)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_str(&b, str_from(text));
    return b;
}

static enum status page_of(struct logs *l, struct buf *body, const char *text,
                           struct logs_page *page)
{
    *body = copy(text);
    return logs_read_page(l, body, page, NULL);
}

static void a_page_is_read_whatever_the_order_of_its_keys(void **state)
{
    (void)state;
    struct logs *l;
    struct logs_page page;
    struct buf body;
    assert_int_equal(logs_new(NULL, &l, NULL), OK);
    assert_int_equal(
        page_of(
            l, &body,
            "{\"nextToken\":\"a\\u00e9\\\"\",\"searchedLogStreams\":[],\"events\":[ {\"message\":"
            "\"{\\\"eventId\\\":\\\"no\\\"}\",\"eventId\":\"7\",\"timestamp\":12},"
            "{\"timestamp\":\"x\"}, 5, {}]}",
            &page),
        OK);
    assert_true(str_eq(page.token, STR("a\xc3\xa9\"")));
    assert_int_equal(page.events_n, 3);
    assert_true(str_eq(page.events[0].id, STR("7")));
    assert_int_equal(page.events[0].time_ms, 12);
    assert_true(str_eq(page.events[0].raw,
                       STR("{\"message\":\"{\\\"eventId\\\":\\\"no\\\"}\",\"eventId\":\"7\","
                           "\"timestamp\":12}")));
    assert_int_equal(page.events[1].time_ms, -1);
    assert_int_equal(page.events[1].id.n, 0);
    assert_true(str_eq(page.events[2].raw, STR("{}")));
    buf_fini(&body);
    logs_free(l);
}

static void no_token_and_a_null_token_are_the_end(void **state)
{
    (void)state;
    static const char *const last[] = {"{}", "{\"events\":[]}",
                                       "{\"events\":null,\"nextToken\":null}",
                                       "{\"events\":[],\"nextToken\":\"\"}"};
    struct logs *l;
    assert_int_equal(logs_new(NULL, &l, NULL), OK);
    for (size_t i = 0; i < sizeof last / sizeof last[0]; i++) {
        struct logs_page page;
        struct buf body;
        assert_int_equal(page_of(l, &body, last[i], &page), OK);
        assert_int_equal(page.events_n + page.token.n, 0);
        buf_fini(&body);
    }
    logs_free(l);
}

static void what_is_no_answer_is_an_error(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "[]",
                                      "null",
                                      "{",
                                      "{\"events\":[",
                                      "\xff",
                                      "<x/>",
                                      "{\"events\":[{\"message\":\"",
                                      "{\"nextToken\" 5}"};
    struct logs *l;
    assert_int_equal(logs_new(NULL, &l, NULL), OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct logs_page page;
        struct logs_groups groups;
        struct buf body;
        assert_int_equal(page_of(l, &body, bad[i], &page), ERR_PARSE);
        assert_int_equal(logs_read_groups(l, &body, &groups, NULL), ERR_PARSE);
        buf_fini(&body);
    }
    logs_free(l);
}

static void groups_have_names_and_arns(void **state)
{
    (void)state;
    struct logs *l;
    struct logs_groups groups;
    struct buf body = copy("{\"logGroups\":[{\"arn\":\"arn:x:*\",\"logGroupName\":\"a\\/b\"},"
                           "{\"storedBytes\":1},{\"logGroupName\":\"c\"}],\"nextToken\":\"t\"}");
    assert_int_equal(logs_new(NULL, &l, NULL), OK);
    assert_int_equal(logs_read_groups(l, &body, &groups, NULL), OK);
    assert_int_equal(groups.n, 2);
    assert_true(str_eq(groups.groups[0].name, STR("a/b")));
    assert_true(str_eq(groups.groups[0].arn, STR("arn:x")));
    assert_true(str_eq(groups.groups[1].name, STR("c")));
    assert_int_equal(groups.groups[1].arn.n, 0);
    assert_true(str_eq(groups.token, STR("t")));
    buf_fini(&body);
    logs_free(l);
}

static void a_quota_counts_per_region(void **state)
{
    (void)state;
    struct quota *q;
    assert_int_equal(quota_new(50, &q, NULL), OK);
    int64_t begin = clock_monotonic_us();
    for (int i = 0; i < 6; i++)
        quota_wait(q, "eu-west-1", NULL);
    int64_t one = clock_monotonic_us();
    assert_true(one - begin >= 5 * 20000);
    quota_wait(q, "us-east-1", NULL);
    quota_wait(NULL, "us-east-1", NULL);
    char region[16];
    for (int i = 0; i < QUOTA_REGIONS * 2; i++) {
        _Atomic bool cancel = true;
        snprintf(region, sizeof region, "r-%d", i);
        quota_wait(q, region, &cancel);
    }
    quota_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_holds_what_was_asked_and_no_more),
        cmocka_unit_test(a_group_of_another_account_is_asked_for_by_its_arn),
        cmocka_unit_test(a_page_is_read_whatever_the_order_of_its_keys),
        cmocka_unit_test(no_token_and_a_null_token_are_the_end),
        cmocka_unit_test(what_is_no_answer_is_an_error),
        cmocka_unit_test(groups_have_names_and_arns),
        cmocka_unit_test(a_quota_counts_per_region),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
