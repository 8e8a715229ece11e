/*
 * The question: see question.h. Here are the words: what may be said and what it sets. What the
 * parts mean together is worked out in finish.c. A value is checked wholly before anything of the
 * question changes.
 */
#include "query/question_internal.h"

#include "base/nearest.h"
#include "query/metric.h"

_Static_assert((int)METRICS <= (int)QUESTION_METRICS,
               "a question can ask for every metric at once");

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }

static const struct {
    struct str name, text;
} dimensions[] = {
#define DIM_TEXT(id, name, text) [id] = {NAME(name), NAME(text)},
    DIMENSION_MAP(DIM_TEXT)
#undef DIM_TEXT
};

static const struct str buckets[] = {
    [BUCKET_NONE] = NAME(""),     [BUCKET_HOUR] = NAME("hour"),   [BUCKET_DAY] = NAME("day"),
    [BUCKET_WEEK] = NAME("week"), [BUCKET_MONTH] = NAME("month"), [BUCKET_YEAR] = NAME("year"),
};
enum { BUCKETS = sizeof buckets / sizeof buckets[0] };

struct str dimension_name(enum dimension dim)
{
    return dimensions[dim].name;
}

struct str dimension_text(enum dimension dim)
{
    return dimensions[dim].text;
}

/* The key of "tag:KEY"; no text for another word, or a key that no tag can have. */
struct str question_tag_key(struct str word)
{
    const size_t longest = DIMENSION_NAME - 5;
    if (!str_has_prefix(word, STR("tag:")) || word.n == 4 || word.n - 4 > longest)
        return STR_NONE;
    struct str key = str_skip(word, 4);
    for (size_t i = 0; i < key.n; i++)
        if ((unsigned char)key.p[i] < 0x20 || key.p[i] == 0x7f)
            return STR_NONE;
    return key;
}

static struct str name_of(enum dimension dim, struct str tag, char room[DIMENSION_NAME])
{
    if (dim != DIM_TAG)
        return dimension_name(dim);
    size_t n = tag.n < DIMENSION_NAME - 5 ? tag.n : DIMENSION_NAME - 5;
    memcpy(room, "tag:", 4);
    memcpy(room + 4, tag.p, n);
    return str_of(room, n + 4);
}

struct str question_dimension(const struct question *q, int i, char room[DIMENSION_NAME])
{
    return name_of(q->dims[i], q->tags[i], room);
}

struct str filter_dimension(const struct filter *f, char room[DIMENSION_NAME])
{
    return name_of(f->dim, f->tag, room);
}

int dimension_find(struct str name)
{
    if (question_tag_key(name).p)
        return DIM_TAG;
    for (int i = 0; i < DIMENSIONS; i++)
        if (str_eq(dimensions[i].name, name))
            return i;
    return -1;
}

struct str bucket_name(enum bucket bucket)
{
    return buckets[bucket];
}

void question_init(struct question *q)
{
    *q = (struct question){
        .name = STR(""),
        .title = STR(""),
        .subject = STR("Spend"),
        .since = STR(""),
        .until = STR(""),
        .since_us = INT64_MIN,
        .until_us = INT64_MAX,
        .zone = STR("UTC"),
        .order = STR(""),
        .order_metric = -1,
        .lead_metric = -1,
        .preferred_metric = -1,
    };
    arena_init(&q->arena);
}

void question_fini(struct question *q)
{
    arena_fini(&q->arena);
}

bool question_is_blank(const struct question *q)
{
    return q->name.n == 0 && q->dims_n == 0 && q->metrics_n == 0 && q->bucket == BUCKET_NONE &&
           q->order.n == 0 && q->limit == 0;
}

static bool stands_in_bodies(enum dimension dim)
{
    return dim == DIM_HARNESS || dim == DIM_VERSION || dim == DIM_ENTRYPOINT ||
           dim == DIM_CALL_KIND;
}

bool question_needs_exchange(const struct question *q)
{
    bool needs = question_needs_sessions(q);
    for (int i = 0; i < q->dims_n; i++)
        needs |= stands_in_bodies(q->dims[i]);
    for (int i = 0; i < q->filters_n; i++)
        needs |= stands_in_bodies(q->filters[i].dim);
    return needs;
}

enum status question_unknown_metric(struct str word, struct err *err)
{
    char shown[QUOTED_TEXT];
    struct nearest near = nearest_start(word);
    for (int i = 0; i < METRICS; i++)
        nearest_offer(&near, metric_info(i).name);
    if (near.best.p)
        return err_set(err, ERR_USAGE, "unknown metric '%s'; did you mean %.*s?",
                       quoted(shown, word), STR_ARG(near.best));
    return err_set(err, ERR_USAGE,
                   "unknown metric '%s'; for example invocations, users, input, output, "
                   "cache_read, cache_write, tokens, errors, cost",
                   quoted(shown, word));
}

enum status question_unknown_dimension(struct str word, struct err *err)
{
    char shown[QUOTED_TEXT];
    struct nearest near = nearest_start(word);
    for (int i = 0; i < DIMENSIONS; i++)
        nearest_offer(&near, dimensions[i].name);
    if (near.best.p)
        return err_set(err, ERR_USAGE, "unknown dimension '%s'; did you mean %.*s?",
                       quoted(shown, word), STR_ARG(near.best));
    return err_set(err, ERR_USAGE,
                   "unknown dimension '%s'; for example time, user, team, model, account, region, "
                   "profile, operation, error",
                   quoted(shown, word));
}

/* The next of comma-separated words. */
static struct str next_word(struct str *rest)
{
    return str_trim(str_cut(rest, ','));
}

static enum status stands_twice(struct str word, struct err *err)
{
    return err_set(err, ERR_USAGE, "'%.*s' stands there twice", STR_ARG(word));
}

static enum status too_many(int max, struct err *err)
{
    return err_set(err, ERR_USAGE, "at most %d of them can be asked for at once", max);
}

static enum status copy_tag(struct question *q, struct str word, enum dimension dim,
                            struct str *out, struct err *err)
{
    *out = dim == DIM_TAG ? arena_str(&q->arena, question_tag_key(word)) : STR("");
    return out->p ? OK : err_nomem(err);
}

static enum status set_by(struct question *q, struct str value, struct err *err)
{
    enum dimension dims[QUESTION_DIMS];
    struct str tags[QUESTION_DIMS];
    int n = 0;
    for (struct str rest = value; rest.n > 0;) {
        struct str word = next_word(&rest);
        int found = dimension_find(word);
        if (found < 0)
            return question_unknown_dimension(word, err);
        struct str tag;
        TRY(copy_tag(q, word, (enum dimension)found, &tag, err));
        for (int i = 0; i < n; i++)
            if ((int)dims[i] == found && str_eq(tags[i], tag))
                return stands_twice(word, err);
        if (n == QUESTION_DIMS)
            return too_many(QUESTION_DIMS, err);
        dims[n] = (enum dimension)found;
        tags[n++] = tag;
    }
    q->dims_n = n;
    memcpy(q->dims, dims, sizeof dims[0] * (size_t)n);
    memcpy(q->tags, tags, sizeof tags[0] * (size_t)n);
    q->title = STR("");
    return OK;
}

static enum status set_metrics(struct question *q, struct str value, struct err *err)
{
    int metrics[QUESTION_METRICS], n = 0;
    for (struct str rest = value; rest.n > 0;) {
        struct str word = next_word(&rest);
        int found = metric_find(word);
        if (found < 0)
            return question_unknown_metric(word, err);
        for (int i = 0; i < n; i++)
            if (metrics[i] == found)
                return stands_twice(word, err);
        if (n == QUESTION_METRICS)
            return too_many(QUESTION_METRICS, err);
        metrics[n++] = found;
    }
    if (n == 0)
        return err_set(err, ERR_USAGE, "metrics needs at least one metric, for example cost");
    q->metrics_n = n;
    memcpy(q->metrics, metrics, sizeof metrics[0] * (size_t)n);
    return OK;
}

static enum status set_text(struct question *q, struct str *field, struct str value,
                            struct err *err)
{
    struct str copy = arena_str(&q->arena, value);
    if (!copy.p)
        return err_nomem(err);
    *field = copy;
    return OK;
}

static enum status set_where(struct question *q, struct str value, struct err *err)
{
    char shown[QUOTED_TEXT];
    ptrdiff_t at = str_find_char(value, '=');
    if (at < 0)
        return err_set(err, ERR_USAGE,
                       "'%s' is no filter; write dimension=value or dimension!=value, for example "
                       "team=search*",
                       quoted(shown, value));
    bool not = at > 0 && value.p[at - 1] == '!';
    struct str word = str_trim(str_of(value.p, (size_t)at - not ));
    int dim = dimension_find(word);
    if (dim < 0)
        return question_unknown_dimension(word, err);
    if (dim == DIM_TIME)
        return err_set(err, ERR_USAGE, "time is no filter: use since and until");
    if (q->filters_n == QUESTION_FILTERS)
        return err_set(err, ERR_USAGE, "at most %d filters can be given", QUESTION_FILTERS);
    struct filter f = {.dim = (enum dimension)dim, .op = not ? FILTER_IS_NOT : FILTER_IS};
    TRY(copy_tag(q, word, f.dim, &f.tag, err));
    TRY(set_text(q, &f.values, str_trim(str_skip(value, (size_t)at + 1)), err));
    q->filters[q->filters_n++] = f;
    return OK;
}

static enum status set_bucket(struct question *q, struct str value, struct err *err)
{
    char shown[QUOTED_TEXT];
    for (int i = 1; i < BUCKETS; i++)
        if (str_eq(value, buckets[i])) {
            q->bucket = (enum bucket)i;
            return OK;
        }
    return err_set(err, ERR_USAGE, "'%s' is no bucket; there are hour, day, week, month and year",
                   quoted(shown, value));
}

static enum status set_limit(struct question *q, struct str value, struct err *err)
{
    char shown[QUOTED_TEXT];
    if (!str_to_i64(value, &q->limit))
        return err_set(err, ERR_USAGE, "limit is a number of rows (0: all), not '%s'",
                       quoted(shown, value));
    return OK;
}

static enum status set_since(struct question *q, struct str value, struct err *err)
{
    return set_text(q, &q->since, value, err);
}

static enum status set_until(struct question *q, struct str value, struct err *err)
{
    return set_text(q, &q->until, value, err);
}

static enum status set_order(struct question *q, struct str value, struct err *err)
{
    return set_text(q, &q->order, value, err);
}

static enum status set_zone(struct question *q, struct str value, struct err *err)
{
    return set_text(q, &q->zone, value, err);
}

static const struct {
    struct str key;
    enum status (*set)(struct question *q, struct str value, struct err *err);
} setters[] = {
    {NAME("by"), set_by},       {NAME("metrics"), set_metrics}, {NAME("where"), set_where},
    {NAME("since"), set_since}, {NAME("until"), set_until},     {NAME("bucket"), set_bucket},
    {NAME("order"), set_order}, {NAME("limit"), set_limit},     {NAME("zone"), set_zone},
};
enum { SETTERS = sizeof setters / sizeof setters[0] };

enum status question_set(struct question *q, struct str key, struct str value, struct err *err)
{
    char shown[QUOTED_TEXT];
    struct nearest near = nearest_start(key);
    for (int i = 0; i < SETTERS; i++) {
        if (str_eq(key, setters[i].key))
            return setters[i].set(q, str_trim(value), err);
        nearest_offer(&near, setters[i].key);
    }
    if (near.best.p)
        return err_set(err, ERR_USAGE, "a question has no '%s'; did you mean %.*s?",
                       quoted(shown, key), STR_ARG(near.best));
    return err_set(
        err, ERR_USAGE,
        "a question has no '%s'; it has by, metrics, where, since, until, bucket, order, "
        "limit and zone",
        quoted(shown, key));
}
