/*
 * Content blocks, native and Converse: one shape for both (request-bodies facts, 13). Native blocks
 * have a `type`; in Converse the name of the only member is the type. Members come in any order.
 */
#include "ingest/exchange_internal.h"

static void take_string(struct json_cursor *c, struct str *into)
{
    if (!json_string(c, into))
        *into = STR_NONE;
}

static void take_inner(struct json_cursor *c, struct block *b)
{
    struct str raw;
    b->inner = *c;
    b->has_inner = true;
    b->inner_bytes = json_raw(c, &raw) ? raw.n : 0;
}

static void take_other(struct json_cursor *c, struct block *b)
{
    struct str raw;
    if (json_raw(c, &raw))
        add_bytes(&b->other, raw.n);
}

/* toolUse {toolUseId, name, input} and toolResult {toolUseId, content, status}. */
static void take_converse(struct json_cursor *c, struct block *b, enum block_type type)
{
    struct str status;
    b->type = type;
    if (!json_enter_object(c)) {
        take_other(c, b);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "toolUseId"))
            take_string(c, &b->id);
        else if (KEY_IS(key, "name"))
            take_string(c, &b->name);
        else if (KEY_IS(key, "input") || KEY_IS(key, "content"))
            take_inner(c, b);
        else if (KEY_IS(key, "status"))
            b->error = json_string(c, &status) && str_eq(status, STR("error"));
        else
            take_other(c, b);
    }
}

static enum block_type type_of(struct str type)
{
    if (KEY_IS(type, "text"))
        return BLOCK_TEXT;
    if (KEY_IS(type, "tool_use"))
        return BLOCK_USE;
    if (KEY_IS(type, "tool_result"))
        return BLOCK_RESULT;
    if (KEY_IS(type, "image"))
        return BLOCK_MEDIA;
    return BLOCK_OTHER;
}

/* Members with which a Converse block tells its type, and all that are not known. */
static void take_tagged(struct json_cursor *c, struct str key, struct block *b)
{
    if (KEY_IS(key, "toolUse")) {
        take_converse(c, b, BLOCK_USE);
    } else if (KEY_IS(key, "toolResult")) {
        take_converse(c, b, BLOCK_RESULT);
    } else if (KEY_IS(key, "cachePoint")) {
        b->type = BLOCK_MARK;
        b->marked = true;
        json_skip(c);
    } else if (KEY_IS(key, "image")) {
        b->type = BLOCK_MEDIA;
        take_other(c, b);
    } else if (KEY_IS(key, "cache_control") || KEY_IS(key, "signature")) {
        b->marked |= key.p[0] == 'c';
        json_skip(c);
    } else {
        take_other(c, b);
    }
}

enum member {
    MEMBER_OTHER,
    MEMBER_TYPE,
    MEMBER_TEXT,
    MEMBER_ID,
    MEMBER_NAME,
    MEMBER_INNER,
    MEMBER_ERROR
};

static enum member member_of(struct str key)
{
    switch (key.n) {
    case 2:
        return KEY_IS(key, "id") ? MEMBER_ID : MEMBER_OTHER;
    case 4:
        return KEY_IS(key, "type")   ? MEMBER_TYPE
               : KEY_IS(key, "text") ? MEMBER_TEXT
               : KEY_IS(key, "name") ? MEMBER_NAME
                                     : MEMBER_OTHER;
    case 5:
        return KEY_IS(key, "input") ? MEMBER_INNER : MEMBER_OTHER;
    case 7:
        return KEY_IS(key, "content") ? MEMBER_INNER : MEMBER_OTHER;
    case 8:
        return KEY_IS(key, "is_error") ? MEMBER_ERROR : MEMBER_OTHER;
    case 11:
        return KEY_IS(key, "tool_use_id") ? MEMBER_ID : MEMBER_OTHER;
    default:
        return MEMBER_OTHER;
    }
}

static void read_object(struct json_cursor *c, struct block *b)
{
    struct str type = STR_NONE;
    bool has_text = false;
    for (struct str key; json_next_key(c, &key);) {
        switch (member_of(key)) {
        case MEMBER_TYPE:
            take_string(c, &type);
            break;
        case MEMBER_TEXT:
            take_string(c, &b->text);
            has_text = b->text.p != NULL;
            break;
        case MEMBER_ID:
            take_string(c, &b->id);
            break;
        case MEMBER_NAME:
            take_string(c, &b->name);
            break;
        case MEMBER_INNER:
            take_inner(c, b);
            break;
        case MEMBER_ERROR: {
            bool error = false;
            b->error = json_bool(c, &error) && error;
            break;
        }
        default:
            take_tagged(c, key, b);
        }
    }
    if (type.n)
        b->type = type_of(type);
    else if (has_text)
        b->type = BLOCK_TEXT;
}

void block_read(struct json_cursor *c, struct block *b)
{
    /* Member by member: clearing all of it for each block took a tenth of the time. */
    b->type = BLOCK_OTHER;
    b->text = b->id = b->name = STR_NONE;
    b->whole = *c;
    b->has_inner = b->error = b->marked = false;
    b->inner_bytes = 0;
    b->other = 0;
    if (json_enter_object(c)) {
        read_object(c, b);
    } else if (json_peek(c) == JSON_STRING) {
        b->type = BLOCK_TEXT;
        take_string(c, &b->text);
    } else {
        take_other(c, b);
    }
}

/* Of the content of a tool result: a string, or an array of blocks. */
static uint32_t content_bytes(struct json_cursor c)
{
    struct str raw;
    uint32_t sum = 0;
    if (!json_enter_array(&c)) {
        if (json_peek(&c) == JSON_STRING ? json_string(&c, &raw) : json_raw(&c, &raw))
            add_bytes(&sum, raw.n);
        return sum;
    }
    while (json_next_item(&c)) {
        struct block b;
        block_read(&c, &b);
        add_bytes(&sum, b.type == BLOCK_RESULT ? b.other : block_bytes(&b));
    }
    return sum;
}

uint32_t block_bytes(const struct block *b)
{
    uint32_t sum = b->other;
    switch (b->type) {
    case BLOCK_TEXT:
        add_bytes(&sum, b->text.n);
        return sum;
    case BLOCK_USE:
        add_bytes(&sum, b->name.n);
        add_bytes(&sum, b->inner_bytes);
        return sum;
    case BLOCK_RESULT:
        if (b->has_inner)
            add_bytes(&sum, content_bytes(b->inner));
        return sum;
    case BLOCK_MEDIA:
        return sum < MEDIA_BYTES ? sum : MEDIA_BYTES;
    case BLOCK_MARK:
        return 0;
    default:
        add_bytes(&sum, b->text.n);
        return sum;
    }
}

/* Content of a result: a string is one text block. */
static uint64_t content_hash(struct exchange_reader *r, struct json_cursor c)
{
    uint64_t h = SEED_BLOCK;
    struct str raw;
    if (json_peek(&c) == JSON_STRING)
        return json_string(&c, &raw) ? hash_mix(h, hash_mix(SEED_BLOCK + BLOCK_TEXT,
                                                            raw_hash(r, SEED_TEXT, raw_trim(raw))))
                                     : h;
    if (!json_enter_array(&c))
        return json_hash(r, &c, 0);
    while (json_next_item(&c)) {
        struct block b;
        block_read(&c, &b);
        /* A result inside a result is no form that exists: its bytes stand for it. */
        uint64_t one = b.type == BLOCK_RESULT ? json_hash(r, &b.whole, 0) : block_hash(r, &b);
        if (one)
            h = hash_mix(h, one);
    }
    return h;
}

/* Listings are long and were hashed when they were found. */
static uint64_t text_hash(const struct exchange_reader *r, struct str raw)
{
    for (uint32_t i = 0; raw.n && raw.p[0] == '<' && i < r->listings_n; i++)
        if (r->listings[i].text.p == raw.p)
            return r->listings[i].hash;
    return raw_hash(r, SEED_TEXT, raw_trim(raw));
}

uint64_t block_hash(struct exchange_reader *r, const struct block *b)
{
    uint64_t type = SEED_BLOCK + (uint64_t)b->type;
    struct json_cursor c = b->whole;
    switch (b->type) {
    case BLOCK_MARK:
        return 0;
    case BLOCK_TEXT:
        return hash_mix(type, text_hash(r, b->text));
    case BLOCK_USE: {
        uint64_t h = hash_mix(raw_hash(r, SEED_ID, b->id), raw_hash(r, SEED_NAME, b->name));
        c = b->inner;
        /* An id is unique; without one the input must tell. */
        return hash_mix(type, b->id.n || !b->has_inner ? h : hash_mix(h, json_hash(r, &c, 0)));
    }
    case BLOCK_RESULT: {
        uint64_t h = hash_mix(raw_hash(r, SEED_ID, b->id), b->error);
        return hash_mix(type, b->has_inner ? hash_mix(h, content_hash(r, b->inner)) : h);
    }
    default:
        return hash_mix(type, json_hash(r, &c, 0));
    }
}
