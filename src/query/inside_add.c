/* What a call, a use of a tool and an item of an offer add to which rows. */
#include "query/inside_internal.h"

#include <stdlib.h>

enum status walk_call_key(const struct walk *w, size_t call, uint32_t group, struct row_key *key)
{
    const struct question *q = w->in->question;
    *key = (struct row_key){.bucket_us = plan_bucket(w->in->view, w->s->calls[call].v.time_us),
                            .group = group};
    for (int i = 0; i < q->dims_n; i++) {
        if (q->dims[i] == DIM_REPOSITORY)
            key->part[i] = w->repository;
        else if (q->dims[i] == DIM_SIGNALS)
            key->part[i] = w->signals;
        else if (q->dims[i] == DIM_THREAD)
            TRY(walk_thread_part(w, call, w->in->by_session, &key->part[i]));
    }
    return OK;
}

static struct row_key atom_key(const struct walk *w, const struct row_key *call,
                               const struct atom *a)
{
    const struct question *q = w->in->question;
    struct row_key key = *call;
    for (int i = 0; i < q->dims_n; i++)
        if (dimension_of_use(q->dims[i]))
            key.part[i] = atom_part(a, q->dims[i]);
    return key;
}

static enum status add_first(struct walk *w, struct tally *t)
{
    static const struct {
        enum request_part part;
        enum metric metric;
    } parts[] = {
        {PART_SYSTEM, METRIC_FIRST_SYSTEM},
        {PART_TOOLS, METRIC_FIRST_TOOLS},
        {PART_MCP, METRIC_FIRST_MCP},
        {PART_SKILLS, METRIC_FIRST_SKILLS},
        {PART_AGENTS, METRIC_FIRST_AGENTS},
        {PART_MEMORY, METRIC_FIRST_MEMORY},
        {PART_ENVIRONMENT, METRIC_FIRST_ENVIRONMENT},
        {PART_USER, METRIC_FIRST_USER},
        {PART_REMINDERS, METRIC_FIRST_REMINDERS},
    };
    if (!w->in->wants_first || w->first == w->s->calls_n)
        return OK;
    int64_t context = w->s->calls[w->first].context, share[PARTS];
    session_share(context, exchange_of(w, w->first)->part, share);
    tally_max(t, METRIC_FIRST_MAX, context);
    TRY(tally_sample(t, METRIC_FIRST_P50, context));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        TRY(tally_sample(t, parts[i].metric, share[parts[i].part]));
    return OK;
}

static enum status add_session(struct walk *w, struct inside_row *row)
{
    struct tally *t = &row->tally;
    if (t->last_session == w->in->serial)
        return OK;
    t->last_session = w->in->serial;
    *tally_sum(t, METRIC_SESSIONS) += 1;
    *tally_sum(t, METRIC_SESSIONS_INFERRED) += w->s->inferred;
    t->at_least = t->at_least || w->s->prompts_at_least;
    tally_max(t, METRIC_REQUESTS_PER_MINUTE, w->s->requests_per_minute);
    tally_max(t, METRIC_LOOP, w->s->loop);
    tally_max(t, METRIC_SCORE, w->runaway.score);
    if (w->in->by_session && !row->session) {
        row->session = malloc(w->s->id.n + 1);
        if (!row->session)
            return ERR_NOMEM;
        memcpy(row->session, w->s->id.p, w->s->id.n);
        row->session_n = w->s->id.n;
    }
    return w->in->by_use ? add_first(w, t) : OK;
}

static void add_money(const struct walk *w, struct tally *t, size_t call)
{
    const struct session_call *c = &w->s->calls[call];
    money_sum cost = walk_cost(&c->v);
    static const enum metric kinds[CALL_KINDS] = {
        [CALL_MAIN] = METRIC_COST_MAIN,
        [CALL_SUBAGENT] = METRIC_COST_SUBAGENT,
        [CALL_COMPACTION] = METRIC_COST_COMPACTION,
        [CALL_BACKGROUND] = METRIC_COST_BACKGROUND,
    };
    t->cost_of_sessions += cost;
    if (kinds[c->kind])
        *tally_money(t, kinds[c->kind]) += cost;
    *tally_money(t, METRIC_COLD_COST) += c->cold_cost;
    *tally_money(t, METRIC_COLD_EXCESS) += c->cold_excess;
    if (c->flags & SC_RETRY)
        *tally_money(t, METRIC_RETRY_COST) += cost;
}

/* Once for each row, however many uses of it there are. */
static enum status add_call(struct walk *w, struct row_table *table, struct inside_row *row,
                            size_t call)
{
    const struct session_call *c = &w->s->calls[call];
    struct tally *t = &row->tally;
    TRY(add_session(w, row));
    if (t->last_call == w->in->calls_seen + call + 1)
        return OK;
    t->last_call = w->in->calls_seen + call + 1;
    sums_add(&t->sums, &c->v, 1);
    uint32_t marks[PLAN_MARKS];
    for (int n = plan_marks(w->in->view, c->v.series, marks); n > 0; n--)
        TRY(row_mark(table, row, marks[n - 1]));
    struct counts counts = walk_call_counts(w, call);
    for (int i = 0; i < SESSION_SUMS; i++)
        t->sum[i] += counts.v[i];
    add_money(w, t, call);
    if (c->kind == CALL_MAIN || c->kind == CALL_UNKNOWN) {
        t->main = true;
        tally_max(t, METRIC_PEAK_CONTEXT, c->context);
    }
    tally_max(t, METRIC_DEPTH, w->s->threads[c->thread].depth);
    if (w->in->by_use)
        return OK;
    if (call == w->anchor)
        for (int i = 0; i < SESSION_SUMS; i++)
            t->sum[i] += w->rest.v[i];
    return call == w->first ? add_first(w, t) : OK;
}

static money_sum share_of(money_sum total, int64_t part, int64_t whole)
{
    money_sum q = 0;
    if (!metric_divide(total * part, whole, &q))
        return 0;
    return q;
}

static void add_item(struct walk *w, struct tally *t, size_t call, const struct offered *item)
{
    const struct session_call *c = &w->s->calls[call];
    if (t->last_offered != w->in->serial) {
        t->last_offered = w->in->serial;
        *tally_sum(t, METRIC_OFFERED) += 1;
    }
    if (item->kind != TOOL_MCP)
        return;
    int64_t bytes = exchange_bytes(c->v.exchange);
    money_sum cost = walk_cost(&c->v) - c->v.cost[TOKENS_OUTPUT];
    t->taxed = true;
    struct sums sums = {0};
    sums_add(&sums, &c->v, 1);
    t->tax_more = t->tax_more || metric_incomplete(&sums);
    *tally_sum(t, METRIC_TAX_TOKENS) += (int64_t)share_of(c->context, item->bytes, bytes);
    *tally_money(t, METRIC_TAX_COST) += share_of(cost, item->bytes, bytes);
}

static void add_used(struct walk *w, struct tally *t)
{
    if (t->last_used == w->in->serial)
        return;
    t->last_used = w->in->serial;
    *tally_sum(t, METRIC_USED) += 1;
}

static bool has_dim(const struct walk *w, enum dimension dim)
{
    const struct question *q = w->in->question;
    for (int i = 0; i < q->dims_n; i++)
        if (q->dims[i] == dim)
            return true;
    return false;
}

/* By server, skills are no rows. By call, offers are those of servers. */
static bool item_counts(const struct walk *w, const struct offered *item)
{
    if (!w->in->by_offer)
        return item->kind == TOOL_MCP;
    bool any = has_dim(w, DIM_SERVER) || has_dim(w, DIM_SKILL) || has_dim(w, DIM_AGENT);
    enum dimension dim = item->kind == TOOL_MCP     ? DIM_SERVER
                         : item->kind == TOOL_SKILL ? DIM_SKILL
                                                    : DIM_AGENT;
    return !any || has_dim(w, dim);
}

enum status walk_add_offer(struct walk *w, size_t call, const struct row_key *key)
{
    const struct offer_cache *offer = inside_offer(w->in, exchange_of(w, call)->offer);
    if (!offer)
        return ERR_NOMEM;
    for (size_t i = 0; i < offer->n; i++) {
        const struct offered *item = &offer->v[i];
        struct atom a = {.kind = item->kind};
        *(item->kind == TOOL_MCP ? &a.server : &a.name) = item->name;
        if (!item_counts(w, item) || (w->in->by_use && !walk_atom_passes(w, &a)))
            continue;
        struct row_key full = w->in->by_use ? atom_key(w, key, &a) : *key;
        struct inside_row *row;
        TRY(inside_row_at(w->in, &full, &row));
        if (row)
            add_item(w, &row->tally, call, item);
        if (w->in->pass == 0)
            add_item(w, &w->in->total->tally, call, item);
        if (w->in->by_session && row)
            TRY(add_session(w, row));
    }
    return OK;
}

/* A use is in a row when it has something to say in one of the question's dimensions. */
static bool has_place(const struct walk *w, const struct atom *a)
{
    const struct question *q = w->in->question;
    for (int i = 0; i < q->dims_n; i++) {
        enum dimension dim = q->dims[i];
        if (dim == DIM_TOOL_KIND && !has_dim(w, DIM_SERVER) && !has_dim(w, DIM_SKILL) &&
            !has_dim(w, DIM_AGENT))
            return true;
        if (dim != DIM_TOOL_KIND && dimension_of_use(dim) && atom_part(a, dim) != 0)
            return true;
    }
    return false;
}

/* Adds the call to the row of a key and to the total, as far as the pass is theirs; tallies are
 * those n. */
static enum status add_to_both(struct walk *w, size_t call, const struct row_key *key,
                               struct tally *tallies[2], int *n)
{
    struct inside *in = w->in;
    struct inside_row *row;
    *n = 0;
    TRY(inside_row_at(in, key, &row));
    if (row) {
        TRY(add_call(w, &in->table, row, call));
        tallies[(*n)++] = &row->tally;
    }
    if (in->pass == 0) {
        TRY(add_call(w, &in->total_table, in->total, call));
        tallies[(*n)++] = &in->total->tally;
    }
    return OK;
}

static enum status add_atom(struct walk *w, size_t call, const struct row_key *key,
                            const struct atom *a)
{
    if (!has_place(w, a) || !walk_atom_passes(w, a))
        return OK;
    struct row_key full = atom_key(w, key, a);
    struct tally *tallies[2];
    int n;
    TRY(add_to_both(w, call, &full, tallies, &n));
    for (int i = 0; i < n; i++) {
        *tally_sum(tallies[i], METRIC_TOOL_CALLS) += 1;
        *tally_sum(tallies[i], METRIC_TOOL_ERRORS) += a->error;
        *tally_sum(tallies[i], METRIC_AGENTS) += a->kind == TOOL_AGENT;
        add_used(w, tallies[i]);
    }
    return OK;
}

/* The uses of one call, which stand together: how many sub-agents they start, and their sums. */
static struct counts uses_of(const struct walk *w, size_t call, int64_t *agents, bool *servers)
{
    struct counts n = {{0}};
    *servers = false;
    for (size_t i = w->use; i < w->s->uses_n && w->s->uses[i].call == call; i++) {
        walk_count_use(&n, &w->s->uses[i]);
        *servers = *servers || w->s->uses[i].kind == TOOL_MCP;
    }
    *agents = *count_of(&n, METRIC_AGENTS);
    return n;
}

enum status walk_add_by_call(struct walk *w, size_t call, const struct row_key *key)
{
    struct tally *tallies[2];
    int tallies_n;
    TRY(add_to_both(w, call, key, tallies, &tallies_n));
    int64_t agents;
    bool servers;
    struct counts n = uses_of(w, call, &agents, &servers);
    for (int i = 0; i < tallies_n; i++) {
        for (int k = 0; k < SESSION_SUMS; k++)
            tallies[i]->sum[k] += n.v[k];
        tally_max(tallies[i], METRIC_FAN_OUT, agents);
        if (servers)
            add_used(w, tallies[i]);
    }
    return OK;
}

enum status walk_add_by_use(struct walk *w, size_t call, const struct row_key *key)
{
    for (size_t i = w->use; i < w->s->uses_n && w->s->uses[i].call == call; i++) {
        struct atom a = walk_atom_of_use(&w->s->uses[i]);
        TRY(add_atom(w, call, key, &a));
    }
    for (uint32_t i = 0; i < walk_commands(w, call); i++) {
        struct atom a = walk_atom_of_command(w, exchange_of(w, call)->commands[i]);
        TRY(add_atom(w, call, key, &a));
    }
    return OK;
}
