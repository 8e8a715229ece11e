/*
 * The question: metrics by dimensions over a period, filtered. The only way to read. Parsed from
 * the command line now and from a URL or a rule later, always by question_set.
 *
 *     struct question q;
 *     question_init(&q);
 *     question_named(&q, STR("people"), &err);
 *     question_set(&q, STR("since"), STR("7d"), &err);
 *
 * A question owns what it points to (an arena inside); question_fini gives it back.
 */
#ifndef ASSAY_QUERY_QUESTION_H
#define ASSAY_QUERY_QUESTION_H

#include "base/arena.h"
#include "base/err.h"
#include "base/zone.h"

/* id, name (as typed and as JSON key), text for help. The order is that of help. */
#define DIMENSION_MAP(X)                                                                           \
    X(DIM_TIME, "time", "step of time; --bucket hour|day|week|month|year")                         \
    X(DIM_ACCOUNT, "account", "AWS account of the call")                                           \
    X(DIM_REGION, "region", "source Region, where the call was made")                              \
    X(DIM_INFERENCE_REGION, "inference_region", "Region where it ran")                             \
    X(DIM_USER, "user", "the person, or the principal where no person is known")                   \
    X(DIM_PERSON, "person", "the person, from the directory or the ARN")                           \
    X(DIM_TEAM, "team", "team, from the directory")                                                \
    X(DIM_COST_CENTRE, "cost_centre", "cost centre, from the directory")                           \
    X(DIM_PRINCIPAL, "principal", "identity.arn as logged")                                        \
    X(DIM_PRINCIPAL_KIND, "principal_kind", "user, sso, role, workload, service, api-key …")       \
    X(DIM_PRINCIPAL_ACCOUNT, "principal_account", "account of the identity")                       \
    X(DIM_ROLE, "role", "role or permission set")                                                  \
    X(DIM_MODEL, "model", "base model; the id as logged where it is not resolved")                 \
    X(DIM_MODEL_ID, "model_id", "modelId as logged")                                               \
    X(DIM_PROVIDER, "provider", "vendor of the model")                                             \
    X(DIM_FAMILY, "family", "model family, for example claude-opus")                               \
    X(DIM_SCOPE, "scope", "in-region, geo or global")                                              \
    X(DIM_GEO, "geo", "geography of a geo profile: us, eu, apac …")                                \
    X(DIM_PROFILE, "profile", "application inference profile")                                     \
    X(DIM_TAG, "tag:KEY", "tag KEY of the application inference profile")                          \
    X(DIM_OPERATION, "operation", "API operation")                                                 \
    X(DIM_ERROR, "error", "errorCode, empty for success")                                          \
    X(DIM_STATUS, "status", "ok or error")                                                         \
    X(DIM_TIER, "tier", "service tier")                                                            \
    X(DIM_OUTCOME, "outcome", "priced, bounded, estimated, partial, unpriced …")                   \
    X(DIM_REASON, "reason", "why an amount is missing or not exact")                               \
    X(DIM_HARNESS, "harness", "program that made the call: Claude Code, Cline …")                  \
    X(DIM_VERSION, "version", "version of the harness")                                            \
    X(DIM_ENTRYPOINT, "entrypoint", "how the harness was started: cli, sdk-cli …")                 \
    X(DIM_CALL_KIND, "call_kind", "main, sub-agent, compaction, background, probe")                \
    X(DIM_SESSION, "session", "session, by its id; ~… where calls were joined by their messages")  \
    X(DIM_REPOSITORY, "repository", "working directory of the session")                            \
    X(DIM_THREAD, "thread", "thread of a session: main, sub-agent TYPE, background PURPOSE")       \
    X(DIM_SIGNALS, "signals", "what makes a session look like a runaway")                          \
    X(DIM_TOOL_KIND, "tool_kind", "builtin, mcp, skill, agent, command")                           \
    X(DIM_TOOL, "tool", "name of a tool, skill, type of sub-agent or slash command")               \
    X(DIM_SERVER, "server", "MCP server")                                                          \
    X(DIM_SKILL, "skill", "skill, run by the model or by a slash command")                         \
    X(DIM_AGENT, "agent", "type of a sub-agent")

enum dimension {
#define DIM_ENUM(id, name, text) id,
    DIMENSION_MAP(DIM_ENUM)
#undef DIM_ENUM
        DIMENSIONS
};

/* Metrics are a table in query/metric.h. */
enum { QUESTION_DIMS = 8, QUESTION_METRICS = 112, QUESTION_FILTERS = 32 };

/* "user" …; never NULL. -1 when there is no such dimension. Any "tag:…" is DIM_TAG, whose key
 * stands in the question: ask question_dimension or filter_dimension for the name. */
struct str dimension_name(enum dimension dim);
struct str dimension_text(enum dimension dim);
int dimension_find(struct str name);
/* What only a session as a whole can tell, from `session` on; what one use of a tool can tell, from
 * `tool_kind` on. The others are told by the labels of a call (model/series.h). */
static inline bool dimension_of_session(enum dimension dim)
{
    return dim >= DIM_SESSION;
}
static inline bool dimension_of_use(enum dimension dim)
{
    return dim >= DIM_TOOL_KIND;
}
/* "hour" …, "" for BUCKET_NONE. */
struct str bucket_name(enum bucket bucket);

enum filter_op {
    FILTER_IS,     /* dimension=glob[,glob…]: any of them */
    FILTER_IS_NOT, /* dimension!=glob[,glob…]: none of them */
};

struct filter {
    enum dimension dim;
    struct str tag; /* the key of DIM_TAG, "" for others */
    enum filter_op op;
    struct str values; /* comma-separated globs, compared without case */
};

struct question {
    struct arena arena;
    struct str name;    /* of the stored question, "" for a free one */
    struct str title;   /* for people */
    struct str subject; /* its beginning: "Spend", "Failed invocations" … */
    int dims_n;
    enum dimension dims[QUESTION_DIMS];
    struct str tags[QUESTION_DIMS]; /* the keys of those that are DIM_TAG, "" for others */
    int metrics_n;
    int metrics[QUESTION_METRICS]; /* enum metric */
    int filters_n;
    struct filter filters[QUESTION_FILTERS];
    int stored_filters_n;       /* the first of them, that the name of the question implies */
    struct str since, until;    /* as typed; "" for open */
    int64_t since_us, until_us; /* [since, until); INT64_MIN / INT64_MAX for open */
    enum bucket bucket;
    struct str zone;  /* tz database name, for the answer; zone_set chooses it for the process */
    struct str order; /* as typed: NAME[:asc|:desc], a metric or one of the dimensions */
    int order_metric; /* enum metric, or -1 to order by a dimension */
    int order_dim;    /* position in dims[], when order_metric is -1 */
    bool ascending;
    int lead_metric;      /* what bars show; orders what the order leaves equal, largest first */
    int preferred_metric; /* the lead metric that a stored question would like, or -1 */
    int64_t limit;        /* rows; 0: all */
};

/* "user", "tag:team": the name of the i-th dimension, of that of a filter; into room if need be. */
enum { DIMENSION_NAME = 4 + 128 + 1 };
struct str question_dimension(const struct question *q, int i, char room[DIMENSION_NAME]);
struct str filter_dimension(const struct filter *f, char room[DIMENSION_NAME]);

void question_init(struct question *q);
void question_fini(struct question *q);

/* Turns q into a stored question: overview, people, teams, models, regions, profiles, errors,
 * unpriced, tools, mcp, skills, agents, sessions, context, harnesses, runaway (sessions that look
 * like one), savings (findings for rows: query/savings.h). ERR_NOT_FOUND for another name. */
enum status question_named(struct question *q, struct str name, struct err *err) MUST_USE;
/* True when such a stored question exists. */
bool question_is_name(struct str name);

/* True when only folded sessions can answer it (query/inside.h): some dimension, filter or metric
 * is of them. After question_finish. */
bool question_needs_sessions(const struct question *q);

/* True when the question was given nothing but, perhaps, a period, filters and a zone. */
bool question_is_blank(const struct question *q);

/* True when an answer needs to know what bodies tell beside usage: it groups or filters by what
 * stands there, or it is of sessions. */
bool question_needs_exchange(const struct question *q);

/*
 * key: by, metrics, where, since, until, bucket, order, limit, zone. `where` may be given again and
 * adds up; the others replace. Messages name the nearest valid word. A zone is only remembered:
 * who owns the process calls zone_set.
 *
 *     by       user,model            "" for one row over everything
 *     metrics  invocations,cost
 *     where    team=search*,build    or team!=…; globs, compared without case; "" is "not known"
 *              tag:Team=search       keys of tags as AWS has them: by case, up to the first '='
 *     order    cost, cost:asc, user, time:desc
 *     limit    20                    0: all
 */
enum status question_set(struct question *q, struct str key, struct str value,
                         struct err *err) MUST_USE;

/* Works out the period against a clock (after zone_set) and checks that the parts fit together.
 * To be called once, last. */
enum status question_finish(struct question *q, int64_t now_us, struct err *err) MUST_USE;

/*
 * since / until in all their forms against a clock, in the zone of the process. `end` chooses the
 * end of what names a span (a date, a month, today …) rather than its start, so that
 * --since 2026-04 --until 2026-04 is that month.
 *
 *     2026, 2026-04, 2026-04-14                    a year, a month, a day
 *     2026-04-14T08:30, 2026-04-14 08:30:15        a wall clock of the zone
 *     2026-04-14T08:30:15Z, 2026-04-14T08:30+02:00 an instant
 *     30m, 24h, 7d, 4w, 3mo, 1y                    so long before now; days by the calendar
 *     now, today, yesterday, this-week, last-week, this-month, last-month,
 *     this-quarter, last-quarter, this-year, last-year
 */
enum status period_parse(struct str text, bool end, int64_t now_us, int64_t *time_us,
                         struct err *err) MUST_USE;

#endif
