/* Pieces of a stream: see delta.h. */
#include "ingest/delta.h"

/* Tokens of such an event: where the piece is, and how many there are. */
enum { PIECE = 18, TOKENS = 21 };

static bool take(struct str *text, struct str what)
{
    if (text->n < what.n || memcmp(text->p, what.p, what.n) != 0)
        return false;
    *text = str_skip(*text, what.n);
    return true;
}

static bool take_index(struct str *text, int64_t *index)
{
    enum { DIGITS = 9 };
    size_t n = 0;
    *index = 0;
    for (; n < text->n && n < DIGITS && text->p[n] >= '0' && text->p[n] <= '9'; n++)
        *index = *index * 10 + (text->p[n] - '0');
    *text = str_skip(*text, n);
    return n > 0;
}

bool delta_read(struct json_cursor *c, struct delta *out)
{
    const uint32_t *at = c->at + c->i;
    if (c->failed || !c->value_due || c->end - c->i < TOKENS)
        return false;
    struct str text = str_of(c->p + at[0], at[PIECE] - at[0]);
    if (!take(&text, STR("{\"type\":\"content_block_delta\",\"index\":")) ||
        !take_index(&text, &out->index) || !take(&text, STR(",\"delta\":{\"type\":\"")))
        return false;
    bool input = take(&text, STR("input_json_delta\",\"partial_json\":"));
    if (!input && !take(&text, STR("text_delta\",\"text\":")) &&
        !take(&text, STR("thinking_delta\",\"thinking\":")))
        return false;
    out->input = STR_NONE;
    if (text.n > 0 || c->p[at[PIECE + 1]] != '}' || c->p[at[PIECE + 2]] != '}' ||
        (input && !json_inside_(c, c->i + PIECE, &out->input)) || c->p[at[PIECE]] != '"')
        return false;
    c->i += TOKENS;
    c->value_due = false;
    return true;
}
