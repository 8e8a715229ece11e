/*
 * Which way leads to keys: the chain of credentials.h, worked out from settings, environment and
 * files alone. The result is a list of links, the first of which gives keys; each further one is a
 * role that is assumed with the keys of the link before.
 */
#ifndef ASSAY_AWS_CHAIN_H
#define ASSAY_AWS_CHAIN_H

#include "aws/config_file.h"
#include "aws/credentials.h"
#include "aws/sts.h"

enum link_kind {
    LINK_ENVIRONMENT,
    LINK_FILE,
    LINK_PROCESS,
    LINK_SSO,
    LINK_WEB_IDENTITY,
    LINK_CONTAINER,
    LINK_INSTANCE,
    LINK_ROLE,
};

enum { CHAIN_MAX = 12 };

/* Only what belongs to the kind is set; NULL: not given. */
struct link {
    enum link_kind kind;
    const char *profile; /* that says so; NULL: nobody or environment */
    const char *access_key_id, *secret, *session_token; /* FILE */
    const char *command;                                /* PROCESS */
    const char *session, *start_url, *sso_region;       /* SSO; session NULL: the older form */
    const char *account, *role_name;                    /* SSO */
    const char *token_file;                             /* WEB_IDENTITY */
    struct sts_role role;                               /* WEB_IDENTITY, ROLE */
};

/* Borrows from settings and config. */
struct chain {
    const char *profile; /* by settings, environment, or "default" */
    struct link links[CHAIN_MAX];
    size_t n;
};

/* The profile in question. */
const char *chain_profile(const struct aws_settings *s);
/* ERR_USAGE: a profile that is not there, lacks something or contradicts itself, roles in a circle,
 * an MFA device. Whatever else cannot be found is left to the instance, the last link of all. */
enum status chain_find(const struct aws_settings *s, const struct aws_config *config,
                       struct chain *out, struct err *err) MUST_USE;
/* Appends "profile dev (SSO), then role arn:…". */
void chain_describe(const struct chain *c, struct buf *out);

#endif
