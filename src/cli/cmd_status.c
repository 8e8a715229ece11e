/* assay status: how a daemon and its store stand, from the state that it leaves beside it. */
#include "cli/asking.h"
#include "cli/serve.h"

#include "base/nearest.h"
#include "report/standing.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A daemon writes its state once a second, but a busy machine may let it wait. */
#define STATE_OLD_US (10 * US_PER_SECOND)
enum { TORN_US = 100000 };

struct status_page {
    const char *given, *store, *format; /* as typed */
    struct config *config;
    struct asking asking;
    struct answer *answer;
    struct arena arena; /* of the state that was read */
    struct standing standing;
    char why[sizeof((struct err *)0)->text];
};

/* Not another one with its number, and none that has ended. */
static bool is_alive(const struct standing *s)
{
    if (s->process <= 0 || s->process > INT32_MAX)
        return false;
    int64_t began = serve_process_began(s->process);
    return began >= 0 && (kill((pid_t)s->process, 0) == 0 || errno == EPERM) &&
           (began == 0 || s->process_began == 0 || began == s->process_began);
}

static enum status read_state(struct status_page *p, struct err *err)
{
    struct standing *s = &p->standing;
    struct buf path;
    buf_init(&path, 8192);
    enum status status = serve_state_path(p->store, &path, err);
    if (status == OK) {
        buf_char(&path, '\0');
        status = buf_status(&path) == OK ? status_read(path.p, &p->arena, s, err) : ERR_NOMEM;
        /* On a full disk it is written over: what was just read may be a part of two. */
        if (status == ERR_PARSE) {
            usleep(TORN_US);
            *s = (struct standing){.now_us = s->now_us};
            status = status_read(path.p, &p->arena, s, err);
        }
    }
    buf_fini(&path);
    if (status == ERR_NOT_FOUND) {
        s->state = STANDING_NEVER;
        return OK;
    }
    TRY(status);
    s->now_us = clock_now_us();
    bool young = s->now_us - s->time_us < STATE_OLD_US;
    s->state = s->process == 0 ? STANDING_STOPPED
               : !is_alive(s)  ? STANDING_GONE
               : young         ? STANDING_RUNNING
                               : STANDING_HANGING;
    return OK;
}

/* The totals over everything, as assay report answers them. */
static enum status ask(struct status_page *p, struct err *err)
{
    struct asking *a = &p->asking;
    struct question *q = &a->question;
    a->store_path = p->store;
    TRY(question_set(q, STR("by"), STR(""), err));
    TRY(question_set(q, STR("metrics"), STR("invocations"), err));
    TRY(question_finish(q, clock_now_us(), err));
    TRY(asking_open(a, err));
    TRY(asking_read(a, false, err));
    return answer_new(a->plan, a->cube, &a->about, pricing_date(a->reading.pricing), &p->answer,
                      err);
}

static int64_t bytes_of(const char *store)
{
    static const char *const files[] = {"", "-wal"};
    int64_t sum = -1;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char name[4096];
        struct stat st;
        int n = snprintf(name, sizeof name, "%s%s", store, files[i]);
        if (n > 0 && (size_t)n < sizeof name && stat(name, &st) == 0)
            sum = (sum < 0 ? 0 : sum) + st.st_size;
    }
    return sum;
}

static int show(struct status_page *p)
{
    struct err err = {0};
    struct buf out;
    struct standing *s = &p->standing;
    *s = (struct standing){.now_us = clock_now_us()};
    if (read_state(p, &err) != OK) {
        cli_fail(&err);
        return EXIT_CANNOT; /* also for a broken one: the command line is right */
    }
    if (ask(p, &err) == OK)
        s->kept = p->answer;
    snprintf(p->why, sizeof p->why, "%s", err.text);
    s->kept_error = str_from(p->why);
    s->store = str_from(p->store);
    s->store_bytes = bytes_of(p->store);
    if (strcmp(p->format, "json") == 0)
        p->asking.render.format = REPORT_JSON;
    buf_init(&out, SIZE_MAX / 2);
    int code =
        report_standing(s, &p->asking.render, &out, &err) == OK ? cli_write(&out) : cli_fail(&err);
    buf_fini(&out);
    return code == EXIT_DONE && !standing_is_well(s) ? EXIT_INCOMPLETE : code;
}

static int run(struct status_page *p, char *const *operands, int n)
{
    char typed[QUOTED_TEXT];
    if (n > 0) {
        fprintf(stderr, "assay: status takes no operand ('%s'); a store is given with --store\n",
                quoted(typed, str_from(operands[0])));
        return EXIT_BAD_USAGE;
    }
    if (strcmp(p->format, "text") != 0 && strcmp(p->format, "json") != 0) {
        fprintf(stderr, "assay: --format is text or json, not '%s'\n",
                quoted(typed, str_from(p->format)));
        return EXIT_BAD_USAGE;
    }
    if (!p->store) {
        int code = config_open(p->given, &p->config);
        if (code != EXIT_DONE)
            return code;
        p->store = p->config->store;
    }
    return show(p);
}

int cmd_status(int argc, char **argv)
{
    static struct status_page p; /* one command per process; too large for a comfortable stack */
    bool help = false;
    p.format = "text";
    arena_init(&p.arena);
    asking_init(&p.asking);
    const struct option options[] = {
        CONFIG_OPTIONS(&p.given),
        {"store", OPTION_TEXT, &p.store, "FILE", "the store, instead of that of a configuration"},
        {"format", OPTION_TEXT, &p.format, "FORM", "text or json"},
        {"help", OPTION_FLAG, &help, NULL, "this text"},
        {0},
    };
    char **operands = cli_operands(argc);
    int n = 0, code = EXIT_BAD_USAGE;
    if (!operands)
        return EXIT_CANNOT;
    if (cli_options(argc, argv, options, operands, &n)) {
        code = EXIT_DONE;
        if (help)
            cli_help("assay status [-c FILE] [--store FILE] [--format text|json]", options);
        else
            code = run(&p, operands, n);
    }
    answer_free(p.answer);
    asking_fini(&p.asking);
    config_close(p.config);
    arena_fini(&p.arena);
    free(operands);
    return code;
}
