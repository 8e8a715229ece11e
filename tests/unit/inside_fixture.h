/*
 * Sessions written down by hand, for tests of what is asked about them: a session is a list of
 * calls and a list of uses; what a fold would work out of them is worked out here in the plainest
 * way.
 */
#ifndef ASSAY_TESTS_INSIDE_FIXTURE_H
#define ASSAY_TESTS_INSIDE_FIXTURE_H

#include "model/offer.h"
#include "model/session.h"
#include "world.h"

enum { HAND_CALLS = 16, HAND_USES = 16 };

struct hand_call {
    int64_t at_s; /* seconds since 08:00 of the world's day */
    enum call_kind kind;
    int32_t thread;
    uint32_t flags;   /* SC_… */
    uint32_t prompts; /* of the tail */
    int64_t input, output, read, write, write_1h, cents;
    int64_t cold_cents, cold_excess_cents;
    const char *arn, *model, *model_id, *error, *scope;
    const char *command;
    const char *offer; /* lines of offer.h */
    bool body, unrecognised;
    uint32_t part[PARTS];
};

struct hand_use {
    enum tool_kind kind;
    const char *server, *name;
    uint32_t call;
    bool error;
};

struct hand_session {
    const char *id, *repository;
    bool inferred, at_least;
    int64_t prompts; /* more than the calls tell; 0: as they tell */
    int64_t loop, rate;
    struct hand_call calls[HAND_CALLS];
    struct hand_use uses[HAND_USES];
};

struct hand {
    struct session s;
    struct session_call calls[HAND_CALLS];
    struct exchange exchanges[HAND_CALLS];
    uint32_t commands[HAND_CALLS];
    struct session_thread threads[HAND_CALLS];
    struct session_use uses[HAND_USES];
};

static inline uint32_t hand_symbol(struct world *w, const char *text)
{
    uint32_t id = 0;
    if (text)
        assert_int_equal(symbols_intern(w->symbols, str_from(text), &id), OK);
    return id;
}

static inline void hand_labels(struct world *w, const struct hand_call *c, struct invocation *v)
{
    struct labels l = *series_labels(w->series, v->series);
    world_label(w, &l, LABEL_HARNESS, c->unrecognised ? NULL : "Claude Code");
    world_label(w, &l, LABEL_VERSION, "2.1.197");
    world_label(w, &l, LABEL_SCOPE, c->scope);
    l.v[LABEL_CALL_KIND] = 0;
    assert_int_equal(symbols_intern(w->symbols, call_kind_text(c->kind), &l.v[LABEL_CALL_KIND]),
                     OK);
    assert_int_equal(series_intern(w->series, &l, &v->series), OK);
}

static inline void hand_call_make(struct world *w, const struct hand_session *h, size_t i,
                                  struct hand *out)
{
    const struct hand_call *c = &h->calls[i];
    struct exchange *x = &out->exchanges[i];
    *x = (struct exchange){.session = str_from(h->id), .kind = (uint8_t)c->kind};
    x->repository = hand_symbol(w, h->repository);
    x->offer = hand_symbol(w, c->offer);
    x->flags = c->unrecognised ? 0 : EX_RECOGNISED;
    memcpy(x->part, c->part, sizeof x->part);
    if (c->command) {
        out->commands[i] = hand_symbol(w, c->command);
        x->commands = &out->commands[i];
        x->commands_n = 1;
    }
    const struct fact f = {
        .arn = c->arn ? c->arn : SSO("ann@example.com"),
        .model = c->model ? c->model : OPUS,
        .model_id = c->model_id,
        .error = c->error,
        .input = c->input,
        .output = c->output,
        .read = c->read,
        .write = c->write,
        .flags = c->body ? INV_INPUT_BODY | INV_OUTPUT_BODY : 0,
    };
    struct session_call *sc = &out->calls[i];
    *sc = (struct session_call){
        .v = world_invocation(w, &f), .thread = c->thread, .kind = (uint8_t)c->kind};
    sc->v.time_us += c->at_s * US_PER_SECOND;
    sc->v.tokens[TOKENS_CACHE_WRITE_1H] = c->write_1h;
    sc->v.cost[TOKENS_INPUT] = 0;
    enum token_class paid = c->read       ? TOKENS_CACHE_READ
                            : c->write    ? TOKENS_CACHE_WRITE_5M
                            : c->write_1h ? TOKENS_CACHE_WRITE_1H
                                          : TOKENS_INPUT;
    sc->v.cost[paid] = c->cents * (PICO_PER_USD / 100);
    hand_labels(w, c, &sc->v);
    sc->v.exchange = x;
    sc->v.session = 1;
    sc->flags = c->flags;
    sc->prompts = c->prompts;
    sc->context = c->input + c->read + c->write + c->write_1h;
    sc->cold_cost = c->cold_cents * (PICO_PER_USD / 100);
    sc->cold_excess = c->cold_excess_cents * (PICO_PER_USD / 100);
    if (i > 0)
        sc->idle_us = sc->v.time_us - out->calls[i - 1].v.time_us;
}

static inline void hand_sum(struct session *s, const struct session_call *c)
{
    bool retry = c->flags & SC_RETRY;
    money_sum cost = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        cost += c->v.cost[i];
    s->requests_seen += c->v.exchange->kind != CALL_UNKNOWN;
    s->prompts += c->prompts;
    s->turns += c->v.exchange->kind == CALL_MAIN && !retry;
    s->retries += retry;
    s->compactions += c->v.exchange->kind == CALL_COMPACTION;
    s->cold_restarts += (c->flags & SC_COLD) != 0;
    s->cold_cost += c->cold_cost;
    s->cold_excess += c->cold_excess;
    s->cost += cost;
    s->cost_kind[c->v.exchange->kind] += cost;
    s->cost_retries += retry ? cost : 0;
    if (c->v.exchange->kind == CALL_MAIN && c->context > s->peak_context)
        s->peak_context = c->context;
    if (c->flags & SC_FIRST) {
        s->seen_whole = true;
        s->first_context = c->context;
    }
    int64_t gap = s->last_us ? c->v.time_us - s->last_us : 0;
    s->active_us += gap < 300 * US_PER_SECOND ? gap : 300 * US_PER_SECOND;
    s->first_us = s->before_us = s->first_us ? s->first_us : c->v.time_us;
    s->last_us = c->v.time_us;
}

static inline const struct session *hand_make(struct world *w, const struct hand_session *h,
                                              struct hand *out)
{
    memset(out, 0, sizeof *out);
    struct session *s = &out->s;
    s->id = str_from(h->id);
    s->inferred = h->inferred;
    s->prompts_at_least = h->at_least;
    s->calls = out->calls;
    s->threads = out->threads;
    s->uses = out->uses;
    s->loop = h->loop ? h->loop : 1;
    for (; s->calls_n < HAND_CALLS && h->calls[s->calls_n].kind; s->calls_n++) {
        const struct hand_call *c = &h->calls[s->calls_n];
        hand_call_make(w, h, s->calls_n, out);
        hand_sum(s, &out->calls[s->calls_n]);
        struct session_thread *t = &out->threads[c->thread];
        t->kind = c->kind == CALL_COMPACTION ? CALL_MAIN : (uint8_t)c->kind;
        t->depth = c->kind == CALL_SUBAGENT;
        t->calls++;
        s->threads_n = (size_t)c->thread >= s->threads_n ? (size_t)c->thread + 1 : s->threads_n;
    }
    for (; s->uses_n < HAND_USES && h->uses[s->uses_n].name; s->uses_n++) {
        const struct hand_use *u = &h->uses[s->uses_n];
        out->uses[s->uses_n] = (struct session_use){.server = hand_symbol(w, u->server),
                                                    .name = hand_symbol(w, u->name),
                                                    .kind = (uint8_t)u->kind,
                                                    .error = u->error,
                                                    .answered = true,
                                                    .call = u->call};
        s->tool_calls++;
        s->tool_errors += u->error;
        s->agents += u->kind == TOOL_AGENT;
    }
    s->prompts = h->prompts ? h->prompts : s->prompts;
    s->requests_per_minute = h->rate ? h->rate : (int64_t)s->calls_n;
    return s;
}

#endif
