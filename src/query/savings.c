/*
 * Findings: see savings.h. Each thing that money goes to has an account by kind and subject; what a
 * finding needs of all sessions at once (the median first message) waits until the end.
 */
#include "query/savings.h"

#include "query/plan_internal.h"
#include "query/savings_internal.h"
#include "query/tally.h"
#include "model/offer.h"

#include <stdlib.h>

enum status savings_new(const struct savings_options *o, struct savings_engine **out,
                        struct err *err)
{
    struct savings_engine *e = calloc(1, sizeof *e);
    if (!e)
        return err_nomem(err);
    e->plan = o->plan;
    e->series = o->series;
    e->directory = o->directory;
    e->long_context = o->long_context > 0 ? o->long_context : 200000;
    e->large_first = o->large_first > 0 ? o->large_first : 60000;
    e->about.asked = true;
    arena_init(&e->scratch);
    enum status status = plan_view_new(o->plan, &e->view, err);
    if (status == OK)
        status = symbols_new(&e->texts, err);
    if (status == OK)
        status = symbols_new(&e->keys, err);
    if (status == OK && savings_prices_init(&e->prices, o, e->texts) != OK)
        status = err_nomem(err);
    if (status != OK) {
        savings_engine_free(e);
        return status;
    }
    *out = e;
    return OK;
}

void savings_engine_free(struct savings_engine *e)
{
    if (!e)
        return;
    savings_prices_fini(&e->prices);
    free(e->ledgers);
    free(e->firsts);
    free(e->users);
    arena_fini(&e->scratch);
    symbols_free(e->keys);
    symbols_free(e->texts);
    plan_view_free(e->view);
    free(e);
}

static enum status make_ledger(struct savings_engine *e, enum saving_kind kind, uint32_t subject,
                               uint32_t other)
{
    if (e->ledgers_n == e->ledgers_cap) {
        size_t cap = e->ledgers_cap ? e->ledgers_cap * 2 : 64;
        struct ledger *ledgers = realloc(e->ledgers, cap * sizeof *ledgers);
        if (!ledgers)
            return ERR_NOMEM;
        e->ledgers = ledgers;
        e->ledgers_cap = cap;
    }
    e->ledgers[e->ledgers_n++] = (struct ledger){.kind = kind, .subject = subject, .other = other};
    return OK;
}

/* NULL when memory is short. Good until the next call. */
static struct ledger *ledger_at(struct savings_engine *e, enum saving_kind kind, uint32_t subject,
                                uint32_t other)
{
    const uint32_t key[] = {(uint32_t)kind + 1, subject, other};
    uint32_t id;
    if (symbols_intern(e->keys, str_of((const char *)key, sizeof key), &id) != OK)
        return NULL;
    if (id > e->ledgers_n && make_ledger(e, kind, subject, other) != OK)
        return NULL;
    struct ledger *l = &e->ledgers[id - 1];
    if (l->last_session != e->serial)
        l->sessions++;
    l->last_session = e->serial;
    return l;
}

static enum status user_of(struct savings_engine *e, uint32_t series, uint32_t *user)
{
    if (series >= e->users_n) {
        uint32_t n = e->users_n ? e->users_n : 256;
        while (n <= series)
            n = n > UINT32_MAX / 2 ? UINT32_MAX : n * 2;
        uint32_t *users = realloc(e->users, n * sizeof *users);
        if (!users)
            return ERR_NOMEM;
        memset(users + e->users_n, 0, (n - e->users_n) * sizeof *users);
        e->users = users;
        e->users_n = n;
    }
    if (e->users[series] == 0) {
        arena_reset(&e->scratch);
        struct series_view view = {
            .series = e->series, .directory = e->directory, .scratch = &e->scratch, .id = series};
        struct str text = series_dimension(&view, DIM_USER);
        uint32_t id;
        if (!text.p)
            return ERR_NOMEM;
        TRY(symbols_intern(e->texts, text, &id));
        e->users[series] = id + 1;
    }
    *user = e->users[series] - 1;
    return OK;
}

static money_sum cost_of(const struct invocation *v)
{
    money_sum cost = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        cost += v->cost[i];
    return cost;
}

static money_sum share_of(money_sum total, int64_t part, int64_t whole)
{
    money_sum q = 0;
    if (!metric_divide(total * part, whole, &q))
        return 0;
    return q;
}

/* ---- One call. */

static enum status text_of_label(struct savings_engine *e, uint32_t series, enum label id,
                                 uint32_t *text)
{
    struct str s = series_text(e->series, series, id);
    return symbols_intern(e->texts, s.p ? s : STR(""), text);
}

static enum status try_other(struct savings_engine *e, const struct invocation *v,
                             enum saving_kind kind, enum alternative which)
{
    money_sum cost, spent = cost_of(v);
    uint32_t subject, other;
    TRY(savings_price(&e->prices, v, which, &cost, &other));
    if (cost < 0 || cost >= spent || v->outcome != OUTCOME_PRICED)
        return OK;
    TRY(text_of_label(e, v->series, LABEL_MODEL, &subject));
    struct ledger *l = ledger_at(e, kind, subject, which == ALTERNATIVE_GLOBAL ? 0 : other);
    if (!l)
        return ERR_NOMEM;
    l->calls++;
    l->tokens += invocation_tokens(v);
    l->cost += spent;
    l->saved += spent - cost;
    return OK;
}

static enum status look_at_servers(struct savings_engine *e, const struct session_call *c)
{
    struct str text = symbols_text(series_symbols(e->series), c->v.exchange->offer);
    int64_t bytes = exchange_bytes(c->v.exchange);
    money_sum input = cost_of(&c->v) - c->v.cost[TOKENS_OUTPUT];
    struct offer_item item;
    while (offer_next(&text, &item)) {
        uint32_t subject;
        if (item.kind != OFFER_SERVER)
            continue;
        TRY(symbols_intern(e->texts, item.name, &subject));
        struct ledger *l = ledger_at(e, SAVING_UNUSED_MCP, subject, 0);
        if (!l)
            return ERR_NOMEM;
        int64_t tools = (int64_t)item.tools + item.deferred;
        l->calls++;
        l->most = tools > l->most ? tools : l->most;
        l->tokens += (int64_t)share_of(c->context, offer_bytes(&item), bytes);
        l->cost += share_of(input, offer_bytes(&item), bytes);
        l->saved = l->cost;
    }
    return OK;
}

static enum status look_at_context(struct savings_engine *e, const struct session_call *c,
                                   uint32_t user)
{
    if (c->kind != CALL_MAIN || c->context <= e->long_context)
        return OK;
    struct ledger *l = ledger_at(e, SAVING_LONG_SESSION, user, 0);
    if (!l)
        return ERR_NOMEM;
    money_sum input = cost_of(&c->v) - c->v.cost[TOKENS_OUTPUT];
    l->calls++;
    l->most = c->context > l->most ? c->context : l->most;
    l->tokens += c->context - e->long_context;
    l->cost += input;
    l->saved += share_of(input, c->context - e->long_context, c->context);
    return OK;
}

static enum status look_at_failures(struct savings_engine *e, const struct session_call *c,
                                    uint32_t user)
{
    bool retry = c->flags & SC_RETRY, error = c->v.flags & INV_ERROR;
    money_sum cost = cost_of(&c->v);
    uint32_t subject = user;
    if ((!retry && !error) || cost == 0)
        return OK;
    if (!retry)
        TRY(text_of_label(e, c->v.series, LABEL_ERROR, &subject));
    struct ledger *l = ledger_at(e, retry ? SAVING_RETRIES : SAVING_FAILED, subject, 0);
    if (!l)
        return ERR_NOMEM;
    l->calls++;
    l->tokens += invocation_tokens(&c->v);
    l->cost += cost;
    l->saved += cost;
    return OK;
}

/* 8/5 = 2 / 1.25, the prices of writing for an hour and for 5 minutes in units of plain input. */
static enum status look_at_cache(struct savings_engine *e, const struct session_call *c,
                                 uint32_t user)
{
    money_sum writes = c->v.cost[TOKENS_CACHE_WRITE_5M];
    if (c->v.tokens[TOKENS_CACHE_WRITE_5M] == 0)
        return OK;
    struct ledger *l = ledger_at(e, SAVING_COLD_CACHE, user, 0);
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
    l->saved -= share_of(writes, 3, 5);
    return OK;
}

static enum status look_at_call(struct savings_engine *e, const struct session_call *c)
{
    uint32_t user;
    TRY(user_of(e, c->v.series, &user));
    TRY(look_at_servers(e, c));
    TRY(look_at_context(e, c, user));
    TRY(look_at_failures(e, c, user));
    TRY(look_at_cache(e, c, user));
    if (c->kind == CALL_BACKGROUND)
        TRY(try_other(e, &c->v, SAVING_BACKGROUND, ALTERNATIVE_SMALL));
    TRY(try_other(e, &c->v, SAVING_SCOPE, ALTERNATIVE_GLOBAL));
    return try_other(e, &c->v, SAVING_SUPERSEDED, ALTERNATIVE_NEWER);
}

/* ---- One session. */

static enum status note_uses(struct savings_engine *e, const struct session *s)
{
    for (size_t i = 0; i < s->uses_n; i++) {
        uint32_t subject;
        if (s->uses[i].kind != TOOL_MCP)
            continue;
        TRY(symbols_intern(e->texts, symbols_text(series_symbols(e->series), s->uses[i].server),
                           &subject));
        struct ledger *l = ledger_at(e, SAVING_UNUSED_MCP, subject, 0);
        if (!l)
            return ERR_NOMEM;
        l->used = true;
    }
    return OK;
}

/* Of what a program sends that is known: others send what they please. */
static enum status note_first(struct savings_engine *e, const struct session *s, uint32_t user,
                              money_sum per_mtok)
{
    size_t first = 0;
    uint32_t harness;
    while (first < s->calls_n && !(s->calls[first].flags & SC_FIRST))
        first++;
    if (first == s->calls_n || s->first_context <= 0)
        return OK;
    TRY(text_of_label(e, s->calls[first].v.series, LABEL_HARNESS, &harness));
    if (harness == 0)
        return OK;
    if (e->firsts_n == e->firsts_cap) {
        size_t cap = e->firsts_cap ? e->firsts_cap * 2 : 256;
        struct first_message *firsts = realloc(e->firsts, cap * sizeof *firsts);
        if (!firsts)
            return ERR_NOMEM;
        e->firsts = firsts;
        e->firsts_cap = cap;
    }
    uint32_t context = s->first_context > UINT32_MAX ? UINT32_MAX : (uint32_t)s->first_context;
    e->firsts[e->firsts_n++] = (struct first_message){context, user, harness, per_mtok};
    return OK;
}

static void consider(struct savings_engine *e, const struct session *s,
                     const struct session_call *c, bool first)
{
    e->about.calls++;
    e->about.requests += (c->v.flags & INV_INPUT_BODY) != 0;
    e->about.cost += cost_of(&c->v);
    e->about.cut += c->v.exchange->cut;
    e->about.sessions += first;
    e->about.inferred += first && s->inferred;
}

enum status savings_session(void *ctx, const struct session *s)
{
    struct savings_engine *e = ctx;
    money_sum per_mtok = 0;
    uint32_t user = 0;
    bool any = false;
    e->serial++;
    for (size_t i = 0; i < s->calls_n; i++) {
        const struct session_call *c = &s->calls[i];
        uint32_t group;
        if (!plan_wants_time(e->plan, c->v.time_us))
            continue;
        TRY(plan_group(e->view, c->v.series, &group));
        if (group == GROUP_NONE)
            continue;
        consider(e, s, c, !any);
        any = true;
        TRY(look_at_call(e, c));
        if (c->kind != CALL_MAIN)
            continue;
        TRY(user_of(e, c->v.series, &user));
        per_mtok += share_of(cost_of(&c->v) - c->v.cost[TOKENS_OUTPUT], 1000000, c->context);
    }
    if (!any)
        return OK;
    TRY(note_uses(e, s));
    return note_first(e, s, user, per_mtok);
}

void savings_loose(struct savings_engine *e, const struct cube *cube)
{
    for (size_t i = 0; i < cube_cells(cube); i++) {
        const struct sums *s = cube_cell(cube, i).sums;
        e->about.calls += s->count[COUNT_INVOCATIONS];
        e->about.requests += s->count[COUNT_INPUT_BODIES];
        e->about.left_out += s->count[COUNT_INVOCATIONS];
        e->about.left_out_cost += s->money[MONEY_COST];
    }
}

/* ---- All of them. */

static int compare_firsts(const void *pa, const void *pb)
{
    const struct first_message *a = pa, *b = pb;
    if (a->harness != b->harness)
        return a->harness < b->harness ? -1 : 1;
    return (a->context > b->context) - (a->context < b->context);
}

/* Those of one program, sorted. */
static enum status judge_program(struct savings_engine *e, const struct first_message *v, size_t n)
{
    int64_t median = v[(n + 1) / 2 - 1].context;
    int64_t large = v[(n * 90 + 99) / 100 - 1].context;
    for (size_t i = 0; i < n; i++) {
        const struct first_message *f = &v[i];
        if (f->context <= large || f->context <= e->large_first)
            continue;
        e->serial++; /* each is a session of its own */
        struct ledger *l = ledger_at(e, SAVING_FIRST_MESSAGE, f->user, f->harness);
        if (!l)
            return ERR_NOMEM;
        l->events = median;
        l->calls++;
        l->most = f->context > l->most ? f->context : l->most;
        l->tokens += f->context - median;
        l->cost += share_of(f->per_mtok, f->context, 1000000);
        l->saved += share_of(f->per_mtok, f->context - median, 1000000);
    }
    return OK;
}

enum status savings_judge_firsts(struct savings_engine *e)
{
    if (e->firsts_n > 0)
        qsort(e->firsts, e->firsts_n, sizeof *e->firsts, compare_firsts);
    for (size_t from = 0, to; from < e->firsts_n; from = to) {
        to = from + 1;
        while (to < e->firsts_n && e->firsts[to].harness == e->firsts[from].harness)
            to++;
        TRY(judge_program(e, e->firsts + from, to - from));
    }
    return OK;
}
