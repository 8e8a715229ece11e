/* model/exchange and model/offer: what is packed comes back, and bytes may come from anybody. */
#include "model/exchange.h"
#include "model/offer.h"
#include "unit.h"

#include <stdlib.h>

static struct tool_use some_uses[] = {
    {.id = 1, .input = UINT64_MAX, .server = 7, .name = 8, .kind = TOOL_MCP, .answered = true},
    {.id = 2, .input = 0, .name = UINT32_MAX, .kind = TOOL_AGENT, .error = true},
};
static uint32_t some_commands[] = {3, 300, 70000};

static struct exchange some_exchange(const char *session)
{
    struct exchange x = {
        .session = str_from(session),
        .kind = CALL_COMPACTION,
        .flags = EX_SUBAGENT | EX_TOOLS_CUT,
        .purpose = 5,
        .repository = 6,
        .offer = 1 << 20,
        .messages = 9,
        .tail = 2,
        .prompts = 1,
        .history_prompts = 4,
        .interrupts = 1,
        .cut = 3,
        .first = UINT64_C(0x0123456789abcdef),
        .opening = 1,
        .system = UINT64_MAX,
        .recent_n = 2,
        .recent = {11, 12},
        .made = some_uses,
        .made_n = 2,
        .earlier = some_uses + 1,
        .earlier_n = 1,
        .commands = some_commands,
        .commands_n = 3,
    };
    for (int i = 0; i < PARTS; i++)
        x.part[i] = (uint32_t)i * 100000;
    return x;
}

static void assert_same(const struct exchange *a, const struct exchange *b)
{
    struct buf x, y;
    buf_init(&x, 1 << 16);
    buf_init(&y, 1 << 16);
    exchange_pack(a, &x);
    exchange_pack(b, &y);
    assert_int_equal(x.n, y.n);
    assert_memory_equal(x.p, y.p, x.n);
    buf_fini(&x);
    buf_fini(&y);
}

static void exchange_comes_back(void **state)
{
    (void)state;
    static const char *const ids[] = {"", "s", "0a1b2c3d-0000-4000-8000-000000000001",
                                      "0A1B2C3D-0000-4000-8000-000000000001",
                                      "0a1b2c3d-0000-4000-8000+000000000001"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct exchange x = some_exchange(ids[i]), back;
        struct arena arena;
        struct buf b;
        arena_init(&arena);
        buf_init(&b, 1 << 16);
        exchange_pack(&x, &b);
        struct unpack u = unpack_of(b.p, b.n);
        assert_int_equal(exchange_unpack(&u, &arena, &back), OK);
        assert_true(u.p == u.end);
        assert_true(str_eq(back.session, x.session));
        assert_int_equal(back.kind, x.kind);
        assert_int_equal(back.flags, x.flags);
        assert_true(back.first == x.first && back.system == x.system);
        assert_int_equal(back.made_n, 2);
        assert_int_equal(back.made[0].server, 7);
        assert_true(back.made[0].answered && !back.made[0].error && back.made[1].error);
        assert_int_equal(back.commands[2], 70000);
        assert_int_equal(exchange_bytes(&back), exchange_bytes(&x));
        assert_same(&x, &back);
        buf_fini(&b);
        arena_fini(&arena);
    }
}

static void any_bytes_are_survived(void **state)
{
    (void)state;
    struct exchange x = some_exchange("0a1b2c3d-0000-4000-8000-000000000001"), back;
    struct arena arena;
    struct buf b;
    arena_init(&arena);
    buf_init(&b, 1 << 16);
    exchange_pack(&x, &b);
    for (size_t n = 0; n < b.n; n++) {
        struct unpack u = unpack_of(b.p, n);
        assert_int_equal(exchange_unpack(&u, &arena, &back), ERR_PARSE);
    }
    for (size_t at = 0; at < b.n; at++)
        for (int bit = 0; bit < 8; bit++) {
            char *copy = malloc(b.n); /* of its exact size, so that a sanitizer sees its end */
            assert_non_null(copy);
            memcpy(copy, b.p, b.n);
            copy[at] = (char)(copy[at] ^ 1 << bit);
            struct unpack u = unpack_of(copy, b.n);
            enum status status = exchange_unpack(&u, &arena, &back);
            assert_true(status == OK || status == ERR_PARSE);
            if (status == OK)
                assert_true(back.kind < CALL_KINDS && back.recent_n <= EXCHANGE_RECENT &&
                            back.made_n <= EXCHANGE_USES && back.earlier_n <= EXCHANGE_USES);
            free(copy);
        }
    buf_fini(&b);
    arena_fini(&arena);
}

static enum status add_thousand(void *ctx, uint32_t *symbol)
{
    (*(int *)ctx)++;
    *symbol += 1000;
    return OK;
}

static void symbols_are_asked_for_and_copies_stand_alone(void **state)
{
    (void)state;
    struct exchange x = some_exchange("s"), copy;
    struct tool_use made[2], earlier[1];
    uint32_t commands[3];
    struct arena arena;
    int asked = 0;
    memcpy(made, some_uses, sizeof made);
    memcpy(earlier, some_uses, sizeof earlier);
    memcpy(commands, some_commands, sizeof commands);
    x.made = made;
    x.earlier = earlier;
    x.commands = commands;
    arena_init(&arena);
    assert_int_equal(exchange_copy(&x, &arena, &copy), OK);
    assert_int_equal(exchange_symbols(&x, made, earlier, commands, add_thousand, &asked), OK);
    assert_int_equal(asked, 3 + 3 + 2 + 3);
    assert_int_equal(x.purpose, 1005);
    assert_int_equal(made[0].server, 1007);
    assert_int_equal(made[1].server, 0);
    assert_int_equal(copy.made[0].server, 7);
    assert_int_equal(copy.commands[0], 3);
    arena_fini(&arena);
}

static void empty_exchange_weighs_one_byte(void **state)
{
    (void)state;
    struct exchange x = {.kind = CALL_UNKNOWN};
    assert_int_equal(exchange_bytes(&x), 1);
}

static void offer_is_sorted_and_added_up(void **state)
{
    (void)state;
    struct offer_item items[] = {
        {.kind = OFFER_AGENT, .name = STR("Explore")},
        {.kind = OFFER_SKILL, .name = STR("p:notes")},
        {.kind = OFFER_SERVER, .name = STR("wiki"), .tools = 1, .schema_bytes = 100},
        {.kind = OFFER_SKILL, .name = STR("p:notes")},
        {.kind = OFFER_SERVER, .name = STR("git"), .deferred = 2, .name_bytes = 30},
        {.kind = OFFER_SERVER,
         .name = STR("wiki"),
         .tools = 1,
         .schema_bytes = 11,
         .note_bytes = 5},
    };
    struct buf b;
    buf_init(&b, 1 << 16);
    offer_write(items, sizeof items / sizeof items[0], &b);
    const char *expect =
        "m\tgit\t0\t2\t0\t30\t0\nm\twiki\t2\t0\t111\t0\t5\ns\tp:notes\na\tExplore\n";
    assert_true(str_eq(buf_view(&b), str_from(expect)));
    struct str text = buf_view(&b);
    struct offer_item item;
    assert_true(offer_next(&text, &item) && item.deferred == 2 && offer_bytes(&item) == 30);
    assert_true(offer_next(&text, &item) && item.tools == 2 && offer_bytes(&item) == 116);
    assert_true(offer_next(&text, &item) && item.kind == OFFER_SKILL);
    assert_true(offer_next(&text, &item) && item.kind == OFFER_AGENT);
    assert_false(offer_next(&text, &item));
    buf_fini(&b);
}

static void no_offer_is_read_from_other_text(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "x",
                                      "m\n",
                                      "q\tname\n",
                                      "m\twiki\t1\n",
                                      "m\twiki\t1\t2\t3\t4\t99999999999\n",
                                      "m\twiki\t-1\t2\t3\t4\t5\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct str text = str_from(bad[i]);
        struct offer_item item;
        assert_false(offer_next(&text, &item));
    }
    struct buf b;
    buf_init(&b, 64);
    offer_write(NULL, 0, &b);
    assert_int_equal(b.n, 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchange_comes_back),
        cmocka_unit_test(any_bytes_are_survived),
        cmocka_unit_test(symbols_are_asked_for_and_copies_stand_alone),
        cmocka_unit_test(empty_exchange_weighs_one_byte),
        cmocka_unit_test(offer_is_sorted_and_added_up),
        cmocka_unit_test(no_offer_is_read_from_other_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
