/* How a daemon goes, as JSON in a file beside its store: see serve.h. */
#include "cli/serve.h"

#include "base/io.h"
#include "codec/jsonw.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum status serve_state_path(const char *store, struct buf *out, struct err *err)
{
    buf_printf(out, "%s-status.json", store);
    return buf_status(out) == OK ? OK : err_nomem(err);
}

static int64_t size_of(const char *path, const char *behind)
{
    char name[4096];
    struct stat st;
    int n = snprintf(name, sizeof name, "%s%s", path, behind);
    return n > 0 && (size_t)n < sizeof name && stat(name, &st) == 0 ? st.st_size : 0;
}

void serve_state_measure(struct serve_state *s)
{
    char room[256];
    struct buf text;
    struct rusage usage;
    int64_t pages = 0;
    /* "size resident shared …", in pages: proc(5) */
    buf_on(&text, room, sizeof room);
    if (io_read_file("/proc/self/statm", &text, NULL) == OK) {
        struct str rest = buf_view(&text);
        str_cut(&rest, ' ');
        if (!str_to_i64(str_cut(&rest, ' '), &pages))
            pages = 0;
    }
    s->memory = pages * sysconf(_SC_PAGESIZE);
    s->memory_peak = getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
    s->store_bytes = size_of(s->config->store, "") + size_of(s->config->store, "-wal");
}

static void put_time(struct jsonw *w, struct str key, int64_t time_us)
{
    char text[TIME_TEXT];
    jsonw_key(w, key);
    if (time_us == TIME_NONE) {
        jsonw_null(w);
        return;
    }
    jsonw_str(w, str_of(text, time_format(text, time_us)));
}

static void put_count(struct jsonw *w, struct str key, int64_t n)
{
    jsonw_key(w, key);
    jsonw_i64(w, n);
}

static void put_text(struct jsonw *w, struct str key, const char *text)
{
    jsonw_key(w, key);
    if (text && text[0])
        jsonw_str(w, str_from(text));
    else
        jsonw_null(w);
}

static void put_source(struct jsonw *w, const struct config_source *c, const struct source_state *s)
{
    jsonw_object(w);
    put_text(w, STR("name"), c->name);
    put_text(w, STR("kind"), config_kind_name(c->kind));
    put_text(w, STR("address"), s->name[0] ? s->name : c->kind == CONFIG_PUSH ? c->listen : c->url);
    put_count(w, STR("named"), s->named);
    put_count(w, STR("kept"), s->kept);
    put_count(w, STR("again"), s->again);
    put_count(w, STR("failed"), s->failed);
    put_count(w, STR("bytes"), s->bytes);
    jsonw_key(w, STR("waiting"));
    if (s->waiting < 0)
        jsonw_null(w);
    else
        jsonw_i64(w, s->waiting);
    put_time(w, STR("up_to"), s->up_to_us);
    put_time(w, STR("last_success"), s->success_us);
    put_time(w, STR("last_error"), s->error_us);
    put_text(w, STR("error"), s->error);
    jsonw_key(w, STR("failing"));
    jsonw_bool(w, s->failing);
    jsonw_end(w);
}

static void put_counts(struct jsonw *w, const struct serve_counts *c)
{
    put_count(w, STR("items"), c->items);
    put_count(w, STR("records"), c->records);
    put_count(w, STR("invocations"), c->invocations);
    put_count(w, STR("bytes"), c->bytes);
}

void serve_state_put(struct buf *out, const struct serve_state *s)
{
    struct jsonw w = jsonw_start(out, 2);
    jsonw_object(&w);
    put_text(&w, STR("version"), ASSAY_VERSION);
    put_count(&w, STR("process"), s->running ? getpid() : 0);
    put_text(&w, STR("configuration"), s->config->path);
    put_text(&w, STR("store"), s->config->store);
    put_time(&w, STR("time"), s->now_us);
    put_time(&w, STR("started"), s->started_us);
    put_time(&w, STR("loaded"), s->loaded_us);
    put_time(&w, STR("last_commit"), s->committed_us);
    put_text(&w, STR("error"), s->error);
    put_counts(&w, &s->counts);
    put_count(&w, STR("quarantined"), s->quarantined);
    put_count(&w, STR("problems"), s->problems);
    jsonw_key(&w, STR("minute"));
    jsonw_object(&w);
    put_count(&w, STR("milliseconds"), s->minute_us / 1000);
    put_counts(&w, &s->minute);
    jsonw_end(&w);
    put_count(&w, STR("memory"), s->memory);
    put_count(&w, STR("memory_peak"), s->memory_peak);
    put_count(&w, STR("store_bytes"), s->store_bytes);
    jsonw_key(&w, STR("sources"));
    jsonw_array(&w);
    for (int i = 0; i < s->states_n; i++)
        put_source(&w, &s->config->sources[i], &s->states[i]);
    jsonw_end(&w);
    jsonw_end(&w);
    buf_char(out, '\n');
}
