/* A session for programs: JSON and CSV, as assay-session(1) documents them. */
#include "report/timeline_internal.h"

#include "codec/csv.h"

#include <stdio.h>

struct span timeline_span(const struct timeline *t)
{
    struct span s = {.from = t->skip < t->calls_n ? t->skip : t->calls_n, .to = t->calls_n};
    int64_t limit = t->question->limit;
    if (limit > 0 && (uint64_t)limit < s.to - s.from)
        s.to = s.from + (size_t)limit;
    return s;
}

void timeline_uses_text(const struct timeline_call *c, struct buf *out)
{
    for (size_t i = 0; i < c->uses_n; i++) {
        const struct timeline_use *u = &c->uses[i];
        buf_str(out, i ? STR(", ") : STR(""));
        if (u->server.n)
            buf_printf(out, "%.*s/", STR_ARG(u->server));
        buf_str(out, u->name);
        if (u->n > 1)
            buf_printf(out, " x%lld", (long long)u->n);
        if (u->errors > 0)
            buf_char(out, '!');
    }
}

const char *timeline_mark(const struct timeline_call *c, int at)
{
    const struct {
        bool set;
        const char *name;
    } marks[] = {
        {c->flags & SC_FIRST, "first"}, {c->flags & SC_RETRY, "retry"},
        {c->flags & SC_COLD, "cold"},   {c->kind == CALL_COMPACTION, "compaction"},
        {c->error.n > 0, "error"},
    };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (marks[i].set && at-- == 0)
            return marks[i].name;
    return NULL;
}

static void write_bool(struct jsonw *w, const char *key, bool value)
{
    jsonw_key(w, str_from(key));
    jsonw_bool(w, value);
}

/* null where no body could tell. */
static void write_known(struct jsonw *w, const char *key, bool known, int64_t value)
{
    jsonw_key(w, str_from(key));
    if (known)
        jsonw_i64(w, value);
    else
        jsonw_null(w);
}

static void write_known_money(struct jsonw *w, const char *key, bool known, money_sum cost)
{
    static const char *const ends[] = {"nusd", "usd"};
    if (known) {
        write_money(w, key, cost);
        return;
    }
    for (int i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%s", key, ends[i]);
        jsonw_key(w, str_from(name));
        jsonw_null(w);
    }
}

static void write_counts(struct jsonw *w, const struct timeline *t)
{
    const struct session *s = &t->s;
    bool seen = t->seen > 0, tools = seen || s->tool_calls > 0;
    write_known(w, "prompts", seen, s->prompts);
    write_bool(w, "prompts_at_least", s->prompts_at_least);
    write_known(w, "turns", seen, s->turns);
    write_known(w, "retries", seen, s->retries);
    write_known(w, "compactions", seen, s->compactions);
    write_known(w, "interrupts", seen, s->interrupts);
    write_known(w, "tool_calls", tools, s->tool_calls);
    write_known(w, "tool_errors", seen, s->tool_errors);
    write_known(w, "agents", tools, s->agents);
    write_known(w, "fan_out", tools, s->fan_out);
    write_known(w, "depth", seen, s->depth);
    write_known(w, "peak_context", t->has_main, s->peak_context);
    write_known(w, "first_context", s->seen_whole, s->first_context);
    write_i64(w, "requests_per_minute", s->requests_per_minute);
    write_known(w, "loop", tools, s->loop);
}

static void write_head(struct jsonw *w, const struct timeline *t)
{
    const struct session *s = &t->s;
    jsonw_key(w, STR("session"));
    jsonw_object(w);
    write_str(w, "id", t->id);
    write_bool(w, "inferred", s->inferred);
    write_str(w, "user", t->user);
    write_str(w, "harness", t->harness);
    write_str(w, "version", t->version);
    write_str(w, "entrypoint", t->entrypoint);
    write_str(w, "repository", t->repository);
    write_time(w, "first", s->first_us);
    write_time(w, "last", s->last_us);
    write_i64(w, "duration_ms", (s->last_us - s->first_us) / 1000);
    write_i64(w, "active_ms", s->active_us / 1000);
    write_i64(w, "requests", t->requests);
    write_i64(w, "requests_seen", t->seen);
    write_counts(w, t);
    write_money(w, "cost", s->cost);
    write_known_money(w, "cost_main", t->seen > 0, s->cost_kind[CALL_MAIN]);
    write_known_money(w, "cost_subagent", t->seen > 0, s->cost_kind[CALL_SUBAGENT]);
    write_known_money(w, "cost_compaction", t->seen > 0, s->cost_kind[CALL_COMPACTION]);
    write_known_money(w, "cost_background", t->seen > 0, s->cost_kind[CALL_BACKGROUND]);
    write_known_money(w, "retry_cost", t->seen > 0, s->cost_retries);
    write_i64(w, "cold_restarts", s->cold_restarts);
    write_money(w, "cold_cost", s->cold_cost);
    write_money(w, "cold_excess", s->cold_excess);
    write_i64(w, "score", t->runaway.score);
    write_str(w, "signals", t->signals);
    jsonw_end(w);
}

static void write_threads(struct jsonw *w, const struct timeline *t)
{
    jsonw_key(w, STR("threads"));
    jsonw_array(w);
    for (size_t i = 0; i < t->threads_n; i++) {
        const struct timeline_thread *th = &t->threads[i];
        jsonw_object_inline(w);
        write_i64(w, "thread", (int64_t)i);
        write_str(w, "kind", call_kind_text((enum call_kind)th->kind));
        write_str(w, "name", th->name);
        jsonw_key(w, STR("parent"));
        if (th->parent >= 0)
            jsonw_i64(w, th->parent);
        else
            jsonw_null(w);
        write_i64(w, "depth", th->depth);
        write_i64(w, "generations", th->generations);
        write_i64(w, "calls", th->calls);
        write_i64(w, "turns", th->turns);
        write_known(w, "peak_context", th->peaked, th->peak_context);
        write_money(w, "cost", th->cost);
        jsonw_end(w);
    }
    jsonw_end(w);
}

static void write_uses(struct jsonw *w, const struct timeline_call *c)
{
    jsonw_key(w, STR("tools"));
    jsonw_array_inline(w);
    for (size_t i = 0; i < c->uses_n; i++) {
        jsonw_object_inline(w);
        write_str(w, "kind", tool_kind_text((enum tool_kind)c->uses[i].kind));
        write_str(w, "server", c->uses[i].server);
        write_str(w, "name", c->uses[i].name);
        write_i64(w, "calls", c->uses[i].n);
        write_i64(w, "errors", c->uses[i].errors);
        jsonw_end(w);
    }
    jsonw_end(w);
}

static void write_call(struct jsonw *w, const struct timeline_call *c)
{
    jsonw_object(w);
    write_time(w, "time", c->time_us);
    write_i64(w, "thread", c->thread);
    write_str(w, "kind", call_kind_text((enum call_kind)c->kind));
    write_str(w, "purpose", c->purpose);
    write_str(w, "model", c->model);
    write_str(w, "error", c->error);
    write_i64(w, "prompts", c->prompts);
    write_i64(w, "context", c->context);
    write_i64(w, "input", c->input);
    write_i64(w, "cache_read", c->cache_read);
    write_i64(w, "cache_write", c->cache_write);
    write_i64(w, "output", c->output);
    write_known_money(w, "cost", c->priced, c->cost);
    write_i64(w, "idle_ms", c->idle_us / 1000);
    jsonw_key(w, STR("marks"));
    jsonw_array_inline(w);
    for (int i = 0; timeline_mark(c, i); i++)
        jsonw_str(w, str_from(timeline_mark(c, i)));
    jsonw_end(w);
    write_i64(w, "cold_tokens", c->cold_tokens);
    write_money(w, "cold_excess", c->cold_excess);
    write_uses(w, c);
    jsonw_end(w);
}

enum status timeline_json(const struct timeline *t, struct buf *out)
{
    struct span span = timeline_span(t);
    struct jsonw w = jsonw_start(out, 2);
    jsonw_object(&w);
    write_i64(&w, "assay", 1);
    write_head(&w, t);
    write_threads(&w, t);
    jsonw_key(&w, STR("calls"));
    jsonw_array(&w);
    for (size_t i = span.from; i < span.to; i++)
        write_call(&w, &t->calls[i]);
    jsonw_end(&w);
    jsonw_key(&w, STR("about"));
    jsonw_object(&w);
    write_i64(&w, "calls", (int64_t)t->calls_n + t->unshown);
    write_i64(&w, "skipped", (int64_t)span.from);
    write_i64(&w, "left", (int64_t)(t->calls_n - span.to) + t->unshown);
    write_time(&w, "since", t->question->since_us);
    write_time(&w, "until", t->question->until_us);
    write_time(&w, "up_to", t->about.up_to_us);
    write_str(&w, "prices", t->prices_date);
    jsonw_end(&w);
    jsonw_end(&w);
    buf_char(out, '\n');
    return OK;
}

/* Cleaned, then quoted where it must be. */
static void put_field(struct buf *out, struct buf *scratch, struct str text)
{
    buf_reset(scratch);
    text_clean(scratch, text, false);
    csv_write(out, buf_view(scratch));
    buf_char(out, ',');
}

static void put_call(struct buf *out, struct buf *scratch, const struct timeline_call *c)
{
    char time[TIME_TEXT], room[FIGURE_TEXT];
    struct buf text;
    buf_init(&text, SIZE_MAX / 2);
    buf_printf(out, "%.*s,%d,", (int)time_format(time, c->time_us), time, (int)c->thread);
    put_field(out, scratch, call_kind_text((enum call_kind)c->kind));
    put_field(out, scratch, c->purpose);
    put_field(out, scratch, c->model);
    put_field(out, scratch, c->error);
    buf_printf(out, "%lld,%lld,%lld,%lld,%lld,%lld,", (long long)c->prompts, (long long)c->context,
               (long long)c->input, (long long)c->cache_read, (long long)c->cache_write,
               (long long)c->output);
    if (c->priced)
        buf_str(out, str_of(room, figure_nano(room, c->cost)));
    buf_printf(out, ",%lld,", (long long)(c->idle_us / 1000));
    for (int i = 0; timeline_mark(c, i); i++)
        buf_printf(&text, "%s%s", i ? " " : "", timeline_mark(c, i));
    put_field(out, scratch, buf_view(&text));
    buf_reset(&text);
    timeline_uses_text(c, &text);
    buf_reset(scratch);
    text_clean(scratch, buf_view(&text), false);
    csv_write(out, buf_view(scratch));
    buf_char(out, '\n');
    if (buf_status(&text) != OK || buf_status(scratch) != OK)
        out->status = ERR_NOMEM;
    buf_fini(&text);
}

enum status timeline_csv(const struct timeline *t, struct buf *out)
{
    struct span span = timeline_span(t);
    struct buf scratch;
    buf_init(&scratch, SIZE_MAX / 2);
    buf_str(out, STR("time,thread,kind,purpose,model,error,prompts,context,input,cache_read,"
                     "cache_write,output,cost_nusd,idle_ms,marks,tools\n"));
    for (size_t i = span.from; i < span.to; i++)
        put_call(out, &scratch, &t->calls[i]);
    buf_fini(&scratch);
    return OK;
}
