/*
 * CSV: see csv.h. The reader is lenient where spreadsheets are (a quote inside an unquoted field is
 * a letter like any other, records may differ in length) and strict where a mistake would swallow
 * the rest of the file.
 */
#include "codec/csv.h"

#include <inttypes.h>

void csv_open(struct csv *c, struct str text)
{
    struct str bom = STR("\xEF\xBB\xBF");
    *c = (struct csv){
        .rest = str_has_prefix(text, bom) ? str_skip(text, bom.n) : text,
        .next_line = 1,
    };
}

static void skip_line(struct csv *c)
{
    str_cut(&c->rest, '\n');
    c->next_line++;
}

static bool at_line_end(struct str s)
{
    return s.n == 0 || s.p[0] == '\n' || (s.p[0] == '\r' && (s.n == 1 || s.p[1] == '\n'));
}

static enum status fail(struct csv *c, enum status status, const char *what, struct err *err)
{
    int64_t line = c->next_line;
    /* The next call begins with a fresh line, so that one bad record costs no other. */
    skip_line(c);
    err_set(err, status, "line %" PRId64 ": %s", line, what);
    if (err)
        err->offset = line;
    return status;
}

/* Copies `raw` with each pair of quotes made one. */
static struct str undouble(struct str raw, struct arena *arena)
{
    char *p = arena_alloc(arena, raw.n);
    if (!p)
        return STR_NONE;
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        p[n++] = raw.p[i];
        if (raw.p[i] == '"')
            i++;
    }
    return str_of(p, n);
}

static int64_t count_lines(struct str s)
{
    int64_t n = 0;
    for (ptrdiff_t at; (at = str_find_char(s, '\n')) >= 0; n++)
        s = str_skip(s, (size_t)at + 1);
    return n;
}

/* c->rest begins with the opening quote. */
static enum status read_quoted(struct csv *c, struct arena *arena, struct str *field,
                               struct err *err)
{
    struct str body = str_skip(c->rest, 1);
    size_t end = 0;
    bool doubled = false;
    for (;;) {
        ptrdiff_t quote = str_find_char(str_skip(body, end), '"');
        if (quote < 0) {
            c->rest = STR_NONE;
            return fail(c, ERR_PARSE, "a quote opens here and is never closed", err);
        }
        end += (size_t)quote;
        if (end + 1 >= body.n || body.p[end + 1] != '"')
            break;
        doubled = true;
        end += 2;
    }
    struct str raw = str_of(body.p, end);
    c->rest = str_skip(body, end + 1);
    c->next_line += count_lines(raw);
    *field = doubled ? undouble(raw, arena) : raw;
    if (!field->p)
        return err_nomem(err);
    if (!at_line_end(c->rest) && c->rest.p[0] != ',')
        return fail(c, ERR_PARSE, "text behind a closing quote (wanted a comma or the line's end)",
                    err);
    return OK;
}

static struct str read_plain(struct csv *c)
{
    struct str s = c->rest;
    size_t n = 0;
    while (n < s.n && s.p[n] != ',' && !at_line_end(str_skip(s, n)))
        n++;
    c->rest = str_skip(s, n);
    return str_of(s.p, n);
}

enum status csv_next(struct csv *c, struct arena *arena, struct str *fields, size_t max, size_t *n,
                     struct err *err)
{
    while (c->rest.n > 0 && at_line_end(c->rest))
        skip_line(c);
    c->line = c->next_line;
    if (c->rest.n == 0) {
        *n = 0;
        return OK;
    }
    size_t count = 0;
    for (bool more = true; more;) {
        if (count == max)
            return fail(c, ERR_LIMIT, "more fields than expected", err);
        struct str *field = &fields[count++];
        if (c->rest.n > 0 && c->rest.p[0] == '"')
            TRY(read_quoted(c, arena, field, err));
        else
            *field = read_plain(c);
        more = c->rest.n > 0 && c->rest.p[0] == ',';
        if (more)
            c->rest = str_skip(c->rest, 1);
    }
    skip_line(c);
    *n = count;
    return OK;
}

/* A sign and digits: a negative amount in a report must stay a number. */
static bool is_number(struct str s)
{
    s = str_skip(s, 1);
    bool digits = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9')
            digits = true;
        else if (s.p[i] != '.' && s.p[i] != ',')
            return false;
    }
    return digits;
}

/* The first characters that OWASP's page on CSV injection names, and their full-width forms, which
 * some spreadsheets take for them. */
static bool is_formula(struct str s)
{
    static const char *const wide[] = {"\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D",
                                       "\xEF\xBC\xA0"};
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        if (str_has_prefix(s, str_from(wide[i])))
            return true;
    switch (s.p[0]) {
    case '+':
    case '-':
        return !is_number(s);
    case '=':
    case '@':
    case '\t':
    case '\r':
    case '\n':
        return true;
    default:
        return false;
    }
}

void csv_write(struct buf *out, struct str field)
{
    bool quoted = false;
    for (size_t i = 0; i < field.n && !quoted; i++)
        quoted = field.p[i] == ',' || field.p[i] == '"' || field.p[i] == '\n' || field.p[i] == '\r';
    if (quoted)
        buf_char(out, '"');
    if (is_formula(field))
        buf_char(out, '\'');
    while (quoted && field.n > 0) {
        struct str part = str_cut(&field, '"');
        buf_str(out, part);
        if (field.p)
            buf_str(out, STR("\"\""));
    }
    buf_str(out, field);
    if (quoted)
        buf_char(out, '"');
}
