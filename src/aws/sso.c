/*
 * Keys of IAM Identity Center ("AWS SSO"): the token of a sign-in is exchanged for keys of one role
 * in one account (GetRoleCredentials; botocore 1.44, data/sso/2019-06-10).
 */
#include "aws/sso_token.h"

#include "aws/call_internal.h"

static enum status read_keys(const struct aws_answer *answer, struct aws_keys *out, struct err *err)
{
    struct field f[] = {{.name = "accessKeyId"},
                        {.name = "secretAccessKey"},
                        {.name = "sessionToken"},
                        {.name = "expiration"}};
    struct buf room;
    int64_t ms;
    buf_init(&room, FIELDS_MAX);
    enum status status =
        fields_of_json(buf_view(&answer->http.body), "roleCredentials", f, 4, &room, NULL);
    if (status != OK || !str_to_i64(f[3].value, &ms) || ms > TIME_END / 1000)
        status = err_set(err, ERR_PARSE, "sso:GetRoleCredentials: the answer holds no keys");
    else
        status = keys_make(out, f[0].value, f[1].value, f[2].value, ms * 1000,
                           "sso:GetRoleCredentials", err);
    fields_wipe(&room);
    return status;
}

static enum status exchange(const struct asking *a, const struct link *l, const struct sso_token *t,
                            struct aws_keys *out, struct err *err)
{
    struct sigv4_pair query[] = {{STR("role_name"), str_from(l->role_name)},
                                 {STR("account_id"), str_from(l->account)}};
    struct sigv4_pair bearer = {STR("x-amz-sso_bearer_token"), t->access};
    struct aws_call call = {.service = "sso",
                            .method = "GET",
                            .path = STR("/federation/credentials"),
                            .query = query,
                            .query_n = 2,
                            .headers = &bearer,
                            .headers_n = 1,
                            .unsigned_call = true,
                            .secret = true,
                            .limits = {.memory_max = 64 * 1024},
                            .action = "sso:GetRoleCredentials",
                            .subject = str_from(l->role_name)};
    struct aws_answer answer;
    struct aws_client c;
    aws_answer_init(&answer);
    client_borrow(&c, a, NULL, l->sso_region);
    enum status status = aws_send(&c, &call, &answer, err);
    if (status == OK)
        status = read_keys(&answer, out, err);
    else if (answer.http.status == 401)
        status = sso_signed_out(l, "is over", err);
    else if (answer.http.status == 403)
        status = err_set(err, ERR_ACCESS,
                         "the SSO user who signed in for the profile %.60s is not assigned to the "
                         "role %.60s (permission set) in the account %.20s: assign it in IAM "
                         "Identity Center, or name another",
                         l->profile, l->role_name, l->account);
    client_return(&c);
    aws_answer_fini(&answer);
    return status;
}

enum status sso_keys(const struct asking *a, const struct link *l, struct aws_keys *out,
                     struct err *err)
{
    struct sso_token token;
    enum status status = sso_token_read(a, l, &token, err);
    if (status == OK)
        status = exchange(a, l, &token, out, err);
    sso_token_fini(&token);
    return status;
}
