/* The envelope of one record: see record.h. */
#include "ingest/record.h"

static struct str decode_escapes(struct str raw, struct arena *arena, bool *odd)
{
    struct buf b;
    buf_init(&b, RECORD_NAME_MAX + 8);
    struct str out = STR_NONE;
    if (json_unescape(raw, &b) && buf_status(&b) == OK && b.n <= RECORD_NAME_MAX)
        out = arena_str(arena, buf_view(&b));
    else
        *odd = true;
    arena->failed |= buf_status(&b) == ERR_NOMEM;
    buf_fini(&b);
    return out;
}

struct str record_name(struct json_cursor *c, struct arena *arena, bool *odd)
{
    struct str raw;
    if (json_peek(c) == JSON_NULL) {
        json_skip(c);
        return STR_NONE;
    }
    if (!json_string(c, &raw) || raw.n > (size_t)RECORD_NAME_MAX * 6) {
        *odd = true;
        return STR_NONE;
    }
    if (json_has_escape(raw))
        return decode_escapes(raw, arena, odd);
    if (raw.n > RECORD_NAME_MAX) {
        *odd = true;
        return STR_NONE;
    }
    return raw;
}

int64_t record_count(struct json_cursor *c, bool *odd)
{
    int64_t value;
    if (json_peek(c) == JSON_NULL) {
        json_skip(c);
        return COUNT_ABSENT;
    }
    if (!json_i64(c, &value) || value < 0 || value > RECORD_LARGEST_COUNT) {
        *odd = true;
        return COUNT_ABSENT;
    }
    return value;
}

#define KEY_IS(key, literal)                                                                       \
    ((key).n == sizeof(literal) - 1 && memcmp((key).p, literal, sizeof(literal) - 1) == 0)

static void decode_body(struct json_cursor *c, struct record_side *side)
{
    side->has_body = json_peek(c) != JSON_NULL;
    side->body = *c;
    json_skip(c);
}

static void decode_input(struct json_cursor *c, struct arena *arena, struct record *r)
{
    r->input = (struct record_side){0};
    if (!json_enter_object(c)) {
        r->odd |= json_peek(c) != JSON_NULL;
        json_skip(c);
        return;
    }
    r->input.present = true;
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "inputBodyJson"))
            decode_body(c, &r->input);
        else if (KEY_IS(key, "inputTokenCount"))
            r->input_tokens = record_count(c, &r->odd);
        else if (KEY_IS(key, "cacheReadInputTokenCount"))
            r->cache_read = record_count(c, &r->odd);
        else if (KEY_IS(key, "cacheWriteInputTokenCount"))
            r->cache_write = record_count(c, &r->odd);
        else if (KEY_IS(key, "inputBodyS3Path"))
            r->input.path = record_name(c, arena, &r->odd);
        else
            json_skip(c);
    }
}

static void decode_output(struct json_cursor *c, struct arena *arena, struct record *r)
{
    r->output = (struct record_side){0};
    if (!json_enter_object(c)) {
        r->odd |= json_peek(c) != JSON_NULL;
        json_skip(c);
        return;
    }
    r->output.present = true;
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "outputBodyJson"))
            decode_body(c, &r->output);
        else if (KEY_IS(key, "outputTokenCount"))
            r->output_tokens = record_count(c, &r->odd);
        else if (KEY_IS(key, "outputBodyS3Path"))
            r->output.path = record_name(c, arena, &r->odd);
        else
            json_skip(c);
    }
}

static void decode_identity(struct json_cursor *c, struct arena *arena, struct record *r)
{
    r->arn = STR_NONE;
    if (!json_enter_object(c)) {
        r->odd |= json_peek(c) != JSON_NULL;
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "arn"))
            r->arn = record_name(c, arena, &r->odd);
        else
            json_skip(c);
    }
}

static void decode_performance(struct json_cursor *c, struct arena *arena, struct record *r)
{
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "latency"))
            r->latency_mode = record_name(c, arena, &r->odd);
        else
            json_skip(c);
    }
}

/* The names of the envelope whose value is one string. */
static struct str *name_field(struct record *r, struct str key)
{
    static const struct {
        const char *name;
        uint8_t n;
        uint16_t offset;
    } fields[] = {
#define FIELD(name, member) {name, sizeof(name) - 1, offsetof(struct record, member)}
        FIELD("region", region),
        FIELD("modelId", model_id),
        FIELD("accountId", account),
        FIELD("requestId", request_id),
        FIELD("timestamp", timestamp),
        FIELD("operation", operation),
        FIELD("errorCode", error),
        FIELD("schemaType", schema_type),
        FIELD("inferenceRegion", inference_region),
#undef FIELD
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].n == key.n && memcmp(fields[i].name, key.p, key.n) == 0)
            return (struct str *)((char *)r + fields[i].offset);
    return NULL;
}

static enum wrapper_key wrapper_key_of(struct str key)
{
    static const struct {
        struct str name;
        enum wrapper_key key;
    } keys[] = {
        {{"messageType", 11}, WRAP_MESSAGE_TYPE},
        {{"logEvents", 9}, WRAP_LOG_EVENTS},
        {{"owner", 5}, WRAP_OWNER},
        {{"awslogs", 7}, WRAP_AWSLOGS},
        {{"Records", 7}, WRAP_RECORDS},
        {{"records", 7}, WRAP_RECORDS},
        {{"events", 6}, WRAP_EVENTS},
        {{"results", 7}, WRAP_RESULTS},
        {{"message", 7}, WRAP_MESSAGE},
        {{"@message", 8}, WRAP_MESSAGE},
        {{"@timestamp", 10}, WRAP_TIME},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (str_eq(keys[i].name, key))
            return keys[i].key;
    return WRAP_KEYS;
}

static void decode_other(struct json_cursor *c, struct str key, struct document *d)
{
    enum wrapper_key wrap = wrapper_key_of(key);
    if (wrap != WRAP_KEYS) {
        d->wraps |= wrap != WRAP_TIME;
        d->has[wrap] = true;
        d->at[wrap] = *c;
    }
    json_skip(c);
}

bool document_decode(struct json_cursor *c, struct arena *arena, struct document *out)
{
    struct record *r = &out->record;
    out->wraps = false;
    memset(out->has, 0, sizeof out->has);
    *r = (struct record){.input_tokens = COUNT_ABSENT,
                         .cache_read = COUNT_ABSENT,
                         .cache_write = COUNT_ABSENT,
                         .output_tokens = COUNT_ABSENT};
    bool has_model = false, has_call = false;
    if (!json_enter_object(c))
        return false;
    for (struct str key; json_next_key(c, &key);) {
        struct str *field = name_field(r, key);
        if (field) {
            has_model |= field == &r->model_id;
            has_call |= field == &r->request_id || field == &r->timestamp;
            if (field == &r->timestamp) {
                out->has[WRAP_TIME] = true;
                out->at[WRAP_TIME] = *c;
            }
            *field = record_name(c, arena, &r->odd);
        } else if (KEY_IS(key, "input")) {
            decode_input(c, arena, r);
        } else if (KEY_IS(key, "output")) {
            decode_output(c, arena, r);
        } else if (KEY_IS(key, "identity")) {
            decode_identity(c, arena, r);
        } else if (KEY_IS(key, "performanceConfig")) {
            decode_performance(c, arena, r);
        } else {
            decode_other(c, key, out);
        }
    }
    r->has_record_keys = has_model && has_call;
    return !json_failed(c);
}
