/* query/savings: what could be saved, and how it is told. */
#include "query/savings.h"
#include "base/buf.h"
#include "inside_fixture.h"
#include "report/render.h"

#define GITHUB "m\tgithub\t20\t0\t3000\t500\t500\n"
#define JIRA "m\tjira\t5\t2\t1000\t0\t0\n"

struct run {
    struct world w;
    struct pricing *pricing;
    struct savings_engine *engine;
    struct savings *savings;
    struct savings_limits limits;
};

static void start_with(struct run *r, const char *where, const char *limits)
{
    *r = (struct run){.limits = savings_defaults()};
    assert_int_equal(savings_limits_set(&r->limits, str_from(limits), NULL), OK);
    world_open(&r->w);
    if (where)
        world_set(&r->w, "where", where);
    world_set(&r->w, "by", "");
    world_set(&r->w, "metrics", "cost");
    world_plan(&r->w);
    assert_int_equal(pricing_new(&r->pricing, NULL), OK);
    const struct savings_options o = {
        .plan = r->w.plan,
        .series = r->w.series,
        .pricing = r->pricing,
        .limits = r->limits,
        .threads = 2,
    };
    assert_int_equal(savings_new(&o, &r->engine, NULL), OK);
}

static void start(struct run *r, const char *where)
{
    start_with(r, where, "");
}

static void add(struct run *r, const struct hand_session *h)
{
    static struct hand hand;
    assert_int_equal(savings_session(r->engine, hand_make(&r->w, h, &hand)), OK);
}

/* Over ten days, so that a month is three times as much. */
static const struct savings *finish(struct run *r)
{
    r->w.about.since_us = instant("2026-04-05T00:00:00Z");
    r->w.about.up_to_us = instant("2026-04-15T00:00:00Z");
    assert_int_equal(savings_finish(r->engine, &r->w.about, STR("2026-10-07"), &r->savings, NULL),
                     OK);
    return r->savings;
}

static void end(struct run *r)
{
    savings_free(r->savings);
    savings_engine_free(r->engine);
    pricing_free(r->pricing);
    world_close(&r->w);
}

static const struct saving *find(const struct savings *s, enum saving_kind kind)
{
    const struct saving *found = NULL;
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].kind == kind && !found)
            found = &s->v[i];
    return found;
}

static int64_t cents(money_sum pico)
{
    return (int64_t)(pico * 100 / PICO_PER_USD);
}

static const struct hand_session with_servers = {
    .id = "a",
    .calls = {{.kind = CALL_MAIN,
               .input = 10000,
               .cents = 100,
               .offer = GITHUB JIRA,
               .body = true,
               .part = {[PART_SYSTEM] = 35000, [PART_MCP] = 5000}}},
    .uses = {{TOOL_MCP, "github", "list", 0, false}}};

static void a_server_that_nobody_called_is_a_finding(void **state)
{
    (void)state;
    struct run r;
    start(&r, NULL);
    add(&r, &with_servers);
    const struct saving *v = find(finish(&r), SAVING_UNUSED_MCP);
    assert_non_null(v);
    assert_text(v->subject, "jira");
    assert_text(
        v->evidence,
        "installed by 1 user, called by none; it puts 250 tokens into each of 1 call (7 tools)");
    assert_int_equal(v->sessions, 1);
    assert_int_equal(v->saved * 1000 / PICO_PER_USD, 25);
    assert_int_equal(v->month * 1000 / PICO_PER_USD, 75);
    end(&r);
}

static const struct hand_session pauses = {
    .id = "b",
    .calls = {{.kind = CALL_MAIN, .write = 100000, .cents = 100, .body = true},
              {.at_s = 1800,
               .kind = CALL_MAIN,
               .flags = SC_COLD,
               .write = 100000,
               .cents = 100,
               .cold_cents = 100,
               .cold_excess_cents = 92,
               .body = true},
              {.at_s = 9000,
               .kind = CALL_MAIN,
               .flags = SC_COLD,
               .write = 100000,
               .cents = 100,
               .cold_cents = 100,
               .cold_excess_cents = 92,
               .body = true}}};

static void an_hour_of_cache_is_reckoned_from_the_real_gaps(void **state)
{
    (void)state;
    struct run r;
    start(&r, NULL);
    add(&r, &pauses);
    /* One restart is avoided (92 c); of three writes two remain, each 3/5 dearer (120 c). */
    assert_null(find(finish(&r), SAVING_COLD_CACHE));
    end(&r);
    start(&r, NULL);
    struct hand_session two = pauses;
    two.calls[2].at_s = 3600;
    add(&r, &two);
    const struct saving *v = find(finish(&r), SAVING_COLD_CACHE);
    assert_non_null(v);
    assert_text(v->subject, "ann@example.com");
    assert_int_equal(cents(v->saved), 2 * 92 - 60);
    assert_int_equal(cents(v->cost), 200);
    assert_text(v->evidence, "2 restarts after 5 to 60 minutes wrote 0 tokens again");
    end(&r);
}

static void other_models_and_scopes_are_priced_by_the_book(void **state)
{
    (void)state;
    struct run r;
    start(&r, NULL);
    /* Opus 4.5 in-region: 5.5 and 27.5 USD; Haiku 4.5 1.1 and 5.5, global 5 and 25. */
    add(&r, &(struct hand_session){.id = "c",
                                   .calls = {{.kind = CALL_BACKGROUND,
                                              .input = 1000000,
                                              .cents = 550,
                                              .model = "anthropic.claude-opus-4-5-20251101-v1:0",
                                              .scope = "in-region",
                                              .body = true}}});
    const struct savings *s = finish(&r);
    const struct saving *small = find(s, SAVING_BACKGROUND), *scope = find(s, SAVING_SCOPE);
    assert_non_null(small);
    assert_int_equal(cents(small->saved), 440);
    assert_text(small->evidence,
                "1 call with 1,000,000 tokens; anthropic.claude-haiku-4-5 would have done");
    assert_non_null(scope);
    assert_int_equal(cents(scope->saved), 50);
    assert_null(find(s, SAVING_SUPERSEDED)); /* what is newer costs the same */
    end(&r);
    start(&r, NULL);
    add(&r, &(struct hand_session){.id = "d",
                                   .calls = {{.kind = CALL_MAIN,
                                              .input = 1000000,
                                              .cents = 1500,
                                              .model = "anthropic.claude-opus-4-1-20250805-v1:0",
                                              .scope = "geo",
                                              .body = true}}});
    s = finish(&r);
    const struct saving *newer = find(s, SAVING_SUPERSEDED);
    assert_non_null(newer);
    assert_int_equal(cents(newer->saved), 1500 - 550);
    assert_null(find(s, SAVING_BACKGROUND));
    end(&r);
}

static void long_contexts_retries_and_failures_cost(void **state)
{
    (void)state;
    struct run r;
    start(&r, NULL);
    add(&r, &(struct hand_session){
                .id = "e",
                .calls = {{.kind = CALL_MAIN, .input = 250000, .cents = 100, .body = true},
                          {.at_s = 1,
                           .kind = CALL_MAIN,
                           .flags = SC_RETRY,
                           .input = 1000,
                           .cents = 10,
                           .body = true},
                          {.at_s = 2,
                           .kind = CALL_MAIN,
                           .input = 1000,
                           .cents = 7,
                           .error = "ModelTimeoutException",
                           .body = true}}});
    const struct savings *s = finish(&r);
    assert_int_equal(cents(find(s, SAVING_LONG_SESSION)->saved), 20);
    assert_int_equal(cents(find(s, SAVING_RETRIES)->saved), 10);
    assert_int_equal(cents(find(s, SAVING_FAILED)->saved), 7);
    assert_text(find(s, SAVING_FAILED)->subject, "ModelTimeoutException");
    assert_true(s->v[0].kind == SAVING_LONG_SESSION);
    end(&r);
}

static void first_messages_are_compared_with_the_median(void **state)
{
    (void)state;
    struct run r;
    start(&r, NULL);
    for (int i = 0; i < 20; i++) {
        int64_t context = i == 7 ? 100000 : 20000;
        add(&r,
            &(struct hand_session){
                .id = "f",
                .calls = {
                    {.kind = CALL_MAIN,
                     .flags = SC_FIRST,
                     .input = context,
                     .cents = 100,
                     .body = true},
                    {.at_s = 9, .kind = CALL_MAIN, .input = context, .cents = 100, .body = true}}});
    }
    const struct saving *v = find(finish(&r), SAVING_FIRST_MESSAGE);
    assert_non_null(v);
    assert_int_equal(v->sessions, 1);
    assert_int_equal(cents(v->saved), 160);
    assert_text(
        v->evidence,
        "1 session begins with up to 100,000 tokens; the median of Claude Code is 20,000 tokens");
    end(&r);
}

static const struct savings *of_two_contexts(struct run *r, const char *limits)
{
    start_with(r, NULL, limits);
    add(r, &(struct hand_session){
               .id = "g",
               .calls = {
                   {.kind = CALL_MAIN, .flags = SC_FIRST, .input = 50000, .cents = 9, .body = true},
                   {.at_s = 1, .kind = CALL_MAIN, .input = 250000, .cents = 100, .body = true}}});
    for (int i = 0; i < 2; i++)
        add(r, &(struct hand_session){.id = "h",
                                      .calls = {{.kind = CALL_MAIN,
                                                 .flags = SC_FIRST,
                                                 .input = 1000,
                                                 .cents = 1,
                                                 .body = true}}});
    return finish(r);
}

static void limits_are_chosen_and_0_switches_off(void **state)
{
    (void)state;
    struct run r;
    const struct savings *s = of_two_contexts(&r, "");
    assert_int_equal(cents(find(s, SAVING_LONG_SESSION)->saved), 20);
    assert_null(find(s, SAVING_FIRST_MESSAGE));
    end(&r);
    s = of_two_contexts(&r, "context=125000, first-message=2000,first-percentile=66");
    assert_int_equal(cents(find(s, SAVING_LONG_SESSION)->saved), 50);
    assert_text(find(s, SAVING_LONG_SESSION)->evidence,
                "1 call above 125,000 tokens of context, up to 250,000 tokens");
    assert_non_null(find(s, SAVING_FIRST_MESSAGE));
    end(&r);
    s = of_two_contexts(&r, "context=0,first-message=2000,first-percentile=0");
    assert_null(find(s, SAVING_LONG_SESSION));
    assert_non_null(find(s, SAVING_FIRST_MESSAGE));
    end(&r);
    s = of_two_contexts(&r, "first-message=0,first-percentile=100");
    assert_null(find(s, SAVING_FIRST_MESSAGE));
    end(&r);
}

static void limits_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"contxt=1", "there is no limit 'contxt'; did you mean context?"},
        {"cost=1",
         "there is no limit 'cost'; there are context, first-message and first-percentile"},
        {"context=5,first-percentile=101", "first-percentile is at most 100"},
        {"context", "context needs a whole number (0: it does not count)"},
        {"context=-1", "context needs a whole number (0: it does not count)"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct savings_limits limits = savings_defaults();
        struct err err = {0};
        assert_int_equal(savings_limits_set(&limits, str_from(wrong[i][0]), &err), ERR_USAGE);
        assert_string_equal(err.text, wrong[i][1]);
        assert_int_equal(limits.v[SAVINGS_CONTEXT], 200000);
    }
}

/* ---- Calls of no session. */

static struct invocation loose_call(struct run *r, const struct hand_call *c)
{
    static struct hand hand;
    struct hand_session h = {.id = "", .calls = {*c}};
    struct invocation v = hand_make(&r->w, &h, &hand)->calls[0].v;
    v.exchange = NULL;
    v.session = 0;
    return v;
}

static const struct hand_call in_region = {.kind = CALL_MAIN,
                                           .input = 1000000,
                                           .cents = 550,
                                           .model = "anthropic.claude-opus-4-5-20251101-v1:0",
                                           .scope = "in-region"};

static void records_alone_tell_prices_and_failures(void **state)
{
    (void)state;
    struct run r;
    start(&r, NULL);
    struct invocation v = loose_call(&r, &in_region);
    struct hand_call broken = in_region;
    broken.error = "ModelTimeoutException";
    struct invocation failed = loose_call(&r, &broken);
    assert_int_equal(savings_call(r.engine, 0, &v, 1), OK);
    assert_int_equal(savings_call(r.engine, 1, &v, 1), OK);
    assert_int_equal(savings_call(r.engine, 1, &failed, 1), OK);
    const struct savings *s = finish(&r);
    assert_int_equal(s->n, 2);
    const struct saving *scope = find(s, SAVING_SCOPE), *failure = find(s, SAVING_FAILED);
    assert_int_equal(cents(scope->saved), 150);
    assert_int_equal(cents(scope->month), 450);
    assert_text(scope->evidence, "3 calls with 3,000,000 tokens");
    assert_int_equal(scope->sessions, SAVING_NO_SESSIONS);
    assert_int_equal(cents(failure->saved), 550);
    assert_text(failure->subject, "ModelTimeoutException");
    end(&r);
}

static void a_call_that_is_taken_back_leaves_nothing(void **state)
{
    (void)state;
    struct run r;
    start(&r, NULL);
    struct invocation v = loose_call(&r, &in_region);
    assert_int_equal(savings_call(r.engine, 0, &v, 1), OK);
    assert_int_equal(savings_call(r.engine, 1, &v, -1), OK);
    assert_int_equal(finish(&r)->n, 0);
    end(&r);
}

static void calls_with_and_without_a_session_are_one_finding(void **state)
{
    (void)state;
    struct run r;
    start(&r, NULL);
    struct invocation v = loose_call(&r, &in_region);
    struct hand_session h = {.id = "i", .calls = {in_region}};
    assert_int_equal(savings_call(r.engine, 0, &v, 1), OK);
    add(&r, &h);
    const struct saving *scope = find(finish(&r), SAVING_SCOPE);
    assert_text(scope->evidence, "2 calls (1 of no session) with 2,000,000 tokens");
    assert_int_equal(scope->sessions, 1);
    assert_int_equal(r.savings->sessions.sessions, 1);
    end(&r);
}

/* session_is_stray: a request of a service that no rule knows. */
static void a_stray_call_is_judged_and_is_no_session(void **state)
{
    (void)state;
    struct run r;
    start(&r, NULL);
    struct hand_session h = {.id = "~1", .inferred = true, .calls = {in_region}};
    h.calls[0].unrecognised = true;
    add(&r, &h);
    const struct saving *scope = find(finish(&r), SAVING_SCOPE);
    assert_int_equal(cents(scope->saved), 50);
    assert_int_equal(scope->sessions, SAVING_NO_SESSIONS);
    assert_int_equal(r.savings->sessions.sessions, 0);
    assert_int_equal(r.savings->sessions.calls, 1);
    end(&r);
}

/* Of Opus 4.5 a write costs 6.875 or 11 USD, by the global profile 6.25 or 10. */
static void writes_of_unknown_ttl_save_at_least_what_is_sure(void **state)
{
    (void)state;
    struct run r;
    start(&r, NULL);
    struct invocation v = loose_call(&r, &in_region);
    memset(v.tokens, 0, sizeof v.tokens);
    memset(v.cost, 0, sizeof v.cost);
    v.tokens[TOKENS_CACHE_WRITE_UNKNOWN] = 1000000;
    v.cost[TOKENS_CACHE_WRITE_UNKNOWN] = 6875 * (PICO_PER_USD / 1000);
    v.cost_span = 4125 * (PICO_PER_USD / 1000);
    v.outcome = OUTCOME_BOUNDED;
    assert_int_equal(savings_call(r.engine, 0, &v, 1), OK);
    const struct saving *scope = find(finish(&r), SAVING_SCOPE);
    assert_int_equal(scope->saved * 1000 / PICO_PER_USD, 625);
    assert_text(scope->evidence, "1 call with 1,000,000 tokens; at least, because the TTL of cache "
                                 "writes is not known of 1 call");
    end(&r);
}

static void filters_choose_calls_and_a_limit_cuts(void **state)
{
    (void)state;
    struct run r;
    start(&r, "user=bob*");
    add(&r, &with_servers);
    struct invocation v = loose_call(&r, &in_region);
    assert_int_equal(savings_call(r.engine, 0, &v, 1), OK);
    assert_int_equal(finish(&r)->n, 0);
    assert_int_equal(r.savings->sessions.sessions, 0);
    end(&r);
}

static struct buf print(struct run *r, struct report_options o)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_int_equal(report_savings(r->savings, &o, &out, NULL), OK);
    buf_char(&out, '\0');
    return out;
}

static void findings_are_told_in_all_forms(void **state)
{
    (void)state;
    struct run r;
    start(&r, NULL);
    add(&r, &with_servers);
    finish(&r);
    static const char *const parts[REPORT_FORMATS][3] = {
        [REPORT_TABLE] = {"unused MCP server  jira", "  installed by 1 user, called by none; ",
                          "assumes: "},
        [REPORT_JSON] = {"\"finding\": \"unused-mcp\"", "\"saving_month_nusd\": 75000000,",
                         "\"quarantined\": 0,"},
        [REPORT_CSV] = {"unused-mcp,jira,", ",1,25000000,25000000,75000000\n", "finding,subject"},
        [REPORT_MD] = {"| unused MCP server | jira |", "1. unused MCP server, jira", "Assumes: "},
    };
    for (int format = 0; format < REPORT_FORMATS; format++) {
        struct buf out = print(&r, (struct report_options){.format = format, .width = 80});
        for (int i = 0; i < 3; i++)
            if (!strstr(out.p, parts[format][i]))
                fail_msg("no '%s' in:\n%s", parts[format][i], out.p);
        buf_fini(&out);
    }
    end(&r);
}

static void without_findings_it_says_why(void **state)
{
    (void)state;
    struct run r;
    static const char *const why[] = {
        "No calls were read.", "Nothing to judge: no call",
        "needs content logging (0.0% of calls looked into): ", "Nothing found that would"};
    start(&r, "user=nobody");
    add(&r, &with_servers);
    finish(&r);
    for (int i = 0; i < 4; i++) {
        r.savings->about.invocations = i;
        r.savings->sessions.calls = i / 2;
        r.savings->sessions.requests = r.savings->seen = i / 3;
        r.savings->sessions.sessions = i / 3;
        struct buf out = print(&r, (struct report_options){.format = REPORT_MD});
        if (!strstr(out.p, why[i]) || strstr(out.p, "overlap"))
            fail_msg("no '%s' in:\n%s", why[i], out.p);
        buf_fini(&out);
    }
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_nobody_called_is_a_finding),
        cmocka_unit_test(an_hour_of_cache_is_reckoned_from_the_real_gaps),
        cmocka_unit_test(other_models_and_scopes_are_priced_by_the_book),
        cmocka_unit_test(long_contexts_retries_and_failures_cost),
        cmocka_unit_test(first_messages_are_compared_with_the_median),
        cmocka_unit_test(limits_are_chosen_and_0_switches_off),
        cmocka_unit_test(limits_that_do_not_exist_are_refused),
        cmocka_unit_test(records_alone_tell_prices_and_failures),
        cmocka_unit_test(a_call_that_is_taken_back_leaves_nothing),
        cmocka_unit_test(calls_with_and_without_a_session_are_one_finding),
        cmocka_unit_test(a_stray_call_is_judged_and_is_no_session),
        cmocka_unit_test(writes_of_unknown_ttl_save_at_least_what_is_sure),
        cmocka_unit_test(filters_choose_calls_and_a_limit_cuts),
        cmocka_unit_test(findings_are_told_in_all_forms),
        cmocka_unit_test(without_findings_it_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
