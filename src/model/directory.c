/*
 * The directory: see directory.h. Names without a wildcard are looked up by bisection, because an
 * organization lists thousands of people by e-mail; only rows with wildcards are tried one by one,
 * and only as far as the first exact hit.
 */
#include "model/directory.h"

#include "base/arena.h"
#include "codec/table.h"

#include <stdlib.h>

enum { COLUMN_MATCH, COLUMN_PERSON, COLUMN_TEAM, COLUMN_COST_CENTRE };

static const char *const column_names[] = {"match", "person", "team", "cost_centre"};

struct exact {
    struct str match; /* lower case */
    size_t row;
};

struct directory {
    struct arena arena;
    struct table_row *rows;
    struct exact *exact; /* sorted by match, then row */
    size_t exact_n;
    size_t *globs; /* row numbers, ascending */
    size_t globs_n;
};

static int by_match(const void *a, const void *b)
{
    const struct exact *x = a, *y = b;
    int order = str_cmp(x->match, y->match);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool has_wildcard(struct str s)
{
    return str_find_char(s, '*') >= 0 || str_find_char(s, '?') >= 0;
}

static enum status sort_rows(struct directory *d, size_t n, struct err *err)
{
    d->exact = arena_alloc(&d->arena, (n + 1) * sizeof *d->exact);
    d->globs = arena_alloc(&d->arena, (n + 1) * sizeof *d->globs);
    if (!d->exact || !d->globs)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        struct str match = str_trim(d->rows[i].v[COLUMN_MATCH]);
        d->rows[i].v[COLUMN_MATCH] = match;
        if (has_wildcard(match)) {
            d->globs[d->globs_n++] = i;
            continue;
        }
        char *p = arena_alloc(&d->arena, match.n + 1);
        if (!p)
            return err_nomem(err);
        for (size_t k = 0; k < match.n; k++)
            p[k] = lower(match.p[k]);
        d->exact[d->exact_n++] = (struct exact){str_of(p, match.n), i};
    }
    if (d->exact_n)
        qsort(d->exact, d->exact_n, sizeof *d->exact, by_match);
    return OK;
}

enum status directory_load(struct str text, const char *name, struct directory **out,
                           struct err *err)
{
    const struct table_spec spec = {column_names, sizeof column_names / sizeof column_names[0], 1};
    struct directory *d = calloc(1, sizeof *d);
    if (!d)
        return err_nomem(err);
    arena_init(&d->arena);
    size_t n = 0;
    struct str kept = arena_str(&d->arena, text); /* rows may borrow from it */
    enum status status = kept.p ? OK : err_nomem(err);
    if (status == OK)
        status = table_read(kept, name, &spec, &d->arena, &d->rows, &n, err);
    if (status == OK)
        status = sort_rows(d, n, err);
    if (status != OK) {
        directory_free(d);
        return status;
    }
    *out = d;
    return OK;
}

void directory_free(struct directory *d)
{
    if (!d)
        return;
    arena_fini(&d->arena);
    free(d);
}

/* Order of an exact match against a text, without case. */
static int compare_nocase(struct str match, struct str text)
{
    size_t n = match.n < text.n ? match.n : text.n;
    for (size_t i = 0; i < n; i++) {
        int order = (unsigned char)match.p[i] - (unsigned char)lower(text.p[i]);
        if (order)
            return order;
    }
    return (match.n > text.n) - (match.n < text.n);
}

/* The first row that names the text without wildcards, or SIZE_MAX. */
static size_t find_exact(const struct directory *d, struct str text)
{
    size_t lo = 0, hi = d->exact_n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (compare_nocase(d->exact[mid].match, text) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < d->exact_n && compare_nocase(d->exact[lo].match, text) == 0)
        return d->exact[lo].row;
    return SIZE_MAX;
}

static size_t find_row(const struct directory *d, const struct str *texts, size_t n)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t row = texts[i].n ? find_exact(d, texts[i]) : SIZE_MAX;
        best = row < best ? row : best;
    }
    for (size_t g = 0; g < d->globs_n && d->globs[g] < best; g++)
        for (size_t i = 0; i < n; i++)
            if (texts[i].n && str_glob_nocase(d->rows[d->globs[g]].v[COLUMN_MATCH], texts[i]))
                return d->globs[g];
    return best;
}

struct directory_entry directory_find(const struct directory *d, struct str arn,
                                      const struct principal *p)
{
    struct directory_entry e = {.person = p->person, .team = STR(""), .cost_centre = STR("")};
    const struct str texts[] = {arn, p->session, p->person, p->role};
    size_t row = d ? find_row(d, texts, sizeof texts / sizeof texts[0]) : SIZE_MAX;
    if (row == SIZE_MAX)
        return e;
    const struct table_row *r = &d->rows[row];
    if (r->v[COLUMN_PERSON].n)
        e.person = r->v[COLUMN_PERSON];
    e.team = r->v[COLUMN_TEAM];
    e.cost_centre = r->v[COLUMN_COST_CENTRE];
    return e;
}
