/* URIs: see uri.h. */
#include "codec/uri.h"

static bool is_alnum(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_unreserved(char c)
{
    return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void uri_encode(struct buf *out, struct str raw, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    if (raw.n == 0)
        return;
    size_t size = 0;
    for (size_t i = 0; i < raw.n; i++)
        size += is_unreserved(raw.p[i]) || (keep_slash && raw.p[i] == '/') ? 1 : 3;
    if (!buf_reserve(out, size))
        return;
    char *p = out->p + out->n;
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (is_unreserved(c) || (keep_slash && c == '/')) {
            *p++ = c;
        } else {
            *p++ = '%';
            *p++ = digits[(unsigned char)c >> 4];
            *p++ = digits[c & 15];
        }
    }
    out->n += size;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool uri_decode(struct str s, bool plus_is_space, struct buf *out)
{
    if (s.n == 0)
        return out->status == OK;
    if (!buf_reserve(out, s.n)) /* never longer than that */
        return false;
    char *p = out->p + out->n;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            int high = s.n - i > 2 ? hex_value(s.p[i + 1]) : -1;
            int low = s.n - i > 2 ? hex_value(s.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        *p++ = c;
    }
    out->n = (size_t)(p - out->p);
    return true;
}

static bool parse_port(struct str text, int *port)
{
    enum { PORT_MAX = 65535, DIGITS_MAX = 5 };
    int64_t value;
    if (text.n > DIGITS_MAX || !str_to_i64(text, &value) || value < 1 || value > PORT_MAX)
        return false;
    *port = (int)value;
    return true;
}

/* Letters, digits and what stands in `others`; at least one. */
static bool consists_of(struct str s, const char *others)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) && (s.p[i] == '\0' || !strchr(others, s.p[i])))
            return false;
    return s.n > 0;
}

/* What an IPv6 address may consist of. */
static bool is_address(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (hex_value(s.p[i]) < 0 && s.p[i] != ':' && s.p[i] != '.')
            return false;
    return s.n > 0;
}

/* [address] or a name, and perhaps a port behind it. */
static bool parse_authority(struct str text, struct uri *u)
{
    if (str_has_prefix(text, STR("["))) {
        ptrdiff_t end = str_find_char(text, ']');
        if (end < 0 || !is_address(str_of(text.p + 1, (size_t)end - 1)))
            return false;
        u->host = str_of(text.p, (size_t)end + 1);
    } else {
        ptrdiff_t colon = str_find_char(text, ':');
        u->host = str_of(text.p, colon < 0 ? text.n : (size_t)colon);
        if (!consists_of(u->host, "-._"))
            return false;
    }
    struct str behind = str_skip(text, u->host.n);
    if (behind.n == 0)
        return true;
    return behind.p[0] == ':' && parse_port(str_skip(behind, 1), &u->port);
}

static bool parse_bucket(struct str host, struct str path, struct uri *u)
{
    u->host = host;
    u->path = path;
    return consists_of(host, "-._:");
}

static bool parse_web(struct str host, struct str rest, struct uri *u)
{
    for (size_t i = 0; i < rest.n; i++)
        if ((unsigned char)rest.p[i] <= ' ' || rest.p[i] == '\x7f' || rest.p[i] == '#')
            return false;
    u->path = str_cut(&rest, '?');
    u->query = rest.p ? rest : STR("");
    return parse_authority(host, u);
}

bool uri_parse(struct str text, struct uri *out)
{
    static const struct str schemes[] = {{"https", 5}, {"http", 4}, {"s3", 2}};
    struct uri u = {.query = STR("")};
    ptrdiff_t mark = str_find(text, STR("://"));
    for (size_t i = 0; mark > 0 && i < sizeof schemes / sizeof schemes[0]; i++)
        if (str_eq_nocase(str_of(text.p, (size_t)mark), schemes[i]))
            u.scheme = schemes[i];
    if (u.scheme.n == 0)
        return false;
    struct str rest = str_skip(text, (size_t)mark + 3);
    size_t end = 0;
    bool s3 = str_eq(u.scheme, STR("s3"));
    while (end < rest.n && rest.p[end] != '/' && (s3 || (rest.p[end] != '?' && rest.p[end] != '#')))
        end++;
    struct str host = str_of(rest.p, end);
    rest = str_skip(rest, end);
    if (!(s3 ? parse_bucket(host, rest, &u) : parse_web(host, rest, &u)))
        return false;
    *out = u;
    return true;
}
