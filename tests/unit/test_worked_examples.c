/*
 * The worked examples of the price facts, section 17, to the last digit: 49 records from the text
 * that was logged to the dollars that are due. Rows 1 and 2, and 27 and 28, are the two ends of one
 * record. `rates` are input / output / cache read / write 5 m / write 1 h before tier factors.
 */
#include "base/clock.h"
#include "model/pricing.h"
#include "price_text.h"
#include "unit.h"

static const char profiles[] =
    "arn,models,name\n"
    "arn:aws:bedrock:us-west-2:111122223333:application-inference-profile/a1b2c3d4e5f6,\""
    "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-6,"
    "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-6,"
    "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-sonnet-4-6\",search\n";

struct example {
    int number;
    const char *model_id, *region, *time;
    int64_t tokens[TOKEN_CLASSES];
    const char *base, *scope, *rates, *usd;
    enum outcome outcome;
    uint32_t flags;
    const char *body, *tier;
    bool latency, high;
    int row;
};

/* clang-format off */
static const struct example examples[] = {
    {1,
     "arn:aws:bedrock:us-east-1:111122223333:inference-profile/global.anthropic.claude-opus-4-6-v1",
     "us-east-1", "2026-04-14T08:57:15Z", {1, 326, 129709, 0, 0, 411},
     "anthropic.claude-opus-4-6-v1", "global", "5 / 25 / 0.5 / 6.25 / 10", "0.07557825",
     .outcome = OUTCOME_BOUNDED},
    {2,
     "arn:aws:bedrock:us-east-1:111122223333:inference-profile/global.anthropic.claude-opus-4-6-v1",
     "us-east-1", "2026-04-14T08:57:15Z", {1, 326, 129709, 0, 0, 411},
     "anthropic.claude-opus-4-6-v1", "global", "5 / 25 / 0.5 / 6.25 / 10", "0.0771195",
     .outcome = OUTCOME_BOUNDED, .high = true},
    {3, "global.anthropic.claude-sonnet-4-6", "us-west-2", "2026-05-04T10:15:00Z",
     {1204, 812, 0, 0, 0}, "anthropic.claude-sonnet-4-6", "global", "3 / 15 / 0.3 / 3.75 / 6",
     "0.015792", .outcome = OUTCOME_PRICED},
    {4, "eu.anthropic.claude-sonnet-4-6", "eu-west-1", "2026-05-04T10:15:00Z", {1204, 812, 0, 0, 0},
     "anthropic.claude-sonnet-4-6", "geo", "3.3 / 16.5 / 0.33 / 4.125 / 6.6", "0.0173712",
     .outcome = OUTCOME_PRICED},
    {5, "anthropic.claude-sonnet-4-6", "eu-west-1", "2026-05-04T10:15:00Z", {1204, 812, 0, 0, 0},
     "anthropic.claude-sonnet-4-6", "in-region", "3.3 / 16.5 / 0.33 / 4.125 / 6.6", "0.0173712",
     .outcome = OUTCOME_PRICED},
    {6, "global.anthropic.claude-opus-5", "ap-northeast-1", "2026-08-12T02:00:41Z",
     {14, 2371, 88452, 1900, 21340}, "anthropic.claude-opus-5", "global",
     "5 / 25 / 0.5 / 6.25 / 10", "0.328846", .outcome = OUTCOME_PRICED},
    {7, "jp.anthropic.claude-opus-5", "ap-northeast-1", "2026-08-12T02:00:41Z",
     {14, 2371, 88452, 1900, 21340}, "anthropic.claude-opus-5", "geo",
     "5.5 / 27.5 / 0.55 / 6.875 / 11", "0.3617306", .outcome = OUTCOME_PRICED},
    {8, "global.anthropic.claude-haiku-5-5", "us-east-1", "2026-10-20T12:00:00Z",
     {2000, 400, 95000, 3000, 0}, "anthropic.claude-haiku-5-5", "global",
     "0.1 / 0.5 / 0.01 / 0.125 / 0.2", "0.001725", .outcome = OUTCOME_PRICED},
    {9, "global.anthropic.claude-haiku-5-5", "us-east-1", "2026-10-20T12:00:01Z",
     {2001, 400, 95000, 3000, 0}, "anthropic.claude-haiku-5-5", "global",
     "0.5 / 2.5 / 0.05 / 0.625 / 1", "0.0086255", .outcome = OUTCOME_PRICED},
    {10, "global.anthropic.claude-haiku-5-5", "us-east-1", "2026-10-20T12:05:00Z",
     {6120, 1250, 120400, 0, 8200}, "anthropic.claude-haiku-5-5", "global",
     "0.5 / 2.5 / 0.05 / 0.625 / 1", "0.020405", .outcome = OUTCOME_PRICED},
    {11, "us.anthropic.claude-haiku-5-5", "us-east-2", "2026-10-20T12:06:00Z",
     {4000, 900, 130000, 2500, 0}, "anthropic.claude-haiku-5-5", "geo",
     "0.55 / 2.75 / 0.055 / 0.6875 / -", "0.01354375", .outcome = OUTCOME_PRICED},
    {12, "us.anthropic.claude-haiku-5-5", "us-east-2", "2026-10-20T12:07:00Z",
     {900, 350, 40000, 1000, 0}, "anthropic.claude-haiku-5-5", "geo",
     "0.11 / 0.55 / - / 0.1375 / -", "0.000429", .outcome = OUTCOME_PARTIAL},
    {13, "global.anthropic.claude-sonnet-5-5", "us-west-2", "2026-10-06T23:59:59Z",
     {210, 1480, 61000, 0, 5200}, "anthropic.claude-sonnet-5-5", "global", "2 / 10 / 0.2 / 2.5 / 4",
     "0.04822", .outcome = OUTCOME_PRICED},
    {14, "global.anthropic.claude-sonnet-5-5", "us-west-2", "2026-10-07T00:00:00Z",
     {210, 1480, 61000, 0, 5200}, "anthropic.claude-sonnet-5-5", "global", "2 / 10 / 0.1 / 2.5 / 4",
     "0.04212", .outcome = OUTCOME_PRICED},
    {15, "us.anthropic.claude-sonnet-5-5", "us-west-2", "2026-10-07T00:00:00Z",
     {210, 1480, 61000, 0, 5200}, "anthropic.claude-sonnet-5-5", "geo",
     "2.2 / 11 / 0.11 / 2.75 / 4.4", "0.046332", .outcome = OUTCOME_PRICED},
    {16, "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-gov-west-1",
     "2026-06-15T16:20:00Z", {3300, 640, 18000, 2400, 0},
     "anthropic.claude-sonnet-4-5-20250929-v1:0", "geo", "3.6 / 18 / 0.36 / 4.5 / 7.2", "0.04068",
     .outcome = OUTCOME_PRICED},
    {17,
     "arn:aws-us-gov:bedrock:us-gov-west-1:111122223333:inference-profile/us-gov.anthropic.claude-haiku-5-5",
     "us-gov-west-1", "2026-10-20T09:00:00Z", {1000, 200, 0, 0, 0}, "anthropic.claude-haiku-5-5",
     "geo", "", "0", .outcome = OUTCOME_UNPRICED},
    {18, "us-gov.anthropic.claude-sonnet-5-5", "us-gov-east-1", "2026-10-20T09:00:00Z",
     {500, 700, 22000, 0, 3000}, "anthropic.claude-sonnet-5-5", "geo", "2.4 / 12 / - / - / -",
     "0.0096", .outcome = OUTCOME_PARTIAL},
    {19, "us.anthropic.claude-3-7-sonnet-20250219-v1:0", "us-east-1", "2025-11-03T08:00:00Z",
     {1500, 300, 9000, 2000, 0}, "anthropic.claude-3-7-sonnet-20250219-v1:0", "geo",
     "3 / 15 / 0.3 / 3.75 / -", "0.0192", .outcome = OUTCOME_PRICED},
    {20, "us.anthropic.claude-opus-4-1-20250805-v1:0", "us-west-2", "2025-12-10T11:11:11Z",
     {40, 900, 30000, 0, 0, 5000}, "anthropic.claude-opus-4-1-20250805-v1:0", "geo",
     "15 / 75 / 1.5 / 18.75 / -", "0.20685", .outcome = OUTCOME_PRICED},
    {21, "us.anthropic.claude-sonnet-4-6", "us-west-2", "2026-03-12T20:00:00Z",
     {250, 2000, 210000, 6000, 0}, "anthropic.claude-sonnet-4-6", "geo",
     "6.6 / 24.75 / 0.66 / 8.25 / -", "0.23925", .outcome = OUTCOME_PRICED},
    {22, "us.anthropic.claude-sonnet-4-6", "us-west-2", "2026-03-13T00:00:00Z",
     {250, 2000, 210000, 6000, 0}, "anthropic.claude-sonnet-4-6", "geo",
     "3.3 / 16.5 / 0.33 / 4.125 / 6.6", "0.127875", .outcome = OUTCOME_PRICED},
    {23, "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu-central-1", "2026-04-29T06:00:00Z",
     {120000, 1000, 90000, 0, 10000}, "anthropic.claude-sonnet-4-5-20250929-v1:0", "geo",
     "6.6 / 24.75 / 0.66 / 8.25 / 13.2", "1.00815", .outcome = OUTCOME_PRICED},
    {24, "us.anthropic.claude-opus-6", "us-east-1", "2026-11-01T00:00:00Z", {5000, 800, 0, 0, 0},
     "anthropic.claude-opus-6", "geo", "", "0", .outcome = OUTCOME_UNPRICED},
    {25, "arn:aws:bedrock:us-west-2:111122223333:application-inference-profile/a1b2c3d4e5f6",
     "us-west-2", "2026-05-04T10:15:00Z", {1204, 812, 50000, 0, 0}, "anthropic.claude-sonnet-4-6",
     "geo", "3.3 / 16.5 / 0.33 / 4.125 / 6.6", "0.0338712", .outcome = OUTCOME_PRICED},
    {26, "arn:aws:bedrock:us-west-2:111122223333:application-inference-profile/zzzzzzzzzzzz",
     "us-west-2", "2026-07-05T10:15:00Z", {1204, 812, 50000, 0, 0}, "", "", "", "0",
     .outcome = OUTCOME_UNPRICED},
    {27, "arn:aws:bedrock:us-west-2:111122223333:application-inference-profile/zzzzzzzzzzzz",
     "us-west-2", "2026-07-05T10:15:00Z", {1204, 812, 50000, 0, 0}, "anthropic.claude-sonnet-5", "",
     "2 / 10 / 0.2 / 2.5 / 4", "0.020528", .outcome = OUTCOME_BOUNDED, .body = "claude-sonnet-5"},
    {28, "arn:aws:bedrock:us-west-2:111122223333:application-inference-profile/zzzzzzzzzzzz",
     "us-west-2", "2026-07-05T10:15:00Z", {1204, 812, 50000, 0, 0}, "anthropic.claude-sonnet-5", "",
     "2.2 / 11 / 0.22 / 2.75 / 4.4", "0.0225808",
     .outcome = OUTCOME_BOUNDED, .body = "claude-sonnet-5",
     .high = true, .row = 1},
    {29, "amazon.titan-embed-text-v2:0", "eu-west-1", "2026-08-25T13:00:00Z", {7312, 0, 0, 0, 0},
     "amazon.titan-embed-text-v2:0", "in-region", "0.026004 / 0 / - / - / -", "0.000190141248",
     .outcome = OUTCOME_PRICED},
    {30, "us.anthropic.claude-opus-4-8", "us-east-1", "2026-09-01T09:00:00Z", {0, 0, 0, 0, 0},
     "anthropic.claude-opus-4-8", "geo", "", "0", .outcome = OUTCOME_NO_USAGE,
     .flags = INV_NO_COUNTS | INV_ERROR},
    {31, "anthropic.claude-3-haiku-20240307-v1:0", "us-west-2", "2026-02-01T09:00:00Z",
     {0, 0, 0, 0, 0}, "anthropic.claude-3-haiku-20240307-v1:0", "in-region", "", "0",
     .outcome = OUTCOME_USAGE_UNKNOWN, .flags = INV_NO_COUNTS},
    {32, "us.anthropic.claude-haiku-4-5-20251001-v1:0", "us-east-1", "2026-02-01T09:00:00Z",
     {0, 0, 0, 0, 0}, "anthropic.claude-haiku-4-5-20251001-v1:0", "geo",
     "1.1 / 5.5 / 0.11 / 1.375 / 2.2", "0", .outcome = OUTCOME_PRICED},
    {33, "openai.gpt-oss-20b-1:0", "eu-central-1", "2026-09-17T09:41:01Z", {648, 306, 0, 0, 0},
     "openai.gpt-oss-20b-1:0", "in-region", "0.09 / 0.4 / - / - / -", "0.00018072",
     .outcome = OUTCOME_PRICED},
    {34, "eu.amazon.nova-pro-v1:0", "eu-central-1", "2026-06-01T00:00:00Z",
     {2000, 500, 10000, 0, 0}, "amazon.nova-pro-v1:0", "geo", "1.05 / 4.2 / - / - / -", "0.0042",
     .outcome = OUTCOME_PARTIAL},
    {35, "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1", "2026-06-01T00:00:00Z",
     {1000000, 120000, 0, 0, 0}, "anthropic.claude-sonnet-4-5-20250929-v1:0", "global",
     "1.5 / 7.5 / - / - / -", "2.4", .outcome = OUTCOME_PRICED, .tier = "batch"},
    {36, "openai.gpt-oss-120b-1:0", "us-east-1", "2026-06-01T00:00:00Z", {10000, 2000, 0, 0, 0},
     "openai.gpt-oss-120b-1:0", "in-region", "0.15 / 0.6 / - / - / -", "0.004725",
     .outcome = OUTCOME_ESTIMATED, .tier = "priority"},
    {37, "openai.gpt-oss-120b-1:0", "us-east-1", "2026-06-01T00:00:00Z", {10000, 2000, 0, 0, 0},
     "openai.gpt-oss-120b-1:0", "in-region", "0.15 / 0.6 / - / - / -", "0.00135",
     .outcome = OUTCOME_ESTIMATED,
     .tier = "flex"},
    {38, "us.anthropic.claude-3-5-haiku-20241022-v1:0", "us-east-2", "2026-01-15T00:00:00Z",
     {10000, 1000, 0, 0, 0}, "anthropic.claude-3-5-haiku-20241022-v1:0", "geo", "1 / 5 / - / - / -",
     "0.015", .outcome = OUTCOME_PRICED, .latency = true},
    {39, "us.anthropic.claude-3-5-sonnet-20241022-v2:0", "us-west-2", "2025-11-30T23:59:59Z",
     {2000, 1000, 0, 0, 0}, "anthropic.claude-3-5-sonnet-20241022-v2:0", "geo",
     "3 / 15 / 0.3 / 3.75 / -", "0.021", .outcome = OUTCOME_PRICED},
    {40, "us.anthropic.claude-3-5-sonnet-20241022-v2:0", "us-west-2", "2025-12-01T00:00:00Z",
     {2000, 1000, 0, 0, 0}, "anthropic.claude-3-5-sonnet-20241022-v2:0", "geo",
     "6 / 30 / 0.6 / 7.5 / -", "0.042", .outcome = OUTCOME_PRICED},
    {41, "arn:aws:bedrock:us-west-2:111122223333:provisioned-model/abcdef123456", "us-west-2",
     "2026-06-01T00:00:00Z", {9000, 1000, 0, 0, 0}, "", "", "", "0", .outcome = OUTCOME_UNPRICED},
    {42, "us.openai.gpt-5.6-luna", "us-east-1", "2026-08-10T00:00:00Z", {280000, 1000, 0, 0, 0},
     "openai.gpt-5.6-luna", "geo", "0.44 / 1.98 / 0.044 / 0.55 / -", "0.12518",
     .outcome = OUTCOME_PRICED},
    {43, "global.anthropic.claude-fable-5-1", "us-east-1", "2026-10-01T00:00:00Z",
     {300, 4000, 200000, 0, 12000}, "anthropic.claude-fable-5-1", "global",
     "10 / 50 / 0.25 / 12.5 / 20", "0.493", .outcome = OUTCOME_PRICED},
    {44, "anthropic.claude-3-sonnet-20240229-v1:0:200k", "us-west-2", "2025-03-01T00:00:00Z",
     {5000, 700, 0, 0, 0}, "anthropic.claude-3-sonnet-20240229-v1:0", "in-region",
     "3 / 15 / - / - / -", "0.0255", .outcome = OUTCOME_PRICED},
    {45, "deepseek.v3-v1:0", "ap-northeast-1", "2026-07-10T00:00:00Z", {12345, 678, 0, 0, 0},
     "deepseek.v3-v1:0", "in-region", "0.701666 / 2.032411 / - / - / -", "0.010040041428",
     .outcome = OUTCOME_PRICED},
    {46, "global.anthropic.claude-mythos-5", "us-east-1", "2026-09-01T00:00:00Z",
     {100, 10, 0, 0, 0}, "anthropic.claude-mythos-5", "global", "", "0",
     .outcome = OUTCOME_UNPRICED},
    {47, "bedrock/us-east-1/anthropic.claude-opus-4-8", "us-east-1", "2026-09-01T00:00:00Z",
     {100, 10, 0, 0, 0}, "anthropic.claude-opus-4-8", "in-region", "5.5 / 27.5 / 0.55 / 6.875 / 11",
     "0.000825", .outcome = OUTCOME_PRICED},
    {48, "eu.mistral.pixtral-large-2502-v1:0", "eu-west-1", "2026-06-01T00:00:00Z",
     {3000, 400, 0, 0, 0}, "mistral.pixtral-large-2502-v1:0", "geo", "2 / 6 / - / - / -", "0.0084",
     .outcome = OUTCOME_ESTIMATED},
    {49, "us.openai.gpt-5.6-sol", "us-east-1", "2026-11-22T00:00:00Z", {2000, 500, 0, 0, 0},
     "openai.gpt-5.6-sol", "geo", "4.4 / 22 / - / - / -", "0.0198", .outcome = OUTCOME_ESTIMATED},
};
/* clang-format on */

static void check_rates(const struct example *e, const struct price_match *m,
                        const struct invocation *v)
{
    const struct price_row_view *row = &m->row[e->row];
    int64_t size = invocation_tokens(v) - v->tokens[TOKENS_OUTPUT];
    const struct rates *rates = row->threshold && size > row->threshold ? &row->over : &row->base;
    char text[RATES_TEXT];
    assert_string_equal(rates_text(text, rates), e->rates);
}

static void check(const struct pricing *pricing, const struct example *e)
{
    struct price_key key = {.account = STR("111122223333"),
                            .region = str_from(e->region),
                            .model_id = str_from(e->model_id),
                            .body_model = str_from(e->body ? e->body : ""),
                            .tier = str_from(e->tier ? e->tier : ""),
                            .latency_optimized = e->latency};
    assert_true(time_parse(str_from(e->time), &key.time_us));
    struct price_match m;
    pricing_find(pricing, &key, &m);
    struct invocation v = {.flags = e->flags};
    memcpy(v.tokens, e->tokens, sizeof v.tokens);
    (void)pricing_apply(&m, &v);

    print_message("# example %d: %s\n", e->number, e->model_id);
    assert_string_equal(outcome_name(v.outcome), outcome_name(e->outcome));
    assert_str(m.model, e->base);
    assert_str(m.scope, e->scope);
    if (e->rates[0])
        check_rates(e, &m, &v);
    money_sum amount = e->high ? v.cost_span : 0;
    for (int c = 0; c < TOKEN_CLASSES; c++)
        amount += v.cost[c];
    char text[MONEY_TEXT];
    assert_string_equal(usd_text(text, amount), e->usd);
}

static void worked_examples_to_the_last_digit(void **state)
{
    (void)state;
    struct err err = {0};
    struct pricing *p;
    if (pricing_new(&p, &err) != OK)
        fail_msg("%s", err.text);
    if (pricing_profiles(p, str_from(profiles), "profiles", &err) != OK)
        fail_msg("%s", err.text);
    size_t n = sizeof examples / sizeof examples[0];
    assert_int_equal(n, 49);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(examples[i].number, i + 1);
        check(p, &examples[i]);
    }
    pricing_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_examples_to_the_last_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
