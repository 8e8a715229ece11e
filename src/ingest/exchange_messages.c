/*
 * The messages of a request (request-bodies facts, 5, 8, 10, 11).
 *
 * All are walked once with little work: who speaks, how many bytes, how many blocks a person typed,
 * which reminders list something. Then message 0, the last assistant message and what follows it
 * are looked at closely, and message 0 and the last EXCHANGE_RECENT ones are hashed. Roles need not
 * alternate and content may be a string, which is one text block.
 */
#include "ingest/exchange_internal.h"

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

/* Of normalised content. `last` gets the last text block when wanted. */
static uint64_t content_hash(struct exchange_reader *r, struct json_cursor *c, struct str *last)
{
    struct block b;
    uint64_t h = SEED_MESSAGE;
    bool many = json_enter_array(c);
    while (many ? json_next_item(c) : true) {
        block_read(c, &b);
        uint64_t one = block_hash(r, &b);
        if (one)
            h = hash_mix(h, one);
        if (b.type == BLOCK_TEXT && last)
            *last = b.text;
        if (!many)
            break;
    }
    return h;
}

/* Of a normalised message. */
static uint64_t message_hash(struct exchange_reader *r, struct json_cursor *c, struct str *last)
{
    enum role role = ROLE_OTHER;
    uint64_t content = SEED_MESSAGE;
    if (!json_enter_object(c)) {
        json_skip(c);
        return 1;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "role"))
            role = role_of(c);
        else if (KEY_IS(key, "content"))
            content = content_hash(r, c, last);
        else
            json_skip(c);
    }
    uint64_t h = hash_mix(content, (uint64_t)role);
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
        harness_look(r->rules, HARNESS_USER_LAST, raw_skip_blank(last), &r->last_verdict);
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
    x->part[PART_REMINDERS] = x->part[PART_SKILLS] = 0;
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
