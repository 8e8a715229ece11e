/* Writing sessions down: see book.h. */
#include "sim/book_internal.h"

#include <stdlib.h>

enum status book_new(struct book **out, struct err *err)
{
    struct book *b = calloc(1, sizeof *b);
    if (!b)
        return err_nomem(err);
    buf_init(&b->rows, BOOK_ROWS_MAX);
    enum status status = symbols_new(&b->names, err);
    if (status != OK) {
        free(b);
        return status;
    }
    *out = b;
    return OK;
}

static void table_free(struct book_table *t)
{
    free(t->rows.v);
    free(t->key);
    free(t->at);
}

void book_free(struct book *b)
{
    if (!b)
        return;
    struct book_table *all[] = {&b->harnesses, &b->versions, &b->kinds,  &b->tools,
                                &b->servers,   &b->skills,   &b->agents, &b->users};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        table_free(all[i]);
    buf_fini(&b->rows);
    symbols_free(b->names);
    free(b);
}

bool book_ok(const struct book *b)
{
    return !b->failed && buf_status(&b->rows) == OK;
}

uint32_t book_name(struct book *b, const char *name)
{
    uint32_t id = 0;
    if (name && symbols_intern(b->names, str_from(name), &id) != OK)
        b->failed = true;
    return id;
}

void *list_add(struct book *b, struct list *l, size_t size)
{
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 16;
        void *grown = realloc(l->v, cap * size);
        if (!grown) {
            b->failed = true;
            return NULL;
        }
        l->v = grown;
        l->cap = cap;
    }
    void *item = (char *)l->v + l->n++ * size;
    memset(item, 0, size);
    return item;
}

static uint32_t place_of(const struct book_table *t, uint64_t key)
{
    uint32_t at = (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (t->cap - 1);
    while (t->at[at] && t->key[at] != key)
        at = (at + 1) & (t->cap - 1);
    return at;
}

static bool table_grow(struct book_table *t)
{
    struct book_table old = *t;
    t->cap = old.cap ? old.cap * 2 : 64;
    t->key = calloc(t->cap, sizeof *t->key);
    t->at = calloc(t->cap, sizeof *t->at);
    if (!t->key || !t->at) {
        free(t->key);
        free(t->at);
        *t = old;
        return false;
    }
    for (uint32_t i = 0; i < old.cap; i++) {
        if (!old.at[i])
            continue;
        uint32_t at = place_of(t, old.key[i]);
        t->key[at] = old.key[i];
        t->at[at] = old.at[i];
    }
    free(old.key);
    free(old.at);
    return true;
}

struct book_row *book_row(struct book *b, struct book_table *t, uint64_t key)
{
    if (t->rows.n * 2 >= t->cap && !table_grow(t)) {
        b->failed = true;
        return NULL;
    }
    uint32_t at = place_of(t, key);
    if (!t->at[at]) {
        if (!list_add(b, &t->rows, sizeof(struct book_row)))
            return NULL;
        t->key[at] = key;
        t->at[at] = t->rows.n; /* plus one: 0 is free */
    }
    return (struct book_row *)t->rows.v + (t->at[at] - 1);
}

static int64_t cost_of(const struct invocation *v)
{
    int64_t sum = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        sum += v->cost[i];
    return sum;
}

static void add_cost(struct book *b, struct book_table *t, uint32_t name, uint32_t second,
                     int64_t cost)
{
    struct book_row *row = book_row(b, t, (uint64_t)name << 32 | second);
    if (!row)
        return;
    row->name = name;
    row->server = second;
    row->calls++;
    row->cost += cost;
}

static void add_sizes(struct note *n, const struct noted_call *call)
{
    const struct sizes *sizes = call->in.sizes;
    if (!sizes)
        return;
    for (int i = 0; i < SIZES_SERVERS; i++) {
        n->server[i].schema += sizes->server[i].schema;
        n->server[i].names += sizes->server[i].name;
        n->server[i].note += sizes->server[i].note;
    }
    if (call->kind != CALL_MAIN || n->sized)
        return;
    memcpy(n->first_part, sizes->part, sizeof n->first_part);
    n->sized = true;
}

static void add_to_session(struct note *n, const struct call *c, const struct invocation *v)
{
    struct noted_call *call = list_add(n->book, &n->calls, sizeof *call);
    if (!call)
        return;
    call->in = *c->in_session;
    call->time_s = c->time_s;
    call->kind = c->kind;
    call->error = c->error != FAIL_NOT;
    call->read = v->tokens[TOKENS_CACHE_READ];
    call->written_1h = v->tokens[TOKENS_CACHE_WRITE_1H];
    call->written =
        v->tokens[TOKENS_CACHE_WRITE_5M] + call->written_1h + v->tokens[TOKENS_CACHE_WRITE_UNKNOWN];
    call->cached = call->read + call->written;
    call->context = v->tokens[TOKENS_INPUT] + call->cached;
    call->cost = cost_of(v);
    struct noted_thread *threads = n->threads.v;
    threads[call->in.thread].calls++;
    add_sizes(n, call);
    call->in.sizes = NULL; /* borrowed */
}

/* As book_name, for texts that never change: the same text as in the call before is usual. */
static uint32_t fixed_name(struct book *b, struct fixed_name *last, const char *name)
{
    if (last->name != name) {
        last->name = name;
        last->id = book_name(b, name);
    }
    return last->id;
}

void book_call(struct book *b, const struct call *c, const struct invocation *v)
{
    int64_t cost = cost_of(v);
    uint32_t harness = fixed_name(b, &b->harness, c->harness);
    b->calls++;
    b->with_body += c->body;
    b->recognised += harness != 0;
    add_cost(b, &b->harnesses, harness, 0, cost);
    add_cost(b, &b->versions, harness, fixed_name(b, &b->version, c->version), cost);
    add_cost(b, &b->kinds, (uint32_t)c->kind, 0, cost);
    b->alone += c->alone;
    if (c->note)
        add_to_session(c->note, c, v);
}

struct note *note_new(struct book *b, struct str user, const char *id)
{
    struct note *n = calloc(1, sizeof *n);
    if (!n || symbols_intern(b->names, user, &n->user) != OK) {
        b->failed = true;
        free(n);
        return NULL;
    }
    n->book = b;
    for (size_t i = 0; id && id[i] && i + 1 < sizeof n->id; i++)
        n->id[i] = id[i];
    return n;
}

void note_server(struct note *n, uint32_t at, const char *name)
{
    if (n && at < SIZES_SERVERS)
        n->server[at].name = book_name(n->book, name);
}

uint32_t note_thread(struct note *n, enum call_kind kind, uint32_t parent, const char *name)
{
    if (!n)
        return NOTE_NONE;
    struct noted_thread *t = list_add(n->book, &n->threads, sizeof *t);
    if (!t)
        return NOTE_NONE;
    const struct noted_thread *all = n->threads.v;
    *t = (struct noted_thread){.kind = kind, .parent = parent, .name = book_name(n->book, name)};
    if (parent != NOTE_NONE)
        t->depth = all[parent].depth + 1;
    return n->threads.n - 1;
}

void note_identical(struct note *n)
{
    if (n)
        n->identical = true;
}

uint32_t note_use(struct note *n, uint32_t thread, enum tool_kind kind, const char *server,
                  const char *name, uint64_t serial)
{
    struct noted_use *use = n ? list_add(n->book, &n->uses, sizeof *use) : NULL;
    if (!use)
        return NOTE_NONE;
    *use = (struct noted_use){.thread = thread, .kind = kind, .serial = serial};
    use->server = book_name(n->book, server);
    use->name = book_name(n->book, name);
    struct noted_call *calls = n->calls.v;
    if (kind == TOOL_AGENT && n->calls.n)
        calls[n->calls.n - 1].agents++;
    return n->uses.n - 1;
}

void note_result(struct note *n, uint32_t use, bool error)
{
    if (!n || use == NOTE_NONE)
        return;
    struct noted_use *uses = n->uses.v;
    uses[use].error |= error;
}

static void add_offer(struct note *n, struct list *to, enum tool_kind kind, const char *name,
                      bool once)
{
    uint32_t id = book_name(n->book, name);
    const struct noted_offer *all = to->v;
    for (uint32_t i = 0; once && i < to->n; i++)
        if (all[i].kind == kind && all[i].name == id)
            return;
    struct noted_offer *offer = list_add(n->book, to, sizeof *offer);
    if (offer)
        *offer = (struct noted_offer){kind, id};
}

void note_command(struct note *n, const char *name)
{
    if (n)
        add_offer(n, &n->commands, TOOL_COMMAND, name, false);
}

void note_offer(struct note *n, enum tool_kind kind, const char *name)
{
    if (n)
        add_offer(n, &n->offers, kind, name, true);
}

uint32_t note_calls(const struct note *n)
{
    return n ? n->calls.n : 0;
}

int64_t note_last_s(const struct note *n)
{
    const struct noted_call *calls = n ? n->calls.v : NULL;
    return calls && n->calls.n ? calls[n->calls.n - 1].time_s : 0;
}
