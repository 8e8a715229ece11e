/* model/model_id: the table of the price facts, section 8.5, and naming rules 1 to 12. */
#include "base/clock.h"
#include "model/model_id.h"
#include "model/prices.h"
#include "price_text.h"
#include "unit.h"

static struct pricing *pricing;

static int load(void **state)
{
    (void)state;
    return pricing_new(&pricing, NULL);
}

static int unload(void **state)
{
    (void)state;
    pricing_free(pricing);
    return 0;
}

/* The pattern of the row that wins at 2026-10-20, "none" without one. */
static struct str winner(const char *id, const char *region)
{
    struct price_key key = {.region = str_from(region),
                            .model_id = str_from(id),
                            .time_us = INT64_C(20746) * US_PER_DAY};
    struct price_match m;
    pricing_find(pricing, &key, &m);
    return m.rows ? pricing_book(pricing)->rows[m.row[0].row].pattern : STR("none");
}

#define FM "arn:aws:bedrock:us-east-1::foundation-model/"
#define RUNTIME "arn:aws:bedrock:us-west-2:111122223333:"

/* clang-format off */
static const struct {
    const char *input, *region, *base, *scope, *pattern;
} table[] = {
    {"anthropic.claude-opus-5-5", "us-east-1", "anthropic.claude-opus-5-5", "in-region",
     "anthropic.claude-opus-5-5*"},
    {"us.anthropic.claude-opus-4-8", "us-east-1", "anthropic.claude-opus-4-8", "geo",
     "anthropic.claude-opus-4-8*"},
    {"global.anthropic.claude-sonnet-4-6", "us-east-1", "anthropic.claude-sonnet-4-6", "global",
     "anthropic.claude-sonnet-4-6*"},
    {"eu.anthropic.claude-haiku-4-5-20251001-v1:0", "eu-west-1",
     "anthropic.claude-haiku-4-5-20251001-v1:0", "geo", "anthropic.claude-haiku-4-5*"},
    {"apac.anthropic.claude-3-5-sonnet-20240620-v1:0", "ap-south-1",
     "anthropic.claude-3-5-sonnet-20240620-v1:0", "geo", "anthropic.claude-3-5-sonnet-20240620*"},
    {"jp.anthropic.claude-sonnet-5", "ap-northeast-1", "anthropic.claude-sonnet-5", "geo",
     "anthropic.claude-sonnet-5"},
    {"au.anthropic.claude-opus-4-7", "ap-southeast-2", "anthropic.claude-opus-4-7", "geo",
     "anthropic.claude-opus-4-7*"},
    {"ca.amazon.nova-lite-v1:0", "ca-central-1", "amazon.nova-lite-v1:0", "geo",
     "ca-central-1/amazon.nova-lite-v1*"},
    {"in.anthropic.claude-opus-5", "ap-south-1", "anthropic.claude-opus-5", "geo",
     "anthropic.claude-opus-5"},
    {"us-gov.anthropic.claude-opus-4-8", "us-gov-west-1", "anthropic.claude-opus-4-8", "geo",
     "us-gov-*/anthropic.claude-opus-4-8*"},
    {FM "anthropic.claude-3-haiku-20240307-v1:0", "us-east-1",
     "anthropic.claude-3-haiku-20240307-v1:0", "in-region", "anthropic.claude-3-haiku-20240307*"},
    {RUNTIME "inference-profile/us.anthropic.claude-haiku-5-5", "us-west-2",
     "anthropic.claude-haiku-5-5", "geo", "anthropic.claude-haiku-5-5*"},
    {RUNTIME "application-inference-profile/abc123xyz", "us-west-2", "", "", "none"},
    {RUNTIME "custom-model/amazon.titan-text-lite-v1:0:4k/abcdef", "us-west-2", "", "", "none"},
    {"openai.gpt-5.4-2026-03-05", "us-east-1", "openai.gpt-5.4-2026-03-05", "in-region",
     "openai.gpt-5.4*"},
    {"openai.gpt-5.4-mini", "us-east-1", "openai.gpt-5.4-mini", "in-region", "none"},
    {"xai.grok-4.6", "us-east-1", "xai.grok-4.6", "in-region", "xai.grok-4.6*"},
    {"us.xai.grok-4.6", "us-east-1", "xai.grok-4.6", "geo", "xai.grok-4.6*"},
    {"us.deepseek.r1-v1:0", "us-east-1", "deepseek.r1-v1:0", "geo", "deepseek.r1-v1*"},
    {"deepseek.v3.2", "us-east-1", "deepseek.v3.2", "in-region", "deepseek.v3.2*"},
    {"zai.glm-4.7-flash", "us-east-1", "zai.glm-4.7-flash", "in-region", "zai.glm-4.7-flash*"},
    {"minimax.minimax-m2.1", "us-east-1", "minimax.minimax-m2.1", "in-region",
     "minimax.minimax-m2.1*"},
    {"anthropic.claude-opus-5-v1:0", "us-east-1", "anthropic.claude-opus-5-v1:0", "in-region",
     "anthropic.claude-opus-5"},
    {"anthropic.claude-v2:0:18k", "us-east-1", "anthropic.claude-v2:0", "in-region",
     "anthropic.claude-v2"},
    {"anthropic.claude-instant-v1:2:100k", "us-east-1", "anthropic.claude-instant-v1:2",
     "in-region", "anthropic.claude-instant-v1*"},
    {"amazon.nova-2-lite-v1:0:256k", "us-east-1", "amazon.nova-2-lite-v1:0", "in-region",
     "amazon.nova-2-lite-v1*"},
    {"bedrock/us.anthropic.claude-opus-4-8[1m]", "us-east-1", "anthropic.claude-opus-4-8", "geo",
     "anthropic.claude-opus-4-8*"},
    {"kr.anthropic.claude-sonnet-5", "ap-northeast-2", "anthropic.claude-sonnet-5", "geo",
     "anthropic.claude-sonnet-5"},
    {"xx.acme.model-1", "us-east-1", "xx.acme.model-1", "in-region", "none"},
    {"anthropic.claude-opus-4-1", "us-east-1", "anthropic.claude-opus-4-1", "in-region", "none"},
    {"anthropic.claude-fable-5-2", "us-east-1", "anthropic.claude-fable-5-2", "in-region", "none"},
};
/* clang-format on */

static void the_table_of_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        print_message("# %s\n", table[i].input);
        struct model_id id = model_id_parse(str_from(table[i].input));
        assert_str(id.base, table[i].base);
        assert_str(model_scope_name(id.scope), table[i].scope);
        assert_str(winner(table[i].input, table[i].region), table[i].pattern);
    }
}

static void rule_1_bare_is_in_region_global_is_global_the_rest_is_geo(void **state)
{
    (void)state;
    static const char *const geo[] = {"us", "eu", "apac",   "jp", "au",
                                      "ca", "in", "us-gov", "ap", "kr"};
    assert_int_equal(model_id_parse(STR("anthropic.claude-opus-5")).scope, SCOPE_IN_REGION);
    assert_int_equal(model_id_parse(STR("global.anthropic.claude-opus-5")).scope, SCOPE_GLOBAL);
    for (size_t i = 0; i < sizeof geo / sizeof geo[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s.anthropic.claude-opus-5", geo[i]);
        struct model_id id = model_id_parse(str_from(text));
        assert_int_equal(id.scope, SCOPE_GEO);
        assert_str(id.geo, geo[i]);
        assert_str(id.base, "anthropic.claude-opus-5");
    }
}

static void rule_2_a_prefix_is_all_the_text_before_the_first_dot(void **state)
{
    (void)state;
    assert_str(model_id_parse(STR("us-gov.anthropic.claude-opus-4-8")).geo, "us-gov");
    struct model_id id = model_id_parse(STR("usanthropic.claude-opus-4-8"));
    assert_int_equal(id.scope, SCOPE_IN_REGION);
    assert_str(id.base, "usanthropic.claude-opus-4-8");
}

static void rule_3_dots_inside_an_id_are_no_prefix(void **state)
{
    (void)state;
    static const char *const ids[] = {"xai.grok-4.6", "deepseek.v3.2", "zai.glm-4.7",
                                      "openai.gpt-5.4", "openai.gpt-5.6-sol"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct model_id id = model_id_parse(str_from(ids[i]));
        assert_str(id.base, ids[i]);
        assert_int_equal(id.kind, MODEL_FOUNDATION);
    }
}

static void rule_4_an_unknown_prefix_before_a_vendor_is_geo_and_flagged(void **state)
{
    (void)state;
    struct model_id id = model_id_parse(STR("mars-west.anthropic.claude-opus-5"));
    assert_int_equal(id.scope, SCOPE_GEO);
    assert_true(id.unknown_prefix);
    assert_str(id.base, "anthropic.claude-opus-5");
    assert_true(model_id_parse(STR("kr.anthropic.claude-sonnet-5")).unknown_prefix);
    assert_false(model_id_parse(STR("jp.anthropic.claude-sonnet-5")).unknown_prefix);
    id = model_id_parse(STR("mars.acme.model"));
    assert_str(id.base, "mars.acme.model");
    assert_str(winner("mars.acme.model", "us-east-1"), "none");
    assert_false(model_id_parse(STR("m4rs.anthropic.claude-opus-5")).unknown_prefix);
}

static void rule_5_arns_of_all_partitions_equal_their_plain_ids(void **state)
{
    (void)state;
    static const char *const partitions[] = {"aws", "aws-us-gov", "aws-cn"};
    for (size_t i = 0; i < 3; i++) {
        char text[160];
        snprintf(text, sizeof text, "arn:%s:bedrock:us-east-1::foundation-model/%s", partitions[i],
                 "anthropic.claude-3-haiku-20240307-v1:0");
        struct model_id id = model_id_parse(str_from(text));
        assert_str(id.base, "anthropic.claude-3-haiku-20240307-v1:0");
        assert_int_equal(id.scope, SCOPE_IN_REGION);
        snprintf(text, sizeof text, "arn:%s:bedrock:us-east-1:111122223333:inference-profile/%s",
                 partitions[i], "us.anthropic.claude-opus-4-8");
        id = model_id_parse(str_from(text));
        assert_str(id.base, "anthropic.claude-opus-4-8");
        assert_int_equal(id.scope, SCOPE_GEO);
        assert_str(id.arn_region, "us-east-1");
    }
}

static void rule_6_colons_in_the_last_arn_part_survive(void **state)
{
    (void)state;
    assert_str(model_id_parse(STR(FM "anthropic.claude-v2:1")).base, "anthropic.claude-v2:1");
    assert_str(model_id_parse(STR(RUNTIME "inference-profile/us.deepseek.r1-v1:0")).base,
               "deepseek.r1-v1:0");
}

static void rule_7_an_application_profile_is_never_split_into_a_name(void **state)
{
    (void)state;
    struct model_id id =
        model_id_parse(STR(RUNTIME "application-inference-profile/anthropic.claude-opus-5"));
    assert_int_equal(id.kind, MODEL_APPLICATION_PROFILE);
    assert_int_equal(id.base.n, 0);
}

static void rule_8_context_sizes_and_client_noise_fall_off(void **state)
{
    (void)state;
    static const char *const same[] = {
        "anthropic.claude-3-sonnet-20240229-v1:0:200k",
        "anthropic.claude-3-sonnet-20240229-v1:0:28k",
        " anthropic.claude-3-sonnet-20240229-v1:0\n",
        "bedrock/anthropic.claude-3-sonnet-20240229-v1:0",
        "bedrock/us-east-1/anthropic.claude-3-sonnet-20240229-v1:0",
        "bedrock/us-gov-west-1/anthropic.claude-3-sonnet-20240229-v1:0",
        "bedrock/converse/anthropic.claude-3-sonnet-20240229-v1:0",
        "bedrock/invoke/anthropic.claude-3-sonnet-20240229-v1:0",
        "bedrock_mantle/anthropic.claude-3-sonnet-20240229-v1:0[1m]",
        "anthropic.claude-3-sonnet-20240229-v1:0:1m"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        assert_str(model_id_parse(str_from(same[i])).base,
                   "anthropic.claude-3-sonnet-20240229-v1:0");
    assert_str(winner("anthropic.claude-opus-4-5@20251101", "us-east-1"),
               "anthropic.claude-opus-4-5*");
    assert_str(winner("anthropic.claude-opus-5@20260724", "us-east-1"), "anthropic.claude-opus-5");
    assert_str(winner("ANTHROPIC.Claude-Opus-5", "us-east-1"), "anthropic.claude-opus-5");
}

static void rule_9_versions_may_fall_off_but_another_model_is_another(void **state)
{
    (void)state;
    assert_str(winner("anthropic.claude-opus-5-v1:0", "us-east-1"), "anthropic.claude-opus-5");
    assert_str(winner("anthropic.claude-opus-5-20260724-v1:0", "us-east-1"),
               "anthropic.claude-opus-5");
    assert_str(winner("anthropic.claude-opus-5-5", "us-east-1"), "anthropic.claude-opus-5-5*");
}

static void rule_10_no_family_default_exists(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "anthropic.claude-opus-6",    "anthropic.claude-fable-5-2", "zai.glm-6",
        "anthropic.claude-opus-4-50", "minimax.minimax-m2.7",       "anthropic.claude-sonnet-5-6"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        assert_str(winner(ids[i], "us-east-1"), "none");
}

static void rule_11_a_tail_that_is_no_version_is_another_model(void **state)
{
    (void)state;
    static const char *const ids[] = {"openai.gpt-5.4-mini", "anthropic.claude-opus-4-8-fast",
                                      "openai.gpt-5.5-pro-2026-04-01", "anthropic.claude-opus-4-81",
                                      "anthropic.claude-opus-4-8-202605281"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        assert_str(winner(ids[i], "us-east-1"), "none");
    assert_str(winner("openai.gpt-oss-20b-1:0", "us-east-1"), "openai.gpt-oss-20b*");
}

static void rule_12_hourly_arns_have_their_kind(void **state)
{
    (void)state;
    static const struct {
        const char *arn;
        enum model_kind kind;
    } arns[] = {
        {RUNTIME "provisioned-model/abc", MODEL_PROVISIONED},
        {RUNTIME "custom-model/amazon.titan-text-lite-v1:0:4k/abc", MODEL_CUSTOM},
        {RUNTIME "custom-model-deployment/abc", MODEL_CUSTOM},
        {RUNTIME "imported-model/abc", MODEL_IMPORTED},
        {RUNTIME "marketplace/model-endpoint/all-access", MODEL_ENDPOINT},
        {"arn:aws:sagemaker:us-west-2:111122223333:endpoint/x", MODEL_ENDPOINT},
        {RUNTIME "prompt/ABC:1", MODEL_PROMPT},
        {RUNTIME "prompt-router/abc", MODEL_PROMPT_ROUTER},
        {RUNTIME "default-prompt-router/anthropic.claude:1", MODEL_PROMPT_ROUTER},
        {RUNTIME "flow/abc", MODEL_OTHER_ARN},
        {"arn:", MODEL_OTHER_ARN},
        {"arn:aws:bedrock", MODEL_OTHER_ARN},
    };
    for (size_t i = 0; i < sizeof arns / sizeof arns[0]; i++) {
        struct model_id id = model_id_parse(str_from(arns[i].arn));
        assert_int_equal(id.kind, arns[i].kind);
        assert_int_equal(id.base.n, 0);
        assert_true(model_kind_reason(id.kind).n > 0);
    }
    assert_int_equal(model_id_parse(STR("")).kind, MODEL_NONE);
    assert_int_equal(model_id_parse(STR(" ")).kind, MODEL_NONE);
}

static void bodies_name_claude_without_vendor_and_variant(void **state)
{
    (void)state;
    char text[64];
    size_t n;
    assert_true(model_from_body(STR("claude-3-haiku-48k-20240307"), text, sizeof text, &n));
    assert_str(str_of(text, n), "anthropic.claude-3-haiku-20240307");
    assert_true(model_from_body(STR("claude-sonnet-5"), text, sizeof text, &n));
    assert_str(str_of(text, n), "anthropic.claude-sonnet-5");
    assert_false(model_from_body(STR("gpt-5.4"), text, sizeof text, &n));
    assert_false(model_from_body(STR("claude-sonnet-5"), text, 20, &n));
}

static void families_and_providers_are_for_grouping(void **state)
{
    (void)state;
    static const struct {
        const char *base, *provider, *family;
    } rows[] = {
        {"anthropic.claude-opus-4-8", "anthropic", "claude-opus"},
        {"anthropic.claude-3-5-sonnet-20240620-v1:0", "anthropic", "claude-sonnet"},
        {"anthropic.claude-v2:1", "anthropic", "claude"},
        {"anthropic.claude-saga-7", "anthropic", "claude-saga"},
        {"claude-haiku-5-5", "anthropic", "claude-haiku"},
        {"amazon.nova-2-lite-v1:0", "amazon", "nova-lite"},
        {"amazon.nova-pro-v1:0", "amazon", "nova-pro"},
        {"amazon.titan-embed-text-v2:0", "amazon", "titan-embed"},
        {"meta.llama3-1-70b-instruct-v1:0", "meta", "llama"},
        {"openai.gpt-5.6-sol", "openai", "gpt"},
        {"openai.gpt-oss-120b-1:0", "openai", "gpt-oss"},
        {"deepseek.v3.2", "deepseek", "deepseek"},
        {"zai.glm-4.7-flash", "zai", "glm"},
        {"qwen.qwen3-coder-30b-a3b-v1:0", "qwen", "qwen3-coder"},
        {"", "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_str(model_provider(str_from(rows[i].base)), rows[i].provider);
        assert_str(model_family(str_from(rows[i].base)), rows[i].family);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_of_forms),
        cmocka_unit_test(rule_1_bare_is_in_region_global_is_global_the_rest_is_geo),
        cmocka_unit_test(rule_2_a_prefix_is_all_the_text_before_the_first_dot),
        cmocka_unit_test(rule_3_dots_inside_an_id_are_no_prefix),
        cmocka_unit_test(rule_4_an_unknown_prefix_before_a_vendor_is_geo_and_flagged),
        cmocka_unit_test(rule_5_arns_of_all_partitions_equal_their_plain_ids),
        cmocka_unit_test(rule_6_colons_in_the_last_arn_part_survive),
        cmocka_unit_test(rule_7_an_application_profile_is_never_split_into_a_name),
        cmocka_unit_test(rule_8_context_sizes_and_client_noise_fall_off),
        cmocka_unit_test(rule_9_versions_may_fall_off_but_another_model_is_another),
        cmocka_unit_test(rule_10_no_family_default_exists),
        cmocka_unit_test(rule_11_a_tail_that_is_no_version_is_another_model),
        cmocka_unit_test(rule_12_hourly_arns_have_their_kind),
        cmocka_unit_test(bodies_name_claude_without_vendor_and_variant),
        cmocka_unit_test(families_and_providers_are_for_grouping),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
