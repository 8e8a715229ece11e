/*
 * What has to be said around a table: the period, and below it how far the figures are to be
 * believed. The counts of what is missing stand there even when they are 0: silence would not tell
 * a clean input from a report that does not look.
 */
#include "report/render_internal.h"

#include <stdarg.h>
#include <stdio.h>

static struct str format(struct notes *n, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(struct notes *n, bool warning, struct str text);

static struct str keep(struct notes *n, struct str text)
{
    struct str copy = arena_str(n->arena, text);
    n->failed = n->failed || !copy.p;
    return copy.p ? copy : STR("");
}

static struct str format(struct notes *n, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t fits = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    return keep(n, str_of(text, fits));
}

static struct str clean(struct notes *n, struct str text)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    text_clean(&b, text, n->ascii);
    struct str copy = keep(n, buf_view(&b));
    n->failed = n->failed || buf_status(&b) != OK;
    buf_fini(&b);
    return copy;
}

static void add(struct notes *n, bool warning, struct str text)
{
    if (n->n < NOTES)
        n->v[n->n++] = (struct note){.text = text, .warning = warning};
}

static void add_line(struct notes *n, bool warning, struct str text)
{
    add(n, warning, text);
    n->v[n->n - 1].starts_line = true;
}

/* "1 file", "1,234 files" */
static struct str counted(struct notes *n, int64_t count, const char *one, const char *many)
{
    char room[FIGURE_TEXT];
    figure_count(room, count);
    return format(n, "%s %s", room, count == 1 ? one : many);
}

static struct str day(struct notes *n, int64_t time_us)
{
    struct civil c = zone_civil(time_us);
    return format(n, "%04lld-%02d-%02d", (long long)c.year, c.month, c.day);
}

static struct str moment(struct notes *n, int64_t time_us, bool always_clock)
{
    struct civil c = zone_civil(time_us);
    if (c.hour == 0 && c.minute == 0 && c.second == 0 && !always_clock)
        return day(n, time_us);
    return format(n, "%04lld-%02d-%02d %02d:%02d", (long long)c.year, c.month, c.day, c.hour,
                  c.minute);
}

/* The end of a period as people say it: the last day for a midnight. */
static struct str last_moment(struct notes *n, int64_t until_us)
{
    struct civil c = zone_civil(until_us);
    bool midnight = c.hour == 0 && c.minute == 0 && c.second == 0 && c.us == 0;
    if (!midnight)
        return moment(n, until_us, true);
    return day(n, until_us - 1);
}

struct str notes_period(const struct answer *a, struct notes *n)
{
    const struct question *q = a->question;
    struct str zone = clean(n, q->zone);
    const char *dash = n->ascii ? "to" : "\xE2\x80\x93";
    if (q->since_us != INT64_MIN && q->until_us != INT64_MAX) {
        struct str from = moment(n, q->since_us, false);
        struct str to = last_moment(n, q->until_us);
        if (str_eq(from, to))
            return format(n, "%.*s, %.*s", STR_ARG(from), STR_ARG(zone));
        return format(n, "%.*s %s %.*s, %.*s", STR_ARG(from), dash, STR_ARG(to), STR_ARG(zone));
    }
    if (q->since_us != INT64_MIN)
        return format(n, "since %.*s, %.*s", STR_ARG(moment(n, q->since_us, false)), STR_ARG(zone));
    if (q->until_us != INT64_MAX)
        return format(n, "until %.*s, %.*s", STR_ARG(last_moment(n, q->until_us)), STR_ARG(zone));
    if (a->about.up_to_us == TIME_NONE || a->about.since_us == TIME_NONE)
        return format(n, "all data, %.*s", STR_ARG(zone));
    struct str from = day(n, a->about.since_us), to = day(n, a->about.up_to_us);
    if (str_eq(from, to))
        return format(n, "all data, %.*s, %.*s", STR_ARG(from), STR_ARG(zone));
    return format(n, "all data, %.*s %s %.*s, %.*s", STR_ARG(from), dash, STR_ARG(to),
                  STR_ARG(zone));
}

struct str notes_filters(const struct answer *a, struct notes *n)
{
    const struct question *q = a->question;
    struct str all = STR("");
    for (int i = q->stored_filters_n; i < q->filters_n; i++) {
        const struct filter *f = &q->filters[i];
        char room[DIMENSION_NAME];
        struct str name = filter_dimension(f, room);
        if (f->dim == DIM_TAG)
            name = clean(n, name);
        struct str values = f->values.n ? clean(n, f->values) : STR("\"\"");
        all = format(n, "%.*s%s%.*s%s%.*s", STR_ARG(all), all.n ? " and " : "where ", STR_ARG(name),
                     f->op == FILTER_IS ? "=" : "!=", STR_ARG(values));
    }
    return all;
}

struct str notes_title(const struct answer *a, struct notes *n)
{
    return clean(n, a->question->title);
}

static void note_data(const struct answer *a, struct notes *n)
{
    const struct about *about = &a->about;
    if (about->up_to_us == TIME_NONE)
        add_line(n, false, STR("no data"));
    else
        add_line(n, false, format(n, "data up to %.*s", STR_ARG(moment(n, about->up_to_us, true))));
    struct str files = counted(n, about->n[ABOUT_FILES], "file", "files");
    add(n, false,
        format(n, "%.*s in %.*s", STR_ARG(counted(n, about->invocations, "call", "calls")),
               STR_ARG(files)));
    if (a->prices_date.n)
        add(n, false, format(n, "prices of %.*s", STR_ARG(clean(n, a->prices_date))));
}

static void note_losses(const struct answer *a, struct notes *n)
{
    const int64_t *about = a->about.n;
    const int64_t *count = a->total.sums.count;
    /* Which of them a late record is nobody can tell any more. */
    bool late = a->about.late > 0;
    bool priced = count[COUNT_INVOCATIONS] > 0 || !a->sessions.asked;
    if (priced)
        add_line(n, count[COUNT_UNPRICED] > 0,
                 counted(n, count[COUNT_UNPRICED], "unpriced", "unpriced"));
    if (count[COUNT_PARTIAL] > 0)
        add(n, true, counted(n, count[COUNT_PARTIAL], "partly priced", "partly priced"));
    if (count[COUNT_UNKNOWN_USAGE] > 0)
        add(n, true,
            counted(n, count[COUNT_UNKNOWN_USAGE], "without counters", "without counters"));
    (priced ? add : add_line)(n, false,
                              counted(n, about_duplicates(&a->about),
                                      late ? "duplicate or late record" : "duplicate removed",
                                      late ? "duplicates or late records" : "duplicates removed"));
    add(n, false, counted(n, about[ABOUT_SKIPPED], "skipped", "skipped"));
    add(n, about[ABOUT_QUARANTINED] > 0,
        counted(n, about[ABOUT_QUARANTINED], "quarantined", "quarantined"));
    if (about[ABOUT_FILES_FAILED] > 0)
        add(n, true, counted(n, about[ABOUT_FILES_FAILED], "file failed", "files failed"));
    if (count[COUNT_FLAGGED] > 0)
        add(n, false,
            counted(n, count[COUNT_FLAGGED], "priced from a disputed source",
                    "priced from a disputed source"));
}

/* What a store has let go of, where it matters for this answer. */
static void note_kept(const struct answer *a, struct notes *n)
{
    const struct about *about = &a->about;
    if (about->calls_since_us == 0)
        return;
    struct str since = moment(n, about->calls_since_us, true);
    if (about->calls_missing)
        add_line(n, true,
                 format(n,
                        "single calls are kept since %.*s: what only they tell (sessions, tools) "
                        "is missing before",
                        STR_ARG(since)));
    if (about->edges_moved)
        add_line(n, true,
                 format(n,
                        "calls are kept since %.*s, before that sums by the hour: there a period "
                        "has the hours that begin in it",
                        STR_ARG(since)));
    if (about->sums_since_us > 0 && a->question->since_us < about->sums_since_us)
        add_line(n, true,
                 format(n, "sums are kept since %.*s; what was before is not in this answer",
                        STR_ARG(moment(n, about->sums_since_us, true))));
    if (about->late > 0)
        add_line(n, true,
                 format(n,
                        "%.*s older than the calls that are kept: not counted now, and lost "
                        "unless counted before",
                        STR_ARG(counted(n, about->late, "record came", "records came"))));
}

static struct str share(struct notes *n, int64_t part, int64_t whole)
{
    char room[FIGURE_TEXT];
    /* Down, so that 100% is said only of everything. */
    figure_percent(room, (int64_t)((money_sum)part * 10000 / whole));
    return keep(n, str_from(room));
}

static void note_coverage(const struct answer *a, struct notes *n)
{
    const int64_t *count = a->total.sums.count;
    int64_t all = count[COUNT_INVOCATIONS];
    if (all <= 0 || a->sessions.asked)
        return;
    add(n, false,
        format(n, "coverage: requests seen %.*s, responses %.*s",
               STR_ARG(share(n, count[COUNT_INPUT_BODIES], all)),
               STR_ARG(share(n, count[COUNT_OUTPUT_BODIES], all))));
    if (count[COUNT_BODIES_MISSING] > 0)
        add(n, false, counted(n, count[COUNT_BODIES_MISSING], "body missing", "bodies missing"));
    if (count[COUNT_BODIES_REFUSED] > 0)
        add(n, true, counted(n, count[COUNT_BODIES_REFUSED], "body refused", "bodies refused"));
}

static bool asks_between(const struct question *q, int from, int to)
{
    for (int i = 0; i < q->metrics_n; i++)
        if (q->metrics[i] >= from && q->metrics[i] <= to)
            return true;
    return false;
}

/* Whether a column has amounts of the calls themselves; the tax of servers is none of them. */
static bool tells_cost(const struct question *q)
{
    for (int i = 0; i < q->metrics_n; i++)
        if (metric_info(q->metrics[i]).kind == METRIC_KIND_MONEY &&
            q->metrics[i] != METRIC_TAX_COST && q->metrics[i] != METRIC_TAX_MONTH)
            return true;
    return false;
}

/* Whether a column has figures of the calls around uses of tools. */
static bool tells_calls(const struct question *q)
{
    return asks_between(q, 0, METRIC_USERS - 1) ||
           asks_between(q, METRIC_USERS + 1, METRIC_SESSIONS - 1) ||
           asks_between(q, METRIC_COST_MAIN, METRIC_RETRY_COST);
}

static void note_harnesses(const struct answer *a, struct notes *n)
{
    const struct answer_sessions *s = &a->sessions;
    bool asks = false;
    for (int i = 0; i < a->question->dims_n; i++)
        asks = asks || a->question->dims[i] == DIM_HARNESS;
    if (!asks || s->calls <= 0)
        return;
    add_line(n, false,
             format(n, "harness recognised in %.*s of calls",
                    STR_ARG(share(n, s->recognised, s->calls))));
    if (s->cost > 0)
        add(n, false,
            format(n, "%.*s of cost",
                   STR_ARG(share(n, (int64_t)(s->recognised_cost / PICO_PER_NANO),
                                 (int64_t)(s->cost / PICO_PER_NANO)))));
}

/* Who is given more memory has them whole. */
static void note_cuts(const struct answer *a, struct notes *n)
{
    const struct answer_sessions *s = &a->sessions;
    if (s->cut > 0)
        add_line(n, true,
                 format(n,
                        "%.*s too long for --session-memory, worked out in %.*s: what spans two of "
                        "them is missing or counts twice",
                        STR_ARG(counted(n, s->cut, "session", "sessions")),
                        STR_ARG(counted(n, s->pieces, "piece", "pieces"))));
    if (s->names_cut > 0)
        add(n, true,
            format(n, "%.*s left out: no names, or beyond a limit",
                   STR_ARG(counted(n, s->names_cut, "name in bodies", "names in bodies"))));
    if (s->unshown > 0)
        add_line(n, true,
                 format(n, "%.*s not shown: the session is too long for --session-memory",
                        STR_ARG(counted(n, s->unshown, "later call", "later calls"))));
}

/* What an answer by sessions rests on, and what it leaves out. */
static void note_sessions(const struct answer *a, struct notes *n)
{
    char room[FIGURE_TEXT];
    const struct answer_sessions *s = &a->sessions;
    if (!s->asked)
        return;
    add_line(n, false, counted(n, s->sessions, "session", "sessions"));
    if (s->inferred > 0)
        add(n, false,
            format(n, "%.*s from messages, without an id (~)",
                   STR_ARG(counted(n, s->inferred, "inferred", "inferred"))));
    if (s->calls > s->requests) {
        int64_t missing = (int64_t)((money_sum)(s->calls - s->requests) * 10000 / s->calls);
        figure_percent(room, missing);
        add(n, true,
            format(n, "needs content logging: %s of calls had no request body",
                   missing < 10 ? "less than 0.1%" : room));
    } else if (s->calls > 0) {
        add(n, false, STR("all requests seen"));
    }
    if (s->left_out > 0) {
        figure_dollars(room, s->left_out_cost, 2);
        add(n, true,
            format(n, "%.*s of no session left out (%s)",
                   STR_ARG(counted(n, s->left_out, "call", "calls")), room));
    }
    if (a->total.at_least && asks_between(a->question, METRIC_PROMPTS, METRIC_PROMPTS))
        add_line(n, false, STR("+ prompts: at least so many; some requests were not seen"));
    if (s->around && tells_calls(a->question))
        add_line(n, false,
                 STR("calls, tokens and cost are of the answers that made such a use; the total "
                     "counts each once"));
    if (asks_between(a->question, METRIC_FIRST_SYSTEM, METRIC_FIRST_USER) ||
        asks_between(a->question, METRIC_TAX_TOKENS, METRIC_TAX_TOKENS) ||
        asks_between(a->question, METRIC_TAX_COST, METRIC_TAX_COST) ||
        asks_between(a->question, METRIC_TAX_MONTH, METRIC_TAX_MONTH))
        add_line(n, false, STR("parts of a request are estimates: its tokens shared by bytes"));
    note_harnesses(a, n);
}

/* As many reasons as one line holds: a report by reason has them all, with what each costs. */
static void note_reasons(struct notes *n, struct str reasons)
{
    enum { HEAD = 5, REST = 28 }; /* "why: ", "; and 12 more: --by reason" */
    int more = 0;
    size_t shown = reasons.n;
    while (n->width > 0 &&
           HEAD + text_width(str_of(reasons.p, shown)) + (more ? REST : 0) > n->width) {
        size_t cut = shown ? shown - 1 : 0;
        while (cut > 0 && !str_has_prefix(str_skip(reasons, cut), STR("; ")))
            cut--;
        if (cut == 0)
            break;
        shown = cut;
        more++;
    }
    add_line(n, false,
             more ? format(n, "why: %.*s; and %d more: --by reason", (int)shown, reasons.p, more)
                  : format(n, "why: %.*s", STR_ARG(reasons)));
}

/* What the marks of amounts mean, on one line where there is room. */
static void note_marks(const struct answer *a, const struct grid *g, struct notes *n)
{
    char low[FIGURE_TEXT], high[FIGURE_TEXT];
    const struct sums *s = &a->total.sums;
    void (*put)(struct notes *, bool, struct str) = add_line;
    if (a->sessions.asked && !tells_cost(a->question)) {
        if (g->marked && a->total.tax_more)
            put(n, true,
                STR("+? or \"unpriced\": part of it has no price (assay report unpriced)"));
        return;
    }
    if (metric_incomplete(s) && g->marked) {
        bool listed = str_eq(a->question->name, STR("unpriced"));
        put(n, true,
            format(n, "+? or \"unpriced\": %.*s without a rate%s",
                   STR_ARG(counted(n, s->count[COUNT_UNPRICED_TOKENS], "token", "tokens")),
                   listed ? "" : " (assay report unpriced)"));
        put = add;
    }
    if (s->count[COUNT_BOUNDED] > 0) {
        figure_dollars(low, s->money[MONEY_COST], 2);
        figure_dollars(high, s->money[MONEY_HIGH], 2);
        put(n, false,
            format(n, "~ %.*s with a low and a high amount: %s to %s in all",
                   STR_ARG(counted(n, s->count[COUNT_BOUNDED], "call", "calls")), low, high));
        put = add;
    }
    if (s->count[COUNT_ESTIMATED] > 0)
        put(n, false,
            format(n, "~ %.*s estimated",
                   STR_ARG(counted(n, s->count[COUNT_ESTIMATED], "call", "calls"))));
    if (a->total.reasons.n)
        note_reasons(n, clean(n, a->total.reasons));
}

void notes_of(const struct answer *a, const struct grid *g, struct notes *n)
{
    note_data(a, n);
    note_losses(a, n);
    note_coverage(a, n);
    note_kept(a, n);
    note_sessions(a, n);
    note_cuts(a, n);
    if (g)
        note_marks(a, g, n);
}

struct str notes_empty(const struct answer *a, struct notes *n)
{
    if (a->sessions.calls > 0 && a->sessions.requests == 0)
        return format(n,
                      "Needs content logging: none of %.*s was logged with its request, so nothing "
                      "is known of sessions and tools.",
                      STR_ARG(counted(n, a->sessions.calls, "call", "calls")));
    if (a->sessions.calls > 0 && a->sessions.left_out == a->sessions.calls &&
        a->about.calls_missing)
        return format(n,
                      "No session is known of %.*s: the store keeps single calls since %.*s, and "
                      "of earlier ones their sums.",
                      STR_ARG(counted(n, a->sessions.calls, "call", "calls")),
                      STR_ARG(moment(n, a->about.calls_since_us, true)));
    if (a->sessions.calls > 0 && a->sessions.left_out == a->sessions.calls &&
        a->sessions.looked > 0)
        return format(
            n,
            "No sessions among %.*s: no request was seen, or it is a single one of a program "
            "that no rule knows.",
            STR_ARG(counted(n, a->sessions.calls, "call", "calls")));
    if (a->sessions.calls > 0 && a->sessions.left_out == a->sessions.calls)
        return format(n,
                      "No session is known of %.*s, though requests were logged: they were not "
                      "looked into. Read them with --level content.",
                      STR_ARG(counted(n, a->sessions.calls, "call", "calls")));
    if (a->about.invocations > 0)
        return format(n,
                      "Nothing matches: there are %.*s, but none in this period and with these "
                      "filters.",
                      STR_ARG(counted(n, a->about.invocations, "invocation", "invocations")));
    if (a->about.n[ABOUT_QUARANTINED] > 0 || a->about.n[ABOUT_FILES_FAILED] > 0)
        return a->about.n[ABOUT_QUARANTINED] > 0
                   ? STR("Nothing could be read: see what was quarantined, and why.")
                   : STR("Nothing could be read: what is said above on standard error says why.");
    if (a->about.n[ABOUT_FILES] > 0)
        return STR("No invocation records in the input: is this where Bedrock delivers its model "
                   "invocation logs?");
    return STR("Nothing is there yet: no file, object or event with a record of a call.");
}
