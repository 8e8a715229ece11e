/* A person (or a CI job) with a coding assistant: shared by dev.c (days, sessions) and turn.c
 * (single calls). */
#ifndef ASSAY_SIM_DEV_INTERNAL_H
#define ASSAY_SIM_DEV_INTERNAL_H

#include "sim/claude.h"

/* One conversation and what of it lies in the prompt cache. */
struct thread {
    struct talk talk;
    uint32_t prefix;  /* tokens of system and tools */
    uint32_t history; /* tokens of all messages so far */
    uint32_t cached;  /* tokens that the newest call left in the cache */
    int64_t touched_s;
};

enum cache_policy {
    CACHE_5M,
    CACHE_1H,
    CACHE_MIXED, /* system and tools for an hour, messages for five minutes */
};

enum phase {
    PHASE_AWAY,
    PHASE_PROBE,
    PHASE_TITLE,
    PHASE_MAIN,
    PHASE_COMPACT,
};

enum { PLAN_TOOLS = 3 };

/* What the model is going to do in one turn. */
struct plan {
    uint32_t text; /* tokens */
    int tools_n;
    struct planned_tool {
        char name[96];
        enum tool_input {
            INPUT_COMMAND,
            INPUT_PATH,
            INPUT_EDIT,
            INPUT_WRITE,
            INPUT_QUERY,
            INPUT_SKILL,
            INPUT_AGENT
        } input;
        uint32_t which; /* skill or type of sub-agent */
        uint32_t tokens, result;
        bool failed;
    } tool[PLAN_TOOLS];
    bool agent; /* one of the tools is Agent */
};

struct dev {
    uint32_t caller;  /* who it is */
    uint32_t as;      /* the identity of the present session */
    struct rng rng;   /* of everything that is counted */
    struct rng words; /* of texts */
    enum phase phase;
    enum harness harness;
    enum cache_policy policy;
    bool machine; /* works at night and on weekends too */
    struct setup setup;
    int64_t day_end_s;
    uint32_t sessions_left, probes_left;
    uint32_t prompts_left, calls_left, sub_left, sub_type;
    uint32_t limit; /* tokens of context before it is compacted */
    uint32_t model; /* of the present session's main thread */
    char session[37];
    bool interrupted; /* the prompt has been answered, but the answer must wait for compaction */
    struct thread main, sub;
    struct buf brief;   /* what the sub-agent is told: the same text as the Agent tool's prompt */
    int64_t prefix_s;   /* when system and tools were cached last, by any session */
    uint32_t prefix_as; /* and as whom: caches belong to an account */
};

/* A call of the present session. */
struct call dev_call(const struct sim *s, const struct dev *d, int64_t now_ms, uint32_t model);
uint32_t dev_small_model(const struct sim *s, const struct dev *d, int64_t now_s);
/* One turn of a thread; in the last one the model uses no tools. *gap_ms: until the next call. A
 * call that failed changes nothing: it is to be made again. */
enum status dev_turn(struct sim *s, struct dev *d, struct thread *th, bool last, int64_t now_ms,
                     bool *failed, int64_t *gap_ms) MUST_USE;
/* sim_emit, when the texts of the call found their memory. */
enum status dev_emit(struct sim *s, struct dev *d, struct call *c) MUST_USE;
/* The user's words as the next message of the main thread. */
void dev_prompt(struct sim *s, struct dev *d);
/* Begins a thread with its reminders; the caller adds the words. */
void dev_begin_thread(const struct sim *s, struct dev *d, struct thread *th, enum thread_kind kind);
/* Sets the call's counts from the thread's context and the cache. */
void dev_count(struct dev *d, struct thread *th, struct call *c, uint32_t output);

#endif
