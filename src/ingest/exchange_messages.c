/*
 * The messages of a request (request-bodies facts, 5, 8, 10, 11).
 *
 * All are walked once with little work: who speaks, how many bytes, how many blocks a person typed,
 * which reminders list something. Then message 0, the last assistant message and what follows it
 * are looked at closely, and message 0 and the last EXCHANGE_RECENT ones are hashed. Roles need not
 * alternate and content may be a string, which is one text block.
 */
#include "ingest/exchange_internal.h"

enum role { ROLE_OTHER, ROLE_USER, ROLE_ASSISTANT };

enum mode {
    LIGHT, /* bytes as they stand */
    FIRST, /* message 0, when it is not in the tail */
    TAIL,
};

/* What one message amounts to. */
struct message {
    enum mode mode;
    enum role role;
    bool has_result, continued;
    uint32_t bytes;           /* as they stand, without listings */
    uint32_t human, typed;    /* blocks; typed ones count where no tool result stands beside them */
    uint32_t commands, media; /* commands: since the last local output */
    uint32_t interrupts;
    uint32_t typed_bytes; /* decoded */
    struct str last;      /* last block when it is a text, as it stands */
};

enum { HEAD = 96 }; /* bytes of a text by which its class is known */

static struct str skip_blank(struct str raw)
{
    while (raw.n > 1) {
        if (raw.p[0] == ' ' || raw.p[0] == '\n' || raw.p[0] == '\t')
            raw = str_skip(raw, 1);
        else if (raw.p[0] == '\\' && (raw.p[1] == 'n' || raw.p[1] == 't' || raw.p[1] == 'r'))
            raw = str_skip(raw, 2);
        else
            break;
    }
    return raw;
}

static enum harness_mark class_of(struct exchange_reader *r, enum harness_where where,
                                  struct str raw, struct harness_hit *hit)
{
    char room[HEAD];
    struct str s = skip_blank(raw);
    if (s.n == 0 || (!harness_may_match(r->rules, where, s.p[0]) && s.p[0] != '\\'))
        return MARK_NONE;
    if (s.n > HEAD)
        s.n = HEAD;
    /* Escapes are rare in what is looked for. */
    if (harness_find(r->rules, where, s, hit))
        return hit->mark;
    bool decode = json_has_escape(s);
    return decode && harness_find(r->rules, where, raw_head(s, room, HEAD), hit) ? hit->mark
                                                                                 : MARK_NONE;
}

/* What a reminder is about, by the line below its tag. */
static enum harness_mark reminder_of(struct exchange_reader *r, struct str raw,
                                     const struct harness_hit *tag)
{
    struct harness_hit hit;
    return class_of(r, HARNESS_REMINDER, str_skip(skip_blank(raw), tag->text.n), &hit);
}

/*
 * Prompts typed while the model worked: reminders at the end of a tool result's text. Looked for
 * from the end, so that a long result is not searched.
 */
static uint32_t prompts_inside(struct exchange_reader *r, struct str raw)
{
    const struct str open = STR("<system-reminder>"), close = STR("</system-reminder>");
    uint32_t n = 0;
    for (struct str s = raw_trim(raw); str_has_suffix(s, close); s = raw_trim(s)) {
        size_t behind = s.n;
        const char *at = NULL;
        s.n -= close.n;
        while (s.n > 0 && (at = memrchr(s.p, '<', s.n))) {
            s.n = (size_t)(at - s.p);
            if (str_has_prefix(str_of(at, behind - s.n), open))
                break;
            at = NULL;
        }
        if (!at)
            break;
        struct harness_hit hit;
        struct str inside = str_of(at + open.n, behind - s.n - open.n);
        n += class_of(r, HARNESS_REMINDER, inside, &hit) == MARK_PROMPT;
    }
    return n;
}

/* Walks the content of a tool result: its size, prompts inside. */
static void read_result(struct exchange_reader *r, const struct block *b, struct message *m)
{
    struct json_cursor c = b->inner;
    struct block part;
    uint32_t bytes = 0;
    m->has_result = true;
    if (!b->has_inner)
        return;
    bool many = json_enter_array(&c);
    while (many ? json_next_item(&c) : true) {
        block_read(&c, &part);
        if (part.type == BLOCK_TEXT) {
            m->human += prompts_inside(r, part.text);
            add_bytes(&bytes, m->mode == LIGHT ? part.text.n : raw_size(part.text));
        } else {
            add_bytes(&bytes, part.type == BLOCK_RESULT ? part.other : block_bytes(&part));
        }
        if (!many)
            break;
    }
    add_bytes(m->mode == LIGHT ? &m->bytes
                               : &r->x.part[m->mode == TAIL ? PART_RESULTS : PART_HISTORY],
              bytes);
}

static void note_result(struct exchange_reader *r, const struct block *b)
{
    uint64_t id = use_id(r, b->id);
    for (uint32_t i = 0; id && i < r->earlier.n; i++)
        if (r->earlier.v[i].id_hash == id) {
            r->earlier.v[i].answered = true;
            r->earlier.v[i].error |= b->error;
        }
}

/* <command-name>/x</command-name>, wherever the tag stands. */
static void note_command(struct exchange_reader *r, struct str raw)
{
    const struct str open = STR("<command-name>"), close = STR("</command-name>");
    struct str s = raw;
    if (s.n > HARNESS_LOOK)
        s.n = HARNESS_LOOK;
    ptrdiff_t at = str_find(s, open);
    if (at < 0)
        return;
    s = str_skip(s, (size_t)at + open.n);
    at = str_find(s, close);
    if (at < 0)
        return;
    s = raw_trim(str_of(s.p, (size_t)at));
    if (s.n && s.p[0] == '/')
        s = str_skip(s, 1);
    if (s.n == 0)
        return;
    if (r->x.commands_n == EXCHANGE_USES)
        r->x.cut++;
    else
        r->commands[r->x.commands_n++] = symbol_of_name(r, s, &r->x.cut);
}

static void read_command(struct exchange_reader *r, struct str raw, struct message *m)
{
    struct str start = raw;
    if (start.n > HARNESS_LOOK)
        start.n = HARNESS_LOOK;
    if (m->mode == TAIL)
        note_command(r, raw);
    /* Its output in the same text: it ran locally. */
    if (str_find(start, STR("<local-command-stdout>")) >= 0)
        return;
    m->human++;
    m->commands++;
}

/* Puts a text's bytes where they belong. */
static void count_text(struct exchange_reader *r, struct str raw, struct message *m,
                       enum request_part part)
{
    if (m->mode == LIGHT)
        add_bytes(&m->bytes, raw.n);
    else if (part == PART_USER && m->mode == FIRST)
        add_bytes(&r->x.part[PART_HISTORY], raw_size(raw));
    else
        add_bytes(&r->x.part[part], raw_size(raw));
}

static void read_reminder(struct exchange_reader *r, struct str raw, const struct harness_hit *tag,
                          struct message *m)
{
    enum harness_mark about = reminder_of(r, raw, tag);
    if (about == MARK_PROMPT) {
        m->human++;
        count_text(r, raw, m, PART_USER);
    } else if (about == MARK_NONE) {
        count_text(r, raw, m, PART_REMINDERS);
    } else if (m->mode == LIGHT) {
        add_listing(r, raw, raw_hash(r, SEED_TEXT, raw), about);
    }
}

/* A text block of a user message: the first class that matches (request-bodies facts, 8). */
static void read_user_text(struct exchange_reader *r, struct str raw, struct message *m)
{
    struct harness_hit hit;
    enum harness_mark mark = class_of(r, HARNESS_BLOCK, raw, &hit);
    switch (mark) {
    case MARK_REMINDER:
        read_reminder(r, raw, &hit, m);
        return;
    case MARK_COMMAND:
        read_command(r, raw, m);
        count_text(r, raw, m, PART_USER);
        return;
    case MARK_SHELL:
        m->human++;
        count_text(r, raw, m, PART_USER);
        return;
    case MARK_LOCAL_OUTPUT:
        m->human -= m->commands;
        m->commands = 0;
        break;
    case MARK_INTERRUPT:
        m->interrupts++;
        break;
    case MARK_SUMMARY:
        m->continued = true;
        count_text(r, raw, m, PART_HISTORY);
        return;
    case MARK_NONE:
        m->typed += skip_blank(raw).n > 0;
        if (m->mode == LIGHT)
            add_bytes(&m->bytes, raw.n);
        else
            add_bytes(&m->typed_bytes, raw_size(raw));
        return;
    default:
        break;
    }
    count_text(r, raw, m, PART_REMINDERS);
}

static void read_user_block(struct exchange_reader *r, const struct block *b, struct message *m)
{
    m->last = b->type == BLOCK_TEXT ? b->text : STR("");
    switch (b->type) {
    case BLOCK_TEXT:
        read_user_text(r, b->text, m);
        return;
    case BLOCK_RESULT:
        read_result(r, b, m);
        if (m->mode == TAIL)
            note_result(r, b);
        return;
    case BLOCK_MEDIA:
        m->media++;
        break;
    default:
        break;
    }
    uint32_t *sum = &m->typed_bytes;
    add_bytes(m->mode == LIGHT ? &m->bytes : sum, block_bytes(b));
}

static void end_user_message(struct exchange_reader *r, struct message *m)
{
    if (!m->has_result) {
        m->human += m->typed;
        m->human += m->human == 0 && m->media > 0;
    }
    if (m->mode == LIGHT)
        return;
    enum request_part part = m->mode == FIRST ? PART_HISTORY
                             : m->has_result  ? PART_REMINDERS
                                              : PART_USER;
    add_bytes(&r->x.part[part], m->typed_bytes);
}

/* Anything but a user's message: bytes only. */
static void read_other_block(struct exchange_reader *r, const struct block *b, struct message *m)
{
    add_bytes(m->mode == LIGHT ? &m->bytes
                               : &r->x.part[m->mode == TAIL ? PART_REMINDERS : PART_HISTORY],
              block_bytes(b));
}

static void read_content(struct exchange_reader *r, struct json_cursor *c, struct message *m)
{
    struct block b;
    bool many = json_enter_array(c);
    if (!many && json_peek(c) != JSON_STRING) {
        r->x.flags |= EX_ODD;
        json_skip(c);
        return;
    }
    while (many ? json_next_item(c) : true) {
        block_read(c, &b);
        if (m->role == ROLE_USER)
            read_user_block(r, &b, m);
        else
            read_other_block(r, &b, m);
        if (!many)
            break;
    }
    if (m->role == ROLE_USER)
        end_user_message(r, m);
}

static enum role role_of(struct json_cursor *c)
{
    struct str role;
    if (!json_string(c, &role))
        return ROLE_OTHER;
    return KEY_IS(role, "user")        ? ROLE_USER
           : KEY_IS(role, "assistant") ? ROLE_ASSISTANT
                                       : ROLE_OTHER;
}

/* Finds role and content of the message that is due; false when it is none. */
static bool open_message(struct json_cursor *c, enum role *role, struct json_cursor *content)
{
    bool has_content = false;
    *role = ROLE_OTHER;
    if (!json_enter_object(c)) {
        json_skip(c);
        return false;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "role")) {
            *role = role_of(c);
        } else if (KEY_IS(key, "content")) {
            *content = *c;
            has_content = true;
            json_skip(c);
        } else {
            json_skip(c);
        }
    }
    return has_content;
}

static void read_message(struct exchange_reader *r, struct json_cursor *c, struct message *m)
{
    struct json_cursor content;
    if (open_message(c, &m->role, &content))
        read_content(r, &content, m);
    else
        r->x.flags |= EX_ODD;
}

/* As read_message in LIGHT mode: where the role stands before the content, as it usually does, the
 * content is walked only once. What came before a repeated key is forgotten. */
static void read_lightly(struct exchange_reader *r, struct json_cursor *c, struct message *m)
{
    const struct message fresh = *m;
    struct json_cursor content;
    bool has_role = false, has_content = false, done = false;
    if (!json_enter_object(c)) {
        json_skip(c);
        r->x.flags |= EX_ODD;
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "role")) {
            *m = fresh;
            m->role = role_of(c);
            has_role = true;
            done = false;
        } else if (KEY_IS(key, "content")) {
            enum role role = m->role;
            *m = fresh;
            m->role = role;
            content = *c;
            has_content = true;
            done = has_role;
            if (done)
                read_content(r, c, m);
            else
                json_skip(c);
        } else {
            json_skip(c);
        }
    }
    if (has_content && !done)
        read_content(r, &content, m);
    r->x.flags |= has_content ? 0u : EX_ODD;
}

/* The tool uses of the last assistant message. */
static void read_assistant(struct exchange_reader *r, struct json_cursor *c)
{
    struct json_cursor content;
    enum role role;
    struct block b;
    if (!open_message(c, &role, &content) || !json_enter_array(&content))
        return;
    while (json_next_item(&content)) {
        block_read(&content, &b);
        if (b.type != BLOCK_USE)
            continue;
        if (r->earlier.n == EXCHANGE_USES)
            r->x.cut++;
        else
            r->earlier.v[r->earlier.n++] = (struct found_use){.name = b.name,
                                                              .id = b.id,
                                                              .input = b.inner,
                                                              .has_input = b.has_inner,
                                                              .id_hash = use_id(r, b.id)};
    }
}

/* Of a normalised message. `last` gets the last text block and its hash when wanted. */
static uint64_t message_hash(struct exchange_reader *r, struct json_cursor *c, struct str *last)
{
    struct json_cursor content;
    enum role role;
    uint64_t h = SEED_MESSAGE;
    bool has_content = open_message(c, &role, &content);
    h = hash_mix(h, (uint64_t)role);
    if (has_content) {
        struct block b;
        bool many = json_enter_array(&content);
        while (many ? json_next_item(&content) : true) {
            block_read(&content, &b);
            uint64_t one = block_hash(r, &b);
            if (one)
                h = hash_mix(h, one);
            if (b.type == BLOCK_TEXT && last)
                *last = b.text;
            if (!many)
                break;
        }
    }
    return h ? h : 1;
}

struct places {
    struct json_cursor first, assistant, ring[EXCHANGE_RECENT];
    uint32_t n, assistant_at; /* assistant_at: 1 more than its position, 0: none */
};

static void walk(struct exchange_reader *r, struct json_cursor *c, struct places *p)
{
    uint32_t pending = 0;
    uint32_t *history = &r->x.part[PART_HISTORY];
    while (json_next_item(c)) {
        struct message m = {.mode = LIGHT, .last = STR("")};
        struct json_cursor at = *c;
        p->ring[p->n % EXCHANGE_RECENT] = at;
        if (p->n == 0)
            p->first = at;
        read_lightly(r, c, &m);
        if (p->n == 0) {
            r->x.flags |= m.continued ? EX_CONTINUED : 0u;
            r->only_text = m.last;
        }
        if (p->n > 0 || m.role == ROLE_ASSISTANT)
            add_bytes(&pending, m.bytes);
        if (m.role == ROLE_ASSISTANT) {
            p->assistant = at;
            p->assistant_at = p->n + 1;
            add_bytes(history, pending);
            pending = 0;
        }
        r->x.history_prompts += m.human;
        p->n++;
    }
}

static void hash_messages(struct exchange_reader *r, const struct places *p)
{
    struct str opening = STR("");
    struct json_cursor c = p->first;
    r->x.first = message_hash(r, &c, &opening);
    r->x.opening = prompt_hash(r, opening, 0);
    uint32_t from = p->n > EXCHANGE_RECENT ? p->n - EXCHANGE_RECENT : 0;
    c = p->ring[from % EXCHANGE_RECENT];
    for (uint32_t i = from; i < p->n; i++) {
        r->x.recent[r->x.recent_n++] = i == 0 ? r->x.first : message_hash(r, &c, NULL);
        if (i == 0)
            json_skip(&c);
        if (i + 1 < p->n && !json_next_item(&c))
            break;
    }
}

/* The last assistant message and the tail behind it. */
static void read_tail(struct exchange_reader *r, const struct places *p)
{
    struct json_cursor c = p->first;
    struct str last = STR("");
    if (p->assistant_at > 1) {
        struct message m = {.mode = FIRST};
        read_message(r, &c, &m);
    }
    if (p->assistant_at) {
        c = p->assistant;
        read_assistant(r, &c);
    }
    for (uint32_t i = p->assistant_at; i < p->n; i++) {
        if (i > 0 && !json_next_item(&c))
            break;
        struct message m = {.mode = TAIL};
        read_message(r, &c, &m);
        r->x.prompts += m.human;
        r->x.interrupts += m.interrupts;
        if (m.role == ROLE_USER)
            last = m.last;
    }
    if (last.n)
        harness_look(r->rules, HARNESS_USER_LAST, skip_blank(last), &r->last_verdict);
}

static void start_over(struct exchange_reader *r)
{
    struct exchange *x = &r->x;
    x->first = x->opening = 0;
    x->recent_n = x->messages = x->tail = 0;
    x->prompts = x->history_prompts = x->interrupts = 0;
    x->commands_n = 0;
    x->flags &= ~(uint32_t)(EX_CONTINUED | EX_HISTORY);
    x->part[PART_USER] = x->part[PART_RESULTS] = x->part[PART_HISTORY] = 0;
    x->part[PART_REMINDERS] = 0;
    r->earlier.n = 0;
    r->listings_n = 0;
    r->listings_hash = 0;
    r->last_verdict = (struct harness_verdict){0};
    r->only_text = STR("");
}

void read_messages(struct exchange_reader *r, struct json_cursor *c)
{
    struct places p;
    p.n = p.assistant_at = 0;
    start_over(r);
    r->seen_messages = json_enter_array(c);
    if (!r->seen_messages) {
        r->x.flags |= EX_ODD;
        json_skip(c);
        return;
    }
    walk(r, c, &p);
    if (json_failed(c)) { /* what was counted up to here is no conversation */
        start_over(r);
        return;
    }
    r->x.messages = p.n;
    r->x.tail = p.n - p.assistant_at;
    r->x.flags |= p.assistant_at ? EX_HISTORY : 0u;
    if (p.n != 1)
        r->only_text = STR("");
    if (p.n == 0)
        return;
    hash_messages(r, &p);
    read_tail(r, &p);
}
