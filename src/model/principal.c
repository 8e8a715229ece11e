/*
 * Who called: see principal.h. The record knows an IAM or STS ARN and nothing else; session tags
 * and e-mail attributes are not in the log (bedrock-logs facts, section 6). What a session name is
 * (a person, an instance, a function) can only be told by its shape, and a role is never a person.
 */
#include "model/principal.h"

static const char *const kind_names[] = {
#define PRINCIPAL_NAME(id, name) name,
    PRINCIPAL_MAP(PRINCIPAL_NAME)
#undef PRINCIPAL_NAME
};

const char *principal_kind_name(enum principal_kind kind)
{
    size_t i = (size_t)kind;
    return i < sizeof kind_names / sizeof kind_names[0] ? kind_names[i] : kind_names[0];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'f') &&
            !(s.p[i] >= 'A' && s.p[i] <= 'F'))
            return false;
    return s.n > 0;
}

static bool is_account(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return false;
    return s.n == 12;
}

/* One @ with text on both sides and a dot inside the domain. */
static bool is_email(struct str s)
{
    ptrdiff_t at = str_find_char(s, '@');
    if (at <= 0)
        return false;
    struct str domain = str_skip(s, (size_t)at + 1);
    ptrdiff_t dot = str_find_char(domain, '.');
    return dot > 0 && domain.p[domain.n - 1] != '.' && str_find_char(domain, '@') < 0;
}

/* Lambda's console names a function's role "<function>-role-<suffix>", and the session is the
 * function's name. Other functions cannot be told from a person's own session name. */
static bool is_lambda(struct str role, struct str session)
{
    return session.n > 0 && str_has_prefix(role, session) &&
           str_has_prefix(str_skip(role, session.n), STR("-role-"));
}

static bool is_workload(struct str role, struct str session)
{
    if (str_has_prefix(session, STR("i-")) && is_hex(str_skip(session, 2)) && session.n >= 10)
        return true; /* EC2: 8 hex digits until 2016, 17 since */
    if (session.n == 32 && is_hex(session))
        return true; /* ECS: the task id */
    return str_eq(session, STR("GitHubActions")) || is_lambda(role, session);
}

static struct principal assumed_role(struct str account, struct str resource)
{
    struct str session = resource;
    struct str role = str_cut(&session, '/');
    struct principal p = {
        .kind = PRINCIPAL_ROLE, .account = account, .role = role, .session = session};
    if (role.n == 0)
        return (struct principal){0};
    if (str_has_prefix(role, STR("AWSReservedSSO_"))) {
        p.kind = PRINCIPAL_SSO;
        p.role = str_skip(role, sizeof "AWSReservedSSO_" - 1);
        /* The permission set; its 16 hex digits differ from account to account. */
        if (p.role.n > 17 && p.role.p[p.role.n - 17] == '_' &&
            is_hex(str_skip(p.role, p.role.n - 16)))
            p.role.n -= 17;
        p.person = session;
    } else if (str_has_prefix(role, STR("AmazonBedrock")) ||
               str_has_prefix(role, STR("AWSServiceRoleFor"))) {
        /* Agents, knowledge bases and AgentCore call under the service role of that feature. */
        p.kind = PRINCIPAL_SERVICE;
        if (str_has_prefix(session, STR("BedrockAgentCore-")))
            p.session_id = str_skip(session, sizeof "BedrockAgentCore-" - 1);
    } else if (is_email(session)) {
        p.person = session;
    } else if (is_workload(role, session)) {
        p.kind = PRINCIPAL_WORKLOAD;
    }
    return p;
}

static struct principal iam_user(struct str account, struct str resource)
{
    size_t name_at = resource.n;
    while (name_at > 0 && resource.p[name_at - 1] != '/')
        name_at--;
    struct str name = str_skip(resource, name_at);
    if (name.n == 0)
        return (struct principal){0};
    struct principal p = {
        .kind = PRINCIPAL_USER, .account = account, .session = name, .person = name};
    if (name_at > 0) /* the slash behind "user" belongs to the path: "/division/team/" */
        p.path = str_of(resource.p - 1, name_at + 1);
    if (str_has_prefix(name, STR("BedrockAPIKey-"))) {
        p.kind = PRINCIPAL_API_KEY;
        p.person = STR("");
    }
    return p;
}

static struct principal parse(struct str arn)
{
    struct str rest = arn;
    struct str head = str_cut(&rest, ':');
    struct str partition = str_cut(&rest, ':');
    struct str service = str_cut(&rest, ':');
    struct str region = str_cut(&rest, ':');
    struct str account = str_cut(&rest, ':'); /* the sixth part keeps its colons */
    (void)region;
    if (!str_eq(head, STR("arn")) || partition.n == 0 || !is_account(account) || !rest.p)
        return (struct principal){0};
    bool iam = str_eq(service, STR("iam")), sts = str_eq(service, STR("sts"));
    if (iam && str_eq(rest, STR("root")))
        return (struct principal){.kind = PRINCIPAL_ROOT, .account = account};
    struct str type = str_cut(&rest, '/');
    if (iam && str_eq(type, STR("user")) && rest.n)
        return iam_user(account, rest);
    if (sts && str_eq(type, STR("assumed-role")) && rest.n)
        return assumed_role(account, rest);
    if (sts && str_eq(type, STR("federated-user")) && rest.n)
        return (struct principal){.kind = PRINCIPAL_FEDERATED,
                                  .account = account,
                                  .session = rest,
                                  .person = is_email(rest) ? rest : STR("")};
    return (struct principal){0};
}

struct principal principal_parse(struct str arn)
{
    struct principal p = parse(arn);
    struct str *const parts[] = {&p.account, &p.role,       &p.session,
                                 &p.path,    &p.session_id, &p.person};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!parts[i]->p)
            *parts[i] = STR("");
    return p;
}
