/* What the actors of a simulation share. */
#ifndef ASSAY_SIM_SIM_INTERNAL_H
#define ASSAY_SIM_SIM_INTERNAL_H

#include "sim/answer.h"
#include "sim/book.h"
#include "sim/org.h"
#include "sim/price.h"
#include "sim/sim.h"
#include "sim/talk.h"
#include "sim/truth.h"
#include "sim/writer.h"

struct sim {
    struct sim_options options;
    struct org org;
    struct text pools;
    const struct text *text; /* NULL: bodies are off */
    struct writer writer;
    struct truth truth;
    struct prices *prices;
    struct book *book;
    struct rng rng;       /* of delivery: request ids, places, copies */
    struct answer answer; /* scratch: one call is made at a time */
    struct buf scratch;   /* a body or a tool's input, by whoever makes a call */
    struct buf in_path, out_path;
    int64_t sessions, prompts;
    int64_t start_s, end_s;
    struct err *err;
};

/* Writes a call down and counts it. */
enum status sim_emit(struct sim *s, struct call *c) MUST_USE;
/* Bytes of text for so many tokens, scaled. */
size_t sim_bytes(const struct sim *s, uint32_t tokens);
/* Nothing for `tokens` when bodies are off; otherwise that much text appended to out. */
void sim_text(const struct sim *s, struct rng *r, enum text_kind kind, uint32_t tokens,
              struct buf *out);

/* The actors. A step makes at most a handful of calls and says when the next one is due, in
 * milliseconds since 1970. */
struct dev;
struct service;
enum status dev_new(struct sim *s, uint32_t caller, struct dev **out, int64_t *first_ms) MUST_USE;
void dev_free(struct dev *d);
enum status dev_step(struct sim *s, struct dev *d, int64_t now_ms, int64_t *next_ms) MUST_USE;
enum status service_new(struct sim *s, uint32_t caller, struct service **out,
                        int64_t *first_ms) MUST_USE;
void service_free(struct service *v);
enum status service_step(struct sim *s, struct service *v, int64_t now_ms,
                         int64_t *next_ms) MUST_USE;

#endif
