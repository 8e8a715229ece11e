/*
 * Writing JSON: see jsonw.h. Level `depth - 1` of the arrays describes the innermost open
 * container; nesting deeper than JSONW_DEPTH is an error of the buffer, not a crash, because report
 * shapes follow the user's question.
 */
#include "codec/jsonw.h"

#include <assert.h>
#include <inttypes.h>

struct jsonw jsonw_start(struct buf *out, int indent)
{
    return (struct jsonw){.out = out, .indent = indent};
}

/* The level of the innermost container, or -1: outside of any, or deeper than is kept track of. */
static int level(const struct jsonw *w)
{
    return w->depth <= JSONW_DEPTH ? w->depth - 1 : -1;
}

static bool on_one_line(const struct jsonw *w)
{
    int at = level(w);
    return w->indent == 0 || (at >= 0 && w->inline_[at]);
}

static void new_line(struct jsonw *w)
{
    buf_char(w->out, '\n');
    buf_fill(w->out, ' ', (size_t)w->depth * (size_t)w->indent);
}

/* What stands in front of an element: a comma, and a line end or a blank. */
static void separate(struct jsonw *w)
{
    int at = level(w);
    if (at < 0)
        return;
    bool first = !w->comma[at];
    w->comma[at] = true;
    if (!first)
        buf_char(w->out, ',');
    if (!on_one_line(w))
        new_line(w);
    else if (!first && w->indent > 0)
        buf_char(w->out, ' ');
}

static void before_value(struct jsonw *w)
{
    int at = level(w);
    assert(at < 0 || w->array[at] || w->after_key);
    if (!w->after_key)
        separate(w);
    w->after_key = false;
}

static void open_container(struct jsonw *w, bool array, bool one_line)
{
    before_value(w);
    one_line = one_line || on_one_line(w);
    buf_char(w->out, array ? '[' : '{');
    w->depth++;
    int at = level(w);
    if (at < 0) {
        w->out->status = w->out->status == OK ? ERR_LIMIT : w->out->status;
        return;
    }
    w->comma[at] = false;
    w->array[at] = array;
    w->inline_[at] = one_line;
}

void jsonw_object(struct jsonw *w)
{
    open_container(w, false, false);
}

void jsonw_array(struct jsonw *w)
{
    open_container(w, true, false);
}

void jsonw_object_inline(struct jsonw *w)
{
    open_container(w, false, true);
}

void jsonw_array_inline(struct jsonw *w)
{
    open_container(w, true, true);
}

void jsonw_end(struct jsonw *w)
{
    assert(w->depth > 0 && !w->after_key);
    int at = level(w);
    bool lines = at >= 0 && w->comma[at] && !on_one_line(w);
    w->depth--;
    if (at < 0)
        return;
    if (lines)
        new_line(w);
    buf_char(w->out, w->array[at] ? ']' : '}');
}

/* Length of the well-formed UTF-8 sequence at the front of s (Unicode 15, table 3-7), or 0. */
static size_t utf8_length(struct str s)
{
    const uint8_t *p = (const uint8_t *)s.p;
    uint8_t low = 0x80, high = 0xbf; /* the second byte's range */
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (n <= 1)
        return n;
    if (p[0] > 0xf4 || s.n < n)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f; /* surrogates */
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

static void write_escape(struct buf *out, char c)
{
    static const char named[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *hit = c ? strchr(named, c) : NULL;
    if (hit) {
        buf_char(out, '\\');
        buf_char(out, letters[hit - named]);
    } else {
        buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
    }
}

static bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void write_string(struct buf *out, struct str s)
{
    buf_char(out, '"');
    while (s.n > 0) {
        size_t n = 0;
        while (n < s.n && is_plain(s.p[n]))
            n++;
        buf_append(out, s.p, n);
        s = str_skip(s, n);
        if (s.n == 0)
            break;
        n = utf8_length(s);
        if (n == 0)
            buf_str(out, STR("\xEF\xBF\xBD"));
        else if (n > 1 || s.p[0] == 0x7f)
            buf_append(out, s.p, n);
        else
            write_escape(out, s.p[0]);
        s = str_skip(s, n ? n : 1);
    }
    buf_char(out, '"');
}

void jsonw_key(struct jsonw *w, struct str key)
{
    int at = level(w);
    assert(w->depth > 0 && !w->after_key && (at < 0 || !w->array[at]));
    separate(w);
    write_string(w->out, key);
    buf_str(w->out, w->indent > 0 ? STR(": ") : STR(":"));
    w->after_key = true;
}

void jsonw_str(struct jsonw *w, struct str text)
{
    before_value(w);
    write_string(w->out, text);
}

void jsonw_i64(struct jsonw *w, int64_t value)
{
    before_value(w);
    buf_printf(w->out, "%" PRId64, value);
}

void jsonw_bool(struct jsonw *w, bool value)
{
    before_value(w);
    buf_str(w->out, value ? STR("true") : STR("false"));
}

void jsonw_null(struct jsonw *w)
{
    before_value(w);
    buf_str(w->out, STR("null"));
}

void jsonw_raw(struct jsonw *w, struct str json)
{
    before_value(w);
    buf_str(w->out, json);
}
