/* The command line: splitting it into options and operands, help, and what ends a command. */
#include "cli/cli.h"

#include "base/nearest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct option *find_option(const struct option *table, struct str name)
{
    for (const struct option *o = table; o->name; o++)
        if (str_eq(str_from(o->name), name))
            return o;
    return NULL;
}

static bool bad_option(const struct option *table, struct str name)
{
    char typed[QUOTED_TEXT];
    struct nearest near = nearest_start(name);
    for (const struct option *o = table; o->name; o++)
        if (o->name[1])
            nearest_offer(&near, str_from(o->name));
    if (near.best.p)
        fprintf(stderr, "assay: unknown option '--%s': did you mean '--%.*s'?\n",
                quoted(typed, name), STR_ARG(near.best));
    else
        fprintf(stderr, "assay: unknown option '--%s'; --help lists them\n", quoted(typed, name));
    return false;
}

bool cli_count(struct str s, int64_t *out)
{
    int64_t unit = 1;
    if (s.n > 1) {
        switch (s.p[s.n - 1]) {
        case 'k':
        case 'K':
            unit = INT64_C(1) << 10;
            break;
        case 'm':
        case 'M':
            unit = INT64_C(1) << 20;
            break;
        case 'g':
        case 'G':
            unit = INT64_C(1) << 30;
            break;
        default:
            break;
        }
        s.n -= unit != 1;
    }
    return str_to_i64(s, out) && !__builtin_mul_overflow(*out, unit, out);
}

static bool set_option(const struct option *o, const char *value)
{
    char typed[QUOTED_TEXT];
    switch (o->kind) {
    case OPTION_FLAG:
        *(bool *)o->value = true;
        return true;
    case OPTION_TEXT:
        *(const char **)o->value = value;
        return true;
    case OPTION_COUNT:
        if (cli_count(str_from(value), o->value))
            return true;
        fprintf(stderr, "assay: --%s wants a number (also with k, M or G), not '%s'\n", o->name,
                quoted(typed, str_from(value)));
        return false;
    case OPTION_LIST: {
        struct option_list *list = o->value;
        if (list->n == OPTION_LIST_MAX) {
            fprintf(stderr, "assay: --%s can be given at most %d times\n", o->name,
                    OPTION_LIST_MAX);
            return false;
        }
        list->v[list->n++] = value;
        return true;
    }
    }
    return false;
}

bool cli_options(int argc, char **argv, const struct option *table, char **operands,
                 int *operands_n)
{
    *operands_n = 0;
    bool only_operands = false;
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (only_operands || arg[0] != '-' || strcmp(arg, "-") == 0) {
            operands[(*operands_n)++] = arg;
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            only_operands = true;
            continue;
        }
        struct str rest = str_skip(str_from(arg), arg[1] == '-' ? 2 : 1);
        struct str name = str_cut(&rest, '=');
        bool whole = arg[1] == '-';
        const struct option *o = whole == (name.n > 1) ? find_option(table, name) : NULL;
        if (!o)
            return bad_option(table, name);
        const char *value = rest.p;
        if (o->kind == OPTION_FLAG && value) {
            fprintf(stderr, "assay: --%s takes no value\n", o->name);
            return false;
        }
        if (o->kind != OPTION_FLAG && !value) {
            if (i + 1 == argc) {
                fprintf(stderr, "assay: -%s%s wants %s\n", o->name[1] ? "-" : "", o->name,
                        o->argument);
                return false;
            }
            value = argv[++i];
        }
        if (!set_option(o, value))
            return false;
    }
    return true;
}

/* Characters of UTF-8: bytes that do not continue one. */
static size_t letters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += (*text & 0xC0) != 0x80;
    return n;
}

void cli_help(const char *usage, const struct option *table)
{
    printf("usage: %s\n\n", usage);
    for (const struct option *o = table; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s", o->name[1] ? "--" : "-", o->name,
                 o->argument ? " " : "", o->argument ? o->argument : "");
        int blanks = 26 - (int)letters(left);
        if (blanks < 0)
            printf("  %s\n  %26s %s\n", left, "", o->help);
        else
            printf("  %s%*s %s\n", left, blanks, "", o->help);
    }
}

int cli_code(const struct err *err)
{
    switch (err->status) {
    case ERR_USAGE:
    case ERR_PARSE:
    case ERR_RANGE:
        return EXIT_BAD_USAGE;
    case ERR_INTERRUPTED:
        return EXIT_STOPPED;
    default:
        return EXIT_CANNOT;
    }
}

int cli_fail(const struct err *err)
{
    fprintf(stderr, "assay: %s\n", err->text[0] ? err->text : status_text(err->status));
    return cli_code(err);
}

char **cli_operands(int argc)
{
    char **operands = calloc((size_t)argc + 1, sizeof *operands);
    struct err err;
    if (!operands) {
        (void)err_nomem(&err);
        cli_fail(&err);
    }
    return operands;
}

int cli_write(const struct buf *text)
{
    struct err err = {.status = buf_status(text)};
    if (err.status != OK)
        return cli_fail(&err);
    if ((text->n == 0 || fwrite(text->p, 1, text->n, stdout) == text->n) && fflush(stdout) == 0)
        return EXIT_DONE;
    if (errno == EPIPE)
        return EXIT_DONE;
    fprintf(stderr, "assay: cannot write the output: %s\n", strerror(errno));
    return EXIT_CANNOT;
}
