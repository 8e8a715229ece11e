/*
 * ingest/exchange: what people and clients write where a name belongs (request-bodies facts, 5, 6,
 * 8; pitfalls of 15 by number). What has not the form of a name is text and stays nowhere.
 */
#include "exchange_fixture.h"

#include "model/name.h"

#define SECRET "CANARY"
#define SAID "please tell me CANARY today"
#define BUCKET "(not a name)"

static void forms_of_names_are_those_of_the_apis(void **state)
{
    (void)state;
    static const struct {
        enum name_form form;
        const char *text;
        bool fits;
    } cases[] = {
        {NAME_TOOL, "mcp__claude_ai_Google-Drive__find", true},
        {NAME_TOOL, "", false},
        {NAME_TOOL, "two words", false},
        {NAME_TOOL, "a.b", false},
        {NAME_TOOL, "n\xC3\xA4me", false},
        {NAME_TOOL, "a\nb", false},
        {NAME_ENTRY, "plugin:skill", true},
        {NAME_ENTRY, "team/notes.v2_x-y", true},
        {NAME_ENTRY, "\xC3\xA9t\xC3\xA9", false},
        {NAME_ENTRY, "what, me?", false},
        {NAME_VERSION, "2.1.197", true},
        {NAME_VERSION, "3.0.0-beta+1", true},
        {NAME_VERSION, "v2", false},
        {NAME_VERSION, "1 or 2", false},
        {NAME_ENTRYPOINT, "sdk-cli", true},
        {NAME_ENTRYPOINT, "cli;x", false},
        {NAME_SESSION, "0a1b2c3d-0000-4000-8000-000000000001", true},
        {NAME_SESSION, "a{b}", false},
        {NAME_DIRECTORY, "my-shop_2.0", true},
        {NAME_DIRECTORY, "my shop", false},
        {NAME_CODE, "com.amazonaws#ThrottlingException:x/y", true},
        {NAME_CODE, "it failed", false},
        {NAME_CODE, BUCKET, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (name_fits(cases[i].form, str_from(cases[i].text)) != cases[i].fits)
            fail_msg("%d: '%s'", cases[i].form, cases[i].text);
    char longest[129];
    memset(longest, 'x', sizeof longest);
    assert_true(name_fits(NAME_TOOL, str_of(longest, 128)));
    assert_false(name_fits(NAME_TOOL, str_of(longest, 129)));
    assert_false(name_fits(NAME_TOOL, str_of("a\0b", 3)));
}

/* Reads a request (and an answer) in which a sentence stands where a name belongs: nothing of it
 * is kept, and the exchange tells how often. */
static void reads_no_text(struct reading *r, const char *input, const char *output, uint32_t cut)
{
    read_both(r, input, output);
    if (r->x.cut != cut)
        fail_msg("%u counted, not %u: %s %s", r->x.cut, cut, input, output ? output : "");
    for (uint32_t i = 0; i < symbols_count(r->symbols); i++)
        if (str_find(symbols_text(r->symbols, i), STR(SECRET)) >= 0)
            fail_msg("'%.*s' is kept of %s", STR_ARG(symbols_text(r->symbols, i)), input);
    assert_true(str_find(r->x.session, STR(SECRET)) < 0);
    assert_true(str_find(r->names.version, STR(SECRET)) < 0);
    assert_true(str_find(r->names.entrypoint, STR(SECRET)) < 0);
}

#define MESSAGES(...) "{'messages':[" __VA_ARGS__ "]}"

static void names_of_commands_are_no_text(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    static const char *const said[] = {
        "<command-name>/" SAID "</command-name>",
        "<command-name>" SAID "\\n" SAID "</command-name>",
        "<command-message>x</command-message>\\n<command-name>" SAID "</command-name>",
        "<command-name>\\u0043ANARY \\u0043ANARY</command-name>",
        "<command-name>/" SAID " \\ud83d\\ude00</command-name>",
    };
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text, MESSAGES(USER("[" TEXT("%s") "]")), said[i]);
        reads_no_text(r, text, NULL, 1);
        assert_int_equal(r->x.commands_n, 1);
        assert_symbol(r, r->x.commands[0], BUCKET);
        assert_int_equal(r->x.prompts, 1);
        snprintf(text, sizeof text, MESSAGES(USER("[{'text':'%s'}]")), said[i]);
        reads_no_text(r, text, NULL, 1);
    }
    /* No end, or one beyond what is looked at: no name at all. */
    reads_no_text(r, MESSAGES(USER("'<command-name>" SAID "'")), NULL, 0);
    reads_no_text(r, MESSAGES(USER("'<command-name></command-name>'")), NULL, 0);
    assert_int_equal(r->x.commands_n, 0);
    read_input(r, MESSAGES(USER("'<command-name>/plug:team/notes</command-name>'")));
    assert_symbol(r, r->x.commands[0], "plug:team/notes");
    assert_int_equal(r->x.cut, 0);
    reading_free(r);
}

/* Every tool whose input is looked into, in each of the forms an answer may have. */
static void names_in_answers_are_no_text(void **state)
{
    (void)state;
    static const struct {
        const char *name, *input;
        enum tool_kind kind;
        const char *server, *kept;
    } cases[] = {
        {SAID, "{}", TOOL_BUILTIN, "", BUCKET},
        {"mcp__" SAID "__x", "{}", TOOL_BUILTIN, "", BUCKET},
        {"mcp__a__" SAID, "{}", TOOL_BUILTIN, "", BUCKET},
        {"Skill", "{'skill':'" SAID "','args':'" SAID "'}", TOOL_SKILL, "", BUCKET},
        {"Skill", "{'command':'" SAID "'}", TOOL_SKILL, "", BUCKET},
        {"Agent", "{'subagent_type':'" SAID "','prompt':'" SAID "'}", TOOL_AGENT, "", BUCKET},
        {"Task", "{'subagent_type':'" SAID "'}", TOOL_AGENT, "", BUCKET},
        {"ReadMcpResourceTool", "{'server':'" SAID "','uri':'" SAID "'}", TOOL_MCP, BUCKET,
         "ReadMcpResourceTool"},
        {"ListMcpResourcesTool", "{'server':'" SAID "'}", TOOL_MCP, BUCKET, "ListMcpResourcesTool"},
    };
    struct reading *r = reading_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[4][2048], pieces[512] = "";
        for (const char *p = cases[i].input; *p; p++)
            snprintf(pieces + strlen(pieces), sizeof pieces - strlen(pieces),
                     *p == '\'' ? "\\'" : "%c", *p);
        snprintf(text[0], sizeof text[0], "{'content':[" USE("t", "%s", "%s") "]}", cases[i].name,
                 cases[i].input);
        snprintf(text[1], sizeof text[1],
                 "{'output':{'message':{'content':[{'toolUse':{'toolUseId':'t','name':'%s','input':"
                 "%s}}]}}}",
                 cases[i].name, cases[i].input);
        snprintf(text[2], sizeof text[2],
                 "[{'type':'content_block_start','index':0,'content_block':" USE(
                     "t", "%s", "{}") "},{'type':'content_block_delta','index':0,'delta':{'type':"
                                      "'input_json_delta','partial_json':'%s'}}]",
                 cases[i].name, pieces);
        snprintf(text[3], sizeof text[3], MESSAGES(ASSISTANT("[" USE("t", "%s", "%s") "]")),
                 cases[i].name, cases[i].input);
        for (int k = 0; k < 4; k++) {
            reads_no_text(r, k == 3 ? text[3] : MESSAGES(USER("'a'")), k == 3 ? NULL : text[k], 1);
            const struct tool_use *u = k == 3 ? r->x.earlier : r->x.made;
            assert_int_equal(k == 3 ? r->x.earlier_n : r->x.made_n, 1);
            assert_use(r, u, cases[i].kind, cases[i].server, cases[i].kept);
        }
    }
    /* Two tools without a name and with one input are not the same call repeated. */
    read_both(r, NULL, "{'content':[" USE("t", "a b", "{}") "," USE("u", "a c", "{}") "]}");
    assert_true(r->x.made[0].input != r->x.made[1].input && r->x.made[0].name == r->x.made[1].name);
    reading_free(r);
}

static bool offers(struct reading *r, enum offer_kind kind, const char *name)
{
    struct str text = symbols_text(r->symbols, r->x.offer);
    for (struct offer_item item; offer_next(&text, &item);)
        if (item.kind == kind && str_eq(item.name, str_from(name)))
            return true;
    return false;
}

static void names_in_offers_are_no_text(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    reads_no_text(r, "{'messages':[],'tools':[{'name':'" SAID "'},{'name':'mcp__" SAID "__x'}]}",
                  NULL, 2);
    reads_no_text(r, "{'messages':[],'toolConfig':{'tools':[{'toolSpec':{'name':'" SAID "'}}]}}",
                  NULL, 1);
#define DEFERRED "The following deferred tools are now available (select:<name>):\\n"
    reads_no_text(r,
                  MESSAGES(USER("[" REMINDER(DEFERRED SAID "\\nmcp__wiki__get\\nmcp__" SAID
                                                           "__x\\nmcp__wiki__" SAID) "]")),
                  NULL, 3);
    assert_true(offers(r, OFFER_SERVER, "wiki") && !offers(r, OFFER_SERVER, BUCKET));
    reads_no_text(
        r,
        MESSAGES(USER("[" REMINDER("The following MCP servers are still connecting:\\n" SAID
                                   "\\nmail") "," REMINDER("# MCP Server Instructions\\n\\n## " SAID
                                                           "\\n## mail\\n" SAID) "]")),
        NULL, 1);
    assert_true(offers(r, OFFER_SERVER, "mail") && offers(r, OFFER_SERVER, BUCKET));
    /* A bullet that is no name belongs to the description before it: nothing was left out. */
    reads_no_text(r,
                  MESSAGES(USER("[" REMINDER(
                      "Available agent types for the Agent tool:\\n- Explore: a\\n- " SAID
                      ": b\\n- " SAID) "," REMINDER("The following skills are "
                                                    "available for use\\n\\n- notes: "
                                                    "a\\n- " SAID ": b\\n- " SAID) "]")),
                  NULL, 0);
    assert_true(offers(r, OFFER_AGENT, "Explore") && offers(r, OFFER_SKILL, "notes"));
    reading_free(r);
}

/* Servers may be given names with blanks; names of tools bear them made safe. */
static void a_server_with_blanks_is_known_by_its_tools(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    const char *connecting =
        USER("[" REMINDER("The following MCP servers are still connecting:\\nclaude.ai Drive") "]");
    read_request(r, "", connecting);
    assert_true(offers(r, OFFER_SERVER, BUCKET) && r->x.cut == 1);
    read_request(r, "'tools':[{'name':'mcp__claude_ai_Drive__find'}],", connecting);
    assert_true(offers(r, OFFER_SERVER, "claude_ai_Drive") && !offers(r, OFFER_SERVER, BUCKET));
    assert_int_equal(r->x.cut, 0);
    read_both(r, "{'tools':[{'name':'mcp__claude_ai_Drive__find'}],'messages':[]}",
              "{'content':[" USE("t", "ReadMcpResourceTool", "{'server':'claude.ai Drive'}") "]}");
    assert_use(r, &r->x.made[0], TOOL_MCP, "claude_ai_Drive", "ReadMcpResourceTool");
    assert_int_equal(r->x.cut, 0);
    reading_free(r);
}

static void what_a_client_says_of_itself_is_no_text(void **state)
{
    (void)state;
    struct reading *r = reading_with("", true);
    reads_no_text(r,
                  "{'messages':[],'system':'x-anthropic-billing-header: cc_version=" SAID
                  "; cc_entrypoint=" SAID ";'}",
                  NULL, 2);
    assert_str(r->names.version, BUCKET);
    assert_str(r->names.entrypoint, BUCKET);
    reads_no_text(r, "{'messages':[],'metadata':{'user_id':'user_x_account__session_" SAID "'}}",
                  NULL, 1);
    assert_true(r->x.session.n == 17 && r->x.session.p[0] == '#');
    uint64_t session = r->session;
    reads_no_text(r, "{'messages':[],'metadata':{'user_id':'{\\'session_id\\':\\'" SAID "\\'}'}}",
                  NULL, 1);
    assert_true(r->session == session && session != 0);
    reads_no_text(r, "{'messages':[],'metadata':{'user_id':'user_x_account__session_" SAID ".'}}",
                  NULL, 1);
    assert_true(r->session != session);
    /* With names of directories wanted, only what looks like one. */
    static const char *const places[] = {SAID, "/home/ann/" SAID, "C:\\\\x\\\\" SAID, SECRET};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{'messages':[],'system':'# Environment\\n - Primary working directory: %s\\n'}",
                 places[i]);
        reads_no_text(r, text, NULL, 0);
        assert_true(symbols_text(r->symbols, r->x.repository).p[0] == '#');
    }
    reading_free(r);
}

static void pitfalls_23_and_25_names_are_whole_or_none(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    static const char *const broken[] = {"a\\u0000b", "\\ud800", "a\\nb", "a\\u0085",
                                         "\\u202eevil"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        char messages[256];
        snprintf(messages, sizeof messages, ASSISTANT("[" USE("t", "%s", "{}") "]"), broken[i]);
        read_request(r, "", messages);
        assert_symbol(r, r->x.earlier[0].name, BUCKET);
        assert_int_equal(r->x.cut, 1);
    }
    read_request(r, "", ASSISTANT("[" USE("t", "\\u0042ash", "{}") "]"));
    assert_symbol(r, r->x.earlier[0].name, "Bash");
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG + 256);
    assert_non_null(text);
    static const char *const fill[] = {"x", "\\\\"};
    for (int i = 0; i < 2; i++) {
        int n = snprintf(text, 256,
                         "{'messages':[{'role':'assistant','content':[{'type':'tool_use','name':'");
        for (size_t k = 0; k < LONG; k++)
            text[(size_t)n + k] = fill[i][k % strlen(fill[i])];
        snprintf(text + n + LONG, 64, "'}]}]}");
        read_input(r, text);
        assert_symbol(r, r->x.earlier[0].name, BUCKET);
        assert_int_equal(r->x.cut, 1);
    }
    free(text);
    reading_free(r);
}

static void pitfall_20_no_text_of_a_body_is_kept(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        MESSAGES(USER("[" TEXT("CANARY") "]") "," ASSISTANT("'CANARY'")),
        MESSAGES(
            USER("[" REMINDER("The following skills are available for use\\n- a: CANARY") "]")),
        MESSAGES(USER("[" REMINDER("As you answer the user\x01s questions, x\\nCANARY") "]")),
        MESSAGES(USER("[" REMINDER("Available agent types for the Agent tool:\\n- CANARY") "]")),
        MESSAGES(USER("'<command-name>/x</command-name><command-args>CANARY</command-args>'")),
        MESSAGES(ASSISTANT("[" USE("CANARY", "Agent", "{'prompt':'CANARY'}") "]")),
        MESSAGES(USER("[" RESULT("CANARY", "'CANARY'") "]")),
        "{'messages':[],'tools':[{'name':'Bash','description':'CANARY'}]}",
        "{'messages':[],'system':'# Environment\\n - Primary working directory: /CANARY/CANARY'}",
        "{'messages':[],'metadata':{'user_id':'CANARY'}}",
    };
    struct reading *r = reading_new();
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        reads_no_text(r, bodies[i], "{'content':[" USE("CANARY", "Bash", "{'c':'CANARY'}") "]}", 0);
    reading_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_of_names_are_those_of_the_apis),
        cmocka_unit_test(names_of_commands_are_no_text),
        cmocka_unit_test(names_in_answers_are_no_text),
        cmocka_unit_test(names_in_offers_are_no_text),
        cmocka_unit_test(a_server_with_blanks_is_known_by_its_tools),
        cmocka_unit_test(what_a_client_says_of_itself_is_no_text),
        cmocka_unit_test(pitfalls_23_and_25_names_are_whole_or_none),
        cmocka_unit_test(pitfall_20_no_text_of_a_body_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
