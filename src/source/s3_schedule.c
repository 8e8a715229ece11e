/*
 * The schedule of the S3 source: which way through the bucket is gone when, and what becomes of a
 * request that failed. See s3.h for what is promised. Nothing here waits: what is asked comes back
 * through the pool, and each step takes what has come.
 */
#include "source/s3_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    QUICK_HOURS = 2,
    ANEW_AFTER = 3,  /* failures of a request in a row */
    FEW_PLACES = 32, /* up to so many are all looked at, and looked for, each time */
    FEW_ABOVE = 8,   /* folders outside the layout: with more, looking for accounts is no trifle */
    MISSED_S = 60,   /* until a sweep that was not whole is made up for; longer each time */
};

static void tell(struct s3_source *s, const char *prefix, const char *text)
{
    char name[1400];
    if (!gauge_failure(&s->gauge, text) && s->poll_us)
        return;
    snprintf(name, sizeof name, "s3://%s/%s", s3_bucket_name(s->bucket).p, prefix);
    s->watch.problem(s->watch.ctx, name, text);
}

static int64_t pause_us(int64_t first_s, int n, int64_t most_s)
{
    int64_t pause_s = first_s << (n < 6 ? n : 6);
    return (pause_s < most_s ? pause_s : most_s) * US_PER_SECOND;
}

/* Looking for places. */

static bool is_few(const struct s3_source *s)
{
    return places_count(&s->places) <= FEW_PLACES;
}

/* Each account costs a request, also where only other services have logs. */
static bool is_soon_found(const struct s3_source *s)
{
    return places_known(&s->places) <= FEW_PLACES;
}

/* True when places are known as of then; otherwise they are being looked for. */
static enum status look(struct s3_source *s, int64_t since_us, bool all, bool *known,
                        struct err *err)
{
    *known = (all ? s->looked_all_at : s->looked_at) >= since_us;
    if (*known || s->search.running)
        return OK;
    return search_begin(&s->search, s, !all, err);
}

static bool walks_run(const struct s3_source *s)
{
    return s->walks[QUICK].running || s->walks[WINDOW].running || s->walks[SWEEP].running;
}

/* A search is over: its places are those of the source. */
static enum status after_search(struct s3_source *s, struct err *err)
{
    struct search *k = &s->search;
    bool whole = !k->shallow && k->refused == 0;
    TRY(places_merge(&s->places, &k->found, whole, err));
    if (!walks_run(s))
        places_forget(&s->places);
    atomic_store(&s->denied, (int64_t)places_denied(&s->places));
    s->looked_at = k->from_us;
    s->looked_all_at = k->shallow ? s->looked_all_at : k->from_us;
    s->above = k->above;
    s->some = s->some || k->any || k->refused > 0;
    if (!s->some && !s->poll_us)
        s->watch.problem(s->watch.ctx, s->shown, "there are no objects here");
    s->found = true;
    /* A shallow search does not look where places are known. */
    if (!k->shallow || k->refused > 0)
        atomic_store(&s->unseen, k->refused);
    s3_well(s);
    return OK;
}

/* Beginning what is due. */

static enum status begin_walk(struct s3_source *s, int which, enum walk_kind kind, struct err *err)
{
    static const enum job_class classes[] = {JOB_QUICK, JOB_WINDOW, JOB_SWEEP};
    int64_t now = aws_client_now_us(s->clock), since = s->since_us;
    int64_t back = which == QUICK ? QUICK_HOURS * US_PER_HOUR : which == WINDOW ? s->window_us : 0;
    if (back > 0 && now - back > since)
        since = now - back;
    const struct walk_options o = {.kind = kind,
                                   .class = classes[which],
                                   .since_us = since,
                                   .until_us = s->until_us,
                                   .modified_since_us = s->since_us,
                                   .in_order = which != QUICK,
                                   .position = !s->poll_us};
    return walk_begin(&s->walks[which], s->pool, &s->places, &o, now, err);
}

static enum status begin_quick(struct s3_source *s, int64_t mono, struct err *err)
{
    bool all = is_soon_found(s), known = true;
    if (s->walks[QUICK].running || mono < s->due_at[QUICK])
        return OK;
    /* Where a search takes long, nobody waits for it. */
    if (all || (s->above <= FEW_ABOVE && (!s->search.running || s->search.shallow)))
        TRY(look(s, s->due_at[QUICK], all, &known, err));
    if (!known)
        return OK;
    s->due_at[QUICK] = mono + s->poll_us;
    return begin_walk(s, QUICK, is_few(s) ? WALK_RECENT : WALK_QUICK, err);
}

static enum status begin_window(struct s3_source *s, int64_t mono, struct err *err)
{
    bool known;
    if (s->walks[WINDOW].running || mono < s->due_at[WINDOW])
        return OK;
    TRY(look(s, s->due_at[WINDOW], true, &known, err));
    if (!known)
        return OK;
    s->due_at[WINDOW] = mono + s->window_every_us;
    return begin_walk(s, WINDOW, WALK_ALL, err);
}

static enum status begin_sweep(struct s3_source *s, int64_t mono, struct err *err)
{
    bool all = mono >= s->due_at[SWEEP], known = true;
    if (s->walks[SWEEP].running || (!all && mono < s->missed_at))
        return OK;
    if (all)
        TRY(look(s, s->due_at[SWEEP], true, &known, err));
    if (!known)
        return OK;
    if (all)
        s->due_at[SWEEP] = mono + s->sweep_us;
    s->missed_at = INT64_MAX;
    TRY(begin_walk(s, SWEEP, all ? WALK_ALL : WALK_MISSED, err));
    for (size_t i = 0; i < s->walks[SWEEP].n; i++)
        s->walks[SWEEP].lines[i].place->missed = false;
    return OK;
}

static enum status begin_due(struct s3_source *s, struct err *err)
{
    int64_t mono = clock_monotonic_us();
    bool known;
    if (!s->found)
        return look(s, 0, true, &known, err);
    TRY(begin_sweep(s, mono, err));
    if (!s->poll_us)
        return OK;
    TRY(begin_quick(s, mono, err));
    return begin_window(s, mono, err);
}

/* What comes back. */

static struct walk *walk_of(struct s3_source *s, const struct job *j)
{
    return j->owner == &s->search ? NULL : j->owner;
}

static enum status take(struct s3_source *s, struct job *j, struct err *err)
{
    struct walk *w = walk_of(s, j);
    j->failures = 0;
    /* What was in flight with a failure tells nothing of whether that has passed. */
    if (atomic_load(&s->failures) > 0 && !pool_holds(s->pool)) {
        atomic_store(&s->failures, 0);
        s3_well(s);
    }
    if (!w)
        return search_take(&s->search, j, err);
    struct s3_place *p = walk_place(w, j);
    if (p && p->denied) {
        p->denied = false;
        atomic_fetch_sub(&s->denied, 1);
    }
    return walk_take(w, j, err);
}

/* The place is left out of the walk, the folder out of the search. */
static enum status drop(struct s3_source *s, struct job *j, struct err *err)
{
    struct walk *w = walk_of(s, j);
    if (!w)
        return search_drop(&s->search, j, err);
    struct s3_place *p = walk_place(w, j);
    if (p)
        p->missed = p->missed || w == &s->walks[SWEEP];
    walk_drop(w, j);
    return OK;
}

/* Each place that may not be listed is told once, until it may. */
static enum status refused(struct s3_source *s, struct job *j, const char *text, struct err *err)
{
    struct walk *w = walk_of(s, j);
    struct s3_place *p = w ? walk_place(w, j) : NULL;
    if (!p || !p->denied)
        tell(s, p ? p->prefix : w ? "" : search_prefix(j), text);
    else
        gauge_failure(&s->gauge, text);
    if (p && j->denied && !p->denied) {
        p->denied = true;
        atomic_fetch_add(&s->denied, 1);
    }
    return drop(s, j, err);
}

/* Worth another attempt: later, for all, when nothing else goes well either. */
static enum status again(struct s3_source *s, struct job *j, const char *text, struct err *err)
{
    struct walk *w = walk_of(s, j);
    struct s3_place *p = w ? walk_place(w, j) : NULL;
    tell(s, p ? p->prefix : w ? "" : search_prefix(j), text);
    j->failures++;
    /* What was in flight together failed together. */
    if (!pool_holds(s->pool)) {
        int before = atomic_fetch_add(&s->failures, 1);
        pool_hold(s->pool, clock_monotonic_us() + pause_us(5, before, 300));
    }
    if (!w && j->failures > ANEW_AFTER && !search_is_root(j)) {
        /* What else was found must not wait for it; what is behind it is looked for again soon. */
        atomic_store(&s->left_out, true);
        return drop(s, j, err);
    }
    if (!w)
        return search_again(&s->search, j, err);
    if (j->failures > ANEW_AFTER && atomic_load(&s->failures) < j->failures)
        return drop(s, j, err);
    return walk_again(w, j, j->failures >= ANEW_AFTER, err);
}

static enum status failed(struct s3_source *s, struct job *j, struct err *err)
{
    const char *text = j->why ? j->why->text : status_text(j->status);
    bool root = j->owner == &s->search && search_is_root(j);
    if (j->status == ERR_NOMEM || j->status == ERR_INTERRUPTED) {
        enum status status = j->status;
        err_set(err, status, "%s", text);
        if (!walk_of(s, j))
            search_forget(j);
        return status;
    }
    if (!root && (j->denied || j->status == ERR_PARSE || j->status == ERR_LIMIT))
        return refused(s, j, text, err);
    if (s->poll_us)
        return again(s, j, text, err);
    struct s3_place *p = walk_of(s, j) ? walk_place(walk_of(s, j), j) : NULL;
    tell(s, p ? p->prefix : s->root, text);
    pool_hold(s->pool, INT64_MAX);
    s->ended = true;
    return drop(s, j, err);
}

/* All that has come back. */
static enum status collect(struct s3_source *s, struct err *err)
{
    for (struct job *j; !s->ended && !atomic_load(&s->stopped) && (j = pool_take(s->pool));) {
        bool searched = s->search.running;
        TRY(j->status == OK ? take(s, j, err) : failed(s, j, err));
        if (searched && !s->search.running && !s->ended)
            TRY(after_search(s, err));
    }
    return OK;
}

/* A walk is over. */

static void tell_archived(struct s3_source *s, int64_t n)
{
    char text[160];
    if (n == s->archived)
        return;
    gauge_skipped(&s->gauge, n - s->archived);
    s->archived = n;
    if (n == 0)
        return;
    snprintf(text, sizeof text,
             "%lld object%s left out: archived (Glacier), to be read when restored", (long long)n,
             n == 1 ? "" : "s");
    s->watch.problem(s->watch.ctx, s->shown, text);
}

static void after_walk(struct s3_source *s, int which)
{
    struct walk *w = &s->walks[which];
    bool whole = w->dropped == 0;
    if (which == SWEEP) {
        int64_t mono = clock_monotonic_us();
        bool left_out = atomic_exchange(&s->left_out, false);
        int64_t at = mono + pause_us(MISSED_S, s->missed_n, 3600);
        s->missed_at = whole ? INT64_MAX : at;
        if (left_out && at < s->due_at[SWEEP])
            s->due_at[SWEEP] = at;
        s->missed_n = whole && !left_out ? 0 : s->missed_n + 1;
        if (w->o.kind == WALK_ALL) {
            tell_archived(s, w->archived);
            gauge_passes(&s->gauge, 1);
        }
        s->ended = !s->poll_us;
    }
    walk_end(w);
    if (whole)
        s3_well(s);
}

/* The next object of the walk, if it has one; *got: it had, or it is over. */
static enum status name_of(struct s3_source *s, int which, struct source_item *item, bool *got,
                           struct err *err)
{
    struct walk_object o;
    enum walk_step step = WALK_WAITS;
    TRY(walk_next(&s->walks[which], &o, &step, err));
    *got = step != WALK_WAITS;
    if (step == WALK_GIVES)
        return items_give(s, &o, item, err);
    if (step == WALK_ENDS)
        after_walk(s, which);
    return OK;
}

enum status schedule_step(struct s3_source *s, struct source_item *item, bool *idle,
                          struct err *err)
{
    TRY(collect(s, err));
    if (s->ended || atomic_load(&s->stopped)) {
        *idle = true;
        return OK;
    }
    TRY(begin_due(s, err));
    *idle = true;
    for (int i = 0; i < WALKS && *idle; i++) {
        int which = (s->turn + i) % WALKS;
        bool got = false;
        if (!s->walks[which].running)
            continue;
        TRY(name_of(s, which, item, &got, err));
        if (got)
            s->turn = (which + 1) % WALKS;
        *idle = !got;
    }
    return OK;
}

void schedule_end(struct s3_source *s)
{
    /* The jobs of walks are parts of them. */
    for (struct job *j; s->pool && (j = pool_left(s->pool));)
        if (!walk_of(s, j))
            search_forget(j);
    for (int i = 0; i < WALKS; i++)
        walk_end(&s->walks[i]);
    search_end(&s->search);
}
