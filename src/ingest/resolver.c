/* Asks AWS about profiles: see resolver.h. */
#include "ingest/resolver.h"

#include "aws/bedrock.h"
#include "aws/endpoint.h"
#include "aws/sts.h"
#include "base/queue.h"
#include "net/retry.h"

#include <pthread.h>
#include <stdlib.h>

enum { PAUSE_MS = 250, ATTEMPTS = 4, ARN_MAX = 256 };

struct wanted {
    struct wanted *next;
    size_t n;
    char arn[];
};

/* One provider of keys. */
struct door {
    struct aws_credentials *credentials;
    struct aws_client *client; /* the thread's own */
    char account[16];          /* "" as long as nobody asked */
};

struct resolver {
    struct door *door;
    int doors;
    int64_t pause_ms;
    _Atomic bool cancel;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct wanted *first, **last; /* guarded by lock, as is all below */
    struct resolved *answers, **last_answer;
    size_t outstanding; /* wanted, or in work */
    bool stop;
};

/* ARNs are what a client wrote into its call: only what looks like a profile of an account is put
 * into a request. "arn:aws:bedrock:us-west-2:111122223333:application-inference-profile/a1b2c3" */
static bool may_be_asked(struct str arn, struct str *account)
{
    struct str rest = arn, part[6];
    for (int i = 0; i < 5; i++)
        part[i] = str_cut(&rest, ':');
    if (!rest.p || arn.n > ARN_MAX || !str_is_plain(arn) || part[4].n != 12)
        return false;
    for (size_t i = 0; i < part[4].n; i++)
        if (part[4].p[i] < '0' || part[4].p[i] > '9')
            return false;
    *account = part[4];
    return str_has_prefix(arn, STR("arn:aws")) && str_eq(part[2], STR("bedrock")) &&
           endpoint_is_region(part[3]) &&
           str_has_prefix(rest, STR("application-inference-profile/"));
}

void resolved_free(struct resolved *a)
{
    if (a)
        arena_fini(&a->arena);
    free(a);
}

/* Whose keys these are; everybody may ask that. */
static enum status learn_account(struct door *d)
{
    struct sts_identity who;
    if (d->account[0] != '\0')
        return OK;
    enum status status = sts_identity(d->client, &who, NULL);
    if (status == OK)
        memcpy(d->account, who.account, sizeof d->account);
    return status;
}

/* Whether the door is of the account: what it does not find there is not there. */
static bool is_home(struct door *d, struct str account)
{
    return learn_account(d) == OK && str_eq(str_from(d->account), account);
}

static enum status open_door(struct resolver *r, struct door *d, struct err *err)
{
    const struct aws_client_options o = {
        .credentials = d->credentials, .cancel = &r->cancel, .attempts = ATTEMPTS};
    return d->client ? OK : aws_client_new(&o, &d->client, err);
}

static enum status take_tags(struct resolved *a, struct aws_client *client, struct err *err)
{
    struct bedrock_tags tags;
    bedrock_tags_init(&tags);
    enum status status = bedrock_get_tags(client, a->arn, &tags, err);
    struct tag *copy = arena_alloc(&a->arena, (tags.n + 1) * sizeof *copy);
    if (status == OK && !copy)
        status = err_nomem(err);
    for (size_t i = 0; status == OK && i < tags.n; i++) {
        copy[i] = (struct tag){arena_str(&a->arena, tags.v[i].key),
                               arena_str(&a->arena, tags.v[i].value)};
        if (!copy[i].key.p || !copy[i].value.p)
            status = err_nomem(err);
    }
    if (status == OK) {
        a->profile.tags = copy;
        a->profile.tags_n = tags.n;
    }
    bedrock_tags_fini(&tags);
    return status;
}

static enum status take_profile(struct resolved *a, const struct bedrock_profile *p,
                                struct err *err)
{
    struct profile is = {.arn = a->arn, .base = STR(""), .geo = STR("")};
    if (!profile_of_models(p->models, p->models_n, &is))
        return err_set(err, ERR_PARSE,
                       "bedrock:GetInferenceProfile: the profile does not name one foundation "
                       "model");
    is.base = arena_str(&a->arena, is.base);
    is.name = arena_str(&a->arena, p->name);
    if (!is.base.p || !is.name.p)
        return err_nomem(err);
    a->profile = is;
    return OK;
}

static enum status ask_at(struct door *d, struct resolved *a, struct err *err)
{
    struct bedrock_profile p;
    bedrock_profile_init(&p);
    enum status status = bedrock_get_profile(d->client, a->arn, &p, err);
    if (status == OK)
        status = take_profile(a, &p, err);
    bedrock_profile_fini(&p);
    return status;
}

/* What only foreign doors do not find is as good as refused. */
static enum status ask_one(struct resolver *r, struct door *d, bool home, struct resolved *a,
                           struct err *err)
{
    struct str account = STR("");
    may_be_asked(a->arn, &account);
    enum status status = open_door(r, d, err);
    if (status == OK)
        status = ask_at(d, a, err);
    if (status == ERR_NOT_FOUND && !home)
        status = err_set(err, ERR_ACCESS,
                         "bedrock:GetInferenceProfile: these credentials are not of account %.*s",
                         STR_ARG(account));
    if (status == ERR_ACCESS && d->client && learn_account(d) == ERR_ACCESS)
        status = ERR_IO; /* no permission would help: there are no keys, or none that hold */
    return status;
}

/* Tries the doors of the profile's account, or the others, until one tells what it is. What stays
 * otherwise is the first refusal, or the first failure when nobody refused. */
static void ask_doors(struct resolver *r, bool home, struct resolved *a, bool *asked)
{
    struct str account = STR("");
    may_be_asked(a->arn, &account);
    for (int i = 0; i < r->doors && !(*asked && a->status == OK); i++) {
        struct err err = {0};
        struct door *d = &r->door[i];
        if ((open_door(r, d, NULL) == OK && is_home(d, account)) != home)
            continue;
        enum status status = ask_one(r, d, home, a, &err);
        if (!*asked || status == OK || (status == ERR_ACCESS && a->status == ERR_IO)) {
            a->status = status;
            a->err = err;
        }
        *asked = true;
        if (status == OK)
            a->tags_status = take_tags(a, d->client, &a->err);
        else if (status != ERR_ACCESS && status != ERR_IO)
            return;
    }
}

/* Who has the profile in its account knows best: what others say counts only when they know it. */
static void ask(struct resolver *r, struct resolved *a)
{
    bool at_home = false, abroad = false;
    ask_doors(r, true, a, &at_home);
    if (at_home && a->status != ERR_ACCESS && a->status != ERR_IO)
        return;
    enum status status = a->status;
    struct err err = a->err;
    ask_doors(r, false, a, &abroad);
    if (at_home && !(abroad && a->status == OK)) {
        a->status = status;
        a->err = err;
    } else if (!at_home && !abroad) {
        a->status = err_set(&a->err, ERR_ACCESS, "no credentials to ask with");
    }
}

static struct wanted *next_wanted(struct resolver *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->stop && !r->first)
        pthread_cond_wait(&r->changed, &r->lock);
    struct wanted *w = r->stop ? NULL : r->first;
    if (w) {
        r->first = w->next;
        if (!r->first)
            r->last = &r->first;
    }
    pthread_mutex_unlock(&r->lock);
    return w;
}

static void answer(struct resolver *r, struct resolved *a)
{
    pthread_mutex_lock(&r->lock);
    r->outstanding--;
    if (a) {
        *r->last_answer = a;
        r->last_answer = &a->next;
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void *resolver_main(void *arg)
{
    struct resolver *r = arg;
    for (struct wanted *w; (w = next_wanted(r));) {
        struct resolved *a = calloc(1, sizeof *a);
        if (a) {
            arena_init(&a->arena);
            a->arn = arena_str(&a->arena, str_of(w->arn, w->n));
        }
        free(w);
        if (a && a->arn.p) {
            ask(r, a);
        } else {
            resolved_free(a);
            a = NULL;
        }
        answer(r, a);
        retry_wait(r->pause_ms, &r->cancel);
    }
    return NULL;
}

enum status resolver_new(const struct resolver_options *o, struct resolver **out, struct err *err)
{
    struct resolver *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    r->door = calloc((size_t)o->credentials_n + 1, sizeof *r->door);
    if (!r->door) {
        free(r);
        return err_nomem(err);
    }
    r->doors = o->credentials_n;
    for (int i = 0; i < r->doors; i++)
        r->door[i].credentials = o->credentials[i];
    r->pause_ms = o->pause_ms ? o->pause_ms : PAUSE_MS;
    r->last = &r->first;
    r->last_answer = &r->answers;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    if (pthread_create(&r->thread, NULL, resolver_main, r) != 0) {
        pthread_cond_destroy(&r->changed);
        pthread_mutex_destroy(&r->lock);
        free(r->door);
        free(r);
        return err_set(err, ERR_NOMEM, "cannot start a thread");
    }
    *out = r;
    return OK;
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    atomic_store(&r->cancel, true);
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    for (struct wanted *w = r->first, *next; w; w = next) {
        next = w->next;
        free(w);
    }
    for (struct resolved *a = r->answers, *next; a; a = next) {
        next = a->next;
        resolved_free(a);
    }
    for (int i = 0; i < r->doors; i++)
        aws_client_free(r->door[i].client);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r->door);
    free(r);
}

bool resolver_want(struct resolver *r, struct str arn)
{
    struct str account;
    if (!may_be_asked(arn, &account))
        return false;
    struct wanted *w = malloc(sizeof *w + arn.n);
    if (!w)
        return false;
    w->next = NULL;
    w->n = arn.n;
    memcpy(w->arn, arn.p, arn.n);
    pthread_mutex_lock(&r->lock);
    *r->last = w;
    r->last = &w->next;
    r->outstanding++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return true;
}

struct resolved *resolver_take(struct resolver *r)
{
    pthread_mutex_lock(&r->lock);
    struct resolved *a = r->answers;
    if (a) {
        r->answers = a->next;
        if (!r->answers)
            r->last_answer = &r->answers;
        a->next = NULL;
    }
    pthread_mutex_unlock(&r->lock);
    return a;
}

bool resolver_has_answer(struct resolver *r)
{
    pthread_mutex_lock(&r->lock);
    bool has = r->answers != NULL;
    pthread_mutex_unlock(&r->lock);
    return has;
}

bool resolver_busy(struct resolver *r)
{
    pthread_mutex_lock(&r->lock);
    bool busy = r->outstanding > 0 || r->answers;
    pthread_mutex_unlock(&r->lock);
    return busy;
}

void resolver_wait(struct resolver *r, int64_t ms)
{
    int64_t until = queue_deadline(ms);
    pthread_mutex_lock(&r->lock);
    int late = 0;
    while (late == 0 && r->outstanding > 0 && !r->answers)
        late = queue_wait(&r->changed, &r->lock, until);
    pthread_mutex_unlock(&r->lock);
}
