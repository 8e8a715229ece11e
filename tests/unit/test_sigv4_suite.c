/*
 * codec/sigv4 against the signing suite of AWS (aws-c-auth, tests/aws-signing-test-suite/v4): each
 * case gives a request, its canonical request, string to sign and signature, once signed in headers
 * and once in the query. The suite is not part of this tree; the test says "skipped" where it is
 * not.
 */
#include "sigv4_figures.h"

#include "base/io.h"
#include "codec/uri.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    REQUEST,
    CONTEXT,
    CANONICAL,
    TO_SIGN,
    SIGNATURE,
    SIGNED,
    QUERY_CANONICAL,
    QUERY_TO_SIGN,
    QUERY_SIGNATURE,
    QUERY_SIGNED,
    FILES
};

static const char *const names[FILES] = {
    "request.txt",
    "context.json",
    "header-canonical-request.txt",
    "header-string-to-sign.txt",
    "header-signature.txt",
    "header-signed-request.txt",
    "query-canonical-request.txt",
    "query-string-to-sign.txt",
    "query-signature.txt",
    "query-signed-request.txt",
};

struct suite_case {
    const char *name;
    struct buf file[FILES];
    struct buf texts; /* decoded names and values, header lines without folds */
    struct sigv4_pair query[16], headers[16];
    struct sigv4_request r;
    struct sigv4_keys k;
    struct sigv4_scope s;
};

static struct str suite_text(const struct suite_case *c, int file)
{
    return buf_view(&c->file[file]);
}

/* "name": "text" or "name": word, in JSON of which the form is known. */
static struct str context(const struct suite_case *c, const char *name)
{
    char key[64];
    struct str json = suite_text(c, CONTEXT);
    snprintf(key, sizeof key, "\"%s\":", name);
    ptrdiff_t found = str_find(json, str_from(key));
    if (found < 0)
        return STR("");
    json = str_trim(str_skip(json, (size_t)found + strlen(key)));
    if (json.p[0] == '"') {
        str_cut(&json, '"');
        return str_cut(&json, '"');
    }
    size_t n = 0;
    while (n < json.n && json.p[n] >= 'a' && json.p[n] <= 'z')
        n++;
    return str_of(json.p, n);
}

static struct str kept(struct buf *texts, size_t from)
{
    return str_of(texts->p + from, texts->n - from);
}

static struct str decoded(struct suite_case *c, struct str s)
{
    size_t from = c->texts.n;
    assert_true(uri_decode(s, false, &c->texts));
    return kept(&c->texts, from);
}

static void parse_target(struct suite_case *c, struct str target)
{
    c->r.path = str_cut(&target, '?');
    while (target.p) {
        struct str value = str_cut(&target, '&');
        struct str name = str_cut(&value, '=');
        c->query[c->r.query_n].name = decoded(c, name);
        c->query[c->r.query_n++].value = decoded(c, value);
    }
}

/* A line with those that continue it, which begin with a blank. */
static struct str cut_line(struct str *rest)
{
    struct str all = *rest;
    do
        str_cut(rest, '\n');
    while (rest->n > 0 && rest->p[0] == ' ');
    return str_of(all.p, rest->p ? (size_t)(rest->p - all.p) - 1 : all.n);
}

static void parse_request(struct suite_case *c)
{
    struct str rest = suite_text(c, REQUEST);
    struct str line = cut_line(&rest);
    c->r.method = str_cut(&line, ' ');
    assert_true(str_has_suffix(line, STR(" HTTP/1.1")));
    parse_target(c, str_of(line.p, line.n - strlen(" HTTP/1.1")));
    while (rest.p) {
        line = cut_line(&rest);
        if (line.n == 0)
            break;
        struct str name = str_cut(&line, ':');
        if (str_eq_nocase(name, STR("host")))
            c->r.host = line;
        else
            c->headers[c->r.headers_n++] = (struct sigv4_pair){name, line};
    }
    c->r.body = rest.p ? rest : STR("");
}

/* The suite encodes a path once, normalised or not; assay's requests that are normalised are also
 * encoded twice. Where nothing is to encode both are the same, and where something is there are no
 * dots and slashes to normalise. */
static bool is_plain_path(const struct suite_case *c)
{
    struct buf b;
    buf_init(&b, 4096);
    uri_encode(&b, c->r.path, true);
    bool encodes = b.n != c->r.path.n;
    buf_fini(&b);
    return encodes || str_eq(context(c, "normalize"), STR("false"));
}

static void load_case(struct suite_case *c, const char *folder, const char *name)
{
    *c = (struct suite_case){.name = name};
    for (int i = 0; i < FILES; i++) {
        char path[1024];
        struct err err;
        snprintf(path, sizeof path, "%s/%s/%s", folder, name, names[i]);
        buf_init(&c->file[i], 1 << 16);
        if (io_read_file(path, &c->file[i], &err) != OK)
            fail_msg("%s", err.text);
    }
    buf_init(&c->texts, 1 << 16);
    assert_true(buf_reserve(&c->texts, 1 << 12)); /* slices of it stay where they are */
    parse_request(c);
    c->r.query = c->query;
    c->r.headers = c->headers;
    c->r.plain_path = is_plain_path(c);
    c->r.content_sha256 = str_eq(context(c, "sign_body"), STR("true"));
    c->k = (struct sigv4_keys){context(c, "access_key_id"), context(c, "secret_access_key"),
                               context(c, "token")};
    /* Who adds the token after signing signs without one. */
    if (str_eq(context(c, "omit_session_token"), STR("true")))
        c->k.session_token = STR("");
    char time[TIME_TEXT];
    snprintf(time, sizeof time, "%.*s", STR_ARG(context(c, "timestamp")));
    c->s = (struct sigv4_scope){
        .region = context(c, "region"), .service = context(c, "service"), .now_us = at(time)};
}

static void drop_case(struct suite_case *c)
{
    for (int i = 0; i < FILES; i++)
        buf_fini(&c->file[i]);
    buf_fini(&c->texts);
}

static void assert_texts(const struct suite_case *c, int64_t expires_s, int canonical)
{
    struct sigv4_texts t;
    struct err err;
    sigv4_texts_init(&t);
    if (sigv4_work_out(&c->r, &c->k, &c->s, expires_s, &t, &err) != OK)
        fail_msg("%s: %s", c->name, err.text);
    assert_text(buf_view(&t.canonical), suite_text(c, canonical), c->name);
    assert_text(buf_view(&t.to_sign), suite_text(c, canonical + 1), c->name);
    assert_text(str_of(t.signature, SIGV4_HEX), suite_text(c, canonical + 2), c->name);
    sigv4_texts_fini(&t);
}

static void check_headers(const struct suite_case *c)
{
    struct buf target, headers;
    buf_init(&target, 1 << 16);
    buf_init(&headers, 1 << 16);
    assert_texts(c, SIGV4_HEADERS, CANONICAL);
    assert_int_equal(sigv4_sign(&c->r, &c->k, &c->s, &target, &headers, NULL), OK);
    static const char *const sent[] = {"Authorization", "X-Amz-Date", "x-amz-content-sha256"};
    for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++)
        assert_text(line_of(buf_view(&headers), sent[i]), line_of(suite_text(c, SIGNED), sent[i]),
                    c->name);
    assert_text(line_of(buf_view(&headers), "X-Amz-Security-Token"), c->k.session_token, c->name);
    buf_fini(&target);
    buf_fini(&headers);
}

/* Each parameter of the signed request is one of ours, in whatever order. */
static void check_query(struct suite_case *c)
{
    struct buf target;
    const int64_t expires_s = 3600; /* in all of them */
    buf_init(&target, 1 << 16);
    c->r.content_sha256 = false; /* the suite signs the digest of the body, S3 would not */
    assert_texts(c, expires_s, QUERY_CANONICAL);
    assert_int_equal(sigv4_presign(&c->r, &c->k, &c->s, expires_s, &target, NULL), OK);
    struct str line = suite_text(c, QUERY_SIGNED), ours = buf_view(&target);
    line = str_cut(&line, '\n');
    assert_true(str_has_suffix(line, STR(" HTTP/1.1")));
    line.n -= strlen(" HTTP/1.1");
    str_cut(&line, '?');
    size_t n = 0;
    for (; line.p; n++) {
        struct str pair = str_cut(&line, '&');
        bool unencoded = (unsigned char)pair.p[0] >= 0x80; /* in one case the suite sends it so */
        if (c->k.session_token.n == 0 && str_has_prefix(pair, STR("X-Amz-Security-Token=")))
            n--; /* added after signing */
        else if (!unencoded && str_find(ours, pair) < 0)
            fail_msg("%s: no %.*s in %.*s", c->name, STR_ARG(pair), STR_ARG(ours));
    }
    str_cut(&ours, '?');
    for (; ours.p; n--)
        str_cut(&ours, '&');
    assert_int_equal(n, 0);
    buf_fini(&target);
}

static void the_suite_of_aws_holds_byte_for_byte(void **state)
{
    (void)state;
    char folder[400];
    const char *shared = getenv("SHARED");
    snprintf(folder, sizeof folder, "%s/aws-sigv4", shared ? shared : "../shared/data");
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("skipped: ../shared/data/aws-sigv4 is not here\n");
        skip();
    }
    int seen = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        struct suite_case c;
        load_case(&c, folder, e->d_name);
        check_headers(&c);
        check_query(&c);
        drop_case(&c);
        seen++;
    }
    closedir(dir);
    print_message("%d cases, each in headers and in the query\n", seen);
    assert_true(seen >= 38);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_suite_of_aws_holds_byte_for_byte)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
