/* assay session: one session, call by call. */
#include "cli/asking.h"

#include "base/nearest.h"
#include "query/timeline.h"

#include <stdio.h>
#include <stdlib.h>

struct show {
    struct asking asking;
    const char *limit, *since, *until, *runaway_limits;
    int64_t skip;
    bool help;
    struct runaway_limits limits;
    struct timeline_finder *finder;
};

enum { CALLS_SHOWN = 200 };

static const char usage[] =
    "assay session ID [PATH…] [option…]\n\n"
    "ID is the id of a session, or a beginning of it that no other has.\n"
    "PATH is a file, a directory, a quoted glob, s3://bucket/prefix, cloudwatch:GROUP, or -\n"
    "for standard input.";

static enum status build_question(struct show *s, struct err *err)
{
    struct question *q = &s->asking.question;
    const char *zone = s->asking.zone ? s->asking.zone : "UTC";
    TRY(question_set(q, STR("zone"), str_from(zone), err));
    TRY(question_set(q, STR("metrics"), STR("cost"), err));
    if (s->since)
        TRY(question_set(q, STR("since"), str_from(s->since), err));
    if (s->until)
        TRY(question_set(q, STR("until"), str_from(s->until), err));
    q->limit = CALLS_SHOWN;
    if (s->limit)
        TRY(question_set(q, STR("limit"), str_from(s->limit), err));
    TRY(zone_set(zone, err));
    s->limits = runaway_defaults();
    if (s->runaway_limits)
        TRY(runaway_set(&s->limits, str_from(s->runaway_limits), err));
    return question_finish(q, clock_now_us(), err);
}

static enum status find(struct show *s, struct str id, struct err *err)
{
    struct asking *a = &s->asking;
    TRY(asking_open(a, err));
    TRY(asking_read(a, true, err));
    const struct timeline_options o = {
        .id = id, .series = a->reading.series, .directory = a->directory, .limits = s->limits};
    TRY(timeline_finder_new(&o, &s->finder, err));
    return sessions_each(a->sessions, timeline_session, s->finder, err);
}

static enum status print(struct show *s, struct timeline *t, struct buf *out, struct err *err)
{
    struct asking *a = &s->asking;
    t->question = &a->question;
    t->skip = (size_t)s->skip;
    t->about = a->about;
    t->prices_date = pricing_date(a->reading.pricing);
    return report_timeline(t, &a->render, out, err);
}

/* Ids and names are texts of strangers. */
static void put_clean(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        fputc(c < 0x20 || c == 0x7f ? '?' : c, stderr);
    }
}

static int list_matches(struct timeline_finder *f, const char *id, bool period,
                        const struct about *about)
{
    size_t n, total;
    char typed[QUOTED_TEXT], time[TIME_TEXT], cost[MONEY_TEXT];
    const struct timeline_match *m = timeline_matches(f, &n, &total);
    if (n == 0) {
        fprintf(stderr,
                "assay: no session begins with '%s'%s; assay report sessions lists them, where "
                "requests were logged\n",
                quoted(typed, str_from(id)), period ? " in this period" : "");
        if (about->calls_missing) {
            time_format(time, about->calls_since_us);
            fprintf(stderr, "assay: this store keeps single calls since %s\n", time);
        }
        return EXIT_BAD_USAGE;
    }
    fprintf(stderr, "assay: %zu sessions begin with '%s':\n", total, quoted(typed, str_from(id)));
    for (size_t i = 0; i < n; i++) {
        time_format(time, m[i].first_us);
        money_format(cost, m[i].cost, 2, ',');
        fputs("  ", stderr);
        put_clean(m[i].id);
        fputs("  ", stderr);
        put_clean(m[i].user);
        fprintf(stderr, "  %s  %lld requests  $%s\n", time, (long long)m[i].requests, cost);
    }
    if (total > n)
        fprintf(stderr, "  … and %zu more\n", total - n);
    return EXIT_BAD_USAGE;
}

static int answer(struct show *s)
{
    struct asking *a = &s->asking;
    struct err err = {0};
    if (a->operands_n == 0 || !a->operands[0][0]) {
        err_set(&err, ERR_USAGE, "give the id of a session; assay report sessions lists them");
        return cli_fail(&err);
    }
    const char *id = a->operands[0];
    a->operands++;
    a->operands_n--;
    if (build_question(s, &err) != OK || find(s, str_from(id), &err) != OK)
        return cli_fail(&err);
    bool incomplete = a->about.n[ABOUT_FILES_FAILED] > 0;
    struct timeline *t = timeline_found(s->finder);
    if (!t) {
        int code = list_matches(s->finder, id, s->since || s->until, &a->about);
        return incomplete ? EXIT_INCOMPLETE : code; /* it may stand in what could not be read */
    }
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    int code = print(s, t, &out, &err) == OK ? cli_write(&out) : cli_fail(&err);
    if (code == EXIT_DONE && incomplete)
        code = EXIT_INCOMPLETE;
    buf_fini(&out);
    return code;
}

int cmd_session(int argc, char **argv)
{
    static struct show s; /* one command per process; too large for a comfortable stack */
    asking_init(&s.asking);
    const struct option options[] = {
        {"since", OPTION_TEXT, &s.since, "TIME", "only calls from then on, as for assay report"},
        {"until", OPTION_TEXT, &s.until, "TIME", "end of the period, inclusive for days"},
        {"limit", OPTION_TEXT, &s.limit, "N", "at most N calls, 0: all (default 200)"},
        {"skip", OPTION_COUNT, &s.skip, "N", "begin after so many calls"},
        {"runaway-limits", OPTION_TEXT, &s.runaway_limits, "KEY=N,…",
         "thresholds of the score, as for assay report"},
        ASKING_OPTIONS(&s.asking),
        READING_OPTIONS(&s.asking.reading),
        {"help", OPTION_FLAG, &s.help, NULL, "this text"},
        {0},
    };
    char **operands = cli_operands(argc);
    s.asking.operands = operands;
    if (!operands)
        return EXIT_CANNOT;
    int code = EXIT_BAD_USAGE;
    if (cli_options(argc, argv, options, operands, &s.asking.operands_n)) {
        code = EXIT_DONE;
        if (s.help)
            cli_help(usage, options);
        else
            code = answer(&s);
        timeline_finder_free(s.finder);
        asking_fini(&s.asking);
    }
    free(operands);
    return code;
}
