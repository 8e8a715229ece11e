/* The run: time, the heap of actors, the end. See sim.h. */
#include "sim/sim_internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { BYTES_PER_10_TOKENS = 36 };

/* Somebody who makes calls. Exactly one of the two is set. */
struct actor {
    int64_t due_ms;
    uint32_t number; /* orders those that are due at one time */
    struct dev *dev;
    struct service *service;
};

size_t sim_bytes(const struct sim *s, uint32_t tokens)
{
    return (size_t)tokens * BYTES_PER_10_TOKENS / 10 * (size_t)s->options.body_scale / 100;
}

void sim_text(const struct sim *s, struct rng *r, enum text_kind kind, uint32_t tokens,
              struct buf *out)
{
    if (s->text)
        text_append(s->text, kind, r, sim_bytes(s, tokens), out);
}

static bool sooner(const struct actor *a, const struct actor *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->number < b->number;
}

static void sink(struct actor *heap, size_t n, size_t at)
{
    struct actor moving = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n)
            break;
        if (child + 1 < n && sooner(&heap[child + 1], &heap[child]))
            child++;
        if (!sooner(&heap[child], &moving))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

static void actor_free(struct actor *a)
{
    dev_free(a->dev);
    service_free(a->service);
    a->dev = NULL;
    a->service = NULL;
}

static enum status step(struct sim *s, struct actor *a)
{
    int64_t now = a->due_ms, next = 0;
    TRY(a->dev ? dev_step(s, a->dev, now, &next) : service_step(s, a->service, now, &next));
    a->due_ms = next > now ? next : now + 1;
    return OK;
}

static enum status live(struct sim *s, struct actor *heap, size_t n)
{
    for (size_t i = n; i-- > 0;)
        sink(heap, n, i);
    int64_t limit = s->options.records ? s->options.records : INT64_MAX;
    for (uint64_t turn = 0; n && s->truth.records < limit; turn++) {
        if (heap[0].due_ms >= s->end_s * 1000) {
            actor_free(&heap[0]);
            heap[0] = heap[--n];
            heap[n] = (struct actor){0};
        } else {
            TRY(step(s, &heap[0]));
        }
        if (n)
            sink(heap, n, 0);
        if (turn % 1024 == 0 && s->options.stop && s->options.stop())
            return err_set(s->err, ERR_INTERRUPTED, "interrupted: the logs are not complete");
    }
    return OK;
}

static enum status run_actors(struct sim *s)
{
    const struct org *o = &s->org;
    size_t n = (size_t)o->people_n + o->services_n + o->agents_n;
    struct actor *actors = calloc(n + 1, sizeof *actors);
    if (!actors)
        return err_nomem(s->err);
    enum status status = OK;
    for (uint32_t i = 0; i < n && status == OK; i++) {
        struct actor *a = &actors[i];
        a->number = i;
        bool service = o->callers[i].kind == CALLER_SERVICE;
        status = service ? service_new(s, i, &a->service, &a->due_ms)
                         : dev_new(s, i, &a->dev, &a->due_ms);
    }
    if (status == OK)
        status = live(s, actors, n);
    for (size_t i = 0; i < n; i++)
        actor_free(&actors[i]);
    free(actors);
    return status;
}

/* The directory is made when it is missing and must be empty unless forced. */
static enum status take_dir(const struct sim_options *o, struct err *err)
{
    if (mkdir(o->dir, 0755) == 0)
        return OK;
    if (errno != EEXIST)
        return err_errno(err, errno, "cannot create the directory %.200s", o->dir);
    DIR *dir = opendir(o->dir);
    if (!dir)
        return err_errno(err, errno, "cannot open the directory %.200s", o->dir);
    bool empty = true;
    for (struct dirent *e; empty && (e = readdir(dir));)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(dir);
    if (empty || o->force)
        return OK;
    return err_set(
        err, ERR_USAGE,
        "the directory %.200s is not empty: choose another one, or --force to write into "
        "it",
        o->dir);
}

/* Few users make few records: then more minutes go into one file. */
static int64_t slot_seconds(int64_t users)
{
    return users < 200 ? 3600 : users < 3000 ? 900 : 300;
}

static enum status finish(struct sim *s, struct sim_report *report)
{
    static const char *const bodies[] = {"inline", "s3", "none"};
    TRY(writer_finish(&s->writer, s->err));
    TRY(writer_permission_checks(&s->writer, s->err));
    if (!book_ok(s->book))
        return err_nomem(s->err);
    TRY(org_write_files(&s->org, s->options.dir, s->err));
    s->truth.records += s->writer.late_n;
    s->truth.duplicates += s->writer.late_n;
    struct truth_about about = {
        .seed = (uint64_t)s->options.seed,
        .users = s->options.users,
        .days = s->options.days,
        .bodies = bodies[s->options.bodies],
        .files = s->writer.files,
        .json_bytes = s->writer.json_bytes,
        .gzip_bytes = s->writer.gzip_bytes,
        .sessions = s->sessions,
        .prompts = s->prompts,
        .book = s->book,
    };
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/truth.json", s->options.dir);
    *report = (struct sim_report){
        .records = s->truth.records,
        .invocations = s->truth.records - s->truth.duplicates,
        .duplicates = s->truth.duplicates,
        .files = about.files,
        .json_bytes = about.json_bytes,
        .gzip_bytes = about.gzip_bytes,
    };
    return truth_write(&s->truth, &about, path, s->err);
}

static enum status prepare(struct sim *s)
{
    const struct sim_options *o = &s->options;
    uint64_t seed = (uint64_t)o->seed;
    TRY(org_init(&s->org, seed, (uint32_t)o->users, s->err));
    struct buf profiles;
    buf_init(&profiles, 64 << 20);
    org_profiles(&s->org, &profiles);
    enum status status = buf_status(&profiles);
    status = status == OK ? prices_new(&s->org, buf_view(&profiles), &s->prices, s->err)
                          : err_nomem(s->err);
    buf_fini(&profiles);
    TRY(status);
    TRY(book_new(&s->book, s->err));
    if (o->bodies != SIM_NONE) {
        TRY(text_init(&s->pools, seed, s->err));
        s->text = &s->pools;
    }
    rng_seed(&s->rng, seed, UINT64_C(0xde11));
    writer_init(&s->writer, o->dir, &s->org, seed, slot_seconds(o->users));
    truth_init(&s->truth, &s->org, o->start_day);
    answer_init(&s->answer, s->text);
    buf_init(&s->scratch, 64 << 20);
    buf_init(&s->in_path, 4096);
    buf_init(&s->out_path, 4096);
    s->start_s = o->start_day * 86400;
    s->end_s = s->start_s + o->days * 86400;
    return OK;
}

enum status sim_run(const struct sim_options *options, struct sim_report *report, struct err *err)
{
    TRY(take_dir(options, err));
    struct sim *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    s->options = *options;
    s->err = err;
    enum status status = prepare(s);
    if (status == OK)
        status = run_actors(s);
    if (status == OK)
        status = finish(s, report);
    buf_fini(&s->scratch);
    buf_fini(&s->in_path);
    buf_fini(&s->out_path);
    answer_fini(&s->answer);
    truth_fini(&s->truth);
    prices_free(s->prices);
    book_free(s->book);
    writer_fini(&s->writer);
    text_fini(&s->pools);
    org_fini(&s->org);
    free(s);
    return status;
}
