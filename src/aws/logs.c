/* CloudWatch Logs: see logs.h. */
#include "aws/logs_internal.h"

#include "codec/jsonw.h"

#include <stdio.h>
#include <stdlib.h>

/* A page holds up to 1 MB of events, each of which may be 1 MB; escaped as JSON inside JSON that
 * is more. What is far beyond is not of this service. */
enum { ANSWER_MAX = 64 << 20, REQUEST_MAX = 64 << 10, TOKEN_MAX = 16 << 10, NAMES_MAX = 1 << 20 };

enum status logs_new(struct aws_client *c, struct logs **out, struct err *err)
{
    struct logs *l = calloc(1, sizeof *l);
    if (!l)
        return err_nomem(err);
    l->client = c;
    aws_answer_init(&l->answer);
    buf_init(&l->request, REQUEST_MAX);
    buf_init(&l->token, TOKEN_MAX);
    buf_init(&l->names, NAMES_MAX);
    enum status status = json_new(&l->json, err);
    if (status != OK) {
        logs_free(l);
        return status;
    }
    *out = l;
    return OK;
}

void logs_free(struct logs *l)
{
    if (!l)
        return;
    json_free(l->json);
    aws_answer_fini(&l->answer);
    buf_fini(&l->request);
    buf_fini(&l->token);
    buf_fini(&l->names);
    free(l->events);
    free(l->groups);
    free(l);
}

const char *logs_code(const struct logs *l)
{
    return l->answer.code;
}

static enum status not_an_answer(struct err *err)
{
    return err_set(err, ERR_PARSE, "the answer is not what CloudWatch Logs answers");
}

/* Sends l->request. */
static enum status ask(struct logs *l, const char *operation, const char *region,
                       struct str subject, struct err *err)
{
    char target[64], action[64];
    snprintf(target, sizeof target, "Logs_20140328.%s", operation);
    snprintf(action, sizeof action, "logs:%s", operation);
    const struct sigv4_pair headers[] = {
        {STR("Content-Type"), STR("application/x-amz-json-1.1")},
        {STR("X-Amz-Target"), str_from(target)},
    };
    const struct aws_call call = {.service = "logs",
                                  .region = region,
                                  .method = "POST",
                                  .path = STR("/"),
                                  .headers = headers,
                                  .headers_n = sizeof headers / sizeof headers[0],
                                  .body = buf_view(&l->request),
                                  .limits = {.memory_max = ANSWER_MAX},
                                  .action = action,
                                  .subject = subject};
    if (buf_status(&l->request) != OK)
        return err_set(err, buf_status(&l->request), "%s: the request is too long", action);
    return aws_send(l->client, &call, &l->answer, err);
}

/* A cursor in the object that an answer is. The body gets room behind it. */
static enum status enter(struct logs *l, struct buf *body, struct json_cursor *c, struct err *err)
{
    struct json_text text;
    if (!buf_reserve(body, JSON_PADDING))
        return err_nomem(err);
    enum status status = json_index(l->json, body->p, body->n, &text, NULL);
    if (status == ERR_NOMEM)
        return err_nomem(err);
    if (status != OK)
        return not_an_answer(err);
    *c = json_begin(&text);
    return json_enter_object(c) ? OK : not_an_answer(err);
}

static bool grow(void **items, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 256;
    void *grown = realloc(*items, more * size);
    if (!grown)
        return false;
    *items = grown;
    *cap = more;
    return true;
}

/* An event that was entered. */
static void read_event(struct json_cursor *c, struct logs_event *e)
{
    e->id = STR("");
    e->time_ms = -1;
    for (struct str key; json_next_key(c, &key);) {
        if (str_eq(key, STR("eventId")))
            json_string(c, &e->id);
        else if (str_eq(key, STR("timestamp")))
            e->time_ms = json_i64(c, &e->time_ms) ? e->time_ms : -1;
        else
            json_skip(c);
    }
}

static enum status read_events(struct logs *l, struct json_cursor *c, size_t *n, struct err *err)
{
    *n = 0;
    if (!json_enter_array(c))
        return OK;
    while (json_next_item(c)) {
        struct json_cursor inside = *c;
        struct str raw;
        if (!json_raw(c, &raw) || !json_enter_object(&inside))
            continue;
        if (!grow((void **)&l->events, &l->events_cap, *n, sizeof *l->events))
            return err_nomem(err);
        struct logs_event *e = &l->events[(*n)++];
        read_event(&inside, e);
        e->raw = raw;
    }
    return OK;
}

/* The value that is due, decoded; "" when it is null. */
static void read_token(struct logs *l, struct json_cursor *c)
{
    struct str raw;
    buf_reset(&l->token);
    if (json_string(c, &raw) && !json_unescape(raw, &l->token))
        buf_reset(&l->token);
}

void logs_write_query(struct buf *out, const struct logs_query *q)
{
    struct jsonw w = jsonw_start(out, 0);
    jsonw_object(&w);
    jsonw_key(&w, str_has_prefix(q->group, STR("arn:")) ? STR("logGroupIdentifier")
                                                        : STR("logGroupName"));
    jsonw_str(&w, q->group);
    if (q->stream.n > 0) {
        jsonw_key(&w, STR("logStreamNames"));
        jsonw_array(&w);
        jsonw_str(&w, q->stream);
        jsonw_end(&w);
    }
    if (q->start_ms >= 0) {
        jsonw_key(&w, STR("startTime"));
        jsonw_i64(&w, q->start_ms);
    }
    if (q->end_ms >= 0) {
        jsonw_key(&w, STR("endTime"));
        jsonw_i64(&w, q->end_ms);
    }
    jsonw_key(&w, STR("limit"));
    jsonw_i64(&w, q->limit > 0 ? q->limit : 10000);
    if (q->token.n > 0) {
        jsonw_key(&w, STR("nextToken"));
        jsonw_str(&w, q->token);
    }
    jsonw_end(&w);
}

enum status logs_read_page(struct logs *l, struct buf *body, struct logs_page *out, struct err *err)
{
    struct json_cursor c;
    size_t n = 0;
    buf_reset(&l->token);
    TRY(enter(l, body, &c, err));
    for (struct str key; json_next_key(&c, &key);) {
        if (str_eq(key, STR("events")))
            TRY(read_events(l, &c, &n, err));
        else if (str_eq(key, STR("nextToken")))
            read_token(l, &c);
        else
            json_skip(&c);
    }
    if (json_failed(&c) || buf_status(&l->token) != OK)
        return not_an_answer(err);
    *out = (struct logs_page){buf_view(body), l->events, n, buf_view(&l->token)};
    return OK;
}

enum status logs_events(struct logs *l, const struct logs_query *q, struct logs_page *page,
                        struct err *err)
{
    buf_reset(&l->request);
    logs_write_query(&l->request, q);
    TRY(ask(l, "FilterLogEvents", q->region, q->group, err));
    return logs_read_page(l, &l->answer.http.body, page, err);
}

/* The value that is due, decoded into l->names; "" when it is no text. */
static struct str read_name(struct logs *l, struct json_cursor *c)
{
    struct str raw;
    size_t before = l->names.n;
    if (!json_string(c, &raw) || !json_unescape(raw, &l->names))
        return STR("");
    return str_of(l->names.p + before, l->names.n - before);
}

static enum status read_groups(struct logs *l, struct json_cursor *c, size_t *n, struct err *err)
{
    *n = 0;
    if (!json_enter_array(c))
        return OK;
    while (json_next_item(c)) {
        struct logs_group g = {STR(""), STR("")};
        if (!json_enter_object(c))
            continue;
        for (struct str key; json_next_key(c, &key);) {
            if (str_eq(key, STR("logGroupName")))
                g.name = read_name(l, c);
            else if (str_eq(key, STR("arn")))
                g.arn = read_name(l, c);
            else
                json_skip(c);
        }
        if (!grow((void **)&l->groups, &l->groups_cap, *n, sizeof *l->groups))
            return err_nomem(err);
        if (str_has_suffix(g.arn, STR(":*")))
            g.arn.n -= 2;
        if (g.name.n > 0)
            l->groups[(*n)++] = g;
    }
    return OK;
}

enum status logs_read_groups(struct logs *l, struct buf *body, struct logs_groups *out,
                             struct err *err)
{
    struct json_cursor c;
    size_t n = 0;
    buf_reset(&l->token);
    buf_reset(&l->names);
    /* At once: names are slices of it, so it must not move. */
    if (!buf_reserve(&l->names, body->n))
        return err_set(err, buf_status(&l->names), "an answer of CloudWatch Logs is too long");
    TRY(enter(l, body, &c, err));
    for (struct str key; json_next_key(&c, &key);) {
        if (str_eq(key, STR("logGroups")))
            TRY(read_groups(l, &c, &n, err));
        else if (str_eq(key, STR("nextToken")))
            read_token(l, &c);
        else
            json_skip(&c);
    }
    if (json_failed(&c) || buf_status(&l->token) != OK || buf_status(&l->names) != OK)
        return not_an_answer(err);
    *out = (struct logs_groups){l->groups, n, buf_view(&l->token)};
    return OK;
}

enum status logs_groups(struct logs *l, const char *region, struct str prefix, struct str token,
                        struct logs_groups *out, struct err *err)
{
    buf_reset(&l->request);
    struct jsonw w = jsonw_start(&l->request, 0);
    jsonw_object(&w);
    if (prefix.n > 0) {
        jsonw_key(&w, STR("logGroupNamePrefix"));
        jsonw_str(&w, prefix);
    }
    if (token.n > 0) {
        jsonw_key(&w, STR("nextToken"));
        jsonw_str(&w, token);
    }
    jsonw_end(&w);
    TRY(ask(l, "DescribeLogGroups", region, prefix, err));
    return logs_read_groups(l, &l->answer.http.body, out, err);
}
