/*
 * The envelope of a Firehose request: see push_internal.h. It may be as large as bodies may be, and
 * an index of it several times as large. So it is walked by brackets first, which needs no memory,
 * and only pieces of its records are indexed, one after another; the lines are made in place.
 */
#include "codec/json.h"
#include "source/push_internal.h"

enum {
    PIECE = 256 << 10,    /* bytes of records that are indexed at once; of one record alone: */
    RECORD_MAX = 4 << 20, /* Firehose's hold 1,000 KiB, a third more in base64 */
    REST_MAX = 64 << 10,  /* all but the records */
    LONGER = sizeof "{\"records\":[{\"data\":\"\"}]}\n" - sizeof "{\"data\":\"\"},",
};

/* A text being walked by brackets and quotes; whether it is JSON others judge. */
struct walk {
    char *p, *end;
};

static enum status malformed(struct err *err, const char *what)
{
    return err_set(err, ERR_PARSE, "the request is malformed: %s", what);
}

static enum status no_object(struct err *err)
{
    return malformed(err, "the body is no JSON object");
}

static char peek(struct walk *w)
{
    while (w->p < w->end && (*w->p == ' ' || *w->p == '\t' || *w->p == '\n' || *w->p == '\r'))
        w->p++;
    return w->p < w->end ? *w->p : '\0';
}

/* Behind the string that begins here. */
static bool pass_string(struct walk *w)
{
    for (w->p++; w->p < w->end; w->p++) {
        char *quote = memchr(w->p, '"', (size_t)(w->end - w->p)), *before = quote;
        if (!quote)
            return false;
        while (before > w->p && before[-1] == '\\')
            before--;
        w->p = quote;
        if ((quote - before) % 2 == 0) {
            w->p++;
            return true;
        }
    }
    return false;
}

/* Behind the value that begins here. */
static bool pass_value(struct walk *w)
{
    int64_t depth = 0;
    do {
        char c = peek(w);
        if (c == '"' && !pass_string(w))
            return false;
        if (c == '"')
            continue;
        if (c == ']' || c == '}')
            depth--;
        else if (c == '[' || c == '{')
            depth++;
        else if (c == '\0' || depth == 0) {
            while (w->p < w->end && !strchr(",]} \t\r\n", *w->p))
                w->p++;
            return c != '\0' && depth == 0;
        }
        w->p++;
    } while (depth > 0);
    return depth == 0;
}

/* What a request holds: the inside of its records' array, and all else. */
struct envelope {
    struct buf rest;
    char *from, *behind; /* NULL: there are no records */
};

static enum status walk_member(struct walk *w, struct envelope *e, struct err *err)
{
    bool quoted = peek(w) == '"';
    char *from = w->p;
    if (!quoted || !pass_string(w))
        return no_object(err);
    struct str key = str_of(from + 1, (size_t)(w->p - from) - 2);
    if (peek(w) != ':')
        return no_object(err);
    w->p++;
    bool records = peek(w) == '[' && str_eq(key, STR("records"));
    char *value = w->p;
    if (!pass_value(w) || (records && w->p[-1] != ']'))
        return no_object(err);
    buf_str(&e->rest, str_of(from, (size_t)((records ? value + 1 : w->p) - from)));
    if (records) {
        buf_char(&e->rest, ']');
        e->from = value + 1;
        e->behind = w->p - 1;
    } else if (str_eq(key, STR("records"))) {
        e->from = NULL;
    }
    return OK;
}

static enum status walk_envelope(struct str body, struct envelope *e, struct err *err)
{
    struct walk w = {(char *)(uintptr_t)body.p, (char *)(uintptr_t)body.p + body.n};
    if (peek(&w) != '{')
        return no_object(err);
    do {
        buf_char(&e->rest, *w.p++);
        if (peek(&w) == '}')
            break;
        TRY(walk_member(&w, e, err));
    } while (peek(&w) == ',');
    buf_str(&e->rest, str_of(w.p, (size_t)(w.end - w.p)));
    if (buf_status(&e->rest) == ERR_LIMIT || e->rest.n > REST_MAX)
        return malformed(err, "it holds too much beside its records");
    return buf_status(&e->rest) == OK ? OK : err_nomem(err);
}

static enum status index_text(struct json *j, struct str s, struct json_text *text, struct err *err)
{
    struct err why;
    enum status status = json_index(j, s.p, s.n, text, &why);
    if (status == OK)
        status = json_check(text, &why);
    return status == ERR_NOMEM ? err_nomem(err) : status == OK ? OK : no_object(err);
}

static enum status check_rest(struct json *j, struct envelope *e, struct str id, struct err *err)
{
    struct json_text text;
    struct str rest = buf_view(&e->rest);
    bool same = false;
    if (!buf_reserve(&e->rest, JSON_PADDING))
        return err_nomem(err);
    rest.p = e->rest.p;
    TRY(index_text(j, rest, &text, err));
    struct json_cursor c = json_begin(&text);
    if (!json_enter_object(&c))
        return no_object(err);
    for (struct str key, found; json_next_key(&c, &key);)
        if (str_eq(key, STR("requestId")))
            same = json_string(&c, &found) && str_eq(found, id);
    if (!same)
        return malformed(err, "requestId is not that of the header");
    return e->from ? OK : malformed(err, "there are no records");
}

/* ---- records */

/* Where lines are written; NULL: they are only counted. */
struct lines {
    char *to;
    size_t n;
};

static void put(struct lines *l, struct str s)
{
    memmove(l->to, s.p, s.n);
    l->to += s.n;
}

/* An object of `records`, entered. */
static enum status take_record(struct json_cursor *c, struct lines *l, struct err *err)
{
    struct str text = STR_NONE, object = STR_NONE;
    for (struct str key; json_next_key(c, &key);) {
        if (!str_eq(key, STR("data")))
            continue;
        text = object = STR_NONE;
        if (json_peek(c) == JSON_OBJECT)
            json_raw(c, &object);
        else
            json_string(c, &text);
    }
    if (!text.p && !object.p)
        return malformed(err, "a record has no data");
    if (++l->n > PUSH_RECORDS_MAX)
        return malformed(err, "there are too many records");
    if (!l->to)
        return OK;
    if (object.p) {
        /* As the specification's own example shows it, though not its schema. */
        put(l, object);
        put(l, STR("\n"));
    } else if (text.n > 0) {
        put(l, STR("{\"records\":[{\"data\":\""));
        put(l, text);
        put(l, STR("\"}]}\n"));
    }
    return OK;
}

/* Some records with commas between them, which stand in brackets or between commas. */
static enum status take_piece(struct json *j, char *from, char *behind, struct lines *l,
                              struct err *err)
{
    struct json_text text = {.n = 0};
    char before = from[-1], after = *behind;
    from[-1] = '[';
    *behind = ']';
    enum status status = index_text(j, str_of(from - 1, (size_t)(behind - from) + 2), &text, err);
    struct json_cursor c = json_begin(&text);
    if (status == OK && !json_enter_array(&c))
        status = no_object(err);
    while (status == OK && json_next_item(&c))
        status = json_enter_object(&c) ? take_record(&c, l, err)
                                       : malformed(err, "a record is no object");
    *behind = after;
    if (!l->to)
        from[-1] = before; /* else a line may stand there */
    return status;
}

static enum status take_records(struct json *j, char *from, char *behind, struct lines *l,
                                struct err *err)
{
    struct walk w = {from, behind};
    for (char *piece = from; piece < behind; piece = w.p + 1) {
        w.p = piece;
        do {
            char *one = w.p;
            bool empty = peek(&w) == '\0' && piece == from;
            if (!empty && !pass_value(&w))
                return no_object(err);
            if (w.p - one > RECORD_MAX)
                return malformed(err, "a record is longer than 4 MiB");
        } while (peek(&w) == ',' && w.p - piece < PIECE && ++w.p);
        TRY(take_piece(j, piece, w.p, l, err));
        /* Behind a comma there is another record. */
        if (w.p < behind && (*w.p != ',' || w.p + 1 == behind))
            return no_object(err);
    }
    return OK;
}

static enum status to_lines(struct json *j, struct buf *body, struct envelope *e, struct err *err)
{
    struct lines counted = {0}, made = {0};
    size_t from = (size_t)(e->from - body->p), behind = (size_t)(e->behind - body->p);
    TRY(take_records(j, e->from, e->behind, &counted, err));
    /* A line is longer than its record. So all of them move back, and no line reaches what is not
     * yet read. */
    size_t room = counted.n * LONGER;
    body->max = body->n + room + JSON_PADDING;
    if (!buf_reserve(body, room + JSON_PADDING))
        return err_nomem(err);
    memmove(body->p + from + room, body->p + from, body->n - from);
    memset(body->p + body->n + room, 0, JSON_PADDING);
    /* The array's own brackets are beside it again. */
    body->p[from + room - 1] = '[';
    made.to = body->p;
    TRY(take_records(j, body->p + from + room, body->p + behind + room, &made, err));
    body->n = (size_t)(made.to - body->p);
    return OK;
}

enum status push_lines(struct buf *body, struct str id, struct err *err)
{
    struct envelope e = {.from = NULL};
    struct json *j;
    body->max = body->n + JSON_PADDING;
    if (!buf_reserve(body, JSON_PADDING))
        return err_nomem(err);
    memset(body->p + body->n, 0, JSON_PADDING);
    TRY(json_new(&j, err));
    buf_init(&e.rest, REST_MAX + JSON_PADDING);
    enum status status = walk_envelope(buf_view(body), &e, err);
    if (status == OK)
        status = check_rest(j, &e, id, err);
    if (status == OK)
        status = to_lines(j, body, &e, err);
    buf_fini(&e.rest);
    json_free(j);
    return status;
}
