/* The stored questions: each is a list of words, set as if somebody had typed them. */
#include "query/question_internal.h"

#include "base/nearest.h"
#include "query/metric.h"

#define SPEND "input,output,cache_read,cache_write,cost"

static const struct stored {
    const char *name, *subject, *title;
    const char *by, *metrics, *where;
    int preferred;
} stored[] = {
    {"overview", "Spend", "Spend over time", "time", "invocations,users," SPEND, NULL, -1},
    {"people", "Spend", "Spend by person", "user",
     "invocations,input,output,cache_read,cache_write,cache_hit_rate,cost", NULL, -1},
    {"teams", "Spend", "Spend by team", "team", "users,invocations," SPEND, NULL, -1},
    {"models", "Spend", "Spend by model", "model,scope", "invocations,users," SPEND, NULL, -1},
    {"regions", "Spend", "Spend by Region", "region,account", "invocations,users," SPEND, NULL, -1},
    {"profiles", "Spend", "Spend by inference profile", "profile,model", "invocations,users," SPEND,
     NULL, -1},
    {"errors", "Failed invocations", "Failed invocations", "error,model,operation",
     "invocations,users,input,output,cost", "status=error", METRIC_OF_COUNT(COUNT_INVOCATIONS)},
    {"unpriced", "Invocations without a full price", "Invocations without a full price",
     "reason,model_id", "invocations,users,tokens,unpriced_tokens,cost",
     "outcome=unpriced,partial,usage_unknown", METRIC_OF_COUNT(COUNT_UNPRICED_TOKENS)},
    {"tools", "Tools", "Tools by use", "tool_kind,server,tool",
     "tool_calls,tool_errors,tool_error_rate,sessions,users,invocations,cost", NULL,
     METRIC_TOOL_CALLS},
    {"mcp", "MCP servers", "MCP servers: installed, used, and what they cost the context", "server",
     "offered,used,tool_calls,tool_errors,users,tax_tokens,tax_cost,tax_month", NULL,
     METRIC_TAX_COST},
    {"skills", "Skills", "Skills: installed and used", "skill",
     "offered,used,tool_calls,tool_errors,users,cost", NULL, METRIC_TOOL_CALLS},
    {"agents", "Sub-agents", "Sub-agents: installed and used", "agent",
     "offered,used,tool_calls,tool_errors,users,cost", NULL, METRIC_TOOL_CALLS},
    {"sessions", "Sessions", "Sessions", "session,user,repository",
     "prompts,turns,invocations,tool_calls,agents,compactions,active,peak_context,cold_restarts,"
     "cost_per_prompt,cost",
     NULL, -1},
    {"context", "First message", "What the first message of a session is made of",
     "harness,version",
     "sessions,first_context_p50,first_context_p90,first_context_p99,first_context_max,first_"
     "system,"
     "first_tools,first_mcp,first_skills,first_agents,first_environment,first_memory,"
     "first_reminders,first_user",
     NULL, METRIC_SESSIONS},
    {"harnesses", "Harnesses", "Harnesses and their versions", "harness,version,entrypoint",
     "invocations,users,sessions,tokens,cost", NULL, -1},
    {"runaway", "Sessions", "Sessions that look like runaways", "session,user,signals",
     "score,prompts,invocations,agents,loop,requests_per_minute,active,peak_context,cost",
     "signals!=", METRIC_SCORE},
    {"savings", "Savings", "What could be saved", "", "cost", NULL, -1},
};
enum { STORED = sizeof stored / sizeof stored[0], SESSIONS_SHOWN = 50 };

static const struct stored *find(struct str name)
{
    for (int i = 0; i < STORED; i++)
        if (str_eq(name, str_from(stored[i].name)))
            return &stored[i];
    return NULL;
}

bool question_is_name(struct str name)
{
    return find(name) != NULL;
}

enum status question_named(struct question *q, struct str name, struct err *err)
{
    const struct stored *s = find(name);
    if (!s) {
        char shown[QUOTED_TEXT];
        struct nearest near = nearest_start(name);
        for (int i = 0; i < STORED; i++)
            nearest_offer(&near, str_from(stored[i].name));
        if (near.best.p)
            return err_set(err, ERR_NOT_FOUND, "there is no report '%s'; did you mean %.*s?",
                           quoted(shown, name), STR_ARG(near.best));
        return err_set(err, ERR_NOT_FOUND,
                       "there is no report '%s'; there are overview, people, teams, models, "
                       "regions, profiles, errors, unpriced, tools, mcp, skills, agents, sessions, "
                       "context, harnesses, runaway and savings",
                       quoted(shown, name));
    }
    TRY(question_set(q, STR("by"), str_from(s->by), err));
    TRY(question_set(q, STR("metrics"), str_from(s->metrics), err));
    if (s->where)
        TRY(question_set(q, STR("where"), str_from(s->where), err));
    q->stored_filters_n = q->filters_n;
    q->name = str_from(s->name);
    q->subject = str_from(s->subject);
    q->title = str_from(s->title);
    q->preferred_metric = s->preferred;
    if (q->dims_n > 0 && q->dims[0] == DIM_SESSION)
        q->limit = SESSIONS_SHOWN;
    return OK;
}
