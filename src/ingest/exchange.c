/*
 * Reading an exchange: see exchange.h. Here is the request's outermost level, and what follows from
 * its parts together: the harness, the kind of call, the session. The parts are in exchange_*.c.
 */
#include "ingest/exchange_internal.h"

#include <stdlib.h>

void exchange_room_init(struct exchange_room *room)
{
    *room = (struct exchange_room){.names = {.limit = EXCHANGE_NAMES_BYTES},
                                   .offers = {.limit = EXCHANGE_OFFERS_BYTES}};
}

enum status exchange_reader_new(const struct exchange_env *env, struct exchange_reader **out,
                                struct err *err)
{
    struct exchange_reader *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    r->symbols = env->symbols;
    exchange_room_init(&r->own);
    r->budget = env->room ? env->room : &r->own;
    r->rules = env->rules;
    r->key = env->key;
    r->repository_names = env->repository_names;
    buf_init(&r->scratch, (size_t)DECODE_MAX + JSON_PADDING);
    buf_init(&r->text, (size_t)DECODE_MAX + JSON_PADDING);
    for (int i = 0; i < OPEN_USES; i++)
        buf_init(&r->open[i].pieces, (size_t)DECODE_MAX + JSON_PADDING);
    arena_init(&r->arena);
    enum status status = json_new(&r->json, err);
    if (status == OK)
        status = json_new(&r->whole, err);
    if (status != OK) {
        exchange_reader_free(r);
        return status;
    }
    *out = r;
    return OK;
}

void exchange_reader_free(struct exchange_reader *r)
{
    if (!r)
        return;
    for (int i = 0; i < CACHE_SLOTS; i++)
        free(r->offers[i].servers);
    for (int i = 0; i < OPEN_USES; i++)
        buf_fini(&r->open[i].pieces);
    buf_fini(&r->scratch);
    buf_fini(&r->text);
    arena_fini(&r->arena);
    json_free(r->json);
    json_free(r->whole);
    free(r);
}

static void start(struct exchange_reader *r)
{
    r->x = (struct exchange){.session = STR("")};
    r->verdict = r->last_verdict = (struct harness_verdict){0};
    r->failed = false;
    r->seen_tools = r->seen_system = r->seen_messages = false;
    r->billing_subagent = false;
    r->max_tokens = -1;
    r->version = r->entrypoint = r->only_text = r->separator = STR("");
    r->tools_n = r->listings_n = 0;
    r->tools_hash = SEED_OFFER;
    r->listings_hash = 0;
    r->offer = NULL;
    r->earlier.n = 0;
    r->open_n = 0;
    r->unknown = false;
}

/* Claude 2, Llama and Titan: one text, of which the size is all that is told. */
static void read_prompt(struct exchange_reader *r, struct json_cursor *c)
{
    struct str raw;
    r->x.part[PART_USER] = 0;
    if (json_string(c, &raw))
        add_bytes(&r->x.part[PART_USER], raw_size(raw));
    else
        r->x.flags |= EX_ODD;
}

static void read_tool_config(struct exchange_reader *r, struct json_cursor *c)
{
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "tools"))
            read_tools(r, c);
        else
            json_skip(c);
    }
}

static void read_request(struct exchange_reader *r, struct json_cursor *c)
{
    bool known = false;
    if (!json_enter_object(c)) {
        r->x.flags |= EX_ODD;
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "messages")) {
            read_messages(r, c);
        } else if (KEY_IS(key, "system")) {
            read_system(r, c);
        } else if (KEY_IS(key, "tools")) {
            read_tools(r, c);
        } else if (KEY_IS(key, "toolConfig")) {
            read_tool_config(r, c);
        } else if (KEY_IS(key, "metadata")) {
            read_metadata(r, c);
        } else if (KEY_IS(key, "max_tokens")) {
            if (!json_i64(c, &r->max_tokens))
                r->max_tokens = -1;
        } else if (KEY_IS(key, "prompt") || KEY_IS(key, "inputText")) {
            known = true;
            read_prompt(r, c);
        } else {
            json_skip(c);
        }
    }
    if (json_failed(c) || !(r->seen_messages || known))
        r->x.flags |= EX_ODD;
    r->x.kind = r->seen_messages || known ? CALL_MAIN : CALL_UNKNOWN;
}

static bool is_probe(const struct exchange_reader *r, struct harness_verdict *v)
{
    if (r->max_tokens != 1 || r->seen_tools || r->x.messages != 1)
        return false;
    harness_look(r->rules, HARNESS_PROBE, r->only_text, v);
    return v->kind == CALL_PROBE;
}

/* In the order of the request-bodies facts, 4. */
static void decide_kind(struct exchange_reader *r, struct str harness)
{
    struct harness_verdict v = {.kind = CALL_UNKNOWN};
    struct exchange *x = &r->x;
    struct str purpose = STR("");
    bool subagent = r->billing_subagent || r->verdict.kind == CALL_SUBAGENT;
    if (is_probe(r, &v)) {
        x->kind = CALL_PROBE;
    } else if (r->last_verdict.kind == CALL_COMPACTION || r->verdict.kind == CALL_COMPACTION) {
        x->kind = CALL_COMPACTION;
        x->flags |= subagent ? EX_SUBAGENT : 0u;
    } else if (subagent) {
        x->kind = CALL_SUBAGENT;
        x->flags |= EX_SUBAGENT;
    } else if (r->verdict.kind == CALL_BACKGROUND) {
        x->kind = CALL_BACKGROUND;
        purpose = r->verdict.purpose;
    } else if (r->tools_n == 0 && harness.n) {
        /* What the user typed is nobody's mark while there are tools to use. */
        harness_look(r->rules, HARNESS_NO_TOOLS, harness, &v);
        if (r->last_verdict.kind == CALL_BACKGROUND) {
            x->kind = CALL_BACKGROUND;
            purpose = r->last_verdict.purpose;
        } else if (v.kind != CALL_UNKNOWN) {
            x->kind = (uint8_t)v.kind;
            purpose = v.purpose;
        }
    }
    x->purpose = symbol_of_name(r, purpose);
    if (x->kind != CALL_MAIN)
        x->prompts = x->history_prompts = 0;
}

static void finish_request(struct exchange_reader *r)
{
    if (r->seen_messages || r->seen_tools)
        find_offer(r);
    struct str harness = harness_of(&r->verdict);
    r->separator = harness_separator(r->rules, harness);
    if (r->x.kind == CALL_MAIN)
        decide_kind(r, harness);
    for (uint32_t i = 0; i < r->earlier.n; i++)
        name_use(r, &r->earlier.v[i], &r->uses[1][i]);
    r->x.earlier = r->uses[1];
    r->x.earlier_n = r->earlier.n;
    r->x.commands = r->commands;
}

/* The session id of AgentCore stands in the ARN, which no client chooses. */
static void take_principal(struct exchange_reader *r, struct str arn)
{
    harness_look(r->rules, HARNESS_PRINCIPAL, arn, &r->verdict);
    r->x.session = fit_session(r, principal_parse(arn).session_id);
}

static uint64_t session_hash(const struct exchange_reader *r, struct str principal)
{
    const struct exchange *x = &r->x;
    if (x->kind == CALL_PROBE || (x->session.n == 0 && x->first == 0))
        return 0;
    uint64_t who = hash64(r->key, principal.p, principal.n);
    uint64_t what = x->session.n ? hash64(r->key, x->session.p, x->session.n) : x->first;
    const uint64_t both[] = {who, what, x->session.n > 0};
    uint64_t h = hash64(r->key, both, sizeof both);
    return h ? h : 1;
}

/* Reads the request with all of its index, when the one there is lacks something that is needed. */
static bool needs_whole(struct exchange_reader *r, const struct json_cursor *input,
                        struct str *body)
{
    struct json_cursor c = *input;
    return r->issued_n > 0 && json_raw(&c, body) && (known_left(r, *body) || r->unknown);
}

static void read_whole(struct exchange_reader *r, struct str body, const struct json_cursor *input)
{
    struct json_text text;
    enum status status = json_index(r->whole, body.p, body.n, &text, NULL);
    if (status != OK) { /* every part of it was indexed before */
        r->failed |= status == ERR_NOMEM;
        r->x.flags |= EX_ODD;
        return;
    }
    struct json_cursor c = json_begin(&text);
    c.depth = input->depth;
    read_request(r, &c);
}

enum status exchange_read(struct exchange_reader *r, const struct exchange_source *source,
                          struct exchange *out, struct exchange_names *names, uint64_t *session,
                          struct err *err)
{
    start(r);
    take_principal(r, source->principal);
    struct str body;
    if (source->input) {
        struct json_cursor c = *source->input;
        read_request(r, &c);
        if (needs_whole(r, source->input, &body)) {
            start(r);
            take_principal(r, source->principal);
            read_whole(r, body, source->input);
        }
        finish_request(r);
        if (r->x.session.n == 0)
            take_principal(r, source->principal);
    }
    if (source->output) {
        struct json_cursor c = *source->output;
        read_answer(r, &c);
        r->x.made = r->uses[0];
    }
    struct str harness = harness_of(&r->verdict);
    r->x.flags |= harness.n ? EX_RECOGNISED : 0u;
    if (r->failed)
        return err_nomem(err);
    *session = session_hash(r, source->principal);
    *names = (struct exchange_names){harness, r->version, r->entrypoint};
    *out = r->x;
    return OK;
}
