/*
 * What reads from AWS and has no command of its own (yet), for tests/py:
 *
 *     aws_probe profile IDENTIFIER        GetInferenceProfile, a line per fact
 *     aws_probe tags ARN                  ListTagsForResource, a line per tag
 *     aws_probe follow OPERAND POLL_MS OVERLAP_MS POSITION_MS OUTCOMES
 *
 * follow reads a cloudwatch: operand until standard input ends. Each item is a line "item NAME
 * position=MS bytes=N", told problems are "problem REASON"; the n-th page is handed back as kept
 * (k), missing bodies (a) or failed (f), as the n-th letter of OUTCOMES says (k behind the last).
 * "failing 1" and "failing 0" say when the source begins and ceases to be so.
 * In the end a line "state …", and how long the stopping took.
 */
#include "aws/bedrock.h"
#include "source/cloudwatch.h"
#include "source/state.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int64_t position_ms;
static struct source *source;
static _Atomic int64_t stopped_us;

static int fail(const struct err *err)
{
    printf("error %d %s\n", err->status, err->text);
    return 1;
}

static int64_t number(const char *text)
{
    int64_t n = 0;
    return str_to_i64(str_from(text), &n) ? n : 0;
}

static int show_profile(struct aws_client *c, const char *identifier)
{
    struct err err = {0};
    struct bedrock_profile p;
    bedrock_profile_init(&p);
    enum status status = bedrock_get_profile(c, str_from(identifier), &p, &err);
    if (status == OK) {
        printf("name %.*s\narn %.*s\nid %.*s\nstatus %.*s\ntype %d\n", STR_ARG(p.name),
               STR_ARG(p.arn), STR_ARG(p.id), STR_ARG(p.status), (int)p.type);
        for (size_t i = 0; i < p.models_n; i++)
            printf("model %.*s\n", STR_ARG(p.models[i]));
    }
    bedrock_profile_fini(&p);
    return status == OK ? 0 : fail(&err);
}

static int show_tags(struct aws_client *c, const char *arn)
{
    struct err err = {0};
    struct bedrock_tags t;
    bedrock_tags_init(&t);
    enum status status = bedrock_get_tags(c, str_from(arn), &t, &err);
    for (size_t i = 0; status == OK && i < t.n; i++)
        printf("tag %.*s=%.*s\n", STR_ARG(t.v[i].key), STR_ARG(t.v[i].value));
    bedrock_tags_fini(&t);
    return status == OK ? 0 : fail(&err);
}

static void problem(void *ctx, const char *name, const char *reason)
{
    (void)ctx;
    (void)name;
    printf("problem %s\n", reason);
}

static int64_t position(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return position_ms * 1000000;
}

static void *stop_at_end_of_input(void *arg)
{
    char byte;
    (void)arg;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    stopped_us = clock_monotonic_us();
    source_stop(source);
    return NULL;
}

static enum source_outcome outcome(const char **letters)
{
    char c = **letters;
    *letters += c != '\0';
    return c == 'a' ? SOURCE_AGAIN : c == 'f' ? SOURCE_FAILED : SOURCE_KEPT;
}

static void tell_failing(void)
{
    static bool told;
    struct source_state state;
    source_state_get(source, &state);
    if (state.failing != told)
        printf("failing %d\n", state.failing);
    told = state.failing;
}

static enum status follow_items(const char *outcomes, struct err *err)
{
    struct source_reader *reader = NULL;
    struct source_room *room;
    struct source_item item;
    bool more = true;
    TRY(source_room_new(&room, err));
    enum status status = source_reader_new(source, room, &reader, err);
    while (status == OK && more) {
        struct source_bytes bytes;
        status = source_next(source, &item, &more, err);
        tell_failing();
        if (status == OK && more && !item.name)
            source_wait(source, 200);
        if (status != OK || !item.name)
            continue;
        status = source_open(reader, &item, &bytes, err);
        printf("item %s position=%" PRId64 " bytes=%zu\n", item.name, item.mtime_ns / 1000000,
               status == OK ? bytes.bytes.n : 0);
        source_done(source, item.ticket, item.ticket ? outcome(&outcomes) : SOURCE_KEPT);
    }
    source_reader_free(reader);
    source_room_free(room);
    return status;
}

static int follow(struct aws_credentials *credentials, char **argv)
{
    static const struct source_watch watch = {.problem = problem, .position = position};
    const struct cloudwatch_options o = {
        .credentials = credentials,
        .since_us = TIME_NONE,
        .until_us = TIME_NONE,
        .follow = true,
        .poll_ms = number(argv[1]),
        .overlap_ms = number(argv[2]),
    };
    struct err err = {0};
    struct source_state state;
    pthread_t stopper;
    position_ms = number(argv[3]);
    if (source_cloudwatch_new(argv[0], &o, &source, &err) != OK)
        return fail(&err);
    enum status status = source_begin(source, &watch, &err);
    pthread_create(&stopper, NULL, stop_at_end_of_input, NULL);
    if (status == OK)
        status = follow_items(argv[4], &err);
    pthread_join(stopper, NULL);
    source_state_get(source, &state);
    printf("state named=%" PRId64 " kept=%" PRId64 " again=%" PRId64 " failed=%" PRId64
           " up_to=%" PRId64 " failing=%d name=%s\nstopped %" PRId64 "\n",
           state.named, state.kept, state.again, state.failed, state.up_to_us / 1000, state.failing,
           state.name, (clock_monotonic_us() - stopped_us) / 1000);
    source_close(source);
    return status == OK ? 0 : fail(&err);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct aws_credentials *credentials;
    struct aws_client *c = NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 3 || aws_credentials_new(&(struct aws_settings){0}, &credentials, &err) != OK)
        return 2;
    const struct aws_client_options o = {.credentials = credentials};
    int code = 2;
    if (strcmp(argv[1], "follow") == 0 && argc == 7)
        code = follow(credentials, argv + 2);
    else if (aws_client_new(&o, &c, &err) != OK)
        code = fail(&err);
    else if (strcmp(argv[1], "profile") == 0)
        code = show_profile(c, argv[2]);
    else if (strcmp(argv[1], "tags") == 0)
        code = show_tags(c, argv[2]);
    aws_client_free(c);
    aws_credentials_free(credentials);
    return code;
}
