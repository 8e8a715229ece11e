/*
 * Where the keys for AWS come from: the chain of the AWS CLI and the SDKs, so that who has set up
 * one of them need set up nothing here.
 *
 *     struct aws_settings s = {.profile = options.profile};
 *     struct aws_credentials *c;
 *     aws_credentials_new(&s, &c, &err);          reads files, asks nobody
 *     struct aws_keys keys;
 *     aws_credentials_get(c, http, &stop, &keys, &err);  may ask SSO, STS, the container, the
 * instance
 *     ... aws_keys_wipe(&keys);
 *     aws_credentials_free(c);
 *
 * The order is botocore's (credentials.py of 1.44):
 *  1. keys in the environment (AWS_ACCESS_KEY_ID …), unless settings name a profile; AWS_PROFILE
 *     does not count as naming one;
 *  2. role_arn of the profile with source_profile or credential_source;
 *  3. web identity: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN (unless settings name a profile),
 *     or the same keys in the profile;
 *  4. SSO of the profile; keys in the credentials file; credential_process; keys in the config
 * file;
 *  5. the container (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, _FULL_URI), then the instance
 * (IMDSv2). settings.role_arn is assumed on top of whatever this gives.
 *
 * Keys are refreshed five minutes before they expire (fewer where their life is short): one thread
 * does it while the others go on with the old ones; in the last minute they wait for the new ones.
 * A refresh that fails is no error while the old keys still hold. Each refresh reads the files
 * again, so keys that another tool has written meanwhile are found; it also happens when a service
 * calls keys expired, unknown or wrong, whatever is known of their end.
 *
 * A provider may be used by many threads; the keys that it gives are copies, the caller's own.
 * No key or token is ever part of a message. Keys are wiped when they are replaced or freed.
 */
#ifndef ASSAY_AWS_CREDENTIALS_H
#define ASSAY_AWS_CREDENTIALS_H

#include "aws/machine.h"
#include "base/clock.h"
#include "base/err.h"
#include "codec/sigv4.h"

struct http_client;

struct aws_keys {
    char *access_key_id, *secret, *session_token; /* of the heap; session_token "" for none */
    int64_t expires_us;                           /* TIME_NONE: never, or nobody said */
};

/* Wipes and frees; k may be all zero, and is then. */
void aws_keys_wipe(struct aws_keys *k);
struct sigv4_keys aws_keys_view(const struct aws_keys *k);

struct aws_credentials;

/* Texts are copied. NULL: by environment and files, or none. */
struct aws_settings {
    const char *profile;
    const char *region;
    const char *role_arn; /* assumed in addition, for instance in another account */
    const char *external_id, *role_session_name; /* for that role; name NULL: "assay" */
    struct aws_machine machine;                  /* all zero: this one */
};

/* Reads the files and works out the chain, but asks nobody. ERR_USAGE: a profile that does not
 * exist or contradicts itself; ERR_PARSE: a file that cannot be read as such. */
enum status aws_credentials_new(const struct aws_settings *s, struct aws_credentials **out,
                                struct err *err) MUST_USE;
void aws_credentials_free(struct aws_credentials *c);

/* Keys that hold now: the stored ones, or new ones. http is used when somebody must be asked;
 * cancel (may be NULL) ends that soon, with ERR_INTERRUPTED. ERR_ACCESS: refused or none to be
 * found (the message says what was tried and what to do), ERR_IO: no answer, ERR_PARSE: not
 * understood; never ERR_NOT_FOUND. *out is written on OK only. */
enum status aws_credentials_get(struct aws_credentials *c, struct http_client *http,
                                const _Atomic bool *cancel, struct aws_keys *out,
                                struct err *err) MUST_USE;
/* A service does not take these (any more): the next get refreshes, unless that has happened. False
 * when it would be too early, because others were rejected less than five seconds ago: then a call
 * need not be tried again. */
bool aws_credentials_reject(struct aws_credentials *c, const struct aws_keys *k);

/* settings.region, AWS_REGION, AWS_DEFAULT_REGION, the profile's; NULL when nothing names one (then
 * clients on an instance ask that: aws_client_region). Lives as long as c. */
const char *aws_credentials_region(const struct aws_credentials *c);
/* "the environment", "profile dev (SSO), then role arn:…": for people. Lives as long as c. */
const char *aws_credentials_source(const struct aws_credentials *c);

#endif
