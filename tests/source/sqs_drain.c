/*
 * sqs_drain [--OPTION VALUE]… QUEUE-URL STORE: reads what a queue of SQS announces into a store
 * until the queue is empty, or until SIGTERM. Problems and quarantined things come on standard
 * error as they occur, what the source says of itself on standard output in the end.
 */
#include "ingest/load.h"
#include "source/s3.h"
#include "source/sqs.h"
#include "source/state.h"
#include "store/store.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUCKETS = 8, QUIET_MS = 800, STEP_MS = 50 };

struct drain {
    const char *url, *store_path, *also;
    const char *buckets[BUCKETS], *body_buckets[BUCKETS];
    struct sqs_options options;
    int64_t threads, most_ms;
    struct aws_credentials *credentials;
    struct source *queue, *all;
    struct store *store;
    struct pricing *pricing;
    struct symbols *symbols;
    struct series *series;
    struct harness_rules *rules;
    struct intake_env env;
    struct load_result result;
    _Atomic bool over;
};

static _Atomic bool told_to_stop; /* without a lock, so a handler may set it */

static void on_term(int number)
{
    (void)number;
    atomic_store(&told_to_stop, true);
}

static void on_trouble(void *ctx, const struct crew_trouble *t)
{
    (void)ctx;
    fprintf(stderr, "%s: %s\n", t->path, t->reason);
}

static void option(struct drain *d, const char *name, const char *value)
{
    struct sqs_options *o = &d->options;
    int64_t number = 0;
    bool is_number = str_to_i64(str_from(value), &number);
    if (strcmp(name, "--bucket") == 0 && o->buckets_n < BUCKETS)
        d->buckets[o->buckets_n++] = value;
    else if (strcmp(name, "--body-bucket") == 0 && o->body_buckets_n < BUCKETS)
        d->body_buckets[o->body_buckets_n++] = value;
    else if (strcmp(name, "--also") == 0)
        d->also = value;
    else if (strcmp(name, "--hide") == 0 && is_number)
        o->hide_s = number;
    else if (strcmp(name, "--wait") == 0 && is_number)
        o->wait_s = number;
    else if (strcmp(name, "--give-up-ms") == 0 && is_number)
        o->give_up_us = number * 1000;
    else if (strcmp(name, "--threads") == 0 && is_number)
        d->threads = number;
    else if (strcmp(name, "--most-ms") == 0 && is_number)
        d->most_ms = number;
    else {
        fprintf(stderr, "sqs_drain: no option %s %s\n", name, value);
        exit(2);
    }
}

/* Empty: nothing waits on the server, and nothing has happened for a while. */
static void *watch(void *ctx)
{
    struct drain *d = ctx;
    struct source_state before = {.name = ""}, now;
    int64_t start = clock_monotonic_us(), quiet_since = start;
    while (!atomic_load(&d->over)) {
        usleep(STEP_MS * 1000);
        source_state_get(d->queue, &now);
        int64_t mono = clock_monotonic_us();
        if (now.waiting != 0 || now.named != before.named || now.kept != before.kept ||
            now.failed != before.failed || now.refused != before.refused ||
            now.success_us == TIME_NONE)
            quiet_since = mono;
        before = now;
        bool late = d->most_ms > 0 && mono - start > d->most_ms * 1000;
        if (atomic_load(&told_to_stop) || late || mono - quiet_since > QUIET_MS * 1000)
            break;
    }
    source_stop(d->all);
    return NULL;
}

static enum status make_sources(struct drain *d, struct err *err)
{
    const struct aws_settings settings = {.profile = NULL};
    struct source *both[2];
    int n = 1;
    TRY(aws_credentials_new(&settings, &d->credentials, err));
    d->options.credentials = d->credentials;
    d->options.url = str_from(d->url);
    d->options.buckets = d->buckets;
    d->options.body_buckets = d->body_buckets;
    d->options.depth_us = 200000;
    TRY(source_sqs_new(&d->options, &d->queue, err));
    both[0] = d->queue;
    if (d->also) {
        const struct s3_options o = {.credentials = d->credentials,
                                     .bucket = str_from(d->also),
                                     .prefix = STR(""),
                                     .since_us = TIME_NONE,
                                     .until_us = TIME_NONE};
        TRY(source_s3_new(&o, &both[n++], err));
    }
    return source_several_new(both, n, 256, &d->all, err);
}

static enum status make_env(struct drain *d, struct err *err)
{
    TRY(pricing_new(&d->pricing, err));
    TRY(harness_rules_new(STR(""), "", &d->rules, err));
    TRY(symbols_new(&d->symbols, err));
    TRY(series_new(d->symbols, &d->series, err));
    TRY(store_open(d->store_path, STORE_WRITE, &d->store, err));
    d->env = (struct intake_env){.series = d->series,
                                 .pricing = d->pricing,
                                 .key = store_hash_key(d->store),
                                 .detail = DETAIL_CONTENT,
                                 .exchange = true,
                                 .rules = d->rules};
    return OK;
}

static enum status run(struct drain *d, struct err *err)
{
    pthread_t watcher;
    TRY(make_env(d, err));
    TRY(make_sources(d, err));
    const struct load load = {.source = d->all,
                              .threads = (int)d->threads,
                              .env = &d->env,
                              .store = d->store,
                              .store_path = d->store_path,
                              .follow = true,
                              .trouble = on_trouble};
    if (pthread_create(&watcher, NULL, watch, d) != 0)
        return err_nomem(err);
    enum status status = load_run(&load, &d->result, err);
    atomic_store(&d->over, true);
    pthread_join(watcher, NULL);
    return status;
}

int main(int argc, char **argv)
{
    struct drain d = {.threads = 4};
    struct err err = {0};
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2)
        option(&d, argv[i], argv[i + 1]);
    if (argc - i != 2) {
        fprintf(stderr, "usage: sqs_drain [--OPTION VALUE]... QUEUE-URL STORE\n");
        return 2;
    }
    d.url = argv[i];
    d.store_path = argv[i + 1];
    signal(SIGTERM, on_term);
    enum status status = run(&d, &err);
    struct source_state s = {.name = ""};
    if (d.queue)
        source_state_get(d.queue, &s);
    source_close(d.all);
    store_close(d.store);
    series_free(d.series);
    symbols_free(d.symbols);
    pricing_free(d.pricing);
    harness_rules_free(d.rules);
    aws_credentials_free(d.credentials);
    if (status != OK) {
        fprintf(stderr, "sqs_drain: %s\n", err.text);
        return 1;
    }
    printf("{\"named\": %lld, \"kept\": %lld, \"again\": %lld, \"failed\": %lld, \"bytes\": %lld,"
           " \"skipped\": %lld, \"refused\": %lld, \"waiting\": %lld, \"known\": %lld,"
           " \"failing\": %s}\n",
           (long long)s.named, (long long)s.kept, (long long)s.again, (long long)s.failed,
           (long long)s.bytes, (long long)s.skipped, (long long)s.refused, (long long)s.waiting,
           (long long)d.result.files_known, s.failing ? "true" : "false");
    return 0;
}
