/*
 * Where a bucket has logs: see s3_internal.h. Prefixes are walked folder by folder until AWSLogs/,
 * and from there by account and Region, of which each becomes a place. What lies elsewhere is
 * listed as it is; so are folders that would take too many requests to look into.
 */
#include "source/s3_internal.h"

#include "source/key.h"

#include <stdlib.h>

enum {
    LOOK_DEPTH = 4,      /* folders above AWSLogs */
    LOOK_REQUESTS = 200, /* for finding it */
    LOOK_PAGES = 10,     /* of one folder */
    PLACES_MAX = 1 << 20,
};

struct looking {
    struct lister *lister;
    s3_refused refused;
    void *ctx;
    struct s3_places places;
    int requests;
};

enum status lister_page(struct lister *l, struct s3_listing *listing, struct err *err)
{
    pace_wait(l->pace, l->stop);
    return s3_list(l->client, l->bucket, listing, &l->page, err);
}

void places_free(struct s3_places *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->v[i].prefix);
    free(p->v);
    *p = (struct s3_places){0};
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

static enum status add(struct looking *k, struct str prefix, struct s3_place what, struct err *err)
{
    struct s3_places *p = &k->places;
    if (p->n == PLACES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d accounts and Regions", PLACES_MAX);
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 16;
        struct s3_place *bigger = realloc(p->v, cap * sizeof *bigger);
        if (!bigger)
            return err_nomem(err);
        p->v = bigger;
        p->cap = cap;
    }
    what.prefix = joined(prefix, STR_NONE);
    if (!what.prefix)
        return err_nomem(err);
    p->v[p->n++] = what;
    return OK;
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
    if (f->n + page->folders_n > PLACES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d folders in one", PLACES_MAX);
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
                                struct folders *f, int *requests, struct err *err)
{
    struct s3_listing listing;
    enum status status = OK;
    int pages = 0;
    s3_listing_init(&listing, &(struct s3_query){.prefix = prefix, .by_folder = true});
    while (status == OK && !listing.ended && pages++ < pages_max) {
        status = lister_page(l, &listing, err);
        if (status == OK)
            status = take_folders(f, &l->page, err);
        (*requests)++;
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

static enum status look(struct looking *k, struct str prefix, int depth, struct err *err);

static enum status look_below(struct looking *k, const struct folders *f, struct str prefix,
                              int depth, struct err *err)
{
    for (size_t i = 0; i < f->n; i++) {
        struct str folder = str_from(f->v[i]);
        bool aws = str_eq(last_of(f->v[i]), STR("AWSLogs"));
        if (aws || (depth < LOOK_DEPTH && k->requests < LOOK_REQUESTS))
            TRY(look(k, folder, depth + 1, err));
        else
            TRY(add(k, folder, (struct s3_place){0}, err));
    }
    return f->objects ? add(k, prefix, (struct s3_place){.by_folder = true}, err) : OK;
}

/* Other services deliver below AWSLogs/ too: only ours is looked into. */
static enum status look_accounts(struct looking *k, const struct folders *f, struct err *err)
{
    for (size_t i = 0; i < f->n; i++) {
        if (!key_all_digits(last_of(f->v[i])))
            continue;
        char *ours = joined(str_from(f->v[i]), STR("BedrockModelInvocationLogs/"));
        if (!ours)
            return err_nomem(err);
        enum status status = look(k, str_from(ours), 0, err);
        free(ours);
        TRY(status);
    }
    return OK;
}

static enum status look_regions(struct looking *k, const struct folders *f, struct err *err)
{
    for (size_t i = 0; i < f->n; i++) {
        struct str folder = str_from(f->v[i]);
        TRY(add(k, folder, (struct s3_place){.region_n = folder.n}, err));
    }
    return OK;
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

/* A folder, by what its folders are. */
static enum status look_into(struct looking *k, struct str prefix, const struct folders *f,
                             int depth, struct err *err)
{
    switch (key_stage(prefix)) {
    case STAGE_ACCOUNTS:
        return look_accounts(k, f, err);
    case STAGE_REGIONS:
        return look_regions(k, f, err);
    default:
        return f->too_many ? add(k, prefix, (struct s3_place){0}, err)
                           : look_below(k, f, prefix, depth, err);
    }
}

static enum status look(struct looking *k, struct str prefix, int depth, struct err *err)
{
    enum key_stage stage = key_stage(prefix);
    if (stage == STAGE_KINDS) {
        char *ours = joined(prefix, STR("BedrockModelInvocationLogs/"));
        enum status status = ours ? look(k, str_from(ours), 0, err) : err_nomem(err);
        free(ours);
        return status;
    }
    if (stage >= STAGE_YEARS)
        return add(k, prefix, (struct s3_place){.region_n = region_part(prefix)}, err);
    struct folders f = {0};
    struct err why = {0};
    int most = stage == STAGE_NONE ? LOOK_PAGES : PLACES_MAX;
    bool root = k->requests == 0;
    enum status status = list_folders(k->lister, prefix, most, &f, &k->requests, &why);
    k->places.any = k->places.any || f.n > 0 || f.objects;
    if (status == OK) {
        status = look_into(k, prefix, &f, depth, err);
    } else if (status == ERR_ACCESS && !root) {
        k->refused(k->ctx, prefix.p, &why);
        status = OK;
    } else if (err) {
        *err = why;
    }
    folders_free(&f);
    return status;
}

/* The root without its slash may be the key of one object. */
static enum status look_at_key(struct looking *k, struct str key, struct err *err)
{
    struct s3_listing listing;
    s3_listing_init(&listing, &(struct s3_query){.prefix = key, .max_keys = 1});
    enum status status = lister_page(k->lister, &listing, err);
    s3_listing_fini(&listing);
    const struct s3_page *page = &k->lister->page;
    if (status != OK || page->n == 0 || !str_eq(page->objects[0].key, key))
        return status;
    k->places.any = true;
    return add(k, key, (struct s3_place){.exact = true}, err);
}

enum status places_find(struct lister *l, struct str root, s3_refused refused, void *ctx,
                        struct s3_places *out, struct err *err)
{
    struct looking k = {.lister = l, .refused = refused, .ctx = ctx};
    enum status status = look(&k, root, 0, err);
    if (status == OK && root.n > 1 && !k.places.any) {
        /* Places inside the layout were not asked whether they are there. */
        struct folders f = {0};
        char *key = joined(str_of(root.p, root.n - 1), STR_NONE);
        status = key ? OK : err_nomem(err);
        if (status == OK && k.places.n > 0)
            status = list_folders(l, root, 1, &f, &k.requests, err);
        k.places.any = f.n > 0 || f.objects;
        if (status == OK && !k.places.any)
            status = look_at_key(&k, str_from(key), err);
        folders_free(&f);
        free(key);
    }
    if (status != OK) {
        places_free(&k.places);
        return status;
    }
    places_free(out);
    *out = k.places;
    return OK;
}

/* The folder with the greatest number; NULL when none has one. */
static const char *greatest(const struct folders *f)
{
    const char *found = NULL;
    int64_t best = -1, number;
    for (size_t i = 0; i < f->n; i++)
        /* NOLINTNEXTLINE: list_folders has set f->v[i] */
        if (str_to_i64(last_of(f->v[i]), &number) && number > best) {
            best = number;
            found = f->v[i];
        }
    return found;
}

/* The folder with the greatest number below a prefix; NULL when there is none. */
static enum status last_folder(struct lister *l, const char *prefix, char **out, struct err *err)
{
    struct folders f = {0};
    int requests = 0;
    *out = NULL;
    enum status status = list_folders(l, str_from(prefix), 2, &f, &requests, err);
    const char *found = status == OK ? greatest(&f) : NULL;
    if (found)
        *out = joined(str_from(found), STR_NONE);
    folders_free(&f);
    return status;
}

enum status place_last(struct lister *l, const struct s3_place *p, int64_t *last_us,
                       struct err *err)
{
    int64_t part[4];
    char *at = joined(str_of(p->prefix, p->region_n), STR_NONE);
    enum status status = at ? OK : err_nomem(err);
    *last_us = TIME_NONE;
    while (status == OK && at && key_time(str_from(at), part) < 3) {
        char *below;
        status = last_folder(l, at, &below, err);
        free(at);
        at = below;
    }
    if (at && key_time(str_from(at), part) >= 3 && part[1] >= 1 && part[1] <= 12 && part[2] >= 1 &&
        part[2] <= 31)
        *last_us = (days_from_civil(part[0], (int)part[1], (int)part[2]) + 1) * US_PER_DAY;
    free(at);
    return status;
}
