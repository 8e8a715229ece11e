/*
 * System texts, the billing line in them, and the session id in metadata (request-bodies facts, 2
 * to 4). What a text amounts to is remembered by its hash: it is the same from call to call.
 */
#include "ingest/exchange_internal.h"

#include <stdio.h>

static struct str fit_label(struct exchange_reader *r, struct str value, enum name_form form,
                            char room[EXCHANGE_NAME_MAX])
{
    struct str fit = fit_text(value, form, &r->x.cut);
    if (fit.n)
        memcpy(room, fit.p, fit.n);
    return str_of(room, fit.n);
}

/* Reads `key=value;` pairs behind the prefix of a billing line. */
static void read_billing(struct exchange_reader *r, struct str raw)
{
    char room[512];
    struct str rest = raw_head(raw, room, sizeof room);
    str_cut(&rest, ':');
    while (rest.n) {
        struct str value = str_trim(str_cut(&rest, ';'));
        struct str key = str_trim(str_cut(&value, '='));
        value = str_trim(value);
        if (KEY_IS(key, "cc_version")) {
            struct str whole = value, part;
            /* Three numbers; what follows is not a build but the mark of a thread. */
            for (int dots = 0; dots < 3 && whole.p; dots++)
                part = str_cut(&whole, '.');
            if (whole.p)
                value.n = (size_t)(part.p + part.n - value.p);
            r->version = fit_label(r, value, NAME_VERSION, r->label[0]);
        } else if (KEY_IS(key, "cc_entrypoint")) {
            r->entrypoint = fit_label(r, value, NAME_ENTRYPOINT, r->label[1]);
        } else if (KEY_IS(key, "cc_is_subagent")) {
            r->billing_subagent = str_eq(value, STR("true"));
        }
    }
}

static bool is_billing(struct str raw)
{
    char room[64];
    struct str head = raw_head(raw, room, sizeof room);
    return str_has_prefix(head, STR("x-anthropic-billing-header:"));
}

/* The last part of a path, whichever system's. */
static struct str last_part(struct str path)
{
    while (path.n > 1 && (path.p[path.n - 1] == '/' || path.p[path.n - 1] == '\\'))
        path.n--;
    for (size_t i = path.n; i-- > 0;)
        if ((path.p[i] == '/' || path.p[i] == '\\') && i + 1 < path.n)
            return str_skip(path, i + 1);
    return path;
}

static bool is_absolute(struct str path)
{
    char c = path.n ? path.p[0] : '\0';
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return c == '/' || c == '~' || c == '\\' || (letter && path.n > 1 && path.p[1] == ':');
}

static uint32_t repository_of(struct exchange_reader *r, struct str path)
{
    char hex[24];
    if (path.n == 0)
        return 0;
    if (r->repository_names && is_absolute(path) && name_fits(NAME_DIRECTORY, last_part(path)))
        return symbol_of_text(r, last_part(path));
    uint64_t h = hash_fold(r->key, SEED_DIRECTORY, path.p, path.n);
    int n = snprintf(hex, sizeof hex, "#%012llx", (unsigned long long)(h >> 16));
    return symbol_of_text(r, str_of(hex, (size_t)n));
}

uint32_t line_directory(struct exchange_reader *r, struct str line)
{
    struct str trimmed = str_trim(line);
    struct harness_hit hit;
    if (str_has_prefix(trimmed, STR("- ")))
        trimmed = str_trim(str_skip(trimmed, 2));
    return harness_find(r->rules, HARNESS_DIRECTORY, trimmed, &hit)
               ? repository_of(r, str_trim(str_skip(trimmed, hit.text.n)))
               : 0;
}

/* Sections of the environment, and the working directory: line by line. */
static void parse_lines(struct exchange_reader *r, struct str text, struct system_slot *slot)
{
    bool inside = false;
    for (struct str rest = text; rest.p && rest.n;) {
        struct str line = str_cut(&rest, '\n'), trimmed = str_trim(line);
        bool closes = str_has_prefix(trimmed, STR("</"));
        if (harness_mark(r->rules, HARNESS_ENVIRONMENT, line) == MARK_ENVIRONMENT)
            inside = true;
        else if (str_has_prefix(line, STR("# ")))
            inside = false;
        if (inside)
            add_bytes(&slot->environment, line.n + (rest.p ? 1 : 0));
        if (closes)
            inside = false;
        if (!slot->repository)
            slot->repository = line_directory(r, line);
    }
}

static void parse_system(struct exchange_reader *r, struct str raw, struct system_slot *slot)
{
    struct str text = raw_decode(r, raw, &r->text);
    harness_look(r->rules, HARNESS_SYSTEM, text, &slot->verdict);
    parse_lines(r, text, slot);
    add_bytes(&slot->system, text.n - slot->environment);
}

/* Takes over what a remembered text says where it beats what others said. */
static void take_verdict(struct harness_verdict *into, const struct harness_verdict *v)
{
    if (v->harness_length > into->harness_length) {
        into->harness = v->harness;
        into->harness_length = v->harness_length;
    }
    if (v->kind_length > into->kind_length) {
        into->kind = v->kind;
        into->purpose = v->purpose;
        into->kind_length = v->kind_length;
    }
}

static void add_hashed_text(struct exchange_reader *r, struct str raw, uint64_t hash)
{
    struct system_slot *slot = &r->systems[hash % CACHE_SLOTS];
    if (slot->hash != hash) {
        *slot = (struct system_slot){.hash = hash};
        parse_system(r, raw, slot);
    }
    if (raw_trim(raw).n)
        r->x.system = hash_mix(r->x.system, hash) | 1;
    take_verdict(&r->verdict, &slot->verdict);
    add_bytes(&r->x.part[PART_SYSTEM], slot->system);
    add_bytes(&r->x.part[PART_ENVIRONMENT], slot->environment);
    if (slot->repository)
        r->x.repository = slot->repository;
}

static void add_system_text(struct exchange_reader *r, struct str raw)
{
    if (is_billing(raw)) {
        char room[64];
        read_billing(r, raw);
        harness_look(r->rules, HARNESS_SYSTEM, raw_head(raw, room, sizeof room), &r->verdict);
        add_bytes(&r->x.part[PART_SYSTEM], raw_size(raw));
        return;
    }
    add_hashed_text(r, raw, raw_hash(r, SEED_SYSTEM, raw));
}

/* The texts that follow the billing line, which may change from request to request. */
struct texts {
    const char *array; /* behind its bracket */
    const char *from;
    uint32_t n;
    struct str raw[KNOWN_PARTS];
    bool other; /* something that is not remembered */
};

static void note_block(const struct json_cursor *c, const struct block *b, struct texts *t)
{
    if (b->type == BLOCK_MARK)
        return;
    if (b->type == BLOCK_TEXT && b->text.p && is_billing(b->text) && t->from == t->array)
        t->from = place_behind(c);
    else if (b->type == BLOCK_TEXT && b->text.p && !is_billing(b->text) && t->n < KNOWN_PARTS)
        t->raw[t->n++] = b->text;
    else
        t->other = true;
    t->other |= (t->n > 0 && t->raw[0].p < t->from) || (t->from > t->array && t->from[-1] != '}');
}

static void remember_texts(struct exchange_reader *r, const struct json_cursor *c,
                           const struct texts *t)
{
    if (json_failed(c) || t->other || (r->x.flags & EX_ODD))
        return;
    struct str gap = str_of(t->from, (size_t)(place_behind(c) - 1 - t->from));
    struct known *k =
        known_remember(r, KNOWN_SYSTEM, (uint16_t)(c->depth + 1), t->array, gap, NULL);
    for (uint32_t i = 0; k && i < t->n; i++)
        k->texts[k->texts_n++] = (struct known_text){.at = (uint32_t)(t->raw[i].p - t->from),
                                                     .n = (uint32_t)t->raw[i].n,
                                                     .hash = raw_hash(r, SEED_SYSTEM, t->raw[i])};
}

static void read_blocks(struct exchange_reader *r, struct json_cursor *c)
{
    struct block b;
    struct texts t;
    t.array = t.from = place_behind(c);
    t.n = 0;
    t.other = false;
    for (;;) {
        const struct known_issued *known = known_take(r, KNOWN_SYSTEM, c);
        for (uint32_t i = 0; known && i < known->what.texts_n; i++) {
            const struct known_text *text = &known->what.texts[i];
            add_hashed_text(r, str_of(known->gap + text->at, text->n), text->hash);
        }
        t.other |= known != NULL;
        if (!json_next_item(c))
            break;
        block_read(c, &b);
        note_block(c, &b, &t);
        if (b.type == BLOCK_TEXT)
            add_system_text(r, b.text);
        else
            add_bytes(&r->x.part[PART_SYSTEM], block_bytes(&b));
    }
    remember_texts(r, c, &t);
}

void read_system(struct exchange_reader *r, struct json_cursor *c)
{
    struct block b;
    r->x.system = 0;
    r->x.part[PART_SYSTEM] = r->x.part[PART_ENVIRONMENT] = 0;
    r->seen_system = json_peek(c) != JSON_NULL;
    if (json_peek(c) == JSON_STRING) {
        block_read(c, &b);
        add_system_text(r, b.text);
        return;
    }
    if (!json_enter_array(c)) {
        if (r->seen_system)
            r->x.flags |= EX_ODD;
        json_skip(c);
        return;
    }
    read_blocks(r, c);
}

static void take_session(struct exchange_reader *r, struct str id, const char *encoding)
{
    struct str session = fit_session(r, id);
    if (session.n == 0)
        return;
    r->x.session = session;
    harness_look(r->rules, HARNESS_USER_ID, str_from(encoding), &r->verdict);
}

/* The newer encoding: JSON inside the string, so it is indexed on its own. */
static void read_json_id(struct exchange_reader *r, struct str text)
{
    struct json_text inner;
    struct str raw;
    enum { LONGEST = 4096 };
    if (text.n > LONGEST) {
        r->x.flags |= EX_ODD;
        return;
    }
    enum status status = buf_reserve(&r->text, JSON_PADDING) ? OK : buf_status(&r->text);
    text.p = r->text.p;
    if (status == OK)
        status = json_index(r->json, text.p, text.n, &inner, NULL);
    r->failed |= status == ERR_NOMEM;
    if (status != OK || json_check(&inner, NULL) != OK) {
        r->x.flags |= EX_ODD;
        return;
    }
    struct json_cursor c = json_begin(&inner);
    if (!json_enter_object(&c))
        return;
    for (struct str key; json_next_key(&c, &key);) {
        if (!KEY_IS(key, "session_id"))
            json_skip(&c);
        else if (json_string(&c, &raw) && raw.n <= LONGEST)
            take_session(r, raw_decode(r, raw, &r->scratch), "json");
    }
}

static void read_user_id(struct exchange_reader *r, struct str raw)
{
    const struct str mark = STR("_session_");
    enum { LONGEST = 8192 };
    r->x.session = STR("");
    r->x.flags &= ~(uint32_t)EX_LEGACY_ID;
    if (raw.n > LONGEST) {
        r->x.flags |= EX_ODD;
        return;
    }
    struct str text = raw_decode(r, raw, &r->text);
    if (text.n && text.p[0] == '{') {
        read_json_id(r, text);
        return;
    }
    for (size_t at = text.n; at-- > 0;)
        if (str_has_prefix(str_skip(text, at), mark)) {
            take_session(r, str_skip(text, at + mark.n), "legacy");
            if (r->x.session.n)
                r->x.flags |= EX_LEGACY_ID;
            return;
        }
}

void read_metadata(struct exchange_reader *r, struct json_cursor *c)
{
    struct str raw;
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (!KEY_IS(key, "user_id"))
            json_skip(c);
        else if (json_string(c, &raw))
            read_user_id(r, raw);
        else
            r->x.flags |= EX_ODD;
    }
}
