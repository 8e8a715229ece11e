/*
 * assay serve: follows the sources of a configuration into one store until it is told to stop.
 *
 * One thread waits for signals and looks once a second how things go; another runs the pipeline
 * (ingest/load.h), which has threads of its own. A signal stops the sources, and the pipeline ends
 * in order: what was read is committed, and what was not is read again next time. SIGHUP does the
 * same and begins anew with the file as it is then. When the store cannot be written (a full disk)
 * the daemon stays and tries again with growing pauses; the sources keep what waits.
 */
#include "cli/cli.h"
#include "cli/reading.h"
#include "cli/serve.h"

#include "base/io.h"
#include "ingest/load.h"
#include "report/metrics.h"
#include "store/upkeep.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TICK_MS = 1000, PAUSE_MAX_S = 60, SHOWN_A_MINUTE = 10 };

enum ending { END_NONE, END_STOP, END_RELOAD, END_FAILED };

struct serve {
    const char *given; /* the argument of -c */
    struct journal journal;
    int64_t started_us;
    sigset_t signals;
    /* Since the start; written by threads of the pipeline. */
    _Atomic int64_t invocations, items, problems, quarantined, committed_us;
    int64_t records, bytes; /* of the lives before this one */
    _Atomic int64_t shown, shown_minute;
};

/* From reading the configuration to what ends it. */
struct life {
    struct serve *of;
    struct config *config;
    struct reading reading;
    struct store *store;
    struct serve_sources *sources;
    struct metrics_page *page; /* NULL: off */
    struct load load;
    struct load_result result;
    pthread_t thread;
    bool started;
    _Atomic bool ended;
    _Atomic int64_t records, bytes;
    enum status status; /* of the pipeline, once it ended */
    struct err err;
    int64_t loaded_us;
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

static void on_trouble(void *ctx, const struct crew_trouble *t)
{
    struct life *l = ctx;
    atomic_fetch_add(t->offset < 0 ? &l->of->problems : &l->of->quarantined, 1);
    if (!may_show(l->of))
        return;
    if (t->offset < 0)
        journal_line(&l->of->journal, JOURNAL_WARNING, t->path, "%s", t->reason);
    else
        journal_line(&l->of->journal, JOURNAL_WARNING, t->path, "at %lld: %s", (long long)t->offset,
                     t->reason);
}

static void on_progress(void *ctx, const struct crew_progress *p)
{
    struct life *l = ctx;
    if (p->finished)
        return;
    l->records = p->records;
    l->bytes = p->bytes;
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

static void *pipeline_main(void *arg)
{
    struct life *l = arg;
    l->status = load_run(&l->load, &l->result, &l->err);
    l->ended = true;
    return NULL;
}

static int64_t store_size(const struct life *l)
{
    struct serve_state state = {.config = l->config};
    serve_state_measure(&state);
    return state.store_bytes;
}

/* For the page of metrics; its thread. */
static void fill_metrics(void *ctx, struct metrics *m)
{
    struct life *l = ctx;
    const struct serve *s = l->of;
    m->version = ASSAY_VERSION;
    m->now_us = clock_now_us();
    m->started_us = s->started_us;
    m->items = s->items;
    m->bytes = s->bytes + l->bytes;
    m->records = s->records + l->records;
    m->invocations = s->invocations;
    m->quarantined = s->quarantined;
    m->problems = s->problems;
    m->committed_us = s->committed_us;
    m->store = l->config->store;
    m->store_bytes = store_size(l);
    m->failure = l->ended ? "the store is not written" : NULL;
    metrics_measure(m);
    metrics_sources(m, l->load.source);
}

static enum status open_page(struct life *l, struct err *err)
{
    struct err why = {0};
    if (!l->config->status_listen)
        return OK;
    enum status status =
        metrics_page_new(l->config->status_listen, fill_metrics, l, &l->page, &why);
    return status == OK ? OK : err_set(err, status, "status_listen: %.300s", why.text);
}

static enum status open_life(struct life *l, struct err *err)
{
    reading_init(&l->reading);
    config_reading(l->config, &l->reading);
    l->reading.quiet = true;
    TRY(reading_open(&l->reading, NULL, 0, err));
    reading_want_exchange(&l->reading);
    if (l->config->store_is_default)
        TRY(config_make_state(l->config, err));
    TRY(store_open(l->config->store, STORE_WRITE, &l->store, err));
    reading_use_key(&l->reading, store_hash_key(l->store));
    TRY(serve_sources_new(l->config, &l->sources, err));
    l->load = (struct load){
        .source = serve_sources_all(l->sources),
        .threads = reading_threads(&l->reading),
        .env = &l->reading.env,
        .store = l->store,
        .store_path = l->config->store,
        .options = reading_fingerprint(&l->reading),
        .follow = true,
        .upkeep = on_upkeep,
        .committed = on_commit,
        .ctx = l,
        .trouble = on_trouble,
        .progress = on_progress,
    };
    l->loaded_us = clock_now_us();
    TRY(open_page(l, err));
    if (pthread_create(&l->thread, NULL, pipeline_main, l) != 0)
        return err_set(err, ERR_NOMEM, "cannot start a thread");
    l->started = true;
    return OK;
}

static void close_life(struct life *l)
{
    if (l->started) {
        source_stop(l->load.source);
        pthread_join(l->thread, NULL);
    }
    metrics_page_free(l->page);
    l->of->records += l->records;
    l->of->bytes += l->bytes;
    serve_sources_free(l->sources);
    store_close(l->store);
    reading_fini(&l->reading);
}

static void write_state(struct life *l, const char *error, bool running)
{
    struct buf path, text;
    struct serve *s = l->of;
    struct serve_state state = {
        .config = l->config,
        .source = running && l->started ? l->load.source : NULL,
        .now_us = clock_now_us(),
        .started_us = s->started_us,
        .loaded_us = l->loaded_us,
        .committed_us = s->committed_us,
        .invocations = s->invocations,
        .items = s->items,
        .problems = s->problems,
        .quarantined = s->quarantined,
        .records = s->records + l->records,
        .bytes = s->bytes + l->bytes,
        .running = running,
        .error = error,
    };
    serve_state_measure(&state);
    buf_init(&path, 8192);
    buf_init(&text, 4 << 20);
    serve_state_put(&text, &state);
    if (buf_status(&text) == OK && serve_state_path(l->config->store, &path, NULL) == OK) {
        buf_char(&path, '\0');
        /* It is a help; the next second brings another. */
        if (buf_status(&path) == OK && io_write_file(path.p, buf_view(&text), NULL) != OK)
            journal_line(&s->journal, JOURNAL_DEBUG, "", "the state file cannot be written");
    }
    buf_fini(&path);
    buf_fini(&text);
}

/* The next signal within so many milliseconds, 0 without one. */
static int wait_signal(const struct serve *s, int64_t ms)
{
    struct timespec most = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    int number = sigtimedwait(&s->signals, NULL, &most);
    return number > 0 ? number : 0;
}

static enum ending ending_of(int signal_number)
{
    return signal_number == 0 ? END_NONE : signal_number == SIGHUP ? END_RELOAD : END_STOP;
}

static enum ending watch(struct life *l)
{
    enum ending ending = END_NONE;
    while (ending == END_NONE) {
        ending = ending_of(wait_signal(l->of, TICK_MS));
        if (ending == END_NONE && l->ended)
            ending = END_FAILED;
        write_state(l, "", true);
        journal_notify("WATCHDOG=1");
    }
    return ending;
}

static void tell_ending(const struct serve *s, enum ending ending)
{
    char state[96];
    if (ending == END_STOP) {
        journal_notify("STOPPING=1");
        journal_line(&s->journal, JOURNAL_INFO, "", "stopping");
    } else if (ending == END_RELOAD) {
        snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld",
                 (long long)clock_monotonic_us());
        journal_notify(state);
        journal_line(&s->journal, JOURNAL_INFO, "", "reading the configuration again");
    }
}

/* Runs one life. *why says what failed. */
static enum ending live(struct serve *s, struct config *config, struct err *why)
{
    struct life *l = calloc(1, sizeof *l);
    if (!l) {
        err_nomem(why);
        return END_FAILED;
    }
    l->of = s;
    l->config = config;
    enum ending ending = END_FAILED;
    if (open_life(l, why) == OK) {
        journal_line(&s->journal, JOURNAL_INFO, "", "following %d source%s into %s",
                     config->sources_n, config->sources_n == 1 ? "" : "s", config->store);
        journal_notify("READY=1");
        ending = watch(l);
        tell_ending(s, ending);
    }
    close_life(l);
    /* A stop during which the last commit failed has lost nothing, but is worth a line. */
    if (l->started && l->status != OK) {
        *why = l->err;
        why->status = l->status;
        if (ending != END_FAILED)
            journal_line(&s->journal, JOURNAL_ERROR, "", "%s", why->text);
    } else if (l->started && ending == END_FAILED) {
        err_set(why, ERR_IO, "all sources have ended");
    }
    write_state(l, ending == END_FAILED ? why->text : "", ending == END_FAILED);
    free(l);
    return ending;
}

/* After a failure: a pause, which a signal ends. */
static enum ending pause_after(struct serve *s, const struct err *why, int *pause_s)
{
    *pause_s = *pause_s == 0 ? 1 : *pause_s * 2 > PAUSE_MAX_S ? PAUSE_MAX_S : *pause_s * 2;
    journal_line(&s->journal, JOURNAL_ERROR, "", "%s; trying again in %d s", why->text, *pause_s);
    for (int i = 0; i < *pause_s; i++) {
        enum ending ending = ending_of(wait_signal(s, TICK_MS));
        journal_notify("WATCHDOG=1");
        if (ending != END_NONE)
            return ending;
    }
    return END_RELOAD;
}

static void set_journal(struct serve *s, const struct config *c)
{
    s->journal.json = c->log == CONFIG_LOG_JSON;
    s->journal.level = (enum journal_level)c->log_level;
}

/* Lives until a stop. The first one must succeed in opening everything: who starts a daemon with a
 * mistake wants to be told, not to find it trying. */
static int serve(struct serve *s, struct config *config)
{
    int pause_s = 0;
    bool lived = false;
    for (;;) {
        struct err why = {0};
        int64_t before = clock_monotonic_us();
        set_journal(s, config);
        enum ending ending = live(s, config, &why);
        bool worked = clock_monotonic_us() - before > PAUSE_MAX_S * US_PER_SECOND;
        pause_s = worked ? 0 : pause_s;
        lived = lived || s->committed_us != TIME_NONE || ending != END_FAILED;
        if (ending == END_FAILED && !lived) {
            config_close(config);
            return cli_fail(&why);
        }
        if (ending == END_FAILED)
            ending = pause_after(s, &why, &pause_s);
        if (ending == END_STOP) {
            config_close(config);
            journal_line(&s->journal, JOURNAL_INFO, "", "stopped");
            return EXIT_DONE;
        }
        struct config *next = NULL;
        if (config_open(s->given, &next) == EXIT_DONE) {
            config_close(config);
            config = next;
        } else {
            journal_line(&s->journal, JOURNAL_ERROR, "",
                         "the configuration has mistakes; going on with the one before");
        }
    }
}

int cmd_serve(int argc, char **argv)
{
    static struct serve s;
    bool help = false;
    s = (struct serve){.journal = {.fd = STDERR_FILENO, .level = JOURNAL_INFO},
                       .started_us = clock_now_us(),
                       .committed_us = TIME_NONE};
    const struct option options[] = {
        CONFIG_OPTIONS(&s.given), {"help", OPTION_FLAG, &help, NULL, "this text"}, {0}};
    char **operands = cli_operands(argc);
    int n = 0, code = EXIT_BAD_USAGE;
    if (!operands)
        return EXIT_CANNOT;
    if (!cli_options(argc, argv, options, operands, &n)) {
        free(operands);
        return code;
    }
    struct config *config = NULL;
    if (help) {
        cli_help("assay serve [-c FILE]", options);
        code = EXIT_DONE;
    } else if (n > 0) {
        fputs("assay: serve takes no operand; what to follow stands in the configuration, see "
              "assay config example\n",
              stderr);
    } else if ((code = config_open(s.given, &config)) == EXIT_DONE) {
        sigemptyset(&s.signals);
        sigaddset(&s.signals, SIGTERM);
        sigaddset(&s.signals, SIGINT);
        sigaddset(&s.signals, SIGHUP);
        /* Before the first thread, so that all of them inherit it. */
        pthread_sigmask(SIG_BLOCK, &s.signals, NULL);
        code = serve(&s, config);
    }
    free(operands);
    return code;
}
