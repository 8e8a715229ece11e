/*
 * What the room aws/ does, for scripts: test_credentials.py runs it with environments, files and
 * servers of its own. It prints key ids, never a secret.
 *
 *     keys_probe identity [options]     key id, Region, source and who AWS says it is
 *     keys_probe keys [options]         the same without asking AWS who it is
 *     keys_probe watch N MS [options]   keys N times with so many milliseconds between
 *     keys_probe threads N MS [options] N threads get keys for so long; prints how many gets
 *     keys_probe call SERVICE PATH [options]     one GET; status, code, request id, Region
 *     keys_probe calls SERVICE PATH [options]    three of them
 *     keys_probe endpoint SERVICE REGION [options]
 *     keys_probe endpoints SERVICE REGION,…      a line for each
 *
 * SIGTERM cancels what runs. Options: --profile X, --region X, --role ARN, --external-id X,
 * --attempts N, --memory BYTES (of a call's answer; what is more goes to a file)
 */
#include "aws/call_internal.h"
#include "aws/sts.h"
#include "net/http.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static _Atomic bool stop; /* by SIGTERM */

static void on_term(int number)
{
    (void)number;
    stop = true;
}

struct options {
    struct aws_settings settings;
    int attempts;
    size_t memory;
    char *words[4]; /* that are no options */
    int n;
};

static int fail(const struct err *err)
{
    printf("error %d %s\n", (int)err->status, err->text);
    return 1;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){0};
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            if (o->n == 4)
                return false;
            o->words[o->n++] = argv[i];
            continue;
        }
        if (i + 1 == argc)
            return false;
        const char *name = argv[i], *value = argv[++i];
        if (strcmp(name, "--profile") == 0)
            o->settings.profile = value;
        else if (strcmp(name, "--region") == 0)
            o->settings.region = value;
        else if (strcmp(name, "--role") == 0)
            o->settings.role_arn = value;
        else if (strcmp(name, "--external-id") == 0)
            o->settings.external_id = value;
        else if (strcmp(name, "--attempts") == 0)
            o->attempts = (int)strtol(value, NULL, 10);
        else if (strcmp(name, "--memory") == 0)
            o->memory = (size_t)strtoul(value, NULL, 10);
        else
            return false;
    }
    return o->n > 0;
}

static void print_keys(const struct aws_keys *k)
{
    char when[TIME_TEXT] = "never";
    if (k->expires_us != TIME_NONE)
        time_format(when, k->expires_us);
    printf("key %s token %s expires %s\n", k->access_key_id, *k->session_token ? "yes" : "no",
           when);
}

static int print_current(struct aws_credentials *c, struct http_client *http)
{
    struct aws_keys keys;
    struct err err = {0};
    if (aws_credentials_get(c, http, &stop, &keys, &err) != OK)
        return fail(&err);
    print_keys(&keys);
    aws_keys_wipe(&keys);
    fflush(stdout);
    return 0;
}

static void print_identity(struct aws_client *c, int *code)
{
    struct sts_identity who;
    struct err err = {0};
    if (sts_identity(c, &who, &err) != OK)
        *code = fail(&err);
    else
        printf("account %s\narn %s\n", who.account, who.arn);
}

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

struct crowd {
    struct aws_credentials *c;
    int64_t end_us;
    _Atomic long gets, failures;
};

static void *get_often(void *ctx)
{
    struct crowd *crowd = ctx;
    struct http_client *http = NULL;
    if (http_new(&(struct http_options){0}, &http, NULL) != OK)
        return NULL;
    while (clock_monotonic_us() < crowd->end_us) {
        struct aws_keys keys;
        if (aws_credentials_get(crowd->c, http, &stop, &keys, NULL) != OK) {
            atomic_fetch_add(&crowd->failures, 1);
        } else {
            atomic_fetch_add(&crowd->gets, 1);
            aws_keys_wipe(&keys);
        }
        pause_ms(1);
    }
    http_free(http);
    return NULL;
}

static int run_threads(struct aws_credentials *c, int n, long ms)
{
    pthread_t threads[64];
    struct crowd crowd = {.c = c, .end_us = clock_monotonic_us() + ms * 1000};
    n = n > 64 ? 64 : n;
    for (int i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, get_often, &crowd) != 0)
            return 2;
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    printf("gets %s failures %ld\n", crowd.gets > n ? "many" : "few", crowd.failures);
    return 0;
}

static int run_call(struct aws_client *c, const struct options *o)
{
    struct aws_answer a;
    struct err err = {0};
    int code = 0;
    struct aws_call call = {.service = o->words[1],
                            .method = "GET",
                            .path = str_from(o->words[2]),
                            .limits = {o->memory, o->memory ? 1 << 20 : 0},
                            .action = "test:Action",
                            .subject = STR("some-thing")};
    aws_answer_init(&a);
    if (aws_send(c, &call, &a, &err) != OK)
        code = fail(&err);
    printf("status %d code %s request %s region %s message %s\n", a.http.status, a.code,
           a.request_id, a.region, a.message);
    aws_answer_fini(&a);
    return code;
}

static int run_endpoint(struct aws_client *c, const struct options *o)
{
    struct endpoint e;
    struct err err = {0};
    if (endpoint_find(&c->endpoints, o->words[1], o->words[2], &e, &err) != OK)
        return fail(&err);
    printf("%s://%s:%d%s %s %s %s\n", e.scheme, e.host, e.port, e.base_path, e.region, e.signs_as,
           e.own ? "own" : "aws");
    return 0;
}

static int run_endpoints(struct aws_client *c, const struct options *o)
{
    struct str rest = str_from(o->words[2]);
    while (rest.n > 0) {
        struct endpoint e;
        char region[ENDPOINT_REGION_MAX];
        struct str name = str_cut(&rest, ',');
        snprintf(region, sizeof region, "%.*s", STR_ARG(name));
        if (endpoint_find(&c->endpoints, o->words[1], region, &e, NULL) == OK)
            printf("%s %s://%s\n", region, e.scheme, e.host);
        else
            printf("%s none\n", region);
    }
    return 0;
}

static int run(const struct options *o, struct aws_credentials *c, struct aws_client *client)
{
    const char *verb = o->words[0];
    int code = 0;
    if (strcmp(verb, "call") == 0 && o->n == 3)
        return run_call(client, o);
    if (strcmp(verb, "calls") == 0 && o->n == 3) {
        for (int i = 0; i < 3; i++)
            code |= run_call(client, o);
        return code;
    }
    if (strcmp(verb, "endpoint") == 0 && o->n == 3)
        return run_endpoint(client, o);
    if (strcmp(verb, "endpoints") == 0 && o->n == 3)
        return run_endpoints(client, o);
    if (strcmp(verb, "threads") == 0 && o->n == 3)
        return run_threads(c, (int)strtol(o->words[1], NULL, 10), strtol(o->words[2], NULL, 10));
    if (strcmp(verb, "watch") == 0 && o->n == 3) {
        for (long i = strtol(o->words[1], NULL, 10); i-- > 0;
             pause_ms(i ? strtol(o->words[2], NULL, 10) : 0))
            code |= print_current(c, client->http);
        return code;
    }
    printf("source %s\nregion %s\n", aws_credentials_source(c),
           aws_credentials_region(c) ? aws_credentials_region(c) : "none");
    code = print_current(c, client->http);
    if (code == 0 && strcmp(verb, "identity") == 0)
        print_identity(client, &code);
    return code;
}

int main(int argc, char **argv)
{
    struct options o;
    struct err err = {0};
    struct aws_credentials *c;
    struct aws_client *client;
    if (!read_options(argc, argv, &o))
        return 2;
    signal(SIGTERM, on_term);
    if (aws_credentials_new(&o.settings, &c, &err) != OK)
        return fail(&err);
    struct aws_client_options options = {.credentials = c, .cancel = &stop, .attempts = o.attempts};
    if (aws_client_new(&options, &client, &err) != OK) {
        aws_credentials_free(c);
        return fail(&err);
    }
    int code = run(&o, c, client);
    aws_client_free(client);
    aws_credentials_free(c);
    return code;
}
