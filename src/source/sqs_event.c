/* Events of S3: see sqs_event.h. The form is told by members that only it has, in any order, so a
 * message is looked through once for what it is and then read. */
#include "source/sqs_event.h"

#include "codec/json.h"
#include "codec/uri.h"

#include <stdlib.h>

enum { KEY_MAX = 1024, NAME_MAX_BYTES = 255 };

void sqs_event_init(struct sqs_event *e)
{
    *e = (struct sqs_event){.objects = NULL};
    arena_init(&e->arena);
    buf_init(&e->text, SQS_EVENT_BYTES_MAX + JSON_PADDING);
    buf_init(&e->inner, SQS_EVENT_BYTES_MAX + JSON_PADDING);
}

void sqs_event_fini(struct sqs_event *e)
{
    json_free(e->json);
    buf_fini(&e->text);
    buf_fini(&e->inner);
    arena_fini(&e->arena);
    free(e->objects);
}

static enum status broken(struct err *err, const char *what)
{
    return err_set(err, ERR_PARSE, "no event of S3: %s", what);
}

/* What the members of a message's object tell about its form. */
struct form {
    struct str type, message;       /* SNS; escapes as written */
    struct str source, detail_type; /* EventBridge */
    struct str event;               /* s3:TestEvent */
    struct str time, region;
    struct json_cursor records, detail; /* due at the value */
    bool has_records, has_detail;
};

static void take(struct json_cursor *c, struct str *out)
{
    struct str raw;
    if (json_string(c, &raw))
        *out = raw;
}

static bool look(struct json_cursor *c, struct form *f)
{
    *f = (struct form){.has_records = false};
    if (!json_enter_object(c))
        return false;
    for (struct str key; json_next_key(c, &key);) {
        if (str_eq(key, STR("Type")))
            take(c, &f->type);
        else if (str_eq(key, STR("Message")))
            take(c, &f->message);
        else if (str_eq(key, STR("source")))
            take(c, &f->source);
        else if (str_eq(key, STR("detail-type")))
            take(c, &f->detail_type);
        else if (str_eq(key, STR("Event")))
            take(c, &f->event);
        else if (str_eq(key, STR("time")))
            take(c, &f->time);
        else if (str_eq(key, STR("region")))
            take(c, &f->region);
        else {
            if (str_eq(key, STR("Records"))) {
                f->has_records = json_peek(c) == JSON_ARRAY;
                f->records = *c;
            } else if (str_eq(key, STR("detail"))) {
                f->has_detail = json_peek(c) == JSON_OBJECT;
                f->detail = *c;
            }
            json_skip(c);
        }
    }
    return !json_failed(c);
}

/* An object as its members stand in the text; the decoding comes when all are known. */
struct raw_object {
    struct str bucket, key, etag, version, region, time, event, source;
    int64_t size; /* -1: not told */
    bool wrong;   /* something in it is not of the type that it should be */
};

/* A text that is due, or null; anything else is wrong. */
static void take_text(struct json_cursor *c, struct str *out, struct raw_object *o)
{
    if (json_peek(c) == JSON_NULL)
        json_skip(c);
    else if (!json_string(c, out))
        o->wrong = true;
}

static void read_bucket(struct json_cursor *c, struct raw_object *o)
{
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (str_eq(key, STR("name")))
            take_text(c, &o->bucket, o);
        else
            json_skip(c);
    }
}

/* S3 writes eTag and versionId, EventBridge etag and version-id. */
static void read_object(struct json_cursor *c, struct raw_object *o)
{
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (str_eq(key, STR("key"))) {
            take_text(c, &o->key, o);
        } else if (str_eq(key, STR("size"))) {
            if (json_peek(c) == JSON_NULL)
                json_skip(c);
            else if (!json_i64(c, &o->size) || o->size < 0)
                o->wrong = true;
        } else if (str_eq(key, STR("eTag")) || str_eq(key, STR("etag"))) {
            take_text(c, &o->etag, o);
        } else if (str_eq(key, STR("versionId")) || str_eq(key, STR("version-id"))) {
            take_text(c, &o->version, o);
        } else {
            json_skip(c);
        }
    }
}

/* The object that holds bucket and object: "s3" of a record, "detail" of an event. */
static void read_pair(struct json_cursor *c, struct raw_object *o)
{
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (str_eq(key, STR("bucket")))
            read_bucket(c, o);
        else if (str_eq(key, STR("object")))
            read_object(c, o);
        else
            json_skip(c);
    }
}

static bool read_record(struct json_cursor *c, struct raw_object *o)
{
    *o = (struct raw_object){.size = -1};
    if (!json_enter_object(c))
        return false;
    for (struct str key; json_next_key(c, &key);) {
        if (str_eq(key, STR("eventName")))
            take_text(c, &o->event, o);
        else if (str_eq(key, STR("eventSource")))
            take_text(c, &o->source, o);
        else if (str_eq(key, STR("eventTime")))
            take_text(c, &o->time, o);
        else if (str_eq(key, STR("awsRegion")))
            take_text(c, &o->region, o);
        else if (str_eq(key, STR("s3")))
            read_pair(c, o);
        else
            json_skip(c);
    }
    return true;
}

/* Decodes into the arena; false (p is NULL) when memory is short or an escape is broken. */
static bool keep(struct sqs_event *e, struct str raw, struct str *out)
{
    buf_reset(&e->inner);
    if (!json_unescape(raw, &e->inner) || buf_status(&e->inner) != OK)
        return false;
    *out = arena_str(&e->arena, buf_view(&e->inner));
    return out->p != NULL;
}

static bool keep_key(struct sqs_event *e, struct str raw, bool encoded, struct str *out)
{
    struct str written;
    if (!keep(e, raw, &written))
        return false;
    if (!encoded) {
        *out = written;
        return true;
    }
    buf_reset(&e->inner);
    if (!uri_decode(written, true, &e->inner))
        return false;
    *out = arena_str(&e->arena, buf_view(&e->inner));
    return out->p != NULL;
}

static enum status add(struct sqs_event *e, const struct raw_object *o, bool encoded,
                       struct err *err)
{
    if (o->wrong || o->bucket.n == 0 || o->bucket.n > NAME_MAX_BYTES)
        return broken(err, "its bucket or object is not as it should be");
    if (e->n == SQS_EVENT_OBJECTS_MAX)
        return err_set(err, ERR_LIMIT, "it names more than %d objects", SQS_EVENT_OBJECTS_MAX);
    if (e->n == e->cap) {
        size_t cap = e->cap ? e->cap * 2 : 4;
        struct sqs_object *bigger = realloc(e->objects, cap * sizeof *bigger);
        if (!bigger)
            return err_nomem(err);
        e->objects = bigger;
        e->cap = cap;
    }
    struct sqs_object made = {.size = o->size, .event_us = TIME_NONE};
    struct str time = STR("");
    if (!keep(e, o->bucket, &made.bucket) || !keep_key(e, o->key, encoded, &made.key) ||
        !keep(e, o->etag, &made.etag) || !keep(e, o->version, &made.version) ||
        !keep(e, o->region, &made.region) || !keep(e, o->time, &time))
        return e->arena.failed || buf_status(&e->inner) == ERR_NOMEM
                   ? err_nomem(err)
                   : broken(err, "a text in it cannot be decoded");
    if (made.key.n == 0 || made.key.n > KEY_MAX || memchr(made.key.p, 0, made.key.n) ||
        memchr(made.bucket.p, 0, made.bucket.n))
        return broken(err, "a key that no object can have");
    if (time.n > 0 && !time_parse(time, &made.event_us))
        return broken(err, "its time is none");
    e->objects[e->n++] = made;
    return OK;
}

static enum status read_records(struct sqs_event *e, struct json_cursor c, struct err *err)
{
    if (!json_enter_array(&c))
        return broken(err, "its records are no list");
    while (json_next_item(&c)) {
        struct raw_object o;
        if (!read_record(&c, &o))
            return broken(err, "a record that is no object");
        /* Others write "minio:s3" and "ceph:s3", and begin the name with "s3:". */
        if (!str_has_suffix(o.source, STR(":s3")) || o.event.n == 0)
            return broken(err, "a record of another service");
        if (str_has_prefix(o.event, STR("s3:")))
            o.event = str_skip(o.event, 3);
        if (str_has_prefix(o.event, STR("ObjectCreated:")))
            TRY(add(e, &o, true, err));
        else
            e->skipped++;
    }
    return json_failed(&c) ? broken(err, "its records end too early") : OK;
}

static enum status read_detail(struct sqs_event *e, const struct form *f, struct err *err)
{
    if (!str_eq(f->detail_type, STR("Object Created"))) {
        e->skipped++;
        return OK;
    }
    struct raw_object o = {.size = -1, .time = f->time, .region = f->region};
    struct json_cursor c = f->detail;
    read_pair(&c, &o);
    return add(e, &o, false, err);
}

/* A text with JSON_PADDING behind it, strictly checked, and what form it has. */
static enum status index_text(struct sqs_event *e, struct form *f, struct err *err)
{
    struct json_text text;
    size_t n = e->text.n;
    if (n > SQS_EVENT_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "longer than a message may be");
    buf_fill(&e->text, '\0', JSON_PADDING);
    if (buf_status(&e->text) != OK)
        return err_nomem(err);
    enum status status = json_index(e->json, e->text.p, n, &text, NULL);
    if (status == OK)
        status = json_check(&text, NULL);
    if (status == ERR_NOMEM)
        return err_nomem(err);
    struct json_cursor c = status == OK ? json_begin(&text) : (struct json_cursor){0};
    if (status != OK || json_peek(&c) != JSON_OBJECT)
        return broken(err, "not a JSON object");
    return look(&c, f) ? OK : broken(err, "not a JSON object");
}

/* The text inside an envelope of SNS takes the envelope's place. */
static enum status open_envelope(struct sqs_event *e, struct form *f, struct err *err)
{
    if (!str_eq(f->type, STR("Notification")))
        return broken(err, "SNS sent something other than a notification");
    buf_reset(&e->inner);
    if (!json_unescape(f->message, &e->inner))
        return broken(err, "the message inside that of SNS cannot be decoded");
    if (buf_status(&e->inner) != OK)
        return err_set(err, buf_status(&e->inner), "the message inside that of SNS is too long");
    buf_reset(&e->text);
    buf_str(&e->text, buf_view(&e->inner));
    TRY(index_text(e, f, err));
    return f->type.p && f->message.p ? broken(err, "SNS inside SNS") : OK;
}

enum status sqs_event_read(struct sqs_event *e, struct str body, struct err *err)
{
    struct form f;
    e->n = e->skipped = 0;
    arena_reset(&e->arena);
    if (body.n > SQS_EVENT_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "longer than a message may be");
    if (!e->json)
        TRY(json_new(&e->json, err));
    buf_reset(&e->text);
    buf_str(&e->text, body);
    /* What is decoded is never longer than as it was written. */
    buf_reset(&e->inner);
    if (!buf_reserve(&e->inner, body.n + JSON_PADDING))
        return err_nomem(err);
    TRY(index_text(e, &f, err));
    if (f.type.p && f.message.p)
        TRY(open_envelope(e, &f, err));
    enum status status;
    if (f.has_records) {
        status = read_records(e, f.records, err);
    } else if (str_eq(f.source, STR("aws.s3")) && f.has_detail) {
        status = read_detail(e, &f, err);
    } else if (str_eq(f.event, STR("s3:TestEvent"))) {
        e->skipped++;
        status = OK;
    } else {
        status = broken(err, "none of the forms that S3, SNS and EventBridge write");
    }
    if (status != OK)
        e->n = e->skipped = 0;
    return status;
}
