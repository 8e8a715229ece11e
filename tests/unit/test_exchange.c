/* ingest/exchange: who calls, in which session, and what kind of call it is (request-bodies facts,
 * 2 to 4, 12 to 14; pitfalls of 15 by number). */
#include "exchange_fixture.h"

static void billing_line_names_version_and_entry_point(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r, MAIN, USER("'do'"));
    assert_str(r->names.harness, "Claude Code");
    assert_str(r->names.version, "2.1.197");
    assert_str(r->names.entrypoint, "cli");
    assert_kind(r, CALL_MAIN);
    assert_true(r->x.flags & EX_RECOGNISED);
    reading_free(r);
}

static void pitfall_12_suffix_of_the_version_is_no_version(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r, "'system':'x-anthropic-billing-header: cc_version=2.1.197.c10;',", USER("'a'"));
    assert_str(r->names.version, "2.1.197");
    read_request(r, "'system':'x-anthropic-billing-header: cc_version=3.0; x; =;;',", USER("'a'"));
    assert_str(r->names.version, "3.0");
    reading_free(r);
}

static void pitfall_13_user_id_is_a_string_in_two_encodings(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r,
                 "'metadata':{'user_id':'{\\'device_id\\':\\'aa\\',\\'session_id\\':\\'s-1\\'}'},",
                 USER("'a'"));
    assert_str(r->x.session, "s-1");
    assert_false(r->x.flags & EX_LEGACY_ID);
    assert_str(r->names.harness, "Claude Code");
    uint64_t session = r->session;
    read_request(r, "'metadata':{'user_id':'user_aa_account__session_x_session_s-1'},",
                 USER("'b'"));
    assert_str(r->x.session, "s-1");
    assert_true(r->x.flags & EX_LEGACY_ID);
    assert_true(session != 0 && session == r->session);
    read_request(r, "'metadata':{'user_id':'somebody'},", USER("'a'"));
    assert_str(r->x.session, "");
    read_request(r, "'metadata':{'user_id':'{\\'session_id\\':'},", USER("'a'"));
    assert_str(r->x.session, "");
    assert_true(r->x.flags & EX_ODD);
    read_request(r, "'metadata':{'user_id':{'session_id':'s-1'}},", USER("'a'"));
    assert_str(r->x.session, "");
    reading_free(r);
}

static void session_belongs_to_a_principal(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    const char *members = "'metadata':{'user_id':'_session_s'},";
    read_request(r, members, USER("'a'"));
    uint64_t ann = r->session;
    r->principal = STR("arn:aws:iam::111122223333:user/bob");
    read_request(r, members, USER("'a'"));
    assert_true(ann != r->session);
    /* Without an id the first message holds a conversation together. */
    read_request(r, "", USER("'a'"));
    uint64_t first = r->session;
    read_request(r, "", USER("'a'") "," ASSISTANT("'b'") "," USER("'c'"));
    assert_true(first == r->session);
    reading_free(r);
}

static void agent_core_has_its_session_in_the_arn(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    r->principal =
        STR("arn:aws:sts::111122223333:assumed-role/AmazonBedrockAgentCoreHarness"
            "DefaultServiceRole-x/BedrockAgentCore-0a1b2c3d-0000-4000-8000-000000000001");
    read_input(r, NULL);
    assert_str(r->x.session, "0a1b2c3d-0000-4000-8000-000000000001");
    assert_str(r->names.harness, "AgentCore");
    assert_kind(r, CALL_UNKNOWN);
    assert_true(r->session != 0);
    reading_free(r);
}

static void probe_is_its_shape(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r, "'max_tokens':1,", USER("'.'"));
    assert_kind(r, CALL_PROBE);
    assert_int_equal(r->session, 0);
    assert_str(r->names.harness, "");
    read_request(r, "'max_tokens':1,", USER("[" TEXT(".") "]"));
    assert_kind(r, CALL_PROBE);
    read_request(r, "'max_tokens':2,", USER("'.'"));
    assert_kind(r, CALL_MAIN);
    /* Claude Code 2.1.330 says who it is, and its session too: a probe belongs to none. */
    read_request(
        r, "'max_tokens':1,'system':'s','metadata':{'user_id':'{\\\"session_id\\\":\\\"a\\\"}'},",
        USER("'.'"));
    assert_kind(r, CALL_PROBE);
    assert_int_equal(r->session, 0);
    reading_free(r);
}

static void compaction_stands_in_the_last_block(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(
        r, MAIN,
        USER("'a'") "," USER("[" TEXT("b") "," TEXT("CRITICAL: Respond with TEXT ONLY x") "]"));
    assert_kind(r, CALL_COMPACTION);
    assert_int_equal(r->x.prompts, 0);
    assert_int_equal(r->x.history_prompts, 0);
    read_request(r, MAIN, USER("'so: Your task is to create a detailed summary'"));
    assert_kind(r, CALL_COMPACTION);
    read_request(r, "'system':[" BILLING(" cc_is_subagent=true;") "],",
                 USER("'CRITICAL: Respond with TEXT ONLY x'"));
    assert_kind(r, CALL_COMPACTION);
    assert_true(r->x.flags & EX_SUBAGENT);
    read_request(r, "'system':'You are a helpful AI assistant tasked with summarizing x',",
                 USER("'a'"));
    assert_kind(r, CALL_COMPACTION);
    reading_free(r);
}

static void pitfall_3_opener_does_not_tell_the_kind(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    static const struct {
        const char *system;
        enum call_kind kind;
        const char *purpose;
    } cases[] = {
        {"'You are an agent for Claude Code x'", CALL_SUBAGENT, ""},
        {"'You are a file search specialist for Claude Code'", CALL_SUBAGENT, ""},
        {"'You are a software architect and planning x'", CALL_SUBAGENT, ""},
        {"'\\n Generate a concise, sentence-case title x'", CALL_BACKGROUND, "title"},
        {"'You are a security monitor'", CALL_BACKGROUND, "safety"},
        {"'Please write a 5-10 word title x'", CALL_BACKGROUND, "title"},
        {"'\\nYou are an interactive agent'", CALL_MAIN, ""},
        {"'my own words'", CALL_MAIN, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char members[1024];
        snprintf(members, sizeof members,
                 "'tools':[{'name':'Bash'}],'system':[" OPENER ",{'type':'text','text':%s}],",
                 cases[i].system);
        read_request(r, members, USER("'a'"));
        assert_kind(r, cases[i].kind);
        assert_symbol(r, r->x.purpose, cases[i].purpose);
        assert_str(r->names.harness, "Claude Code");
    }
    reading_free(r);
}

static void subagent_flag_beats_a_users_own_text(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r, "'system':[" BILLING(" cc_is_subagent=true;") "," TEXT("free") "],",
                 USER("'a'"));
    assert_kind(r, CALL_SUBAGENT);
    assert_true(r->x.flags & EX_SUBAGENT);
    assert_int_equal(r->x.prompts, 0);
    reading_free(r);
}

static void claude_code_without_tools_is_background(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r, "'tools':[],'system':[" OPENER "],", USER("'a'"));
    assert_kind(r, CALL_BACKGROUND);
    assert_symbol(r, r->x.purpose, "");
    read_request(r, "'tools':[],'system':[" OPENER "],", USER("'<session>x'"));
    assert_symbol(r, r->x.purpose, "title");
    read_request(r, MAIN, USER("'<session>x'"));
    assert_kind(r, CALL_MAIN);
    reading_free(r);
}

static void other_harnesses_are_told_by_their_system_text(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    static const char *const cases[][2] = {
        {"You are Cline, an AI coding agent", "Cline"},
        {"You are Cline, a careful x", "Cline"},
        {"You are Roo, a highly skilled x", "Roo Code"},
        {"You are OpenCode, the best coding agent", "opencode"},
        {"You are opencode, an interactive CLI", "opencode"},
        {"Act as an expert software developer", "aider"},
        {"<important_rules>\\n You are in agent mode", "Continue"},
        {"You are an agent in the Continue CLI", "Continue"},
        {"You are a general-purpose AI agent called goose", "Goose"},
        {"You are the Zed coding agent", "Zed"},
        {"You are Codex, based on GPT-5", "Codex"},
        {"You are a kind assistant", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char members[512];
        snprintf(members, sizeof members, "'system':[{'text':'%s'}],", cases[i][0]);
        read_request(r, members, USER("[{'text':'a'}]"));
        assert_str(r->names.harness, cases[i][1]);
        assert_kind(r, CALL_MAIN);
    }
    read_request(r, "'system':'You are a title generator. x',", USER("'a'"));
    assert_kind(r, CALL_BACKGROUND);
    assert_symbol(r, r->x.purpose, "title");
    reading_free(r);
}

static void three_names_of_tools_name_a_harness(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r, "'tools':[{'name':'fs_read'},{'name':'fs_write'}],", USER("'a'"));
    assert_str(r->names.harness, "");
    read_request(r, "'tools':[{'name':'fs_read'},{'name':'fs_write'},{'name':'use_aws'}],",
                 USER("'a'"));
    assert_str(r->names.harness, "Amazon Q CLI");
    read_request(r,
                 "'toolConfig':{'tools':[{'toolSpec':{'name':'new_task'}},{'cachePoint':{}},"
                 "{'toolSpec':{'name':'apply_diff'}},{'toolSpec':{'name':'switch_mode'}}]},",
                 USER("[{'text':'a'}]"));
    assert_str(r->names.harness, "Roo Code");
    reading_free(r);
}

static void rules_of_a_file_come_first(void **state)
{
    (void)state;
    struct reading *r = reading_with("where,match,text,harness,kind,purpose\n"
                                     "system,prefix,You are ours,Ours,background,nightly\n"
                                     "principal,contains,user/ann,Anns,,\n"
                                     "system,prefix,\"You are Cline, a careful\",Mine,,\n",
                                     false);
    read_request(r, "'system':'You are ours',", USER("'a'"));
    assert_str(r->names.harness, "Ours");
    assert_kind(r, CALL_BACKGROUND);
    assert_symbol(r, r->x.purpose, "nightly");
    read_request(r, "'system':'You are Cline, a careful one',", USER("'a'"));
    assert_str(r->names.harness, "Mine");
    read_input(r, NULL);
    assert_str(r->names.harness, "Anns");
    reading_free(r);
}

static void bad_rules_say_where_and_what(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"where,match,text\nsystem,begins,x\n", "rules:2: match: one of prefix, contains, exact"},
        {"where,match,text\nsystem,prefix,a\nsytem,prefix,x\n", "rules:3: where: one of system,"},
        {"where,match,text,kind\nsystem,prefix,a,title\n", "rules:2: kind: one of main, sub-agent"},
        {"where,match,text,colour\nsystem,prefix,a,b\n", "colour"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct harness_rules *rules = NULL;
        struct err err = {0};
        assert_int_equal(harness_rules_new(str_from(cases[i][0]), "rules", &rules, &err),
                         ERR_PARSE);
        if (!strstr(err.text, cases[i][1]))
            fail_msg("'%s' does not say '%s'", err.text, cases[i][1]);
    }
}

static void fingerprint_follows_the_rules(void **state)
{
    (void)state;
    struct harness_rules *a, *b, *c;
    const struct str more = STR("where,match,text\nsystem,prefix,x\n");
    assert_int_equal(harness_rules_new(STR(""), "", &a, NULL), OK);
    assert_int_equal(harness_rules_new(STR(""), "", &b, NULL), OK);
    assert_int_equal(harness_rules_new(more, "", &c, NULL), OK);
    assert_true(harness_rules_fingerprint(a) == harness_rules_fingerprint(b));
    assert_true(harness_rules_fingerprint(a) != harness_rules_fingerprint(c));
    harness_rules_free(a);
    harness_rules_free(b);
    harness_rules_free(c);
}

static void pitfall_2_and_14_title_is_background_on_any_model(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r,
                 "'tools':[],'system':[" BILLING(
                     "") "," OPENER
                         ",{'type':'text','text':'Generate a concise, sentence-case title'}],",
                 USER("'<session>x</session>'"));
    assert_kind(r, CALL_BACKGROUND);
    assert_int_equal(r->x.prompts, 0);
    reading_free(r);
}

static void pitfall_19_text_in_a_body_is_only_text(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_request(r, "'system':'not x-anthropic-billing-header: cc_version=9.9.9;',",
                 USER("'cc_is_subagent=true; You are Roo, a highly skilled x'"));
    assert_str(r->names.harness, "");
    assert_str(r->names.version, "");
    assert_kind(r, CALL_MAIN);
    reading_free(r);
}

static void repository_is_a_hash_unless_names_are_wanted(void **state)
{
    (void)state;
    const char *members =
        "'system':[{'type':'text','text':'a\\n# Environment\\n - Primary working directory: "
        "/home/ann/src/shop\\n - x\\n# Next\\nb'}],";
    struct reading *r = reading_new();
    read_request(r, members, USER("'a'"));
    struct str name = symbols_text(r->symbols, r->x.repository);
    assert_true(name.n == 13 && name.p[0] == '#' && str_find(name, STR("shop")) < 0);
    assert_int_equal(r->x.part[PART_ENVIRONMENT],
                     strlen("# Environment\n - Primary working directory: "
                            "/home/ann/src/shop\n - x\n"));
    assert_int_equal(r->x.part[PART_SYSTEM], strlen("a\n# Next\nb"));
    reading_free(r);
    r = reading_with("", true);
    read_request(r, members, USER("'a'"));
    assert_symbol(r, r->x.repository, "shop");
    read_request(r, "'system':'<env>\\nWorking directory: C:\\\\src\\\\till\\n</env>\\nx',",
                 USER("'a'"));
    assert_symbol(r, r->x.repository, "till");
    assert_int_equal(r->x.part[PART_SYSTEM], 1);
    reading_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(billing_line_names_version_and_entry_point),
        cmocka_unit_test(pitfall_12_suffix_of_the_version_is_no_version),
        cmocka_unit_test(pitfall_13_user_id_is_a_string_in_two_encodings),
        cmocka_unit_test(session_belongs_to_a_principal),
        cmocka_unit_test(agent_core_has_its_session_in_the_arn),
        cmocka_unit_test(probe_is_its_shape),
        cmocka_unit_test(compaction_stands_in_the_last_block),
        cmocka_unit_test(pitfall_3_opener_does_not_tell_the_kind),
        cmocka_unit_test(subagent_flag_beats_a_users_own_text),
        cmocka_unit_test(claude_code_without_tools_is_background),
        cmocka_unit_test(other_harnesses_are_told_by_their_system_text),
        cmocka_unit_test(three_names_of_tools_name_a_harness),
        cmocka_unit_test(rules_of_a_file_come_first),
        cmocka_unit_test(bad_rules_say_where_and_what),
        cmocka_unit_test(fingerprint_follows_the_rules),
        cmocka_unit_test(pitfall_2_and_14_title_is_background_on_any_model),
        cmocka_unit_test(pitfall_19_text_in_a_body_is_only_text),
        cmocka_unit_test(repository_is_a_hash_unless_names_are_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
