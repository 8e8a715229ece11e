/* report/metrics: the form of Prometheus, and when all is well. */
#include <stdio.h>

#include "client.h"

#include "report/metrics.h"

static const char TEXT[] = "# HELP assay_info The version that runs.\n"
                           "# TYPE assay_info gauge\n"
                           "assay_info{version=\"1.2\"} 1\n"
                           "# HELP assay_healthy 1: /healthz answers ok.\n"
                           "# TYPE assay_healthy gauge\n"
                           "assay_healthy 1\n"
                           "# HELP assay_items_read_total Files, objects and deliveries read.\n"
                           "# TYPE assay_items_read_total counter\n"
                           "assay_items_read_total 7\n";

static struct metrics m;

static void setup_metrics(void)
{
    metrics_init(&m);
    m.version = "1.2";
    m.now_us = 1000 * US_PER_SECOND;
    m.started_us = 100 * US_PER_SECOND + 5;
    m.items = 7;
    m.store = "a\"b\\c\nd\te\xff.db";
    m.store_bytes = 4096;
    m.cpu_us = 1500000;
    m.patience_us[0] = 60 * US_PER_SECOND;
    m.sources_n = 2;
    m.sources[0] = (struct source_state){.name = "s3://bucket/logs",
                                         .kept = 3,
                                         .success_us = 990 * US_PER_SECOND,
                                         .error_us = TIME_NONE,
                                         .up_to_us = TIME_NONE,
                                         .waiting = -1};
    m.sources[1] = (struct source_state){.name = "", .success_us = TIME_NONE};
}

static void has(const struct buf *text, const char *line, bool wanted)
{
    if ((str_find(buf_view(text), str_from(line)) >= 0) != wanted)
        fail_msg("%s: %s in\n%.*s", wanted ? "not" : "found", line, STR_ARG(buf_view(text)));
}

static void what_is_known_is_written(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 20);
    setup_metrics();
    metrics_write(&m, &out);
    assert_int_equal(buf_status(&out), OK);
    assert_true(str_has_prefix(buf_view(&out), STR(TEXT)));
    has(&out, "\nassay_start_timestamp_seconds 100.000005\n", true);
    has(&out, "\nassay_uptime_seconds 899\n", true);
    has(&out, "\nassay_cpu_seconds_total 1.500000\n", true);
    has(&out, "\nassay_store_bytes{path=\"a\\\"b\\\\c\\nd?e\xEF\xBF\xBD.db\"} 4096\n", true);
    has(&out, "\nassay_source_items_kept_total{source=\"s3://bucket/logs\"} 3\n", true);
    has(&out,
        "\nassay_source_last_success_timestamp_seconds{source=\"s3://bucket/logs\"} 990.000000\n",
        true);
    has(&out, "assay_resident_memory_bytes", false);
    has(&out, "assay_last_commit", false);
    has(&out, "assay_source_waiting", false);
    has(&out, "assay_source_up_to", false);
    has(&out, "source=\"\"", false);
    buf_fini(&out);
}

static void health_names_what_is_wrong(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 20);
    setup_metrics();
    assert_true(metrics_health(&m, &out));
    assert_true(str_eq(buf_view(&out), STR("ok\n")));
    m.sources[0].failing = true;
    m.sources[0].error_us = 995 * US_PER_SECOND;
    m.failing_us[0] = 61 * US_PER_SECOND;
    memcpy(m.sources[0].error, "AccessDenied", 13);
    m.failure = "no space left";
    buf_reset(&out);
    assert_false(metrics_health(&m, &out));
    assert_true(str_eq(buf_view(&out), STR("the store is not written: no space left\n"
                                           "s3://bucket/logs: failing for more than 60 s: "
                                           "AccessDenied\n")));
    m.failure = "";
    assert_false(metrics_health(&m, &out));
    m.failing_us[0] = 59 * US_PER_SECOND;
    assert_true(metrics_health(&m, &out));
    m.failing_us[0] = 500 * US_PER_SECOND;
    m.patience_us[0] = 0;
    assert_true(metrics_health(&m, &out));
    m.patience_us[0] = 60 * US_PER_SECOND;
    /* A single one, long ago, and quiet since. */
    m.sources[0].error_us = 500 * US_PER_SECOND;
    assert_true(metrics_health(&m, &out));
    m.sources[0].error_us = 999 * US_PER_SECOND;
    m.sources[0].failing = false;
    assert_true(metrics_health(&m, &out));
    buf_fini(&out);
}

static void now(void *ctx, struct metrics *out)
{
    const bool *broken = ctx;
    metrics_measure(out);
    out->failure = *broken ? "no space left" : NULL;
}

static void pages_are_shown_on_loopback(void **state)
{
    (void)state;
    static char out[65536];
    bool broken = false;
    struct metrics_page *page;
    struct err err = {0};
    assert_int_equal(metrics_page_new(":0", now, &broken, &page, &err), ERR_USAGE);
    assert_int_equal(metrics_page_new("127.0.0.1:0", now, &broken, &page, &err), OK);
    int port = metrics_page_port(page);
    client_ask(port, "GET /metrics", "", "", out, sizeof out);
    assert_non_null(strstr(out, "HTTP/1.1 200 "));
    assert_non_null(strstr(out, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(out, "\nassay_healthy 1\n"));
    assert_non_null(strstr(out, "\nassay_resident_memory_bytes "));
    assert_non_null(strstr(out, "\nassay_cpu_seconds_total "));
    client_ask(port, "GET /healthz", "", "", out, sizeof out);
    assert_non_null(strstr(out, "HTTP/1.1 200 "));
    assert_non_null(strstr(out, "\r\n\r\nok\n"));
    client_ask(port, "POST /healthz", "", "x", out, sizeof out);
    assert_non_null(strstr(out, "HTTP/1.1 405 "));
    client_ask(port, "GET /", "", "", out, sizeof out);
    assert_non_null(strstr(out, "HTTP/1.1 404 "));
    broken = true;
    client_ask(port, "GET /healthz", "", "", out, sizeof out);
    assert_non_null(strstr(out, "HTTP/1.1 503 "));
    assert_non_null(strstr(out, "\r\n\r\nthe store is not written: no space left\n"));
    metrics_page_free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known_is_written),
        cmocka_unit_test(health_names_what_is_wrong),
        cmocka_unit_test(pages_are_shown_on_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
