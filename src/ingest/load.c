/* Into the store: see load.h. Here is what the readers do; load_write.c is the writer. */
#include "ingest/load_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH_BYTES = 1 << 20 }; /* of the arena: some 1,500 exchanges, or 80 of the largest */
/* Where a commit is waited for, the age at which a batch leaves a reader's hands: load_write.c. */
#define BATCH_AGE_US (US_PER_SECOND / 2)

/* The canonical path, in `room` or as it was given: the same file through another spelling must not
 * look new. A file that is a link itself keeps its name; links above it are resolved. */
static struct str canonical(struct directory_name *name, const struct source_item *item,
                            char room[PATH_MAX])
{
    const char *path = item->name, *slash = strrchr(path, '/');
    size_t n = item->root_n ? item->root_n : slash ? (size_t)(slash - path) + 1 : 0;
    if (!item->is_path || n >= PATH_MAX)
        return str_from(path);
    if (!name->known || strncmp(name->as_given, path, n) != 0 || name->as_given[n] != '\0') {
        memcpy(name->as_given, path, n);
        name->as_given[n] = '\0';
        name->known = realpath(n ? name->as_given : ".", name->canonical) != NULL;
        if (!name->known)
            return str_from(path);
    }
    for (path += n; *path == '/';)
        path++;
    int length = snprintf(room, PATH_MAX, "%s/%s", name->canonical, path);
    return length > 0 && length < PATH_MAX ? str_of(room, (size_t)length) : str_from(item->name);
}

static bool wants(void *ctx, const struct source_item *item)
{
    struct run *r = ctx;
    if (strcmp(item->name, "-") == 0)
        return true;
    char room[PATH_MAX];
    struct store_file key = {
        .path = canonical(&r->walk_name, item, room),
        .size = item->size,
        .mtime_ns = item->mtime_ns,
        .options = r->l->options,
    };
    bool done = false;
    if (item->grows)
        return true;
    pthread_mutex_lock(&r->lookup_lock);
    if (store_file_done(r->lookup, &key, &done, NULL) != OK)
        done = false; /* reading it again is always right */
    pthread_mutex_unlock(&r->lookup_lock);
    r->result->files_known += done;
    return !done;
}

static int64_t position(void *ctx, const char *name)
{
    struct run *r = ctx;
    int64_t at = 0;
    pthread_mutex_lock(&r->lookup_lock);
    if (store_file_position(r->lookup, str_from(name), &at, NULL) != OK)
        at = 0;
    pthread_mutex_unlock(&r->lookup_lock);
    return at;
}

static enum status current_batch(struct run *r, int worker, struct batch **out, struct err *err)
{
    if (!r->current[worker]) {
        r->current[worker] = queue_pop(r->empty);
        if (!r->current[worker])
            return err_set(err, ERR_INTERRUPTED, "the writer stopped");
        r->current[worker]->since_us = clock_monotonic_us();
    }
    *out = r->current[worker];
    return OK;
}

static enum status hand_over(struct run *r, int worker, struct err *err)
{
    struct batch *b = r->current[worker];
    if (!queue_push(r->full, b))
        return err_set(err, ERR_INTERRUPTED, "the writer stopped");
    r->current[worker] = NULL;
    return OK;
}

static bool is_full(const struct batch *b)
{
    return b->n == BATCH || b->files_n == BATCH_FILES || b->arena.used > BATCH_BYTES;
}

static bool lexicon_full(void *ctx, int worker)
{
    struct run *r = ctx;
    return lexicon_is_full(r->lexicon[worker]);
}

static enum status new_lexicon(void *ctx, int worker, const struct intake_env **out,
                               struct err *err)
{
    struct run *r = ctx;
    if (r->current[worker] && r->current[worker]->n > 0)
        TRY(hand_over(r, worker, err));
    if (r->lexicon[worker])
        lexicon_drop(r->lexicon[worker]);
    r->lexicon[worker] = NULL;
    if (!out)
        return OK;
    r->lexicon[worker] = lexicon_take(r->lexicons);
    if (!r->lexicon[worker])
        return err_nomem(err);
    *out = lexicon_env(r->lexicon[worker]);
    return OK;
}

static enum status take(void *ctx, int worker, const struct invocation *v, struct err *err)
{
    struct run *r = ctx;
    struct batch *b = NULL;
    TRY(current_batch(r, worker, &b, err));
    struct invocation *mine = &b->v[b->n];
    *mine = *v;
    if (v->exchange) {
        struct exchange *x = arena_alloc(&b->arena, sizeof *x);
        if (!x || exchange_copy(v->exchange, &b->arena, x) != OK)
            return err_nomem(err);
        mine->exchange = x;
    }
    if (!b->lexicon)
        b->lexicon = lexicon_share(r->lexicon[worker]);
    b->n++;
    r->body_missing[worker] |= (v->flags & INV_BODY_MISSING) != 0;
    return is_full(b) ? hand_over(r, worker, err) : OK;
}

static enum status idle(void *ctx, int worker, struct err *err)
{
    struct run *r = ctx;
    const struct batch *b = r->current[worker];
    return b && (b->n > 0 || b->files_n > 0) ? hand_over(r, worker, err) : OK;
}

/* What a file is called in the store. Standard input is another file each time. */
static struct str stored_name(struct directory_name *name, const struct source_item *item,
                              char room[PATH_MAX])
{
    char now[TIME_TEXT];
    if (strcmp(item->name, "-") != 0)
        return canonical(name, item, room);
    time_format(now, clock_now_us());
    snprintf(room, PATH_MAX, "- %s", now);
    return str_from(room);
}

/*
 * Bodies are delivered after their record (up to a minute, bedrock-logs facts, 5), and copies of a
 * bucket bring them in any order: a file of the last days that misses one is to be read again, so
 * it is kept under a size that no file has. How old a part of something that grows is, its source
 * knows.
 */
static bool may_come_later(const struct source_item *item, bool body_missing)
{
    const int64_t wait_us = 2 * US_PER_DAY;
    return body_missing && (item->grows || item->mtime_ns / 1000 > clock_now_us() - wait_us);
}

/* Copies what the writer needs to know of a file into the batch. */
static bool describe_file(struct run *r, int worker, struct batch *b,
                          const struct source_item *item, const struct about *about,
                          const struct crew_trouble *troubles, size_t troubles_n)
{
    char room[PATH_MAX];
    struct str path = arena_str(&b->arena, stored_name(&r->names[worker], item, room));
    struct store_quarantine *q = arena_alloc(&b->arena, (troubles_n + 1) * sizeof *q);
    if (!path.p || !q)
        return false;
    for (size_t i = 0; i < troubles_n; i++)
        q[i] = (struct store_quarantine){path, troubles[i].offset, str_from(troubles[i].reason)};
    bool again = may_come_later(item, r->body_missing[worker]);
    struct about known = *about;
    /* What grows has counted this part, and described what is broken in it; the counters of
     * anything else are replaced. */
    if (item->again && item->grows) {
        memset(known.n, 0, sizeof known.n);
        troubles_n = 0;
    }
    b->files[b->files_n++] = (struct file_end){
        .file = {.path = path,
                 .size = again ? -1 : item->size,
                 .mtime_ns = item->mtime_ns,
                 .options = r->l->options,
                 .about = known,
                 .grows = item->grows},
        .quarantine = q,
        .quarantine_n = troubles_n,
        .promise = {item->source, item->ticket,
                    item->size < 0 ? SOURCE_FAILED
                    : again        ? SOURCE_AGAIN
                                   : SOURCE_KEPT},
    };
    return true;
}

static enum status file_done(void *ctx, int worker, const struct source_item *item,
                             const struct about *about, const struct crew_trouble *troubles,
                             size_t troubles_n, struct err *err)
{
    struct run *r = ctx;
    struct batch *b = NULL;
    TRY(current_batch(r, worker, &b, err));
    if (!describe_file(r, worker, b, item, about, troubles, troubles_n))
        return err_nomem(err);
    r->body_missing[worker] = false;
    pthread_mutex_lock(&r->lock);
    if (!item->again)
        about_add(&r->result->about, about);
    for (size_t i = 0; i < troubles_n && r->l->trouble && !item->again; i++)
        r->l->trouble(r->l->ctx, &troubles[i]);
    pthread_mutex_unlock(&r->lock);
    bool waited_for = r->l->follow || item->ticket;
    bool old = waited_for && clock_monotonic_us() - b->since_us > BATCH_AGE_US;
    return old || is_full(b) ? hand_over(r, worker, err) : OK;
}

static void problem(void *ctx, const char *path, const char *reason)
{
    struct run *r = ctx;
    pthread_mutex_lock(&r->lock);
    r->result->problems++;
    if (r->l->trouble)
        r->l->trouble(r->l->ctx, &(struct crew_trouble){path, -1, reason, false});
    pthread_mutex_unlock(&r->lock);
}

static void progress(void *ctx, const struct crew_progress *p)
{
    struct run *r = ctx;
    r->l->progress(r->l->ctx, p);
}

/* What is still in the readers' hands goes to the writer, then the end. */
static void finish_writer(struct run *r, bool complete)
{
    for (int i = 0; i < CREW_MAX; i++) {
        struct batch *b = r->current[i];
        if (b && !(complete && queue_push(r->full, b)))
            queue_push(r->empty, b);
    }
    queue_close(r->full);
    pthread_join(r->writer, NULL);
}

static enum status run_threads(struct run *r, struct err *err)
{
    const struct load *l = r->l;
    const struct crew_job job = {
        .ctx = r,
        .versions = true,
        .wants = wants,
        .is_full = lexicon_full,
        .env = new_lexicon,
        .take = take,
        .file_done = file_done,
        .idle = idle,
        .position = position,
        .problem = problem,
        .progress = l->progress ? progress : NULL,
    };
    if (pthread_create(&r->writer, NULL, load_write, r) != 0)
        return err_set(err, ERR_NOMEM, "cannot start a thread");
    enum status status = crew_run(l->source, l->threads, l->env, &job, err);
    finish_writer(r, status == OK);
    if (r->written != OK) {
        /* The cause, rather than the readers' "the writer stopped". */
        if (err)
            *err = r->err;
        return r->written;
    }
    return status;
}

enum status load_run(const struct load *l, struct load_result *result, struct err *err)
{
    struct run *r = calloc(1, sizeof *r); /* the names make it too large for a stack */
    if (!r)
        return err_nomem(err);
    r->l = l;
    r->result = result;
    size_t batches = (size_t)(l->threads < 1 ? 1 : l->threads > CREW_MAX ? CREW_MAX : l->threads);
    batches = batches * 2 + 2;
    *result = (struct load_result){0};
    about_init(&result->about);
    enum status status = store_open(l->store_path, STORE_READ, &r->lookup, err);
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->lookup_lock, NULL);
    struct batch **all = calloc(batches, sizeof *all);
    if (status == OK && !all)
        status = err_nomem(err);
    if (status == OK)
        status = lexicons_new(l->env, &r->lexicons, err);
    if (status == OK && l->follow)
        status = store_durable(l->store, err);
    if (status == OK)
        status = queue_new(batches, &r->full, err);
    if (status == OK)
        status = queue_new(batches, &r->empty, err);
    for (size_t i = 0; status == OK && i < batches; i++) {
        all[i] = calloc(1, sizeof *all[i]);
        if (!all[i])
            status = err_nomem(err);
        else
            queue_push(r->empty, all[i]);
    }
    if (status == OK)
        status = run_threads(r, err);
    for (size_t i = 0; all && i < batches && all[i]; i++) {
        arena_fini(&all[i]->arena);
        free(all[i]);
    }
    free(all);
    queue_free(r->full);
    queue_free(r->empty);
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->lookup_lock);
    store_close(r->lookup);
    lexicons_free(r->lexicons);
    free(r->promises);
    free(r);
    return status;
}
