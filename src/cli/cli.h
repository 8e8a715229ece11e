/*
 * The command line: one table of commands, one file per command, one way to declare options. Only
 * this folder prints and exits.
 */
#ifndef ASSAY_CLI_CLI_H
#define ASSAY_CLI_CLI_H

#include "base/buf.h"
#include "base/err.h"

/* Exit codes, as documented in assay(1). */
enum exit_code {
    EXIT_DONE = 0,       /* everything was read and answered */
    EXIT_INCOMPLETE = 1, /* answered, but some input could not be read (to its end) */
    EXIT_BAD_USAGE = 2,  /* the command line or a file given on it is wrong */
    EXIT_CANNOT = 3,     /* store, output or system failure: no answer */
    EXIT_STOPPED = 130,  /* interrupted by a signal */
};

enum option_kind {
    OPTION_FLAG,  /* bool */
    OPTION_TEXT,  /* const char * */
    OPTION_COUNT, /* int64_t, a number not below 0 */
    OPTION_LIST,  /* struct option_list: may be given again */
};

enum { OPTION_LIST_MAX = 32 };

struct option_list {
    const char *v[OPTION_LIST_MAX];
    int n;
};

struct option {
    const char *name; /* without the dashes, one for a single letter; NULL ends the table */
    enum option_kind kind;
    void *value;
    const char *argument; /* name of the argument in help */
    const char *help;
};

/* Splits arguments into options and the rest (in order; "--" ends the options, "-" is an operand).
 * "--name value" and "--name=value". On a mistake prints one line (with the nearest valid name) to
 * stderr and returns false. */
bool cli_options(int argc, char **argv, const struct option *table, char **operands,
                 int *operands_n);
/* "64M" and the like (k, M, G), and plain numbers. */
bool cli_count(struct str s, int64_t *out);
/* Prints "usage: assay …", then the options of a table. */
void cli_help(const char *usage, const struct option *table);
/* Prints "assay: …" to stderr and returns the exit code that suits the status. */
int cli_fail(const struct err *err);
/* The exit code alone. */
int cli_code(const struct err *err);
/* Writes a whole buffer to stdout; a closed pipe ends quietly, any other failure (also a buffer
 * that ran out of memory) is EXIT_CANNOT. Returns an exit code. */
int cli_write(const struct buf *text);
/* Room for the operands of a command line; NULL after a message when there is none. */
char **cli_operands(int argc);

int cmd_report(int argc, char **argv);
int cmd_ingest(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_price(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_session(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_store(int argc, char **argv);
int cmd_status(int argc, char **argv);

#endif
