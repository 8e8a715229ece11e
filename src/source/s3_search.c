/*
 * Where a bucket has logs: see s3_internal.h. Prefixes are walked folder by folder until AWSLogs/,
 * and from there by account and Region, of which each becomes a place. What lies elsewhere is
 * listed as it is; so are folders that would take too many requests to look into. Each folder is a
 * task for the pool: there may be thousands of accounts.
 */
#include "source/s3_internal.h"

#include "source/key.h"

#include <stdlib.h>

enum {
    LOOK_DEPTH = 4,      /* folders above AWSLogs */
    LOOK_REQUESTS = 200, /* for finding it */
    LOOK_PAGES = 10,     /* of one folder */
    FOLDERS_MAX = 1 << 20,
};

/* The steps of a search, where the first finds nothing at all. */
enum { PHASE_FOLDERS, PHASE_ROOT, PHASE_KEY };

enum status lister_page(struct lister *l, struct s3_listing *listing, struct err *err)
{
    pace_wait(l->pace, l->stop);
    return s3_list(l->client, l->bucket, listing, &l->page, err);
}

/* In front (of the heap), a part, and what may stand behind it; NULL without memory, or for a name
 * with a zero byte, which nobody can ask for. */
static char *joined(struct str a, struct str b)
{
    if (memchr(a.p, 0, a.n) || (b.n > 0 && memchr(b.p, 0, b.n)))
        return strdup("");
    char *text = malloc(a.n + b.n + 1);
    if (!text)
        return NULL;
    memcpy(text, a.p, a.n);
    if (b.n > 0)
        memcpy(text + a.n, b.p, b.n);
    text[a.n + b.n] = '\0';
    return text;
}

/* The names of the folders below a prefix, and whether objects lie beside them. */
struct folders {
    char **v;
    size_t n, cap;
    bool objects, too_many;
};

static void folders_free(struct folders *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->v[i]);
    free(f->v);
}

static enum status take_folders(struct folders *f, const struct s3_page *page, struct err *err)
{
    f->objects = f->objects || page->n > 0;
    if (f->n + page->folders_n > FOLDERS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d folders in one", FOLDERS_MAX);
    for (size_t i = 0; i < page->folders_n; i++) {
        if (f->n == f->cap) {
            size_t cap = f->cap ? f->cap * 2 : 16;
            char **bigger = realloc(f->v, cap * sizeof *bigger);
            if (!bigger)
                return err_nomem(err);
            f->v = bigger;
            f->cap = cap;
        }
        f->v[f->n] = joined(page->folders[i], STR_NONE);
        if (!f->v[f->n])
            return err_nomem(err);
        f->n += f->v[f->n][0] != '\0';
    }
    return OK;
}

static enum status list_folders(struct lister *l, struct str prefix, int pages_max,
                                struct folders *f, struct err *err)
{
    struct s3_listing listing;
    enum status status = OK;
    int pages = 0;
    s3_listing_init(&listing, &(struct s3_query){.prefix = prefix, .by_folder = true});
    while (status == OK && !listing.ended && pages++ < pages_max) {
        status = lister_page(l, &listing, err);
        if (status == OK)
            status = take_folders(f, &l->page, err);
    }
    f->too_many = !listing.ended;
    s3_listing_fini(&listing);
    return status;
}

/* The last element of a folder's name, without its slash. */
static struct str last_of(const char *folder)
{
    struct str s = str_from(folder), element, last = STR("");
    s.n -= s.n > 0;
    while (key_element(&s, &element))
        last = element;
    return last;
}

/* A folder that is looked into. */
struct task {
    struct job job;
    int depth, pages_max;
    bool root, is_there; /* it is the key of an object */
    struct folders folders;
    char prefix[];
};

static void task_free(struct task *t)
{
    folders_free(&t->folders);
    job_fini(&t->job);
    free(t);
}

static enum status list_task(struct job *j, struct lister *l, struct err *err)
{
    struct task *t = (struct task *)j;
    folders_free(&t->folders);
    t->folders = (struct folders){0};
    return list_folders(l, str_from(t->prefix), t->pages_max, &t->folders, err);
}

/* The root without its slash may be the key of one object. */
static enum status key_task(struct job *j, struct lister *l, struct err *err)
{
    struct task *t = (struct task *)j;
    struct s3_listing listing;
    const struct s3_page *page = &l->page;
    s3_listing_init(&listing, &(struct s3_query){.prefix = str_from(t->prefix), .max_keys = 1});
    enum status status = lister_page(l, &listing, err);
    s3_listing_fini(&listing);
    t->is_there = status == OK && page->n > 0 && str_eq(page->objects[0].key, str_from(t->prefix));
    return status;
}

static enum status put_task(struct search *k, struct str prefix, const struct task *what,
                            struct err *err)
{
    struct task *t = malloc(sizeof *t + prefix.n + 1);
    if (!t)
        return err_nomem(err);
    *t = *what;
    t->job.owner = k;
    if (prefix.p)
        memcpy(t->prefix, prefix.p, prefix.n);
    t->prefix[prefix.n] = '\0';
    k->busy++;
    return pool_put(k->source->pool, &t->job, JOB_SEARCH, err);
}

/* Length of a prefix inside the layout up to the slash behind the Region. */
static size_t region_part(struct str prefix)
{
    size_t found = 0;
    enum key_stage stage = STAGE_NONE;
    for (size_t n = 1; n <= prefix.n; n++) {
        if (prefix.p[n - 1] != '/')
            continue;
        enum key_stage here = key_stage(str_of(prefix.p, n));
        if (here == STAGE_YEARS && stage == STAGE_REGIONS)
            found = n;
        stage = here;
    }
    return found;
}

static enum status look(struct search *k, struct str prefix, int depth, struct err *err);

/* What stands below a prefix in front of the layout. */
static enum status look_below(struct search *k, const struct folders *f, struct str prefix,
                              int depth, struct err *err)
{
    for (size_t i = 0; i < f->n; i++) {
        struct str folder = str_from(f->v[i]);
        bool aws = str_eq(last_of(f->v[i]), STR("AWSLogs"));
        if (aws || (depth < LOOK_DEPTH && k->above < LOOK_REQUESTS))
            TRY(look(k, folder, depth + 1, err));
        else
            TRY(places_add(&k->found, folder, &(struct s3_place){0}, err));
    }
    const struct s3_place here = {.by_folder = true};
    return f->objects ? places_add(&k->found, prefix, &here, err) : OK;
}

/* Other services deliver below AWSLogs/ too: only ours is looked into. */
static enum status look_ours(struct search *k, struct str account, struct err *err)
{
    char *ours = joined(account, STR("BedrockModelInvocationLogs/"));
    enum status status = ours ? look(k, str_from(ours), 0, err) : err_nomem(err);
    free(ours);
    return status;
}

static enum status look_accounts(struct search *k, const struct folders *f, struct err *err)
{
    for (size_t i = 0; i < f->n; i++) {
        struct str account = str_from(f->v[i]);
        bool passed = k->shallow && places_has_below(&k->source->places, account);
        if (key_all_digits(last_of(f->v[i])) && !passed)
            TRY(look_ours(k, account, err));
    }
    return OK;
}

/* An account without Regions is remembered, too: others deliver to AWSLogs/ as well. */
static enum status look_regions(struct search *k, const struct folders *f, struct str prefix,
                                struct err *err)
{
    for (size_t i = 0; i < f->n; i++) {
        struct str folder = str_from(f->v[i]);
        const struct s3_place place = {.region_n = folder.n};
        TRY(places_add(&k->found, folder, &place, err));
    }
    const struct s3_place nothing = {.empty = true};
    return f->n == 0 ? places_add(&k->found, prefix, &nothing, err) : OK;
}

/* A folder, by what its folders are. */
static enum status look_into(struct search *k, const struct task *t, struct err *err)
{
    const struct folders *f = &t->folders;
    struct str prefix = str_from(t->prefix);
    switch (key_stage(prefix)) {
    case STAGE_ACCOUNTS:
        return look_accounts(k, f, err);
    case STAGE_REGIONS:
        return look_regions(k, f, prefix, err);
    default:
        return f->too_many ? places_add(&k->found, prefix, &(struct s3_place){0}, err)
                           : look_below(k, f, prefix, t->depth, err);
    }
}

static enum status look(struct search *k, struct str prefix, int depth, struct err *err)
{
    enum key_stage stage = key_stage(prefix);
    if (stage == STAGE_KINDS)
        return look_ours(k, prefix, err);
    if (stage >= STAGE_YEARS) {
        const struct s3_place place = {.region_n = region_part(prefix)};
        return places_add(&k->found, prefix, &place, err);
    }
    k->above += stage == STAGE_NONE;
    const struct task what = {.job = {.run = list_task},
                              .depth = depth,
                              .pages_max = stage == STAGE_NONE ? LOOK_PAGES : FOLDERS_MAX,
                              .root = k->busy == 0 && k->found.n == 0};
    return put_task(k, prefix, &what, err);
}

/* When nothing is on its way any more: it may be that nothing was found because the root is no
 * folder. Places inside the layout were not asked whether they are there. */
static enum status go_on(struct search *k, struct err *err)
{
    struct str root = str_from(k->source->root);
    if (k->phase == PHASE_FOLDERS && root.n > 1 && !k->any && k->refused == 0) {
        const struct task there = {.job = {.run = list_task}, .pages_max = 1, .root = true};
        k->phase = PHASE_ROOT;
        if (k->found.n > 0)
            return put_task(k, root, &there, err);
    }
    if (k->phase == PHASE_ROOT && !k->any) {
        const struct task key = {.job = {.run = key_task}, .root = true};
        k->phase = PHASE_KEY;
        return put_task(k, str_of(root.p, root.n - 1), &key, err);
    }
    k->running = false;
    return OK;
}

enum status search_begin(struct search *k, struct s3_source *s, bool shallow, struct err *err)
{
    *k = (struct search){
        .source = s, .running = true, .shallow = shallow, .from_us = clock_monotonic_us()};
    TRY(look(k, str_from(s->root), 0, err));
    return k->busy == 0 ? go_on(k, err) : OK;
}

enum status search_take(struct search *k, struct job *j, struct err *err)
{
    struct task *t = (struct task *)j;
    const struct s3_place exact = {.exact = true};
    enum status status = OK;
    k->any = k->any || t->folders.n > 0 || t->folders.objects || t->is_there;
    if (t->is_there)
        status = places_add(&k->found, str_from(t->prefix), &exact, err);
    else if (k->phase == PHASE_FOLDERS)
        status = look_into(k, t, err);
    task_free(t);
    k->busy--;
    return status == OK && k->busy == 0 ? go_on(k, err) : status;
}

enum status search_again(struct search *k, struct job *j, struct err *err)
{
    return pool_put(k->source->pool, j, JOB_SEARCH, err);
}

enum status search_drop(struct search *k, struct job *j, struct err *err)
{
    task_free((struct task *)j);
    k->refused++;
    k->busy--;
    return k->busy == 0 ? go_on(k, err) : OK;
}

const char *search_prefix(const struct job *j)
{
    return ((const struct task *)j)->prefix;
}

bool search_is_root(const struct job *j)
{
    return ((const struct task *)j)->root;
}

void search_forget(struct job *j)
{
    task_free((struct task *)j);
}

void search_end(struct search *k)
{
    places_free(&k->found);
    k->running = false;
}

/* The folder with the greatest number that is at most so much; NULL when none has one. */
static const char *greatest(const struct folders *f, int64_t most)
{
    const char *found = NULL;
    int64_t best = -1, number;
    for (size_t i = 0; i < f->n; i++)
        /* NOLINTNEXTLINE: list_folders has set f->v[i] */
        if (str_to_i64(last_of(f->v[i]), &number) && number > best && number <= most) {
            best = number;
            found = f->v[i];
        }
    return found;
}

/* The folder with the greatest number below a prefix; NULL when there is none. */
static enum status last_folder(struct lister *l, const char *prefix, int64_t most, char **out,
                               struct err *err)
{
    struct folders f = {0};
    *out = NULL;
    enum status status = list_folders(l, str_from(prefix), 2, &f, err);
    const char *found = status == OK ? greatest(&f, most) : NULL;
    if (found)
        *out = joined(str_from(found), STR_NONE);
    folders_free(&f);
    return status;
}

enum status place_last(struct lister *l, const struct s3_place *p, int64_t now_us, int64_t *last_us,
                       struct err *err)
{
    int64_t part[4];
    /* Anybody may put an object under the year 9999. */
    const int64_t year = civil_from_us(now_us).year;
    char *at = joined(str_of(p->prefix, p->region_n), STR_NONE);
    enum status status = at ? OK : err_nomem(err);
    *last_us = TIME_NONE;
    for (int n = 0; status == OK && at && (n = key_time(str_from(at), part)) < 3;) {
        char *below;
        status = last_folder(l, at, n == 0 ? year : n == 1 ? 12 : 31, &below, err);
        free(at);
        at = below;
    }
    if (at && key_time(str_from(at), part) >= 3 && part[1] >= 1 && part[1] <= 12 && part[2] >= 1 &&
        part[2] <= 31) {
        int64_t end_us = (days_from_civil(part[0], (int)part[1], (int)part[2]) + 1) * US_PER_DAY;
        *last_us = end_us < now_us ? end_us : now_us;
    }
    free(at);
    return status;
}
