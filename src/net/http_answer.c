/*
 * The answer of an HTTP exchange: its header lines, and its body in memory or, when it grows beyond
 * what the caller wants to keep there, in a temporary file. Nothing of libcurl is seen here.
 */
#include "net/http_internal.h"

#include "base/io.h"

#include <string.h>
#include <unistd.h>

void http_answer_init(struct http_answer *a)
{
    *a = (struct http_answer){.body_fd = -1};
    buf_init(&a->headers, HTTP_HEADERS_MAX);
    buf_init(&a->body, 0);
}

static void wipe(struct buf *b)
{
    if (b->cap > 0)
        explicit_bzero(b->p, b->cap);
}

void answer_clear(struct http_answer *a)
{
    if (a->secret) {
        wipe(&a->headers);
        wipe(&a->body);
    }
    buf_reset(&a->headers);
    buf_reset(&a->body);
    if (a->body_fd >= 0)
        io_close(a->body_fd);
    a->body_fd = -1;
    a->body_bytes = 0;
    a->status = 0;
    a->secret = a->open_end = false;
}

void http_answer_fini(struct http_answer *a)
{
    answer_clear(a);
    buf_fini(&a->headers);
    buf_fini(&a->body);
}

struct str http_header(const struct http_answer *a, const char *name)
{
    struct str rest = buf_view(&a->headers), wanted = str_from(name);
    while (rest.n > 0) {
        struct str value = str_cut(&rest, '\n');
        ptrdiff_t colon = str_find_char(value, ':');
        if (colon >= 0 && str_eq_nocase(str_of(value.p, (size_t)colon), wanted))
            return str_trim(str_skip(value, (size_t)colon + 1));
    }
    return STR("");
}

enum status arrival_begin(struct arrival *in, struct http_answer *a,
                          const struct http_body_limits *l, bool secret, struct err *err)
{
    *in = (struct arrival){.answer = a, .limits = *l};
    a->secret = secret;
    a->body.max = l->memory_max;
    /* A buffer that grows leaves copies behind; one that is large enough does not. */
    if (secret &&
        (!buf_reserve(&a->body, l->memory_max) || !buf_reserve(&a->headers, HTTP_HEADERS_MAX)))
        return err_nomem(err);
    return OK;
}

bool arrival_header(struct arrival *in, struct str line)
{
    struct buf *headers = &in->answer->headers;
    in->header_bytes += line.n;
    if (in->header_bytes > HTTP_HEADERS_MAX) {
        in->status =
            err_set(&in->err, ERR_LIMIT, "more than %d KB of headers", HTTP_HEADERS_MAX / 1024);
        return false;
    }
    if (in->head_done && !in->interim)
        return true; /* a trailer */
    if (in->head_done) {
        buf_reset(headers);
        in->head_done = false;
    }
    if (headers->n == 0) {
        /* "HTTP/1.1 100 Continue": libcurl has checked its form. */
        ptrdiff_t blank = str_find_char(line, ' ');
        in->interim = blank >= 0 && str_has_prefix(str_skip(line, (size_t)blank), STR(" 1"));
    }
    struct str text = str_trim(line);
    in->head_done = text.n == 0;
    buf_str(headers, line);
    if (buf_status(headers) != OK)
        in->status = err_nomem(&in->err);
    return in->status == OK;
}

static enum status to_file(struct http_answer *a, struct err *err)
{
    TRY(io_temp(&a->body_fd, err));
    TRY(io_write_all(a->body_fd, a->body.p, a->body.n, "a temporary file", err));
    if (a->secret)
        wipe(&a->body);
    buf_reset(&a->body);
    return OK;
}

static enum status keep(struct arrival *in, struct str bytes, uint64_t whole)
{
    struct http_answer *a = in->answer;
    if (a->body_fd < 0 && whole > in->limits.memory_max)
        TRY(to_file(a, &in->err));
    if (a->body_fd >= 0)
        return io_write_all(a->body_fd, bytes.p, bytes.n, "a temporary file", &in->err);
    if (whole > a->body.n)
        (void)buf_reserve(&a->body, (size_t)whole - a->body.n);
    buf_str(&a->body, bytes);
    return buf_status(&a->body) == OK ? OK : err_nomem(&in->err);
}

bool arrival_body(struct arrival *in, struct str bytes, int64_t length)
{
    struct http_answer *a = in->answer;
    uint64_t most =
        in->limits.file_max > in->limits.memory_max ? in->limits.file_max : in->limits.memory_max;
    /* As far as it is known how much there will be: a length is only what the server says. */
    uint64_t whole = a->body_bytes + bytes.n;
    if (length > 0 && (uint64_t)length > whole)
        whole = (uint64_t)length;
    if (whole > most) {
        in->status = err_set(&in->err, ERR_LIMIT, "a body of more than %llu bytes",
                             (unsigned long long)most);
        return false;
    }
    in->status = keep(in, bytes, whole);
    a->body_bytes += bytes.n;
    return in->status == OK;
}

/* libcurl takes a head that breaks off for an answer without a body, and a length that no number
 * holds for none. */
enum status arrival_end(struct arrival *in, struct err *err)
{
    struct http_answer *a = in->answer;
    struct str length = http_header(a, "Content-Length");
    bool chunked = http_header(a, "Transfer-Encoding").n > 0;
    int64_t bytes;
    if (!in->head_done || in->interim)
        return err_set(err, ERR_TRUNCATED, "the answer breaks off in its headers");
    if (length.n > 0 && !chunked && !str_to_i64(length, &bytes))
        return err_set(err, ERR_IO, "its Content-Length is no number");
    a->open_end = length.n == 0 && !chunked && a->body_bytes > 0;
    if (a->body_fd >= 0 && lseek(a->body_fd, 0, SEEK_SET) != 0)
        return err_set(err, ERR_IO, "cannot read a temporary file again");
    return OK;
}
