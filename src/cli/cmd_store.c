/* assay store: copying, checking, measuring, migrating a store, and letting go of what is old. */
#include "cli/store_show.h"

#include "base/nearest.h"
#include "base/zone.h"
#include "cli/cli.h"
#include "query/question.h"

#include <stdio.h>
#include <stdlib.h>

struct keeper {
    const char *path, *format, *keep_facts, *keep_rollups, *backup;
    bool force, dry_run, help;
    const char *target; /* of backup */
};

static const char usage[] = "assay store VERB [FILE] --store FILE [option…]\n\n"
                            "  backup FILE  a compact copy, also while the store is written\n"
                            "  check        does everything in it agree?\n"
                            "  stats        what it holds, and how large it is\n"
                            "  migrate      make a store of an older assay one of this\n"
                            "  retain       let go of old calls; their sums stay";

static enum status backup(struct keeper *k, struct buf *out, struct err *err)
{
    TRY(store_backup(k->path, k->target, k->force, err));
    buf_printf(out, "'%s' is a copy of '%s'\n", k->target, k->path);
    return OK;
}

static void say_about(struct buf *out, const struct about *about)
{
    char time[TIME_TEXT];
    buf_str(out, STR("the store agrees with itself: "));
    store_show_count(out, about->invocations);
    buf_str(out, STR(" invocations"));
    if (about->calls_since_us > 0) {
        time_format(time, about->calls_since_us);
        buf_printf(out, ", single calls since %s", time);
    }
    buf_char(out, '\n');
}

static enum status check(struct keeper *k, struct buf *out, struct err *err)
{
    struct store *s = NULL;
    struct about about;
    TRY(store_open(k->path, STORE_READ, &s, err));
    enum status status = store_check(s, err);
    if (status == OK)
        status = store_about(s, &about, err);
    if (status == OK)
        say_about(out, &about);
    store_close(s);
    return status;
}

static enum status stats(struct keeper *k, struct buf *out, struct err *err)
{
    struct store_stats s;
    bool json = strcmp(k->format, "json") == 0;
    if (!json && strcmp(k->format, "table") != 0)
        return err_set(err, ERR_USAGE, "--format is table or json, not '%.40s'", k->format);
    TRY(store_stats(k->path, &s, err));
    (json ? store_show_json : store_show_table)(&s, k->path, out);
    return OK;
}

static enum status migrate(struct keeper *k, struct buf *out, struct err *err)
{
    int from = 0, to = 0;
    if (k->backup) {
        TRY(store_backup(k->path, k->backup, k->force, err));
        buf_printf(out, "'%s' is a copy of '%s' as it was\n", k->backup, k->path);
    }
    TRY(store_migrate(k->path, &from, &to, err));
    if (from == to)
        buf_printf(out, "the store has version %d already\n", to);
    else
        buf_printf(out, "the store has version %d now; it had %d\n", to, from);
    return OK;
}

/* "400d" or a date as for --since; "0" and nothing are "for ever". */
static enum status parse_limit(const char *name, const char *text, int64_t *time_us,
                               struct err *err)
{
    *time_us = 0;
    if (!text || strcmp(text, "0") == 0)
        return OK;
    struct err said = {0};
    if (period_parse(str_from(text), false, clock_now_us(), time_us, &said) != OK)
        return err_set(err, ERR_USAGE, "--%s: wanted 400d, 12mo, 2y or the like, or 0 for ever: %s",
                       name, said.text);
    return OK;
}

static void say_retained(struct buf *out, const struct store_retained *all, bool dry_run)
{
    const char *would = dry_run ? "would be " : "";
    store_show_count(out, all->calls);
    buf_printf(out, " calls %skept as sums only from now on", would);
    if (all->sums_of > 0) {
        buf_str(out, STR(", the sums of "));
        store_show_count(out, all->sums_of);
        buf_printf(out, " %sgone", would);
    }
    buf_char(out, '\n');
}

static void say_limits(struct buf *out, const struct about *about)
{
    char time[TIME_TEXT];
    if (about->calls_since_us == 0) {
        buf_str(out, STR("all calls are kept\n"));
        return;
    }
    time_format(time, about->calls_since_us);
    buf_printf(out, "calls are kept since %s, sums ", time);
    if (about->sums_since_us == 0)
        buf_str(out, STR("for ever\n"));
    else
        buf_printf(out, "since %.*s\n", (int)time_format(time, about->sums_since_us), time);
}

static enum status retain_all(struct store *s, const struct store_retention *r,
                              struct store_retained *all, struct err *err)
{
    struct store_retained done = {.more = true};
    while (done.more) {
        TRY(store_retain(s, r, &done, err));
        all->calls += done.calls;
        all->sums_of += done.sums_of;
        all->keys += done.keys;
        all->pages += done.pages;
    }
    return OK;
}

static enum status retain_open(struct keeper *k, struct store *s, const struct store_retention *r,
                               struct buf *out, struct err *err)
{
    struct store_retained all = {0};
    struct about about;
    if (k->dry_run) {
        TRY(store_retain_preview(s, r, &all, err));
        say_retained(out, &all, true);
        return OK;
    }
    TRY(retain_all(s, r, &all, err));
    TRY(store_about(s, &about, err));
    say_retained(out, &all, false);
    say_limits(out, &about);
    return OK;
}

/* A store that is not there is not made. */
static enum status retain(struct keeper *k, struct buf *out, struct err *err)
{
    struct store_retention r = {0};
    struct store *s = NULL;
    TRY(zone_set("UTC", err));
    TRY(parse_limit("keep-facts", k->keep_facts, &r.calls_since_us, err));
    TRY(parse_limit("keep-rollups", k->keep_rollups, &r.sums_since_us, err));
    if (!k->keep_facts)
        return err_set(err, ERR_USAGE, "how long? Give --keep-facts, for example 400d");
    if (r.sums_since_us > 0 && (r.calls_since_us == 0 || r.sums_since_us > r.calls_since_us))
        return err_set(err, ERR_USAGE, "--keep-rollups cannot be shorter than --keep-facts");
    TRY(store_open(k->path, STORE_READ, &s, err));
    if (!k->dry_run) {
        store_close(s);
        TRY(store_open(k->path, STORE_WRITE, &s, err));
    }
    enum status status = retain_open(k, s, &r, out, err);
    store_close(s);
    return status;
}

static const struct verb {
    const char *name;
    enum status (*run)(struct keeper *k, struct buf *out, struct err *err);
} verbs[] = {
    {"backup", backup},   {"check", check},   {"stats", stats},
    {"migrate", migrate}, {"retain", retain},
};

enum { VERBS = sizeof verbs / sizeof verbs[0] };

static enum status find_verb(const char *typed, const struct verb **out, struct err *err)
{
    char shown[QUOTED_TEXT];
    struct nearest near = nearest_start(str_from(typed));
    for (int i = 0; i < VERBS; i++) {
        if (strcmp(typed, verbs[i].name) == 0) {
            *out = &verbs[i];
            return OK;
        }
        nearest_offer(&near, str_from(verbs[i].name));
    }
    if (near.best.p)
        return err_set(err, ERR_USAGE, "assay store has no '%s': did you mean '%.*s'?",
                       quoted(shown, str_from(typed)), STR_ARG(near.best));
    return err_set(err, ERR_USAGE, "assay store has no '%s'; --help lists what it can do",
                   quoted(shown, str_from(typed)));
}

static enum status run(struct keeper *k, char **operands, int n, struct buf *out, struct err *err)
{
    const struct verb *verb = NULL;
    if (n == 0)
        return err_set(err, ERR_USAGE,
                       "what with the store? backup, check, stats, migrate or "
                       "retain");
    TRY(find_verb(operands[0], &verb, err));
    bool copies = verb->run == backup;
    if (copies && n < 2)
        return err_set(err, ERR_USAGE, "where to? assay store backup FILE --store STORE");
    if (n > 1 + copies)
        return err_set(err, ERR_USAGE, "what is '%.100s'? The store is given with --store FILE",
                       operands[1 + copies]);
    if (!k->path)
        return err_set(err, ERR_USAGE, "which store? Give --store FILE");
    k->target = copies ? operands[1] : NULL;
    return verb->run(k, out, err);
}

int cmd_store(int argc, char **argv)
{
    struct keeper k = {.format = "table"};
    const struct option options[] = {
        {"store", OPTION_TEXT, &k.path, "FILE", "the store"},
        {"force", OPTION_FLAG, &k.force, NULL, "backup: replace a file that is there"},
        {"format", OPTION_TEXT, &k.format, "FORM", "stats: table or json"},
        {"backup", OPTION_TEXT, &k.backup, "FILE", "migrate: copy the store there first"},
        {"keep-facts", OPTION_TEXT, &k.keep_facts, "TIME",
         "retain: how long, as 400d; 0: for ever"},
        {"keep-rollups", OPTION_TEXT, &k.keep_rollups, "TIME", "retain: the same of sums (0)"},
        {"dry-run", OPTION_FLAG, &k.dry_run, NULL, "retain: only say what would go"},
        {"help", OPTION_FLAG, &k.help, NULL, "this text"},
        {0},
    };
    struct err err = {0};
    struct buf out;
    int n = 0, code = EXIT_BAD_USAGE;
    char **operands = cli_operands(argc);
    if (!operands)
        return EXIT_CANNOT;
    buf_init(&out, 1 << 20);
    if (cli_options(argc, argv, options, operands, &n)) {
        code = EXIT_DONE;
        if (k.help)
            cli_help(usage, options);
        else
            code = run(&k, operands, n, &out, &err) == OK ? cli_write(&out) : cli_fail(&err);
    }
    buf_fini(&out);
    free(operands);
    return code;
}
