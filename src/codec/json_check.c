/* The strict judge of a JSON text, and the decoding of escapes: see json.h. */
#include "codec/json.h"

static bool hex4(const char *p, uint32_t *out)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return false;
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

static void append_utf8(struct buf *out, uint32_t code)
{
    char b[4];
    size_t n;
    if (code < 0x80) {
        b[0] = (char)code;
        n = 1;
    } else if (code < 0x800) {
        b[0] = (char)(0xC0 | code >> 6);
        b[1] = (char)(0x80 | (code & 0x3F));
        n = 2;
    } else if (code < 0x10000) {
        b[0] = (char)(0xE0 | code >> 12);
        b[1] = (char)(0x80 | (code >> 6 & 0x3F));
        b[2] = (char)(0x80 | (code & 0x3F));
        n = 3;
    } else {
        b[0] = (char)(0xF0 | code >> 18);
        b[1] = (char)(0x80 | (code >> 12 & 0x3F));
        b[2] = (char)(0x80 | (code >> 6 & 0x3F));
        b[3] = (char)(0x80 | (code & 0x3F));
        n = 4;
    }
    buf_append(out, b, n);
}

/* Reads the escape behind a backslash at *p; moves *p behind it. False when it is none. */
static bool escape(const char **p, const char *end, uint32_t *code)
{
    static const char plain[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    if (*p >= end)
        return false;
    unsigned char c = (unsigned char)*(*p)++;
    if (plain[c]) {
        *code = (unsigned char)plain[c];
        return true;
    }
    if (c != 'u' || end - *p < 4 || !hex4(*p, code))
        return false;
    *p += 4;
    if (*code < 0xD800 || *code > 0xDFFF)
        return true;
    uint32_t low;
    if (*code < 0xDC00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' &&
        hex4(*p + 2, &low) && low >= 0xDC00 && low <= 0xDFFF) {
        *p += 6;
        *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
        return true;
    }
    *code = 0xFFFD; /* half a pair: it has no meaning of its own */
    return true;
}

bool json_unescape(struct str raw, struct buf *out)
{
    const char *p = raw.p, *end = raw.p + raw.n;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        buf_append(out, p, (size_t)((slash ? slash : end) - p));
        if (!slash)
            break;
        p = slash + 1;
        uint32_t code;
        if (!escape(&p, end, &code))
            return false;
        append_utf8(out, code);
    }
    return true;
}

static bool escapes_are_valid(struct str raw)
{
    const char *p = raw.p, *end = raw.p + raw.n;
    while (p < end) {
        p = memchr(p, '\\', (size_t)(end - p));
        if (!p)
            break;
        p++;
        uint32_t code;
        if (!escape(&p, end, &code))
            return false;
    }
    return true;
}

/* A scalar that is due: taken and judged. */
static bool check_scalar(struct json_cursor *c)
{
    struct str raw;
    bool value;
    switch (json_peek(c)) {
    case JSON_STRING:
        return json_string(c, &raw) && escapes_are_valid(raw);
    case JSON_NUMBER:
        return json_number(c, &raw);
    case JSON_TRUE:
    case JSON_FALSE:
        return json_bool(c, &value);
    case JSON_NULL:
        return json_raw(c, &raw) && str_eq(raw, STR("null"));
    default:
        return false;
    }
}

static bool check_value(struct json_cursor *c)
{
    bool is_object[JSON_MAX_DEPTH]; /* of every open container */
    int depth = 0;
    for (;;) {
        enum json_type type = json_peek(c);
        if (type == JSON_OBJECT || type == JSON_ARRAY) {
            if (depth == JSON_MAX_DEPTH)
                return false;
            is_object[depth++] = type == JSON_OBJECT;
            if (!(type == JSON_OBJECT ? json_enter_object(c) : json_enter_array(c)))
                return false;
        } else if (!check_scalar(c)) {
            return false;
        }
        /* To the next value that is due, through the ends of containers. */
        for (;;) {
            struct str key;
            if (depth == 0)
                return !json_failed(c);
            bool more = is_object[depth - 1] ? json_next_key(c, &key) : json_next_item(c);
            if (json_failed(c) || (more && is_object[depth - 1] && !escapes_are_valid(key)))
                return false;
            if (more)
                break;
            depth--;
        }
    }
}

enum status json_check(const struct json_text *text, struct err *err)
{
    struct json_cursor c = json_begin(text);
    if (check_value(&c) && json_at_end(&c))
        return OK;
    size_t offset = json_offset(&c);
    enum status status = err_set(err, ERR_PARSE, "not valid JSON at byte %zu", offset);
    if (err)
        err->offset = (int64_t)offset;
    return status;
}
