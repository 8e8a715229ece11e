/*
 * Tool uses that an answer makes (bedrock-logs facts, 2.2): an array of events, an object with
 * `content`, or Converse's output.message.content.
 *
 * Pieces of an input (partial_json) break anywhere, even inside an escape, so they are put together
 * and parsed when the block ends; blocks may interleave, so each open one has a text of its own.
 */
#include "ingest/exchange_internal.h"

#include "ingest/delta.h"

static void take_content(struct exchange_reader *r, struct json_cursor *c)
{
    if (!json_enter_array(c)) {
        json_skip(c);
        return;
    }
    while (json_next_item(c)) {
        struct block b;
        block_read(c, &b);
        if (b.type == BLOCK_USE)
            make_use(r, &(struct found_use){.name = b.name,
                                            .id = b.id,
                                            .input = b.inner,
                                            .has_input = b.has_inner,
                                            .id_hash = use_id(r, b.id)});
    }
}

static void take_message(struct exchange_reader *r, struct json_cursor *c)
{
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "content"))
            take_content(r, c);
        else
            json_skip(c);
    }
}

/* An answer object, entered. */
static void take_answer(struct exchange_reader *r, struct json_cursor *c)
{
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "content")) {
            take_content(r, c);
        } else if (KEY_IS(key, "output") && json_enter_object(c)) {
            for (struct str inner; json_next_key(c, &inner);) {
                if (KEY_IS(inner, "message"))
                    take_message(r, c);
                else
                    json_skip(c);
            }
        } else {
            json_skip(c);
        }
    }
}

/* --- a stream --- */

struct event {
    struct str type;
    int64_t index;
    struct block block; /* of content_block_start */
    bool has_block;
    struct str piece; /* of an input */
    bool has_piece;
};

static void read_delta(struct json_cursor *c, struct event *e)
{
    if (!json_enter_object(c)) {
        json_skip(c);
        return;
    }
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "partial_json"))
            e->has_piece = json_string(c, &e->piece);
        else
            json_skip(c);
    }
}

static void read_event(struct json_cursor *c, struct event *e)
{
    *e = (struct event){.index = -1};
    for (struct str key; json_next_key(c, &key);) {
        if (KEY_IS(key, "type")) {
            if (!json_string(c, &e->type))
                e->type = STR_NONE;
        } else if (KEY_IS(key, "index")) {
            if (!json_i64(c, &e->index))
                e->index = -1;
        } else if (KEY_IS(key, "content_block")) {
            block_read(c, &e->block);
            e->has_block = true;
        } else if (KEY_IS(key, "delta")) {
            read_delta(c, e);
        } else {
            json_skip(c);
        }
    }
}

/* A block ended: what was put together is its input. Without any piece it is what it began with. */
static void close_use(struct exchange_reader *r, struct open_use *o)
{
    struct json_text text;
    o->used = false;
    r->open_n--;
    enum status status = buf_status(&o->pieces);
    if (o->pieces.n > 0) {
        if (status == OK && !buf_reserve(&o->pieces, JSON_PADDING))
            status = buf_status(&o->pieces);
        if (status == OK)
            status = json_index(r->json, o->pieces.p, o->pieces.n, &text, NULL);
        if (status == OK)
            o->use.input = json_begin(&text);
        o->use.has_input = true;
    }
    if (status != OK)
        o->use.has_input = false;
    r->failed |= status == ERR_NOMEM;
    name_use(r, &o->use, &r->uses[0][o->place]);
    if (!o->use.has_input)
        r->x.flags |= EX_ODD;
}

static struct open_use *find_open(struct exchange_reader *r, int64_t index)
{
    for (int i = 0; i < OPEN_USES; i++)
        if (r->open[i].used && r->open[i].index == index)
            return &r->open[i];
    return NULL;
}

static void open_use(struct exchange_reader *r, const struct event *e)
{
    struct open_use *o = find_open(r, e->index);
    if (o)
        close_use(r, o);
    if (r->x.made_n == EXCHANGE_USES) {
        r->x.cut++;
        return;
    }
    for (int i = 0; !o && i < OPEN_USES; i++)
        if (!r->open[i].used)
            o = &r->open[i];
    if (!o) {
        o = &r->open[0]; /* as many at once do not occur: one of them ends here */
        close_use(r, o);
    }
    o->used = true;
    o->index = e->index;
    o->place = r->x.made_n++;
    o->use = (struct found_use){.name = e->block.name,
                                .id = e->block.id,
                                .input = e->block.inner,
                                .has_input = e->block.has_inner,
                                .id_hash = use_id(r, e->block.id)};
    buf_reset(&o->pieces);
    r->open_n++;
}

static void take_piece(struct exchange_reader *r, int64_t index, struct str piece)
{
    struct open_use *o = r->open_n ? find_open(r, index) : NULL;
    if (o && !json_unescape(piece, &o->pieces))
        r->x.flags |= EX_ODD;
}

static void take_event(struct exchange_reader *r, const struct event *e)
{
    struct open_use *o;
    if (KEY_IS(e->type, "content_block_start")) {
        if (e->has_block && e->block.type == BLOCK_USE)
            open_use(r, e);
    } else if (KEY_IS(e->type, "content_block_delta")) {
        if (e->has_piece)
            take_piece(r, e->index, e->piece);
    } else if (KEY_IS(e->type, "content_block_stop")) {
        o = find_open(r, e->index);
        if (o)
            close_use(r, o);
    }
}

static void take_stream(struct exchange_reader *r, struct json_cursor *c)
{
    struct event e;
    struct delta d;
    while (json_next_item(c)) {
        if (delta_read(c, &d)) {
            if (d.input.p)
                take_piece(r, d.index, d.input);
        } else if (json_enter_object(c)) {
            read_event(c, &e);
            take_event(r, &e);
        }
    }
    for (int i = 0; i < OPEN_USES; i++)
        if (r->open[i].used)
            close_use(r, &r->open[i]);
}

void read_answer(struct exchange_reader *r, struct json_cursor *c)
{
    if (json_enter_object(c))
        take_answer(r, c);
    else if (json_enter_array(c))
        take_stream(r, c);
    else
        json_skip(c);
}
