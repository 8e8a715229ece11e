/*
 * From a record to an invocation: see intake.h.
 *
 * Speed lies in not asking twice: names come again and again, so each thread remembers the symbols
 * of names, the price match of a combination of them and the series of a tuple of labels in small
 * direct-mapped tables. A miss costs the shared, locked look-up; nothing depends on a hit.
 */
#include "ingest/intake.h"

#include "ingest/bodies.h"
#include "ingest/exchange.h"
#include "ingest/usage.h"

#include <stdlib.h>

enum { NAMES = 4096, MATCHES = 2048, TUPLES = 4096 }; /* powers of two */

struct name_slot {
    struct str text; /* of the symbol table: never moves */
    uint32_t id;
};

struct match_slot {
    bool used;
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

/* Of `content`: a constant, because the choice between duplicates must not depend on the process.
 */
static const struct hash_key CONTENT_KEY = {UINT64_C(0x61737361792d3031),
                                            UINT64_C(0x636f6e74656e7400)};

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
        const struct exchange_env reads = {in->symbols, env->rules, env->key,
                                           env->repository_names};
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
    *out = slot;
    if (slot->used && memcmp(slot->id, id, sizeof id) == 0 && time_us >= slot->match.from_us &&
        time_us < slot->match.until_us)
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
    slot->used = true;
    return OK;
}

/* Of the labels that do not come from bodies: those are there only when somebody asks for them. */
static uint64_t content_of_labels(struct intake *in, const struct labels *l)
{
    uint64_t h = 0;
    for (int i = 0; i < LABEL_HARNESS; i++) {
        struct str s = symbols_text(in->symbols, l->v[i]);
        h = (h ^ hash64(CONTENT_KEY, s.p, s.n)) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return h;
}

static enum status find_series(struct intake *in, const struct labels *l, struct tuple_slot **out)
{
    struct tuple_slot *slot = &in->tuples[mix(l->v, LABELS) & (TUPLES - 1)];
    if (!slot->used || memcmp(&slot->labels, l, sizeof *l) != 0) {
        slot->used = false;
        TRY(series_intern(in->env->series, l, &slot->series));
        slot->labels = *l;
        slot->content = content_of_labels(in, l);
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

static int64_t first_of(int64_t envelope, int64_t body, uint32_t *flags)
{
    if (envelope == COUNT_ABSENT)
        return body;
    if (body != COUNT_ABSENT && body != envelope)
        *flags |= INV_ODD;
    return envelope;
}

static int64_t or_zero(int64_t count)
{
    return count == COUNT_ABSENT ? 0 : count;
}

/*
 * Cache writes by TTL. The envelope's total is trusted; a split that is larger keeps its ratio
 * within the total, one that is smaller leaves a remainder of unknown TTL (bedrock-logs 2.3).
 */
static void split_writes(int64_t total, const struct usage *u, struct invocation *v)
{
    int64_t five = or_zero(u->write_5m), hour = or_zero(u->write_1h);
    bool split = u->write_5m != COUNT_ABSENT || u->write_1h != COUNT_ABSENT;
    if (split && five + hour > total) {
        v->flags |= INV_ODD;
        __extension__ typedef __int128 wide;
        hour = (int64_t)((wide)total * hour / (five + hour));
        five = total - hour;
    }
    v->tokens[TOKENS_CACHE_WRITE_5M] = five;
    v->tokens[TOKENS_CACHE_WRITE_1H] = hour;
    v->tokens[TOKENS_CACHE_WRITE_UNKNOWN] = total - five - hour;
}

static void take_counts(const struct record *r, const struct usage *u, struct invocation *v)
{
    int64_t input = first_of(r->input_tokens, u->input, &v->flags);
    /* The body's output count is provisional until message_delta: no disagreement before it. */
    bool provisional = u->stream && !u->complete;
    int64_t output = first_of(r->output_tokens, provisional ? COUNT_ABSENT : u->output, &v->flags);
    if (output == COUNT_ABSENT)
        output = u->output;
    int64_t read = first_of(r->cache_read, u->cache_read, &v->flags);
    int64_t write = first_of(r->cache_write, u->cache_write, &v->flags);
    if (write == COUNT_ABSENT && (u->write_5m != COUNT_ABSENT || u->write_1h != COUNT_ABSENT))
        write = or_zero(u->write_5m) + or_zero(u->write_1h);
    if (input == COUNT_ABSENT && output == COUNT_ABSENT && read == COUNT_ABSENT &&
        write == COUNT_ABSENT)
        v->flags |= INV_NO_COUNTS;
    if (read == COUNT_ABSENT && write == COUNT_ABSENT)
        v->flags |= INV_NO_CACHE_COUNTS;
    v->tokens[TOKENS_INPUT] = or_zero(input);
    v->tokens[TOKENS_OUTPUT] = or_zero(output);
    v->tokens[TOKENS_CACHE_READ] = or_zero(read);
    split_writes(or_zero(write), u, v);
}

static void take_flags(const struct record *r, const struct usage *u, struct invocation *v)
{
    if (r->error.n > 0)
        v->flags |= INV_ERROR;
    if (r->odd || u->odd)
        v->flags |= INV_ODD;
    if (r->input.has_body)
        v->flags |= INV_INPUT_BODY;
    if (r->output.has_body)
        v->flags |= INV_OUTPUT_BODY;
    if (r->input.path.n > 0 || r->output.path.n > 0)
        v->flags |= INV_BODY_PATH;
    if (u->guardrail)
        v->flags |= INV_GUARDRAIL;
    if (u->stream && !u->complete)
        v->flags |= INV_INCOMPLETE;
    v->latency_ms = u->latency_ms;
    v->first_byte_ms = u->first_byte_ms;
}

/* The record's own time, else that of its delivery, else the epoch; both flagged. */
static void take_time(const struct record *r, const struct origin *from, struct invocation *v)
{
    if (time_parse(r->timestamp, &v->time_us))
        return;
    v->flags |= INV_TIME_GUESSED;
    bool known = from->delivery_us >= 0 && from->delivery_us < TIME_END;
    v->time_us = known ? from->delivery_us : 0;
}

/*
 * The key: account, region and request id. Without a request id what the record says is hashed
 * instead, so that two copies of it still meet.
 */
static void take_key(struct intake *in, const struct record *r, struct str account,
                     struct str region, struct invocation *v)
{
    char bytes[4 * RECORD_NAME_MAX];
    size_t n = 0;
    bool has_id = r->request_id.n > 0;
    const struct str parts[] = {account, region, r->request_id, has_id ? STR_NONE : r->timestamp,
                                has_id ? STR_NONE : r->model_id};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t fits = sizeof bytes - n - 1;
        size_t take = parts[i].n < fits ? parts[i].n : fits;
        if (take)
            memcpy(bytes + n, parts[i].p, take);
        n += take;
        bytes[n++] = '\0';
        if (n >= sizeof bytes - 1)
            break;
    }
    v->key = hash128(in->env->key, bytes, n);
    if (has_id)
        return;
    v->flags |= INV_NO_REQUEST_ID;
    struct {
        struct hash128 names;
        uint64_t arn, operation;
        int64_t tokens[TOKEN_CLASSES];
        int64_t latency;
    } rest = {v->key,
              hash64(in->env->key, r->arn.p, r->arn.n),
              hash64(in->env->key, r->operation.p, r->operation.n),
              {0},
              v->latency_ms};
    memcpy(rest.tokens, v->tokens, sizeof rest.tokens);
    v->key = hash128(in->env->key, &rest, sizeof rest);
}

/* What the exchange adds, as numbers that are the same in every process. */
static uint64_t content_of_exchange(const struct exchange *x)
{
    uint64_t h = (uint64_t)x->kind << 32 | x->flags;
    const uint32_t numbers[] = {x->messages,        x->tail,   x->prompts,
                                x->history_prompts, x->made_n, x->earlier_n};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        h = hash_mix(h, numbers[i]);
    for (int i = 0; i < PARTS; i++)
        h = hash_mix(h, x->part[i]);
    return h;
}

/*
 * The high bits are what the record says without its bodies' details, so that the choice between
 * duplicates is the same whether or not exchanges are read; they decide only where all else is
 * equal.
 */
static void take_content(struct invocation *v, uint64_t labels)
{
    enum { EXCHANGE_BITS = 16 };
    uint64_t h = labels;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        h = (h ^ (uint64_t)v->tokens[i]) * UINT64_C(0x9E3779B97F4A7C15);
    h ^= (uint64_t)(uint32_t)v->latency_ms << 32 ^ (uint32_t)v->first_byte_ms;
    h = (h ^ v->flags) * UINT64_C(0xD6E8FEB86659FD93);
    h = (h ^ h >> 32) >> EXCHANGE_BITS << EXCHANGE_BITS;
    if (v->exchange)
        h |= content_of_exchange(v->exchange) >> (64 - EXCHANGE_BITS);
    v->content = h;
}

static enum status take_labels(struct intake *in, const struct record *r, const struct usage *u,
                               struct str account, struct str region, struct labels *l)
{
    *l = (struct labels){0};
    TRY(symbol_of(in, account, &l->v[LABEL_ACCOUNT]));
    TRY(symbol_of(in, region, &l->v[LABEL_REGION]));
    TRY(symbol_of(in, r->inference_region, &l->v[LABEL_INFERENCE_REGION]));
    TRY(symbol_of(in, r->arn, &l->v[LABEL_PRINCIPAL]));
    TRY(symbol_of(in, r->model_id, &l->v[LABEL_MODEL_ID]));
    TRY(symbol_of(in, r->operation, &l->v[LABEL_OPERATION]));
    TRY(symbol_of(in, r->error, &l->v[LABEL_ERROR]));
    return symbol_of(in, u->tier, &l->v[LABEL_TIER]);
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
    take_flags(r, &u, &v);
    take_counts(r, &u, &v);
    take_time(r, from, &v);
    take_key(in, r, account, region, &v);
    if (take_labels(in, r, &u, account, region, &labels) != OK)
        return err_nomem(err);
    TRY(read_exchange(in, r, &bodies, &labels, &v, err));
    bool optimized = u.optimized || str_eq(r->latency_mode, STR("optimized"));
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
    take_content(&v, tuple->content);
    *out = v;
    return OK;
}
