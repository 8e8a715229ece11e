/*
 * The provider: see credentials.h. It keeps the keys of the last refresh and decides when the next
 * is due. A refresh walks the whole way again, files included, without holding the lock, so threads
 * whose keys still hold are never kept waiting by a slow answer.
 */
#include "aws/credentials.h"

#include "aws/call_internal.h"
#include "base/arena.h"
#include "base/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define EARLY_US (5 * 60 * US_PER_SECOND)
#define LATE_US (60 * US_PER_SECOND)
/* After a refresh that brought nothing new, while the old keys hold; and between two because of
 * keys that a service did not take. */
#define PAUSE_US (5 * US_PER_SECOND)
/* After the instance has not told its Region. */
#define REGION_PAUSE_US (60 * US_PER_SECOND)

enum { LOOK_MS = 100 };

struct aws_credentials {
    struct arena arena; /* of the texts of settings, region and source */
    struct aws_settings settings;
    struct aws_config *config; /* as it was at the start: for endpoints and Region */
    struct endpoint_settings endpoints;
    const char *region;
    const char *source;
    bool on_instance; /* whose keys come first */
    _Atomic int64_t skew_us;

    pthread_mutex_t region_lock; /* of the next two */
    char found_region[ENDPOINT_REGION_MAX];
    int64_t region_asked_us;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Below: by holders of the lock only. */
    bool busy; /* a thread refreshes */
    bool has_keys;
    bool rejected; /* the keys, by a service */
    struct aws_keys keys;
    int64_t got_us;
    int64_t pause_us;      /* no refresh before, while the keys hold */
    struct sso_memory sso; /* by the thread that refreshes */
    int64_t rejected_us;   /* when keys were rejected at last */
    uint64_t failures;     /* counted, so that who waits for a refresh learns of its failure */
    struct err last;
};

/* By the clock of AWS as far as it is known: times of expiry are AWS's. */
static int64_t now_of(const struct aws_credentials *c)
{
    return machine_now_us(&c->settings.machine) + atomic_load(&c->skew_us);
}

/* New keys, by the whole way; without the lock. */
static enum status refresh(struct aws_credentials *c, struct http_client *http,
                           const _Atomic bool *cancel, struct aws_keys *out, struct err *err)
{
    struct aws_config *config = NULL;
    struct chain chain;
    struct asking a = {.machine = &c->settings.machine,
                       .endpoints = c->endpoints,
                       .region = c->region,
                       .http = http,
                       .skew_us = &c->skew_us,
                       .sso = &c->sso,
                       .cancel = cancel};
    TRY(config_read(a.machine, &config, err));
    enum status status = chain_find(&c->settings, config, &chain, err);
    if (status == OK && !a.region && chain.n > 1)
        a.region = credentials_find_region(c, cancel);
    if (status == OK)
        status = chain_walk(&a, &chain, out, err);
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
                                  const _Atomic bool *cancel, struct err *err)
{
    struct aws_keys fresh = {.expires_us = TIME_NONE};
    struct err cause = {0};
    c->busy = true;
    pthread_mutex_unlock(&c->lock);
    enum status status = refresh(c, http, cancel, &fresh, &cause);
    int64_t now_us = now_of(c);
    pthread_mutex_lock(&c->lock);
    c->busy = false;
    if (status != ERR_INTERRUPTED)
        c->pause_us = now_us + PAUSE_US;
    if (status == OK) {
        aws_keys_wipe(&c->keys);
        c->keys = fresh;
        c->got_us = now_us;
        c->has_keys = true;
        c->rejected = false;
    } else if (status != ERR_INTERRUPTED) {
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

/* Waits for the thread that refreshes; its failure is ours, but that it was interrupted is not. */
static enum status wait_locked(struct aws_credentials *c, const _Atomic bool *cancel,
                               struct err *err)
{
    uint64_t failures = c->failures;
    while (c->busy) {
        int64_t until = queue_deadline(LOOK_MS);
        if (cancel && atomic_load(cancel))
            return err_set(err, ERR_INTERRUPTED, "interrupted");
        queue_wait(&c->changed, &c->lock, until);
    }
    if (c->failures == failures || need_at(c, now_of(c)) != NEED_FIRST)
        return OK;
    if (err)
        *err = c->last;
    return c->last.status;
}

enum status aws_credentials_get(struct aws_credentials *c, struct http_client *http,
                                const _Atomic bool *cancel, struct aws_keys *out, struct err *err)
{
    enum status status = OK;
    pthread_mutex_lock(&c->lock);
    for (enum need need; status == OK;) {
        need = need_at(c, now_of(c));
        if (need == NEED_NOTHING || (need == NEED_SOON && c->busy))
            break;
        status = c->busy ? wait_locked(c, cancel, err) : refresh_locked(c, http, cancel, err);
    }
    if (status == OK)
        status = keys_copy(out, &c->keys, err);
    pthread_mutex_unlock(&c->lock);
    return status;
}

static bool is_same(const struct aws_keys *a, const struct aws_keys *b)
{
    return strcmp(a->access_key_id, b->access_key_id) == 0 && strcmp(a->secret, b->secret) == 0 &&
           strcmp(a->session_token, b->session_token) == 0;
}

bool aws_credentials_reject(struct aws_credentials *c, const struct aws_keys *k)
{
    bool worth = true;
    int64_t now_us = now_of(c);
    pthread_mutex_lock(&c->lock);
    if (c->has_keys && !c->rejected && is_same(&c->keys, k)) {
        worth = c->rejected_us == TIME_NONE || now_us >= c->rejected_us + PAUSE_US ||
                now_us < c->rejected_us;
        if (worth) {
            c->rejected = true;
            c->rejected_us = now_us;
        }
    }
    pthread_mutex_unlock(&c->lock);
    return worth;
}

const char *aws_credentials_region(const struct aws_credentials *c)
{
    return c->region;
}

/* Not under the lock of keys: nobody needs a Region to get an instance's. */
const char *credentials_find_region(struct aws_credentials *c, const _Atomic bool *cancel)
{
    if (c->region || !c->on_instance)
        return c->region;
    struct asking a = {.machine = &c->settings.machine,
                       .endpoints = c->endpoints,
                       .skew_us = &c->skew_us,
                       .cancel = cancel};
    pthread_mutex_lock(&c->region_lock);
    int64_t now_us = clock_monotonic_us();
    if (!c->found_region[0] &&
        (c->region_asked_us == TIME_NONE || now_us > c->region_asked_us + REGION_PAUSE_US)) {
        instance_region(&a, c->found_region);
        c->region_asked_us = now_us;
    }
    const char *found = c->found_region[0] ? c->found_region : NULL;
    pthread_mutex_unlock(&c->region_lock);
    return found;
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
    c->on_instance = chain.links[0].kind == LINK_INSTANCE;
    c->region = find_region(c);
    if (!keep(c, &c->source) || !keep(c, &c->region) || !keep(c, &c->endpoints.profile)) {
        c->source = NULL;
        return err_nomem(err);
    }
    if (c->region && !endpoint_is_region(str_from(c->region)))
        return err_set(err, ERR_USAGE, "%.40s is not the name of an AWS Region", c->region);
    /* Each refresh reads the keys anew; those of other profiles are nobody's concern. */
    return config_forget_secrets(c->config, err);
}

enum status aws_credentials_new(const struct aws_settings *s, struct aws_credentials **out,
                                struct err *err)
{
    struct aws_credentials *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    arena_init(&c->arena);
    buf_init(&c->sso.path, FIELDS_MAX);
    buf_init(&c->sso.file, FIELDS_MAX);
    c->settings = *s;
    c->keys.expires_us = c->rejected_us = c->region_asked_us = TIME_NONE;
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->region_lock, NULL);
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
    fields_wipe(&c->sso.file);
    buf_fini(&c->sso.path);
    config_free(c->config);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->region_lock);
    arena_fini(&c->arena);
    free(c);
}
