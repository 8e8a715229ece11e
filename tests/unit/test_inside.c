/* query/inside: questions that sessions answer. */
#include "query/inside.h"
#include "base/buf.h"
#include "query/tally.h"
#include "report/render.h"
#include "inside_fixture.h"

#define GITHUB "m\tgithub\t20\t0\t3000\t500\t500\n"
#define JIRA "m\tjira\t5\t0\t1000\t0\t0\n"
#define OFFER GITHUB JIRA "s\tdeploy\ns\treview\na\tExplore\n"

static const struct hand_session hands[] = {
    {.id = "s-ann",
     .repository = "shop",
     .loop = 4,
     .calls =
         {{.kind = CALL_BACKGROUND, .thread = 1, .input = 100, .cents = 1, .body = true},
          {.at_s = 10,
           .kind = CALL_MAIN,
           .flags = SC_FIRST,
           .prompts = 1,
           .input = 10,
           .write = 9990,
           .cents = 100,
           .offer = OFFER,
           .body = true,
           .part = {[PART_SYSTEM] = 20000, [PART_MCP] = 5000, [PART_USER] = 15000}},
          {.at_s = 20, .kind = CALL_SUBAGENT, .thread = 2, .input = 500, .cents = 7, .body = true},
          {.at_s = 1000,
           .kind = CALL_MAIN,
           .flags = SC_COLD,
           .prompts = 2,
           .write = 20000,
           .cents = 200,
           .cold_cents = 90,
           .cold_excess_cents = 80,
           .offer = OFFER,
           .command = "deploy",
           .body = true,
           .part = {[PART_SYSTEM] = 20000, [PART_MCP] = 5000, [PART_HISTORY] = 25000}},
          {.at_s = 1001,
           .kind = CALL_MAIN,
           .flags = SC_RETRY,
           .write = 20000,
           .cents = 200,
           .offer = OFFER,
           .command = "deploy",
           .body = true,
           .part = {[PART_SYSTEM] = 20000, [PART_MCP] = 5000, [PART_HISTORY] = 25000}}},
     .uses = {{TOOL_AGENT, NULL, "Explore", 1, false},
              {TOOL_BUILTIN, NULL, "Bash", 1, true},
              {TOOL_BUILTIN, NULL, "Bash", 1, false},
              {TOOL_MCP, "github", "list", 3, false},
              {TOOL_SKILL, NULL, "review", 3, false}}},
    {.id = "s-bob",
     .repository = "docs",
     .at_least = true,
     .prompts = 5,
     .rate = 70,
     .calls = {{.at_s = 3600,
                .kind = CALL_MAIN,
                .prompts = 1,
                .input = 300,
                .cents = 3,
                .arn = SSO("bob@example.com"),
                .model = HAIKU,
                .offer = JIRA,
                .body = true,
                .unrecognised = true,
                .part = {[PART_SYSTEM] = 1000, [PART_MCP] = 1000}}},
     .uses = {{TOOL_BUILTIN, NULL, "Bash", 0, false}}},
    {.id = "~0123456789abcdef",
     .inferred = true,
     .calls = {{.at_s = 7200,
                .kind = CALL_MAIN,
                .flags = SC_FIRST,
                .prompts = 1,
                .input = 2000,
                .cents = 20,
                .arn = SSO("bob@example.com"),
                .body = true,
                .part = {[PART_USER] = 10}}}},
};
enum { HANDS = sizeof hands / sizeof hands[0] };

static const struct fact loose = {
    .arn = SSO("cat@example.com"), .model = OPUS, .input = 50, .cents = 5};

static uint32_t rows_at_once; /* 0: as many as usual */
static int64_t most_rows;     /* 0: all */
static int passes;            /* through all sessions, of all questions */

static const struct answer *ask(struct world *w, const char *words, const size_t *order)
{
    world_open(w);
    struct str rest = str_from(words);
    if (rest.n && rest.p[0] == '@')
        world_ask(w, words + 1);
    else
        while (rest.p && rest.n) {
            struct str value = str_cut(&rest, ';');
            struct str key = str_cut(&value, '=');
            assert_int_equal(question_set(&w->q, key, value, NULL), OK);
        }
    world_plan(w);
    assert_true(question_needs_sessions(&w->q));
    struct inside *in;
    const struct inside_options options = {w->plan, w->series, runaway_defaults(), rows_at_once,
                                           most_rows};
    assert_int_equal(inside_new(&options, &in, NULL), OK);
    for (bool more = true; more;) {
        for (size_t i = 0; i < HANDS; i++) {
            static struct hand hand;
            size_t which = order ? order[i] : i;
            assert_int_equal(inside_session(in, hand_make(w, &hands[which], &hand)), OK);
        }
        assert_int_equal(inside_again(in, &more, NULL), OK);
        passes++;
    }
    world_add(w, &loose);
    w->about.since_us = instant("2026-04-01T00:00:00Z");
    w->about.up_to_us = instant("2026-04-16T00:00:00Z");
    assert_int_equal(inside_loose(in, w->cube, NULL), OK);
    struct err err = {0};
    if (inside_answer(in, &w->about, STR("2026-10-07"), &w->answer, &err) != OK)
        fail_msg("%s", err.text);
    inside_free(in);
    return w->answer;
}

static void put_values(const struct question *q, const struct answer_row *row, struct buf *out)
{
    for (int i = 0; i < q->metrics_n; i++) {
        const struct metric_value *v = &row->values[i];
        bool money = metric_info(q->metrics[i]).kind == METRIC_KIND_MONEY;
        if (!v->known)
            buf_str(out, STR(" -"));
        else if (money)
            buf_printf(out, " %lldc", (long long)(v->money * 100 / PICO_PER_USD));
        else
            buf_printf(out, " %lld", (long long)v->n);
    }
    buf_char(out, '\n');
}

static void tell(const struct answer *a, struct buf *out)
{
    const struct question *q = a->question;
    for (size_t i = 0; i < a->rows_n; i++) {
        for (int d = 0; d < q->dims_n; d++)
            buf_printf(out, "%s%.*s", d ? "|" : "", STR_ARG(a->rows[i].dims[d]));
        put_values(q, &a->rows[i], out);
    }
    buf_str(out, STR("total"));
    put_values(q, &a->total, out);
}

static void expect(const char *words, const char *expected)
{
    struct world w;
    struct buf b;
    buf_init(&b, 1 << 16);
    tell(ask(&w, words, NULL), &b);
    assert_text(buf_view(&b), expected);
    buf_fini(&b);
    world_close(&w);
}

static void sessions_are_counted_once_in_each_group(void **state)
{
    (void)state;
    expect("by=user;metrics=sessions,sessions_inferred,invocations,prompts,cost;order=user",
           "ann@example.com 1 0 5 3 508c\n"
           "bob@example.com 2 1 2 6 23c\n"
           "cat@example.com - - 1 - 5c\n"
           "total 3 1 8 9 536c\n");
    expect("by=model;metrics=sessions,users,turns,retries,cost;order=model",
           HAIKU " 1 1 1 0 3c\n" OPUS " 2 3 3 1 533c\ntotal 3 3 4 1 536c\n");
    expect("by=;metrics=sessions,content_share", " 3 8750\ntotal 3 8750\n");
}

/* One request of a service is a call that costs, not a session. */
static void a_single_call_of_an_unknown_program_is_no_session(void **state)
{
    (void)state;
    static const struct hand_session services[] = {
        {.id = "~1",
         .inferred = true,
         .calls =
             {{.kind = CALL_MAIN, .prompts = 1, .cents = 2, .unrecognised = true, .body = true}}},
        {.id = "~2",
         .inferred = true,
         .calls = {{.kind = CALL_MAIN, .prompts = 1, .cents = 3, .body = true}}},
        {.id = "named",
         .calls =
             {{.kind = CALL_MAIN, .prompts = 1, .cents = 4, .unrecognised = true, .body = true}}},
    };
    struct world w;
    world_open(&w);
    assert_int_equal(question_set(&w.q, STR("by"), STR(""), NULL), OK);
    assert_int_equal(
        question_set(&w.q, STR("metrics"), STR("sessions,prompts,invocations,cost"), NULL), OK);
    world_plan(&w);
    struct inside *in;
    const struct inside_options options = {w.plan, w.series, runaway_defaults(), rows_at_once,
                                           most_rows};
    assert_int_equal(inside_new(&options, &in, NULL), OK);
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        static struct hand hand;
        assert_int_equal(inside_session(in, hand_make(&w, &services[i], &hand)), OK);
    }
    assert_int_equal(inside_answer(in, &w.about, STR("2026-10-07"), &w.answer, NULL), OK);
    inside_free(in);
    struct buf b;
    buf_init(&b, 1 << 16);
    tell(w.answer, &b);
    assert_text(buf_view(&b), " 2 2 3 9c\ntotal 2 2 3 9c\n");
    buf_fini(&b);
    world_close(&w);
}

static void what_no_call_tells_counts_with_the_first_main_call(void **state)
{
    (void)state;
    expect("by=call_kind;metrics=prompts,active,duration,agents;order=call_kind",
           " - - - -\nbackground 0 0 0 0\nmain 9 311000 991000 1\nsub-agent 0 10000 10000 0\n"
           "total 9 321000 1001000 1\n");
}

static void a_session_is_a_row_and_a_limit_keeps_the_best(void **state)
{
    (void)state;
    expect("by=session,user,repository;metrics=prompts,cost,peak_context,loop",
           "s-ann|ann@example.com|shop 3 508c 20000 4\n"
           "~0123456789abcdef|bob@example.com| 1 20c 2000 1\n"
           "s-bob|bob@example.com|docs 5 3c 300 1\n"
           "total 9 531c 20000 4\n");
    expect("by=session;metrics=prompts;order=prompts;limit=2", "s-bob 5\ns-ann 3\ntotal 9\n");
    struct world w;
    const struct answer *a = ask(&w, "by=session;metrics=cost;limit=1", NULL);
    assert_int_equal(a->rows_cut, 2);
    assert_int_equal(a->sessions.sessions, 3);
    assert_int_equal(a->sessions.inferred, 1);
    assert_int_equal(a->sessions.calls, 8);
    assert_int_equal(a->sessions.requests, 7);
    assert_int_equal(a->sessions.left_out, 1);
    assert_int_equal(a->sessions.recognised, 6);
    assert_true(a->total.at_least);
    world_close(&w);
}

static void uses_have_their_errors_and_the_cost_around_them(void **state)
{
    (void)state;
    expect("by=tool_kind,tool;metrics=tool_calls,tool_errors,sessions,users,invocations,cost;"
           "order=tool_calls",
           "builtin|Bash 3 1 2 2 2 103c\n"
           "agent|Explore 1 0 1 1 1 100c\n"
           "command|deploy 1 0 1 1 1 200c\n"
           "mcp|list 1 0 1 1 1 200c\n"
           "skill|review 1 0 1 1 1 200c\n"
           "total 7 1 2 2 3 303c\n");
    expect("by=tool;where=tool_kind=builtin;metrics=tool_calls,tool_error_rate,offered",
           "Bash 3 3333 -\ntotal 3 3333 -\n");
}

static void servers_that_nobody_called_are_rows_with_their_tax(void **state)
{
    (void)state;
    /* github: 4000 of 40000 bytes of 10000 tokens, then twice 4000 of 50000 of 20000. */
    expect("by=server;metrics=offered,used,tool_calls,users,tax_tokens,tax_cost,tax_month,cost",
           "github 1 1 1 1 4200 42c 84c 200c\n"
           "jira 2 0 0 0 1200 12c 24c 0c\n"
           "total 2 1 1 1 5400 54c 108c 200c\n");
    expect("by=server;metrics=offered,tax_tokens;where=server=ji*", "jira 2 1200\ntotal 2 1200\n");
    expect("by=user;metrics=offered,used,tax_tokens;order=user",
           "ann@example.com 1 1 5250\nbob@example.com 1 0 150\ncat@example.com - - -\n"
           "total 2 1 5400\n");
}

static void skills_count_both_ways_and_installed_ones_without_use(void **state)
{
    (void)state;
    expect("by=skill;metrics=offered,used,tool_calls;order=skill",
           "deploy 1 1 1\nreview 1 1 1\ntotal 1 1 2\n");
    expect("by=skill,tool_kind;metrics=used,tool_calls;order=skill",
           "deploy|command 1 1\nreview|skill 1 1\ntotal 1 2\n");
    expect("by=agent;metrics=offered,used,tool_calls", "Explore 1 1 1\ntotal 1 1 1\n");
}

static void a_filter_on_tools_chooses_sessions(void **state)
{
    (void)state;
    expect("by=user;metrics=sessions,cost;where=server=github", "ann@example.com 1 508c\n"
                                                                "total 1 508c\n");
    expect("by=user;metrics=sessions;where=server!=github", "bob@example.com 2\ntotal 2\n");
    expect("by=session;metrics=cost;where=repository=doc*", "s-bob 3c\ntotal 3c\n");
    expect("by=user;metrics=cost;where=session=s-*;order=user",
           "ann@example.com 508c\nbob@example.com 3c\ntotal 511c\n");
}

static void a_filter_on_calls_chooses_calls(void **state)
{
    (void)state;
    expect("by=session;metrics=invocations,cost,cost_subagent;where=call_kind=sub-agent",
           "s-ann 1 7c 7c\ntotal 1 7c 7c\n");
    expect("by=;metrics=sessions,cost;since=2026-04-14T09:00;where=thread=main",
           " 2 23c\ntotal 2 23c\n");
}

static void without_a_main_call_no_peak_is_known(void **state)
{
    (void)state;
    expect("by=session;metrics=sessions,peak_context;where=call_kind=background",
           "s-ann 1 -\ntotal 1 -\n");
    expect("by=call_kind;metrics=peak_context;where=session=s-ann;order=call_kind:asc",
           "background -\nmain 20000\nsub-agent -\ntotal 20000\n");
}

static void threads_have_names(void **state)
{
    (void)state;
    expect("by=thread;metrics=invocations;order=thread",
           "background 1\nmain 5\nsub-agent 1\ntotal 7\n");
    expect("by=session,thread;metrics=invocations;order=thread;where=session=s-ann",
           "s-ann|0 main 3\ns-ann|1 background 1\ns-ann|2 sub-agent 1\ntotal 5\n");
}

static void first_messages_have_percentiles_and_parts(void **state)
{
    (void)state;
    expect("by=;metrics=first_context_p50,first_context_p90,first_context_max,first_system,"
           "first_mcp,first_user",
           " 2000 10000 10000 0 0 2000\ntotal 2000 10000 10000 0 0 2000\n");
    expect("by=user;metrics=first_context_p50,first_system,first_user;order=user",
           "ann@example.com 10000 5000 3750\nbob@example.com 2000 0 2000\n"
           "cat@example.com - - -\ntotal 2000 0 2000\n");
}

static void money_of_restarts_and_retries_is_told(void **state)
{
    (void)state;
    expect("by=;metrics=cold_restarts,cold_cost,cold_excess,retry_cost,cost_main,cost_background,"
           "cost_per_prompt",
           " 1 90c 80c 200c 523c 1c 59c\ntotal 1 90c 80c 200c 523c 1c 59c\n");
}

static void runaways_come_with_their_signals(void **state)
{
    (void)state;
    expect("@runaway", "s-bob|bob@example.com|rate 70 10 5 1 0 1 70 0 300 3c\n"
                       "total 10 5 1 0 1 70 0 300 3c\n");
    struct runaway_limits limits = runaway_defaults();
    struct err err = {0};
    assert_int_equal(runaway_set(&limits, STR("loop=2, cost=1"), &err), OK);
    assert_int_equal(runaway_set(&limits, STR("lop=2"), &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "loop"));
    assert_int_equal(runaway_set(&limits, STR("loop"), &err), ERR_USAGE);
    struct world w;
    world_open(&w);
    static struct hand hand;
    struct runaway r = runaway_of(hand_make(&w, &hands[0], &hand), &limits);
    assert_int_equal(r.points[RUNAWAY_LOOP], 20);
    assert_int_equal(r.points[RUNAWAY_COST], 30);
    assert_int_equal(r.score, 50);
    struct buf text;
    buf_init(&text, 1 << 10);
    runaway_text(&r, &text);
    assert_text(buf_view(&text), "loop 4, cost 5");
    buf_fini(&text);
    world_close(&w);
}

static void the_order_of_sessions_changes_nothing(void **state)
{
    (void)state;
    static const size_t orders[][HANDS] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
    static const char *const questions[] = {"by=session,thread;metrics=cost,users;limit=2",
                                            "by=tool;metrics=tool_calls,cost,users",
                                            "by=user,model;metrics=cost,first_context_p90,active",
                                            "by=server;metrics=offered,tax_cost",
                                            "@context",
                                            "@harnesses",
                                            "@sessions",
                                            "@skills"};
    for (size_t k = 0; k < sizeof questions / sizeof questions[0]; k++) {
        struct buf first, other;
        buf_init(&first, 1 << 20);
        buf_init(&other, 1 << 20);
        for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
            struct world w;
            buf_reset(&other);
            tell(ask(&w, questions[k], orders[i]), i ? &other : &first);
            if (i && !str_eq(buf_view(&first), buf_view(&other)))
                fail_msg("%s:\n%.*s%.*s", questions[k], STR_ARG(buf_view(&first)),
                         STR_ARG(buf_view(&other)));
            world_close(&w);
        }
        buf_fini(&first);
        buf_fini(&other);
    }
}

/* Then sessions are shown several times, and each time another share of the rows is added up. */
static void few_rows_at_once_give_the_same_answer(void **state)
{
    (void)state;
    static const char *const questions[] = {
        "by=session,thread;metrics=cost,users,duration;limit=2",
        "by=tool;metrics=tool_calls,cost,users,tool_errors;limit=3",
        "by=tool_kind,tool;metrics=tool_calls,used,sessions;limit=100;order=tool_calls:asc",
        "by=server;metrics=offered,tax_cost,used;limit=1",
        "@skills",
        "@tools",
        "@sessions"};
    for (size_t k = 0; k < sizeof questions / sizeof questions[0]; k++) {
        struct buf first, other;
        buf_init(&first, 1 << 20);
        buf_init(&other, 1 << 20);
        size_t cut = 0;
        int once = passes;
        for (rows_at_once = 0; rows_at_once < 4; rows_at_once++) {
            struct world w;
            buf_reset(&other);
            const struct answer *a = ask(&w, questions[k], NULL);
            tell(a, rows_at_once ? &other : &first);
            if (rows_at_once == 0)
                cut = a->rows_cut;
            else if (!str_eq(buf_view(&first), buf_view(&other)) || a->rows_cut != cut)
                fail_msg("%s:\n%.*s%.*s", questions[k], STR_ARG(buf_view(&first)),
                         STR_ARG(buf_view(&other)));
            world_close(&w);
        }
        rows_at_once = 0;
        if (k == 1)
            assert_true(passes - once > 6);
        buf_fini(&first);
        buf_fini(&other);
    }
}

/* A limit that nobody set holds for names that clients choose, and is told. */
static void a_question_by_tools_has_no_more_rows_than_may_be(void **state)
{
    (void)state;
    static const struct {
        const char *question;
        bool cut;
    } cases[] = {{"by=tool;metrics=tool_calls", true},
                 {"by=tool;metrics=tool_calls;limit=3", false},
                 {"by=session,tool;metrics=tool_calls", false},
                 {"by=user;metrics=tool_calls", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w, all;
        size_t every = ask(&all, cases[i].question, NULL)->rows_n;
        most_rows = 2;
        const struct answer *a = ask(&w, cases[i].question, NULL);
        most_rows = 0;
        assert_int_equal(a->rows_n, cases[i].cut ? 2 : every);
        assert_true(!cases[i].cut || a->rows_cut == every - 2);
        world_close(&w);
        world_close(&all);
    }
}

static struct buf print(const struct answer *a, struct report_options o)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_int_equal(report_render(a, &o, &out, NULL), OK);
    buf_char(&out, '\0');
    return out;
}

static void expect_parts(const char *words, struct report_options o, const char *const *parts)
{
    struct world w;
    struct buf out = print(ask(&w, words, NULL), o);
    for (; *parts; parts++)
        if (!strstr(out.p, *parts))
            fail_msg("%s: no '%s' in:\n%s", words, *parts, out.p);
    buf_fini(&out);
    world_close(&w);
}

/* What a table says below its rows belongs to columns that it has. */
static void a_report_says_nothing_of_columns_that_it_lacks(void **state)
{
    (void)state;
    static const char *const unsaid[] = {"such a use", "a low and a high amount", "why:"};
    struct world w;
    struct buf out = print(ask(&w, "@mcp", NULL), (struct report_options){.width = 120});
    for (size_t i = 0; i < sizeof unsaid / sizeof unsaid[0]; i++)
        assert_null(strstr(out.p, unsaid[i]));
    assert_non_null(strstr(out.p, "parts of a request are estimates"));
    buf_fini(&out);
    world_close(&w);
}

static void a_report_says_what_it_rests_on(void **state)
{
    (void)state;
    const struct report_options table = {.width = 120};
    expect_parts("@sessions", table,
                 (const char *const[]){"s-bob ", " 5+ ", "5m 21s", "3 sessions",
                                       "1 inferred from messages, without an id (~)",
                                       "needs content logging: 12.5% of calls had no request body",
                                       "1 call of no session left out ($0.05)",
                                       "+ prompts: at least so many", NULL});
    expect_parts("@tools", table,
                 (const char *const[]){"calls, tokens and cost are of the answers that made such "
                                       "a use; the total counts each once",
                                       NULL});
    expect_parts("@harnesses", table,
                 (const char *const[]){"harness recognised in 75.0% of calls", NULL});
    expect_parts("@context", table,
                 (const char *const[]){"parts of a request are estimates", NULL});
    expect_parts("by=session;metrics=prompts,active;limit=1;order=prompts",
                 (struct report_options){.format = REPORT_JSON},
                 (const char *const[]){"{\"session\": \"s-bob\", \"prompts\": 5, "
                                       "\"prompts_at_least\": true, \"active_ms\": 0}",
                                       "\"sessions\": 3,", "\"left_out\": 1,", NULL});
}

static void percentiles_are_of_the_nearest_rank(void **state)
{
    (void)state;
    struct tally t = {0};
    for (int64_t i = 10; i >= 1; i--)
        assert_int_equal(tally_sample(&t, METRIC_FIRST_P50, i * 10), OK);
    assert_int_equal(sample_percentile(&t.sample[0], 50), 50);
    assert_int_equal(sample_percentile(&t.sample[0], 90), 90);
    assert_int_equal(sample_percentile(&t.sample[0], 99), 100);
    tally_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_are_counted_once_in_each_group),
        cmocka_unit_test(a_single_call_of_an_unknown_program_is_no_session),
        cmocka_unit_test(what_no_call_tells_counts_with_the_first_main_call),
        cmocka_unit_test(a_session_is_a_row_and_a_limit_keeps_the_best),
        cmocka_unit_test(uses_have_their_errors_and_the_cost_around_them),
        cmocka_unit_test(without_a_main_call_no_peak_is_known),
        cmocka_unit_test(servers_that_nobody_called_are_rows_with_their_tax),
        cmocka_unit_test(skills_count_both_ways_and_installed_ones_without_use),
        cmocka_unit_test(a_filter_on_tools_chooses_sessions),
        cmocka_unit_test(a_filter_on_calls_chooses_calls),
        cmocka_unit_test(threads_have_names),
        cmocka_unit_test(first_messages_have_percentiles_and_parts),
        cmocka_unit_test(money_of_restarts_and_retries_is_told),
        cmocka_unit_test(runaways_come_with_their_signals),
        cmocka_unit_test(the_order_of_sessions_changes_nothing),
        cmocka_unit_test(few_rows_at_once_give_the_same_answer),
        cmocka_unit_test(a_question_by_tools_has_no_more_rows_than_may_be),
        cmocka_unit_test(a_report_says_what_it_rests_on),
        cmocka_unit_test(a_report_says_nothing_of_columns_that_it_lacks),
        cmocka_unit_test(percentiles_are_of_the_nearest_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
