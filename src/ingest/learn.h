/*
 * What a store learns of application inference profiles while it is written: what it remembers,
 * what a file of the user says (--profiles), what AWS answers. Later records are priced by it at
 * once, and what was kept before is priced again (store_reprice), piece by piece.
 *
 *     learn_new(&o, &l, &err);     before the first record: what is remembered, and the file
 *     learn_look(l, &err);         after a batch: profiles met for the first time are asked for
 *     if (learn_has_news(l)) learn_apply(l, &err);           inside a batch
 *     learn_notes(l)               what somebody should read
 *     learn_free(l);
 *
 * All by the one thread that writes the store.
 *
 * A profile that AWS has told stays known for ever; after a day its tags are asked for again when
 * its records are met, because they alone can change. One that is deleted before it was asked for
 * is never asked for again. One that we may not read is asked for again in each run, and every hour
 * in a run that lasts; the missing permission is told once for each account.
 */
#ifndef ASSAY_INGEST_LEARN_H
#define ASSAY_INGEST_LEARN_H

#include "ingest/resolver.h"
#include "store/store.h"

struct learn_options {
    struct store *store; /* open for writing, no batch open */
    struct pricing *pricing;
    struct resolver *resolver; /* NULL: AWS is not asked */
};

struct learn_result {
    int64_t asked, known, deleted, denied, failed;
    int64_t repriced, gone; /* invocations: see struct store_repriced */
};

struct learn;

/* Borrows all three. Writes to the store. */
enum status learn_new(const struct learn_options *o, struct learn **out, struct err *err) MUST_USE;
void learn_free(struct learn *l);
enum status learn_look(struct learn *l, struct err *err) MUST_USE;
/* There is something for learn_apply: an answer, or facts that are still to be priced again. */
bool learn_has_news(struct learn *l);
/* There is, or will be; waits for an answer at most so long. */
bool learn_is_waiting(struct learn *l, int64_t ms);
enum status learn_apply(struct learn *l, struct err *err) MUST_USE;
/* Lines that were not read yet, "" for none; good until the next call of any. */
struct str learn_notes(struct learn *l);
struct learn_result learn_result(const struct learn *l);

#endif
