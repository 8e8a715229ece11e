/*
 * What a call's bodies tell beside its usage: which program made it, in which session and thread,
 * what the request held and which tools the answer called. Names, counts, sizes and keyed hashes;
 * no text (shared facts, request-bodies).
 *
 * Names are symbols of the same table as the labels of the series; 0 is "none". Made by
 * ingest/exchange.c. An exchange borrows: its lists and its session id live as long as whoever made
 * it says.
 */
#ifndef ASSAY_MODEL_EXCHANGE_H
#define ASSAY_MODEL_EXCHANGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/varint.h"

/* id, text as a label and in reports. Numbers are stored: append only. */
#define CALL_KIND_MAP(X)                                                                           \
    X(CALL_UNKNOWN, "")  /* the request was not seen */                                            \
    X(CALL_MAIN, "main") /* of the thread that the user talks to */                                \
    X(CALL_SUBAGENT, "sub-agent")                                                                  \
    X(CALL_COMPACTION, "compaction") /* asks for a summary of its own thread */                    \
    X(CALL_BACKGROUND, "background") /* titles, summaries, safety checks */                        \
    X(CALL_PROBE, "probe")           /* is the model there */

enum call_kind {
#define CALL_ENUM(id, text) id,
    CALL_KIND_MAP(CALL_ENUM)
#undef CALL_ENUM
        CALL_KINDS
};
struct str call_kind_text(enum call_kind kind);

/*
 * id, name as a metric's part, heading. What a request is made of, in bytes; disjoint. Texts count
 * as decoded UTF-8, schemas and other JSON as it stands, without cache_control; history counts as
 * it stands, texts too, because decoding all of it would cost more than reading it. Numbers are
 * stored.
 *
 * The tail is what follows the last assistant message. Reminders that list tools, servers, skills
 * or sub-agents, or give the context, count as that wherever they stand; an image counts as 6 KiB
 * at most.
 */
#define PART_MAP(X)                                                                                \
    X(PART_SYSTEM, "system", "system prompt") /* without its environment */                        \
    X(PART_TOOLS, "tools", "built-in tools")  /* schemas; names of deferred ones */                \
    X(PART_MCP, "mcp", "MCP tools")           /* schemas, names, instructions */                   \
    X(PART_SKILLS, "skills", "skills list")   /* the whole reminder, and texts of skills */        \
    X(PART_AGENTS, "agents", "agents list")   /* the whole reminder */                             \
    X(PART_ENVIRONMENT, "environment", "environment") /* of the system text: directory, git; of    \
                                                       * the context: all but memory */            \
    X(PART_MEMORY, "memory", "project memory") /* CLAUDE.md files: their section of the context */ \
    X(PART_REMINDERS, "reminders", "other reminders") /* of message 0 and the tail: attached       \
                                                       * files, hooks, outputs of commands */      \
    X(PART_USER, "user", "user text")                 /* of the tail: what a person typed */       \
    X(PART_RESULTS, "results", "tool results")        /* of the tail */                            \
    X(PART_HISTORY, "history", "history") /* the rest of message 0, and what stands between        \
                                           * it and the tail; summaries of compactions */

enum request_part {
#define PART_ENUM(id, name, heading) id,
    PART_MAP(PART_ENUM)
#undef PART_ENUM
        PARTS
};

/* id, text. Numbers are stored. */
#define TOOL_KIND_MAP(X)                                                                           \
    X(TOOL_BUILTIN, "builtin") /* of the harness, or of unknown origin */                          \
    X(TOOL_MCP, "mcp")         /* server and name */                                               \
    X(TOOL_SKILL, "skill")     /* name of the skill */                                             \
    X(TOOL_AGENT, "agent")     /* name: type of the sub-agent */                                   \
    X(TOOL_COMMAND, "command") /* a slash command that the user typed */

enum tool_kind {
#define TOOL_ENUM(id, text) id,
    TOOL_KIND_MAP(TOOL_ENUM)
#undef TOOL_ENUM
        TOOL_KINDS
};
struct str tool_kind_text(enum tool_kind kind);

struct tool_use {
    uint64_t id;     /* keyed hash of its id; the same in the answer that makes the call and in the
                      * request that brings its result */
    uint64_t input;  /* keyed hash of name and input; of the prompt alone for TOOL_AGENT, which is
                      * what the sub-agent's `opening` is. 0: not known */
    uint32_t server; /* TOOL_MCP; 0 otherwise */
    uint32_t name;
    uint8_t kind;  /* enum tool_kind */
    bool answered; /* a result came with the request */
    bool error;    /* the result is an error */
};

enum {
    SESSION_ID_MAX = 128,    /* bytes */
    EXCHANGE_NAME_MAX = 128, /* bytes of a tool's, server's, skill's or sub-agent type's name */
    EXCHANGE_USES = 256,     /* entries of each list; what is beyond is counted in `cut` */
    EXCHANGE_RECENT = 8,
};

/*
 * Clients choose names and offers, so there are limits of all names and of all offers of a run or a
 * store, in bytes as symbols_budget counts them. What is new beyond them becomes 0 and is counted
 * (`cut`, EX_TOOLS_CUT); what is known is found as before. Nobody reaches them by work: 48 MB are
 * some 400,000 names, 64 MB some 30,000 different offers.
 */
enum {
    EXCHANGE_NAMES_BYTES = 48 << 20,
    EXCHANGE_OFFERS_BYTES = 64 << 20,
};

enum exchange_flag {
    EX_SUBAGENT = 1 << 0,   /* the caller is a sub-agent, also for CALL_COMPACTION */
    EX_CONTINUED = 1 << 1,  /* begins with the summary of a compaction */
    EX_HISTORY = 1 << 2,    /* there is an assistant message: not the first call of its thread */
    EX_LEGACY_ID = 1 << 3,  /* session id in the older encoding */
    EX_ODD = 1 << 4,        /* something had a wrong type or broke a limit */
    EX_RECOGNISED = 1 << 5, /* a rule named the harness */
    EX_TOOLS_CUT = 1 << 6,  /* the offer did not fit its limit */
};

struct exchange {
    struct str session;  /* as the client gave it, clean text; "" when it gave none */
    uint8_t kind;        /* enum call_kind */
    uint32_t flags;      /* enum exchange_flag */
    uint32_t purpose;    /* of background calls: "title" … */
    uint32_t repository; /* working directory: keyed hash or last path part; 0: not said */
    uint32_t offer;      /* text made by offer.h: which tools, skills and sub-agents there were */
    uint32_t messages;   /* in the request */
    uint32_t tail;       /* of them behind the last assistant message */
    uint32_t prompts;    /* by a human, in the tail */
    uint32_t history_prompts; /* by a human, in all messages */
    uint32_t interrupts;      /* by the user, in the tail */
    uint32_t cut; /* names that are none (model/name.h), and entries that a limit left out */
    /*
     * Keyed hashes of messages, normalised (a string is one text block, cache_control is no part,
     * white space at the ends of texts is trimmed), which never are 0. `recent` are those of the
     * last messages, the last one last; a request continues an earlier one when `first` is the
     * same and the earlier one's last messages stand in it at the same places.
     */
    uint64_t first, opening; /* message 0; its last text block alone */
    uint64_t system;         /* system text without the billing line; 0: none */
    uint64_t recent[EXCHANGE_RECENT];
    uint32_t recent_n;
    uint32_t part[PARTS];        /* bytes */
    const struct tool_use *made; /* by the answer */
    uint32_t made_n;
    /* In the last assistant message of the request, with what became of them. They repeat `made` of
     * an earlier call, and stand in for it where that was not seen. */
    const struct tool_use *earlier;
    uint32_t earlier_n;
    const uint32_t *commands; /* slash commands in the tail, names */
    uint32_t commands_n;
};

/* Sum of the parts; never 0 when a request was seen. */
int64_t exchange_bytes(const struct exchange *x);

/* Appends an exchange; the symbols stay numbers. */
void exchange_pack(const struct exchange *x, struct buf *out);
/*
 * Reads what exchange_pack wrote. Lists are allocated in the arena, the session id borrows from the
 * bytes. ERR_PARSE when the bytes are none, ERR_NOMEM.
 */
enum status exchange_unpack(struct unpack *u, struct arena *arena, struct exchange *x) MUST_USE;

/* Calls `each` with every symbol of an exchange whose lists the caller owns, and puts what it
 * returns in its place; 0 is not asked. Any failure ends it. */
enum status exchange_symbols(struct exchange *x, struct tool_use *made, struct tool_use *earlier,
                             uint32_t *commands, enum status (*each)(void *ctx, uint32_t *symbol),
                             void *ctx) MUST_USE;
/* A copy with lists and session id in the arena. */
enum status exchange_copy(const struct exchange *x, struct arena *arena,
                          struct exchange *out) MUST_USE;

#endif
