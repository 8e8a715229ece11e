/* ingest/: from a record to an invocation. Each case names the rules of the log facts it covers
 * (bedrock-logs, section 9). */
#include "intake_fixture.h"

#include "ingest/bodies.h"
#include "ingest/dedupe.h"
#include "model/invocation_pack.h"

#include <sys/stat.h>
#include <unistd.h>

/* A record with all parts replaceable: envelope members, members of input and of output. */
static const char *record_of(const char *envelope, const char *input, const char *output)
{
    static char text[1 << 16];
    snprintf(text, sizeof text,
             "{\"schemaType\":\"ModelInvocationLog\",\"accountId\":\"012345678901\","
             "\"region\":\"us-east-1\",\"requestId\":\"r1\",\"operation\":\"InvokeModel\","
             "\"timestamp\":\"2026-10-20T12:00:00Z\",\"modelId\":"
             "\"global.anthropic.claude-opus-5\",%s\"input\":{%s},\"output\":{%s}}",
             envelope, input, output);
    return text;
}

static const struct invocation *read_one(struct fixture *f, const char *text)
{
    fixture_text(f, text);
    if (f->n != 1 || f->troubles != 0)
        fail_msg("%zu records, %zu troubles in %.200s", f->n, f->troubles, text);
    return &f->v[0];
}

static void assert_tokens(const struct invocation *v, int64_t input, int64_t output, int64_t read,
                          int64_t five, int64_t hour, int64_t unknown)
{
    assert_int_equal(v->tokens[TOKENS_INPUT], input);
    assert_int_equal(v->tokens[TOKENS_OUTPUT], output);
    assert_int_equal(v->tokens[TOKENS_CACHE_READ], read);
    assert_int_equal(v->tokens[TOKENS_CACHE_WRITE_5M], five);
    assert_int_equal(v->tokens[TOKENS_CACHE_WRITE_1H], hour);
    assert_int_equal(v->tokens[TOKENS_CACHE_WRITE_UNKNOWN], unknown);
}

static void rule_1_key_order_is_not_assumed(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    struct invocation a = *read_one(f, "{\"schemaType\":\"ModelInvocationLog\",\"requestId\":\"r\","
                                       "\"modelId\":\"m\",\"timestamp\":\"2026-01-01T00:00:00Z\","
                                       "\"input\":{\"inputTokenCount\":5}}");
    struct invocation b = *read_one(f, "{\"input\":{\"inputTokenCount\":5},\"timestamp\":"
                                       "\"2026-01-01T00:00:00Z\",\"modelId\":\"m\",\"requestId\":"
                                       "\"r\",\"schemaType\":\"ModelInvocationLog\"}");
    assert_memory_equal(&a, &b, sizeof a);
    fixture_free(f);
}

static void rule_2_unknown_fields_change_nothing(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    struct invocation a = *read_one(f, record_of("", "\"inputTokenCount\":5", ""));
    struct invocation b = *read_one(f, record_of("\"new\":{\"a\":[1,{}]},\"also\":null,",
                                                 "\"inputTokenCount\":5,\"x\":[[]]", "\"y\":{}"));
    assert_memory_equal(&a, &b, sizeof a);
    fixture_free(f);
}

static void rule_3_bodies_cannot_pose_as_the_envelope(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    const struct invocation *v = read_one(
        f, record_of("",
                     "\"inputTokenCount\":5,\"inputBodyJson\":{\"inputTokenCount\":999999,"
                     "\"identity\":{\"arn\":\"arn:aws:iam::1:user/evil\"},\"errorCode\":\"X\","
                     "\"t\":\"\\\"inputTokenCount\\\":7\",\"input\":{\"inputTokenCount\":8}}",
                     "\"outputTokenCount\":1,\"outputBodyJson\":{\"errorCode\":\"X\",\"accountId\":"
                     "\"666\",\"output\":{\"outputTokenCount\":999}}"));
    assert_tokens(v, 5, 1, 0, 0, 0, 0);
    assert_false(v->flags & INV_ERROR);
    assert_label(f, 0, LABEL_PRINCIPAL, "");
    assert_label(f, 0, LABEL_ACCOUNT, "012345678901");
    fixture_free(f);
}

static void rule_5_of_duplicate_keys_the_last_wins(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    read_one(f, record_of("\"region\":\"eu-west-1\",\"input\":{\"inputTokenCount\":1},",
                          "\"inputTokenCount\":2,\"inputTokenCount\":3", ""));
    assert_label(f, 0, LABEL_REGION, "eu-west-1");
    assert_int_equal(f->v[0].tokens[TOKENS_INPUT], 3);
    fixture_free(f);
}

static void rule_6_null_and_empty_stand_for_absent(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    const struct invocation *v =
        read_one(f, record_of("\"errorCode\":null,\"requestMetadata\":null,\"identity\":null,",
                              "\"inputBodyJson\":null,\"inputTokenCount\":4", ""));
    assert_tokens(v, 4, 0, 0, 0, 0, 0);
    assert_false(v->flags & (INV_ERROR | INV_ODD | INV_INPUT_BODY));
    v = read_one(f, "{\"requestId\":\"a\",\"modelId\":\"m\",\"input\":null,\"output\":null}");
    assert_true(v->flags & INV_NO_COUNTS);
    assert_false(v->flags & INV_ODD);
    v = read_one(f, "{\"requestId\":\"a\",\"modelId\":\"m\",\"input\":{}}");
    assert_true(v->flags & INV_NO_COUNTS);
    fixture_free(f);
}

static void rule_7_a_count_that_is_none_is_absent_and_told(void **state)
{
    (void)state;
    static const char *const bad[] = {"\"12\"", "-1",  "1.5", "9007199254740993",       "1e3",
                                      "true",   "[1]", "{}",  "99999999999999999999999"};
    struct fixture *f = fixture_new();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char input[100];
        snprintf(input, sizeof input, "\"inputTokenCount\":%s", bad[i]);
        const struct invocation *v = read_one(f, record_of("", input, "\"outputTokenCount\":3"));
        assert_tokens(v, 0, 3, 0, 0, 0, 0);
        assert_true(v->flags & INV_ODD);
    }
    fixture_free(f);
}

static void rules_8_and_9_operations_are_open_and_accounts_keep_their_zero(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    read_one(f, record_of("\"operation\":\"SomethingNew\",", "\"inputTokenCount\":1000000", ""));
    assert_label(f, 0, LABEL_OPERATION, "SomethingNew");
    assert_label(f, 0, LABEL_ACCOUNT, "012345678901");
    assert_int_equal(f->v[0].cost[TOKENS_INPUT], 5 * PICO_PER_USD);
    fixture_free(f);
}

static void rule_10_an_impossible_time_falls_back_to_the_delivery(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->from.delivery_us = 42;
    const struct invocation *v =
        read_one(f, record_of("\"timestamp\":\"2025-04-99T23:00:17Z\",", "", ""));
    assert_int_equal(v->time_us, 42);
    assert_true(v->flags & INV_TIME_GUESSED);
    fixture_free(f);
}

static void rules_11_and_12_input_counts_are_disjoint(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    const struct invocation *v =
        read_one(f, record_of("",
                              "\"inputTokenCount\":1,\"cacheReadInputTokenCount\":129709,"
                              "\"cacheWriteInputTokenCount\":411",
                              "\"outputTokenCount\":326"));
    assert_tokens(v, 1, 326, 129709, 0, 0, 411);
    assert_false(v->flags & INV_NO_CACHE_COUNTS);
    v = read_one(f, record_of("", "\"inputTokenCount\":1", "\"outputTokenCount\":326"));
    assert_true(v->flags & INV_NO_CACHE_COUNTS);
    fixture_free(f);
}

#define STREAM(start, delta)                                                                       \
    "\"outputBodyJson\":[\"[DONE]\",{\"type\":\"message_start\",\"message\":{\"model\":"           \
    "\"claude-opus-5\",\"usage\":{" start "}}},{\"type\":\"content_block_delta\",\"index\":0,"     \
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}},7," delta                                 \
    "{\"type\":\"message_stop\",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":99,"     \
    "\"outputTokenCount\":98,\"invocationLatency\":1234,\"firstByteLatency\":56}}]"

static void rule_13_the_first_output_count_of_a_stream_is_provisional(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    const struct invocation *v =
        read_one(f, record_of("", "",
                              STREAM("\"input_tokens\":3,\"output_tokens\":2",
                                     "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
                                     "\"end_turn\"},\"usage\":{\"output_tokens\":300}},")));
    assert_tokens(v, 3, 300, 0, 0, 0, 0);
    assert_int_equal(v->latency_ms, 1234);
    assert_int_equal(v->first_byte_ms, 56);
    assert_false(v->flags & (INV_INCOMPLETE | INV_ODD));
    v = read_one(f, record_of("", "", STREAM("\"input_tokens\":3,\"output_tokens\":2", "")));
    assert_true(v->flags & INV_INCOMPLETE);
    fixture_free(f);
}

static void rule_14_the_envelope_comes_before_the_body(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    const struct invocation *v =
        read_one(f, record_of("", "\"inputTokenCount\":10",
                              "\"outputTokenCount\":20,\"outputBodyJson\":{\"usage\":"
                              "{\"inputTokens\":11,\"outputTokens\":20}}"));
    assert_tokens(v, 10, 20, 0, 0, 0, 0);
    assert_true(v->flags & INV_ODD);
    v = read_one(f, record_of("", "",
                              "\"outputBodyJson\":{\"usage\":{\"prompt_tokens\":7,"
                              "\"completion_tokens\":8,\"total_tokens\":15}}"));
    assert_tokens(v, 7, 8, 0, 0, 0, 0);
    fixture_free(f);
}

static void rule_15_a_blocked_call_without_counts_is_unknown_not_free(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    const struct invocation *v =
        read_one(f, record_of("", "",
                              "\"outputBodyJson\":{\"amazon-bedrock-guardrailAction\":"
                              "\"INTERVENED\"}"));
    assert_true(v->flags & INV_GUARDRAIL);
    assert_true(v->flags & INV_NO_COUNTS);
    assert_int_equal(v->outcome, OUTCOME_USAGE_UNKNOWN);
    v = read_one(f, record_of("", "\"inputTokenCount\":0",
                              "\"outputTokenCount\":0,\"outputBodyJson\":{\"stopReason\":"
                              "\"guardrail_intervened\"}"));
    assert_true(v->flags & INV_GUARDRAIL);
    assert_int_equal(v->outcome, OUTCOME_PRICED);
    fixture_free(f);
}

static const struct invocation *read_split(struct fixture *f, int total, const char *split)
{
    char input[100], start[300];
    snprintf(input, sizeof input, "\"cacheWriteInputTokenCount\":%d", total);
    snprintf(start, sizeof start, "\"outputBodyJson\":{\"usage\":{%s}}", split);
    return read_one(f, record_of("", input, start));
}

#define CREATION(five, hour)                                                                       \
    "\"cache_creation\":{\"ephemeral_5m_input_tokens\":" five                                      \
    ",\"ephemeral_1h_input_tokens\":" hour "}"

static void rule_16_the_split_of_cache_writes_stays_within_the_total(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    assert_tokens(read_split(f, 100, CREATION("60", "40")), 0, 0, 0, 60, 40, 0);
    assert_tokens(read_split(f, 100, CREATION("10", "20")), 0, 0, 0, 10, 20, 70);
    assert_false(f->v[0].flags & INV_ODD);
    assert_tokens(read_split(f, 100, CREATION("150", "50")), 0, 0, 0, 75, 25, 0);
    assert_true(f->v[0].flags & INV_ODD);
    fixture_free(f);
}

static void rule_17_cache_details_of_one_ttl_add_up(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    assert_tokens(read_split(f, 100,
                             "\"cacheDetails\":[{\"ttl\":\"1h\",\"inputTokens\":30},{\"ttl\":"
                             "\"1h\",\"inputTokens\":25},{\"inputTokens\":45,\"ttl\":\"5m\"},"
                             "{\"ttl\":\"9d\",\"inputTokens\":1},null]"),
                  0, 0, 0, 45, 55, 0);
    fixture_free(f);
}

static void rule_18_an_embedding_has_no_output_count(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    const struct invocation *v =
        read_one(f, record_of("\"modelId\":\"amazon.titan-embed-text-v2:0\",",
                              "\"inputTokenCount\":1000000", "\"outputBodyJson\":{}"));
    assert_tokens(v, 1000000, 0, 0, 0, 0, 0);
    assert_int_equal(v->outcome, OUTCOME_PRICED);
    assert_int_equal(v->cost[TOKENS_INPUT], 20000000000);
    fixture_free(f);
}

static void rules_19_and_20_errors_cost_what_they_used(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    const struct invocation *v =
        read_one(f, "{\"schemaType\":\"ModelInvocationLog\",\"requestId\":\"r\",\"modelId\":"
                    "\"us.anthropic.claude-opus-4-8\",\"region\":\"us-east-1\",\"timestamp\":"
                    "\"2026-09-01T09:00:00Z\",\"errorCode\":\"AccessDeniedException\"}");
    assert_int_equal(v->outcome, OUTCOME_NO_USAGE);
    assert_true(v->flags & INV_ERROR);
    v = read_one(
        f, record_of("\"errorCode\":\"ModelErrorException\",", "\"inputTokenCount\":1000000", ""));
    assert_int_equal(v->outcome, OUTCOME_PRICED);
    assert_true(v->flags & INV_ERROR);
    assert_int_equal(v->cost[TOKENS_INPUT], 5 * PICO_PER_USD);
    fixture_free(f);
}

static void rules_21_22_and_27_bodies_of_any_shape_are_survived(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "null",
        "1",
        "true",
        "\"text\"",
        "[]",
        "{}",
        "[1,\"a\",null,[],{}]",
        "[\"[DONE]\"]",
        "{\"usage\":5,\"metrics\":[],\"model\":{},\"stopReason\":1}",
        "{\"usage\":{\"input_tokens\":\"x\",\"cache_creation\":[1],\"cacheDetails\":{}}}",
        ("[{\"type\":1},{\"type\":\"message_start\"},{\"type\":\"message_start\",\"message\":[]},"
         "{\"delta\":7,\"usage\":\"u\"},{\"message\":{\"usage\":{}}}]"),
        "{\"messages\":\"a string\",\"content\":{\"content\":\"b\"}}",
    };
    struct fixture *f = fixture_new();
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        char input[400], output[400];
        snprintf(input, sizeof input, "\"inputTokenCount\":4,\"inputBodyJson\":%s", shapes[i]);
        snprintf(output, sizeof output, "\"outputTokenCount\":5,\"outputBodyJson\":%s", shapes[i]);
        assert_tokens(read_one(f, record_of("", input, output)), 4, 5, 0, 0, 0, 0);
    }
    fixture_free(f);
}

static void rules_23_and_24_latency_is_taken_where_it_is_and_unknown_elsewhere(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    const struct invocation *v =
        read_one(f, record_of("\"operation\":\"ConverseStream\",", "\"inputTokenCount\":1",
                              "\"outputBodyJson\":{\"metrics\":{\"latencyMs\":7460}}"));
    assert_int_equal(v->latency_ms, 7460);
    v = read_one(f, record_of("", "\"inputTokenCount\":1", "\"outputBodyJson\":[{}]"));
    assert_int_equal(v->latency_ms, LATENCY_UNKNOWN);
    fixture_free(f);
}

static void rules_31_and_32_an_unresolved_profile_is_never_free(void **state)
{
    (void)state;
    const char *profile = "\"modelId\":\"arn:aws:bedrock:us-east-1:012345678901:"
                          "application-inference-profile/zzz\",";
    struct fixture *f = fixture_new();
    const struct invocation *v = read_one(f, record_of(profile, "\"inputTokenCount\":1000", ""));
    assert_int_equal(v->outcome, OUTCOME_UNPRICED);
    assert_int_equal(v->unpriced_tokens, 1000);
    assert_label(f, 0, LABEL_REASON, "profile not resolved");
    v = read_one(f,
                 record_of(profile, "\"inputTokenCount\":1000000",
                           STREAM("\"output_tokens\":2", "{\"type\":\"message_delta\",\"usage\":{"
                                                         "\"output_tokens\":0}},")));
    assert_int_equal(v->outcome, OUTCOME_BOUNDED);
    assert_label(f, 0, LABEL_MODEL, "anthropic.claude-opus-5");
    assert_int_equal(v->cost[TOKENS_INPUT], 5 * PICO_PER_USD);
    assert_int_equal(v->cost_span, PICO_PER_USD / 2);
    fixture_free(f);
}

static void rule_46_the_key_is_account_region_and_request_id(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    struct invocation a = *read_one(f, record_of("", "\"inputTokenCount\":1", ""));
    struct invocation b = *read_one(f, record_of("", "\"inputTokenCount\":2", ""));
    assert_true(hash128_eq(a.key, b.key));
    b = *read_one(f, record_of("\"region\":\"eu-west-1\",", "", ""));
    assert_false(hash128_eq(a.key, b.key));
    b = *read_one(f, record_of("\"accountId\":\"111122223333\",", "", ""));
    assert_false(hash128_eq(a.key, b.key));
    b = *read_one(f, record_of("\"requestId\":null,", "\"inputTokenCount\":1", ""));
    assert_true(b.flags & INV_NO_REQUEST_ID);
    struct invocation c =
        *read_one(f, record_of("\"requestId\":null,", "\"inputTokenCount\":1", ""));
    assert_true(hash128_eq(b.key, c.key));
    c = *read_one(f, record_of("\"requestId\":null,", "\"inputTokenCount\":2", ""));
    assert_false(hash128_eq(b.key, c.key));
    fixture_free(f);
}

static void rule_51_paths_of_bodies_are_followed_only_in_their_own_tree(void **state)
{
    (void)state;
    struct record r = {
        .account = STR("012345678901"), .region = STR("us-east-1"), .request_id = STR("r1")};
    struct str key;
#define LAYOUT "AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10/20/12/"
    assert_true(body_path_is_safe(STR("s3://b/" LAYOUT "data/r1_output.json.gz"), &r, &key));
    assert_true(
        body_path_is_safe(STR("s3://b/p/AWSLogs/q/" LAYOUT "data/r1_output.json.gz"), &r, &key));
    assert_true(str_eq(key, STR(LAYOUT "data/r1_output.json.gz")));
    static const char *const bad[] = {
        "",
        "s3://.../_input.json.gz",
        "/etc/passwd",
        "file:///" LAYOUT "data/r1_output.json.gz",
        "s3://b/" LAYOUT "data/other_output.json.gz",
        "s3://b/" LAYOUT "r1_output.json.gz",
        "s3://b/" LAYOUT "data/../data/r1_output.json.gz",
        "s3://b/" LAYOUT "./data/r1_output.json.gz",
        "s3://b/" LAYOUT "data//r1_output.json.gz",
        "s3://b/" LAYOUT "data/%2e%2e/data/r1_output.json.gz",
        "s3://b/" LAYOUT "data/",
        "s3://b/AWSLogs/999999999999/BedrockModelInvocationLogs/us-east-1/2026/10/20/12/data/"
        "r1_output.json.gz",
        "s3://b/AWSLogs/012345678901/BedrockModelInvocationLogs/eu-west-1/2026/10/20/12/data/"
        "r1_output.json.gz",
        "s3://b/AWSLogs/012345678901/Other/us-east-1/2026/10/20/12/data/r1_output.json.gz",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (body_path_is_safe(str_from(bad[i]), &r, &key))
            fail_msg("followed: %s", bad[i]);
}

static void make_tree(char *dir, const char *path, const char *text)
{
    char full[600];
    snprintf(full, sizeof full, "%s/%s", dir, path);
    for (char *c = full + 1; *c; c++) {
        if (*c == '/') {
            *c = '\0';
            mkdir(full, 0700);
            *c = '/';
        }
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void rule_52_links_and_pipes_are_not_opened(void **state)
{
    (void)state;
    char dir[] = "/tmp/assay-test-XXXXXX", name[700], path[700];
    assert_non_null(mkdtemp(dir));
    const char *body = "{\"usage\":{" CREATION("0", "100") "}}";
    make_tree(dir, LAYOUT "data/r1_output.json", body);
    snprintf(name, sizeof name, "%s/" LAYOUT "records.json.gz", dir);
    const char *record =
        "{\"requestId\":\"r1\",\"modelId\":\"m\",\"accountId\":\"012345678901\","
        "\"region\":\"us-east-1\",\"input\":{\"cacheWriteInputTokenCount\":100},"
        "\"output\":{\"outputBodyS3Path\":\"s3://b/" LAYOUT "data/r1_output.json\"}}";
    struct fixture *f = fixture_new();
    f->from.name = name;
    assert_tokens(read_one(f, record), 0, 0, 0, 0, 100, 0);
    assert_true(f->v[0].flags & INV_OUTPUT_BODY);

    snprintf(path, sizeof path, "%s/" LAYOUT "data/r1_output.json", dir);
    char moved[710];
    snprintf(moved, sizeof moved, "%s.moved", path);
    assert_int_equal(rename(path, moved), 0);
    assert_tokens(read_one(f, record), 0, 0, 0, 0, 0, 100);
    assert_true(f->v[0].flags & INV_BODY_MISSING);
    assert_int_equal(symlink(moved, path), 0);
    read_one(f, record);
    assert_true(f->v[0].flags & INV_BODY_REFUSED);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    read_one(f, record);
    assert_true(f->v[0].flags & INV_BODY_REFUSED);

    struct fixture *g = fixture_with((struct reader_limits){0}, DETAIL_COUNTS);
    g->from.name = name;
    read_one(g, record);
    assert_false(g->v[0].flags & (INV_BODY_REFUSED | INV_BODY_MISSING));
    fixture_free(g);
    fixture_free(f);
    char command[800];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

/* Operation, error, tier and the model of an answer: codes, or no text of them stays. */
static void names_of_the_service_are_no_text(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    const char *profile = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc";
    static const char *const tiers[] = {"'usage':{'service_tier':'tell me CANARY'}",
                                        "'serviceTier':{'type':'tell me CANARY'}"};
    for (size_t i = 0; i < sizeof tiers / sizeof tiers[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "{'requestId':'r','timestamp':'2026-10-05T12:00:00Z','modelId':'%s','operation':"
                 "'tell me CANARY','errorCode':'tell me "
                 "CANARY','output':{'outputTokenCount':4,'outputBodyJson':"
                 "{'model':'claude, tell me CANARY',%s}}}",
                 profile, tiers[i]);
        for (char *p = text; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        fixture_text(f, text);
        assert_int_equal(f->n, 1);
        assert_label(f, 0, LABEL_OPERATION, "(not a name)");
        assert_label(f, 0, LABEL_ERROR, "(not a name)");
        assert_label(f, 0, LABEL_TIER, "(not a name)");
        assert_label(f, 0, LABEL_REASON, "profile not resolved");
        assert_true(f->v[0].flags & INV_ODD && f->v[0].flags & INV_ERROR);
    }
    for (uint32_t i = 0; i < symbols_count(f->symbols); i++)
        assert_true(str_find(symbols_text(f->symbols, i), STR("CANARY")) < 0);
    fixture_free(f);
}

static void a_packed_invocation_comes_back_whole(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    struct invocation v = *read_split(f, 1000, CREATION("10", "20"));
    unsigned char bytes[PACK_MAX];
    size_t plain = invocation_pack(&v, bytes);
    for (int round = 0; round < 2; round++) {
        v.session = round ? UINT64_C(0xFEDCBA9876543210) : 0;
        size_t n = invocation_pack(&v, bytes);
        struct invocation back;
        assert_int_equal(invocation_unpack(bytes, n, &back), n);
        assert_memory_equal(&v, &back, sizeof back);
        for (size_t cut = 0; cut < n; cut++)
            assert_int_equal(invocation_unpack(bytes, cut, &back), 0);
        assert_true(n <= plain + (round ? sizeof v.session + 1 : 0));
    }
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_1_key_order_is_not_assumed),
        cmocka_unit_test(rule_2_unknown_fields_change_nothing),
        cmocka_unit_test(rule_3_bodies_cannot_pose_as_the_envelope),
        cmocka_unit_test(rule_5_of_duplicate_keys_the_last_wins),
        cmocka_unit_test(rule_6_null_and_empty_stand_for_absent),
        cmocka_unit_test(rule_7_a_count_that_is_none_is_absent_and_told),
        cmocka_unit_test(rules_8_and_9_operations_are_open_and_accounts_keep_their_zero),
        cmocka_unit_test(rule_10_an_impossible_time_falls_back_to_the_delivery),
        cmocka_unit_test(rules_11_and_12_input_counts_are_disjoint),
        cmocka_unit_test(rule_13_the_first_output_count_of_a_stream_is_provisional),
        cmocka_unit_test(rule_14_the_envelope_comes_before_the_body),
        cmocka_unit_test(rule_15_a_blocked_call_without_counts_is_unknown_not_free),
        cmocka_unit_test(rule_16_the_split_of_cache_writes_stays_within_the_total),
        cmocka_unit_test(rule_17_cache_details_of_one_ttl_add_up),
        cmocka_unit_test(rule_18_an_embedding_has_no_output_count),
        cmocka_unit_test(rules_19_and_20_errors_cost_what_they_used),
        cmocka_unit_test(rules_21_22_and_27_bodies_of_any_shape_are_survived),
        cmocka_unit_test(rules_23_and_24_latency_is_taken_where_it_is_and_unknown_elsewhere),
        cmocka_unit_test(rules_31_and_32_an_unresolved_profile_is_never_free),
        cmocka_unit_test(rule_46_the_key_is_account_region_and_request_id),
        cmocka_unit_test(rule_51_paths_of_bodies_are_followed_only_in_their_own_tree),
        cmocka_unit_test(rule_52_links_and_pipes_are_not_opened),
        cmocka_unit_test(names_of_the_service_are_no_text),
        cmocka_unit_test(a_packed_invocation_comes_back_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
