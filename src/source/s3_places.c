/*
 * The places of a bucket: see s3_internal.h. They stay where they are in memory while walks go over
 * them, and what is known of them outlives looking for them again.
 */
#include "source/s3_internal.h"

#include <stdlib.h>

enum { PLACES_MAX = 1 << 20 };

void places_free(struct s3_places *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->v[i]);
    free(p->v);
    *p = (struct s3_places){0};
}

static bool reserve(struct s3_places *p, size_t n)
{
    if (n <= p->cap)
        return true;
    size_t cap = p->cap ? p->cap : 16;
    while (cap < n)
        cap *= 2;
    struct s3_place **bigger = realloc(p->v, cap * sizeof *bigger);
    if (!bigger)
        return false;
    p->v = bigger;
    p->cap = cap;
    return true;
}

enum status places_add(struct s3_places *p, struct str prefix, const struct s3_place *what,
                       struct err *err)
{
    if (p->n == PLACES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d accounts and Regions", PLACES_MAX);
    struct s3_place *one = reserve(p, p->n + 1) ? malloc(sizeof *one + prefix.n + 1) : NULL;
    if (!one)
        return err_nomem(err);
    *one = *what;
    if (prefix.n > 0)
        memcpy(one->prefix, prefix.p, prefix.n);
    one->prefix[prefix.n] = '\0';
    p->v[p->n++] = one;
    return OK;
}

/* Two with one prefix are the same only when it means the same. */
static int compare(const struct s3_place *a, const struct s3_place *b)
{
    int order = strcmp(a->prefix, b->prefix);
    if (order == 0)
        order = (a->region_n > b->region_n) - (a->region_n < b->region_n);
    if (order == 0)
        order = a->by_folder - b->by_folder;
    return order ? order : a->exact - b->exact;
}

static int by_prefix(const void *a, const void *b)
{
    return compare(*(struct s3_place *const *)a, *(struct s3_place *const *)b);
}

/* A place that was not found. What is gone is not refused either. */
static void miss(struct s3_place *p, bool whole)
{
    p->gone = p->gone || whole;
    p->denied = p->denied && !p->gone;
}

enum status places_merge(struct s3_places *p, struct s3_places *found, bool whole, struct err *err)
{
    if (!reserve(p, p->n + found->n))
        return err_nomem(err);
    if (found->n > 0)
        qsort(found->v, found->n, sizeof(struct s3_place *), by_prefix);
    size_t known = p->n, at = 0;
    for (size_t i = 0; i < found->n; i++) {
        int order = -1;
        while (at < known && (order = compare(p->v[at], found->v[i])) < 0)
            miss(p->v[at++], whole);
        if (at < known && order == 0) {
            p->v[at]->gone = false;
            at++;
            free(found->v[i]);
        } else {
            p->v[p->n++] = found->v[i];
        }
    }
    while (at < known)
        miss(p->v[at++], whole);
    free(found->v);
    *found = (struct s3_places){0};
    if (p->n > 0)
        qsort(p->v, p->n, sizeof(struct s3_place *), by_prefix);
    return OK;
}

void places_forget(struct s3_places *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i]->gone)
            free(p->v[i]);
        else
            p->v[n++] = p->v[i];
    p->n = n;
}

size_t places_count(const struct s3_places *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        n += !p->v[i]->gone && !p->v[i]->empty;
    return n;
}

size_t places_known(const struct s3_places *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        n += !p->v[i]->gone;
    return n;
}

size_t places_denied(const struct s3_places *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        n += p->v[i]->denied;
    return n;
}

bool places_has_below(const struct s3_places *p, struct str prefix)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(str_from(p->v[middle]->prefix), prefix) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    /* One that is gone is to be looked for. */
    while (low < p->n && p->v[low]->gone)
        low++;
    return low < p->n && str_has_prefix(str_from(p->v[low]->prefix), prefix);
}
