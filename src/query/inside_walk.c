/*
 * One session through the question: which of its calls and uses count, in which rows, and what they
 * add. A session may know more than its calls tell (prompts that were seen in a later history
 * only): what remains is added where its first main call counts, so that rows add up to the
 * session.
 */
#include "query/inside_internal.h"

#include <stdlib.h>

struct counts {
    int64_t v[SESSION_SUMS];
};

struct walk {
    struct inside *in;
    const struct session *s;
    struct runaway runaway;
    uint32_t repository, signals; /* parts of keys */
    uint32_t *skills;             /* that were offered, when somebody asks */
    size_t skills_n, skills_cap;
    size_t anchor, first; /* calls; first: the session's first message, calls_n: not seen */
    size_t use;           /* the next one to look at */
    struct counts rest;   /* what no call tells */
    bool counted;         /* among the sessions of the answer */
};

static int64_t *count_of(struct counts *c, enum metric metric)
{
    return &c->v[(int)metric - (int)SESSION_SUM_FIRST];
}

static const struct exchange *exchange_of(const struct walk *w, size_t call)
{
    return w->s->calls[call].v.exchange;
}

static money_sum cost_of(const struct invocation *v)
{
    money_sum cost = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        cost += v->cost[i];
    return cost;
}

/* What one call tells of the session's sums, without its uses of tools. */
static struct counts call_counts(const struct walk *w, size_t i)
{
    const int64_t pause_us = 5 * 60 * US_PER_SECOND;
    const struct session_call *c = &w->s->calls[i];
    const struct exchange *x = c->v.exchange;
    struct counts n = {{0}};
    bool retry = c->flags & SC_RETRY;
    int64_t gap = i > 0 ? c->v.time_us - w->s->calls[i - 1].v.time_us : 0;
    *count_of(&n, METRIC_PROMPTS) = c->prompts;
    *count_of(&n, METRIC_TURNS) = x->kind == CALL_MAIN && !retry;
    *count_of(&n, METRIC_RETRIES) = retry;
    *count_of(&n, METRIC_COMPACTIONS) = x->kind == CALL_COMPACTION && !retry;
    *count_of(&n, METRIC_INTERRUPTS) = retry ? 0 : (int64_t)x->interrupts;
    *count_of(&n, METRIC_ACTIVE) = gap < pause_us ? gap : pause_us;
    *count_of(&n, METRIC_DURATION) = gap;
    *count_of(&n, METRIC_COLD_RESTARTS) = (c->flags & SC_COLD) != 0;
    return n;
}

static void add_use(struct counts *n, const struct session_use *u)
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
    *count_of(&w->rest, METRIC_DURATION) = s->last_us - s->first_us;
    *count_of(&w->rest, METRIC_COLD_RESTARTS) = s->cold_restarts;
    *count_of(&w->rest, METRIC_TOOL_CALLS) = s->tool_calls;
    *count_of(&w->rest, METRIC_TOOL_ERRORS) = s->tool_errors;
    *count_of(&w->rest, METRIC_AGENTS) = s->agents;
    struct counts told = {{0}};
    for (size_t i = 0; i < s->uses_n; i++)
        add_use(&told, &s->uses[i]);
    for (size_t i = 0; i < s->calls_n; i++) {
        struct counts n = call_counts(w, i);
        for (int k = 0; k < SESSION_SUMS; k++)
            told.v[k] += n.v[k];
    }
    for (int k = 0; k < SESSION_SUMS; k++)
        w->rest.v[k] -= told.v[k];
}

/* ---- What is known of the session as a whole. */

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
        for (size_t k = 0; k < offer->n; k++) {
            if (offer->v[k].kind != TOOL_SKILL)
                continue;
            if (w->skills_n == w->skills_cap) {
                size_t cap = w->skills_cap ? w->skills_cap * 2 : 64;
                uint32_t *skills = realloc(w->skills, cap * sizeof *skills);
                if (!skills)
                    return ERR_NOMEM;
                w->skills = skills;
                w->skills_cap = cap;
            }
            w->skills[w->skills_n++] = offer->v[k].name;
        }
    }
    return OK;
}

static bool is_skill(const struct walk *w, uint32_t name)
{
    for (size_t i = 0; i < w->skills_n; i++)
        if (w->skills[i] == name)
            return true;
    return false;
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
        if (w->anchor == s->calls_n && x->kind == CALL_MAIN && !retry)
            w->anchor = i;
        if (w->first == s->calls_n && (s->calls[i].flags & SC_FIRST))
            w->first = i;
        if (w->repository == 0 && x->kind != CALL_BACKGROUND)
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

/* ---- Filters. */

static struct atom atom_of_use(const struct session_use *u)
{
    return (struct atom){.kind = u->kind, .server = u->server, .name = u->name, .error = u->error};
}

static struct atom atom_of_command(const struct walk *w, uint32_t name)
{
    return (struct atom){.kind = TOOL_COMMAND, .name = name, .is_skill = is_skill(w, name)};
}

/* Commands of a request that is sent again, or that asks for a summary, were counted before. */
static uint32_t commands_of(const struct walk *w, size_t call)
{
    const struct exchange *x = exchange_of(w, call);
    bool counts = x->kind == CALL_MAIN && !(w->s->calls[call].flags & SC_RETRY);
    return counts ? x->commands_n : 0;
}

static bool names(const struct walk *w, const struct filter *f, const struct atom *a)
{
    return filter_names(f, inside_part_text(w->in, f->dim, atom_part(a, f->dim)));
}

static bool atom_passes(const struct walk *w, const struct atom *a)
{
    const struct question *q = w->in->question;
    for (int i = 0; i < q->filters_n; i++) {
        const struct filter *f = &q->filters[i];
        if (dimension_of_use(f->dim) && names(w, f, a) != (f->op == FILTER_IS))
            return false;
    }
    return true;
}

struct verdict {
    bool wanted; /* a use passes all filters that want something */
    bool barred; /* a use is what some filter does not want */
};

static void judge(const struct walk *w, const struct atom *a, struct verdict *v)
{
    const struct question *q = w->in->question;
    bool all = true;
    for (int i = 0; i < q->filters_n; i++) {
        const struct filter *f = &q->filters[i];
        if (!dimension_of_use(f->dim))
            continue;
        bool named = names(w, f, a);
        all = all && (f->op == FILTER_IS_NOT || named);
        v->barred = v->barred || (f->op == FILTER_IS_NOT && named);
    }
    v->wanted = v->wanted || all;
}

/* By call: a session passes for what its uses are. */
static bool uses_pass(const struct walk *w)
{
    const struct question *q = w->in->question;
    struct verdict v = {.wanted = true};
    for (int i = 0; i < q->filters_n; i++)
        if (dimension_of_use(q->filters[i].dim) && q->filters[i].op == FILTER_IS)
            v.wanted = false;
    for (size_t i = 0; i < w->s->uses_n; i++) {
        struct atom a = atom_of_use(&w->s->uses[i]);
        judge(w, &a, &v);
    }
    for (size_t i = 0; i < w->s->calls_n; i++)
        for (uint32_t k = 0; k < commands_of(w, i); k++) {
            struct atom a = atom_of_command(w, exchange_of(w, i)->commands[k]);
            judge(w, &a, &v);
        }
    return v.wanted && !v.barred;
}

static bool session_passes(const struct walk *w)
{
    const struct question *q = w->in->question;
    for (int i = 0; i < q->filters_n; i++) {
        const struct filter *f = &q->filters[i];
        struct str text;
        if (f->dim == DIM_SESSION)
            text = w->s->id;
        else if (f->dim == DIM_REPOSITORY)
            text = inside_part_text(w->in, f->dim, w->repository);
        else if (f->dim == DIM_SIGNALS)
            text = inside_part_text(w->in, f->dim, w->signals);
        else
            continue;
        if (filter_names(f, text) != (f->op == FILTER_IS))
            return false;
    }
    return w->in->by_use || !w->in->filters_uses || uses_pass(w);
}

/* ---- Threads. */

static void thread_name(const struct walk *w, int32_t thread, struct buf *out)
{
    const struct session_thread *t = &w->s->threads[thread];
    struct str kind = call_kind_text((enum call_kind)t->kind);
    struct str name = symbols_text(w->in->symbols, t->name);
    buf_str(out, kind.n ? kind : STR("unknown"));
    if (name.n) {
        buf_char(out, ' ');
        buf_str(out, name);
    }
}

static enum status thread_part(const struct walk *w, size_t call, bool numbered, uint32_t *part)
{
    struct buf text;
    int32_t thread = w->s->calls[call].thread;
    buf_init(&text, 1 << 12);
    if (numbered)
        buf_printf(&text, "%d ", (int)thread);
    thread_name(w, thread, &text);
    enum status status = buf_status(&text);
    if (status == OK)
        status = symbols_intern(w->in->texts, buf_view(&text), part);
    buf_fini(&text);
    return status;
}

static enum status thread_passes(const struct walk *w, size_t call, bool *pass)
{
    const struct question *q = w->in->question;
    *pass = true;
    for (int i = 0; i < q->filters_n; i++) {
        const struct filter *f = &q->filters[i];
        uint32_t part;
        if (f->dim != DIM_THREAD)
            continue;
        TRY(thread_part(w, call, false, &part));
        if (filter_names(f, symbols_text(w->in->texts, part)) != (f->op == FILTER_IS))
            *pass = false;
    }
    return OK;
}

/* ---- Adding. */

static enum status call_key(const struct walk *w, size_t call, uint32_t group, struct row_key *key)
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
            TRY(thread_part(w, call, w->in->by_session, &key->part[i]));
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
    money_sum cost = cost_of(&c->v);
    static const enum metric kinds[CALL_KINDS] = {
        [CALL_MAIN] = METRIC_COST_MAIN,
        [CALL_SUBAGENT] = METRIC_COST_SUBAGENT,
        [CALL_COMPACTION] = METRIC_COST_COMPACTION,
        [CALL_BACKGROUND] = METRIC_COST_BACKGROUND,
    };
    t->cost_of_sessions += cost;
    if (kinds[c->v.exchange->kind])
        *tally_money(t, kinds[c->v.exchange->kind]) += cost;
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
    struct counts counts = call_counts(w, call);
    for (int i = 0; i < SESSION_SUMS; i++)
        t->sum[i] += counts.v[i];
    add_money(w, t, call);
    if (c->v.exchange->kind == CALL_MAIN)
        tally_max(t, METRIC_PEAK_CONTEXT, c->context);
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
    money_sum cost = cost_of(&c->v) - c->v.cost[TOKENS_OUTPUT];
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

static enum status add_offer(struct walk *w, size_t call, const struct row_key *key)
{
    const struct offer_cache *offer = inside_offer(w->in, exchange_of(w, call)->offer);
    if (!offer)
        return ERR_NOMEM;
    for (size_t i = 0; i < offer->n; i++) {
        const struct offered *item = &offer->v[i];
        struct atom a = {.kind = item->kind};
        *(item->kind == TOOL_MCP ? &a.server : &a.name) = item->name;
        if (!item_counts(w, item) || (w->in->by_use && !atom_passes(w, &a)))
            continue;
        struct row_key full = w->in->by_use ? atom_key(w, key, &a) : *key;
        struct inside_row *row = row_at(&w->in->table, &full);
        if (!row)
            return ERR_NOMEM;
        add_item(w, &row->tally, call, item);
        add_item(w, &w->in->total->tally, call, item);
        if (w->in->by_session)
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

static enum status add_atom(struct walk *w, size_t call, const struct row_key *key,
                            const struct atom *a)
{
    struct inside *in = w->in;
    if (!has_place(w, a) || !atom_passes(w, a))
        return OK;
    struct row_key full = atom_key(w, key, a);
    struct inside_row *row = row_at(&in->table, &full);
    if (!row)
        return ERR_NOMEM;
    TRY(add_call(w, &in->table, row, call));
    TRY(add_call(w, &in->total_table, in->total, call));
    struct tally *tallies[] = {&row->tally, &in->total->tally};
    for (int i = 0; i < 2; i++) {
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
        add_use(&n, &w->s->uses[i]);
        *servers = *servers || w->s->uses[i].kind == TOOL_MCP;
    }
    *agents = *count_of(&n, METRIC_AGENTS);
    return n;
}

static enum status add_by_call(struct walk *w, size_t call, const struct row_key *key)
{
    struct inside *in = w->in;
    struct inside_row *row = row_at(&in->table, key);
    if (!row)
        return ERR_NOMEM;
    TRY(add_call(w, &in->table, row, call));
    TRY(add_call(w, &in->total_table, in->total, call));
    int64_t agents;
    bool servers;
    struct counts n = uses_of(w, call, &agents, &servers);
    struct tally *tallies[] = {&row->tally, &in->total->tally};
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < SESSION_SUMS; k++)
            tallies[i]->sum[k] += n.v[k];
        tally_max(tallies[i], METRIC_FAN_OUT, agents);
        if (servers)
            add_used(w, tallies[i]);
    }
    return OK;
}

static enum status add_by_use(struct walk *w, size_t call, const struct row_key *key)
{
    for (size_t i = w->use; i < w->s->uses_n && w->s->uses[i].call == call; i++) {
        struct atom a = atom_of_use(&w->s->uses[i]);
        TRY(add_atom(w, call, key, &a));
    }
    for (uint32_t i = 0; i < commands_of(w, call); i++) {
        struct atom a = atom_of_command(w, exchange_of(w, call)->commands[i]);
        TRY(add_atom(w, call, key, &a));
    }
    return OK;
}

static void consider_call(struct inside *in, const struct invocation *v)
{
    struct answer_sessions *about = &in->about;
    money_sum cost = cost_of(v);
    bool recognised = v->exchange->flags & EX_RECOGNISED;
    about->calls++;
    about->requests += (v->flags & INV_INPUT_BODY) != 0;
    about->cost += cost;
    about->recognised += recognised;
    about->recognised_cost += recognised ? cost : 0;
}

static enum status add_passed(struct walk *w, size_t call, uint32_t group)
{
    struct inside *in = w->in;
    struct row_key key;
    if (!w->counted) {
        in->about.sessions++;
        in->about.inferred += w->s->inferred;
        in->about.at_least += w->s->prompts_at_least;
    }
    w->counted = true;
    TRY(call_key(w, call, group, &key));
    TRY(in->by_use ? add_by_use(w, call, &key) : add_by_call(w, call, &key));
    return in->wants_offers ? add_offer(w, call, &key) : OK;
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
        if (group != GROUP_NONE)
            consider_call(in, v);
        if (pass && in->by_thread)
            TRY(thread_passes(w, i, &pass));
        if (pass)
            TRY(add_passed(w, i, group));
        while (w->use < w->s->uses_n && w->s->uses[w->use].call == i)
            w->use++;
    }
    return OK;
}

enum status inside_session(void *ctx, const struct session *s)
{
    struct inside *in = ctx;
    struct walk w = {.in = in, .s = s};
    in->serial++;
    enum status status = s->calls_n > 0 ? look(&w) : OK;
    if (status == OK && s->calls_n > 0)
        status = add_all(&w, session_passes(&w));
    if (status == OK && in->by_session)
        status = inside_keep(in);
    in->calls_seen += s->calls_n;
    free(w.skills);
    return status;
}
