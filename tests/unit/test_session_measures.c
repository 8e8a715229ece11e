/* model/session: caches, contexts, times, and where one session ends and the next begins. */
#include "session_fixture.h"

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

/* A retry's write, and what is written after the call before, say nothing of what that left. */
static void a_retrys_short_write_does_not_end_the_hour(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    cached(&c, 0, &t, 0, 10000, TOKENS_CACHE_WRITE_1H);
    struct talk same = t;
    cached(&c, 10, &t, 10000, 0, TOKENS_CACHE_WRITE_1H);
    cached(&c, 20, &same, 10000, 50, TOKENS_CACHE_WRITE_5M); /* the same request again */
    struct talk next = t;
    cached(&c, 600, &t, 0, 10000, TOKENS_CACHE_WRITE_5M)->v.flags = INV_ERROR;
    cached(&c, 700, &next, 0, 10000, TOKENS_CACHE_WRITE_5M); /* it again, an answer at last */
    say(&next, 7);
    cached(&c, 3611, &next, 0, 10000, TOKENS_CACHE_WRITE_1H);
    const struct session *s = fold_one_of(&c);
    assert_int_equal(s->retries, 2);
    assert_int_equal(s->cold_restarts, 1); /* an hour after the second call */
    assert_true(s->calls[5].flags & SC_COLD);
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

/* A 429 has no answer: what is asked again is still the first message. */
static void a_throttled_first_call_leaves_the_first_message_to_its_retry(void **state)
{
    (void)state;
    for (int history = 0; history < 2; history++) {
        struct made_calls c = {0};
        struct talk t = {.message = {1}, .n = 1};
        for (int i = 0; i < 3; i++) {
            struct session_call *call = add_call(&c, 1 + i, CALL_MAIN, &t);
            call->v.flags |= i < 2 ? INV_ERROR : 0;
            call->v.tokens[TOKENS_INPUT] = i < 2 ? 0 : 30000;
            exchange_in(call)->flags |= history && i == 0 ? EX_HISTORY : 0;
        }
        const struct session *s = fold_one_of(&c);
        assert_int_equal(s->retries, 2);
        assert_int_equal(s->seen_whole, !history);
        assert_int_equal(s->first_context, history ? 0 : 30000);
        assert_int_equal(s->calls[2].flags & SC_FIRST, history ? 0 : SC_FIRST);
        assert_false((s->calls[0].flags | s->calls[1].flags) & SC_FIRST);
    }
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

static void prompts_are_at_least_so_many_where_nothing_tells_of_a_request(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    add_call(&c, 1, CALL_UNKNOWN, NULL);
    assert_true(fold_one_of(&c)->prompts_at_least);
    c.v[0].v.flags = INV_ERROR; /* did nothing that could be a prompt's */
    assert_false(fold_one_of(&c)->prompts_at_least);
    c.v[0].v.flags = 0;
    exchange_in(add_call(&c, 2, CALL_MAIN, &t))->history_prompts = 0;
    assert_false(fold_one_of(&c)->prompts_at_least); /* a later request tells of all */
    add_call(&c, 3, CALL_UNKNOWN, NULL);
    assert_true(fold_one_of(&c)->prompts_at_least);
}

static void pitfall_23_ids_of_uses_are_those_of_a_session(void **state)
{
    (void)state;
    struct made_calls c = {0};
    struct talk t = {.message = {1}, .n = 1};
    for (int i = 0; i < 2; i++) {
        struct session_call *call = add_call(&c, i, CALL_MAIN, &t);
        exchange_in(call)->session = i ? STR("a") : STR("b");
        makes(call, tool(11, 1, 1));
    }
    struct folded *f = fold_all(&c);
    assert_int_equal(f->n, 2);
    assert_true(f->v[0].tool_calls == 1 && f->v[1].tool_calls == 1);
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
    assert_int_equal(f->v[0].id.n, 17);
    assert_true(f->v[0].id.p[0] == '~' && !str_eq(f->v[0].id, f->v[1].id));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_longer_than_the_cache_lives_is_a_cold_restart),
        cmocka_unit_test(pitfall_15_one_hour_writes_live_for_an_hour),
        cmocka_unit_test(a_retrys_short_write_does_not_end_the_hour),
        cmocka_unit_test(without_a_price_of_reading_the_ratios_stand_in),
        cmocka_unit_test(pitfall_14_a_price_of_reading_is_the_models_own),
        cmocka_unit_test(a_throttled_first_call_leaves_the_first_message_to_its_retry),
        cmocka_unit_test(pitfall_24_a_resumed_session_has_no_first_message),
        cmocka_unit_test(the_first_context_is_all_that_was_processed),
        cmocka_unit_test(shares_add_up_and_remainders_go_to_the_earlier_part),
        cmocka_unit_test(gaps_are_activity_up_to_five_minutes),
        cmocka_unit_test(calls_without_a_request_belong_to_the_main_thread),
        cmocka_unit_test(prompts_are_at_least_so_many_where_nothing_tells_of_a_request),
        cmocka_unit_test(pitfall_23_ids_of_uses_are_those_of_a_session),
        cmocka_unit_test(sessions_of_one_hash_but_two_ids_stay_apart),
        cmocka_unit_test(without_an_id_each_chain_is_a_session),
        cmocka_unit_test(an_inferred_session_ends_after_its_window),
    };
    return cmocka_run_group_tests(tests, NULL, forget_calls);
}
