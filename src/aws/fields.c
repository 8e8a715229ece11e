/* Named texts out of a small answer: see fields.h. */
#include "aws/fields.h"

#include "codec/digest.h"
#include "codec/json.h"
#include "codec/xml.h"

#include <stdlib.h>

/* Room for all values at once: they are never longer than the text, and a buffer that grows would
 * leave copies behind. */
static enum status make_room(struct str text, size_t more, struct buf *room, struct err *err)
{
    if (text.n > FIELDS_MAX)
        return err_set(err, ERR_LIMIT, "longer than %zu bytes", FIELDS_MAX);
    buf_reset(room);
    room->max = 2 * text.n + more;
    return buf_reserve(room, room->max) ? OK : err_nomem(err);
}

static struct field *named(struct field *f, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, str_from(f[i].name)))
            return &f[i];
    return NULL;
}

/* Takes the value that is due. */
static bool take_value(struct json_cursor *c, struct str *value, struct buf *room)
{
    struct str raw;
    size_t at = room->n;
    enum json_type type = json_peek(c);
    if (type == JSON_OBJECT || type == JSON_ARRAY || type == JSON_NULL) {
        json_skip(c);
        return true;
    }
    if (type == JSON_STRING) {
        if (!json_string(c, &raw) || !json_unescape(raw, room))
            return false;
    } else {
        if (!json_raw(c, &raw))
            return false;
        buf_str(room, raw);
    }
    *value = str_of(room->p + at, room->n - at);
    return buf_status(room) == OK;
}

static bool walk(struct json_cursor *c, const char *inside, struct field *f, size_t n,
                 struct buf *room)
{
    if (!json_enter_object(c))
        return false;
    for (struct str key; json_next_key(c, &key);) {
        struct field *hit = inside ? NULL : named(f, n, key);
        if (inside && str_eq(key, str_from(inside)) && json_peek(c) == JSON_OBJECT) {
            if (!walk(c, NULL, f, n, room))
                return false;
        } else if (!hit) {
            json_skip(c);
        } else if (!take_value(c, &hit->value, room)) {
            return false;
        }
    }
    return !json_failed(c);
}

enum status fields_of_json(struct str json, const char *inside, struct field *f, size_t n,
                           struct buf *room, struct err *err)
{
    struct json *j = NULL;
    struct json_text text;
    /* The text is copied to where bytes behind it can be read; what is decoded stands behind. */
    TRY(make_room(json, JSON_PADDING, room, err));
    buf_str(room, json);
    buf_fill(room, ' ', JSON_PADDING);
    for (size_t i = 0; i < n; i++)
        f[i].value = STR_NONE;
    TRY(json_new(&j, err));
    enum status status = json_index(j, room->p, json.n, &text, NULL);
    if (status == OK)
        status = json_check(&text, NULL);
    if (status == OK) {
        struct json_cursor c = json_begin(&text);
        status = walk(&c, inside, f, n, room) ? OK : ERR_PARSE;
    }
    json_free(j);
    return status == OK ? OK : err_set(err, status, "%s", "not a JSON object");
}

struct catcher {
    struct field *f;
    size_t n;
    struct buf *room;
};

static enum status on_open(void *ctx, struct str name, struct err *err)
{
    (void)ctx, (void)name, (void)err;
    return OK;
}

static enum status on_close(void *ctx, struct str name, struct str text, struct err *err)
{
    struct catcher *c = ctx;
    struct field *hit = named(c->f, c->n, name);
    if (!hit || hit->value.p)
        return OK;
    size_t at = c->room->n;
    text = str_trim(text);
    buf_str(c->room, text);
    hit->value = str_of(c->room->p + at, text.n);
    return buf_status(c->room) == OK ? OK : err_set(err, ERR_LIMIT, "too long");
}

enum status fields_of_xml(struct str xml, struct field *f, size_t n, struct buf *room,
                          struct err *err)
{
    TRY(make_room(xml, 1, room, err));
    for (size_t i = 0; i < n; i++)
        f[i].value = STR_NONE;
    struct catcher c = {f, n, room};
    struct xml_visitor v = {.ctx = &c, .open = on_open, .close = on_close};
    enum status status = xml_read(xml, &v, NULL);
    return status == OK ? OK : err_set(err, status, "%s", "not the XML that was expected");
}

void fields_wipe(struct buf *room)
{
    if (room->p)
        secret_wipe(room->p, room->cap);
    buf_fini(room);
}

char *field_copy(const struct field *f)
{
    char *copy = malloc(f->value.n + 1);
    if (!copy)
        return NULL;
    if (f->value.n)
        memcpy(copy, f->value.p, f->value.n);
    copy[f->value.n] = '\0';
    return copy;
}
