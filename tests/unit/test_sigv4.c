/*
 * codec/sigv4 against figures that others worked out: the examples of the S3 documentation, and
 * vectors of our own, which botocore 1.44.5 signed (S3SigV4Auth, SigV4Auth and their Query forms of
 * botocore.auth with the clock set; paths and queries encoded by botocore.utils.percent_encode, as
 * its serializers do). And what is refused. test_sigv4_suite.c has the suite of AWS.
 */
#include "sigv4_figures.h"

/* A struct str in a constant table. */
#define LIT(text)                                                                                  \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

/* Amazon S3 API reference, "Examples: Signature Calculations in AWS Signature Version 4" and
 * "Authenticating Requests: Using Query Parameters", read 2026-11. */
static void the_examples_of_the_s3_documentation_hold(void **state)
{
    (void)state;
    static const struct sigv4_pair range[] = {{LIT("Range"), LIT("bytes=0-9")}};
    static const struct sigv4_pair put[] = {
        {LIT("Date"), LIT("Fri, 24 May 2013 00:00:00 GMT")},
        {LIT("x-amz-storage-class"), LIT("REDUCED_REDUNDANCY")}};
    static const struct sigv4_pair lifecycle[] = {{LIT("lifecycle"), LIT("")}};
    static const struct sigv4_pair list[] = {{LIT("prefix"), LIT("J")},
                                             {LIT("max-keys"), LIT("2")}};
    static const struct {
        const char *method;
        struct str path;
        const struct sigv4_pair *headers, *query;
        size_t headers_n, query_n;
        struct str body;
        const char *signature;
    } examples[] = {
        {"GET", LIT("/test.txt"), range, NULL, 1, 0, LIT(""),
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"PUT", LIT("/test$file.text"), put, NULL, 2, 0, LIT("Welcome to Amazon S3."),
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"GET", LIT("/"), NULL, lifecycle, 0, 1, LIT(""),
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"GET", LIT("/"), NULL, list, 0, 2, LIT(""),
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };
    const struct sigv4_keys keys = {STR("AKIAIOSFODNN7EXAMPLE"), STR(SECRET), STR("")};
    const struct sigv4_scope scope = {STR("us-east-1"), STR("s3"), at("2013-05-24T00:00:00Z"),
                                      NULL};
    struct sigv4_request r = {
        .host = STR("examplebucket.s3.amazonaws.com"), .plain_path = true, .content_sha256 = true};
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct buf target, headers;
        buf_init(&target, 4096);
        buf_init(&headers, 4096);
        r.method = str_from(examples[i].method);
        r.path = examples[i].path;
        r.headers = examples[i].headers;
        r.headers_n = examples[i].headers_n;
        r.query = examples[i].query;
        r.query_n = examples[i].query_n;
        r.body = examples[i].body;
        assert_int_equal(sigv4_sign(&r, &keys, &scope, &target, &headers, NULL), OK);
        struct str found = line_of(buf_view(&headers), "Authorization");
        assert_text(str_skip(found, found.n - SIGV4_HEX), str_from(examples[i].signature),
                    examples[i].method);
        buf_fini(&target);
        buf_fini(&headers);
    }
    struct buf url;
    buf_init(&url, 4096);
    r = (struct sigv4_request){.method = STR("GET"),
                               .host = STR("examplebucket.s3.amazonaws.com"),
                               .path = STR("/test.txt"),
                               .plain_path = true,
                               .content_sha256 = true};
    assert_int_equal(sigv4_presign(&r, &keys, &scope, 86400, &url, NULL), OK);
    assert_text(buf_view(&url),
                STR("/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
                    "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                    "&X-Amz-Signature="
                    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"),
                "presigned");
    buf_fini(&url);
}

#define TOKEN "IQoJb3JpZ2luX2VjEA//+token=="

struct vector {
    const char *name, *service, *region, *method, *host;
    struct str path;
    struct sigv4_pair query[10], headers[2];
    const char *body, *token;
    int64_t expires_s; /* 0: signed in headers */
    bool encoded_path;
    const char *sent, *signature; /* the path in the target */
};

static const struct vector vectors[] = {
    {.name = "reserved",
     .service = "s3",
     .region = "eu-west-1",
     .method = "GET",
     .host = "logs.s3.eu-west-1.amazonaws.com",
     .path = LIT("/AWSLogs/o=1/a+b:c d.gz"),
     .sent = "/AWSLogs/o%3D1/a%2Bb%3Ac%20d.gz",
     .signature = "aa2bd18e21445d28b0c3279ec5e943ee9d7ba0c737aea7452af80004cb564039"},
    {.name = "utf8",
     .service = "s3",
     .region = "eu-west-1",
     .method = "GET",
     .host = "logs.s3.eu-west-1.amazonaws.com",
     .path = LIT("/gr\xc3\xb6\xc3\x9f"
                 "e/\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80.json"),
     .sent = "/gr%C3%B6%C3%9Fe/%C3%BC%E2%82%AC%F0%9F%98%80.json",
     .signature = "607f8d066136ed15fe505d6670300029532177f3403a5cd105f13a73fdc61a6a"},
    {.name = "percent",
     .service = "s3",
     .region = "eu-west-1",
     .method = "GET",
     .host = "logs.s3.eu-west-1.amazonaws.com",
     .path = LIT("/100%/%41%2F/x"),
     .sent = "/100%25/%2541%252F/x",
     .signature = "19e5cd0cf9e623016f4e9e4424c432dc5f03a27fe1b786018ae907e04d0bcf40"},
    {.name = "dots",
     .service = "s3",
     .region = "eu-west-1",
     .method = "GET",
     .host = "logs.s3.eu-west-1.amazonaws.com",
     .path = LIT("//double//slash/../dots/./x/"),
     .sent = "//double//slash/../dots/./x/",
     .signature = "9d5b177a72a64a8054b2c68f0bbc36019eac9044ee41755142b8d3d7da654af2"},
    {.name = "marks",
     .service = "s3",
     .region = "eu-west-1",
     .method = "GET",
     .host = "logs.s3.eu-west-1.amazonaws.com",
     .path = LIT("/a~b*c'(d)!$&,;=@[e]^`{|}\"<>#?\\"),
     .sent = "/a~b%2Ac%27%28d%29%21%24%26%2C%3B%3D%40%5Be%5D%5E%60%7B%7C%7D%22%3C%3E%23%3F%5C",
     .signature = "581373db80f2066b2dfad5d1156857b52e5018bf65cfa68fe0db2411af06fa21"},
    {.name = "controls",
     .service = "s3",
     .region = "eu-west-1",
     .method = "GET",
     .host = "logs.s3.eu-west-1.amazonaws.com",
     .path = LIT("/tab\x09"
                 "and\x01\x7f"),
     .sent = "/tab%09and%01%7F",
     .signature = "62dbc5ca8528c26284ab3723d3823d1f3c723cfa0efbb3b7c5148b54c3ef71bc"},
    {.name = "list",
     .service = "s3",
     .region = "us-east-1",
     .method = "GET",
     .host = "127.0.0.1:9000",
     .path = LIT("/bucket"),
     .query = {{LIT("list-type"), LIT("2")},
               {LIT("prefix"), LIT("AWSLogs/o=1/a b+c")},
               {LIT("delimiter"), LIT("/")},
               {LIT("start-after"), LIT("\xc3\xbc*~")},
               {LIT("continuation-token"), LIT("1x/+==")},
               {LIT("fetch-owner"), LIT("")}},
     .sent = "/bucket",
     .signature = "b810ccfdd9a42793b3576a04f40e761c326c1bdace6a21de251fdfbdae02975c"},
    {.name = "order",
     .service = "s3",
     .region = "us-east-1",
     .method = "GET",
     .host = "s3.us-east-1.amazonaws.com",
     .path = LIT("/b"),
     .query = {{LIT("a"), LIT("1")},
               {LIT("a-b"), LIT("1")},
               {LIT("a.b"), LIT("1")},
               {LIT("A"), LIT("1")},
               {LIT("a0"), LIT("1")},
               {LIT("\xc3\xa9"), LIT("1")},
               {LIT("~"), LIT("1")},
               {LIT("a%"), LIT("1")},
               {LIT("a="), LIT("1")},
               {LIT(""), LIT("v")}},
     .sent = "/b",
     .signature = "125e5260c828948403be58f309b5cbb1fa5f1839d2b92bb344bf03e85ea16243"},
    {.name = "token",
     .service = "s3",
     .region = "eu-west-1",
     .method = "GET",
     .host = "logs.s3.eu-west-1.amazonaws.com",
     .path = LIT("/k"),
     .headers = {{LIT("Range"), LIT("bytes=0-9")}},
     .token = TOKEN,
     .sent = "/k",
     .signature = "120a61708a750b10232edead91572fec746dda6b4bac54952c5b0e7c07e50c4d"},
    {.name = "put",
     .service = "s3",
     .region = "eu-west-1",
     .method = "PUT",
     .host = "logs.s3.eu-west-1.amazonaws.com",
     .path = LIT("/k"),
     .headers = {{LIT("Content-Type"), LIT("text/plain")},
                 {LIT("x-amz-meta-z"), LIT("  two   blanks  ")}},
     .body = "body of the object",
     .sent = "/k",
     .signature = "65e9e262aebac496c746cd2bb1db8d50756f292f436dc13bfe95380bf798ae78"},
    {.name = "sqs",
     .service = "sqs",
     .region = "us-west-2",
     .method = "POST",
     .host = "sqs.us-west-2.amazonaws.com",
     .path = LIT("/"),
     .headers = {{LIT("X-Amz-Target"), LIT("AmazonSQS.ReceiveMessage")},
                 {LIT("Content-Type"), LIT("application/x-amz-json-1.0")}},
     .body = "{\"QueueUrl\":\"q\"}",
     .token = TOKEN,
     .sent = "/",
     .signature = "7b74bf6c958db92dcce6c6455e7dec6464bbb2a19e91d880c10274f3ba29018e"},
    {.name = "double",
     .service = "bedrock",
     .region = "us-east-1",
     .method = "POST",
     .host = "bedrock-runtime.us-east-1.amazonaws.com",
     .path = LIT("/model/us.anthropic.claude-x-v1:0/a b+\xc3\xbc%/invoke"),
     .query = {{LIT("q"), LIT("a b")}},
     .body = "{}",
     .sent = "/model/us.anthropic.claude-x-v1%3A0/a%20b%2B%C3%BC%25/invoke",
     .signature = "ebff8544d22f2f304991638dbdd7ba27be306cc3818c3e03b91114a7eae0a23d"},
    {.name = "normal",
     .service = "execute-api",
     .region = "us-east-1",
     .method = "GET",
     .host = "x.execute-api.us-east-1.amazonaws.com",
     .path = LIT("/a/./b//../c d/"),
     .sent = "/a/./b//../c%20d/",
     .signature = "f36ec971d232ac4eaad430013edeb6f2dadc23b3088cdedf2a4369e2a6149c01"},
    {.name = "arn",
     .service = "bedrock",
     .region = "us-east-1",
     .method = "GET",
     .host = "bedrock.us-east-1.amazonaws.com",
     .path =
         LIT("/inference-profiles/"
             "arn%3Aaws%3Abedrock%3Aus-east-1%3A012345678901%3Aapplication-inference-profile%2Fx"),
     .encoded_path = true,
     .sent = "/inference-profiles/"
             "arn%3Aaws%3Abedrock%3Aus-east-1%3A012345678901%3Aapplication-inference-profile%2Fx",
     .signature = "b8915b46831c5e73c62b6e614e78ef85b4b567a1a184705c38687773afd69252"},
    {.name = "cn",
     .service = "logs",
     .region = "cn-north-1",
     .method = "POST",
     .host = "logs.cn-north-1.amazonaws.com.cn:8443",
     .path = LIT("/"),
     .headers = {{LIT("X-Amz-Target"), LIT("Logs_20140328.FilterLogEvents")}},
     .body = "{}",
     .sent = "/",
     .signature = "aa8d2ec0ba914a227c2721ee9365018b341354e9f8e505b0c9c2f9da94d69690"},
    {.name = "presigned s3",
     .service = "s3",
     .region = "eu-west-1",
     .method = "GET",
     .host = "logs.s3.eu-west-1.amazonaws.com",
     .path = LIT("/AWSLogs/o=1/a+b:c d/\xc3\xbc%.gz"),
     .query = {{LIT("response-content-type"), LIT("a/b c")}, {LIT("versionId"), LIT("")}},
     .token = TOKEN,
     .expires_s = 3600,
     .sent = "/AWSLogs/o%3D1/a%2Bb%3Ac%20d/%C3%BC%25.gz",
     .signature = "dd8ae40b44b1c3d743ab40db04a0d403410cb92aab003ec4b88630634d339c52"},
    {.name = "presigned port",
     .service = "s3",
     .region = "us-east-1",
     .method = "PUT",
     .host = "127.0.0.1:9000",
     .path = LIT("/bucket/k~*"),
     .headers = {{LIT("x-amz-acl"), LIT("private")}},
     .expires_s = 604800,
     .sent = "/bucket/k~%2A",
     .signature = "d6c4bb9fec67a6c334e24509b786767d82db12378a832248f70e8e65719a42c3"},
    {.name = "presigned sts",
     .service = "sts",
     .region = "us-east-1",
     .method = "GET",
     .host = "sts.us-east-1.amazonaws.com",
     .path = LIT("/"),
     .query = {{LIT("Action"), LIT("GetCallerIdentity")}, {LIT("Version"), LIT("2011-06-15")}},
     .headers = {{LIT("x-k8s-aws-id"), LIT("a cluster")}},
     .token = TOKEN,
     .expires_s = 60,
     .sent = "/",
     .signature = "4fca9805966c6ddaaf6d9c5d1d031e98a98bcba890db49ac32fb38bc2a565ef5"},
};

static size_t pairs_n(const struct sigv4_pair *p, size_t max)
{
    size_t n = 0;
    while (n < max && p[n].value.p)
        n++;
    return n;
}

static void fill(const struct vector *v, struct sigv4_request *r, struct sigv4_keys *k,
                 struct sigv4_scope *s)
{
    bool s3 = strcmp(v->service, "s3") == 0;
    *r = (struct sigv4_request){.method = str_from(v->method),
                                .host = str_from(v->host),
                                .path = v->path,
                                .query = v->query,
                                .query_n = pairs_n(v->query, 10),
                                .headers = v->headers,
                                .headers_n = pairs_n(v->headers, 2),
                                .body = str_from(v->body),
                                .plain_path = s3,
                                .content_sha256 = s3,
                                .encoded_path = v->encoded_path};
    *k = (struct sigv4_keys){STR("AKIDEXAMPLE"), STR(SECRET), str_from(v->token)};
    *s = (struct sigv4_scope){.region = str_from(v->region),
                              .service = str_from(v->service),
                              .now_us = at("2026-11-22T10:20:30Z")};
}

/* With a cache that was filled by whatever came before: it must notice by itself. */
static void keys_and_queries_with_all_signs_are_signed_as_botocore_does(void **state)
{
    (void)state;
    struct sigv4_cache cache = {0};
    for (size_t i = 0; i < 2 * (sizeof vectors / sizeof vectors[0]); i++) {
        const struct vector *v = &vectors[i / 2];
        struct sigv4_request r;
        struct sigv4_keys k;
        struct sigv4_scope s;
        struct buf target, headers;
        fill(v, &r, &k, &s);
        s.cache = i % 2 ? &cache : NULL;
        buf_init(&target, 4096);
        buf_init(&headers, 4096);
        struct str found = STR_NONE;
        if (v->expires_s > 0) {
            assert_int_equal(sigv4_presign(&r, &k, &s, v->expires_s, &target, NULL), OK);
            found = buf_view(&target);
        } else {
            assert_int_equal(sigv4_sign(&r, &k, &s, &target, &headers, NULL), OK);
            found = line_of(buf_view(&headers), "Authorization");
        }
        assert_text(str_skip(found, found.n - SIGV4_HEX), str_from(v->signature), v->name);
        struct str path = buf_view(&target);
        assert_text(str_cut(&path, '?'), str_from(v->sent), v->name);
        buf_fini(&target);
        buf_fini(&headers);
    }
    assert_true(cache.filled);
    secret_wipe(&cache, sizeof cache);
}

static void the_query_is_sent_in_the_order_of_its_encoded_form(void **state)
{
    (void)state;
    struct sigv4_request r;
    struct sigv4_keys k;
    struct sigv4_scope s;
    struct buf target, headers;
    buf_init(&target, 4096);
    buf_init(&headers, 4096);
    buf_str(&target, STR("before "));
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        if (strcmp(vectors[i].name, "order") == 0)
            fill(&vectors[i], &r, &k, &s);
    assert_int_equal(sigv4_sign(&r, &k, &s, &target, &headers, NULL), OK);
    assert_text(buf_view(&target),
                STR("before /b?=v&%C3%A9=1&A=1&a=1&a%25=1&a%3D=1&a-b=1&a.b=1&a0=1&~=1"), "order");
    buf_fini(&target);
    buf_fini(&headers);
}

static const struct sigv4_request plain = {.method = {"GET", 3}, .host = {"h", 1}};
static const struct sigv4_keys good = {{"AKID", 4}, {"secret", 6}, {"", 0}};

static void assert_refused(const struct sigv4_request *r, const struct sigv4_keys *k,
                           const struct sigv4_scope *s, enum status wanted)
{
    struct buf target, headers;
    struct err err = {0};
    buf_init(&target, 4096);
    buf_init(&headers, 4096);
    assert_int_equal(sigv4_sign(r, k, s, &target, &headers, &err), wanted);
    assert_int_equal(err.status, wanted);
    assert_true(err.text[0] != '\0');
    assert_int_equal(str_find(str_from(err.text), STR("secret-")), -1);
    assert_int_equal(target.n + headers.n, 0);
    buf_fini(&target);
    buf_fini(&headers);
}

static void what_would_break_a_request_is_refused_without_telling_values(void **state)
{
    (void)state;
    const struct sigv4_scope scope = {STR("r"), STR("s"), 0, NULL};
    static const struct sigv4_pair bad[] = {
        {LIT("Host"), LIT("x")},
        {LIT("x-amz-DATE"), LIT("x")},
        {LIT("Authorization"), LIT("x")},
        {LIT("X-Amz-Security-Token"), LIT("x")},
        {LIT("a b"), LIT("x")},
        {LIT(""), LIT("x")},
        {LIT("a:"), LIT("x")},
        {LIT("a\n"), LIT("x")},
        {LIT("a"), LIT("secret-\0x")},
        {LIT("a"), LIT("secret-\x1b")},
        {LIT("x-amz-content-sha256"), LIT("x")},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sigv4_request r = plain;
        r.headers = &bad[i];
        r.headers_n = 1;
        assert_refused(&r, &good, &scope, ERR_USAGE);
    }
    struct sigv4_request r = plain;
    r.path = STR("key");
    assert_refused(&r, &good, &scope, ERR_USAGE);
    r = plain, r.host = STR("a\r\nb");
    assert_refused(&r, &good, &scope, ERR_USAGE);
    r = plain, r.method = STR("");
    assert_refused(&r, &good, &scope, ERR_USAGE);
    r = plain, r.path = STR("/a b"), r.encoded_path = true;
    assert_refused(&r, &good, &scope, ERR_USAGE);
    r = plain, r.plain_path = r.encoded_path = true;
    assert_refused(&r, &good, &scope, ERR_USAGE);
    r = plain, r.query = bad, r.query_n = SIGV4_PAIRS_MAX + 1;
    assert_refused(&r, &good, &scope, ERR_LIMIT);

    static const struct sigv4_keys keys[] = {
        {LIT(""), LIT("s"), LIT("")},
        {LIT("A K"), LIT("s"), LIT("")},
        {LIT("A/K"), LIT("s"), LIT("")},
        {LIT("AK"), LIT(""), LIT("")},
        {LIT("AK"), LIT("s"), LIT("secret-\n")},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_refused(&plain, &keys[i], &scope, ERR_USAGE);
    const struct sigv4_scope late = {STR("r"), STR("s"), TIME_END, NULL};
    assert_refused(&plain, &good, &late, ERR_RANGE);
    const struct sigv4_scope nowhere = {STR("a/b"), STR("s"), 0, NULL};
    assert_refused(&plain, &good, &nowhere, ERR_USAGE);
}

static void a_presigned_request_is_good_for_a_second_to_a_week(void **state)
{
    (void)state;
    const struct sigv4_scope scope = {STR("r"), STR("s"), 0, NULL};
    static const int64_t seconds[] = {INT64_MIN, -1, 0, 1, 604800, 604801, INT64_MAX};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        struct buf target;
        buf_init(&target, 4096);
        bool fine = seconds[i] >= 1 && seconds[i] <= 604800;
        assert_int_equal(sigv4_presign(&plain, &good, &scope, seconds[i], &target, NULL),
                         fine ? OK : ERR_RANGE);
        assert_true((target.n > 0) == fine);
        buf_fini(&target);
    }
}

static void a_request_that_does_not_fit_leaves_nothing_behind(void **state)
{
    (void)state;
    const struct sigv4_scope scope = {STR("r"), STR("s"), 0, NULL};
    for (size_t room = 0; room < 300; room++) {
        struct buf target, headers;
        buf_init(&target, 4096);
        buf_init(&headers, room);
        enum status status = sigv4_sign(&plain, &good, &scope, &target, &headers, NULL);
        assert_true(status == OK || (status == ERR_LIMIT && target.n + headers.n == 0));
        assert_true(status == OK ? room > 200 : room < 250);
        buf_fini(&target);
        buf_fini(&headers);
    }
}

static void a_line_end_in_a_value_cannot_begin_a_header(void **state)
{
    (void)state;
    static const struct sigv4_pair header[] = {{LIT("A"), LIT(" one\r\nEvil: two  three\n")}};
    const struct sigv4_scope scope = {STR("r"), STR("s"), 0, NULL};
    struct sigv4_request r = plain;
    struct buf target, headers;
    r.headers = header;
    r.headers_n = 1;
    buf_init(&target, 4096);
    buf_init(&headers, 4096);
    assert_int_equal(sigv4_sign(&r, &good, &scope, &target, &headers, NULL), OK);
    assert_true(str_has_prefix(buf_view(&headers), STR("A: one  Evil: two  three\nX-Amz-Date: ")));
    buf_fini(&target);
    buf_fini(&headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_s3_documentation_hold),
        cmocka_unit_test(keys_and_queries_with_all_signs_are_signed_as_botocore_does),
        cmocka_unit_test(the_query_is_sent_in_the_order_of_its_encoded_form),
        cmocka_unit_test(what_would_break_a_request_is_refused_without_telling_values),
        cmocka_unit_test(a_presigned_request_is_good_for_a_second_to_a_week),
        cmocka_unit_test(a_request_that_does_not_fit_leaves_nothing_behind),
        cmocka_unit_test(a_line_end_in_a_value_cannot_begin_a_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
