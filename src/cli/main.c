/*
 * assay: who spends what on Amazon Bedrock, on which model, from its own invocation logs.
 *
 * One table of commands; each has a file of its own beside this one.
 */
#include "cli/cli.h"

#include "base/nearest.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"report", cmd_report, "answer a question about logs or a store"},
    {"session", cmd_session, "show one session, call by call"},
    {"ingest", cmd_ingest, "read logs into a store"},
    {"serve", cmd_serve, "follow logs in AWS as they arrive"},
    {"status", cmd_status, "say how a daemon and its store stand"},
    {"config", cmd_config, "check, explain and show assay.yaml"},
    {"store", cmd_store, "copy, check, measure and trim a store"},
    {"price", cmd_price, "show and check the price book"},
    {"simulate", cmd_simulate, "write realistic logs, with their truth"},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out)
{
    fputs("usage: assay COMMAND [ARGUMENT…]\n\n", out);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n  assay report LOGS          what was spent, day by day\n"
          "  assay report people LOGS   by whom\n"
          "  assay report savings LOGS  what could be saved\n"
          "  assay COMMAND --help       the options of a command\n"
          "  man assay                  the manual\n",
          out);
}

static int unknown_command(const char *name)
{
    char typed[QUOTED_TEXT];
    struct nearest near = nearest_start(str_from(name));
    for (int i = 0; i < COMMANDS; i++)
        nearest_offer(&near, str_from(commands[i].name));
    fprintf(stderr, "assay: unknown command '%s'", quoted(typed, str_from(name)));
    if (near.best.p)
        fprintf(stderr, ": did you mean '%.*s'?\n", STR_ARG(near.best));
    else
        fputs("; assay --help lists them\n", stderr);
    return EXIT_BAD_USAGE;
}

int main(int argc, char **argv)
{
    /* Bodies pass through memory: a crash must not write them to a disk. */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    /* A closed pipe is an error of write, which is handled where it happens. */
    signal(SIGPIPE, SIG_IGN);
    /* Whoever started this may have ignored it; then no child could be waited for. */
    signal(SIGCHLD, SIG_DFL);

    if (argc < 2) {
        print_help(stderr);
        return EXIT_BAD_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("assay " ASSAY_VERSION);
        return EXIT_DONE;
    }
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return unknown_command(argv[1]);
}
