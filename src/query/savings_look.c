/* What a call and a session tell of money that might be saved: see savings.h. */
#include "query/savings_internal.h"

#include "query/plan_internal.h"
#include "model/offer.h"

/* Priced, or bounded by nothing but the TTL of cache writes. */
static bool comparable(const struct savings_engine *e, const struct invocation *v)
{
    struct str scope = series_text(e->series, v->series, LABEL_SCOPE);
    return v->outcome == OUTCOME_PRICED || (v->outcome == OUTCOME_BOUNDED && scope.n > 0 &&
                                            v->tokens[TOKENS_CACHE_WRITE_UNKNOWN] > 0);
}

/* sign: 1, or -1 to take it back. */
static enum status try_other(struct savings_engine *e, const struct invocation *v, int sign,
                             enum saving_kind kind, enum alternative which)
{
    money_sum less;
    uint32_t subject, other;
    if (!comparable(e, v))
        return OK;
    TRY(savings_price(&e->prices, v, which, &less, &other));
    if (less == 0)
        return OK;
    TRY(savings_label(e, v->series, LABEL_MODEL, &subject));
    struct ledger *l = savings_ledger(e, kind, subject, which == ALTERNATIVE_GLOBAL ? 0 : other);
    if (!l)
        return ERR_NOMEM;
    l->calls += sign;
    l->loose += e->serial == 0 ? sign : 0;
    l->bounded += v->outcome == OUTCOME_BOUNDED ? sign : 0;
    l->tokens += sign * invocation_tokens(v);
    l->cost += sign * savings_cost(v);
    l->saved += sign * less;
    return OK;
}

static enum status add_failure(struct savings_engine *e, const struct invocation *v, int sign,
                               enum saving_kind kind, uint32_t subject)
{
    struct ledger *l = savings_ledger(e, kind, subject, 0);
    if (!l)
        return ERR_NOMEM;
    l->calls += sign;
    l->loose += e->serial == 0 ? sign : 0;
    l->bounded += v->outcome == OUTCOME_BOUNDED ? sign : 0;
    l->tokens += sign * invocation_tokens(v);
    l->cost += sign * savings_cost(v);
    l->saved = l->cost;
    return OK;
}

static enum status look_at_error(struct savings_engine *e, const struct invocation *v, int sign)
{
    uint32_t error;
    if (!(v->flags & INV_ERROR) || savings_cost(v) == 0)
        return OK;
    TRY(savings_label(e, v->series, LABEL_ERROR, &error));
    return add_failure(e, v, sign, SAVING_FAILED, error);
}

/* What a record alone tells. */
static enum status look_at_record(struct savings_engine *e, const struct invocation *v, int sign)
{
    TRY(try_other(e, v, sign, SAVING_SCOPE, ALTERNATIVE_GLOBAL));
    return try_other(e, v, sign, SAVING_SUPERSEDED, ALTERNATIVE_NEWER);
}

enum status savings_look_at_loose(struct savings_engine *e, const struct invocation *v, int sign)
{
    uint32_t group;
    if (!plan_wants_time(e->plan, v->time_us))
        return OK;
    TRY(plan_group(e->view, v->series, &group));
    if (group == GROUP_NONE)
        return OK;
    TRY(look_at_error(e, v, sign));
    return look_at_record(e, v, sign);
}

static enum status look_at_servers(struct savings_engine *e, const struct session_call *c,
                                   uint32_t user)
{
    struct str text = symbols_text(series_symbols(e->series), c->v.exchange->offer);
    int64_t bytes = exchange_bytes(c->v.exchange);
    money_sum input = savings_cost(&c->v) - c->v.cost[TOKENS_OUTPUT];
    struct offer_item item;
    while (offer_next(&text, &item)) {
        uint32_t subject;
        if (item.kind != OFFER_SERVER)
            continue;
        TRY(symbols_intern(e->texts, item.name, &subject));
        struct ledger *l = savings_ledger(e, SAVING_UNUSED_MCP, subject, 0);
        if (!l)
            return ERR_NOMEM;
        int64_t tools = (int64_t)item.tools + item.deferred;
        l->calls++;
        l->loose += e->serial == 0;
        l->most = tools > l->most ? tools : l->most;
        l->tokens += (int64_t)savings_share(c->context, offer_bytes(&item), bytes);
        l->cost += savings_share(input, offer_bytes(&item), bytes);
        l->saved = l->cost;
        TRY(savings_note_user(e, l, user));
    }
    return OK;
}

static enum status look_at_context(struct savings_engine *e, const struct session_call *c,
                                   uint32_t user)
{
    int64_t limit = e->limits.v[SAVINGS_CONTEXT];
    if (c->kind != CALL_MAIN || limit == 0 || c->context <= limit)
        return OK;
    struct ledger *l = savings_ledger(e, SAVING_LONG_SESSION, user, 0);
    if (!l)
        return ERR_NOMEM;
    money_sum input = savings_cost(&c->v) - c->v.cost[TOKENS_OUTPUT];
    l->calls++;
    l->most = c->context > l->most ? c->context : l->most;
    l->tokens += c->context - limit;
    l->cost += input;
    l->saved += savings_share(input, c->context - limit, c->context);
    return OK;
}

/* A retry that failed counts as a retry alone. */
static enum status look_at_failures(struct savings_engine *e, const struct session_call *c,
                                    uint32_t user)
{
    if (!(c->flags & SC_RETRY))
        return look_at_error(e, &c->v, 1);
    return savings_cost(&c->v) == 0 ? OK : add_failure(e, &c->v, 1, SAVING_RETRIES, user);
}

/* 8/5 = 2 / 1.25, the prices of writing for an hour and for 5 minutes in units of plain input. */
static enum status look_at_cache(struct savings_engine *e, const struct session_call *c,
                                 uint32_t user)
{
    money_sum writes = c->v.cost[TOKENS_CACHE_WRITE_5M];
    if (c->v.tokens[TOKENS_CACHE_WRITE_5M] == 0)
        return OK;
    struct ledger *l = savings_ledger(e, SAVING_COLD_CACHE, user, 0);
    if (!l)
        return ERR_NOMEM;
    if ((c->flags & SC_COLD) && c->idle_us <= US_PER_HOUR) {
        l->events++;
        l->tokens += c->cold_tokens;
        l->cost += c->cold_cost;
        l->saved += c->cold_excess;
        writes -= c->cold_cost < writes ? c->cold_cost : writes;
    }
    l->calls++;
    l->saved -= savings_share(writes, 3, 5);
    return OK;
}

static enum status look_at_call(struct savings_engine *e, const struct session_call *c)
{
    uint32_t user;
    TRY(savings_user(e, c->v.series, &user));
    TRY(look_at_servers(e, c, user));
    TRY(look_at_context(e, c, user));
    TRY(look_at_failures(e, c, user));
    TRY(look_at_cache(e, c, user));
    if (c->kind == CALL_BACKGROUND)
        TRY(try_other(e, &c->v, 1, SAVING_BACKGROUND, ALTERNATIVE_SMALL));
    return look_at_record(e, &c->v, 1);
}

static enum status note_uses(struct savings_engine *e, const struct session *s)
{
    for (size_t i = 0; i < s->uses_n; i++) {
        uint32_t subject;
        if (s->uses[i].kind != TOOL_MCP)
            continue;
        TRY(symbols_intern(e->texts, symbols_text(series_symbols(e->series), s->uses[i].server),
                           &subject));
        struct ledger *l = savings_ledger(e, SAVING_UNUSED_MCP, subject, 0);
        if (!l)
            return ERR_NOMEM;
        l->used = true;
    }
    return OK;
}

static void consider(struct savings_engine *e, const struct session *s,
                     const struct session_call *c, bool first)
{
    e->about.calls++;
    e->about.requests += (c->v.flags & INV_INPUT_BODY) != 0;
    e->seen += (c->v.flags & INV_INPUT_BODY) != 0;
    e->about.cost += savings_cost(&c->v);
    e->about.names_cut += c->v.exchange->cut;
    e->about.sessions += first;
    e->about.inferred += first && s->inferred;
}

enum status savings_session(void *ctx, const struct session *s)
{
    struct savings_engine *e = ctx;
    money_sum per_mtok = 0;
    uint32_t user = 0;
    bool any = false;
    /* One call of a service is no session, but may still tell something. */
    bool stray = session_is_stray(s);
    if (!s->continued) {
        e->serial = stray ? 0 : ++e->sessions;
        e->counted = stray;
    }
    for (size_t i = 0; i < s->calls_n; i++) {
        const struct session_call *c = &s->calls[i];
        uint32_t group;
        if (!plan_wants_time(e->plan, c->v.time_us))
            continue;
        TRY(plan_group(e->view, c->v.series, &group));
        if (group == GROUP_NONE)
            continue;
        consider(e, s, c, !e->counted);
        e->counted = any = true;
        TRY(look_at_call(e, c));
        if (c->kind != CALL_MAIN)
            continue;
        TRY(savings_user(e, c->v.series, &user));
        per_mtok +=
            savings_share(savings_cost(&c->v) - c->v.cost[TOKENS_OUTPUT], 1000000, c->context);
    }
    if (!any)
        return OK;
    TRY(note_uses(e, s));
    return savings_note_first(e, s, user, per_mtok);
}
