/*
 * Reading JSON at the speed of memory. simdjson's first stage (SIMD, chosen at run time) checks
 * UTF-8 and finds the structural characters of a text; a cursor in C walks that index. Nothing is
 * copied and nothing is built: values are slices of the text.
 *
 *     struct json *j;                                  one per thread
 *     struct json_text text;
 *     json_index(j, bytes, n, &text, &err);            bytes must have JSON_PADDING readable behind
 *     struct json_cursor c = json_begin(&text);
 *     if (json_enter_object(&c))
 *         for (struct str key; json_next_key(&c, &key);)
 *             if (str_eq(key, STR("requestId"))) json_string(&c, &raw); else json_skip(&c);
 *
 * Rules: after json_next_key or json_next_item exactly one of the value calls (json_skip, a scalar,
 * or entering and leaving a container) is due; forgetting it is caught, the value is then skipped.
 * The cursor never goes past the text, however broken it is; a structural error makes every later
 * call answer "no more" and json_failed true. Skipping counts brackets only: json_check is the
 * strict judge of a whole text.
 *
 * Key order is never assumed, keys are compared as written (a key with an escape in it matches no
 * name). With duplicate keys the last one wins, in all readers of this program.
 */
#ifndef ASSAY_CODEC_JSON_H
#define ASSAY_CODEC_JSON_H

#include "base/buf.h"
#include "base/err.h"

/* Bytes that must be readable (any value) behind a text given to json_index. */
#define JSON_PADDING 64
/* Deepest nesting that is walked; what lies deeper is a structural error of that text. */
#define JSON_MAX_DEPTH 512

struct json;

struct json_text {
    const char *p;
    size_t n;
    const uint32_t *at; /* offsets of structural characters and of the first byte of scalars */
    size_t at_n;
};

struct json_cursor {
    const char *p;
    const uint32_t *at;
    uint32_t i, end; /* position in `at`, and where the walk must stop */
    uint32_t n;      /* length of the text */
    uint16_t depth;
    bool failed;
    bool value_due; /* json_next_key / json_next_item was called and its value not yet taken */
    bool fresh;     /* a container was just entered: no comma before its first element */
};

enum json_type {
    JSON_NONE, /* nothing there: end of text or structural error */
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

enum status json_new(struct json **out, struct err *err) MUST_USE;
void json_free(struct json *j);

/* Indexes a text; the index lives in j until its next use. ERR_PARSE for invalid UTF-8, control
 * characters inside strings or an open string at the end; ERR_LIMIT at 4 GiB. An empty text is OK
 * and has no structure. */
enum status json_index(struct json *j, const char *p, size_t n, struct json_text *out,
                       struct err *err) MUST_USE;

/*
 * A part of a text that need not be indexed because its like was read before: whole values inside
 * an array, with the commas between them. One entry stands for it, a colon, so that skipping passes
 * over it, and who enters the array there unprepared finds a structural error.
 */
struct json_gap {
    size_t from, behind; /* bytes left out */
    size_t mark;         /* where in them a colon stands */
};
/* As json_index, without the gaps, which lie apart and in order. Any error but ERR_NOMEM may mean
 * that a gap does not begin and end between tokens: the text is then to be indexed whole. */
enum status json_index_around(struct json *j, const char *p, size_t n, const struct json_gap *gaps,
                              size_t gaps_n, struct json_text *out, struct err *err) MUST_USE;
/* Steps over the entry of a gap, in front of which the cursor stands inside an array. */
static inline void json_pass_gap(struct json_cursor *c)
{
    c->i++;
    c->fresh = false;
}

struct json_cursor json_begin(const struct json_text *text);
static inline bool json_failed(const struct json_cursor *c)
{
    return c->failed;
}
/* Prepares for a further value behind the one just read, at the top level of a text that holds
 * several (JSON lines, objects back to back); false at the end of the text. Failure is cleared. */
bool json_again(struct json_cursor *c);
/* At the top level: steps over one `[`, `]` or `,` between values (an array of records is read as
 * its elements); false for anything else. */
bool json_pass_separator(struct json_cursor *c);
/* Byte offset of the next token in the text; n at the end. */
size_t json_offset(const struct json_cursor *c);
/* Byte offset behind the bracket with which the value just left ended. */
static inline size_t json_offset_behind(const struct json_cursor *c)
{
    return c->i > 0 ? (size_t)c->at[c->i - 1] + 1 : 0;
}
/* True when only white space is left. */
bool json_at_end(const struct json_cursor *c);
/* True when the walk failed because the text ended inside a value. */
bool json_ended_inside(const struct json_cursor *c);

/* What the value that is due looks like, by its first byte. */
static inline enum json_type json_peek(const struct json_cursor *c);
/* Enters the value when it is an object (array); otherwise leaves it untouched and answers false.
 */
static inline bool json_enter_object(struct json_cursor *c);
static inline bool json_enter_array(struct json_cursor *c);
/* The next key (between its quotes, escapes as written) or item; false at the end of the
 * container, which is then left. */
static inline bool json_next_key(struct json_cursor *c, struct str *key);
static inline bool json_next_item(struct json_cursor *c);
/* Leaves the innermost container from anywhere inside it. */
void json_leave(struct json_cursor *c);
/* Steps over the value that is due, whatever it is. */
void json_skip(struct json_cursor *c);
/* As json_skip, and gives the value's bytes as they stand. */
bool json_raw(struct json_cursor *c, struct str *raw);

/* Takes the value when it is of that type; otherwise skips it and answers false. */
/* Between the quotes, escapes as written. */
static inline bool json_string(struct json_cursor *c, struct str *raw);
bool json_i64(struct json_cursor *c, int64_t *value); /* digits only, with an optional minus */
bool json_bool(struct json_cursor *c, bool *value);
bool json_number(struct json_cursor *c, struct str *raw); /* as written, grammar checked */

/* Decodes the escapes of a raw string into out (appended). A lone surrogate becomes U+FFFD. False
 * on a broken escape. */
bool json_unescape(struct str raw, struct buf *out);
static inline bool json_has_escape(struct str raw)
{
    return raw.n && memchr(raw.p, '\\', raw.n);
}

/* The strict judge (RFC 8259): one value, nothing behind it, every token checked, nesting at most
 * JSON_MAX_DEPTH. err->offset says where it fails. */
enum status json_check(const struct json_text *text, struct err *err) MUST_USE;

#include "codec/json_inline.h"

#endif
