/* The question made whole: period, bucket, defaults, order, title. */
#include "query/question_internal.h"

#include "query/metric.h"

static const int usual_metrics[] = {
    METRIC_OF_COUNT(COUNT_INVOCATIONS), METRIC_OF_COUNT(COUNT_INPUT), METRIC_OF_COUNT(COUNT_OUTPUT),
    METRIC_OF_COUNT(COUNT_CACHE_READ),  METRIC_CACHE_WRITE,           METRIC_OF_MONEY(MONEY_COST),
};

static bool has_metric(const struct question *q, int metric)
{
    for (int i = 0; i < q->metrics_n; i++)
        if (q->metrics[i] == metric)
            return true;
    return false;
}

static int dim_position(const struct question *q, enum dimension dim)
{
    for (int i = 0; i < q->dims_n; i++)
        if (q->dims[i] == dim)
            return i;
    return -1;
}

static enum status finish_period(struct question *q, int64_t now_us, struct err *err)
{
    if (q->since.n)
        TRY(period_parse(q->since, false, now_us, &q->since_us, err));
    if (q->until.n)
        TRY(period_parse(q->until, true, now_us, &q->until_us, err));
    if (q->since_us < q->until_us)
        return OK;
    char since[TIME_TEXT], until[TIME_TEXT];
    time_format(since, q->since_us);
    time_format(until, q->until_us);
    return err_set(err, ERR_USAGE, "the period is empty: it begins at %s and ends at %s", since,
                   until);
}

/* A date names the same instant tomorrow; "7d" and "today" do not. */
static bool is_absolute(struct str time)
{
    return time.n > 0 && time.p[0] >= '0' && time.p[0] <= '9' &&
           (str_find_char(time, '-') >= 0 || time.n == 4);
}

/*
 * Chosen from the question alone, never from the data, so that every way to answer it chooses the
 * same. An open end counts as "now" only where the question is about now anyway: with a date the
 * answer would otherwise change its shape from one day to the next.
 */
static enum bucket choose_bucket(const struct question *q, int64_t now_us)
{
    int64_t until = q->until_us;
    if (!q->since.n || (!q->until.n && is_absolute(q->since)))
        return BUCKET_DAY;
    if (!q->until.n)
        until = now_us;
    int64_t length;
    if (__builtin_sub_overflow(until, q->since_us, &length))
        return BUCKET_MONTH;
    if (length <= 2 * US_PER_DAY)
        return BUCKET_HOUR;
    return length <= 62 * US_PER_DAY ? BUCKET_DAY : BUCKET_MONTH;
}

static enum status finish_bucket(struct question *q, int64_t now_us, struct err *err)
{
    bool by_time = dim_position(q, DIM_TIME) >= 0;
    if (by_time && q->bucket == BUCKET_NONE)
        q->bucket = choose_bucket(q, now_us);
    if (by_time || q->bucket == BUCKET_NONE)
        return OK;
    if (q->dims_n == QUESTION_DIMS)
        return err_set(err, ERR_USAGE, "a bucket is one more dimension; at most %d can be given",
                       QUESTION_DIMS);
    memmove(q->dims + 1, q->dims, sizeof q->dims[0] * (size_t)q->dims_n);
    memmove(q->tags + 1, q->tags, sizeof q->tags[0] * (size_t)q->dims_n);
    q->dims[0] = DIM_TIME;
    q->tags[0] = STR("");
    q->dims_n++;
    q->title = STR("");
    return OK;
}

static void finish_metrics(struct question *q)
{
    if (q->metrics_n == 0) {
        q->metrics_n = sizeof usual_metrics / sizeof usual_metrics[0];
        memcpy(q->metrics, usual_metrics, sizeof usual_metrics);
    }
    q->lead_metric = q->metrics[0];
    for (int i = q->metrics_n - 1; i >= 0; i--)
        if (metric_info(q->metrics[i]).kind == METRIC_KIND_MONEY)
            q->lead_metric = q->metrics[i];
    if (has_metric(q, METRIC_OF_MONEY(MONEY_COST)))
        q->lead_metric = METRIC_OF_MONEY(MONEY_COST);
    if (q->preferred_metric >= 0 && has_metric(q, q->preferred_metric))
        q->lead_metric = q->preferred_metric;
}

static enum status parse_direction(struct question *q, struct str direction, struct err *err)
{
    if (!direction.p)
        return OK;
    q->ascending = str_eq(direction, STR("asc"));
    if (!q->ascending && !str_eq(direction, STR("desc")))
        return err_set(err, ERR_USAGE,
                       "an order is NAME, NAME:asc or NAME:desc, for example cost:desc");
    return OK;
}

/* The name of an order, and its direction if there is one. Keys of tags may have colons. */
static struct str split_order(struct str order, struct str *direction)
{
    struct str rest = order, word = str_trim(str_cut(&rest, ':'));
    *direction = rest;
    if (!str_eq(word, STR("tag")) || !rest.p)
        return word;
    *direction = STR_NONE;
    for (size_t i = 0; i < 2; i++) {
        struct str end = i == 0 ? STR(":asc") : STR(":desc");
        if (order.n > end.n && str_eq(str_skip(order, order.n - end.n), end)) {
            *direction = str_skip(order, order.n - end.n + 1);
            order.n -= end.n;
            break;
        }
    }
    return str_trim(order);
}

static int tag_position(const struct question *q, struct str key)
{
    for (int i = 0; i < q->dims_n; i++)
        if (q->dims[i] == DIM_TAG && str_eq(q->tags[i], key))
            return i;
    return -1;
}

static enum status finish_order(struct question *q, struct err *err)
{
    if (q->order.n == 0) {
        bool timeline = q->dims_n > 0 && q->dims[0] == DIM_TIME;
        q->order_metric = timeline ? -1 : q->lead_metric;
        q->ascending = timeline;
        return OK;
    }
    struct str direction, word = split_order(q->order, &direction);
    int metric = metric_find(word);
    q->order_metric = metric;
    if (metric >= 0) {
        q->ascending = false;
        q->lead_metric = metric;
        return parse_direction(q, direction, err);
    }
    int dim = dimension_find(word);
    if (dim < 0)
        return question_unknown_metric(word, err);
    q->order_dim = dim == DIM_TAG ? tag_position(q, question_tag_key(word))
                                  : dim_position(q, (enum dimension)dim);
    if (q->order_dim < 0)
        return err_set(err, ERR_USAGE,
                       "order by %.*s: it is not one of the dimensions of the question",
                       STR_ARG(word));
    q->ascending = true;
    return parse_direction(q, direction, err);
}

static void append(char *out, size_t cap, size_t *n, struct str s)
{
    size_t room = cap - *n;
    size_t take = s.n < room ? s.n : room;
    memcpy(out + *n, s.p, take);
    *n += take;
}

/* "Spend by user and model", "Spend over time by team". */
static enum status finish_title(struct question *q, struct err *err)
{
    if (q->title.n)
        return OK;
    char text[256];
    size_t n = 0;
    append(text, sizeof text, &n, q->subject);
    bool timeline = q->dims_n > 0 && q->dims[0] == DIM_TIME;
    if (timeline)
        append(text, sizeof text, &n, STR(" over time"));
    for (int i = timeline; i < q->dims_n; i++) {
        bool first = i == timeline;
        bool last = i == q->dims_n - 1;
        append(text, sizeof text, &n, first ? STR(" by ") : last ? STR(" and ") : STR(", "));
        char room[DIMENSION_NAME];
        struct str name = question_dimension(q, i, room);
        if (q->dims[i] == DIM_TAG) {
            append(text, sizeof text, &n, name);
            continue;
        }
        for (size_t j = 0; j < name.n; j++)
            append(text, sizeof text, &n, name.p[j] == '_' ? STR(" ") : str_of(name.p + j, 1));
    }
    q->title = arena_str(&q->arena, str_of(text, n));
    return q->title.p ? OK : err_nomem(err);
}

bool question_needs_sessions(const struct question *q)
{
    bool needs = q->lead_metric > METRIC_BEFORE_SESSIONS_;
    for (int i = 0; i < q->metrics_n; i++)
        needs = needs || q->metrics[i] > METRIC_BEFORE_SESSIONS_;
    for (int i = 0; i < q->dims_n; i++)
        needs = needs || dimension_of_session(q->dims[i]);
    for (int i = 0; i < q->filters_n; i++)
        needs = needs || dimension_of_session(q->filters[i].dim);
    return needs;
}

enum status question_finish(struct question *q, int64_t now_us, struct err *err)
{
    TRY(finish_period(q, now_us, err));
    TRY(finish_bucket(q, now_us, err));
    finish_metrics(q);
    TRY(finish_order(q, err));
    return finish_title(q, err);
}
