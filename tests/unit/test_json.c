/* codec/json: the cursor, the strict judge, and the public JSONTestSuite where it lies. */
#include "codec/json.h"
#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static struct json *parser;

/* Indexes a copy with padding; the copy is freed by the next call. */
static enum status index_text(const char *bytes, size_t n, struct json_text *out)
{
    static char *copy;
    free(copy);
    copy = calloc(1, n + JSON_PADDING);
    memcpy(copy, bytes, n);
    return json_index(parser, copy, n, out, NULL);
}

static struct json_cursor cursor_of(const char *text)
{
    struct json_text t;
    assert_int_equal(index_text(text, strlen(text), &t), OK);
    return json_begin(&t);
}

static bool accepted(const char *bytes, size_t n)
{
    struct json_text t;
    return index_text(bytes, n, &t) == OK && json_check(&t, NULL) == OK;
}

static void keys_and_values_come_in_the_order_of_the_text(void **state)
{
    (void)state;
    struct json_cursor c =
        cursor_of(" {\"a\" : 12 , \"b\":{\"x\":[1,{\"y\":\"]}\"}]},\"c\":\"t\\\"u\",\"d\":null} ");
    struct str key, text;
    int64_t number;
    assert_true(json_enter_object(&c));
    assert_true(json_next_key(&c, &key) && str_eq(key, STR("a")));
    assert_true(json_i64(&c, &number));
    assert_int_equal(number, 12);
    assert_true(json_next_key(&c, &key) && str_eq(key, STR("b")));
    json_skip(&c);
    assert_true(json_next_key(&c, &key) && str_eq(key, STR("c")));
    assert_true(json_string(&c, &text) && str_eq(text, STR("t\\\"u")));
    assert_true(json_next_key(&c, &key) && str_eq(key, STR("d")));
    assert_int_equal(json_peek(&c), JSON_NULL);
    assert_false(json_next_key(&c, &key)); /* the value that was due is skipped */
    assert_false(json_failed(&c));
    assert_true(json_at_end(&c));
}

static void leaving_works_from_anywhere(void **state)
{
    (void)state;
    struct json_cursor c = cursor_of("[[1,[2],{\"a\":[3]}],4]");
    int64_t number;
    assert_true(json_enter_array(&c));
    assert_true(json_next_item(&c) && json_enter_array(&c));
    assert_true(json_next_item(&c));
    json_leave(&c);
    assert_true(json_next_item(&c) && json_i64(&c, &number));
    assert_int_equal(number, 4);
    assert_false(json_next_item(&c));
    assert_true(json_at_end(&c));
}

static void several_values_follow_each_other(void **state)
{
    (void)state;
    struct json_cursor c = cursor_of("{\"n\":1}{\"n\":2}\n{\"n\":3}");
    int64_t sum = 0, number;
    int count = 0;
    while (json_again(&c)) {
        struct str key;
        assert_true(json_enter_object(&c));
        while (json_next_key(&c, &key))
            if (json_i64(&c, &number))
                sum += number;
        assert_false(json_failed(&c));
        count++;
    }
    assert_int_equal(count, 3);
    assert_int_equal(sum, 6);
}

static void a_lost_bracket_does_not_swallow_the_next_record(void **state)
{
    (void)state;
    struct json_cursor c = cursor_of("{\"body\":{\"a\":{\"b\":1}\n{\"body\":{}}\n");
    struct str key;
    assert_true(json_enter_object(&c));
    assert_true(json_next_key(&c, &key));
    json_skip(&c);
    assert_true(json_failed(&c));
    assert_false(json_ended_inside(&c));
}

static void wrong_types_are_skipped_not_fatal(void **state)
{
    (void)state;
    struct json_cursor c = cursor_of("{\"a\":\"7\",\"b\":7.5,\"c\":-3,\"d\":99999999999999999999,"
                                     "\"e\":[1],\"f\":8}");
    struct str key;
    int64_t value = 0;
    int taken = 0;
    assert_true(json_enter_object(&c));
    while (json_next_key(&c, &key))
        taken += json_i64(&c, &value);
    assert_int_equal(taken, 2); /* c and f */
    assert_int_equal(value, 8);
    assert_false(json_failed(&c));
}

static void nesting_beyond_the_limit_is_an_error(void **state)
{
    (void)state;
    char text[4 * JSON_MAX_DEPTH];
    for (int depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
        size_t n = 0;
        for (int i = 0; i < depth; i++)
            text[n++] = '[';
        for (int i = 0; i < depth; i++)
            text[n++] = ']';
        assert_int_equal(accepted(text, n), depth <= JSON_MAX_DEPTH);
        struct json_text t;
        assert_int_equal(index_text(text, n, &t), OK);
        struct json_cursor c = json_begin(&t);
        json_skip(&c);
        assert_int_equal(json_failed(&c), depth > JSON_MAX_DEPTH);
    }
}

static void escapes_decode_and_half_pairs_are_replaced(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    assert_true(json_unescape(STR("a\\n\\u00e9\\ud83d\\ude00\\ud800x\\/"), &out));
    assert_true(str_eq(buf_view(&out), STR("a\n\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbdx/")));
    assert_false(json_unescape(STR("\\x"), &out));
    assert_false(json_unescape(STR("\\u12"), &out));
    assert_false(json_unescape(STR("\\"), &out));
    buf_fini(&out);
}

/* Whatever the bytes, every call ends and stays inside the text (the sanitizers watch). */
static void broken_texts_never_run_away(void **state)
{
    (void)state;
    static const char seed[] = "{\"a\":[1,2,{\"b\":\"c\\\"\"}],\"d\":{\"e\":null},\"f\":true}";
    for (size_t cut = 0; cut < sizeof seed; cut++) {
        for (int change = 0; change < 8; change++) {
            char text[sizeof seed];
            memcpy(text, seed, sizeof seed);
            text[(cut * 7 + 3) % (sizeof seed - 1)] = "{}[],:\"1"[change];
            struct json_text t;
            if (index_text(text, cut, &t) != OK)
                continue;
            struct json_cursor c = json_begin(&t);
            struct str key, raw;
            int steps = 0;
            if (json_enter_object(&c))
                while (json_next_key(&c, &key) && steps++ < 100)
                    json_raw(&c, &raw);
            while (!json_failed(&c) && json_again(&c) && steps++ < 100)
                json_skip(&c);
            assert_true(steps < 100);
        }
    }
}

static void json_test_suite(void **state)
{
    (void)state;
    const char *dir = "../shared/data/json-test-suite";
    DIR *d = opendir(dir);
    if (!d) {
        print_message("skipped: %s is not here\n", dir);
        skip();
    }
    int seen = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (!str_has_suffix(str_from(e->d_name), STR(".json")))
            continue;
        char path[600];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        FILE *f = fopen(path, "rb");
        static char bytes[1 << 20];
        size_t n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        bool ok = accepted(bytes, n);
        if ((e->d_name[0] == 'y' && !ok) || (e->d_name[0] == 'n' && ok))
            fail_msg("%s was %s", e->d_name, ok ? "accepted" : "refused");
        seen++;
    }
    closedir(d);
    assert_true(seen > 300);
}

static int setup(void **state)
{
    (void)state;
    return json_new(&parser, NULL) != OK;
}

static int teardown(void **state)
{
    (void)state;
    json_free(parser);
    return 0;
}

static void a_gap_is_passed_over_or_seen(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[{\"x\":1},{\"y\":[2,\"z\"]},3],\"b\":\"t\"}";
    char bytes[sizeof text + JSON_PADDING] = {0};
    memcpy(bytes, text, sizeof text);
    const char *from = strstr(bytes, ",{\"y"), *behind = strstr(bytes, ",3]");
    struct json_gap gap = {(size_t)(from - bytes), (size_t)(behind - bytes),
                           (size_t)(strchr(from, ':') - bytes)};
    struct json_text t;
    struct str key, raw;
    int64_t number;
    assert_int_equal(json_index_around(parser, bytes, sizeof text - 1, &gap, 1, &t, NULL), OK);

    struct json_cursor c = json_begin(&t);
    assert_true(json_enter_object(&c) && json_next_key(&c, &key));
    struct json_cursor inside = c;
    assert_true(json_raw(&c, &raw));
    assert_true(str_eq(raw, STR("[{\"x\":1},{\"y\":[2,\"z\"]},3]")));
    assert_true(json_next_key(&c, &key) && str_eq(key, STR("b")));
    assert_true(json_string(&c, &raw) && str_eq(raw, STR("t")));
    assert_false(json_next_key(&c, &key) || json_failed(&c));

    c = inside;
    assert_true(json_enter_array(&c) && json_next_item(&c));
    json_skip(&c);
    assert_int_equal(json_offset(&c), gap.mark);
    json_pass_gap(&c);
    assert_true(json_next_item(&c) && json_i64(&c, &number));
    assert_int_equal(number, 3);
    assert_false(json_next_item(&c) || json_failed(&c));

    c = inside;
    assert_true(json_enter_array(&c) && json_next_item(&c));
    assert_false(json_next_item(&c));
    assert_true(json_failed(&c));

    gap.from += 3; /* inside a string */
    assert_int_equal(json_index_around(parser, bytes, sizeof text - 1, &gap, 1, &t, NULL),
                     ERR_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_values_come_in_the_order_of_the_text),
        cmocka_unit_test(leaving_works_from_anywhere),
        cmocka_unit_test(several_values_follow_each_other),
        cmocka_unit_test(a_lost_bracket_does_not_swallow_the_next_record),
        cmocka_unit_test(wrong_types_are_skipped_not_fatal),
        cmocka_unit_test(nesting_beyond_the_limit_is_an_error),
        cmocka_unit_test(escapes_decode_and_half_pairs_are_replaced),
        cmocka_unit_test(broken_texts_never_run_away),
        cmocka_unit_test(a_gap_is_passed_over_or_seen),
        cmocka_unit_test(json_test_suite),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
