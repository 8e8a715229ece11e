/* aws/chain, aws/endpoint: which way leads to keys, and where a service answers. */
#include "aws/chain.h"
#include "aws/endpoint.h"
#include "aws_fixture.h"
#include "unit.h"

#include <stdio.h>

static const char files[] = "[default]\naws_access_key_id=AKIAD\naws_secret_access_key=x\n"
                            "[profile keys]\naws_access_key_id=AKIAK\naws_secret_access_key=x\n"
                            "[profile role]\nrole_arn=arn:r\nsource_profile=keys\n"
                            "[profile top]\nrole_arn=arn:t\nsource_profile=role\n"
                            "[profile empty]\nregion=x\n"
                            "[profile a]\nrole_arn=arn:a\nsource_profile=b\n"
                            "[profile b]\nrole_arn=arn:b\nsource_profile=a\n"
                            "[profile mfa]\nrole_arn=arn:m\nsource_profile=keys\nmfa_serial=s\n";

/* The way in words; of a refusal the status and the text. */
static void check(struct world *w, struct aws_settings s, const char *wanted)
{
    struct aws_config *c = parse_config(files, "");
    struct chain chain;
    struct err err = {0};
    char text[512];
    struct buf out;
    buf_on(&out, text, sizeof text - 1);
    s.machine = world_machine(w);
    if (chain_find(&s, c, &chain, &err) == OK)
        chain_describe(&chain, &out);
    else
        buf_printf(&out, "%d: %s", (int)err.status, err.text);
    text[out.n] = '\0';
    if (!strstr(text, wanted))
        fail_msg("'%s' is not in '%s'", wanted, text);
    config_free(c);
}

static void profiles_lead_to_keys_and_roles(void **state)
{
    (void)state;
    struct world w = {0};
    check(&w, (struct aws_settings){0}, "profile default (keys in a file)");
    check(&w, (struct aws_settings){.profile = "keys"}, "profile keys (keys in a file)");
    check(&w, (struct aws_settings){.profile = "role"},
          "profile keys (keys in a file), then role arn:r");
    check(&w, (struct aws_settings){.profile = "top", .role_arn = "arn:x"},
          "profile keys (keys in a file), then role arn:r, then role arn:t, then role arn:x");
    check(&w, (struct aws_settings){.profile = "empty"}, "the instance");
}

static void the_environment_comes_before_all_but_a_profile_of_the_settings(void **state)
{
    (void)state;
    struct world w = {0};
    world_set(&w, "AWS_ACCESS_KEY_ID", "A");
    world_set(&w, "AWS_SECRET_ACCESS_KEY", "S");
    world_set(&w, "AWS_PROFILE", "keys");
    check(&w, (struct aws_settings){0}, "the environment");
    check(&w, (struct aws_settings){.profile = "role"}, "profile keys");
    world_set(&w, "AWS_ACCESS_KEY_ID", "");
    check(&w, (struct aws_settings){0}, "profile keys");
    world_set(&w, "AWS_ACCESS_KEY_ID", "A");
    world_set(&w, "AWS_SECRET_ACCESS_KEY", NULL);
    check(&w, (struct aws_settings){0}, "AWS_SECRET_ACCESS_KEY is not");
}

static void containers_and_web_identities(void **state)
{
    (void)state;
    struct world w = {0};
    world_set(&w, "AWS_PROFILE", "empty");
    world_set(&w, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
    check(&w, (struct aws_settings){0}, "the container");
    world_set(&w, "AWS_WEB_IDENTITY_TOKEN_FILE", "/t");
    check(&w, (struct aws_settings){0}, "no role: set AWS_ROLE_ARN");
    world_set(&w, "AWS_ROLE_ARN", "arn:w");
    check(&w, (struct aws_settings){0}, "web identity");
    check(&w, (struct aws_settings){.profile = "empty"}, "the container");
    check(&w, (struct aws_settings){.profile = "keys"}, "profile keys (keys in a file)");
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct world w = {0};
    check(&w, (struct aws_settings){.profile = "none"}, "10: the AWS profile none is neither");
    check(&w, (struct aws_settings){.profile = "a"}, "10: source_profile leads back to");
    check(&w, (struct aws_settings){.profile = "mfa"}, "10: the profile mfa wants an MFA code");
}

static void long_chains_of_roles_are_refused(void **state)
{
    (void)state;
    struct world w = {0};
    struct aws_settings s = {.profile = "r0", .machine = world_machine(&w)};
    char text[4096];
    int n = 0;
    for (int i = 0; i < 20; i++)
        n += snprintf(text + n, sizeof text - (size_t)n,
                      "[profile r%d]\nrole_arn=arn:%d\nsource_profile=r%d\n", i, i, i + 1);
    snprintf(text + n, sizeof text - (size_t)n,
             "[profile r20]\naws_access_key_id=A\naws_secret_access_key=x\n");
    struct aws_config *c = parse_config(text, "");
    struct chain chain;
    struct err err = {0};
    assert_int_equal(chain_find(&s, c, &chain, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "roles are chained"));
    config_free(c);
}

static void check_endpoint(struct world *w, const char *config, const char *service,
                           const char *region, const char *wanted)
{
    struct aws_config *c = parse_config(config, "");
    struct aws_machine m = world_machine(w);
    struct endpoint_settings s = {&m, c, "p"};
    struct endpoint e;
    struct err err = {0};
    char text[700];
    if (endpoint_find(&s, service, region, &e, &err) == OK) {
        snprintf(text, sizeof text, "%s://%s:%d%s", e.scheme, e.host, e.port, e.base_path);
        assert_int_equal(e.own, endpoint_is_own(&s, service));
    } else {
        snprintf(text, sizeof text, "%d", (int)err.status);
    }
    assert_string_equal(text, wanted);
    config_free(c);
}

static void endpoints_of_aws_follow_region_and_variant(void **state)
{
    (void)state;
    struct world w = {0};
    check_endpoint(&w, "", "s3", "eu-west-1", "https://s3.eu-west-1.amazonaws.com:0");
    check_endpoint(&w, "", "logs", "cn-north-1", "https://logs.cn-north-1.amazonaws.com.cn:0");
    check_endpoint(&w, "", "sso", "eu-west-1", "https://portal.sso.eu-west-1.amazonaws.com:0");
    check_endpoint(&w, "", "ec2", "eu-west-1", "10");
    check_endpoint(&w, "", "s3", "eu west", "10");
    check_endpoint(&w, "", "s3", "x.evil.example", "10");
    check_endpoint(&w, "", "s3", "-a", "10");
    world_set(&w, "AWS_USE_FIPS_ENDPOINT", "True");
    check_endpoint(&w, "", "s3", "us-east-1", "https://s3-fips.us-east-1.amazonaws.com:0");
    check_endpoint(&w, "", "s3", "cn-north-1", "10");
    check_endpoint(&w, "", "sqs", "us-gov-west-1", "https://sqs.us-gov-west-1.amazonaws.com:0");
    world_set(&w, "AWS_USE_DUALSTACK_ENDPOINT", "true");
    check_endpoint(&w, "", "s3", "us-east-1",
                   "https://s3-fips.dualstack.us-east-1.amazonaws.com:0");
    check_endpoint(&w, "", "sqs", "us-gov-west-1", "https://sqs-fips.us-gov-west-1.api.aws:0");
}

static void the_nearest_endpoint_of_the_user_counts(void **state)
{
    (void)state;
    struct world w = {0};
    const char config[] = "[profile p]\nservices = l\nendpoint_url = http://p:1\n[services l]\n"
                          "s3 =\n  endpoint_url = https://s:2/base//\n";
    check_endpoint(&w, config, "s3", "eu-west-1", "https://s:2/base");
    check_endpoint(&w, config, "sqs", "eu-west-1", "http://p:1");
    world_set(&w, "AWS_ENDPOINT_URL", "http://[::1]:3");
    check_endpoint(&w, config, "s3", "eu-west-1", "http://[::1]:3");
    world_set(&w, "AWS_ENDPOINT_URL_S3", "http://v");
    check_endpoint(&w, config, "s3", "eu-west-1", "http://v:0");
    check_endpoint(&w, config, "logs", "eu-west-1", "http://[::1]:3");
    world_set(&w, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://l");
    check_endpoint(&w, config, "logs", "eu-west-1", "http://l:0");
    world_set(&w, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    check_endpoint(&w, config, "logs", "eu-west-1", "https://logs.eu-west-1.amazonaws.com:0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_lead_to_keys_and_roles),
        cmocka_unit_test(the_environment_comes_before_all_but_a_profile_of_the_settings),
        cmocka_unit_test(containers_and_web_identities),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(long_chains_of_roles_are_refused),
        cmocka_unit_test(endpoints_of_aws_follow_region_and_variant),
        cmocka_unit_test(the_nearest_endpoint_of_the_user_counts),
    };
    return cmocka_run_group_tests_name("aws_chain", tests, NULL, NULL);
}
