/* source/push: what becomes of a body. The whole source is tested in tests/py/test_push.py. */
#include "codec/gz.h"
#include "source/push_internal.h"
#include "unit.h"

static struct err err;

static struct buf body_of(struct str text)
{
    struct buf b;
    buf_init(&b, text.n + 1);
    buf_str(&b, text);
    return b;
}

static void gives(const char *request, const char *lines)
{
    struct buf body = body_of(str_from(request));
    if (push_firehose(&body, PUSH_IDENTITY, STR("id"), 1000, &err) != OK)
        fail_msg("%s: %s", request, err.text);
    if (!str_eq(buf_view(&body), str_from(lines)))
        fail_msg("%s: found %.*s", request, STR_ARG(buf_view(&body)));
    buf_fini(&body);
}

static void each_record_becomes_a_line(void **state)
{
    (void)state;
    gives(
        "{\"requestId\":\"id\",\"timestamp\":1,\"records\":[{\"data\":\"YQ==\"},{\"data\":\"Yg==\"}"
        "]}",
        "{\"records\":[{\"data\":\"YQ==\"}]}\n{\"records\":[{\"data\":\"Yg==\"}]}\n");
    gives("{\"records\":[],\"requestId\":\"id\"}", "");
    gives("{\"records\":[{\"data\":\"\"}],\"requestId\":\"id\"}", "");
    gives(" {\"records\":[{\"more\":[{}],\"data\":\"a\\/b\"}],\"requestId\":\"id\"} \n",
          "{\"records\":[{\"data\":\"a\\/b\"}]}\n");
    /* As in the example of the specification. */
    gives("{\"records\":[{\"data\":{\"owner\":\"1\"}}],\"requestId\":\"id\"}",
          "{\"owner\":\"1\"}\n");
    /* Of two, the last counts. */
    gives("{\"records\":[{\"data\":\"YQ\"}],\"records\":[{\"data\":\"b\",\"data\":\"Yg\"}],"
          "\"requestId\":\"x\",\"requestId\":\"id\"}",
          "{\"records\":[{\"data\":\"Yg\"}]}\n");
}

static void the_smallest_records_fit(void **state)
{
    (void)state;
    struct buf text, body;
    buf_init(&text, 1 << 20);
    buf_str(&text, STR("{\"requestId\":\"id\",\"records\":["));
    for (int i = 0; i < 10000; i++)
        buf_str(&text, i ? STR(",{\"data\":\"x\"}") : STR("{\"data\":\"x\"}"));
    buf_str(&text, STR("]}"));
    body = body_of(buf_view(&text));
    assert_int_equal(push_firehose(&body, PUSH_IDENTITY, STR("id"), 1 << 20, &err), OK);
    assert_int_equal(body.n, 10000 * sizeof "{\"records\":[{\"data\":\"x\"}]}");
    buf_fini(&body);
    buf_fini(&text);
}

/* What stands between brackets is judged piece by piece, as strictly as the whole. */
static void broken_envelopes_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "{\"requestId\":\"id\"}",
        "{\"requestId\":\"id\",\"records\":[}",
        "{\"requestId\":\"id\",\"records\":[]",
        "{\"requestId\":\"id\",\"records\":[]}}",
        "{\"requestId\":\"id\",\"records\":[],}",
        "{\"requestId\":\"id\",\"records\":{}}",
        "{\"requestId\":\"id\" \"records\":[]}",
        "{\"requestId\":\"id\",\"records\":[,]}",
        "{\"requestId\":\"id\",\"records\":[{\"data\":\"YQ\"},]}",
        "{\"requestId\":\"id\",\"records\":[,{\"data\":\"YQ\"}]}",
        "{\"requestId\":\"id\",\"records\":[{\"data\":\"YQ\"} {\"data\":\"YQ\"}]}",
        "{\"requestId\":\"id\",\"records\":[{\"data\":\"YQ\"]}",
        "{\"requestId\":\"id\",\"records\":[{\"data\":\"YQ\\\"}]}",
        "{\"requestId\":\"id\",\"records\":[{\"data\":\"\\x\"}]}",
        "{\"requestId\":\"id\",\"records\":[{\"data\":\"YQ\",\"a\":[}]}]}",
        "{\"requestId\":\"id\",\"records\":[{\"data\":\"YQ\"}],\"records\":1}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf body = body_of(str_from(bad[i]));
        if (push_firehose(&body, PUSH_IDENTITY, STR("id"), 1000, &err) != ERR_PARSE)
            fail_msg("%s was taken", bad[i]);
        buf_fini(&body);
    }
}

/* Records of all sizes around those of a piece, with white space and escapes between. */
static void pieces_make_the_lines_of_the_whole(void **state)
{
    (void)state;
    struct buf text, lines;
    buf_init(&text, 8 << 20);
    buf_init(&lines, 8 << 20);
    buf_str(&text, STR(" { \"records\" : [ "));
    for (int i = 0; i < 40; i++) {
        size_t from = text.n;
        buf_printf(&text, "%s{ \"n\" : [ {}, \"]}\\\\\" ], \"data\"\n:\"", i ? " , " : "");
        buf_fill(&text, 'Y', (size_t)i * (size_t)i * 100 + (i % 7 == 3 ? 256 << 10 : 0));
        buf_str(&text, STR("\\/\"}"));
        struct str all = buf_view(&text), data = str_skip(all, from);
        data = str_skip(data, (size_t)(strstr(data.p, "\n:\"") - data.p) + 3);
        buf_printf(&lines, "{\"records\":[{\"data\":\"%.*s\"}]}\n", (int)data.n - 2, data.p);
    }
    buf_str(&text, STR(" ] , \"requestId\" : \"id\" } "));
    struct buf body = body_of(buf_view(&text));
    if (push_firehose(&body, PUSH_IDENTITY, STR("id"), 8 << 20, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(body.n, lines.n);
    assert_memory_equal(body.p, lines.p, lines.n);
    buf_fini(&body);
    buf_fini(&lines);
    buf_fini(&text);
}

static void gzip_is_inflated_within_the_limit(void **state)
{
    (void)state;
    struct buf zipped;
    struct str request = STR("{\"requestId\":\"id\",\"records\":[{\"data\":\"YQ==\"}]}");
    for (uint64_t max = request.n - 1; max <= request.n; max++) {
        buf_init(&zipped, 1 << 20);
        assert_int_equal(gz_deflate(request, 1, &zipped, &err), OK);
        assert_int_equal(push_firehose(&zipped, PUSH_GZIP, STR("id"), max, &err),
                         max < request.n ? ERR_LIMIT : OK);
        buf_fini(&zipped);
    }
}

static void plain_bodies_stay(void **state)
{
    (void)state;
    struct buf zipped, text = body_of(STR("anything"));
    assert_int_equal(push_plain(&text, PUSH_IDENTITY, &err), OK);
    assert_int_equal(push_plain(&text, PUSH_GZIP, &err), ERR_PARSE);
    buf_init(&zipped, 1 << 20);
    assert_int_equal(gz_deflate(STR("one"), 1, &zipped, &err), OK);
    assert_int_equal(gz_deflate(STR("two"), 1, &zipped, &err), OK);
    assert_int_equal(push_plain(&zipped, PUSH_GZIP, &err), OK);
    zipped.n--;
    assert_int_equal(push_plain(&zipped, PUSH_GZIP, &err), ERR_PARSE);
    buf_fini(&zipped);
    buf_fini(&text);
}

static void codings_are_known_by_name(void **state)
{
    (void)state;
    assert_int_equal(push_coding_of(STR_NONE), PUSH_IDENTITY);
    assert_int_equal(push_coding_of(STR(" Identity ")), PUSH_IDENTITY);
    assert_int_equal(push_coding_of(STR("GZIP")), PUSH_GZIP);
    assert_int_equal(push_coding_of(STR("gzip, gzip")), PUSH_UNKNOWN);
    assert_int_equal(push_coding_of(STR("br")), PUSH_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_record_becomes_a_line),
        cmocka_unit_test(the_smallest_records_fit),
        cmocka_unit_test(broken_envelopes_are_refused),
        cmocka_unit_test(pieces_make_the_lines_of_the_whole),
        cmocka_unit_test(gzip_is_inflated_within_the_limit),
        cmocka_unit_test(plain_bodies_stay),
        cmocka_unit_test(codings_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
