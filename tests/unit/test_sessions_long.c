/* query/sessions: what is too long to be folded at once is folded piece by piece, in the memory
 * that was asked for. */
#include "query/sessions.h"

#include "session_fixture.h"

static uint64_t random_state = 88172645463325252ULL;

static uint64_t any(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

/* What pieces add up to. */
struct total {
    uint64_t digest;
    int64_t sessions, pieces, calls, prompts, turns, tool_calls, tool_errors, active_us, length_us;
    money_sum cost;
    bool first_seen;
};

static enum status add_piece(void *ctx, const struct session *s)
{
    struct total *t = ctx;
    t->digest += session_digest(s);
    t->sessions += !s->continued;
    t->pieces++;
    t->calls += (int64_t)s->calls_n;
    t->prompts += s->prompts;
    t->turns += s->turns;
    t->tool_calls += s->tool_calls;
    t->tool_errors += s->tool_errors;
    t->active_us += s->active_us;
    t->length_us += s->last_us - s->before_us;
    t->cost += s->cost;
    assert_false(s->seen_whole && s->continued);
    return OK;
}

enum { MEMORY = 6 << 20, CALLS = 30000, EACH = 9 };

enum shape {
    ONE_ID,   /* a session of days, with a growing history */
    CONSTANT, /* a service with one prompt, in bursts */
    ENDLESS,  /* the same without any pause */
    SHAPES
};

/* Call i of a session; `uses` is room for two. */
static void make(enum shape shape, uint64_t i, struct exchange *x, struct tool_use *uses,
                 struct invocation *v)
{
    struct talk t = {.message = {1}, .n = 1};
    int64_t second = (int64_t)i * 60;
    *x = (struct exchange){.session = STR(""), .kind = CALL_MAIN};
    if (shape == CONSTANT)
        second = (int64_t)(i / 1000) * 100000 + (int64_t)(i % 1000);
    if (shape == ONE_ID) {
        say(&t, i * 2);
        say(&t, i * 2 + 1);
        x->session = STR("one-id-for-all");
    }
    fill_request(x, &t);
    if (shape == ONE_ID) {
        x->messages = (uint32_t)(1 + 2 * i);
        x->flags = i ? EX_HISTORY : 0;
        x->prompts = i % EACH == 0;
        x->history_prompts = (uint32_t)(1 + i / EACH);
        uses[0] = tool(i + 2, 7, i);
        uses[1] = result(tool(i + 1, 7, i - 1), false);
        x->made = uses;
        x->made_n = 1;
        x->earlier = uses + 1;
        x->earlier_n = i > 0;
    }
    *v = (struct invocation){.time_us = second * SECOND_US,
                             .key = hash128((struct hash_key){5, 6}, &i, sizeof i),
                             .content = i + 1,
                             .tokens = {10, 20},
                             .cost = {1000 + (int64_t)i, 7},
                             .list_cost = 1007 + (int64_t)i,
                             .latency_ms = LATENCY_UNKNOWN,
                             .first_byte_ms = LATENCY_UNKNOWN,
                             .exchange = x,
                             .session = 77};
}

static struct total gathered(enum shape shape, uint64_t memory, int threads, bool shuffled,
                             struct sessions_cuts *cuts, uint64_t *used)
{
    const struct sessions_options o = {.fold = {.key = {3, 4}}, .memory = memory};
    struct sessions *s;
    struct err err = {0};
    struct total t = {0};
    assert_int_equal(sessions_new(&o, threads, &s, NULL), OK);
    uint64_t *order = malloc(CALLS * sizeof *order);
    for (uint64_t i = 0; i < CALLS; i++)
        order[i] = i;
    for (uint64_t i = CALLS - 1; shuffled && i > 0; i--) {
        uint64_t j = any(i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (uint64_t i = 0; i < CALLS; i++) {
        struct exchange x;
        struct tool_use uses[2];
        struct invocation v;
        make(shape, order[i], &x, uses, &v);
        assert_int_equal(sessions_put(s, (int)(i % (uint64_t)threads), &v, SESSIONS_SURE, NULL),
                         OK);
        if (shuffled && any(5) == 0) { /* a copy that loses; it makes parts larger */
            v.content += CALLS;
            assert_int_equal(sessions_put(s, 0, &v, SESSIONS_SURE, NULL), OK);
            assert_int_equal(sessions_drop(s, threads - 1, &v, NULL), OK);
        }
    }
    if (sessions_each(s, add_piece, &t, &err) != OK)
        fail_msg("%s", err.text);
    *cuts = sessions_cuts(s);
    *used = sessions_memory(s);
    sessions_free(s);
    free(order);
    return t;
}

static struct total whole(enum shape shape)
{
    const struct session_options options = {.key = {3, 4}};
    struct session_call *calls = calloc(CALLS, sizeof *calls);
    struct exchange *x = calloc(CALLS, sizeof *x);
    struct tool_use *uses = calloc(CALLS, 2 * sizeof *uses);
    struct total t = {0};
    struct arena arena;
    arena_init(&arena);
    for (uint64_t i = 0; i < CALLS; i++)
        make(shape, i, &x[i], &uses[2 * i], &calls[i].v);
    assert_int_equal(session_fold(calls, CALLS, &options, &arena, add_piece, &t, NULL), OK);
    arena_fini(&arena);
    free(calls);
    free(x);
    free(uses);
    return t;
}

static void memory_is_bounded_however_long_a_session_is(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++)
        for (int shuffled = 0; shuffled < 2; shuffled++) {
            struct sessions_cuts cuts;
            uint64_t used;
            struct total t = gathered(shape, MEMORY, 1, shuffled, &cuts, &used);
            assert_int_equal(t.calls, CALLS);
            if (used > MEMORY)
                fail_msg("shape %d: %llu bytes", shape, (unsigned long long)used);
        }
}

static void bursts_of_one_prompt_are_the_same_sessions_piece_by_piece(void **state)
{
    (void)state;
    struct sessions_cuts cuts;
    uint64_t used;
    struct total all = whole(CONSTANT), t = gathered(CONSTANT, MEMORY, 2, true, &cuts, &used);
    assert_int_equal(all.pieces, CALLS / 1000);
    assert_true(t.digest == all.digest && t.pieces == all.pieces);
    assert_true(cuts.sessions == 0 && cuts.pieces == 0);
}

static void pieces_of_a_session_with_an_id_add_up_to_it(void **state)
{
    (void)state;
    struct sessions_cuts cuts;
    uint64_t used;
    struct total all = whole(ONE_ID), t = gathered(ONE_ID, MEMORY, 1, false, &cuts, &used);
    assert_int_equal(all.pieces, 1);
    assert_int_equal(t.sessions, 1);
    assert_true(t.pieces > 5);
    assert_int_equal(cuts.sessions, 1);
    assert_int_equal(cuts.pieces, t.pieces);
    assert_int_equal(t.prompts, all.prompts);
    assert_int_equal(t.turns, all.turns);
    assert_int_equal(t.tool_calls, all.tool_calls);
    assert_int_equal(t.active_us, all.active_us);
    assert_int_equal(t.length_us, all.length_us);
    assert_true(t.cost == all.cost);
}

static void what_never_pauses_is_cut_and_counted(void **state)
{
    (void)state;
    struct sessions_cuts cuts;
    uint64_t used;
    struct total t = gathered(ENDLESS, MEMORY, 1, false, &cuts, &used);
    assert_true(t.pieces > 5 && t.sessions == t.pieces);
    assert_int_equal(cuts.sessions, 1);
    assert_int_equal(cuts.pieces, t.pieces);
    assert_true(t.cost == whole(ENDLESS).cost);
    t = gathered(ENDLESS, 256 << 20, 1, false, &cuts, &used);
    assert_true(t.pieces == 1 && cuts.sessions == 0);
}

/* With 1 byte the calls are sorted in the file, with 4 MiB in memory; both fold 4 MiB at once. */
static void where_it_is_cut_depends_on_the_calls_alone(void **state)
{
    (void)state;
    static const uint64_t memories[] = {1, 100 << 10, 4 << 20};
    for (int shape = 0; shape < SHAPES; shape++) {
        struct sessions_cuts cuts;
        uint64_t used;
        struct total first = gathered(shape, memories[0], 1, false, &cuts, &used);
        for (size_t m = 0; m < 3; m++)
            for (int threads = 1; threads <= 3; threads += 2) {
                struct total t = gathered(shape, memories[m], threads, true, &cuts, &used);
                assert_true(t.digest == first.digest && t.pieces == first.pieces);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_bounded_however_long_a_session_is),
        cmocka_unit_test(bursts_of_one_prompt_are_the_same_sessions_piece_by_piece),
        cmocka_unit_test(pieces_of_a_session_with_an_id_add_up_to_it),
        cmocka_unit_test(what_never_pauses_is_cut_and_counted),
        cmocka_unit_test(where_it_is_cut_depends_on_the_calls_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
