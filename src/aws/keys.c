/* Keys as values: made, copied, wiped. See credentials.h and credentials_internal.h. */
#include "aws/credentials_internal.h"

#include "codec/digest.h"

#include <stdlib.h>

static void wipe_text(char *text)
{
    if (text)
        secret_wipe(text, strlen(text));
    free(text);
}

void aws_keys_wipe(struct aws_keys *k)
{
    wipe_text(k->access_key_id);
    wipe_text(k->secret);
    wipe_text(k->session_token);
    *k = (struct aws_keys){.expires_us = TIME_NONE};
}

struct sigv4_keys aws_keys_view(const struct aws_keys *k)
{
    return (struct sigv4_keys){str_from(k->access_key_id), str_from(k->secret),
                               str_from(k->session_token)};
}

/* What can be sent in a header. */
static bool is_key(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n < FIELDS_MAX;
}

static char *copy(struct str s)
{
    char *text = malloc(s.n + 1);
    if (!text)
        return NULL;
    if (s.n)
        memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return text;
}

enum status keys_make(struct aws_keys *out, struct str access_key_id, struct str secret,
                      struct str session_token, int64_t expires_us, const char *what,
                      struct err *err)
{
    if (access_key_id.n == 0 || secret.n == 0)
        return err_set(err, ERR_PARSE, "%.150s gave no access key id or no secret", what);
    if (!is_key(access_key_id) || !is_key(secret) || !is_key(session_token))
        return err_set(err, ERR_PARSE,
                       "%.150s gave keys with characters that no key has: a blank or the end of a "
                       "line, from copying?",
                       what);
    struct aws_keys k = {copy(access_key_id), copy(secret), copy(session_token), expires_us};
    if (!k.access_key_id || !k.secret || !k.session_token) {
        aws_keys_wipe(&k);
        return err_nomem(err);
    }
    *out = k;
    return OK;
}

enum status keys_copy(struct aws_keys *out, const struct aws_keys *from, struct err *err)
{
    struct sigv4_keys k = aws_keys_view(from);
    return keys_make(out, k.access_key_id, k.secret, k.session_token, from->expires_us,
                     "the last answer", err);
}

enum status keys_of_fields(struct aws_keys *out, const struct field f[4], const char *what,
                           struct err *err)
{
    int64_t expires_us = TIME_NONE;
    if (f[3].value.n > 0 && !time_parse(f[3].value, &expires_us))
        return err_set(err, ERR_PARSE, "%.150s gave keys with a time of expiry that is none", what);
    return keys_make(out, f[0].value, f[1].value, f[2].value, expires_us, what, err);
}
