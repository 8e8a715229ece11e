/*
 * Answers to questions that only whole sessions can tell: how many prompts, which tools, what the
 * first message is made of. Sessions come one at a time, folded (model/session.h), and are added up
 * in tallies by the groups of the question.
 *
 *     inside_new(&options, &in, &err);
 *     do                                                   struct session after struct session
 *         sessions_each(sessions, inside_session, in, &err);
 *     while (inside_again(in, &more, &err) == OK && more);
 *     inside_loose(in, cube, &err);                        what belongs to no session
 *     inside_answer(in, &about, date, &answer, &err);
 *
 * A question has one of two grains. By call: each call counts in the group of its labels, its
 * session and its thread; figures of a session as a whole count in every group that one of its
 * calls is in. By use, when a dimension is of tools: each use of a tool counts, and the calls whose
 * answers made it "around" it, once in each group. Commands that a user typed are uses of kind
 * command. Filters on dimensions of tools choose uses in a question by use, and otherwise sessions
 * that have such a use.
 *
 * The result does not depend on the order of sessions. One thread. A row takes some 700 bytes of
 * memory. Names in rows are chosen by clients, so with a limit no more than 32,768 rows are worked
 * out at once, and twice the limit kept: a question by tools or by session that has more wants to
 * see all sessions again, and each time adds up another share of the rows. The answer is the same.
 */
#ifndef ASSAY_QUERY_INSIDE_H
#define ASSAY_QUERY_INSIDE_H

#include "query/answer.h"
#include "query/runaway.h"

struct inside;

struct inside_options {
    struct plan *plan;     /* of the question; borrowed, to live as long as the answer is made */
    struct series *series; /* borrowed; names in sessions are its symbols */
    struct runaway_limits limits;
    uint32_t rows_at_once; /* 0: 32768 */
    /* Of a question by tools without a limit: so many rows at most, the rest is counted as cut. 0:
     * all. */
    int64_t most_rows;
};

enum status inside_new(const struct inside_options *o, struct inside **out,
                       struct err *err) MUST_USE;
void inside_free(struct inside *in);
/* ctx is the struct inside. ERR_NOMEM only. */
enum status inside_session(void *ctx, const struct session *s) MUST_USE;
/* After all sessions: whether they are to be shown once more. */
enum status inside_again(struct inside *in, bool *more, struct err *err) MUST_USE;
/* Invocations that belong to no session, as plan_add put them into a cube. Once. */
enum status inside_loose(struct inside *in, const struct cube *cube, struct err *err) MUST_USE;
/* Once, last. */
enum status inside_answer(struct inside *in, const struct about *about, struct str prices_date,
                          struct answer **out, struct err *err) MUST_USE;

#endif
