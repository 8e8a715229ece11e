/*
 * The truth: what the simulator wrote, counted while it wrote it and independently of everything
 * that reads logs. truth.json is meant for tests: totals in every direction that a report can be
 * asked for, cells fine enough to price them again elsewhere, and (book.h) what happened inside the
 * sessions. The manual, assay-simulate(1), lists the sections; what they mean in detail:
 *
 * Sections about sessions (coverage to sessions) tell what a reader of the bodies can find, as if
 * all of them were inline: they are the same for each value of --bodies, but for `*_bytes`, which
 * are 0 without bodies, and for costs, which are those that a report with profiles.yaml shows of
 * just these logs (low end, pico-USD). Calls of an account that logs no bodies, and errors that are
 * logged without input, count in coverage, harnesses, versions and call_kinds only, under "".
 *
 * A session is what has one session id and one user, otherwise what continues one first message
 * within an hour (`inferred`; `user` and the time `first` name it). Sessions of one call of
 * programs that hold no conversation are counted (sessions_of_one_call), not listed. requests: all
 * calls; turns: calls of kind main that are no retry, also failed ones whose request is logged;
 * retry: the same request as an earlier, logged one of its thread. prompts: human blocks in the
 * tails of turns; of a generation whose history holds more of them, because it began before the log
 * or before an hour's pause, those of its history. generations: 1 and one more per summary that was
 * gone on from. tool_calls: tools in answers, those of answers that were lost and asked for again
 * too; an answer that breaks off has none. tool_errors: those whose result, in a request that was
 * logged, is an error. agents: calls of Agent; fan_out: most of them in one answer; depth: deepest
 * thread. peak_context: of calls of kind main. first_context and first_bytes: of the first call
 * of kind main without an error, when seen_whole: it has no history, nor had those before it.
 * active_us: gaps count 5 minutes at most. requests_per_minute: calls that begin within [t, t + 60
 * s). loop: longest run in one thread of calls of one tool with one input; 1: no loop, 0: no tools.
 * cold restart: the call before in its thread, no retry and no error, is longer ago than the TTL of
 * the thread's latest write to the cache, had P >= 1024 tokens read and written, and of them less
 * than half is read and at least half as many are written; cold_tokens: the smaller of P - read and
 * what is written. identical_agents: two sub-agents that ran side by side began with the same
 * request: only what follows tells them apart, and a first request of one is no retry.
 *
 * first_bytes: texts as decoded UTF-8, tools as they stand in the JSON. system: all system blocks,
 * the billing line too, up to the environment, which ends them. A line of the deferred-tools block
 * that names an MCP tool or a server counts with its end for mcp, the rest of the block for tools;
 * instructions of MCP servers are mcp; the section # claudeMd is memory and the rest of its block
 * environment too; a skill's body is skills. mcp: schema_bytes, name_bytes and note_bytes are
 * summed over all requests, also sub-agents' and retries, from tools[] and from the reminders in
 * all messages; a note is a server's section of the instructions from its heading on. tools: one
 * row per kind (builtin, mcp, skill, agent, command), server and name; users are ARNs.
 */
#ifndef ASSAY_SIM_TRUTH_H
#define ASSAY_SIM_TRUTH_H

#include "base/buf.h"
#include "sim/book.h"
#include "sim/call.h"
#include "sim/org.h"

struct tally {
    int64_t invocations, errors, no_counts;
    int64_t billed; /* calls with any token */
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
