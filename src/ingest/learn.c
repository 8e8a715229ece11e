/* What a store learns of profiles: see learn.h. */
#include "ingest/learn.h"

#include <stdlib.h>

#define AGAIN_US US_PER_HOUR /* what was not answered is asked for again */
#define TAGS_US US_PER_DAY   /* known ones: their tags may have changed */

enum { FAILURES_TOLD = 3, NOTES_MAX = 1 << 16 };
enum { PIECE = 16 * 1024 }; /* facts priced again before somebody else may have the transaction */

/* What the store has of an ARN. */
struct known {
    bool any;
    enum store_profile_status status;
    int64_t asked_us;  /* AWS was asked, in whatever run */
    int64_t wanted_us; /* by this run, 0: not yet */
};

struct learn {
    struct learn_options o;
    struct symbols *arns; /* in lower case */
    struct known *known;  /* by symbol */
    uint32_t known_n;
    struct profiles profiles; /* those that name a model */
    struct symbols *told;     /* accounts whose missing permission was told */
    uint32_t looked_at;       /* of those that were met */
    int64_t looked_us;        /* when all were looked at last */
    bool stale;               /* facts may have to be priced again */
    struct learn_result result;
    struct buf notes, spent;
};

static enum status known_of(struct learn *l, struct str arn, struct known **out, struct err *err)
{
    char lower[2048];
    uint32_t id;
    if (arn.n > sizeof lower)
        return err_set(err, ERR_LIMIT, "the ARN of a profile is too long");
    for (size_t i = 0; i < arn.n; i++)
        lower[i] = (char)(arn.p[i] >= 'A' && arn.p[i] <= 'Z' ? arn.p[i] + ('a' - 'A') : arn.p[i]);
    if (symbols_intern(l->arns, str_of(lower, arn.n), &id) != OK)
        return err_nomem(err);
    if (id >= l->known_n) {
        uint32_t n = id < UINT32_MAX / 4 ? id * 2 + 64 : UINT32_MAX;
        struct known *grown = realloc(l->known, n * sizeof *grown);
        if (!grown)
            return err_nomem(err);
        memset(grown + l->known_n, 0, (n - l->known_n) * sizeof *grown);
        l->known = grown;
        l->known_n = n;
    }
    *out = &l->known[id];
    return OK;
}

static enum status remember(struct learn *l, const struct store_profile *p, struct err *err)
{
    struct known *k;
    TRY(known_of(l, p->profile.arn, &k, err));
    k->any = true;
    k->status = p->status;
    k->asked_us = p->asked_us;
    if (!store_profile_names_model(p))
        return OK;
    TRY(profiles_add(&l->profiles, &p->profile, err));
    return pricing_learn(l->o.pricing, &p->profile, err);
}

static enum status remember_row(void *ctx, const struct store_profile *p, struct err *err)
{
    return remember(ctx, p, err);
}

static enum status put(struct learn *l, const struct store_profile *p, struct err *err)
{
    TRY(store_put_profile(l->o.store, p, err));
    return remember(l, p, err);
}

/* What the user's file says wins where it differs from what is kept; tags that it is silent about
 * stay. */
static enum status put_given(struct learn *l, const struct profile *given, struct err *err)
{
    struct known *k;
    TRY(known_of(l, given->arn, &k, err));
    const struct profile *old = profiles_find(&l->profiles, given->arn);
    bool same = old && profile_same_model(old, given);
    if (same && (given->tags_n == 0 || k->status == STORE_PROFILE_KNOWN))
        return OK;
    struct store_profile p = {
        .profile = *given, .status = STORE_PROFILE_GIVEN, .asked_us = k->any ? k->asked_us : 0};
    struct profile kept = old ? *old : (struct profile){.tags_n = 0};
    if (given->tags_n == 0) {
        p.profile.tags = kept.tags;
        p.profile.tags_n = kept.tags_n;
    }
    return put(l, &p, err);
}

static enum status reprice(struct learn *l, struct err *err)
{
    struct store_repriced done;
    TRY(store_reprice(l->o.store, l->o.pricing, PIECE, &done, err));
    l->result.repriced += done.invocations;
    l->result.gone = done.gone;
    l->stale = done.more;
    return OK;
}

static enum status start(struct learn *l, struct err *err)
{
    struct store *s = l->o.store;
    const struct profiles *given = pricing_given(l->o.pricing);
    TRY(store_profiles(s, remember_row, l, err));
    if (l->profiles.n == 0 && given->n == 0)
        return OK;
    TRY(store_begin(s, err));
    enum status status = OK;
    l->stale = true;
    for (size_t i = 0; status == OK && i < given->n; i++)
        status = put_given(l, &given->v[i], err);
    if (status == OK)
        status = store_commit(s, err);
    if (status != OK)
        store_rollback(s);
    return status;
}

enum status learn_new(const struct learn_options *o, struct learn **out, struct err *err)
{
    struct learn *l = calloc(1, sizeof *l);
    if (!l)
        return err_nomem(err);
    l->o = *o;
    l->looked_us = clock_now_us();
    profiles_init(&l->profiles);
    buf_init(&l->notes, NOTES_MAX);
    buf_init(&l->spent, NOTES_MAX);
    enum status status = symbols_new(&l->arns, err);
    if (status == OK)
        status = symbols_new(&l->told, err);
    if (status == OK)
        status = start(l, err);
    if (status == OK)
        status = learn_look(l, err);
    if (status != OK) {
        learn_free(l);
        return status;
    }
    *out = l;
    return OK;
}

void learn_free(struct learn *l)
{
    if (!l)
        return;
    profiles_fini(&l->profiles);
    symbols_free(l->arns);
    symbols_free(l->told);
    free(l->known);
    buf_fini(&l->notes);
    buf_fini(&l->spent);
    free(l);
}

static bool is_worth_asking(const struct learn *l, const struct known *k, struct str arn,
                            int64_t now_us)
{
    if (k->wanted_us != 0 && now_us - k->wanted_us < AGAIN_US)
        return false;
    if (!k->any || k->status == STORE_PROFILE_DENIED)
        return true;
    if (k->status == STORE_PROFILE_DELETED || now_us - k->asked_us < TAGS_US)
        return false;
    const struct profile *p = profiles_find(&l->profiles, arn);
    return k->status == STORE_PROFILE_KNOWN || !p || p->tags_n == 0;
}

static enum status want(void *ctx, struct str arn, struct err *err)
{
    struct learn *l = ctx;
    struct known *k;
    int64_t now_us = clock_now_us();
    if (!l->o.resolver || arn.n > 2048)
        return OK;
    TRY(known_of(l, arn, &k, err));
    if (!is_worth_asking(l, k, arn, now_us))
        return OK;
    k->wanted_us = now_us;
    l->result.asked += resolver_want(l->o.resolver, arn);
    return OK;
}

enum status learn_look(struct learn *l, struct err *err)
{
    int64_t now_us = clock_now_us();
    if (now_us - l->looked_us > AGAIN_US) {
        l->looked_at = 0;
        l->looked_us = now_us;
    }
    return store_profile_arns(l->o.store, &l->looked_at, want, l, err);
}

bool learn_is_waiting(struct learn *l, int64_t ms)
{
    if (l->stale)
        return true;
    if (!l->o.resolver || !resolver_busy(l->o.resolver))
        return false;
    if (ms > 0)
        resolver_wait(l->o.resolver, ms);
    return true;
}

bool learn_has_news(struct learn *l)
{
    return l->stale || (l->o.resolver && resolver_has_answer(l->o.resolver));
}

/* The part of an ARN between its colons: 1 is the partition, 4 the account. */
static struct str part_of(struct str arn, int part)
{
    struct str found = STR("");
    for (int i = 0; i <= part; i++)
        found = str_cut(&arn, ':');
    return found.p ? found : STR("");
}

/* Once for each account, with the statement that is missing. */
static enum status tell_denied(struct learn *l, const struct resolved *a, struct err *err)
{
    struct str account = part_of(a->arn, 4), partition = part_of(a->arn, 1);
    uint32_t id, before = symbols_count(l->told);
    if (symbols_intern(l->told, account, &id) != OK)
        return err_nomem(err);
    if (symbols_count(l->told) == before)
        return OK;
    buf_printf(&l->notes,
               "%s\nApplication inference profiles of account %.*s cannot be resolved: calls "
               "through them %s. Ask with credentials of that account, and allow:\n"
               "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"AssayResolvesProfiles\","
               "\"Effect\":\"Allow\",\"Action\":[\"bedrock:GetInferenceProfile\","
               "\"bedrock:ListTagsForResource\"],\"Resource\":\"arn:%.*s:bedrock:*:%.*s:"
               "application-inference-profile/*\"}]}\n",
               a->err.text, STR_ARG(account),
               a->status == OK ? "have no tags" : "stay unpriced unless --profiles names them",
               STR_ARG(partition), STR_ARG(account));
    return OK;
}

static void tell_failed(struct learn *l, const struct resolved *a)
{
    if (l->result.failed++ < FAILURES_TOLD)
        buf_printf(&l->notes, "%.*s: %s\n", STR_ARG(a->arn), a->err.text);
}

static enum status take_known(struct learn *l, const struct resolved *a, struct known *k,
                              int64_t now_us, struct err *err)
{
    struct store_profile p = {
        .profile = a->profile, .status = STORE_PROFILE_KNOWN, .asked_us = now_us};
    const struct profile *old = profiles_find(&l->profiles, a->arn);
    struct profile kept = old ? *old : (struct profile){.tags_n = 0};
    if (old && k->status == STORE_PROFILE_GIVEN) { /* the user knows better which model it is */
        p.status = STORE_PROFILE_GIVEN;
        p.profile = kept;
        p.profile.tags = a->profile.tags;
        p.profile.tags_n = a->profile.tags_n;
    }
    if (a->tags_status != OK) {
        p.profile.tags = kept.tags;
        p.profile.tags_n = kept.tags_n;
    }
    l->result.known++;
    l->stale = l->stale || !old || !profile_same_model(old, &p.profile);
    if (a->tags_status == ERR_ACCESS)
        TRY(tell_denied(l, a, err));
    else if (a->tags_status != OK)
        tell_failed(l, a);
    return put(l, &p, err);
}

/* What is known already stays known, whatever AWS says now. */
static enum status take_refused(struct learn *l, const struct resolved *a, struct known *k,
                                int64_t now_us, struct err *err)
{
    bool deleted = a->status == ERR_NOT_FOUND;
    const struct profile *old = profiles_find(&l->profiles, a->arn);
    struct store_profile p = {
        .profile = {.arn = a->arn, .base = STR(""), .geo = STR(""), .name = STR("")},
        .status = deleted ? STORE_PROFILE_DELETED : STORE_PROFILE_DENIED,
        .asked_us = now_us};
    if (old) {
        p.profile = *old;
        p.status = k->status;
    }
    l->result.deleted += deleted;
    l->result.denied += !deleted;
    if (!deleted)
        TRY(tell_denied(l, a, err));
    return put(l, &p, err);
}

static enum status take(struct learn *l, const struct resolved *a, struct err *err)
{
    struct known *k;
    int64_t now_us = clock_now_us();
    TRY(known_of(l, a->arn, &k, err));
    if (a->status == OK)
        return take_known(l, a, k, now_us, err);
    if (a->status == ERR_NOT_FOUND || a->status == ERR_ACCESS)
        return take_refused(l, a, k, now_us, err);
    tell_failed(l, a);
    return OK;
}

enum status learn_apply(struct learn *l, struct err *err)
{
    enum status status = OK;
    for (struct resolved *a; status == OK && l->o.resolver && (a = resolver_take(l->o.resolver));) {
        status = take(l, a, err);
        resolved_free(a);
    }
    return status == OK && l->stale ? reprice(l, err) : status;
}

struct str learn_notes(struct learn *l)
{
    struct buf spent = l->spent;
    l->spent = l->notes;
    l->notes = spent;
    buf_reset(&l->notes);
    return buf_view(&l->spent);
}

struct learn_result learn_result(const struct learn *l)
{
    return l->result;
}
