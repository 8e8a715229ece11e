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
#include "cli/serve.h"

#include "base/io.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { TICK_MS = 1000, PAUSE_MAX_S = 60, ARENAS = 2, MAPPED = 64 << 10 };

enum ending { END_NONE, END_STOP, END_RELOAD, END_FAILED, END_AGAIN };

static struct serve_counts counts_of(const struct serve *s)
{
    return (struct serve_counts){.items = s->items,
                                 .records = s->records_before + s->records,
                                 .invocations = s->invocations,
                                 .bytes = s->bytes_before + s->bytes};
}

/* What is known of how it goes, for `assay status` and the page of metrics. */
static void show(struct serve *s, const struct config *c, bool running)
{
    char problem[sizeof s->problem];
    struct err err = {0};
    struct serve_state state = {
        .config = c,
        .states = s->states,
        .states_n = s->states_n < c->sources_n ? s->states_n : c->sources_n,
        .now_us = clock_now_us(),
        .started_us = s->started_us,
        .loaded_us = s->loaded_us,
        .committed_us = s->committed_us,
        .counts = counts_of(s),
        .problems = s->problems + s->watch.failures,
        .quarantined = s->quarantined,
        .problem = problem,
        .running = running,
        .error = s->failure,
    };
    pthread_mutex_lock(&s->problem_lock);
    memcpy(problem, s->problem, sizeof problem);
    state.problem_us = s->problem_us;
    pthread_mutex_unlock(&s->problem_lock);
    state.minute = serve_watch_minute(&s->watch, &state.minute_us);
    serve_state_measure(&state);
    /* It is a help; the next second brings another. */
    if (serve_state_leave(&state, &err) != OK)
        journal_line(&s->journal, JOURNAL_DEBUG, "", "%s", err.text);
    serve_page_show(s, c);
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

static void tell_lines(const struct serve *s, enum journal_level level, struct str lines)
{
    while (lines.n > 0) {
        struct str line = str_cut(&lines, '\n');
        journal_line(&s->journal, level, "", "%.*s", STR_ARG(line));
    }
}

static void set_journal(struct serve *s, const struct config *c)
{
    s->journal.json = c->log == CONFIG_LOG_JSON;
    s->journal.level = (enum journal_level)c->log_level;
}

static enum status read_config(struct serve *s, struct config **out, struct config_findings *f,
                               struct err *err)
{
    struct buf path;
    buf_init(&path, 8192);
    config_findings_init(f);
    enum status status = config_find(s->given, &path, err);
    if (status == OK)
        status = config_read_file(path.p, out, f, err);
    buf_fini(&path);
    return status;
}

/* What is wrong at the start is told to the terminal, as by any command: the form of the journal
 * stands in a file that could not be read. NULL: with *code it ends. */
static struct config *read_first(struct serve *s, int *code)
{
    struct config *c = NULL;
    struct err err = {0};
    struct config_findings f;
    enum status status = read_config(s, &c, &f, &err);
    *code = EXIT_DONE;
    if (status == OK) {
        set_journal(s, c);
        tell_lines(s, JOURNAL_WARNING, buf_view(&f.warnings));
    } else if (f.mistakes_n > 0) {
        fprintf(stderr, "%.*s", STR_ARG(buf_view(&f.mistakes)));
        *code = EXIT_BAD_USAGE;
    } else {
        *code = cli_fail(&err);
    }
    config_findings_fini(&f);
    return c;
}

/* The file as it is now; NULL when it has mistakes, which are told. */
static struct config *read_again(struct serve *s)
{
    struct config *c = NULL;
    struct err err = {0};
    struct config_findings f;
    enum status status = read_config(s, &c, &f, &err);
    tell_lines(s, JOURNAL_ERROR, buf_view(&f.mistakes));
    tell_lines(s, JOURNAL_WARNING, buf_view(&f.warnings));
    if (status != OK && f.mistakes_n == 0)
        journal_line(&s->journal, JOURNAL_ERROR, "", "%s", err.text);
    config_findings_fini(&f);
    return status == OK ? c : NULL;
}

static void tell_going_on(const struct serve *s, const char *why)
{
    journal_line(&s->journal, JOURNAL_ERROR, "", "%s%sgoing on with the configuration before", why,
                 why[0] ? "; " : "");
}

/* What a signal asks for is told; a file that has mistakes asks for nothing. */
static enum ending heed(struct serve *s, int signal_number)
{
    enum ending ending = ending_of(signal_number);
    tell_ending(s, ending);
    if (ending != END_RELOAD)
        return ending;
    s->next = read_again(s);
    if (s->next)
        return END_RELOAD;
    tell_going_on(s, "");
    journal_notify("READY=1"); /* the reload is over */
    return END_NONE;
}

static void tell_sources(const struct serve *s)
{
    char state[96];
    int n = s->states_n;
    if (s->watch.failing > 0)
        snprintf(state, sizeof state, "STATUS=%d of %d source%s failing", s->watch.failing, n,
                 n == 1 ? "" : "s");
    else
        snprintf(state, sizeof state, "STATUS=following %d source%s", n, n == 1 ? "" : "s");
    journal_notify(state);
}

/* A failure is over when something was written, or when there was nothing to write for long. */
static void forget_failure(struct serve *s)
{
    bool quiet = clock_now_us() - s->failed_us > 2 * PAUSE_MAX_S * US_PER_SECOND;
    if (s->failure[0] && (s->committed_us > s->failed_us || quiet))
        s->failure[0] = '\0';
}

static void tick(struct serve *s, struct life *l, const struct config *c)
{
    struct serve_counts counts = counts_of(s);
    life_look(l);
    forget_failure(s);
    if (serve_watch_tick(&s->watch, &s->journal, clock_monotonic_us(), &counts, c->sources,
                         s->states, s->states_n))
        tell_sources(s);
    show(s, c, true);
    journal_notify("WATCHDOG=1");
}

static enum ending watch(struct serve *s, struct life *l, const struct config *c)
{
    enum ending ending = END_NONE;
    while (ending == END_NONE) {
        tick(s, l, c);
        ending = heed(s, wait_signal(s, TICK_MS));
        if (ending == END_NONE && life_ended(l))
            ending = END_FAILED;
    }
    return ending;
}

/* Runs one life. *opened: it began; *why says what failed. */
static enum ending live(struct serve *s, const struct config *c, bool *opened, struct err *why)
{
    struct life *l = NULL;
    *opened = life_new(s, c, &l, why) == OK;
    if (!*opened)
        return END_FAILED;
    life_look(l);
    show(s, c, true);
    journal_line(&s->journal, JOURNAL_INFO, "", "following %d source%s into %s", c->sources_n,
                 c->sources_n == 1 ? "" : "s", c->store);
    journal_notify("READY=1");
    tell_sources(s);
    enum ending ending = watch(s, l, c);
    enum status status = life_free(l, why);
    /* A stop during which the last commit failed has lost nothing, but is worth a line. */
    if (status != OK && ending != END_FAILED)
        journal_line(&s->journal, JOURNAL_ERROR, "", "%s", why->text);
    else if (status == OK && ending == END_FAILED)
        err_set(why, ERR_IO, "all sources have ended");
    /* Nobody writes to a store any more that the next configuration does not name. */
    bool goes_on =
        ending == END_RELOAD ? strcmp(s->next->store, c->store) == 0 : ending != END_STOP;
    if (ending != END_FAILED)
        show(s, c, goes_on);
    return ending;
}

/* After a failure: a pause, which a signal ends. */
static enum ending pause_after(struct serve *s, const struct config *c, const struct err *why,
                               int *pause_s)
{
    snprintf(s->failure, sizeof s->failure, "%s", why->text);
    s->failed_us = clock_now_us();
    *pause_s = *pause_s == 0 ? 1 : *pause_s * 2 > PAUSE_MAX_S ? PAUSE_MAX_S : *pause_s * 2;
    journal_line(&s->journal, JOURNAL_ERROR, "", "%s; trying again in %d s", why->text, *pause_s);
    /* Also for a reload that ended here: systemd waits for it. */
    journal_notify("READY=1\nSTATUS=nothing can be written; trying again");
    enum ending ending = END_NONE;
    for (int i = 0; i < *pause_s && ending == END_NONE; i++) {
        /* Whose the store is, his is the state file, too. */
        if (why->status != ERR_CONFLICT)
            show(s, c, true);
        else
            serve_page_show(s, c);
        ending = heed(s, wait_signal(s, TICK_MS));
        journal_notify("WATCHDOG=1");
    }
    if (ending == END_STOP && why->status != ERR_CONFLICT)
        show(s, c, false);
    return ending == END_NONE ? END_AGAIN : ending;
}

/* It could not begin. */
static int refuse(const struct serve *s, const struct err *why)
{
    if (!s->journal.json)
        return cli_fail(why);
    journal_line(&s->journal, JOURNAL_ERROR, "", "%s", why->text);
    return cli_code(why);
}

/*
 * Lives until a stop. The first one must succeed in opening everything: who starts a daemon with a
 * mistake wants to be told, not to find it trying. A file that cannot be used later is told, and
 * the one before stays.
 */
static int serve(struct serve *s, struct config *config)
{
    int pause_s = 0;
    bool lived = false;
    struct config *before = NULL;
    for (;;) {
        struct err why = {0};
        int64_t began_us = clock_monotonic_us();
        bool opened = false;
        set_journal(s, config);
        enum ending ending = live(s, config, &opened, &why);
        if (!opened && before) {
            tell_going_on(s, why.text);
            config_close(config);
            config = before;
            before = NULL;
            continue;
        }
        config_close(before);
        before = NULL;
        lived = lived || opened;
        if (!lived) {
            config_close(config);
            return refuse(s, &why);
        }
        if (clock_monotonic_us() - began_us > PAUSE_MAX_S * US_PER_SECOND)
            pause_s = 0;
        if (ending == END_FAILED)
            ending = pause_after(s, config, &why, &pause_s);
        if (ending == END_STOP) {
            config_close(config);
            journal_line(&s->journal, JOURNAL_INFO, "", "stopped");
            return EXIT_DONE;
        }
        if (ending == END_RELOAD) {
            before = config;
            config = s->next;
            s->next = NULL;
            if (strcmp(config->store, before->store) != 0)
                s->failure[0] = '\0';
            serve_page_leave(s, config);
        }
    }
}

/*
 * What one thread or one life has freed, another should have. Left to itself, glibc gives each
 * thread a heap of its own, and once large buffers were freed it keeps them in heaps, where they
 * fragment: measured, reloads then grew from 110 to 200 MB (with this: 103 to 111), at about the
 * same processor time; and a daemon that was pushed twenty bodies of 20 MB stayed at 164 MB instead
 * of 96.
 */
static void spare_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, ARENAS);
    mallopt(M_MMAP_THRESHOLD, MAPPED);
#endif
}

int cmd_serve(int argc, char **argv)
{
    static struct serve s;
    bool help = false;
    s = (struct serve){.journal = {.fd = STDERR_FILENO, .level = JOURNAL_INFO},
                       .started_us = clock_now_us(),
                       .committed_us = TIME_NONE,
                       .problem_us = TIME_NONE,
                       .problem_lock = PTHREAD_MUTEX_INITIALIZER};
    serve_watch_init(&s.watch, clock_monotonic_us());
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
    } else if ((config = read_first(&s, &code)) != NULL) {
        sigemptyset(&s.signals);
        sigaddset(&s.signals, SIGTERM);
        sigaddset(&s.signals, SIGINT);
        sigaddset(&s.signals, SIGHUP);
        /* Before the first thread, so that all of them inherit it. */
        pthread_sigmask(SIG_BLOCK, &s.signals, NULL);
        spare_memory();
        code = serve(&s, config);
        serve_page_leave(&s, NULL);
    }
    free(operands);
    return code;
}
