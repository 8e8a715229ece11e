/*
 * Sends HTTP requests through net/http.h and tells what came, for tests/py/test_http.py:
 *
 *     http_probe [--OPTION VALUE]… METHOD SCHEME HOST PORT TARGET…
 *
 * One client sends the targets one after another. For each it prints a line "answer STATUS NATIVE
 * HTTP BYTES CONNECTIONS in-memory|in-file MILLISECONDS [open]" and, after a failure, a line
 * "because TEXT". With --out DIR the header lines and the body of the n-th answer go to
 * DIR/n.headers and DIR/n.body.
 */
#include "base/clock.h"
#include "base/io.h"
#include "net/http.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct probe {
    struct http_options options;
    struct http_request request;
    struct http_body_limits limits;
    const char *out;
    int64_t cancel_after_ms, threads, pause_ms;
    char **targets;
    int targets_n;
};

static _Atomic bool cancel;
static const char *const names[] = {
#define STATUS_NAME(name, text) #name,
    STATUS_MAP(STATUS_NAME)
#undef STATUS_NAME
};

static int64_t number(const char *text)
{
    int64_t n = 0;
    if (!str_to_i64(str_from(text), &n)) {
        fprintf(stderr, "http_probe: %s is not a number\n", text);
        exit(2);
    }
    return n;
}

static void option(struct probe *p, const char *name, const char *value, struct buf *headers,
                   struct buf *body)
{
    if (strcmp(name, "--header") == 0)
        buf_printf(headers, "%s\n", value);
    else if (strcmp(name, "--body-size") == 0) {
        buf_fill(body, 'x', (size_t)number(value));
        p->request.body = buf_view(body);
    } else if (strcmp(name, "--ca") == 0)
        p->options.ca_file = value;
    else if (strcmp(name, "--agent") == 0)
        p->options.user_agent = value;
    else if (strcmp(name, "--out") == 0)
        p->out = value;
    else if (strcmp(name, "--connect") == 0)
        p->options.connect_timeout_ms = number(value);
    else if (strcmp(name, "--stall") == 0)
        p->options.stall_timeout_ms = number(value);
    else if (strcmp(name, "--total") == 0)
        p->options.total_timeout_ms = number(value);
    else if (strcmp(name, "--memory") == 0)
        p->limits.memory_max = (size_t)number(value);
    else if (strcmp(name, "--file") == 0)
        p->limits.file_max = (uint64_t)number(value);
    else if (strcmp(name, "--cancel-after") == 0)
        p->cancel_after_ms = number(value);
    else if (strcmp(name, "--threads") == 0)
        p->threads = number(value);
    else if (strcmp(name, "--pause") == 0)
        p->pause_ms = number(value);
    else if (strcmp(name, "--secret") == 0)
        p->request.secret = number(value) != 0;
    else {
        fprintf(stderr, "http_probe: no option %s\n", name);
        exit(2);
    }
}

static void keep(const struct probe *p, int n, const struct http_answer *a)
{
    char path[512];
    struct buf body;
    buf_init(&body, (size_t)a->body_bytes + 1);
    buf_str(&body, buf_view(&a->body));
    if (a->body_fd >= 0 && buf_reserve(&body, (size_t)a->body_bytes)) {
        size_t got = 1;
        while (got > 0 && body.n <= a->body_bytes &&
               io_read(a->body_fd, body.p + body.n, (size_t)a->body_bytes - body.n, &got, "body",
                       NULL) == OK)
            body.n += got;
    }
    snprintf(path, sizeof path, "%s/%d.body", p->out, n);
    enum status status = io_write_file(path, buf_view(&body), NULL);
    snprintf(path, sizeof path, "%s/%d.headers", p->out, n);
    if (status != OK || io_write_file(path, buf_view(&a->headers), NULL) != OK)
        fprintf(stderr, "http_probe: cannot write %s\n", path);
    buf_fini(&body);
}

static void *send_all(void *ctx)
{
    const struct probe *p = ctx;
    struct http_client *c;
    struct http_answer a;
    struct err err = {0};
    if (http_new(&p->options, &c, &err) != OK) {
        printf("answer %s %d 0 0 0 in-memory 0\nbecause %s\n", names[err.status], err.native,
               err.text);
        return NULL;
    }
    http_answer_init(&a);
    for (int i = 0; i < p->targets_n; i++) {
        struct http_request r = p->request;
        r.target = str_from(p->targets[i]);
        int64_t start = clock_monotonic_us();
        enum status status = http_send(c, &r, &p->limits, &a, &err);
        int64_t took_ms = (clock_monotonic_us() - start) / 1000;
        flockfile(stdout);
        printf("answer %s %d %d %llu %llu %s %lld%s\n", names[status], status ? err.native : 0,
               a.status, (unsigned long long)a.body_bytes, (unsigned long long)http_connections(c),
               a.body_fd >= 0 ? "in-file" : "in-memory", (long long)took_ms,
               a.open_end ? " open" : "");
        if (status != OK)
            printf("because %s\n", err.text);
        funlockfile(stdout);
        if (p->out)
            keep(p, i, &a);
        if (p->pause_ms > 0)
            usleep((useconds_t)p->pause_ms * 1000);
    }
    http_answer_fini(&a);
    http_free(c);
    return NULL;
}

static void *cancel_later(void *ctx)
{
    const struct probe *p = ctx;
    usleep((useconds_t)p->cancel_after_ms * 1000);
    cancel = true;
    return NULL;
}

int main(int argc, char **argv)
{
    struct probe p = {.options = {.cancel = &cancel},
                      .limits = {.memory_max = 1 << 20, .file_max = 1 << 26},
                      .threads = 1};
    struct buf headers, body;
    buf_init(&headers, 1 << 20);
    buf_init(&body, 1 << 28);
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2)
        option(&p, argv[i], argv[i + 1], &headers, &body);
    if (argc - i < 5 || p.threads < 1 || p.threads > 16) {
        fprintf(stderr,
                "usage: http_probe [--OPTION VALUE]... METHOD SCHEME HOST PORT TARGET...\n");
        return 2;
    }
    p.request.method = argv[i];
    p.request.scheme = str_from(argv[i + 1]);
    p.request.host = str_from(argv[i + 2]);
    p.request.port = (int)number(argv[i + 3]);
    p.request.headers = buf_view(&headers);
    p.targets = argv + i + 4;
    p.targets_n = argc - i - 4;
    pthread_t canceller, senders[16];
    if (p.cancel_after_ms > 0 && pthread_create(&canceller, NULL, cancel_later, &p) == 0)
        pthread_detach(canceller);
    for (int t = 1; t < p.threads; t++)
        if (pthread_create(&senders[t], NULL, send_all, &p) != 0)
            return 2;
    send_all(&p);
    for (int t = 1; t < p.threads; t++)
        pthread_join(senders[t], NULL);
    buf_fini(&headers);
    buf_fini(&body);
    return 0;
}
