/* assay report: a question about logs, or about a store. */
#include "cli/asking.h"

#include "query/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct report {
    struct asking asking;
    const char *by, *metrics, *since, *until, *bucket, *order, *limit;
    const char *runaway_limits, *savings_limits;
    struct option_list where;
    bool help, runaway;

    struct runaway_limits limits;
    struct savings_limits enough;
    struct inside *inside;
    struct savings_engine *engine;
    struct answer *answer;
    struct savings *savings;
};

static const char usage[] =
    "assay report [NAME] [PATH…] [option…]\n\n"
    "NAME is overview, people, teams, models, regions, profiles, errors, unpriced, or,\n"
    "from what was logged of requests, sessions, tools, mcp, skills, agents, context,\n"
    "harnesses, runaway or savings.\n"
    "PATH is a file, a directory, a quoted glob, s3://bucket/prefix, cloudwatch:GROUP, or -\n"
    "for standard input.";

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

static enum status name_question(struct report *r, struct err *err)
{
    struct asking *a = &r->asking;
    struct question *q = &a->question;
    if (a->operands_n > 0 && !question_is_name(str_from(a->operands[0])))
        TRY(check_name(q, a->operands[0], err));
    struct str name = STR("");
    if (a->operands_n > 0 && question_is_name(str_from(a->operands[0]))) {
        name = str_from(a->operands[0]);
        a->operands++;
        a->operands_n--;
    } else if (!r->by && !r->metrics) {
        name = STR("overview");
    }
    if (r->runaway && !str_eq(name, STR("sessions")) && !str_eq(name, STR("runaway")))
        return err_set(err, ERR_USAGE, "--runaway belongs to assay report sessions");
    if (r->runaway)
        name = STR("runaway");
    return name.n ? question_named(q, name, err) : OK;
}

static bool is_savings(const struct report *r)
{
    return str_eq(r->asking.question.name, STR("savings"));
}

static enum status check_savings(const struct report *r, struct err *err)
{
    const struct question *q = &r->asking.question;
    if (!is_savings(r) && r->savings_limits)
        return err_set(err, ERR_USAGE, "--savings-limits belongs to assay report savings");
    if (!is_savings(r))
        return OK;
    if (r->by || r->metrics || r->bucket || r->order)
        return err_set(err, ERR_USAGE,
                       "savings has findings for rows: --by, --metrics, --bucket and --order do "
                       "not apply");
    for (int i = 0; i < q->filters_n; i++)
        if (dimension_of_session(q->filters[i].dim))
            return err_set(err, ERR_USAGE, "savings cannot be filtered by %.*s",
                           STR_ARG(dimension_name(q->filters[i].dim)));
    return OK;
}

static enum status build_question(struct report *r, struct err *err)
{
    struct question *q = &r->asking.question;
    const char *zone = r->asking.zone ? r->asking.zone : "UTC";
    TRY(name_question(r, err));
    TRY(set(q, "by", r->by, err));
    TRY(set(q, "metrics", r->metrics, err));
    for (int i = 0; i < r->where.n; i++)
        TRY(set(q, "where", r->where.v[i], err));
    TRY(set(q, "since", r->since, err));
    TRY(set(q, "until", r->until, err));
    TRY(set(q, "bucket", r->bucket, err));
    TRY(set(q, "order", r->order, err));
    TRY(set(q, "limit", r->limit, err));
    TRY(set(q, "zone", zone, err));
    TRY(zone_set(zone, err));
    TRY(check_savings(r, err));
    r->limits = runaway_defaults();
    if (r->runaway_limits)
        TRY(runaway_set(&r->limits, str_from(r->runaway_limits), err));
    r->enough = savings_defaults();
    if (r->savings_limits)
        TRY(savings_limits_set(&r->enough, str_from(r->savings_limits), err));
    return question_finish(q, clock_now_us(), err);
}

/* Clients choose the names of tools: nobody wants to read more of them, and each takes memory. */
enum { MOST_ROWS = 10000 };

static void tell_cuts(const struct sessions *s, struct answer_sessions *out)
{
    struct sessions_cuts cuts = sessions_cuts(s);
    out->cut = cuts.sessions;
    out->pieces = cuts.pieces;
}

static enum status answer_sessions(struct report *r, struct str date, struct err *err)
{
    struct asking *a = &r->asking;
    const struct inside_options o = {.plan = a->plan,
                                     .series = a->reading.series,
                                     .limits = r->limits,
                                     .most_rows = r->limit ? 0 : MOST_ROWS};
    TRY(inside_new(&o, &r->inside, err));
    for (bool more = true; more;) {
        TRY(sessions_each(a->sessions, inside_session, r->inside, err));
        TRY(inside_again(r->inside, &more, err));
    }
    TRY(inside_loose(r->inside, a->cube, err));
    TRY(inside_answer(r->inside, &a->about, date, &r->answer, err));
    tell_cuts(a->sessions, &r->answer->sessions);
    return OK;
}

/* Before the reading: calls of no session are judged as they come. */
static enum status open_savings(struct report *r, struct err *err)
{
    struct asking *a = &r->asking;
    const struct savings_options o = {.plan = a->plan,
                                      .series = a->reading.series,
                                      .directory = a->directory,
                                      .pricing = a->reading.pricing,
                                      .limits = r->enough,
                                      .threads = asking_threads(a)};
    TRY(savings_new(&o, &r->engine, err));
    a->loose = savings_call;
    a->loose_ctx = r->engine;
    return OK;
}

static enum status answer_savings(struct report *r, struct str date, struct err *err)
{
    struct asking *a = &r->asking;
    TRY(sessions_each(a->sessions, savings_session, r->engine, err));
    savings_loose(r->engine, a->cube);
    TRY(savings_finish(r->engine, &a->about, date, &r->savings, err));
    tell_cuts(a->sessions, &r->savings->sessions);
    return OK;
}

static enum status run(struct report *r, struct buf *out, struct err *err)
{
    struct asking *a = &r->asking;
    TRY(build_question(r, err));
    bool sessions = is_savings(r) || question_needs_sessions(&a->question);
    TRY(asking_open(a, err));
    if (is_savings(r))
        TRY(open_savings(r, err));
    TRY(asking_read(a, sessions, err));
    struct str date = pricing_date(a->reading.pricing);
    if (is_savings(r)) {
        TRY(answer_savings(r, date, err));
        return report_savings(r->savings, &a->render, out, err);
    }
    TRY(sessions ? answer_sessions(r, date, err)
                 : answer_new(a->plan, a->cube, &a->about, date, &r->answer, err));
    return report_render(r->answer, &a->render, out, err);
}

static void fini(struct report *r)
{
    savings_free(r->savings);
    savings_engine_free(r->engine);
    answer_free(r->answer);
    inside_free(r->inside);
    asking_fini(&r->asking);
}

static int answer(struct report *r)
{
    struct err err = {0};
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    int code = run(r, &out, &err) == OK ? cli_write(&out) : cli_fail(&err);
    if (r->answer && r->answer->rows_cut > 0 && r->asking.question.limit == 0)
        fprintf(stderr, "assay: only the first %zu of %zu rows; --limit 0 shows all\n",
                r->answer->rows_n, r->answer->rows_n + r->answer->rows_cut);
    if (code == EXIT_DONE && r->asking.about.n[ABOUT_FILES_FAILED] > 0)
        code = EXIT_INCOMPLETE;
    buf_fini(&out);
    return code;
}

int cmd_report(int argc, char **argv)
{
    static struct report r; /* one command per process; too large for a comfortable stack */
    asking_init(&r.asking);
    const struct option options[] = {
        {"by", OPTION_TEXT, &r.by, "DIM,…", "dimensions: user, team, model, account, region …"},
        {"metrics", OPTION_TEXT, &r.metrics, "NAME,…", "columns: invocations, input, cost …"},
        {"where", OPTION_LIST, &r.where, "DIM=GLOB,…", "filter, also !=; may be repeated"},
        {"since", OPTION_TEXT, &r.since, "TIME", "2026-10-01, 7d, this-month, yesterday …"},
        {"until", OPTION_TEXT, &r.until, "TIME", "end of the period, inclusive for days"},
        {"bucket", OPTION_TEXT, &r.bucket, "SIZE", "steps of time: hour, day, week, month, year"},
        {"order", OPTION_TEXT, &r.order, "NAME[:asc]", "metric or dimension to sort by"},
        {"limit", OPTION_TEXT, &r.limit, "N", "at most N rows; the total covers all"},
        {"runaway", OPTION_FLAG, &r.runaway, NULL, "of sessions those that look like runaways"},
        {"runaway-limits", OPTION_TEXT, &r.runaway_limits, "KEY=N,…",
         "thresholds: prompts, rate, fan-out, loop, cost …"},
        {"savings-limits", OPTION_TEXT, &r.savings_limits, "KEY=N,…",
         "of savings: context, first-message, first-percentile"},
        ASKING_OPTIONS(&r.asking),
        READING_OPTIONS(&r.asking.reading),
        {"help", OPTION_FLAG, &r.help, NULL, "this text"},
        {0},
    };
    char **operands = cli_operands(argc);
    r.asking.operands = operands;
    if (!operands)
        return EXIT_CANNOT;
    int code = EXIT_BAD_USAGE;
    if (cli_options(argc, argv, options, operands, &r.asking.operands_n)) {
        code = EXIT_DONE;
        if (r.help)
            cli_help(usage, options);
        else
            code = answer(&r);
        fini(&r);
    }
    free(operands);
    return code;
}
