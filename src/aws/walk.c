/*
 * The chain of chain.h, walked once: keys of its first link, then each role with the keys of the
 * link before. When to walk and how long the keys are kept is credentials.c's concern.
 */
#include "aws/call_internal.h"

#include "base/io.h"

#define STABLE_US (10 * 60 * US_PER_SECOND)

int64_t asking_now_us(const struct asking *a)
{
    return machine_now_us(a->machine) + atomic_load(a->skew_us);
}

bool asking_is_cancelled(const struct asking *a)
{
    return a->cancel && atomic_load(a->cancel);
}

void asking_go_on(const struct asking *a, struct aws_keys *k)
{
    int64_t now = asking_now_us(a);
    if (k->expires_us != TIME_NONE && k->expires_us <= now)
        k->expires_us = now + STABLE_US;
}

static enum status environment_keys(const struct aws_machine *m, struct aws_keys *out,
                                    struct err *err)
{
    int64_t expires_us = TIME_NONE;
    const char *token = machine_variable(m, "AWS_SECURITY_TOKEN");
    if (!token)
        token = machine_variable(m, "AWS_SESSION_TOKEN");
    const char *expires = machine_variable(m, "AWS_CREDENTIAL_EXPIRATION");
    if (expires && !time_parse(str_from(expires), &expires_us))
        return err_set(err, ERR_USAGE,
                       "AWS_CREDENTIAL_EXPIRATION should look like 2026-04-14T08:57:15Z");
    return keys_make(out, str_from(machine_variable(m, "AWS_ACCESS_KEY_ID")),
                     str_from(machine_variable(m, "AWS_SECRET_ACCESS_KEY")), str_from(token),
                     expires_us, "the environment", err);
}

static enum status read_token(const struct link *l, struct buf *token, struct err *err)
{
    struct err cause = {0};
    enum status status = io_read_file(l->token_file, token, &cause);
    return status == OK ? OK
                        : err_set(err, status, "the token of the web identity: %.300s", cause.text);
}

static enum status web_identity_keys(const struct asking *a, const struct link *l,
                                     struct aws_keys *out, struct err *err)
{
    struct aws_client c;
    struct buf token;
    buf_init(&token, 32 * 1024);
    enum status status = OK;
    if (!buf_reserve(&token, token.max))
        status = err_nomem(err);
    if (status == OK)
        status = read_token(l, &token, err);
    if (status == OK) {
        client_borrow(&c, a, NULL, a->region);
        status = sts_assume_role_with_token(&c, &l->role, str_trim(buf_view(&token)), out, err);
        client_return(&c);
    }
    fields_wipe(&token);
    return status;
}

static enum status first_keys(const struct asking *a, const struct link *l, struct aws_keys *out,
                              struct err *err)
{
    switch (l->kind) {
    case LINK_ENVIRONMENT:
        return environment_keys(a->machine, out, err);
    case LINK_FILE:
        return keys_make(out, str_from(l->access_key_id), str_from(l->secret),
                         str_from(l->session_token), TIME_NONE, "the AWS configuration", err);
    case LINK_PROCESS:
        return process_keys(a, l, out, err);
    case LINK_SSO:
        return sso_keys(a, l, out, err);
    case LINK_WEB_IDENTITY:
        return web_identity_keys(a, l, out, err);
    case LINK_CONTAINER:
        return container_keys(a, out, err);
    case LINK_INSTANCE:
        return instance_keys(a, out, err);
    case LINK_ROLE:
        break;
    }
    return err_set(err, ERR_USAGE, "a role cannot come first");
}

static enum status no_keys(const struct chain *chain, struct err *err)
{
    char cause[160] = "";
    if (err)
        memcpy(cause, err->text, sizeof cause - 1);
    return err_set(err, ERR_ACCESS,
                   "no AWS credentials: none in the environment, none in the profile %.60s, no "
                   "container, and no instance (%s). Name a profile, or run aws configure sso",
                   chain->profile, cause);
}

enum status chain_walk(const struct asking *a, const struct chain *chain, struct aws_keys *out,
                       struct err *err)
{
    struct aws_keys keys = {.expires_us = TIME_NONE};
    const struct link *first = &chain->links[0];
    enum status status = first_keys(a, first, &keys, err);
    if (first->kind == LINK_INSTANCE && !first->profile &&
        (status == ERR_IO || status == ERR_ACCESS))
        return no_keys(chain, err);
    for (size_t i = 1; i < chain->n && status == OK; i++) {
        struct aws_client c;
        struct aws_keys next = {.expires_us = TIME_NONE};
        client_borrow(&c, a, &keys, a->region);
        status = sts_assume_role(&c, &chain->links[i].role, &next, err);
        client_return(&c);
        aws_keys_wipe(&keys);
        keys = next;
    }
    if (status != OK) {
        aws_keys_wipe(&keys);
        return status;
    }
    *out = keys;
    return OK;
}
