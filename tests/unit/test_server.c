/* net/server: requests answered at once, later, from other threads, and by the end of the server.
 * What hostile clients do to it is in tests/py/test_push.py. */
#include <stdio.h>

#include "client.h"

#include "net/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct world {
    struct server *server;
    int port;
    pthread_mutex_t lock;
    struct server_request *later[64];
    int later_n;
    _Atomic int handled, lost;
};

/* Says what it was asked; "/later" is kept, "/no" is refused by its headers. */
static void on_request(void *ctx, struct server_request *r)
{
    struct world *w = ctx;
    char room[512];
    struct buf text, body;
    w->handled++;
    if (str_eq(server_path(r), STR("/later"))) {
        pthread_mutex_lock(&w->lock);
        w->later[w->later_n++] = r;
        pthread_mutex_unlock(&w->lock);
        return;
    }
    server_take_body(r, &body);
    buf_on(&text, room, sizeof room);
    buf_printf(&text, "%.*s|%.*s|%.*s|%.*s|%lld|%.*s", STR_ARG(server_method(r)),
               STR_ARG(server_path(r)), STR_ARG(server_query(r, "q")),
               STR_ARG(server_header(r, "x-mine")), (long long)server_body_length(r),
               STR_ARG(buf_view(&body)));
    server_answer(r, 200, "text/plain", buf_view(&text), "X-One: 1\nX-Two: a: b\n");
    buf_fini(&body);
}

static void on_head(void *ctx, struct server_request *r)
{
    (void)ctx;
    if (str_eq(server_path(r), STR("/no")))
        server_answer(r, 403, "text/plain", STR("no"), NULL);
    server_set_tag(r, ctx);
}

static void on_lost(void *ctx, struct server_request *r)
{
    struct world *w = ctx;
    assert_ptr_equal(server_tag(r), w);
    w->lost++;
}

static void open_world(struct world *w)
{
    struct err err = {0};
    const struct server_options o = {.listen = "127.0.0.1:0",
                                     .body_bytes_max = 1000,
                                     .ctx = w,
                                     .head = on_head,
                                     .request = on_request,
                                     .lost = on_lost};
    memset(w, 0, sizeof *w);
    pthread_mutex_init(&w->lock, NULL);
    assert_int_equal(server_new(&o, &w->server, &err), OK);
    assert_int_equal(server_start(w->server, &err), OK);
    w->port = server_port(w->server);
    assert_true(w->port > 0);
    assert_true(server_is_loopback(w->server));
}

static void a_handler_sees_the_whole_request(void **state)
{
    (void)state;
    struct world w;
    char out[2048];
    open_world(&w);
    client_ask(w.port, "PUT /a%20b/c?q=x%26y&z", "X-MINE: value\r\n", "hello", out, sizeof out);
    assert_non_null(strstr(out, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(out, "\r\nX-One: 1\r\n"));
    assert_non_null(strstr(out, "\r\nX-Two: a: b\r\n"));
    assert_non_null(strstr(out, "\r\n\r\nPUT|/a b/c|x&y|value|5|hello"));
    client_ask(w.port, "GET /", "", "", out, sizeof out);
    assert_non_null(strstr(out, "\r\n\r\nGET|/|||0|"));
    server_free(w.server);
}

static void a_head_may_refuse(void **state)
{
    (void)state;
    struct world w;
    char out[2048];
    open_world(&w);
    client_ask(w.port, "POST /no", "", "body", out, sizeof out);
    assert_non_null(strstr(out, "HTTP/1.1 403 "));
    assert_non_null(strstr(out, "\r\n\r\nno"));
    assert_int_equal(w.handled, 0);
    server_free(w.server);
    assert_int_equal(w.lost, 0);
}

static void *ask_later(void *arg)
{
    const struct world *w = arg;
    char out[2048];
    client_ask(w->port, "GET /later", "", "", out, sizeof out);
    return strstr(out, "HTTP/1.1 200 ") ? "200" : strstr(out, "HTTP/1.1 503 ") ? "503" : "nothing";
}

static void wait_for(struct world *w, int n)
{
    for (int found = 0; found < n; usleep(1000)) {
        pthread_mutex_lock(&w->lock);
        found = w->later_n;
        pthread_mutex_unlock(&w->lock);
    }
}

static void answers_may_come_later_from_another_thread(void **state)
{
    (void)state;
    enum { N = 32 };
    struct world w;
    pthread_t threads[N];
    open_world(&w);
    for (int i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_later, &w), 0);
    wait_for(&w, N);
    for (int i = N; i-- > 0;)
        server_answer(w.later[i], 200, "text/plain", STR("late"), NULL);
    for (int i = 0; i < N; i++) {
        void *found;
        pthread_join(threads[i], &found);
        assert_string_equal(found, "200");
    }
    server_free(w.server);
}

static void a_stop_answers_what_is_open(void **state)
{
    (void)state;
    enum { N = 8 };
    struct world w;
    pthread_t threads[N];
    open_world(&w);
    for (int i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_later, &w), 0);
    wait_for(&w, N);
    /* One whose body never comes, and is told of as lost. */
    int open = client_connect(w.port);
    client_send(open, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    usleep(100000);
    server_stop(w.server);
    assert_int_equal(w.lost, 1);
    for (int i = 0; i < N; i++) {
        void *found;
        pthread_join(threads[i], &found);
        assert_string_equal(found, "503");
    }
    int handled = w.handled;
    for (int i = 0; i < N; i++)
        server_answer(w.later[i], 200, "text/plain", STR("too late"), NULL);
    close(open);
    server_free(w.server);
    assert_int_equal(w.handled, handled);
}

static void addresses_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "8080",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:x",
                                      "::1:80",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1"};
    struct server *s;
    struct err err;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct server_options o = {.listen = bad[i], .request = on_request};
        assert_int_equal(server_new(&o, &s, &err), ERR_USAGE);
    }
    const struct server_options all = {.listen = ":0", .request = on_request};
    assert_int_equal(server_new(&all, &s, &err), OK);
    assert_false(server_is_loopback(s));
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%d", server_port(s));
    server_free(s);
    struct server *first;
    const struct server_options one = {.listen = taken, .request = on_request};
    assert_int_equal(server_new(&one, &first, &err), OK);
    assert_int_equal(server_new(&one, &s, &err), ERR_CONFLICT);
    server_free(first);
    const struct server_options no_key = {
        .listen = "127.0.0.1:0", .request = on_request, .certificate = "c.pem"};
    assert_int_equal(server_new(&no_key, &s, &err), ERR_USAGE);
    const struct server_options no_files = {
        .listen = "127.0.0.1:0", .request = on_request, .certificate = "no-c", .key = "no-k"};
    assert_int_equal(server_new(&no_files, &s, &err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_sees_the_whole_request),
        cmocka_unit_test(a_head_may_refuse),
        cmocka_unit_test(answers_may_come_later_from_another_thread),
        cmocka_unit_test(a_stop_answers_what_is_open),
        cmocka_unit_test(addresses_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
