/* Runaway sessions: see runaway.h. */
#include "query/runaway.h"

#include "base/nearest.h"

static const struct {
    struct str key;
    int64_t limit;
} signals[RUNAWAY_SIGNALS] = {
#define RUNAWAY_ROW(id, key, limit, text) [id] = {{key, sizeof key - 1}, limit},
    RUNAWAY_MAP(RUNAWAY_ROW)
#undef RUNAWAY_ROW
};

struct runaway_limits runaway_defaults(void)
{
    struct runaway_limits limits;
    for (int i = 0; i < RUNAWAY_SIGNALS; i++)
        limits.v[i] = signals[i].limit;
    return limits;
}

struct str runaway_key(enum runaway_signal signal)
{
    return signals[signal].key;
}

static enum status find(struct str key, int *signal, struct err *err)
{
    char shown[QUOTED_TEXT];
    struct nearest near = nearest_start(key);
    for (int i = 0; i < RUNAWAY_SIGNALS; i++) {
        if (str_eq(signals[i].key, key)) {
            *signal = i;
            return OK;
        }
        nearest_offer(&near, signals[i].key);
    }
    if (near.best.p)
        return err_set(err, ERR_USAGE, "there is no signal '%s'; did you mean %.*s?",
                       quoted(shown, key), STR_ARG(near.best));
    return err_set(err, ERR_USAGE,
                   "there is no signal '%s'; there are prompts, rate, per-prompt, fan-out, depth, "
                   "growth, loop, cost and active",
                   quoted(shown, key));
}

enum status runaway_set(struct runaway_limits *limits, struct str text, struct err *err)
{
    struct runaway_limits changed = *limits;
    struct str rest = str_trim(text);
    while (rest.n > 0) {
        char shown[QUOTED_TEXT];
        int signal = 0;
        struct str value = str_trim(str_cut(&rest, ','));
        struct str key = str_trim(str_cut(&value, '='));
        TRY(find(key, &signal, err));
        if (!value.p || !str_to_i64(str_trim(value), &changed.v[signal]))
            return err_set(err, ERR_USAGE, "%s needs a whole number (0: it does not count)",
                           quoted(shown, key));
    }
    *limits = changed;
    return OK;
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
