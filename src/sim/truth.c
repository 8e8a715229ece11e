/* Counting: see truth.h. */
#include "sim/truth_internal.h"

#include <stdlib.h>

const int64_t CONTEXT_ABOVE[CONTEXT_RANGES] = {0, 100000, 200000, 272000};

const char *sim_operation_name(enum sim_operation op)
{
    static const char *const names[] = {
#define NAME(id, name) name,
        SIM_OPERATION_MAP(NAME)
#undef NAME
    };
    return names[op];
}

const char *sim_error_name(enum sim_error error)
{
    static const char *const names[] = {
#define NAME(id, name) name,
        SIM_ERROR_MAP(NAME)
#undef NAME
    };
    return names[error];
}

void truth_init(struct truth *t, const struct org *org, int64_t start_day)
{
    *t = (struct truth){.org = org, .start_day = start_day};
}

void truth_fini(struct truth *t)
{
    free(t->by_user_model.slot);
    free(t->cells.slot);
    *t = (struct truth){0};
}

static uint32_t slot_of(uint64_t key, uint32_t cap)
{
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (cap - 1);
}

static bool grow(struct tally_map *m)
{
    uint32_t cap = m->cap ? m->cap * 2 : 1024;
    struct tally_slot *slot = calloc(cap, sizeof *slot);
    if (!slot)
        return false;
    for (uint32_t i = 0; i < m->cap; i++) {
        if (!m->slot[i].key)
            continue;
        uint32_t at = slot_of(m->slot[i].key, cap);
        while (slot[at].key)
            at = (at + 1) & (cap - 1);
        slot[at] = m->slot[i];
    }
    free(m->slot);
    m->slot = slot;
    m->cap = cap;
    return true;
}

static struct tally *find(struct tally_map *m, uint64_t key)
{
    if (m->n * 2 >= m->cap && !grow(m))
        return NULL;
    uint32_t at = slot_of(key + 1, m->cap);
    while (m->slot[at].key && m->slot[at].key != key + 1)
        at = (at + 1) & (m->cap - 1);
    if (!m->slot[at].key) {
        m->slot[at].key = key + 1;
        m->n++;
    }
    return &m->slot[at].tally;
}

void tally_join(struct tally *into, const struct tally *from)
{
    into->invocations += from->invocations;
    into->errors += from->errors;
    into->no_counts += from->no_counts;
    into->billed += from->billed;
    into->input += from->input;
    into->output += from->output;
    into->cache_read += from->cache_read;
    into->write_5m += from->write_5m;
    into->write_1h += from->write_1h;
    into->write_unknown += from->write_unknown;
}

static uint64_t cell_pack(const struct cell *c)
{
    return (uint64_t)c->account | (uint64_t)c->region << 8 | (uint64_t)c->context << 16 |
           (uint64_t)c->inference << 20 | (uint64_t)c->body_named << 24 |
           (uint64_t)c->cached << 25 | (uint64_t)c->day << 26 | (uint64_t)c->model << 42 |
           (uint64_t)c->error << 58;
}

struct cell cell_unpack(uint64_t key)
{
    return (struct cell){
        .account = key & 0xff,
        .region = (key >> 8) & 0xff,
        .context = (key >> 16) & 0xf,
        .inference = (key >> 20) & 0xf,
        .body_named = (key >> 24) & 1,
        .cached = (key >> 25) & 1,
        .day = (key >> 26) & 0xffff,
        .model = (key >> 42) & 0xffff,
        .error = (uint32_t)(key >> 58),
    };
}

struct tally tally_of(const struct call *c, struct seen seen)
{
    struct tally t = {.invocations = 1, .errors = c->error != FAIL_NOT};
    if (c->no_counts) {
        t.no_counts = c->error == FAIL_NOT;
        return t;
    }
    t.input = c->input;
    t.output = c->output;
    t.cache_read = c->cache_read;
    if (c->split_in_body && seen.output_body) {
        t.write_5m = c->write_5m;
        t.write_1h = c->write_1h;
    } else {
        t.write_unknown = c->write_5m + c->write_1h;
    }
    t.billed = c->input + c->output + c->cache_read + c->write_5m + c->write_1h > 0;
    return t;
}

static struct cell cell_of(const struct truth *t, const struct call *c, struct seen seen)
{
    const struct caller *caller = &t->org->callers[c->caller];
    struct cell cell = {
        .account = caller->account,
        .region = caller->region,
        .model = c->model,
        .day = (uint32_t)(c->time_s / 86400 - t->start_day),
        .error = c->error,
    };
    if (t->org->models[c->model].how == BY_BODY) {
        /* Without the map only these two say something about the price. */
        cell.body_named = c->model_in_body && seen.output_body;
        cell.inference = c->inference;
    }
    if (!c->no_counts) {
        cell.cached = c->cache_read + c->write_5m + c->write_1h > 0;
        int64_t context = c->input + c->cache_read + c->write_5m + c->write_1h;
        while (cell.context + 1 < CONTEXT_RANGES && context > CONTEXT_ABOVE[cell.context + 1])
            cell.context++;
    }
    return cell;
}

bool truth_add(struct truth *t, const struct call *c, struct seen seen)
{
    struct tally one = tally_of(c, seen);
    struct cell cell = cell_of(t, c, seen);
    struct tally *user = find(&t->by_user_model, (uint64_t)c->caller << 24 | c->model);
    struct tally *price = find(&t->cells, cell_pack(&cell));
    if (!user || !price)
        return false;
    tally_join(user, &one);
    tally_join(price, &one);
    tally_join(&t->by_operation[c->op], &one);
    t->by_error[c->error]++;
    return true;
}
