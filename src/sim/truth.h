/*
 * The truth: what the simulator wrote, counted while it wrote it and independently of everything
 * that reads logs. truth.json is meant for tests: totals in every direction that a report can be
 * asked for, and cells fine enough to price them again elsewhere.
 */
#ifndef ASSAY_SIM_TRUTH_H
#define ASSAY_SIM_TRUTH_H

#include "base/buf.h"
#include "sim/book.h"
#include "sim/call.h"
#include "sim/org.h"

struct tally {
    int64_t invocations, errors, no_counts;
    int64_t input, output, cache_read, write_5m, write_1h, write_unknown;
};

/* Tallies by a number that packs several small indexes. */
struct tally_map {
    struct tally_slot *slot;
    uint32_t n, cap;
};

struct truth {
    const struct org *org;
    int64_t start_day;
    int64_t records, duplicates;
    int64_t in_inline, in_offloaded, in_missing, out_inline, out_offloaded, out_missing;
    int64_t by_error[SIM_ERRORS];
    struct tally by_operation[SIM_OPERATIONS];
    struct tally_map by_user_model; /* caller and model */
    struct tally_map cells;         /* everything that a price depends on */
};

/* What a reader can see of a call, given where its bodies went. */
struct seen {
    bool output_body; /* inline, or offloaded and there */
};

void truth_init(struct truth *t, const struct org *org, int64_t start_day);
void truth_fini(struct truth *t);
/* A call as a reader counts it. */
struct tally tally_of(const struct call *c, struct seen seen);
/* A distinct invocation. False when memory is short. */
bool truth_add(struct truth *t, const struct call *c, struct seen seen);

struct truth_about {
    uint64_t seed;
    int64_t users, days;
    const char *bodies;
    int64_t files, json_bytes, gzip_bytes;
    int64_t sessions, prompts;
    const struct book *book;
};

enum status truth_write(const struct truth *t, const struct truth_about *about, const char *path,
                        struct err *err) MUST_USE;

#endif
