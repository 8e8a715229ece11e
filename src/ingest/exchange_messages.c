/*
 * The messages of a request (request-bodies facts, 5, 8, 10, 11).
 *
 * All are walked once with little work: who speaks, how many bytes, how many blocks a person typed,
 * which reminders list something; those that the last request of the thread had too are stepped
 * over (exchange_threads.c). Then message 0, the last assistant message and what follows it
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

/* Where the role stands before the content, as it usually does, the content is walked only once.
 * What came before a repeated key is forgotten. */
void read_lightly(struct exchange_reader *r, struct json_cursor *c, struct message *m)
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

/* Notes that a message was walked, whose last byte is the one before *c. */
static void settle(struct walk *w, const struct json_cursor *c)
{
    w->now.n++;
    w->now.place = json_place(c) - json_place(&w->first);
    w->now.bytes = (uint32_t)(json_offset(c) - json_offset(&w->first));
    w->past[w->now.n % (SETTLED + 1)] = w->now;
}

/* Walks the message that is due and is not the first. */
static void walk_message(struct exchange_reader *r, struct json_cursor *c, struct walk *w)
{
    struct message m = {.mode = LIGHT, .last = STR("")};
    uint32_t listings = r->listings_n;
    uint32_t place = json_place(c) - json_place(&w->first);
    w->place[w->now.n % PLACES] = place;
    read_lightly(r, c, &m);
    add_bytes(&w->now.pending, m.bytes);
    if (m.role == ROLE_ASSISTANT) {
        w->now.assistant = place;
        w->now.assistant_at = w->now.n + 1;
        add_bytes(&w->now.history, w->now.pending);
        w->now.pending = 0;
    }
    w->now.prompts += m.human;
    if (r->listings_n != listings) {
        if (w->listings_n < THREAD_LISTINGS)
            w->listing[w->listings_n] = place;
        w->listings_n += w->listings_n <= THREAD_LISTINGS;
    }
    settle(w, c);
}

static void walk_first(struct exchange_reader *r, struct json_cursor *c, struct walk *w)
{
    struct message m = {.mode = LIGHT, .last = STR("")};
    struct json_cursor at = w->first = *c;
    w->place[0] = 0;
    w->opening = STR("");
    read_lightly(r, c, &m);
    r->x.flags |= m.continued ? EX_CONTINUED : 0u;
    r->only_text = m.last;
    if (m.role == ROLE_ASSISTANT) {
        w->now.assistant_at = 1;
        add_bytes(&w->now.history, m.bytes);
    }
    w->now.prompts = m.human;
    r->x.first = message_hash(r, &at, &w->opening);
    settle(w, c);
}

static void walk(struct exchange_reader *r, struct json_cursor *c, struct walk *w, bool may_resume)
{
    w->now = (struct walked){0};
    w->listings_n = 0;
    w->from = NULL;
    if (!json_next_item(c))
        return;
    walk_first(r, c, w);
    if (may_resume)
        thread_resume(r, c, w);
    while (json_next_item(c))
        walk_message(r, c, w);
    r->x.part[PART_HISTORY] = w->now.history;
    r->x.history_prompts = w->now.prompts;
}

static void hash_messages(struct exchange_reader *r, const struct walk *w)
{
    uint32_t n = w->now.n;
    for (uint32_t i = n > EXCHANGE_RECENT ? n - EXCHANGE_RECENT : 0; i < n; i++) {
        struct json_cursor c = message_at(w, w->place[i % PLACES]);
        r->x.recent[r->x.recent_n++] = i == 0 ? r->x.first : message_hash(r, &c, NULL);
    }
}

/* Message 0, when it is not in the tail. */
static void add_front(struct exchange_reader *r, struct walk *w)
{
    uint32_t *history = &r->x.part[PART_HISTORY], *reminders = &r->x.part[PART_REMINDERS];
    if (w->from) {
        add_bytes(history, w->from->front[0]);
        add_bytes(reminders, w->from->front[1]);
        return;
    }
    struct message m = {.mode = FIRST};
    struct json_cursor c = w->first;
    uint32_t before[2] = {*history, *reminders};
    read_message(r, &c, &m);
    w->front[0] = *history - before[0];
    w->front[1] = *reminders - before[1];
}

/* The last assistant message and the tail behind it. */
static void read_tail(struct exchange_reader *r, struct walk *w)
{
    struct json_cursor c = w->first;
    struct str last = STR("");
    if (w->now.assistant_at > 1)
        add_front(r, w);
    if (w->now.assistant_at) {
        c = message_at(w, w->now.assistant);
        read_assistant(r, &c);
    }
    for (uint32_t i = w->now.assistant_at; i < w->now.n; i++) {
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

/* Walks and hashes all messages; false when they are broken. */
static bool walk_all(struct exchange_reader *r, struct json_cursor *c, struct walk *w)
{
    const struct json_cursor begin = *c;
    const uint32_t flags = r->x.flags, cut = r->x.cut;
    walk(r, c, w, true);
    if (!json_failed(c))
        hash_messages(r, w);
    if (w->from && (json_failed(c) || !thread_is_same(r, w))) {
        start_over(r);
        r->x.flags = flags;
        r->x.cut = cut;
        *c = begin;
        walk(r, c, w, false);
        if (!json_failed(c))
            hash_messages(r, w);
    }
    return !json_failed(c);
}

void read_messages(struct exchange_reader *r, struct json_cursor *c)
{
    struct walk w;
    start_over(r);
    r->seen_messages = json_enter_array(c);
    if (!r->seen_messages) {
        r->x.flags |= EX_ODD;
        json_skip(c);
        return;
    }
    if (!walk_all(r, c, &w)) { /* what was counted up to here is no conversation */
        start_over(r);
        return;
    }
    r->x.messages = w.now.n;
    r->x.tail = w.now.n - w.now.assistant_at;
    r->x.flags |= w.now.assistant_at ? EX_HISTORY : 0u;
    if (w.now.n != 1)
        r->only_text = STR("");
    if (w.now.n == 0)
        return;
    r->x.opening = w.from ? w.from->opening : prompt_hash(r, w.opening, 0);
    read_tail(r, &w);
    thread_remember(r, &w);
}
