/*
 * AWS STS: who am I, and become somebody else. Query protocol, answers in XML (STS API reference
 * 2011-06-15).
 */
#ifndef ASSAY_AWS_STS_H
#define ASSAY_AWS_STS_H

#include "aws/call.h"

struct sts_identity {
    char account[16]; /* 12 digits */
    char arn[2048];   /* the longest that STS gives */
    char user_id[200];
};

/* GetCallerIdentity: needs no permission, so it tells whether keys work at all. */
enum status sts_identity(struct aws_client *c, struct sts_identity *out, struct err *err) MUST_USE;

struct sts_role {
    const char *arn;
    const char *session_name; /* NULL: "assay" */
    const char *external_id;  /* NULL: none */
    int64_t duration_s;       /* 0: what STS takes (one hour) */
};

/* AssumeRole with the client's keys. The caller wipes *out. */
enum status sts_assume_role(struct aws_client *c, const struct sts_role *role, struct aws_keys *out,
                            struct err *err) MUST_USE;
/* AssumeRoleWithWebIdentity: not signed, the token (of an OIDC provider) says who we are. */
enum status sts_assume_role_with_token(struct aws_client *c, const struct sts_role *role,
                                       struct str token, struct aws_keys *out,
                                       struct err *err) MUST_USE;

#endif
