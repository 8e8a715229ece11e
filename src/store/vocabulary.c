/*
 * The names in exchanges: tools, servers, skills, repositories … and the lines of offers. They have
 * tables of their own, because plain questions need none of them and some are many. An offer, a
 * text of up to thousands of lines that most clients share, is kept as the list of its lines, each
 * a name: some 2 KB become 100 bytes.
 *
 * Clients choose these texts, so there are limits of all names and of all offers in a store
 * (EXCHANGE_NAMES_BYTES, EXCHANGE_OFFERS_BYTES). Files that hold more, or that name what they do
 * not have, are damaged.
 */
#include "store/store_internal.h"

#include <stdlib.h>

enum {
    NAME_MAX_BYTES = 1024, /* of a name; the reader of bodies cuts them at 128 */
    OFFER_MAX = 256 << 10, /* bytes of an offer as text */
};

static enum status load_name(void *ctx, uint32_t at, struct str text, struct err *err)
{
    struct store *s = ctx;
    struct vocabulary *v = &s->vocabulary;
    uint32_t id;
    v->names_budget.used += text.n + SYMBOL_COST;
    if ((text.n == 0) != (at == 0) || text.n > NAME_MAX_BYTES ||
        v->names_budget.used > v->names_budget.limit)
        return db_damaged(s, err, "its names");
    if (symbols_intern(v->names, text, &id) != OK)
        return err_nomem(err);
    v->names_saved = at + 1;
    return id == at ? OK : db_damaged(s, err, "a name stands twice");
}

/* The text of an offer, into v->text. */
static enum status spell(struct store *s, struct str lines, struct err *err)
{
    struct vocabulary *v = &s->vocabulary;
    struct unpack u = unpack_of(lines.p, lines.n);
    buf_reset(&v->text);
    while (u.p < u.end) {
        uint64_t name = unpack_u64(&u);
        if (u.bad || name == 0 || name >= symbols_count(v->names))
            return db_damaged(s, err, "an offer has lines that are no names");
        buf_str(&v->text, symbols_text(v->names, (uint32_t)name));
        buf_char(&v->text, '\n');
        if (buf_status(&v->text) == ERR_LIMIT)
            return db_damaged(s, err, "an offer is too long");
    }
    return buf_status(&v->text) == OK ? OK : err_nomem(err);
}

static enum status load_offer(void *ctx, uint32_t at, struct str lines, struct err *err)
{
    struct store *s = ctx;
    struct vocabulary *v = &s->vocabulary;
    uint32_t id;
    TRY(spell(s, lines, err));
    v->offers_budget.used += v->text.n + SYMBOL_COST;
    if ((lines.n == 0) != (at == 0) || v->offers_budget.used > v->offers_budget.limit)
        return db_damaged(s, err, "its offers");
    if (symbols_intern(v->offers, lines, &id) != OK)
        return err_nomem(err);
    v->offers_saved = at + 1;
    return id == at ? OK : db_damaged(s, err, "an offer stands twice");
}

static enum status load(struct store *s, struct err *err)
{
    struct vocabulary *v = &s->vocabulary;
    buf_init(&v->text, OFFER_MAX);
    v->names_budget = (struct symbols_budget){.limit = EXCHANGE_NAMES_BYTES};
    v->offers_budget = (struct symbols_budget){.limit = EXCHANGE_OFFERS_BYTES};
    TRY(symbols_new(&v->names, err));
    TRY(symbols_new(&v->offers, err));
    TRY(names_load_texts(s, STMT_NAMES, load_name, s, err));
    return names_load_texts(s, STMT_OFFERS, load_offer, s, err);
}

enum status vocabulary_load(struct store *s, struct err *err)
{
    if (s->vocabulary.names)
        return OK;
    enum status status = load(s, err);
    if (status != OK)
        vocabulary_fini(s);
    return status;
}

void vocabulary_fini(struct store *s)
{
    struct vocabulary *v = &s->vocabulary;
    symbols_free(v->names);
    symbols_free(v->offers);
    free(v->in.names.plus_1);
    free(v->in.offers.plus_1);
    free(v->out.names.plus_1);
    free(v->out.offers.plus_1);
    buf_fini(&v->text);
    *v = (struct vocabulary){0};
}

void vocabulary_forget(struct vocabulary_map *m)
{
    id_map_forget(&m->names);
    id_map_forget(&m->offers);
}

enum status vocabulary_save(struct store *s, struct err *err)
{
    const struct vocabulary *v = &s->vocabulary;
    if (!v->names)
        return OK;
    TRY(names_save_texts(s, STMT_NAMES_PUT, v->names, v->names_saved, err));
    return names_save_texts(s, STMT_OFFERS_PUT, v->offers, v->offers_saved, err);
}

void vocabulary_saved(struct store *s)
{
    struct vocabulary *v = &s->vocabulary;
    if (!v->names)
        return;
    v->names_saved = symbols_count(v->names);
    v->offers_saved = symbols_count(v->offers);
}

static enum status name_id(struct vocabulary *v, struct str text, uint32_t *id, struct err *err)
{
    *id = 0;
    if (text.n > NAME_MAX_BYTES)
        return OK;
    enum status status = symbols_intern_within(v->names, text, text.n, &v->names_budget, id);
    return status == OK ? OK : err_nomem(err);
}

static enum status offer_id(struct vocabulary *v, struct str text, uint32_t *id, struct err *err)
{
    *id = 0;
    size_t bytes = text.n;
    if (bytes > OFFER_MAX || (bytes > 0 && text.p[bytes - 1] != '\n'))
        return OK;
    buf_reset(&v->text);
    while (text.n > 0) {
        uint32_t name;
        TRY(name_id(v, str_cut(&text, '\n'), &name, err));
        if (name == 0)
            return OK;
        if (buf_reserve(&v->text, VARINT_MAX))
            v->text.n =
                (size_t)((char *)pack_u64((uint8_t *)v->text.p + v->text.n, name) - v->text.p);
    }
    if (buf_status(&v->text) != OK)
        return err_nomem(err);
    enum status status =
        symbols_intern_within(v->offers, buf_view(&v->text), bytes, &v->offers_budget, id);
    return status == OK ? OK : err_nomem(err);
}

enum status vocabulary_name_in(struct store *s, uint32_t symbol, uint32_t *id, struct err *err)
{
    struct id_map *map = &s->vocabulary.in.names;
    if (!id_map_reserve(map, (size_t)symbol + 1))
        return err_nomem(err);
    if (map->plus_1[symbol] == 0) {
        struct str text = symbols_text(series_symbols(s->from), symbol);
        TRY(name_id(&s->vocabulary, text, id, err));
        map->plus_1[symbol] = *id + 1;
    }
    *id = map->plus_1[symbol] - 1;
    return OK;
}

enum status vocabulary_offer_in(struct store *s, uint32_t symbol, uint32_t *id, struct err *err)
{
    struct id_map *map = &s->vocabulary.in.offers;
    if (!id_map_reserve(map, (size_t)symbol + 1))
        return err_nomem(err);
    if (map->plus_1[symbol] == 0) {
        struct str text = symbols_text(series_symbols(s->from), symbol);
        TRY(offer_id(&s->vocabulary, text, id, err));
        map->plus_1[symbol] = *id + 1;
    }
    *id = map->plus_1[symbol] - 1;
    return OK;
}

enum status vocabulary_name_out(struct store *s, uint32_t id, uint32_t *symbol, struct err *err)
{
    struct vocabulary *v = &s->vocabulary;
    if (id >= symbols_count(v->names))
        return db_damaged(s, err, "an exchange has a name that is none");
    if (!id_map_reserve(&v->out.names, symbols_count(v->names)))
        return err_nomem(err);
    uint32_t *known = &v->out.names.plus_1[id];
    if (*known == 0) {
        struct str text = symbols_text(v->names, id);
        if (symbols_intern(series_symbols(s->loaded), text, symbol) != OK)
            return err_nomem(err);
        *known = *symbol + 1;
    }
    *symbol = *known - 1;
    return OK;
}

enum status vocabulary_offer_out(struct store *s, uint32_t id, uint32_t *symbol, struct err *err)
{
    struct vocabulary *v = &s->vocabulary;
    if (id >= symbols_count(v->offers))
        return db_damaged(s, err, "an exchange has an offer that is none");
    if (!id_map_reserve(&v->out.offers, symbols_count(v->offers)))
        return err_nomem(err);
    uint32_t *known = &v->out.offers.plus_1[id];
    if (*known == 0) {
        TRY(spell(s, symbols_text(v->offers, id), err));
        if (symbols_intern(series_symbols(s->loaded), buf_view(&v->text), symbol) != OK)
            return err_nomem(err);
        *known = *symbol + 1;
    }
    *symbol = *known - 1;
    return OK;
}
