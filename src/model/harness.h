/*
 * Which program made a call: rules that are data (data/harnesses.csv, built in, and a file of the
 * user's before it), applied to what ingest/exchange.c finds in a request. Markers move with every
 * version of a client, so none of them stands in code (shared facts, request-bodies 3, 4, 12, 14).
 *
 * A rule is a line of CSV (or an item of YAML, see codec/table.h):
 *
 *     where,match,text,harness,kind,purpose,note
 *
 *     where    what is looked at, HARNESS_WHERE_MAP
 *     match    prefix, contains, exact; texts are compared after leading white space
 *     text     what to look for
 *     harness  its name; "" leaves it as it is
 *     kind     what it means, HARNESS_KIND_MAP; "" leaves it as it is
 *     purpose  of background calls: title, safety …; of `use`: the keys of a tool's input that hold
 *              the name, KEY or KEY=NAME WHEN ABSENT
 *     note     where the fact comes from
 *
 * The longest matching text wins, for harness and kind each, and of equal ones the first: rules of
 * the user's file stand before the built-in ones. Three tool names of one harness are needed to
 * name it.
 */
#ifndef ASSAY_MODEL_HARNESS_H
#define ASSAY_MODEL_HARNESS_H

#include "base/err.h"
#include "base/str.h"
#include "model/exchange.h"

/* id, name, and the group of kinds that its rules may have (enum harness_kinds) */
#define HARNESS_WHERE_MAP(X)                                                                       \
    X(HARNESS_SYSTEM, "system", KINDS_CALL)       /* any system block */                           \
    X(HARNESS_USER_LAST, "user_last", KINDS_CALL) /* last block of the last user message */        \
    X(HARNESS_TOOL, "tool", KINDS_NONE)           /* a tool's name */                              \
    X(HARNESS_PRINCIPAL, "principal", KINDS_NONE) /* identity.arn */                               \
    X(HARNESS_PROBE, "probe", KINDS_CALL)         /* the only message of a request for 1 token */  \
    X(HARNESS_USER_ID, "user_id", KINDS_NONE)     /* encoding of the session id: json, legacy */   \
    X(HARNESS_NO_TOOLS, "no_tools", KINDS_CALL)   /* harness of a request without tools */         \
    X(HARNESS_EXTENSION, "extension", KINDS_NONE) /* what parts server and tool in its names */    \
    X(HARNESS_USE, "use", KINDS_USE)              /* name of a tool that was called */             \
    X(HARNESS_BLOCK, "block", KINDS_BLOCK)        /* text block of a user message */               \
    X(HARNESS_REMINDER, "reminder", KINDS_REMINDER)      /* line of a reminder */                  \
    X(HARNESS_SECTION, "section", KINDS_SECTION)         /* line of a reminder of kind context */  \
    X(HARNESS_ENVIRONMENT, "environment", KINDS_SECTION) /* line of a system text */               \
    X(HARNESS_DIRECTORY, "directory", KINDS_NONE)        /* before the working directory */

enum harness_where {
#define HARNESS_ENUM(id, name, kinds) id,
    HARNESS_WHERE_MAP(HARNESS_ENUM)
#undef HARNESS_ENUM
        HARNESS_WHERES
};

enum harness_kinds {
    KINDS_NONE,
    KINDS_CALL,
    KINDS_USE,
    KINDS_BLOCK,
    KINDS_REMINDER,
    KINDS_SECTION
};

/* id, group, text. Calls have the numbers of enum call_kind. */
#define HARNESS_KIND_MAP(X)                                                                        \
    X(MARK_NONE, KINDS_NONE, "")                                                                   \
    X(MARK_MAIN, KINDS_CALL, "main")                                                               \
    X(MARK_SUBAGENT, KINDS_CALL, "sub-agent")                                                      \
    X(MARK_COMPACTION_CALL, KINDS_CALL, "compaction")                                              \
    X(MARK_BACKGROUND, KINDS_CALL, "background")                                                   \
    X(MARK_PROBE, KINDS_CALL, "probe")                                                             \
    X(MARK_USE_MCP, KINDS_USE, "mcp")     /* the input names a server */                           \
    X(MARK_USE_SKILL, KINDS_USE, "skill") /* the input names a skill */                            \
    X(MARK_USE_AGENT, KINDS_USE, "agent") /* the input names a type of sub-agent */                \
    X(MARK_REMINDER, KINDS_BLOCK, "reminder")                                                      \
    X(MARK_COMPACTION, KINDS_BLOCK, "compaction") /* asks for a summary */                         \
    X(MARK_SUMMARY, KINDS_BLOCK, "summary")       /* a conversation goes on from it */             \
    X(MARK_COMMAND, KINDS_BLOCK, "command")       /* a slash command */                            \
    X(MARK_LOCAL, KINDS_BLOCK, "local")                                                            \
    X(MARK_LOCAL_OUTPUT, KINDS_BLOCK, "local_output") /* the command before it ran locally */      \
    X(MARK_SHELL, KINDS_BLOCK, "shell")               /* a shell line that a person typed */       \
    X(MARK_SHELL_OUTPUT, KINDS_BLOCK, "shell_output")                                              \
    X(MARK_SKILL, KINDS_BLOCK, "skill") /* text of a skill */                                      \
    X(MARK_INTERRUPT, KINDS_BLOCK, "interrupt")                                                    \
    X(MARK_DEFERRED, KINDS_REMINDER, "deferred")         /* names of tools that are not loaded */  \
    X(MARK_CONNECTING, KINDS_REMINDER, "connecting")     /* names of MCP servers */                \
    X(MARK_INSTRUCTIONS, KINDS_REMINDER, "instructions") /* of MCP servers */                      \
    X(MARK_AGENTS, KINDS_REMINDER, "agents")                                                       \
    X(MARK_SKILLS, KINDS_REMINDER, "skills")                                                       \
    X(MARK_CONTEXT, KINDS_REMINDER, "context") /* project memory and environment */                \
    X(MARK_PROMPT, KINDS_REMINDER, "prompt")   /* typed while the model worked */                  \
    X(MARK_MEMORY, KINDS_SECTION, "memory")                                                        \
    X(MARK_ENVIRONMENT, KINDS_SECTION, "environment")

enum harness_mark {
#define MARK_ENUM(id, group, text) id,
    HARNESS_KIND_MAP(MARK_ENUM)
#undef MARK_ENUM
};

struct harness_rules;

/* What one rule says; texts are of the rules' memory. */
struct harness_hit {
    enum harness_mark mark;
    struct str text, harness, purpose;
};

enum { HARNESS_CANDIDATES = 16 };

/* What the rules have said so far about one call. */
struct harness_verdict {
    struct str harness, purpose;        /* of the rules' memory; "" */
    enum call_kind kind;                /* CALL_UNKNOWN: no rule named one */
    size_t harness_length, kind_length; /* of the texts that decided */
    /* Candidates by tool names, and how many names spoke for each. */
    struct {
        struct str harness;
        int names;
    } by_tools[HARNESS_CANDIDATES];
};

/* The built-in rules, preceded by those of `text` when it is not empty (`name` for errors). */
enum status harness_rules_new(struct str text, const char *name, struct harness_rules **out,
                              struct err *err) MUST_USE;
void harness_rules_free(struct harness_rules *r);
/* A number that changes with the rules, the same in every process. */
uint64_t harness_rules_fingerprint(const struct harness_rules *r);

/* Looks at one text of a request. Only its first HARNESS_LOOK bytes are looked at. */
enum { HARNESS_LOOK = 4096 };
void harness_look(const struct harness_rules *r, enum harness_where where, struct str text,
                  struct harness_verdict *v);
/* The longest rule that a text matches; false when there is none. */
bool harness_find(const struct harness_rules *r, enum harness_where where, struct str text,
                  struct harness_hit *hit);
static inline enum harness_mark harness_mark(const struct harness_rules *r,
                                             enum harness_where where, struct str text)
{
    struct harness_hit hit;
    return harness_find(r, where, text, &hit) ? hit.mark : MARK_NONE;
}
/* False when no rule of that place matches any text that begins with this byte. */
bool harness_may_match(const struct harness_rules *r, enum harness_where where, char first);
/* What stands between server and tool in the names of a harness's tools; "" when nothing does. */
struct str harness_separator(const struct harness_rules *r, struct str harness);
/* The verdict after all looks: tool names count where no text named the harness. */
struct str harness_of(const struct harness_verdict *v);

#endif
