/* ingest/exchange: messages and the tools in them (request-bodies facts, 5 to 8, 10, 11, 13;
 * pitfalls of 15 by number). */
#include "exchange_fixture.h"

static void pitfall_1_and_16_normalised_messages_hash_alike(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    static const char *const same[] = {
        USER("'do it'"),
        USER("[" TEXT("do it") "]"),
        USER("[{'cache_control':{'type':'ephemeral'},'text':'do it\\n','type':'text'}]"),
        "{'content':[{'text':' do it '}],'role':'user'}",
        USER("[{'text':'do it'},{'cachePoint':{'type':'default'}}]"),
    };
    read_request(r, "", same[0]);
    uint64_t first = r->x.first, opening = r->x.opening, session = r->session;
    assert_true(first != 0 && opening != 0 && r->x.recent_n == 1 && r->x.recent[0] == first);
    for (size_t i = 1; i < sizeof same / sizeof same[0]; i++) {
        read_request(r, "", same[i]);
        assert_true(r->x.first == first && r->x.opening == opening && r->session == session);
    }
    read_request(r, "", USER("'do that'"));
    assert_true(r->x.first != first);
    read_request(r, "", ASSISTANT("'do it'"));
    assert_true(r->x.first != first);
    reading_free(r);
}

static void both_forms_of_tool_blocks_hash_alike(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r, "",
                 ASSISTANT("[" USE("t", "N", "{'a':1}") "]") "," USER("[" RESULT("t", "'x'") "]"));
    uint64_t a = r->x.recent[0], b = r->x.recent[1];
    read_request(r, "",
                 ASSISTANT("[{'toolUse':{'input':{'a':1},'name':'N','toolUseId':'t'}}]") "," USER(
                     "[{'toolResult':{'content':[{'text':'x'}],'toolUseId':'t'}}]"));
    assert_true(r->x.recent[0] == a && r->x.recent[1] == b);
    reading_free(r);
}

static void a_call_continues_another_by_its_last_messages(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r, "", USER("'a'") "," ASSISTANT("'b'") "," USER("'c'"));
    struct exchange before = r->x;
    read_request(r, "",
                 USER("'a'") "," ASSISTANT("'b'") "," USER("[" TEXT("c") "]") "," ASSISTANT(
                     "'d'") "," USER("'e'"));
    assert_true(r->x.first == before.first && r->x.messages == 5 && r->x.recent_n == 5);
    for (int i = 0; i < 3; i++)
        assert_true(r->x.recent[i] == before.recent[i]);
    assert_int_equal(r->x.tail, 1);
    assert_true(r->x.flags & EX_HISTORY);
    assert_false(before.flags & EX_CONTINUED);
    reading_free(r);
}

static void pitfall_4_prompts_are_blocks_that_people_typed(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(
        r, MAIN,
        USER("[" REMINDER("x") "," TEXT("one") "]") "," ASSISTANT("[" USE("t", "Bash", "{}") "]") "," USER(
            "[" RESULT(
                "t",
                "'out'") "]") "," ASSISTANT("'b'") "," USER("[" TEXT("two") "," TEXT("three") "]") "," USER("'four'"));
    assert_int_equal(r->x.messages, 6);
    assert_int_equal(r->x.tail, 2);
    assert_int_equal(r->x.prompts, 3);
    assert_int_equal(r->x.history_prompts, 4);
    assert_int_equal(r->x.part[PART_USER], strlen("twothreefour"));
    read_request(r, MAIN, USER("[{'type':'image','source':{'data':'AAAA'}}]"));
    assert_int_equal(r->x.prompts, 1);
    reading_free(r);
}

static void pitfall_5_riders_beside_a_result_are_no_prompts(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r, MAIN,
                 ASSISTANT("[" USE("t", "ToolSearch", "{}") "]") "," USER(
                     "[" RESULT("t", "[{'type':'tool_reference','tool_name':'x'}]") "," TEXT(
                         "Tool loaded.") "," TEXT("Base directory for this skill: /x") "]"));
    assert_int_equal(r->x.prompts, 0);
    assert_int_equal(r->x.part[PART_USER], 0);
    reading_free(r);
}

static void pitfall_6_prompts_typed_midway_hide_in_results(void **state)
{
    (void)state;
    struct reading *r = reading_new();
#define MIDWAY                                                                                     \
    "<system-reminder>\\nThe user sent a new message while you were working: x\\n"                 \
    "</system-reminder>"
    read_request(r, MAIN,
                 ASSISTANT("[" USE("t", "Bash", "{}") "]") "," USER(
                     "[" RESULT("t", "'out\\n" MIDWAY "\\n'") "]"));
    assert_int_equal(r->x.prompts, 1);
    read_request(
        r, MAIN,
        ASSISTANT("[" USE("t", "Bash", "{}") "]") "," USER("[" RESULT(
            "t", "[" TEXT("out") "," TEXT(
                     MIDWAY "\\n" MIDWAY) "]") "]") "," ASSISTANT("'k'") "," USER("'next'"));
    assert_int_equal(r->x.prompts, 1);
    assert_int_equal(r->x.history_prompts, 3);
    read_request(r, MAIN,
                 ASSISTANT("[" USE("t", "Bash", "{}") "]") "," USER(
                     "[" RESULT("t", "'out <system-reminder>\\nother</system-reminder>'") "]"));
    assert_int_equal(r->x.prompts, 0);
    reading_free(r);
}

static void commands_shell_lines_and_interrupts_are_told_apart(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(
        r, MAIN,
        USER("[" TEXT(
            "<command-message>n</command-message>\\n<command-name>/release-notes"
            "</command-name>\\n<command-args>short</command-args>") "," TEXT("Base directory for "
                                                                             "this skill: "
                                                                             "/x\\nARGUMENTS: "
                                                                             "short") "]"));
    assert_int_equal(r->x.prompts, 1);
    assert_int_equal(r->x.commands_n, 1);
    assert_int_equal(r->x.part[PART_SKILLS],
                     strlen("Base directory for this skill: /x ARGUMENTS: short"));
    assert_int_equal(r->x.part[PART_REMINDERS], 0);
    assert_symbol(r, r->x.commands[0], "release-notes");
    read_request(
        r, MAIN,
        USER("[" TEXT("<local-command-caveat>c") "," TEXT(
            "\\n  "
            "<command-name>/compact</command-name>\\n "
            " <command-message>") "," TEXT("<local-command-stdout>done") "," TEXT("go on") "]"));
    assert_int_equal(r->x.prompts, 1);
    read_request(
        r, MAIN,
        USER("[" TEXT("<bash-input>ls</bash-input>") "," TEXT("<bash-stdout>a</bash-stdout>") "]"));
    assert_int_equal(r->x.prompts, 1);
    read_request(r, MAIN,
                 USER("'a'") "," ASSISTANT("'b'") "," USER(
                     "[" TEXT("[Request interrupted by user]") "," TEXT("no") "]"));
    assert_int_equal(r->x.interrupts, 1);
    assert_int_equal(r->x.prompts, 1);
    reading_free(r);
}

static void pitfall_24_summaries_and_resumed_sessions_are_no_first_message(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r, MAIN,
                 USER("[" REMINDER("As you answer the user\x01s questions, x") "," TEXT(
                     "This session is being continued from x") "]"));
    assert_true(r->x.flags & EX_CONTINUED);
    assert_false(r->x.flags & EX_HISTORY);
    assert_int_equal(r->x.prompts, 0);
    read_request(r, MAIN, USER("'a'") "," ASSISTANT("'b'") "," USER("'c'"));
    assert_true(r->x.flags & EX_HISTORY);
    reading_free(r);
}

static void pitfall_7_tool_calls_are_those_of_the_answer(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_both(
        r,
        "{'tools':[{'name':'Bash'}],'messages':[" USER("'a'") "," ASSISTANT("[" USE("t1", "Bash", "{'c':1}") "]") "," USER(
            "[" RESULT(
                "t1",
                "'x'") "]") "," ASSISTANT("[" USE("t2", "Read",
                                                  "{}") "," USE("t3", "Bash",
                                                                "{'c':1}") "]") "," USER("[{'is_"
                                                                                         "error':"
                                                                                         "true,'"
                                                                                         "content':"
                                                                                         "'no','"
                                                                                         "tool_use_"
                                                                                         "id':'t2',"
                                                                                         "'type':'"
                                                                                         "tool_"
                                                                                         "result'}"
                                                                                         "]") "]}",
        "{'content':[{'type':'text','text':'k'}," USE("t4", "Bash", "{'c':1}") "]}");
    assert_int_equal(r->x.made_n, 1);
    assert_use(r, &r->x.made[0], TOOL_BUILTIN, "", "Bash");
    assert_int_equal(r->x.earlier_n, 2);
    assert_use(r, &r->x.earlier[0], TOOL_BUILTIN, "", "Read");
    assert_true(r->x.earlier[0].answered && r->x.earlier[0].error);
    assert_false(r->x.earlier[1].answered || r->x.earlier[1].error);
    assert_true(r->x.earlier[1].input == r->x.made[0].input && r->x.made[0].input != 0);
    assert_true(r->x.earlier[1].id != r->x.made[0].id);
    reading_free(r);
}

static void bedrock_logs_25_and_26_streamed_input_is_put_together(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_both(r, "{'messages':[" USER("'a'") "]}",
              "['[DONE]',{'type':'content_block_start','index':0,'content_block':{'type':'text'}},"
              "{'type':'content_block_start','index':1,'content_block':" USE(
                  "a", "Skill",
                  "{}") "},"
                        "{'index':2,'content_block':" USE(
                            "b", "Agent",
                            "{}") ",'type':'content_block_start'},"
                                  "{'type':'content_block_delta','index':1,'delta':{'type':'input_"
                                  "json_delta','partial_json':'{\\'sk'}},"
                                  "{'delta':{'partial_json':'{\\'prompt\\': \\'go "
                                  "\\\\u00','type':'input_json_delta'},'index':2,'type':'content_"
                                  "block_delta'},"
                                  "{'type':'content_block_delta','index':1,'delta':{'type':'input_"
                                  "json_delta','partial_json':'ill\\':\\'p:notes\\'}'}},"
                                  "{'type':'content_block_delta','index':2,'delta':{'partial_json':"
                                  "'e9\\'}'}},"
                                  "{'type':'content_block_stop','index':1},{'type':'content_block_"
                                  "stop','index':2}]");
    assert_int_equal(r->x.made_n, 2);
    assert_use(r, &r->x.made[0], TOOL_SKILL, "", "p:notes");
    assert_use(r, &r->x.made[1], TOOL_AGENT, "", "general-purpose");
    uint64_t prompt = r->x.made[1].input;
    read_request(r, "'system':[" BILLING(" cc_is_subagent=true;") "],",
                 USER("[" REMINDER("x") "," TEXT("go é\\n") "]"));
    assert_true(r->x.opening == prompt);
    /* The same, as a later request repeats it. */
    read_request(
        r, "", ASSISTANT("[" USE("b", "Agent", "{'subagent_type':'Explore','prompt':'go é'}") "]"));
    assert_true(r->x.earlier[0].input == prompt);
    assert_use(r, &r->x.earlier[0], TOOL_AGENT, "", "Explore");
    reading_free(r);
}

static void converse_answers_and_errors(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_both(
        r,
        "{'messages':[" ASSISTANT("[{'toolUse':{'toolUseId':'u','name':'mcp--git--log','input':{}}}"
                                  "]") "," USER("[{'toolResult':{'status':'error','toolUseId':'u','"
                                                "content':[{'json':{}}]}}]") "]}",
        "{'output':{'message':{'role':'assistant','content':[{'text':'a'},{'toolUse':{'toolUseId':'"
        "v',"
        "'name':'apply_diff','input':{'p':1}}}]}},'stopReason':'tool_use'}");
    assert_use(r, &r->x.earlier[0], TOOL_MCP, "git", "log");
    assert_true(r->x.earlier[0].error);
    assert_use(r, &r->x.made[0], TOOL_BUILTIN, "", "apply_diff");
    reading_free(r);
}

static void mcp_names_are_split_by_known_servers(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    static const char *const cases[][4] = {
        {"", "mcp__wiki__get_page", "wiki", "get_page"},
        {"", "mcp__plugin_a_b__t-x", "plugin_a_b", "t-x"},
        {"", "mcp__alone", "alone", ""},
        {"", "mcp__a__b__c", "a", "b__c"},
        {"'tools':[{'name':'mcp__a__b__c'},{'name':'mcp__a__b__d'}],", "mcp__a__b__c", "a__b", "c"},
        {"'tools':[{'name':'mcp__a__x'},{'name':'mcp__a__y'}],", "mcp__a__b__c", "a", "b__c"},
        {"'system':'You are a general-purpose AI agent called goose',", "developer__shell",
         "developer", "shell"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char messages[256];
        snprintf(messages, sizeof messages, ASSISTANT("[" USE("t", "%s", "{}") "]"), cases[i][1]);
        read_request(r, cases[i][0], messages);
        assert_use(r, &r->x.earlier[0], TOOL_MCP, cases[i][2], cases[i][3]);
    }
    read_request(
        r, "",
        ASSISTANT("[" USE("t", "ReadMcpResourceTool", "{'server':'wiki','uri':'x'}") "," USE(
            "u", "developer__shell", "{}") "]"));
    assert_use(r, &r->x.earlier[0], TOOL_MCP, "wiki", "ReadMcpResourceTool");
    assert_use(r, &r->x.earlier[1], TOOL_BUILTIN, "", "developer__shell");
    reading_free(r);
}

static struct offer_item find_item(struct reading *r, enum offer_kind kind, const char *name)
{
    struct str text = symbols_text(r->symbols, r->x.offer);
    struct offer_item item;
    while (offer_next(&text, &item))
        if (item.kind == kind && str_eq(item.name, str_from(name)))
            return item;
    fail_msg("%s is not offered", name);
    return item;
}

static bool is_offered(struct reading *r, const char *name)
{
    return str_find(symbols_text(r->symbols, r->x.offer), str_from(name)) >= 0;
}

static void pitfalls_8_to_11_offers_are_read_from_tools_and_reminders(void **state)
{
    (void)state;
    struct reading *r = reading_new();
#define DEFERRED                                                                                   \
    "The following deferred tools are now available (select:<name>):\\nCronList\\n"                \
    "mcp__wiki__find\\nmcp__wiki__get\\n\\nThe following MCP servers are still connecting:\\n"     \
    "my-server\\n"
#define INSTRUCTIONS                                                                               \
    "# MCP Server Instructions\\n\\nlead\\n\\n## wiki\\nhow\\n## own heading\\nmore"
    const char *messages = USER("[" REMINDER(DEFERRED) "," REMINDER(INSTRUCTIONS) "," REMINDER(
        "Available agent "
        "types for the "
        "Agent tool:\\n- "
        "Explore: looks: "
        "far") "," REMINDER("The following skills are available for use\\n\\n- plug:notes: "
                            "writes\\n  - a: "
                            "b"
                            "\\n- deploy: ships\\n- not a name: x") "," REMINDER("The following "
                                                                                 "skills "
                                                                                 "were invoked "
                                                                                 "EARLIER\\n- "
                                                                                 "old: x") "," TEXT("go") "]");
    read_request(r, "'tools':[{'name':'Bash','description':'d'},{'name':'mcp__wiki__get'}],",
                 messages);
    struct offer_item wiki = find_item(r, OFFER_SERVER, "wiki");
    assert_int_equal(wiki.tools, 1);
    assert_int_equal(wiki.deferred, 1);
    assert_int_equal(wiki.schema_bytes, strlen("{'name':'mcp__wiki__get'}"));
    assert_int_equal(wiki.name_bytes, strlen("mcp__wiki__find\nmcp__wiki__get\n"));
    assert_int_equal(wiki.note_bytes, strlen("## wiki\nhow\n## own heading\nmore\n"));
    find_item(r, OFFER_SERVER, "my-server");
    find_item(r, OFFER_SKILL, "plug:notes");
    find_item(r, OFFER_SKILL, "deploy");
    find_item(r, OFFER_AGENT, "Explore");
    assert_false(is_offered(r, "select"));
    assert_false(is_offered(r, "own heading"));
    assert_false(is_offered(r, "not a name"));
    assert_int_equal(r->x.part[PART_TOOLS] + r->x.part[PART_MCP],
                     strlen("{'name':'Bash','description':'d'}{'name':'mcp__wiki__get'}") +
                         strlen("<system-reminder>\n\n</system-reminder>") * 2 + strlen(DEFERRED) -
                         7 + strlen(INSTRUCTIONS) - 7);
    /* Pitfall 8: what was invoked earlier is neither offered nor used. */
    assert_false(is_offered(r, "old"));
    assert_int_equal(r->x.made_n + r->x.earlier_n, 0);
    reading_free(r);
}

static void pitfall_17_and_18_parts_are_disjoint_and_complete(void **state)
{
    (void)state;
    struct reading *r = reading_new();
#define CONTEXT                                                                                    \
    "As you answer the user\x01s questions, x\\n# claudeMd\\nContents of /r/CLAUDE.md (p):\\n# "   \
    "rules\\n"                                                                                     \
    "# currentDate\\ntoday"
    read_request(r, "'system':'sys \\u00e9',",
                 USER("[" REMINDER(CONTEXT) "," REMINDER("Called the Read tool x") "," TEXT(
                     "user \\u20ac") "]"));
    assert_int_equal(r->x.part[PART_SYSTEM], 6);
    assert_int_equal(r->x.part[PART_MEMORY],
                     strlen("# claudeMd\nContents of /r/CLAUDE.md (p):\n# rules\n"));
    assert_int_equal(r->x.part[PART_REMINDERS],
                     strlen("<system-reminder>\nCalled the Read tool x\n</system-reminder>"));
    assert_int_equal(r->x.part[PART_USER], 8);
    assert_int_equal(r->x.prompts, 1);
    assert_int_equal(r->x.made_n + r->x.earlier_n, 0);
    read_request(r, "",
                 USER("'abc'") "," ASSISTANT("'defg'") "," USER("[" RESULT("t", "'hi\\n'") "]"));
    assert_int_equal(r->x.part[PART_HISTORY], 7);
    assert_int_equal(r->x.part[PART_RESULTS], 3);
    assert_int_equal(exchange_bytes(&r->x), 10);
    reading_free(r);
}

static void nothing_depends_on_cache_control_or_order_of_keys(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    const char *plain =
        "{'tools':[{'name':'Bash','input_schema':{}}],'system':[{'type':'text','text':'s'}],"
        "'messages':[" USER("[" TEXT("a") "]") "," ASSISTANT(
            "[" USE("t", "Bash",
                    "{'a':1,'b':[2]}") "]") "," USER("[" RESULT("t", "[" TEXT("x") "]") "]") "]}";
    const char *other =
        "{'messages':[{'content':[{'text':'a','cache_control':{'type':'ephemeral','ttl':'1h'},'"
        "type':'text'}],"
        "'role':'user'},{'content':[{'name':'Bash','input':{'b':[2],'a':1},'id':'t','type':'tool_"
        "use',"
        "'cache_control':{'type':'ephemeral'}}],'role':'assistant'},{'content':[{'content':[{'text'"
        ":'x','type':"
        "'text'}],'cache_control':{},'tool_use_id':'t','type':'tool_result'}],'role':'user'}],"
        "'system':[{'cache_control':{},'text':'s','type':'text'}],"
        "'tools':[{'cache_control':{},'input_schema':{},'name':'Bash'}]}";
    struct buf a, b;
    buf_init(&a, 1 << 16);
    buf_init(&b, 1 << 16);
    exchange_pack(read_input(r, plain), &a);
    exchange_pack(read_input(r, other), &b);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.p, b.p, a.n);
    buf_fini(&a);
    buf_fini(&b);
    reading_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pitfall_1_and_16_normalised_messages_hash_alike),
        cmocka_unit_test(both_forms_of_tool_blocks_hash_alike),
        cmocka_unit_test(a_call_continues_another_by_its_last_messages),
        cmocka_unit_test(pitfall_4_prompts_are_blocks_that_people_typed),
        cmocka_unit_test(pitfall_5_riders_beside_a_result_are_no_prompts),
        cmocka_unit_test(pitfall_6_prompts_typed_midway_hide_in_results),
        cmocka_unit_test(commands_shell_lines_and_interrupts_are_told_apart),
        cmocka_unit_test(pitfall_24_summaries_and_resumed_sessions_are_no_first_message),
        cmocka_unit_test(pitfall_7_tool_calls_are_those_of_the_answer),
        cmocka_unit_test(bedrock_logs_25_and_26_streamed_input_is_put_together),
        cmocka_unit_test(converse_answers_and_errors),
        cmocka_unit_test(mcp_names_are_split_by_known_servers),
        cmocka_unit_test(pitfalls_8_to_11_offers_are_read_from_tools_and_reminders),
        cmocka_unit_test(pitfall_17_and_18_parts_are_disjoint_and_complete),
        cmocka_unit_test(nothing_depends_on_cache_control_or_order_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
