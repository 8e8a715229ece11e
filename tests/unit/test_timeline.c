/* query/timeline and its rendering: one session, found by its id, call by call. */
#include "query/timeline.h"
#include "base/buf.h"
#include "inside_fixture.h"
#include "report/render.h"
#include "report/render_internal.h"

static const struct hand_session hands[] = {
    {.id = "3f2c-aaaa",
     .repository = "shop",
     .at_least = true,
     .prompts = 4,
     .loop = 12,
     .calls = {{.kind = CALL_BACKGROUND, .thread = 1, .input = 100, .cents = 1, .body = true},
               {.at_s = 10,
                .kind = CALL_MAIN,
                .flags = SC_FIRST,
                .prompts = 1,
                .input = 10,
                .output = 345,
                .write = 9990,
                .cents = 100,
                .body = true},
               {.at_s = 20, .kind = CALL_SUBAGENT, .thread = 2, .input = 500, .cents = 7},
               {.at_s = 1000,
                .kind = CALL_MAIN,
                .flags = SC_COLD,
                .prompts = 2,
                .write = 20000,
                .cents = 200,
                .cold_cents = 90,
                .cold_excess_cents = 80,
                .body = true},
               {.at_s = 1001,
                .kind = CALL_MAIN,
                .flags = SC_RETRY,
                .write = 20000,
                .error = "ThrottlingException",
                .body = true},
               {.at_s = 1100, .kind = CALL_COMPACTION, .read = 20000, .cents = 3, .body = true}},
     .uses = {{TOOL_BUILTIN, NULL, "Bash", 1, true},
              {TOOL_BUILTIN, NULL, "Bash", 1, false},
              {TOOL_AGENT, NULL, "Explore", 1, false},
              {TOOL_MCP, "github", "list", 3, false}}},
    {.id = "3f2c", .calls = {{.kind = CALL_MAIN, .input = 1, .cents = 1, .body = true}}},
    {.id = "77\x1b[31m", .calls = {{.kind = CALL_MAIN, .input = 1, .cents = 1, .body = true}}},
};
enum { HANDS = sizeof hands / sizeof hands[0] };

struct run {
    struct world w;
    struct timeline_finder *finder;
    struct timeline *t;
};

static void search(struct run *r, const char *id, const char *limit)
{
    *r = (struct run){0};
    world_open(&r->w);
    if (limit)
        world_set(&r->w, "limit", limit);
    world_plan(&r->w);
    const struct timeline_options o = {
        .id = str_from(id), .series = r->w.series, .limits = runaway_defaults()};
    assert_int_equal(timeline_finder_new(&o, &r->finder, NULL), OK);
    for (size_t i = 0; i < HANDS; i++) {
        static struct hand hand;
        assert_int_equal(timeline_session(r->finder, hand_make(&r->w, &hands[i], &hand)), OK);
    }
    r->t = timeline_found(r->finder);
    if (r->t) {
        r->t->question = &r->w.q;
        r->t->about = r->w.about;
        r->t->prices_date = STR("2026-10-07");
    }
}

static void end(struct run *r)
{
    timeline_finder_free(r->finder);
    world_close(&r->w);
}

static void an_id_or_a_unique_beginning_finds_a_session(void **state)
{
    (void)state;
    struct run r;
    size_t n, total;
    search(&r, "3f2c-", NULL);
    assert_text(r.t->id, "3f2c-aaaa");
    end(&r);
    search(&r, "3f2c", NULL); /* the whole id of one, the beginning of another */
    assert_text(r.t->id, "3f2c");
    end(&r);
    search(&r, "3f", NULL);
    assert_null(r.t);
    const struct timeline_match *m = timeline_matches(r.finder, &n, &total);
    assert_int_equal(n, 2);
    assert_int_equal(total, 2);
    assert_text(m[0].id, "3f2c");
    assert_text(m[1].user, "ann@example.com");
    assert_int_equal(m[1].requests, 6);
    end(&r);
    search(&r, "none", NULL);
    assert_null(r.t);
    timeline_matches(r.finder, &n, &total);
    assert_int_equal(n, 0);
    end(&r);
}

static struct buf print(struct run *r, struct report_options o)
{
    struct buf out;
    struct err err = {0};
    buf_init(&out, 1 << 20);
    if (report_timeline(r->t, &o, &out, &err) != OK)
        fail_msg("%s", err.text);
    buf_char(&out, '\0');
    return out;
}

static void expect_parts(struct run *r, struct report_options o, const char *const *parts)
{
    struct buf out = print(r, o);
    for (; *parts; parts++)
        if (!strstr(out.p, *parts))
            fail_msg("no '%s' in:\n%s", *parts, out.p);
    buf_fini(&out);
}

static void a_table_tells_the_session_call_by_call(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "Session 3f2c-aaaa, 2026-04-14 08:00:00 to 08:18:20, UTC\n",
        "ann@example.com, Claude Code 2.1.197, repository shop\n",
        "4+ prompts, 2 turns, 6 requests, 4 tool calls, 1 tool error, 1 sub-agent",
        "1 compaction, 1 retry\n",
        "18m 20s long, 7m 00s active, $3.11: main $3.00, sub-agents $0.07",
        "1 cold restart ($0.80 more than with a warm cache), runaway score 10: loop 12\n",
        "context \xE2\x96\x84\xE2\x96\x88\xE2\x96\x88 peak 20,000\n",
        "08:00:10  main first",
        "Bash x2!, Explore",
        "github/list",
        "16m 20s",
        "main retry error",
        "needs content logging: 16.7% of calls had no request body",
        NULL};
    struct run r;
    search(&r, "3f2c-aaaa", NULL);
    expect_parts(&r, (struct report_options){.width = 140}, parts);
    end(&r);
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    for (int width = 40; width <= 160; width += 3) {
        struct run r;
        search(&r, "3f2c-", NULL);
        struct buf out = print(&r, (struct report_options){.width = width});
        for (struct str rest = str_from(out.p); rest.p;) {
            struct str line = str_cut(&rest, '\n');
            if (text_width(line) > width)
                fail_msg("%d: %.*s", width, STR_ARG(line));
        }
        buf_fini(&out);
        end(&r);
    }
}

static void a_limit_and_a_skip_page_through_it(void **state)
{
    (void)state;
    struct run r;
    search(&r, "3f2c-", "2");
    static const char *const first[] = {"3 more calls: --skip 3,", "08:00:20  sub-agent #2", NULL};
    r.t->skip = 1;
    expect_parts(&r, (struct report_options){.width = 100}, first);
    static const char *const json[] = {"\"skipped\": 1,", "\"left\": 3,", NULL};
    expect_parts(&r, (struct report_options){.format = REPORT_JSON}, json);
    r.t->skip = 99;
    static const char *const none[] = {"\"skipped\": 6,", "\"left\": 0,", NULL};
    expect_parts(&r, (struct report_options){.format = REPORT_JSON}, none);
    end(&r);
}

static void programs_get_every_figure(void **state)
{
    (void)state;
    struct run r;
    search(&r, "3f2c-", NULL);
    static const char *const json[] = {
        "\"id\": \"3f2c-aaaa\",",
        "\"prompts\": 4,",
        "\"prompts_at_least\": true,",
        "\"first_context\": 10000,",
        "\"cost_nusd\": 3110000000,",
        "\"signals\": \"loop 12\"",
        "\"marks\": [\"retry\", \"error\"],",
        "\"tools\": [{\"kind\": \"builtin\", \"server\": \"\", \"name\": \"Bash\", \"calls\": 2, "
        "\"errors\": 1}, ",
        "{\"thread\": 2, \"kind\": \"sub-agent\", ",
        NULL};
    expect_parts(&r, (struct report_options){.format = REPORT_JSON}, json);
    static const char *const csv[] = {
        "time,thread,kind,purpose,model,error,prompts,context,input,cache_read,cache_write,output,",
        "2026-04-14T08:00:10Z,0,main,," OPUS ",,1,10000,10,0,9990,345,1000000000,10000,first,"
        "\"Bash x2!, Explore\"\n",
        NULL};
    expect_parts(&r, (struct report_options){.format = REPORT_CSV}, csv);
    static const char *const md[] = {"### Session 3f2c-aaaa", "| time | call | model |",
                                     "| **total** |", NULL};
    expect_parts(&r, (struct report_options){.format = REPORT_MD}, md);
    end(&r);
}

static void an_id_of_a_stranger_stays_text(void **state)
{
    (void)state;
    struct run r;
    search(&r, "77", NULL);
    for (int format = 0; format < REPORT_FORMATS; format++) {
        struct buf out = print(&r, (struct report_options){.format = format, .width = 80});
        assert_null(strchr(out.p, '\x1b'));
        buf_fini(&out);
    }
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_or_a_unique_beginning_finds_a_session),
        cmocka_unit_test(a_table_tells_the_session_call_by_call),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
        cmocka_unit_test(a_limit_and_a_skip_page_through_it),
        cmocka_unit_test(programs_get_every_figure),
        cmocka_unit_test(an_id_of_a_stranger_stays_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
