/* Bodies that lie outside their record: see bodies.h. */
#include "ingest/bodies.h"

#include "base/io.h"
#include "codec/gz.h"
#include "codec/gz_whole.h"

#include <limits.h>
#include <stdlib.h>

struct bodies {
    struct reader_limits limits;
    struct gz *gz;
    struct gz_whole *whole;
    struct json *json;
    struct buf packed, plain;
    char root[PATH_MAX]; /* directory that root_fd is open at */
    int root_fd;
};

enum status bodies_new(struct reader_limits limits, struct bodies **out, struct err *err)
{
    struct bodies *b = calloc(1, sizeof *b);
    if (!b)
        return err_nomem(err);
    b->limits = limits;
    b->root_fd = -1;
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
    io_close(b->root_fd);
    free(b);
}

/* The last occurrence: a prefix may hold "AWSLogs" itself. */
static ptrdiff_t find_layout(struct str path)
{
    const struct str mark = STR("AWSLogs/");
    for (size_t at = path.n; at-- > 0;)
        if (str_has_prefix(str_skip(path, at), mark) && (at == 0 || path.p[at - 1] == '/'))
            return (ptrdiff_t)at;
    return -1;
}

bool body_path_is_safe(struct str path, const struct record *r, struct str *key)
{
    if (!str_has_prefix(path, STR("s3://")) || path.n > 1200)
        return false;
    ptrdiff_t at = find_layout(path);
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

/* The directory above AWSLogs of the record's file; "." when the path begins with AWSLogs. False
 * when the file does not lie in the AWS layout. */
static bool layout_root(const char *record_file, char root[PATH_MAX])
{
    struct str file = str_from(record_file);
    ptrdiff_t at = find_layout(file);
    if (at < 0 || file.n >= PATH_MAX)
        return false;
    size_t n = (size_t)at;
    if (n == 0) {
        memcpy(root, ".", 2);
        return true;
    }
    memcpy(root, record_file, n);
    root[n > 1 ? n - 1 : n] = '\0';
    return true;
}

/* Without the AWS layout: data/<name> beside the record's file. */
static bool beside_root(const char *record_file, char root[PATH_MAX])
{
    const char *slash = strrchr(record_file, '/');
    size_t n = slash ? (size_t)(slash - record_file) : 0;
    if (n >= PATH_MAX)
        return false;
    if (!slash) {
        memcpy(root, ".", 2);
        return true;
    }
    memcpy(root, record_file, n ? n : 1);
    root[n ? n : 1] = '\0';
    return true;
}

static enum status open_root(struct bodies *b, const char *root)
{
    if (b->root_fd >= 0 && strcmp(b->root, root) == 0)
        return OK;
    io_close(b->root_fd);
    b->root_fd = -1;
    TRY(io_open_dir(root, &b->root_fd, NULL));
    memcpy(b->root, root, strlen(root) + 1);
    return OK;
}

static enum status open_body(struct bodies *b, const char *record_file, struct str key, int *fd)
{
    char root[PATH_MAX], path[PATH_MAX];
    bool layout = layout_root(record_file, root);
    if (!layout) {
        if (!beside_root(record_file, root))
            return ERR_NOT_FOUND;
        ptrdiff_t at = str_find(key, STR("/data/"));
        key = str_skip(key, (size_t)at + 1);
    }
    if (key.n >= sizeof path)
        return ERR_NOT_FOUND;
    TRY(open_root(b, root));
    memcpy(path, key.p, key.n);
    path[key.n] = '\0';
    return io_open_beneath(b->root_fd, path, fd, NULL);
}

static enum status read_packed(struct bodies *b, int fd, struct err *err)
{
    buf_reset(&b->packed);
    for (;;) {
        size_t n;
        if (!buf_reserve(&b->packed, 65536))
            return buf_status(&b->packed) == ERR_NOMEM ? err_nomem(err) : ERR_LIMIT;
        TRY(io_read(fd, b->packed.p + b->packed.n, 65536, &n, "a body", err));
        b->packed.n += n;
        if (n == 0)
            return OK;
    }
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

static enum status inflate(struct bodies *b, struct err *err)
{
    struct str in = buf_view(&b->packed);
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

/* ERR_NOMEM only; everything else is a result. */
static enum status open_for(struct bodies *b, const char *record_file, struct str path,
                            const struct record *r, int *fd, enum body_result *result)
{
    struct str key;
    *result = BODY_REFUSED;
    if (!body_path_is_safe(path, r, &key))
        return OK;
    enum status status = open_body(b, record_file, key, fd);
    *result = status == OK              ? BODY_FOUND
              : status == ERR_ACCESS    ? BODY_REFUSED
              : status == ERR_NOT_FOUND ? BODY_MISSING
                                        : BODY_UNREAD;
    return status == ERR_NOMEM ? ERR_NOMEM : OK;
}

enum status body_look(struct bodies *b, const char *record_file, struct str path,
                      const struct record *r, enum body_result *result, struct err *err)
{
    int fd = -1;
    enum status status = open_for(b, record_file, path, r, &fd, result);
    io_close(fd);
    return status == OK ? OK : err_nomem(err);
}

enum status body_fetch(struct bodies *b, const char *record_file, struct str path,
                       const struct record *r, enum body_result *result, struct json_cursor *c,
                       struct err *err)
{
    int fd = -1;
    enum status status = open_for(b, record_file, path, r, &fd, result);
    if (status == ERR_NOMEM)
        return err_nomem(err);
    if (*result != BODY_FOUND)
        return OK;
    status = read_packed(b, fd, err);
    io_close(fd);
    if (status == OK)
        status = inflate(b, err);
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
