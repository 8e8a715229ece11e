/* Reading JSON: see json.h. The strict judge and the unescaping stand in json_check.c. */
#include "codec/json.h"

#include "codec/json_scan.h"

#include <stdlib.h>

struct json {
    struct json_scan *scan;
    size_t capacity;
    uint32_t *around; /* the index of a text with gaps */
    size_t around_n, around_cap;
};

enum { FIRST_CAPACITY = 64 << 10 };

enum status json_new(struct json **out, struct err *err)
{
    struct json *j = calloc(1, sizeof *j);
    if (!j)
        return err_nomem(err);
    j->scan = json_scan_new();
    if (!j->scan) {
        free(j);
        return err_nomem(err);
    }
    *out = j;
    return OK;
}

void json_free(struct json *j)
{
    if (!j)
        return;
    json_scan_free(j->scan);
    free(j->around);
    free(j);
}

static enum status reserve(struct json *j, size_t n)
{
    if (n <= j->capacity)
        return OK;
    size_t want = j->capacity ? j->capacity : FIRST_CAPACITY;
    while (want < n)
        want *= 2;
    if (json_scan_reserve(j->scan, want) != 0) {
        j->capacity = 0;
        return ERR_NOMEM;
    }
    j->capacity = want;
    return OK;
}

static enum status scan(struct json *j, const char *p, size_t n, const uint32_t **at, size_t *at_n,
                        struct err *err)
{
    switch (json_scan_run(j->scan, p, n, at, at_n)) {
    case SCAN_OK:
        return OK;
    case SCAN_NOMEM:
        return err_nomem(err);
    case SCAN_UTF8:
        return err_set(err, ERR_PARSE, "invalid UTF-8");
    case SCAN_CONTROL:
        return err_set(err, ERR_PARSE, "control character inside a string");
    case SCAN_OPEN_STRING:
        return err_set(err, ERR_TRUNCATED, "string without an end");
    default:
        return err_set(err, ERR_PARSE, "not JSON");
    }
}

enum status json_index(struct json *j, const char *p, size_t n, struct json_text *out,
                       struct err *err)
{
    if (n >= UINT32_MAX - JSON_PADDING)
        return err_set(err, ERR_LIMIT, "a JSON text of %zu bytes is too long", n);
    struct json_text text = {.p = p, .n = n};
    if (n > 0) {
        if (reserve(j, n) != OK)
            return err_nomem(err);
        TRY(scan(j, p, n, &text.at, &text.at_n, err));
    }
    *out = text;
    return OK;
}

/* Room for so many entries more. */
static bool around_reserve(struct json *j, size_t more)
{
    size_t want = j->around_n + more, cap = j->around_cap ? j->around_cap : FIRST_CAPACITY;
    if (want <= j->around_cap)
        return true;
    while (cap < want)
        cap *= 2;
    uint32_t *grown = realloc(j->around, cap * sizeof *grown);
    if (!grown)
        return false;
    j->around = grown;
    j->around_cap = cap;
    return true;
}

/* Indexes [from, to) and adds its entries, and room for that of a gap. */
static enum status scan_part(struct json *j, const char *p, size_t from, size_t to, struct err *err)
{
    const uint32_t *at = NULL;
    size_t n = 0;
    if (to > from)
        TRY(scan(j, p + from, to - from, &at, &n, err));
    if (!around_reserve(j, n + 1))
        return err_nomem(err);
    for (size_t i = 0; i < n; i++)
        j->around[j->around_n + i] = at[i] + (uint32_t)from;
    j->around_n += n;
    return OK;
}

enum status json_index_around(struct json *j, const char *p, size_t n, const struct json_gap *gaps,
                              size_t gaps_n, struct json_text *out, struct err *err)
{
    size_t at = 0;
    if (gaps_n == 0 || n >= UINT32_MAX - JSON_PADDING)
        return json_index(j, p, n, out, err);
    if (reserve(j, n) != OK)
        return err_nomem(err);
    j->around_n = 0;
    for (size_t i = 0; i < gaps_n; i++) {
        TRY(scan_part(j, p, at, gaps[i].from, err));
        j->around[j->around_n++] = (uint32_t)gaps[i].mark;
        at = gaps[i].behind;
    }
    TRY(scan_part(j, p, at, n, err));
    *out = (struct json_text){.p = p, .n = n, .at = j->around, .at_n = j->around_n};
    return OK;
}

struct json_cursor json_begin(const struct json_text *text)
{
    return (struct json_cursor){
        .p = text->p,
        .at = text->at,
        .end = (uint32_t)text->at_n,
        .n = (uint32_t)text->n,
        .value_due = true,
    };
}

bool json_again(struct json_cursor *c)
{
    c->failed = false;
    c->depth = 0;
    c->fresh = false;
    c->value_due = true;
    return c->i < c->end;
}

bool json_pass_separator(struct json_cursor *c)
{
    char ch = c->i < c->end ? c->p[c->at[c->i]] : '\0';
    if (ch != '[' && ch != ']' && ch != ',')
        return false;
    c->i++;
    return true;
}

size_t json_offset(const struct json_cursor *c)
{
    return c->i < c->end ? c->at[c->i] : c->n;
}

bool json_at_end(const struct json_cursor *c)
{
    return !c->failed && c->i >= c->end;
}

bool json_ended_inside(const struct json_cursor *c)
{
    return c->failed && c->i >= c->end;
}

/* +1 for an opening bracket, -1 for a closing one. */
static const int8_t nesting[256] = {['{'] = 1, ['['] = 1, ['}'] = -1, [']'] = -1};
/* What may stand directly before an opening bracket that is a value inside a container. */
static const bool opens_after[256] = {[':'] = true, [','] = true, ['['] = true};

/* Steps behind the bracket that closes `depth` open ones. An opening bracket where no value may
 * stand means that a closing one was lost: caught here, before the next records are swallowed. */
static void skip_brackets(struct json_cursor *c, int depth)
{
    const char *p = c->p;
    const uint32_t *at = c->at;
    uint32_t i = c->i;
    unsigned char before = i > 0 ? (unsigned char)p[at[i - 1]] : 0;
    while (i < c->end) {
        unsigned char ch = (unsigned char)p[at[i++]];
        int step = nesting[ch];
        depth += step;
        if (step > 0 && (!opens_after[before] || depth + c->depth > JSON_MAX_DEPTH))
            break;
        if (depth == 0) {
            c->i = i;
            return;
        }
        before = ch;
    }
    c->i = i;
    c->failed = true;
}

void json_skip(struct json_cursor *c)
{
    if (c->failed)
        return;
    c->value_due = false;
    switch (json_token_(c)) {
    case '{':
    case '[':
        c->i++;
        if (c->depth >= JSON_MAX_DEPTH)
            c->failed = true;
        else
            skip_brackets(c, 1);
        return;
    case '\0':
    case '}':
    case ']':
    case ':':
    case ',':
        c->failed = true;
        return;
    default:
        c->i++;
    }
}

void json_leave(struct json_cursor *c)
{
    if (c->failed || c->depth == 0)
        return;
    c->depth--;
    c->value_due = false;
    c->fresh = false;
    /* A container that was just entered has its bracket as "before"; anything else is checked. */
    skip_brackets(c, 1);
}

bool json_raw(struct json_cursor *c, struct str *raw)
{
    enum json_type type = json_peek(c);
    uint32_t start = c->i;
    json_skip(c);
    if (c->failed || type == JSON_NONE)
        return false;
    if (type != JSON_OBJECT && type != JSON_ARRAY) {
        *raw = json_scalar_(c, start);
        return true;
    }
    uint32_t from = c->at[start], to = c->at[c->i - 1] + 1;
    *raw = str_of(c->p + from, to - from);
    return true;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool is_number(struct str s)
{
    size_t i = 0;
    if (i < s.n && s.p[i] == '-')
        i++;
    size_t digits = i;
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    if (i == digits || (s.p[digits] == '0' && i - digits > 1))
        return false;
    if (i < s.n && s.p[i] == '.') {
        size_t from = ++i;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
            i++;
        if (i == from)
            return false;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
            i++;
        size_t from = i;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
            i++;
        if (i == from)
            return false;
    }
    return i == s.n;
}

bool json_number(struct json_cursor *c, struct str *raw)
{
    struct str s = STR_NONE;
    bool is = json_peek(c) == JSON_NUMBER;
    if (is)
        s = json_scalar_(c, c->i);
    json_skip(c);
    if (!is || !is_number(s))
        return false;
    *raw = s;
    return true;
}

bool json_i64(struct json_cursor *c, int64_t *value)
{
    struct str s = STR_NONE;
    bool is = json_peek(c) == JSON_NUMBER;
    if (is)
        s = json_scalar_(c, c->i);
    json_skip(c);
    bool negative = s.n > 0 && s.p[0] == '-';
    int64_t magnitude;
    if (!is || !str_to_i64(str_skip(s, negative), &magnitude))
        return false;
    *value = negative ? -magnitude : magnitude;
    return true;
}

bool json_bool(struct json_cursor *c, bool *value)
{
    struct str s = STR_NONE;
    enum json_type type = json_peek(c);
    if (type == JSON_TRUE || type == JSON_FALSE)
        s = json_scalar_(c, c->i);
    json_skip(c);
    if (str_eq(s, STR("true")))
        *value = true;
    else if (str_eq(s, STR("false")))
        *value = false;
    else
        return false;
    return true;
}
