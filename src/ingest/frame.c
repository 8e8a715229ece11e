/*
 * Where one record ends and the next begins. The usual file (JSON lines) is indexed in large pieces
 * and walked without looking for lines at all; the same walk takes objects back to back, arrays and
 * pretty-printed objects. When a piece turns out to be broken, what is left of it is read line by
 * line, so that one bad record costs only itself.
 */
#include "ingest/reader_internal.h"

#include "codec/csv.h"

enum walk_end {
    WALK_DONE,   /* every value was read */
    WALK_OPEN,   /* the text ends inside the object at *stop */
    WALK_BROKEN, /* the object at *stop is malformed */
    WALK_TEXT,   /* something that is no object stands at *stop */
};

static const char REASON_BROKEN[] = "malformed JSON";
static const char REASON_OPEN[] = "the record ends too early";
static const char REASON_UTF8[] = "invalid UTF-8 or control characters";
static const char REASON_LONG[] = "the record is longer than the limit (--max-line)";
static const char REASON_CSV[] = "malformed CSV";

static bool is_blank(char c)
{
    return c == '\n' || c == '\r' || c == ' ' || c == '\t' || c == '\0';
}

static size_t skip_blanks(const char *p, size_t pos, size_t n)
{
    while (pos < n && is_blank(p[pos]))
        pos++;
    if (n - pos >= 3 && memcmp(p + pos, "\xEF\xBB\xBF", 3) == 0)
        return skip_blanks(p, pos + 3, n);
    return pos;
}

/* Reads the values of an indexed text until one of them is broken. */
static enum status walk(struct reader *r, int level, const struct json_text *text, int64_t base,
                        size_t *stop, enum walk_end *end, struct err *err)
{
    struct json_cursor c = json_begin(text);
    struct document *d = &r->document;
    struct document nested; /* an outer document is still in use while a nested text is walked */
    if (level > 0)
        d = &nested;
    *end = WALK_DONE;
    while (json_again(&c)) {
        if (json_pass_separator(&c))
            continue;
        *stop = json_offset(&c);
        if (json_peek(&c) != JSON_OBJECT) {
            *end = WALK_TEXT;
            return OK;
        }
        bool whole = document_decode(&c, &r->arena, d);
        if (r->arena.failed)
            return err_nomem(err);
        if (!whole) {
            *end = json_ended_inside(&c) ? WALK_OPEN : WALK_BROKEN;
            return OK;
        }
        if (level == 0)
            r->origin.offset = base + (int64_t)*stop;
        /* The same limit wherever in the window a record lies. */
        if (level == 0 && json_offset_behind(&c) - *stop > r->limits.max_line)
            reader_quarantine(r, r->origin.offset, REASON_LONG);
        else
            TRY(unwrap_document(r, level, d, err));
        if (level == 0)
            arena_reset(&r->arena);
    }
    return OK;
}

/*
 * The length of the object that begins at p, strings respected, or 0 when it does not end before
 * n. Brackets are counted, not matched: the index and the walk judge what was found.
 */
static size_t object_length(const char *p, size_t n)
{
    size_t depth = 0;
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        if (c == '"') {
            for (i++; i < n && p[i] != '"'; i++)
                i += p[i] == '\\';
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && depth > 0 && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

struct piece {
    const char *p; /* of the whole feed */
    size_t n;
    int64_t base;
    bool eof;
    int level;
};

/* What one index covers, and what of it the taker of the records knows already. */
struct span {
    size_t from, to;
    struct json_gap gaps[READER_GAPS];
    size_t gaps_n;
};

static size_t line_end(const struct piece *f, size_t pos, bool *found)
{
    const char *nl = memchr(f->p + pos, '\n', f->n - pos);
    *found = nl != NULL;
    return nl ? (size_t)(nl - f->p) : f->n;
}

static void quarantine(struct reader *r, const struct piece *f, size_t pos, const char *reason)
{
    reader_quarantine(r, f->level == 0 ? f->base + (int64_t)pos : r->origin.offset, reason);
}

/* Indexes and walks a span. *stop is relative to its start. */
static enum status read_around(struct reader *r, const struct piece *f, const struct span *s,
                               size_t *stop, enum walk_end *how, struct err *err)
{
    struct json_text text;
    *stop = 0;
    enum status status = json_index_around(r->levels[f->level].json, f->p + s->from,
                                           s->to - s->from, s->gaps, s->gaps_n, &text, err);
    if (status == ERR_NOMEM)
        return status;
    if (status != OK) {
        *how = WALK_BROKEN;
        return OK;
    }
    return walk(r, f->level, &text, f->base + (int64_t)s->from, stop, how, err);
}

/* Indexes and walks [pos, end) alone. *stop is relative to pos. */
static enum status read_span(struct reader *r, const struct piece *f, size_t pos, size_t end,
                             size_t *stop, enum walk_end *how, struct err *err)
{
    struct span s;
    s.from = pos;
    s.to = end;
    s.gaps_n = 0;
    return read_around(r, f, &s, stop, how, err);
}

/* The record at pos goes on past what is there: wait for more, or give it up at a limit. Returns
 * true when it must be given up, with *pos behind it. */
static bool give_up_long(struct reader *r, const struct piece *f, size_t *pos)
{
    if (f->n - *pos < r->limits.max_line)
        return false;
    quarantine(r, f, *pos, REASON_LONG);
    bool found;
    *pos = line_end(f, *pos, &found);
    r->discarding = !found;
    return true;
}

/*
 * An object that the end of its line does not end: pretty-printed, or a record that lost its tail.
 * A compact line followed by a line that begins an object is the latter.
 */
static bool is_cut_off(const struct piece *f, size_t pos, size_t end)
{
    enum { COMPACT = 64 };
    return end - pos >= COMPACT && end + 1 < f->n && f->p[end + 1] == '{';
}

/* Reads one object that may span lines. *pos moves behind it; stays when more bytes are needed. */
static enum status read_object(struct reader *r, const struct piece *f, size_t *pos,
                               struct err *err)
{
    bool found;
    size_t end = line_end(f, *pos, &found);
    size_t length = found && is_cut_off(f, *pos, end) ? object_length(f->p + *pos, end - *pos)
                                                      : object_length(f->p + *pos, f->n - *pos);
    if (length == 0) {
        bool wait = !f->eof && !(found && is_cut_off(f, *pos, end));
        if (wait) {
            give_up_long(r, f, pos);
            return OK;
        }
        quarantine(r, f, *pos, REASON_OPEN);
        *pos = end;
        return OK;
    }
    size_t stop;
    enum walk_end how;
    size_t start = *pos;
    TRY(read_span(r, f, start, start + length, &stop, &how, err));
    if (how == WALK_DONE) {
        *pos = start + length;
        return OK;
    }
    struct json_text text;
    bool valid = json_index(r->levels[f->level].json, f->p + start, length, &text, NULL) == OK;
    quarantine(r, f, start, valid ? REASON_BROKEN : REASON_UTF8);
    /* The brackets of a broken object may have run over its line: go on behind the line. */
    *pos = end > start + length ? start + length : end;
    return OK;
}

/* "<ISO time> <record>" of an export task, "<ISO time> <stream> <record>" of the CLI. */
static enum status read_text_line(struct reader *r, const struct piece *f, size_t pos, size_t end,
                                  struct err *err)
{
    struct str line = str_of(f->p + pos, end - pos);
    if (str_has_prefix(line, STR("H4sI")))
        return unwrap_base64(r, f->level + 1, str_trim(line), err);
    ptrdiff_t brace = str_find_char(line, '{');
    struct str rest = line;
    int64_t time_us;
    if (brace < 0 || !time_parse(str_cut(&rest, ' '), &time_us)) {
        reader_skipped(r);
        return OK;
    }
    int64_t saved = r->origin.delivery_us;
    r->origin.delivery_us = time_us;
    size_t stop;
    enum walk_end how;
    enum status status = read_span(r, f, pos + (size_t)brace, end, &stop, &how, err);
    r->origin.delivery_us = saved;
    if (status == OK && how != WALK_DONE)
        quarantine(r, f, pos + (size_t)brace + stop, REASON_BROKEN);
    return status;
}

/* The column of that name, with or without the "@" of Insights; `otherwise` when there is none. */
static size_t find_column(const struct str *fields, size_t n, struct str name, size_t otherwise)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(fields[i], name) ||
            (fields[i].n > 0 && fields[i].p[0] == '@' && str_eq(str_skip(fields[i], 1), name)))
            return i;
    return otherwise;
}

/* Console CSV: a header with a column "message", records as quoted fields. Needs the whole rest. */
static enum status read_csv(struct reader *r, const struct piece *f, size_t *pos, struct err *err)
{
    enum { COLUMNS = 64 };
    struct arena fields_arena;
    arena_init(&fields_arena);
    struct csv csv;
    csv_open(&csv, str_of(f->p + *pos, f->n - *pos));
    size_t n = 0;
    struct str fields[COLUMNS];
    enum status status = csv_next(&csv, &fields_arena, fields, COLUMNS, &n, err);
    size_t message = find_column(fields, n, STR("message"), 0);
    size_t timestamp = find_column(fields, n, STR("timestamp"), COLUMNS);
    int64_t saved = r->origin.delivery_us;
    int64_t start = r->origin.offset = f->base + (int64_t)*pos;
    while (status == OK) {
        r->origin.offset = start + (csv.rest.p ? csv.rest.p - (f->p + *pos) : 0);
        status = csv_next(&csv, &fields_arena, fields, COLUMNS, &n, err);
        if (status != OK || n == 0)
            break;
        r->origin.delivery_us = timestamp < n ? unwrap_time(fields[timestamp], saved) : saved;
        if (message < n)
            status = unwrap_bytes(r, f->level + 1, fields[message], err);
        arena_reset(&fields_arena);
    }
    arena_fini(&fields_arena);
    r->origin.delivery_us = saved;
    if (status == ERR_PARSE || status == ERR_LIMIT) {
        reader_quarantine(r, r->origin.offset, REASON_CSV);
        status = OK;
    }
    *pos = f->n;
    return status;
}

/* The columns stand in the order in which a query named them; "@message" may be all. */
static bool is_csv_header(struct str line)
{
    line = str_trim(line);
    if (str_eq(line, STR("@message")))
        return true;
    return str_find_char(line, '{') < 0 && str_find_char(line, ',') >= 0 &&
           (str_has_prefix(line, STR("timestamp,")) || str_has_prefix(line, STR("@timestamp,")) ||
            str_has_prefix(line, STR("@message,"))) &&
           str_find(line, STR("message")) >= 0;
}

/* Nearly every record ends with its line, so its end is waited for; only when so much comes without
 * a line end are objects back to back looked for byte by byte. */
enum { UNBROKEN = 2 << 20 };

/* One line or object with care. *pos stays where it is when more bytes are needed. */
static enum status read_carefully(struct reader *r, const struct piece *f, size_t *pos,
                                  struct err *err)
{
    bool found;
    size_t end = line_end(f, *pos, &found);
    char first = f->p[*pos];
    if (first == '[' || first == ']' || first == ',') {
        ++*pos;
        return OK;
    }
    if (first == '{') {
        if (!found && !f->eof)
            return f->n - *pos < UNBROKEN ? OK : read_object(r, f, pos, err);
        size_t stop;
        enum walk_end how;
        TRY(read_span(r, f, *pos, end, &stop, &how, err));
        *pos += how == WALK_DONE ? end - *pos : stop;
        if (how == WALK_TEXT && stop > 0) {
            quarantine(r, f, *pos, REASON_BROKEN);
            *pos = end;
        }
        return how == WALK_DONE || *pos == end ? OK : read_object(r, f, pos, err);
    }
    if (!found && !f->eof) {
        give_up_long(r, f, pos);
        return OK;
    }
    if (r->csv || is_csv_header(str_of(f->p + *pos, end - *pos))) {
        r->csv = true;
        return OK;
    }
    size_t start = *pos;
    *pos = end;
    return read_text_line(r, f, start, end, err);
}

/* The end of the last whole line, or of everything at the end of the file; of so many bytes as stay
 * in the processor's cache, if a line ends there. */
static size_t last_line_end(const struct piece *f, size_t pos)
{
    enum { AT_ONCE = 256 << 10 };
    bool all = f->n - pos <= AT_ONCE;
    if (f->eof && all)
        return f->n;
    const char *p = f->p + pos, *nl = memrchr(p, '\n', all ? f->n - pos : AT_ONCE);
    if (!nl && !all)
        nl = memchr(p + AT_ONCE, '\n', f->n - pos - AT_ONCE);
    return nl ? (size_t)(nl - f->p) + 1 : f->eof ? f->n : pos;
}

/* Lines that are read with one index: empty when not one is whole. */
static void next_span(struct reader *r, const struct piece *f, size_t pos, struct span *s)
{
    size_t known = 0;
    s->from = pos;
    s->gaps_n = 0;
    if (f->level == 0 && r->sink->known)
        s->gaps_n = r->sink->known(r->sink->ctx, str_of(f->p + pos, f->n - pos), s->gaps,
                                   READER_GAPS, &known);
    s->to = known ? pos + known : last_line_end(f, pos);
}

/* Whether a record stands in the same line before pos, which is no earlier than from. */
static bool follows_record(const struct piece *f, size_t from, size_t pos)
{
    for (; pos > from && f->p[pos - 1] != '\n'; pos--)
        if (!is_blank(f->p[pos - 1]) && !memchr("[],", f->p[pos - 1], 3))
            return true;
    return false;
}

static enum status feed_csv(struct reader *r, const struct piece *f, size_t *pos, struct err *err)
{
    if (f->eof)
        return read_csv(r, f, pos, err);
    if (f->n - *pos >= r->limits.max_line) {
        quarantine(r, f, *pos, "the CSV file is longer than the limit (--max-line)");
        *pos = f->n;
        r->discarding = true;
    }
    return OK;
}

enum status frame_feed(struct reader *r, int level, const char *p, size_t n, int64_t base, bool eof,
                       size_t *consumed, struct err *err)
{
    const struct piece f = {p, n, base, eof, level};
    struct span s;
    size_t pos = 0, careful_until = 0;
    for (;;) {
        if (r->discarding) {
            bool found;
            pos = line_end(&f, pos, &found);
            r->discarding = !found || r->csv;
            if (r->discarding) {
                *consumed = n;
                return OK;
            }
        }
        pos = skip_blanks(p, pos, n);
        if (pos == n)
            break;
        size_t before = pos;
        if (r->csv) {
            TRY(feed_csv(r, &f, &pos, err));
        } else if (pos >= careful_until && (p[pos] == '{' || p[pos] == '[')) {
            size_t stop = 0;
            enum walk_end how = WALK_BROKEN;
            next_span(r, &f, pos, &s);
            if (s.to > pos)
                TRY(read_around(r, &f, &s, &stop, &how, err));
            if (s.to > pos && how == WALK_DONE) {
                pos = s.to;
                continue;
            }
            pos += stop;
            if (how == WALK_TEXT && follows_record(&f, before, pos)) {
                bool found;
                quarantine(r, &f, pos, REASON_BROKEN);
                pos = line_end(&f, pos, &found);
                continue;
            }
            careful_until = s.to > pos ? s.to : pos + 1;
            continue;
        } else {
            TRY(read_carefully(r, &f, &pos, err));
        }
        if (pos == before && !r->csv)
            break;
        if (pos == before && !eof)
            break;
    }
    *consumed = pos;
    return OK;
}
