/* model/principal: each form of the table in the log facts, section 6. */
#include "model/principal.h"
#include "price_text.h"
#include "unit.h"

static void check(const char *arn, const char *kind, const char *account, const char *role,
                  const char *session, const char *person)
{
    struct principal p = principal_parse(str_from(arn));
    assert_string_equal(principal_kind_name(p.kind), kind);
    assert_str(p.account, account);
    assert_str(p.role, role);
    assert_str(p.session, session);
    assert_str(p.person, person);
}

#define STS "arn:aws:sts::111122223333:assumed-role/"
#define ACCOUNT "111122223333"

static void users_are_people_and_keep_their_path_apart(void **state)
{
    (void)state;
    check("arn:aws:iam::111122223333:user/alice", "user", ACCOUNT, "", "alice", "alice");
    check("arn:aws:iam::012345678901:user/a.b+c=d,e_f-g@example.com", "user", "012345678901", "",
          "a.b+c=d,e_f-g@example.com", "a.b+c=d,e_f-g@example.com");
    check("arn:aws-us-gov:iam::111122223333:user/eng/search/bob", "user", ACCOUNT, "", "bob",
          "bob");
    struct principal p = principal_parse(STR("arn:aws:iam::111122223333:user/eng/search/bob"));
    assert_str(p.path, "/eng/search/");
    p = principal_parse(STR("arn:aws:iam::111122223333:user/bob"));
    assert_str(p.path, "");
}

static void api_keys_are_no_people(void **state)
{
    (void)state;
    check("arn:aws:iam::111122223333:user/BedrockAPIKey-ab12", "api-key", ACCOUNT, "",
          "BedrockAPIKey-ab12", "");
    check("arn:aws:iam::111122223333:user/ci-renamed-key", "user", ACCOUNT, "", "ci-renamed-key",
          "ci-renamed-key");
}

static void a_role_is_never_a_person_but_its_session_may_be(void **state)
{
    (void)state;
    check(STS "Developer/session1", "role", ACCOUNT, "Developer", "session1", "");
    check(STS "Developer/ada@example.com", "role", ACCOUNT, "Developer", "ada@example.com",
          "ada@example.com");
    check(STS "Developer/botocore-session-1700000000", "role", ACCOUNT, "Developer",
          "botocore-session-1700000000", "");
    check(STS "Developer/aws-sdk-js-session-17", "role", ACCOUNT, "Developer",
          "aws-sdk-js-session-17", "");
    check(STS "Role/a:b+c/d", "role", ACCOUNT, "Role", "a:b+c/d", "");
    check(STS "LiteLLM/gateway", "role", ACCOUNT, "LiteLLM", "gateway", "");
    check("arn:aws-cn:sts::111122223333:assumed-role/Role/x", "role", ACCOUNT, "Role", "x", "");
    check(STS "Role/a@b", "role", ACCOUNT, "Role", "a@b", "");
    check(STS "Role/a@b@c.de", "role", ACCOUNT, "Role", "a@b@c.de", "");
}

static void identity_center_gives_permission_set_and_person(void **state)
{
    (void)state;
    check(STS "AWSReservedSSO_PowerUser_0123456789abcdef/ada@example.com", "sso", ACCOUNT,
          "PowerUser", "ada@example.com", "ada@example.com");
    check(STS "AWSReservedSSO_My_Set_0123456789abcdef/ada", "sso", ACCOUNT, "My_Set", "ada", "ada");
    check(STS "AWSReservedSSO_NoSuffix/ada", "sso", ACCOUNT, "NoSuffix", "ada", "ada");
}

static void machines_are_workloads(void **state)
{
    (void)state;
    check(STS "App/i-0abc1234def567890", "workload", ACCOUNT, "App", "i-0abc1234def567890", "");
    check(STS "App/0123456789abcdef0123456789abcdef", "workload", ACCOUNT, "App",
          "0123456789abcdef0123456789abcdef", "");
    check(STS "summarize-role-x1y2z3/summarize", "workload", ACCOUNT, "summarize-role-x1y2z3",
          "summarize", "");
    check(STS "Deploy/GitHubActions", "workload", ACCOUNT, "Deploy", "GitHubActions", "");
    check(STS "App/i-love-it", "role", ACCOUNT, "App", "i-love-it", "");
}

static void agentcore_names_its_session(void **state)
{
    (void)state;
    const char *arn = STS "AmazonBedrockAgentCoreHarnessDefaultServiceRole-ab1/"
                          "BedrockAgentCore-0f9e8d7c-1111-2222-3333-444455556666";
    struct principal p = principal_parse(str_from(arn));
    assert_string_equal(principal_kind_name(p.kind), "service");
    assert_str(p.session_id, "0f9e8d7c-1111-2222-3333-444455556666");
    assert_str(p.person, "");
    check(STS "AmazonBedrockExecutionRoleForAgents_X/s", "service", ACCOUNT,
          "AmazonBedrockExecutionRoleForAgents_X", "s", "");
}

static void root_and_federated_users(void **state)
{
    (void)state;
    check("arn:aws:iam::111122223333:root", "root", ACCOUNT, "", "", "");
    check("arn:aws:sts::111122223333:federated-user/bob", "federated", ACCOUNT, "", "bob", "");
    check("arn:aws:sts::111122223333:federated-user/bob@example.com", "federated", ACCOUNT, "",
          "bob@example.com", "bob@example.com");
}

static void masked_and_broken_arns_are_unknown(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "xxxx",
                                      "arn",
                                      "arn:aws:iam::",
                                      "arn:aws:iam::xxxx:user/xxx",
                                      "arn:aws:iam::111122223333:user/",
                                      "arn:aws:iam::111122223333:user/a/",
                                      "arn:aws:sts::111122223333:assumed-role",
                                      "arn:aws:sts::111122223333:assumed-role/",
                                      "arn:aws:sts::111122223333:assumed-role//x",
                                      "arn:aws:s3::111122223333:user/x",
                                      "arn:aws:iam::111122223333",
                                      "arn::iam::111122223333:user/x",
                                      "arn:aws:iam::11112222333:root",
                                      "arn:aws:iam::111122223333:group/x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check(bad[i], "unknown", "", "", "", "");
    struct principal p = principal_parse(STR_NONE);
    assert_int_equal(p.kind, PRINCIPAL_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_are_people_and_keep_their_path_apart),
        cmocka_unit_test(api_keys_are_no_people),
        cmocka_unit_test(a_role_is_never_a_person_but_its_session_may_be),
        cmocka_unit_test(identity_center_gives_permission_set_and_person),
        cmocka_unit_test(machines_are_workloads),
        cmocka_unit_test(agentcore_names_its_session),
        cmocka_unit_test(root_and_federated_users),
        cmocka_unit_test(masked_and_broken_arns_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
