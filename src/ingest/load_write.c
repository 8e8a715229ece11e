/*
 * The writer of a load: batches that readers filled go into the store, in transactions; sources get
 * their tickets back behind each commit. Between two transactions it looks after the store.
 */
#include "ingest/load_internal.h"

#include <stdlib.h>

enum {
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
#define FOLLOW_AGE_US (US_PER_SECOND / 2)
#define RESUME_AGE_US (2 * US_PER_SECOND)
enum { COMMIT_SHARE = 4 };

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

void *load_write(void *arg)
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
