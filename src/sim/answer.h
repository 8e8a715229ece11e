/*
 * What the model says: built once as blocks, which the client puts into its next request, and at
 * the same time as the answer's body in the form of the operation (an array of stream events, a
 * message, or a Converse object). Without a text pool nothing is built.
 */
#ifndef ASSAY_SIM_ANSWER_H
#define ASSAY_SIM_ANSWER_H

#include "sim/call.h"
#include "sim/org.h"
#include "sim/text.h"

enum { TOOL_ID = 40 };

struct answer {
    const struct text *text;
    struct rng *rng; /* the rng of texts, never of counts */
    bool stream, converse;
    struct buf blocks; /* content of the assistant's message */
    struct buf out;    /* the answer's body */
    int n;             /* blocks so far */
};

void answer_init(struct answer *a, const struct text *text);
void answer_fini(struct answer *a);

/* Begins; the call's counts and TTL split must be known (message_start tells them). */
void answer_begin(struct answer *a, struct rng *rng, const struct call *c, struct str model);
/* Before the text; not of Converse. */
void answer_thinking(struct answer *a, size_t bytes);
void answer_text(struct answer *a, size_t bytes);
void answer_literal(struct answer *a, struct str escaped);
/* input is a JSON object. id gets the tool use's id. */
void answer_tool(struct answer *a, const char *name, struct str input, char id[TOOL_ID]);
/* Ends; the body is a->out, "" when bodies are off. latency_ms < 0: not reported. */
void answer_end(struct answer *a, const struct call *c, const char *stop_reason,
                int64_t latency_ms);
/* Ends as a stream that broke: no message_delta, no message_stop. */
void answer_break(struct answer *a);

/* Whether Converse's usage tells the TTLs (cacheDetails) for that caller: some do, some do not. */
bool answer_has_details(const struct call *c);

#endif
