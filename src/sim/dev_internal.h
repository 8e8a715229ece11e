/* A person (or a CI job) with a coding assistant: shared by dev.c (days), session.c (how sessions
 * begin and end), turn.c (single calls), alone.c (calls outside the threads), plan.c and tools.c
 * (what the model does) and prompt.c (what the user types). */
#ifndef ASSAY_SIM_DEV_INTERNAL_H
#define ASSAY_SIM_DEV_INTERNAL_H

#include "sim/claude.h"

enum {
    PLAN_TOOLS = 8,
    SUBS = 12, /* sub-agents at one time */
    TAIL_COMMANDS = 2,
    NOBODY = -1,
};

/* One conversation, what of it lies in the prompt cache, and what its last message holds. */
struct thread {
    struct talk talk;
    uint32_t prefix;  /* tokens of system and tools */
    uint32_t history; /* tokens of all messages so far */
    uint32_t cached;  /* tokens that the newest call left in the cache */
    int64_t touched_s;
    uint32_t noted;   /* its number in the session's note */
    uint32_t prompts; /* by a human in the last message */
    uint32_t human;   /* and in all */
    uint32_t interrupts;
    uint32_t attempts; /* how often the present request was seen */
    bool answered;     /* the model has spoken */
    bool continued;    /* begins with a summary */
    struct tail_result {
        uint32_t use;
        bool failed;
    } result[PLAN_TOOLS];
    int results_n;
    const char *command[TAIL_COMMANDS];
    int commands_n;
    /* Of a sub-agent: */
    bool active;
    int parent; /* index in dev.sub, NOBODY: the main thread */
    uint32_t left, type, depth;
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
    PHASE_SAFETY,
    PHASE_MAIN,
    PHASE_COMPACT,
};

/* What must happen in a session, so that small organizations have it too. */
enum scene {
    SCENE_AGENTS = 1 << 0,    /* sub-agents side by side, two of them alike, one with its own */
    SCENE_COMPACT = 1 << 1,   /* the context gets full */
    SCENE_MIDTURN = 1 << 2,   /* the user types while the model works */
    SCENE_RETRIES = 1 << 3,   /* requests that are made again, for each reason */
    SCENE_RUNAWAY = 1 << 4,   /* the same command over and over, then many sub-agents */
    SCENE_RESUMED = 1 << 5,   /* it began before the log does */
    SCENE_OVERSIZED = 1 << 6, /* a large text in the first message */
    SCENE_COMMANDS = 1 << 7,  /* whatever else a user can type */
    SCENE_COLD = 1 << 8,      /* long pauses */
    SCENE_CONTINUED = 1 << 9, /* goes on the next day */
    SCENE_MCP = 1 << 10,
    SCENE_SKILL = 1 << 11,
    SCENE_ERRORS = 1 << 12,
};

enum tool_input {
    INPUT_COMMAND,
    INPUT_PATH,
    INPUT_EDIT,
    INPUT_WRITE,
    INPUT_QUERY,
    INPUT_LOAD, /* ToolSearch */
    INPUT_SKILL,
    INPUT_AGENT,
};

struct planned_tool {
    char name[96];
    enum tool_input input;
    uint32_t which;        /* skill or type of sub-agent */
    uint32_t server, tool; /* of the setup, of an MCP tool; server NO_SERVER: none */
    uint64_t serial;       /* equal ones have equal input */
    uint32_t tokens, result;
    bool failed, unknown, midturn;
};

enum {
    NO_SERVER = UINT32_MAX,
    LOOP_SERIAL = 1, /* of the command that a runaway session runs over and over */
    FIRST_SERIAL = 1000,
    CONTEXT_LIMIT = 150000, /* tokens */
    PLAYERS = 6,            /* the first people, who play scenes */
};

/* What the model is going to do in one turn. */
struct plan {
    uint32_t text, thinking; /* tokens */
    int tools_n, agents_n;
    struct planned_tool tool[PLAN_TOOLS];
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
    uint32_t prompts_left, calls_left;
    uint32_t limit; /* tokens of context before it is compacted */
    uint32_t model; /* of the present session's main thread */
    char session[UUID_TEXT];
    bool interrupted; /* the prompt has been answered, but the answer must wait for compaction */
    bool kept;        /* the session goes on later */
    bool connected;   /* the slow server is there */
    bool titled;      /* no title is to be made any more */
    uint32_t scene;   /* enum scene */
    uint32_t pending; /* of them, what the model has still to do */
    uint32_t scenes_n, sessions_n;
    uint32_t steps, tries, typed; /* of this session: plans, calls of the main thread, prompts */
    uint64_t serial;
    uint64_t loaded;                 /* deferred MCP tools, by server and tool */
    uint32_t next_server, next_tool; /* the tool that was just loaded */
    struct note *note;               /* NULL: nothing can be seen of the session */
    bool offered;
    struct thread main, *sub;     /* SUBS of them, during a session */
    int turn_of;                  /* the sub-agent that was last */
    struct talk side;             /* of calls that stand alone */
    struct buf brief[PLAN_TOOLS]; /* what sub-agents are told: the prompts of the Agent tool */
    int64_t prefix_s;             /* when system and tools were cached last, by any session */
    uint32_t prefix_as;           /* and as whom: caches belong to an account */
};

/* session.c: the beginning and the end of sessions. */
/* What only a session needs, and whether memory sufficed for it. */
void session_texts_end(struct dev *d);
bool session_texts_ok(const struct dev *d);
enum status session_begin(struct sim *s, struct dev *d) MUST_USE;
void session_end(struct dev *d);

/* alone.c: calls outside the threads. Each says which phase comes next. */
enum status alone_probe(struct sim *s, struct dev *d, int64_t now_ms, int64_t *gap_ms) MUST_USE;
enum status alone_title(struct sim *s, struct dev *d, int64_t now_ms, int64_t *gap_ms) MUST_USE;
enum status alone_safety(struct sim *s, struct dev *d, int64_t now_ms, int64_t *gap_ms) MUST_USE;

/* A call of the present session. */
struct call dev_call(const struct sim *s, const struct dev *d, int64_t now_ms, uint32_t model);
uint32_t dev_small_model(const struct sim *s, const struct dev *d, int64_t now_s);
/* Writes a call of the thread down as what it is, with the note of what its request holds. */
enum status dev_emit(struct sim *s, struct dev *d, struct thread *th, enum call_kind kind,
                     struct call *c) MUST_USE;
/* The same for a call outside the threads: `purpose` makes it a thread of its own. */
enum status dev_emit_alone(struct sim *s, struct dev *d, const char *purpose,
                           struct call *c) MUST_USE;
/* One turn of a thread; in the last one the model uses no tools. *gap_ms: until the next call. A
 * call that failed changes nothing: it is to be made again. */
enum status dev_turn(struct sim *s, struct dev *d, struct thread *th, bool last, int64_t now_ms,
                     bool *failed, int64_t *gap_ms) MUST_USE;
/* The user's words as the next message of the main thread. */
void dev_prompt(struct sim *s, struct dev *d);
/* The message before is answered: the next one begins empty. */
void dev_next_message(struct thread *th);
/* What was said before the log begins. */
void dev_earlier(struct sim *s, struct dev *d);
/* A sub-agent for a tool of the parent's plan. */
void dev_begin_sub(struct sim *s, struct dev *d, struct thread *parent,
                   const struct planned_tool *t, int at);
/* Begins a thread with its reminders; the caller adds the words. */
void dev_begin_thread(const struct sim *s, struct dev *d, struct thread *th, enum thread_kind kind);
/* Sets the call's counts from the thread's context and the cache. */
void dev_count(struct dev *d, struct thread *th, struct call *c, uint32_t output);

/* plan.c */
enum plan_mode {
    PLAN_FREE,
    PLAN_LAST, /* no tools: the model is done */
    PLAN_VAIN, /* the answer will be lost: nothing that has consequences */
};
void dev_plan(struct dev *d, const struct thread *th, enum plan_mode mode, struct plan *p);
/* tools.c */
/* A tool's input as a JSON object into the scratch buffer; `at`: its place in the plan. */
void dev_write_input(struct sim *s, struct dev *d, const struct plan *p, int at);
/* What comes back in the next message. */
void dev_write_result(struct sim *s, struct dev *d, struct thread *th, const struct planned_tool *t,
                      const char *id);
uint32_t dev_note_use(struct dev *d, const struct thread *th, const struct planned_tool *t);

static inline bool dev_has(const struct dev *d, enum scene scene)
{
    return d->scene & scene;
}

#endif
