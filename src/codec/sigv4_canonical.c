/*
 * The canonical request: one text into which a client and AWS bring a request each on its own, so
 * that both sign the same bytes. See sigv4.h for where its rules stand.
 */
#include "codec/sigv4_internal.h"

#include "codec/uri.h"

#include <stdio.h>

/* What the signer adds to headers or query at most. */
enum { OWN_PAIRS = 6, PAIRS = SIGV4_PAIRS_MAX + OWN_PAIRS };

struct pairs {
    struct sigv4_pair v[PAIRS];
    size_t n;
};

static void add(struct pairs *all, struct str name, struct str value)
{
    all->v[all->n++] = (struct sigv4_pair){name, value};
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int cmp_nocase(struct str a, struct str b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++) {
        int order = (unsigned char)lower(a.p[i]) - (unsigned char)lower(b.p[i]);
        if (order != 0)
            return order;
    }
    return (a.n > b.n) - (a.n < b.n);
}

static int by_header_name(const struct sigv4_pair *a, const struct sigv4_pair *b)
{
    return cmp_nocase(a->name, b->name);
}

static int by_name_and_value(const struct sigv4_pair *a, const struct sigv4_pair *b)
{
    int order = str_cmp(a->name, b->name);
    return order ? order : str_cmp(a->value, b->value);
}

/* By insertion: equal ones keep their order, and there are few. */
static void sort(struct pairs *all,
                 int (*cmp)(const struct sigv4_pair *, const struct sigv4_pair *))
{
    for (size_t i = 1; i < all->n; i++) {
        struct sigv4_pair one = all->v[i];
        size_t at = i;
        for (; at > 0 && cmp(&all->v[at - 1], &one) > 0; at--)
            all->v[at] = all->v[at - 1];
        all->v[at] = one;
    }
}

/* Segments of a path without empty ones, with "." and ".." resolved; what is left of a "/" at the
 * end stays. As all AWS SDKs do it: "/a/.." is "/", "/a/b/.." is "/a". */
static void normalise(struct buf *out, struct str path)
{
    bool slash_at_end = str_has_suffix(path, STR("/"));
    size_t start = out->n;
    while (path.n > 0) {
        struct str segment = str_cut(&path, '/');
        if (segment.n == 0 || str_eq(segment, STR(".")))
            continue;
        if (str_eq(segment, STR(".."))) {
            while (out->n > start && out->p[--out->n] != '/')
                ;
            continue;
        }
        buf_char(out, '/');
        buf_str(out, segment);
    }
    if (slash_at_end || out->n == start)
        buf_char(out, '/');
}

static void canonical_path(const struct sigv4_request *r, struct sigv4_texts *t)
{
    if (r->encoded_path)
        buf_str(&t->path, r->path);
    else
        uri_encode(&t->path, r->path, true);
    if (r->path.n == 0)
        buf_char(&t->path, '/');
    if (r->plain_path) {
        buf_str(&t->canonical, buf_view(&t->path));
        return;
    }
    struct buf normal;
    buf_init(&normal, t->path.max);
    normalise(&normal, buf_view(&t->path));
    uri_encode(&t->canonical, buf_view(&normal), true);
    if (normal.status != OK)
        t->canonical.status = normal.status;
    buf_fini(&normal);
}

/* Room for all pairs, a byte of them becoming `times` bytes, and for `more` bytes: growing would
 * leave a copy of the session token behind in memory. Where it is too much, appending says so. */
static void reserve(struct buf *out, const struct pairs *all, size_t times, size_t more)
{
    size_t n = more;
    for (size_t i = 0; i < all->n; i++)
        n += (all->v[i].name.n + all->v[i].value.n) * times + 2;
    if (n <= out->max - out->n)
        buf_reserve(out, n);
}

/* The encoded forms are what is sorted: "%" comes before every letter, while raw bytes of UTF-8
 * come behind. */
static void canonical_query(const struct pairs *raw, struct buf *query)
{
    struct buf text;
    size_t ends[2 * PAIRS];
    buf_init(&text, query->max);
    reserve(&text, raw, 3, 0);
    reserve(query, raw, 3, 0);
    for (size_t i = 0; i < raw->n; i++) {
        uri_encode(&text, raw->v[i].name, false);
        ends[2 * i] = text.n;
        uri_encode(&text, raw->v[i].value, false);
        ends[2 * i + 1] = text.n;
    }
    struct pairs encoded = {.n = 0};
    size_t at = 0;
    for (size_t i = 0; i < raw->n; i++) {
        size_t middle = ends[2 * i], end = ends[2 * i + 1];
        add(&encoded, str_of(text.p + at, middle - at), str_of(text.p + middle, end - middle));
        at = end;
    }
    sort(&encoded, by_name_and_value);
    for (size_t i = 0; i < encoded.n; i++) {
        if (i > 0)
            buf_char(query, '&');
        buf_str(query, encoded.v[i].name);
        buf_char(query, '=');
        buf_str(query, encoded.v[i].value);
    }
    if (text.status != OK)
        query->status = text.status;
    secret_wipe(text.p, text.cap); /* perhaps a session token */
    buf_fini(&text);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

void sigv4_header_value(struct buf *out, struct str value)
{
    size_t from = out->n;
    buf_str(out, str_trim(value));
    for (size_t i = from; i < out->n; i++)
        if (out->p[i] == '\n' || out->p[i] == '\r')
            out->p[i] = ' ';
}

/* Without white space at the ends, runs of it inside as one blank. */
static void canonical_value(struct buf *out, struct str value)
{
    value = str_trim(value);
    while (value.n > 0) {
        size_t word = 0, gap;
        while (word < value.n && !is_blank(value.p[word]))
            word++;
        buf_append(out, value.p, word);
        for (gap = word; gap < value.n && is_blank(value.p[gap]);)
            gap++;
        if (gap > word)
            buf_char(out, ' ');
        value = str_skip(value, gap);
    }
}

static bool is_again(const struct pairs *all, size_t i)
{
    return i > 0 && cmp_nocase(all->v[i].name, all->v[i - 1].name) == 0;
}

static void append_lower(struct buf *out, struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        buf_char(out, lower(name.p[i]));
}

static void header_names(const struct pairs *all, struct buf *out)
{
    for (size_t i = 0; i < all->n; i++) {
        if (is_again(all, i))
            continue;
        if (i > 0)
            buf_char(out, ';');
        append_lower(out, all->v[i].name);
    }
}

/* Lines "name:value"; the values of one name are joined by commas. */
static void header_lines(const struct pairs *all, struct buf *out)
{
    for (size_t i = 0; i < all->n; i++) {
        if (is_again(all, i)) {
            buf_char(out, ',');
        } else {
            if (i > 0)
                buf_char(out, '\n');
            append_lower(out, all->v[i].name);
            buf_char(out, ':');
        }
        canonical_value(out, all->v[i].value);
    }
    buf_char(out, '\n');
}

static bool has_only(struct str s, bool (*allowed)(char))
{
    for (size_t i = 0; i < s.n; i++)
        if (!allowed(s.p[i]))
            return false;
    return true;
}

/* What a header's name may consist of (RFC 9110, token). */
static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_visible(char c)
{
    return c > ' ' && c < '\x7f';
}

static bool is_value(char c)
{
    return is_blank(c) || ((unsigned char)c >= ' ' && c != '\x7f');
}

static enum status check_headers(const struct sigv4_request *r, struct err *err)
{
    static const char *const own[] = {"host", "x-amz-date", "x-amz-security-token",
                                      "x-amz-content-sha256", "authorization"};
    for (size_t i = 0; i < r->headers_n; i++) {
        struct str name = r->headers[i].name;
        if (name.n == 0 || !has_only(name, is_token))
            return err_set(err, ERR_USAGE, "signing: header %zu has a name that cannot be", i + 1);
        if (!has_only(r->headers[i].value, is_value))
            return err_set(err, ERR_USAGE, "signing: control characters in the header %.*s",
                           STR_ARG(name));
        for (size_t j = 0; j < sizeof own / sizeof own[0]; j++)
            if (str_eq_nocase(name, str_from(own[j])))
                return err_set(err, ERR_USAGE, "signing: the header %s is written by the signer",
                               own[j]);
    }
    return OK;
}

static enum status check(const struct sigv4_request *r, const struct sigv4_keys *k, struct err *err)
{
    if (r->method.n == 0 || !has_only(r->method, is_token))
        return err_set(err, ERR_USAGE, "signing: no method");
    if (r->host.n == 0 || !has_only(r->host, is_visible))
        return err_set(err, ERR_USAGE, "signing: no host, or blanks in it");
    if (r->path.n > 0 && r->path.p[0] != '/')
        return err_set(err, ERR_USAGE, "signing: the path does not begin with /");
    if (r->encoded_path && r->plain_path)
        return err_set(err, ERR_USAGE, "signing: a plain path is not given encoded");
    if (r->encoded_path && !has_only(r->path, is_visible))
        return err_set(err, ERR_USAGE, "signing: the encoded path holds what should be encoded");
    if (!has_only(k->session_token, is_visible))
        return err_set(err, ERR_USAGE, "signing: the session token holds blanks");
    if (r->query_n > SIGV4_PAIRS_MAX || r->headers_n > SIGV4_PAIRS_MAX)
        return err_set(err, ERR_LIMIT, "signing: more than %d headers or query parameters",
                       SIGV4_PAIRS_MAX);
    return check_headers(r, err);
}

static void copy(struct pairs *all, const struct sigv4_pair *given, size_t n)
{
    all->n = 0;
    for (size_t i = 0; i < n; i++)
        add(all, given[i].name, given[i].value);
}

static void collect_headers(const struct sigv4_request *r, const struct sigv4_keys *k,
                            const struct sigv4_texts *t, bool in_header, struct pairs *all)
{
    copy(all, r->headers, r->headers_n);
    add(all, STR("host"), r->host);
    if (!in_header)
        return;
    add(all, STR("x-amz-date"), str_of(t->time, SIGV4_TIME));
    if (r->content_sha256)
        add(all, STR("x-amz-content-sha256"), str_of(t->payload, t->payload_n));
    if (k->session_token.n > 0)
        add(all, STR("x-amz-security-token"), k->session_token);
}

static void presigned_query(const struct sigv4_keys *k, int64_t expires_s,
                            const struct sigv4_request *r, struct sigv4_texts *t)
{
    struct pairs all;
    struct buf credential;
    char room[1024], expires[24];
    buf_on(&credential, room, sizeof room);
    buf_str(&credential, k->access_key_id);
    buf_char(&credential, '/');
    buf_str(&credential, buf_view(&t->scope));
    int n = snprintf(expires, sizeof expires, "%lld", (long long)expires_s);
    copy(&all, r->query, r->query_n);
    add(&all, STR("X-Amz-Algorithm"), STR("AWS4-HMAC-SHA256"));
    add(&all, STR("X-Amz-Credential"), buf_view(&credential));
    add(&all, STR("X-Amz-Date"), str_of(t->time, SIGV4_TIME));
    add(&all, STR("X-Amz-Expires"), str_of(expires, (size_t)n));
    if (k->session_token.n > 0)
        add(&all, STR("X-Amz-Security-Token"), k->session_token);
    add(&all, STR("X-Amz-SignedHeaders"), buf_view(&t->names));
    canonical_query(&all, &t->query);
}

enum status sigv4_canonical(const struct sigv4_request *r, const struct sigv4_keys *k,
                            int64_t expires_s, struct sigv4_texts *t, struct err *err)
{
    bool in_header = expires_s == SIGV4_HEADERS;
    TRY(check(r, k, err));
    struct pairs all;
    if (in_header) {
        copy(&all, r->query, r->query_n);
        canonical_query(&all, &t->query);
    }
    collect_headers(r, k, t, in_header, &all);
    sort(&all, by_header_name);
    header_names(&all, &t->names);
    if (!in_header)
        presigned_query(k, expires_s, r, t);

    struct buf *c = &t->canonical;
    buf_str(c, r->method);
    buf_char(c, '\n');
    canonical_path(r, t);
    buf_char(c, '\n');
    reserve(c, &all, 1, t->query.n + t->names.n + t->payload_n + 8);
    buf_str(c, buf_view(&t->query));
    buf_char(c, '\n');
    header_lines(&all, c);
    buf_char(c, '\n');
    buf_str(c, buf_view(&t->names));
    buf_char(c, '\n');
    buf_append(c, t->payload, t->payload_n);
    return OK;
}
