/* Conversations: see talk.h. */
#include "sim/talk.h"

enum { TALK_MAX = 64 << 20 };

void talk_init(struct talk *t, const struct text *text, bool converse)
{
    *t = (struct talk){.text = text, .converse = converse};
    buf_init(&t->head, TALK_MAX);
    buf_init(&t->settled, TALK_MAX);
    buf_init(&t->last, TALK_MAX);
    buf_init(&t->tail, TALK_MAX);
}

void talk_fini(struct talk *t)
{
    buf_fini(&t->head);
    buf_fini(&t->settled);
    buf_fini(&t->last);
    buf_fini(&t->tail);
}

void talk_clear(struct talk *t)
{
    buf_rewind(&t->settled);
    buf_rewind(&t->last);
    t->blocks = 0;
    t->has_result = false;
    t->messages = 0;
    t->of_first = t->of_last = (struct sizes){0};
}

static void next_block(struct talk *t)
{
    if (t->blocks++)
        buf_append(&t->last, "},", 2);
}

void talk_open_text(struct talk *t)
{
    if (!t->text)
        return;
    next_block(t);
    buf_str(&t->last, t->converse ? STR("{\"text\":\"") : STR("{\"type\":\"text\",\"text\":\""));
    t->text_at = t->last.n;
}

void talk_close_text(struct talk *t, enum request_part part)
{
    if (!t->text)
        return;
    if (part < PARTS)
        t->of_last.part[part] += text_decoded(str_skip(buf_view(&t->last), t->text_at));
    buf_char(&t->last, '"');
}

void talk_text(struct talk *t, struct str escaped, enum request_part part)
{
    talk_open_text(t);
    if (t->text)
        buf_str(&t->last, escaped);
    talk_close_text(t, part);
}

void talk_image(struct talk *t, struct str base64)
{
    if (!t->text)
        return;
    next_block(t);
    t->has_result = true; /* the content stays an array */
    buf_printf(&t->last,
               "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
               "\"data\":\"%.*s\"}",
               STR_ARG(base64));
}

void talk_open_result(struct talk *t, const char *id, bool as_array)
{
    if (!t->text)
        return;
    next_block(t);
    t->has_result = true;
    if (t->converse)
        buf_printf(&t->last, "{\"toolResult\":{\"toolUseId\":\"%s\",\"content\":[{\"text\":\"", id);
    else if (as_array)
        buf_printf(
            &t->last,
            "{\"type\":\"tool_result\",\"tool_use_id\":\"%s\",\"content\":[{\"type\":\"text\","
            "\"text\":\"",
            id);
    else
        buf_printf(&t->last, "{\"tool_use_id\":\"%s\",\"type\":\"tool_result\",\"content\":\"", id);
}

void talk_close_result(struct talk *t, bool as_array, bool failed)
{
    if (!t->text)
        return;
    if (t->converse) {
        buf_printf(&t->last, "\"}],\"status\":\"%s\"}", failed ? "error" : "success");
        return;
    }
    buf_str(&t->last, as_array ? STR("\"}]") : STR("\""));
    if (failed)
        buf_str(&t->last, STR(",\"is_error\":true"));
}

void talk_loaded_result(struct talk *t, const char *id, const char *tool)
{
    if (!t->text)
        return;
    next_block(t);
    t->has_result = true;
    buf_printf(&t->last,
               "{\"type\":\"tool_result\",\"tool_use_id\":\"%s\",\"content\":[{\"type\":"
               "\"tool_reference\",\"tool_name\":\"%s\"}]",
               id, tool);
}

void talk_add_tool(struct talk *t, struct str schema)
{
    const struct str end = STR("],\"messages\":[");
    if (!t->text || t->head.n < end.n)
        return;
    t->head.n -= end.n;
    buf_char(&t->head, ',');
    buf_str(&t->head, schema);
    buf_str(&t->head, end);
}

/* Tools that a later message lists stay in the context as those of the first do; what else stands
 * between the first message and the last is history. */
static void keep_listed(struct sizes *first, const struct sizes *last)
{
    first->part[PART_TOOLS] += last->part[PART_TOOLS];
    first->part[PART_MCP] += last->part[PART_MCP];
    for (int i = 0; i < SIZES_SERVERS; i++) {
        first->server[i].name += last->server[i].name;
        first->server[i].note += last->server[i].note;
    }
}

/* A message of one text becomes a plain string once it carries no cache mark any more. */
static void settle_last(struct talk *t)
{
    if (t->settled.n)
        buf_char(&t->settled, ',');
    buf_str(&t->settled, STR("{\"role\":\"user\",\"content\":"));
    if (t->blocks == 1 && !t->has_result && !t->converse) {
        buf_char(&t->settled, '"');
        buf_append(&t->settled, t->last.p + t->text_at, t->last.n - t->text_at);
        buf_char(&t->settled, '}');
    } else {
        buf_char(&t->settled, '[');
        buf_str(&t->settled, buf_view(&t->last));
        buf_append(&t->settled, "}]}", 3);
    }
    buf_rewind(&t->last);
    t->blocks = 0;
    t->has_result = false;
    if (t->messages++ == 0)
        t->of_first = t->of_last;
    else
        keep_listed(&t->of_first, &t->of_last);
    t->of_last = (struct sizes){0};
}

void talk_answered(struct talk *t, struct str blocks)
{
    if (!t->text)
        return;
    settle_last(t);
    t->messages++;
    buf_str(&t->settled, STR(",{\"role\":\"assistant\",\"content\":["));
    buf_str(&t->settled, blocks);
    buf_append(&t->settled, "]}", 2);
}

int talk_request(const struct talk *t, struct str out[CALL_SLICES])
{
    if (!t->text)
        return 0;
    struct str end = STR("}]}");
    if (t->converse && !t->no_mark)
        end = STR("},{\"cachePoint\":{\"type\":\"default\"}}]}");
    else if (!t->no_mark)
        end = t->one_hour ? STR(",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}]}")
                          : STR(",\"cache_control\":{\"type\":\"ephemeral\"}}]}");
    int n = 0;
    out[n++] = buf_view(&t->head);
    out[n++] = buf_view(&t->settled);
    out[n++] = t->settled.n ? STR(",{\"role\":\"user\",\"content\":[")
                            : STR("{\"role\":\"user\",\"content\":[");
    out[n++] = buf_view(&t->last);
    out[n++] = end;
    out[n++] = buf_view(&t->tail);
    return n;
}

static void sizes_join(struct sizes *into, const struct sizes *from)
{
    for (int i = 0; i < PARTS; i++)
        into->part[i] += from->part[i];
    for (int i = 0; i < SIZES_SERVERS; i++) {
        into->server[i].schema += from->server[i].schema;
        into->server[i].name += from->server[i].name;
        into->server[i].note += from->server[i].note;
    }
}

struct sizes talk_sizes(const struct talk *t)
{
    struct sizes sum = t->of_head;
    sizes_join(&sum, &t->of_first);
    sizes_join(&sum, &t->of_last);
    return sum;
}

bool talk_ok(const struct talk *t)
{
    return buf_status(&t->head) == OK && buf_status(&t->settled) == OK &&
           buf_status(&t->last) == OK && buf_status(&t->tail) == OK;
}
