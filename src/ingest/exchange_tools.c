/*
 * What a request offers the model: tools[] and the reminders that list names. Each tool is looked
 * at for its name and size only; what all of it amounts to is remembered by a hash of names, sizes
 * and listings, because it is the same from call to call.
 */
#include "ingest/exchange_internal.h"

#include <stdlib.h>

/* Adds a member to the size of a compact object: its name in quotes, a colon, a comma. */
static void add_member(uint32_t *bytes, struct str key, size_t value)
{
    add_bytes(bytes, key.n + 3 + (*bytes > 2) + value);
}

/* The members of a tool, entered: {name, description, input_schema …}. cache_control is no part of
 * it, and white space between tokens does not count. */
static void read_members(struct json_cursor *c, struct tool_entry *t, bool *point)
{
    struct str raw;
    t->bytes = 2;
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "cache_control")) {
            json_skip(c);
            continue;
        }
        if (KEY_IS(key, "toolSpec") && json_enter_object(c)) {
            struct tool_entry inner = {.name = STR("")};
            read_members(c, &inner, point);
            t->name = inner.name;
            add_member(&t->bytes, key, inner.bytes);
            continue;
        }
        *point |= KEY_IS(key, "cachePoint");
        bool is_name = KEY_IS(key, "name") && json_peek(c) == JSON_STRING;
        if (!json_raw(c, &raw))
            continue;
        add_member(&t->bytes, key, raw.n);
        if (is_name && raw.n >= 2)
            t->name = str_of(raw.p + 1, raw.n - 2);
    }
}

/* `hash` is of name and bytes. */
static void add_tool(struct exchange_reader *r, const struct tool_entry *t, uint64_t hash)
{
    r->tools_hash = hash_mix(r->tools_hash, hash);
    if (r->tools_n < OFFER_TOOLS) {
        r->tools[r->tools_n++] = *t;
        return;
    }
    r->x.flags |= EX_TOOLS_CUT;
    r->x.cut++;
    add_bytes(&r->x.part[PART_TOOLS], t->bytes);
}

/* The tools of a part that is known. */
static void add_known(struct exchange_reader *r, const struct known_issued *k)
{
    const struct known_text *t = r->known_tools[k->what.slot];
    for (uint32_t i = 0; i < k->what.texts_n; i++) {
        const struct tool_entry entry = {str_of(k->gap + t[i].at, t[i].n), t[i].other};
        add_tool(r, &entry, t[i].hash);
    }
}

static void remember_tools(struct exchange_reader *r, const struct json_cursor *c,
                           const char *array)
{
    if (json_failed(c) || r->tools_n > KNOWN_TOOLS_MAX || (r->x.flags & EX_ODD))
        return;
    struct str gap = str_of(array, (size_t)(place_behind(c) - 1 - array));
    struct known *k = known_remember(r, KNOWN_TOOLS, (uint16_t)(c->depth + 1), array, gap, NULL);
    for (uint32_t i = 0; k && i < r->tools_n; i++) {
        const struct tool_entry *t = &r->tools[i];
        r->known_tools[k->slot][k->texts_n++] =
            (struct known_text){.at = t->name.n ? (uint32_t)(t->name.p - array) : 0,
                                .n = (uint32_t)t->name.n,
                                .other = t->bytes,
                                .hash = raw_hash(r, SEED_NAME, t->name) + t->bytes};
    }
}

void read_tools(struct exchange_reader *r, struct json_cursor *c)
{
    const struct known_issued *known;
    r->tools_n = 0;
    r->tools_hash = SEED_OFFER;
    r->x.flags &= ~(uint32_t)EX_TOOLS_CUT;
    r->x.part[PART_TOOLS] = 0;
    r->seen_tools = json_peek(c) != JSON_NULL;
    if (!json_enter_array(c)) {
        if (r->seen_tools)
            r->x.flags |= EX_ODD;
        json_skip(c);
        return;
    }
    const char *array = place_behind(c);
    if ((known = known_take(r, KNOWN_TOOLS, c)))
        add_known(r, known);
    while (json_next_item(c)) {
        struct tool_entry t = {.name = STR("")};
        bool point = false;
        if (!json_enter_object(c)) {
            r->x.flags |= EX_ODD;
            continue;
        }
        read_members(c, &t, &point);
        if (!point)
            add_tool(r, &t, raw_hash(r, SEED_NAME, t.name) + t.bytes);
    }
    if (!known)
        remember_tools(r, c, array);
}

void add_listing(struct exchange_reader *r, struct str raw, uint64_t hash, enum harness_mark mark)
{
    r->listings_hash = hash_mix(r->listings_hash, hash + raw.n);
    if (r->listings_n < LISTINGS) {
        r->listings[r->listings_n++] = (struct listing){raw, hash, mark};
        return;
    }
    r->x.flags |= EX_TOOLS_CUT;
    r->x.cut++;
    add_bytes(&r->x.part[PART_REMINDERS], raw.n);
}

void find_offer(struct exchange_reader *r)
{
    uint64_t hash = hash_mix(r->tools_hash, r->listings_hash) | 1;
    struct offer_slot *slot = &r->offers[hash % (2 * CACHE_SLOTS) / 2];
    if (slot->hash != hash) {
        free(slot->servers);
        *slot = (struct offer_slot){.hash = hash};
        make_offer(r, slot);
        if (r->failed)
            slot->hash = 0;
    }
    r->offer = slot;
    r->x.offer = slot->symbol;
    if (r->x.repository == 0)
        r->x.repository = slot->repository;
    r->x.cut += slot->cut;
    r->x.flags |= slot->is_cut ? EX_TOOLS_CUT : 0u;
    for (int i = 0; i < PARTS; i++)
        add_bytes(&r->x.part[i], slot->part[i]);
    for (int i = 0; i < HARNESS_CANDIDATES; i++)
        r->verdict.by_tools[i] = slot->verdict.by_tools[i];
}
