/* codec/digest against the published vectors. */
#include "codec/digest.h"
#include "unit.h"

static void assert_hex(const struct sha256 *digest, const char *wanted)
{
    char hex[2 * SHA256_BYTES + 1] = {0};
    hex_lower(hex, digest->b, SHA256_BYTES);
    assert_string_equal(hex, wanted);
}

/* FIPS 180-4 and its examples; the empty text is in every signature of a request without a body. */
static void sha_256_of_the_standard_holds(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    struct sha256 digest;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_int_equal(sha256_of(str_from(vectors[i][0]), &digest, NULL), OK);
        assert_hex(&digest, vectors[i][1]);
    }
    assert_int_equal(sha256_of(STR_NONE, &digest, NULL), OK);
    assert_hex(&digest, vectors[0][1]);
}

/* RFC 4231, test cases 1, 2 and 6 (a key longer than a block); RFC 2104 allows an empty key. */
static void hmac_of_rfc_4231_holds(void **state)
{
    (void)state;
    struct sha256 digest;
    char key[131];
    memset(key, 0x0b, 20);
    assert_int_equal(hmac_sha256(str_of(key, 20), STR("Hi There"), &digest, NULL), OK);
    assert_hex(&digest, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_int_equal(hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), &digest, NULL),
                     OK);
    assert_hex(&digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    assert_int_equal(hmac_sha256(str_of(key, sizeof key),
                                 STR("Test Using Larger Than Block-Size Key - Hash Key First"),
                                 &digest, NULL),
                     OK);
    assert_hex(&digest, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_int_equal(hmac_sha256(STR_NONE, STR_NONE, &digest, NULL), OK);
    assert_hex(&digest, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* As a signing key is derived: out may be the key. */
static void a_key_may_be_replaced_by_the_next(void **state)
{
    (void)state;
    struct sha256 key, other;
    const struct str view = str_of((const char *)key.b, SHA256_BYTES);
    assert_int_equal(hmac_sha256(STR("AWS4secret"), STR("20150830"), &key, NULL), OK);
    assert_int_equal(hmac_sha256(view, STR("us-east-1"), &other, NULL), OK);
    assert_int_equal(hmac_sha256(view, STR("us-east-1"), &key, NULL), OK);
    assert_memory_equal(key.b, other.b, SHA256_BYTES);
}

static void sha_1_names_files_of_the_sso_cache(void **state)
{
    (void)state;
    char hex[2 * SHA1_BYTES + 1];
    assert_int_equal(sha1_hex(STR("abc"), hex, NULL), OK);
    assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_int_equal(sha1_hex(STR(""), hex, NULL), OK);
    assert_string_equal(hex, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

static void hex_has_two_lower_case_digits_a_byte(void **state)
{
    (void)state;
    char out[] = "......!";
    hex_lower(out, "\x00\xab\xff", 3);
    assert_string_equal(out, "00abff!");
    hex_lower(out, "", 0);
    assert_string_equal(out, "00abff!");
}

static void secrets_are_compared_and_wiped(void **state)
{
    (void)state;
    assert_true(secret_eq(STR("abc"), STR("abc")));
    assert_false(secret_eq(STR("abc"), STR("abd")));
    assert_false(secret_eq(STR("abc"), STR("ab")));
    assert_true(secret_eq(STR(""), STR_NONE));
    char secret[] = "secret";
    secret_wipe(secret, 5);
    assert_memory_equal(secret, "\0\0\0\0\0t", 7);
    secret_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha_256_of_the_standard_holds),
        cmocka_unit_test(hmac_of_rfc_4231_holds),
        cmocka_unit_test(a_key_may_be_replaced_by_the_next),
        cmocka_unit_test(sha_1_names_files_of_the_sso_cache),
        cmocka_unit_test(hex_has_two_lower_case_digits_a_byte),
        cmocka_unit_test(secrets_are_compared_and_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
