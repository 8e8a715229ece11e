/*
 * Services: programs that call models by themselves, one call at a time, without a conversation.
 * They bring the other operations and models, guardrails, long contexts, and models that no price
 * list has.
 */
#include "sim/sim_internal.h"

#include "base/clock.h"

#include <stdlib.h>

enum { DAY_MS = 86400 * 1000, SYSTEM_TOKENS = 2100 };

struct service {
    uint32_t caller;
    enum service_kind kind;
    struct rng rng;
    struct rng words;
    int64_t cached_s;    /* when its system text was cached last */
    uint32_t burst_left; /* embeddings: calls of this night */
    uint64_t serial;     /* so that no two requests are the same */
    struct buf request;
};

enum status service_new(struct sim *s, uint32_t caller, struct service **out, int64_t *first_ms)
{
    struct service *v = calloc(1, sizeof *v);
    if (!v)
        return err_nomem(s->err);
    v->caller = caller;
    v->kind = (enum service_kind)s->org.callers[caller].what;
    rng_seed(&v->rng, (uint64_t)s->options.seed, UINT64_C(0x30000000) + caller);
    rng_seed(&v->words, (uint64_t)s->options.seed, UINT64_C(0x40000000) + caller);
    buf_init(&v->request, 64 << 20);
    *first_ms = s->start_s * 1000 + rng_below(&v->rng, 1800 * 1000);
    v->burst_left = rng_between(&v->rng, 20, 150);
    *out = v;
    return OK;
}

void service_free(struct service *v)
{
    if (!v)
        return;
    buf_fini(&v->request);
    free(v);
}

/* Until the next call, in milliseconds. */
static int64_t pause(struct service *v, int64_t now_ms)
{
    static const uint32_t longest_s[SERVICE_KINDS] = {
        [SERVICE_CHAT] = 4800,     [SERVICE_CLASSIFY] = 2400,  [SERVICE_OSS] = 7200,
        [SERVICE_DOCUMENT] = 7200, [SERVICE_RESPONSES] = 9000, [SERVICE_ODD] = 30000,
    };
    if (v->kind != SERVICE_EMBED)
        return 1000 + rng_skewed(&v->rng, 0, longest_s[v->kind]) * INT64_C(1000);
    if (v->burst_left == 0) {
        v->burst_left = rng_between(&v->rng, 20, 150);
        int64_t tomorrow = (now_ms / DAY_MS + 1) * DAY_MS;
        return tomorrow - now_ms + rng_between(&v->rng, 3600, 7200) * INT64_C(1000);
    }
    v->burst_left--;
    return rng_between(&v->rng, 120, 2500);
}

static void count(struct sim *s, struct service *v, struct call *c)
{
    struct rng *r = &v->rng;
    (void)s;
    switch (v->kind) {
    case SERVICE_CHAT:
        c->op = OP_CONVERSE_STREAM;
        c->input = rng_skewed(r, 30, 3000);
        c->output = rng_skewed(r, 20, 900);
        *(c->time_s - v->cached_s <= 300 ? &c->cache_read : &c->write_5m) = SYSTEM_TOKENS;
        v->cached_s = c->time_s;
        c->zero_first = rng_one_in(r, 50);
        c->split_in_body = answer_has_details(c);
        break;
    case SERVICE_CLASSIFY:
        c->op = OP_CONVERSE;
        c->input = rng_skewed(r, 200, 2500);
        c->output = rng_between(r, 3, 40);
        c->no_cache_counts = rng_one_in(r, 2);
        break;
    case SERVICE_DOCUMENT:
        c->op = OP_INVOKE;
        c->input = rng_skewed(r, 4000, rng_one_in(r, 6) ? 240000 : 60000);
        c->output = rng_skewed(r, 100, 2500);
        c->split_in_body = c->model_in_body = true;
        break;
    case SERVICE_EMBED:
        c->op = OP_INVOKE;
        c->input = rng_skewed(r, 20, 1500);
        c->no_output_count = c->no_cache_counts = true;
        break;
    case SERVICE_RESPONSES:
        c->op = OP_RESPONSES;
        c->null_metadata = true;
        c->input = rng_skewed(r, 100, 20000);
        c->output = rng_skewed(r, 50, 2000);
        c->no_cache_counts = true;
        break;
    case SERVICE_OSS:
    case SERVICE_ODD:
    case SERVICE_KINDS:
        c->op = OP_CONVERSE;
        c->input = rng_skewed(r, 80, 4000);
        c->output = rng_skewed(r, 20, 1500);
        c->no_cache_counts = true;
        break;
    }
}

static void fail(struct call *c, enum sim_error error)
{
    c->error = error;
    c->no_counts = true;
    c->zero_first = false;
    c->input = c->output = c->cache_read = c->write_5m = c->write_1h = 0;
}

/* A guardrail stopped the request: Converse counts zeros, InvokeModel counts nothing. */
static void block(struct service *v, struct call *c)
{
    v->cached_s = 0;
    c->input = c->output = c->cache_read = c->write_5m = c->write_1h = 0;
    c->zero_first = false;
    c->no_counts = c->op == OP_INVOKE;
    c->model_in_body = false;
}

static void write_converse(struct sim *s, struct service *v, const struct call *c)
{
    struct buf *b = &v->request;
    buf_printf(b, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"%llu: ",
               (unsigned long long)++v->serial);
    sim_text(s, &v->words, TEXT_PROSE, (uint32_t)c->input, b);
    buf_str(b, STR("\"}]}],\"system\":[{\"text\":\""));
    sim_text(s, &v->words, TEXT_PROSE, v->kind == SERVICE_CHAT ? SYSTEM_TOKENS : 200, b);
    buf_str(b, STR("\"}"));
    if (v->kind == SERVICE_CHAT)
        buf_str(b, STR(",{\"cachePoint\":{\"type\":\"default\"}}"));
    buf_str(b, STR("],\"inferenceConfig\":{\"maxTokens\":2048}}"));
}

static void write_document(struct sim *s, struct service *v, const struct call *c)
{
    struct buf *b = &v->request;
    buf_str(b,
            STR("{\"anthropic_version\":\"bedrock-2023-05-31\",\"max_tokens\":4096,\"system\":\""));
    sim_text(s, &v->words, TEXT_PROSE, 120, b);
    buf_printf(b, "\",\"messages\":[{\"role\":\"user\",\"content\":\"%llu: ",
               (unsigned long long)++v->serial);
    sim_text(s, &v->words, TEXT_PROSE, (uint32_t)c->input, b);
    buf_str(b, STR("\"}]}"));
}

static void write_embedding(struct sim *s, struct service *v, struct call *c)
{
    struct buf *b = &v->request, *out = &s->answer.out;
    buf_str(b, STR("{\"inputText\":\""));
    sim_text(s, &v->words, TEXT_PROSE, (uint32_t)c->input, b);
    buf_str(b, STR("\",\"dimensions\":256,\"normalize\":true}"));
    buf_rewind(out);
    buf_str(out, STR("{\"embedding\":["));
    for (int i = 0; i < 256; i++)
        buf_printf(out, "%s%s0.%08u", i ? "," : "", rng_one_in(&v->words, 2) ? "-" : "",
                   rng_below(&v->words, 20000000));
    buf_printf(out, "],\"inputTextTokenCount\":%lld}", (long long)c->input);
    c->out = buf_view(out);
}

static void write_blocked(struct sim *s, struct call *c)
{
    struct buf *out = &s->answer.out;
    buf_rewind(out);
    if (c->op == OP_INVOKE)
        buf_str(out,
                STR("{\"amazon-bedrock-guardrailAction\":\"INTERVENED\",\"amazon-bedrock-trace\":{"
                    "\"guardrail\":{\"input\":{\"gr1example\":{\"topicPolicy\":{\"topics\":[{"
                    "\"name\":\"Advice\",\"type\":\"DENY\",\"action\":\"BLOCKED\"}]}}}}}}"));
    else
        buf_str(out,
                STR("{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":"
                    "\"Blocked.\"}]}},\"stopReason\":\"guardrail_intervened\",\"metrics\":{"
                    "\"latencyMs\":211},\"usage\":{\"inputTokens\":0,\"outputTokens\":0,"
                    "\"totalTokens\":0},\"trace\":{\"guardrail\":{\"inputAssessment\":{"
                    "\"gr1example\":{\"topicPolicy\":{\"topics\":[{\"name\":\"Advice\",\"type\":"
                    "\"DENY\",\"action\":\"BLOCKED\"}]},\"invocationMetrics\":{\"usage\":{"
                    "\"topicPolicyUnits\":1}}}}}}}"));
    c->out = buf_view(out);
}

static void write_texts(struct sim *s, struct service *v, struct call *c, bool blocked)
{
    /* The OpenAI-style operations are logged without bodies. */
    if (!s->text || c->error != FAIL_NOT || c->op == OP_RESPONSES)
        return;
    buf_rewind(&v->request);
    if (v->kind == SERVICE_EMBED) {
        write_embedding(s, v, c);
    } else {
        if (c->op == OP_INVOKE)
            write_document(s, v, c);
        else
            write_converse(s, v, c);
        answer_begin(&s->answer, &v->words, c, s->org.models[c->model].body_name);
        answer_text(&s->answer, sim_bytes(s, (uint32_t)c->output));
        answer_end(&s->answer, c, "end_turn", 300 + c->output * 9);
        c->out = buf_view(&s->answer.out);
    }
    if (blocked)
        write_blocked(s, c);
    c->in[c->in_n++] = buf_view(&v->request);
}

enum status service_step(struct sim *s, struct service *v, int64_t now_ms, int64_t *next_ms)
{
    const struct caller *caller = &s->org.callers[v->caller];
    if (v->kind == SERVICE_EMBED && v->burst_left == 0) {
        *next_ms = now_ms + pause(v, now_ms);
        return OK;
    }
    struct call c = {.time_s = now_ms / 1000, .caller = v->caller, .model = caller->model};
    count(s, v, &c);
    bool blocked =
        (v->kind == SERVICE_CHAT || v->kind == SERVICE_DOCUMENT) && rng_one_in(&v->rng, 45);
    uint32_t fate = rng_below(&v->rng, 400);
    if (fate < 4)
        fail(&c, FAIL_THROTTLE);
    else if (fate == 4)
        fail(&c, FAIL_TIMEOUT);
    else if (fate == 5)
        fail(&c, FAIL_VALIDATION);
    else if (blocked)
        block(v, &c);
    c.body = c.error == FAIL_NOT && c.op != OP_RESPONSES;
    c.alone = c.body && v->kind != SERVICE_EMBED; /* what is embedded is no message */
    c.kind = c.body ? CALL_MAIN : CALL_UNKNOWN;
    write_texts(s, v, &c, blocked && c.error == FAIL_NOT);
    if (buf_status(&v->request) != OK)
        return err_nomem(s->err);
    *next_ms = now_ms + pause(v, now_ms);
    return sim_emit(s, &c);
}
