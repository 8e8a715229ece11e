/* AWS STS: see sts.h. */
#include "aws/sts.h"

#include "aws/credentials_internal.h"
#include "codec/uri.h"

#include <stdio.h>

static void add(struct buf *body, const char *name, struct str value)
{
    if (body->n > 0)
        buf_char(body, '&');
    buf_str(body, str_from(name));
    buf_char(body, '=');
    uri_encode(body, value, false);
}

static void begin(struct buf *body, const char *action)
{
    /* A token of 20,000 characters (the most that STS takes) becomes at most three times as long;
     * at once, because a buffer that grows leaves copies behind. */
    buf_init(body, 80 * 1024);
    buf_reserve(body, body->max);
    add(body, "Action", str_from(action));
    add(body, "Version", STR("2011-06-15"));
}

/* Sends the form and reads fields out of the answer. */
static enum status ask(struct aws_client *c, const struct buf *body, bool unsigned_call,
                       const char *permission, const char *subject, struct field *f, size_t n,
                       struct buf *room, struct err *err)
{
    struct sigv4_pair type = {STR("Content-Type"),
                              STR("application/x-www-form-urlencoded; charset=utf-8")};
    struct aws_call call = {.service = "sts",
                            .region = aws_client_region(c) ? NULL : "us-east-1",
                            .method = "POST",
                            .path = STR("/"),
                            .headers = &type,
                            .headers_n = 1,
                            .body = buf_view(body),
                            .unsigned_call = unsigned_call,
                            .secret = true,
                            .limits = {.memory_max = 128 * 1024},
                            .action = permission,
                            .subject = str_from(subject)};
    struct aws_answer a;
    if (buf_status(body) != OK)
        return err_set(err, buf_status(body), "%s: the request is too long", permission);
    aws_answer_init(&a);
    enum status status = aws_send(c, &call, &a, err);
    if (status == OK && fields_of_xml(buf_view(&a.http.body), f, n, room, NULL) != OK)
        status = err_set(err, ERR_PARSE, "%s: the answer is not what STS answers", permission);
    aws_answer_fini(&a);
    return status;
}

static bool put(char *out, size_t room, struct str value)
{
    if (value.n >= room)
        return false;
    snprintf(out, room, "%.*s", STR_ARG(value));
    return value.n > 0;
}

enum status sts_identity(struct aws_client *c, struct sts_identity *out, struct err *err)
{
    struct field f[] = {{.name = "Account"}, {.name = "Arn"}, {.name = "UserId"}};
    struct buf body, room;
    struct sts_identity i;
    begin(&body, "GetCallerIdentity");
    buf_init(&room, FIELDS_MAX);
    enum status status = ask(c, &body, false, "sts:GetCallerIdentity", "", f, 3, &room, err);
    if (status == OK) {
        if (put(i.account, sizeof i.account, f[0].value) && put(i.arn, sizeof i.arn, f[1].value) &&
            put(i.user_id, sizeof i.user_id, f[2].value))
            *out = i;
        else
            status = err_set(err, ERR_PARSE, "sts:GetCallerIdentity: the answer names nobody");
    }
    fields_wipe(&room);
    fields_wipe(&body);
    return status;
}

static void add_role(struct buf *body, const struct sts_role *role)
{
    add(body, "RoleArn", str_from(role->arn));
    add(body, "RoleSessionName", role->session_name ? str_from(role->session_name) : STR("assay"));
    if (role->duration_s > 0) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)role->duration_s);
        add(body, "DurationSeconds", str_from(number));
    }
}

static enum status ask_for_keys(struct aws_client *c, const struct buf *body, bool unsigned_call,
                                const char *permission, const struct sts_role *role,
                                struct aws_keys *out, struct err *err)
{
    struct field f[] = {{.name = "AccessKeyId"},
                        {.name = "SecretAccessKey"},
                        {.name = "SessionToken"},
                        {.name = "Expiration"}};
    struct buf room;
    buf_init(&room, FIELDS_MAX);
    enum status status = ask(c, body, unsigned_call, permission, role->arn, f, 4, &room, err);
    if (status == OK)
        status = keys_of_fields(out, f, permission, err);
    fields_wipe(&room);
    return status;
}

enum status sts_assume_role(struct aws_client *c, const struct sts_role *role, struct aws_keys *out,
                            struct err *err)
{
    struct buf body;
    begin(&body, "AssumeRole");
    add_role(&body, role);
    if (role->external_id)
        add(&body, "ExternalId", str_from(role->external_id));
    enum status status = ask_for_keys(c, &body, false, "sts:AssumeRole", role, out, err);
    fields_wipe(&body);
    return status;
}

enum status sts_assume_role_with_token(struct aws_client *c, const struct sts_role *role,
                                       struct str token, struct aws_keys *out, struct err *err)
{
    struct buf body;
    begin(&body, "AssumeRoleWithWebIdentity");
    add_role(&body, role);
    add(&body, "WebIdentityToken", token);
    enum status status =
        ask_for_keys(c, &body, true, "sts:AssumeRoleWithWebIdentity", role, out, err);
    fields_wipe(&body);
    return status;
}
