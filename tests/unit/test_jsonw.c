/* codec/jsonw: commas, layout, escapes. */
#include "codec/jsonw.h"
#include "unit.h"

static void write_sample(struct buf *out, int indent)
{
    struct jsonw w = jsonw_start(out, indent);
    buf_reset(out);
    jsonw_object(&w);
    jsonw_key(&w, STR("n"));
    jsonw_i64(&w, INT64_MIN);
    jsonw_key(&w, STR("list"));
    jsonw_array(&w);
    jsonw_bool(&w, true);
    jsonw_null(&w);
    jsonw_object(&w);
    jsonw_end(&w);
    jsonw_end(&w);
    jsonw_key(&w, STR("row"));
    jsonw_array_inline(&w);
    jsonw_raw(&w, STR("0.10"));
    jsonw_object(&w);
    jsonw_key(&w, STR("a"));
    jsonw_str(&w, STR("b"));
    jsonw_key(&w, STR("c"));
    jsonw_bool(&w, false);
    jsonw_end(&w);
    jsonw_end(&w);
    jsonw_key(&w, STR("none"));
    jsonw_array(&w);
    jsonw_end(&w);
    jsonw_end(&w);
    assert_int_equal(w.depth, 0);
    buf_char(out, '\0');
    assert_int_equal(buf_status(out), OK);
}

static void commas_and_lines_are_taken_care_of(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 10000);
    write_sample(&out, 0);
    assert_string_equal(out.p, "{\"n\":-9223372036854775808,\"list\":[true,null,{}],"
                               "\"row\":[0.10,{\"a\":\"b\",\"c\":false}],\"none\":[]}");
    write_sample(&out, 2);
    assert_string_equal(out.p, "{\n"
                               "  \"n\": -9223372036854775808,\n"
                               "  \"list\": [\n"
                               "    true,\n"
                               "    null,\n"
                               "    {}\n"
                               "  ],\n"
                               "  \"row\": [0.10, {\"a\": \"b\", \"c\": false}],\n"
                               "  \"none\": []\n"
                               "}");
    buf_fini(&out);
}

static void strings_are_escaped_and_always_valid_utf8(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *json;
    } cases[] = {
        {{"", 0}, "\"\""},
        {{"a\"b\\c/", 6}, "\"a\\\"b\\\\c/\""},
        {{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
        {{"\0\x01\x1f\x7f", 4}, "\"\\u0000\\u0001\\u001f\x7f\""},
        {{"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 12},
         "\"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
        {{"\x80z", 2}, "\"\xEF\xBF\xBDz\""},
        {{"\xc3", 1}, "\"\xEF\xBF\xBD\""},
        {{"\xc0\xaf", 2}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                 /* overlong */
        {{"\xed\xa0\x80", 3}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* surrogate */
        {{"\xf4\x90\x80\x80"
          "a",
          5},
         "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
         "a\""},
        {{"\xe2\x82"
          "a",
          3},
         "\"\xEF\xBF\xBD\xEF\xBF\xBD"
         "a\""},
    };
    struct buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_reset(&out);
        struct jsonw w = jsonw_start(&out, 0);
        jsonw_str(&w, cases[i].text);
        buf_char(&out, '\0');
        assert_string_equal(out.p, cases[i].json);
    }
    buf_fini(&out);
}

static void nesting_too_deep_is_an_error_of_the_buffer(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 100000);
    for (int depth = JSONW_DEPTH; depth < JSONW_DEPTH + 3; depth++) {
        buf_reset(&out);
        struct jsonw w = jsonw_start(&out, 1);
        for (int i = 0; i < depth; i++)
            jsonw_array(&w);
        jsonw_i64(&w, 1);
        for (int i = 0; i < depth; i++)
            jsonw_end(&w);
        assert_int_equal(buf_status(&out), depth == JSONW_DEPTH ? OK : ERR_LIMIT);
        assert_int_equal(w.depth, 0);
    }
    buf_fini(&out);
}

static void a_full_buffer_is_told_once_at_the_end(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 10);
    struct jsonw w = jsonw_start(&out, 2);
    jsonw_array(&w);
    for (int i = 0; i < 100; i++)
        jsonw_str(&w, STR("text"));
    jsonw_end(&w);
    assert_int_equal(buf_status(&out), ERR_LIMIT);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_lines_are_taken_care_of),
        cmocka_unit_test(strings_are_escaped_and_always_valid_utf8),
        cmocka_unit_test(nesting_too_deep_is_an_error_of_the_buffer),
        cmocka_unit_test(a_full_buffer_is_told_once_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
