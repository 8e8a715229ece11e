/* Answers: see answer.h. */
#include "sim/answer.h"

#include <stdio.h>

enum { ANSWER_MAX = 64 << 20 };

void answer_init(struct answer *a, const struct text *text)
{
    *a = (struct answer){.text = text};
    buf_init(&a->blocks, ANSWER_MAX);
    buf_init(&a->out, ANSWER_MAX);
}

void answer_fini(struct answer *a)
{
    buf_fini(&a->blocks);
    buf_fini(&a->out);
}

bool answer_has_details(const struct call *c)
{
    return c->caller % 3 != 1;
}

static void put_messages_usage(struct buf *b, const struct call *c, int64_t output)
{
    buf_printf(b,
               "{\"input_tokens\":%lld,\"cache_creation_input_tokens\":%lld,"
               "\"cache_read_input_tokens\":%lld,\"cache_creation\":{"
               "\"ephemeral_5m_input_tokens\":%lld,\"ephemeral_1h_input_tokens\":%lld},"
               "\"output_tokens\":%lld}",
               (long long)c->input, (long long)(c->write_5m + c->write_1h),
               (long long)c->cache_read, (long long)c->write_5m, (long long)c->write_1h,
               (long long)output);
}

static void make_id(char out[TOOL_ID], struct rng *r, const char *prefix)
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789";
    char *to = stpcpy(out, prefix);
    for (int i = 0; i < 22; i++)
        *to++ = letters[rng_below(r, sizeof letters - 1)];
    *to = 0;
}

void answer_begin(struct answer *a, struct rng *rng, const struct call *c, struct str model)
{
    a->rng = rng;
    a->n = 0;
    a->converse = c->op == OP_CONVERSE || c->op == OP_CONVERSE_STREAM;
    a->stream = c->op == OP_INVOKE_STREAM;
    buf_rewind(&a->blocks);
    buf_rewind(&a->out);
    if (!a->text || a->converse)
        return;
    buf_printf(&a->out, "%s{\"model\":\"%.*s\",\"id\":\"",
               a->stream ? "[{\"type\":\"message_start\",\"message\":" : "", STR_ARG(model));
    char id[TOOL_ID];
    make_id(id, rng, "msg_bdrk_01");
    buf_printf(&a->out, "%s\",\"type\":\"message\",\"role\":\"assistant\",", id);
    if (!a->stream)
        return;
    buf_printf(&a->out, "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":");
    /* The first count of output is provisional: the final one comes with message_delta. */
    put_messages_usage(&a->out, c, 1 + (c->output & 1));
    buf_str(&a->out, STR("}}"));
}

static void next_block(struct answer *a)
{
    if (a->n++)
        buf_char(&a->blocks, ',');
}

/* Escapes JSON once more, for partial_json, which is JSON inside a string. */
static void put_escaped(struct buf *b, const char *p, size_t n)
{
    if (!buf_reserve(b, 2 * n))
        return;
    char *to = b->p + b->n;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"' || p[i] == '\\')
            *to++ = '\\';
        *to++ = p[i];
    }
    b->n = (size_t)(to - b->p);
}

/* The event before has no comma behind it: every event brings its own. */
static void put_delta_open(struct answer *a, const char *kind)
{
    buf_printf(&a->out, ",{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":%s", a->n - 1,
               kind);
}

/* Text pieces end before a blank: that is never inside an escape or a UTF-8 sequence. */
static void stream_text(struct answer *a, const char *kind, struct str s)
{
    buf_printf(&a->out,
               ",{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":\"%s\","
               "\"%s\":\"\"}}",
               a->n - 1, kind, kind);
    char delta[64];
    snprintf(delta, sizeof delta, "{\"type\":\"%s_delta\",\"%s\":\"", kind, kind);
    while (s.n) {
        size_t n = rng_between(a->rng, 4, 40);
        while (n < s.n && s.p[n] != ' ')
            n++;
        if (n > s.n)
            n = s.n;
        put_delta_open(a, delta);
        buf_append(&a->out, s.p, n);
        buf_str(&a->out, STR("\"}}"));
        s = str_skip(s, n);
    }
}

static void stream_stop(struct answer *a)
{
    buf_printf(&a->out, ",{\"type\":\"content_block_stop\",\"index\":%d}", a->n - 1);
}

void answer_thinking(struct answer *a, size_t bytes)
{
    if (!a->text || a->converse)
        return;
    next_block(a);
    struct str thought = text_take(a->text, TEXT_PROSE, a->rng, bytes);
    buf_printf(&a->blocks, "{\"type\":\"thinking\",\"thinking\":\"%.*s\",\"signature\":\"",
               STR_ARG(thought));
    size_t signature = a->blocks.n;
    char part[2][TOOL_ID];
    make_id(part[0], a->rng, "Er");
    make_id(part[1], a->rng, "C");
    buf_printf(&a->blocks, "%s%s", part[0], part[1]);
    if (a->stream) {
        stream_text(a, "thinking", thought);
        put_delta_open(a, "{\"type\":\"signature_delta\",\"signature\":\"");
        buf_str(&a->out, str_skip(buf_view(&a->blocks), signature));
        buf_str(&a->out, STR("\"}}"));
        stream_stop(a);
    }
    buf_str(&a->blocks, STR("\"}"));
}

void answer_literal(struct answer *a, struct str escaped)
{
    if (!a->text)
        return;
    next_block(a);
    buf_str(&a->blocks, a->converse ? STR("{\"text\":\"") : STR("{\"type\":\"text\",\"text\":\""));
    buf_str(&a->blocks, escaped);
    buf_str(&a->blocks, STR("\"}"));
    if (!a->stream)
        return;
    stream_text(a, "text", escaped);
    stream_stop(a);
}

void answer_text(struct answer *a, size_t bytes)
{
    if (a->text)
        answer_literal(a, text_take(a->text, TEXT_PROSE, a->rng, bytes));
}

/* Pieces of partial_json end anywhere, also inside an escape, but not inside a UTF-8 sequence. */
static void stream_tool(struct answer *a, const char *name, const char *id, struct str input)
{
    buf_printf(&a->out,
               ",{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":"
               "\"tool_use\",\"id\":\"%s\",\"name\":\"%s\",\"input\":{}}}",
               a->n - 1, id, name);
    put_delta_open(a, "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}");
    while (input.n) {
        size_t n = rng_between(a->rng, 3, 48);
        while (n < input.n && ((unsigned char)input.p[n] & 0xc0) == 0x80)
            n++;
        if (n > input.n)
            n = input.n;
        put_delta_open(a, "{\"type\":\"input_json_delta\",\"partial_json\":\"");
        put_escaped(&a->out, input.p, n);
        buf_str(&a->out, STR("\"}}"));
        input = str_skip(input, n);
    }
    buf_printf(&a->out, ",{\"type\":\"content_block_stop\",\"index\":%d}", a->n - 1);
}

void answer_tool(struct answer *a, const char *name, struct str input, char id[TOOL_ID])
{
    id[0] = 0;
    if (!a->text)
        return;
    make_id(id, a->rng, a->converse ? "tooluse_" : "toolu_bdrk_01");
    next_block(a);
    buf_printf(&a->blocks,
               a->converse ? "{\"toolUse\":{\"toolUseId\":\"%s\",\"name\":\"%s\",\"input\":"
                           : "{\"type\":\"tool_use\",\"id\":\"%s\",\"name\":\"%s\",\"input\":",
               id, name);
    buf_str(&a->blocks, input);
    buf_str(&a->blocks, a->converse ? STR("}}") : STR("}"));
    if (a->stream)
        stream_tool(a, name, id, input);
}

static void end_converse(struct answer *a, const struct call *c, const char *stop, int64_t latency)
{
    struct buf *b = &a->out;
    buf_str(b, STR("{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":["));
    buf_str(b, buf_view(&a->blocks));
    buf_printf(b,
               "]}},\"stopReason\":\"%s\",\"metrics\":{\"latencyMs\":%lld},\"usage\":{"
               "\"inputTokens\":%lld,\"outputTokens\":%lld,\"totalTokens\":%lld",
               stop, (long long)(latency < 0 ? 0 : latency), (long long)c->input,
               (long long)c->output,
               (long long)(c->input + c->output + c->cache_read + c->write_5m + c->write_1h));
    if (!c->no_cache_counts) {
        buf_printf(b, ",\"cacheReadInputTokens\":%lld,\"cacheWriteInputTokens\":%lld",
                   (long long)c->cache_read, (long long)(c->write_5m + c->write_1h));
        if (c->split_in_body && c->write_5m + c->write_1h)
            buf_printf(b,
                       ",\"cacheDetails\":[{\"ttl\":\"5m\",\"inputTokens\":%lld},{\"ttl\":\"1h\","
                       "\"inputTokens\":%lld}]",
                       (long long)c->write_5m, (long long)c->write_1h);
    }
    buf_str(b, STR("}}"));
}

static void end_stream(struct answer *a, const struct call *c, const char *stop, int64_t latency)
{
    struct buf *b = &a->out;
    buf_printf(
        b,
        ",{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null},"
        "\"usage\":{\"output_tokens\":%lld}},{\"type\":\"message_stop\"",
        stop, (long long)c->output);
    if (latency >= 0)
        buf_printf(b,
                   ",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":%lld,"
                   "\"outputTokenCount\":%lld,\"invocationLatency\":%lld,\"firstByteLatency\":%lld,"
                   "\"cacheReadInputTokenCount\":%lld,\"cacheWriteInputTokenCount\":%lld}",
                   (long long)c->input, (long long)c->output, (long long)latency,
                   (long long)(latency / 5 + 300), (long long)c->cache_read,
                   (long long)(c->write_5m + c->write_1h));
    buf_str(b, STR("}]"));
}

void answer_end(struct answer *a, const struct call *c, const char *stop, int64_t latency_ms)
{
    if (!a->text)
        return;
    if (a->converse) {
        end_converse(a, c, stop, latency_ms);
    } else if (a->stream) {
        end_stream(a, c, stop, latency_ms);
    } else {
        buf_str(&a->out, STR("\"content\":["));
        buf_str(&a->out, buf_view(&a->blocks));
        buf_printf(&a->out, "],\"stop_reason\":\"%s\",\"stop_sequence\":null,\"usage\":", stop);
        put_messages_usage(&a->out, c, c->output);
        buf_char(&a->out, '}');
    }
}

void answer_break(struct answer *a)
{
    if (a->text)
        buf_char(&a->out, ']');
}
