/* model/session: threads, retries, prompts and tools of a conversation, definition by definition.
 */
#include "session_fixture.h"

static void pitfall_2_the_title_before_the_main_call_is_a_thread_of_its_own(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk title = {.message = {900}, .n = 1}, main = {.message = {1}, .n = 1};
    exchange_in(add_call(&c, 10, CALL_BACKGROUND, &title))->purpose = 7;
    struct session_call *call = add_call(&c, 11, CALL_MAIN, &main);
    exchange_in(call)->prompts = exchange_in(call)->history_prompts = 1;
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 2);
    assert_int_equal(s->threads[0].kind, CALL_MAIN);
    assert_int_equal(s->threads[1].kind, CALL_BACKGROUND);
    assert_int_equal(s->threads[1].name, 7);
    assert_int_equal(s->calls[0].thread, 1);
    assert_int_equal(s->calls[1].thread, 0);
    assert_int_equal(s->turns, 1);
    assert_int_equal(s->prompts, 1);
    assert_true(s->seen_whole && s->calls[1].flags & SC_FIRST);
}

static void background_calls_are_threads_by_first_message_and_purpose(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk a = {.message = {900}, .n = 1}, b = {.message = {901}, .n = 1};
    exchange_in(add_call(&c, 1, CALL_BACKGROUND, &a))->purpose = 7;
    exchange_in(add_call(&c, 2, CALL_BACKGROUND, &a))->purpose = 8;
    exchange_in(add_call(&c, 3, CALL_BACKGROUND, &b))->purpose = 7;
    exchange_in(add_call(&c, 4, CALL_BACKGROUND, &a))->purpose = 7;
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 3);
    assert_int_equal(s->calls[3].thread, s->calls[0].thread);
    assert_true(s->calls[3].flags & SC_RETRY);
    assert_int_equal(s->turns, 0);
}

static void a_retry_costs_but_is_no_turn_and_no_prompt(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    for (int i = 0; i < 3; i++) {
        struct session_call *call = add_call(&c, 10 + i, CALL_MAIN, &t);
        exchange_in(call)->prompts = exchange_in(call)->history_prompts = 1;
        call->v.cost[TOKENS_OUTPUT] = 100 + i;
        call->v.flags = i == 0 ? INV_ERROR : 0; /* that the first failed makes it no retry */
        makes(call, tool((uint64_t)(50 + i), 1, 2));
    }
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->retries, 2);
    assert_int_equal(s->turns, 1);
    assert_int_equal(s->prompts, 1);
    assert_false(s->calls[0].flags & SC_RETRY);
    assert_true(s->calls[1].flags & SC_RETRY && s->calls[2].flags & SC_RETRY);
    assert_int_equal(s->tool_calls, 3); /* what answers made, they made */
    assert_true(s->cost_retries == 203 && s->cost == 303 && s->cost_kind[CALL_MAIN] == 303);
    assert_int_equal(s->calls[2].prompts, 0);
    assert_true(s->seen_whole); /* the first call was not answered, but its retry */
    assert_false(s->calls[0].flags & SC_FIRST || s->calls[2].flags & SC_FIRST);
    assert_true(s->calls[1].flags & SC_FIRST);
}

static void pitfall_4_prompts_are_those_of_main_tails(void **state)
{
    (void)state;
    static const int kinds[] = {CALL_MAIN, CALL_MAIN, CALL_SUBAGENT, CALL_COMPACTION,
                                CALL_BACKGROUND};
    struct made_calls c = {0};
    struct talk t = {0}, other = {.message = {500}, .n = 1};
    for (int i = 0; i < 5; i++) {
        say(&t, (uint64_t)(1 + 2 * i));
        bool main = kinds[i] == CALL_MAIN || kinds[i] == CALL_COMPACTION;
        struct session_call *call = add_call(&c, i, (enum call_kind)kinds[i], main ? &t : &other);
        exchange_in(call)->prompts = 2;
        exchange_in(call)->history_prompts = main ? 2u * (unsigned)(i + 1) : 2;
        exchange_in(call)->interrupts = 1;
        say(&t, (uint64_t)(2 + 2 * i));
    }
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->prompts, 4);
    assert_int_equal(s->interrupts, 2);
    assert_false(s->prompts_at_least);
    assert_int_equal(s->compactions, 1);
}

static void prompts_of_calls_not_seen_stand_in_the_history(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1, 2, 3}, .n = 3};
    struct session_call *call = add_call(&c, 1, CALL_MAIN, &t);
    exchange_in(call)->prompts = 1;
    exchange_in(call)->history_prompts = 4;
    say(&t, 4);
    say(&t, 5);
    call = add_call(&c, 2, CALL_MAIN, &t);
    exchange_in(call)->prompts = 1;
    exchange_in(call)->history_prompts = 5;
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->prompts, 5);
    assert_true(s->prompts_at_least);
}

/* The next main call begins with the summary, and is the same thread. */
static void a_compaction_starts_a_generation_of_the_main_thread(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk before = {.message = {1, 2, 3}, .n = 3}, ask = {.message = {1, 2, 33}, .n = 3};
    struct talk after = {.message = {100}, .n = 1};
    struct session_call *call = add_call(&c, 1, CALL_MAIN, &before);
    exchange_in(call)->prompts = exchange_in(call)->history_prompts = 3;
    call->v.tokens[TOKENS_INPUT] = 1000;
    call = add_call(&c, 2, CALL_COMPACTION, &ask);
    call->v.cost[TOKENS_INPUT] = 9;
    call->v.tokens[TOKENS_INPUT] = 1100;
    for (int i = 0; i < 2; i++) {
        call = add_call(&c, 3 + i, CALL_MAIN, &after);
        exchange_in(call)->flags |= EX_CONTINUED;
        exchange_in(call)->prompts = 1;
        exchange_in(call)->history_prompts = 1 + (unsigned)i;
        say(&after, 101);
        say(&after, 102);
    }
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 1);
    assert_int_equal(s->threads[0].generations, 2);
    assert_int_equal(s->threads[0].calls, 4);
    assert_int_equal(s->threads[0].turns, 3);
    assert_int_equal(s->threads[0].peak_context, 1000); /* as the session's */
    assert_int_equal(s->peak_context, 1000);
    assert_int_equal(s->turns, 3);
    assert_int_equal(s->prompts, 5);
    assert_int_equal(s->compactions, 1);
    assert_true(s->cost_kind[CALL_COMPACTION] == 9);
    assert_false(s->seen_whole || s->prompts_at_least);
}

static void pitfall_7_uses_count_once_from_answers_or_from_what_later_requests_tell(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    makes(add_call(&c, 1, CALL_MAIN, &t), tool(11, 1, 1));
    makes(&c.v[0], tool(12, 2, 1));
    say(&t, 2);
    say(&t, 3);
    struct session_call *call = add_call(&c, 2, CALL_MAIN, &t);
    tells(call, result(tool(11, 1, 1), true));
    tells(call, result(tool(12, 2, 1), false));
    tells(call, result(tool(0, 2, 1), false)); /* cannot be told from one that was counted */
    say(&t, 4);
    say(&t, 5);
    call = add_call(&c, 3, CALL_MAIN, &t); /* of the answer before nothing was seen */
    tells(call, result(tool(13, 3, 1), true));
    call = add_call(&c, 4, CALL_MAIN, &t); /* and once more */
    tells(call, result(tool(13, 3, 1), true));
    tells(call, result(tool(14, 3, 1), true));
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->tool_calls, 3); /* a retry's input counts for nothing */
    assert_int_equal(s->uses_n, 3);
    assert_int_equal(s->tool_errors, 2);
    assert_true(s->uses[0].error && s->uses[0].answered && s->uses[0].call == 0);
    assert_true(!s->uses[1].error && s->uses[1].answered);
    assert_true(s->uses[2].name == 3 && s->uses[2].call == 2);
    assert_int_equal(s->loop, 1);
}

static void a_loop_is_the_same_use_in_a_row_within_a_thread(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1}, sub = {.message = {500}, .n = 1};
    uint64_t id = 1;
    for (int i = 0; i < 4; i++) {
        makes(add_call(&c, i * 2, CALL_MAIN, &t), tool(id++, 1, 77));
        /* in between, in another thread, and without a known input */
        makes(add_call(&c, i * 2 + 1, CALL_SUBAGENT, &sub), tool(id++, 1, 0));
        say(&t, 2);
        say(&t, 3);
        say(&sub, 502);
        say(&sub, 503);
    }
    makes(add_call(&c, 20, CALL_MAIN, &t), tool(id++, 2, 77));
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->loop, 4);
    assert_int_equal(s->threads_n, 2);
}

/* Main starts two sub-agents in one answer, one of those a third. */
static void sub_agents_hang_below_the_use_with_their_words(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk main = {.message = {1}, .n = 1}, a = {.message = {500}, .n = 1};
    struct talk b = {.message = {600}, .n = 1}, deep = {.message = {700}, .n = 1};
    struct talk stray = {.message = {800}, .n = 1};
    struct session_call *call = add_call(&c, 1, CALL_MAIN, &main);
    makes(call, agent(11, 31, 500));
    makes(call, agent(12, 32, 600));
    add_call(&c, 2, CALL_SUBAGENT, &a);
    makes(add_call(&c, 3, CALL_SUBAGENT, &b), agent(13, 33, 700));
    add_call(&c, 4, CALL_SUBAGENT, &deep);
    add_call(&c, 5, CALL_SUBAGENT, &stray);
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 5);
    static const struct {
        int parent;
        unsigned depth, name;
    } wanted[] = {{-1, 0, 0}, {0, 1, 31}, {0, 1, 32}, {2, 2, 33}, {-1, 1, 0}};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(s->threads[i].parent, wanted[i].parent);
        assert_int_equal(s->threads[i].depth, wanted[i].depth);
        assert_int_equal(s->threads[i].name, wanted[i].name);
    }
    assert_int_equal(s->agents, 3);
    assert_int_equal(s->fan_out, 2);
    assert_int_equal(s->depth, 2);
    assert_int_equal(s->turns, 1);
}

/* The answer that started it was not seen, but the next request tells of it. */
static void a_sub_agent_is_found_in_the_history_too(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk main = {.message = {1}, .n = 1}, a = {.message = {500}, .n = 1};
    add_call(&c, 1, CALL_MAIN, &main);
    add_call(&c, 2, CALL_SUBAGENT, &a);
    say(&main, 2);
    say(&main, 3);
    tells(add_call(&c, 3, CALL_MAIN, &main), result(agent(11, 31, 500), false));
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads[1].parent, 0);
    assert_int_equal(s->threads[1].name, 31);
    assert_int_equal(s->fan_out, 1);
}

/* A use made after the sub-agent began did not start it. */
static void a_later_use_starts_no_earlier_sub_agent(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk main = {.message = {1}, .n = 1}, a = {.message = {500}, .n = 1};
    add_call(&c, 2, CALL_SUBAGENT, &a);
    makes(add_call(&c, 3, CALL_MAIN, &main), agent(11, 31, 500));
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads[1].parent, SESSION_THREAD_NONE);
    assert_int_equal(s->threads[1].depth, 1);
}

static void twins(struct made_calls *c, bool told, int steps)
{
    struct talk main = {.message = {1}, .n = 1}, a = {.message = {500}, .n = 1};
    struct talk b = a;
    struct session_call *call = add_call(c, 1, CALL_MAIN, &main);
    if (told) {
        makes(call, agent(11, 31, 500));
        makes(call, agent(12, 31, 500));
    }
    for (int i = 0; i < steps; i++) {
        add_call(c, 10 + i * 2, CALL_SUBAGENT, &a);
        add_call(c, 11 + i * 2, CALL_SUBAGENT, &b);
        say(&a, (uint64_t)(510 + i));
        say(&a, (uint64_t)(520 + i));
        say(&b, (uint64_t)(610 + i));
        say(&b, (uint64_t)(620 + i));
    }
}

static void identical_sub_agents_side_by_side_are_two_threads(void **state)
{
    (void)state;
    for (int told = 0; told < 2; told++)
        for (int steps = 2; steps < 8; steps++) {
            struct made_calls c = {0};
            twins(&c, told, steps);
            const struct session *s = fold_one_of(&c);
            assert_int_equal(s->threads_n, 3);
            assert_int_equal(s->threads[1].calls, steps);
            assert_int_equal(s->threads[2].calls, steps);
            assert_int_equal(s->retries, 0);
            assert_int_equal(s->threads[2].parent, told ? 0 : SESSION_THREAD_NONE);
        }
}

/* With one request each nothing but the answer that started them tells them from a repetition. */
static void identical_requests_of_two_started_sub_agents_are_no_retry(void **state)
{
    (void)state;
    struct made_calls c = {0};
    twins(&c, true, 1);
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 3);
    assert_int_equal(s->retries, 0);
    struct made_calls d = {0};
    twins(&d, false, 1);
    s = fold_one_of(&d);
    assert_int_equal(s->threads_n, 2);
    assert_int_equal(s->retries, 1);
}

static void a_sub_agent_that_fails_and_tries_again_is_one(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk main = {.message = {1}, .n = 1}, a = {.message = {500}, .n = 1};
    struct session_call *call = add_call(&c, 1, CALL_MAIN, &main);
    makes(call, agent(11, 31, 500));
    makes(call, agent(12, 31, 500));
    add_call(&c, 2, CALL_SUBAGENT, &a)->v.flags = INV_ERROR;
    add_call(&c, 3, CALL_SUBAGENT, &a);
    add_call(&c, 4, CALL_SUBAGENT, &a);
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 3);
    assert_int_equal(s->threads[1].calls, 2);
    assert_int_equal(s->retries, 1);
    assert_true(s->calls[2].flags & SC_RETRY);
}

/* One after the other: the second begins when the first has gone on. */
static void the_same_words_again_start_another_sub_agent(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk first = {.message = {500}, .n = 1};
    for (int round = 0; round < 2; round++) {
        struct talk t = first;
        for (int i = 0; i < 3; i++) {
            add_call(&c, round * 100 + i, CALL_SUBAGENT, &t);
            say(&t, (uint64_t)(510 + i + round * 50));
            say(&t, (uint64_t)(520 + i + round * 50));
        }
    }
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 2);
    assert_int_equal(s->threads[0].calls, 3);
    assert_int_equal(s->threads[1].calls, 3);
    assert_int_equal(s->retries, 0);
}

static void another_system_text_is_another_sub_agent(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk a = {.message = {500}, .n = 1, .system = 1}, b = a;
    b.system = 2;
    add_call(&c, 1, CALL_SUBAGENT, &a);
    add_call(&c, 2, CALL_SUBAGENT, &b);
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 2);
    assert_int_equal(s->retries, 0);
}

/* Calls in between were not seen: past the window of digests the first message decides. */
static void a_thread_goes_on_past_what_was_not_seen(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {500}, .n = 1};
    add_call(&c, 1, CALL_SUBAGENT, &t);
    for (int i = 0; i < 10; i++)
        say(&t, (uint64_t)(510 + i));
    add_call(&c, 2, CALL_SUBAGENT, &t);
    struct talk fork = {.message = {500, 999, 998}, .n = 3};
    add_call(&c, 3, CALL_SUBAGENT, &fork);
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 2);
    assert_int_equal(s->calls[1].thread, 0);
    assert_int_equal(s->calls[2].thread, 1);
}

static void a_sub_agent_goes_on_from_its_own_compaction(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {500, 501, 502}, .n = 3}, ask = {.message = {500, 501, 77}, .n = 3};
    struct talk after = {.message = {900}, .n = 1};
    add_call(&c, 1, CALL_SUBAGENT, &t);
    exchange_in(add_call(&c, 2, CALL_COMPACTION, &ask))->flags |= EX_SUBAGENT;
    exchange_in(add_call(&c, 3, CALL_SUBAGENT, &after))->flags |= EX_CONTINUED;
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 1);
    assert_int_equal(s->threads[0].generations, 2);
    assert_int_equal(s->threads[0].turns, 2);
    assert_int_equal(s->compactions, 1);
}

/* Versions without the mark: the words that the answer gave it tell. */
static void a_sub_agent_without_a_mark_is_known_by_its_words(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk main = {.message = {1}, .n = 1}, a = {.message = {500}, .n = 1};
    makes(add_call(&c, 1, CALL_MAIN, &main), agent(11, 31, 500));
    for (int i = 0; i < 2; i++) {
        struct session_call *call = add_call(&c, 2 + i, CALL_MAIN, &a);
        exchange_in(call)->prompts = exchange_in(call)->history_prompts = 1;
        call->v.cost[TOKENS_INPUT] = 5;
        say(&a, 501);
        say(&a, 502);
    }
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 2);
    assert_int_equal(s->threads[1].kind, CALL_SUBAGENT);
    assert_int_equal(s->threads[1].parent, 0);
    assert_int_equal(s->calls[1].kind, CALL_SUBAGENT);
    assert_int_equal(s->calls[0].kind, CALL_MAIN);
    assert_int_equal(s->turns, 1);
    assert_int_equal(s->prompts, 0);
    assert_true(s->cost_kind[CALL_SUBAGENT] == 10 && s->cost_kind[CALL_MAIN] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pitfall_2_the_title_before_the_main_call_is_a_thread_of_its_own),
        cmocka_unit_test(background_calls_are_threads_by_first_message_and_purpose),
        cmocka_unit_test(a_retry_costs_but_is_no_turn_and_no_prompt),
        cmocka_unit_test(pitfall_4_prompts_are_those_of_main_tails),
        cmocka_unit_test(prompts_of_calls_not_seen_stand_in_the_history),
        cmocka_unit_test(a_compaction_starts_a_generation_of_the_main_thread),
        cmocka_unit_test(pitfall_7_uses_count_once_from_answers_or_from_what_later_requests_tell),
        cmocka_unit_test(a_loop_is_the_same_use_in_a_row_within_a_thread),
        cmocka_unit_test(sub_agents_hang_below_the_use_with_their_words),
        cmocka_unit_test(a_sub_agent_is_found_in_the_history_too),
        cmocka_unit_test(a_later_use_starts_no_earlier_sub_agent),
        cmocka_unit_test(identical_sub_agents_side_by_side_are_two_threads),
        cmocka_unit_test(identical_requests_of_two_started_sub_agents_are_no_retry),
        cmocka_unit_test(a_sub_agent_that_fails_and_tries_again_is_one),
        cmocka_unit_test(the_same_words_again_start_another_sub_agent),
        cmocka_unit_test(another_system_text_is_another_sub_agent),
        cmocka_unit_test(a_thread_goes_on_past_what_was_not_seen),
        cmocka_unit_test(a_sub_agent_goes_on_from_its_own_compaction),
        cmocka_unit_test(a_sub_agent_without_a_mark_is_known_by_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, forget_calls);
}
