/*
 * Follows a bucket into a store, for tests/py/test_s3_follow.py, until its standard input ends:
 *
 *     follow_probe BUCKET PREFIX STORE POLL_MS WINDOW_EVERY_MS SWEEP_MS
 *
 * It prints problems as they are told, and at the end a line of the source's state.
 */
#include "ingest/load.h"
#include "source/s3.h"
#include "source/state.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct source *source;

static int fail(const struct err *err)
{
    fprintf(stderr, "follow_probe: %s\n", err->text);
    return 1;
}

static void *wait_for_end(void *arg)
{
    char c;
    while (read(STDIN_FILENO, &c, 1) > 0) {
    }
    source_stop(source);
    return arg;
}

static void trouble(void *ctx, const struct crew_trouble *t)
{
    (void)ctx;
    printf("problem %s: %s\n", t->path, t->reason);
    fflush(stdout);
}

static enum status follow(const char *path, struct intake_env *env, struct store *store,
                          struct err *err)
{
    struct load_result result;
    env->key = store_hash_key(store);
    const struct load load = {.source = source,
                              .threads = 4,
                              .env = env,
                              .store = store,
                              .store_path = path,
                              .follow = true,
                              .trouble = trouble};
    return load_run(&load, &result, err);
}

static void print_state(void)
{
    struct source_state s;
    source_state_get(source_part(source, 0), &s);
    printf("state %s named %lld kept %lld again %lld failed %lld failing %d error %s\n", s.name,
           (long long)s.named, (long long)s.kept, (long long)s.again, (long long)s.failed,
           s.failing, s.error);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    if (argc != 7)
        return 2;
    const struct aws_settings settings = {0};
    struct aws_credentials *credentials = NULL;
    struct source *s3 = NULL;
    struct store *store = NULL;
    struct intake_env env = {.detail = DETAIL_CONTENT};
    struct symbols *symbols = NULL;
    struct pricing *pricing = NULL;
    pthread_t thread;
    const struct s3_options o = {.bucket = str_from(argv[1]),
                                 .prefix = str_from(argv[2]),
                                 .since_us = TIME_NONE,
                                 .until_us = TIME_NONE,
                                 .poll_us = atoll(argv[4]) * 1000,
                                 .window_every_us = atoll(argv[5]) * 1000,
                                 .sweep_us = atoll(argv[6]) * 1000};
    struct s3_options with = o;
    enum status status = aws_credentials_new(&settings, &credentials, &err);
    with.credentials = credentials;
    if (status == OK)
        status = source_s3_new(&with, &s3, &err);
    if (status == OK)
        status = source_several_new(&s3, 1, 64, &source, &err);
    if (status == OK)
        status = symbols_new(&symbols, &err);
    if (status == OK)
        status = series_new(symbols, &env.series, &err);
    if (status == OK)
        status = pricing_new(&pricing, &err);
    env.pricing = pricing;
    if (status == OK)
        status = store_open(argv[3], STORE_WRITE, &store, &err);
    if (status != OK || pthread_create(&thread, NULL, wait_for_end, NULL) != 0)
        return fail(&err);
    status = follow(argv[3], &env, store, &err);
    pthread_join(thread, NULL);
    print_state();
    source_close(source);
    store_close(store);
    series_free(env.series);
    symbols_free(symbols);
    pricing_free(pricing);
    aws_credentials_free(credentials);
    return status == OK ? 0 : fail(&err);
}
