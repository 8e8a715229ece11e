/*
 * Sessions and threads: what the calls of one conversation amount to. Pure: session_fold takes all
 * calls of one session, in any order, and works out what no single call can tell. Definitions are
 * those of the shared facts, request-bodies 8, 10 and 11.
 *
 *     session_fold(calls, n, &options, &arena, each, ctx, &err)    sorts the calls in place
 *
 * Everything is integers; the result depends on the set of calls alone. Time is n log n whatever
 * the calls hold: clients write them.
 */
#ifndef ASSAY_MODEL_SESSION_H
#define ASSAY_MODEL_SESSION_H

#include "model/invocation.h"
#include "model/series.h"

enum { SESSION_THREAD_NONE = -1 };

enum session_call_flag {
    SC_RETRY = 1 << 0, /* the same request as an earlier call: it costs, but is no turn or prompt */
    SC_FIRST = 1 << 1, /* first call of the session's main thread that was answered, seen from its
                        * beginning; a retry when that before it failed */
    SC_COLD = 1 << 2,  /* the cache had run out and the prefix was written again */
};

struct session_call {
    struct invocation v; /* with its exchange, never NULL */
    int32_t thread;      /* position in threads */
    uint8_t kind;     /* enum call_kind, as the session shows it: a sub-agent's call may look like
                       * one of the main thread */
    uint32_t flags;   /* enum session_call_flag */
    uint32_t prompts; /* counted for this call: its tail's, 0 when it is a retry … */
    int64_t context;  /* tokens: input + cache read + cache write of all TTLs */
    int64_t idle_us;  /* since the call before in the same thread; 0 for the first */
    int64_t cold_tokens; /* SC_COLD: tokens of the prefix that were written again */
    int64_t cold_cost;   /* SC_COLD: pico-USD of writing them */
    int64_t cold_excess; /* SC_COLD: pico-USD more than reading them would have cost */
};

struct session_thread {
    uint8_t kind;          /* enum call_kind: main, sub-agent, background, probe, unknown */
    int32_t parent;        /* thread that started it, SESSION_THREAD_NONE when not known */
    uint32_t depth;        /* 0: main; a sub-agent of main: 1 */
    uint32_t name;         /* symbol: type of the sub-agent, purpose of a background call; 0 */
    uint32_t generations;  /* 1, and one more for each compaction that it went on from */
    uint32_t calls, turns; /* turns: without retries and compaction calls */
    int64_t first_us, last_us;
    int64_t peak_context; /* tokens of the largest call; compaction calls do not count */
    money_sum cost;       /* pico-USD */
};

/* One use of a tool, however often it was seen. */
struct session_use {
    uint32_t server, name; /* symbols */
    uint8_t kind;          /* enum tool_kind */
    bool error, answered;
    uint32_t call; /* the call whose answer made it, or the first that told of it */
    uint64_t input;
};

struct session {
    struct str id;   /* as the client gave it; when inferred "~" and 16 digits, made of the
                      * first call's content and time: the same in every process */
    bool inferred;   /* calls were joined by their messages */
    bool continued;  /* it goes on from what options.before tells of */
    bool seen_whole; /* the first main call that was answered is the first message, not a resumed
                      * one */
    bool prompts_at_least;            /* some requests were not seen: `prompts` is a lower limit */
    const struct session_call *calls; /* by time; of one second see session.c */
    size_t calls_n;
    const struct session_thread *threads; /* 0 is the main one if there is one */
    size_t threads_n;
    const struct session_use *uses; /* by call; commands are not among them */
    size_t uses_n;
    int64_t first_us, last_us;
    int64_t before_us;     /* first_us; of what is continued: the last call before */
    int64_t active_us;     /* without what is idle: gaps count as at most 5 minutes */
    int64_t requests_seen; /* calls whose request was seen; 0: what only these tell is not known */
    int64_t prompts, turns, retries, compactions, interrupts;
    int64_t tool_calls, tool_errors; /* uses, and those with an error */
    int64_t agents;                  /* sub-agents started */
    int64_t fan_out;                 /* most sub-agents that one answer started */
    int64_t depth;                   /* deepest sub-agent thread */
    int64_t peak_context;            /* tokens of the largest main call */
    int64_t first_context;           /* tokens of the SC_FIRST call; 0 when !seen_whole */
    int64_t requests_per_minute;     /* most calls that began within 60 seconds */
    int64_t loop; /* longest run of the same tool call with the same input, 1: none */
    int64_t cold_restarts;
    money_sum cold_cost, cold_excess;
    money_sum cost;                  /* pico-USD of all calls */
    money_sum cost_kind[CALL_KINDS]; /* by enum call_kind of the call */
    money_sum cost_retries;
};

/*
 * What was folded of a session before, where it has more calls than can be folded at once. Figures
 * of the pieces then add up to those of the session, but for what spans a cut: threads that go on
 * are begun anew, and a retry or a cold restart right behind it is not seen.
 */
struct session_before {
    int64_t last_us;
    const uint64_t *uses; /* ids of those that its last piece made, sorted */
    size_t uses_n;
};

struct session_options {
    struct hash_key key; /* as the exchanges were made with */
    int64_t window_us;   /* inferred sessions end after so long without a call; 0: 1 hour */
    /* To tell which calls were of one model; NULL: those of one series. */
    const struct series *series;
    const struct session_before *before; /* NULL: the calls are all there are. Not without an id */
};

/* The window that holds, never 0. */
int64_t session_window_us(const struct session_options *options);

/*
 * Calls of one value of invocation.session (model/invocation.h). Where they bear a session id they
 * are one session; otherwise they are split into chains, each a session. Sorts `calls`; `each` is
 * called per session, whose arrays live in the arena until it is reset by the caller. What it
 * returns other than OK ends the fold and is told in err.
 *
 * Calls without an id may also come in several folds, cut at pauses longer than the window: that
 * gives the same sessions.
 */
enum status session_fold(struct session_call *calls, size_t n,
                         const struct session_options *options, struct arena *arena,
                         enum status (*each)(void *ctx, const struct session *s), void *ctx,
                         struct err *err) MUST_USE;

/*
 * True for a single call of a program that no rule knows, without a session id: one request of a
 * service, not a conversation. Counting them would bury the sessions of people.
 */
bool session_is_stray(const struct session *s);

/*
 * Shares `total` among the parts of a request in proportion to their bytes, so that the shares add
 * up to it (largest remainder; equal remainders go to the earlier part).
 */
void session_share(int64_t total, const uint32_t part[PARTS], int64_t share[PARTS]);

#endif
