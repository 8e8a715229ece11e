/*
 * Findings: see savings.h. Each thing that money goes to has an account by kind and subject. Here
 * are the engine's life and its accounts; savings_look.c fills them. Threads that read logs have
 * engines of their own for calls of no session, with the texts in common; they are joined at the
 * end.
 */
#include "query/savings.h"

#include "query/limits.h"
#include "query/plan_internal.h"
#include "query/savings_internal.h"
#include "query/tally.h"

#include <stdlib.h>

static const struct limit_key limit_keys[SAVINGS_LIMITS] = {
#define SAVINGS_LIMIT_ROW(id, key, usual, most, text) [id] = {{key, sizeof key - 1}, usual, most},
    SAVINGS_LIMIT_MAP(SAVINGS_LIMIT_ROW)
#undef SAVINGS_LIMIT_ROW
};

struct savings_limits savings_defaults(void)
{
    struct savings_limits limits;
    for (int i = 0; i < SAVINGS_LIMITS; i++)
        limits.v[i] = limit_keys[i].usual;
    return limits;
}

enum status savings_limits_set(struct savings_limits *limits, struct str text, struct err *err)
{
    return limits_set(limit_keys, SAVINGS_LIMITS, "limit", text, limits->v, err);
}

static enum status open_engine(struct savings_engine *e, const struct savings_options *o,
                               struct symbols *texts, struct err *err)
{
    e->plan = o->plan;
    e->series = o->series;
    e->directory = o->directory;
    e->limits = o->limits;
    e->texts = texts;
    e->about.asked = true;
    arena_init(&e->scratch);
    TRY(plan_view_new(o->plan, &e->view, err));
    TRY(symbols_new(&e->keys, err));
    TRY(symbols_new(&e->pairs, err));
    return savings_prices_init(&e->prices, o, texts) == OK ? OK : err_nomem(err);
}

static void close_engine(struct savings_engine *e)
{
    savings_prices_fini(&e->prices);
    free(e->ledgers);
    free(e->firsts);
    free(e->users);
    arena_fini(&e->scratch);
    symbols_free(e->keys);
    symbols_free(e->pairs);
    plan_view_free(e->view);
}

enum status savings_new(const struct savings_options *o, struct savings_engine **out,
                        struct err *err)
{
    struct symbols *texts = NULL;
    struct savings_engine *e = calloc(1, sizeof *e);
    if (!e)
        return err_nomem(err);
    enum status status = symbols_new(&texts, err);
    if (status == OK)
        status = open_engine(e, o, texts, err);
    e->texts = texts;
    e->parts = calloc(o->threads > 0 ? (size_t)o->threads : 1, sizeof *e->parts);
    if (status == OK && !e->parts)
        status = err_nomem(err);
    for (int i = 0; e->parts && status == OK && i < o->threads; i++) {
        e->parts_n = i + 1;
        status = open_engine(&e->parts[i], o, texts, err);
    }
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
    for (int i = 0; e->parts && i < e->parts_n; i++)
        close_engine(&e->parts[i]);
    free(e->parts);
    close_engine(e);
    symbols_free(e->texts);
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

struct ledger *savings_ledger(struct savings_engine *e, enum saving_kind kind, uint32_t subject,
                              uint32_t other)
{
    const uint32_t key[] = {(uint32_t)kind + 1, subject, other};
    uint32_t id;
    if (symbols_intern(e->keys, str_of((const char *)key, sizeof key), &id) != OK)
        return NULL;
    if (id > e->ledgers_n && make_ledger(e, kind, subject, other) != OK)
        return NULL;
    struct ledger *l = &e->ledgers[id - 1];
    if (e->serial != 0 && l->last_session != e->serial) {
        l->sessions++;
        l->last_session = e->serial;
    }
    return l;
}

enum status savings_note_user(struct savings_engine *e, struct ledger *l, uint32_t user)
{
    const uint32_t key[] = {(uint32_t)l->kind + 1, l->subject, l->other, user};
    uint32_t id, known = symbols_count(e->pairs);
    TRY(symbols_intern(e->pairs, str_of((const char *)key, sizeof key), &id));
    l->users += id >= known;
    return OK;
}

enum status savings_user(struct savings_engine *e, uint32_t series, uint32_t *user)
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

money_sum savings_cost(const struct invocation *v)
{
    money_sum cost = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        cost += v->cost[i];
    return cost;
}

money_sum savings_share(money_sum total, int64_t part, int64_t whole)
{
    money_sum q = 0;
    if (!metric_divide(total * part, whole, &q))
        return 0;
    return q;
}

enum status savings_label(struct savings_engine *e, uint32_t series, enum label id, uint32_t *text)
{
    struct str s = series_text(e->series, series, id);
    return symbols_intern(e->texts, s.p ? s : STR(""), text);
}

/* ---- Calls of no session. */

enum status savings_call(void *ctx, int thread, const struct invocation *v, int sign)
{
    struct savings_engine *e = ctx;
    return savings_look_at_loose(&e->parts[thread], v, sign);
}

/* What calls of no session are judged by; other fields stay zero. */
static enum status join(struct savings_engine *into, const struct savings_engine *from)
{
    for (size_t i = 0; i < from->ledgers_n; i++) {
        const struct ledger *l = &from->ledgers[i];
        struct ledger *sum = savings_ledger(into, l->kind, l->subject, l->other);
        if (!sum)
            return ERR_NOMEM;
        sum->calls += l->calls;
        sum->loose += l->loose;
        sum->bounded += l->bounded;
        sum->tokens += l->tokens;
        sum->cost += l->cost;
        sum->saved += l->saved;
    }
    return OK;
}

enum status savings_join(struct savings_engine *e)
{
    e->serial = 0;
    for (int i = 0; i < e->parts_n; i++)
        TRY(join(e, &e->parts[i]));
    return OK;
}

void savings_loose(struct savings_engine *e, const struct cube *cube)
{
    for (size_t i = 0; i < cube_cells(cube); i++) {
        const struct sums *s = cube_cell(cube, i).sums;
        e->about.calls += s->count[COUNT_INVOCATIONS];
        e->about.requests += s->count[COUNT_INPUT_BODIES];
    }
}
