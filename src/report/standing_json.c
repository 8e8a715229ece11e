/* The page of a daemon as JSON: see standing.h. The keys are described in assay-status(1). */
#include "report/render_internal.h"
#include "report/standing.h"

enum { STANDING_SHAPE = 1 };

static void write_counts_of(struct jsonw *w, const struct standing_counts *c)
{
    write_i64(w, "items", c->items);
    write_i64(w, "records", c->records);
    write_i64(w, "bytes", c->bytes);
}

static void write_text(struct jsonw *w, const char *key, struct str text)
{
    jsonw_key(w, str_from(key));
    if (text.n)
        jsonw_str(w, text);
    else
        jsonw_null(w);
}

/* What is below 0 is not known. */
static void write_known(struct jsonw *w, const char *key, int64_t n)
{
    jsonw_key(w, str_from(key));
    if (n >= 0)
        jsonw_i64(w, n);
    else
        jsonw_null(w);
}

static void write_source(struct jsonw *w, const struct standing *s, const struct standing_source *t)
{
    int64_t lag_us = standing_lag_us(s, t);
    jsonw_object(w);
    write_text(w, "name", t->name);
    write_text(w, "kind", t->kind);
    write_text(w, "address", t->address);
    jsonw_key(w, STR("failing"));
    jsonw_bool(w, t->failing);
    write_text(w, "error", t->error);
    write_time(w, "last_error", t->error_us);
    write_time(w, "last_success", t->success_us);
    write_time(w, "oldest", t->oldest_us);
    write_time(w, "up_to", t->up_to_us);
    jsonw_key(w, STR("caught_up"));
    jsonw_bool(w, standing_caught_up(t));
    write_known(w, "lag_ms", lag_us < 0 ? -1 : lag_us / 1000);
    write_i64(w, "named", t->named);
    write_i64(w, "open", t->open);
    write_i64(w, "kept", t->kept);
    write_i64(w, "known", t->known);
    write_i64(w, "again", t->again);
    write_i64(w, "failed", t->failed);
    write_i64(w, "refused", t->refused);
    write_i64(w, "skipped", t->skipped);
    write_known(w, "waiting", t->waiting);
    write_i64(w, "bytes", t->bytes);
    jsonw_end(w);
}

static void write_store(struct jsonw *w, const struct standing *s)
{
    jsonw_key(w, STR("store"));
    jsonw_object(w);
    write_text(w, "path", s->store);
    write_known(w, "bytes", s->store_bytes);
    write_text(w, "error", s->kept ? STR("") : s->kept_error);
    if (s->kept) {
        const int64_t *count = s->kept->total.sums.count;
        write_i64(w, "invocations", s->kept->about.invocations);
        write_i64(w, "requests_seen", count[COUNT_INPUT_BODIES]);
        write_i64(w, "responses_seen", count[COUNT_OUTPUT_BODIES]);
        write_time(w, "since", s->kept->about.since_us);
        write_time(w, "up_to", s->kept->about.up_to_us);
    }
    jsonw_end(w);
}

static void write_daemon(struct jsonw *w, const struct standing *s)
{
    write_text(w, "version", s->version);
    write_text(w, "configuration", s->configuration);
    write_i64(w, "process", s->process);
    write_text(w, "error", s->error);
    write_time(w, "time", s->time_us);
    write_time(w, "started", s->started_us);
    write_time(w, "loaded", s->loaded_us);
    write_time(w, "last_commit", s->committed_us);
    write_counts_of(w, &s->counts);
    write_i64(w, "quarantined", s->quarantined);
    write_i64(w, "problems", s->problems);
    write_text(w, "problem", s->problem);
    write_time(w, "last_problem", s->problem_us);
    jsonw_key(w, STR("minute"));
    jsonw_object(w);
    write_i64(w, "milliseconds", s->minute_ms);
    write_counts_of(w, &s->minute);
    jsonw_end(w);
    write_i64(w, "memory", s->memory);
    write_i64(w, "memory_peak", s->memory_peak);
    jsonw_key(w, STR("sources"));
    jsonw_array(w);
    for (int i = 0; i < s->sources_n; i++)
        write_source(w, s, &s->sources[i]);
    jsonw_end(w);
}

void standing_json(const struct standing *s, struct buf *out)
{
    static const char *const words[STANDING_STATES] = {
        [STANDING_RUNNING] = "running", [STANDING_HANGING] = "hanging",
        [STANDING_STOPPED] = "stopped", [STANDING_GONE] = "gone",
        [STANDING_NEVER] = "never",
    };
    struct jsonw w = jsonw_start(out, 2);
    jsonw_object(&w);
    write_i64(&w, "assay", STANDING_SHAPE);
    write_str(&w, "state", str_from(words[s->state]));
    jsonw_key(&w, STR("well"));
    jsonw_bool(&w, standing_is_well(s));
    write_store(&w, s);
    if (s->state != STANDING_NEVER) {
        jsonw_key(&w, STR("daemon"));
        jsonw_object(&w);
        write_daemon(&w, s);
        jsonw_end(&w);
    }
    jsonw_end(&w);
    buf_char(out, '\n');
}
