/* aws/config_file, aws/words: the files of the AWS CLI. */
#include "aws/config_file.h"
#include "aws/words.h"
#include "aws_fixture.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static void check(const char *config, const char *profile, const char *key, const char *value)
{
    struct aws_config *c = parse_config(config, "");
    const char *found = config_get(c, CONFIG_PROFILE, profile, key);
    if (value)
        assert_string_equal(found ? found : "(none)", value);
    else
        assert_null(found);
    config_free(c);
}

static void profiles_sessions_and_services_are_told_apart(void **state)
{
    (void)state;
    struct aws_config *c = parse_config("[default]\nregion=a\n[profile x]\nregion=b\n"
                                        "[sso-session x]\nsso_region=c\n[services x]\nsqs =\n"
                                        "  endpoint_url=d\n[plugins]\nregion=e\n[x]\nregion=f\n",
                                        "[x]\noutput=g\n[profile y]\n");
    assert_string_equal(config_get(c, CONFIG_PROFILE, "default", "region"), "a");
    assert_string_equal(config_get(c, CONFIG_PROFILE, "x", "region"), "b");
    assert_string_equal(config_get(c, CONFIG_PROFILE, "x", "output"), "g");
    assert_string_equal(config_get(c, CONFIG_SSO_SESSION, "x", "sso_region"), "c");
    assert_string_equal(config_get_below(c, CONFIG_SERVICES, "x", "sqs", "endpoint_url"), "d");
    assert_null(config_get(c, CONFIG_SERVICES, "x", "endpoint_url"));
    assert_true(config_has(c, CONFIG_PROFILE, "profile y"));
    assert_false(config_has(c, CONFIG_PROFILE, "plugins"));
    assert_false(config_has(c, CONFIG_PROFILE, ""));
    config_free(c);
}

static void the_credentials_file_wins_key_by_key(void **state)
{
    (void)state;
    struct aws_config *c = parse_config("[profile x]\na=1\nb=2\n", "[x]\nb=3\n");
    assert_string_equal(config_get(c, CONFIG_PROFILE, "x", "a"), "1");
    assert_string_equal(config_get(c, CONFIG_PROFILE, "x", "b"), "3");
    assert_string_equal(config_get_in(c, CONFIG_IN_CONFIG, CONFIG_PROFILE, "x", "b"), "2");
    assert_null(config_get_in(c, CONFIG_IN_CREDENTIALS, CONFIG_PROFILE, "x", "a"));
    config_free(c);
}

static void of_duplicates_the_later_counts(void **state)
{
    (void)state;
    check("[default]\na=1\na=2\n", "default", "a", "2");
    check("[default]\na=1\n[profile x]\na=3\n[default]\na=2\n", "default", "a", "2");
    check("[default]\na=1\n[default]\nb=2\n", "default", "a", "1");
}

static void blanks_comments_and_line_ends(void **state)
{
    (void)state;
    check("\xEF\xBB\xBF[default]\r\na = 1 \t\r\n", "default", "a", "1");
    check("[default]\n# a = 2\n; a = 3\na = 1 # x\n", "default", "a", "1");
    check("[default]\na = 1 ; x\n", "default", "a", "1");
    check("[default]\na = http://x/#/;y\n", "default", "a", "http://x/#/;y");
    check("[default]\na = \"1\" '2'\n", "default", "a", "\"1\" '2'");
    check("[default]\na = b=c:d\n", "default", "a", "b=c:d");
    check("[default]\na : b\n", "default", "a", "b");
    check("[default]\nA_B = b", "default", "a_b", "b");
    check("[default]\na =\n", "default", "a", "");
    check("[default] # mine\na = b\n", "default", "a", "b");
    check("[default]\ncredential_process = x ; y # z\n", "default", "credential_process",
          "x ; y # z");
    check("", "default", "a", NULL);
}

static void indented_lines_go_on(void **state)
{
    (void)state;
    check("[default]\na = 1\n  2\n\n# no\n\t3\nb = 4\n", "default", "a", "1\n2\n3");
    check("[default]\na = 1\n  2\nb = 4\n", "default", "b", "4");
    check("[default]\n  a = 1\n  b = 2\n", "default", "b", "2");
    check("[default]\ns3 =\n  a = 1\n  b = 2\nc = 3\n", "default", "c", "3");
    check("[default]\ns3 =\n  a = 1\n  b = 2\nc = 3\n", "default", "a", NULL);
    struct aws_config *c = parse_config("[default]\ns3 =\n  a = 1 # x\r\n  b = 2\n", "");
    assert_string_equal(config_get_below(c, CONFIG_PROFILE, "default", "s3", "a"), "1");
    assert_string_equal(config_get_below(c, CONFIG_PROFILE, "default", "s3", "b"), "2");
    config_free(c);
}

static void refuse(const char *config, const char *credentials, const char *where)
{
    struct aws_config *c = NULL;
    struct err err = {0};
    assert_int_equal(
        config_parse(str_from(config), "config", str_from(credentials), "credentials", &c, &err),
        ERR_PARSE);
    assert_null(c);
    assert_non_null(strstr(err.text, where));
    assert_null(strstr(err.text, "SECRET"));
}

static void bad_lines_are_named_but_not_shown(void **state)
{
    (void)state;
    refuse("[default]\nSECRET\n", "", "config, line 2");
    refuse("[default]\n\n= SECRET\n", "", "config, line 3");
    refuse("SECRET = x\n", "", "config, line 1");
    refuse("[SECRET\n", "", "config, line 1");
    refuse("[]\n", "", "config, line 1");
    refuse("[default]\nx =\n  SECRET\n", "", "config, line 3");
    refuse("[default]\n", "[default]\r\n\r\nSECRET", "credentials, line 3");
}

static void sizes_are_limited(void **state)
{
    (void)state;
    struct aws_config *c = NULL;
    struct err err = {0};
    size_t n = CONFIG_FILE_MAX + 1;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, '\n', n);
    assert_int_equal(config_parse(str_of(text, n), "config", STR(""), "x", &c, &err), ERR_LIMIT);
    assert_int_equal(config_parse(str_of(text, n - 1), "config", STR(""), "x", &c, &err), OK);
    config_free(c);
    free(text);
}

static void check_words(const char *line, int wanted, const char *joined)
{
    char room[256], text[256] = "";
    char *words[4];
    int n = words_split(str_from(line), room, words, 4);
    assert_int_equal(n, wanted);
    for (int i = 0; i < n; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s|", words[i]);
    if (n >= 0)
        assert_string_equal(text, joined);
}

static void words_are_cut_as_python_cuts_them(void **state)
{
    (void)state;
    check_words("", 0, "");
    check_words(" a  b\t", 2, "a|b|");
    check_words("'a b' \"c d\"", 2, "a b|c d|");
    check_words("a'b'\"c\"d", 1, "abcd|");
    check_words("'' x", 2, "|x|");
    check_words("a\\ b \\'", 2, "a b|'|");
    check_words("'a\\b' \"a\\b\" \"a\\\"b\\\\\"", 3, "a\\b|a\\b|a\"b\\|");
    check_words("$HOME `x` *", 3, "$HOME|`x`|*|");
    check_words("'open", -1, NULL);
    check_words("\"open\\\"", -1, NULL);
    check_words("end\\", -1, NULL);
    check_words("1 2 3 4 5", -1, NULL);
}

static void secrets_are_forgotten_and_the_rest_stays(void **state)
{
    (void)state;
    struct err err;
    struct aws_config *c = parse_config(
        "[default]\nregion = eu-west-1\n# aws_secret_access_key = OLD\ns3 =\n  endpoint_url = "
        "http://x\n"
        "[profile p]\ncredential_process = helper --password P\nca_bundle = /ca\n",
        "[p]\naws_access_key_id = AKIA\naws_secret_access_key = S\naws_session_token = T\n");
    assert_int_equal(config_forget_secrets(c, &err), OK);
    static const char *const secret[] = {"aws_secret_access_key", "aws_session_token",
                                         "credential_process"};
    for (int i = 0; i < 3; i++)
        assert_null(config_get(c, CONFIG_PROFILE, "p", secret[i]));
    assert_string_equal(config_get(c, CONFIG_PROFILE, "default", "region"), "eu-west-1");
    assert_string_equal(config_get_below(c, CONFIG_PROFILE, "default", "s3", "endpoint_url"),
                        "http://x");
    assert_string_equal(config_get(c, CONFIG_PROFILE, "p", "ca_bundle"), "/ca");
    assert_string_equal(config_get(c, CONFIG_PROFILE, "p", "aws_access_key_id"), "AKIA");
    assert_true(config_has(c, CONFIG_PROFILE, "p"));
    config_free(c);
    c = parse_config("", "");
    assert_int_equal(config_forget_secrets(c, &err), OK);
    assert_false(config_has(c, CONFIG_PROFILE, "p"));
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_forgotten_and_the_rest_stays),
        cmocka_unit_test(profiles_sessions_and_services_are_told_apart),
        cmocka_unit_test(the_credentials_file_wins_key_by_key),
        cmocka_unit_test(of_duplicates_the_later_counts),
        cmocka_unit_test(blanks_comments_and_line_ends),
        cmocka_unit_test(indented_lines_go_on),
        cmocka_unit_test(bad_lines_are_named_but_not_shown),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(words_are_cut_as_python_cuts_them),
    };
    return cmocka_run_group_tests_name("aws_config", tests, NULL, NULL);
}
