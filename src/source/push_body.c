/* Bodies of pushed requests: see push_internal.h. */
#include "source/push_internal.h"

#include "codec/gz.h"
#include "codec/json.h"

enum { PIECE = 256 << 10 };

static const uint64_t PLAIN_MAX = UINT64_C(16) << 30; /* as a file of logs (reader.h) */
static const uint32_t RATIO_MAX = 1100;

enum push_coding push_coding_of(struct str header)
{
    header = str_trim(header);
    if (header.n == 0 || str_eq_nocase(header, STR("identity")))
        return PUSH_IDENTITY;
    if (str_eq_nocase(header, STR("gzip")) || str_eq_nocase(header, STR("x-gzip")))
        return PUSH_GZIP;
    return PUSH_UNKNOWN;
}

/* All of it, to *out, or nowhere when `keep` is false. */
static enum status inflate(struct str in, bool keep, uint64_t max, struct buf *out, struct err *err)
{
    struct gz *gz;
    enum gz_state state = GZ_MORE;
    enum status status = OK;
    TRY(gz_new(&gz, err));
    gz_start(gz, (struct gz_limits){max, RATIO_MAX});
    size_t n = 0, left;
    do {
        if (!buf_reserve(out, PIECE)) {
            status = buf_status(out);
            break;
        }
        left = in.n;
        status = gz_inflate(gz, &in, out->p + out->n, PIECE, &n, &state, err);
        out->n += keep ? n : 0;
    } while (status == OK && state != GZ_GARBAGE && (n > 0 || in.n < left));
    if (status == OK && (gz_truncated(gz) || state == GZ_GARBAGE))
        status = ERR_PARSE;
    gz_free(gz);
    if (status == ERR_PARSE)
        return err_set(err, ERR_PARSE, "the gzip body is damaged");
    if (status == ERR_LIMIT)
        return err_set(err, ERR_LIMIT, "the body inflates to more than the limit");
    return status == OK ? OK : err_set(err, status, "%s", status_text(status));
}

enum status push_plain(const struct buf *body, enum push_coding coding, struct err *err)
{
    if (coding != PUSH_GZIP)
        return OK;
    if (!gz_is_gzip(buf_view(body)))
        return err_set(err, ERR_PARSE, "the body is said to be gzip, but is not");
    struct buf scratch;
    buf_init(&scratch, PIECE);
    enum status status = inflate(buf_view(body), false, PLAIN_MAX, &scratch, err);
    buf_fini(&scratch);
    return status;
}

static enum status inflate_body(struct buf *body, uint64_t max, struct err *err)
{
    struct buf plain;
    buf_init(&plain, (size_t)max + PIECE + JSON_PADDING);
    enum status status = inflate(buf_view(body), true, max, &plain, err);
    if (status != OK) {
        buf_fini(&plain);
        return status;
    }
    buf_fini(body);
    *body = plain;
    return OK;
}

static enum status malformed(struct err *err, const char *what)
{
    return err_set(err, ERR_PARSE, "the request is malformed: %s", what);
}

/* An object of `records`, entered. */
static enum status take_record(struct json_cursor *c, struct buf *lines, struct err *err)
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
    if (object.p) {
        /* As the specification's own example shows it, though not its schema. */
        buf_str(lines, object);
        buf_char(lines, '\n');
    } else if (text.n > 0) {
        buf_str(lines, STR("{\"records\":[{\"data\":\""));
        buf_str(lines, text);
        buf_str(lines, STR("\"}]}\n"));
    }
    return OK;
}

static enum status take_records(struct json_cursor *c, struct buf *lines, struct err *err)
{
    buf_reset(lines);
    if (!json_enter_array(c))
        return malformed(err, "records is no array");
    while (json_next_item(c)) {
        if (!json_enter_object(c))
            return malformed(err, "a record is no object");
        TRY(take_record(c, lines, err));
    }
    return OK;
}

static enum status take_request(struct json *j, struct buf *body, struct str id, struct buf *lines,
                                struct err *err)
{
    struct json_text text;
    struct err why;
    enum status status = json_index(j, body->p, body->n, &text, &why);
    if (status == OK)
        status = json_check(&text, &why);
    if (status == ERR_NOMEM)
        return err_nomem(err);
    struct json_cursor c = json_begin(&text);
    if (status != OK || !json_enter_object(&c))
        return malformed(err, "the body is no JSON object");
    bool records = false, same = false;
    for (struct str key, found; json_next_key(&c, &key);) {
        if (str_eq(key, STR("requestId"))) {
            same = json_string(&c, &found) && str_eq(found, id);
        } else if (str_eq(key, STR("records"))) {
            TRY(take_records(&c, lines, err));
            records = true;
        }
    }
    if (!same)
        return malformed(err, "requestId is not that of the header");
    return records ? OK : malformed(err, "there are no records");
}

enum status push_firehose(struct buf *body, enum push_coding coding, struct str id, uint64_t max,
                          struct err *err)
{
    struct buf lines;
    struct json *j;
    if (coding == PUSH_GZIP)
        TRY(inflate_body(body, max, err));
    body->max = body->n + JSON_PADDING;
    if (!buf_reserve(body, JSON_PADDING))
        return err_nomem(err);
    memset(body->p + body->n, 0, JSON_PADDING);
    /* For each request anew: the index of a large one takes up to four times its size. */
    TRY(json_new(&j, err));
    buf_init(&lines, 3 * body->n + 1); /* {"data":"x"}, becomes {"records":[{"data":"x"}]} */
    enum status status = take_request(j, body, id, &lines, err);
    json_free(j);
    if (status == OK && buf_status(&lines) != OK)
        status = err_nomem(err);
    if (status != OK) {
        buf_fini(&lines);
        return status;
    }
    buf_fini(body);
    *body = lines;
    return OK;
}
