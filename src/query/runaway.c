/* Runaway sessions: see runaway.h. */
#include "query/runaway.h"

#include "query/limits.h"

static const struct limit_key signals[RUNAWAY_SIGNALS] = {
#define RUNAWAY_ROW(id, key, limit, text) [id] = {{key, sizeof key - 1}, limit, 0},
    RUNAWAY_MAP(RUNAWAY_ROW)
#undef RUNAWAY_ROW
};

struct runaway_limits runaway_defaults(void)
{
    struct runaway_limits limits;
    for (int i = 0; i < RUNAWAY_SIGNALS; i++)
        limits.v[i] = signals[i].usual;
    return limits;
}

struct str runaway_key(enum runaway_signal signal)
{
    return signals[signal].key;
}

enum status runaway_set(struct runaway_limits *limits, struct str text, struct err *err)
{
    return limits_set(signals, RUNAWAY_SIGNALS, "signal", text, limits->v, err);
}

/* From the first call of the main thread that is there to the largest. */
static int64_t growth(const struct session *s)
{
    for (size_t i = 0; i < s->calls_n; i++) {
        const struct session_call *c = &s->calls[i];
        if (c->kind == CALL_MAIN && c->context > 0)
            return s->peak_context > c->context ? s->peak_context - c->context : 0;
    }
    return 0;
}

struct runaway runaway_of(const struct session *s, const struct runaway_limits *limits)
{
    int64_t requests = (int64_t)s->calls_n;
    bool seen = s->requests_seen > 0; /* without requests no prompts are known */
    struct runaway r = {
        .value =
            {
                [RUNAWAY_PROMPTS] = s->prompts,
                [RUNAWAY_RATE] = s->requests_per_minute,
                [RUNAWAY_PER_PROMPT] = s->prompts > 0 ? requests / s->prompts
                                       : seen         ? requests
                                                      : 0,
                [RUNAWAY_FAN_OUT] = s->fan_out,
                [RUNAWAY_DEPTH] = s->depth,
                [RUNAWAY_GROWTH] = growth(s) / 1000,
                [RUNAWAY_LOOP] = s->loop,
                [RUNAWAY_COST] = (int64_t)(s->cost / PICO_PER_USD),
                [RUNAWAY_ACTIVE] = s->active_us / US_PER_HOUR,
            },
    };
    for (int i = 0; i < RUNAWAY_SIGNALS; i++) {
        int64_t times = limits->v[i] > 0 ? r.value[i] / limits->v[i] : 0;
        const int64_t most = RUNAWAY_SIGNAL_MOST / RUNAWAY_STEP;
        r.points[i] = (times > most ? most : times) * RUNAWAY_STEP;
        r.score += r.points[i];
    }
    if (r.score > RUNAWAY_MOST)
        r.score = RUNAWAY_MOST;
    return r;
}

void runaway_text(const struct runaway *r, struct buf *out)
{
    const char *before = "";
    for (int i = 0; i < RUNAWAY_SIGNALS; i++) {
        if (r->points[i] == 0)
            continue;
        buf_printf(out, "%s%.*s %lld", before, STR_ARG(signals[i].key), (long long)r->value[i]);
        before = ", ";
    }
}
