/*
 * Envelopes around records (bedrock-logs facts, 4.2): CloudWatch Logs subscription messages, Lambda
 * and Kinesis events, Firehose requests, API and Insights answers. Each holds records as strings of
 * JSON or as base64 of gzip; they are decoded into the buffer of the next level and read there.
 */
#include "ingest/reader_internal.h"

#include "codec/base64.h"

static const char REASON_DEEP[] = "too many envelopes inside each other";
static const char REASON_BASE64[] = "malformed base64";
static const char REASON_STRING[] = "malformed text inside an envelope";
static const char REASON_INFLATE[] = "malformed gzip inside an envelope";
static const char REASON_LARGE[] = "the content of an envelope is longer than the limit";
static const char REASON_BARE[] = "requestId, timestamp and modelId are all unusable";

/* Reads what stands in the buffer of a level. */
static enum status read_level(struct reader *r, int level, struct err *err)
{
    struct buf *text = &r->levels[level].text;
    if (!buf_reserve(text, JSON_PADDING))
        return err_nomem(err);
    /* What is remembered from piece to piece belongs to the file, not to what lies inside it. */
    bool csv = r->csv, discarding = r->discarding;
    r->csv = r->discarding = false;
    size_t consumed;
    enum status status = frame_feed(r, level, text->p, text->n, 0, true, &consumed, err);
    r->csv = csv;
    r->discarding = discarding;
    return status;
}

/* A level to decode into, emptied; NULL when there is none left. */
static struct buf *open_level(struct reader *r, int level)
{
    if (level >= LEVELS) {
        reader_quarantine(r, r->origin.offset, REASON_DEEP);
        return NULL;
    }
    struct buf *text = &r->levels[level].text;
    buf_reset(text);
    text->max = r->limits.max_line + JSON_PADDING;
    return text;
}

/* After decoding into a level: a sticky error of its buffer ends this content, not the run. */
static enum status finish_level(struct reader *r, int level, struct err *err)
{
    enum status status = buf_status(&r->levels[level].text);
    if (status == ERR_NOMEM)
        return err_nomem(err);
    if (status != OK) {
        reader_quarantine(r, r->origin.offset, REASON_LARGE);
        return OK;
    }
    return read_level(r, level, err);
}

static enum status inflate_into(struct reader *r, struct str bytes, struct buf *out,
                                struct err *err)
{
    struct gz *gz;
    TRY(gz_new(&gz, err));
    gz_start(gz, (struct gz_limits){r->limits.max_inflated, r->limits.max_ratio});
    enum status status = OK;
    enum gz_state state = GZ_MORE;
    while (status == OK && state != GZ_GARBAGE && buf_reserve(out, 1)) {
        size_t room = out->cap - out->n, n = 0;
        if (room > out->max - out->n)
            room = out->max - out->n;
        size_t left = bytes.n;
        status = gz_inflate(gz, &bytes, out->p + out->n, room, &n, &state, err);
        out->n += n;
        if (n == 0 && left == bytes.n)
            break;
        if (n == room)
            buf_reserve(out, out->cap < 65536 ? 65536 : out->cap);
    }
    bool truncated = status == OK && gz_truncated(gz);
    gz_free(gz);
    if (status == ERR_NOMEM)
        return status;
    if (status != OK || truncated)
        reader_quarantine(r, r->origin.offset, REASON_INFLATE);
    return OK;
}

enum status unwrap_bytes(struct reader *r, int level, struct str bytes, struct err *err)
{
    struct buf *text = open_level(r, level);
    if (!text)
        return OK;
    if (gz_is_gzip(bytes))
        TRY(inflate_into(r, bytes, text, err));
    else
        buf_str(text, bytes);
    return finish_level(r, level, err);
}

enum status unwrap_string(struct reader *r, int level, struct str raw, struct err *err)
{
    struct buf *text = open_level(r, level);
    if (!text)
        return OK;
    if (!json_unescape(raw, text)) {
        reader_quarantine(r, r->origin.offset, REASON_STRING);
        return OK;
    }
    return finish_level(r, level, err);
}

enum status unwrap_base64(struct reader *r, int level, struct str base64, struct err *err)
{
    struct buf decoded;
    buf_init(&decoded, r->limits.max_line);
    enum status status = OK;
    if (base64_decode(base64, &decoded))
        status = unwrap_bytes(r, level, buf_view(&decoded), err);
    else if (buf_status(&decoded) == ERR_NOMEM)
        status = err_nomem(err);
    else
        reader_quarantine(r, r->origin.offset, REASON_BASE64);
    buf_fini(&decoded);
    return status;
}

/* base64 that is due as a JSON string (in which '/' may be escaped). */
static enum status unwrap_base64_value(struct reader *r, int level, struct json_cursor *c,
                                       struct err *err)
{
    struct str raw;
    if (!json_string(c, &raw)) {
        reader_skipped(r);
        return OK;
    }
    if (!json_has_escape(raw))
        return unwrap_base64(r, level, raw, err);
    struct buf plain;
    buf_init(&plain, r->limits.max_line);
    enum status status = OK;
    if (json_unescape(raw, &plain) && buf_status(&plain) == OK)
        status = unwrap_base64(r, level, buf_view(&plain), err);
    else
        reader_quarantine(r, r->origin.offset, REASON_STRING);
    buf_fini(&plain);
    return status;
}

int64_t unwrap_time(struct str text, int64_t otherwise)
{
    int64_t time;
    if (str_to_i64(text, &time))
        return time >= 0 && time < TIME_END / 1000 ? time * 1000 : otherwise;
    return time_parse(text, &time) ? time : otherwise;
}

/* An event {timestamp (ms), message, …} that was entered; the message is read a level deeper. */
static enum status unwrap_event(struct reader *r, int level, struct json_cursor *c, struct err *err)
{
    struct str message = STR_NONE;
    int64_t ms = -1;
    for (struct str key; json_next_key(c, &key);) {
        if (str_eq(key, STR("message")))
            json_string(c, &message);
        else if (str_eq(key, STR("timestamp")))
            ms = json_i64(c, &ms) ? ms : -1;
        else
            json_skip(c);
    }
    if (!message.p) {
        reader_skipped(r);
        return OK;
    }
    int64_t saved = r->origin.delivery_us;
    if (ms >= 0 && ms < TIME_END / 1000)
        r->origin.delivery_us = ms * 1000;
    enum status status = unwrap_string(r, level, message, err);
    r->origin.delivery_us = saved;
    return status;
}

static enum status unwrap_events(struct reader *r, int level, struct json_cursor c, struct err *err)
{
    if (!json_enter_array(&c))
        return OK;
    while (json_next_item(&c))
        if (json_enter_object(&c))
            TRY(unwrap_event(r, level, &c, err));
    return OK;
}

/* One record of a Kinesis event {kinesis: {data}} or of a Firehose request {data}, entered. */
static enum status unwrap_kinesis(struct reader *r, int level, struct json_cursor *c,
                                  struct err *err)
{
    for (struct str key; json_next_key(c, &key);) {
        if (str_eq(key, STR("data"))) {
            TRY(unwrap_base64_value(r, level, c, err));
        } else if (str_eq(key, STR("kinesis")) && json_enter_object(c)) {
            for (struct str inner; json_next_key(c, &inner);)
                if (str_eq(inner, STR("data")))
                    TRY(unwrap_base64_value(r, level, c, err));
        }
    }
    return OK;
}

static enum status unwrap_records(struct reader *r, int level, struct json_cursor c,
                                  struct err *err)
{
    if (!json_enter_array(&c))
        return OK;
    while (json_next_item(&c))
        if (json_enter_object(&c))
            TRY(unwrap_kinesis(r, level, &c, err));
    return OK;
}

/* One row of Insights, entered: [{"field":"@message","value":"…"}, …]. */
static enum status unwrap_row(struct reader *r, int level, struct json_cursor *c, struct err *err)
{
    struct str message = STR_NONE, time = STR_NONE;
    while (json_next_item(c)) {
        struct str field = STR_NONE, value = STR_NONE;
        if (!json_enter_object(c))
            continue;
        for (struct str key; json_next_key(c, &key);) {
            if (str_eq(key, STR("field")))
                json_string(c, &field);
            else if (str_eq(key, STR("value")))
                json_string(c, &value);
        }
        if (str_eq(field, STR("@message")))
            message = value;
        else if (str_eq(field, STR("@timestamp")))
            time = value;
    }
    if (!message.p)
        return OK;
    int64_t saved = r->origin.delivery_us;
    r->origin.delivery_us = unwrap_time(time, saved);
    enum status status = unwrap_string(r, level, message, err);
    r->origin.delivery_us = saved;
    return status;
}

static enum status unwrap_results(struct reader *r, int level, struct json_cursor c,
                                  struct err *err)
{
    if (!json_enter_array(&c))
        return OK;
    while (json_next_item(&c))
        if (json_enter_array(&c))
            TRY(unwrap_row(r, level, &c, err));
    return OK;
}

/* One event by itself, {"@timestamp":"…","@message":…} as Insights exports it, or without "@". The
 * message is a text, or the record itself. */
static enum status unwrap_alone(struct reader *r, int level, struct document *d, struct err *err)
{
    struct json_cursor *message = &d->at[WRAP_MESSAGE], *time = &d->at[WRAP_TIME];
    struct str raw;
    int64_t saved = r->origin.delivery_us;
    if (d->has[WRAP_TIME] &&
        (json_peek(time) == JSON_STRING ? json_string(time, &raw) : json_raw(time, &raw)))
        r->origin.delivery_us = unwrap_time(raw, saved);
    enum status status = OK;
    if (json_peek(message) == JSON_OBJECT && json_raw(message, &raw))
        status = unwrap_bytes(r, level, raw, err);
    else if (json_string(message, &raw))
        status = unwrap_string(r, level, raw, err);
    else
        reader_skipped(r);
    r->origin.delivery_us = saved;
    return status;
}

static enum status unwrap_awslogs(struct reader *r, int level, struct json_cursor c,
                                  struct err *err)
{
    if (!json_enter_object(&c))
        return OK;
    for (struct str key; json_next_key(&c, &key);)
        if (str_eq(key, STR("data")))
            TRY(unwrap_base64_value(r, level, &c, err));
    return OK;
}

static enum status unwrap_wrapper(struct reader *r, int level, struct document *d, struct err *err)
{
    if (d->has[WRAP_LOG_EVENTS]) {
        struct str type = STR_NONE, owner = STR_NONE;
        if (d->has[WRAP_MESSAGE_TYPE])
            json_string(&d->at[WRAP_MESSAGE_TYPE], &type);
        if (str_eq(type, STR("CONTROL_MESSAGE"))) {
            reader_skipped(r);
            return OK;
        }
        struct str saved = r->origin.account;
        if (d->has[WRAP_OWNER] && json_string(&d->at[WRAP_OWNER], &owner) && owner.n <= 64)
            r->origin.account = owner;
        enum status status = unwrap_events(r, level, d->at[WRAP_LOG_EVENTS], err);
        r->origin.account = saved;
        return status;
    }
    if (d->has[WRAP_AWSLOGS])
        return unwrap_awslogs(r, level, d->at[WRAP_AWSLOGS], err);
    if (d->has[WRAP_RECORDS])
        return unwrap_records(r, level, d->at[WRAP_RECORDS], err);
    if (d->has[WRAP_EVENTS])
        return unwrap_events(r, level, d->at[WRAP_EVENTS], err);
    if (d->has[WRAP_RESULTS])
        return unwrap_results(r, level, d->at[WRAP_RESULTS], err);
    if (d->has[WRAP_MESSAGE])
        return unwrap_alone(r, level, d, err);
    reader_skipped(r);
    return OK;
}

/*
 * A record names itself by schemaType; one without it is taken when it has the keys of a call
 * (published records exist that lost it), one with another schemaType is not ours.
 */
enum status unwrap_document(struct reader *r, int level, struct document *d, struct err *err)
{
    const struct record *rec = &d->record;
    bool typed = str_eq(rec->schema_type, STR("ModelInvocationLog"));
    if (typed || (rec->schema_type.n == 0 && rec->has_record_keys)) {
        if (rec->request_id.n == 0 && rec->timestamp.n == 0 && rec->model_id.n == 0) {
            reader_quarantine(r, r->origin.offset, REASON_BARE);
            return OK;
        }
        r->about->n[ABOUT_RECORDS]++;
        return r->sink->record(r->sink->ctx, &d->record, &r->origin, err);
    }
    if (rec->schema_type.n == 0 && d->wraps)
        return unwrap_wrapper(r, level + 1, d, err);
    reader_skipped(r);
    return OK;
}
