/* Sources of all kinds: see source.h. */
#include "source/source_internal.h"

#include "base/io.h"
#include "source/key.h"

enum status source_begin(struct source *s, const struct source_watch *watch, struct err *err)
{
    return s->ops->begin(s, watch, err);
}

enum status source_next(struct source *s, struct source_item *item, bool *more, struct err *err)
{
    TRY(s->ops->next(s, item, more, err));
    if (*more && item->name && !item->source)
        item->source = s;
    return OK;
}

int64_t source_position(struct source *s, bool *estimated, int64_t *bytes)
{
    return s->ops->position(s, estimated, bytes);
}

void source_wait(struct source *s, int64_t ms)
{
    if (s->ops->wait)
        s->ops->wait(s, ms);
}

void source_stop(struct source *s)
{
    if (s->ops->stop)
        s->ops->stop(s);
}

void source_done(struct source *s, void *ticket, enum source_outcome outcome)
{
    if (ticket)
        s->ops->done(s, ticket, outcome);
}

void source_close(struct source *s)
{
    if (s)
        s->ops->close(s);
}

enum status source_reader_new(struct source *s, struct source_room *room,
                              struct source_reader **out, struct err *err)
{
    TRY(s->ops->reader_new(s, out, err));
    (*out)->source = s;
    (*out)->room = room;
    return OK;
}

void source_reader_free(struct source_reader *r)
{
    if (r)
        r->source->ops->reader_free(r);
}

enum status source_open(struct source_reader *r, const struct source_item *item,
                        struct source_bytes *out, struct err *err)
{
    return r->source->ops->open(r, item, out, err);
}

enum status source_body(struct source_reader *r, const char *name, struct str uri, struct str key,
                        bool look, struct source_bytes *out, struct err *err)
{
    return r->source->ops->body(r, name, uri, key, look, out, err);
}

void source_bytes_fini(struct source_bytes *b)
{
    io_close(b->fd);
    b->fd = -1;
}

/* The first instant, so many seconds after it was written, that is yet to come. */
static int64_t next_of(const int *after_s, size_t n, int64_t written_us, int64_t now_us)
{
    for (size_t i = 0; i < n; i++)
        if (written_us + after_s[i] * US_PER_SECOND > now_us)
            return written_us + after_s[i] * US_PER_SECOND;
    return TIME_NONE;
}

int64_t source_body_due(int64_t written_us, int64_t now_us)
{
    static const int after_s[] = {5, 15, 30, 60};
    return next_of(after_s, sizeof after_s / sizeof after_s[0], written_us, now_us);
}

int64_t source_body_due_long(int64_t written_us, int64_t now_us)
{
    enum { MINUTE = 60, HOUR = 3600 };
    static const int after_s[] = {3 * MINUTE, 10 * MINUTE, 30 * MINUTE, 1 * HOUR,  2 * HOUR,
                                  4 * HOUR,   8 * HOUR,    16 * HOUR,   32 * HOUR, 48 * HOUR};
    int64_t soon = source_body_due(written_us, now_us);
    return soon != TIME_NONE
               ? soon
               : next_of(after_s, sizeof after_s / sizeof after_s[0], written_us, now_us);
}

bool source_body_is_below(struct str prefix, struct str key)
{
    if (!str_has_prefix(key, prefix))
        return false;
    struct str rest = str_skip(key, prefix.n);
    for (struct str element; key_element(&rest, &element);)
        if (element.n == 0 || str_eq(element, STR(".")) || str_eq(element, STR("..")) ||
            str_find_char(element, '%') >= 0)
            return false;
    return true;
}
