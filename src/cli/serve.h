/*
 * assay serve: the parts of the daemon that have a file of their own. One *life* of it goes from
 * reading the configuration to the signal (or failure) that ends it; SIGHUP begins another.
 *
 *     serve_sources_new(config, &sources, &err);     what the file names, as one source
 *     serve_state_put(&out, &state);                 how it goes, as JSON
 */
#ifndef ASSAY_CLI_SERVE_H
#define ASSAY_CLI_SERVE_H

#include "cli/config.h"
#include "cli/journal.h"
#include "source/source.h"

/* The sources of a configuration, with the credentials that they use. */
struct serve_sources;

enum status serve_sources_new(const struct config *c, struct serve_sources **out,
                              struct err *err) MUST_USE;
void serve_sources_free(struct serve_sources *s);
/* All of them as one; stays theirs. */
struct source *serve_sources_all(struct serve_sources *s);

/* How a daemon goes: what `assay status` shows and the metrics tell. */
struct serve_state {
    const struct config *config;
    struct source *source; /* of which all parts are shown */
    int64_t now_us, started_us, loaded_us;
    int64_t committed_us; /* the last commit; TIME_NONE: none yet */
    int64_t invocations, items, problems, quarantined, records, bytes; /* since it was started */
    int64_t memory, memory_peak;                                       /* resident bytes */
    int64_t store_bytes;                                               /* with its log */
    bool running;      /* false: it ended, on purpose or by a failure */
    const char *error; /* why nothing is written just now; "" when all is well */
};

void serve_state_put(struct buf *out, const struct serve_state *s);
/* Where a daemon leaves its state: beside its store. */
enum status serve_state_path(const char *store, struct buf *out, struct err *err) MUST_USE;
/* Fills what the system tells: memory and sizes of files. */
void serve_state_measure(struct serve_state *s);

#endif
