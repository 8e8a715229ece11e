/* The map of application inference profiles: see profiles.h. */
#include "model/profiles.h"

#include "codec/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARN_SHOWN = 160 };

enum { COLUMN_ARN, COLUMN_MODEL, COLUMN_MODELS, COLUMN_SCOPE, COLUMN_NAME, COLUMN_REGIONS };

static const char *const column_names[] = {"arn", "model", "models", "scope", "name", "regions"};

/* A profile routes within one geography; AWS lists at most 33 Regions in a global one (2026-08). */
enum { REGIONS_MAX = 64 };

void profiles_init(struct profiles *p)
{
    *p = (struct profiles){0};
    arena_init(&p->arena);
}

void profiles_fini(struct profiles *p)
{
    free(p->v);
    arena_fini(&p->arena);
    *p = (struct profiles){0};
}

/* Geography of a Region as profiles route: the US profiles take calls from Canada, the EU ones from
 * Israel (AWS, inference profile support, 2026). 0: cannot tell. */
static int geography(struct str region)
{
    static const struct {
        const char *start;
        int geography;
    } starts[] = {{"us-gov-", 1}, {"us-", 2}, {"ca-", 2}, {"mx-", 2}, {"sa-", 2},
                  {"eu-", 3},     {"il-", 3}, {"ap-", 4}, {"cn-", 5}};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (str_has_prefix(region, str_from(starts[i].start)))
            return starts[i].geography;
    return 0;
}

bool regions_apart(struct str a, struct str b)
{
    int x = geography(a), y = geography(b);
    return x && y && x != y;
}

enum model_scope scope_of_regions(const struct str *regions, size_t n)
{
    enum model_scope scope = n ? SCOPE_IN_REGION : SCOPE_UNKNOWN;
    for (size_t i = 0; i < n; i++) {
        if (regions[i].n == 0 || regions_apart(regions[0], regions[i]))
            return SCOPE_GLOBAL;
        if (!str_eq(regions[0], regions[i]))
            scope = SCOPE_GEO;
    }
    return scope;
}

static int by_arn(const void *a, const void *b)
{
    const struct profile *x = a, *y = b;
    return str_cmp(x->arn, y->arn);
}

/* Keys are kept in lower case: ids are compared without case (price facts, 8.3 step 1). */
static struct str lower_copy(struct arena *arena, struct str s)
{
    char *p = arena_alloc(arena, s.n + 1);
    if (!p)
        return STR_NONE;
    for (size_t i = 0; i < s.n; i++)
        p[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + ('a' - 'A') : s.p[i]);
    p[s.n] = '\0';
    return str_of(p, s.n);
}

const struct profile *profiles_find(const struct profiles *p, struct str arn)
{
    size_t lo = 0, hi = p->n;
    char key[2048]; /* longer than any ARN */
    if (arn.n > sizeof key)
        return NULL;
    for (size_t i = 0; i < arn.n; i++)
        key[i] = (char)(arn.p[i] >= 'A' && arn.p[i] <= 'Z' ? arn.p[i] + ('a' - 'A') : arn.p[i]);
    struct str wanted = str_of(key, arn.n);
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = str_cmp(p->v[mid].arn, wanted);
        if (order == 0)
            return &p->v[mid];
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* "us-east-1, us-east-2" -> scope. */
static enum model_scope scope_of_list(struct str list)
{
    struct str regions[REGIONS_MAX];
    size_t n = 0;
    while (list.p && n < REGIONS_MAX) {
        struct str one = str_trim(str_cut(&list, ','));
        if (one.n)
            regions[n++] = one;
    }
    return scope_of_regions(regions, n);
}

/* The model ARNs of GetInferenceProfile: one model in several Regions. */
static bool parse_models(struct str list, struct profile *out)
{
    struct str regions[REGIONS_MAX];
    size_t n = 0;
    while (list.p && n < REGIONS_MAX) {
        struct str one = str_trim(str_cut(&list, ','));
        if (one.n == 0)
            continue;
        struct model_id id = model_id_parse(one);
        if (id.kind != MODEL_FOUNDATION || (out->base.n && !str_eq_nocase(out->base, id.base)))
            return false;
        out->base = id.base;
        if (id.arn.n)
            regions[n++] = id.arn_region;
    }
    out->scope = scope_of_regions(regions, n);
    return out->base.n > 0;
}

/* An ARN as it stands in the file; of anything else only what str_found lets through. */
static void shown_arn(char out[ARN_SHOWN], struct str arn)
{
    char found[STR_FOUND];
    if (str_has_prefix(arn, STR("arn:")) && str_is_plain(arn) && arn.n < ARN_SHOWN)
        snprintf(out, ARN_SHOWN, "%.*s", STR_ARG(arn));
    else
        snprintf(out, ARN_SHOWN, "%s", str_found(found, arn));
}

static enum status row_error(const char *file, const struct table_row *row, const char *what,
                             struct err *err)
{
    char name[ARN_SHOWN];
    shown_arn(name, row->v[COLUMN_ARN]);
    if (row->line)
        return err_set(err, ERR_PARSE, "%s:%" PRId64 ": %s: %s", file, row->line, name, what);
    return err_set(err, ERR_PARSE, "%s: %s: %s", file, name, what);
}

static enum status parse_row(const struct table_row *row, const char *file, struct profile *out,
                             struct err *err)
{
    *out = (struct profile){.arn = str_trim(row->v[COLUMN_ARN]),
                            .base = STR(""),
                            .geo = STR(""),
                            .name = row->v[COLUMN_NAME]};
    struct str model = str_trim(row->v[COLUMN_MODEL]), scope = str_trim(row->v[COLUMN_SCOPE]);
    if (row->v[COLUMN_MODELS].n && !parse_models(row->v[COLUMN_MODELS], out))
        return row_error(file, row, "models: wanted ARNs of one foundation model", err);
    if (model.n) {
        struct model_id id = model_id_parse(model);
        if (id.base.n == 0)
            return row_error(file, row, "model: wanted a model id or a profile id", err);
        bool prefixed = id.geo.n > 0;
        out->base = id.base;
        out->geo = id.geo;
        out->unknown_prefix = id.unknown_prefix;
        if (prefixed)
            out->scope = id.scope;
        else if (id.arn.n && out->scope == SCOPE_UNKNOWN)
            out->scope = scope_of_regions(&id.arn_region, 1);
        if (!prefixed && row->v[COLUMN_REGIONS].n)
            out->scope = scope_of_list(row->v[COLUMN_REGIONS]);
    } else if (row->v[COLUMN_REGIONS].n) {
        out->scope = scope_of_list(row->v[COLUMN_REGIONS]);
    }
    if (out->base.n == 0)
        return row_error(file, row, "wanted a model or models", err);
    if (scope.n) {
        out->scope = model_scope_from(scope);
        if (out->scope == SCOPE_UNKNOWN)
            return row_error(file, row, "scope: wanted in-region, geo or global", err);
    }
    return OK;
}

/* `fresh` sorted; the same ARN twice is somebody's mistake that would change prices. */
static enum status refuse_duplicates(const struct profile *fresh, size_t n, const char *file,
                                     struct err *err)
{
    for (size_t i = 1; i < n; i++)
        if (str_eq(fresh[i - 1].arn, fresh[i].arn)) {
            char name[ARN_SHOWN];
            shown_arn(name, fresh[i].arn);
            return err_set(err, ERR_PARSE, "%s: %s stands there twice", file, name);
        }
    return OK;
}

static enum status merge(struct profiles *p, const struct profile *fresh, size_t n, struct err *err)
{
    struct profile *v = malloc((p->n + n + 1) * sizeof *v);
    if (!v)
        return err_nomem(err);
    size_t used = 0, i = 0, j = 0;
    while (i < p->n || j < n) {
        int order = i == p->n ? 1 : j == n ? -1 : by_arn(&p->v[i], &fresh[j]);
        if (order == 0)
            i++; /* the newer file wins */
        else
            v[used++] = order < 0 ? p->v[i++] : fresh[j++];
    }
    free(p->v);
    p->v = v;
    p->n = used;
    return OK;
}

enum status profiles_load(struct profiles *p, struct str text, const char *name, struct err *err)
{
    const struct table_spec spec = {column_names, sizeof column_names / sizeof column_names[0], 1};
    struct table_row *rows;
    size_t n;
    struct str kept = arena_str(&p->arena, text); /* rows may borrow from it */
    if (!kept.p)
        return err_nomem(err);
    TRY(table_read(kept, name, &spec, &p->arena, &rows, &n, err));
    struct profile *fresh = malloc((n + 1) * sizeof *fresh);
    if (!fresh)
        return err_nomem(err);
    enum status status = OK;
    for (size_t i = 0; i < n && status == OK; i++) {
        status = parse_row(&rows[i], name, &fresh[i], err);
        if (status == OK && !(fresh[i].arn = lower_copy(&p->arena, fresh[i].arn)).p)
            status = err_nomem(err);
    }
    if (status == OK) {
        if (n)
            qsort(fresh, n, sizeof *fresh, by_arn);
        status = refuse_duplicates(fresh, n, name, err);
    }
    if (status == OK)
        status = merge(p, fresh, n, err);
    free(fresh);
    return status;
}
