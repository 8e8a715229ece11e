/*
 * model/prices: which row holds, and the files that rows come from: rules 13 to 29 and 45 of the
 * price facts, section 16. Each case names its rule; 1 to 12 are in test_model_id.c, the others in
 * test_pricing.c.
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

static void rule_13_the_source_region_chooses_the_row(void **state)
{
    (void)state;
    struct priced_record r = PRICE(.model = "eu.amazon.nova-pro-v1:0", .region = "eu-central-1",
                                   .inference_region = "eu-west-1", .in = MTOK);
    expect(r, OUTCOME_PRICED, "1.05");
    /* The record's Region wins over the one inside the ARN. */
    r = PRICE(.model = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0",
              .region = "eu-central-1", .in = MTOK);
    expect(r, OUTCOME_PRICED, "1.05");
    r = PRICE(.model = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0",
              .region = "", .in = MTOK);
    expect(r, OUTCOME_PRICED, "0.92");
}

static void rule_14_a_region_row_beats_any_other_even_a_newer_one(void **state)
{
    (void)state;
    struct pricing *p;
    assert_int_equal(pricing_new(&p, NULL), OK);
    const char *csv =
        "model_id_pattern,region_scope,effective_from,input_per_mtok,output_per_mtok\n"
        "amazon.nova-pro-v1*,*,2026-01-01,9,9\n"
        "amazon.nova-pro-v1:0*,*,2026-01-01,10,10\n";
    assert_int_equal(pricing_override(p, str_from(csv), "new.csv", NULL), OK);
    struct record in_frankfurt = {
        .model = "amazon.nova-pro-v1:0", .region = "eu-central-1", .in = MTOK};
    expect(price_by(p, &in_frankfurt), OUTCOME_PRICED, "1.05");
    struct record at_home = {.model = "amazon.nova-pro-v1:0", .in = MTOK};
    expect(price_by(p, &at_home), OUTCOME_PRICED, "10"); /* more literal characters */
    pricing_free(p);
}

static void rule_15_the_latest_date_not_after_the_record_wins(void **state)
{
    (void)state;
    const char *model = "global.anthropic.claude-sonnet-5-5";
    expect(PRICE(.model = model, .time = "2026-10-06T23:59:59Z", .read = MTOK), OUTCOME_PRICED,
           "0.2");
    expect(PRICE(.model = model, .time = "2026-10-07T00:00:00Z", .read = MTOK), OUTCOME_PRICED,
           "0.1");
    struct priced_record r = PRICE(.model = model, .time = "2026-10-01T00:00:00Z", .read = 1);
    char text[TIME_TEXT];
    time_format(text, r.m.from_us);
    assert_string_equal(text, "2026-09-28T00:00:00Z");
    time_format(text, r.m.until_us);
    assert_string_equal(text, "2026-10-07T00:00:00Z");
    r = PRICE(.model = model, .read = 1);
    assert_true(r.m.until_us == INT64_MAX);
}

static void rule_16_before_the_first_dated_row_it_is_unpriced(void **state)
{
    (void)state;
    struct priced_record r =
        PRICE(.model = "us.anthropic.claude-opus-5", .time = "2026-07-23T23:59:59Z", .in = MTOK);
    expect(r, OUTCOME_UNPRICED, "0");
    assert_str(r.reason, "before the first known price");
    assert_true(r.m.from_us == INT64_MIN);
}

static void rule_17_nothing_is_inherited(void **state)
{
    (void)state;
    struct priced_record r =
        PRICE(.model = "amazon.nova-pro-v1:0", .region = "eu-central-1", .in = MTOK, .read = 77);
    expect(r, OUTCOME_PARTIAL, "1.05");
    assert_int_equal(r.v.unpriced_tokens, 77);
    assert_str(r.reason, "no price for cache read");
    expect(PRICE(.model = "amazon.nova-pro-v1:0", .read = MTOK), OUTCOME_PRICED, "0.2");
    /* Nothing priced at all: not "partial". */
    expect(PRICE(.model = "amazon.nova-pro-v1:0", .region = "eu-central-1", .read = 77),
           OUTCOME_UNPRICED, "0");
}

static void rule_18_govcloud_only_uses_rows_that_name_it(void **state)
{
    (void)state;
    struct priced_record r =
        PRICE(.model = "us-gov.anthropic.claude-opus-5", .region = "us-gov-west-1", .in = MTOK);
    expect(r, OUTCOME_UNPRICED, "0");
    assert_str(r.reason, "no GovCloud price");
    expect(
        PRICE(.model = "us-gov.anthropic.claude-opus-4-8", .region = "us-gov-east-1", .in = MTOK),
        OUTCOME_PRICED, "6");
    /* The Region is missing; the prefix still says GovCloud. */
    expect(PRICE(.model = "us-gov.anthropic.claude-opus-5", .region = "", .in = MTOK),
           OUTCOME_UNPRICED, "0");
    expect(PRICE(.model = "anthropic.claude-opus-5", .region = "us-gov-west-1", .in = MTOK),
           OUTCOME_UNPRICED, "0");
    struct pricing *p;
    assert_int_equal(pricing_new(&p, NULL), OK);
    const char *csv = "model_id_pattern,region_scope,input_per_mtok,output_per_mtok\n"
                      "*/anthropic.claude-opus-9*,*,1,1\n";
    assert_int_equal(pricing_override(p, str_from(csv), "x", NULL), OK);
    struct record gov = {.model = "anthropic.claude-opus-9", .region = "us-gov-west-1", .in = MTOK};
    expect(price_by(p, &gov), OUTCOME_UNPRICED, "0");
    gov.region = "eu-west-1";
    expect(price_by(p, &gov), OUTCOME_PRICED, "1");
    pricing_free(p);
}

static void rule_19_no_scope_falls_back_to_another(void **state)
{
    (void)state;
    struct priced_record r = PRICE(.model = "global.anthropic.claude-mythos-5", .in = MTOK);
    expect(r, OUTCOME_UNPRICED, "0");
    assert_str(r.reason, "no price for this scope");
    expect(PRICE(.model = "us.anthropic.claude-mythos-5", .in = MTOK), OUTCOME_PRICED, "11");
}

static void rule_20_region_lists_match_their_members_only(void **state)
{
    (void)state;
    const char *list =
        "ap-northeast-1,ap-southeast-5,ap-southeast-7,us-gov-west-1/amazon.nova-lite-v1*";
    static const char *const members[] = {"ap-northeast-1", "ap-southeast-5", "ap-southeast-7",
                                          "us-gov-west-1"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        assert_str(PATTERN(PRICE(.model = "amazon.nova-lite-v1:0", .region = members[i], .in = 1)),
                   list);
    static const char *const others[] = {"ap-northeast", "ap-northeast-10", "ap-northeast-3",
                                         "us-west-2"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_str(PATTERN(PRICE(.model = "amazon.nova-lite-v1:0", .region = others[i], .in = 1)),
                   "amazon.nova-lite-v1*");
    assert_int_equal(PRICE(.model = "amazon.nova-lite-v1:0", .region = "us-gov-east-1").m.rows, 0);
    static const char *const gov[] = {"us-gov-east-1", "us-gov-west-1"};
    for (size_t i = 0; i < 2; i++)
        assert_str(PATTERN(PRICE(.model = "amazon.nova-pro-v1:0", .region = gov[i], .in = 1)),
                   "us-gov-*/amazon.nova-pro-v1*");
}

static void rule_21_latency_optimized_has_rows_of_its_own(void **state)
{
    (void)state;
    expect(PRICE(.model = "amazon.nova-pro-v1:0", .optimized = true, .in = MTOK), OUTCOME_PRICED,
           "1");
    expect(PRICE(.model = "amazon.nova-pro-v1:0", .in = MTOK), OUTCOME_PRICED, "0.8");
    struct priced_record r =
        PRICE(.model = "anthropic.claude-opus-5", .optimized = true, .in = MTOK);
    expect(r, OUTCOME_UNPRICED, "0");
    assert_str(r.reason, "no latency-optimized price");
    expect(
        PRICE(.model = "amazon.nova-pro-v1:0", .region = "us-west-2", .optimized = true, .in = 1),
        OUTCOME_UNPRICED, "0");
    expect(PRICE(.model = "amazon.nova-pro-v1:0:latency-optimized", .in = MTOK), OUTCOME_PRICED,
           "0.8");
}

static void rule_22_a_price_of_another_region_is_an_estimate(void **state)
{
    (void)state;
    struct priced_record r =
        PRICE(.model = "mistral.pixtral-large-2502-v1:0", .region = "eu-west-1", .in = MTOK);
    expect(r, OUTCOME_ESTIMATED, "2");
    assert_str(r.reason, "price of another Region");
    expect(PRICE(.model = "mistral.pixtral-large-2502-v1:0", .region = "us-west-2", .in = MTOK),
           OUTCOME_PRICED, "2");
    expect(PRICE(.model = "mistral.pixtral-large-2502-v1:0", .region = "us-east-2", .in = MTOK),
           OUTCOME_ESTIMATED, "2");
    expect(PRICE(.model = "eu.anthropic.claude-opus-5", .region = "eu-west-1", .in = MTOK),
           OUTCOME_PRICED, "5.5");
}

static void rules_23_25_26_29_the_book_is_consistent(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 20);
    size_t findings = price_book_check(pricing_book(pricing), &out);
    if (findings)
        fail_msg("%.*s", STR_ARG(buf_view(&out)));
    buf_fini(&out);
}

static size_t findings_of(const char *row)
{
    char csv[512];
    snprintf(csv, sizeof csv,
             "model_id_pattern,region_scope,effective_from,input_per_mtok,output_per_mtok,"
             "cache_write_5m_per_mtok,batch_input,long_input\n%s\n",
             row);
    struct price_book b;
    price_book_init(&b);
    struct err err = {0};
    if (price_book_load(&b, str_from(csv), "x.csv", &err) != OK)
        fail_msg("%s", err.text);
    struct buf out;
    buf_init(&out, 1 << 16);
    size_t n = price_book_check(&b, &out);
    assert_int_equal(buf_status(&out), OK);
    buf_fini(&out);
    price_book_fini(&b);
    return n;
}

static void the_check_finds_slips(void **state)
{
    (void)state;
    assert_int_equal(findings_of("anthropic.claude-x,global,,10,50,12.5,5,"), 0);
    assert_int_equal(findings_of("anthropic.claude-x,global,,10,50,12,,"), 1);
    assert_int_equal(findings_of("anthropic.claude-x,global,,10,50,,6,"), 1);
    assert_int_equal(findings_of("anthropic.claude-x,global,,10,50,,,20"), 1);
    assert_int_equal(findings_of("a.x,global,,10,50,,,\na.x,geo,,12,55,,,"), 1);
    assert_int_equal(findings_of("a.x,geo,,11,55,,,\na.x,in-region,,12,55,,,"), 1);
    assert_int_equal(findings_of("a.x,*,,11,55,,,\na.x,geo,,11,55,,,"), 1);
    assert_int_equal(findings_of("a.x,*,,11,55,,,\na.x*,*,,11,55,,,"), 1);
    assert_int_equal(findings_of("\"us-east-1,eu-*/a.x\",*,,11,55,,,"), 0);
    assert_int_equal(findings_of("us-east-1/a.x,*,,1,5,,,\nus-*/a.x,*,,1,5,,,"), 1);
    assert_int_equal(
        findings_of(
            "anthropic.claude-x*,global,,10,50,,,\nus-gov-*/anthropic.claude-x*,*,,11,60,,,"),
        1);
}

static void rule_24_older_claude_costs_the_same_everywhere(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "anthropic.claude-sonnet-4-20250514-v1:0",  "anthropic.claude-opus-4-20250514-v1:0",
        "anthropic.claude-opus-4-1-20250805-v1:0",  "anthropic.claude-3-7-sonnet-20250219-v1:0",
        "anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic.claude-3-haiku-20240307-v1:0",
        "anthropic.claude-3-opus-20240229-v1:0",    "anthropic.claude-3-sonnet-20240229-v1:0"};
    static const char *const prefixes[] = {"us.", "eu.", "apac.", "global."};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct priced_record bare = PRICE(.model = ids[i], .in = MTOK, .out = MTOK);
        assert_int_equal(bare.v.outcome, OUTCOME_PRICED);
        for (size_t k = 0; k < 4; k++) {
            char id[96];
            snprintf(id, sizeof id, "%s%s", prefixes[k], ids[i]);
            assert_true(PRICE(.model = id, .in = MTOK, .out = MTOK).cost == bare.cost);
        }
    }
}

static void rule_27_cache_reads_follow_the_book_and_no_factor(void **state)
{
    (void)state;
    expect(PRICE(.model = "global.anthropic.claude-opus-5-5", .read = MTOK), OUTCOME_PRICED, "0.2");
    expect(PRICE(.model = "global.anthropic.claude-sonnet-5-5", .read = MTOK), OUTCOME_PRICED,
           "0.1");
    expect(PRICE(.model = "global.anthropic.claude-fable-5-1", .read = MTOK), OUTCOME_PRICED,
           "0.25");
    expect(PRICE(.model = "global.anthropic.claude-opus-5", .read = MTOK), OUTCOME_PRICED, "0.5");
}

static void rule_28_sonnet_5_did_not_rise(void **state)
{
    (void)state;
    static const char *const times[] = {"2026-08-31T23:59:59Z", "2026-09-01T00:00:00Z",
                                        "2026-10-20T00:00:00Z"};
    for (size_t i = 0; i < 3; i++)
        expect(PRICE(.model = "global.anthropic.claude-sonnet-5", .time = times[i], .in = MTOK,
                     .out = MTOK),
               OUTCOME_PRICED, "12");
}

static void rule_29_batch_columns_and_who_has_none(void **state)
{
    (void)state;
    expect(
        PRICE(.model = "global.anthropic.claude-opus-5", .tier = "batch", .in = MTOK, .out = MTOK),
        OUTCOME_PRICED, "15");
    expect(PRICE(.model = "openai.gpt-oss-20b-1:0", .region = "eu-west-1", .tier = "batch",
                 .out = MTOK),
           OUTCOME_PRICED, "0.18"); /* not half of 0.35 */
    static const char *const none[] = {
        "us.anthropic.claude-opus-4-1-20250805-v1:0", "us.anthropic.claude-opus-4-7",
        "us.anthropic.claude-opus-4-8", "us.anthropic.claude-sonnet-5",
        "us.anthropic.claude-fable-5"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct priced_record r = PRICE(.model = none[i], .tier = "batch", .in = MTOK);
        expect(r, OUTCOME_UNPRICED, "0");
        assert_str(r.reason, "no batch price");
    }
    /* No cache discount inside a batch. */
    expect(PRICE(.model = "global.anthropic.claude-opus-5", .tier = "batch", .in = MTOK, .read = 5),
           OUTCOME_PARTIAL, "2.5");
}

static void rule_45_two_loads_are_one_book(void **state)
{
    (void)state;
    struct pricing *p;
    assert_int_equal(pricing_new(&p, NULL), OK);
    assert_true(pricing_fingerprint(p) == pricing_fingerprint(pricing));
    assert_str(pricing_date(p), "2026-10-07");
    pricing_free(p);
}

static void overrides_replace_rows_of_the_same_key_and_add_others(void **state)
{
    (void)state;
    struct pricing *p;
    assert_int_equal(pricing_new(&p, NULL), OK);
    uint32_t before = pricing_book(p)->rows_n;
    const char *csv =
        "output_per_mtok,region_scope,model_id_pattern,input_per_mtok,effective_from\n"
        "20,geo,anthropic.claude-opus-5,4,2026-07-24\n"
        "2,*,acme.model-1*,1,2027-01-01\n";
    struct err err = {0};
    if (pricing_override(p, str_from(csv), "ours.csv", &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(pricing_book(p)->rows_n, before + 1);
    assert_true(pricing_fingerprint(p) != pricing_fingerprint(pricing));
    assert_str(pricing_date(p), "2027-01-01");
    struct record r = {.model = "us.anthropic.claude-opus-5", .in = MTOK};
    expect(price_by(p, &r), OUTCOME_PRICED, "4");
    r.model = "global.anthropic.claude-opus-5";
    expect(price_by(p, &r), OUTCOME_PRICED, "5");
    pricing_free(p);
}

static void mistakes_in_a_price_file_name_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *csv, *says;
    } cases[] = {
        {"", "column \"model_id_pattern\" is missing"},
        {"model_id_pattern,region_scope,input_per_mtok\n", "column \"output_per_mtok\" is missing"},
        {"model_id_patern,region_scope\n",
         "unknown column \"model_id_patern\"; did you mean \"model_id_pattern\"?"},
        {"model_id_pattern,region_scope,input_per_mtok,output_per_mtok,source,source\n",
         "each column once"},
        {"model_id_pattern,region_scope,input_per_mtok,output_per_mtok\nx.y,*,1\n",
         "f.csv:2: 3 cells"},
        {"model_id_pattern,region_scope,input_per_mtok,output_per_mtok\nX.y,*,1,1\n",
         "model_id_pattern: wanted"},
        {"model_id_pattern,region_scope,input_per_mtok,output_per_mtok\nx*y*,*,1,1\n",
         "model_id_pattern: wanted"},
        {"model_id_pattern,region_scope,input_per_mtok,output_per_mtok\n/x,*,1,1\n",
         "model_id_pattern: wanted"},
        {"model_id_pattern,region_scope,input_per_mtok,output_per_mtok\nx.y,us,1,1\n",
         "region_scope: wanted"},
        {"model_id_pattern,region_scope,input_per_mtok,output_per_mtok\nx.y,*,1,1\n\nx.y,*,2,2\n",
         "f.csv:4: pattern, scope and date of line 2 again"},
        {"model_id_pattern,region_scope,effective_from,input_per_mtok,output_per_mtok\nx.y,*,2026-"
         "02-30,1,1\n",
         "effective_from: wanted a date"},
        {"model_id_pattern,region_scope,basis,input_per_mtok,output_per_mtok\nx.y,*,text,1,1\n",
         "basis: wanted"},
        {"model_id_pattern,region_scope,input_per_mtok,output_per_mtok,long_context_threshold\nx.y,"
         "*,1,1,2k\n",
         "long_context_threshold: wanted a number"},
        {"model_id_pattern,region_scope,input_per_mtok,output_per_mtok\n\"x.y,*,1,1\n",
         "f.csv: line 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        assert_int_equal(pricing_override(pricing, str_from(cases[i].csv), "f.csv", &err),
                         ERR_PARSE);
        if (!strstr(err.text, cases[i].says))
            fail_msg("wanted \"%s\", got \"%s\"", cases[i].says, err.text);
    }
}

static void mistakes_in_a_profile_map_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "arn,model\n" PROFILE "a,\n",
        "arn,model,scope\n" PROFILE "a,anthropic.claude-opus-5,regional\n",
        "arn,models\n" PROFILE "a,\"anthropic.claude-opus-5,anthropic.claude-sonnet-5\"\n",
        "arn,models\n" PROFILE "a," PROFILE "b\n",
        "arn,model\n" PROFILE "a," PROFILE "b\n",
        "arn,model\n" PROFILE "a,anthropic.claude-opus-5\n" PROFILE "A,anthropic.claude-opus-5\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};
        assert_int_equal(pricing_profiles(pricing, str_from(bad[i]), "p.csv", &err), ERR_PARSE);
        assert_non_null(strstr(err.text, "p.csv"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_13_the_source_region_chooses_the_row),
        cmocka_unit_test(rule_14_a_region_row_beats_any_other_even_a_newer_one),
        cmocka_unit_test(rule_15_the_latest_date_not_after_the_record_wins),
        cmocka_unit_test(rule_16_before_the_first_dated_row_it_is_unpriced),
        cmocka_unit_test(rule_17_nothing_is_inherited),
        cmocka_unit_test(rule_18_govcloud_only_uses_rows_that_name_it),
        cmocka_unit_test(rule_19_no_scope_falls_back_to_another),
        cmocka_unit_test(rule_20_region_lists_match_their_members_only),
        cmocka_unit_test(rule_21_latency_optimized_has_rows_of_its_own),
        cmocka_unit_test(rule_22_a_price_of_another_region_is_an_estimate),
        cmocka_unit_test(rules_23_25_26_29_the_book_is_consistent),
        cmocka_unit_test(the_check_finds_slips),
        cmocka_unit_test(rule_24_older_claude_costs_the_same_everywhere),
        cmocka_unit_test(rule_27_cache_reads_follow_the_book_and_no_factor),
        cmocka_unit_test(rule_28_sonnet_5_did_not_rise),
        cmocka_unit_test(rule_29_batch_columns_and_who_has_none),
        cmocka_unit_test(rule_45_two_loads_are_one_book),
        cmocka_unit_test(overrides_replace_rows_of_the_same_key_and_add_others),
        cmocka_unit_test(mistakes_in_a_price_file_name_line_and_column),
        cmocka_unit_test(mistakes_in_a_profile_map_are_refused),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
