/* The two pages of metrics.h over net/server. */
#include "report/metrics.h"

#include "net/server.h"

#include <stdlib.h>

enum {
    PAGE_MAX = 4 << 20,
    /* Whoever is on this machine may connect: who asks nothing soon must go, and many who do so
     * must not keep a monitor out. */
    CONNECTIONS = 512,
    REQUEST_MS = 5000,
};

struct metrics_page {
    struct server *server;
    metrics_now now;
    void *ctx;
    struct metrics metrics; /* too large for a stack; of the server's thread */
    struct buf text;
};

static void show(struct metrics_page *p, struct server_request *r, bool health)
{
    metrics_init(&p->metrics);
    p->now(p->ctx, &p->metrics);
    buf_reset(&p->text);
    bool well = true;
    if (health)
        well = metrics_health(&p->metrics, &p->text);
    else
        metrics_write(&p->metrics, &p->text);
    if (buf_status(&p->text) != OK)
        server_answer(r, 500, "text/plain", STR("out of memory\n"), NULL);
    else
        server_answer(r, well ? 200 : 503,
                      health ? "text/plain; charset=utf-8"
                             : "text/plain; version=0.0.4; charset=utf-8",
                      buf_view(&p->text), "Cache-Control: no-store\n");
}

static void on_request(void *ctx, struct server_request *r)
{
    struct str method = server_method(r), path = server_path(r);
    bool metrics = str_eq(path, STR("/metrics")), health = str_eq(path, STR("/healthz"));
    if (!metrics && !health)
        server_answer(r, 404, "text/plain", STR("there are /metrics and /healthz\n"), NULL);
    else if (!str_eq(method, STR("GET")) && !str_eq(method, STR("HEAD")))
        server_answer(r, 405, "text/plain", STR("only GET\n"), "Allow: GET, HEAD\n");
    else
        show(ctx, r, health);
}

enum status metrics_page_new(const char *listen, metrics_now now, void *ctx,
                             struct metrics_page **out, struct err *err)
{
    struct metrics_page *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(err);
    p->now = now;
    p->ctx = ctx;
    buf_init(&p->text, PAGE_MAX);
    const struct server_options o = {.listen = listen,
                                     .connections_max = CONNECTIONS,
                                     .body_bytes_max = 4096,
                                     .request_ms = REQUEST_MS,
                                     .ctx = p,
                                     .request = on_request};
    enum status status = server_new(&o, &p->server, err);
    if (status == OK && !server_is_loopback(p->server))
        status = err_set(err, ERR_USAGE,
                         "%s can be reached by others; the status page listens on loopback only",
                         listen);
    if (status == OK)
        status = server_start(p->server, err);
    if (status != OK) {
        metrics_page_free(p);
        return status;
    }
    *out = p;
    return OK;
}

int metrics_page_port(const struct metrics_page *p)
{
    return server_port(p->server);
}

void metrics_page_free(struct metrics_page *p)
{
    if (!p)
        return;
    server_free(p->server);
    buf_fini(&p->text);
    free(p);
}
