/*
 * The plan: see plan.h. The table of groups is shared and guarded by one mutex; it is asked once
 * per series and thread, after which the thread's view knows. Texts of groups are symbols of the
 * plan's own: a directory's spelling is no label of any record.
 */
#include "query/plan_internal.h"

#include "query/metric.h"

#include <pthread.h>
#include <stdlib.h>

struct plan {
    const struct question *question;
    struct series *series;
    const struct directory *directory;
    const struct pricing *pricing;
    bool counts_users, wants_reasons;
    pthread_mutex_t lock; /* guards what follows, except texts, which guards itself */
    struct symbols *texts;
    struct hash_key key;
    struct group *groups;
    uint32_t groups_n, groups_cap;
    uint32_t *slots; /* group + 1; 0: empty */
    size_t mask;
};

/* What a view remembers of a series. `group` is 0: not asked yet, 1: filtered out, else group + 2.
 * A mark is 0 where there is none: the empty text is no user and no reason. */
enum { NOT_ASKED, FILTERED, FIRST_GROUP };

struct known {
    uint32_t group;
    uint32_t mark[PLAN_MARKS];
};

/* Offsets of zones are whole quarters of an hour, so all instants of a quarter have one bucket. */
enum { QUARTERS = 64 };
#define US_PER_QUARTER (US_PER_HOUR / 4)

struct plan_view {
    struct plan *plan;
    struct arena scratch;
    struct known *known;
    uint32_t known_n;
    struct {
        int64_t quarter, start_us;
    } buckets[QUARTERS];
};

static bool asks_for(const struct question *q, int metric)
{
    for (int i = 0; i < q->metrics_n; i++)
        if (q->metrics[i] == metric)
            return true;
    return q->lead_metric == metric;
}

static bool asks_for_money(const struct question *q)
{
    for (int i = 0; i < q->metrics_n; i++)
        if (metric_info(q->metrics[i]).kind == METRIC_KIND_MONEY)
            return true;
    return false;
}

enum status plan_new(const struct question *q, struct series *series,
                     const struct directory *directory, struct plan **out, struct err *err)
{
    struct plan *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(err);
    pthread_mutex_init(&p->lock, NULL);
    p->question = q;
    p->series = series;
    p->directory = directory;
    p->counts_users = asks_for(q, METRIC_USERS);
    p->wants_reasons = asks_for_money(q);
    p->key = hash_key_random();
    p->mask = 255;
    p->slots = calloc(p->mask + 1, sizeof *p->slots);
    enum status status = p->slots ? symbols_new(&p->texts, err) : err_nomem(err);
    if (status != OK) {
        plan_free(p);
        return status;
    }
    *out = p;
    return OK;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    symbols_free(p->texts);
    free(p->groups);
    free(p->slots);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void plan_use_profiles(struct plan *p, const struct pricing *pricing)
{
    p->pricing = pricing;
}

const struct question *plan_question(const struct plan *p)
{
    return p->question;
}

struct str plan_mark_text(const struct plan *p, uint32_t mark)
{
    return symbols_text(p->texts, mark >> 1);
}

uint32_t plan_marks_end(const struct plan *p)
{
    return mark_make(symbols_count(p->texts), MARK_USER);
}

struct str plan_group_text(const struct plan *p, uint32_t group, int dim)
{
    if (p->question->dims[dim] == DIM_TIME)
        return STR("");
    return symbols_text(p->texts, p->groups[group].part[dim]);
}

enum status plan_view_new(struct plan *p, struct plan_view **out, struct err *err)
{
    struct plan_view *v = calloc(1, sizeof *v);
    if (!v)
        return err_nomem(err);
    v->plan = p;
    arena_init(&v->scratch);
    for (int i = 0; i < QUARTERS; i++)
        v->buckets[i].quarter = INT64_MIN;
    *out = v;
    return OK;
}

void plan_view_free(struct plan_view *v)
{
    if (!v)
        return;
    arena_fini(&v->scratch);
    free(v->known);
    free(v);
}

static bool grow_slots(struct plan *p)
{
    size_t size = (p->mask + 1) * 2;
    uint32_t *slots = calloc(size, sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < p->groups_n; i++) {
        size_t at = (size_t)hash64(p->key, &p->groups[i], sizeof p->groups[i]) & (size - 1);
        while (slots[at])
            at = (at + 1) & (size - 1);
        slots[at] = i + 1;
    }
    free(p->slots);
    p->slots = slots;
    p->mask = size - 1;
    return true;
}

static bool make_room(struct plan *p)
{
    if (p->groups_n > p->mask / 4 * 3 && !grow_slots(p))
        return false;
    if (p->groups_n < p->groups_cap)
        return true;
    if (p->groups_cap > UINT32_MAX / 4)
        return false;
    uint32_t cap = p->groups_cap ? p->groups_cap * 2 : 64;
    struct group *groups = realloc(p->groups, cap * sizeof *groups);
    if (!groups)
        return false;
    p->groups = groups;
    p->groups_cap = cap;
    return true;
}

static enum status intern_group(struct plan *p, const struct group *g, uint32_t *id)
{
    if (!make_room(p))
        return ERR_NOMEM;
    size_t at = (size_t)hash64(p->key, g, sizeof *g) & p->mask;
    for (; p->slots[at]; at = (at + 1) & p->mask)
        if (memcmp(&p->groups[p->slots[at] - 1], g, sizeof *g) == 0) {
            *id = p->slots[at] - 1;
            return OK;
        }
    p->groups[p->groups_n] = *g;
    p->slots[at] = ++p->groups_n;
    *id = p->groups_n - 1;
    return OK;
}

static enum status intern_part(struct plan *p, struct str text, uint32_t *part)
{
    return text.p ? symbols_intern(p->texts, text, part) : ERR_NOMEM;
}

static enum status make_mark(struct plan *p, struct str text, enum mark_kind kind, uint32_t *mark)
{
    uint32_t id;
    TRY(intern_part(p, text, &id));
    *mark = id == 0 ? 0 : mark_make(id, kind);
    return OK;
}

/* Asks the labels of a series. */
static enum status ask(struct plan_view *view, uint32_t series, struct known *known)
{
    struct plan *p = view->plan;
    const struct question *q = p->question;
    arena_reset(&view->scratch);
    struct series_view v = {.series = p->series,
                            .directory = p->directory,
                            .pricing = p->pricing,
                            .scratch = &view->scratch,
                            .id = series};
    bool pass;
    TRY(series_passes(&v, q, &pass));
    if (!pass) {
        *known = (struct known){.group = FILTERED};
        return OK;
    }
    struct group g = {0};
    for (int i = 0; i < q->dims_n; i++) {
        struct str text =
            q->dims[i] == DIM_TAG ? series_tag(&v, q->tags[i]) : series_dimension(&v, q->dims[i]);
        TRY(intern_part(p, text, &g.part[i]));
    }
    struct known made = {0};
    if (p->counts_users)
        TRY(make_mark(p, series_dimension(&v, DIM_USER), MARK_USER, &made.mark[MARK_USER]));
    if (p->wants_reasons)
        TRY(make_mark(p, series_reason(&v), MARK_REASON, &made.mark[MARK_REASON]));
    uint32_t group;
    pthread_mutex_lock(&p->lock);
    enum status status = intern_group(p, &g, &group);
    pthread_mutex_unlock(&p->lock);
    TRY(status);
    made.group = group + FIRST_GROUP;
    *known = made;
    return OK;
}

static enum status remember_up_to(struct plan_view *v, uint32_t series)
{
    uint32_t n = v->known_n ? v->known_n : 1024;
    while (n <= series)
        n = n > UINT32_MAX / 2 ? UINT32_MAX : n * 2;
    struct known *known = realloc(v->known, n * sizeof *known);
    if (!known)
        return ERR_NOMEM;
    memset(known + v->known_n, 0, (n - v->known_n) * sizeof *known);
    v->known = known;
    v->known_n = n;
    return OK;
}

enum status plan_group(struct plan_view *v, uint32_t series, uint32_t *group)
{
    if (series >= v->known_n)
        TRY(remember_up_to(v, series));
    struct known *known = &v->known[series];
    if (known->group == NOT_ASKED)
        TRY(ask(v, series, known));
    *group = known->group == FILTERED ? GROUP_NONE : known->group - FIRST_GROUP;
    return OK;
}

int plan_marks(const struct plan_view *v, uint32_t series, uint32_t marks[PLAN_MARKS])
{
    int n = 0;
    for (int i = 0; i < PLAN_MARKS; i++)
        if (v->known[series].mark[i] != 0)
            marks[n++] = v->known[series].mark[i];
    return n;
}

bool plan_wants_time(const struct plan *p, int64_t time_us)
{
    return time_us >= p->question->since_us && time_us < p->question->until_us;
}

int64_t plan_bucket(struct plan_view *v, int64_t time_us)
{
    enum bucket bucket = v->plan->question->bucket;
    if (bucket == BUCKET_NONE)
        return 0;
    int64_t quarter = time_us / US_PER_QUARTER - (time_us % US_PER_QUARTER < 0);
    size_t at = (size_t)((uint64_t)quarter % QUARTERS);
    if (v->buckets[at].quarter != quarter) {
        v->buckets[at].quarter = quarter;
        v->buckets[at].start_us = zone_floor(bucket, time_us);
    }
    return v->buckets[at].start_us;
}

enum status plan_add_marks(struct plan_view *v, struct cube *cube, uint32_t series,
                           int64_t bucket_us, uint32_t group, int64_t count)
{
    uint32_t marks[PLAN_MARKS];
    for (int n = plan_marks(v, series, marks); n > 0; n--)
        TRY(cube_mark(cube, bucket_us, group, marks[n - 1], count));
    return OK;
}

enum status plan_add(struct plan_view *v, struct cube *cube, const struct invocation *inv, int sign)
{
    if (!plan_wants_time(v->plan, inv->time_us))
        return OK;
    uint32_t group;
    TRY(plan_group(v, inv->series, &group));
    if (group == GROUP_NONE)
        return OK;
    int64_t bucket_us = plan_bucket(v, inv->time_us);
    TRY(plan_add_marks(v, cube, inv->series, bucket_us, group, sign));
    struct sums *sums = cube_at(cube, bucket_us, group);
    if (!sums)
        return ERR_NOMEM;
    sums_add(sums, inv, sign);
    return OK;
}

enum status plan_add_sums(struct plan_view *v, struct cube *cube, uint32_t series, int64_t time_us,
                          const struct sums *sums)
{
    if (!plan_wants_time(v->plan, time_us))
        return OK;
    uint32_t group;
    TRY(plan_group(v, series, &group));
    if (group == GROUP_NONE)
        return OK;
    int64_t bucket_us = plan_bucket(v, time_us), count = sums->count[COUNT_INVOCATIONS];
    TRY(plan_add_marks(v, cube, series, bucket_us, group, count));
    struct sums *into = cube_at(cube, bucket_us, group);
    if (!into)
        return ERR_NOMEM;
    sums_merge(into, sums);
    return OK;
}
