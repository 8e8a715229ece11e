/* What a daemon says of its own accord, and the last minute: see serve.h. */
#include "cli/serve.h"

#include <stdio.h>

#define SUMMARY_EVERY_US (600 * US_PER_SECOND)
#define MINUTE_US (60 * US_PER_SECOND)

void serve_watch_init(struct serve_watch *w, int64_t now_us)
{
    *w = (struct serve_watch){.summary_us = now_us, .ring_n = 1};
    w->ring[0].at_us = now_us;
}

void serve_watch_sources(struct serve_watch *w)
{
    memset(w->told, 0, sizeof w->told);
    w->failing = 0;
}

static bool tell_source(struct serve_watch *w, const struct journal *j, int64_t now_us, int i,
                        const char *name, const struct source_state *s)
{
    bool was = w->told[i].failing;
    if (s->failing == was && (!was || gauge_same(s->error, w->told[i].error)))
        return false;
    if (s->failing && !was)
        w->told[i].since_us = now_us;
    w->failures += s->failing;
    w->told[i].failing = s->failing;
    snprintf(w->told[i].error, sizeof w->told[i].error, "%s", s->error);
    if (s->failing)
        journal_line(j, JOURNAL_WARNING, name, "failing: %s", s->error);
    else
        journal_line(j, JOURNAL_INFO, name, "recovered");
    return true;
}

static void remember(struct serve_watch *w, int64_t now_us, const struct serve_counts *counts)
{
    /* A tick is a second or, after a signal, less: then it replaces the one before. */
    const int64_t least_us = US_PER_SECOND * 9 / 10;
    int before = (w->newest + SERVE_RING - 1) % SERVE_RING;
    if (w->ring_n < 2 || w->ring[w->newest].at_us - w->ring[before].at_us >= least_us) {
        w->newest = (w->newest + 1) % SERVE_RING;
        w->ring_n += w->ring_n < SERVE_RING;
    }
    w->ring[w->newest].at_us = now_us;
    w->ring[w->newest].counts = *counts;
}

static void summarize(struct serve_watch *w, const struct journal *j, int64_t now_us,
                      const struct serve_counts *c)
{
    if (now_us - w->summary_us < SUMMARY_EVERY_US)
        return;
    int64_t items = c->items - w->summary.items, records = c->records - w->summary.records;
    int64_t invocations = c->invocations - w->summary.invocations;
    if (items > 0 || records > 0)
        journal_line(
            j, JOURNAL_INFO, "",
            "in the last %lld minutes: %lld items with %lld records, %lld invocations kept",
            (long long)((now_us - w->summary_us) / MINUTE_US), (long long)items, (long long)records,
            (long long)invocations);
    w->summary_us = now_us;
    w->summary = *c;
}

bool serve_watch_tick(struct serve_watch *w, const struct journal *j, int64_t now_us,
                      const struct serve_counts *counts, const struct config_source *sources,
                      const struct source_state *states, int n)
{
    bool told = false;
    w->failing = 0;
    for (int i = 0; i < n; i++) {
        told |= tell_source(w, j, now_us, i, sources[i].name, &states[i]);
        w->failing += states[i].failing;
    }
    remember(w, now_us, counts);
    summarize(w, j, now_us, counts);
    return told;
}

struct serve_counts serve_watch_minute(const struct serve_watch *w, int64_t *span_us)
{
    const struct serve_counts *new = &w->ring[w->newest].counts, *old = new;
    int64_t now_us = w->ring[w->newest].at_us;
    *span_us = 0;
    /* Ticks may come late: only what lies within the minute counts. */
    for (int i = 1; i < w->ring_n; i++) {
        int at = (w->newest + SERVE_RING - i) % SERVE_RING;
        if (now_us - w->ring[at].at_us > MINUTE_US + US_PER_SECOND)
            break;
        old = &w->ring[at].counts;
        *span_us = now_us - w->ring[at].at_us;
    }
    return (struct serve_counts){.items = new->items - old->items,
                                 .records = new->records - old->records,
                                 .invocations = new->invocations - old->invocations,
                                 .bytes = new->bytes - old->bytes};
}
