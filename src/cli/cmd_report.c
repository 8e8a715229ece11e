/* assay report: a question about logs, or about a store. */
#include "cli/reading.h"

#include "ingest/oneshot.h"
#include "report/render.h"
#include "store/store.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct report {
    struct reading reading;
    const char *by, *metrics, *since, *until, *bucket, *zone, *order, *limit;
    struct option_list where;
    const char *format, *color, *directory_path, *store_path;
    int64_t dedupe_memory;
    bool help;
    char **operands;
    int operands_n;

    struct question question;
    struct directory *directory;
    struct plan *plan;
    struct plan_view *view;
    struct cube *cube;
    struct about about;
    struct answer *answer;
    struct report_options render;
};

static const char usage[] =
    "assay report [NAME] [PATH…] [option…]\n\n"
    "NAME is overview, people, teams, models, regions, profiles, errors or unpriced.\n"
    "PATH is a file, a directory, a quoted glob, or - for standard input.";

static enum status set(struct question *q, const char *key, const char *value, struct err *err)
{
    return value ? question_set(q, str_from(key), str_from(value), err) : OK;
}

/* A first operand that is no file but looks like a misspelt report ends with a hint, rather than
 * with an empty answer about a missing file. */
static enum status check_name(struct question *q, const char *operand, struct err *err)
{
    struct str s = str_from(operand);
    if (strcspn(operand, "/.*?[") != s.n || str_eq(s, STR("-")) || access(operand, F_OK) == 0)
        return OK;
    struct err hint = {0};
    if (question_named(q, s, &hint) == OK || !strstr(hint.text, "did you mean"))
        return OK;
    return err_set(err, ERR_USAGE, "%s", hint.text);
}

static enum status build_question(struct report *r, struct err *err)
{
    struct question *q = &r->question;
    if (r->operands_n > 0 && !question_is_name(str_from(r->operands[0])))
        TRY(check_name(q, r->operands[0], err));
    if (r->operands_n > 0 && question_is_name(str_from(r->operands[0]))) {
        TRY(question_named(q, str_from(r->operands[0]), err));
        r->operands++;
        r->operands_n--;
    } else if (!r->by && !r->metrics) {
        TRY(question_named(q, STR("overview"), err));
    }
    TRY(set(q, "by", r->by, err));
    TRY(set(q, "metrics", r->metrics, err));
    for (int i = 0; i < r->where.n; i++)
        TRY(set(q, "where", r->where.v[i], err));
    TRY(set(q, "since", r->since, err));
    TRY(set(q, "until", r->until, err));
    TRY(set(q, "bucket", r->bucket, err));
    TRY(set(q, "order", r->order, err));
    TRY(set(q, "limit", r->limit, err));
    TRY(set(q, "zone", r->zone ? r->zone : "UTC", err));
    TRY(zone_set(r->zone ? r->zone : "UTC", err));
    return question_finish(q, clock_now_us(), err);
}

static enum status choose_rendering(struct report *r, struct err *err)
{
    struct report_options *o = &r->render;
    bool terminal = isatty(STDOUT_FILENO);
    if (!report_format_find(str_from(r->format), &o->format))
        return err_set(err, ERR_USAGE, "--format is table, json, csv or md, not '%.40s'",
                       r->format);
    if (strcmp(r->color, "always") == 0) {
        o->color = true;
    } else if (strcmp(r->color, "auto") == 0) {
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
        o->color = terminal && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
    } else if (strcmp(r->color, "never") != 0) {
        return err_set(err, ERR_USAGE, "--color is auto, always or never, not '%.40s'", r->color);
    }
    struct winsize size = {0};
    const char *columns = getenv("COLUMNS");
    int64_t width = 100;
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        width = size.ws_col;
    else if (columns && (!str_to_i64(str_from(columns), &width) || width < 20 || width > 1000))
        width = 100;
    o->width = (int)width;
    o->bars = true;
    o->ascii = !setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    return OK;
}

static enum status load_directory(struct report *r, struct err *err)
{
    if (!r->directory_path)
        return OK;
    struct buf text;
    TRY(reading_file(r->directory_path, &text, err));
    enum status status = directory_load(buf_view(&text), r->directory_path, &r->directory, err);
    buf_fini(&text);
    return status;
}

static enum status ask_logs(struct report *r, struct err *err)
{
    const struct oneshot run = {
        .operands = r->operands,
        .operands_n = r->operands_n,
        .threads = reading_threads(&r->reading),
        .dedupe_memory = (uint64_t)r->dedupe_memory,
        .env = &r->reading.env,
        .plan = r->plan,
        .ctx = &r->reading,
        .trouble = reading_trouble,
        .progress = reading_progress,
    };
    return oneshot_run(&run, r->cube, &r->about, err);
}

static enum status list_entry(void *ctx, const struct store_quarantine *q, struct err *err)
{
    (void)err;
    char path[PATH_MAX], reason[256];
    snprintf(path, sizeof path, "%.*s", STR_ARG(q->path));
    snprintf(reason, sizeof reason, "%.*s", STR_ARG(q->reason));
    reading_trouble(ctx, &(struct crew_trouble){path, q->offset, reason});
    return OK;
}

static enum status ask_store(struct report *r, struct store *store, struct err *err)
{
    TRY(store_load_series(store, r->reading.series, err));
    TRY(store_fill(store, r->plan, r->view, r->cube, err));
    if (r->reading.quarantine)
        TRY(store_quarantine(store, list_entry, &r->reading, err));
    return store_about(store, &r->about, err);
}

static enum status check_operands(const struct report *r, struct err *err)
{
    if (!r->store_path && r->operands_n == 0)
        return err_set(err, ERR_USAGE,
                       "nothing to read: give files or directories of logs, - for standard input, "
                       "or --store FILE");
    if (r->store_path && r->operands_n > 0)
        return err_set(err, ERR_USAGE,
                       "give paths or --store, not both ('%.100s'); to add logs to a store: "
                       "assay ingest",
                       r->operands[0]);
    if (r->store_path && (r->reading.prices || r->reading.profiles || r->reading.discounts.n))
        return err_set(err, ERR_USAGE,
                       "--prices, --profiles and --discount apply when logs are read: give them "
                       "to assay ingest");
    return OK;
}

static enum status answer(struct report *r, struct err *err)
{
    TRY(plan_new(&r->question, r->reading.series, r->directory, &r->plan, err));
    TRY(plan_view_new(r->plan, &r->view, err));
    TRY(cube_new(&r->cube, err));
    if (r->store_path) {
        struct store *store;
        TRY(store_open(r->store_path, STORE_READ, &store, err));
        enum status status = ask_store(r, store, err);
        store_close(store);
        TRY(status);
    } else {
        TRY(ask_logs(r, err));
    }
    return answer_new(r->plan, r->cube, &r->about, pricing_date(r->reading.pricing), &r->answer,
                      err);
}

static enum status run(struct report *r, struct buf *out, struct err *err)
{
    TRY(build_question(r, err));
    TRY(choose_rendering(r, err));
    TRY(check_operands(r, err));
    TRY(load_directory(r, err));
    TRY(reading_open(&r->reading, err));
    TRY(answer(r, err));
    return report_render(r->answer, &r->render, out, err);
}

static void fini(struct report *r)
{
    answer_free(r->answer);
    cube_free(r->cube);
    plan_view_free(r->view);
    plan_free(r->plan);
    directory_free(r->directory);
    question_fini(&r->question);
    reading_fini(&r->reading);
}

int cmd_report(int argc, char **argv)
{
    static struct report r; /* one command per process; too large for a comfortable stack */
    r = (struct report){.format = "table", .color = "auto"};
    reading_init(&r.reading);
    question_init(&r.question);
    const struct option options[] = {
        {"by", OPTION_TEXT, &r.by, "DIM,…", "dimensions: user, team, model, account, region …"},
        {"metrics", OPTION_TEXT, &r.metrics, "NAME,…", "columns: invocations, input, cost …"},
        {"where", OPTION_LIST, &r.where, "DIM=GLOB,…", "filter, also !=; may be repeated"},
        {"since", OPTION_TEXT, &r.since, "TIME", "2026-10-01, 7d, this-month, yesterday …"},
        {"until", OPTION_TEXT, &r.until, "TIME", "end of the period, inclusive for days"},
        {"bucket", OPTION_TEXT, &r.bucket, "SIZE", "steps of time: hour, day, week, month, year"},
        {"tz", OPTION_TEXT, &r.zone, "ZONE", "time zone of days and months (default UTC)"},
        {"order", OPTION_TEXT, &r.order, "NAME[:asc]", "metric or dimension to sort by"},
        {"limit", OPTION_TEXT, &r.limit, "N", "at most N rows; the total covers all"},
        {"format", OPTION_TEXT, &r.format, "FORM", "table, json, csv or md"},
        {"color", OPTION_TEXT, &r.color, "WHEN", "auto, always or never"},
        {"store", OPTION_TEXT, &r.store_path, "FILE", "ask a store made by assay ingest"},
        {"directory", OPTION_TEXT, &r.directory_path, "FILE", "who belongs to which team"},
        {"dedupe-memory", OPTION_COUNT, &r.dedupe_memory, "SIZE",
         "memory for recognising duplicates (default 1G)"},
        READING_OPTIONS(&r.reading),
        {"help", OPTION_FLAG, &r.help, NULL, "this text"},
        {0},
    };
    char **operands = r.operands = cli_operands(argc);
    if (!operands)
        return EXIT_CANNOT;
    if (!cli_options(argc, argv, options, r.operands, &r.operands_n)) {
        free(operands);
        return EXIT_BAD_USAGE;
    }
    if (r.help) {
        cli_help(usage, options);
        free(operands);
        return EXIT_DONE;
    }
    struct err err = {0};
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    int code;
    if (run(&r, &out, &err) != OK)
        code = cli_fail(&err);
    else
        code = cli_write(&out);
    if (code == EXIT_DONE && r.about.n[ABOUT_FILES_FAILED] > 0)
        code = EXIT_INCOMPLETE;
    buf_fini(&out);
    fini(&r);
    free(operands);
    return code;
}
