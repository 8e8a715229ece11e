/* model/session: any order gives the same sessions, and nothing that is sent makes them slow. */
#include "session_fixture.h"

#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MANY = 60000 };
#else
enum { MANY = 1000000 };
#endif

static uint64_t random_state = 88172645463325252ULL;

static uint64_t any(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

/* Few different values everywhere, so that much coincides. */
static void random_calls(struct made_calls *c, size_t n)
{
    static const struct str ids[] = {{"", 0}, {"a", 1}, {"b", 1}};
    for (size_t i = 0; i < n; i++) {
        struct talk t = {.n = 1 + (uint32_t)any(12), .system = any(2)};
        for (uint32_t k = 0; k < t.n; k++)
            t.message[k] = 1 + any(k == 0 ? 3 : 2);
        enum call_kind kind = (enum call_kind)any(CALL_KINDS);
        struct session_call *call =
            add_call(c, (int64_t)any(9000), kind, kind == CALL_UNKNOWN ? NULL : &t);
        struct exchange *x = exchange_in(call);
        x->session = ids[any(3)];
        x->flags |= any(4) ? 0 : EX_CONTINUED;
        x->flags |= any(6) ? 0 : EX_SUBAGENT;
        x->prompts = (uint32_t)any(3);
        x->history_prompts = (uint32_t)any(9);
        call->v.flags = any(5) ? 0 : INV_ERROR;
        for (int k = 0; k < TOKEN_CLASSES; k++) {
            call->v.tokens[k] = (int64_t)any(5000);
            call->v.cost[k] = call->v.tokens[k] * 7;
        }
        for (uint64_t k = any(4); k > 0; k--)
            makes(call, any(2) ? tool(any(99), 1, any(3)) : agent(any(99), 2, 1 + any(3)));
        for (uint64_t k = any(4); k > 0; k--)
            tells(call, result(any(2) ? tool(any(99), 1, any(3)) : agent(any(99), 2, 1 + any(3)),
                               any(2)));
    }
}

static uint64_t digest_of(const struct folded *f)
{
    uint64_t h = 1;
    for (size_t i = 0; i < f->n; i++)
        h = h * 31 + session_digest(&f->v[i]);
    return h;
}

/* What holds of any session. */
static void check_sums(const struct session *s)
{
    money_sum threads = 0, kinds = 0;
    size_t calls = 0;
    for (size_t i = 0; i < s->threads_n; i++) {
        threads += s->threads[i].cost;
        calls += s->threads[i].calls;
        assert_true(s->threads[i].parent < (int32_t)i);
    }
    for (int i = 0; i < CALL_KINDS; i++)
        kinds += s->cost_kind[i];
    assert_true(threads == s->cost && kinds == s->cost && calls == s->calls_n);
    assert_int_equal(s->uses_n, s->tool_calls);
    for (size_t i = 1; i < s->calls_n; i++)
        assert_true(s->calls[i - 1].v.time_us <= s->calls[i].v.time_us);
    for (size_t i = 1; i < s->uses_n; i++)
        assert_true(s->uses[i - 1].call <= s->uses[i].call);
}

static void the_result_depends_on_the_set_of_calls_alone(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct made_calls c = {0};
        random_calls(&c, 1 + any(120));
        struct folded *f = fold_all(&c);
        uint64_t wanted = digest_of(f);
        for (size_t i = 0; i < f->n; i++)
            check_sums(&f->v[i]);
        for (int again = 0; again < 4; again++) {
            for (size_t i = c.n - 1; i > 0; i--) {
                size_t j = any(i + 1);
                struct session_call swap = c.v[i];
                c.v[i] = c.v[j];
                c.v[j] = swap;
            }
            assert_true(digest_of(fold_all(&c)) == wanted);
        }
    }
}

static int by_time(const void *a, const void *b)
{
    const struct session_call *x = a, *y = b;
    return (x->v.time_us > y->v.time_us) - (x->v.time_us < y->v.time_us);
}

/* Whatever the order of the sessions. */
static uint64_t sum_of(const struct folded *f)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < f->n; i++)
        sum += session_digest(&f->v[i]);
    return sum;
}

/* What query/sessions stands on: it folds such pieces one at a time. */
static void without_an_id_calls_may_be_cut_at_pauses_longer_than_the_window(void **state)
{
    (void)state;
    size_t pieces = 0;
    for (int round = 0; round < 400; round++) {
        const struct session_options options = {.key = {3, 4},
                                                .window_us = (int64_t)(1 + any(60)) * SECOND_US};
        struct made_calls c = {0};
        random_calls(&c, 1 + any(600));
        for (size_t i = 0; i < c.n; i++) {
            exchange_in(&c.v[i])->session = STR("");
            c.v[i].v.flags = any(9) ? 0 : INV_ERROR;
        }
        uint64_t whole = sum_of(fold_with(&c, &options)), sum = 0;
        qsort(c.v, c.n, sizeof *c.v, by_time);
        for (size_t from = 0, to; from < c.n; from = to) {
            to = from + 1;
            while (to < c.n && c.v[to].v.time_us - c.v[to - 1].v.time_us <= options.window_us)
                to++;
            struct made_calls piece = {.v = &c.v[from], .n = to - from, .cap = to - from};
            sum += sum_of(fold_with(&piece, &options));
            pieces++;
        }
        assert_true(sum == whole);
    }
    assert_true(pieces > 4000);
}

/* However often it has paused: chains that are over hide none that go on. */
static void a_constant_prompt_is_one_session_from_pause_to_pause(void **state)
{
    (void)state;
    enum { TIMES = 40, CALLS = 5 };
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    for (int64_t time = 0; time < TIMES; time++)
        for (int64_t i = 0; i < CALLS; i++)
            exchange_in(add_call(&c, time * 7200 + i, CALL_MAIN, &t))->session = STR("");
    struct folded *f = fold_all(&c);
    assert_int_equal(f->n, TIMES);
    for (size_t i = 0; i < f->n; i++)
        assert_int_equal(f->v[i].calls_n, CALLS);
}

/* Keys are made with another secret in each run; what calls say is not. */
static void keys_do_not_order_calls_of_one_instant(void **state)
{
    (void)state;
    for (uint64_t flip = 0; flip < 2; flip++) {
        struct made_calls c = {0};
        struct talk main = {.message = {1}, .n = 1}, other = {.message = {2}, .n = 1};
        add_call(&c, 1, CALL_MAIN, &main)->v.key = (struct hash128){flip, 9};
        add_call(&c, 1, CALL_BACKGROUND, &other)->v.key = (struct hash128){1 - flip, 3};
        const struct session *s = fold_one_of(&c);
        assert_int_equal(s->calls[0].v.exchange->kind, CALL_MAIN);
    }
}

/*
 * Sub-agents started with the same words work side by side; `content` says which one a call is of.
 * Some requests fail and are sent again. Where answers are seen even equal first requests find
 * their own; without, the others do.
 */
static void work_side_by_side(struct made_calls *c, uint64_t agents, bool told, bool answers)
{
    struct talk main = {.message = {1}, .n = 1}, talk[USES_MAX];
    uint64_t id = 1000, last[USES_MAX] = {0};
    struct session_call *call = add_call(c, 0, CALL_MAIN, &main);
    for (uint64_t i = 0; i < agents; i++) {
        talk[i] = (struct talk){.message = {500}, .n = 1};
        if (told)
            makes(call, agent(i + 1, 9, 500));
    }
    for (int64_t at = 1; at < 90; at++) {
        /* Each has two requests at least: all begin, then all go on, then any of them. */
        uint64_t who = (uint64_t)at <= 2 * agents ? (uint64_t)(at - 1) % agents : any(agents);
        struct talk *t = &talk[who];
        bool fails = t->n > 1 && any(6) == 0;
        if (t->n + 2 >= TALK_MAX)
            continue;
        call = add_call(c, at, CALL_SUBAGENT, t);
        call->v.content = who;
        if (last[who] && answers)
            tells(call, result(tool(last[who], 1, 0), false));
        call->v.flags = fails ? INV_ERROR : 0;
        if (fails)
            continue;
        if (answers)
            makes(call, tool(last[who] = id, 1, 0));
        say(t, id++);
        say(t, id++);
    }
}

static void sub_agents_side_by_side_keep_to_their_own(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct made_calls c = {0};
        uint64_t agents = 1 + any(USES_MAX - 1), of[USES_MAX + 1] = {0};
        bool told = round & 1, answers = round & 2, known[USES_MAX + 1] = {false};
        work_side_by_side(&c, agents, told, answers);
        const struct session *s = fold_one_of(&c);
        assert_int_equal(s->threads_n, 1 + agents);
        int64_t failed = 0;
        for (size_t i = 1; i < s->calls_n; i++) {
            const struct session_call *call = &s->calls[i];
            failed += call->v.flags & INV_ERROR;
            if (!answers && call->v.exchange->messages == 1)
                continue;
            assert_true(!known[call->thread] || of[call->thread] == call->v.content);
            of[call->thread] = call->v.content;
            known[call->thread] = true;
        }
        for (size_t i = 1; told && i < s->threads_n; i++)
            assert_int_equal(s->threads[i].parent, 0);
        assert_true(s->retries <= failed); /* the last failure may not have been tried again */
    }
}

enum hostile { SAME_REQUEST, SAME_FIRST, ALL_DIFFERENT, SAME_STATE, TWINS, HOSTILES };

/* The i-th of very many calls that were made to be slow. */
static void make_hostile(enum hostile how, uint64_t i, struct exchange *x, struct tool_use *use)
{
    struct talk t = {.message = {1}, .n = 1};
    if (how == ALL_DIFFERENT)
        t.message[0] = i + 1;
    if (how == SAME_FIRST)
        say(&t, i + 1);
    if (how == SAME_STATE) { /* ends alike, but for what stands before */
        say(&t, i + 1);
        say(&t, 7);
    }
    fill_request(x, &t);
    if (how == TWINS) { /* each starts a sub-agent with the words of all */
        *use = agent(i + 1, 3, 1);
        x->made = use;
        x->made_n = 1;
    }
}

static enum status count_session(void *ctx, const struct session *s)
{
    *(size_t *)ctx += s->calls_n;
    return OK;
}

/* Processor time, which other programs on the machine do not lengthen. */
static void fold_hostile(enum hostile how, bool id, struct session_call *calls, struct exchange *x,
                         struct tool_use *uses, size_t n)
{
    const struct session_options options = {.key = {3, 4}};
    struct arena arena;
    size_t seen = 0;
    for (size_t i = 0; i < n; i++) {
        x[i] = (struct exchange){
            .kind = CALL_SUBAGENT, .flags = EX_SUBAGENT, .session = id ? STR("id") : STR("")};
        make_hostile(how, i, &x[i], &uses[i]);
        calls[i] = (struct session_call){.v = {.time_us = (int64_t)(i * 7919 % n),
                                               .key = {i, i},
                                               .content = i,
                                               .exchange = &x[i]}};
    }
    clock_t start = clock();
    arena_init(&arena);
    assert_int_equal(session_fold(calls, n, &options, &arena, count_session, &seen, NULL), OK);
    assert_int_equal(seen, n);
    int64_t took_ms = (int64_t)(clock() - start) * 1000 / CLOCKS_PER_SEC;
    print_message("# %zu calls, way %d, %s id: %lld ms\n", n, how, id ? "with" : "without",
                  (long long)took_ms);
    assert_true(took_ms < 20000);
    arena_fini(&arena);
}

static void a_million_calls_in_one_session_take_linear_time(void **state)
{
    (void)state;
    struct session_call *calls = calloc(MANY, sizeof *calls);
    struct exchange *x = calloc(MANY, sizeof *x);
    struct tool_use *uses = calloc(MANY, sizeof *uses);
    assert_true(calls && x && uses);
    for (int how = 0; how < HOSTILES; how++) {
        fold_hostile((enum hostile)how, true, calls, x, uses, MANY);
        fold_hostile((enum hostile)how, false, calls, x, uses, MANY / 4);
    }
    free(uses);
    free(x);
    free(calls);
}

/* Keys differ from run to run. */
static void calls_of_one_second_are_in_order_whatever_their_keys(void **state)
{
    (void)state;
    for (uint64_t low = 0; low < 8; low++) {
        struct made_calls c = {0};
        struct talk t = {.message = {1}, .n = 1};
        add_call(&c, 5, CALL_MAIN, &t)->v.flags = INV_ERROR;
        add_call(&c, 5, CALL_MAIN, &t);
        say(&t, 2);
        say(&t, 3);
        add_call(&c, 5, CALL_MAIN, &t);
        add_call(&c, 5, CALL_UNKNOWN, NULL);
        for (uint64_t i = 0; i < c.n; i++)
            c.v[i].v.key.hi = (i ^ low) * 5;
        const struct session *s = fold_one_of(&c);
        const uint32_t messages[] = {1, 1, 3, 0};
        for (size_t i = 0; i < s->calls_n; i++) {
            assert_int_equal(s->calls[i].v.exchange->messages, messages[i]);
            assert_int_equal((s->calls[i].flags & SC_RETRY) != 0, i == 1);
        }
        assert_true(s->calls[0].v.flags & INV_ERROR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_result_depends_on_the_set_of_calls_alone),
        cmocka_unit_test(keys_do_not_order_calls_of_one_instant),
        cmocka_unit_test(without_an_id_calls_may_be_cut_at_pauses_longer_than_the_window),
        cmocka_unit_test(a_constant_prompt_is_one_session_from_pause_to_pause),
        cmocka_unit_test(calls_of_one_second_are_in_order_whatever_their_keys),
        cmocka_unit_test(sub_agents_side_by_side_keep_to_their_own),
        cmocka_unit_test(a_million_calls_in_one_session_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, forget_calls);
}
