/*
 * The steps of a walk that are taken for every token, inline; included by json.h only. Names that
 * end in an underscore are not for callers.
 */
#ifndef ASSAY_CODEC_JSON_INLINE_H
#define ASSAY_CODEC_JSON_INLINE_H

#include "codec/json.h"

static inline bool json_fail_(struct json_cursor *c)
{
    c->failed = true;
    return false;
}

/* The next structural byte; 0 at the end, which no grammar rule accepts. */
static inline char json_token_(const struct json_cursor *c)
{
    return c->i < c->end ? c->p[c->at[c->i]] : '\0';
}

static inline bool json_is_blank_(char ch)
{
    return ch == ' ' || ch == '\n' || ch == '\r' || ch == '\t';
}

/* The bytes of the scalar at index i: from its first byte up to the next token, less blanks. */
static inline struct str json_scalar_(const struct json_cursor *c, uint32_t i)
{
    uint32_t from = c->at[i];
    uint32_t to = i + 1 < c->end ? c->at[i + 1] : c->n;
    while (to > from && json_is_blank_(c->p[to - 1]))
        to--;
    return str_of(c->p + from, to - from);
}

/* The inside of the string at index i; false when no closing quote is where it must be. */
static inline bool json_inside_(const struct json_cursor *c, uint32_t i, struct str *inside)
{
    struct str s = json_scalar_(c, i);
    if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
        return false;
    *inside = str_of(s.p + 1, s.n - 2);
    return true;
}

static inline enum json_type json_peek(const struct json_cursor *c)
{
    static const uint8_t types[256] = {
        ['{'] = JSON_OBJECT, ['['] = JSON_ARRAY,  ['"'] = JSON_STRING, ['t'] = JSON_TRUE,
        ['f'] = JSON_FALSE,  ['n'] = JSON_NULL,   ['-'] = JSON_NUMBER, ['0'] = JSON_NUMBER,
        ['1'] = JSON_NUMBER, ['2'] = JSON_NUMBER, ['3'] = JSON_NUMBER, ['4'] = JSON_NUMBER,
        ['5'] = JSON_NUMBER, ['6'] = JSON_NUMBER, ['7'] = JSON_NUMBER, ['8'] = JSON_NUMBER,
        ['9'] = JSON_NUMBER,
    };
    if (c->failed || !c->value_due)
        return JSON_NONE;
    return (enum json_type)types[(unsigned char)json_token_(c)];
}

static inline bool json_enter_(struct json_cursor *c, enum json_type type)
{
    if (json_peek(c) != type)
        return false;
    if (c->depth >= JSON_MAX_DEPTH)
        return json_fail_(c);
    c->i++;
    c->depth++;
    c->value_due = false;
    c->fresh = true;
    return true;
}

static inline bool json_enter_object(struct json_cursor *c)
{
    return json_enter_(c, JSON_OBJECT);
}

static inline bool json_enter_array(struct json_cursor *c)
{
    return json_enter_(c, JSON_ARRAY);
}

static inline bool json_end_(struct json_cursor *c)
{
    c->i++;
    c->depth--;
    c->fresh = false;
    return false;
}

/* Moves to the next element; false when the container ended (and was left) or is broken. */
static inline bool json_next_element_(struct json_cursor *c, char closing)
{
    if (c->value_due)
        json_skip(c);
    if (c->failed || c->depth == 0)
        return json_fail_(c);
    if (json_token_(c) == closing)
        return json_end_(c);
    if (!c->fresh) {
        if (json_token_(c) != ',')
            return json_fail_(c);
        c->i++;
    }
    c->fresh = false;
    return true;
}

static inline bool json_next_key(struct json_cursor *c, struct str *key)
{
    if (!json_next_element_(c, '}'))
        return false;
    if (json_token_(c) != '"' || !json_inside_(c, c->i, key))
        return json_fail_(c);
    c->i++;
    if (json_token_(c) != ':')
        return json_fail_(c);
    c->i++;
    c->value_due = true;
    return true;
}

static inline bool json_next_item(struct json_cursor *c)
{
    if (!json_next_element_(c, ']'))
        return false;
    c->value_due = true;
    return true;
}

static inline bool json_string(struct json_cursor *c, struct str *raw)
{
    bool is_string = json_peek(c) == JSON_STRING && json_inside_(c, c->i, raw);
    json_skip(c);
    return is_string;
}

#endif
