/* Texts as they stand in JSON: see exchange_internal.h. */
#include "ingest/exchange_internal.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool is_blank_escape(char c)
{
    return c == 'n' || c == 't' || c == 'r';
}

/* True when the byte at i is escaped by the one before it. */
static bool is_escaped(struct str raw, size_t i)
{
    size_t slashes = 0;
    while (slashes < i && raw.p[i - 1 - slashes] == '\\')
        slashes++;
    return slashes % 2;
}

struct str raw_skip_blank(struct str raw)
{
    while (raw.n > 0) {
        if (is_blank(raw.p[0]))
            raw = str_skip(raw, 1);
        else if (raw.n > 1 && raw.p[0] == '\\' && is_blank_escape(raw.p[1]))
            raw = str_skip(raw, 2);
        else
            break;
    }
    return raw;
}

struct str raw_trim(struct str raw)
{
    raw = raw_skip_blank(raw);
    while (raw.n > 0) {
        char last = raw.p[raw.n - 1];
        if (is_blank(last))
            raw.n--;
        else if (raw.n > 1 && is_blank_escape(last) && is_escaped(raw, raw.n - 1))
            raw.n -= 2;
        else
            break;
    }
    return raw;
}

/* How many bytes the escape at the start of raw takes, 1 when it is none. */
static size_t escape_length(struct str raw)
{
    if (raw.n < 2 || raw.p[0] != '\\')
        return 1;
    if (raw.p[1] != 'u')
        return 2;
    bool pair = raw.n >= 12 && raw.p[6] == '\\' && raw.p[7] == 'u' && (raw.p[2] | 0x20) == 'd' &&
                strchr("89abAB", raw.p[3]);
    return pair ? 12 : raw.n >= 6 ? 6 : raw.n;
}

/* A start of raw of at most n bytes that ends neither inside an escape nor inside a character. */
static struct str whole_start(struct str raw, size_t n)
{
    enum { LONGEST_ESCAPE = 12 };
    if (raw.n <= n)
        return raw;
    size_t from = n > LONGEST_ESCAPE ? n - LONGEST_ESCAPE : 0;
    const char *slash = memchr(raw.p + from, '\\', n - from);
    if (slash) {
        n = (size_t)(slash - raw.p);
        while (n > 0 && raw.p[n - 1] == '\\')
            n--;
    }
    while (n > 0 && ((unsigned char)raw.p[n] & 0xC0) == 0x80)
        n--;
    return str_of(raw.p, n);
}

struct str raw_head(struct str raw, char *room, size_t n)
{
    struct str head = whole_start(raw_skip_blank(raw), n);
    if (!json_has_escape(head))
        return head;
    size_t used = 0;
    while (head.n > 0 && used + 4 <= n) {
        size_t step = escape_length(head);
        if (step == 1) {
            room[used++] = head.p[0];
        } else if (step == 2) {
            char c = head.p[1];
            room[used++] = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        } else {
            char bytes[16];
            struct buf one;
            buf_on(&one, bytes, sizeof bytes);
            if (json_unescape(str_of(head.p, step), &one) && one.n <= 4 && one.n > 0) {
                memcpy(room + used, one.p, one.n);
                used += one.n;
            }
        }
        head = str_skip(head, step);
    }
    return str_of(room, used);
}

/* Decoded bytes of raw from *at on, one escape at a time; stops behind `stop`, where *at is then.
 */
static size_t size_with_care(struct str raw, size_t *at, size_t stop)
{
    const char *p = raw.p + *at, *start = p;
    size_t saved = 0;
    while (p < raw.p + stop && (p = memchr(p, '\\', (size_t)(raw.p + stop - p)))) {
        size_t step = escape_length(str_of(p, (size_t)(raw.p + raw.n - p)));
        if (step == 12) {
            saved += 8;
        } else if (step == 6) {
            bool ascii = p[2] == '0' && p[3] == '0' && p[4] < '8';
            bool two = p[2] == '0' && p[3] < '8';
            saved += ascii ? 5u : two ? 4u : 3u;
        } else if (step == 2) {
            saved++;
        }
        p += step;
    }
    if (!p || p < raw.p + stop)
        p = raw.p + stop;
    *at = (size_t)(p - raw.p);
    return (size_t)(p - start) - saved;
}

/*
 * Counting is done for pieces at once, in a loop that compilers turn into vector code of bytes (the
 * counters are bytes, so a piece is shorter than 256): where no backslash is followed by another or
 * by a `u`, each backslash is one escape of two bytes.
 */
uint32_t raw_size(struct str raw)
{
    enum { PIECE = 192 };
    size_t size = 0;
    for (size_t at = 0; at < raw.n;) {
        size_t n = raw.n - at < PIECE ? raw.n - at : PIECE;
        const char *p = raw.p + at;
        uint8_t slashes = 0, hard = p[n - 1] == '\\';
        for (size_t i = 0; i + 1 < n; i++) {
            uint8_t slash = p[i] == '\\';
            uint8_t next = (uint8_t)((p[i + 1] == '\\') | (p[i + 1] == 'u'));
            slashes = (uint8_t)(slashes + slash);
            hard = (uint8_t)(hard | (slash & next));
        }
        if (hard) {
            size += size_with_care(raw, &at, at + n);
        } else {
            size += n - slashes;
            at += n;
        }
    }
    return size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
}

struct str raw_decode(struct exchange_reader *r, struct str raw, struct buf *into)
{
    buf_reset(into);
    struct str start = whole_start(raw, DECODE_MAX);
    (void)json_unescape(start, into); /* what follows a broken escape is no text */
    r->failed |= buf_status(into) == ERR_NOMEM;
    return buf_view(into);
}

static uint64_t not_zero(uint64_t h)
{
    return h ? h : 1;
}

uint64_t raw_hash(const struct exchange_reader *r, uint64_t seed, struct str raw)
{
    return not_zero(hash_fold(r->key, seed, raw.p, raw.n));
}

uint64_t prompt_hash(struct exchange_reader *r, struct str raw, uint64_t known)
{
    struct str text = raw_trim(raw);
    if (!json_has_escape(text))
        return raw_hash(r, SEED_PROMPT, text);
    if (!known)
        known = raw_hash(r, SEED_TEXT, text);
    struct opening_slot *slot = &r->openings[known % OPENING_SLOTS];
    if (slot->raw != known) {
        slot->raw = known;
        slot->decoded = raw_hash(r, SEED_PROMPT, str_trim(raw_decode(r, text, &r->scratch)));
    }
    return slot->decoded;
}

/* Short strings are decoded: two writers may escape them differently. */
static uint64_t string_hash(struct exchange_reader *r, struct str raw)
{
    enum { DECODED = 1024 };
    if (raw.n > DECODED || !json_has_escape(raw))
        return raw_hash(r, SEED_TEXT, raw);
    return raw_hash(r, SEED_TEXT, raw_decode(r, raw, &r->scratch));
}

uint64_t json_hash(struct exchange_reader *r, struct json_cursor *c, int depth)
{
    struct str raw = STR_NONE, key;
    uint64_t h = SEED_JSON;
    if (depth >= JSON_DEPTH) {
        json_raw(c, &raw);
        return raw_hash(r, SEED_JSON, raw);
    }
    if (json_enter_object(c)) {
        while (json_next_key(c, &key)) {
            if (KEY_IS(key, "cache_control"))
                json_skip(c);
            else
                h += hash_mix(raw_hash(r, SEED_NAME, key), json_hash(r, c, depth + 1));
        }
        return not_zero(hash_mix(h, 2));
    }
    if (json_enter_array(c)) {
        while (json_next_item(c))
            h = hash_mix(h, json_hash(r, c, depth + 1));
        return not_zero(hash_mix(h, 3));
    }
    if (json_peek(c) == JSON_STRING)
        return json_string(c, &raw) ? string_hash(r, raw) : 1;
    json_raw(c, &raw);
    return raw_hash(r, SEED_JSON, raw);
}
