/*
 * A push source that is read into a store, for tests/py/test_push.py:
 *
 *     push_probe [--OPTION VALUE]… STORE
 *
 * It prints "port N" when it listens, then obeys lines on standard input: "reload" (certificate and
 * keys), "state" (tells how the source is doing), "memory" (of the process). At the end of the
 * input it stops in order. With --die N it ends by SIGKILL when the N-th request is in the store
 * but not answered; with --slow MS each request takes so long before it is answered; --deaf does
 * not read at all; --fail N tells of the first N requests that they could not be read.
 */
#include "base/clock.h"
#include "ingest/load.h"
#include "source/push.h"
#include "source/source_internal.h"
#include "source/state.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct push_options options = {.name = "probe", .listen = "127.0.0.1:0"};
static const struct source_ops *real;
static struct source_ops mine;
static int64_t die_at, slow_ms, fail_n, deaf, max_line;
static _Atomic int64_t answers;

static int64_t number(const char *text)
{
    int64_t n = 0;
    if (!str_to_i64(str_from(text), &n)) {
        fprintf(stderr, "push_probe: %s is not a number\n", text);
        exit(2);
    }
    return n;
}

static void option(const char *name, const char *value)
{
    const struct {
        const char *name, **text;
    } texts[] = {{"--listen", &options.listen},
                 {"--certificate", &options.certificate},
                 {"--key", &options.key},
                 {"--access-key", &options.access_key_file}};
    const struct {
        const char *name;
        int64_t *value;
    } numbers[] = {{"--request-ms", &options.request_ms},
                   {"--first-ms", &options.first_ms},
                   {"--die", &die_at},
                   {"--slow", &slow_ms},
                   {"--fail", &fail_n},
                   {"--deaf", &deaf},
                   {"--max-line", &max_line}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].text = value;
            return;
        }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].value = number(value);
            return;
        }
    if (strcmp(name, "--body-max") == 0)
        options.body_bytes_max = (uint64_t)number(value);
    else if (strcmp(name, "--queue-max") == 0)
        options.queue_bytes_max = (uint64_t)number(value);
    else if (strcmp(name, "--connections") == 0)
        options.connections_max = (unsigned)number(value);
    else {
        fprintf(stderr, "push_probe: no option %s\n", name);
        exit(2);
    }
}

static void done(struct source *s, void *ticket, enum source_outcome outcome)
{
    int64_t n = ++answers;
    if (n == die_at)
        raise(SIGKILL);
    if (slow_ms > 0)
        usleep((useconds_t)slow_ms * 1000);
    real->done(s, ticket, n <= fail_n ? SOURCE_FAILED : outcome);
}

static void trouble(void *ctx, const struct crew_trouble *t)
{
    (void)ctx;
    printf("trouble %s %lld %s\n", t->path, (long long)t->offset, t->reason);
    fflush(stdout);
}

static void check(enum status status, const struct err *err)
{
    if (status == OK)
        return;
    printf("failed %s: %s\n", status_text(status), err->text);
    exit(3);
}

struct job {
    struct load load;
    struct load_result result;
    enum status status;
    struct err err;
};

static void *read_all(void *arg)
{
    struct job *j = arg;
    j->status = load_run(&j->load, &j->result, &j->err);
    return NULL;
}

static void tell_state(struct source *s)
{
    struct source_state state;
    source_state_get(s, &state);
    printf("state %s named %lld kept %lld failed %lld bytes %lld waiting %lld failing %d "
           "refused %lld\n",
           state.name, (long long)state.named, (long long)state.kept, (long long)state.failed,
           (long long)state.bytes, (long long)state.waiting, state.failing,
           (long long)state.refused);
}

static void tell_memory(void)
{
    char line[128];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            printf("memory %s", line + 6);
    if (f)
        fclose(f);
}

static void obey(struct source *s)
{
    char line[64];
    struct err err = {0};
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "reload\n") == 0)
            printf("reload %s\n", source_push_reload(s, &err) == OK ? "done" : err.text);
        else if (strcmp(line, "memory\n") == 0)
            tell_memory();
        else
            tell_state(s);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct pricing *pricing;
    struct symbols *symbols;
    struct series *series;
    struct source *source;
    struct job j = {.load = {.threads = 2, .follow = true, .trouble = trouble}};
    struct err err = {0};
    int i = 1;
    for (; i + 1 < argc; i += 2)
        option(argv[i], argv[i + 1]);
    if (i + 1 != argc) {
        fprintf(stderr, "usage: push_probe [--OPTION VALUE]... STORE\n");
        return 2;
    }
    check(pricing_new(&pricing, &err), &err);
    check(symbols_new(&symbols, &err), &err);
    check(series_new(symbols, &series, &err), &err);
    check(store_open(argv[i], STORE_WRITE, &j.load.store, &err), &err);
    check(source_push_new(&options, &source, &err), &err);
    real = source->ops;
    mine = *real;
    mine.done = done;
    source->ops = &mine;
    const struct intake_env env = {.series = series,
                                   .pricing = pricing,
                                   .key = store_hash_key(j.load.store),
                                   .limits = {.max_line = (size_t)max_line},
                                   .detail = DETAIL_COUNTS};
    j.load.env = &env;
    j.load.store_path = argv[i];
    printf("port %d\n", source_push_port(source));
    fflush(stdout);
    struct source *all = NULL;
    pthread_t reader;
    check(source_several_new(&source, 1, 64, &all, &err), &err);
    j.load.source = all;
    if (!deaf && pthread_create(&reader, NULL, read_all, &j) != 0)
        return 3;
    obey(source);
    source_stop(all);
    if (!deaf)
        pthread_join(reader, NULL);
    check(j.status, &j.err);
    source_close(all);
    printf("records %lld quarantined %lld\n", (long long)j.result.about.n[ABOUT_RECORDS],
           (long long)j.result.about.n[ABOUT_QUARANTINED]);
    store_close(j.load.store);
    series_free(series);
    symbols_free(symbols);
    pricing_free(pricing);
    return 0;
}
