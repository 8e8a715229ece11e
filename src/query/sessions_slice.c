/*
 * Sessions that are too long to be folded at once: their calls come in order (sessions_read.c,
 * sessions_sort.c) and are folded piece by piece. Without an id a piece ends at a pause after which
 * nothing goes on; that is exact. Else it ends where the next call would not fit, which is where
 * the same calls always end it.
 */
#include "query/sessions_internal.h"

#include <stdlib.h>

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

int sessions_compare(const void *a, const void *b)
{
    const struct call_place *x = a, *y = b;
    int order = compare(x->session, y->session);
    order = order ? order : compare(x->principal, y->principal);
    order = order ? order : compare(x->id, y->id);
    order = order ? order : x->time_us < y->time_us ? -1 : x->time_us > y->time_us;
    order = order ? order : compare(x->kind, y->kind);
    order = order ? order : compare(x->messages, y->messages);
    order = order ? order : compare(x->good, y->good);
    order = order ? order : compare(x->content, y->content);
    order = order ? order : compare(x->key.hi, y->key.hi);
    return order ? order : compare(x->key.lo, y->key.lo);
}

static uint64_t id_of(const struct sessions *s, struct str id)
{
    uint64_t h = id.n ? hash64(s->o.fold.key, id.p, id.n) : 0;
    return id.n && h == 0 ? 1 : h;
}

enum status sessions_place(struct visit *visit, const struct index_entry *e, size_t n,
                           struct err *err)
{
    const struct sessions *s = visit->s;
    if (n > visit->places_cap) {
        free(visit->places);
        visit->places_cap = 0;
        visit->places = calloc(n, sizeof *visit->places);
        if (!visit->places)
            return err_nomem(err);
        visit->places_cap = n;
    }
    for (size_t i = 0; i < n; i++) {
        TRY(sessions_unpack(visit, (const unsigned char *)visit->bytes.p + e[i].at, e[i].n, err));
        const struct invocation *v = &visit->calls[0].v;
        visit->places[i] = (struct call_place){
            .session = v->session,
            .id = id_of(s, v->exchange->session),
            .principal = sessions_principal(s, v->series),
            .kind = (uint8_t)(v->exchange->kind - CALL_MAIN),
            .good = !(v->flags & INV_ERROR),
            .listed = e[i].listed,
            .time_us = v->time_us,
            .messages = v->exchange->messages,
            .n = e[i].n,
            .content = v->content,
            .key = v->key,
            .at = e[i].at,
        };
        sessions_forget(visit);
    }
    if (n > 1)
        qsort(visit->places, n, sizeof *visit->places, sessions_compare);
    return OK;
}

static int compare_ids(const void *pa, const void *pb)
{
    const uint64_t *a = pa, *b = pb;
    return compare(*a, *b);
}

/* What the next piece is to know of the calls at hand. */
static enum status remember(struct visit *visit, struct err *err)
{
    struct slice *slice = &visit->slice;
    size_t n = 0;
    for (size_t i = 0; i < visit->calls_n; i++)
        n += visit->calls[i].v.exchange->made_n;
    if (n > slice->uses_cap) {
        free(slice->uses);
        slice->uses_cap = 0;
        slice->uses = calloc(n, sizeof *slice->uses);
        if (!slice->uses)
            return err_nomem(err);
        slice->uses_cap = n;
    }
    n = 0;
    for (size_t i = 0; i < visit->calls_n; i++) {
        const struct exchange *x = visit->calls[i].v.exchange;
        for (uint32_t k = 0; k < x->made_n; k++)
            slice->uses[n++] = x->made[k].id;
    }
    if (n > 1)
        qsort(slice->uses, n, sizeof *slice->uses, compare_ids);
    slice->before = (struct session_before){slice->last_us, slice->uses, n};
    return OK;
}

/* Ends a piece; `goes_on`: the session has more calls. */
static enum status end_piece(struct visit *visit, bool goes_on, struct err *err)
{
    struct slice *slice = &visit->slice;
    struct sessions_cuts *cuts = &visit->s->cuts;
    bool named = slice->id != 0;
    cuts->sessions += goes_on && !slice->cut;
    cuts->pieces += goes_on || slice->cut;
    TRY(sessions_fold(visit, slice->cut && named ? &slice->before : NULL, err));
    if (goes_on && named)
        TRY(remember(visit, err));
    sessions_forget(visit);
    slice->cut = goes_on;
    slice->weight = 0;
    return OK;
}

enum status sessions_slice(struct visit *visit, const struct call_place *place,
                           const unsigned char *p, struct err *err)
{
    struct slice *slice = &visit->slice;
    uint64_t weight = session_weight(place->listed);
    if (slice->open) {
        bool same = slice->session == place->session && slice->principal == place->principal &&
                    slice->id == place->id;
        bool over = place->id == 0 &&
                    place->time_us - slice->last_us > session_window_us(&visit->s->o.fold);
        if (!same || over)
            TRY(end_piece(visit, false, err));
        else if (slice->weight + weight > visit->s->fold_limit)
            TRY(end_piece(visit, true, err));
    }
    slice->open = true;
    slice->session = place->session;
    slice->principal = place->principal;
    slice->id = place->id;
    slice->last_us = place->time_us;
    slice->weight += weight;
    return sessions_unpack(visit, p, place->n, err);
}

enum status sessions_slice_end(struct visit *visit, struct err *err)
{
    enum status status = visit->slice.open ? end_piece(visit, false, err) : OK;
    visit->slice.open = false;
    return status;
}
