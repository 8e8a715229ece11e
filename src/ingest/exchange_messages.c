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
    /* For the memory of requests. */
    const char *array, *gap;          /* where the messages begin; behind message 0 */
    const struct known_issued *known; /* messages that were not walked, or NULL */
    struct walked start, settled[2];  /* of message 0; before the last two assistant's messages */
    bool marked;        /* a message since the last assistant's, itself too, moves with the cache */
    bool marked_before; /* or one between the last two */
};

/* What has been walked up to the message that begins behind `end`. */
static struct walked walked_now(const struct exchange_reader *r, const struct places *p,
                                uint32_t pending, const char *end)
{
    return (struct walked){.n = p->n,
                           .history = r->x.part[PART_HISTORY],
                           .pending = pending,
                           .prompts = r->x.history_prompts,
                           .listings = r->listings_n,
                           .end = end};
}

/* Steps over messages that are known, which add what walking them would. */
static void take_known(struct exchange_reader *r, struct json_cursor *c, struct places *p,
                       uint32_t *pending)
{
    const struct known_issued *k = known_take(r, KNOWN_MESSAGES, c);
    p->known = k;
    if (!k)
        return;
    p->n = k->what.walked.n;
    add_bytes(&r->x.part[PART_HISTORY], k->what.walked.history);
    add_bytes(pending, k->what.walked.pending);
    r->x.history_prompts += k->what.walked.prompts;
    for (uint32_t i = 0; i < k->what.texts_n; i++) {
        const struct known_text *t = &k->what.texts[i];
        add_listing(r, str_of(k->gap + t->at, t->n), t->hash, (enum harness_mark)t->other);
    }
}

static void walk(struct exchange_reader *r, struct json_cursor *c, struct places *p)
{
    uint32_t pending = 0;
    uint32_t *history = &r->x.part[PART_HISTORY];
    p->array = place_behind(c);
    for (const char *end = p->array; json_next_item(c); end = place_behind(c)) {
        struct message m = {.mode = LIGHT, .last = STR("")};
        struct json_cursor at = *c;
        p->ring[p->n % EXCHANGE_RECENT] = at;
        if (p->n == 0)
            p->first = at;
        struct walked before = walked_now(r, p, pending, end);
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
            p->settled[0] = p->settled[1];
            p->settled[1] = before;
            p->marked_before = p->marked;
            p->marked = false;
        }
        p->marked |= m.marked;
        r->x.history_prompts += m.human;
        if (p->n++ == 0) {
            p->gap = place_behind(c);
            p->start = walked_now(r, p, pending, p->gap);
            if (m.role != ROLE_ASSISTANT)
                take_known(r, c, p, &pending);
        }
    }
}

/* The digest of a message; 0 when it is not known. */
static uint64_t known_digest(const struct places *p, uint32_t position)
{
    const struct known *k = p->known ? &p->known->what : NULL;
    return k && position < k->walked.n && position + EXCHANGE_RECENT >= k->walked.n
               ? k->digest[position % EXCHANGE_RECENT]
               : 0;
}

static void hash_messages(struct exchange_reader *r, const struct places *p)
{
    struct str opening = STR("");
    struct json_cursor c = p->first;
    r->x.first = message_hash(r, &c, &opening);
    r->x.opening = prompt_hash(r, opening, 0);
    uint32_t from = p->n > EXCHANGE_RECENT ? p->n - EXCHANGE_RECENT : 0;
    uint32_t walked = p->known && p->known->what.walked.n > from ? p->known->what.walked.n : from;
    for (uint32_t i = from; i < walked; i++) {
        uint64_t digest = i == 0 ? r->x.first : known_digest(p, i);
        r->unknown |= digest == 0;
        r->x.recent[r->x.recent_n++] = digest;
    }
    c = p->ring[walked % EXCHANGE_RECENT];
    for (uint32_t i = walked; i < p->n; i++) {
        r->x.recent[r->x.recent_n++] = i == 0 ? r->x.first : message_hash(r, &c, NULL);
        if (i == 0)
            json_skip(&c);
        if (i + 1 < p->n && !json_next_item(&c))
            break;
    }
}

static void remember_digests(const struct exchange_reader *r, const struct places *p,
                             struct known *k)
{
    for (uint32_t i = 1; i < EXCHANGE_RECENT && i < k->walked.n; i++) {
        uint32_t position = k->walked.n - i;
        k->digest[position % EXCHANGE_RECENT] = position + r->x.recent_n >= p->n
                                                    ? r->x.recent[position + r->x.recent_n - p->n]
                                                    : known_digest(p, position);
    }
}

/*
 * The next request repeats all up to the last assistant's message, which is left out here because
 * that request may be this one again. Where the message before it carries a mark of the cache,
 * which moves on, only what stands before the assistant's message before is the same.
 */
static void remember(struct exchange_reader *r, const struct places *p)
{
    const struct walked *w = &p->settled[p->marked_before ? 0 : 1], *start = &p->start;
    uint32_t old = p->known ? p->known->what.walked.n : 1;
    if (w->n <= old || start->pending || start->history || start->n != 1 ||
        w->listings - start->listings > KNOWN_PARTS || w->listings == LISTINGS || r->unknown ||
        (r->x.flags & (EX_ODD | EX_TOOLS_CUT)) || p->gap[-1] != '}' || w->end[-1] != '}')
        return;
    struct known *k = known_remember(r, KNOWN_MESSAGES, p->first.depth, p->array,
                                     str_of(p->gap, (size_t)(w->end - p->gap)), p->known);
    if (!k)
        return;
    k->walked = (struct walked){.n = w->n,
                                .history = w->history,
                                .pending = w->pending,
                                .prompts = w->prompts - start->prompts};
    for (uint32_t i = start->listings; i < w->listings; i++) {
        const struct listing *l = &r->listings[i];
        k->texts[k->texts_n++] = (struct known_text){.at = (uint32_t)(l->text.p - p->gap),
                                                     .n = (uint32_t)l->text.n,
                                                     .other = l->mark,
                                                     .hash = l->hash};
    }
    remember_digests(r, p, k);
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
    p.settled[0].n = p.settled[1].n = 0;
    p.marked = p.marked_before = false;
    p.known = NULL;
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
    /* The last assistant's message has to be there to be read. */
    r->unknown |= p.known && p.assistant_at <= p.known->what.walked.n;
    if (r->unknown)
        return;
    hash_messages(r, &p);
    read_tail(r, &p);
    remember(r, &p);
}
