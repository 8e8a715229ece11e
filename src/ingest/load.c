/* Into the store: see load.h. */
#include "ingest/load.h"

#include "base/queue.h"
#include "ingest/lexicon.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BATCH = 4096,          /* invocations handed to the writer at once */
    BATCH_FILES = 256,     /* ends of files in one batch */
    BATCH_BYTES = 1 << 20, /* of the arena: some 1,500 exchanges, or 80 of the largest */
    COMMIT = 128 * 1024,   /* invocations after which the writer commits */
    COMMIT_FILES = 20000,  /* or ends of files */
    FOLLOW_MS = 100,       /* without a batch, after which a follower commits */
    UPKEEP_MS = 60 * 1000, /* between two times, */
    UPKEEP_SOON_MS = 200,  /* and while there is more to do */
};
/*
 * What comes steadily leaves no pause, so what was read has an age at which it goes on: out of a
 * reader's hands, and by a commit. A follower's readers and writer have one second between them,
 * because a push waits for its commit, and questions should know a record within two. Where
 * commits take long (a large store, a slow disk), they get a fifth of the time and no more. A run
 * with an end only has to go on where it was killed.
 */
#define BATCH_AGE_US (US_PER_SECOND / 2)
#define FOLLOW_AGE_US (US_PER_SECOND / 2)
#define RESUME_AGE_US (2 * US_PER_SECOND)
enum { COMMIT_SHARE = 4 };

/* What a source waits for until the transaction is committed. */
struct promise {
    struct source *source;
    void *ticket;
    enum source_outcome outcome;
};

struct file_end {
    struct store_file file;
    struct store_quarantine *quarantine;
    size_t quarantine_n;
    struct promise promise;
};

struct batch {
    struct invocation v[BATCH];
    size_t n;
    struct lexicon *lexicon; /* of v; NULL as long as there are none */
    struct file_end files[BATCH_FILES];
    size_t files_n;
    int64_t since_us;   /* when a reader took it in hand (monotonic) */
    struct arena arena; /* exchanges; paths and quarantine of the files */
};

/* The canonical path of one directory: what is walked lies below the operands, and asking the
 * system for each file costs more than reading a small one. */
struct directory_name {
    char as_given[PATH_MAX], canonical[PATH_MAX];
    bool known;
};

struct run {
    const struct load *l;
    struct store *lookup;
    pthread_mutex_t lookup_lock;
    int64_t upkeep_due_us;    /* by the monotonic clock; the writer's */
    int64_t commit_us;        /* that the last commit took; the writer's */
    struct promise *promises; /* of the open transaction; the writer's */
    size_t promises_n, promises_cap;
    bool body_missing[CREW_MAX];                      /* in the file that the reader has in work */
    struct directory_name walk_name, names[CREW_MAX]; /* of the walk, of each reader */
    struct queue *full, *empty;
    struct batch *current[CREW_MAX];
    struct lexicons *lexicons;
    struct lexicon *lexicon[CREW_MAX]; /* NULL: not yet any */
    pthread_mutex_t lock;
    struct load_result *result;
    pthread_t writer;
    struct err err; /* of the writer */
    enum status written;
};

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

static enum status promise(struct run *r, const struct promise *p, struct err *err)
{
    if (!p->ticket)
        return OK;
    if (r->promises_n == r->promises_cap) {
        size_t cap = r->promises_cap ? r->promises_cap * 2 : 64;
        struct promise *grown = realloc(r->promises, cap * sizeof *grown);
        if (!grown)
            return err_nomem(err);
        r->promises = grown;
        r->promises_cap = cap;
    }
    r->promises[r->promises_n++] = *p;
    return OK;
}

static enum status write_batch(struct run *r, const struct batch *b, struct err *err)
{
    struct store *s = r->l->store;
    if (b->n > 0)
        TRY(store_put(s, lexicon_env(b->lexicon)->series, b->v, b->n, err));
    for (size_t i = 0; i < b->files_n; i++) {
        const struct file_end *f = &b->files[i];
        TRY(store_put_file(s, &f->file, f->quarantine, f->quarantine_n, err));
        TRY(promise(r, &f->promise, err));
    }
    return OK;
}

static enum status commit(struct run *r, size_t invocations, size_t items, struct err *err)
{
    int64_t begun_us = clock_monotonic_us();
    TRY(store_commit(r->l->store, err));
    r->commit_us = clock_monotonic_us() - begun_us;
    if (r->l->committed)
        r->l->committed(r->l->ctx, (int64_t)invocations, (int64_t)items);
    for (size_t i = 0; i < r->promises_n; i++) {
        const struct promise *p = &r->promises[i];
        source_done(p->source, p->ticket, p->outcome);
    }
    r->promises_n = 0;
    lexicons_sweep(r->lexicons);
    return OK;
}

static void pass_notes_on(struct run *r)
{
    struct str notes = learn_notes(r->l->learn);
    if (notes.n == 0 || !r->l->note)
        return;
    pthread_mutex_lock(&r->lock);
    r->l->note(r->l->ctx, notes);
    pthread_mutex_unlock(&r->lock);
}

/* New profiles are asked for; answers that are there go into the transaction, which is begun when
 * there is none. */
static enum status learn(struct run *r, bool *open, struct err *err)
{
    if (!r->l->learn)
        return OK;
    TRY(learn_look(r->l->learn, err));
    if (!learn_has_news(r->l->learn))
        return OK;
    if (!*open)
        TRY(store_begin(r->l->store, err));
    *open = true;
    TRY(learn_apply(r->l->learn, err));
    pass_notes_on(r);
    return OK;
}

/* At the end of a run: what is still being asked. */
static enum status learn_rest(struct run *r, struct err *err)
{
    const int64_t step_ms = 1000;
    while (r->l->learn && !r->l->follow && learn_is_waiting(r->l->learn, step_ms)) {
        bool open = false;
        TRY(learn(r, &open, err));
        if (open)
            TRY(commit(r, 0, 0, err));
    }
    return OK;
}

/* The next batch, NULL at the end; *late: there was none for a while, and something else is to be
 * done: a follower commits, as does a source with tickets, which may not end before it has them
 * back; answers about profiles may be there; the store wants to be looked after. */
static struct batch *next_batch(struct run *r, bool open, bool *late)
{
    bool waits = ((r->l->follow || r->promises_n > 0) && open) ||
                 (r->l->learn && learn_is_waiting(r->l->learn, 0));
    *late = false;
    if (waits)
        return queue_pop_within(r->full, FOLLOW_MS, late);
    return r->l->follow ? queue_pop_within(r->full, UPKEEP_SOON_MS, late) : queue_pop(r->full);
}

/* No transaction is open. */
static enum status look_after_store(struct run *r, struct err *err)
{
    bool more = false;
    if (!r->l->follow || !r->l->upkeep || clock_monotonic_us() < r->upkeep_due_us)
        return OK;
    TRY(r->l->upkeep(r->l->ctx, r->l->store, &more, err));
    r->upkeep_due_us = clock_monotonic_us() + (int64_t)(more ? UPKEEP_SOON_MS : UPKEEP_MS) * 1000;
    return OK;
}

/* One batch into the transaction, which is begun when there is none. */
static enum status take_batch(struct run *r, struct batch *b, bool *open, struct err *err)
{
    if (!*open)
        TRY(store_begin(r->l->store, err));
    *open = true;
    return write_batch(r, b, err);
}

/* Since when a transaction is open, and what is in it. */
struct open_transaction {
    bool open;
    int64_t since_us; /* monotonic */
    size_t n, files;
};

/* Whether it has to be committed; `late`: nothing more has come for a while. */
static bool is_due(const struct run *r, const struct open_transaction *t, bool late)
{
    bool waited_for = r->l->follow || r->promises_n > 0;
    int64_t most_us = r->l->follow ? FOLLOW_AGE_US : RESUME_AGE_US;
    if (most_us < r->commit_us * COMMIT_SHARE)
        most_us = r->commit_us * COMMIT_SHARE;
    bool old = waited_for && clock_monotonic_us() - t->since_us > most_us;
    return t->open && ((waited_for && late) || old || t->n >= COMMIT || t->files >= COMMIT_FILES);
}

static enum status write_all(struct run *r, struct err *err)
{
    struct open_transaction t = {.open = false};
    bool late;
    enum status status = OK;
    for (struct batch *b; status == OK && ((b = next_batch(r, t.open, &late)) || late);) {
        bool was_open = t.open;
        if (b) {
            t.n += b->n;
            t.files += b->files_n;
            status = take_batch(r, b, &t.open, err);
            b->n = b->files_n = 0;
            if (b->lexicon)
                lexicon_drop(b->lexicon);
            b->lexicon = NULL;
            arena_reset(&b->arena);
            queue_push(r->empty, b);
        }
        if (status == OK)
            status = learn(r, &t.open, err);
        if (t.open && !was_open)
            t.since_us = clock_monotonic_us();
        if (status == OK && is_due(r, &t, late)) {
            status = commit(r, t.n, t.files, err);
            t = (struct open_transaction){.open = false};
        }
        if (status == OK && !t.open)
            status = look_after_store(r, err);
    }
    if (status == OK && t.open)
        status = commit(r, t.n, t.files, err);
    if (status == OK)
        status = learn_rest(r, err);
    if (status != OK)
        store_rollback(r->l->store);
    return status;
}

static void *writer_main(void *arg)
{
    struct run *r = arg;
    r->written = write_all(r, &r->err);
    /* After a failure readers must not wait: neither for room nor, where items are few, for one. */
    if (r->written != OK)
        source_stop(r->l->source);
    queue_close(r->full);
    queue_close(r->empty);
    return NULL;
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
    if (pthread_create(&r->writer, NULL, writer_main, r) != 0)
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
