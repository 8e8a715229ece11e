/*
 * Published records (facts about each: log-samples/INDEX.md). What each must come out as is written
 * down here; the samples themselves are not part of this tree, so the test says "skipped" where
 * they are not. test_reader.c and test_intake.c cover the same forms with records of our own.
 */
#include "intake_fixture.h"

#include "model/principal.h"

struct expect {
    const char *file;
    const char *account, *region, *inference_region, *model, *scope, *operation, *error;
    const char *outcome;
    enum principal_kind kind;
    int64_t input, output, read, write; /* write: of unknown TTL, no sample shows a split */
    int64_t cost_pico;                  /* low end */
    int64_t span_pico;
    uint32_t flags;
    int32_t latency_ms;
    const char *time; /* NULL: guessed */
};

#define BODIES (INV_INPUT_BODY | INV_OUTPUT_BODY)

static const struct expect samples[] = {
    {"aleck31_2026-04-19_ConverseStream_cache_write.json", "123456789012", "us-west-2", "us-east-2",
     "anthropic.claude-opus-4-6-v1", "global", "ConverseStream", "", "bounded", PRINCIPAL_USER, 3,
     52, 0, 24479, INT64_C(154308750000), INT64_C(91796250000), BODIES, 7460,
     "2026-04-19T23:57:01Z"},
    {"aleck31_2026-04-19_Converse_global_profile.json", "123456789012", "us-west-2", "us-east-2",
     "anthropic.claude-opus-4-5-20251101-v1:0", "global", "Converse", "", "priced", PRINCIPAL_USER,
     255, 113, 0, 0, INT64_C(4100000000), 0, BODIES, 3114, "2026-04-19T13:28:51Z"},
    {"aleck31_2026-04-20_InvokeStream_S3Path_global_profile_arn.json", "444455556666", "us-west-2",
     "us-east-1", "anthropic.claude-opus-4-7", "global", "InvokeModelWithResponseStream", "",
     "bounded", PRINCIPAL_USER, 6, 167, 0, 225913, INT64_C(1416161250000), INT64_C(847173750000),
     INV_OUTPUT_BODY | INV_BODY_PATH, LATENCY_UNKNOWN, "2026-04-20T00:17:33Z"},
    {"aws_docs_example_record.json", "123456789012", "us-east-1", "",
     "anthropic.claude-sonnet-4-20250514-v1:0", "in-region", "Converse", "", "priced",
     PRINCIPAL_ROLE, 25, 150, 0, 0, INT64_C(2325000000), 0, BODIES | INV_NO_CACHE_COUNTS,
     LATENCY_UNKNOWN, "2024-01-15T12:00:00Z"},
    {"pub_2026-04-14_InvokeStream_cache_read_global.json", "222233334444", "us-east-1",
     "ap-southeast-4", "anthropic.claude-opus-4-6-v1", "global", "InvokeModelWithResponseStream",
     "", "bounded", PRINCIPAL_USER, 1, 326, 129709, 411, INT64_C(75578250000), INT64_C(1541250000),
     INV_OUTPUT_BODY | INV_BODY_PATH, LATENCY_UNKNOWN, "2026-04-14T08:57:15Z"},
    {"pub_2026-08-18_Responses_openai.json", "", "us-west-2", "us-east-2", "openai.gpt-5.6-sol",
     "geo", "Responses", "", "priced", PRINCIPAL_ROLE, 16, 11, 0, 0, -1, 0, INV_NO_CACHE_COUNTS,
     LATENCY_UNKNOWN, "2026-08-18T02:13:36Z"},
    {"pub_2026-09-14_ConverseStream_AgentCoreHarness_TRIMMED.json", "<acct>", "us-east-1",
     "us-east-2", "anthropic.claude-sonnet-4-5-20250929-v1:0", "geo", "ConverseStream", "",
     "priced", PRINCIPAL_UNKNOWN, 4512, 0, 0, 0, INT64_C(14889600000), 0,
     BODIES | INV_NO_CACHE_COUNTS | INV_ODD, LATENCY_UNKNOWN, "2026-09-14T04:12:37Z"},
    {"pub_Claude2_InvokeStream.json", "xxxxxxxxxxxxxxxxxxxxxxx", "ap-northeast-1", "",
     "anthropic.claude-v2:1", "in-region", "InvokeModelWithResponseStream", "", "priced",
     PRINCIPAL_UNKNOWN, 10, 6, 0, 0, INT64_C(224000000), 0,
     BODIES | INV_NO_CACHE_COUNTS | INV_TIME_GUESSED, 765, NULL},
    {"pub_InvokeStream_long_term_api_key_metadata_only.json", "333344445555", "eu-west-3", "",
     "anthropic.claude-haiku-4-5-20251001-v1:0", "geo", "InvokeModelWithResponseStream", "",
     "bounded", PRINCIPAL_API_KEY, 10, 436, 0, 11118, INT64_C(17696250000), INT64_C(9172350000), 0,
     LATENCY_UNKNOWN, "2026-01-31T14:27:21Z"},
    {"pub_Titan_InvokeStream.json", "xxxxxxxxxxxx", "ap-northeast-1", "",
     "amazon.titan-text-express-v1", "in-region", "InvokeModelWithResponseStream", "", NULL,
     PRINCIPAL_UNKNOWN, 7, 11, 0, 0, -1, 0, BODIES | INV_NO_CACHE_COUNTS | INV_TIME_GUESSED, 864,
     NULL},
    {"pub_error_AccessDenied_no_input_output.json", "333344445555", "eu-west-3", "",
     "anthropic.claude-opus-4-6-v1", "geo", "InvokeModelWithResponseStream",
     "AccessDeniedException", "no_usage", PRINCIPAL_API_KEY, 0, 0, 0, 0, 0, 0,
     INV_ERROR | INV_NO_COUNTS | INV_NO_CACHE_COUNTS, LATENCY_UNKNOWN, "2026-02-08T13:41:37Z"},
    {"speakerdeck_licux_2025-04_Converse_requestMetadata.json", "555566667777", "us-east-1", "",
     "anthropic.claude-3-haiku-20240307-v1:0", "in-region", "Converse", "", "priced",
     PRINCIPAL_UNKNOWN, 35, 446, 0, 0, INT64_C(566250000), 0,
     BODIES | INV_NO_CACHE_COUNTS | INV_TIME_GUESSED, 3640, NULL},
    {"zenn_2025-08-07_ClaudeCodeAction_InvokeStream_AIP_EXCERPT.json",
     "<\xe3\x82\xa2\xe3\x82\xab\xe3\x82\xa6\xe3\x83\xb3\xe3\x83\x88ID>",
     "<\xe3\x83\xaa\xe3\x83\xbc\xe3\x82\xb8\xe3\x83\xa7\xe3\x83\xb3>", "us-east-2", "", "",
     "InvokeModelWithResponseStream", "", "unpriced", PRINCIPAL_UNKNOWN, 3, 142, 0, 28857, 0, 0,
     INV_OUTPUT_BODY | INV_BODY_PATH, LATENCY_UNKNOWN, "2025-08-07T02:48:23Z"},
    {"zenn_2026-09-08_Converse_metadata_only_nova.json", "111111111111", "ap-northeast-1", "",
     "amazon.nova-micro-v1:0", "geo", "Converse", "", NULL, PRINCIPAL_ROLE, 1, 8, 0, 0, -1, 0,
     INV_NO_CACHE_COUNTS, LATENCY_UNKNOWN, "2026-09-08T12:10:33Z"},
};

static void check_sample(struct fixture *f, const struct expect *e)
{
    if (f->n != 1)
        fail_msg("%s: %zu records, %zu quarantined", e->file, f->n, f->troubles);
    const struct invocation *v = &f->v[0];
    print_message("%s\n", e->file);
    assert_label(f, 0, LABEL_ACCOUNT, e->account);
    assert_label(f, 0, LABEL_REGION, e->region);
    assert_label(f, 0, LABEL_INFERENCE_REGION, e->inference_region);
    assert_label(f, 0, LABEL_MODEL, e->model);
    assert_label(f, 0, LABEL_SCOPE, e->scope);
    assert_label(f, 0, LABEL_OPERATION, e->operation);
    assert_label(f, 0, LABEL_ERROR, e->error);
    if (e->outcome)
        assert_label(f, 0, LABEL_OUTCOME, e->outcome);
    struct principal p = principal_parse(series_text(f->series, v->series, LABEL_PRINCIPAL));
    assert_int_equal(p.kind, e->kind);
    assert_int_equal(v->tokens[TOKENS_INPUT], e->input);
    assert_int_equal(v->tokens[TOKENS_OUTPUT], e->output);
    assert_int_equal(v->tokens[TOKENS_CACHE_READ], e->read);
    assert_int_equal(v->tokens[TOKENS_CACHE_WRITE_5M], 0);
    assert_int_equal(v->tokens[TOKENS_CACHE_WRITE_1H], 0);
    assert_int_equal(v->tokens[TOKENS_CACHE_WRITE_UNKNOWN], e->write);
    int64_t cost = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        cost += v->cost[i];
    if (e->cost_pico >= 0)
        assert_int_equal(cost, e->cost_pico);
    else
        assert_true(cost > 0);
    assert_int_equal(v->cost_span, e->span_pico);
    const uint32_t looked_at = BODIES | INV_BODY_PATH | INV_NO_CACHE_COUNTS | INV_NO_COUNTS |
                               INV_ERROR | INV_ODD | INV_TIME_GUESSED;
    assert_int_equal(v->flags & looked_at, e->flags);
    assert_int_equal(v->latency_ms, e->latency_ms);
    if (e->time) {
        char text[TIME_TEXT];
        time_format(text, v->time_us);
        assert_string_equal(text, e->time);
    }
}

static void published_records_come_out_right(void **state)
{
    (void)state;
    int seen = 0;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char path[300];
        snprintf(path, sizeof path, "../shared/data/log-samples/%s", samples[i].file);
        struct fixture *f = fixture_new();
        if (fixture_file(f, path)) {
            seen++;
            check_sample(f, &samples[i]);
        }
        fixture_free(f);
    }
    if (seen == 0) {
        print_message("skipped: ../shared/data/log-samples is not here\n");
        skip();
    }
    assert_int_equal(seen, sizeof samples / sizeof samples[0]);
}

/* What bodies tell beside usage. Where they are cut or absent nothing is guessed. */
static void published_bodies_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *file, *harness, *kind;
        bool exchange;
    } bodies[] = {
        {"aleck31_2026-04-19_ConverseStream_cache_write.json", "", "", true},
        {"aleck31_2026-04-20_InvokeStream_S3Path_global_profile_arn.json", "", "", true},
        {"pub_2026-08-18_Responses_openai.json", "", "", false},
        {"pub_2026-09-14_ConverseStream_AgentCoreHarness_TRIMMED.json", "AgentCore", "", true},
        {"pub_Claude2_InvokeStream.json", "", "main", true},
        {"pub_Titan_InvokeStream.json", "", "main", true},
        {"pub_error_AccessDenied_no_input_output.json", "", "", false},
        {"speakerdeck_licux_2025-04_Converse_requestMetadata.json", "", "main", true},
        {"zenn_2025-08-07_ClaudeCodeAction_InvokeStream_AIP_EXCERPT.json", "", "", true},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char path[300];
        snprintf(path, sizeof path, "../shared/data/log-samples/%s", bodies[i].file);
        struct fixture *f = fixture_env((struct reader_limits){0}, DETAIL_CONTENT, true);
        if (fixture_file(f, path)) {
            assert_int_equal(f->n, 1);
            assert_label(f, 0, LABEL_HARNESS, bodies[i].harness);
            assert_label(f, 0, LABEL_CALL_KIND, bodies[i].kind);
            assert_int_equal(f->v[0].exchange != NULL, bodies[i].exchange);
        }
        fixture_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_records_come_out_right),
        cmocka_unit_test(published_bodies_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
