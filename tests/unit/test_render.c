/* report/: the four ways to print an answer. */
#include "report/render.h"
#include "report/render_internal.h"
#include "world.h"

static const struct fact facts[] = {
    {.arn = SSO("ann@example.com"),
     .model = OPUS,
     .input = 1200,
     .output = 300,
     .read = 90000,
     .cents = 123450,
     .flags = INV_INPUT_BODY | INV_OUTPUT_BODY},
    {.arn = SSO("bob@example.com"),
     .model = OPUS,
     .input = 800,
     .output = 40,
     .cents = 20000,
     .pico = 1,
     .flags = INV_INPUT_BODY},
    {.arn = SSO("bob@example.com"),
     .model_id = "new.model",
     .input = 10,
     .output = 5,
     .outcome = "unpriced",
     .reason = "unknown model",
     .time = "2026-04-15T10:00:00Z"},
    {.arn = SSO("cat@example.com"),
     .model_id = "new.model",
     .input = 7,
     .outcome = "unpriced",
     .reason = "unknown model"},
};
enum { FACTS = sizeof facts / sizeof facts[0] };

static void open_with(struct world *w, const char *words, const struct fact *f, size_t n)
{
    world_open(w);
    for (struct str rest = str_from(words); rest.p && rest.n;) {
        struct str value = str_cut(&rest, ';');
        struct str key = str_cut(&value, '=');
        assert_int_equal(question_set(&w->q, key, value, NULL), OK);
    }
    world_plan(w);
    for (size_t i = 0; i < n; i++)
        world_add(w, &f[i]);
    w->about.n[ABOUT_FILES] = 2;
    w->about.n[ABOUT_RECORDS]++;
    w->about.n[ABOUT_SKIPPED] = 3;
    world_answer(w);
}

static struct buf print(struct world *w, struct report_options o)
{
    struct buf out;
    struct err err = {0};
    buf_init(&out, 1 << 24);
    if (report_render(w->answer, &o, &out, &err) != OK)
        fail_msg("%s", err.text);
    buf_char(&out, '\0');
    return out;
}

static void expect(struct world *w, struct report_options o, const char *expected)
{
    struct buf out = print(w, o);
    assert_string_equal(out.p, expected);
    buf_fini(&out);
}

static bool has(const struct buf *out, const char *part)
{
    return strstr(out->p, part) != NULL;
}

#define SMALL "by=user;metrics=invocations,input,cache_hit_rate,cost"

static void a_table_is_aligned_totalled_and_says_what_is_missing(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, SMALL, facts, FACTS);
    expect(&w, (struct report_options){.format = REPORT_TABLE, .width = 100, .bars = true},
           "Spend by user · all data, 2026-04-14 – 2026-04-15, UTC\n"
           "\n"
           "user             calls  input  cache hits         cost\n"
           "──────────────────────────────────────────────────────\n"
           "ann@example.com      1  1,200       98.7%  $1,234.50    ████████████████████\n"
           "bob@example.com      2    810        0.0%    $200.00+?  ███▏\n"
           "cat@example.com      1      7        0.0%   unpriced\n"
           "──────────────────────────────────────────────────────\n"
           "total                4  2,017       97.8%  $1,434.50+?\n"
           "\n"
           "data up to 2026-04-15 10:00 · 4 calls in 2 files · prices of 2026-10-07\n"
           "2 unpriced · 1 duplicate removed · 3 skipped · 0 quarantined\n"
           "coverage: requests seen 50.0%, responses 25.0%\n"
           "+? or \"unpriced\": 22 tokens without a rate (assay report unpriced)\n"
           "why: unknown model\n");
    world_close(&w);
}

static void without_unicode_a_table_is_plain_ascii(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, SMALL, facts, FACTS);
    struct buf out = print(&w, (struct report_options){.width = 90, .bars = true, .ascii = true});
    for (size_t i = 0; i + 1 < out.n; i++)
        assert_true(out.p[i] == '\n' || (out.p[i] >= ' ' && out.p[i] <= '~'));
    assert_true(has(&out, "##########"));
    buf_fini(&out);
    world_close(&w);
}

static int widest_line(const char *text)
{
    int widest = 0;
    for (struct str rest = str_from(text); rest.p;) {
        int w = text_width(str_cut(&rest, '\n'));
        widest = w > widest ? w : widest;
    }
    return widest;
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    static const struct fact wide[] = {
        {.arn = SSO("\xE5\xB1\xB1\xE7\x94\xB0\xE5\xA4\xAA\xE9\x83\x8E-"
                    "\xE5\xB1\xB1\xE7\x94\xB0\xE5\xA4\xAA\xE9\x83\x8E@example.com"),
         .model = OPUS,
         .input = 123456789,
         .output = 12345678,
         .cents = 12345},
        {.arn = SSO("somebody.with.a.very.long.name.indeed@a.long.domain.example.com"),
         .model_id = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc",
         .input = 5,
         .outcome = "unpriced",
         .reason = "profile not resolved"},
        {.arn = "a", .model = OPUS, .input = 1, .cents = 1},
    };
    for (int width = 30; width <= 200; width++) {
        struct world w;
        open_with(&w, "by=user,model;bucket=day", wide, 3);
        struct buf out = print(&w, (struct report_options){.width = width, .bars = true});
        if (widest_line(out.p) > width)
            fail_msg("%d columns in a terminal of %d:\n%s", widest_line(out.p), width, out.p);
        assert_false(has(&out, " \n"));
        buf_fini(&out);
        world_close(&w);
    }
}

static void what_has_no_room_is_named(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, "by=user,model,error,operation;metrics=invocations,cache_write,cost", facts,
              FACTS);
    struct buf out = print(&w, (struct report_options){.width = 60});
    assert_true(has(&out, "no room for "));
    assert_true(has(&out, "cache write"));
    buf_fini(&out);
    out = print(&w, (struct report_options){.width = 200});
    assert_false(has(&out, "no room for "));
    buf_fini(&out);
    world_close(&w);
}

static void of_figures_the_cost_is_kept_longest(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, "by=user;metrics=invocations,cache_read,cache_write,cost;order=invocations",
              facts, FACTS);
    struct buf out = print(&w, (struct report_options){.width = 36});
    const char *missing = strstr(out.p, "no room for ");
    assert_non_null(missing);
    assert_non_null(strstr(missing, "write"));
    assert_null(strstr(missing, "cost"));
    buf_fini(&out);
    world_close(&w);
}

static void reasons_take_one_line(void **state)
{
    (void)state;
    static const struct fact unpriced[] = {
        {.arn = "a", .outcome = "unpriced", .reason = "a reason of many words that is the first"},
        {.arn = "b", .outcome = "unpriced", .reason = "b reason of as many words, the second"},
        {.arn = "c", .outcome = "unpriced", .reason = "c the third"},
    };
    struct world w;
    open_with(&w, SMALL, unpriced, 3);
    struct buf out = print(&w, (struct report_options){.width = 80});
    assert_true(
        has(&out, "why: a reason of many words that is the first; and 2 more: --by reason\n"));
    buf_fini(&out);
    out = print(&w, (struct report_options){.width = 110});
    assert_true(has(&out, "the first; b reason of as many words, the second; c the third\n"));
    buf_fini(&out);
    world_close(&w);
}

static void colours_come_only_when_asked_for(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, SMALL, facts, FACTS);
    struct buf plain = print(&w, (struct report_options){.width = 80});
    struct buf colour = print(&w, (struct report_options){.width = 80, .color = true});
    assert_false(has(&plain, "\x1b"));
    assert_true(has(&colour, "\x1b[33m2 unpriced\x1b[0m"));
    buf_fini(&plain);
    buf_fini(&colour);
    world_close(&w);
}

static void csv_has_the_keys_of_json_as_columns(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, SMALL, facts, FACTS);
    expect(&w, (struct report_options){.format = REPORT_CSV},
           "user,invocations,input,cache_hit_rate,cost_nusd,cost_usd,unpriced,cost_reason\n"
           "ann@example.com,1,1200,0.9868,1234500000000,1234.50,0,\n"
           "bob@example.com,2,810,0.0000,200000000000,200.000000000001,1,unknown model\n"
           "cat@example.com,1,7,0.0000,,,1,unknown model\n");
    world_close(&w);
}

static void json_rows_say_null_with_a_reason_never_zero(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, "by=user;metrics=users,latency_ms,cost,cost_output", facts, FACTS);
    struct buf out = print(&w, (struct report_options){.format = REPORT_JSON});
    assert_true(has(&out, "{\"user\": \"ann@example.com\", \"users\": 1, \"latency_ms\": null, "
                          "\"cost_nusd\": 1234500000000, \"cost_usd\": \"1234.50\", "
                          "\"cost_output_nusd\": 0, \"cost_output_usd\": \"0.00\", "
                          "\"unpriced\": 0, \"cost_reason\": null}"));
    assert_true(has(&out, "\"cost_output_nusd\": null, \"cost_output_usd\": null, "
                          "\"unpriced\": 1, \"cost_reason\": \"unknown model\"}"));
    assert_true(has(&out, "{\"user\": \"cat@example.com\", \"users\": 1, \"latency_ms\": null, "
                          "\"cost_nusd\": null, \"cost_usd\": null, "));
    assert_true(has(&out, "\"total\": {\"users\": 3, \"latency_ms\": null, "
                          "\"cost_nusd\": 1434500000000, \"cost_usd\": \"1434.500000000001\", "));
    buf_fini(&out);
    world_close(&w);
}

static void json_has_one_shape(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, "by=model;metrics=errors;where=user=*@example.com;since=2026-04-14;limit=1",
              facts, FACTS);
    expect(&w, (struct report_options){.format = REPORT_JSON},
           "{\n"
           "  \"assay\": 1,\n"
           "  \"question\": {\n"
           "    \"name\": null,\n"
           "    \"by\": [\"model\"],\n"
           "    \"metrics\": [\"errors\"],\n"
           "    \"since\": \"2026-04-14T00:00:00Z\",\n"
           "    \"until\": null,\n"
           "    \"where\": [\"user=*@example.com\"],\n"
           "    \"bucket\": null,\n"
           "    \"zone\": \"UTC\",\n"
           "    \"order\": \"errors:desc\",\n"
           "    \"limit\": 1\n"
           "  },\n"
           "  \"rows\": [\n"
           "    {\"model\": \"anthropic.claude-opus-4-8\", \"errors\": 0}\n"
           "  ],\n"
           "  \"total\": {\"errors\": 0},\n"
           "  \"about\": {\n"
           "    \"files\": 2,\n"
           "    \"records\": 5,\n"
           "    \"invocations\": 4,\n"
           "    \"duplicates\": 1,\n"
           "    \"skipped\": 3,\n"
           "    \"quarantined\": 0,\n"
           "    \"files_failed\": 0,\n"
           "    \"errors\": 0,\n"
           "    \"unpriced\": 2,\n"
           "    \"partial\": 0,\n"
           "    \"bounded\": 0,\n"
           "    \"estimated\": 0,\n"
           "    \"unknown_usage\": 0,\n"
           "    \"unpriced_tokens\": 22,\n"
           "    \"flagged\": 0,\n"
           "    \"coverage\": {\n"
           "      \"invocations\": 4,\n"
           "      \"input_bodies\": 2,\n"
           "      \"output_bodies\": 1,\n"
           "      \"bodies_missing\": 0,\n"
           "      \"bodies_refused\": 0,\n"
           "      \"no_request_id\": 0,\n"
           "      \"time_guessed\": 0,\n"
           "      \"odd\": 0,\n"
           "      \"incomplete\": 0\n"
           "    },\n"
           "    \"rows_cut\": 1,\n"
           "    \"since\": \"2026-04-14T08:00:00Z\",\n"
           "    \"up_to\": \"2026-04-15T10:00:00Z\",\n"
           "    \"prices\": \"2026-10-07\"\n"
           "  }\n"
           "}\n");
    world_close(&w);
}

static void markdown_is_a_github_table(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, SMALL, facts, FACTS);
    expect(&w, (struct report_options){.format = REPORT_MD},
           "### Spend by user\n"
           "\n"
           "all data, 2026-04-14 – 2026-04-15, UTC\n"
           "\n"
           "| user | calls | input | cache hits | cost |\n"
           "|:---|---:|---:|---:|---:|\n"
           "| ann@example.com | 1 | 1,200 | 98.7% | $1,234.50 |\n"
           "| bob@example.com | 2 | 810 | 0.0% | $200.00+? |\n"
           "| cat@example.com | 1 | 7 | 0.0% | unpriced |\n"
           "| **total** | **4** | **2,017** | **97.8%** | **$1,434.50+?** |\n"
           "\n"
           "- data up to 2026-04-15 10:00; 4 calls in 2 files; prices of 2026-10-07\n"
           "- 2 unpriced; 1 duplicate removed; 3 skipped; 0 quarantined; coverage: requests seen "
           "50.0%, responses 25.0%\n"
           "- +? or \"unpriced\": 22 tokens without a rate (assay report unpriced)\n"
           "- why: unknown model\n");
    world_close(&w);
}

static void names_of_strangers_stay_names(void **state)
{
    (void)state;
    static const struct fact hostile[] = {
        {.arn = "\x1b[2J\x1b]0;owned\x07|<b>*x*\n$a$ \xE2\x80\xAE"
                "gpj.exe \xFF\xC3( @here www.x https://y",
         .model = OPUS},
    };
    struct world w;
    open_with(&w, "by=user;metrics=invocations", hostile, 1);
    struct buf table = print(&w, (struct report_options){.color = false});
    assert_true(has(&table, "\\x1b[2J\\x1b]0;owned\\x07|<b>*x*\\x0a$a$ \\u{202e}gpj.exe "
                            "\\xff\\xc3( @here www.x https://y"));
    struct buf md = print(&w, (struct report_options){.format = REPORT_MD});
    assert_true(has(&md, "\\|&lt;b>\\*x\\*\\\\x0a\\$a\\$ "));
    assert_true(has(&md, "&#64;here www&#46;x https&#58;//y"));
    struct buf csv = print(&w, (struct report_options){.format = REPORT_CSV});
    struct buf json = print(&w, (struct report_options){.format = REPORT_JSON});
    const struct buf *all[] = {&table, &md, &csv, &json};
    for (int i = 0; i < 4; i++) {
        assert_false(has(all[i], "\x1b"));
        assert_false(has(all[i], "\x07"));
        assert_false(has(all[i], "\xFF"));
    }
    for (int i = 0; i < 3; i++)
        assert_false(has(all[i], "\xE2\x80\xAE"));
    buf_fini(&table);
    buf_fini(&md);
    buf_fini(&csv);
    buf_fini(&json);
    world_close(&w);
}

static void an_empty_answer_says_why(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, "by=user;since=2020;until=2020", facts, FACTS);
    struct buf out = print(&w, (struct report_options){.width = 80});
    assert_true(has(&out, "Nothing matches: there are 4 invocations"));
    assert_true(has(&out, "2020-01-01 \xE2\x80\x93 2020-12-31, UTC"));
    buf_fini(&out);
    world_close(&w);
    open_with(&w, "by=user", NULL, 0);
    out = print(&w, (struct report_options){.width = 80});
    assert_true(has(&out, "No invocation records in the input"));
    assert_true(has(&out, "no data"));
    buf_fini(&out);
    world_close(&w);
}

static void money_never_rounds_to_nothing(void **state)
{
    (void)state;
    char out[FIGURE_TEXT];
    static const struct {
        int64_t pico;
        int decimals;
        const char *text;
    } cases[] = {
        {0, 2, "$0.00"},
        {1, 2, "<$0.01"},
        {4999999999, 2, "<$0.01"},
        {5000000000, 2, "$0.01"},
        {1, 4, "<$0.0001"},
        {1234560000000000, 2, "$1,234.56"},
        {-1500000000000, 2, "-$1.50"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        figure_dollars(out, cases[i].pico, cases[i].decimals);
        assert_string_equal(out, cases[i].text);
    }
}

static void exact_amounts_keep_every_digit(void **state)
{
    (void)state;
    char out[FIGURE_TEXT];
    figure_usd(out, 0);
    assert_string_equal(out, "0.00");
    figure_usd(out, 1);
    assert_string_equal(out, "0.000000000001");
    figure_usd(out, 26004000000);
    assert_string_equal(out, "0.026004");
    figure_usd(out, 12 * PICO_PER_USD);
    assert_string_equal(out, "12.00");
    figure_nano(out, 0);
    assert_string_equal(out, "0");
    figure_nano(out, 1499);
    assert_string_equal(out, "1");
    figure_nano(out, -1500);
    assert_string_equal(out, "-2");
    figure_nano(out, (money_sum)1000000000000 * PICO_PER_USD + 1500);
    assert_string_equal(out, "1000000000000000000002");
}

static void counts_are_short_only_when_asked_for(void **state)
{
    (void)state;
    char out[FIGURE_TEXT];
    static const struct {
        int64_t n;
        const char *text;
    } cases[] = {
        {0, "0"},
        {9999, "9,999"},
        {10000, "10.0k"},
        {999999, "999k"},
        {1000000, "1.00M"},
        {12345678, "12.3M"},
        {-12345678, "-12.3M"},
        {INT64_MAX, "9.22E"},
        {INT64_MIN, "-9.22E"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        figure_count_short(out, cases[i].n);
        assert_string_equal(out, cases[i].text);
    }
    figure_count(out, INT64_MIN);
    assert_string_equal(out, "-9,223,372,036,854,775,808");
}

static void widths_are_those_of_a_terminal(void **state)
{
    (void)state;
    assert_int_equal(text_width(STR("abc")), 3);
    assert_int_equal(text_width(STR("d\xC3\xB6rte")), 5);
    assert_int_equal(text_width(STR("e\xCC\x81")), 1);
    assert_int_equal(text_width(STR("\xE5\xB1\xB1\xE7\x94\xB0")), 4);
    assert_int_equal(text_width(STR("\xF0\x9F\x98\x80")), 2);
    assert_text(text_head(STR("\xE5\xB1\xB1\xE7\x94\xB0"), 3), "\xE5\xB1\xB1");
    assert_text(text_tail(STR("\xE5\xB1\xB1\xE7\x94\xB0"), 3), "\xE7\x94\xB0");
    assert_text(text_tail(STR("abe\xCC\x81"), 1), "e\xCC\x81");
}

static void estimates_and_bounds_are_marked_and_explained(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, "by=user;metrics=cost", NULL, 0);
    struct invocation v = world_invocation(&w, &(struct fact){.arn = SSO("ann@example.com"),
                                                              .cents = 200,
                                                              .outcome = "bounded",
                                                              .reason = "TTL not known"});
    v.cost_span = PICO_PER_USD;
    assert_int_equal(plan_add(w.view, w.cube, &v, 1), OK);
    world_answer(&w);
    struct buf out = print(&w, (struct report_options){.width = 90});
    assert_true(has(&out, "  ~$2.00\n"));
    assert_true(has(&out, "why: TTL not known"));
    assert_true(has(&out, "~ 1 call with a low and a high amount: $2.00 to $3.00 in all"));
    buf_fini(&out);
    world_close(&w);
}

static void the_same_answer_gives_the_same_bytes(void **state)
{
    (void)state;
    for (int format = 0; format < REPORT_FORMATS; format++) {
        struct report_options o = {.format = format, .width = 100, .bars = true, .color = true};
        struct world a, b;
        open_with(&a, "by=user,model;metrics=users,tokens,cost", facts, FACTS);
        open_with(&b, "by=user,model;metrics=users,tokens,cost", NULL, 0);
        for (int i = FACTS - 1; i >= 0; i--)
            world_add(&b, &facts[i]);
        world_answer(&b);
        struct buf first = print(&a, o), second = print(&b, o);
        assert_string_equal(first.p, second.p);
        buf_fini(&first);
        buf_fini(&second);
        world_close(&a);
        world_close(&b);
    }
}

static void a_full_buffer_is_an_error_and_not_half_a_report(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, SMALL, facts, FACTS);
    for (int format = 0; format < REPORT_FORMATS; format++) {
        struct report_options o = {.format = format};
        struct err err = {0};
        struct buf out;
        buf_init(&out, 100);
        assert_int_not_equal(report_render(w.answer, &o, &out, &err), OK);
        assert_true(err.text[0] != '\0');
        buf_fini(&out);
    }
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_aligned_totalled_and_says_what_is_missing),
        cmocka_unit_test(without_unicode_a_table_is_plain_ascii),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
        cmocka_unit_test(what_has_no_room_is_named),
        cmocka_unit_test(of_figures_the_cost_is_kept_longest),
        cmocka_unit_test(reasons_take_one_line),
        cmocka_unit_test(colours_come_only_when_asked_for),
        cmocka_unit_test(csv_has_the_keys_of_json_as_columns),
        cmocka_unit_test(json_rows_say_null_with_a_reason_never_zero),
        cmocka_unit_test(json_has_one_shape),
        cmocka_unit_test(markdown_is_a_github_table),
        cmocka_unit_test(names_of_strangers_stay_names),
        cmocka_unit_test(an_empty_answer_says_why),
        cmocka_unit_test(money_never_rounds_to_nothing),
        cmocka_unit_test(exact_amounts_keep_every_digit),
        cmocka_unit_test(counts_are_short_only_when_asked_for),
        cmocka_unit_test(widths_are_those_of_a_terminal),
        cmocka_unit_test(estimates_and_bounds_are_marked_and_explained),
        cmocka_unit_test(the_same_answer_gives_the_same_bytes),
        cmocka_unit_test(a_full_buffer_is_an_error_and_not_half_a_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
