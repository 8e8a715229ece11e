/* What an output body says of usage: see usage.h. */
#include "ingest/usage.h"

#include "ingest/delta.h"
#include "model/name.h"

#define KEY_IS(key, literal)                                                                       \
    ((key).n == sizeof(literal) - 1 && memcmp((key).p, literal, sizeof(literal) - 1) == 0)

/* A later, definite figure replaces an earlier one; an absent one leaves it. */
static void take_count(struct json_cursor *c, int64_t *into, bool *odd)
{
    int64_t value = record_count(c, odd);
    if (value != COUNT_ABSENT)
        *into = value;
}

/* Adds to a sum that starts absent; a sum that no record may have is odd and left out. */
static void add_count(int64_t value, int64_t *into, bool *odd)
{
    if (value == COUNT_ABSENT)
        return;
    int64_t sum = (*into == COUNT_ABSENT ? 0 : *into) + value;
    if (sum > RECORD_LARGEST_COUNT)
        *odd = true;
    else
        *into = sum;
}

/* Anthropic's cache_creation {ephemeral_5m_input_tokens, ephemeral_1h_input_tokens}. */
static void decode_cache_creation(struct json_cursor *c, struct usage *u)
{
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "ephemeral_5m_input_tokens"))
            take_count(c, &u->write_5m, &u->odd);
        else if (KEY_IS(key, "ephemeral_1h_input_tokens"))
            take_count(c, &u->write_1h, &u->odd);
        else
            json_skip(c);
    }
}

/* Converse's cacheDetails: an array of {ttl, inputTokens}; a ttl may repeat, then it adds up
 * (AWS API reference, CacheDetail). */
static void decode_cache_details(struct json_cursor *c, struct arena *arena, struct usage *u)
{
    if (!json_enter_array(c)) {
        json_skip(c);
        return;
    }
    u->write_5m = u->write_1h = COUNT_ABSENT;
    while (json_next_item(c)) {
        if (!json_enter_object(c))
            continue;
        struct str ttl = STR_NONE;
        int64_t tokens = COUNT_ABSENT;
        for (struct str key; json_next_key(c, &key);) {
            if (KEY_IS(key, "ttl"))
                ttl = record_name(c, arena, &u->odd);
            else if (KEY_IS(key, "inputTokens"))
                tokens = record_count(c, &u->odd);
            else
                json_skip(c);
        }
        if (str_eq(ttl, STR("5m")))
            add_count(tokens, &u->write_5m, &u->odd);
        else if (str_eq(ttl, STR("1h")))
            add_count(tokens, &u->write_1h, &u->odd);
    }
}

/* Every vendor's spelling of the four counts. */
static int64_t *count_field(struct usage *u, struct str key)
{
    static const struct {
        struct str name;
        uint16_t offset;
    } fields[] = {
#define FIELD(name, member) {{name, sizeof(name) - 1}, offsetof(struct usage, member)}
        FIELD("input_tokens", input),
        FIELD("output_tokens", output),
        FIELD("cache_read_input_tokens", cache_read),
        FIELD("cache_creation_input_tokens", cache_write),
        FIELD("inputTokens", input),
        FIELD("outputTokens", output),
        FIELD("cacheReadInputTokens", cache_read),
        FIELD("cacheWriteInputTokens", cache_write),
        FIELD("inputTokenCount", input),
        FIELD("outputTokenCount", output),
        FIELD("cacheReadInputTokenCount", cache_read),
        FIELD("cacheWriteInputTokenCount", cache_write),
        FIELD("prompt_tokens", input),
        FIELD("completion_tokens", output),
#undef FIELD
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (str_eq(fields[i].name, key))
            return (int64_t *)((char *)u + fields[i].offset);
    return NULL;
}

static void decode_usage(struct json_cursor *c, struct arena *arena, struct usage *u)
{
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        int64_t *count = count_field(u, key);
        if (count)
            take_count(c, count, &u->odd);
        else if (KEY_IS(key, "cache_creation"))
            decode_cache_creation(c, u);
        else if (KEY_IS(key, "cacheDetails"))
            decode_cache_details(c, arena, u);
        else if (KEY_IS(key, "service_tier"))
            u->tier = record_name(c, arena, &u->odd);
        else
            json_skip(c);
    }
}

static void take_ms(struct json_cursor *c, int32_t *ms, bool *odd)
{
    int64_t value = record_count(c, odd);
    if (value != COUNT_ABSENT && value <= INT32_MAX)
        *ms = (int32_t)value;
}

/* amazon-bedrock-invocationMetrics: counts of last resort (bedrock-logs facts, 1.3), latencies. */
static void decode_invocation_metrics(struct json_cursor *c, struct usage *u)
{
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        int64_t *count = count_field(u, key);
        if (count && *count == COUNT_ABSENT)
            take_count(c, count, &u->odd);
        else if (KEY_IS(key, "invocationLatency"))
            take_ms(c, &u->latency_ms, &u->odd);
        else if (KEY_IS(key, "firstByteLatency"))
            take_ms(c, &u->first_byte_ms, &u->odd);
        else
            json_skip(c);
    }
}

static void decode_metrics(struct json_cursor *c, struct usage *u)
{
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "latencyMs"))
            take_ms(c, &u->latency_ms, &u->odd);
        else
            json_skip(c);
    }
}

static void decode_stop(struct json_cursor *c, struct usage *u)
{
    struct str reason;
    if (json_string(c, &reason) && str_eq(reason, STR("guardrail_intervened")))
        u->guardrail = true;
}

/* {"type": "priority"} of Converse, or the plain string of InvokeModel. */
static void decode_tier(struct json_cursor *c, struct arena *arena, struct usage *u)
{
    if (!json_enter_object(c)) {
        u->tier = record_name(c, arena, &u->odd);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "type"))
            u->tier = record_name(c, arena, &u->odd);
        else
            json_skip(c);
    }
}

static void decode_performance(struct json_cursor *c, struct usage *u)
{
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        struct str mode;
        if (KEY_IS(key, "latency"))
            u->optimized |= json_string(c, &mode) && str_eq(mode, STR("optimized"));
        else
            json_skip(c);
    }
}

/* A key that an answer object and a chunk of a stream have in common; false when it is none. */
static bool decode_common(struct json_cursor *c, struct str key, struct arena *arena,
                          struct usage *u)
{
    struct str action;
    if (KEY_IS(key, "usage"))
        decode_usage(c, arena, u);
    else if (KEY_IS(key, "amazon-bedrock-invocationMetrics"))
        decode_invocation_metrics(c, u);
    else if (KEY_IS(key, "amazon-bedrock-guardrailAction"))
        u->guardrail |= json_string(c, &action) && str_eq(action, STR("INTERVENED"));
    else if (KEY_IS(key, "stop_reason") || KEY_IS(key, "stopReason"))
        decode_stop(c, u);
    else if (KEY_IS(key, "prompt_token_count") || KEY_IS(key, "inputTextTokenCount"))
        take_count(c, &u->input, &u->odd);
    else if (KEY_IS(key, "generation_token_count") || KEY_IS(key, "totalOutputTextTokenCount"))
        take_count(c, &u->output, &u->odd);
    else
        return false;
    return true;
}

/* A model is looked for by its name and may be shown by it, so it has to be one. */
static void decode_model(struct json_cursor *c, struct arena *arena, struct usage *u)
{
    struct str name = record_name(c, arena, &u->odd);
    bool fits = name_fits(NAME_CODE, name);
    u->model = fits ? name : STR_NONE;
    u->odd |= name.n > 0 && !fits;
}

/* An answer object: Converse, InvokeModel of any vendor, or the message of a message_start. */
static void decode_answer(struct json_cursor *c, struct arena *arena, struct usage *u)
{
    for (struct str key; json_next_key(c, &key);) {
        if (decode_common(c, key, arena, u))
            continue;
        if (KEY_IS(key, "model"))
            decode_model(c, arena, u);
        else if (KEY_IS(key, "metrics"))
            decode_metrics(c, u);
        else if (KEY_IS(key, "serviceTier") || KEY_IS(key, "service_tier"))
            decode_tier(c, arena, u);
        else if (KEY_IS(key, "performanceConfig"))
            decode_performance(c, u);
        else
            json_skip(c);
    }
}

/* One event of a stream, entered. What is not an Anthropic event is a chunk of Claude 2 or Titan.
 */
static void decode_event(struct json_cursor *c, struct arena *arena, struct usage *u)
{
    struct str type = STR_NONE;
    struct json_cursor message = {0};
    bool has_message = false;
    struct usage before = *u; /* a message_start may come late: its usage is provisional */
    for (struct str key; json_next_key(c, &key);) {
        if (decode_common(c, key, arena, u))
            continue;
        if (KEY_IS(key, "type")) {
            if (!json_string(c, &type))
                type = STR_NONE;
        } else if (KEY_IS(key, "message") && json_peek(c) == JSON_OBJECT) {
            message = *c;
            has_message = true;
            json_skip(c);
        } else if (KEY_IS(key, "delta") && json_enter_object(c)) {
            for (struct str inner; json_next_key(c, &inner);)
                decode_common(c, inner, arena, u);
        } else {
            json_skip(c);
        }
    }
    if (str_eq(type, STR("message_delta")))
        u->complete = true;
    if (str_eq(type, STR("message_start")) && has_message && !u->stream &&
        json_enter_object(&message)) {
        bool delta_came_first = u->complete;
        decode_answer(&message, arena, u);
        u->stream = true;
        if (delta_came_first && before.output != COUNT_ABSENT)
            u->output = before.output;
    }
}

void usage_decode(struct json_cursor *c, struct arena *arena, struct usage *out)
{
    *out = (struct usage){.input = COUNT_ABSENT,
                          .output = COUNT_ABSENT,
                          .cache_read = COUNT_ABSENT,
                          .cache_write = COUNT_ABSENT,
                          .write_5m = COUNT_ABSENT,
                          .write_1h = COUNT_ABSENT,
                          .latency_ms = LATENCY_UNKNOWN,
                          .first_byte_ms = LATENCY_UNKNOWN};
    if (json_enter_object(c)) {
        decode_answer(c, arena, out);
    } else if (json_enter_array(c)) {
        struct delta piece;
        while (json_next_item(c))
            if (!delta_read(c, &piece) && json_enter_object(c))
                decode_event(c, arena, out);
    } else {
        json_skip(c);
    }
}
