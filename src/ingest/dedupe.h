/*
 * Nothing is counted twice: the invocations of a one-shot run by their 128-bit key. Of two records
 * with one key the one that invocation_beats stays; the other is handed back so that what it added
 * can be taken away. Any order, any number of copies, any number of threads: the same result.
 *
 * Memory is bounded. The table holds 12 bytes a key at 60 to 75 % load; what an invocation added is
 * packed (some 50 bytes) into blocks that go to an unnamed temporary file as they fill. Past
 * `memory_limit` new keys are no longer taken into the table: their invocations are set aside in
 * the file and sorted out at the end, a part of the keys at a time.
 */
#ifndef ASSAY_INGEST_DEDUPE_H
#define ASSAY_INGEST_DEDUPE_H

#include "base/err.h"
#include "model/invocation.h"

struct dedupe;

enum verdict {
    VERDICT_NEW,      /* count it */
    VERDICT_DROP,     /* a copy, or the weaker of two: do not count it */
    VERDICT_REPLACE,  /* take *old away, count it */
    VERDICT_DEFERRED, /* decided by dedupe_finish */
};

/* memory_limit in bytes, 0: 1 GiB. */
enum status dedupe_new(uint64_t memory_limit, struct dedupe **out, struct err *err) MUST_USE;
void dedupe_free(struct dedupe *d);

/* Brings the key's place into the cache, for an offer some records later. Any thread. */
void dedupe_prefetch(const struct dedupe *d, struct hash128 key);
/* Any thread. *old is filled for VERDICT_REPLACE, all but its exchange. */
enum status dedupe_offer(struct dedupe *d, const struct invocation *v, enum verdict *verdict,
                         struct invocation *old, struct err *err) MUST_USE;
/* After all offers, one thread: calls count for each deferred invocation that stays. */
enum status dedupe_finish(struct dedupe *d,
                          enum status (*count)(void *ctx, const struct invocation *v,
                                               struct err *err),
                          void *ctx, struct err *err) MUST_USE;
/* Distinct invocations so far (all of them after dedupe_finish), and bytes held by the table. */
int64_t dedupe_count(const struct dedupe *d);
uint64_t dedupe_memory(const struct dedupe *d);

#endif
