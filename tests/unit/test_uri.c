/* codec/uri. */
#include "codec/uri.h"
#include "unit.h"

#include <stdio.h>

static void assert_encoded(const char *raw, bool keep_slash, const char *wanted)
{
    struct buf b;
    buf_init(&b, 4096);
    uri_encode(&b, str_from(raw), keep_slash);
    assert_int_equal(b.status, OK);
    if (!str_eq(buf_view(&b), str_from(wanted)))
        fail_msg("%s: wanted %s, got %.*s", raw, wanted, STR_ARG(buf_view(&b)));
    buf_fini(&b);
}

static void all_but_the_unreserved_are_encoded_in_upper_case(void **state)
{
    (void)state;
    assert_encoded("", true, "");
    assert_encoded("AZaz09-._~", false, "AZaz09-._~");
    assert_encoded("a/b c", true, "a/b%20c");
    assert_encoded("a/b c", false, "a%2Fb%20c");
    assert_encoded("=+:*%&?#\x7f\n", true, "%3D%2B%3A%2A%25%26%3F%23%7F%0A");
    assert_encoded("\xc3\xbc\xff", true, "%C3%BC%FF");
}

static void encoded_bytes_of_any_kind_come_back(void **state)
{
    (void)state;
    char bytes[256];
    struct buf coded, back;
    buf_init(&coded, 4096);
    buf_init(&back, 4096);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    for (size_t n = 0; n <= sizeof bytes; n++)
        for (int how = 0; how < 4; how++) {
            buf_reset(&coded);
            buf_reset(&back);
            uri_encode(&coded, str_of(bytes, n), how & 1);
            assert_true(uri_decode(buf_view(&coded), how & 2, &back));
            assert_true(str_eq(buf_view(&back), str_of(bytes, n)));
        }
    buf_fini(&coded);
    buf_fini(&back);
}

static void a_plus_is_a_blank_where_asked_for(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    assert_true(uri_decode(STR("a+b%2B%20%c3%BC"), true, &b));
    assert_true(str_eq(buf_view(&b), STR("a b+ \xc3\xbc")));
    buf_reset(&b);
    assert_true(uri_decode(STR("a+b%2B"), false, &b));
    assert_true(str_eq(buf_view(&b), STR("a+b+")));
    buf_fini(&b);
}

static void a_broken_escape_is_refused_and_appends_nothing(void **state)
{
    (void)state;
    static const char *const broken[] = {"%",    "a%",   "a%4", "%4g", "%g4",
                                         "%%41", "% 41", "%-1", "x%0"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct buf b;
        buf_init(&b, 4096);
        buf_str(&b, STR("kept"));
        assert_false(uri_decode(str_from(broken[i]), false, &b));
        assert_int_equal(b.status, OK);
        assert_true(str_eq(buf_view(&b), STR("kept")));
        buf_fini(&b);
    }
}

static void what_does_not_fit_shows_in_the_buffer(void **state)
{
    (void)state;
    char room[8];
    struct buf b;
    buf_on(&b, room, sizeof room);
    uri_encode(&b, STR("abc==="), false);
    assert_int_equal(b.status, ERR_LIMIT);
    buf_on(&b, room, sizeof room);
    assert_false(uri_decode(STR("123456789"), false, &b));
    assert_int_equal(b.status, ERR_LIMIT);
}

static void addresses_are_cut_into_their_parts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *scheme, *host, *path, *query;
        int port;
    } good[] = {
        {"https://s3.eu-west-1.amazonaws.com", "https", "s3.eu-west-1.amazonaws.com", "", "", 0},
        {"HTTP://127.0.0.1:9000/", "http", "127.0.0.1", "/", "", 9000},
        {"http://[::1]:65535/a/b?c=d?e", "http", "[::1]", "/a/b", "c=d?e", 65535},
        {"https://[fe80::1.2.3.4]", "https", "[fe80::1.2.3.4]", "", "", 0},
        {"https://h?x:y@z/w", "https", "h", "", "x:y@z/w", 0},
        {"https://a_b.example/%2F?", "https", "a_b.example", "/%2F", "", 0},
        {"s3://bucket", "s3", "bucket", "", "", 0},
        {"s3://bucket/", "s3", "bucket", "/", "", 0},
        {"s3://my.bucket-1/a b/c?d#e=%\n", "s3", "my.bucket-1", "/a b/c?d#e=%\n", "", 0},
        {"S3://arn:aws:s3:us-west-2:012345678901:accesspoint/n/k", "s3",
         "arn:aws:s3:us-west-2:012345678901:accesspoint", "/n/k", "", 0},
        {"s3://b//k", "s3", "b", "//k", "", 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct uri u;
        if (!uri_parse(str_from(good[i].text), &u))
            fail_msg("refused: %s", good[i].text);
        assert_true(str_eq(u.scheme, str_from(good[i].scheme)));
        assert_true(str_eq(u.host, str_from(good[i].host)));
        assert_true(str_eq(u.path, str_from(good[i].path)));
        assert_true(str_eq(u.query, str_from(good[i].query)));
        assert_int_equal(u.port, good[i].port);
    }
}

static void what_is_no_such_address_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "https",
        "https:",
        "https:/h",
        "https://",
        "https:///p",
        "://h",
        "h:80",
        "//h",
        "ftp://h",
        "file:///etc/hosts",
        "https://user@h",
        "https://user:pw@h/",
        "https://h:",
        "https://h:0",
        "https://h:65536",
        "https://h:-1",
        "https://h:8a",
        "https://h:000080",
        "https://h:99999999999999999999",
        "https://h#f",
        "https://h/p#f",
        "https://h/a b",
        "https://h/\n",
        "https://h/\x7f",
        "https://a b",
        "https://h\\i",
        "https://[::1",
        "https://[]",
        "https://[::1]x",
        "https://[x]:1",
        "https://\xc3\xbc",
        "s3://",
        "s3:///k",
        "s3://b?c",
        "s3://b b/k",
        "s3://b@c/k",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct uri u = {.port = -7};
        if (uri_parse(str_from(bad[i]), &u))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(u.port, -7);
    }
    struct uri u;
    assert_false(uri_parse(STR("https://h\0i"), &u));
    assert_false(uri_parse(STR_NONE, &u));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_but_the_unreserved_are_encoded_in_upper_case),
        cmocka_unit_test(encoded_bytes_of_any_kind_come_back),
        cmocka_unit_test(a_plus_is_a_blank_where_asked_for),
        cmocka_unit_test(a_broken_escape_is_refused_and_appends_nothing),
        cmocka_unit_test(what_does_not_fit_shows_in_the_buffer),
        cmocka_unit_test(addresses_are_cut_into_their_parts),
        cmocka_unit_test(what_is_no_such_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
