/*
 * ingest/exchange: bodies made to be a burden (request-bodies facts, pitfalls 21 and 22 of 15). Of
 * any shape and size they are survived, lists keep their bounds and time grows as the body does.
 */
#include "exchange_fixture.h"

#include <time.h>

/* AddressSanitizer looks at all of a range that memrchr may search, which is not linear: with it
 * bodies are survived, not timed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { FEW = 2000, TIMED = 0 };
#else
enum { FEW = 20000, TIMED = 1 };
#endif

/* Repeats `piece` n times between `head` and `tail`. */
static void read_many(struct reading *r, const char *head, const char *piece, int n,
                      const char *tail)
{
    size_t size = strlen(piece), at = strlen(head);
    char *text = malloc(at + size * (size_t)n + strlen(tail) + 1);
    assert_non_null(text);
    memcpy(text, head, at);
    for (int i = 0; i < n; i++, at += size)
        memcpy(text + at, piece, size);
    memcpy(text + at, tail, strlen(tail) + 1);
    read_both(r, text, NULL);
    free(text);
}

static void pitfall_22_sizes_are_bounded(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    read_many(r, "{'messages':[],'tools':[{'name':'x'}", ",{'name':'mcp__a__b'}", 10000, "]}");
    assert_true(r->x.flags & EX_TOOLS_CUT && r->x.cut > 0);
    read_many(r, "{'messages':[" ASSISTANT("'a'"),
              "," USER("[" TEXT("b") "," RESULT("t", "'c'") "]"), 100000, "]}");
    assert_int_equal(r->x.messages, 100001);
    assert_int_equal(r->x.tail, 100000);
    assert_int_equal(r->x.recent_n, EXCHANGE_RECENT);
    read_many(r, "{'messages':[{'role':'assistant','content':[{}", "," USE("t", "n", "{}"), 5000,
              "]}]}");
    assert_int_equal(r->x.earlier_n, EXCHANGE_USES);
    assert_int_equal(r->x.cut, 5000 - EXCHANGE_USES);
    read_many(r, "{'messages':[{'role':'user','content':[{'type':'tool_result','content':'",
              "<system-reminder>\\n</system-reminder>", 100000, "'}]}]}");
    assert_int_equal(r->x.messages, 1);
    read_many(r,
              "{'messages':[{'role':'assistant','content':[{'type':'tool_use','name':'n','input':",
              "[", 400, "");
    assert_int_equal(r->x.messages, 0);
    reading_free(r);
}

/*
 * head, a piece that is repeated with a number in the place of %d, what stands between pieces,
 * tail; whether it is an answer. Each is a place where a careless reader looks back or compares all
 * with all.
 */
#define SHAPE_MAP(X)                                                                               \
    X("tools", "{'messages':[],'tools':[", "{'name':'mcp__a__%d'}", ",", "]}", false)              \
    X("servers", "{'messages':[],'tools':[", "{'name':'mcp__s%d__t__t__t__t'}", ",", "]}", false)  \
    X("deferred", LISTING("The following deferred tools are now available"), "mcp__a%d__b", "\\n", \
      "'}]}]}", false)                                                                             \
    X("connecting", LISTING("The following MCP servers are still connecting"), "a b %d", "\\n",    \
      "'}]}]}", false)                                                                             \
    X("headings", LISTING("# MCP Server Instructions"), "## server%d", "\\n", "'}]}]}", false)     \
    X("skills", LISTING("The following skills are available for use"), "- s%d: x", "\\n",          \
      "'}]}]}", false)                                                                             \
    X("context", LISTING("As you answer the user\x01s questions"), "# claudeMd %d", "\\n",         \
      "'}]}]}", false)                                                                             \
    X("reminders", "{'messages':[{'role':'user','content':[",                                      \
      TEXT("<system-reminder>\\nThe following skills are available for use\\n- s%d: x"), ",",      \
      "]}]}", false)                                                                               \
    X("messages", "{'messages':[", USER("'%d'"), ",", "]}", false)                                 \
    X("turns", "{'messages':[", ASSISTANT("[" USE("t%d", "n", "{}") "]") "," USER("'a'"), ",",     \
      "]}", false)                                                                                 \
    X("uses of one id", "{'messages':[{'role':'assistant','content':[", USE("t", "n", "{'a':%d}"), \
      ",", "]}]}", false)                                                                          \
    X("results of one id",                                                                         \
      "{'messages':[" ASSISTANT("[" USE("t", "n", "{}") "]") ",{'role':'user','content':[",        \
      RESULT("t", "'%d'"), ",", "]}]}", false)                                                     \
    X("commands", "{'messages':[{'role':'user','content':[",                                       \
      TEXT("<command-name>/c%d</command-name>"), ",", "]}]}", false)                               \
    X("open commands", "{'messages':[{'role':'user','content':'<command-name>",                    \
      "<command-name>%d", "", "'}]}", false)                                                       \
    X("angles", "{'messages':[{'role':'user','content':[{'type':'tool_result','content':'", "<%d", \
      "", "</system-reminder>'}]}]}", false)                                                       \
    X("reminders in a result",                                                                     \
      "{'messages':[{'role':'user','content':[{'type':'tool_result','content':'",                  \
      "<system-reminder>\\n%d</system-reminder>", "", "'}]}]}", false)                             \
    X("closing tags", "{'messages':[{'role':'user','content':[{'type':'tool_result','content':'",  \
      "%d</system-reminder>", "", "'}]}]}", false)                                                 \
    X("blanks", "{'messages':[{'role':'user','content':'", "\\n\\\\n%d\\t ", "", "\\n\\n'}]}",     \
      false)                                                                                       \
    X("backslashes", "{'messages':[{'role':'user','content':'", "\\\\\\\\", "", "n\\n'}]}", false) \
    X("blanks at the end", "{'messages':[{'role':'user','content':'x", "\\n", "", "'}]}", false)   \
    X("system texts", "{'messages':[],'system':[", TEXT("s%d"), ",", "]}", false)                  \
    X("lines", "{'messages':[],'system':'", "# Environment\\n - Working directory: /a%d", "\\n",   \
      "'}", false)                                                                                 \
    X("billing", "{'messages':[],'system':'x-anthropic-billing-header: ", "cc_version=%d.0;", "",  \
      "'}", false)                                                                                 \
    X("a long name", "{'messages':[],'tools':[{'name':'", "x%d", "", "'}]}", false)                \
    X("an escaped name", "{'messages':[],'tools':[{'name':'", "\\u00e9%d", "", "'}]}", false)      \
    X("a long user id", "{'messages':[],'metadata':{'user_id':'", "_session_%d", "", "'}}", false) \
    X("messages again and again", "{'messages':[],", "'messages':[" USER("'%d'") "]", ",", "}",    \
      false)                                                                                       \
    X("a wide input",                                                                              \
      "{'messages':[{'role':'assistant','content':[{'type':'tool_use','name':'n',"                 \
      "'input':{",                                                                                 \
      "'k%d':[1]", ",", "}}]}]}", false)                                                           \
    X("inputs of one use", "{'messages':[{'role':'assistant','content':[{'type':'tool_use',",      \
      "'input':{'a':%d}", ",", "}]}]}", false)                                                     \
    X("uses in an answer", "{'content':[", USE("t%d", "n%d", "{}"), ",", "]}", true)               \
    X("open blocks", "[",                                                                          \
      "{'type':'content_block_start','index':%d,'content_block':" USE("t", "n", "{}") "}", ",",    \
      "]", true)                                                                                   \
    X("pieces",                                                                                    \
      "[{'type':'content_block_start','index':0,'content_block':" USE("t", "Skill", "{}") "},",    \
      "{'type':'content_block_delta','index':0,'delta':{'type':'input_json_delta',"                \
      "'partial_json':'%d'}}",                                                                     \
      ",", "]", true)                                                                              \
    X("strings", "[", "'[DONE] %d'", ",", "]", true)

#define LISTING(line)                                                                              \
    "{'messages':[{'role':'user','content':[{'type':'text','text':'<system-reminder>\\n" line ":"  \
    "\\"                                                                                           \
    "n"

static char *write_shape(const char *head, const char *piece, const char *between, const char *tail,
                         int n)
{
    size_t room = strlen(head) + strlen(tail) + 1 +
                  (size_t)n * (strlen(piece) + strlen(between) + 2 * sizeof "2147483647");
    char *text = malloc(room), *p = text + strlen(head);
    assert_non_null(text);
    memcpy(text, head, strlen(head));
    for (int i = 0; i < n; i++) {
        size_t gap = i ? strlen(between) : 0;
        memcpy(p, between, gap);
        p += gap;
        for (const char *c = piece; *c; c++) {
            if (c[0] == '%' && c[1] == 'd') {
                p += sprintf(p, "%d", i);
                c++;
            } else {
                *p++ = *c;
            }
        }
    }
    memcpy(p, tail, strlen(tail) + 1);
    return text;
}

/* Processor time of one reading, the least of three, in nanoseconds. Indexing is not part of it. */
static int64_t cost_of(const char *text, bool answer)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < 3; i++) {
        struct reading *r = reading_new();
        struct body b;
        struct timespec from, to;
        body_open(&b, text, strlen(text));
        const struct exchange_source source = {answer ? NULL : &b.c, answer ? &b.c : NULL,
                                               STR("InvokeModel"), r->principal};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
        assert_int_equal(exchange_read(r->reader, &source, &r->x, &r->names, &r->session, NULL),
                         OK);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
        int64_t took = (to.tv_sec - from.tv_sec) * INT64_C(1000000000) + to.tv_nsec - from.tv_nsec;
        least = took < least ? took : least;
        assert_true(r->x.made_n <= EXCHANGE_USES && r->x.earlier_n <= EXCHANGE_USES &&
                    r->x.commands_n <= EXCHANGE_USES);
        body_close(&b);
        reading_free(r);
    }
    return least;
}

/* Four times the body may cost eight times as much, at one of three tries, as other programs may
 * disturb; what takes less than a millisecond is no burden. Something quadratic would take sixteen
 * times as long. */
static void pitfall_21_a_body_is_walked_a_fixed_number_of_times(void **state)
{
    (void)state;
    static const struct {
        const char *what, *head, *piece, *between, *tail;
        bool answer;
    } shapes[] = {
#define SHAPE(what, head, piece, between, tail, answer) {what, head, piece, between, tail, answer},
        SHAPE_MAP(SHAPE)
#undef SHAPE
    };
    enum { LITTLE = 1000000 /* ns */ };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        int64_t cost[2] = {0, INT64_MAX};
        for (int tries = 0; tries < 3 && cost[1] / 8 >= cost[0]; tries++)
            for (int k = 0; k < 2; k++) {
                char *text = write_shape(shapes[i].head, shapes[i].piece, shapes[i].between,
                                         shapes[i].tail, k ? 4 * FEW : FEW);
                cost[k] = cost_of(text, shapes[i].answer);
                free(text);
                if (k == 0 && cost[0] < LITTLE)
                    cost[0] = LITTLE;
            }
        if (TIMED && cost[1] / 8 >= cost[0])
            fail_msg("%s: %lld us, four times as many %lld us", shapes[i].what,
                     (long long)cost[0] / 1000, (long long)cost[1] / 1000);
    }
}

/* Whoever looks for texts that meet in a table needs the key, which is random. */
static void hashes_hang_on_a_key(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    const char *input = "{'system':'s','messages':[" USER("'a'") "," ASSISTANT(
        "[" USE("t", "Agent", "{'prompt':'p'}") "," USE("u", "Bash", "{'a':1}") "]") "]}";
    struct exchange x[2];
    struct tool_use uses[2][2];
    uint64_t session[2];
    for (uint64_t k = 0; k < 2; k++) {
        const struct exchange_env env = {r->symbols, r->rules, {k, 7}, false, NULL};
        exchange_reader_free(r->reader);
        assert_int_equal(exchange_reader_new(&env, &r->reader, NULL), OK);
        read_input(r, input);
        x[k] = r->x;
        memcpy(uses[k], r->x.earlier, sizeof uses[k]);
        session[k] = r->session;
    }
    assert_true(x[0].first != x[1].first && x[0].opening != x[1].opening);
    assert_true(x[0].system != x[1].system && x[0].recent[1] != x[1].recent[1]);
    assert_true(session[0] != session[1]);
    for (int i = 0; i < 2; i++)
        assert_true(uses[0][i].id != uses[1][i].id && uses[0][i].input != uses[1][i].input);
    reading_free(r);
}

static void any_shape_of_body_is_survived(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    static const char *const odd[] = {"null",
                                      "5",
                                      "'[DONE]'",
                                      "['a','b']",
                                      "[]",
                                      "{}",
                                      "{'messages':'x'}",
                                      "{'messages':[5,null,'x',[],{}]}",
                                      "{'messages':[{'role':5,'content':7}]}",
                                      "'eyJhIjogMX0='",
                                      "-1e400",
                                      "true",
                                      "[[[[null]]]]",
                                      "[{'type':'content_block_start','content_block':7}]",
                                      "{'messages':{'0':{}},'tools':7,'system':7}"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        read_both(r, odd[i], odd[i]);
        assert_true(r->x.flags & EX_ODD);
        assert_int_equal(r->x.made_n, 0);
    }
    read_input(r, "{'messages':[],'system':[1,'a',{'x':1}],'tools':[1,'a',{}],'metadata':[]}");
    assert_int_equal(r->x.messages, 0);
    read_input(r, "{'prompt':'a\\nb'}");
    assert_int_equal(r->x.part[PART_USER], 3);
    assert_int_equal(r->session, 0);
    read_input(r, "{'inputText':'abcd'}");
    assert_int_equal(r->x.part[PART_USER], 4);
    reading_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_shape_of_body_is_survived),
        cmocka_unit_test(pitfall_22_sizes_are_bounded),
        cmocka_unit_test(pitfall_21_a_body_is_walked_a_fixed_number_of_times),
        cmocka_unit_test(hashes_hang_on_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
