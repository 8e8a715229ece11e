/*
 * Uses of tools: their kind, names and hashes (request-bodies facts, 6). Of the input only the name
 * of a skill, sub-agent or server is taken, and a hash.
 */
#include "ingest/exchange_internal.h"

static ptrdiff_t find_parts(struct str name, const struct str *servers, size_t n,
                            struct str separator)
{
    for (size_t i = 0; i < n; i++)
        if (str_has_prefix(name, servers[i]) &&
            str_has_prefix(str_skip(name, servers[i].n), separator))
            return (ptrdiff_t)servers[i].n;
    /* A server has a name: the search begins behind its first letter. */
    ptrdiff_t at = name.n ? str_find(str_skip(name, 1), separator) : -1;
    return at < 0 ? -1 : at + 1;
}

struct mcp_name mcp_split(struct str name, const struct str *servers, size_t n,
                          struct str separator)
{
    /* Prefix, and what stands between server and tool: Claude Code and others; Roo Code. */
    static const struct {
        struct str prefix, separator;
    } forms[] = {{{"mcp__", 5}, {"__", 2}}, {{"mcp--", 5}, {"--", 2}}};
    struct mcp_name out = {.server = STR(""), .tool = STR("")};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (!str_has_prefix(name, forms[i].prefix) || name.n == forms[i].prefix.n)
            continue;
        struct str rest = str_skip(name, forms[i].prefix.n);
        ptrdiff_t at = find_parts(rest, servers, n, forms[i].separator);
        out.is = true;
        out.server = at < 0 ? rest : str_of(rest.p, (size_t)at);
        out.tool = at < 0 ? STR("") : str_skip(rest, (size_t)at + forms[i].separator.n);
        return out;
    }
    ptrdiff_t at = separator.n ? find_parts(name, NULL, 0, separator) : -1;
    if (at > 0) {
        out.is = true;
        out.server = str_of(name.p, (size_t)at);
        out.tool = str_skip(name, (size_t)at + separator.n);
    }
    return out;
}

/* The members of an input that matter: a name under one of `keys` (KEY or KEY=DEFAULT), a prompt.
 */
static void read_input(struct json_cursor c, struct str keys, struct str *name, struct str *prompt)
{
    if (!json_enter_object(&c))
        return;
    for (struct str key; json_next_key(&c, &key);) {
        bool wanted = false;
        for (struct str rest = keys; rest.p && !wanted;) {
            struct str one = str_cut(&rest, ' ');
            wanted = str_eq(str_cut(&one, '='), key);
        }
        if (wanted && json_peek(&c) == JSON_STRING)
            json_string(&c, name);
        else if (KEY_IS(key, "prompt") && json_peek(&c) == JSON_STRING)
            json_string(&c, prompt);
        else
            json_skip(&c);
    }
}

static struct str default_of(struct str keys)
{
    for (struct str rest = keys; rest.p;) {
        struct str one = str_cut(&rest, ' ');
        str_cut(&one, '=');
        if (one.p)
            return one;
    }
    return STR("");
}

/* The name of a skill, sub-agent or server in an input. */
static struct str fit_special(struct exchange_reader *r, const struct harness_hit *hit,
                              struct str raw, char room[RAW_NAME_MAX])
{
    if (hit->mark != MARK_USE_MCP)
        return fit_name(raw, NAME_ENTRY, room, &r->x.cut);
    char safe[EXCHANGE_NAME_MAX];
    struct str text = raw_decode(r, raw, &r->scratch);
    struct str name = fit_server(str_trim(text), r->offer ? r->offer->servers : NULL,
                                 r->offer ? r->offer->servers_n : 0, safe, &r->x.cut);
    if (name.n)
        memcpy(room, name.p, name.n);
    return str_of(room, name.n);
}

/* A use of a tool whose input names what is used. False when it does not. */
static bool name_special(struct exchange_reader *r, const struct found_use *f,
                         const struct harness_hit *hit, uint32_t tool, struct tool_use *u)
{
    struct str name = default_of(hit->purpose), prompt = STR("");
    char room[RAW_NAME_MAX];
    if (f->has_input)
        read_input(f->input, hit->purpose, &name, &prompt);
    uint32_t id = symbol_of_name(r, fit_special(r, hit, name, room));
    if (id == 0 && hit->mark != MARK_USE_SKILL)
        return false;
    switch (hit->mark) {
    case MARK_USE_MCP:
        u->kind = TOOL_MCP;
        u->server = id;
        u->name = tool;
        return true;
    case MARK_USE_SKILL:
        u->kind = TOOL_SKILL;
        u->name = id ? id : tool;
        return true;
    default:
        u->kind = TOOL_AGENT;
        u->name = id;
        u->input = prompt.n ? prompt_hash(r, prompt, 0) : 0;
        return true;
    }
}

void name_use(struct exchange_reader *r, const struct found_use *f, struct tool_use *u)
{
    char room[RAW_NAME_MAX];
    uint32_t cut = 0;
    struct str name = fit_name(f->name, NAME_TOOL, room, &cut);
    struct harness_hit hit;
    r->x.cut += cut;
    *u = (struct tool_use){
        .id = f->id_hash, .kind = TOOL_BUILTIN, .answered = f->answered, .error = f->error};
    if (harness_find(r->rules, HARNESS_USE, name, &hit) &&
        name_special(r, f, &hit, symbol_of_name(r, name), u)) {
        if (u->kind == TOOL_AGENT)
            return;
    } else {
        struct mcp_name split = mcp_split(name, r->offer ? r->offer->servers : NULL,
                                          r->offer ? r->offer->servers_n : 0, r->separator);
        u->kind = split.is ? TOOL_MCP : TOOL_BUILTIN;
        u->server = symbol_of_name(r, split.server);
        u->name = symbol_of_name(r, split.is ? split.tool : name);
    }
    if (f->has_input) {
        struct json_cursor c = f->input;
        uint64_t input = json_hash(r, &c, 0);
        /* Two tools that have no name are not the same tool. */
        uint64_t tool = raw_hash(r, SEED_INPUT, cut ? f->name : name);
        u->input = json_failed(&c) ? 0 : hash_mix(tool, input);
    }
}

void make_use(struct exchange_reader *r, const struct found_use *f)
{
    if (r->x.made_n < EXCHANGE_USES)
        name_use(r, f, &r->uses[0][r->x.made_n++]);
    else
        r->x.cut++;
}
