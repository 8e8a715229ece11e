/* model/directory: who belongs where. */
#include "model/directory.h"
#include "price_text.h"
#include "unit.h"

static struct directory *load(const char *text)
{
    struct directory *d;
    struct err err = {0};
    if (directory_load(str_from(text), "people.csv", &d, &err) != OK)
        fail_msg("%s", err.text);
    return d;
}

static void check(const struct directory *d, const char *arn, const char *person, const char *team,
                  const char *cost_centre)
{
    struct principal p = principal_parse(str_from(arn));
    struct directory_entry e = directory_find(d, str_from(arn), &p);
    assert_str(e.person, person);
    assert_str(e.team, team);
    assert_str(e.cost_centre, cost_centre);
}

#define SSO "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/"
#define ROLE "arn:aws:sts::111122223333:assumed-role/"
#define USER "arn:aws:iam::111122223333:user/"

static const char csv[] = "match,person,team,cost_centre\n"
                          "ada@search.example.com,Ada,Search leads,4101\n"
                          "*@search.example.com,,Search,4100\n"
                          "arn:aws:iam::111122223333:user/ci-*,,Build,4200\n"
                          "Gateway,,Platform,\n"
                          "bob@search.example.com,Bob,never reached,1\n";

static void the_first_row_that_matches_wins(void **state)
{
    (void)state;
    struct directory *d = load(csv);
    check(d, SSO "ada@search.example.com", "Ada", "Search leads", "4101");
    check(d, SSO "bob@search.example.com", "bob@search.example.com", "Search", "4100");
    check(d, SSO "eve@sales.example.com", "eve@sales.example.com", "", "");
    directory_free(d);
}

static void arn_session_and_role_are_all_looked_at_without_case(void **state)
{
    (void)state;
    struct directory *d = load(csv);
    check(d, USER "ci-deploy", "ci-deploy", "Build", "4200");
    check(d, ROLE "gateway/session", "", "Platform", "");
    check(d, SSO "ADA@Search.Example.COM", "Ada", "Search leads", "4101");
    check(d, ROLE "Other/x@SEARCH.example.com", "x@SEARCH.example.com", "Search", "4100");
    directory_free(d);
}

static void yaml_says_the_same(void **state)
{
    (void)state;
    struct directory *d = load("- match: '*@search.example.com'\n  team: Search\n"
                               "- match: Gateway\n  person: nobody\n");
    check(d, SSO "bob@search.example.com", "bob@search.example.com", "Search", "");
    check(d, ROLE "Gateway/session", "nobody", "", "");
    directory_free(d);
}

static void without_a_directory_the_arn_speaks_alone(void **state)
{
    (void)state;
    check(NULL, SSO "bob@search.example.com", "bob@search.example.com", "", "");
    check(NULL, ROLE "Gateway/session", "", "", "");
    check(NULL, "xxxx", "", "", "");
}

static void empty_texts_match_no_wildcard(void **state)
{
    (void)state;
    struct directory *d = load("match,team\n*,everyone\n");
    check(d, USER "alice", "alice", "everyone", "");
    check(d, "", "", "", "");
    directory_free(d);
}

static void a_bisection_gives_what_a_walk_gives(void **state)
{
    (void)state;
    char text[8192];
    size_t n = (size_t)snprintf(text, sizeof text, "match,team\n");
    for (int i = 0; i < 200; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              i % 7 ? "user%d@x.com,team%d\n" : "user%d*,team%d\n", (i * 37) % 200,
                              i);
    struct directory *d = load(text);
    for (int user = 0; user < 200; user++) {
        char name[64], arn[192], want[32] = "";
        snprintf(name, sizeof name, "user%d@x.com", user);
        snprintf(arn, sizeof arn, SSO "%s", name);
        for (int i = 0; i < 200 && !want[0]; i++) {
            char pattern[64];
            snprintf(pattern, sizeof pattern, i % 7 ? "user%d@x.com" : "user%d*", (i * 37) % 200);
            if (str_glob(str_from(pattern), str_from(name)))
                snprintf(want, sizeof want, "team%d", i);
        }
        check(d, arn, name, want, "");
    }
    directory_free(d);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const char *const bad[] = {"match,teem\nx,y\n", "match,team\n,y\n", "- team: x\n",
                                      "- [\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct directory *d;
        struct err err = {0};
        assert_int_not_equal(directory_load(str_from(bad[i]), "people.csv", &d, &err), OK);
        assert_non_null(strstr(err.text, "people.csv"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_row_that_matches_wins),
        cmocka_unit_test(arn_session_and_role_are_all_looked_at_without_case),
        cmocka_unit_test(yaml_says_the_same),
        cmocka_unit_test(without_a_directory_the_arn_speaks_alone),
        cmocka_unit_test(empty_texts_match_no_wildcard),
        cmocka_unit_test(a_bisection_gives_what_a_walk_gives),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
