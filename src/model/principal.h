/*
 * Who called: identity.arn taken apart (bedrock-logs facts, section 6).
 */
#ifndef ASSAY_MODEL_PRINCIPAL_H
#define ASSAY_MODEL_PRINCIPAL_H

#include "base/str.h"

/* id, name */
#define PRINCIPAL_MAP(X)                                                                           \
    X(PRINCIPAL_UNKNOWN, "unknown")                                                                \
    X(PRINCIPAL_USER, "user")                                                                      \
    X(PRINCIPAL_API_KEY, "api-key")                                                                \
    X(PRINCIPAL_ROLE, "role")                                                                      \
    X(PRINCIPAL_SSO, "sso")                                                                        \
    X(PRINCIPAL_WORKLOAD, "workload")                                                              \
    X(PRINCIPAL_SERVICE, "service")                                                                \
    X(PRINCIPAL_FEDERATED, "federated")                                                            \
    X(PRINCIPAL_ROOT, "root")

enum principal_kind {
#define PRINCIPAL_ENUM(id, name) id,
    PRINCIPAL_MAP(PRINCIPAL_ENUM)
#undef PRINCIPAL_ENUM
};

/* All slices borrow from the ARN (or are static text). */
struct principal {
    enum principal_kind kind;
    struct str account;
    struct str role;       /* role name, or the permission set of IAM Identity Center */
    struct str session;    /* role session name, user name, instance or task id */
    struct str path;       /* IAM path of a user, "" for none */
    struct str session_id; /* AgentCore: the session id inside the session name */
    /* The person by the ARN alone: a session name that looks like an e-mail, an Identity Center
     * name or an IAM user; "" for roles, workloads, services and keys. */
    struct str person;
};

/* Never fails: what is not understood is PRINCIPAL_UNKNOWN with the account "". */
struct principal principal_parse(struct str arn);
const char *principal_kind_name(enum principal_kind kind);

#endif
