/* assay config: is assay.yaml right, what could stand in it, and what does it come to? */
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/reading.h"

#include "base/nearest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { OUTPUT_MAX = 1 << 22 };

static int print(struct buf *out)
{
    int code = cli_write(out);
    buf_fini(out);
    return code;
}

static int example(void)
{
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    config_write_example(&out);
    return print(&out);
}

static int show(const struct config *c)
{
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    config_write(c, &out);
    return print(&out);
}

/* The files of prices, profiles, discounts and rules, as a run would load them. */
static int check_contents(const struct config *c)
{
    static struct reading reading;
    struct err err = {0};
    reading_init(&reading);
    config_reading(c, &reading);
    reading.quiet = true;
    int code = reading_open(&reading, NULL, 0, &err) == OK ? EXIT_DONE : cli_fail(&err);
    reading_fini(&reading);
    return code;
}

static void put_source(struct buf *out, const struct config_source *s)
{
    buf_printf(out, "  %-11s ", config_kind_name(s->kind));
    if (!s->url || !str_has_suffix(str_from(s->url), str_from(s->name)))
        buf_printf(out, "%s: ", s->name);
    if (s->url)
        buf_str(out, str_from(s->url));
    if (s->kind == CONFIG_S3 || s->kind == CONFIG_CLOUDWATCH) {
        buf_str(out, STR(", every "));
        config_put_duration(out, s->poll_s);
        buf_str(out, STR(", the last "));
        config_put_duration(out, s->kind == CONFIG_S3 ? s->window_s : s->overlap_s);
        buf_str(out, STR(" again"));
    }
    if (s->kind == CONFIG_PUSH)
        buf_printf(out, "http%s://%s%s", s->certificate ? "s" : "", s->listen,
                   s->access_key_file ? "" : ", without an access key");
    if (s->role_arn)
        buf_printf(out, ", as %s", s->role_arn);
    buf_char(out, '\n');
}

static void put_kept(struct buf *out, const char *what, int64_t days)
{
    if (days)
        buf_printf(out, ", %s for %" PRId64 " days", what, days);
    else
        buf_printf(out, ", %s for ever", what);
}

static int check(const struct config *c)
{
    int code = check_contents(c);
    if (code != EXIT_DONE)
        return code;
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    buf_printf(&out, "%s is right. It would run:\n", c->path);
    buf_printf(&out, "  store       %s", c->store);
    put_kept(&out, "invocations", c->keep_facts_days);
    put_kept(&out, "sums", c->keep_rollups_days);
    buf_printf(&out, "\n  reading     %s, %" PRId64 " at a time\n",
               strcmp(c->level, "counts") == 0 ? "counts only, no bodies" : "counts and bodies",
               c->threads);
    for (int i = 0; i < c->sources_n; i++)
        put_source(&out, &c->sources[i]);
    if (c->status_listen)
        buf_printf(&out, "  status      http://%s%s\n", c->status_listen,
                   config_is_loopback(c->status_listen) ? "" : ", for all who can reach it");
    else
        buf_str(&out, STR("  status      off\n"));
    return print(&out);
}

static const struct {
    const char *name;
    int (*run)(const struct config *c);
} verbs[] = {{"check", check}, {"example", NULL}, {"show", show}};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

static int refuse(const char *word)
{
    char typed[QUOTED_TEXT];
    struct nearest near = nearest_start(str_from(word));
    for (int i = 0; i < VERBS; i++)
        nearest_offer(&near, str_from(verbs[i].name));
    fputs("assay: config: wanted check, example or show", stderr);
    if (*word)
        fprintf(stderr, ", not '%s'", quoted(typed, str_from(word)));
    if (near.best.p)
        fprintf(stderr, ": did you mean '%.*s'?", STR_ARG(near.best));
    fputc('\n', stderr);
    return EXIT_BAD_USAGE;
}

static int run(char *const *operands, int n, const char *file)
{
    const char *verb = n ? operands[0] : "";
    int i = 0;
    while (i < VERBS && strcmp(verb, verbs[i].name) != 0)
        i++;
    if (i == VERBS)
        return refuse(verb);
    if (n > 1) {
        char typed[QUOTED_TEXT];
        fprintf(stderr, "assay: config %s takes no operand ('%s'); the file is given with -c\n",
                verb, quoted(typed, str_from(operands[1])));
        return EXIT_BAD_USAGE;
    }
    if (!verbs[i].run)
        return example();
    struct config *c = NULL;
    int code = config_open(file, &c);
    if (code == EXIT_DONE)
        code = verbs[i].run(c);
    config_close(c);
    return code;
}

int cmd_config(int argc, char **argv)
{
    const char *file = NULL;
    bool help = false;
    const struct option options[] = {
        CONFIG_OPTIONS(&file), {"help", OPTION_FLAG, &help, NULL, "this text"}, {0}};
    char **operands = cli_operands(argc);
    int n = 0;
    if (!operands)
        return EXIT_CANNOT;
    int code = EXIT_DONE;
    if (!cli_options(argc, argv, options, operands, &n))
        code = EXIT_BAD_USAGE;
    else if (help)
        cli_help("assay config check | example | show [-c FILE]", options);
    else
        code = run(operands, n, file);
    free(operands);
    return code;
}
