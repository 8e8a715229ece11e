/* One life of the daemon, from a configuration to the end of its pipeline: see serve.h. */
#include "cli/serve.h"

#include "cli/reading.h"
#include "ingest/learn.h"
#include "ingest/load.h"
#include "store/upkeep.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { SHOWN_A_MINUTE = 10 };

struct life {
    struct serve *of;
    const struct config *config;
    struct reading reading;
    struct store *store;
    struct serve_sources *sources;
    struct resolver *resolver; /* NULL: AWS is not asked about profiles */
    struct learn *learn;
    struct load load;
    struct load_result result;
    pthread_t thread;
    bool started;
    _Atomic bool ended;
    enum status status; /* of the pipeline, once it ended */
    struct err err;
    int64_t let_go; /* calls, in the pieces of upkeep that belong together; the writer's */
};

/* Single records and files are told a few times a minute; the store lists all of them. */
static bool may_show(struct serve *s)
{
    int64_t minute = clock_monotonic_us() / (60 * US_PER_SECOND);
    if (atomic_exchange(&s->shown_minute, minute) != minute)
        atomic_store(&s->shown, 0);
    return atomic_fetch_add(&s->shown, 1) < SHOWN_A_MINUTE;
}

/* What keeps a source as a whole from working is told by serve_watch_tick. */
static bool is_of_a_source(struct life *l, const char *reason)
{
    struct source_state state;
    struct source *all = serve_sources_all(l->sources), *part;
    for (int i = 0; (part = source_part(all, i)) != NULL; i++) {
        source_state_get(part, &state);
        if (state.failing && gauge_same(state.error, reason))
            return true;
    }
    return false;
}

/* For `assay status`: a journal may be far away. */
static void remember_problem(struct serve *s, const struct crew_trouble *t)
{
    char at[32] = "";
    if (t->offset >= 0)
        snprintf(at, sizeof at, " at %lld", (long long)t->offset);
    pthread_mutex_lock(&s->problem_lock);
    s->problem_us = clock_now_us();
    snprintf(s->problem, sizeof s->problem, "%.300s%s: %.300s", t->path, at, t->reason);
    pthread_mutex_unlock(&s->problem_lock);
}

static void on_trouble(void *ctx, const struct crew_trouble *t)
{
    struct life *l = ctx;
    struct serve *s = l->of;
    bool kept = t->offset >= 0 || t->quarantined;
    if (kept)
        atomic_fetch_add(&s->quarantined, 1);
    if (t->offset < 0 && is_of_a_source(l, t->reason))
        return;
    remember_problem(s, t);
    if (!kept)
        atomic_fetch_add(&s->problems, 1);
    if (!may_show(s))
        return;
    if (t->offset >= 0)
        journal_line(&s->journal, JOURNAL_WARNING, t->path, "at %lld: %s", (long long)t->offset,
                     t->reason);
    else
        journal_line(&s->journal, JOURNAL_WARNING, t->path, "%s", t->reason);
}

static void on_progress(void *ctx, const struct crew_progress *p)
{
    struct life *l = ctx;
    if (p->finished)
        return;
    l->of->records = p->records;
    l->of->bytes = p->bytes;
}

static void on_commit(void *ctx, int64_t invocations, int64_t items)
{
    struct life *l = ctx;
    atomic_fetch_add(&l->of->invocations, invocations);
    atomic_fetch_add(&l->of->items, items);
    l->of->committed_us = clock_now_us();
}

static int64_t days_before(int64_t now_us, int64_t days)
{
    return days > 0 ? now_us - days * US_PER_DAY : 0;
}

/* Lets go of what the configuration does not keep. A failure ends the life: what cannot be written
 * cannot take records either. */
static enum status on_upkeep(void *ctx, struct store *store, bool *more, struct err *err)
{
    struct life *l = ctx;
    int64_t now = clock_now_us();
    const struct store_retention keep = {
        .calls_since_us = days_before(now, l->config->keep_facts_days),
        .sums_since_us = days_before(now, l->config->keep_rollups_days),
    };
    struct store_retained done;
    *more = false;
    if (keep.calls_since_us == 0 && keep.sums_since_us == 0)
        return OK;
    TRY(store_retain(store, &keep, &done, err));
    l->let_go += done.calls;
    *more = done.more;
    if (!done.more && l->let_go > 0) {
        journal_line(&l->of->journal, JOURNAL_INFO, "", "%lld calls are kept as sums only from now",
                     (long long)l->let_go);
        l->let_go = 0;
    }
    return OK;
}

/* Whole lines of what a person should do, as a missing permission with its policy. */
static void on_note(void *ctx, struct str text)
{
    struct life *l = ctx;
    for (struct str line; text.n > 0;) {
        line = str_cut(&text, '\n');
        if (line.n > 0)
            journal_line(&l->of->journal, JOURNAL_WARNING, "", "%.*s", STR_ARG(line));
    }
}

/* What is known of profiles, and whom to ask about others: any of the sources' credentials. */
static enum status open_learning(struct life *l, struct err *err)
{
    struct learn_options o = {.store = l->store, .pricing = l->reading.pricing};
    struct resolver_options r = {.credentials_n = 0};
    if (l->config->resolve_profiles)
        r.credentials = serve_sources_credentials(l->sources, &r.credentials_n);
    if (r.credentials_n > 0)
        TRY(resolver_new(&r, &l->resolver, err));
    o.resolver = l->resolver;
    return learn_new(&o, &l->learn, err);
}

static void *pipeline_main(void *arg)
{
    struct life *l = arg;
    l->status = load_run(&l->load, &l->result, &l->err);
    l->ended = true;
    return NULL;
}

static enum status open_all(struct life *l, struct err *err)
{
    reading_init(&l->reading);
    config_reading(l->config, &l->reading);
    l->reading.quiet = true;
    TRY(reading_open(&l->reading, NULL, 0, err));
    reading_want_exchange(&l->reading);
    TRY(config_make_state(l->config, err));
    TRY(store_open(l->config->store, STORE_WRITE, &l->store, err));
    reading_use_key(&l->reading, store_hash_key(l->store));
    TRY(serve_sources_new(l->config, &l->sources, err));
    TRY(open_learning(l, err));
    l->load = (struct load){
        .source = serve_sources_all(l->sources),
        .threads = reading_threads(&l->reading),
        .env = &l->reading.env,
        .store = l->store,
        .store_path = l->config->store,
        .options = reading_fingerprint(&l->reading),
        .follow = true,
        .learn = l->learn,
        .note = on_note,
        .upkeep = on_upkeep,
        .committed = on_commit,
        .ctx = l,
        .trouble = on_trouble,
        .progress = on_progress,
    };
    TRY(serve_page_open(l->of, l->config, err));
    if (pthread_create(&l->thread, NULL, pipeline_main, l) != 0)
        return err_set(err, ERR_NOMEM, "cannot start a thread");
    l->started = true;
    return OK;
}

enum status life_new(struct serve *s, const struct config *c, struct life **out, struct err *err)
{
    struct life *l = calloc(1, sizeof *l);
    if (!l)
        return err_nomem(err);
    l->of = s;
    l->config = c;
    enum status status = open_all(l, err);
    if (status != OK) {
        (void)!life_free(l, NULL); /* it never began: nothing else can fail */
        return status;
    }
    s->loaded_us = clock_now_us();
    s->states_n = 0;
    serve_watch_sources(&s->watch);
    *out = l;
    return OK;
}

bool life_ended(const struct life *l)
{
    return l->ended;
}

void life_look(struct life *l)
{
    struct serve *s = l->of;
    struct source *part;
    int n = 0;
    for (; n < l->config->sources_n && (part = source_part(l->load.source, n)) != NULL; n++) {
        source_state_get(part, &s->states[n]);
        serve_sums_add(&s->sums, l->config->sources[n].name, &s->states[n]);
    }
    s->states_n = n;
}

/* The last reports of the crew come up to 200 ms before its end; what it hands back is exact. */
static void count_records(struct life *l)
{
    struct serve *s = l->of;
    int64_t records = l->result.about.n[ABOUT_RECORDS], bytes = l->result.about.n[ABOUT_BYTES];
    s->records_before += records > s->records ? records : s->records;
    s->bytes_before += bytes > s->bytes ? bytes : s->bytes;
    s->records = s->bytes = 0;
}

enum status life_free(struct life *l, struct err *err)
{
    struct serve *s = l->of;
    enum status status = OK;
    if (l->started) {
        source_stop(l->load.source);
        pthread_join(l->thread, NULL);
        life_look(l);
        serve_sums_keep(&s->sums, l->config->sources, s->states, s->states_n);
        count_records(l);
        status = l->status;
        if (status != OK && err) {
            *err = l->err;
            err->status = status;
        }
    }
    learn_free(l->learn);
    resolver_free(l->resolver);
    serve_sources_free(l->sources);
    store_close(l->store);
    reading_fini(&l->reading);
    free(l);
#ifdef __GLIBC__
    /* Threads have come and gone: what they freed lies in pieces that the next life would not use,
     * and each one would take more. */
    malloc_trim(0);
#endif
    return status;
}
