/*
 * Reads one request and one answer as intake does and keeps the exchange: what the tests of
 * ingest/exchange*.c stand on. JSON is written with single quotes for double ones; \x01 is a single
 * quote that is meant.
 */
#ifndef ASSAY_TESTS_EXCHANGE_FIXTURE_H
#define ASSAY_TESTS_EXCHANGE_FIXTURE_H

#include "ingest/exchange.h"
#include "model/offer.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

struct reading {
    struct symbols *symbols;
    struct harness_rules *rules;
    struct exchange_reader *reader;
    struct exchange x;
    struct exchange_names names;
    uint64_t session;
    struct str principal;
};

#define USER_ARN STR("arn:aws:iam::111122223333:user/ann")

static inline struct reading *reading_with(const char *rules, bool repository_names)
{
    struct reading *r = calloc(1, sizeof *r);
    assert_non_null(r);
    assert_int_equal(symbols_new(&r->symbols, NULL), OK);
    assert_int_equal(harness_rules_new(str_from(rules), "rules", &r->rules, NULL), OK);
    const struct exchange_env env = {r->symbols, r->rules, {1, 2}, repository_names, NULL};
    assert_int_equal(exchange_reader_new(&env, &r->reader, NULL), OK);
    r->principal = USER_ARN;
    return r;
}

static inline struct reading *reading_new(void)
{
    return reading_with("", false);
}

static inline void reading_free(struct reading *r)
{
    exchange_reader_free(r->reader);
    harness_rules_free(r->rules);
    symbols_free(r->symbols);
    free(r);
}

struct body {
    struct json *json;
    char *bytes;
    struct json_text text;
    struct json_cursor c;
};

static inline void body_open(struct body *b, const char *json, size_t n)
{
    b->bytes = calloc(1, n + JSON_PADDING);
    assert_non_null(b->bytes);
    for (size_t i = 0; i < n; i++)
        b->bytes[i] = (char)(json[i] == '\'' ? '"' : json[i] == '\x01' ? '\'' : json[i]);
    assert_int_equal(json_new(&b->json, NULL), OK);
    struct err err = {0};
    if (json_index(b->json, b->bytes, n, &b->text, &err) != OK)
        fail_msg("%s: %.200s", err.text, b->bytes);
    b->c = json_begin(&b->text);
}

static inline void body_close(struct body *b)
{
    json_free(b->json);
    free(b->bytes);
}

/* NULL: not seen. */
static inline const struct exchange *read_both(struct reading *r, const char *input,
                                               const char *output)
{
    struct body in, out;
    if (input)
        body_open(&in, input, strlen(input));
    if (output)
        body_open(&out, output, strlen(output));
    const struct exchange_source source = {input ? &in.c : NULL, output ? &out.c : NULL,
                                           STR("InvokeModel"), r->principal};
    r->session = 0;
    assert_int_equal(exchange_read(r->reader, &source, &r->x, &r->names, &r->session, NULL), OK);
    if (input)
        body_close(&in);
    if (output)
        body_close(&out);
    return &r->x;
}

static inline const struct exchange *read_input(struct reading *r, const char *input)
{
    return read_both(r, input, NULL);
}

/* A request with these messages, and other members before them. */
static inline const struct exchange *read_request(struct reading *r, const char *members,
                                                  const char *messages)
{
    size_t n = strlen(members) + strlen(messages) + 64;
    char *text = malloc(n);
    assert_non_null(text);
    snprintf(text, n, "{%s'messages':[%s]}", members, messages);
    read_input(r, text);
    free(text);
    return &r->x;
}

static inline void assert_str(struct str s, const char *expect)
{
    if (!str_eq(s, str_from(expect)))
        fail_msg("'%.*s', not '%s'", STR_ARG(s), expect);
}

static inline void assert_symbol(struct reading *r, uint32_t symbol, const char *expect)
{
    assert_str(symbols_text(r->symbols, symbol), expect);
}

static inline void assert_use(struct reading *r, const struct tool_use *u, enum tool_kind kind,
                              const char *server, const char *name)
{
    assert_int_equal(u->kind, kind);
    assert_symbol(r, u->server, server);
    assert_symbol(r, u->name, name);
}

#define assert_kind(r, expect) assert_int_equal((r)->x.kind, expect)

/* What Claude Code's main calls have. */
#define BILLING(more)                                                                              \
    "{'type':'text','text':'x-anthropic-billing-header: cc_version=2.1.197.00a; "                  \
    "cc_entrypoint=cli;" more "'}"
#define OPENER                                                                                     \
    "{'type':'text','text':'You are Claude Code, Anthropic\x01s official CLI for Claude.'}"
#define MAIN "'system':[" BILLING("") "," OPENER "],'tools':[{'name':'Bash'}],"
#define USER(content) "{'role':'user','content':" content "}"
#define ASSISTANT(content) "{'role':'assistant','content':" content "}"
#define TEXT(words) "{'type':'text','text':'" words "'}"
#define USE(id, name, input) "{'type':'tool_use','id':'" id "','name':'" name "','input':" input "}"
#define RESULT(id, content) "{'type':'tool_result','tool_use_id':'" id "','content':" content "}"
#define REMINDER(words) TEXT("<system-reminder>\\n" words "\\n</system-reminder>")

#endif
