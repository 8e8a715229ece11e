/* source/local: which files a tree gives, in which order, and what their keys tell. */
#include "source/key.h"
#include "source/local.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/assay-test-XXXXXX";
static int problems;

static void problem(void *ctx, const char *path, const char *reason)
{
    (void)ctx;
    (void)path;
    assert_true(reason[0] != '\0');
    problems++;
}

static void put(const char *path, const char *text)
{
    char full[600];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *c = full + strlen(root) + 1; *c; c++) {
        if (*c == '/') {
            *c = '\0';
            mkdir(full, 0700);
            *c = '/';
        }
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* The paths of an operand below the root, joined by spaces. */
static const char *walk(const char *operand, bool stat_files)
{
    static char all[8192];
    char path[600], *operands[] = {path};
    struct local_walk *w;
    struct source_item file;
    bool more;
    snprintf(path, sizeof path, "%s/%s", root, operand);
    all[0] = '\0';
    problems = 0;
    assert_int_equal(local_open(operands, 1, stat_files, problem, NULL, &w, NULL), OK);
    for (;;) {
        assert_int_equal(local_next(w, &file, &more, NULL), OK);
        if (!more)
            break;
        if (all[0])
            strcat(all, " ");
        strcat(all, file.name + strlen(root) + 1);
    }
    local_close(w);
    return all;
}

#define HOUR "AWSLogs/012345678901/BedrockModelInvocationLogs/eu-west-3/2026/10/20/07/"

static void rules_36_and_37_the_layout_is_found_behind_any_prefix(void **state)
{
    (void)state;
    static const char *const prefixes[] = {
        "",         "bedrock/logs/",  "data/",
        "AWSLogs/", "a-data/x/data/", "AWSLogs/9/BedrockModelInvocationLogs/r/2025/01/01/00/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char path[400];
        int64_t hour;
        time_parse(STR("2026-10-20T07:00:00Z"), &hour);
        snprintf(path, sizeof path, "%s" HOUR "20261020T070000000Z_ab.json.gz", prefixes[i]);
        struct key_facts k = key_facts(str_from(path));
        assert_true(str_eq(k.account, STR("012345678901")));
        assert_true(str_eq(k.region, STR("eu-west-3")));
        assert_int_equal(k.hour_us, hour);
        assert_false(k.is_body);
        snprintf(path, sizeof path, "%s" HOUR "data/id_input.json.gz", prefixes[i]);
        assert_true(key_facts(str_from(path)).is_body);
    }
    assert_false(key_facts(STR("data/records.json.gz")).is_body);
    assert_true(key_facts(STR("logs/data/id_output.json.gz")).is_body);
    assert_int_equal(key_facts(STR("x/y")).hour_us, TIME_NONE);
    assert_int_equal(
        key_facts(STR("AWSLogs/1/BedrockModelInvocationLogs/r/2026/13/41/99/f")).hour_us,
        TIME_NONE);
}

static void a_tree_gives_its_records_in_the_order_of_names(void **state)
{
    (void)state;
    put("t/" HOUR "b.json.gz", "x");
    put("t/" HOUR "a.json.gz", "x");
    put("t/" HOUR "empty.json.gz", "");
    put("t/" HOUR "data/r_input.json.gz", "x");
    put("t/" HOUR "data/r_output.json.gz", "x");
    put("t/" HOUR "amazon-bedrock-logs-permission-check", "x");
    put("t/.hidden", "x");
    put("t/other.jsonl", "x");
    assert_string_equal(walk("t", true), "t/" HOUR "a.json.gz t/" HOUR "b.json.gz t/other.jsonl");
    assert_string_equal(walk("t", false), "t/" HOUR "a.json.gz t/" HOUR "b.json.gz t/" HOUR
                                          "empty.json.gz t/other.jsonl");
    assert_int_equal(problems, 0);
}

/* Where the walk of some operands stands when it gives each of its files, in percent. */
static void expect_positions(char **operands, int n, bool estimated, const int *wanted)
{
    struct local_walk *w;
    struct source_item file;
    bool more, guess;
    int64_t bytes;
    assert_int_equal(local_open(operands, n, false, problem, NULL, &w, NULL), OK);
    for (;; wanted++) {
        assert_int_equal(local_next(w, &file, &more, NULL), OK);
        int64_t at = local_position(w, &guess, &bytes);
        assert_int_equal(at < 0 ? at : at / 10000, *wanted);
        assert_int_equal(guess, estimated);
        if (!more)
            break;
    }
    local_close(w);
}

static void days_tell_how_far_a_walk_has_come(void **state)
{
    (void)state;
    put("far/AWSLogs/1/BedrockModelInvocationLogs/r/2025/12/31/00/a", "x");
    put("far/AWSLogs/1/BedrockModelInvocationLogs/r/2026/01/01/05/a", "x");
    put("far/AWSLogs/1/BedrockModelInvocationLogs/r/2026/01/01/07/a", "x");
    put("far/AWSLogs/2/BedrockModelInvocationLogs/r/2026/01/05/07/a", "x");
    put("far/AWSLogs/2/BedrockModelInvocationLogs/r/2026/01/05/07/data/r_input.json", "x");
    put("far/AWSLogs/2/BedrockModelInvocationLogs/r/2026/01/09/07/a", "x");
    put("far/AWSLogs/2/BedrockModelInvocationLogs/s/2026/01/09/07/a", "x");
    char path[600], again[600];
    char *operands[] = {path, again};
    snprintf(path, sizeof path, "%s/far", root);
    snprintf(again, sizeof again, "%s/far/AWSLogs/2/BedrockModelInvocationLogs/r/2026", root);
    /* Ten days from the last of December on; hours of a day count alike. */
    expect_positions(operands, 1, true, (int[]){0, 10, 15, 50, 90, 95, 100});
    /* Only five of them. */
    expect_positions(operands + 1, 1, true, (int[]){0, 80, 100});
    expect_positions(operands, 2, true, (int[]){0, 5, 7, 25, 45, 47, 50, 90, 100});
}

static void elsewhere_names_or_bytes_tell_it(void **state)
{
    (void)state;
    put("flat/a", "x");
    put("flat/b/1", "x");
    put("flat/b/2", "xyz");
    put("flat/c", "x");
    put("flat/d", "x");
    char path[600], file[600], other[600];
    char *operands[] = {path, file, other};
    snprintf(path, sizeof path, "%s/flat", root);
    snprintf(file, sizeof file, "%s/flat/b/2", root);
    snprintf(other, sizeof other, "%s/flat/c", root);
    expect_positions(operands, 1, true, (int[]){0, 25, 37, 50, 75, 100});
    expect_positions(operands + 1, 2, false, (int[]){0, 0, 0});
    struct local_walk *w;
    bool estimated;
    int64_t bytes;
    assert_int_equal(local_open(operands + 1, 2, false, problem, NULL, &w, NULL), OK);
    local_position(w, &estimated, &bytes);
    assert_int_equal(bytes, 4);
    local_close(w);
    char *input[] = {"-"};
    expect_positions(input, 1, true, (int[]){-1, -1});
}

static void below_awslogs_hours_come_before_regions_and_accounts(void **state)
{
    (void)state;
    static const char *const names[] = {
        "1/BedrockModelInvocationLogs/us-east-1/2026/09/30/23/e",
        "2/BedrockModelInvocationLogs/eu-west-3/2026/10/01/00/z",
        "1/BedrockModelInvocationLogs/eu-west-3/2026/10/01/01/b",
        "1/BedrockModelInvocationLogs/eu-west-3/2026/10/01/01/c",
        "2/BedrockModelInvocationLogs/eu-west-3/2026/10/01/01/a",
        "1/BedrockModelInvocationLogs/us-east-1/2026/10/01/01/a",
        "1/BedrockModelInvocationLogs/eu-west-3/2026/10/02/00/d",
        /* Other things there, and another AWSLogs, come in the order of names. */
        "1/BedrockModelInvocationLogs/us-east-1/odd/file",
        "2/BedrockModelInvocationLogs/x",
        "1/CloudTrail/us-east-1/2026/10/01/00/y",
        "2/CloudTrail/eu-west-3/2025/10/01/00/x",
        "o-org/3/BedrockModelInvocationLogs/r/2025/01/01/00/f",
    };
    char expected[2048] = "", path[200];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%sm/p/AWSLogs/%s", i ? " " : "", names[i]);
        strcat(expected, path);
        put(path + (i > 0), "x");
    }
    assert_string_equal(walk("m", true), expected);
    assert_string_equal(walk("m/p/", false) + strlen("m/p/"), expected + strlen("m/p/"));
    assert_int_equal(problems, 0);
}

static void links_and_pipes_inside_a_tree_are_passed_over(void **state)
{
    (void)state;
    char a[600], b[600];
    put("l/file", "x");
    snprintf(a, sizeof a, "%s/l", root);
    snprintf(b, sizeof b, "%s/l/loop", root);
    assert_int_equal(symlink(a, b), 0);
    snprintf(b, sizeof b, "%s/l/pipe", root);
    assert_int_equal(mkfifo(b, 0600), 0);
    assert_string_equal(walk("l", true), "l/file");
    /* An operand that is a link itself is what it points to. */
    snprintf(b, sizeof b, "%s/link", root);
    assert_int_equal(symlink(a, b), 0);
    assert_string_equal(walk("link", false), "link/file");
}

static void a_glob_is_expanded_and_a_name_that_exists_is_itself(void **state)
{
    (void)state;
    put("g/1.json", "x");
    put("g/2.json", "x");
    put("g/[12].json", "x");
    assert_string_equal(walk("g/?.json", true), "g/1.json g/2.json");
    assert_string_equal(walk("g/[12].json", true), "g/[12].json");
}

static void what_is_missing_is_reported_and_the_rest_goes_on(void **state)
{
    (void)state;
    assert_string_equal(walk("nothing-here", false), "");
    assert_int_equal(problems, 1);
}

static int make_root(void **state)
{
    (void)state;
    return mkdtemp(root) == NULL;
}

static int remove_root(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_36_and_37_the_layout_is_found_behind_any_prefix),
        cmocka_unit_test(a_tree_gives_its_records_in_the_order_of_names),
        cmocka_unit_test(days_tell_how_far_a_walk_has_come),
        cmocka_unit_test(elsewhere_names_or_bytes_tell_it),
        cmocka_unit_test(below_awslogs_hours_come_before_regions_and_accounts),
        cmocka_unit_test(links_and_pipes_inside_a_tree_are_passed_over),
        cmocka_unit_test(a_glob_is_expanded_and_a_name_that_exists_is_itself),
        cmocka_unit_test(what_is_missing_is_reported_and_the_rest_goes_on),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
