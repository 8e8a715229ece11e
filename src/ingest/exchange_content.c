/*
 * The content of one message: which blocks a person typed, which are results, reminders or
 * something else that a client put there (request-bodies facts, 5 and 8).
 */
#include "ingest/exchange_internal.h"

enum { HEAD = 96 }; /* bytes of a text by which its class is known */

static enum harness_mark class_of(struct exchange_reader *r, enum harness_where where,
                                  struct str raw, struct harness_hit *hit)
{
    char room[HEAD];
    struct str s = raw_skip_blank(raw);
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
    return class_of(r, HARNESS_REMINDER, str_skip(raw_skip_blank(raw), tag->text.n), &hit);
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
    char room[RAW_NAME_MAX];
    uint32_t cut = 0;
    s = fit_name(raw_trim(str_of(s.p, (size_t)at)), NAME_ENTRY, room, &cut);
    if (s.n && s.p[0] == '/')
        s = str_skip(s, 1);
    if (s.n == 0)
        return;
    if (r->x.commands_n == EXCHANGE_USES)
        cut = 1;
    else
        r->commands[r->x.commands_n++] = symbol_of_name(r, s);
    r->x.cut += cut;
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
        add_listing(r, raw, raw_hash(r, SEED_TEXT, raw_trim(raw)), about);
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
    case MARK_SKILL:
        count_text(r, raw, m, PART_SKILLS);
        return;
    case MARK_SUMMARY:
        m->continued = true;
        count_text(r, raw, m, PART_HISTORY);
        return;
    case MARK_NONE:
        m->typed += raw_skip_blank(raw).n > 0;
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

void read_content(struct exchange_reader *r, struct json_cursor *c, struct message *m)
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
        m->marked |= b.marked;
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
