/* aws/credentials: when keys are got again. The source is the environment, which a test can change
 * between two calls; the clock is the test's. */
#include "aws/call_internal.h"
#include "aws_fixture.h"
#include "unit.h"

#include <stdio.h>

#define MINUTE (60 * US_PER_SECOND)

struct fixture {
    struct world w;
    struct aws_credentials *c;
    char expires[TIME_TEXT];
};

/* From now on the environment holds these keys, good for so long from now. */
static void offer(struct fixture *f, const char *id, int64_t life_us)
{
    size_t n = time_format(f->expires, f->w.now_us + life_us);
    f->expires[n] = '\0';
    world_set(&f->w, "AWS_ACCESS_KEY_ID", id);
    world_set(&f->w, "AWS_SECRET_ACCESS_KEY", "SECRET");
    world_set(&f->w, "AWS_SESSION_TOKEN", id);
    world_set(&f->w, "AWS_CREDENTIAL_EXPIRATION", f->expires);
}

static void begin(struct fixture *f, int64_t life_us)
{
    struct err err = {0};
    *f = (struct fixture){.w = {.now_us = INT64_C(1790000000) * US_PER_SECOND}};
    offer(f, "ONE", life_us);
    struct aws_settings s = {.machine = world_machine(&f->w)};
    if (aws_credentials_new(&s, &f->c, &err) != OK)
        fail_msg("%s", err.text);
}

static void check(struct fixture *f, const char *wanted)
{
    struct aws_keys k;
    struct err err = {0};
    enum status status = aws_credentials_get(f->c, NULL, NULL, &k, &err);
    if (!wanted) {
        assert_int_equal(status, ERR_ACCESS);
        assert_null(strstr(err.text, "SECRET"));
        return;
    }
    if (status != OK)
        fail_msg("%s", err.text);
    assert_string_equal(k.access_key_id, wanted);
    aws_keys_wipe(&k);
    assert_null(k.secret);
}

static void keys_are_got_again_five_minutes_before_their_end(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 60 * MINUTE);
    check(&f, "ONE");
    offer(&f, "TWO", 120 * MINUTE);
    f.w.now_us += 54 * MINUTE;
    check(&f, "ONE");
    f.w.now_us += MINUTE + US_PER_SECOND;
    check(&f, "TWO");
    aws_credentials_free(f.c);
}

static void keys_of_a_short_life_later(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 4 * MINUTE);
    check(&f, "ONE");
    offer(&f, "TWO", 60 * MINUTE);
    f.w.now_us += 2 * MINUTE;
    check(&f, "ONE");
    f.w.now_us += MINUTE + US_PER_SECOND;
    check(&f, "TWO");
    aws_credentials_free(f.c);
}

static void old_keys_go_on_while_new_ones_cannot_be_had(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 60 * MINUTE);
    check(&f, "ONE");
    world_set(&f.w, "AWS_CREDENTIAL_EXPIRATION", "broken");
    f.w.now_us += 56 * MINUTE;
    check(&f, "ONE");
    f.w.now_us += 3 * MINUTE + 59 * US_PER_SECOND;
    check(&f, "ONE");
    f.w.now_us += 2 * US_PER_SECOND;
    assert_int_equal(aws_credentials_get(f.c, NULL, NULL, &(struct aws_keys){0}, NULL), ERR_USAGE);
    offer(&f, "TWO", 60 * MINUTE);
    check(&f, "TWO");
    aws_credentials_free(f.c);
}

static void expired_keys_are_never_given(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 60 * MINUTE);
    check(&f, "ONE");
    f.w.now_us += 60 * MINUTE;
    check(&f, NULL);
    aws_credentials_free(f.c);
}

static void rejected_keys_are_got_again_once(void **state)
{
    (void)state;
    struct fixture f;
    struct aws_keys one = {0};
    begin(&f, 60 * MINUTE);
    assert_int_equal(aws_credentials_get(f.c, NULL, NULL, &one, NULL), OK);
    offer(&f, "TWO", 60 * MINUTE);
    check(&f, "ONE");
    assert_true(aws_credentials_reject(f.c, &one));
    check(&f, "TWO");
    /* Another thread that still had the first ones. */
    offer(&f, "THREE", 60 * MINUTE);
    assert_true(aws_credentials_reject(f.c, &one));
    check(&f, "TWO");
    aws_keys_wipe(&one);
    aws_credentials_free(f.c);
}

static void keys_are_rejected_at_most_every_five_seconds(void **state)
{
    (void)state;
    struct fixture f;
    struct aws_keys k = {0};
    begin(&f, 60 * MINUTE);
    assert_int_equal(aws_credentials_get(f.c, NULL, NULL, &k, NULL), OK);
    assert_true(aws_credentials_reject(f.c, &k));
    check(&f, "ONE");
    f.w.now_us += 4 * US_PER_SECOND;
    assert_false(aws_credentials_reject(f.c, &k));
    offer(&f, "TWO", 60 * MINUTE);
    check(&f, "ONE");
    f.w.now_us += 2 * US_PER_SECOND;
    assert_true(aws_credentials_reject(f.c, &k));
    check(&f, "TWO");
    aws_keys_wipe(&k);
    aws_credentials_free(f.c);
}

static void settings_are_copied_and_the_region_is_found(void **state)
{
    (void)state;
    struct world w = {.now_us = 1};
    char region[] = "eu-west-3";
    struct aws_settings s = {.region = region, .machine = world_machine(&w)};
    struct aws_credentials *c;
    struct err err = {0};
    world_set(&w, "AWS_REGION", "us-east-1");
    assert_int_equal(aws_credentials_new(&s, &c, &err), OK);
    memset(region, 'x', sizeof region - 1);
    assert_string_equal(aws_credentials_region(c), "eu-west-3");
    assert_string_equal(aws_credentials_source(c), "the instance");
    aws_credentials_free(c);
    s.region = NULL;
    assert_int_equal(aws_credentials_new(&s, &c, &err), OK);
    assert_string_equal(aws_credentials_region(c), "us-east-1");
    aws_credentials_free(c);
    world_set(&w, "AWS_REGION", "evil/");
    assert_int_equal(aws_credentials_new(&s, &c, &err), ERR_USAGE);
}

/* What an answer means. */

static void answer(struct aws_answer *a, int status, const char *headers, const char *body)
{
    aws_answer_init(a);
    a->http.status = status;
    buf_init(&a->http.headers, 4096);
    buf_init(&a->http.body, 1 << 20);
    buf_str(&a->http.headers, STR("HTTP/1.1 400 x\r\n"));
    buf_str(&a->http.headers, str_from(headers));
    buf_str(&a->http.body, str_from(body));
}

static void check_answer(int status, const char *headers, const char *body, const char *code,
                         enum status meaning, enum remedy remedy)
{
    struct aws_answer a;
    struct aws_call call = {.service = "s3", .action = "s3:GetObject", .subject = STR("bucket")};
    struct err err = {0};
    answer(&a, status, headers, body);
    snprintf(a.region, sizeof a.region, "eu-west-1");
    answer_read(&a, NULL, &call, STR(""));
    assert_string_equal(a.code, code);
    assert_int_equal(answer_refused(&a, &call, "eu-west-1", "me", &err), meaning);
    assert_int_equal(answer_remedy(&a, &call, "eu-west-1"), remedy);
    assert_non_null(strstr(err.text, "s3:GetObject on bucket: HTTP"));
    aws_answer_fini(&a);
}

static void codes_tell_what_went_wrong_and_what_helps(void **state)
{
    (void)state;
    check_answer(404, "", "", "", ERR_NOT_FOUND, REMEDY_NONE);
    check_answer(404, "", "<Error><Code>NoSuchKey</Code></Error>", "NoSuchKey", ERR_NOT_FOUND,
                 REMEDY_NONE);
    check_answer(403, "", "<Error><Code>AccessDenied</Code></Error>", "AccessDenied", ERR_ACCESS,
                 REMEDY_NONE);
    check_answer(400, "", "{\"__type\":\"ns#ExpiredTokenException\"}", "ExpiredTokenException",
                 ERR_ACCESS, REMEDY_KEYS);
    check_answer(403, "", "<Error><Code>RequestTimeTooSkewed</Code></Error>",
                 "RequestTimeTooSkewed", ERR_ACCESS, REMEDY_CLOCK);
    check_answer(400, "", "{\"code\":\"Throttling\"}", "Throttling", ERR_IO, REMEDY_WAIT_LONGER);
    check_answer(503, "", "", "", ERR_IO, REMEDY_WAIT);
    check_answer(501, "", "", "", ERR_IO, REMEDY_NONE);
    check_answer(301, "x-amz-bucket-region: us-east-2\r\n", "", "", ERR_IO, REMEDY_REGION);
    check_answer(400, "",
                 "<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-east-2"
                 "</Region></Error>",
                 "AuthorizationHeaderMalformed", ERR_IO, REMEDY_REGION);
    check_answer(400, "x-amzn-ErrorType: BadThing:http://x/\r\n", "{}", "BadThing", ERR_IO,
                 REMEDY_NONE);
    check_answer(400, "", "<!DOCTYPE x><Error><Code>X</Code></Error>", "", ERR_IO, REMEDY_NONE);
    check_answer(400, "", "{\"__type\":{\"x\":1},\"message\":[]}", "", ERR_IO, REMEDY_NONE);
}

static void check_date(const char *header, const char *wanted)
{
    struct aws_answer a;
    int64_t time_us = 0;
    char text[TIME_TEXT] = "";
    answer(&a, 403, header, "");
    if (answer_date(&a, &time_us))
        text[time_format(text, time_us)] = '\0';
    assert_string_equal(text, wanted);
    aws_answer_fini(&a);
}

static void dates_are_read(void **state)
{
    (void)state;
    check_date("Date: Tue, 14 Apr 2026 08:57:15 GMT\r\n", "2026-04-14T08:57:15Z");
    check_date("date:Sun, 06 Nov 1994 08:49:37 GMT\r\n", "1994-11-06T08:49:37Z");
    check_date("", "");
    check_date("Date: Tue, 14 Apr 2026 08:57:15 UTC\r\n", "");
    check_date("Date: Tue, 31 Feb 2026 08:57:15 GMT\r\n", "");
    check_date("Date: Tue, 14 apr 2026 08:57:15 GMT\r\n", "");
    check_date("Date: Tue, aa Apr 2026 08:57:15 GMT\r\n", "");
}

static void a_message_with_a_part_of_the_keys_is_left_out(void **state)
{
    (void)state;
    struct aws_keys k = {.access_key_id = (char[]){"AKIA"},
                         .secret = (char[]){"wJalrXUtnFEMI/K7MDENG"},
                         .session_token = (char[]){"FwoGZXIvYXdzEBYaDHqa0AP+more"}};
    static const char *const texts[] = {"is wJalrXUtnFEMI", "FwoGZXIvYXdzEBYaDHqa0AP+", "fine"};
    for (int i = 0; i < 3; i++) {
        struct aws_answer a;
        char body[200];
        snprintf(body, sizeof body, "<E><Code>C</Code><Message>%s/K7\nsecond</Message></E>",
                 texts[i]);
        answer(&a, 403, "", body);
        answer_read(&a, &k, &(struct aws_call){0}, STR(""));
        assert_string_equal(a.message, i == 2 ? "fine/K7" : "");
        aws_answer_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_got_again_five_minutes_before_their_end),
        cmocka_unit_test(keys_of_a_short_life_later),
        cmocka_unit_test(old_keys_go_on_while_new_ones_cannot_be_had),
        cmocka_unit_test(expired_keys_are_never_given),
        cmocka_unit_test(rejected_keys_are_got_again_once),
        cmocka_unit_test(keys_are_rejected_at_most_every_five_seconds),
        cmocka_unit_test(settings_are_copied_and_the_region_is_found),
        cmocka_unit_test(codes_tell_what_went_wrong_and_what_helps),
        cmocka_unit_test(dates_are_read),
        cmocka_unit_test(a_message_with_a_part_of_the_keys_is_left_out),
    };
    return cmocka_run_group_tests_name("aws_keys", tests, NULL, NULL);
}
