/*
 * The token of a sign-in with IAM Identity Center ("AWS SSO"), which `aws sso login` leaves in
 * ~/.aws/sso/cache/<sha1>.json: the SHA-1 of the session's name, or of the start URL in profiles of
 * the older form (botocore 1.44, utils.py, SSOTokenLoader). Only the AWS CLI can sign somebody in;
 * here the token is read, and a session's is refreshed as long as its refresh token holds, as the
 * CLI does it, the file included; where the file cannot be written, the new token is kept in
 * memory (struct sso_memory).
 */
#ifndef ASSAY_AWS_SSO_TOKEN_H
#define ASSAY_AWS_SSO_TOKEN_H

#include "aws/credentials_internal.h"

struct sso_token {
    struct buf path; /* of its file */
    struct buf file; /* what stands there */
    struct buf room; /* its values, decoded */
    struct str access, refresh, client_id, client_secret;
    int64_t expires_us, client_expires_us; /* TIME_NONE: not said */
};

/* Reads the token of a link; *t needs sso_token_fini also after a failure. ERR_ACCESS: nobody has
 * signed in, or it is over; the message says how to sign in. */
enum status sso_token_read(const struct asking *a, const struct link *l, struct sso_token *t,
                           struct err *err) MUST_USE;
void sso_token_fini(struct sso_token *t);
/* "the SSO session … is over: run aws sso login" */
enum status sso_signed_out(const struct link *l, const char *why, struct err *err);

#endif
