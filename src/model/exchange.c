/* What bodies tell beside usage: see exchange.h. */
#include "model/exchange.h"

#define TEXT_OF(id, text) [id] = {text, sizeof(text) - 1},

struct str call_kind_text(enum call_kind kind)
{
    static const struct str texts[CALL_KINDS] = {CALL_KIND_MAP(TEXT_OF)};
    return texts[kind];
}

struct str tool_kind_text(enum tool_kind kind)
{
    static const struct str texts[TOOL_KINDS] = {TOOL_KIND_MAP(TEXT_OF)};
    return texts[kind];
}

int64_t exchange_bytes(const struct exchange *x)
{
    int64_t sum = 0;
    for (int i = 0; i < PARTS; i++)
        sum += x->part[i];
    return sum ? sum : 1;
}

/* A session id is nearly always a UUID in lower case: 16 bytes instead of 36. */
static bool pack_uuid(struct str id, uint8_t out[16])
{
    if (id.n != 36)
        return false;
    int n = 0;
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-')
                return false;
            continue;
        }
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        out[n / 2] = (uint8_t)(n % 2 ? out[n / 2] | digit : digit << 4);
        n++;
    }
    return true;
}

static struct str unpack_uuid(const uint8_t in[16], struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    char *p = arena_alloc(arena, 36), *at = p;
    if (!p)
        return STR_NONE;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[in[i] >> 4];
        *at++ = digits[in[i] & 15];
    }
    return str_of(p, 36);
}

enum { UUID_MARK = SESSION_ID_MAX + 1 }; /* instead of a length */

static void put(struct buf *out, uint64_t v)
{
    if (buf_reserve(out, VARINT_MAX))
        out->n = (size_t)((char *)pack_u64((uint8_t *)out->p + out->n, v) - out->p);
}

static void put_hash(struct buf *out, uint64_t v)
{
    v = htole64(v);
    buf_append(out, &v, sizeof v);
}

static void put_session(struct buf *out, struct str id)
{
    uint8_t uuid[16];
    if (pack_uuid(id, uuid)) {
        put(out, UUID_MARK);
        buf_append(out, uuid, sizeof uuid);
        return;
    }
    size_t n = id.n <= SESSION_ID_MAX ? id.n : SESSION_ID_MAX;
    put(out, n);
    buf_append(out, id.p, n);
}

enum { USE_ANSWERED = 1 << 4, USE_ERROR = 1 << 5, USE_KIND = 15 };
_Static_assert((int)TOOL_KINDS <= (int)USE_KIND, "a kind of tool has four bits");

static void put_uses(struct buf *out, const struct tool_use *v, uint32_t n)
{
    put(out, n);
    for (uint32_t i = 0; i < n; i++) {
        put(out, v[i].kind | (v[i].answered ? USE_ANSWERED : 0u) | (v[i].error ? USE_ERROR : 0u));
        put(out, v[i].server);
        put(out, v[i].name);
        put_hash(out, v[i].id);
        put_hash(out, v[i].input);
    }
}

void exchange_pack(const struct exchange *x, struct buf *out)
{
    put_session(out, x->session);
    const uint64_t numbers[] = {
        x->kind, x->flags,   x->purpose,         x->repository, x->offer, x->messages,
        x->tail, x->prompts, x->history_prompts, x->interrupts, x->cut,   x->recent_n,

    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        put(out, numbers[i]);
    put_hash(out, x->first);
    put_hash(out, x->opening);
    put_hash(out, x->system);
    for (uint32_t i = 0; i < x->recent_n; i++)
        put_hash(out, x->recent[i]);
    for (int i = 0; i < PARTS; i++)
        put(out, x->part[i]);
    put_uses(out, x->made, x->made_n);
    put_uses(out, x->earlier, x->earlier_n);
    put(out, x->commands_n);
    for (uint32_t i = 0; i < x->commands_n; i++)
        put(out, x->commands[i]);
}

static uint32_t get32(struct unpack *u)
{
    uint64_t v = unpack_u64(u);
    u->bad |= v > UINT32_MAX;
    return (uint32_t)v;
}

static uint64_t get_hash(struct unpack *u)
{
    uint64_t v = 0;
    if (u->end - u->p < (ptrdiff_t)sizeof v) {
        u->bad = true;
        return 0;
    }
    memcpy(&v, u->p, sizeof v);
    u->p += sizeof v;
    return le64toh(v);
}

static struct str get_session(struct unpack *u, struct arena *arena)
{
    uint64_t n = unpack_u64(u);
    bool uuid = n == UUID_MARK;
    if (uuid)
        n = 16;
    if (n > SESSION_ID_MAX || (uint64_t)(u->end - u->p) < n) {
        u->bad = true;
        return STR_NONE;
    }
    const uint8_t *p = u->p;
    u->p += n;
    return uuid ? unpack_uuid(p, arena) : str_of((const char *)p, (size_t)n);
}

/* How many entries the next list has; each takes at least `least` bytes. */
static uint32_t get_length(struct unpack *u, size_t least)
{
    uint32_t n = get32(u);
    if (n > EXCHANGE_USES || (size_t)(u->end - u->p) / least < n)
        u->bad = true;
    return u->bad ? 0 : n;
}

static const struct tool_use *get_uses(struct unpack *u, struct arena *arena, uint32_t *n)
{
    enum { LEAST = 19 };
    *n = get_length(u, LEAST);
    struct tool_use *v = *n ? arena_alloc(arena, *n * sizeof *v) : NULL;
    for (uint32_t i = 0; v && i < *n; i++) {
        uint32_t bits = get32(u);
        v[i] = (struct tool_use){
            .kind = (uint8_t)(bits & USE_KIND),
            .answered = bits & USE_ANSWERED,
            .error = bits & USE_ERROR,
            .server = get32(u),
        };
        v[i].name = get32(u);
        v[i].id = get_hash(u);
        v[i].input = get_hash(u);
        u->bad |= v[i].kind >= TOOL_KINDS;
    }
    return v;
}

enum status exchange_unpack(struct unpack *u, struct arena *arena, struct exchange *x)
{
    *x = (struct exchange){.session = get_session(u, arena)};
    uint32_t kind = get32(u);
    u->bad |= kind >= CALL_KINDS;
    x->kind = (uint8_t)kind;
    uint32_t *const numbers[] = {
        &x->flags,   &x->purpose,         &x->repository, &x->offer, &x->messages, &x->tail,
        &x->prompts, &x->history_prompts, &x->interrupts, &x->cut,   &x->recent_n,
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        *numbers[i] = get32(u);
    u->bad |= x->recent_n > EXCHANGE_RECENT;
    x->first = get_hash(u);
    x->opening = get_hash(u);
    x->system = get_hash(u);
    for (uint32_t i = 0; !u->bad && i < x->recent_n; i++)
        x->recent[i] = get_hash(u);
    for (int i = 0; i < PARTS; i++)
        x->part[i] = get32(u);
    x->made = get_uses(u, arena, &x->made_n);
    x->earlier = get_uses(u, arena, &x->earlier_n);
    x->commands_n = get_length(u, 1);
    uint32_t *commands =
        x->commands_n ? arena_alloc(arena, x->commands_n * sizeof *commands) : NULL;
    for (uint32_t i = 0; commands && i < x->commands_n; i++)
        commands[i] = get32(u);
    x->commands = commands;
    if (arena->failed)
        return ERR_NOMEM;
    return u->bad ? ERR_PARSE : OK;
}

static enum status ask(uint32_t *symbol, enum status (*each)(void *ctx, uint32_t *symbol),
                       void *ctx)
{
    return *symbol ? each(ctx, symbol) : OK;
}

enum status exchange_symbols(struct exchange *x, struct tool_use *made, struct tool_use *earlier,
                             uint32_t *commands, enum status (*each)(void *ctx, uint32_t *symbol),
                             void *ctx)
{
    struct tool_use *lists[] = {made, earlier};
    const uint32_t lengths[] = {x->made_n, x->earlier_n};
    TRY(ask(&x->purpose, each, ctx));
    TRY(ask(&x->repository, each, ctx));
    TRY(ask(&x->offer, each, ctx));
    for (int k = 0; k < 2; k++)
        for (uint32_t i = 0; i < lengths[k]; i++) {
            TRY(ask(&lists[k][i].server, each, ctx));
            TRY(ask(&lists[k][i].name, each, ctx));
        }
    for (uint32_t i = 0; i < x->commands_n; i++)
        TRY(ask(&commands[i], each, ctx));
    return OK;
}

static const void *copy_of(const void *from, size_t n, struct arena *arena)
{
    void *p = n ? arena_alloc(arena, n) : NULL;
    if (p)
        memcpy(p, from, n);
    return p;
}

enum status exchange_copy(const struct exchange *x, struct arena *arena, struct exchange *out)
{
    *out = *x;
    out->session = x->session.n ? arena_str(arena, x->session) : STR("");
    out->made = copy_of(x->made, x->made_n * sizeof *x->made, arena);
    out->earlier = copy_of(x->earlier, x->earlier_n * sizeof *x->earlier, arena);
    out->commands = copy_of(x->commands, x->commands_n * sizeof *x->commands, arena);
    return arena->failed ? ERR_NOMEM : OK;
}
