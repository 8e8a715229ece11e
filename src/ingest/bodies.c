/* Bodies that lie outside their record: see bodies.h. */
#include "ingest/bodies.h"

#include "base/io.h"
#include "codec/gz.h"
#include "codec/gz_whole.h"
#include "source/key.h"

#include <stdlib.h>

struct bodies {
    struct reader_limits limits;
    struct gz *gz;
    struct gz_whole *whole;
    struct json *json;
    struct buf packed, plain;
    struct source_reader *from;
};

enum status bodies_new(struct reader_limits limits, struct bodies **out, struct err *err)
{
    struct bodies *b = calloc(1, sizeof *b);
    if (!b)
        return err_nomem(err);
    b->limits = limits;
    size_t max = limits.max_line ? limits.max_line : (size_t)64 << 20;
    buf_init(&b->packed, max);
    buf_init(&b->plain, max + JSON_PADDING);
    if (gz_new(&b->gz, NULL) != OK || gz_whole_new(&b->whole, NULL) != OK ||
        json_new(&b->json, NULL) != OK) {
        bodies_free(b);
        return err_nomem(err);
    }
    *out = b;
    return OK;
}

void bodies_free(struct bodies *b)
{
    if (!b)
        return;
    gz_free(b->gz);
    gz_whole_free(b->whole);
    json_free(b->json);
    buf_fini(&b->packed);
    buf_fini(&b->plain);
    free(b);
}

bool body_path_is_safe(struct str path, const struct record *r, struct str *key)
{
    if (!str_has_prefix(path, STR("s3://")) || path.n > 1200)
        return false;
    ptrdiff_t at = key_layout(path);
    if (at < 0)
        return false;
    struct str layout = str_skip(path, (size_t)at), rest = layout;
    struct str part[5], name = STR_NONE;
    bool in_data = false;
    for (int i = 0; rest.p; i++) {
        struct str element = str_cut(&rest, '/');
        bool plain = element.n > 0 && !str_eq(element, STR(".")) && !str_eq(element, STR("..")) &&
                     str_find_char(element, '%') < 0 && str_find_char(element, '\\') < 0 &&
                     str_find_char(element, '\0') < 0;
        if (!plain)
            return false;
        if (i < 5)
            part[i] = element;
        if (!rest.p)
            name = element;
        else
            in_data = str_eq(element, STR("data"));
        if (!rest.p && i < 5)
            return false;
    }
    /* part: AWSLogs, account, BedrockModelInvocationLogs, region, year … */
    if (!in_data || r->request_id.n == 0 || !str_has_prefix(name, r->request_id) ||
        !str_eq(part[1], r->account) || !str_eq(part[2], STR("BedrockModelInvocationLogs")) ||
        !str_eq(part[3], r->region))
        return false;
    *key = layout;
    return true;
}

/* The body as it was stored: what lies in memory is looked at where it lies. */
static enum status read_packed(struct bodies *b, const struct source_bytes *from, struct str *out,
                               struct err *err)
{
    *out = from->bytes;
    if (from->fd < 0)
        return OK;
    buf_reset(&b->packed);
    for (;;) {
        size_t n;
        if (!buf_reserve(&b->packed, 65536))
            return buf_status(&b->packed) == ERR_NOMEM ? err_nomem(err) : ERR_LIMIT;
        TRY(io_read(from->fd, b->packed.p + b->packed.n, 65536, &n, "a body", err));
        b->packed.n += n;
        if (n > 0)
            continue;
        *out = buf_view(&b->packed);
        return OK;
    }
}

void bodies_from(struct bodies *b, struct source_reader *from)
{
    b->from = from;
}

/* The usual body; one that claims to be large is inflated as far as it goes. */
static bool inflate_whole(struct bodies *b, struct str in)
{
    enum { LARGEST = 8 << 20 };
    uint64_t room = gz_whole_hint(in), max = b->limits.max_inflated;
    return room > 0 && room <= LARGEST && (max == 0 || room <= max) &&
           buf_reserve(&b->plain, (size_t)room) &&
           gz_whole_inflate(b->whole, in, b->plain.p, (size_t)room, &b->plain.n);
}

static enum status inflate(struct bodies *b, struct str in, struct err *err)
{
    buf_reset(&b->plain);
    if (!gz_is_gzip(in)) {
        buf_str(&b->plain, in);
        return buf_status(&b->plain);
    }
    if (inflate_whole(b, in))
        return OK;
    gz_start(b->gz, (struct gz_limits){b->limits.max_inflated, b->limits.max_ratio});
    while (in.n > 0) {
        size_t n, left = in.n;
        enum gz_state state;
        if (!buf_reserve(&b->plain, 256 << 10))
            return buf_status(&b->plain);
        TRY(gz_inflate(b->gz, &in, b->plain.p + b->plain.n, 256 << 10, &n, &state, err));
        b->plain.n += n;
        if (state == GZ_GARBAGE || (n == 0 && in.n == left))
            break;
    }
    return gz_truncated(b->gz) ? ERR_TRUNCATED : OK;
}

/* ERR_NOMEM only; everything else is a result, also a run that was told to stop meanwhile: its item
 * is then one that was not read. */
static enum status ask(struct bodies *b, const char *record_file, struct str path,
                       const struct record *r, bool look, struct source_bytes *out,
                       enum body_result *result, struct err *err)
{
    struct str key;
    *result = BODY_REFUSED;
    if (!body_path_is_safe(path, r, &key))
        return OK;
    *result = BODY_MISSING;
    if (!b->from)
        return OK;
    enum status status = source_body(b->from, record_file, path, key, look, out, err);
    *result = status == OK              ? BODY_FOUND
              : status == ERR_ACCESS    ? BODY_REFUSED
              : status == ERR_NOT_FOUND ? BODY_MISSING
                                        : BODY_UNREAD;
    return status == ERR_NOMEM ? err_nomem(err) : OK;
}

enum status body_look(struct bodies *b, const char *record_file, struct str path,
                      const struct record *r, enum body_result *result, struct err *err)
{
    struct source_bytes none;
    return ask(b, record_file, path, r, true, &none, result, err);
}

enum status body_fetch(struct bodies *b, const char *record_file, struct str path,
                       const struct record *r, enum body_result *result, struct json_cursor *c,
                       struct err *err)
{
    struct source_bytes from;
    struct str packed;
    TRY(ask(b, record_file, path, r, false, &from, result, err));
    if (*result != BODY_FOUND)
        return OK;
    enum status status = read_packed(b, &from, &packed, err);
    if (status == OK)
        status = inflate(b, packed, err);
    source_bytes_fini(&from);
    struct json_text text;
    if (status == OK && !buf_reserve(&b->plain, JSON_PADDING))
        status = buf_status(&b->plain);
    if (status == OK)
        status = json_index(b->json, b->plain.p, b->plain.n, &text, err);
    if (status == ERR_NOMEM)
        return err_nomem(err);
    *result = status == OK ? BODY_FOUND : status == ERR_IO ? BODY_UNREAD : BODY_DAMAGED;
    if (status == OK)
        *c = json_begin(&text);
    return OK;
}
