/* codec/base64. */
#include "codec/base64.h"
#include "unit.h"

static void the_vectors_of_rfc_4648_hold(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    struct buf b;
    buf_init(&b, 100);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct str plain = str_from(vectors[i][0]), coded = str_from(vectors[i][1]);
        b.n = 0;
        base64_encode(plain, &b);
        assert_true(str_eq(buf_view(&b), coded));
        b.n = 0;
        assert_true(base64_decode(coded, &b));
        assert_true(str_eq(buf_view(&b), plain));
        while (str_has_suffix(coded, STR("=")))
            coded.n--;
        b.n = 0;
        assert_true(base64_decode(coded, &b));
        assert_true(str_eq(buf_view(&b), plain));
    }
    buf_fini(&b);
}

static void all_bytes_survive_in_any_length_with_white_space_anywhere(void **state)
{
    (void)state;
    char bytes[512];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    struct buf coded, spaced, plain;
    buf_init(&coded, 4096);
    buf_init(&spaced, 4096);
    buf_init(&plain, 4096);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        coded.n = plain.n = 0;
        base64_encode(str_of(bytes, n), &coded);
        for (size_t every = 1; every < 9; every++) {
            spaced.n = plain.n = 0;
            for (size_t i = 0; i < coded.n; i++) {
                buf_char(&spaced, coded.p[i]);
                if (i % every == 0)
                    buf_str(&spaced, STR(" \r\n\t"));
            }
            assert_true(base64_decode(buf_view(&spaced), &plain));
            assert_int_equal(plain.n, n);
            assert_true(str_eq(buf_view(&plain), str_of(bytes, n)));
        }
    }
    buf_fini(&coded);
    buf_fini(&spaced);
    buf_fini(&plain);
}

static void anything_else_is_refused_and_nothing_is_appended(void **state)
{
    (void)state;
    static const char *const bad[] = {"A",     "AAAAA",  "=",        "A=",    "AA=",
                                      "AAA==", "AAAA=",  "AA==A",    "AA=A=", "AAAA-",
                                      "AAAA_", "AA\x80", "AAAAAA.A", "A==="};
    struct buf b;
    buf_init(&b, 100);
    buf_str(&b, STR("kept"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(base64_decode(str_from(bad[i]), &b));
        assert_int_equal(buf_status(&b), OK);
        assert_true(str_eq(buf_view(&b), STR("kept")));
    }
    assert_false(base64_decode(STR("AAAA\0AAA"), &b));
    buf_fini(&b);
}

static void a_full_buffer_is_told_and_just_enough_room_is_enough(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    assert_true(base64_decode(STR("Zm9vYmE=\n"), &b));
    b.n = 1;
    assert_false(base64_decode(STR("Zm9vYmE="), &b));
    assert_int_equal(buf_status(&b), ERR_LIMIT);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_4648_hold),
        cmocka_unit_test(all_bytes_survive_in_any_length_with_white_space_anywhere),
        cmocka_unit_test(anything_else_is_refused_and_nothing_is_appended),
        cmocka_unit_test(a_full_buffer_is_told_and_just_enough_room_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
