/*
 * ingest/exchange: rules of the request-bodies facts that have no pitfall of their own, by section.
 */
#include "exchange_fixture.h"

static void facts_2_a_session_id_is_any_text_of_up_to_128_bytes(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    char id[130], members[512];
    memset(id, 'a', sizeof id);
    for (int n = 128; n <= 129; n++) {
        snprintf(members, sizeof members, "'metadata':{'user_id':'user_x_account__session_%.*s'},",
                 n, id);
        read_request(r, members, USER("'a'"));
        assert_int_equal(r->x.session.n, n == 128 ? 128 : 0);
    }
    /* Of several marks the last counts; broken JSON inside costs the session and nothing else. */
    read_request(r, "'metadata':{'user_id':'a_session_b_session_c'},", USER("'a'"));
    assert_str(r->x.session, "c");
    read_request(r, MAIN "'metadata':{'user_id':'{\\'session_id\\':\\'a'},", USER("'a'"));
    assert_str(r->x.session, "");
    assert_true(r->x.flags & EX_ODD);
    assert_int_equal(r->x.prompts, 1);
    assert_str(r->names.version, "2.1.197");
    reading_free(r);
}

static void facts_3_the_billing_line_stands_in_any_block_and_may_be_missing(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(
        r,
        "'system':[" TEXT("a") "," TEXT("x-anthropic-billing-header: new_key=1; "
                                        "cc_version=2.2.0.abc; cc_entrypoint=sdk-ts;") "],",
        USER("'a'"));
    assert_str(r->names.harness, "Claude Code");
    assert_str(r->names.version, "2.2.0");
    assert_str(r->names.entrypoint, "sdk-ts");
    assert_int_equal(r->x.cut, 0);
    read_request(r, "'system':[" OPENER "],'tools':[{'name':'Bash'}],", USER("'a'"));
    assert_str(r->names.harness, "Claude Code");
    assert_str(r->names.version, "");
    assert_kind(r, CALL_MAIN);
    reading_free(r);
}

static void facts_4_each_opener_of_background_calls_names_its_purpose(void **state)
{
    (void)state;
    static const char *const openers[][2] = {
        {"Generate a concise, sentence-case title", "title"},
        {"Analyze if this message indicates a new conversation topic", "title"},
        {"please write a 5-10 word title", "title"},
        {"[SUGGESTION MODE", "suggestion"},
        {"Your task is to process Bash commands", "bash"},
        {"Extract any file paths that this command", "paths"},
        {"You are an assistant for performing a web search", "web search"},
        {"You are a security monitor", "safety"},
    };
    struct reading *r = reading_new();
    for (size_t i = 0; i < sizeof openers / sizeof openers[0]; i++) {
        char members[512];
        snprintf(members, sizeof members,
                 "'tools':[],'system':[" BILLING("") "," OPENER "," TEXT("%s x") "],",
                 openers[i][0]);
        read_request(r, members, USER("'a'"));
        assert_kind(r, CALL_BACKGROUND);
        assert_symbol(r, r->x.purpose, openers[i][1]);
        assert_int_equal(r->x.prompts, 0);
    }
    reading_free(r);
}

static void facts_5_reminders_of_later_messages_add_to_the_first(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    struct offer_item item;
    read_request(
        r, "",
        USER("[" REMINDER("The following skills are available for use\\n- one: x") "]") "," ASSISTANT(
            "'b'") "," USER("[" REMINDER("The following skills are available for use\\n- two: "
                                         "x\\n- "
                                         "one: y") "]"));
    struct str text = symbols_text(r->symbols, r->x.offer);
    for (int i = 0; i < 2; i++) {
        assert_true(offer_next(&text, &item) && item.kind == OFFER_SKILL);
        assert_str(item.name, i ? "two" : "one");
    }
    assert_false(offer_next(&text, &item));
    assert_int_equal(r->x.history_prompts, 0);
    reading_free(r);
}

static void facts_6_older_names_and_tools_without_a_prefix(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_both(r, "{'messages':[],'tools':[{'name':'wiki_find','defer_loading':true}]}",
              "{'content':[" USE("a", "Skill", "{'command':'notes','args':'x'}") "," USE(
                  "b", "Task", "{'prompt':'x'}") "," USE("c", "wiki_find",
                                                         "{}") "," USE("d", "Read", "{}") "]}");
    assert_use(r, &r->x.made[0], TOOL_SKILL, "", "notes");
    assert_use(r, &r->x.made[1], TOOL_AGENT, "", "general-purpose");
    assert_use(r, &r->x.made[2], TOOL_BUILTIN, "", "wiki_find");
    assert_use(r, &r->x.made[3], TOOL_BUILTIN, "", "Read");
    assert_int_equal(r->x.part[PART_MCP], 0);
    reading_free(r);
}

static void facts_7_thinking_is_measured_and_never_a_prompt(void **state)
{
    (void)state;
    static const char *const blocks[] = {
        "{'type':'thinking','thinking':'CANARY','signature':'xxxxxxxx'}",
        "{'type':'redacted_thinking','data':'CANARY'}",
        "{'reasoningContent':{'reasoningText':{'text':'CANARY'}}}",
    };
    struct reading *r = reading_new();
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        char messages[512];
        snprintf(messages, sizeof messages,
                 USER("'a'") "," ASSISTANT("[%s," TEXT("b") "]") "," USER("'c'"), blocks[i]);
        read_request(r, "", messages);
        assert_int_equal(r->x.prompts, 1);
        assert_int_equal(r->x.history_prompts, 2);
        assert_true(r->x.part[PART_HISTORY] >= strlen("ab") + strlen("CANARY"));
    }
    for (uint32_t i = 0; i < symbols_count(r->symbols); i++)
        assert_true(str_find(symbols_text(r->symbols, i), STR("CANARY")) < 0);
    reading_free(r);
}

/* Each row of the table: the prompts that a block alone in its message makes. */
static void facts_8_each_class_of_block_is_a_prompt_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t prompts, interrupts, commands;
    } rows[] = {
        {"<system-reminder>\\nx</system-reminder>", 0, 0, 0},
        {"CRITICAL: Respond with TEXT ONLY x", 0, 0, 0},
        {"This session is being continued from x", 0, 0, 0},
        {"<command-message>x</command-message><command-name>/x</command-name>", 1, 0, 1},
        {"\\n  <command-name>/x</command-name>\\n <command-message>x</command-message>", 1, 0, 1},
        {"<command-name>/x</command-name><local-command-stdout>x", 0, 0, 1},
        {"<local-command-caveat>x", 0, 0, 0},
        {"<local-command-stdout>x", 0, 0, 0},
        {"<bash-input>ls</bash-input>", 1, 0, 0},
        {"<bash-stdout>x</bash-stdout>", 0, 0, 0},
        {"Base directory for this skill: /x", 0, 0, 0},
        {"[Request interrupted by user for tool use]", 0, 1, 0},
        {"please", 1, 0, 0},
        {" \\n", 0, 0, 0},
    };
    struct reading *r = reading_new();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char messages[512];
        snprintf(messages, sizeof messages, USER("[" TEXT("%s") "]"), rows[i].text);
        read_request(r, MAIN, messages);
        if (r->x.prompts != rows[i].prompts || r->x.interrupts != rows[i].interrupts ||
            r->x.commands_n != rows[i].commands)
            fail_msg("%s: %u prompts, %u interrupts, %u commands", rows[i].text, r->x.prompts,
                     r->x.interrupts, r->x.commands_n);
        /* Beside a result only what a person did otherwise than by typing counts. */
        snprintf(messages, sizeof messages,
                 ASSISTANT("[" USE("t", "Bash", "{}") "]") "," USER(
                     "[" RESULT("t", "'x'") "," TEXT("%s") "]"),
                 rows[i].text);
        read_request(r, MAIN, messages);
        bool typed = strcmp(rows[i].text, "please") == 0;
        assert_int_equal(r->x.prompts, typed ? 0 : rows[i].prompts);
    }
    reading_free(r);
}

static void facts_11_a_result_is_an_error_only_when_it_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *result;
        bool error;
    } cases[] = {
        {"{'type':'tool_result','tool_use_id':'t'}", false},
        {"{'type':'tool_result','tool_use_id':'t','content':null}", false},
        {"{'type':'tool_result','tool_use_id':'t','is_error':false,'content':'x'}", false},
        {"{'type':'tool_result','tool_use_id':'t','is_error':'true','content':'x'}", false},
        {"{'is_error':true,'tool_use_id':'t','content':[" TEXT("<tool_use_error>") "],'type':'tool_"
                                                                                   "result'}",
         true},
        {"{'toolResult':{'toolUseId':'t','content':[]}}", false},
        {"{'toolResult':{'toolUseId':'t','status':'success','content':[{'json':{}}]}}", false},
        {"{'toolResult':{'status':'error','toolUseId':'t'}}", true},
    };
    struct reading *r = reading_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char messages[512];
        snprintf(messages, sizeof messages,
                 ASSISTANT("[" USE("t", "Bash", "{}") "]") "," USER("[%s]"), cases[i].result);
        read_request(r, MAIN, messages);
        assert_int_equal(r->x.earlier_n, 1);
        assert_true(r->x.earlier[0].answered);
        if (r->x.earlier[0].error != cases[i].error)
            fail_msg("%s", cases[i].result);
        assert_int_equal(r->x.prompts, 0);
    }
    reading_free(r);
}

static void facts_13_both_forms_take_what_the_other_has(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r, "'system':[{'text':'abc'},{'cachePoint':{'type':'default'}}],",
                 USER("'plain'") "," ASSISTANT("'b'") "," USER(
                     "[{'text':'two'},{'document':{'source':{}}},{'cachePoint':{}}]"));
    assert_int_equal(r->x.part[PART_SYSTEM], 3);
    assert_int_equal(r->x.history_prompts, 2);
    assert_int_equal(r->x.prompts, 1);
    read_both(r, "{'toolConfig':{'tools':[{'toolSpec':{'name':'a'}}]},'messages':[]}",
              "{'output':{'message':{'content':[{'toolUse':{'name':'Skill','toolUseId':'t','input':"
              "{'skill':'notes'}}}]}},'content':[" USE("u", "Bash", "{}") "]}");
    assert_int_equal(r->x.made_n, 2);
    assert_use(r, &r->x.made[0], TOOL_SKILL, "", "notes");
    assert_use(r, &r->x.made[1], TOOL_BUILTIN, "", "Bash");
    reading_free(r);
}

static void facts_14_without_a_body_nothing_is_guessed(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_both(r, NULL, NULL);
    assert_kind(r, CALL_UNKNOWN);
    assert_str(r->names.harness, "");
    assert_false(r->x.flags & EX_RECOGNISED);
    assert_int_equal(r->session, 0);
    read_both(r, NULL, "{'content':[" USE("t", "Bash", "{}") "]}");
    assert_kind(r, CALL_UNKNOWN);
    assert_int_equal(r->x.made_n, 1);
    /* A billing line beats the opener of another program, which is only text. */
    read_request(r, "'system':[" BILLING("") "," TEXT("You are Roo, a highly skilled x") "],",
                 USER("'a'"));
    assert_str(r->names.version, "2.1.197");
    reading_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_2_a_session_id_is_any_text_of_up_to_128_bytes),
        cmocka_unit_test(facts_3_the_billing_line_stands_in_any_block_and_may_be_missing),
        cmocka_unit_test(facts_4_each_opener_of_background_calls_names_its_purpose),
        cmocka_unit_test(facts_5_reminders_of_later_messages_add_to_the_first),
        cmocka_unit_test(facts_6_older_names_and_tools_without_a_prefix),
        cmocka_unit_test(facts_7_thinking_is_measured_and_never_a_prompt),
        cmocka_unit_test(facts_8_each_class_of_block_is_a_prompt_or_none),
        cmocka_unit_test(facts_11_a_result_is_an_error_only_when_it_says_so),
        cmocka_unit_test(facts_13_both_forms_take_what_the_other_has),
        cmocka_unit_test(facts_14_without_a_body_nothing_is_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
