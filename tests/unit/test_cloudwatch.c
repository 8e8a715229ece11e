/* source/cloudwatch: operands; source/seen: what was handed on lately. */
#include "source/cloudwatch_internal.h"
#include "unit.h"

static void parsed(const char *operand, const char *region, const char *account, const char *group)
{
    struct cloudwatch_operand o;
    assert_true(cloudwatch_is(operand));
    assert_true(cloudwatch_parse(operand, &o));
    assert_string_equal(o.region, region);
    assert_string_equal(o.account, account);
    assert_true(str_eq(o.group, str_from(group)));
}

static void an_operand_names_group_region_and_account(void **state)
{
    (void)state;
    parsed("cloudwatch:bedrock", "", "", "bedrock");
    parsed("cloudwatch:/aws/bedrock/a_b-c.d#1", "", "", "/aws/bedrock/a_b-c.d#1");
    parsed("cloudwatch:/team-*/bedrock", "", "", "/team-*/bedrock");
    parsed("cloudwatch:eu-west-1:g", "eu-west-1", "", "g");
    parsed("cloudwatch:eu-west-1:012345678901:g", "eu-west-1", "012345678901", "g");
    parsed("cloudwatch:arn:aws:logs:us-gov-west-1:012345678901:log-group:/a/b", "us-gov-west-1",
           "012345678901", "/a/b");
    parsed("cloudwatch:arn:aws-cn:logs:cn-north-1:012345678901:log-group:g:*", "cn-north-1",
           "012345678901", "g");
}

static void what_is_no_operand_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "cloudwatch:",
        "cloudwatch::g",
        "cloudwatch:eu-west-1:",
        "cloudwatch:eu-west-1::g",
        "cloudwatch:eu west:g",
        "cloudwatch:eu-west-1:12345:g",
        "cloudwatch:eu-west-1:01234567890x:g",
        "cloudwatch:eu-west-1:012345678901:g:h",
        "cloudwatch:a b",
        "cloudwatch:a\nb",
        "cloudwatch:arn:aws:s3:eu-west-1:012345678901:log-group:g",
        "cloudwatch:arn:aws:logs:eu-west-1:012345678901:log-stream:g",
        "cloudwatch:arn:aws:logs::012345678901:log-group:g",
        "cloudwatch:arn:aws:logs:eu-west-1::log-group:g",
        "cloudwatch:arn:aws:logs:eu-west-1:012345678901:log-group:",
        "s3://bucket",
    };
    struct cloudwatch_operand o;
    char longest[600] = "cloudwatch:";
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(cloudwatch_parse(bad[i], &o));
    memset(longest + 11, 'a', 512);
    assert_true(cloudwatch_parse(longest, &o));
    longest[11 + 512] = 'a';
    assert_false(cloudwatch_parse(longest, &o));
}

static void what_was_seen_is_known_until_it_is_old(void **state)
{
    (void)state;
    enum { EVENTS = 100000, LASTING = 5000 };
    struct seen s = {0};
    assert_false(seen_has(&s, 0));
    for (int i = 0; i < EVENTS; i++) {
        uint64_t hash = (uint64_t)i * UINT64_C(0x9E3779B97F4A7C15);
        assert_false(seen_has(&s, hash));
        assert_int_equal(seen_add(&s, hash, i, i - LASTING, NULL), OK);
        assert_int_equal(seen_add(&s, hash, i, i - LASTING, NULL), OK);
        assert_true(seen_has(&s, hash));
        if (i >= LASTING)
            assert_true(seen_has(&s, (uint64_t)(i - LASTING + 1) * UINT64_C(0x9E3779B97F4A7C15)));
    }
    assert_true(s.cap <= 4 * LASTING * 2);
    seen_fini(&s);
}

static void the_set_is_bounded(void **state)
{
    (void)state;
    struct seen s = {0};
    for (uint64_t i = 1; i < (uint64_t)SEEN_MAX * 2; i++)
        assert_int_equal(seen_add(&s, hash_mix(i, 1), 0, 0, NULL), OK);
    assert_true(s.cap <= SEEN_MAX);
    assert_true(seen_has(&s, hash_mix((uint64_t)SEEN_MAX * 2 - 1, 1)));
    seen_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operand_names_group_region_and_account),
        cmocka_unit_test(what_is_no_operand_is_refused),
        cmocka_unit_test(what_was_seen_is_known_until_it_is_old),
        cmocka_unit_test(the_set_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
