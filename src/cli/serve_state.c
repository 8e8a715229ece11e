/* How a daemon goes, as JSON in a file beside its store: see serve.h. */
#include "cli/serve.h"

#include "base/io.h"
#include "codec/jsonw.h"
#include "report/metrics.h"

#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum status serve_state_path(const char *store, struct buf *out, struct err *err)
{
    buf_printf(out, "%s-status.json", store);
    return buf_status(out) == OK ? OK : err_nomem(err);
}

/* A disk that has become full still has room where the file is: it is written over there, so it
 * takes whole blocks from the beginning, with room for a message. */
enum { BLOCK = 4096, SLACK = 1024 };

enum status serve_state_leave(const struct serve_state *s, struct err *err)
{
    struct buf path, text;
    struct stat st;
    buf_init(&path, 8192);
    buf_init(&text, 4 << 20);
    serve_state_put(&text, s);
    buf_fill(&text, ' ', SLACK);
    buf_fill(&text, ' ', BLOCK - 1 - text.n % BLOCK);
    buf_char(&text, '\n');
    enum status status = serve_state_path(s->config->store, &path, err);
    buf_char(&path, '\0');
    if (status == OK && (buf_status(&text) != OK || buf_status(&path) != OK))
        status = err_nomem(err);
    mode_t mode = stat(s->config->store, &st) == 0 ? st.st_mode & 0666 : 0600;
    if (status == OK)
        status = io_refresh_file(path.p, buf_view(&text), mode, err);
    buf_fini(&path);
    buf_fini(&text);
    return status;
}

int64_t serve_process_began(int64_t process)
{
    enum { STATE = 3, STARTED = 22 }; /* fields; the second is a name in parentheses */
    char path[64], room[4096];
    struct buf text;
    int64_t ticks = 0;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)process);
    buf_on(&text, room, sizeof room);
    if (io_read_file(path, &text, NULL) != OK)
        return 0;
    struct str rest = buf_view(&text), field = rest;
    while (str_find_char(rest, ')') >= 0)
        str_cut(&rest, ')');
    str_cut(&rest, ' ');
    for (int i = STATE; i <= STARTED && rest.n > 0; i++) {
        field = str_cut(&rest, ' ');
        if (i == STATE && (str_eq(field, STR("Z")) || str_eq(field, STR("X"))))
            return -1;
    }
    return str_to_i64(field, &ticks) ? ticks : 0;
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
    struct metrics process;
    struct rusage usage;
    metrics_init(&process);
    metrics_measure(&process);
    s->memory = process.memory_bytes;
    s->memory_peak = getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
    /* The two are counted in two ways, which differ by some hundred KiB. */
    if (s->memory_peak < s->memory)
        s->memory_peak = s->memory;
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

/* Whoever reads it stands in another directory. */
static void put_path(struct jsonw *w, struct str key, const char *path)
{
    char here[PATH_MAX], whole[2 * PATH_MAX];
    if (path[0] != '/' && getcwd(here, sizeof here)) {
        snprintf(whole, sizeof whole, "%s/%s", here, path);
        path = whole;
    }
    put_text(w, key, path);
}

static void put_source(struct jsonw *w, const struct config_source *c, const struct source_state *s)
{
    jsonw_object(w);
    put_text(w, STR("name"), c->name);
    put_text(w, STR("kind"), config_kind_name(c->kind));
    put_text(w, STR("address"), c->kind == CONFIG_PUSH ? c->listen : s->name[0] ? s->name : c->url);
    put_count(w, STR("named"), s->named);
    put_count(w, STR("open"), s->open);
    put_count(w, STR("kept"), s->kept);
    put_count(w, STR("known"), s->known);
    put_count(w, STR("again"), s->again);
    put_count(w, STR("failed"), s->failed);
    put_count(w, STR("refused"), s->refused);
    put_count(w, STR("skipped"), s->skipped);
    put_count(w, STR("passes"), s->passes);
    put_count(w, STR("bytes"), s->bytes);
    jsonw_key(w, STR("waiting"));
    if (s->waiting < 0)
        jsonw_null(w);
    else
        jsonw_i64(w, s->waiting);
    put_time(w, STR("oldest"), s->oldest_us);
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
    put_count(&w, STR("process_began"), s->running ? serve_process_began(getpid()) : 0);
    put_path(&w, STR("configuration"), s->config->path);
    put_text(&w, STR("store"), s->config->store);
    put_time(&w, STR("time"), s->now_us);
    put_time(&w, STR("started"), s->started_us);
    put_time(&w, STR("loaded"), s->loaded_us);
    put_time(&w, STR("last_commit"), s->committed_us);
    put_text(&w, STR("error"), s->error);
    put_counts(&w, &s->counts);
    put_count(&w, STR("quarantined"), s->quarantined);
    put_count(&w, STR("problems"), s->problems);
    put_text(&w, STR("problem"), s->problem);
    put_time(&w, STR("last_problem"), s->problem_us);
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
