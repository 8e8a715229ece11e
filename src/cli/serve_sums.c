/* What the sources of a daemon counted in lives before: see serve.h. */
#include "cli/serve.h"

#include <stdio.h>

void serve_sums_add(const struct serve_sums *sums, const char *name, struct source_state *state)
{
    for (int i = 0; i < sums->n; i++) {
        const struct source_state *before = &sums->v[i].counts;
        if (strcmp(sums->v[i].name, name) != 0)
            continue;
        state->named += before->named;
        state->kept += before->kept;
        state->known += before->known;
        state->again += before->again;
        state->failed += before->failed;
        state->bytes += before->bytes;
        state->skipped += before->skipped;
        state->refused += before->refused;
        if (before->up_to_us > state->up_to_us)
            state->up_to_us = before->up_to_us;
        return;
    }
}

void serve_sums_keep(struct serve_sums *sums, const struct config_source *sources,
                     const struct source_state *states, int n)
{
    sums->n = 0;
    for (int i = 0; i < n && i < CONFIG_SOURCES_MAX; i++, sums->n++) {
        snprintf(sums->v[i].name, sizeof sums->v[i].name, "%s", sources[i].name);
        sums->v[i].counts = states[i];
    }
}
