/*
 * Bodies: a byte that chooses, then a request and an answer with a zero byte between them. Whatever
 * comes in: lists within their bounds, names of their form, numbers that fit each other, the same
 * when read again by a reader that remembers, and what is packed comes back.
 */
#include "ingest/exchange.h"
#include "model/name.h"
#include "model/offer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

struct side {
    struct json *json;
    struct json_text text;
    struct json_cursor c;
    char *bytes;
    bool there;
};

static void index_side(struct side *s, const uint8_t *p, size_t n)
{
    check(json_new(&s->json, NULL) == OK);
    s->bytes = calloc(1, n + JSON_PADDING);
    check(s->bytes);
    if (n)
        memcpy(s->bytes, p, n);
    s->there = n > 0 && json_index(s->json, s->bytes, n, &s->text, NULL) == OK;
    if (s->there)
        s->c = json_begin(&s->text);
}

static void free_side(struct side *s)
{
    json_free(s->json);
    free(s->bytes);
}

static void check_form(struct str s, enum name_form form)
{
    check(s.n == 0 || name_fits(form, s) || str_eq(s, NOT_A_NAME));
}

static void check_name(const struct symbols *symbols, uint32_t symbol)
{
    check(symbol < symbols_count(symbols));
    check_form(symbols_text(symbols, symbol), NAME_ENTRY);
}

static void check_uses(const struct symbols *symbols, const struct tool_use *u, uint32_t n)
{
    check(n <= EXCHANGE_USES);
    for (uint32_t i = 0; i < n; i++) {
        check(u[i].kind < TOOL_KINDS && (u[i].server == 0 || u[i].kind == TOOL_MCP));
        check_name(symbols, u[i].name);
        check_name(symbols, u[i].server);
    }
}

static void check_offer(struct str text)
{
    struct offer_item item;
    size_t lines = 0, items = 0;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    for (; offer_next(&text, &item); items++)
        check_form(item.name, item.kind == OFFER_SERVER ? NAME_TOOL : NAME_ENTRY);
    check(items == lines && text.n == 0);
}

static void check_exchange(const struct symbols *symbols, const struct exchange *x)
{
    check(x->kind < CALL_KINDS && x->tail <= x->messages && x->recent_n <= EXCHANGE_RECENT);
    check(x->recent_n <= x->messages && x->session.n <= SESSION_ID_MAX);
    check((x->messages == 0) == (x->first == 0));
    check(x->prompts <= x->history_prompts);
    check(exchange_bytes(x) > 0 && x->commands_n <= EXCHANGE_USES);
    check_uses(symbols, x->made, x->made_n);
    check_uses(symbols, x->earlier, x->earlier_n);
    for (uint32_t i = 0; i < x->commands_n; i++)
        check_name(symbols, x->commands[i]);
    struct str place = symbols_text(symbols, x->repository);
    check(place.n == 0 || place.p[0] == '#' || name_fits(NAME_DIRECTORY, place));
    check(x->session.n == 0 || x->session.p[0] == '#' || name_fits(NAME_SESSION, x->session));
    check(symbols_text(symbols, x->purpose).n < 32); /* of the rules */
    check_offer(symbols_text(symbols, x->offer));
}

static void check_packing(const struct exchange *x, struct buf *packed)
{
    struct arena arena;
    struct exchange back;
    struct buf again;
    arena_init(&arena);
    buf_init(&again, 1 << 20);
    buf_reset(packed);
    exchange_pack(x, packed);
    struct unpack u = unpack_of(packed->p, packed->n);
    check(exchange_unpack(&u, &arena, &back) == OK && u.p == u.end);
    exchange_pack(&back, &again);
    check(str_eq(buf_view(packed), buf_view(&again)));
    buf_fini(&again);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct harness_rules *rules;
    if (size < 1 || size > 1 << 20)
        return 0;
    if (!rules)
        check(harness_rules_new(STR(""), "", &rules, NULL) == OK);
    struct symbols *symbols = NULL;
    struct exchange_reader *reader = NULL;
    check(symbols_new(&symbols, NULL) == OK);
    const struct exchange_env env = {symbols, rules, {1, 2}, data[0] & 1, NULL};
    check(exchange_reader_new(&env, &reader, NULL) == OK);
    const uint8_t *input = data + 1, *zero = memchr(input, 0, size - 1);
    size_t input_n = zero ? (size_t)(zero - input) : size - 1;
    struct side in = {.there = false}, out = {.there = false};
    index_side(&in, input, input_n);
    index_side(&out, zero ? zero + 1 : input, zero ? size - 2 - input_n : 0);
    const struct exchange_source source = {
        .input = in.there ? &in.c : NULL,
        .output = out.there ? &out.c : NULL,
        .operation = STR("InvokeModel"),
        .principal = data[0] & 2 ? STR("arn:aws:sts::111122223333:assumed-role/"
                                       "AmazonBedrockAgentCoreHarnessDefaultServiceRole-x/"
                                       "BedrockAgentCore-0a1b2c3d-0000-4000-8000-000000000001")
                                 : STR("arn:aws:iam::111122223333:user/a"),
    };
    struct buf first, second;
    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    for (int i = 0; i < 2; i++) {
        struct exchange x;
        struct exchange_names names;
        uint64_t session = 0;
        check(exchange_read(reader, &source, &x, &names, &session, NULL) == OK);
        check_exchange(symbols, &x);
        check_form(names.version, NAME_VERSION);
        check_form(names.entrypoint, NAME_ENTRYPOINT);
        check_packing(&x, i ? &second : &first);
    }
    check(str_eq(buf_view(&first), buf_view(&second)));
    buf_fini(&first);
    buf_fini(&second);
    free_side(&in);
    free_side(&out);
    exchange_reader_free(reader);
    symbols_free(symbols);
    return 0;
}
