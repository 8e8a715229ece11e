/* source/sqs_event, and what a queue's URL tells (aws/sqs). */
#include "aws/sqs.h"
#include "base/arena.h"
#include "source/sqs_event.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define RECORD(key, size)                                                                          \
    "{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\",\"awsRegion\":\"eu-west-1\","            \
    "\"eventTime\":\"2026-10-05T12:00:01.987Z\",\"eventName\":\"ObjectCreated:Put\","              \
    "\"s3\":{\"bucket\":{\"name\":\"logs\"},\"object\":{\"key\":\"" key "\",\"size\":" size ","    \
    "\"eTag\":\"e1\",\"versionId\":\"v1\"}}}"
#define EVENT(records) "{\"Records\":[" records "]}"
#define BRIDGE(type, key)                                                                          \
    "{\"version\":\"0\",\"detail-type\":\"" type "\",\"source\":\"aws.s3\","                       \
    "\"time\":\"2026-10-05T12:00:01Z\",\"region\":\"eu-west-1\",\"detail\":{\"bucket\":"           \
    "{\"name\":\"logs\"},\"object\":{\"key\":\"" key "\",\"size\":5,\"etag\":\"e1\","              \
    "\"version-id\":\"v1\"}}}"

static struct sqs_event event;
static struct err why;

static enum status read_text(const char *text)
{
    why = (struct err){0};
    return sqs_event_read(&event, str_from(text), &why);
}

static void assert_object(size_t i, const char *key, int64_t size, const char *time)
{
    int64_t time_us = TIME_NONE;
    assert_true(i < event.n);
    const struct sqs_object *o = &event.objects[i];
    if (!str_eq(o->key, str_from(key)))
        fail_msg("wanted %s, got %.*s", key, STR_ARG(o->key));
    assert_true(time_parse(str_from(time), &time_us));
    assert_int_equal(o->size, size);
    assert_int_equal(o->event_us, time_us);
    assert_true(str_eq(o->bucket, STR("logs")));
    assert_true(str_eq(o->region, STR("eu-west-1")));
    assert_true(str_eq(o->etag, STR("e1")));
    assert_true(str_eq(o->version, STR("v1")));
}

static void records_name_objects(void **state)
{
    (void)state;
    assert_int_equal(read_text(EVENT(RECORD("a/b.gz", "7") "," RECORD("c", "0"))), OK);
    assert_int_equal(event.n, 2);
    assert_int_equal(event.skipped, 0);
    assert_object(0, "a/b.gz", 7, "2026-10-05T12:00:01.987Z");
    assert_object(1, "c", 0, "2026-10-05T12:00:01.987Z");
}

static void keys_of_records_are_decoded_as_forms(void **state)
{
    (void)state;
    assert_int_equal(read_text(EVENT(RECORD("a+b%2B%20c%2Fd%C3%BC", "7"))), OK);
    assert_object(0, "a b+ c/d\xc3\xbc", 7, "2026-10-05T12:00:01.987Z");
    assert_int_equal(read_text(EVENT(RECORD("a\\u002fb\\\"%5C", "7"))), OK);
    assert_object(0, "a/b\"\\", 7, "2026-10-05T12:00:01.987Z");
}

static void keys_of_eventbridge_are_as_they_are(void **state)
{
    (void)state;
    assert_int_equal(read_text(BRIDGE("Object Created", "a+b%2B c")), OK);
    assert_int_equal(event.n, 1);
    assert_object(0, "a+b%2B c", 5, "2026-10-05T12:00:01Z");
}

/* As SNS wraps it. */
static const char *wrapped(const char *inside)
{
    static char text[8192];
    size_t n = (size_t)snprintf(text, sizeof text, "{\"Type\":\"Notification\",\"Message\":\"");
    for (; *inside && n < sizeof text - 8; inside++) {
        if (*inside == '"' || *inside == '\\')
            text[n++] = '\\';
        text[n++] = *inside;
    }
    snprintf(text + n, sizeof text - n, "\",\"Signature\":\"x\"}");
    return text;
}

static void sns_is_unwrapped_once(void **state)
{
    (void)state;
    char once[8192];
    assert_int_equal(read_text(wrapped(EVENT(RECORD("a+b", "7")))), OK);
    assert_object(0, "a b", 7, "2026-10-05T12:00:01.987Z");
    assert_int_equal(read_text(wrapped(BRIDGE("Object Created", "a+b"))), OK);
    assert_object(0, "a+b", 5, "2026-10-05T12:00:01Z");
    snprintf(once, sizeof once, "%s", wrapped(EVENT(RECORD("a", "7"))));
    assert_int_equal(read_text(wrapped(once)), ERR_PARSE);
    assert_int_equal(read_text(wrapped("hello")), ERR_PARSE);
    assert_int_equal(read_text("{\"Type\":\"SubscriptionConfirmation\",\"Message\":\"m\"}"),
                     ERR_PARSE);
}

static void other_events_are_skipped(void **state)
{
    (void)state;
    static const char *const skipped[] = {
        "{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Bucket\":\"logs\"}",
        BRIDGE("Object Deleted", "a"),
        EVENT("{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectRemoved:Delete\",\"s3\":1}"),
        EVENT("{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreatedBy:Nobody\"}"),
    };
    for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++) {
        assert_int_equal(read_text(skipped[i]), OK);
        assert_int_equal(event.n, 0);
        assert_int_equal(event.skipped, 1);
    }
    assert_int_equal(read_text(EVENT("")), OK);
    assert_int_equal(event.n + event.skipped, 0);
    assert_int_equal(
        read_text(EVENT(
            "{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectTagging:Put\"}," RECORD("a", "7"))),
        OK);
    assert_int_equal(event.n, 1);
    assert_int_equal(event.skipped, 1);
}

static void servers_that_are_like_s3_are_understood(void **state)
{
    (void)state;
    assert_int_equal(read_text(EVENT("{\"eventSource\":\"minio:s3\",\"eventName\":"
                                     "\"s3:ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":"
                                     "\"b\"},\"object\":{\"key\":\"k\"}}}")),
                     OK);
    assert_int_equal(event.n, 1);
    assert_int_equal(event.objects[0].size, -1);
    assert_int_equal(event.objects[0].event_us, TIME_NONE);
}

static void what_is_no_event_says_why_and_quotes_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "SECRET",
        "{\"SECRET\":",
        "[]",
        "1",
        "null",
        "{}",
        "{\"Records\":{\"SECRET\":1}}",
        EVENT("\"SECRET\""),
        EVENT("{}"),
        EVENT("{\"eventSource\":\"aws:sqs\"}"),
        EVENT("{\"eventSource\":\"aws:s3\"}"),
        EVENT(RECORD("", "1")),
        EVENT(RECORD("SECRET", "-1")),
        EVENT(RECORD("SECRET", "1.5")),
        EVENT(RECORD("SECRET", "\"1\"")),
        EVENT(RECORD("SECRET", "99999999999999999999")),
        EVENT(RECORD("SECRET%", "1")),
        EVENT(RECORD("SECRET%00", "1")),
        EVENT(RECORD("SECRET\\u0000", "1")),
        EVENT(RECORD("SECRET", "1") ",2"),
        EVENT(RECORD("SECRET", "1")) "x",
        "{\"source\":\"aws.s3\",\"detail-type\":\"Object Created\"}",
        ("{\"source\":\"aws.s3\",\"detail-type\":\"Object Created\",\"detail\":{\"bucket\":"
         "\"SECRET\",\"object\":{\"key\":\"k\"}}}"),
        "{\"source\":\"aws.ec2\",\"detail-type\":\"Object Created\",\"detail\":{}}",
        "{\"Event\":\"SECRET\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_text(bad[i]) != ERR_PARSE)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(event.n + event.skipped, 0);
        assert_true(why.text[0] != '\0');
        assert_null(strstr(why.text, "SECRET"));
    }
}

static void limits_hold(void **state)
{
    (void)state;
    const size_t huge = SQS_EVENT_BYTES_MAX + 1;
    char *text = malloc(huge + 1);
    assert_non_null(text);
    memset(text, ' ', huge);
    memcpy(text, "{}", 2);
    text[huge] = '\0';
    assert_int_equal(read_text(text), ERR_LIMIT);
    memset(text, '[', huge - 1);
    assert_int_equal(sqs_event_read(&event, str_of(text, huge - 1), NULL), ERR_PARSE);
    struct buf many;
    buf_init(&many, SQS_EVENT_BYTES_MAX);
    buf_printf(&many, "{\"Records\":[");
    for (int i = 0; i <= SQS_EVENT_OBJECTS_MAX; i++)
        buf_printf(&many, "%s%s", i ? "," : "", RECORD("k", "1"));
    buf_printf(&many, "]}");
    assert_int_equal(buf_status(&many), OK);
    assert_int_equal(sqs_event_read(&event, buf_view(&many), NULL), ERR_LIMIT);
    assert_int_equal(event.n, 0);
    buf_fini(&many);
    /* A key has at most 1,024 bytes. */
    for (int n = 1024; n <= 1025; n++) {
        char key[1100];
        memset(key, 'k', sizeof key);
        key[n] = '\0';
        snprintf(text, huge, "%s%s%s",
                 "{\"Records\":[{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\","
                 "\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"",
                 key, "\"}}}]}");
        assert_int_equal(read_text(text), n == 1024 ? OK : ERR_PARSE);
    }
    free(text);
}

static void the_region_of_a_queue_is_in_its_url(void **state)
{
    (void)state;
    static const char *const good[][3] = {
        {"https://sqs.eu-west-1.amazonaws.com/012345678901/logs", "eu-west-1", "logs"},
        {"https://sqs-fips.us-gov-west-1.amazonaws.com/012345678901/l", "us-gov-west-1", "l"},
        {"https://eu-west-1.queue.amazonaws.com/012345678901/logs", "eu-west-1", "logs"},
        {"https://vpce-0a1b-x.sqs.eu-west-1.vpce.amazonaws.com/0/a_b-C", "eu-west-1", "a_b-C"},
        {"http://127.0.0.1:4566/000000000000/logs", "", "logs"},
        {"https://queue.amazonaws.com/012345678901/logs", "", "logs"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct sqs_queue q;
        assert_int_equal(sqs_queue_init(&q, str_from(good[i][0]), NULL, NULL), OK);
        assert_string_equal(q.region, good[i][1]);
        assert_true(str_eq(q.name, str_from(good[i][2])));
    }
    struct sqs_queue q;
    assert_int_equal(sqs_queue_init(&q, str_from(good[0][0]), "us-east-2", NULL), OK);
    assert_string_equal(q.region, "us-east-2");
    static const char *const bad[] = {"",
                                      "logs",
                                      "s3://bucket/queue",
                                      "https://host",
                                      "https://h/",
                                      "https://h/queue",
                                      "https://h/1/",
                                      "https://h/1/q?x=1",
                                      "https://h/1/q.fifo",
                                      "https://h/1/a b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (sqs_queue_init(&q, str_from(bad[i]), NULL, NULL) != ERR_USAGE)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(sqs_queue_init(&q, str_from(good[0][0]), "eu west", NULL), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_name_objects),
        cmocka_unit_test(keys_of_records_are_decoded_as_forms),
        cmocka_unit_test(keys_of_eventbridge_are_as_they_are),
        cmocka_unit_test(sns_is_unwrapped_once),
        cmocka_unit_test(other_events_are_skipped),
        cmocka_unit_test(servers_that_are_like_s3_are_understood),
        cmocka_unit_test(what_is_no_event_says_why_and_quotes_nothing),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(the_region_of_a_queue_is_in_its_url),
    };
    sqs_event_init(&event);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sqs_event_fini(&event);
    return failed;
}
