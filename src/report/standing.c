/* The page of a daemon: see standing.h. An entry is a word and what it says, in two columns. */
#include "report/standing.h"

#include "report/render_internal.h"
#include "report/sheet.h"

#include <stdio.h>

#define RED "\x1b[31m"
enum { LINE = 80, LEFT = 15 };

struct page {
    const struct standing *s;
    const struct report_options *o;
    struct buf *out;
    struct buf text; /* of the entry in work */
};

bool standing_caught_up(const struct standing_source *s)
{
    return !s->failing && s->success_us != TIME_NONE && s->waiting <= 0 && s->open <= 0 &&
           s->passes != 0;
}

int64_t standing_lag_us(const struct standing *s, const struct standing_source *source)
{
    int64_t from_us = standing_caught_up(source) ? source->success_us : source->up_to_us;
    return from_us == TIME_NONE ? -1 : from_us < s->now_us ? s->now_us - from_us : 0;
}

bool standing_is_well(const struct standing *s)
{
    bool well = s->state == STANDING_RUNNING && s->error.n == 0 && s->kept != NULL;
    for (int i = 0; i < s->sources_n && well; i++)
        well = !s->sources[i].failing;
    return well;
}

static void ink(const struct page *p, const char *code)
{
    if (p->o->color)
        buf_str(p->out, str_from(code));
}

/* Where a line that is too long ends: between words, or inside one that fits on no line. */
static size_t line_of(struct str text, int width)
{
    size_t all = text_head(text, width).n, cut = all;
    if (all == text.n)
        return all;
    while (cut > 0 && text.p[cut] != ' ')
        cut--;
    struct str rest = str_skip(text, cut + 1);
    return cut > 0 && text_width(str_cut(&rest, ' ')) <= width ? cut : all;
}

/* What stands in p->text, behind a word; it goes on below where it is longer than the line. */
static void put_entry(struct page *p, const char *word, const char *code)
{
    struct buf clean;
    buf_init(&clean, SIZE_MAX / 2);
    text_clean(&clean, buf_view(&p->text), p->o->ascii);
    struct str rest = buf_view(&clean);
    ink(p, DIM);
    buf_str(p->out, str_from(word));
    ink(p, PLAIN);
    int used = text_width(str_from(word));
    while (rest.n > 0) {
        buf_fill(p->out, ' ', used < LEFT ? (size_t)(LEFT - used) : 1);
        size_t n = line_of(rest, LINE - LEFT);
        ink(p, code);
        buf_str(p->out, str_of(rest.p, n));
        ink(p, code[0] ? PLAIN : "");
        rest = str_trim(str_skip(rest, n));
        used = 0;
        if (rest.n > 0)
            buf_char(p->out, '\n');
    }
    buf_char(p->out, '\n');
    if (buf_status(&clean) != OK || buf_status(&p->text) != OK)
        p->out->status = ERR_NOMEM;
    buf_fini(&clean);
    buf_reset(&p->text);
}

static void add_size(struct page *p, int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    int64_t unit = 1024;
    int i = 0;
    while (i < 3 && bytes / 1024 >= unit) {
        unit *= 1024;
        i++;
    }
    if (bytes < 1024)
        buf_printf(&p->text, "%lld B", (long long)bytes);
    else
        buf_printf(&p->text, "%lld.%lld %s", (long long)(bytes / unit),
                   (long long)(bytes % unit * 10 / unit), units[i]);
}

static void add_count(struct page *p, int64_t n, const char *one, const char *many)
{
    char room[FIGURE_TEXT];
    figure_count(room, n);
    buf_printf(&p->text, "%s%s %s", p->text.n ? ", " : "", room, n == 1 ? one : many);
}

/* So many per second, with one decimal where it is small. */
static void add_rate(struct page *p, int64_t n, int64_t ms, const char *what)
{
    char room[FIGURE_TEXT];
    int64_t tenths = ms > 0 ? (int64_t)((money_sum)n * 10000 / ms) : 0;
    figure_count(room, tenths / 10);
    buf_printf(&p->text, "%s%s", p->text.n ? ", " : "", room);
    if (tenths > 0 && tenths < 1000)
        buf_printf(&p->text, ".%lld", (long long)(tenths % 10));
    buf_printf(&p->text, " %s/s", what);
}

/* "3s ago", and nothing of the future: clocks of two machines differ. */
static void add_ago(struct page *p, int64_t time_us)
{
    char room[FIGURE_TEXT];
    int64_t ms = (p->s->now_us - time_us) / 1000;
    figure_time(room, ms);
    buf_printf(&p->text, "%s ago", room);
}

static void add_instant(struct page *p, int64_t time_us)
{
    struct civil c = civil_from_us(time_us);
    buf_printf(&p->text, "%04lld-%02d-%02d %02d:%02d", (long long)c.year, c.month, c.day, c.hour,
               c.minute);
}

static void put_headline(struct page *p)
{
    static const char *const words[STANDING_STATES] = {
        [STANDING_RUNNING] = "assay serve runs",
        [STANDING_HANGING] = "assay serve hangs",
        [STANDING_STOPPED] = "assay serve has been stopped",
        [STANDING_GONE] = "assay serve does not run, and was not stopped in order",
        [STANDING_NEVER] = "assay serve has not run on this store",
    };
    const struct standing *s = p->s;
    bool well = standing_is_well(s);
    ink(p, well ? BOLD : RED);
    buf_str(p->out, str_from(words[s->state]));
    ink(p, PLAIN);
    if (s->state == STANDING_RUNNING)
        buf_printf(&p->text, ": process %lld, for ", (long long)s->process);
    if (s->state == STANDING_HANGING)
        buf_printf(&p->text, ": process %lld lives, but was", (long long)s->process);
    else if (s->state == STANDING_STOPPED || s->state == STANDING_GONE)
        buf_str(&p->text, STR(":"));
    if (s->state == STANDING_RUNNING && s->started_us != TIME_NONE) {
        char room[FIGURE_TEXT];
        figure_time(room, (s->now_us - s->started_us) / 1000);
        buf_str(&p->text, str_from(room));
    } else if (s->state != STANDING_NEVER && s->time_us != TIME_NONE) {
        buf_str(&p->text, STR(" last heard of "));
        add_ago(p, s->time_us);
    }
    buf_str(p->out, buf_view(&p->text));
    buf_reset(&p->text);
    buf_str(p->out, STR("\n\n"));
    if (s->error.n) {
        buf_str(&p->text, s->error);
        put_entry(p, "trouble", RED);
    }
}

static void put_store(struct page *p)
{
    const struct standing *s = p->s;
    buf_str(&p->text, s->store);
    if (s->store_bytes >= 0) {
        buf_str(&p->text, STR(", "));
        add_size(p, s->store_bytes);
    }
    put_entry(p, "store", "");
    if (!s->kept) {
        buf_str(&p->text, s->kept_error);
        put_entry(p, "", RED);
        return;
    }
    const struct about *about = &s->kept->about;
    add_count(p, about->invocations, "call", "calls");
    if (about->since_us != TIME_NONE) {
        buf_str(&p->text, STR(", "));
        add_instant(p, about->since_us);
        buf_str(&p->text, STR(" to "));
        add_instant(p, about->up_to_us);
        buf_str(&p->text, STR(" UTC"));
    }
    put_entry(p, "", "");
}

static void add_share(struct page *p, const char *what, int64_t part, int64_t whole)
{
    char room[FIGURE_TEXT];
    figure_percent(room, (int64_t)((money_sum)part * 10000 / whole));
    buf_printf(&p->text, "%s %s", what, room);
}

static void put_coverage(struct page *p)
{
    const int64_t *count = p->s->kept ? p->s->kept->total.sums.count : NULL;
    if (!count || count[COUNT_INVOCATIONS] <= 0)
        return;
    add_share(p, "requests seen", count[COUNT_INPUT_BODIES], count[COUNT_INVOCATIONS]);
    add_share(p, ", responses", count[COUNT_OUTPUT_BODIES], count[COUNT_INVOCATIONS]);
    put_entry(p, "coverage", "");
}

/* What the daemon itself told. */
static void put_daemon(struct page *p)
{
    const struct standing *s = p->s;
    if (s->committed_us != TIME_NONE) {
        add_ago(p, s->committed_us);
        put_entry(p, "last commit", "");
    }
    if (s->state == STANDING_RUNNING) {
        add_rate(p, s->minute.records, s->minute_ms, "records");
        add_rate(p, s->minute.items, s->minute_ms, "items");
        put_entry(p, "last minute", "");
    }
    add_count(p, s->counts.records, "record", "records");
    add_count(p, s->counts.items, "item", "items");
    if (s->quarantined > 0)
        add_count(p, s->quarantined, "record in quarantine", "records in quarantine");
    if (s->problems > 0)
        add_count(p, s->problems, "problem", "problems");
    put_entry(p, "since start", "");
    if (s->problem_us != TIME_NONE && s->problem.n) {
        add_ago(p, s->problem_us);
        buf_str(&p->text, STR(": "));
        buf_str(&p->text, s->problem);
        put_entry(p, "last problem", "");
    }
    if (s->state == STANDING_RUNNING && s->memory > 0) {
        add_size(p, s->memory);
        buf_str(&p->text, STR(", at most "));
        add_size(p, s->memory_peak);
        put_entry(p, "memory", "");
    }
    buf_str(&p->text, s->configuration);
    if (s->loaded_us != TIME_NONE) {
        buf_str(&p->text, STR(", read "));
        add_ago(p, s->loaded_us);
    }
    put_entry(p, "configuration", "");
}

static void add_when(struct page *p, const char *what, int64_t time_us)
{
    if (time_us == TIME_NONE)
        return;
    buf_printf(&p->text, "%s%s ", p->text.n ? ", " : "", what);
    add_ago(p, time_us);
}

/* How far it is. */
static void add_lag(struct page *p, const struct standing_source *t)
{
    char room[FIGURE_TEXT];
    int64_t lag_us = standing_lag_us(p->s, t);
    figure_time(room, lag_us / 1000);
    if (t->passes == 0 && !t->failing && t->success_us != TIME_NONE)
        buf_str(&p->text, STR("going through what there is"));
    else if (lag_us >= 0 && standing_caught_up(t))
        buf_str(&p->text, STR("caught up"));
    else if (lag_us >= 0)
        buf_printf(&p->text, "%s behind", room);
}

static void put_source(struct page *p, const struct standing_source *t)
{
    buf_char(p->out, '\n');
    buf_str(&p->text, t->name);
    buf_printf(&p->text, " (%.*s), ", STR_ARG(t->kind));
    buf_str(&p->text, t->address);
    put_entry(p, "source", BOLD);
    if (t->failing) {
        buf_str(&p->text, STR("failing: "));
        buf_str(&p->text, t->error);
        put_entry(p, "", RED);
    }
    add_count(p, t->kept, "item read", "items read");
    if (t->known > 0)
        add_count(p, t->known, "known before", "known before");
    if (t->refused > 0)
        add_count(p, t->refused, "refused", "refused");
    if (t->failed > 0)
        add_count(p, t->failed, "failed attempt", "failed attempts");
    if (t->again > 0)
        add_count(p, t->again, "time bodies were missing", "times bodies were missing");
    if (t->waiting >= 0)
        add_count(p, t->waiting, "waits", "wait");
    buf_str(&p->text, STR(", "));
    add_size(p, t->bytes);
    put_entry(p, "", "");
    if (p->s->state == STANDING_RUNNING)
        add_lag(p, t);
    add_when(p, "newest data", t->up_to_us);
    add_when(p, "last answer", t->success_us);
    if (p->text.n == 0)
        buf_str(&p->text, STR("no answer yet"));
    put_entry(p, "", "");
    if (!t->failing && t->error_us != TIME_NONE) {
        add_when(p, "last error", t->error_us);
        buf_str(&p->text, t->error.n ? STR(": ") : STR(""));
        buf_str(&p->text, t->error);
        put_entry(p, "", "");
    }
}

static void put_page(struct page *p)
{
    put_headline(p);
    put_store(p);
    put_coverage(p);
    if (p->s->state == STANDING_NEVER)
        return;
    put_daemon(p);
    for (int i = 0; i < p->s->sources_n; i++)
        put_source(p, &p->s->sources[i]);
}

enum status report_standing(const struct standing *s, const struct report_options *o,
                            struct buf *out, struct err *err)
{
    struct page p = {.s = s, .o = o, .out = out};
    buf_init(&p.text, 1 << 20);
    if (o->format == REPORT_JSON)
        standing_json(s, out);
    else
        put_page(&p);
    buf_fini(&p.text);
    enum status status = buf_status(out);
    return status == OK ? OK : err_set(err, status, "the page needs more memory than there is");
}
