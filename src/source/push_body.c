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

enum status push_firehose(struct buf *body, enum push_coding coding, struct str id, uint64_t max,
                          struct err *err)
{
    if (coding == PUSH_GZIP)
        TRY(inflate_body(body, max, err));
    return push_lines(body, id, err);
}
