/* Queues: see sqs.h. One POST per action, JSON both ways, the action in a header. */
#include "aws/sqs.h"

#include "aws/endpoint.h"
#include "codec/json.h"
#include "codec/jsonw.h"
#include "codec/uri.h"

#include <stdio.h>

/* Ten messages of 1 MiB (the quota since August 2025) whose every byte is escaped, and some. */
static const struct http_body_limits answer_limits = {.memory_max = 24 << 20};

/* "sqs.eu-west-1.amazonaws.com", "eu-west-1.queue.amazonaws.com", "sqs-fips.…", "….vpce.…" have
 * the Region in different places; a host with none of them tells nothing. */
static void region_of_host(struct str host, char *out, size_t room)
{
    struct str part, before = STR("");
    for (struct str rest = host; rest.n > 0; before = part) {
        part = str_cut(&rest, '.');
        bool behind = str_eq(before, STR("sqs")) || str_eq(before, STR("sqs-fips"));
        struct str region = behind ? part : before;
        if ((behind || str_eq(part, STR("queue"))) && endpoint_is_region(region) &&
            str_find_char(region, '-') > 0) {
            snprintf(out, room, "%.*s", STR_ARG(region));
            return;
        }
    }
}

enum status sqs_queue_init(struct sqs_queue *q, struct str url, const char *region, struct err *err)
{
    struct uri u;
    if (url.n > SQS_URL_MAX || !uri_parse(url, &u) || str_eq(u.scheme, STR("s3")))
        return err_set(err, ERR_USAGE, "the URL of a queue is https://host/account/name");
    size_t slash = u.path.n;
    while (slash > 0 && u.path.p[slash - 1] != '/')
        slash--;
    struct str name = str_skip(u.path, slash);
    if (slash < 2 || name.n == 0 || !str_is_plain(name) || u.query.n > 0)
        return err_set(err, ERR_USAGE, "the URL of a queue is https://host/account/name");
    if (str_has_suffix(name, STR(".fifo")))
        return err_set(err, ERR_USAGE,
                       "S3 sends no notifications to FIFO queues; give a standard queue");
    if (region && !endpoint_is_region(str_from(region)))
        return err_set(err, ERR_USAGE, "%.40s is not the name of an AWS Region", region);
    *q = (struct sqs_queue){.region = ""};
    memcpy(q->url, url.p, url.n);
    q->name = str_of(q->url + (name.p - url.p), name.n);
    if (region)
        snprintf(q->region, sizeof q->region, "%s", region);
    else
        region_of_host(u.host, q->region, sizeof q->region);
    return OK;
}

static enum status call(struct aws_client *c, const struct sqs_queue *q, const char *action,
                        const struct buf *body, struct aws_answer *a, struct err *err)
{
    char target[64], permission[64];
    const char *batch = strstr(action, "Batch");
    TRY(buf_status(body) == OK ? OK : err_set(err, buf_status(body), "a request is too long"));
    snprintf(target, sizeof target, "AmazonSQS.%s", action);
    snprintf(permission, sizeof permission, "sqs:%.*s",
             (int)(batch ? (size_t)(batch - action) : strlen(action)), action);
    const struct sigv4_pair headers[] = {
        {STR("Content-Type"), STR("application/x-amz-json-1.0")},
        {STR("X-Amz-Target"), str_from(target)},
    };
    const struct aws_call full = {.service = "sqs",
                                  .region = q->region[0] ? q->region : NULL,
                                  .method = "POST",
                                  .path = STR("/"),
                                  .headers = headers,
                                  .headers_n = sizeof headers / sizeof headers[0],
                                  .body = buf_view(body),
                                  .limits = answer_limits,
                                  .action = permission,
                                  .subject = q->name};
    return aws_send(c, &full, a, err);
}

static struct jsonw begin(struct buf *body, const struct sqs_queue *q)
{
    buf_init(body, 1 << 20);
    struct jsonw w = jsonw_start(body, 0);
    jsonw_object(&w);
    jsonw_key(&w, STR("QueueUrl"));
    jsonw_str(&w, str_from(q->url));
    return w;
}

static void put_number(struct jsonw *w, struct str key, int64_t value)
{
    jsonw_key(w, key);
    jsonw_i64(w, value);
}

static void put_names(struct jsonw *w, struct str key, const char *const *names)
{
    jsonw_key(w, key);
    jsonw_array(w);
    for (; *names; names++)
        jsonw_str(w, str_from(*names));
    jsonw_end(w);
}

/* A cursor at the answer's value, which has been checked. An empty body is an empty object. */
static enum status index_answer(struct json *j, struct aws_answer *a, struct json_text *text,
                                struct err *err)
{
    struct buf *b = &a->http.body;
    size_t n = b->n;
    if (!buf_reserve(b, JSON_PADDING))
        return err_nomem(err);
    memset(b->p + n, 0, JSON_PADDING);
    enum status status = json_index(j, b->p, n, text, NULL);
    if (status == OK)
        status = json_check(text, NULL);
    return status == OK ? OK : err_set(err, status, "the queue's answer is no JSON");
}

void sqs_batch_init(struct sqs_batch *b)
{
    *b = (struct sqs_batch){.n = 0};
    buf_init(&b->text, 32 << 20);
    aws_answer_init(&b->answer);
}

void sqs_batch_fini(struct sqs_batch *b)
{
    json_free(b->json);
    buf_fini(&b->text);
    aws_answer_fini(&b->answer);
}

/* A string that is due, decoded behind what `text` holds; room for it was reserved. */
static bool take_text(struct json_cursor *c, struct buf *text, struct str *out)
{
    struct str raw;
    size_t at = text->n;
    if (!json_string(c, &raw) || !json_unescape(raw, text))
        return false;
    *out = str_of(text->p + at, text->n - at);
    buf_fill(text, '\0', JSON_PADDING);
    return buf_status(text) == OK;
}

static bool take_number(struct json_cursor *c, int64_t *out)
{
    struct str raw;
    return json_string(c, &raw) && str_to_i64(raw, out);
}

static bool read_attributes(struct json_cursor *c, struct sqs_message *m)
{
    int64_t number;
    if (!json_enter_object(c))
        return false;
    for (struct str key; json_next_key(c, &key);) {
        if (str_eq(key, STR("ApproximateReceiveCount"))) {
            m->receives = take_number(c, &number) && number > 0 ? number : 1;
        } else if (str_eq(key, STR("SentTimestamp"))) {
            if (take_number(c, &number) && number < TIME_END / 1000)
                m->sent_us = number * 1000;
        } else if (str_eq(key, STR("ApproximateFirstReceiveTimestamp"))) {
            if (take_number(c, &number) && number > 0 && number < TIME_END / 1000)
                m->first_us = number * 1000;
        } else {
            json_skip(c);
        }
    }
    return true;
}

static bool read_message(struct json_cursor *c, struct buf *text, struct sqs_message *m)
{
    *m = (struct sqs_message){.receives = 1, .sent_us = TIME_NONE, .first_us = TIME_NONE};
    if (!json_enter_object(c))
        return false;
    bool good = true;
    for (struct str key; good && json_next_key(c, &key);) {
        if (str_eq(key, STR("MessageId")))
            good = take_text(c, text, &m->id);
        else if (str_eq(key, STR("ReceiptHandle")))
            good = take_text(c, text, &m->receipt);
        else if (str_eq(key, STR("Body")))
            good = take_text(c, text, &m->body);
        else if (str_eq(key, STR("Attributes")))
            good = read_attributes(c, m);
        else
            json_skip(c);
    }
    return good && m->receipt.n > 0 && m->body.p && !memchr(m->receipt.p, 0, m->receipt.n);
}

static bool read_messages(struct json_cursor *c, struct sqs_batch *b)
{
    if (!json_enter_object(c))
        return false;
    for (struct str key; json_next_key(c, &key);) {
        if (!str_eq(key, STR("Messages")) || json_peek(c) == JSON_NULL) {
            json_skip(c);
            continue;
        }
        if (!json_enter_array(c))
            return false;
        while (json_next_item(c))
            if (b->n == SQS_BATCH || !read_message(c, &b->text, &b->messages[b->n++]))
                return false;
    }
    return true;
}

enum status sqs_receive(struct aws_client *c, const struct sqs_queue *q,
                        const struct sqs_wish *wish, struct sqs_batch *b, struct err *err)
{
    static const char *const attributes[] = {"ApproximateReceiveCount", "SentTimestamp",
                                             "ApproximateFirstReceiveTimestamp", NULL};
    struct buf body;
    struct json_text text;
    b->n = 0;
    if (!b->json)
        TRY(json_new(&b->json, err));
    struct jsonw w = begin(&body, q);
    put_number(&w, STR("MaxNumberOfMessages"), wish->most);
    put_number(&w, STR("WaitTimeSeconds"), wish->wait_s);
    put_number(&w, STR("VisibilityTimeout"), wish->hide_s);
    put_names(&w, STR("MessageSystemAttributeNames"), attributes);
    jsonw_end(&w);
    enum status status = call(c, q, "ReceiveMessage", &body, &b->answer, err);
    buf_fini(&body);
    TRY(status);
    TRY(index_answer(b->json, &b->answer, &text, err));
    /* At once, so that no text moves: what is decoded is never longer than as it was sent. */
    buf_reset(&b->text);
    if (!buf_reserve(&b->text, text.n + (size_t)(3 * SQS_BATCH * JSON_PADDING)))
        return err_nomem(err);
    struct json_cursor cursor = json_begin(&text);
    if (read_messages(&cursor, b))
        return OK;
    b->n = 0;
    return err_set(err, ERR_PARSE, "sqs:ReceiveMessage on %.90s: not the answer of a queue",
                   q->name.p);
}

/* "Successful" and "Failed" of one batch; entries that neither names stay as they were. */
static bool read_fates(struct json_cursor *c, bool failed, struct sqs_entry *e, size_t n)
{
    if (!json_enter_array(c))
        return false;
    while (json_next_item(c)) {
        struct str id = STR(""), raw;
        int64_t at = -1;
        bool ours = false; /* SenderFault: it is the request's, not the service's */
        if (!json_enter_object(c))
            return false;
        for (struct str key; json_next_key(c, &key);) {
            if (str_eq(key, STR("Id")) && json_string(c, &raw))
                id = raw;
            else if (str_eq(key, STR("SenderFault")))
                ours = json_bool(c, &ours) && ours;
            else if (!str_eq(key, STR("Id")))
                json_skip(c);
        }
        if (str_to_i64(id, &at) && (size_t)at < n)
            e[at].fate = !failed ? SQS_DONE : ours ? SQS_REFUSED : SQS_FAILED;
    }
    return true;
}

static enum status read_batch(struct aws_answer *a, struct sqs_entry *e, size_t n, struct err *err)
{
    struct json *j = NULL;
    struct json_text text;
    TRY(json_new(&j, err));
    enum status status = index_answer(j, a, &text, err);
    if (status == OK) {
        struct json_cursor c = json_begin(&text);
        bool good = json_enter_object(&c);
        for (struct str key; good && json_next_key(&c, &key);) {
            bool failed = str_eq(key, STR("Failed"));
            if ((failed || str_eq(key, STR("Successful"))) && json_peek(&c) == JSON_ARRAY)
                good = read_fates(&c, failed, e, n);
            else
                json_skip(&c);
        }
        if (!good)
            status = err_set(err, ERR_PARSE, "not the answer of a queue");
    }
    json_free(j);
    return status;
}

static enum status send_batch(struct aws_client *c, const struct sqs_queue *q, bool hide,
                              struct sqs_entry *e, size_t n, struct aws_answer *a, struct err *err)
{
    struct buf body;
    struct jsonw w = begin(&body, q);
    jsonw_key(&w, STR("Entries"));
    jsonw_array(&w);
    for (size_t i = 0; i < n; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", (int)i);
        jsonw_object(&w);
        jsonw_key(&w, STR("Id"));
        jsonw_str(&w, str_from(id));
        jsonw_key(&w, STR("ReceiptHandle"));
        jsonw_str(&w, str_from(e[i].receipt));
        if (hide)
            put_number(&w, STR("VisibilityTimeout"), e[i].hide_s);
        jsonw_end(&w);
    }
    jsonw_end(&w);
    jsonw_end(&w);
    enum status status =
        call(c, q, hide ? "ChangeMessageVisibilityBatch" : "DeleteMessageBatch", &body, a, err);
    buf_fini(&body);
    return status == OK ? read_batch(a, e, n, err) : status;
}

static enum status send_all(struct aws_client *c, const struct sqs_queue *q, bool hide,
                            struct sqs_entry *e, size_t n, struct err *err)
{
    struct aws_answer a;
    enum status status = OK;
    for (size_t i = 0; i < n; i++)
        e[i].fate = SQS_FAILED;
    aws_answer_init(&a);
    for (size_t i = 0; i < n && status == OK; i += SQS_BATCH)
        status = send_batch(c, q, hide, e + i, n - i < SQS_BATCH ? n - i : SQS_BATCH, &a, err);
    aws_answer_fini(&a);
    return status;
}

enum status sqs_delete(struct aws_client *c, const struct sqs_queue *q, struct sqs_entry *e,
                       size_t n, struct err *err)
{
    return send_all(c, q, false, e, n, err);
}

enum status sqs_hide(struct aws_client *c, const struct sqs_queue *q, struct sqs_entry *e, size_t n,
                     struct err *err)
{
    return send_all(c, q, true, e, n, err);
}

/* Of a policy, which is JSON inside a text, with its escapes: {\"maxReceiveCount\":5,…}, the number
 * as such or as a text. Names in it hold no backslash. */
static int64_t receives_max(struct str policy)
{
    const struct str mark = STR("maxReceiveCount\\\":");
    ptrdiff_t at = str_find(policy, mark);
    size_t n = 0;
    int64_t number = 0;
    if (at < 0)
        return 0;
    struct str rest = str_skip(policy, (size_t)at + mark.n);
    while (rest.n > 0 && (rest.p[0] == ' ' || rest.p[0] == '\\' || rest.p[0] == '"'))
        rest = str_skip(rest, 1);
    while (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
        n++;
    return str_to_i64(str_of(rest.p, n), &number) ? number : 0;
}

static bool read_depth(struct json_cursor *c, struct sqs_depth *d)
{
    int64_t number;
    if (!json_enter_object(c))
        return false;
    for (struct str key; json_next_key(c, &key);) {
        if (!str_eq(key, STR("Attributes")) || !json_enter_object(c)) {
            json_skip(c);
            continue;
        }
        for (struct str name; json_next_key(c, &name);) {
            if (str_eq(name, STR("ApproximateNumberOfMessages")))
                d->waiting = take_number(c, &number) ? number : -1;
            else if (str_eq(name, STR("ApproximateNumberOfMessagesNotVisible")))
                d->hidden = take_number(c, &number) ? number : -1;
            else if (str_eq(name, STR("RedrivePolicy"))) {
                struct str raw;
                d->redrives = json_string(c, &raw) && raw.n > 0;
                d->receives_max = d->redrives ? receives_max(raw) : 0;
            } else {
                json_skip(c);
            }
        }
    }
    return true;
}

enum status sqs_depth(struct aws_client *c, const struct sqs_queue *q, struct sqs_depth *out,
                      struct err *err)
{
    static const char *const names[] = {"ApproximateNumberOfMessages",
                                        "ApproximateNumberOfMessagesNotVisible", "RedrivePolicy",
                                        NULL};
    struct sqs_depth d = {.waiting = -1, .hidden = -1};
    struct json *j = NULL;
    struct json_text text;
    struct aws_answer a;
    struct buf body;
    aws_answer_init(&a);
    struct jsonw w = begin(&body, q);
    put_names(&w, STR("AttributeNames"), names);
    jsonw_end(&w);
    enum status status = call(c, q, "GetQueueAttributes", &body, &a, err);
    buf_fini(&body);
    if (status == OK)
        status = json_new(&j, err);
    if (status == OK)
        status = index_answer(j, &a, &text, err);
    if (status == OK) {
        struct json_cursor cursor = json_begin(&text);
        if (!read_depth(&cursor, &d))
            status = err_set(err, ERR_PARSE, "not the answer of a queue");
    }
    json_free(j);
    aws_answer_fini(&a);
    if (status == OK)
        *out = d;
    return status;
}
