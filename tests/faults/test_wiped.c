/*
 * Secrets do not stay behind in memory: all memory that is given back while a request is signed
 * (the linker sends free and realloc through here) and the whole stack that the signing ran on are
 * searched for the secret, the keys derived from it and the session token.
 */
#include "codec/sigv4.h"
#include "unit.h"

#include "base/clock.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

enum { DERIVED = 4, NEEDLES = DERIVED + 2, STACK = 1 << 20 };

static struct sha256 derived[DERIVED];
static char token[3000], encoded[9000]; /* all of "+", and what that becomes in a query */
static struct str needles[NEEDLES];
static _Atomic int watching, left_behind, freed;

static void look(const void *p, size_t n)
{
    for (size_t i = 0; i < NEEDLES; i++)
        if (str_find(str_of(p, n), needles[i]) >= 0)
            left_behind |= 1 << i;
}

void __real_free(void *p);
void *__real_realloc(void *p, size_t n);
void __wrap_free(void *p);
void *__wrap_realloc(void *p, size_t n);

void __wrap_free(void *p)
{
    if (watching && p) {
        freed++;
        look(p, malloc_usable_size(p));
    }
    __real_free(p);
}

/* Never in place, so that what a block leaves behind is always seen. */
void *__wrap_realloc(void *p, size_t n)
{
    if (!watching || !p)
        return __real_realloc(p, n);
    size_t old = malloc_usable_size(p);
    void *moved = malloc(n);
    if (!moved)
        return NULL;
    memcpy(moved, p, old < n ? old : n);
    __wrap_free(p);
    return moved;
}

static enum status results[3];

static void *sign(void *unused)
{
    (void)unused;
    const struct sigv4_pair query[] = {{STR("prefix"), STR("a b")}, {STR("Zed"), STR("z")}};
    const struct sigv4_pair header[] = {{STR("Z"), STR("z")}};
    const struct sigv4_request r = {.method = STR("GET"),
                                    .host = STR("b.s3.amazonaws.com"),
                                    .path = STR("/key"),
                                    .query = query,
                                    .query_n = 2,
                                    .headers = header,
                                    .headers_n = 1,
                                    .plain_path = true,
                                    .content_sha256 = true};
    const struct sigv4_keys k = {STR("AKID"), STR(SECRET), str_of(token, sizeof token)};
    struct sigv4_cache cache = {0};
    struct sigv4_scope s = {STR("us-east-1"), STR("s3"), 20 * US_PER_DAY, NULL};
    struct buf target, headers;
    static char target_room[1 << 15], headers_room[1 << 15];
    watching = 1;
    for (int i = 0; i < 3; i++) {
        buf_on(&target, target_room, sizeof target_room);
        buf_on(&headers, headers_room, sizeof headers_room);
        s.cache = i == 1 ? &cache : NULL;
        results[i] = i < 2 ? sigv4_sign(&r, &k, &s, &target, &headers, NULL)
                           : sigv4_presign(&r, &k, &s, 60, &target, NULL);
    }
    watching = 0;
    secret_wipe(&cache, sizeof cache);
    return NULL;
}

static void prepare(void)
{
    static const char *const steps[DERIVED] = {"19700121", "us-east-1", "s3", "aws4_request"};
    struct str with = STR("AWS4" SECRET);
    for (size_t i = 0; i < DERIVED; i++) {
        assert_int_equal(hmac_sha256(with, str_from(steps[i]), &derived[i], NULL), OK);
        needles[i] = with = str_of((const char *)derived[i].b, SHA256_BYTES);
    }
    for (size_t i = 0; i < sizeof token; i++)
        memcpy(encoded + 3 * i, "%2B", 3);
    memset(token, '+', sizeof token);
    needles[DERIVED] = STR("AWS4" SECRET);
    needles[DERIVED + 1] = str_of(token, 64);
}

static void run_and_look(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(stack != MAP_FAILED);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK), 0);
    left_behind = freed = 0;
    assert_int_equal(pthread_create(&thread, &attributes, sign, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(results[i], OK);
    assert_true(freed > 10);
    look(stack, STACK);
    assert_int_equal(left_behind, 0);
    pthread_attr_destroy(&attributes);
    munmap(stack, STACK);
}

static void signing_leaves_no_secret_in_memory(void **state)
{
    (void)state;
    prepare();
    run_and_look();
    needles[DERIVED + 1] = str_of(encoded, 64);
    run_and_look();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(signing_leaves_no_secret_in_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
