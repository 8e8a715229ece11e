/* ingest/exchange_known: what is remembered of requests changes nothing in what is read. Random
 * conversations, some of them hostile, are read twice, with the memory and without. */
#include "base/buf.h"
#include "ingest/intake.h"
#include "ingest/reader.h"
#include "model/exchange.h"
#include "unit.h"

#include <stdlib.h>

enum { MESSAGES = 48, CONVERSATIONS = 4, FILES = 1500, LINES = 6 };

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

/* --- writing --- */

/* A message is told by a number: whose it is and what stands in it. */
struct conversation {
    uint32_t id, n;
    uint32_t message[MESSAGES];
};

static void write_text(struct buf *b, uint32_t seed, uint32_t words)
{
    static const char *const some[] = {"lantern", "caf\xc3\xa9", "\\n",     "a\\\"b",
                                       "[1]",     "{x}",         "\\u00e9", ":"};
    for (uint64_t s = seed * 7 + 1; words > 0; words--)
        buf_printf(b, "%s ", some[next_random(&s) % 8]);
}

#define REMINDER(words)                                                                            \
    "{\"type\":\"text\",\"text\":\"<system-reminder>\\n" words "\\n</system-reminder>\"}"

static void write_user(struct buf *b, uint32_t m)
{
    static const char *const more[] = {
        REMINDER("The following skills are available for use with the Skill tool:\\n\\n- s1: it"),
        REMINDER("The user sent a new message while you were working:\\nb"),
        REMINDER("The following deferred tools are now available via ToolSearch:\\nmcp__a__b"),
        "{\"type\":\"text\",\"text\":\"[Request interrupted by user]\"}",
        "{\"type\":\"text\",\"text\":\"<command-name>/c</command-name>\"}",
        "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"AAAA\"}}",
        "{\"text\":\"converse\"}",
    };
    if (m % 3 == 0)
        buf_printf(b, "{\"type\":\"tool_result\",\"tool_use_id\":\"t%u\",\"content\":\"", m);
    else
        buf_printf(b, "{\"type\":\"text\",\"text\":\"");
    write_text(b, m, 40 + m % 50);
    buf_printf(b, "\"}");
    if (m % 5 == 0)
        buf_printf(b, ",%s", more[m / 5 % 7]);
}

static void write_assistant(struct buf *b, uint32_t m)
{
    buf_printf(b, "{\"type\":\"text\",\"text\":\"");
    write_text(b, m, 20);
    buf_printf(b,
               "\"},{\"type\":\"tool_use\",\"id\":\"t%u\",\"name\":\"Bash\",\"input\":{"
               "\"messages\":[{\"role\":\"user\"},%u]}}",
               m + 1, m);
}

static void write_messages(struct buf *b, const struct conversation *c, uint32_t odd)
{
    for (uint32_t i = 0; i < c->n; i++) {
        uint32_t m = i == 0 ? c->id : c->message[i];
        bool assistant = i % 2 == 1;
        bool mark = odd % 2 && (i + 1 == c->n || i + 3 == c->n);
        buf_printf(b, "%s{\"role\":\"%s\",\"content\":[", i ? "," : "",
                   assistant ? "assistant" : "user");
        if (assistant)
            write_assistant(b, m);
        else
            write_user(b, m);
        buf_printf(b, "%s]}", mark ? ",{\"cachePoint\":{\"type\":\"default\"}}" : "");
    }
    if (odd % 61 == 60)
        buf_printf(b, ",7"); /* no message */
}

static void write_system(struct buf *b, const struct conversation *c, uint32_t odd)
{
    buf_printf(b, "\"system\":[");
    if (c->id % 2)
        buf_printf(b,
                   "{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: cc_version=2.1.%u; "
                   "cc_entrypoint=cli;\"},",
                   odd % 10);
    for (uint32_t i = 0; i < 1 + c->id % 3; i++) {
        buf_printf(b, "%s{\"type\":\"text\",\"text\":\"You are Claude Code. ", i ? "," : "");
        write_text(b, c->id + i, 300);
        buf_printf(b, "\\nWorking directory: /work/r%u\"}", c->id % 2);
    }
    buf_printf(b, "%s]", odd % 3 ? ",{\"cachePoint\":{\"type\":\"default\"}}" : "");
}

static void write_tools(struct buf *b, const struct conversation *c, uint32_t odd)
{
    buf_printf(b, "\"tools\":[");
    for (uint32_t i = 0; i < 12; i++) {
        buf_printf(b, "%s{\"name\":\"mcp__s%u__t%u\",\"description\":\"", i ? "," : "", i / 4, i);
        write_text(b, c->id / 2 + i, 20);
        buf_printf(b, "\",\"input_schema\":{\"type\":\"object\"}}");
    }
    buf_printf(b, "%s]", odd % 67 == 66 ? ",\"odd\"" : "");
}

/* The members of a request, in one of the orders that occur, or as an attacker might put them. */
static void write_body(struct buf *b, const struct conversation *c, uint32_t odd)
{
    struct conversation other = *c;
    buf_printf(b, "{");
    write_system(b, c, odd);
    buf_printf(b, c->id % 4 == 2 ? ",\"toolConfig\":{" : ",");
    write_tools(b, c, odd);
    buf_printf(b, c->id % 4 == 2 ? "},\"messages\":[" : ",\"messages\":[");
    write_messages(b, c, odd);
    buf_printf(b, "]");
    switch (odd / 8 % 24) {
    case 0: /* the last one counts */
        other.n = other.n / 2 + 1;
        buf_printf(b, ",\"messages\":[");
        write_messages(b, &other, odd);
        buf_printf(b, "]");
        break;
    case 1: /* known messages where none are looked for */
        buf_printf(b, ",\"metadata\":{\"messages\":[");
        write_messages(b, c, odd);
        buf_printf(b, "]}");
        break;
    case 2:
        buf_printf(b, ",\"system\":\"short\"");
        break;
    default:
        buf_printf(b, ",\"max_tokens\":10");
    }
    buf_printf(b, "}");
}

static void write_line(struct buf *b, const struct conversation *c, uint32_t odd)
{
    buf_printf(b,
               "{\"schemaType\":\"ModelInvocationLog\",\"schemaVersion\":\"1.0\",\"timestamp\":"
               "\"2026-10-01T14:36:48Z\",\"accountId\":\"111122223333\",\"region\":\"us-west-2\","
               "\"requestId\":\"r%u\",\"operation\":\"InvokeModel\",\"modelId\":\"m\",",
               odd);
    switch (odd / 512 % 32) {
    case 0: /* a wrapper whose events look like messages */
        buf_printf(b, "\"logEvents\":[{\"inputBodyJson\":{\"messages\":[");
        write_messages(b, c, odd);
        buf_printf(b, "]}}],");
        break;
    case 1: /* inside a text */
        buf_printf(b, "\"x\":\"\\\"inputBodyJson\\\":{\",");
        break;
    case 2: /* not closed */
        buf_printf(b, "\"x\":[");
        break;
    default:
        break;
    }
    buf_printf(b, "\"input\":{\"inputContentType\":\"application/json\",\"inputBodyJson\":");
    size_t from = b->n;
    write_body(b, c, odd);
    if (odd / 16384 % 32 == 0) /* damage somewhere */
        b->p[from + odd % (b->n - from)] = "}\"]{\\x,:"[odd / 7 % 8];
    buf_printf(b, "},\"output\":{\"outputTokenCount\":%u}}\n", odd % 100);
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
    for (uint32_t more = 1 + next_random(seed) % 3; more > 0; more--)
        c->message[c->n++] = next_random(seed) % 1600;
}

/* --- reading --- */

struct side {
    struct intake *intake;
    struct reader *reader;
    struct buf out; /* what was read, packed */
    size_t known, bytes;
};

static enum status on_record(void *ctx, struct record *r, const struct origin *from,
                             struct err *err)
{
    struct side *s = ctx;
    struct invocation v;
    TRY(intake_record(s->intake, r, from, &v, err));
    buf_printf(&s->out, "%u %llu %u %lld:", v.series, (unsigned long long)v.session, v.flags,
               (long long)from->offset);
    if (v.exchange)
        exchange_pack(v.exchange, &s->out);
    return OK;
}

static void on_quarantine(void *ctx, const struct origin *from, const char *reason)
{
    struct side *s = ctx;
    buf_printf(&s->out, "%s at %lld;", reason, (long long)from->offset);
}

static size_t on_known(void *ctx, struct str text, struct json_gap *gaps, size_t room, size_t *end)
{
    struct side *s = ctx;
    size_t n = intake_known(s->intake, text, gaps, room, end);
    for (size_t i = 0; i < n; i++) {
        assert_true(gaps[i].from <= gaps[i].mark && gaps[i].mark < gaps[i].behind);
        assert_true(gaps[i].behind < *end && text.p[gaps[i].mark] == ':');
        s->bytes += gaps[i].behind - gaps[i].from;
    }
    s->known += n;
    return n;
}

static void read_file(struct side *s, struct str text, bool memory)
{
    const struct reader_sink sink = {s, on_record, on_quarantine, memory ? on_known : NULL};
    const struct origin from = {.name = "test", .delivery_us = TIME_NONE};
    struct about about;
    about_init(&about);
    buf_reset(&s->out);
    assert_int_equal(reader_bytes(s->reader, text, &from, &sink, &about, NULL), OK);
}

static void side_init(struct side *s, const struct intake_env *env)
{
    *s = (struct side){.known = 0};
    assert_int_equal(intake_new(env, &s->intake, NULL), OK);
    assert_int_equal(reader_new(env->limits, &s->reader, NULL), OK);
    buf_init(&s->out, 1 << 22);
}

static void side_fini(struct side *s)
{
    buf_fini(&s->out);
    reader_free(s->reader);
    intake_free(s->intake);
}

static void with_memory_and_without_the_same_is_read(void **state)
{
    (void)state;
    struct intake_env env = {.key = {1, 2}, .detail = DETAIL_CONTENT, .exchange = true};
    struct symbols *symbols = NULL;
    struct harness_rules *rules = NULL;
    struct pricing *pricing = NULL;
    struct side with, without;
    struct conversation all[CONVERSATIONS] = {{.id = 8}, {.id = 15}, {.id = 2}, {.id = 33}};
    struct buf text;
    uint64_t seed = 11;
    size_t total = 0;
    assert_int_equal(symbols_new(&symbols, NULL), OK);
    assert_int_equal(pricing_new(&pricing, NULL), OK);
    assert_int_equal(series_new(symbols, &env.series, NULL), OK);
    assert_int_equal(harness_rules_new(STR(""), "", &rules, NULL), OK);
    env.rules = rules;
    env.pricing = pricing;
    side_init(&with, &env);
    side_init(&without, &env);
    buf_init(&text, 1 << 22);
    for (int i = 0; i < FILES; i++) {
        buf_reset(&text);
        for (uint32_t lines = 1 + next_random(&seed) % LINES; lines > 0; lines--) {
            struct conversation *c = &all[next_random(&seed) % CONVERSATIONS];
            go_on(c, &seed);
            write_line(&text, c, next_random(&seed));
        }
        assert_int_equal(buf_status(&text), OK);
        read_file(&without, buf_view(&text), false);
        read_file(&with, buf_view(&text), true);
        if (!str_eq(buf_view(&with.out), buf_view(&without.out)))
            fail_msg("file %d differs: %.*s", i, STR_ARG(buf_view(&text)));
        total += text.n;
    }
    /* The memory was of use: half of all was known. */
    assert_true(with.known > FILES && with.bytes > total / 2);
    buf_fini(&text);
    side_fini(&with);
    side_fini(&without);
    harness_rules_free(rules);
    series_free(env.series);
    symbols_free(symbols);
    pricing_free(pricing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_memory_and_without_the_same_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
