/*
 * Names in bodies: what has the form of a name is kept (model/name.h), what has not is text and
 * becomes NOT_A_NAME.
 */
#include "ingest/exchange_internal.h"

#include <stdio.h>

#define FITS_ROOM(id, longest, more)                                                               \
    _Static_assert((longest) <= EXCHANGE_NAME_MAX && (longest) <= SESSION_ID_MAX, #id);
NAME_MAP(FITS_ROOM)
#undef FITS_ROOM

struct str fit_text(struct str text, enum name_form form, uint32_t *cut)
{
    if (text.n == 0 || name_fits(form, text))
        return text;
    (*cut)++;
    return NOT_A_NAME;
}

struct str fit_name(struct str raw, enum name_form form, char room[RAW_NAME_MAX], uint32_t *cut)
{
    if (raw.n > RAW_NAME_MAX || !json_has_escape(raw))
        return fit_text(raw, form, cut);
    struct buf b;
    buf_on(&b, room, RAW_NAME_MAX);
    bool good = json_unescape(raw, &b);
    return fit_text(good ? buf_view(&b) : raw, form, cut);
}

struct str safe_server(struct str text, char room[EXCHANGE_NAME_MAX])
{
    if (text.n > EXCHANGE_NAME_MAX)
        return STR("");
    for (size_t i = 0; i < text.n; i++)
        room[i] = (char)(name_fits(NAME_TOOL, str_of(text.p + i, 1)) ? text.p[i] : '_');
    return str_of(room, text.n);
}

struct str fit_server(struct str text, const struct str *known, size_t n,
                      char room[EXCHANGE_NAME_MAX], uint32_t *cut)
{
    struct str safe = safe_server(text, room);
    if (name_fits(NAME_ENTRY, text))
        return safe;
    for (size_t i = 0; i < n; i++)
        if (str_eq(known[i], safe))
            return safe;
    return fit_text(text, NAME_ENTRY, cut);
}

struct str fit_session(struct exchange_reader *r, struct str id)
{
    if (id.n == 0 || id.n > SESSION_ID_MAX)
        return STR("");
    if (name_fits(NAME_SESSION, id)) {
        memcpy(r->session, id.p, id.n);
        return str_of(r->session, id.n);
    }
    r->x.cut++;
    int n = snprintf(r->session, sizeof r->session, "#%016llx",
                     (unsigned long long)raw_hash(r, SEED_SESSION, id));
    return str_of(r->session, (size_t)n);
}

uint32_t symbol_of_text(struct exchange_reader *r, struct str text)
{
    uint32_t id = 0;
    if (symbols_intern_within(r->symbols, text, text.n, &r->budget->names, &id) != OK)
        r->failed = true;
    return id;
}

uint32_t symbol_of_name(struct exchange_reader *r, struct str name)
{
    if (name.n == 0)
        return 0;
    uint64_t hash = raw_hash(r, SEED_NAME, name);
    struct name_slot *slot = &r->names[hash % NAME_SLOTS];
    if (slot->hash != hash)
        *slot = (struct name_slot){hash, symbol_of_text(r, name)};
    r->x.cut += slot->symbol == 0;
    return slot->symbol;
}
