/*
 * Text for bodies. At the start some megabytes of prose, source lines and command output are made
 * from the word lists; afterwards every text of a request is a slice of those pools, cut at line
 * ends. The pools are far larger than deflate's window of 32 KiB, so a compressor sees fresh text
 * in every slice while writing one costs no more than a copy.
 *
 * The pools hold text as it stands between the quotes of a JSON string: escaped already.
 */
#ifndef ASSAY_SIM_TEXT_H
#define ASSAY_SIM_TEXT_H

#include "base/buf.h"
#include "sim/rand.h"

enum text_kind { TEXT_PROSE, TEXT_CODE, TEXT_OUTPUT, TEXT_KINDS };

struct text_pool {
    struct buf bytes;
    uint32_t *line; /* where each line begins; line[lines_n] is the end of the pool */
    uint32_t lines_n;
};

struct text {
    struct text_pool pool[TEXT_KINDS];
};

enum status text_init(struct text *t, uint64_t seed, struct err *err) MUST_USE;
void text_fini(struct text *t);

/* A slice of about n bytes (at least one line, at most half a pool). Borrowed from t. */
struct str text_take(const struct text *t, enum text_kind kind, struct rng *r, size_t n);
/* Appends about n bytes, as many slices as it needs. */
void text_append(const struct text *t, enum text_kind kind, struct rng *r, size_t n,
                 struct buf *out);
/* Bytes of a piece of escaped text once it is decoded. */
uint32_t text_decoded(struct str escaped);

#endif
