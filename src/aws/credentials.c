/*
 * The provider: see credentials.h. It keeps the keys of the last refresh and decides when the next
 * is due. A refresh walks the whole way again, files included, without holding the lock, so threads
 * whose keys still hold are never kept waiting by a slow answer.
 */
#include "aws/credentials.h"

#include "aws/call_internal.h"
#include "base/arena.h"
#include "base/io.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define EARLY_US (5 * 60 * US_PER_SECOND)
#define LATE_US (60 * US_PER_SECOND)
/* After a refresh that brought nothing new, while the old keys hold. */
#define PAUSE_US (5 * US_PER_SECOND)

struct aws_credentials {
    struct arena arena; /* of the texts of settings, region and source */
    struct aws_settings settings;
    struct aws_config *config; /* as it was at the start: for endpoints and Region */
    struct endpoint_settings endpoints;
    const char *region;
    const char *source;
    _Atomic int64_t skew_us;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Below: by holders of the lock only. */
    bool busy; /* a thread refreshes */
    bool has_keys;
    bool rejected; /* the keys, by a service */
    struct aws_keys keys;
    int64_t got_us;
    int64_t pause_us;  /* no refresh before, while the keys hold */
    uint64_t failures; /* counted, so that who waits for a refresh learns of its failure */
    struct err last;
};

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

static enum status walk(const struct asking *a, const struct chain *chain, struct aws_keys *out,
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

/* By the clock of AWS as far as it is known: times of expiry are AWS's. */
static int64_t now_of(const struct aws_credentials *c)
{
    return machine_now_us(&c->settings.machine) + atomic_load(&c->skew_us);
}

/* New keys, by the whole way; without the lock. */
static enum status refresh(struct aws_credentials *c, struct http_client *http,
                           struct aws_keys *out, struct err *err)
{
    struct aws_config *config = NULL;
    struct chain chain;
    struct asking a = {.machine = &c->settings.machine,
                       .endpoints = c->endpoints,
                       .region = c->region,
                       .http = http,
                       .skew_us = &c->skew_us};
    TRY(config_read(a.machine, &config, err));
    enum status status = chain_find(&c->settings, config, &chain, err);
    if (status == OK)
        status = walk(&a, &chain, out, err);
    config_free(config);
    /* Which a caller would take for a bucket that is not there. */
    if (status == ERR_NOT_FOUND) {
        status = ERR_ACCESS;
        if (err)
            err->status = status;
    }
    if (status == OK && out->expires_us != TIME_NONE && out->expires_us <= now_of(c)) {
        char when[TIME_TEXT];
        time_format(when, out->expires_us);
        aws_keys_wipe(out);
        return err_set(
            err, ERR_ACCESS,
            "%.200s: the keys have expired (%s); renew them, or set this machine's clock",
            c->source, when);
    }
    return status;
}

enum need { NEED_NOTHING, NEED_SOON, NEED_NOW, NEED_FIRST };

/* How much new keys are needed: SOON, others may go on with the old ones; NOW, they hold but should
 * not be used any more; FIRST, there are none to be used. */
static enum need need_at(const struct aws_credentials *c, int64_t now_us)
{
    if (!c->has_keys || c->rejected)
        return NEED_FIRST;
    if (c->keys.expires_us == TIME_NONE)
        return NEED_NOTHING;
    int64_t left = c->keys.expires_us - now_us, life = c->keys.expires_us - c->got_us;
    if (left <= 0)
        return NEED_FIRST;
    if (now_us < c->pause_us)
        return NEED_NOTHING;
    if (left < LATE_US && left < life / 20)
        return NEED_NOW;
    return left < EARLY_US && left < life / 4 ? NEED_SOON : NEED_NOTHING;
}

/* Refreshes, the lock being held before and after. A failure counts only when there are no keys to
 * go on with. */
static enum status refresh_locked(struct aws_credentials *c, struct http_client *http,
                                  struct err *err)
{
    struct aws_keys fresh = {.expires_us = TIME_NONE};
    struct err cause = {0};
    c->busy = true;
    pthread_mutex_unlock(&c->lock);
    enum status status = refresh(c, http, &fresh, &cause);
    int64_t now_us = now_of(c);
    pthread_mutex_lock(&c->lock);
    c->busy = false;
    c->pause_us = now_us + PAUSE_US;
    if (status == OK) {
        aws_keys_wipe(&c->keys);
        c->keys = fresh;
        c->got_us = now_us;
        c->has_keys = true;
        c->rejected = false;
    } else {
        c->failures++;
        c->last = cause;
    }
    pthread_cond_broadcast(&c->changed);
    if (status == OK || need_at(c, now_us) != NEED_FIRST)
        return OK;
    if (err)
        *err = cause;
    return status;
}

/* Waits for the thread that refreshes; its failure is ours. */
static enum status wait_locked(struct aws_credentials *c, struct err *err)
{
    uint64_t failures = c->failures;
    while (c->busy)
        pthread_cond_wait(&c->changed, &c->lock);
    if (c->failures == failures || need_at(c, now_of(c)) != NEED_FIRST)
        return OK;
    if (err)
        *err = c->last;
    return c->last.status;
}

enum status aws_credentials_get(struct aws_credentials *c, struct http_client *http,
                                struct aws_keys *out, struct err *err)
{
    enum status status = OK;
    pthread_mutex_lock(&c->lock);
    for (enum need need; status == OK;) {
        need = need_at(c, now_of(c));
        if (need == NEED_NOTHING || (need == NEED_SOON && c->busy))
            break;
        status = c->busy ? wait_locked(c, err) : refresh_locked(c, http, err);
    }
    if (status == OK)
        status = keys_copy(out, &c->keys, err);
    pthread_mutex_unlock(&c->lock);
    return status;
}

void aws_credentials_reject(struct aws_credentials *c, const struct aws_keys *k)
{
    pthread_mutex_lock(&c->lock);
    if (c->has_keys && strcmp(c->keys.access_key_id, k->access_key_id) == 0 &&
        strcmp(c->keys.session_token, k->session_token) == 0)
        c->rejected = true;
    pthread_mutex_unlock(&c->lock);
}

const char *aws_credentials_region(const struct aws_credentials *c)
{
    return c->region;
}

const char *aws_credentials_source(const struct aws_credentials *c)
{
    return c->source;
}

void credentials_lend(struct aws_credentials *p, struct aws_client *c)
{
    c->provider = p;
    c->machine = &p->settings.machine;
    c->endpoints = p->endpoints;
    c->skew_us = &p->skew_us;
}

/* Makes *text a copy that lives in the arena; false when memory is short. */
static bool keep(struct aws_credentials *c, const char **text)
{
    if (!*text)
        return true;
    *text = arena_str(&c->arena, str_from(*text)).p;
    return *text != NULL;
}

static const char *find_region(const struct aws_credentials *c)
{
    const struct aws_machine *m = &c->settings.machine;
    const char *region = c->settings.region;
    if (!region)
        region = machine_variable(m, "AWS_REGION");
    if (!region)
        region = machine_variable(m, "AWS_DEFAULT_REGION");
    if (!region)
        region = config_get(c->config, CONFIG_PROFILE, c->endpoints.profile, "region");
    return region && *region ? region : NULL;
}

/* Files, chain, Region: what can be wrong before anybody is asked. */
static enum status set_up(struct aws_credentials *c, struct err *err)
{
    struct aws_settings *s = &c->settings;
    struct chain chain;
    char text[1024];
    struct buf source;
    if (!keep(c, &s->profile) || !keep(c, &s->region) || !keep(c, &s->role_arn) ||
        !keep(c, &s->external_id) || !keep(c, &s->role_session_name) || !keep(c, &s->machine.home))
        return err_nomem(err);
    TRY(config_read(&s->machine, &c->config, err));
    TRY(chain_find(s, c->config, &chain, err));
    buf_on(&source, text, sizeof text - 1);
    chain_describe(&chain, &source);
    text[source.n] = '\0';
    c->source = text;
    c->endpoints = (struct endpoint_settings){&s->machine, c->config, chain.profile};
    c->region = find_region(c);
    if (!keep(c, &c->source) || !keep(c, &c->region) || !keep(c, &c->endpoints.profile)) {
        c->source = NULL;
        return err_nomem(err);
    }
    if (c->region && !endpoint_is_region(str_from(c->region)))
        return err_set(err, ERR_USAGE, "%.40s is not the name of an AWS Region", c->region);
    return OK;
}

enum status aws_credentials_new(const struct aws_settings *s, struct aws_credentials **out,
                                struct err *err)
{
    struct aws_credentials *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    arena_init(&c->arena);
    c->settings = *s;
    c->keys.expires_us = TIME_NONE;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    enum status status = set_up(c, err);
    if (status != OK) {
        aws_credentials_free(c);
        return status;
    }
    *out = c;
    return OK;
}

void aws_credentials_free(struct aws_credentials *c)
{
    if (!c)
        return;
    aws_keys_wipe(&c->keys);
    config_free(c->config);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    arena_fini(&c->arena);
    free(c);
}
