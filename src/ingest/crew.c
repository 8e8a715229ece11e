/* The crew: see crew.h. */
#include "ingest/crew.h"

#include "base/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Troubles of one file that are kept with their offsets; more are only counted. */
enum { TROUBLES = 100 };

/*
 * Files that a thread takes from a source at once. One at a time, threads that read small files
 * would spend their time waiting for the lock; many at a time, one thread would be left with all
 * the large ones. So the share grows only while it comes to little.
 */
enum { SHARE = 32, SHARE_BYTES = 2 << 20 };

struct crew {
    const struct intake_env *env;
    const struct crew_job *job;
    pthread_mutex_t lock; /* the naming, `failed` and `err` */
    pthread_cond_t done;
    struct source *source;
    int running;
    bool failed;
    struct err err;
    _Atomic int64_t files, bytes, records;
    _Atomic int64_t source_bytes; /* as they are in the files; also of those passed over */
};

struct opener {
    struct source *source;
    struct source_reader *reader;
};

struct worker {
    struct crew *crew;
    int number;
    pthread_t thread;
    struct reader *reader;
    struct intake *intake;
    struct source_reader *from; /* of the item in work */
    bool renew;                 /* the next record is read with another intake */
    bool unread;                /* of the item, as an intake before told */
    struct source_item share[SHARE];
    size_t share_n, share_max;
    bool idle;              /* nothing is named just now */
    struct opener *openers; /* one for each source that was met */
    size_t openers_n;
    struct source_room *room; /* that they share */
    struct arena paths;       /* of the share */
    const char *path;         /* of the file in work */
    struct about about;
    struct crew_trouble troubles[TROUBLES];
    size_t troubles_n;
};

static bool is_full(const struct worker *w)
{
    const struct crew_job *job = w->crew->job;
    return w->intake && job->is_full && job->is_full(job->ctx, w->number);
}

static enum status renew_intake(struct worker *w, struct err *err)
{
    const struct crew_job *job = w->crew->job;
    const struct intake_env *env = w->crew->env;
    w->renew = false;
    if (w->intake && !is_full(w))
        return OK;
    w->unread |= w->intake && intake_unread(w->intake);
    intake_free(w->intake);
    w->intake = NULL;
    if (job->env)
        TRY(job->env(job->ctx, w->number, &env, err));
    TRY(intake_new(env, &w->intake, err));
    intake_from(w->intake, w->from);
    return OK;
}

static enum status on_record(void *ctx, struct record *r, const struct origin *from,
                             struct err *err)
{
    struct worker *w = ctx;
    struct invocation v;
    if (w->renew)
        TRY(renew_intake(w, err));
    TRY(intake_record(w->intake, r, from, &v, err));
    if (!(v.flags & INV_TIME_GUESSED))
        about_extend(&w->about, v.time_us);
    return w->crew->job->take(w->crew->job->ctx, w->number, &v, err);
}

/* Before the records of some text. Of that an intake that comes anew knows nothing, so here is
 * where one may come within an item, which may be of any size. */
static size_t on_known(void *ctx, struct str text, struct json_gap *gaps, size_t room, size_t *end)
{
    struct worker *w = ctx;
    w->renew = is_full(w);
    return w->renew ? 0 : intake_known(w->intake, text, gaps, room, end);
}

static void on_quarantine(void *ctx, const struct origin *from, const char *reason)
{
    struct worker *w = ctx;
    if (w->troubles_n < TROUBLES)
        w->troubles[w->troubles_n++] = (struct crew_trouble){w->path, from->offset, reason, true};
}

/* A file that cannot be opened is a problem of this run, not a fact about the file: nothing is kept
 * of it, so that the next run tries again. */
static void cannot_open(struct worker *w, const struct err *why)
{
    const struct crew_job *job = w->crew->job;
    job->problem(job->ctx, w->path, why->text);
}

static enum status read_bytes(struct worker *w, const struct source_bytes *b, struct err *err)
{
    struct origin from = {
        .name = w->path, .account = b->account, .region = b->region, .delivery_us = b->delivery_us};
    struct reader_sink sink = {w, on_record, on_quarantine, on_known};
    return b->fd < 0 ? reader_bytes(w->reader, b->bytes, &from, &sink, &w->about, err)
                     : reader_file(w->reader, b->fd, &from, &sink, &w->about, err);
}

/* The worker's reader of a source: there are few sources. */
static enum status opener_of(struct worker *w, struct source *source, struct source_reader **out,
                             struct err *err)
{
    size_t i = 0;
    while (i < w->openers_n && w->openers[i].source != source)
        i++;
    if (i == w->openers_n) {
        struct opener *grown = realloc(w->openers, (i + 1) * sizeof *grown);
        if (!grown)
            return err_nomem(err);
        w->openers = grown;
        TRY(source_reader_new(source, w->room, &grown[i].reader, err));
        grown[i].source = source;
        w->openers_n++;
    }
    *out = w->openers[i].reader;
    return OK;
}

/* An item that its source refused: one thing that should have been records, and is not. */
static void quarantine(struct worker *w, const char *reason)
{
    w->about.n[ABOUT_QUARANTINED]++;
    w->troubles[w->troubles_n++] = (struct crew_trouble){w->path, -1, reason, true};
}

/* A thread that waits keeps nothing from going that others do not use any more. */
static enum status rest(struct worker *w, struct err *err)
{
    const struct crew_job *job = w->crew->job;
    if (job->idle)
        TRY(job->idle(job->ctx, w->number, err));
    if (!is_full(w))
        return OK;
    intake_free(w->intake);
    w->intake = NULL;
    return job->env(job->ctx, w->number, NULL, err);
}

static enum status read_one(struct worker *w, const struct source_item *item, struct err *err)
{
    struct source_bytes bytes;
    struct err why = {0};
    about_init(&w->about);
    w->troubles_n = 0;
    w->unread = false;
    TRY(opener_of(w, item->source, &w->from, err));
    TRY(renew_intake(w, err));
    intake_from(w->intake, w->from);
    enum status status = source_open(w->from, item, &bytes, &why);
    if (status == ERR_NOMEM)
        return err_nomem(err);
    if (status != OK) {
        /* Interrupted is what source_stop does to it: the run ends in order, without this item. */
        if (status != ERR_INTERRUPTED)
            cannot_open(w, &why);
        source_done(item->source, item->ticket, SOURCE_FAILED);
        return OK;
    }
    if (bytes.refused)
        quarantine(w, bytes.refused);
    else
        status = read_bytes(w, &bytes, err);
    source_bytes_fini(&bytes);
    if (status != OK)
        return status;
    if (w->about.n[ABOUT_BYTES] == 0 && w->about.n[ABOUT_FILES_FAILED] == 0)
        w->about.n[ABOUT_FILES] =
            0; /* an empty object, as some are delivered, is no file of logs */
    struct source_item named = *item;
    /* A size that no file has: the next run tries again. */
    bool unread = intake_unread(w->intake) || w->unread;
    if (!bytes.refused && (reader_cut_short(w->reader) || unread))
        named.size = -1;
    struct crew *c = w->crew;
    atomic_fetch_add(&c->files, w->about.n[ABOUT_FILES]);
    atomic_fetch_add(&c->bytes, w->about.n[ABOUT_BYTES]);
    atomic_fetch_add(&c->records, w->about.n[ABOUT_RECORDS]);
    return c->job->file_done(c->job->ctx, w->number, &named, &w->about, w->troubles, w->troubles_n,
                             err);
}

/* Takes the next items that the job wants, at most w->share_max of them; none at the end. */
static enum status take_share(struct worker *w, struct err *err)
{
    struct crew *c = w->crew;
    enum status status = OK;
    bool more = true;
    w->share_n = 0;
    w->idle = false;
    arena_reset(&w->paths);
    pthread_mutex_lock(&c->lock);
    while (status == OK && more && !w->idle && !c->failed && w->share_n < w->share_max) {
        struct source_item item;
        status = source_next(c->source, &item, &more, err);
        w->idle = status == OK && more && !item.name;
        if (status != OK || !more || w->idle)
            continue;
        if (!c->job->wants(c->job->ctx, &item)) {
            atomic_fetch_add(&c->source_bytes, item.size);
            source_done(item.source, item.ticket, SOURCE_KNOWN);
            continue;
        }
        struct str name = arena_str(&w->paths, str_from(item.name));
        if (!name.p) {
            status = err_nomem(err);
            continue;
        }
        item.name = name.p;
        w->share[w->share_n++] = item;
        if (!item.is_path)
            break; /* it takes a server's time: the others should have the next */
    }
    pthread_mutex_unlock(&c->lock);
    return status;
}

static enum status work(struct worker *w, struct err *err)
{
    struct crew *c = w->crew;
    TRY(reader_new(c->env->limits, &w->reader, err));
    reader_count_source(w->reader, &c->source_bytes);
    TRY(source_room_new(&w->room, err));
    w->share_max = 1;
    for (;;) {
        enum { WAIT_MS = 200 };
        int64_t bytes = 0;
        TRY(take_share(w, err));
        if (w->share_n == 0 && !w->idle)
            return OK;
        if (w->share_n == 0) {
            TRY(rest(w, err));
            source_wait(c->source, WAIT_MS);
        }
        for (size_t i = 0; i < w->share_n; i++) {
            w->path = w->share[i].name;
            TRY(read_one(w, &w->share[i], err));
            bytes += w->about.n[ABOUT_BYTES];
        }
        w->share_max = bytes > SHARE_BYTES ? 1 : w->share_max < SHARE ? w->share_max * 2 : SHARE;
    }
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct crew *c = w->crew;
    struct err err = {0};
    enum status status = work(w, &err);
    pthread_mutex_lock(&c->lock);
    /* Interrupted: the source was stopped, or the job's other end was. Not a failure of reading. */
    if (status != OK && status != ERR_INTERRUPTED && !c->failed) {
        c->failed = true;
        c->err = err;
        c->err.status = status;
    }
    c->running--;
    pthread_cond_signal(&c->done);
    pthread_mutex_unlock(&c->lock);
    reader_free(w->reader);
    intake_free(w->intake);
    for (size_t i = 0; i < w->openers_n; i++)
        source_reader_free(w->openers[i].reader);
    free(w->openers);
    source_room_free(w->room);
    arena_fini(&w->paths);
    return NULL;
}

/* Called under the lock. */
static struct crew_progress progress_of(struct crew *c)
{
    struct crew_progress p = {.files = atomic_load(&c->files),
                              .bytes = atomic_load(&c->bytes),
                              .records = atomic_load(&c->records),
                              .finished = c->running == 0};
    int64_t all;
    p.position = source_position(c->source, &p.estimated, &all);
    /* The naming is ahead of the reading: its end is not yet that of the run. */
    const int64_t million = 1000000, nearly = 990000;
    if (p.estimated && p.position > nearly)
        p.position = nearly;
    if (!p.estimated && all > 0) {
        int64_t read = atomic_load(&c->source_bytes);
        p.position = read >= all                  ? million
                     : read < INT64_MAX / million ? read * million / all
                                                  : read / (all / million);
    }
    return p;
}

/* Waits for the workers, telling of progress meanwhile. */
static void wait_for_all(struct crew *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->running > 0) {
        int64_t until = queue_deadline(200);
        queue_wait(&c->done, &c->lock, until);
        if (c->job->progress && c->running > 0) {
            struct crew_progress p = progress_of(c);
            pthread_mutex_unlock(&c->lock);
            c->job->progress(c->job->ctx, &p);
            pthread_mutex_lock(&c->lock);
        }
    }
    struct crew_progress p = {.finished = true};
    pthread_mutex_unlock(&c->lock);
    if (c->job->progress)
        c->job->progress(c->job->ctx, &p);
}

enum status crew_run(struct source *source, int threads, const struct intake_env *env,
                     const struct crew_job *job, struct err *err)
{
    struct crew c = {.env = env, .job = job, .source = source};
    const struct source_watch watch = {job->versions, job->ctx, job->problem, job->position};
    TRY(source_begin(source, &watch, err));
    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.done, NULL);
    threads = threads < 1 ? 1 : threads > CREW_MAX ? CREW_MAX : threads;
    struct worker *workers = calloc((size_t)threads, sizeof *workers);
    int started = 0;
    pthread_mutex_lock(&c.lock);
    for (; workers && started < threads; started++) {
        workers[started] = (struct worker){.crew = &c, .number = started};
        if (pthread_create(&workers[started].thread, NULL, worker_main, &workers[started]) != 0)
            break;
        c.running++;
    }
    pthread_mutex_unlock(&c.lock);
    if (started > 0)
        wait_for_all(&c);
    for (int i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    free(workers);
    /* Threads of sources may still name; the job's part ends here. */
    source_stop(source);
    pthread_cond_destroy(&c.done);
    pthread_mutex_destroy(&c.lock);
    if (started == 0)
        return err_set(err, ERR_NOMEM, "cannot start a thread");
    if (c.failed && err)
        *err = c.err;
    return c.failed ? c.err.status : OK;
}
