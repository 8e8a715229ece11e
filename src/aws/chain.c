/*
 * The way to keys: see chain.h. The order of steps is botocore's (credentials.py of 1.44,
 * create_credential_resolver, ProfileProviderBuilder, AssumeRoleProvider);
 * tests/py/test_precedence.py asks both about the same files and environments.
 */
#include "aws/chain.h"

struct search {
    const struct aws_settings *s;
    const struct aws_config *config;
    struct chain *chain;
    struct err *err;
};

static const char *of(const struct search *w, const char *profile, const char *key)
{
    return config_get(w->config, CONFIG_PROFILE, profile, key);
}

static const char *variable(const struct search *w, const char *name)
{
    return machine_variable(&w->s->machine, name);
}

const char *chain_profile(const struct aws_settings *s)
{
    const char *name = s->profile;
    if (!name)
        name = machine_variable(&s->machine, "AWS_DEFAULT_PROFILE");
    if (!name)
        name = machine_variable(&s->machine, "AWS_PROFILE");
    return name ? name : "default";
}

static enum status append(struct search *w, struct link link)
{
    if (w->chain->n == CHAIN_MAX)
        return err_set(w->err, ERR_USAGE, "more than %d roles are chained by source_profile",
                       CHAIN_MAX - 2);
    w->chain->links[w->chain->n++] = link;
    return OK;
}

static bool has_keys(const struct search *w, const char *profile)
{
    return of(w, profile, "aws_access_key_id") || of(w, profile, "aws_secret_access_key");
}

static bool has_role(const struct search *w, const char *profile)
{
    return of(w, profile, "role_arn") && !of(w, profile, "web_identity_token_file");
}

/* One of environment (when allowed) and profile. */
static const char *either(const struct search *w, bool environment, const char *name,
                          const char *profile, const char *key)
{
    const char *value = environment ? variable(w, name) : NULL;
    if (!value)
        value = of(w, profile, key);
    return value && *value ? value : NULL;
}

static enum status web_identity(struct search *w, const char *profile, bool environment)
{
    const char *file =
        either(w, environment, "AWS_WEB_IDENTITY_TOKEN_FILE", profile, "web_identity_token_file");
    if (!file)
        return OK;
    struct link link = {.kind = LINK_WEB_IDENTITY, .token_file = file};
    if (!environment || !variable(w, "AWS_WEB_IDENTITY_TOKEN_FILE"))
        link.profile = profile;
    link.role.arn = either(w, environment, "AWS_ROLE_ARN", profile, "role_arn");
    link.role.session_name =
        either(w, environment, "AWS_ROLE_SESSION_NAME", profile, "role_session_name");
    if (!link.role.arn)
        return err_set(
            w->err, ERR_USAGE,
            "a web identity token is given but no role: set AWS_ROLE_ARN, or role_arn in "
            "the profile %.100s",
            profile);
    return append(w, link);
}

/* A key that may stand in the profile or in its SSO session, but not differently. */
static enum status sso_key(struct search *w, const struct link *l, const char *key,
                           const char **out)
{
    const char *here = of(w, l->profile, key);
    const char *there =
        l->session ? config_get(w->config, CONFIG_SSO_SESSION, l->session, key) : NULL;
    if (here && there && strcmp(here, there) != 0)
        return err_set(w->err, ERR_USAGE,
                       "%s differs between the profile %.100s and the sso-session %.100s", key,
                       l->profile, l->session);
    *out = here ? here : there;
    if (!*out || !**out)
        return err_set(w->err, ERR_USAGE,
                       "the profile %.100s uses SSO but lacks %s: run aws configure sso --profile "
                       "%.100s",
                       l->profile, key, l->profile);
    return OK;
}

static enum status sso(struct search *w, const char *profile)
{
    struct link l = {.kind = LINK_SSO, .profile = profile};
    if (!of(w, profile, "sso_account_id") && !of(w, profile, "sso_role_name"))
        return OK;
    l.session = of(w, profile, "sso_session");
    if (l.session && !config_has(w->config, CONFIG_SSO_SESSION, l.session))
        return err_set(w->err, ERR_USAGE,
                       "the profile %.100s names the sso-session %.100s, which is not in the AWS "
                       "config file",
                       profile, l.session);
    TRY(sso_key(w, &l, "sso_start_url", &l.start_url));
    TRY(sso_key(w, &l, "sso_region", &l.sso_region));
    TRY(sso_key(w, &l, "sso_account_id", &l.account));
    TRY(sso_key(w, &l, "sso_role_name", &l.role_name));
    return append(w, l);
}

static enum status file_keys(struct search *w, const char *profile, enum config_where where)
{
    struct link l = {.kind = LINK_FILE, .profile = profile};
    const struct aws_config *c = w->config;
    l.access_key_id = config_get_in(c, where, CONFIG_PROFILE, profile, "aws_access_key_id");
    if (!l.access_key_id)
        return OK;
    l.secret = config_get_in(c, where, CONFIG_PROFILE, profile, "aws_secret_access_key");
    l.session_token = config_get_in(c, where, CONFIG_PROFILE, profile, "aws_security_token");
    if (!l.session_token)
        l.session_token = config_get_in(c, where, CONFIG_PROFILE, profile, "aws_session_token");
    if (!*l.access_key_id || !l.secret || !*l.secret)
        return err_set(w->err, ERR_USAGE,
                       "the profile %.100s in the AWS %s file needs both aws_access_key_id and "
                       "aws_secret_access_key",
                       profile, where == CONFIG_IN_CONFIG ? "config" : "credentials");
    return append(w, l);
}

static enum status process(struct search *w, const char *profile)
{
    const char *command = of(w, profile, "credential_process");
    if (!command || !*command)
        return OK;
    return append(w, (struct link){.kind = LINK_PROCESS, .profile = profile, .command = command});
}

static enum status refuse_login(struct search *w, const char *profile)
{
    if (!of(w, profile, "login_session"))
        return OK;
    return err_set(w->err, ERR_USAGE,
                   "the profile %.60s signs in by aws login, which only the AWS CLI can do; make "
                   "another profile with: credential_process = aws configure export-credentials "
                   "--profile %.60s --format process",
                   profile, profile);
}

/* What the profile says about keys of its own; at most one link. */
static enum status own_keys(struct search *w, const char *profile, bool environment)
{
    size_t n = w->chain->n;
    TRY(web_identity(w, profile, environment));
    if (w->chain->n == n)
        TRY(sso(w, profile));
    if (w->chain->n == n)
        TRY(file_keys(w, profile, CONFIG_IN_CREDENTIALS));
    if (w->chain->n == n)
        TRY(refuse_login(w, profile));
    if (w->chain->n == n)
        TRY(process(w, profile));
    if (w->chain->n == n)
        TRY(file_keys(w, profile, CONFIG_IN_CONFIG));
    return OK;
}

static enum status environment_keys(struct search *w)
{
    if (!variable(w, "AWS_SECRET_ACCESS_KEY"))
        return err_set(w->err, ERR_USAGE,
                       "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not: set both or "
                       "neither");
    return append(w, (struct link){.kind = LINK_ENVIRONMENT});
}

static enum status named_source(struct search *w, const char *profile, const char *source)
{
    struct link l = {.profile = profile};
    if (str_eq_nocase(str_from(source), STR("Environment"))) {
        if (!variable(w, "AWS_ACCESS_KEY_ID"))
            return err_set(w->err, ERR_USAGE,
                           "the profile %.100s takes keys from the environment, but "
                           "AWS_ACCESS_KEY_ID is not set",
                           profile);
        return environment_keys(w);
    }
    if (str_eq_nocase(str_from(source), STR("Ec2InstanceMetadata")))
        l.kind = LINK_INSTANCE;
    else if (str_eq_nocase(str_from(source), STR("EcsContainer")))
        l.kind = LINK_CONTAINER;
    else
        return err_set(w->err, ERR_USAGE,
                       "credential_source of the profile %.100s should be Environment, "
                       "Ec2InstanceMetadata or EcsContainer",
                       profile);
    return append(w, l);
}

/* Checks the role of a profile and writes it. */
static enum status role_of(struct search *w, const char *profile, struct link *out)
{
    struct link l = {.kind = LINK_ROLE, .profile = profile};
    l.role.arn = of(w, profile, "role_arn");
    l.role.external_id = of(w, profile, "external_id");
    l.role.session_name = of(w, profile, "role_session_name");
    const char *duration = of(w, profile, "duration_seconds");
    if (duration && !str_to_i64(str_from(duration), &l.role.duration_s))
        return err_set(w->err, ERR_USAGE, "duration_seconds of the profile %.100s is not a number",
                       profile);
    if (of(w, profile, "mfa_serial"))
        return err_set(w->err, ERR_USAGE,
                       "the profile %.60s wants an MFA code, which nobody is here to type. Get a "
                       "session first: eval \"$(aws configure export-credentials --profile %.60s "
                       "--format env)\", then leave the profile out",
                       profile, profile);
    *out = l;
    return OK;
}

static enum status circle(struct search *w, const char *profile)
{
    return err_set(w->err, ERR_USAGE,
                   "source_profile leads back to the profile %.100s: roles go round in a circle",
                   profile);
}

/* Where the keys for the role of a profile come from: *next is the profile whose role comes before,
 * or NULL when the keys' link has been appended. */
static enum status source_of_role(struct search *w, const char *profile, const char **next)
{
    const char *source = of(w, profile, "source_profile");
    const char *named = of(w, profile, "credential_source");
    *next = NULL;
    if ((source != NULL) == (named != NULL))
        return err_set(w->err, ERR_USAGE,
                       "the profile %.100s has role_arn and needs %s source_profile or "
                       "credential_source",
                       profile, source ? "only one of" : "either");
    if (named)
        return named_source(w, profile, named);
    if (!config_has(w->config, CONFIG_PROFILE, source))
        return err_set(w->err, ERR_USAGE,
                       "source_profile %.100s of the profile %.100s does not exist", source,
                       profile);
    bool keys = has_keys(w, source);
    if (strcmp(source, profile) == 0 && !keys)
        return circle(w, source);
    if (!keys && has_role(w, source)) {
        *next = source;
        return OK;
    }
    size_t n = w->chain->n;
    TRY(own_keys(w, source, false));
    if (w->chain->n == n)
        return err_set(w->err, ERR_USAGE,
                       "source_profile %.100s of the profile %.100s has no credentials", source,
                       profile);
    return OK;
}

/* The role of a profile with all that it is based on. Roles are found last one first, so they are
 * kept aside until the link with keys is there. */
static enum status role_chain(struct search *w, const char *profile)
{
    struct link roles[CHAIN_MAX];
    size_t n = 0;
    while (profile) {
        for (size_t i = 0; i < n; i++)
            if (strcmp(roles[i].profile, profile) == 0)
                return circle(w, profile);
        if (n == CHAIN_MAX)
            return err_set(w->err, ERR_USAGE, "more than %d roles are chained", CHAIN_MAX);
        TRY(role_of(w, profile, &roles[n]));
        TRY(source_of_role(w, roles[n++].profile, &profile));
    }
    while (n-- > 0)
        TRY(append(w, roles[n]));
    return OK;
}

static enum status find_links(struct search *w)
{
    const char *profile = w->chain->profile;
    bool environment = !w->s->profile;
    if (environment && variable(w, "AWS_ACCESS_KEY_ID"))
        return environment_keys(w);
    if (has_role(w, profile))
        return role_chain(w, profile);
    TRY(own_keys(w, profile, environment));
    if (w->chain->n > 0)
        return OK;
    if (variable(w, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
        variable(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI"))
        return append(w, (struct link){.kind = LINK_CONTAINER});
    return append(w, (struct link){.kind = LINK_INSTANCE});
}

enum status chain_find(const struct aws_settings *s, const struct aws_config *config,
                       struct chain *out, struct err *err)
{
    *out = (struct chain){.profile = chain_profile(s)};
    struct search w = {s, config, out, err};
    if (strcmp(out->profile, "default") != 0 && !config_has(config, CONFIG_PROFILE, out->profile))
        return err_set(
            err, ERR_USAGE,
            "the AWS profile %.100s is neither in the config nor in the credentials file "
            "(~/.aws, or where AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE point)",
            out->profile);
    TRY(find_links(&w));
    if (s->role_arn)
        TRY(append(&w, (struct link){.kind = LINK_ROLE,
                                     .role = {.arn = s->role_arn,
                                              .external_id = s->external_id,
                                              .session_name = s->role_session_name}}));
    return OK;
}

void chain_describe(const struct chain *c, struct buf *out)
{
    static const char *const words[] = {
        [LINK_ENVIRONMENT] = "the environment", [LINK_FILE] = "keys in a file",
        [LINK_PROCESS] = "credential_process",  [LINK_SSO] = "SSO",
        [LINK_WEB_IDENTITY] = "web identity",   [LINK_CONTAINER] = "the container",
        [LINK_INSTANCE] = "the instance",       [LINK_ROLE] = "role",
    };
    for (size_t i = 0; i < c->n; i++) {
        const struct link *l = &c->links[i];
        if (i > 0)
            buf_str(out, STR(", then "));
        if (l->kind == LINK_ROLE)
            buf_printf(out, "role %s", l->role.arn);
        else if (l->profile)
            buf_printf(out, "profile %s (%s)", l->profile, words[l->kind]);
        else
            buf_str(out, str_from(words[l->kind]));
    }
}
