/*
 * From a record to an invocation: see intake.h.
 *
 * Speed lies in not asking twice: names come again and again, so each thread remembers the symbols
 * of names, the price match of a combination of them and the series of a tuple of labels in small
 * direct-mapped tables. A miss costs the shared, locked look-up; nothing depends on a hit.
 */
#include "ingest/intake_internal.h"

#include "ingest/bodies.h"
#include "ingest/exchange.h"
#include "model/content.h"
#include "model/name.h"

#include <stdlib.h>

enum { NAMES = 4096, MATCHES = 2048, TUPLES = 4096 }; /* powers of two */

struct name_slot {
    struct str text; /* of the symbol table: never moves */
    uint32_t id;
};

struct match_slot {
    bool used;
    uint32_t generation; /* of the pricing */
    uint32_t id[6]; /* account, region, model id, body model, inference region, tier + latency */
    struct price_match match;
    uint32_t model, scope, geo; /* symbols */
};

struct tuple_slot {
    bool used;
    struct labels labels;
    uint32_t series;
    uint64_t content; /* hash of the labels' texts, the same in every process */
};

struct intake {
    const struct intake_env *env;
    struct symbols *symbols;
    struct bodies *bodies, *input_bodies;
    struct exchange_reader *reader; /* NULL: exchanges are not read */
    struct exchange exchange;       /* of the last record */
    struct arena arena;
    struct name_slot names[NAMES];
    struct match_slot *matches;
    struct tuple_slot *tuples;
    bool unread; /* see intake_unread */
};

enum status intake_new(const struct intake_env *env, struct intake **out, struct err *err)
{
    struct intake *in = calloc(1, sizeof *in);
    if (!in)
        return err_nomem(err);
    in->env = env;
    in->symbols = series_symbols(env->series);
    arena_init(&in->arena);
    in->matches = calloc(MATCHES, sizeof *in->matches);
    in->tuples = calloc(TUPLES, sizeof *in->tuples);
    bool ok = in->matches && in->tuples && bodies_new(env->limits, &in->bodies, NULL) == OK;
    if (ok && env->exchange) {
        const struct exchange_env reads = {in->symbols, env->rules, env->key, env->repository_names,
                                           env->room};
        ok = bodies_new(env->limits, &in->input_bodies, NULL) == OK &&
             exchange_reader_new(&reads, &in->reader, NULL) == OK;
    }
    if (!ok) {
        intake_free(in);
        return err_nomem(err);
    }
    *out = in;
    return OK;
}

void intake_free(struct intake *in)
{
    if (!in)
        return;
    bodies_free(in->bodies);
    bodies_free(in->input_bodies);
    exchange_reader_free(in->reader);
    arena_fini(&in->arena);
    free(in->matches);
    free(in->tuples);
    free(in);
}

void intake_from(struct intake *in, struct source_reader *from)
{
    bodies_from(in->bodies, from);
    if (in->input_bodies)
        bodies_from(in->input_bodies, from);
}

bool intake_unread(struct intake *in)
{
    bool unread = in->unread;
    in->unread = false;
    return unread;
}

size_t intake_known(struct intake *in, struct str text, struct json_gap *gaps, size_t room,
                    size_t *end)
{
    return in->reader ? exchange_known(in->reader, text, gaps, room, end) : 0;
}

/* Which slot a name belongs in: its length and its ends tell the names of one log well apart. */
static size_t name_slot_of(struct str s)
{
    uint64_t head = 0, tail = 0;
    size_t n = s.n < 8 ? s.n : 8;
    memcpy(&head, s.p, n);
    memcpy(&tail, s.p + s.n - n, n);
    uint64_t h = (head ^ tail * UINT64_C(0x9E3779B97F4A7C15) ^ s.n) * UINT64_C(0xD6E8FEB86659FD93);
    return (size_t)(h >> 40) & (NAMES - 1);
}

static enum status symbol_of(struct intake *in, struct str s, uint32_t *id)
{
    if (s.n == 0) {
        *id = 0;
        return OK;
    }
    struct name_slot *slot = &in->names[name_slot_of(s)];
    if (!str_eq(slot->text, s)) {
        uint32_t found;
        TRY(symbols_intern(in->symbols, s, &found));
        slot->id = found;
        slot->text = symbols_text(in->symbols, found);
    }
    *id = slot->id;
    return OK;
}

static size_t mix(const uint32_t *v, size_t n)
{
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++)
        h = (h ^ v[i]) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(h >> 32);
}

/* The price match for the labels known so far and a body's model name, remembered. */
static enum status find_price(struct intake *in, const struct labels *l, struct str body_model,
                              bool optimized, int64_t time_us, struct match_slot **out)
{
    uint32_t id[6] = {l->v[LABEL_ACCOUNT],          l->v[LABEL_REGION],
                      l->v[LABEL_MODEL_ID],         0,
                      l->v[LABEL_INFERENCE_REGION], l->v[LABEL_TIER] << 1 | optimized};
    TRY(symbol_of(in, body_model, &id[3]));
    struct match_slot *slot = &in->matches[mix(id, 6) & (MATCHES - 1)];
    uint32_t generation = pricing_generation(in->env->pricing);
    *out = slot;
    if (slot->used && memcmp(slot->id, id, sizeof id) == 0 && time_us >= slot->match.from_us &&
        time_us < slot->match.until_us && slot->generation == generation)
        return OK;
    struct price_key key = {
        .account = symbols_text(in->symbols, id[0]),
        .region = symbols_text(in->symbols, id[1]),
        .model_id = symbols_text(in->symbols, id[2]),
        .body_model = symbols_text(in->symbols, id[3]),
        .inference_region = symbols_text(in->symbols, id[4]),
        .tier = symbols_text(in->symbols, l->v[LABEL_TIER]),
        .latency_optimized = optimized,
        .time_us = time_us,
    };
    slot->used = false;
    pricing_find(in->env->pricing, &key, &slot->match);
    TRY(symbol_of(in, slot->match.model, &slot->model));
    TRY(symbol_of(in, slot->match.scope, &slot->scope));
    TRY(symbol_of(in, slot->match.geo, &slot->geo));
    memcpy(slot->id, id, sizeof id);
    slot->generation = generation;
    slot->used = true;
    return OK;
}

static enum status find_series(struct intake *in, const struct labels *l, struct tuple_slot **out)
{
    struct tuple_slot *slot = &in->tuples[mix(l->v, LABELS) & (TUPLES - 1)];
    if (!slot->used || memcmp(&slot->labels, l, sizeof *l) != 0) {
        slot->used = false;
        TRY(series_intern(in->env->series, l, &slot->series));
        slot->labels = *l;
        slot->content = content_of_labels(in->symbols, l);
        slot->used = true;
    }
    *out = slot;
    return OK;
}

/* Bodies of one record, while it is read. */
struct both_bodies {
    struct json_cursor input, output;
    bool has_input, has_output;
};

static void note_missing(struct intake *in, enum body_result result, uint32_t *flags)
{
    if (result != BODY_FOUND)
        *flags |= result == BODY_REFUSED ? INV_BODY_REFUSED : INV_BODY_MISSING;
    in->unread |= result == BODY_UNREAD;
}

static enum status find_output(struct intake *in, const struct record *r, const struct origin *from,
                               struct both_bodies *b, uint32_t *flags, struct err *err)
{
    enum body_result result;
    b->has_output = r->output.has_body;
    b->output = r->output.body;
    if (b->has_output || r->output.path.n == 0)
        return OK;
    TRY(body_fetch(in->bodies, from->name, r->output.path, r, &result, &b->output, err));
    b->has_output = result == BODY_FOUND;
    *flags |= b->has_output ? INV_OUTPUT_BODY : result == BODY_DAMAGED ? INV_ODD : 0;
    note_missing(in, result, flags);
    return OK;
}

/*
 * The input body is opened only for an exchange. That it is there is looked up in any case, and a
 * damaged one is there, so that what reports say of bodies does not depend on the question.
 */
static enum status find_input(struct intake *in, const struct record *r, const struct origin *from,
                              struct both_bodies *b, uint32_t *flags, struct err *err)
{
    enum body_result result;
    b->has_input = r->input.has_body;
    b->input = r->input.body;
    if (b->has_input || r->input.path.n == 0)
        return OK;
    if (in->reader)
        TRY(body_fetch(in->input_bodies, from->name, r->input.path, r, &result, &b->input, err));
    else
        TRY(body_look(in->bodies, from->name, r->input.path, r, &result, err));
    b->has_input = result == BODY_FOUND;
    if (result == BODY_DAMAGED)
        result = BODY_FOUND;
    *flags |= result == BODY_FOUND ? INV_INPUT_BODY : 0;
    note_missing(in, result, flags);
    return OK;
}

/* Finds bodies as far as the level of detail goes, and reads usage from the output's. */
static enum status read_usage(struct intake *in, const struct record *r, const struct origin *from,
                              struct both_bodies *b, struct usage *u, uint32_t *flags,
                              struct err *err)
{
    struct json_cursor c = {.value_due = false};
    if (in->env->detail == DETAIL_CONTENT) {
        TRY(find_output(in, r, from, b, flags, err));
        TRY(find_input(in, r, from, b, flags, err));
    }
    if (b->has_output)
        c = b->output;
    usage_decode(&c, &in->arena, u);
    return OK;
}

/* Reads what the bodies tell beside usage. */
static enum status read_exchange(struct intake *in, const struct record *r,
                                 const struct both_bodies *b, struct labels *l,
                                 struct invocation *v, struct err *err)
{
    struct exchange_names names;
    if (!in->reader)
        return OK;
    const struct exchange_source source = {
        .input = b->has_input ? &b->input : NULL,
        .output = b->has_output ? &b->output : NULL,
        .operation = r->operation,
        .principal = r->arn,
    };
    struct exchange *x = &in->exchange;
    TRY(exchange_read(in->reader, &source, x, &names, &v->session, err));
    if (b->has_input || b->has_output || x->session.n)
        v->exchange = x;
    if (symbol_of(in, names.harness, &l->v[LABEL_HARNESS]) != OK ||
        symbol_of(in, names.version, &l->v[LABEL_VERSION]) != OK ||
        symbol_of(in, names.entrypoint, &l->v[LABEL_ENTRYPOINT]) != OK ||
        symbol_of(in, call_kind_text((enum call_kind)x->kind), &l->v[LABEL_CALL_KIND]) != OK)
        return err_nomem(err);
    return OK;
}

/* Names that the service gives: anything else is odd, and not kept. */
static struct str code_of(struct str s, uint32_t *flags)
{
    if (s.n == 0 || name_fits(NAME_CODE, s))
        return s;
    *flags |= INV_ODD;
    return NOT_A_NAME;
}

static enum status take_labels(struct intake *in, const struct record *r, const struct usage *u,
                               struct str account, struct str region, struct labels *l,
                               uint32_t *flags)
{
    *l = (struct labels){0};
    TRY(symbol_of(in, account, &l->v[LABEL_ACCOUNT]));
    TRY(symbol_of(in, region, &l->v[LABEL_REGION]));
    TRY(symbol_of(in, r->inference_region, &l->v[LABEL_INFERENCE_REGION]));
    TRY(symbol_of(in, r->arn, &l->v[LABEL_PRINCIPAL]));
    TRY(symbol_of(in, r->model_id, &l->v[LABEL_MODEL_ID]));
    TRY(symbol_of(in, code_of(r->operation, flags), &l->v[LABEL_OPERATION]));
    TRY(symbol_of(in, code_of(r->error, flags), &l->v[LABEL_ERROR]));
    return symbol_of(in, code_of(u->tier, flags), &l->v[LABEL_TIER]);
}

enum status intake_record(struct intake *in, struct record *r, const struct origin *from,
                          struct invocation *out, struct err *err)
{
    struct invocation v = {.flags = 0};
    struct both_bodies bodies = {.has_input = false};
    struct usage u;
    struct labels labels;
    struct match_slot *price;
    struct tuple_slot *tuple;
    struct str account = r->account.n ? r->account : from->account;
    struct str region = r->region.n ? r->region : from->region;

    arena_reset(&in->arena);
    TRY(read_usage(in, r, from, &bodies, &u, &v.flags, err));
    if (in->arena.failed)
        return err_nomem(err);
    intake_flags(r, &u, &v);
    intake_counts(r, &u, &v);
    intake_time(r, from, &v);
    intake_key(in->env->key, r, account, region, &v);
    if (take_labels(in, r, &u, account, region, &labels, &v.flags) != OK)
        return err_nomem(err);
    TRY(read_exchange(in, r, &bodies, &labels, &v, err));
    bool optimized = u.optimized || str_eq(r->latency_mode, STR("optimized"));
    v.flags |= optimized ? INV_OPTIMIZED : 0;
    if (find_price(in, &labels, u.model, optimized, v.time_us, &price) != OK)
        return err_nomem(err);
    struct str reason = pricing_apply(&price->match, &v);
    labels.v[LABEL_MODEL] = price->model;
    labels.v[LABEL_SCOPE] = price->scope;
    labels.v[LABEL_GEO] = price->geo;
    if (symbol_of(in, str_from(outcome_name(v.outcome)), &labels.v[LABEL_OUTCOME]) != OK ||
        symbol_of(in, reason, &labels.v[LABEL_REASON]) != OK ||
        find_series(in, &labels, &tuple) != OK)
        return err_nomem(err);
    v.series = tuple->series;
    v.content = content_of(&v, tuple->content);
    *out = v;
    return OK;
}
