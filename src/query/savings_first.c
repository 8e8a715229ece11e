/*
 * First messages: see savings.h. Which are large is known when all are there: those of one program
 * are compared with each other.
 */
#include "query/savings_internal.h"

#include <stdlib.h>

/* Of what a program sends that is known: others send what they please. */
enum status savings_note_first(struct savings_engine *e, const struct session *s, uint32_t user,
                               money_sum per_mtok)
{
    size_t first = 0;
    uint32_t harness;
    while (first < s->calls_n && !(s->calls[first].flags & SC_FIRST))
        first++;
    if (first == s->calls_n || s->first_context <= 0)
        return OK;
    TRY(savings_label(e, s->calls[first].v.series, LABEL_HARNESS, &harness));
    if (harness == 0)
        return OK;
    if (e->firsts_n == e->firsts_cap) {
        size_t cap = e->firsts_cap ? e->firsts_cap * 2 : 256;
        struct first_message *firsts = realloc(e->firsts, cap * sizeof *firsts);
        if (!firsts)
            return ERR_NOMEM;
        e->firsts = firsts;
        e->firsts_cap = cap;
    }
    uint32_t context = s->first_context > UINT32_MAX ? UINT32_MAX : (uint32_t)s->first_context;
    e->firsts[e->firsts_n++] = (struct first_message){context, user, harness, per_mtok};
    return OK;
}

static int compare_firsts(const void *pa, const void *pb)
{
    const struct first_message *a = pa, *b = pb;
    if (a->harness != b->harness)
        return a->harness < b->harness ? -1 : 1;
    return (a->context > b->context) - (a->context < b->context);
}

/* Those of one program, sorted. */
static enum status judge_program(struct savings_engine *e, const struct first_message *v, size_t n)
{
    size_t percentile = (size_t)e->limits.v[SAVINGS_FIRST_PERCENTILE];
    size_t rank = (n * percentile + 99) / 100;
    int64_t median = v[(n + 1) / 2 - 1].context;
    int64_t large = rank > 0 ? v[rank - 1].context : 0;
    for (size_t i = 0; i < n; i++) {
        const struct first_message *f = &v[i];
        if (f->context <= large || f->context <= e->limits.v[SAVINGS_FIRST])
            continue;
        e->serial = ++e->sessions; /* each is a session of its own */
        struct ledger *l = savings_ledger(e, SAVING_FIRST_MESSAGE, f->user, f->harness);
        if (!l)
            return ERR_NOMEM;
        l->events = median;
        l->calls++;
        l->most = f->context > l->most ? f->context : l->most;
        l->tokens += f->context - median;
        l->cost += savings_share(f->per_mtok, f->context, 1000000);
        l->saved += savings_share(f->per_mtok, f->context - median, 1000000);
    }
    return OK;
}

enum status savings_judge_firsts(struct savings_engine *e)
{
    if (e->limits.v[SAVINGS_FIRST] == 0)
        return OK;
    if (e->firsts_n > 0)
        qsort(e->firsts, e->firsts_n, sizeof *e->firsts, compare_firsts);
    for (size_t from = 0, to; from < e->firsts_n; from = to) {
        to = from + 1;
        while (to < e->firsts_n && e->firsts[to].harness == e->firsts[from].harness)
            to++;
        TRY(judge_program(e, e->firsts + from, to - from));
    }
    return OK;
}
