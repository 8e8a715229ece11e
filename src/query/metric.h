/*
 * Metrics: what can be asked for. Every additive figure of sums.h is a metric, some more are
 * derived from them, and some are told by sessions only. A metric is a small number: first the
 * counts, then the money, the derived ones, those of sessions, so that COUNT_ and MONEY_ ids
 * convert by addition. All are integers.
 *
 *     int m = metric_find(STR("cost"));
 *     struct metric_value v = metric_value(m, &row->sums, row->users);
 *     if (v.known) ...
 */
#ifndef ASSAY_QUERY_METRIC_H
#define ASSAY_QUERY_METRIC_H

#include "base/str.h"
#include "query/sums.h"

enum metric_kind {
    METRIC_KIND_COUNT,
    METRIC_KIND_MONEY, /* pico-USD */
    METRIC_KIND_RATIO, /* in 1/10000 */
    METRIC_KIND_MS,    /* an average in milliseconds */
    METRIC_KIND_TIME,  /* a duration in milliseconds, shown as 1h 05m */
};

/* id, name, kind, heading, text for help */
#define METRIC_DERIVED_MAP(X)                                                                      \
    X(METRIC_TOKENS, "tokens", METRIC_KIND_COUNT, "tokens", "tokens of all classes")               \
    X(METRIC_CACHE_WRITE, "cache_write", METRIC_KIND_COUNT, "cache write",                         \
      "tokens written to the cache, any TTL")                                                      \
    X(METRIC_USERS, "users", METRIC_KIND_COUNT, "users", "distinct values of the dimension user")  \
    X(METRIC_CACHE_HIT_RATE, "cache_hit_rate", METRIC_KIND_RATIO, "cache hits",                    \
      "cache reads as a share of all input: cache_read / (input + cache_read + cache_write)")      \
    X(METRIC_ERROR_RATE, "error_rate", METRIC_KIND_RATIO, "error rate", "errors / invocations")    \
    X(METRIC_LATENCY, "latency_ms", METRIC_KIND_MS, "latency", "mean latency")                     \
    X(METRIC_FIRST_BYTE, "first_byte_ms", METRIC_KIND_MS, "first byte",                            \
      "mean time to the first byte")                                                               \
    X(METRIC_COST_PER_CALL, "cost_per_call", METRIC_KIND_MONEY, "cost/call",                       \
      "mean cost of the invocations that have one")                                                \
    X(METRIC_COST_PER_MTOK, "cost_per_mtok", METRIC_KIND_MONEY, "cost/Mtok",                       \
      "mean cost of a million tokens of all classes that have a rate")

/*
 * What only sessions tell (query/inside.h works it out), by how it is gathered: sums, the largest,
 * sums of money, percentiles, and what is derived from these.
 */
#define METRIC_SESSION_SUM_MAP(X)                                                                  \
    X(METRIC_SESSIONS, "sessions", METRIC_KIND_COUNT, "sessions", "distinct sessions")             \
    X(METRIC_SESSIONS_INFERRED, "sessions_inferred", METRIC_KIND_COUNT, "inferred",                \
      "of them, those without an id, whose calls were joined by their messages")                   \
    X(METRIC_PROMPTS, "prompts", METRIC_KIND_COUNT, "prompts", "prompts by a human")               \
    X(METRIC_TURNS, "turns", METRIC_KIND_COUNT, "turns", "calls of the main thread, no retries")   \
    X(METRIC_RETRIES, "retries", METRIC_KIND_COUNT, "retries", "requests sent again")              \
    X(METRIC_TOOL_CALLS, "tool_calls", METRIC_KIND_COUNT, "tool calls",                            \
      "uses of tools; by tool also slash commands")                                                \
    X(METRIC_TOOL_ERRORS, "tool_errors", METRIC_KIND_COUNT, "tool errors",                         \
      "uses of tools whose result was an error")                                                   \
    X(METRIC_AGENTS, "agents", METRIC_KIND_COUNT, "agents", "sub-agents started")                  \
    X(METRIC_COMPACTIONS, "compactions", METRIC_KIND_COUNT, "compactions",                         \
      "times that a context was summed up to go on with")                                          \
    X(METRIC_INTERRUPTS, "interrupts", METRIC_KIND_COUNT, "interrupts", "times the user broke in") \
    X(METRIC_ACTIVE, "active", METRIC_KIND_TIME, "active",                                         \
      "time with calls; of a gap between two at most 5 minutes")                                   \
    X(METRIC_DURATION, "duration", METRIC_KIND_TIME, "duration", "from first to last call")        \
    X(METRIC_COLD_RESTARTS, "cold_restarts", METRIC_KIND_COUNT, "cold restarts",                   \
      "calls that wrote a prefix again whose cache had run out")                                   \
    X(METRIC_OFFERED, "offered", METRIC_KIND_COUNT, "offered", "sessions that had it installed")   \
    X(METRIC_USED, "used", METRIC_KIND_COUNT, "used", "sessions that used it")                     \
    X(METRIC_TAX_TOKENS, "tax_tokens", METRIC_KIND_COUNT, "tax tokens",                            \
      "tokens that the schemas, names and instructions of MCP servers took, estimated by bytes")

#define METRIC_SESSION_MAX_MAP(X)                                                                  \
    X(METRIC_FAN_OUT, "fan_out", METRIC_KIND_COUNT, "fan-out", "most sub-agents by one answer")    \
    X(METRIC_DEPTH, "depth", METRIC_KIND_COUNT, "depth", "sub-agents below sub-agents: deepest")   \
    X(METRIC_PEAK_CONTEXT, "peak_context", METRIC_KIND_COUNT, "peak context",                      \
      "tokens of the largest request of a main thread, cache included")                            \
    X(METRIC_FIRST_MAX, "first_context_max", METRIC_KIND_COUNT, "first max",                       \
      "largest first request of a session, tokens")                                                \
    X(METRIC_REQUESTS_PER_MINUTE, "requests_per_minute", METRIC_KIND_COUNT, "req/min",             \
      "most requests of a session within 60 seconds")                                              \
    X(METRIC_LOOP, "loop", METRIC_KIND_COUNT, "loop",                                              \
      "longest run of one tool call with the same input; 1: none")                                 \
    X(METRIC_SCORE, "score", METRIC_KIND_COUNT, "score", "how much a session looks like a runaway")

#define METRIC_SESSION_MONEY_MAP(X)                                                                \
    X(METRIC_COST_MAIN, "cost_main", METRIC_KIND_MONEY, "main $", "cost of main calls")            \
    X(METRIC_COST_SUBAGENT, "cost_subagent", METRIC_KIND_MONEY, "agents $",                        \
      "cost of sub-agents' calls")                                                                 \
    X(METRIC_COST_BACKGROUND, "cost_background", METRIC_KIND_MONEY, "background $",                \
      "cost of background calls")                                                                  \
    X(METRIC_COST_COMPACTION, "cost_compaction", METRIC_KIND_MONEY, "compaction $",                \
      "cost of compaction calls")                                                                  \
    X(METRIC_COLD_COST, "cold_cost", METRIC_KIND_MONEY, "cold $",                                  \
      "cost of writing prefixes again whose cache had run out")                                    \
    X(METRIC_COLD_EXCESS, "cold_excess", METRIC_KIND_MONEY, "cold excess",                         \
      "what that cost more than reading them would have")                                          \
    X(METRIC_RETRY_COST, "retry_cost", METRIC_KIND_MONEY, "retry $", "cost of retries")            \
    X(METRIC_TAX_COST, "tax_cost", METRIC_KIND_MONEY, "tax",                                       \
      "cost of the tax tokens of MCP servers, estimated by bytes")

#define METRIC_SESSION_SAMPLE_MAP(X)                                                               \
    X(METRIC_FIRST_P50, "first_context_p50", METRIC_KIND_COUNT, "first p50",                       \
      "tokens of the first request of a session, cache included: median")                          \
    X(METRIC_FIRST_P90, "first_context_p90", METRIC_KIND_COUNT, "first p90", "90th percentile")    \
    X(METRIC_FIRST_P99, "first_context_p99", METRIC_KIND_COUNT, "first p99", "99th percentile")    \
    X(METRIC_FIRST_SYSTEM, "first_system", METRIC_KIND_COUNT, "system",                            \
      "of first requests the system prompt: median tokens, apportioned by bytes")                  \
    X(METRIC_FIRST_TOOLS, "first_tools", METRIC_KIND_COUNT, "tools", "built-in tools, likewise")   \
    X(METRIC_FIRST_MCP, "first_mcp", METRIC_KIND_COUNT, "MCP", "MCP servers, likewise")            \
    X(METRIC_FIRST_SKILLS, "first_skills", METRIC_KIND_COUNT, "skills", "skills list, likewise")   \
    X(METRIC_FIRST_AGENTS, "first_agents", METRIC_KIND_COUNT, "agents", "agents list, likewise")   \
    X(METRIC_FIRST_ENVIRONMENT, "first_environment", METRIC_KIND_COUNT, "environ.",                \
      "date, git status, directory, likewise")                                                     \
    X(METRIC_FIRST_MEMORY, "first_memory", METRIC_KIND_COUNT, "memory",                            \
      "project memory (CLAUDE.md), likewise")                                                      \
    X(METRIC_FIRST_REMINDERS, "first_reminders", METRIC_KIND_COUNT, "reminders",                   \
      "other reminders, likewise")                                                                 \
    X(METRIC_FIRST_USER, "first_user", METRIC_KIND_COUNT, "user text", "the user's words, likewise")

#define METRIC_SESSION_DERIVED_MAP(X)                                                              \
    X(METRIC_TOOL_ERROR_RATE, "tool_error_rate", METRIC_KIND_RATIO, "tool err%",                   \
      "tool_errors / tool_calls")                                                                  \
    X(METRIC_COST_PER_PROMPT, "cost_per_prompt", METRIC_KIND_MONEY, "cost/prompt",                 \
      "mean cost of a prompt with all that came of it")                                            \
    X(METRIC_TAX_MONTH, "tax_month", METRIC_KIND_MONEY, "tax/month",                               \
      "tax_cost scaled to 30 days of the period that there are data of")                           \
    X(METRIC_CONTENT_SHARE, "content_share", METRIC_KIND_RATIO, "content",                         \
      "invocations whose request was seen / invocations")

#define METRIC_SESSION_MAP(X)                                                                      \
    METRIC_SESSION_SUM_MAP(X)                                                                      \
    METRIC_SESSION_MAX_MAP(X)                                                                      \
    METRIC_SESSION_MONEY_MAP(X)                                                                    \
    METRIC_SESSION_SAMPLE_MAP(X)                                                                   \
    METRIC_SESSION_DERIVED_MAP(X)

#define METRIC_OF_COUNT(id) ((int)(id))
#define METRIC_OF_MONEY(id) (COUNTS + (int)(id))

enum metric {
    METRIC_BEFORE_DERIVED_ = COUNTS + MONIES - 1,
#define METRIC_ENUM(id, name, kind, heading, text) id,
    METRIC_DERIVED_MAP(METRIC_ENUM) METRIC_SESSION_MAP(METRIC_ENUM)
#undef METRIC_ENUM
        METRICS
};

/* The families of what sessions tell: how many there are, and from where on. */
#define METRIC_ONE(id, name, kind, heading, text) +1
enum {
    SESSION_SUMS = 0 METRIC_SESSION_SUM_MAP(METRIC_ONE),
    SESSION_MAXES = 0 METRIC_SESSION_MAX_MAP(METRIC_ONE),
    SESSION_MONIES = 0 METRIC_SESSION_MONEY_MAP(METRIC_ONE),
    SESSION_SAMPLES = 0 METRIC_SESSION_SAMPLE_MAP(METRIC_ONE),
    SESSION_SUM_FIRST = METRIC_SESSIONS,
    SESSION_MAX_FIRST = METRIC_FAN_OUT,
    SESSION_MONEY_FIRST = METRIC_COST_MAIN,
    SESSION_SAMPLE_FIRST = METRIC_FIRST_P50,
    METRIC_BEFORE_SESSIONS_ = METRIC_SESSIONS - 1,
};
#undef METRIC_ONE

struct metric_info {
    struct str name; /* as typed and as JSON key */
    enum metric_kind kind;
    struct str heading; /* short, for the head of a column */
    struct str text;    /* for help */
};

/* metric is 0 .. METRICS-1; all texts are static. */
struct metric_info metric_info(int metric);
/* -1 when there is no such metric. */
int metric_find(struct str name);

struct metric_value {
    bool known;      /* false: there is no figure; never to be shown as 0 */
    int64_t n;       /* counts, ratios, milliseconds */
    money_sum money; /* METRIC_KIND_MONEY */
};

/* `users` is the number of distinct users, which sums cannot tell. What only sessions tell is not
 * known here. */
struct metric_value metric_value(int metric, const struct sums *s, int64_t users);
/* <0, 0, >0; an unknown value is less than any known one. */
int metric_compare(const struct metric_value *a, const struct metric_value *b);
/* False when all that there is in these sums has no amount. */
bool metric_has_amount(const struct sums *s);
/* a / b rounded half away from zero; false without a base. */
bool metric_divide(money_sum a, money_sum b, money_sum *out);
/* True when money of these sums is a lower limit only: something in them has no amount. */
bool metric_incomplete(const struct sums *s);

#endif
