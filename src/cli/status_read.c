/* The state that a daemon leaves in a file (serve_state.c), read again: see serve.h. */
#include "cli/serve.h"

#include "base/io.h"
#include "codec/json.h"
#include "report/standing.h"

enum { STATE_MAX = 4 << 20 };

struct filler {
    struct json_cursor c;
    struct arena *arena;
    struct buf text; /* of a string with escapes */
    bool failed;     /* memory was short */
};

/* The value that is due, of whatever type the field has; others are passed over. */
static void get_i64(struct filler *f, int64_t *out)
{
    int64_t n;
    if (json_i64(&f->c, &n))
        *out = n;
}

static void get_bool(struct filler *f, bool *out)
{
    bool b;
    if (json_bool(&f->c, &b))
        *out = b;
}

static void get_text(struct filler *f, struct str *out)
{
    struct str raw;
    buf_reset(&f->text);
    if (!json_string(&f->c, &raw) || !json_unescape(raw, &f->text))
        return;
    *out = arena_str(f->arena, buf_view(&f->text));
    f->failed = f->failed || !out->p || buf_status(&f->text) != OK;
}

static void get_time(struct filler *f, int64_t *out)
{
    struct str raw;
    int64_t time_us;
    if (json_string(&f->c, &raw) && time_parse(raw, &time_us))
        *out = time_us;
}

/* One key of a table: where its value goes. */
struct place {
    const char *key;
    void (*text)(struct filler *f, struct str *out);
    void (*number)(struct filler *f, int64_t *out);
    void (*flag)(struct filler *f, bool *out);
    void *out;
};

static bool fill_one(struct filler *f, struct str key, const struct place *places)
{
    for (const struct place *p = places; p->key; p++) {
        if (!str_eq(key, str_from(p->key)))
            continue;
        if (p->text)
            p->text(f, p->out);
        else if (p->number)
            p->number(f, p->out);
        else
            p->flag(f, p->out);
        return true;
    }
    return false;
}

/* clang-format off */
#define TEXT(name, place) {.key = (name), .text = get_text, .out = (place)}
#define NUMBER(name, place) {.key = (name), .number = get_i64, .out = (place)}
#define TIME(name, place) {.key = (name), .number = get_time, .out = (place)}
#define FLAG(name, place) {.key = (name), .flag = get_bool, .out = (place)}
/* clang-format on */

static void fill_source(struct filler *f, struct standing_source *s)
{
    const struct place places[] = {
        TEXT("name", &s->name),
        TEXT("kind", &s->kind),
        TEXT("address", &s->address),
        TEXT("error", &s->error),
        NUMBER("named", &s->named),
        NUMBER("open", &s->open),
        NUMBER("kept", &s->kept),
        NUMBER("known", &s->known),
        NUMBER("again", &s->again),
        NUMBER("failed", &s->failed),
        NUMBER("refused", &s->refused),
        NUMBER("skipped", &s->skipped),
        NUMBER("passes", &s->passes),
        NUMBER("bytes", &s->bytes),
        NUMBER("waiting", &s->waiting),
        TIME("oldest", &s->oldest_us),
        TIME("up_to", &s->up_to_us),
        TIME("last_success", &s->success_us),
        TIME("last_error", &s->error_us),
        FLAG("failing", &s->failing),
        {0},
    };
    *s = (struct standing_source){.waiting = -1,
                                  .passes = -1,
                                  .oldest_us = TIME_NONE,
                                  .up_to_us = TIME_NONE,
                                  .success_us = TIME_NONE,
                                  .error_us = TIME_NONE};
    if (!json_enter_object(&f->c)) {
        json_skip(&f->c);
        return;
    }
    for (struct str key; json_next_key(&f->c, &key);)
        if (!fill_one(f, key, places))
            json_skip(&f->c);
}

static void fill_sources(struct filler *f, struct standing *out)
{
    struct standing_source *all = arena_alloc(f->arena, CONFIG_SOURCES_MAX * sizeof *all);
    if (!all) {
        f->failed = true;
        json_skip(&f->c);
        return;
    }
    out->sources = all;
    out->sources_n = 0; /* a key that stands twice */
    if (!json_enter_array(&f->c)) {
        json_skip(&f->c);
        return;
    }
    while (json_next_item(&f->c))
        if (out->sources_n < CONFIG_SOURCES_MAX)
            fill_source(f, &all[out->sources_n++]);
        else
            json_skip(&f->c);
}

static void fill_minute(struct filler *f, struct standing *out)
{
    const struct place places[] = {
        NUMBER("milliseconds", &out->minute_ms),
        NUMBER("items", &out->minute.items),
        NUMBER("records", &out->minute.records),
        NUMBER("bytes", &out->minute.bytes),
        {0},
    };
    if (!json_enter_object(&f->c)) {
        json_skip(&f->c);
        return;
    }
    for (struct str key; json_next_key(&f->c, &key);)
        if (!fill_one(f, key, places))
            json_skip(&f->c);
}

static void fill(struct filler *f, struct standing *out)
{
    const struct place places[] = {
        TEXT("version", &out->version),
        TEXT("configuration", &out->configuration),
        TEXT("error", &out->error),
        TEXT("problem", &out->problem),
        NUMBER("process", &out->process),
        NUMBER("process_began", &out->process_began),
        TIME("time", &out->time_us),
        TIME("started", &out->started_us),
        TIME("loaded", &out->loaded_us),
        TIME("last_commit", &out->committed_us),
        TIME("last_problem", &out->problem_us),
        NUMBER("items", &out->counts.items),
        NUMBER("records", &out->counts.records),
        NUMBER("bytes", &out->counts.bytes),
        NUMBER("quarantined", &out->quarantined),
        NUMBER("problems", &out->problems),
        NUMBER("memory", &out->memory),
        NUMBER("memory_peak", &out->memory_peak),
        {0},
    };
    for (struct str key; json_next_key(&f->c, &key);) {
        if (str_eq(key, STR("sources")))
            fill_sources(f, out);
        else if (str_eq(key, STR("minute")))
            fill_minute(f, out);
        else if (!fill_one(f, key, places))
            json_skip(&f->c);
    }
}

static enum status parse(struct filler *f, struct json *j, struct buf *bytes, const char *path,
                         struct standing *out, struct err *err)
{
    struct json_text text;
    size_t n = bytes->n;
    buf_fill(bytes, ' ', JSON_PADDING);
    if (buf_status(bytes) != OK)
        return err_nomem(err);
    struct err why = {0};
    enum status status = json_index(j, bytes->p, n, &text, &why);
    if (status == OK)
        status = json_check(&text, &why);
    if (status == OK) {
        f->c = json_begin(&text);
        if (!json_enter_object(&f->c))
            status = ERR_PARSE;
    }
    if (status == ERR_NOMEM)
        return err_nomem(err);
    if (status == OK)
        fill(f, out);
    if (status != OK || out->time_us == TIME_NONE)
        return err_set(err, ERR_PARSE,
                       "%.250s: not the state of an assay serve; it may be removed: a daemon that "
                       "runs writes it anew each second",
                       path);
    return f->failed ? err_nomem(err) : OK;
}

enum status status_read(const char *path, struct arena *arena, struct standing *out,
                        struct err *err)
{
    struct json *j = NULL;
    struct buf bytes;
    struct filler f = {.arena = arena};
    buf_init(&bytes, STATE_MAX);
    buf_init(&f.text, STATE_MAX);
    out->time_us = out->started_us = out->loaded_us = out->committed_us = out->problem_us =
        TIME_NONE;
    enum status status = io_read_file(path, &bytes, err);
    if (status == OK)
        status = json_new(&j, err);
    if (status == OK)
        status = parse(&f, j, &bytes, path, out, err);
    json_free(j);
    buf_fini(&f.text);
    buf_fini(&bytes);
    return status;
}
