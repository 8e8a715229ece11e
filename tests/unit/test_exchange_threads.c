/* ingest/exchange: what is remembered from call to call, and events that are stepped over, change
 * nothing in what is read. */
#include "exchange_fixture.h"

#include "base/buf.h"

enum { MESSAGES = 40, CONVERSATIONS = 3, REQUESTS = 4000 };

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

/* A message is told by a number: whose it is and what stands in it. */
struct conversation {
    uint32_t id, n;
    uint32_t message[MESSAGES];
};

#define RESULT_WITH_PROMPT                                                                         \
    "{'type':'tool_result','tool_use_id':'t#','content':[{'type':'text','text':'a\\n"              \
    "<system-reminder>\\nThe user sent a new message while you were working:\\nb\\n"               \
    "</system-reminder>'}],'is_error':true}"
#define SKILLS                                                                                     \
    "{'type':'text','text':'<system-reminder>\\nThe following skills are available for use with "  \
    "the Skill tool:\\n\\n- s#: it\\n</system-reminder>'}"

static void write_content(struct buf *b, uint32_t m)
{
    static const char *const user[] = {
        "{'type':'text','text':'please \\n do #'}",
        "{'type':'tool_result','tool_use_id':'t#','content':'found'}",
        RESULT_WITH_PROMPT,
        SKILLS,
        "{'type':'text','text':'[Request interrupted by user]'},{'type':'text','text':'#'}",
        "{'type':'text','text':'<command-name>/c#</command-name>'}",
        "{'type':'image','source':{'type':'base64','data':'#'}}",
    };
    static const char *const assistant[] = {
        "{'type':'text','text':'done #'}",
        "{'type':'thinking','thinking':'so #'}",
        "{'type':'tool_use','id':'t#','name':'Bash','input':{'command':'ls'}}",
    };
    struct str rest = str_from(m & 1 ? assistant[m / 2 % 3] : user[m / 2 % 7]);
    struct str part = str_cut(&rest, '#');
    buf_printf(b, "%.*s%u%.*s", STR_ARG(part), m / 16, STR_ARG(rest));
}

static void write_request(struct buf *b, const struct conversation *c, bool marked)
{
    buf_reset(b);
    buf_printf(b, "{" MAIN "'messages':[");
    for (uint32_t i = 0; i < c->n; i++) {
        uint32_t m = c->message[i];
        bool mark = marked && (i + 1 == c->n || i + 3 == c->n);
        buf_printf(b, "%s{'role':'%s','content':[", i ? "," : "", m & 1 ? "assistant" : "user");
        if (i == 0)
            buf_printf(b, "%s,", REMINDER("As you answer, use: a"));
        write_content(b, i == 0 ? c->id * 2 : m);
        buf_printf(b, "%s]}", mark ? ",{'cachePoint':{'type':'default'}}" : "");
    }
    buf_printf(b, "]}");
    buf_char(b, '\0');
}

/* What happens to a conversation before its next request. */
static void go_on(struct conversation *c, uint64_t *seed)
{
    uint32_t what = next_random(seed) % 16;
    if (what == 0 && c->n > 1)
        c->n = 1 + next_random(seed) % (c->n - 1); /* the user went back */
    else if (what == 1 && c->n > 2)
        c->message[1 + next_random(seed) % (c->n - 1)] = next_random(seed) % 1600;
    else if (what == 2)
        return; /* once more */
    if (c->n + 3 > MESSAGES)
        c->n = 1;
    for (uint32_t more = 1 + next_random(seed) % 3; more > 0; more--, c->n++)
        c->message[c->n] = (next_random(seed) % 1600 & ~1u) | (c->n & 1);
}

static void assert_reads_alike(struct reading *r, struct reading *fresh, const char *request)
{
    struct buf a, b;
    buf_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    const struct exchange_env env = {r->symbols, r->rules, {1, 2}, false};
    assert_int_equal(exchange_reader_new(&env, &fresh->reader, NULL), OK);
    exchange_pack(read_input(r, request), &a);
    exchange_pack(read_input(fresh, request), &b);
    if (!str_eq(buf_view(&a), buf_view(&b)))
        fail_msg("%s", request);
    assert_true(r->session == fresh->session);
    exchange_reader_free(fresh->reader);
    buf_fini(&a);
    buf_fini(&b);
}

static void remembered_threads_change_nothing(void **state)
{
    (void)state;
    struct reading *r = reading_new(), fresh = {.principal = USER_ARN};
    struct conversation all[CONVERSATIONS] = {{.id = 8, .n = 1}, {.id = 16, .n = 1}, {.id = 3}};
    struct buf request;
    uint64_t seed = 7;
    buf_init(&request, 1 << 20);
    for (int i = 0; i < REQUESTS; i++) {
        struct conversation *c = &all[next_random(&seed) % CONVERSATIONS];
        go_on(c, &seed);
        write_request(&request, c, next_random(&seed) % 2);
        assert_reads_alike(r, &fresh, request.p);
    }
    buf_fini(&request);
    reading_free(r);
}

/* Texts of one length in two conversations with one beginning: only the digests tell. */
static void thread_of_the_same_shape_is_another(void **state)
{
    (void)state;
    struct reading *r = reading_new(), fresh = {.principal = USER_ARN};
    const char *const said[][2] = {{"once", "more"}, {"    ", "more"}, {"once", "    "}};
    char request[1024];
    for (int i = 0; i < 9; i++) {
        snprintf(request, sizeof request,
                 "{'messages':[" USER("'a'") "," ASSISTANT("'b'") "," USER("'%s'") "," ASSISTANT(
                     "'c'") "," USER("'%s'") "," ASSISTANT("'d'") "," USER("'e'") "]}",
                 said[i % 3][0], said[i * 2 / 3 % 3][1]);
        assert_reads_alike(r, &fresh, request);
    }
    reading_free(r);
}

#define START "{'type':'content_block_start','index':0,'content_block':"
#define USE START "{'type':'tool_use','id':'t1','name':'Bash','input':{}}}"
#define STOP "{'type':'content_block_stop','index':0}"

static void pieces_are_read_alike_however_they_are_written(void **state)
{
    (void)state;
    struct reading *r = reading_new();
    const char *const pieces[] = {
        "{'type':'content_block_delta','index':0,'delta':{'type':'input_json_delta',"
        "'partial_json':'{\\\"command\\\":\\\"ls\\\"}'}}",
        "{'type': 'content_block_delta','index':0,'delta':{'type':'input_json_delta',"
        "'partial_json':'{\\\"command\\\":\\\"ls\\\"}'}}",
        "{'type':'content_block_delta','index':0,'delta':{'type':'input_json_delta',"
        "'partial_json':'{\\\"command\\\":\\\"ls\\\"}'} }",
        "{'index':0,'delta':{'partial_json':'{\\\"command\\\":\\\"ls\\\"}'},"
        "'type':'content_block_delta'}",
        "{'type':'content_block_delta','index':0,'delta':{'type':'text_delta','text':'a'}},"
        "{'type':'content_block_delta','index':0,'delta':{'type':'input_json_delta',"
        "'partial_json':'{\\\"command\\\":\\\"ls\\\"}'},'p':'abc'}",
        "{'type':'content_block_delta','index':1,'delta':{'type':'input_json_delta',"
        "'partial_json':'of no block'}},"
        "{'type':'content_block_delta','index':0,'delta':{'type':'input_json_delta',"
        "'partial_json':'{\\\"comma'}},"
        "{'type':'content_block_delta','index':0,'delta':{'type':'thinking_delta',"
        "'thinking':'hm'}},"
        "{'type':'content_block_delta','index':0,'delta':{'type':'input_json_delta',"
        "'partial_json':'nd\\\":\\\"ls\\\"}'}}",
    };
    uint64_t input = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        char answer[2048];
        snprintf(answer, sizeof answer, "[%s,%s,%s]", USE, pieces[i], STOP);
        read_both(r, NULL, answer);
        assert_int_equal(r->x.made_n, 1);
        assert_int_equal(r->x.flags & EX_ODD, 0);
        assert_true(r->x.made[0].input != 0);
        if (i == 0)
            input = r->x.made[0].input;
        if (r->x.made[0].input != input)
            fail_msg("%s", answer);
    }
    reading_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembered_threads_change_nothing),
        cmocka_unit_test(thread_of_the_same_shape_is_another),
        cmocka_unit_test(pieces_are_read_alike_however_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
