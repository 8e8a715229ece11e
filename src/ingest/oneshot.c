/* A report without a store: see oneshot.h. */
#include "ingest/oneshot.h"

#include <pthread.h>
#include <stdlib.h>

/* Invocations between the prefetch of their key's place and their offer: looking a key up is one
 * miss of the cache, and this many of them overlap. */
enum { AHEAD = 16 };

struct part {
    struct invocation ahead[AHEAD];
    size_t ahead_at, ahead_n; /* the oldest, and how many there are */
    /* What bodies tell of those, for sessions; intake keeps it only until the next record. */
    struct exchange exchange[AHEAD];
    struct arena lists[AHEAD];
    struct plan_view *view;
    struct cube *cube;
    struct about about;
};

struct run {
    const struct oneshot *o;
    struct dedupe *dedupe;
    pthread_mutex_t lock; /* of the trouble callback */
    struct part *parts;
    int64_t problems;
};

static bool wants(void *ctx, const struct source_item *item)
{
    (void)ctx;
    (void)item;
    return true;
}

enum status oneshot_gather(struct sessions *s, int worker, const struct invocation *v,
                           enum verdict verdict, const struct invocation *old, struct err *err)
{
    if (!s || verdict == VERDICT_DROP)
        return OK;
    if (verdict == VERDICT_REPLACE)
        TRY(sessions_drop(s, worker, old, err));
    return sessions_put(s, worker, v,
                        verdict == VERDICT_DEFERRED ? SESSIONS_PENDING : SESSIONS_SURE, err);
}

/* What sessions gather is theirs to add up; the cube has the others. */
static enum status count(struct run *r, int worker, const struct invocation *v, int sign)
{
    struct part *p = &r->parts[worker];
    if (r->o->sessions && v->session != 0)
        return OK;
    if (r->o->loose)
        TRY(r->o->loose(r->o->loose_ctx, worker, v, sign));
    return plan_add(p->view, p->cube, v, sign);
}

static enum status offer(struct run *r, int worker, const struct invocation *v, struct err *err)
{
    enum verdict verdict;
    struct invocation old;
    TRY(dedupe_offer(r->dedupe, v, &verdict, &old, err));
    TRY(oneshot_gather(r->o->sessions, worker, v, verdict, &old, err));
    enum status status = OK;
    if (verdict == VERDICT_REPLACE)
        status = count(r, worker, &old, -1);
    if (status == OK && (verdict == VERDICT_NEW || verdict == VERDICT_REPLACE))
        status = count(r, worker, v, 1);
    return status == OK ? OK : err_nomem(err);
}

/* Keeps an invocation until it is offered. What no session wants loses its own: then dedupe, which
 * hands it back when a better copy comes, does not say so either. */
static enum status keep(struct run *r, struct part *p, const struct invocation *v, struct err *err)
{
    size_t at = (p->ahead_at + p->ahead_n) % AHEAD;
    struct invocation *place = &p->ahead[at];
    *place = *v;
    place->exchange = NULL;
    if (r->o->sessions && v->exchange && plan_wants_time(r->o->plan, v->time_us)) {
        arena_reset(&p->lists[at]);
        if (exchange_copy(v->exchange, &p->lists[at], &p->exchange[at]) != OK)
            return err_nomem(err);
        place->exchange = &p->exchange[at];
    } else {
        place->session = 0;
    }
    p->ahead_n++;
    return OK;
}

static enum status take(void *ctx, int worker, const struct invocation *v, struct err *err)
{
    struct run *r = ctx;
    struct part *p = &r->parts[worker];
    if (p->ahead_n == AHEAD) {
        TRY(offer(r, worker, &p->ahead[p->ahead_at], err));
        p->ahead_at = (p->ahead_at + 1) % AHEAD;
        p->ahead_n--;
    }
    dedupe_prefetch(r->dedupe, v->key);
    return keep(r, p, v, err);
}

/* After the last file: what still waits. */
static enum status drain(struct run *r, int worker, struct err *err)
{
    struct part *p = &r->parts[worker];
    for (; p->ahead_n > 0; p->ahead_n--) {
        TRY(offer(r, worker, &p->ahead[p->ahead_at], err));
        p->ahead_at = (p->ahead_at + 1) % AHEAD;
    }
    return OK;
}

static enum status file_done(void *ctx, int worker, const struct source_item *item,
                             const struct about *about, const struct crew_trouble *troubles,
                             size_t troubles_n, struct err *err)
{
    (void)err;
    struct run *r = ctx;
    source_done(item->source, item->ticket, SOURCE_KEPT);
    about_add(&r->parts[worker].about, about);
    if (!r->o->trouble || troubles_n == 0)
        return OK;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < troubles_n; i++)
        r->o->trouble(r->o->ctx, &troubles[i]);
    pthread_mutex_unlock(&r->lock);
    return OK;
}

static void problem(void *ctx, const char *path, const char *reason)
{
    struct run *r = ctx;
    pthread_mutex_lock(&r->lock);
    r->problems++;
    if (r->o->trouble)
        r->o->trouble(r->o->ctx, &(struct crew_trouble){path, -1, reason, false});
    pthread_mutex_unlock(&r->lock);
}

static void progress(void *ctx, const struct crew_progress *p)
{
    struct run *r = ctx;
    r->o->progress(r->o->ctx, p);
}

static enum status count_deferred(void *ctx, const struct invocation *v, struct err *err)
{
    struct run *r = ctx;
    if (r->o->sessions)
        TRY(sessions_confirm(r->o->sessions, 0, v, err));
    return count(r, 0, v, 1) == OK ? OK : err_nomem(err);
}

static enum status open_parts(struct run *r, int threads, struct err *err)
{
    r->parts = calloc((size_t)threads, sizeof *r->parts);
    if (!r->parts)
        return err_nomem(err);
    for (int i = 0; i < threads; i++) {
        about_init(&r->parts[i].about);
        TRY(plan_view_new(r->o->plan, &r->parts[i].view, err));
        TRY(cube_new(&r->parts[i].cube, err));
    }
    return OK;
}

static enum status run(struct run *r, int threads, struct cube *cube, struct about *about,
                       struct err *err)
{
    const struct oneshot *o = r->o;
    TRY(open_parts(r, threads, err));
    const struct crew_job job = {
        .ctx = r,
        .wants = wants,
        .take = take,
        .file_done = file_done,
        .problem = problem,
        .progress = o->progress ? progress : NULL,
    };
    TRY(crew_run(o->source, threads, o->env, &job, err));
    for (int i = 0; i < threads; i++)
        TRY(drain(r, i, err));
    TRY(dedupe_finish(r->dedupe, count_deferred, r, err));
    about_init(about);
    for (int i = 0; i < threads; i++) {
        about_add(about, &r->parts[i].about);
        if (cube_merge(cube, r->parts[i].cube) != OK)
            return err_nomem(err);
        /* Each part is given back as it is merged, so that the sums do not stand twice. */
        cube_free(r->parts[i].cube);
        r->parts[i].cube = NULL;
    }
    about->invocations = dedupe_count(r->dedupe);
    about->n[ABOUT_FILES_FAILED] += r->problems;
    return OK;
}

int oneshot_threads(int threads)
{
    return threads < 1 ? 1 : threads > CREW_MAX ? CREW_MAX : threads;
}

enum status oneshot_run(const struct oneshot *o, struct cube *cube, struct about *about,
                        struct err *err)
{
    struct run r = {.o = o};
    int threads = oneshot_threads(o->threads);
    pthread_mutex_init(&r.lock, NULL);
    enum status status = dedupe_new(o->dedupe_memory, &r.dedupe, err);
    if (status == OK)
        status = run(&r, threads, cube, about, err);
    for (int i = 0; r.parts && i < threads; i++) {
        plan_view_free(r.parts[i].view);
        cube_free(r.parts[i].cube);
        for (int k = 0; k < AHEAD; k++)
            arena_fini(&r.parts[i].lists[k]);
    }
    free(r.parts);
    dedupe_free(r.dedupe);
    pthread_mutex_destroy(&r.lock);
    return status;
}
