/* What commands that answer have in common: see asking.h. */
#include "cli/asking.h"

#include "ingest/oneshot.h"
#include "store/store.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

void asking_init(struct asking *a)
{
    *a = (struct asking){.format = "table", .color = "auto"};
    reading_init(&a->reading);
    question_init(&a->question);
}

void asking_fini(struct asking *a)
{
    sessions_free(a->sessions);
    cube_free(a->cube);
    plan_view_free(a->view);
    plan_free(a->plan);
    directory_free(a->directory);
    question_fini(&a->question);
    reading_fini(&a->reading);
}

static enum status choose_rendering(struct asking *a, struct err *err)
{
    struct report_options *o = &a->render;
    bool terminal = isatty(STDOUT_FILENO);
    if (!report_format_find(str_from(a->format), &o->format))
        return err_set(err, ERR_USAGE, "--format is table, json, csv or md, not '%.40s'",
                       a->format);
    if (strcmp(a->color, "always") == 0) {
        o->color = true;
    } else if (strcmp(a->color, "auto") == 0) {
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
        o->color = terminal && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
    } else if (strcmp(a->color, "never") != 0) {
        return err_set(err, ERR_USAGE, "--color is auto, always or never, not '%.40s'", a->color);
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

static enum status load_directory(struct asking *a, struct err *err)
{
    if (!a->directory_path)
        return OK;
    struct buf text;
    TRY(reading_file(a->directory_path, &text, err));
    enum status status = directory_load(buf_view(&text), a->directory_path, &a->directory, err);
    buf_fini(&text);
    return status;
}

static enum status check_operands(const struct asking *a, struct err *err)
{
    if (!a->store_path && a->operands_n == 0)
        return err_set(err, ERR_USAGE,
                       "nothing to read: give files or directories of logs, s3://bucket/prefix, "
                       "cloudwatch:GROUP, - for standard input, or --store FILE");
    if (a->store_path && a->operands_n > 0)
        return err_set(err, ERR_USAGE,
                       "give paths or --store, not both ('%.100s'); to add logs to a store: "
                       "assay ingest",
                       a->operands[0]);
    if (a->store_path && (a->reading.prices || a->reading.profiles || a->reading.discounts.n ||
                          a->reading.harness_rules || a->reading.repository_names))
        return err_set(err, ERR_USAGE,
                       "--prices, --profiles, --discount, --harness-rules and --repository-names "
                       "apply when logs are read: give them to assay ingest");
    return OK;
}

enum status asking_open(struct asking *a, struct err *err)
{
    TRY(choose_rendering(a, err));
    TRY(check_operands(a, err));
    TRY(load_directory(a, err));
    TRY(reading_open(&a->reading, a->operands, a->operands_n, err));
    exchange_room_limit(&a->reading.room,
                        (uint64_t)(a->session_memory ? a->session_memory : SESSIONS_MEMORY));
    TRY(plan_new(&a->question, a->reading.series, a->directory, &a->plan, err));
    plan_use_profiles(a->plan, a->reading.pricing);
    TRY(plan_view_new(a->plan, &a->view, err));
    return cube_new(&a->cube, err);
}

int asking_threads(const struct asking *a)
{
    return a->store_path ? 1 : oneshot_threads(reading_threads(&a->reading));
}

static enum status make_sessions(struct asking *a, struct hash_key key, int threads,
                                 struct err *err)
{
    const struct sessions_options o = {
        .series = a->reading.series,
        .fold = {.key = key, .series = a->reading.series},
        .memory = (uint64_t)a->session_memory,
    };
    return sessions_new(&o, threads, &a->sessions, err);
}

static enum status read_logs(struct asking *a, bool sessions, struct err *err)
{
    if (sessions)
        TRY(make_sessions(a, a->reading.env.key, asking_threads(a), err));
    TRY(reading_source(&a->reading, err));
    const struct oneshot run = {
        .source = a->reading.source,
        .threads = asking_threads(a),
        .dedupe_memory = (uint64_t)a->dedupe_memory,
        .env = &a->reading.env,
        .plan = a->plan,
        .sessions = a->sessions,
        .loose = a->loose,
        .loose_ctx = a->loose_ctx,
        .ctx = &a->reading,
        .trouble = reading_trouble,
        .progress = reading_progress(&a->reading),
    };
    return oneshot_run(&run, a->cube, &a->about, err);
}

static enum status list_entry(void *ctx, const struct store_quarantine *q, struct err *err)
{
    (void)err;
    char path[PATH_MAX], reason[256];
    snprintf(path, sizeof path, "%.*s", STR_ARG(q->path));
    snprintf(reason, sizeof reason, "%.*s", STR_ARG(q->reason));
    reading_trouble(ctx, &(struct crew_trouble){path, q->offset, reason, true});
    return OK;
}

/* The cube has all calls, from rollups; those of sessions are taken out of its sums. Its marks
 * stay: who made a call of a session is in the same row by that call. */
static enum status take_call(void *ctx, const struct invocation *v, struct err *err)
{
    struct asking *a = ctx;
    uint32_t group;
    if (!plan_wants_time(a->plan, v->time_us))
        return OK;
    TRY(sessions_put(a->sessions, 0, v, SESSIONS_SURE, err));
    if (plan_group(a->view, v->series, &group) != OK)
        return err_nomem(err);
    if (group == GROUP_NONE)
        return OK;
    struct sums *sums = cube_at(a->cube, plan_bucket(a->view, v->time_us), group);
    if (!sums)
        return err_nomem(err);
    sums_add(sums, v, -1);
    return OK;
}

static enum status take_loose(void *ctx, const struct invocation *v, struct err *err)
{
    struct asking *a = ctx;
    return a->loose(a->loose_ctx, 0, v, 1) == OK ? OK : err_nomem(err);
}

/* What the store knows of profiles: their tags are no labels, so they are asked for here. */
static enum status learn_profile(void *ctx, const struct store_profile *p, struct err *err)
{
    return store_profile_names_model(p) ? pricing_learn(ctx, &p->profile, err) : OK;
}

static enum status ask_store(struct asking *a, struct store *store, bool sessions, struct err *err)
{
    TRY(store_profiles(store, learn_profile, a->reading.pricing, err));
    TRY(store_load_series(store, a->reading.series, err));
    TRY(store_fill(store, a->plan, a->view, a->cube, err));
    if (sessions) {
        TRY(make_sessions(a, store_hash_key(store), 1, err));
        TRY(store_calls(store, a->question.since_us, a->question.until_us, take_call,
                        a->loose ? take_loose : NULL, a, err));
    }
    if (a->reading.quarantine)
        TRY(store_quarantine(store, list_entry, &a->reading, err));
    return store_about(store, &a->about, err);
}

static enum status read_store(struct asking *a, bool sessions, struct err *err)
{
    struct store *store;
    TRY(store_open(a->store_path, STORE_READ, &store, err));
    enum status status = ask_store(a, store, sessions, err);
    store_close(store);
    return status;
}

enum status asking_read(struct asking *a, bool sessions, struct err *err)
{
    if (sessions || question_needs_exchange(&a->question))
        reading_want_exchange(&a->reading);
    return a->store_path ? read_store(a, sessions, err) : read_logs(a, sessions, err);
}
