/* The map of application inference profiles: see profiles.h. */
#include "model/profiles.h"

#include "codec/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARN_SHOWN = 160 };

enum {
    COLUMN_ARN,
    COLUMN_MODEL,
    COLUMN_MODELS,
    COLUMN_SCOPE,
    COLUMN_NAME,
    COLUMN_REGIONS,
    COLUMN_TAGS,
};

static const char *const column_names[] = {"arn",  "model",   "models", "scope",
                                           "name", "regions", "tags"};

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

bool profile_of_models(const struct str *arns, size_t n, struct profile *out)
{
    struct str regions[REGIONS_MAX];
    size_t regions_n = 0;
    for (size_t i = 0; i < n && i < REGIONS_MAX; i++) {
        struct model_id id = model_id_parse(arns[i]);
        if (id.kind != MODEL_FOUNDATION || (out->base.n && !str_eq_nocase(out->base, id.base)))
            return false;
        out->base = id.base;
        if (id.arn.n)
            regions[regions_n++] = id.arn_region;
    }
    out->scope = scope_of_regions(regions, regions_n);
    return out->base.n > 0;
}

static bool parse_models(struct str list, struct profile *out)
{
    struct str arns[REGIONS_MAX];
    size_t n = 0;
    while (list.p && n < REGIONS_MAX) {
        struct str one = str_trim(str_cut(&list, ','));
        if (one.n)
            arns[n++] = one;
    }
    return profile_of_models(arns, n, out);
}

bool profile_same_model(const struct profile *a, const struct profile *b)
{
    return str_eq(a->base, b->base) && str_eq(a->geo, b->geo) && a->scope == b->scope;
}

struct str profile_tag(const struct profile *p, struct str key)
{
    for (size_t i = 0; i < p->tags_n; i++)
        if (str_eq(p->tags[i].key, key))
            return p->tags[i].value;
    return STR("");
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

/* "team=search, environment=prod" */
static enum status parse_tags(const struct table_row *row, const char *file, struct arena *arena,
                              struct profile *out, struct err *err)
{
    struct str list = str_trim(row->v[COLUMN_TAGS]);
    if (list.n == 0)
        return OK;
    struct tag *tags = arena_alloc(arena, PROFILE_TAGS * sizeof *tags);
    if (!tags)
        return err_nomem(err);
    out->tags = tags;
    while (list.p) {
        struct str value = str_trim(str_cut(&list, ',')), key = str_trim(str_cut(&value, '='));
        value = value.p ? str_trim(value) : STR_NONE;
        if (key.n == 0 || key.n > TAG_KEY_BYTES || !value.p || value.n > TAG_VALUE_BYTES)
            return row_error(file, row, "tags: wanted KEY=VALUE, separated by commas", err);
        if (profile_tag(out, key).n > 0)
            return row_error(file, row, "tags: a key stands there twice", err);
        if (out->tags_n == PROFILE_TAGS)
            return row_error(file, row, "tags: at most 50", err);
        tags[out->tags_n++] = (struct tag){key, value};
    }
    return OK;
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
        if (status == OK)
            status = parse_tags(&rows[i], name, &p->arena, &fresh[i], err);
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

/* The beginning of a text, at most n bytes, that ends with a whole character of UTF-8. */
static struct str cut_copy(struct arena *arena, struct str s, size_t n)
{
    if (s.n > n) {
        s.n = n;
        while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80)
            s.n--;
    }
    return arena_str(arena, s.n ? s : STR(""));
}

static bool copy_tags(struct arena *arena, const struct profile *from, struct profile *to)
{
    size_t n = from->tags_n < PROFILE_TAGS ? from->tags_n : PROFILE_TAGS;
    struct tag *tags = arena_alloc(arena, (n + 1) * sizeof *tags);
    bool ok = tags != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        tags[i] = (struct tag){cut_copy(arena, from->tags[i].key, TAG_KEY_BYTES),
                               cut_copy(arena, from->tags[i].value, TAG_VALUE_BYTES)};
        ok = tags[i].key.p && tags[i].value.p;
    }
    to->tags = tags;
    to->tags_n = n;
    return ok;
}

static bool same(const struct profile *a, const struct profile *b)
{
    bool equal = profile_same_model(a, b) && str_eq(a->name, b->name) && a->tags_n == b->tags_n;
    for (size_t i = 0; equal && i < a->tags_n; i++)
        equal =
            str_eq(a->tags[i].key, b->tags[i].key) && str_eq(a->tags[i].value, b->tags[i].value);
    return equal;
}

enum status profiles_add(struct profiles *p, const struct profile *one, struct err *err)
{
    struct profile copy = *one;
    const struct profile *known = profiles_find(p, one->arn);
    if (known && same(known, one))
        return OK; /* told again and again, it must not grow */
    copy.arn = lower_copy(&p->arena, one->arn);
    copy.base = arena_str(&p->arena, one->base);
    copy.geo = arena_str(&p->arena, one->geo);
    copy.name = cut_copy(&p->arena, one->name, PROFILE_NAME_BYTES);
    if (!copy.arn.p || !copy.base.p || !copy.geo.p || !copy.name.p ||
        !copy_tags(&p->arena, one, &copy))
        return err_nomem(err);
    return merge(p, &copy, 1, err);
}
