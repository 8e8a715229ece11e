/*
 * model/pricing and model/cost: what a record costs and how sure that is: rules 7, 12 and 30 to 46
 * of the price facts, section 16. Each case names its rule; amounts of whole records are in
 * test_worked_examples.c.
 */
#include "price_case.h"

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

#define PRICE(...) price_by(pricing, &(struct record){__VA_ARGS__})
#define PATTERN(priced) pricing_book(pricing)->rows[(priced).m.row[0].row].pattern
#define MTOK 1000000
#define RUNTIME "arn:aws:bedrock:us-west-2:111122223333:"
#define PROFILE RUNTIME "application-inference-profile/"

static void rule_7_profiles_are_priced_by_the_map_or_bounded_by_the_body(void **state)
{
    (void)state;
    struct pricing *p;
    assert_int_equal(pricing_new(&p, NULL), OK);
    const char *map =
        "arn,model,scope,name,regions,models\n" PROFILE
        "by-prefix,us.anthropic.claude-sonnet-4-6,,team a,,\n" PROFILE
        "by-scope,anthropic.claude-sonnet-4-6,global,,,\n" PROFILE
        "by-regions,anthropic.claude-sonnet-4-6,,,\"us-east-1, us-east-2\",\n" PROFILE
        "one-region,,,,,arn:aws:bedrock:eu-west-1::foundation-model/"
        "anthropic.claude-sonnet-4-6\n" PROFILE "no-region,,,,,arn:aws:bedrock:::foundation-model/"
        "anthropic.claude-sonnet-4-6\n" PROFILE "unknown-scope,anthropic.claude-sonnet-4-6,,,,\n";
    struct err err = {0};
    if (pricing_profiles(p, str_from(map), "profiles.csv", &err) != OK)
        fail_msg("%s", err.text);
    static const struct {
        const char *arn, *scope, *usd;
        enum outcome outcome;
    } cases[] = {
        {PROFILE "by-prefix", "geo", "3.3", OUTCOME_PRICED},
        {PROFILE "BY-PREFIX", "geo", "3.3", OUTCOME_PRICED},
        {PROFILE "by-scope", "global", "3", OUTCOME_PRICED},
        {PROFILE "by-regions", "geo", "3.3", OUTCOME_PRICED},
        {PROFILE "one-region", "in-region", "3.3", OUTCOME_PRICED},
        {PROFILE "no-region", "global", "3", OUTCOME_PRICED},
        {PROFILE "unknown-scope", "", "3", OUTCOME_BOUNDED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct priced_record r = price_by(p, &(struct record){.model = cases[i].arn, .in = MTOK});
        expect(r, cases[i].outcome, cases[i].usd);
        assert_str(r.m.scope, cases[i].scope);
        assert_str(r.m.model, "anthropic.claude-sonnet-4-6");
    }
    struct priced_record r = price_by(p, &(struct record){.model = PROFILE "by-prefix", .in = 1});
    assert_str(r.m.profile, "team a");
    assert_str(r.m.geo, "us");
    r = price_by(p, &(struct record){.model = PROFILE "gone", .in = MTOK});
    expect(r, OUTCOME_UNPRICED, "0");
    assert_str(r.reason, "profile not resolved");
    assert_int_equal(r.v.unpriced_tokens, MTOK);
    pricing_free(p);
}

static void rule_7_the_body_bounds_what_the_map_does_not_know(void **state)
{
    (void)state;
    struct priced_record r =
        PRICE(.model = PROFILE "x", .body = "claude-opus-4-5-20251101", .in = MTOK);
    expect(r, OUTCOME_BOUNDED, "5");
    assert_int_equal(r.v.cost_span, PICO_PER_USD / 2);
    assert_str(r.reason, "scope not known");
    assert_str(r.m.model, "anthropic.claude-opus-4-5");
    /* One price in every scope: one number. */
    r = PRICE(.model = PROFILE "x", .body = "claude-3-haiku-48k-20240307", .in = MTOK);
    expect(r, OUTCOME_PRICED, "0.25");
    assert_str(r.m.model, "anthropic.claude-3-haiku-20240307");
    /* It ran in another geography: only a global profile does that. */
    r = PRICE(.model = PROFILE "x", .body = "claude-opus-4-5-20251101",
              .inference_region = "ap-southeast-4", .in = MTOK);
    expect(r, OUTCOME_PRICED, "5");
    assert_str(r.m.scope, "global");
    r = PRICE(.model = PROFILE "x", .body = "claude-opus-4-5-20251101",
              .inference_region = "us-west-2", .in = MTOK);
    expect(r, OUTCOME_BOUNDED, "5");
    r = PRICE(.model = PROFILE "x", .body = "claude-opus-6", .in = MTOK);
    expect(r, OUTCOME_UNPRICED, "0");
    assert_str(r.reason, "unknown model");
    assert_str(r.m.model, "claude-opus-6");
    r = PRICE(.model = RUNTIME "prompt/ABC:1", .body = "claude-opus-4-5-20251101", .in = MTOK);
    expect(r, OUTCOME_BOUNDED, "5");
    /* Only geo and in-region have a price. */
    r = PRICE(.model = PROFILE "x", .body = "claude-mythos-5", .in = MTOK);
    expect(r, OUTCOME_ESTIMATED, "11");
}

static void rule_12_hourly_models_give_tokens_without_dollars(void **state)
{
    (void)state;
    static const char *const arns[] = {RUNTIME "provisioned-model/abc",
                                       RUNTIME "imported-model/abc",
                                       RUNTIME "custom-model/anthropic.claude-opus-5/abc",
                                       "arn:aws:sagemaker:us-west-2:111122223333:endpoint/x"};
    for (size_t i = 0; i < sizeof arns / sizeof arns[0]; i++) {
        struct priced_record r =
            PRICE(.model = arns[i], .body = "claude-opus-5", .in = 9000, .out = 1000);
        expect(r, OUTCOME_UNPRICED, "0");
        assert_int_equal(r.v.unpriced_tokens, 10000);
        assert_true(r.reason.n > 0);
    }
    struct priced_record r = PRICE(.model = arns[0], .in = 1);
    assert_str(r.reason, "provisioned throughput is billed by the hour");
}

static void rule_30_cached_tokens_are_added(void **state)
{
    (void)state;
    struct priced_record r =
        PRICE(.model = "global.anthropic.claude-opus-5", .in = MTOK, .read = MTOK);
    expect(r, OUTCOME_PRICED, "5.5");
    assert_int_equal(r.v.cost[TOKENS_INPUT], 5 * PICO_PER_USD);
    assert_int_equal(r.v.cost[TOKENS_CACHE_READ], PICO_PER_USD / 2);
}

static void rule_31_split_writes_have_two_rates(void **state)
{
    (void)state;
    expect(PRICE(.model = "global.anthropic.claude-opus-5", .w5 = MTOK, .w1 = MTOK), OUTCOME_PRICED,
           "16.25");
}

static void rule_32_an_unsplit_counter_is_bounded_exact_or_open(void **state)
{
    (void)state;
    struct priced_record r = PRICE(.model = "global.anthropic.claude-opus-5", .unsplit = MTOK);
    expect(r, OUTCOME_BOUNDED, "6.25");
    assert_int_equal(r.v.cost_span, 3750000000000);
    assert_str(r.reason, "cache TTL not known");
    expect(PRICE(.model = "us.anthropic.claude-opus-4-1-20250805-v1:0", .unsplit = MTOK),
           OUTCOME_PRICED, "18.75");
    r = PRICE(.model = "us.anthropic.claude-haiku-5-5", .unsplit = 100000);
    expect(r, OUTCOME_BOUNDED, "0.01375");
    assert_int_equal(r.v.cost_span, 0);
    assert_str(r.reason, "cache TTL not known, low end only");
    /* OpenAI sells one 30-minute write. */
    expect(PRICE(.model = "us.openai.gpt-6-sol", .unsplit = MTOK), OUTCOME_PRICED, "2.75");
    /* Nor a 5-minute rate: no price. */
    expect(PRICE(.model = "us.openai.gpt-5.4", .in = 1, .unsplit = 5), OUTCOME_PARTIAL,
           "0.00000275");
}

static void rule_33_the_threshold_is_strict_and_leaves_output_out(void **state)
{
    (void)state;
    const char *model = "global.anthropic.claude-haiku-5-5";
    expect(
        PRICE(.model = model, .in = 40000, .out = 900000, .read = 30000, .w5 = 20000, .w1 = 10000),
        OUTCOME_PRICED, "0.4588");
    struct priced_record r =
        PRICE(.model = model, .in = 40001, .read = 30000, .w5 = 20000, .w1 = 10000);
    expect(r, OUTCOME_PRICED, "0.0440005");
}

static void rule_34_above_it_every_class_is_long(void **state)
{
    (void)state;
    expect(PRICE(.model = "global.anthropic.claude-haiku-5-5", .in = 200000, .out = MTOK),
           OUTCOME_PRICED, "2.6");
}

static void rule_35_cached_tokens_alone_may_cross_it(void **state)
{
    (void)state;
    expect(PRICE(.model = "global.anthropic.claude-haiku-5-5", .read = 100001), OUTCOME_PRICED,
           "0.00500005");
    expect(PRICE(.model = "global.anthropic.claude-haiku-5-5", .unsplit = 100001), OUTCOME_BOUNDED,
           "0.062500625");
}

static void rule_36_retired_surcharges_are_gone(void **state)
{
    (void)state;
    static const struct {
        const char *model, *before, *after, *usd_before, *usd_after;
    } cases[] = {
        {"global.anthropic.claude-opus-4-6-v1", "2026-03-12T23:59:59Z", "2026-03-13T00:00:00Z",
         "10", "5"},
        {"global.anthropic.claude-sonnet-4-6", "2026-03-12T23:59:59Z", "2026-03-13T00:00:00Z", "6",
         "3"},
        {"global.anthropic.claude-sonnet-4-5-20250929-v1:0", "2026-04-29T23:59:59Z",
         "2026-04-30T00:00:00Z", "6", "3"},
        {"us.anthropic.claude-sonnet-4-20250514-v1:0", "2026-04-29T23:59:59Z",
         "2026-04-30T00:00:00Z", "6", "3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect(PRICE(.model = cases[i].model, .time = cases[i].before, .in = MTOK), OUTCOME_PRICED,
               cases[i].usd_before);
        expect(PRICE(.model = cases[i].model, .time = cases[i].after, .in = MTOK), OUTCOME_PRICED,
               cases[i].usd_after);
    }
}

static void rule_37_embeddings_have_free_output(void **state)
{
    (void)state;
    expect(PRICE(.model = "amazon.titan-embed-text-v2:0", .in = MTOK), OUTCOME_PRICED, "0.02");
    expect(PRICE(.model = "amazon.titan-embed-text-v2:0", .in = MTOK, .out = 5), OUTCOME_PRICED,
           "0.02");
}

static void rule_38_a_class_without_a_rate_makes_it_partial(void **state)
{
    (void)state;
    struct priced_record r =
        PRICE(.model = "us.anthropic.claude-haiku-5-5", .in = 1000, .read = 40, .w1 = 2);
    expect(r, OUTCOME_PARTIAL, "0.00011");
    assert_int_equal(r.v.unpriced_tokens, 42);
    assert_int_equal(r.v.cost[TOKENS_CACHE_READ], 0);
}

static void rule_39_no_counters_and_zero_counters_differ(void **state)
{
    (void)state;
    const char *model = "us.anthropic.claude-opus-5";
    expect(PRICE(.model = model, .flags = INV_NO_COUNTS), OUTCOME_USAGE_UNKNOWN, "0");
    expect(PRICE(.model = model, .flags = INV_NO_COUNTS | INV_ERROR), OUTCOME_NO_USAGE, "0");
    expect(PRICE(.model = model), OUTCOME_PRICED, "0");
    expect(PRICE(.model = model, .flags = INV_ERROR, .in = MTOK), OUTCOME_PRICED, "5.5");
    assert_str(PRICE(.model = model, .flags = INV_NO_COUNTS | INV_ERROR).reason, "");
}

static void rule_40_other_units_get_no_token_price(void **state)
{
    (void)state;
    static const char *const ids[] = {"amazon.nova-canvas-v1:0",
                                      "amazon.nova-reel-v1:1",
                                      "amazon.titan-image-generator-v2:0",
                                      "amazon.rerank-v1:0",
                                      "cohere.rerank-v3-5:0",
                                      "stability.sd3-5-large-v1:0",
                                      "luma.ray-v2:0",
                                      "twelvelabs.marengo-embed-2-7-v1:0"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        expect(PRICE(.model = ids[i], .in = 100), OUTCOME_UNPRICED, "0");
    expect(PRICE(.model = "twelvelabs.pegasus-1-2-v1:0", .in = 9, .out = MTOK), OUTCOME_PARTIAL,
           "7.5");
}

static void speech_models_are_estimated_because_the_book_says_so(void **state)
{
    (void)state;
    struct priced_record r = PRICE(.model = "amazon.nova-sonic-v1:0", .in = MTOK);
    expect(r, OUTCOME_ESTIMATED, "0.06");
    assert_str(r.reason, "text price of a speech model");
    expect(PRICE(.model = "amazon.nova-2-sonic-v1:0", .in = MTOK), OUTCOME_ESTIMATED, "0.33");
    expect(PRICE(.model = "us.amazon.nova-2-omni-v1:0", .in = MTOK), OUTCOME_ESTIMATED, "0.3");
}

static void a_promotion_is_an_estimate_past_its_confirmed_end(void **state)
{
    (void)state;
    const char *model = "global.openai.gpt-5.6-sol";
    struct priced_record r = PRICE(.model = model, .time = "2026-11-21T23:59:59Z", .in = MTOK);
    expect(r, OUTCOME_PRICED, "4");
    char text[TIME_TEXT];
    time_format(text, r.m.until_us);
    assert_string_equal(text, "2026-11-22T00:00:00Z");
    r = PRICE(.model = model, .time = "2026-11-22T00:00:00Z", .in = MTOK);
    expect(r, OUTCOME_ESTIMATED, "4");
    assert_str(r.reason, "promotion past its confirmed end");
    time_format(text, r.m.from_us);
    assert_string_equal(text, "2026-11-22T00:00:00Z");
}

static void tiers_are_factors_and_estimates(void **state)
{
    (void)state;
    const char *model = "openai.gpt-oss-120b-1:0";
    static const struct {
        const char *tier, *usd;
        enum outcome outcome;
    } cases[] = {{"", "0.15", OUTCOME_PRICED},         {"default", "0.15", OUTCOME_PRICED},
                 {"standard", "0.15", OUTCOME_PRICED}, {"priority", "0.2625", OUTCOME_ESTIMATED},
                 {"flex", "0.075", OUTCOME_ESTIMATED}, {"batch", "0.075", OUTCOME_PRICED},
                 {"reserved", "0", OUTCOME_UNPRICED},  {"new", "0.15", OUTCOME_ESTIMATED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect(PRICE(.model = model, .tier = cases[i].tier, .in = MTOK), cases[i].outcome,
               cases[i].usd);
    expect(PRICE(.model = "us.anthropic.claude-opus-5", .tier = "priority", .in = MTOK),
           OUTCOME_ESTIMATED, "5.5");
}

static void disputed_sources_are_flagged_and_change_nothing(void **state)
{
    (void)state;
    struct priced_record r = PRICE(.model = "us.anthropic.claude-haiku-5-5", .in = 1000);
    assert_int_equal(r.v.outcome, OUTCOME_PRICED);
    assert_true(r.v.flags & INV_PRICE_FLAGGED);
    r = PRICE(.model = "us.anthropic.claude-3-5-sonnet-20241022-v2:0", .region = "us-west-2",
              .in = 1);
    assert_true(r.v.flags & INV_PRICE_FLAGGED);
    r = PRICE(.model = "us.anthropic.claude-opus-5", .in = 1, .flags = INV_PRICE_FLAGGED);
    assert_false(r.v.flags & INV_PRICE_FLAGGED);
}

static void rule_41_twelve_decimals_stay(void **state)
{
    (void)state;
    expect(PRICE(.model = "deepseek.v3-v1:0", .region = "ap-northeast-1", .in = 12345),
           OUTCOME_PRICED, "0.00866206677");
}

static void rules_42_43_sums_are_exact(void **state)
{
    (void)state;
    money_sum sum = 0;
    struct priced_record r = PRICE(.model = "deepseek.v3-v1:0", .region = "ap-northeast-1");
    enum { RECORDS = 1000000 };
    for (int i = 0; i < RECORDS; i++) {
        r.v.tokens[TOKENS_INPUT] = i & 1 ? 3 : 1;
        (void)pricing_apply(&r.m, &r.v);
        sum += r.v.cost[TOKENS_INPUT];
    }
    assert_true(sum == (money_sum)701666 * 2 * RECORDS);
}

static void rule_43_factors_round_once_per_record(void **state)
{
    (void)state;
    struct pricing *p;
    assert_int_equal(pricing_new(&p, NULL), OK);
    assert_int_equal(pricing_discount(p, STR("provider:deepseek=33.3333"), NULL), OK);
    struct record record = {
        .model = "deepseek.v3-v1:0", .region = "ap-northeast-1", .in = 1, .out = 1};
    struct priced_record r = price_by(p, &record);
    /* (701666 + 2032411) x 0.666667 = 1822718.91... */
    assert_true(r.cost == 1822719);
    assert_int_equal(r.v.list_cost, 701666 + 2032411);
    pricing_free(p);
}

static void discounts_of_three_kinds_multiply_exactly(void **state)
{
    (void)state;
    struct pricing *p;
    assert_int_equal(pricing_new(&p, NULL), OK);
    static const char *const good[] = {"account:111122223333=10", "provider:anthropic=7.5",
                                       "model:anthropic.claude-*=50",
                                       "model:anthropic.claude-opus-*=12.5"};
    uint64_t before = pricing_fingerprint(p);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(pricing_discount(p, str_from(good[i]), NULL), OK);
    assert_true(pricing_fingerprint(p) != before);
    static const char *const bad[] = {"",
                                      "account",
                                      "account:1",
                                      "account:=5",
                                      "team:x=5",
                                      "provider:x=101",
                                      "provider:x=-1",
                                      "provider:x=1.23456",
                                      "provider:anthropic=3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(pricing_discount(p, str_from(bad[i]), NULL), ERR_USAGE);
    struct record r = {
        .model = "us.anthropic.claude-opus-5", .account = "111122223333", .in = MTOK};
    expect(price_by(p, &r), OUTCOME_PRICED, "4.00640625"); /* 5.5 x .9 x .925 x .875 */
    assert_int_equal(price_by(p, &r).v.list_cost, 5500000000000);
    r.account = "999999999999";
    expect(price_by(p, &r), OUTCOME_PRICED, "4.4515625");
    r.model = "global.anthropic.claude-haiku-4-5-20251001-v1:0";
    expect(price_by(p, &r), OUTCOME_PRICED, "0.4625");
    r = (struct record){.model = "us.anthropic.claude-opus-5", .unsplit = 1000, .in = 7};
    struct priced_record priced = price_by(p, &r);
    money_sum low = priced.cost, high = low + priced.v.cost_span;
    assert_true(low == 5595614063); /* 6913500000 x 0.809375, half up */
    assert_true(high > low);
    pricing_free(p);
}

static void rule_44_the_largest_request_fits_and_bad_rates_are_refused(void **state)
{
    (void)state;
    const int64_t billion = 1000000000;
    struct priced_record r =
        PRICE(.model = "us.anthropic.claude-mythos-preview", .in = billion, .out = billion);
    expect(r, OUTCOME_PRICED, "165000");
    expect(PRICE(.model = "us.anthropic.claude-fable-5", .in = billion, .out = billion,
                 .read = billion, .w5 = billion, .w1 = billion),
           OUTCOME_PRICED, "102850");
    r = PRICE(.model = "us.anthropic.claude-fable-5", .in = INT64_MAX, .out = INT64_MAX,
              .unsplit = INT64_MAX);
    expect(r, OUTCOME_UNPRICED, "0");
    struct price_book b;
    price_book_init(&b);
    static const char *const bad[] = {"1.2345678", "-1", "1e3", "1,5", "$1", "0x1", "NaN", "N/A"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char csv[160];
        snprintf(csv, sizeof csv,
                 "model_id_pattern,region_scope,input_per_mtok,output_per_mtok\nx.y,*,\"%s\",1\n",
                 bad[i]);
        struct err err = {0};
        assert_int_equal(price_book_load(&b, str_from(csv), "x.csv", &err), ERR_PARSE);
        assert_non_null(strstr(err.text, "x.csv:2: input_per_mtok"));
        assert_int_equal(b.rows_n, 0);
    }
    price_book_fini(&b);
}

static void rule_46_every_doubtful_outcome_has_a_reason(void **state)
{
    (void)state;
    static const struct record records[] = {
        {.model = "us.anthropic.claude-haiku-5-5", .in = 1, .read = 1},
        {.model = "us.anthropic.claude-opus-5", .unsplit = 1},
        {.model = "amazon.nova-sonic-v1:0", .in = 1},
        {.model = "acme.x", .in = 1},
        {.model = "us.anthropic.claude-opus-5", .flags = INV_NO_COUNTS},
        {.model = "", .in = 1},
    };
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        struct priced_record r = price_by(pricing, &records[i]);
        assert_int_not_equal(r.v.outcome, OUTCOME_PRICED);
        assert_true(r.reason.n > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_7_profiles_are_priced_by_the_map_or_bounded_by_the_body),
        cmocka_unit_test(rule_7_the_body_bounds_what_the_map_does_not_know),
        cmocka_unit_test(rule_12_hourly_models_give_tokens_without_dollars),
        cmocka_unit_test(rule_30_cached_tokens_are_added),
        cmocka_unit_test(rule_31_split_writes_have_two_rates),
        cmocka_unit_test(rule_32_an_unsplit_counter_is_bounded_exact_or_open),
        cmocka_unit_test(rule_33_the_threshold_is_strict_and_leaves_output_out),
        cmocka_unit_test(rule_34_above_it_every_class_is_long),
        cmocka_unit_test(rule_35_cached_tokens_alone_may_cross_it),
        cmocka_unit_test(rule_36_retired_surcharges_are_gone),
        cmocka_unit_test(rule_37_embeddings_have_free_output),
        cmocka_unit_test(rule_38_a_class_without_a_rate_makes_it_partial),
        cmocka_unit_test(rule_39_no_counters_and_zero_counters_differ),
        cmocka_unit_test(rule_40_other_units_get_no_token_price),
        cmocka_unit_test(speech_models_are_estimated_because_the_book_says_so),
        cmocka_unit_test(a_promotion_is_an_estimate_past_its_confirmed_end),
        cmocka_unit_test(tiers_are_factors_and_estimates),
        cmocka_unit_test(disputed_sources_are_flagged_and_change_nothing),
        cmocka_unit_test(rule_41_twelve_decimals_stay),
        cmocka_unit_test(rules_42_43_sums_are_exact),
        cmocka_unit_test(rule_43_factors_round_once_per_record),
        cmocka_unit_test(discounts_of_three_kinds_multiply_exactly),
        cmocka_unit_test(rule_44_the_largest_request_fits_and_bad_rates_are_refused),
        cmocka_unit_test(rule_46_every_doubtful_outcome_has_a_reason),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
