/*
 * Working out an offer: names and sizes of tools, and the reminders that list tools, MCP servers,
 * skills, sub-agents and the context (request-bodies facts, 5 and 6). Done once per distinct offer.
 */
#include "ingest/exchange_internal.h"

#include <stdlib.h>

struct making {
    struct exchange_reader *r;
    struct offer_slot *slot;
    struct str separator; /* of names without a prefix */
    struct str *names;    /* of MCP tools; sorted */
    size_t names_n;
    struct str *servers; /* connecting or shared by names */
    size_t servers_n;
    struct offer_item *items;
    size_t items_n;
    struct str *loaded; /* names in tools[], sorted */
    size_t loaded_n;
};

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int longest_first(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : str_cmp(*x, *y);
}

static struct str keep(struct making *k, struct str name)
{
    struct str kept = arena_str(&k->r->arena, name);
    k->r->failed |= !kept.p;
    return kept.p ? kept : STR("");
}

static void cut(struct making *k)
{
    k->slot->cut++;
    k->slot->is_cut = true;
}

static void add_item(struct making *k, const struct offer_item *item)
{
    if (item->name.n == 0)
        return;
    if (k->items_n < OFFER_ITEMS)
        k->items[k->items_n++] = *item;
    else
        cut(k);
}

static bool is_mcp(const struct making *k, struct str name)
{
    return mcp_split(name, NULL, 0, k->separator).is;
}

static void add_name(struct making *k, struct str name)
{
    if (is_mcp(k, name) && k->names_n < OFFER_ITEMS)
        k->names[k->names_n++] = name;
}

static void add_server(struct making *k, struct str name)
{
    if (name.n && k->servers_n < OFFER_SERVERS)
        k->servers[k->servers_n++] = name;
}

/*
 * The lines of a listing that hold names: behind the line that says what it is, up to an empty line
 * or the closing tag. `each` is told the mark of the part it stands in, as one reminder may list
 * tools and then servers.
 */
static void each_line(struct making *k, struct str text,
                      void (*each)(struct making *k, enum harness_mark mark, struct str line))
{
    enum harness_mark mark = MARK_NONE;
    bool fresh = false;
    for (struct str rest = text; rest.p && rest.n;) {
        struct str line = str_cut(&rest, '\n'), bare = str_trim(line);
        if (bare.n > 0 && bare.p[0] == '<') {
            if (str_has_prefix(bare, STR("</")))
                mark = MARK_NONE;
            continue;
        }
        enum harness_mark here =
            mark == MARK_NONE ? harness_mark(k->r->rules, HARNESS_REMINDER, line) : MARK_NONE;
        if (here != MARK_NONE) {
            mark = here;
            fresh = true;
        } else if (bare.n > 0) {
            each(k, mark, line);
            fresh = false;
        } else if (!fresh && (mark == MARK_DEFERRED || mark == MARK_CONNECTING)) {
            mark = MARK_NONE;
        }
    }
}

/* `- name: …`, up to the first colon and space: names of plugins hold colons themselves. */
static struct str bullet_name(struct str line)
{
    if (!str_has_prefix(line, STR("- ")))
        return STR("");
    struct str s = str_skip(line, 2);
    ptrdiff_t at = str_find(s, STR(": "));
    if (at < 0 && s.n && s.p[s.n - 1] == ':')
        at = (ptrdiff_t)s.n - 1;
    if (at <= 0 || at > EXCHANGE_NAME_MAX)
        return STR("");
    s.n = (size_t)at;
    return s;
}

/* A bullet without the form of a name is part of the description before it. */
static void add_entry(struct making *k, enum offer_kind kind, struct str line)
{
    struct str name = bullet_name(line);
    if (name_fits(NAME_ENTRY, name))
        add_item(k, &(struct offer_item){.kind = kind, .name = keep(k, name)});
}

static bool is_loaded(const struct making *k, struct str name)
{
    return k->loaded_n && bsearch(&name, k->loaded, k->loaded_n, sizeof name, by_text);
}

/* First pass: names of tools and servers, so that names can be split. */
static void gather(struct making *k, enum harness_mark mark, struct str line)
{
    struct str name = str_trim(line);
    char room[EXCHANGE_NAME_MAX];
    if (mark == MARK_DEFERRED && name_fits(NAME_TOOL, name))
        add_name(k, keep(k, name));
    else if (mark == MARK_CONNECTING && name_fits(NAME_ENTRY, name))
        add_server(k, keep(k, safe_server(name, room)));
}

/* Second pass: items. */
static void itemize(struct making *k, enum harness_mark mark, struct str line)
{
    struct offer_item item = {.kind = OFFER_SERVER, .name_bytes = (uint32_t)line.n + 1};
    char room[EXCHANGE_NAME_MAX];
    if (mark == MARK_SKILLS) {
        add_entry(k, OFFER_SKILL, line);
    } else if (mark == MARK_AGENTS) {
        add_entry(k, OFFER_AGENT, line);
    } else if (mark == MARK_CONNECTING) {
        item.name = keep(k, fit_server(str_trim(line), k->slot->servers, k->slot->servers_n, room,
                                       &k->slot->cut));
        add_item(k, &item);
        add_bytes(&k->slot->part[PART_MCP], item.name_bytes);
    } else if (mark == MARK_DEFERRED) {
        struct str name = keep(k, fit_text(str_trim(line), NAME_TOOL, &k->slot->cut));
        struct mcp_name split = mcp_split(name, k->slot->servers, k->slot->servers_n, k->separator);
        if (!split.is)
            return;
        item.name = split.server;
        item.deferred = !is_loaded(k, name);
        add_item(k, &item);
        add_bytes(&k->slot->part[PART_MCP], item.name_bytes);
    }
}

static bool is_known(const struct making *k, struct str server)
{
    for (size_t i = 0; i < k->slot->servers_n; i++)
        if (str_eq(k->slot->servers[i], server))
            return true;
    return false;
}

/* `## server` opens the text of a server if such a server is known; any other heading is part of
 * the text it stands in. */
static void add_instructions(struct making *k, struct str text)
{
    struct offer_item item = {.kind = OFFER_SERVER, .name = STR("")};
    char room[EXCHANGE_NAME_MAX];
    for (struct str rest = text; rest.p && rest.n;) {
        struct str line = str_cut(&rest, '\n');
        if (str_has_prefix(line, STR("## "))) {
            struct str server = safe_server(str_trim(str_skip(line, 3)), room);
            if (is_known(k, server)) {
                add_item(k, &item);
                item = (struct offer_item){.kind = OFFER_SERVER, .name = keep(k, server)};
            }
        }
        if (str_has_prefix(line, STR("</system-reminder>")))
            break;
        add_bytes(&item.note_bytes, line.n + (rest.p ? 1 : 0));
    }
    add_item(k, &item);
}

/* Project memory and the rest. Memory files hold headings of their own, so their section ends at
 * the last line that begins another one. */
static void add_context(struct making *k, struct str text)
{
    size_t from = text.n, to = text.n, at = 0;
    for (struct str rest = text; rest.p && rest.n;) {
        struct str line = str_cut(&rest, '\n');
        bool outside = from == text.n;
        enum harness_mark mark = line.n && (outside || line.p[0] == '#')
                                     ? harness_mark(k->r->rules, HARNESS_SECTION, line)
                                     : MARK_NONE;
        if (mark == MARK_MEMORY && from == text.n)
            from = at;
        else if (mark == MARK_ENVIRONMENT && at > from)
            to = at;
        if (outside && !k->slot->repository)
            k->slot->repository = line_directory(k->r, line);
        at += line.n + 1;
    }
    add_bytes(&k->slot->part[PART_MEMORY], to - from);
    add_bytes(&k->slot->part[PART_ENVIRONMENT], text.n - (to - from));
}

static void add_listing_items(struct making *k, const struct listing *l)
{
    uint32_t *part = k->slot->part;
    struct str text = raw_decode(k->r, l->text, &k->r->text);
    uint32_t mcp = part[PART_MCP];
    switch (l->mark) {
    case MARK_INSTRUCTIONS:
        add_instructions(k, text);
        add_bytes(&part[PART_MCP], text.n);
        return;
    case MARK_CONTEXT:
        add_context(k, text);
        return;
    case MARK_SKILLS:
        add_bytes(&part[PART_SKILLS], text.n);
        break;
    case MARK_AGENTS:
        add_bytes(&part[PART_AGENTS], text.n);
        break;
    default:
        break;
    }
    each_line(k, text, itemize);
    mcp = part[PART_MCP] - mcp;
    if (l->mark == MARK_DEFERRED || l->mark == MARK_CONNECTING)
        add_bytes(&part[PART_TOOLS], text.n > mcp ? text.n - mcp : 0);
}

static void gather_tools(struct making *k)
{
    struct exchange_reader *r = k->r;
    char room[RAW_NAME_MAX];
    for (uint32_t i = 0; i < r->tools_n; i++) {
        struct str name = fit_name(r->tools[i].name, NAME_TOOL, room, &k->slot->cut);
        harness_look(r->rules, HARNESS_TOOL, name, &k->slot->verdict);
        k->loaded[k->loaded_n++] = keep(k, name);
    }
    /* Names without a prefix are split for a harness that is known to join them. */
    struct harness_verdict v = r->verdict;
    memcpy(v.by_tools, k->slot->verdict.by_tools, sizeof v.by_tools);
    k->separator = harness_separator(r->rules, harness_of(&v));
    for (uint32_t i = 0; i < r->tools_n; i++)
        add_name(k, k->loaded[i]);
}

static void add_tools(struct making *k)
{
    struct exchange_reader *r = k->r;
    for (uint32_t i = 0; i < r->tools_n; i++) {
        uint32_t bytes = r->tools[i].bytes;
        struct mcp_name split =
            mcp_split(k->loaded[i], k->slot->servers, k->slot->servers_n, k->separator);
        add_bytes(&k->slot->part[split.is ? PART_MCP : PART_TOOLS], bytes);
        if (split.is)
            add_item(k, &(struct offer_item){.kind = OFFER_SERVER,
                                             .name = split.server,
                                             .tools = 1,
                                             .schema_bytes = bytes});
    }
}

/* Every start of a name before `__` that two names share is taken for a server. */
static void add_shared(struct making *k)
{
    enum { STARTS = 8 };
    if (k->names_n)
        qsort(k->names, k->names_n, sizeof *k->names, by_text);
    for (size_t i = 1; i < k->names_n; i++) {
        struct str a = k->names[i - 1], b = k->names[i];
        const struct str prefix = STR("mcp__");
        size_t common = 0;
        while (common < a.n && common < b.n && a.p[common] == b.p[common])
            common++;
        if (str_eq(a, b) || !str_has_prefix(a, prefix))
            continue;
        int starts = 0;
        for (size_t at = prefix.n + 1; at + 2 <= common && starts < STARTS; at++)
            if (a.p[at] == '_' && a.p[at + 1] == '_') {
                struct str server = str_of(a.p + prefix.n, at - prefix.n);
                if (k->servers_n == 0 || !str_eq(k->servers[k->servers_n - 1], server))
                    add_server(k, server);
                starts++;
            }
    }
}

static bool keep_text(struct exchange_reader *r, struct str text, struct str *kept)
{
    uint32_t symbol = symbol_of_text(r, text);
    *kept = symbols_text(r->symbols, symbol);
    return symbol != 0;
}

/* The known servers go into the slot as texts that outlive this call. */
static void keep_servers(struct making *k)
{
    struct exchange_reader *r = k->r;
    size_t n = 0;
    if (k->servers_n == 0)
        return;
    qsort(k->servers, k->servers_n, sizeof *k->servers, longest_first);
    k->slot->servers = malloc(k->servers_n * sizeof *k->slot->servers);
    if (!k->slot->servers) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < k->servers_n; i++)
        if (i == 0 || !str_eq(k->servers[i], k->servers[i - 1]))
            n += keep_text(r, k->servers[i], &k->slot->servers[n]);
    k->slot->servers_n = n;
}

/* Who asks for offers makes symbols of the names in them: there must be room for these too. */
static uint32_t symbol_of_offer(struct making *k, struct str text)
{
    struct exchange_reader *r = k->r;
    uint32_t symbol = 0;
    bool fits = true;
    struct offer_item item;
    if (text.n == 0)
        return 0;
    for (struct str rest = text; fits && offer_next(&rest, &item);)
        fits = symbol_of_text(r, item.name) != 0;
    if (fits && symbols_intern_within(r->symbols, text, text.n, &r->budget->offers, &symbol) != OK)
        r->failed = true;
    if (symbol == 0)
        cut(k);
    return symbol;
}

static void write_offer(struct making *k)
{
    struct buf text;
    buf_init(&text, OFFER_TEXT);
    offer_write(k->items, k->items_n, &text);
    if (buf_status(&text) == ERR_LIMIT) {
        cut(k);
        while (text.n > 0 && text.p[text.n - 1] != '\n')
            text.n--;
    }
    k->r->failed |= buf_status(&text) == ERR_NOMEM;
    k->slot->symbol = symbol_of_offer(k, buf_view(&text));
    buf_fini(&text);
}

/* Names of servers that stand in headings only are known when a tool's name or the connecting list
 * has them: what the first `__` cuts off counts too. */
static void add_first_parts(struct making *k)
{
    struct str last = STR("");
    for (size_t i = 0; i < k->names_n; i++) {
        struct mcp_name split = mcp_split(k->names[i], k->servers, k->servers_n, k->separator);
        if (split.is && !str_eq(split.server, last))
            add_server(k, split.server);
        last = split.server;
    }
}

void make_offer(struct exchange_reader *r, struct offer_slot *slot)
{
    if (r->tools_n == 0 && r->listings_n == 0)
        return;
    struct making k = {.r = r,
                       .slot = slot,
                       .names = r->room.names,
                       .servers = r->room.servers,
                       .items = r->room.items,
                       .loaded = r->room.loaded};
    arena_reset(&r->arena);
    gather_tools(&k);
    for (uint32_t i = 0; i < r->listings_n; i++)
        each_line(&k, raw_decode(r, r->listings[i].text, &r->text), gather);
    add_shared(&k);
    if (k.servers_n)
        qsort(k.servers, k.servers_n, sizeof *k.servers, longest_first);
    add_first_parts(&k);
    keep_servers(&k);
    add_tools(&k);
    if (k.loaded_n)
        qsort(k.loaded, k.loaded_n, sizeof *k.loaded, by_text);
    for (uint32_t i = 0; i < r->listings_n; i++)
        add_listing_items(&k, &r->listings[i]);
    write_offer(&k);
}
