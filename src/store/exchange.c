/*
 * Exchanges in the store. They lie apart from the facts, under the same ids, so that plain
 * questions and logs without bodies pay nothing for them: the hash of the session, then what
 * exchange_pack writes, with names of vocabulary.c for symbols.
 *
 * A fact may have none. An exchange without its fact is damage.
 */
#include "store/store_internal.h"

/* Of the lists of one exchange, in the store's scratch arena. */
struct lists {
    struct tool_use *made, *earlier;
    uint32_t *commands;
};

struct mapping {
    struct store *store;
    struct err *err;
    uint32_t cut;
};

static enum status name_in(void *ctx, uint32_t *symbol)
{
    struct mapping *m = ctx;
    TRY(vocabulary_name_in(m->store, *symbol, symbol, m->err));
    m->cut += *symbol == 0;
    return OK;
}

static void *copy_list(struct arena *arena, const void *list, uint32_t *n, size_t size,
                       uint32_t *cut)
{
    if (*n > EXCHANGE_USES) {
        *cut += *n - EXCHANGE_USES;
        *n = EXCHANGE_USES;
    }
    void *copy = *n ? arena_alloc(arena, *n * size) : NULL;
    if (copy)
        memcpy(copy, list, *n * size);
    return copy;
}

/* *x with the store's names. */
static enum status name_all(struct store *s, struct exchange *x, struct err *err)
{
    struct mapping m = {s, err, 0};
    arena_reset(&s->scratch);
    struct lists l = {
        copy_list(&s->scratch, x->made, &x->made_n, sizeof *l.made, &x->cut),
        copy_list(&s->scratch, x->earlier, &x->earlier_n, sizeof *l.earlier, &x->cut),
        copy_list(&s->scratch, x->commands, &x->commands_n, sizeof *l.commands, &x->cut),
    };
    if (s->scratch.failed)
        return err_nomem(err);
    uint32_t offer = 0;
    if (x->offer) {
        TRY(vocabulary_offer_in(s, x->offer, &offer, err));
        if (offer == 0)
            x->flags |= EX_TOOLS_CUT;
        x->offer = 0;
    }
    TRY(exchange_symbols(x, l.made, l.earlier, l.commands, name_in, &m));
    x->offer = offer;
    x->made = l.made;
    x->earlier = l.earlier;
    x->commands = l.commands;
    x->cut += m.cut;
    return OK;
}

enum status exchange_keep(struct store *s, const struct invocation *v, struct span *kept,
                          struct err *err)
{
    *kept = (struct span){0};
    if (!v->exchange || v->session == 0)
        return OK;
    TRY(vocabulary_load(s, err));
    struct exchange x = *v->exchange;
    TRY(name_all(s, &x, err));
    size_t at = s->packed.n;
    uint64_t session = htole64(v->session);
    buf_append(&s->packed, &session, sizeof session);
    exchange_pack(&x, &s->packed);
    if (buf_status(&s->packed) != OK)
        return err_nomem(err);
    *kept = (struct span){at, s->packed.n - at};
    return OK;
}

enum status exchange_put(struct store *s, int64_t id, const struct span *kept, struct err *err)
{
    if (kept->n == 0)
        return OK;
    struct chunk_item item = {.key = id, .p = exchange_bytes_of(s, kept), .n = kept->n};
    return chunk_put(s, CHUNK_EXCHANGES, &item, 1, true, err);
}

enum status exchange_find(struct store *s, int64_t id, bool *found, struct err *err)
{
    struct unpack u;
    return chunk_find(s, CHUNK_EXCHANGES, id, &u, found, err);
}

enum status exchange_drop(struct store *s, int64_t id, struct err *err)
{
    bool found;
    TRY(exchange_find(s, id, &found, err));
    struct chunk_item drop = {.key = id};
    return found ? chunk_put(s, CHUNK_EXCHANGES, &drop, 1, true, err) : OK;
}

/* Facts beside their exchanges, in the order of their ids. */
struct calls {
    struct store *store;
    int64_t since_us, until_us;
    struct chunk_reader facts, exchanges;
    enum status (*each)(struct calls *c, const struct chunk_item *fact,
                        const struct chunk_item *exchange, struct err *err);
    store_call_fn told, bare; /* bare: NULL when nobody asks */
    void *ctx;
};

/* Facts of the first and the last second may lie outside the period: *inside. */
static enum status read_fact(const struct calls *c, const struct chunk_item *fact,
                             struct invocation *v, bool *inside, struct err *err)
{
    struct store *s = c->store;
    struct unpack u = unpack_of(fact->p, fact->n);
    if (!unpack_fact(&u, fact_second(fact->key), v))
        return db_damaged(s, err, "a fact cannot be read");
    *inside = v->time_us >= c->since_us && v->time_us < c->until_us;
    if (!*inside)
        return OK;
    if (v->series >= s->loaded_n)
        return db_damaged(s, err, "it counts a series that it does not name");
    v->series = s->loaded_ids[v->series];
    return OK;
}

static enum status tell_bare(struct calls *c, const struct chunk_item *fact, struct err *err)
{
    struct invocation v;
    bool inside = false;
    if (!c->bare)
        return OK;
    TRY(read_fact(c, fact, &v, &inside, err));
    return inside ? c->bare(c->ctx, &v, err) : OK;
}

static enum status walk_calls(struct calls *c, struct err *err)
{
    struct chunk_item fact, exchange;
    bool more_facts, more;
    TRY(chunk_next(&c->exchanges, &exchange, &more, err));
    for (;;) {
        TRY(chunk_next(&c->facts, &fact, &more_facts, err));
        if (!more_facts)
            break;
        if (!more || fact.key < exchange.key) {
            TRY(tell_bare(c, &fact, err));
            continue;
        }
        if (fact.key > exchange.key)
            break;
        TRY(c->each(c, &fact, &exchange, err));
        TRY(chunk_next(&c->exchanges, &exchange, &more, err));
    }
    return more ? db_damaged(c->store, err, "it has an exchange without its fact") : OK;
}

static enum status calls_run(struct calls *c, struct err *err)
{
    struct store *s = c->store;
    int64_t from = (c->since_us / US_PER_SECOND) << FACT_BITS;
    int64_t last = (((c->until_us - 1) / US_PER_SECOND + 1) << FACT_BITS) - 1;
    TRY(vocabulary_load(s, err));
    TRY(chunk_open(s, CHUNK_FACTS, from, last, &c->facts, err));
    enum status status = chunk_open(s, CHUNK_EXCHANGES, from, last, &c->exchanges, err);
    if (status == OK) {
        status = walk_calls(c, err);
        chunk_close(&c->exchanges);
    }
    chunk_close(&c->facts);
    return status;
}

/* The lists are in the scratch arena; symbols are the store's. */
static enum status read_exchange(struct store *s, const struct chunk_item *item, struct exchange *x,
                                 uint64_t *session, struct err *err)
{
    struct unpack u = unpack_of(item->p, item->n);
    enum status status = ERR_PARSE;
    arena_reset(&s->scratch);
    if (item->n > sizeof *session) {
        memcpy(session, item->p, sizeof *session);
        *session = le64toh(*session);
        u.p += sizeof *session;
        status = exchange_unpack(&u, &s->scratch, x);
    }
    if (status == ERR_NOMEM)
        return err_nomem(err);
    if (status != OK || u.p != u.end || *session == 0)
        return db_damaged(s, err, "an exchange cannot be read");
    return OK;
}

static enum status name_out(void *ctx, uint32_t *symbol)
{
    struct mapping *m = ctx;
    return vocabulary_name_out(m->store, *symbol, symbol, m->err);
}

/* exchange_unpack has just made the list, in our arena: it is ours to change. */
static void *own_list(const void *list)
{
    return (void *)(uintptr_t)list;
}

static enum status tell_call(struct calls *c, const struct chunk_item *fact,
                             const struct chunk_item *exchange, struct err *err)
{
    struct store *s = c->store;
    struct invocation v;
    struct exchange x = {.kind = CALL_UNKNOWN};
    bool inside = false;
    TRY(read_fact(c, fact, &v, &inside, err));
    if (!inside)
        return OK;
    TRY(read_exchange(s, exchange, &x, &v.session, err));
    uint32_t offer = 0;
    if (x.offer)
        TRY(vocabulary_offer_out(s, x.offer, &offer, err));
    x.offer = 0;
    struct mapping m = {s, err, 0};
    TRY(exchange_symbols(&x, own_list(x.made), own_list(x.earlier), own_list(x.commands), name_out,
                         &m));
    x.offer = offer;
    v.exchange = &x;
    return c->told(c->ctx, &v, err);
}

enum status store_calls(struct store *s, int64_t since_us, int64_t until_us, store_call_fn each,
                        store_call_fn bare, void *ctx, struct err *err)
{
    if (!s->in_snapshot)
        return err_set(err, ERR_USAGE, "store '%.200s': its series were not loaded", s->path);
    struct calls c = {
        .store = s,
        .since_us = since_us > 0 ? since_us : 0,
        .until_us = until_us < STORE_TIME_END ? until_us : STORE_TIME_END,
        .each = tell_call,
        .told = each,
        .bare = bare,
        .ctx = ctx,
    };
    return c.since_us < c.until_us ? calls_run(&c, err) : OK;
}

static enum status check_name(void *ctx, uint32_t *symbol)
{
    struct mapping *m = ctx;
    if (*symbol < symbols_count(m->store->vocabulary.names))
        return OK;
    return db_damaged(m->store, m->err, "an exchange has a name that is none");
}

static enum status check_call(struct calls *c, const struct chunk_item *fact,
                              const struct chunk_item *exchange, struct err *err)
{
    (void)fact;
    struct store *s = c->store;
    struct exchange x = {.kind = CALL_UNKNOWN};
    uint64_t session;
    TRY(read_exchange(s, exchange, &x, &session, err));
    if (x.offer >= symbols_count(s->vocabulary.offers))
        return db_damaged(s, err, "an exchange has an offer that is none");
    x.offer = 0;
    struct mapping m = {s, err, 0};
    return exchange_symbols(&x, own_list(x.made), own_list(x.earlier), own_list(x.commands),
                            check_name, &m);
}

enum status exchange_check(struct store *s, struct err *err)
{
    struct calls c = {.store = s, .until_us = STORE_TIME_END, .each = check_call};
    if (s->mode == STORE_READ)
        vocabulary_fini(s);
    return calls_run(&c, err);
}
