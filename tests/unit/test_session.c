/* model/session: what the calls of a conversation amount to, definition by definition. */
#include "session_fixture.h"

#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MANY = 60000 };
#else
enum { MANY = 1000000 };
#endif

static void the_title_before_the_main_call_is_a_thread_of_its_own(void **state)
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
    assert_false(s->seen_whole); /* the first main call failed */
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
    add_call(&c, 2, CALL_COMPACTION, &ask)->v.cost[TOKENS_INPUT] = 9;
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
static void pitfall_23_sub_agents_hang_below_the_use_with_their_words(void **state)
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
    assert_int_equal(s->turns, 1);
    assert_int_equal(s->prompts, 0);
    assert_true(s->cost_kind[CALL_SUBAGENT] == 10 && s->cost_kind[CALL_MAIN] == 0);
}

static struct session_call *cached(struct made_calls *c, int64_t second, struct talk *t,
                                   int64_t read, int64_t written, enum token_class class)
{
    struct session_call *call = add_call(c, second, CALL_MAIN, t);
    call->v.tokens[TOKENS_CACHE_READ] = read;
    call->v.cost[TOKENS_CACHE_READ] = read * 3;
    call->v.tokens[class] = written;
    call->v.cost[class] = written * 30;
    say(t, (uint64_t)second * 10 + 1);
    say(t, (uint64_t)second * 10 + 2);
    return call;
}

static void a_pause_longer_than_the_cache_lives_is_a_cold_restart(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    cached(&c, 0, &t, 0, 10000, TOKENS_CACHE_WRITE_5M);
    cached(&c, 300, &t, 4000, 6100, TOKENS_CACHE_WRITE_5M);  /* not longer than 5 minutes */
    cached(&c, 601, &t, 4000, 6200, TOKENS_CACHE_WRITE_5M);  /* P 10100, read < 5050: cold */
    cached(&c, 1000, &t, 5200, 5100, TOKENS_CACHE_WRITE_5M); /* P 10200, half is still there */
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->cold_restarts, 1);
    const struct session_call *cold = &s->calls[2];
    assert_true(cold->flags & SC_COLD);
    assert_int_equal(cold->cold_tokens, 6100); /* 10100 - 4000, and 6200 were written */
    assert_int_equal(cold->cold_cost, 6100 * 30);
    assert_int_equal(cold->cold_excess, 6100 * 30 - 6100 * 3);
    assert_true(s->cold_cost == 6100 * 30 && s->cold_excess == 6100 * 27);
}

static void pitfall_15_one_hour_writes_live_for_an_hour(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    cached(&c, 0, &t, 0, 10000, TOKENS_CACHE_WRITE_1H);
    cached(&c, 10, &t, 10000, 0, TOKENS_CACHE_WRITE_1H); /* the write before still tells */
    cached(&c, 3610, &t, 0, 10000, TOKENS_CACHE_WRITE_1H);
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->cold_restarts, 0);
    cached(&c, 3610 + 3601, &t, 0, 10000, TOKENS_CACHE_WRITE_1H);
    s = fold_one_of(&c);
    assert_int_equal(s->cold_restarts, 1);
}

static void without_a_price_of_reading_the_ratios_stand_in(void **state)
{
    (void)state;
    for (int hour = 0; hour < 2; hour++) {
        enum token_class class = hour ? TOKENS_CACHE_WRITE_1H : TOKENS_CACHE_WRITE_5M;
        struct made_calls c = {0};
        struct talk t = {.message = {1}, .n = 1};
        cached(&c, 0, &t, 0, 1024, class);
        cached(&c, 4000, &t, 0, 1024, class);
        const struct session *s = fold_one_of(&c);
        assert_int_equal(s->cold_restarts, 1);
        int64_t cost = 1024 * 30, reading = (cost * (hour ? 5 : 8) + 50) / 100;
        assert_true(s->cold_cost == cost && s->cold_excess == cost - reading);
    }
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    cached(&c, 0, &t, 0, 1023, TOKENS_CACHE_WRITE_5M); /* too short to be cached */
    cached(&c, 4000, &t, 0, 1023, TOKENS_CACHE_WRITE_5M);
    assert_int_equal(fold_one_of(&c)->cold_restarts, 0);
}

static void pitfall_14_a_price_of_reading_is_the_models_own(void **state)
{
    (void)state;
    struct symbols *symbols;
    struct series *series;
    uint32_t ids[3];
    assert_int_equal(symbols_new(&symbols, NULL), OK);
    assert_int_equal(series_new(symbols, &series, NULL), OK);
    for (int i = 0; i < 3; i++) { /* 0 and 1 are one model */
        struct labels l = {0};
        assert_int_equal(symbols_intern(symbols, i < 2 ? STR("a") : STR("b"), &l.v[LABEL_MODEL]),
                         OK);
        assert_int_equal(symbols_intern(symbols, i ? STR("x") : STR("y"), &l.v[LABEL_ERROR]), OK);
        assert_int_equal(series_intern(series, &l, &ids[i]), OK);
    }
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1}, sub = {.message = {500}, .n = 1};
    struct session_call *other = add_call(&c, 0, CALL_SUBAGENT, &sub);
    other->v.series = ids[2];
    other->v.tokens[TOKENS_CACHE_READ] = 10;
    other->v.cost[TOKENS_CACHE_READ] = 10000;
    cached(&c, 1, &t, 2000, 2000, TOKENS_CACHE_WRITE_5M)->v.series = ids[0];
    cached(&c, 1000, &t, 0, 4000, TOKENS_CACHE_WRITE_5M)->v.series = ids[1];
    const struct session_options options = {.key = {3, 4}, .series = series};
    struct folded *f = fold_with(&c, &options);
    assert_true(f->v[0].cold_excess == 4000 * 30 - 4000 * 3);
    series_free(series);
    symbols_free(symbols);
}

static void pitfall_24_a_resumed_session_has_no_first_message(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1, 2, 3}, .n = 3};
    add_call(&c, 1, CALL_MAIN, &t)->v.tokens[TOKENS_INPUT] = 200000;
    say(&t, 4);
    say(&t, 5);
    add_call(&c, 2, CALL_MAIN, &t)->v.tokens[TOKENS_INPUT] = 210000;
    const struct session *s = fold_one_of(&c);
    assert_false(s->seen_whole);
    assert_int_equal(s->first_context, 0);
    assert_int_equal(s->peak_context, 210000);
}

static void the_first_context_is_all_that_was_processed(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    struct session_call *call = add_call(&c, 1, CALL_MAIN, &t);
    for (int i = 0; i < TOKEN_CLASSES; i++)
        call->v.tokens[i] = 1 << i;
    const struct session *s = fold_one_of(&c);
    assert_true(s->seen_whole);
    assert_int_equal(s->first_context, 63 - 2); /* without output */
}

static void shares_add_up_and_remainders_go_to_the_earlier_part(void **state)
{
    (void)state;
    uint32_t part[PARTS] = {1, 1, 1};
    int64_t share[PARTS];
    session_share(11, part, share);
    assert_true(share[0] == 4 && share[1] == 4 && share[2] == 3 && share[3] == 0);
    uint32_t uneven[PARTS] = {10, 70, 20};
    session_share(99, uneven, share); /* 9.9, 69.3, 19.8 */
    assert_true(share[0] == 10 && share[1] == 69 && share[2] == 20);
    uint32_t none[PARTS] = {0}, large[PARTS];
    session_share(5, none, share);
    int64_t sum = 0;
    for (int i = 0; i < PARTS; i++)
        sum += share[i];
    assert_int_equal(sum, 5);
    for (int i = 0; i < PARTS; i++)
        large[i] = UINT32_MAX - (uint32_t)i;
    session_share(INT64_MAX, large, share);
    sum = 0;
    for (int i = 0; i < PARTS; i++)
        sum += share[i];
    assert_true(sum == INT64_MAX);
}

static void gaps_are_activity_up_to_five_minutes(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    static const int at[] = {0, 30, 59, 60, 89, 1000, 90000};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        add_call(&c, at[i], CALL_MAIN, &t);
        say(&t, i + 2);
    }
    const struct session *s = fold_one_of(&c);
    assert_true(s->active_us == (89 + 300 + 300) * SECOND_US);
    assert_true(s->first_us == 0 && s->last_us == 90000 * SECOND_US);
    assert_int_equal(s->requests_per_minute, 4); /* 30, 59, 60, 89 */
    assert_true(s->calls[5].idle_us == (1000 - 89) * SECOND_US && s->calls[0].idle_us == 0);
}

/* AgentCore without bodies: the session is known from the ARN, nothing else. */
static void calls_without_a_request_belong_to_the_main_thread(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    for (int i = 0; i < 3; i++)
        add_call(&c, i, CALL_UNKNOWN, NULL)->v.cost[TOKENS_INPUT] = 2;
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 1);
    assert_int_equal(s->threads[0].kind, CALL_UNKNOWN);
    assert_int_equal(s->retries, 0);
    assert_int_equal(s->turns, 0);
    assert_true(s->cost_kind[CALL_UNKNOWN] == 6);
    add_call(&c, 4, CALL_MAIN, &t);
    s = fold_one_of(&c);
    assert_int_equal(s->threads_n, 1);
    assert_int_equal(s->threads[0].kind, CALL_MAIN);
    assert_int_equal(s->threads[0].calls, 4);
    assert_int_equal(s->turns, 1);
}

static void sessions_of_one_hash_but_two_ids_stay_apart(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    for (int i = 0; i < 6; i++) {
        exchange_in(add_call(&c, i, CALL_MAIN, &t))->session = i % 3 == 0   ? STR("a")
                                                               : i % 3 == 1 ? STR("b")
                                                                            : STR("");
        say(&t, (uint64_t)(i + 2));
    }
    struct folded *f = fold_all(&c);
    assert_int_equal(f->n, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(f->v[i].calls_n, 2);
    assert_true(str_eq(f->v[0].id, STR("a")) && !f->v[0].inferred);
    assert_true(f->v[2].inferred && f->v[2].id.p[0] == '~');
}

static void add_inferred(struct made_calls *c, int64_t second, struct talk *t, uint64_t word)
{
    exchange_in(add_call(c, second, CALL_MAIN, t))->session = STR("");
    say(t, word);
    say(t, word + 1);
}

static void without_an_id_each_chain_is_a_session(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk a = {.message = {1}, .n = 1}, b = a;
    for (int i = 0; i < 5; i++) {
        add_inferred(&c, i * 100, &a, (uint64_t)(100 + i * 2));
        add_inferred(&c, i * 100 + 50, &b, (uint64_t)(200 + i * 2));
    }
    struct folded *f = fold_all(&c);
    assert_int_equal(f->n, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(f->v[i].inferred);
        assert_int_equal(f->v[i].calls_n, 5);
        assert_int_equal(f->v[i].retries, 0);
    }
    assert_true(str_eq(f->v[0].id, STR("~0000000000001001"))); /* content of the first call */
}

static void an_inferred_session_ends_after_its_window(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk a = {.message = {1}, .n = 1};
    add_inferred(&c, 0, &a, 100);
    add_inferred(&c, 3600, &a, 102);
    add_inferred(&c, 7201, &a, 104);
    assert_int_equal(fold_all(&c)->n, 2);
    const struct session_options options = {.key = {3, 4}, .window_us = 3601 * SECOND_US};
    assert_int_equal(fold_with(&c, &options)->n, 1);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_title_before_the_main_call_is_a_thread_of_its_own),
        cmocka_unit_test(background_calls_are_threads_by_first_message_and_purpose),
        cmocka_unit_test(a_retry_costs_but_is_no_turn_and_no_prompt),
        cmocka_unit_test(pitfall_4_prompts_are_those_of_main_tails),
        cmocka_unit_test(prompts_of_calls_not_seen_stand_in_the_history),
        cmocka_unit_test(a_compaction_starts_a_generation_of_the_main_thread),
        cmocka_unit_test(pitfall_7_uses_count_once_from_answers_or_from_what_later_requests_tell),
        cmocka_unit_test(a_loop_is_the_same_use_in_a_row_within_a_thread),
        cmocka_unit_test(pitfall_23_sub_agents_hang_below_the_use_with_their_words),
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
        cmocka_unit_test(a_pause_longer_than_the_cache_lives_is_a_cold_restart),
        cmocka_unit_test(pitfall_15_one_hour_writes_live_for_an_hour),
        cmocka_unit_test(without_a_price_of_reading_the_ratios_stand_in),
        cmocka_unit_test(pitfall_14_a_price_of_reading_is_the_models_own),
        cmocka_unit_test(pitfall_24_a_resumed_session_has_no_first_message),
        cmocka_unit_test(the_first_context_is_all_that_was_processed),
        cmocka_unit_test(shares_add_up_and_remainders_go_to_the_earlier_part),
        cmocka_unit_test(gaps_are_activity_up_to_five_minutes),
        cmocka_unit_test(calls_without_a_request_belong_to_the_main_thread),
        cmocka_unit_test(sessions_of_one_hash_but_two_ids_stay_apart),
        cmocka_unit_test(without_an_id_each_chain_is_a_session),
        cmocka_unit_test(an_inferred_session_ends_after_its_window),
        cmocka_unit_test(the_result_depends_on_the_set_of_calls_alone),
        cmocka_unit_test(a_million_calls_in_one_session_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, forget_calls);
}
