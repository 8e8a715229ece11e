/*
 * Provider and family of a base model id: what people group by ("how much Opus do we use?"). Names
 * only; a price never follows from a family (price facts, rule 10).
 */
#include "model/model_id.h"

struct str model_provider(struct str base)
{
    ptrdiff_t dot = str_find_char(base, '.');
    if (dot > 0 && !str_has_prefix(base, STR("claude-")))
        return str_of(base.p, (size_t)dot);
    return str_has_prefix(base, STR("claude-")) ? STR("anthropic") : STR("");
}

/* Where the words of an id do not stand in the order of the family's name, or a version is not
 * separated from it. First hit wins. */
static const struct {
    const char *start, *word, *family;
} families[] = {
    {"claude-", "opus", "claude-opus"},
    {"claude-", "sonnet", "claude-sonnet"},
    {"claude-", "haiku", "claude-haiku"},
    {"nova-", "multimodal-embeddings", "nova-embeddings"},
    {"nova-2-", "lite", "nova-lite"},
    {"nova-2-", "pro", "nova-pro"},
    {"nova-2-", "omni", "nova-omni"},
    {"nova-2-", "sonic", "nova-sonic"},
    {"titan-embed", "", "titan-embed"},
    {"llama", "", "llama"},
    {"kimi", "", "kimi"},
    {"minimax", "", "minimax"},
    {"r1", "", "deepseek"},
    {"v3", "", "deepseek"},
};

/* The name up to its version: "-" and a digit, "-v" and a digit, or any of . : @ */
static struct str until_version(struct str s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == ':' || s.p[i] == '@' || s.p[i] == '.')
            return str_of(s.p, i);
        if (s.p[i] != '-' || i + 1 >= s.n)
            continue;
        size_t digit = s.p[i + 1] == 'v' && i + 2 < s.n ? i + 2 : i + 1;
        if (s.p[digit] >= '0' && s.p[digit] <= '9')
            return str_of(s.p, i);
    }
    return s;
}

struct str model_family(struct str base)
{
    struct str provider = model_provider(base);
    struct str name = str_has_prefix(base, STR("claude-")) ? base : str_skip(base, provider.n);
    if (name.n && name.p[0] == '.')
        name = str_skip(name, 1);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (str_has_prefix(name, str_from(families[i].start)) &&
            str_find(name, str_from(families[i].word)) >= 0)
            return str_from(families[i].family);
    return until_version(name);
}
