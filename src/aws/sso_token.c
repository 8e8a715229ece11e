/* The token of an SSO sign-in: see sso_token.h. */
#include "aws/sso_token.h"

#include "aws/call_internal.h"
#include "base/io.h"
#include "codec/json.h"
#include "codec/jsonw.h"

#include <stdio.h>

enum { ACCESS, REFRESH, CLIENT_ID, CLIENT_SECRET, EXPIRES, CLIENT_EXPIRES, FIELDS };

/* A token is refreshed when it holds no longer than this. */
#define EARLY_US (5 * 60 * US_PER_SECOND)

enum status sso_signed_out(const struct link *l, const char *why, struct err *err)
{
    return err_set(err, ERR_ACCESS,
                   "the SSO sign-in of the profile %.80s %s: run aws sso login "
                   "--profile %.80s",
                   l->profile, why, l->profile);
}

void sso_token_fini(struct sso_token *t)
{
    buf_fini(&t->path);
    fields_wipe(&t->file);
    fields_wipe(&t->room);
}

/* The CLI writes "…Z"; its first versions wrote "…UTC". */
static int64_t time_of(struct str text)
{
    int64_t time_us;
    if (str_has_suffix(text, STR("UTC")))
        text.n -= 3;
    return time_parse(text, &time_us) ? time_us : TIME_NONE;
}

static enum status find_file(const struct asking *a, const struct link *l, struct buf *path,
                             struct err *err)
{
    char name[2 * SHA1_BYTES + 1], text[128];
    TRY(sha1_hex(str_from(l->session ? l->session : l->start_url), name, err));
    snprintf(text, sizeof text, "~/.aws/sso/cache/%s.json", name);
    enum status status = machine_path(a->machine, text, path, err);
    return status == ERR_NOT_FOUND ? sso_signed_out(l, "cannot be found (HOME is not set)", err)
                                   : status;
}

static enum status parse(const struct link *l, struct sso_token *t, struct err *err)
{
    struct field f[FIELDS] = {
        [ACCESS] = {.name = "accessToken"}, [REFRESH] = {.name = "refreshToken"},
        [CLIENT_ID] = {.name = "clientId"}, [CLIENT_SECRET] = {.name = "clientSecret"},
        [EXPIRES] = {.name = "expiresAt"},  [CLIENT_EXPIRES] = {.name = "registrationExpiresAt"},
    };
    fields_wipe(&t->room);
    buf_init(&t->room, FIELDS_MAX);
    if (fields_of_json(buf_view(&t->file), NULL, f, FIELDS, &t->room, NULL) != OK)
        return sso_signed_out(l, "cannot be read from its file", err);
    t->access = f[ACCESS].value;
    t->refresh = f[REFRESH].value;
    t->client_id = f[CLIENT_ID].value;
    t->client_secret = f[CLIENT_SECRET].value;
    t->expires_us = time_of(f[EXPIRES].value);
    t->client_expires_us = time_of(f[CLIENT_EXPIRES].value);
    if (t->access.n == 0 || t->expires_us == TIME_NONE)
        return sso_signed_out(l, "cannot be read from its file", err);
    for (size_t i = 0; i < t->access.n; i++)
        if (t->access.p[i] <= ' ' || t->access.p[i] > '~')
            return sso_signed_out(l, "cannot be read from its file", err);
    return OK;
}

/* The JSON of the file with three members replaced; the others stay as they are. */
static enum status rewrite(const struct sso_token *t, const struct field f[3], int64_t expires_us,
                           struct buf *out, struct err *err)
{
    struct json *j = NULL;
    struct json_text text;
    struct buf padded;
    char expires[TIME_TEXT];
    buf_init(&padded, t->file.n + JSON_PADDING);
    buf_reserve(&padded, padded.max);
    buf_str(&padded, buf_view(&t->file));
    buf_fill(&padded, ' ', JSON_PADDING);
    enum status status = buf_status(&padded);
    if (status == OK)
        status = json_new(&j, err);
    if (status == OK)
        status = json_index(j, padded.p, t->file.n, &text, err);
    if (status == OK) {
        struct json_cursor c = json_begin(&text);
        struct jsonw w = jsonw_start(out, 2);
        jsonw_object(&w);
        if (json_enter_object(&c))
            for (struct str key, value; json_next_key(&c, &key);) {
                if (str_eq(key, STR("accessToken")) || str_eq(key, STR("expiresAt")) ||
                    str_eq(key, STR("refreshToken")) || !json_raw(&c, &value))
                    continue;
                jsonw_key(&w, key);
                jsonw_raw(&w, value);
            }
        jsonw_key(&w, STR("accessToken"));
        jsonw_str(&w, f[0].value);
        jsonw_key(&w, STR("expiresAt"));
        jsonw_str(&w, str_of(expires, time_format(expires, expires_us)));
        jsonw_key(&w, STR("refreshToken"));
        jsonw_str(&w, f[1].value.n ? f[1].value : t->refresh);
        jsonw_end(&w);
        status = json_failed(&c) ? ERR_PARSE : buf_status(out);
    }
    json_free(j);
    fields_wipe(&padded);
    return status;
}

static void write_request(const struct sso_token *t, struct buf *body)
{
    struct jsonw w = jsonw_start(body, 0);
    jsonw_object(&w);
    jsonw_key(&w, STR("clientId"));
    jsonw_str(&w, t->client_id);
    jsonw_key(&w, STR("clientSecret"));
    jsonw_str(&w, t->client_secret);
    jsonw_key(&w, STR("grantType"));
    jsonw_str(&w, STR("refresh_token"));
    jsonw_key(&w, STR("refreshToken"));
    jsonw_str(&w, t->refresh);
    jsonw_end(&w);
}

/* CreateToken (botocore 1.44, data/sso-oidc/2019-06-10 and tokens.py). */
static enum status create_token(const struct asking *a, const struct link *l,
                                const struct sso_token *t, struct aws_answer *answer,
                                struct err *err)
{
    struct sigv4_pair type = {STR("Content-Type"), STR("application/json")};
    struct aws_client c;
    struct buf body;
    buf_init(&body, FIELDS_MAX);
    buf_reserve(&body, 32 * 1024);
    write_request(t, &body);
    struct aws_call call = {.service = "oidc",
                            .method = "POST",
                            .path = STR("/token"),
                            .headers = &type,
                            .headers_n = 1,
                            .body = buf_view(&body),
                            .unsigned_call = true,
                            .secret = true,
                            .limits = {.memory_max = 64 * 1024},
                            .action = "sso-oauth:CreateToken"};
    client_borrow(&c, a, NULL, l->sso_region);
    enum status status = buf_status(&body) == OK ? aws_send(&c, &call, answer, err)
                                                 : err_set(err, ERR_LIMIT, "the token is too long");
    client_return(&c);
    fields_wipe(&body);
    return status;
}

static int64_t whole_seconds(int64_t time_us)
{
    return time_us - time_us % US_PER_SECOND;
}

/* Puts the token's text into the memory; false when there is no room for it. */
static bool remember(struct sso_memory *m, const struct sso_token *t)
{
    fields_wipe(&m->file);
    buf_init(&m->file, FIELDS_MAX);
    buf_reset(&m->path);
    buf_str(&m->path, buf_view(&t->path));
    if (buf_reserve(&m->file, t->file.n))
        buf_str(&m->file, buf_view(&t->file));
    return buf_status(&m->path) == OK && buf_status(&m->file) == OK;
}

/* Keeps the new text of the file: in the file, for all who use it; where that cannot be written
 * (mounted for reading only, another user's) in memory, because the refresh token of the old one
 * may not be taken again. */
static void keep(const struct asking *a, const struct sso_token *t)
{
    if (io_write_secret_file(t->path.p, buf_view(&t->file), NULL) == OK)
        fields_wipe(&a->sso->file);
    else
        (void)remember(a->sso, t);
}

/* Puts a new token in place of the old one. */
static enum status take(const struct asking *a, struct sso_token *t,
                        const struct aws_answer *answer, struct err *err)
{
    struct field f[] = {{.name = "accessToken"}, {.name = "refreshToken"}, {.name = "expiresIn"}};
    struct buf room, text;
    int64_t seconds;
    buf_init(&room, FIELDS_MAX);
    buf_init(&text, t->file.max);
    buf_reserve(&text, text.max);
    enum status status = fields_of_json(buf_view(&answer->http.body), NULL, f, 3, &room, err);
    if (status == OK &&
        (f[0].value.n == 0 || !str_to_i64(f[2].value, &seconds) || seconds > INT64_C(86400) * 366))
        status = ERR_PARSE;
    /* By the machine's own clock, whatever AWS's is: so the CLI writes and reads it. */
    if (status == OK)
        status = rewrite(t, f, whole_seconds(machine_now_us(a->machine)) + seconds * US_PER_SECOND,
                         &text, err);
    if (status == OK) {
        secret_wipe(t->file.p, t->file.n);
        buf_reset(&t->file);
        buf_str(&t->file, buf_view(&text));
        status = buf_status(&t->file);
    }
    fields_wipe(&text);
    fields_wipe(&room);
    return status;
}

static bool may_refresh(const struct link *l, const struct sso_token *t, int64_t now_us)
{
    return l->session && t->refresh.n && t->client_id.n && t->client_secret.n &&
           (t->client_expires_us == TIME_NONE || t->client_expires_us > now_us);
}

/* A refresh that fails leaves the token as it was, which may hold a while. */
static bool refresh(const struct asking *a, const struct link *l, struct sso_token *t)
{
    struct aws_answer answer;
    aws_answer_init(&answer);
    bool fresh = create_token(a, l, t, &answer, NULL) == OK && take(a, t, &answer, NULL) == OK;
    if (fresh)
        keep(a, t);
    if (fresh && parse(l, t, NULL) != OK)
        t->expires_us = TIME_NONE;
    aws_answer_fini(&answer);
    return fresh;
}

static enum status read_file(const struct link *l, struct sso_token *t, struct err *err)
{
    if (t->file.n > 0)
        secret_wipe(t->file.p, t->file.n);
    buf_reset(&t->file);
    enum status status = io_read_file(t->path.p, &t->file, err);
    if (status == ERR_NOT_FOUND)
        return sso_signed_out(l, "has not been made on this machine", err);
    TRY(status);
    return parse(l, t, err);
}

/* What is in memory, when it is of this file and holds longer. */
static enum status recall(const struct asking *a, const struct link *l, struct sso_token *t,
                          struct err *err)
{
    const struct sso_memory *m = a->sso;
    int64_t expires_us = t->expires_us;
    if (m->file.n == 0 || !str_eq(buf_view(&m->path), buf_view(&t->path)))
        return OK;
    secret_wipe(t->file.p, t->file.n);
    buf_reset(&t->file);
    buf_str(&t->file, buf_view(&m->file));
    TRY(parse(l, t, err));
    return t->expires_us > expires_us ? OK : read_file(l, t, err);
}

enum status sso_token_read(const struct asking *a, const struct link *l, struct sso_token *t,
                           struct err *err)
{
    *t = (struct sso_token){.expires_us = TIME_NONE};
    buf_init(&t->path, 4096);
    buf_init(&t->file, FIELDS_MAX / 2);
    buf_init(&t->room, FIELDS_MAX);
    TRY(find_file(a, l, &t->path, err));
    if (!buf_reserve(&t->file, t->file.max))
        return err_nomem(err);
    TRY(read_file(l, t, err));
    TRY(recall(a, l, t, err));
    int64_t now_us = machine_now_us(a->machine);
    /* Who was faster may have used up the refresh token: then the new token is in the file. */
    if (t->expires_us - now_us < EARLY_US && may_refresh(l, t, now_us) && !refresh(a, l, t) &&
        t->expires_us <= now_us)
        TRY(read_file(l, t, err));
    return t->expires_us <= now_us ? sso_signed_out(l, "is over", err) : OK;
}
