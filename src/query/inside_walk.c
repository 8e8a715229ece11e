/*
 * One session through the question: which of its calls and uses count, in which rows, and what they
 * add. A session may know more than its calls tell (prompts that were seen in a later history
 * only): what remains is added where its first main call counts, so that rows add up to the
 * session.
 */
#include "query/inside_internal.h"

#include <stdlib.h>

money_sum walk_cost(const struct invocation *v)
{
    money_sum cost = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        cost += v->cost[i];
    return cost;
}

/* What one call tells of the session's sums, without its uses of tools. */
struct counts walk_call_counts(const struct walk *w, size_t i)
{
    const int64_t pause_us = 5 * 60 * US_PER_SECOND;
    const struct session_call *c = &w->s->calls[i];
    const struct exchange *x = c->v.exchange;
    struct counts n = {{0}};
    bool retry = c->flags & SC_RETRY, turn = c->kind == CALL_MAIN && !retry;
    int64_t gap = c->v.time_us - (i > 0 ? w->s->calls[i - 1].v.time_us : w->s->before_us);
    *count_of(&n, METRIC_PROMPTS) = c->prompts;
    *count_of(&n, METRIC_TURNS) = turn;
    *count_of(&n, METRIC_RETRIES) = retry;
    *count_of(&n, METRIC_COMPACTIONS) = c->kind == CALL_COMPACTION && !retry;
    *count_of(&n, METRIC_INTERRUPTS) = turn ? (int64_t)x->interrupts : 0;
    *count_of(&n, METRIC_ACTIVE) = gap < pause_us ? gap : pause_us;
    *count_of(&n, METRIC_DURATION) = gap;
    *count_of(&n, METRIC_COLD_RESTARTS) = (c->flags & SC_COLD) != 0;
    return n;
}

void walk_count_use(struct counts *n, const struct session_use *u)
{
    *count_of(n, METRIC_TOOL_CALLS) += 1;
    *count_of(n, METRIC_TOOL_ERRORS) += u->error;
    *count_of(n, METRIC_AGENTS) += u->kind == TOOL_AGENT;
}

static void find_rest(struct walk *w)
{
    const struct session *s = w->s;
    w->rest = (struct counts){{0}};
    *count_of(&w->rest, METRIC_PROMPTS) = s->prompts;
    *count_of(&w->rest, METRIC_TURNS) = s->turns;
    *count_of(&w->rest, METRIC_RETRIES) = s->retries;
    *count_of(&w->rest, METRIC_COMPACTIONS) = s->compactions;
    *count_of(&w->rest, METRIC_INTERRUPTS) = s->interrupts;
    *count_of(&w->rest, METRIC_ACTIVE) = s->active_us;
    *count_of(&w->rest, METRIC_DURATION) = s->last_us - s->before_us;
    *count_of(&w->rest, METRIC_COLD_RESTARTS) = s->cold_restarts;
    *count_of(&w->rest, METRIC_TOOL_CALLS) = s->tool_calls;
    *count_of(&w->rest, METRIC_TOOL_ERRORS) = s->tool_errors;
    *count_of(&w->rest, METRIC_AGENTS) = s->agents;
    struct counts told = {{0}};
    for (size_t i = 0; i < s->uses_n; i++)
        walk_count_use(&told, &s->uses[i]);
    for (size_t i = 0; i < s->calls_n; i++) {
        struct counts n = walk_call_counts(w, i);
        for (int k = 0; k < SESSION_SUMS; k++)
            told.v[k] += n.v[k];
    }
    for (int k = 0; k < SESSION_SUMS; k++)
        w->rest.v[k] -= told.v[k];
}

/* ---- What is known of the session as a whole. */

static int compare_symbols(const void *pa, const void *pb)
{
    const uint32_t *a = pa, *b = pb;
    return (*a > *b) - (*a < *b);
}

/* Sorted, each once. */
static void settle_skills(struct walk *w)
{
    size_t n = 0;
    if (w->skills_n > 1)
        qsort(w->skills, w->skills_n, sizeof *w->skills, compare_symbols);
    for (size_t i = 0; i < w->skills_n; i++)
        if (n == 0 || w->skills[n - 1] != w->skills[i])
            w->skills[n++] = w->skills[i];
    w->skills_n = n;
}

static enum status add_skill(struct walk *w, uint32_t name)
{
    bool full = w->skills_n == w->skills_cap;
    if (full)
        settle_skills(w);
    if (full && w->skills_n * 2 >= w->skills_cap) {
        size_t cap = w->skills_cap ? w->skills_cap * 2 : 64;
        uint32_t *skills = realloc(w->skills, cap * sizeof *skills);
        if (!skills)
            return ERR_NOMEM;
        w->skills = skills;
        w->skills_cap = cap;
    }
    w->skills[w->skills_n++] = name;
    return OK;
}

static enum status find_skills(struct walk *w)
{
    uint32_t last = 0;
    for (size_t i = 0; i < w->s->calls_n; i++) {
        uint32_t symbol = exchange_of(w, i)->offer;
        if (symbol == last)
            continue;
        last = symbol;
        const struct offer_cache *offer = inside_offer(w->in, symbol);
        if (!offer)
            return ERR_NOMEM;
        for (size_t k = 0; k < offer->n; k++)
            if (offer->v[k].kind == TOOL_SKILL)
                TRY(add_skill(w, offer->v[k].name));
    }
    settle_skills(w);
    return OK;
}

bool walk_is_skill(const struct walk *w, uint32_t name)
{
    return w->skills_n > 0 &&
           bsearch(&name, w->skills, w->skills_n, sizeof *w->skills, compare_symbols);
}

static enum status find_signals(struct walk *w)
{
    struct buf text;
    buf_init(&text, 1 << 12);
    runaway_text(&w->runaway, &text);
    enum status status = buf_status(&text);
    if (status == OK)
        status = symbols_intern(w->in->texts, buf_view(&text), &w->signals);
    buf_fini(&text);
    return status;
}

static enum status look(struct walk *w)
{
    const struct session *s = w->s;
    w->anchor = w->first = s->calls_n;
    for (size_t i = 0; i < s->calls_n; i++) {
        const struct exchange *x = exchange_of(w, i);
        bool retry = s->calls[i].flags & SC_RETRY;
        int kind = s->calls[i].kind;
        if (w->anchor == s->calls_n && kind == CALL_MAIN && !retry)
            w->anchor = i;
        if (w->first == s->calls_n && (s->calls[i].flags & SC_FIRST))
            w->first = i;
        if (w->repository == 0 && kind != CALL_BACKGROUND)
            w->repository = x->repository;
    }
    if (w->anchor == s->calls_n)
        w->anchor = 0;
    w->runaway = runaway_of(s, &w->in->limits);
    find_rest(w);
    if (w->in->wants_signals)
        TRY(find_signals(w));
    return w->in->wants_skills ? find_skills(w) : OK;
}

/* ---- Its calls. */

static void consider_call(struct inside *in, const struct invocation *v)
{
    struct answer_sessions *about = &in->about;
    money_sum cost = walk_cost(v);
    bool recognised = v->exchange->flags & EX_RECOGNISED;
    about->calls++;
    about->requests += (v->flags & INV_INPUT_BODY) != 0;
    about->cost += cost;
    about->names_cut += v->exchange->cut;
    about->recognised += recognised;
    about->recognised_cost += recognised ? cost : 0;
}

static enum status add_passed(struct walk *w, size_t call, uint32_t group)
{
    struct inside *in = w->in;
    struct row_key key;
    if (!in->counted && in->pass == 0) {
        in->about.sessions++;
        in->about.inferred += w->s->inferred;
        in->about.at_least += w->s->prompts_at_least;
    }
    in->counted = true;
    TRY(walk_call_key(w, call, group, &key));
    TRY(in->by_use ? walk_add_by_use(w, call, &key) : walk_add_by_call(w, call, &key));
    return in->wants_offers ? walk_add_offer(w, call, &key) : OK;
}

/* Coverage is that of all calls that their labels let pass, whatever sessions are asked for. */
static enum status add_all(struct walk *w, bool session_pass)
{
    struct inside *in = w->in;
    for (size_t i = 0; i < w->s->calls_n; i++) {
        const struct invocation *v = &w->s->calls[i].v;
        uint32_t group = GROUP_NONE;
        if (plan_wants_time(in->plan, v->time_us))
            TRY(plan_group(in->view, v->series, &group));
        bool pass = session_pass && group != GROUP_NONE;
        if (group != GROUP_NONE && in->pass == 0)
            consider_call(in, v);
        if (pass && in->by_thread)
            TRY(walk_thread_passes(w, i, &pass));
        if (pass)
            TRY(add_passed(w, i, group));
        while (w->use < w->s->uses_n && w->s->uses[w->use].call == i)
            w->use++;
    }
    return OK;
}

/* By session: the rows of the session before are final now, as more of it would have come next. */
static enum status begin(struct inside *in)
{
    in->serial++;
    in->counted = false;
    return in->by_session ? inside_keep(in) : OK;
}

enum status inside_session(void *ctx, const struct session *s)
{
    struct inside *in = ctx;
    struct walk w = {.in = in, .s = s};
    in->about.looked += in->pass == 0;
    if (session_is_stray(s))
        return in->pass > 0 ? OK : plan_add(in->view, in->stray, &s->calls[0].v, 1);
    if (!s->continued)
        TRY(begin(in));
    enum status status = s->calls_n > 0 ? look(&w) : OK;
    if (status == OK && s->calls_n > 0)
        status = add_all(&w, walk_session_passes(&w));
    in->calls_seen += s->calls_n;
    free(w.skills);
    return status;
}
