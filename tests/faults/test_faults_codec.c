/*
 * Memory that runs out while a request is signed or an answer in XML is read: ERR_NOMEM and nothing
 * half done, at every allocation, also those inside OpenSSL and expat, and also while OpenSSL sets
 * itself up. Leaks show in the build with AddressSanitizer.
 */
#include "codec/sigv4.h"
#include "codec/xml.h"
#include "faults.h"
#include "unit.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* OpenSSL's memory comes through the calls of this program. */
static void *take(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(n);
}

static void *grow(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return realloc(p, n);
}

static void give(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

static const struct sigv4_pair query[] = {{{"prefix", 6}, {"a b", 3}}, {{"b", 1}, {"", 0}}};
static const struct sigv4_request request = {.method = {"GET", 3},
                                             .host = {"b.s3.amazonaws.com", 18},
                                             .path = {"/a=b/../c", 9},
                                             .query = query,
                                             .query_n = 2};
static const struct sigv4_keys keys = {{"AKID", 4}, {"secret", 6}, {"token", 5}};

enum { SIGN, SIGN_CACHED, PRESIGN, WAYS };

/* What is in `out` is all of a signed request or nothing. */
static enum status sign(int way, struct buf *out, struct err *err)
{
    struct sigv4_cache cache = {0};
    struct sigv4_scope s = {.region = {"us-east-1", 9}, .service = {"s3", 2}};
    struct buf target, headers;
    s.cache = way == SIGN_CACHED ? &cache : NULL;
    buf_init(&target, 1 << 16);
    buf_init(&headers, 1 << 16);
    enum status status = way == PRESIGN ? sigv4_presign(&request, &keys, &s, 60, &target, err)
                                        : sigv4_sign(&request, &keys, &s, &target, &headers, err);
    buf_str(out, buf_view(&target));
    buf_str(out, buf_view(&headers));
    buf_fini(&target);
    buf_fini(&headers);
    return status;
}

static bool is_told(enum status status, const struct err *err)
{
    return (status == ERR_NOMEM || status == ERR_IO) && err->status == status && err->text[0];
}

static void signing_survives_every_failing_allocation(void **state)
{
    (void)state;
    char wanted_room[4096], room[4096];
    for (int way = 0; way < WAYS; way++) {
        struct buf wanted, out;
        buf_on(&wanted, wanted_room, sizeof wanted_room);
        faults_none();
        assert_int_equal(sign(way, &wanted, NULL), OK);
        int64_t n = faults_allocations();
        assert_true(n > 10);
        for (int64_t i = 0; i < 2 * n; i++) {
            struct err err = {0};
            buf_on(&out, room, sizeof room);
            faults_fail_allocation(i / 2, i % 2);
            enum status status = sign(way, &out, &err);
            faults_none();
            if (status != OK)
                assert_true(is_told(status, &err) && out.n == 0);
            else
                assert_true(str_eq(buf_view(&out), buf_view(&wanted)));
        }
        buf_on(&out, room, sizeof room);
        assert_int_equal(sign(way, &out, NULL), OK);
        assert_true(str_eq(buf_view(&out), buf_view(&wanted)));
    }
}

/* A process for each: what OpenSSL could not set up once it does not try again. */
static int cold_start(int64_t fail_at)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char room[4096];
        struct buf out;
        struct err err = {0};
        buf_on(&out, room, sizeof room);
        faults_fail_allocation(fail_at, false);
        enum status status = sign(SIGN, &out, &err);
        bool reached = faults_allocations() > fail_at;
        faults_none();
        bool right = status == OK ? out.n > 0 : is_told(status, &err) && out.n == 0;
        _exit(!right ? 2 : reached ? 0 : 1);
    }
    int told;
    assert_int_equal(waitpid(child, &told, 0), child);
    if (!WIFEXITED(told) || WEXITSTATUS(told) == 2)
        fail_msg("allocation %d: process ended with %d", (int)fail_at, told);
    return WEXITSTATUS(told);
}

static void a_first_signature_survives_every_failing_allocation(void **state)
{
    (void)state;
    /* Thousands, the critical ones first: all of the first fifty, then with growing steps.
     * FAULTS_ALL tries each, which takes a minute. */
    const char *all = getenv("FAULTS_ALL");
    int64_t at = 0;
    while (cold_start(at) == 0)
        at += all ? 1 : 1 + at / 50;
    print_message("some %d allocations\n", (int)at);
    assert_true(at > 20);
}

static enum status count(void *ctx, struct str name, struct str text, struct err *err)
{
    (void)err;
    *(size_t *)ctx += name.n + text.n;
    return OK;
}

static void reading_xml_survives_every_failing_allocation(void **state)
{
    (void)state;
    const struct str xml =
        STR("<?xml version='1.0'?><l xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><c a='b'>"
            "<k>key&amp;&#65;</k><s/></c><!-- d --></l>");
    size_t seen = 0;
    const struct xml_visitor v = {.ctx = &seen, .close = count};
    faults_none();
    assert_int_equal(xml_read(xml, &v, NULL), OK);
    size_t whole = seen;
    int64_t n = faults_allocations();
    assert_true(n > 5);
    for (int64_t i = 0; i < 2 * n; i++) {
        struct err err = {0};
        seen = 0;
        faults_fail_allocation(i / 2, i % 2);
        enum status status = xml_read(xml, &v, &err);
        faults_none();
        if (status == OK)
            assert_int_equal(seen, whole);
        else
            assert_true(status == ERR_NOMEM && err.status == status);
    }
}

int main(void)
{
    if (!CRYPTO_set_mem_functions(take, grow, give))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_signature_survives_every_failing_allocation),
        cmocka_unit_test(signing_survives_every_failing_allocation),
        cmocka_unit_test(reading_xml_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
