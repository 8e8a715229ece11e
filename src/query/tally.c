/* What a row about sessions adds up: see tally.h. */
#include "query/tally.h"

#include <stdlib.h>

void tally_fini(struct tally *t)
{
    for (int i = 0; t->sample && i < TALLY_SAMPLES; i++)
        free(t->sample[i].v);
    free(t->sample);
    t->sample = NULL;
}

void tally_max(struct tally *t, enum metric metric, int64_t value)
{
    int64_t *max = &t->max[(int)metric - (int)SESSION_MAX_FIRST];
    *max = value > *max ? value : *max;
}

struct tally_scale tally_scale_of(const struct question *q, const struct about *about)
{
    if (about->since_us == TIME_NONE || about->up_to_us == TIME_NONE)
        return (struct tally_scale){US_PER_DAY};
    int64_t from = q->since_us > about->since_us ? q->since_us : about->since_us;
    int64_t to = q->until_us < about->up_to_us ? q->until_us : about->up_to_us;
    int64_t length = to > from ? to - from : 0;
    return (struct tally_scale){length > US_PER_DAY ? length : US_PER_DAY};
}

static int sample_of(enum metric metric)
{
    return metric < METRIC_FIRST_SYSTEM ? 0 : (int)metric - (int)METRIC_FIRST_P99;
}

enum status tally_sample(struct tally *t, enum metric metric, int64_t tokens)
{
    if (!t->sample && !(t->sample = calloc(TALLY_SAMPLES, sizeof *t->sample)))
        return ERR_NOMEM;
    struct sample *s = &t->sample[sample_of(metric)];
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 4;
        uint32_t *v = cap > s->cap ? realloc(s->v, cap * sizeof *v) : NULL;
        if (!v)
            return ERR_NOMEM;
        s->v = v;
        s->cap = cap;
    }
    s->v[s->n++] = tokens < 0 ? 0 : tokens > UINT32_MAX ? UINT32_MAX : (uint32_t)tokens;
    return OK;
}

static int compare_values(const void *pa, const void *pb)
{
    const uint32_t *a = pa, *b = pb;
    return (*a > *b) - (*a < *b);
}

int64_t sample_percentile(struct sample *s, int percent)
{
    if (s->n == 0)
        return 0;
    qsort(s->v, s->n, sizeof *s->v, compare_values);
    uint64_t rank = ((uint64_t)s->n * (uint64_t)percent + 99) / 100;
    return s->v[rank ? rank - 1 : 0];
}

money_sum tally_month(money_sum amount, const struct tally_scale *scale)
{
    money_sum month;
    if (!metric_divide(amount * (30 * US_PER_DAY), scale->period_us, &month))
        return 0;
    return month;
}

static struct metric_value count_of(int64_t n)
{
    return (struct metric_value){.known = true, .n = n};
}

static struct metric_value ratio(money_sum a, money_sum b)
{
    money_sum q = 0;
    bool known = metric_divide(a * 10000, b, &q);
    return (struct metric_value){.known = known, .n = (int64_t)q};
}

/* Calls without any session: what sessions would tell is not known, which is not 0. */
static bool unseen(const struct tally *t)
{
    return t->last_session == 0 && t->sums.count[COUNT_INVOCATIONS] > 0;
}

/*
 * What only bodies tell is not known where none of the row's calls has one; a session without them
 * (AgentCore names it in the caller) has times, contexts and money all the same. Answers alone tell
 * of tools, requests of the rest.
 */
static bool blind(const struct tally *t, int metric)
{
    const int64_t *n = t->sums.count;
    if (n[COUNT_INVOCATIONS] == 0 || n[COUNT_INPUT_BODIES] > 0)
        return false;
    switch (metric) {
    case METRIC_TOOL_CALLS:
    case METRIC_AGENTS:
    case METRIC_FAN_OUT:
    case METRIC_LOOP:
    case METRIC_USED:
        return n[COUNT_OUTPUT_BODIES] == 0;
    case METRIC_PROMPTS:
    case METRIC_TURNS:
    case METRIC_RETRIES:
    case METRIC_COMPACTIONS:
    case METRIC_INTERRUPTS:
    case METRIC_TOOL_ERRORS:
    case METRIC_OFFERED:
    case METRIC_DEPTH:
    case METRIC_COST_MAIN:
    case METRIC_COST_SUBAGENT:
    case METRIC_COST_BACKGROUND:
    case METRIC_COST_COMPACTION:
    case METRIC_RETRY_COST:
        return true;
    default:
        return false;
    }
}

static struct metric_value sum_value(struct tally *t, int metric)
{
    bool offers = metric == METRIC_OFFERED || metric == METRIC_TAX_TOKENS;
    bool tax = metric == METRIC_TAX_TOKENS;
    if (unseen(t) || blind(t, metric) || (offers && t->no_offers) || (tax && !t->taxed))
        return (struct metric_value){0};
    int64_t n = *tally_sum(t, (enum metric)metric);
    return count_of(metric_info(metric).kind == METRIC_KIND_TIME ? n / 1000 : n);
}

static struct metric_value money_value(struct tally *t, int metric)
{
    bool tax = metric == METRIC_TAX_COST;
    bool taxed = t->taxed && (!t->tax_more || *tally_money(t, METRIC_TAX_COST) != 0);
    bool known = tax ? taxed : !unseen(t) && !blind(t, metric) && metric_has_amount(&t->sums);
    money_sum money = known ? *tally_money(t, (enum metric)metric) : 0;
    return (struct metric_value){.known = known, .money = money};
}

/* Without a session nothing is known, of a peak or a first request not without such a call. */
static struct metric_value max_value(const struct tally *t, int metric)
{
    int64_t max = t->max[metric - (int)SESSION_MAX_FIRST];
    bool known = t->last_session > 0 && !blind(t, metric);
    if (metric == METRIC_FIRST_MAX)
        known = max > 0;
    if (metric == METRIC_PEAK_CONTEXT)
        known = t->main;
    return (struct metric_value){.known = known, .n = max};
}

static struct metric_value sample_value(struct tally *t, int metric)
{
    static const int percents[] = {50, 90, 99};
    int at = metric - (int)SESSION_SAMPLE_FIRST;
    if (!t->sample)
        return (struct metric_value){0};
    struct sample *s = &t->sample[sample_of((enum metric)metric)];
    int percent = metric < METRIC_FIRST_SYSTEM ? percents[at] : 50;
    return (struct metric_value){.known = s->n > 0, .n = sample_percentile(s, percent)};
}

static struct metric_value derived_value(struct tally *t, int metric,
                                         const struct tally_scale *scale)
{
    const int64_t *n = t->sums.count;
    struct metric_value v = {0};
    switch (metric) {
    case METRIC_TOOL_ERROR_RATE:
        return ratio(*tally_sum(t, METRIC_TOOL_ERRORS), *tally_sum(t, METRIC_TOOL_CALLS));
    case METRIC_COST_PER_PROMPT:
        v.known = metric_has_amount(&t->sums) &&
                  metric_divide(t->cost_of_sessions, *tally_sum(t, METRIC_PROMPTS), &v.money);
        return v;
    case METRIC_TAX_MONTH:
        v = money_value(t, METRIC_TAX_COST);
        v.money = tally_month(v.money, scale);
        return v;
    default:
        return ratio(n[COUNT_INPUT_BODIES], n[COUNT_INVOCATIONS]);
    }
}

struct metric_value tally_value(struct tally *t, int metric, const struct tally_scale *scale)
{
    if (metric <= METRIC_BEFORE_SESSIONS_)
        return metric_value(metric, &t->sums, t->users);
    if (metric < (int)SESSION_MAX_FIRST)
        return sum_value(t, metric);
    if (metric < (int)SESSION_MONEY_FIRST)
        return max_value(t, metric);
    if (metric < (int)SESSION_SAMPLE_FIRST)
        return money_value(t, metric);
    if (metric < METRIC_TOOL_ERROR_RATE)
        return sample_value(t, metric);
    return derived_value(t, metric, scale);
}
