/* ingest/reader: every form in which records arrive, and every way in which they can be broken. */
#include "intake_fixture.h"

#include "codec/base64.h"
#include "codec/gz.h"
#include "codec/jsonw.h"

#define RECORD(id)                                                                                 \
    "{\"schemaType\":\"ModelInvocationLog\",\"schemaVersion\":\"1.0\","                            \
    "\"timestamp\":\"2026-10-20T12:00:00Z\",\"accountId\":\"012345678901\","                       \
    "\"region\":\"us-east-1\",\"requestId\":\"" id "\",\"operation\":\"InvokeModel\","             \
    "\"modelId\":\"global.anthropic.claude-sonnet-5-5\","                                          \
    "\"input\":{\"inputTokenCount\":10,\"inputBodyJson\":{\"messages\":[{\"a\":\"]}\\\"{\"}]}},"   \
    "\"output\":{\"outputTokenCount\":2},"                                                         \
    "\"identity\":{\"arn\":\"arn:aws:iam::012345678901:user/a\"}}"

static struct buf text_of(const char *s)
{
    struct buf b;
    buf_init(&b, 64 << 20);
    buf_str(&b, str_from(s));
    return b;
}

static struct buf gzip(struct str bytes)
{
    struct buf b;
    buf_init(&b, 64 << 20);
    assert_int_equal(gz_deflate(bytes, 1, &b, NULL), OK);
    return b;
}

static void expect(const char *text, size_t records, size_t troubles)
{
    struct fixture *f = fixture_new();
    fixture_text(f, text);
    if (f->n != records || f->troubles != troubles)
        fail_msg("%zu records and %zu troubles (%s), wanted %zu and %zu in:\n%.300s", f->n,
                 f->troubles, f->troubles ? f->trouble[0].reason : "", records, troubles, text);
    fixture_free(f);
}

static void expect_bytes(struct str bytes, size_t records, size_t troubles)
{
    struct fixture *f = fixture_new();
    fixture_read(f, bytes.p, bytes.n);
    assert_int_equal(f->n, records);
    assert_int_equal(f->troubles, troubles);
    fixture_free(f);
}

static void rule_39_every_layout_of_json_is_read(void **state)
{
    (void)state;
    expect(RECORD("a") "\n" RECORD("b") "\n", 2, 0);
    expect(RECORD("a") "\n" RECORD("b"), 2, 0);
    expect(RECORD("a") "\r\n\r\n" RECORD("b") "\r\n", 2, 0);
    expect("\xEF\xBB\xBF" RECORD("a") "\n", 1, 0);
    expect("\n\n  \n" RECORD("a") "\n \n", 1, 0);
    expect(RECORD("a") RECORD("b") RECORD("c"), 3, 0);
    expect("[" RECORD("a") ",\n" RECORD("b") "]", 2, 0);
    expect("[\n" RECORD("a") "\n,\n" RECORD("b") "\n]\n", 2, 0);
    expect("{\n \"schemaType\":\"ModelInvocationLog\",\n \"requestId\":\"r\",\n"
           "\"modelId\":\"m\",\n \"input\": {\n }\n}\n" RECORD("b"),
           2, 0);
    expect("", 0, 0);
    expect("   \n", 0, 0);
}

static void rules_4_and_41_what_is_no_record_is_skipped(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_text(f, "Permissions are correctly set for Amazon Bedrock logs.\n" RECORD(
                        "a") "\n{\"schemaType\":\"SomethingElse\",\"requestId\":\"x\",\"modelId\":"
                             "\"y\"}\n{}\n"
                             "{\"messageType\":\"CONTROL_MESSAGE\",\"logEvents\":[{\"message\":"
                             "\"CWL CONTROL MESSAGE: Checking health\"}]}\n");
    assert_int_equal(f->n, 1);
    assert_int_equal(f->troubles, 0);
    assert_int_equal(f->about.n[ABOUT_SKIPPED], 4);
    fixture_free(f);
}

static void one_bad_record_costs_only_itself(void **state)
{
    (void)state;
    expect(RECORD("a") "\n{\"schemaType\":\"Model\n" RECORD("b") "\n" RECORD("c"), 3, 1);
    expect(RECORD("a") "\n{\"x\":{\"y\":1}\n" RECORD("b") "\n", 2, 1);
    expect(RECORD("a") "\n{\"requestId\":\"r\",\"modelId\":\"m\",\"input\":{\"inputBodyJson\":"
                       "{\"messages\":[{\"content\":\"no end of this object\"}\n" RECORD("b") "\n",
           2, 1);
    expect(RECORD("a") "\n{\"requestId\":\"\x80\xff\",\"modelId\":\"m\"}\n" RECORD("b") "\n", 2, 1);
    expect(RECORD("a") "\n{\"requestId\":\"a\tb\",\"modelId\":\"m\"}\n" RECORD("b") "\n", 2, 1);
    expect(RECORD("a") "\n{]\n" RECORD("b") "\n", 2, 1);
    expect(RECORD("a") RECORD("b") "{\"requestId\":", 2, 1);
    expect(RECORD("a") "\n" RECORD("b") "\n{\"requestId\":\"cut", 2, 1);
    expect(RECORD("a") "\n}}}\n" RECORD("b") "\n", 2, 0);
    expect("garbage \x01\x02 \xff\n" RECORD("a") "\n", 1, 0);
    expect("{\"schemaType\":\"ModelInvocationLog\"}\n" RECORD("a"), 1, 1);
}

static void the_offset_of_a_bad_record_is_told(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_text(f, RECORD("a") "\n{\"x\":nonsense-that-is-not\"\n" RECORD("b") "\n");
    assert_int_equal(f->troubles, 1);
    assert_int_equal(f->trouble[0].offset, sizeof(RECORD("a")));
    fixture_free(f);
}

static void rule_38_gzip_members_one_after_another(void **state)
{
    (void)state;
    struct buf a = gzip(STR(RECORD("a") "\n")), none = gzip(STR("")), b = gzip(STR(RECORD("b")));
    struct buf all = text_of("");
    buf_str(&all, buf_view(&a));
    buf_str(&all, buf_view(&none));
    buf_str(&all, buf_view(&b));
    expect_bytes(buf_view(&all), 2, 0);
    buf_fill(&all, '\0', 100);
    expect_bytes(buf_view(&all), 2, 0);
    buf_str(&all, STR("trailing garbage"));
    expect_bytes(buf_view(&all), 2, 1);
    struct buf twice = gzip(buf_view(&a));
    expect_bytes(buf_view(&twice), 1, 0);
    buf_fini(&twice);
    buf_fini(&all);
    buf_fini(&b);
    buf_fini(&none);
    buf_fini(&a);
}

static void rule_40_of_a_truncated_gzip_the_whole_records_are_kept(void **state)
{
    (void)state;
    struct buf text = text_of("");
    for (int i = 0; i < 200; i++)
        buf_printf(&text, "%s\n", RECORD("same"));
    struct buf packed = gzip(buf_view(&text));
    size_t before = 0;
    for (size_t cut = 1; cut < packed.n; cut += 37) {
        struct fixture *f = fixture_new();
        fixture_read(f, packed.p, cut);
        assert_true(f->n >= before && f->n <= 200);
        before = f->n;
        if (cut >= 3)
            assert_int_equal(f->about.n[ABOUT_FILES_FAILED], 1);
        fixture_free(f);
    }
    assert_true(before > 100);
    packed.p[packed.n - 6] ^= 1; /* the CRC */
    struct fixture *f = fixture_new();
    fixture_read(f, packed.p, packed.n);
    assert_int_equal(f->n, 200);
    assert_int_equal(f->about.n[ABOUT_FILES_FAILED], 1);
    fixture_free(f);
    buf_fini(&packed);
    buf_fini(&text);
}

/* The limit decides which way is taken; each file is read both ways. */
static void in_one_go_or_as_a_stream_gives_the_same_records(void **state)
{
    (void)state;
    struct buf text = text_of("");
    for (int i = 0; text.n < 3 << 20; i++) {
        buf_printf(&text, "{\"x\":%d,\"pad\":\"", i);
        buf_fill(&text, 'p', (size_t)(i % 7) * 30000);
        buf_printf(&text, "\"}\n%s\n", RECORD("same"));
        if (i % 10 == 3)
            buf_printf(&text, "{\"broken\": tru\n");
    }
    struct buf packed = gzip(buf_view(&text));
    struct fixture *f[2];
    const struct reader_limits limits[] = {{.max_whole = 4 << 20}, {.max_inflated = text.n - 1}};
    for (int i = 0; i < 2; i++) {
        f[i] = fixture_with(limits[i], DETAIL_CONTENT);
        fixture_read(f[i], packed.p, packed.n);
    }
    assert_true(f[0]->n > 20 && f[0]->troubles > 2);
    assert_int_equal(f[0]->n, f[1]->n);
    assert_int_equal(f[0]->troubles + 1, f[1]->troubles); /* the limit itself */
    for (size_t i = 0; i < f[0]->troubles; i++)
        assert_int_equal(f[0]->trouble[i].offset, f[1]->trouble[i].offset);
    fixture_free(f[0]);
    fixture_free(f[1]);
    buf_fini(&packed);
    buf_fini(&text);
}

/* A record as a string of JSON in `out`. */
static void quote(struct buf *out, const char *record)
{
    struct jsonw w = jsonw_start(out, 0);
    jsonw_str(&w, str_from(record));
}

static struct buf subscription_message(void)
{
    struct buf b = text_of("{\"messageType\":\"DATA_MESSAGE\",\"owner\":\"012345678901\","
                           "\"logGroup\":\"g\",\"logStream\":\"aws/bedrock/modelinvocations\","
                           "\"subscriptionFilters\":[\"f\"],\"logEvents\":[{\"id\":\"1\","
                           "\"timestamp\":1792497600000,\"message\":");
    quote(&b, RECORD("a"));
    buf_str(&b, STR("},{\"id\":\"2\",\"timestamp\":1,\"message\":\"plain words\"}]}"));
    return b;
}

static void rule_42_all_envelopes_give_the_same_invocation(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_text(f, RECORD("a"));
    const struct invocation plain = f->v[0];

    struct buf forms[9];
    size_t n = 0;
    struct buf message = subscription_message(), packed = gzip(buf_view(&message));
    forms[n++] = message;
    forms[n++] = packed;
    forms[n] = text_of("{\"awslogs\":{\"data\":\"");
    base64_encode(buf_view(&packed), &forms[n]);
    buf_str(&forms[n++], STR("\"}}"));
    forms[n] = text_of("{\"Records\":[{\"kinesis\":{\"data\":\"");
    base64_encode(buf_view(&packed), &forms[n]);
    buf_str(&forms[n++], STR("\",\"partitionKey\":\"p\"}}]}"));
    forms[n] = text_of("");
    base64_encode(buf_view(&packed), &forms[n]);
    buf_char(&forms[n++], '\n');
    forms[n] = text_of("{\"events\":[{\"timestamp\":1,\"message\":");
    quote(&forms[n], RECORD("a"));
    buf_str(&forms[n++], STR(",\"ingestionTime\":2}],\"nextToken\":\"t\"}"));
    forms[n] = text_of("{\"results\":[[{\"field\":\"@message\",\"value\":");
    quote(&forms[n], RECORD("a"));
    buf_str(&forms[n++], STR("},{\"field\":\"@ptr\",\"value\":\"p\"}]],\"status\":\"Complete\"}"));
    forms[n++] = text_of("2026-10-20T12:00:01.000Z " RECORD("a") "\n");
    forms[n++] = text_of("2026-10-20T12:00:01 aws/bedrock/modelinvocations " RECORD("a") "\n");

    for (size_t i = 0; i < n; i++) {
        fixture_read(f, forms[i].p, forms[i].n);
        if (f->n != 1 || memcmp(&f->v[0], &plain, sizeof plain) != 0)
            fail_msg("form %zu gave %zu records (%zu troubles)", i, f->n, f->troubles);
        buf_fini(&forms[i]);
    }

    struct buf csv = text_of("timestamp,message\n1792497600000,");
    buf_char(&csv, '"');
    for (const char *c = RECORD("a"); *c; c++)
        buf_printf(&csv, *c == '"' ? "\"\"" : "%c", *c);
    buf_str(&csv, STR("\"\n"));
    fixture_read(f, csv.p, csv.n);
    assert_int_equal(f->n, 1);
    assert_memory_equal(&f->v[0], &plain, sizeof plain);
    buf_fini(&csv);
    fixture_free(f);
}

/* A record whose own time is unusable. */
#define UNDATED                                                                                    \
    "{\"schemaType\":\"ModelInvocationLog\",\"schemaVersion\":\"1.0\",\"timestamp\":\"soon\","     \
    "\"accountId\":\"012345678901\",\"region\":\"us-east-1\",\"requestId\":\"u\","                 \
    "\"operation\":\"InvokeModel\",\"modelId\":\"m\",\"input\":{\"inputTokenCount\":1}}"

static struct buf with_record(const char *before, const char *after)
{
    struct buf b = text_of(before);
    quote(&b, UNDATED);
    buf_str(&b, str_from(after));
    return b;
}

static struct buf as_csv(const char *header, const char *before, const char *after)
{
    struct buf b = text_of(header);
    buf_printf(&b, "\n%s\"", before);
    for (const char *c = UNDATED; *c; c++)
        buf_printf(&b, *c == '"' ? "\"\"" : "%c", *c);
    buf_printf(&b, "\"%s\n", after);
    return b;
}

static void the_time_of_an_event_dates_a_record_without_one(void **state)
{
    (void)state;
    struct buf forms[] = {
        with_record(
            "{\"results\":[[{\"field\":\"@timestamp\",\"value\":\"2026-10-20 07:00:00.000\"},"
            "{\"field\":\"@message\",\"value\":",
            "}]]}"),
        with_record("{\"results\":[[{\"field\":\"@message\",\"value\":",
                    "},{\"field\":\"@timestamp\",\"value\":\"2026-10-20 07:00:00.000\"}]]}"),
        with_record("[{\"@timestamp\":\"2026-10-20 07:00:00.000\",\"@message\":", "}]"),
        with_record("[{\"@message\":", ",\"@timestamp\":\"2026-10-20 07:00:00.000\"}]"),
        text_of("[{\"@timestamp\":\"2026-10-20 07:00:00.000\",\"@message\":" UNDATED "}]"),
        with_record("{\"timestamp\":1792479600000,\"message\":", "}"),
        with_record("{\"events\":[{\"timestamp\":1792479600000,\"message\":", "}]}"),
        as_csv("@timestamp,@message", "2026-10-20 07:00:00.000,", ""),
        as_csv("@message,@timestamp", "", ",2026-10-20 07:00:00.000"),
        as_csv("timestamp,message", "1792479600000,", ""),
        text_of("2026-10-20T07:00:00.000Z " UNDATED "\n"),
    };
    int64_t wanted;
    assert_true(time_parse(STR("2026-10-20T07:00:00Z"), &wanted));
    struct fixture *f = fixture_new();
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        fixture_read(f, forms[i].p, forms[i].n);
        if (f->n != 1 || f->v[0].time_us != wanted || f->troubles)
            fail_msg("form %zu: %zu records, time %lld, wanted %lld", i, f->n,
                     (long long)f->v[0].time_us, (long long)wanted);
        buf_fini(&forms[i]);
    }
    fixture_free(f);
    /* The message may be all that was asked for. */
    struct buf bare = as_csv("@message", "", "");
    expect_bytes(buf_view(&bare), 1, 0);
    buf_fini(&bare);
    /* An event's time does not stay for what comes behind it. */
    f = fixture_new();
    struct buf two = with_record("{\"@timestamp\":\"2026-10-20 07:00:00.000\",\"@message\":",
                                 "}\n" UNDATED "\n");
    fixture_read(f, two.p, two.n);
    assert_int_equal(f->n, 2);
    assert_int_equal(f->v[0].time_us, wanted);
    assert_int_equal(f->v[1].time_us, 0);
    buf_fini(&two);
    fixture_free(f);
}

static void envelopes_inside_each_other_end(void **state)
{
    (void)state;
    struct buf inner = text_of(RECORD("a"));
    for (int depth = 0; depth < 8; depth++) {
        struct fixture *f = fixture_new();
        fixture_read(f, inner.p, inner.n);
        assert_int_equal(f->n, depth <= 4);
        assert_int_equal(f->troubles, depth > 4);
        fixture_free(f);
        struct buf outer = text_of("{\"message\":");
        struct jsonw w = jsonw_start(&outer, 0);
        jsonw_str(&w, buf_view(&inner));
        buf_char(&outer, '}');
        buf_fini(&inner);
        inner = outer;
    }
    buf_fini(&inner);
}

static void a_record_beyond_the_limit_is_left_out_and_the_next_is_read(void **state)
{
    (void)state;
    struct buf b = text_of("{\"requestId\":\"big\",\"modelId\":\"m\",\"x\":\"");
    buf_fill(&b, 'x', 3 << 20);
    buf_str(&b, STR("\"}\n" RECORD("b") "\n"));
    struct fixture *f = fixture_with((struct reader_limits){.max_line = 1 << 20}, DETAIL_CONTENT);
    fixture_read(f, b.p, b.n);
    assert_int_equal(f->n, 1);
    assert_int_equal(f->troubles, 1);
    fixture_free(f);
    f = fixture_new();
    fixture_read(f, b.p, b.n);
    assert_int_equal(f->n, 2);
    assert_int_equal(f->troubles, 0);
    fixture_free(f);
    buf_fini(&b);
}

static void a_gzip_bomb_stops_at_its_limits(void **state)
{
    (void)state;
    struct buf b = text_of(RECORD("a") "\n");
    buf_fill(&b, ' ', 30 << 20);
    struct buf packed = gzip(buf_view(&b));
    struct fixture *f =
        fixture_with((struct reader_limits){.max_inflated = 4 << 20}, DETAIL_CONTENT);
    fixture_read(f, packed.p, packed.n);
    assert_int_equal(f->n, 1);
    assert_int_equal(f->about.n[ABOUT_FILES_FAILED], 1);
    assert_true(f->about.n[ABOUT_BYTES] <= 5 << 20);
    fixture_free(f);
    f = fixture_with((struct reader_limits){.max_ratio = 50}, DETAIL_CONTENT);
    fixture_read(f, packed.p, packed.n);
    assert_int_equal(f->n, 1);
    assert_int_equal(f->about.n[ABOUT_FILES_FAILED], 1);
    fixture_free(f);
    buf_fini(&packed);
    buf_fini(&b);
}

static void nesting_deeper_than_512_is_quarantined(void **state)
{
    (void)state;
    struct buf b = text_of("{\"requestId\":\"deep\",\"modelId\":\"m\",\"x\":");
    buf_fill(&b, '[', 600);
    buf_fill(&b, ']', 600);
    buf_str(&b, STR("}\n" RECORD("b") "\n"));
    expect_bytes(buf_view(&b), 1, 1);
    buf_fini(&b);
}

static void objects_back_to_back_without_any_line_end(void **state)
{
    (void)state;
    struct buf b = text_of("");
    for (int i = 0; i < 4000; i++)
        buf_str(&b, STR(RECORD("a")));
    buf_fill(&b, ' ', 3 << 20);
    for (int i = 0; i < 90; i++)
        buf_str(&b, STR(RECORD("b")));
    buf_str(&b, STR("{\"requestId\":\"cut"));
    expect_bytes(buf_view(&b), 4090, 1);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_39_every_layout_of_json_is_read),
        cmocka_unit_test(rules_4_and_41_what_is_no_record_is_skipped),
        cmocka_unit_test(one_bad_record_costs_only_itself),
        cmocka_unit_test(the_offset_of_a_bad_record_is_told),
        cmocka_unit_test(rule_38_gzip_members_one_after_another),
        cmocka_unit_test(in_one_go_or_as_a_stream_gives_the_same_records),
        cmocka_unit_test(rule_40_of_a_truncated_gzip_the_whole_records_are_kept),
        cmocka_unit_test(rule_42_all_envelopes_give_the_same_invocation),
        cmocka_unit_test(the_time_of_an_event_dates_a_record_without_one),
        cmocka_unit_test(envelopes_inside_each_other_end),
        cmocka_unit_test(a_record_beyond_the_limit_is_left_out_and_the_next_is_read),
        cmocka_unit_test(a_gzip_bomb_stops_at_its_limits),
        cmocka_unit_test(nesting_deeper_than_512_is_quarantined),
        cmocka_unit_test(objects_back_to_back_without_any_line_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
