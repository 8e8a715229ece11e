/*
 * How a daemon goes, for whoever watches it: the page /metrics in the text form of Prometheus
 * (version 0.0.4, "Exposition formats" of its documentation) and /healthz. Pure functions of a
 * struct, and the small server that shows both on a loopback port.
 *
 *     static void now(void *ctx, struct metrics *m) { … fill in … }
 *     TRY(metrics_page_new("127.0.0.1:9464", now, ctx, &page, &err));
 *     …
 *     metrics_page_free(page);
 *
 * Counters begin at 0 with the process. Instants that are TIME_NONE and numbers below 0 are not
 * known, and left out.
 */
#ifndef ASSAY_REPORT_METRICS_H
#define ASSAY_REPORT_METRICS_H

#include "base/buf.h"
#include "source/state.h"

enum { METRICS_SOURCES_MAX = 256 };

struct metrics {
    const char *version;
    int64_t now_us, started_us;
    /* Since the process began. */
    int64_t items, bytes, records, invocations, quarantined, problems;
    int64_t committed_us; /* the last commit */
    const char *store;    /* its path */
    int64_t store_bytes, memory_bytes, cpu_us;
    const char *failure; /* why nothing is written just now; NULL or "": all is well */
    struct source_state sources[METRICS_SOURCES_MAX];
    /* Of each: for how long it has been failing, and after how long that makes the whole unhealthy;
     * 0: it never does. One that is quiet does not fail. */
    int64_t failing_us[METRICS_SOURCES_MAX], patience_us[METRICS_SOURCES_MAX];
    int sources_n;
};

void metrics_init(struct metrics *m);
/* Memory and processor time of this process. */
void metrics_measure(struct metrics *m);

void metrics_write(const struct metrics *m, struct buf *out);
/* "ok", or a line for each thing that is wrong; true: all is well. */
bool metrics_health(const struct metrics *m, struct buf *out);

struct metrics_page;

/* Fills *m, which is initialised; called for each request by the page's thread. What it points to
 * must be good until the next call. */
typedef void (*metrics_now)(void *ctx, struct metrics *m);

/*
 * Shows /metrics and /healthz (200 or 503). ERR_USAGE when others could reach the address: what it
 * shows asks for no password; see also server_new.
 */
enum status metrics_page_new(const char *listen, metrics_now now, void *ctx,
                             struct metrics_page **out, struct err *err) MUST_USE;
int metrics_page_port(const struct metrics_page *p);
void metrics_page_free(struct metrics_page *p);

#endif
