/*
 * The bytes in the store's blobs: see pack.h.
 *
 * Sums are written after a linear change that makes the usual zeros: cost less the sum of its
 * classes, high and list less cost. Being linear it survives adding and taking back.
 */
#include "store/pack.h"

#include <endian.h>

typedef unsigned __int128 money_bits;

/* Bits of the bitmap: monies first, counts behind, so that COUNT_MAP may grow. */
_Static_assert(MONIES == 9, "a new money moves the bits of the counts: raise STORE_VERSION");
_Static_assert(MONIES + COUNTS <= 64, "the bitmap of a cell is full");
_Static_assert(MONEY_COST == MONEY_INPUT + TOKEN_CLASSES, "the classes stand before their sum");

static uint8_t *pack_money(uint8_t *p, money_sum v)
{
    money_bits bits = (money_bits)v << 1 ^ (0 - ((money_bits)v >> 127));
    for (; bits >= 0x80; bits >>= 7)
        *p++ = (uint8_t)((uint8_t)bits | 0x80);
    *p++ = (uint8_t)bits;
    return p;
}

static money_bits unpack_wide(struct unpack *u, money_bits v)
{
    for (unsigned shift = 63; u->p < u->end && shift < 128; shift += 7) {
        uint8_t byte = *u->p++;
        v |= (money_bits)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return v;
    }
    u->bad = true;
    return 0;
}

static money_bits unpack_money(struct unpack *u)
{
    uint64_t v = 0;
    for (unsigned shift = 0; u->p < u->end; shift += 7) {
        if (shift == 63) {
            money_bits wide = unpack_wide(u, v);
            return wide >> 1 ^ (0 - (wide & 1));
        }
        uint8_t byte = *u->p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return (money_bits)(v >> 1) ^ (0 - (money_bits)(v & 1));
    }
    u->bad = true;
    return 0;
}

uint8_t *pack_sums(uint8_t *p, const struct sums *s)
{
    money_sum money[MONIES];
    money_bits cost = (money_bits)s->money[MONEY_COST], rest = cost;
    for (int i = 0; i < TOKEN_CLASSES; i++) {
        money[MONEY_INPUT + i] = s->money[MONEY_INPUT + i];
        rest -= (money_bits)s->money[MONEY_INPUT + i];
    }
    money[MONEY_COST] = (money_sum)rest;
    money[MONEY_HIGH] = (money_sum)((money_bits)s->money[MONEY_HIGH] - cost);
    money[MONEY_LIST] = (money_sum)((money_bits)s->money[MONEY_LIST] - cost);

    uint64_t map = 0;
    for (int i = 0; i < MONIES; i++)
        map |= (uint64_t)(money[i] != 0) << i;
    for (int i = 0; i < COUNTS; i++)
        map |= (uint64_t)(s->count[i] != 0) << (MONIES + i);
    p = pack_u64(p, map);
    for (int i = 0; i < MONIES; i++)
        if (money[i] != 0)
            p = pack_money(p, money[i]);
    for (int i = 0; i < COUNTS; i++)
        if (s->count[i] != 0)
            p = pack_i64(p, s->count[i]);
    return p;
}

static void add_money(money_sum *sum, money_bits v)
{
    *sum = (money_sum)((money_bits)*sum + v);
}

void unpack_sums(struct unpack *u, struct sums *s)
{
    uint64_t map = unpack_u64(u);
    if (map >> (MONIES + COUNTS)) {
        u->bad = true;
        return;
    }
    money_bits cost = 0, high = 0, list = 0;
    uint64_t monies = map & ((UINT64_C(1) << MONIES) - 1);
    for (; monies; monies &= monies - 1) {
        int i = __builtin_ctzll(monies);
        money_bits v = unpack_money(u);
        if (i < MONEY_COST)
            add_money(&s->money[i], v);
        if (i <= MONEY_COST)
            cost += v;
        else if (i == MONEY_HIGH)
            high = v;
        else
            list = v;
    }
    add_money(&s->money[MONEY_COST], cost);
    add_money(&s->money[MONEY_HIGH], cost + high);
    add_money(&s->money[MONEY_LIST], cost + list);
    for (uint64_t counts = map >> MONIES; counts; counts &= counts - 1) {
        int i = __builtin_ctzll(counts);
        s->count[i] = (int64_t)((uint64_t)s->count[i] + (uint64_t)unpack_i64(u));
    }
}

_Static_assert(COUNT_INVOCATIONS == 0, "unpack_invocations reads the first of the counts");

int64_t unpack_invocations(struct unpack u)
{
    uint64_t map = unpack_u64(&u);
    if (!(map >> MONIES & 1))
        return 0;
    for (int skip = __builtin_popcountll(map & ((UINT64_C(1) << MONIES) - 1)); skip > 0; u.p++) {
        if (u.p >= u.end)
            return 0;
        skip -= !(*u.p & 0x80);
    }
    return unpack_i64(&u);
}

void pack_add(struct sums *s, const struct sums *other)
{
    for (int i = 0; i < COUNTS; i++)
        s->count[i] = (int64_t)((uint64_t)s->count[i] + (uint64_t)other->count[i]);
    for (int i = 0; i < MONIES; i++)
        add_money(&s->money[i], (money_bits)other->money[i]);
}

void pack_take(struct sums *s, const struct sums *other)
{
    for (int i = 0; i < COUNTS; i++)
        s->count[i] = (int64_t)((uint64_t)s->count[i] - (uint64_t)other->count[i]);
    for (int i = 0; i < MONIES; i++)
        add_money(&s->money[i], 0 - (money_bits)other->money[i]);
}

void cell_append(struct buf *out, uint64_t *next, uint32_t series, const void *sums, size_t n)
{
    uint8_t head[20], *p = pack_u64(head, series - *next);
    p = pack_u64(p, n);
    buf_append(out, head, (size_t)(p - head));
    buf_append(out, sums, n);
    *next = (uint64_t)series + 1;
}

/* Fields of a fact by bit: see unpack_fact. */
enum { FACT_FIXED = 24, FACT_FIELDS = 8 + 2 * TOKEN_CLASSES, FACT_SINGLES = 8 };

static int64_t class_costs(const struct invocation *v)
{
    uint64_t sum = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        sum += (uint64_t)v->cost[i];
    return (int64_t)sum;
}

uint8_t *pack_fact(uint8_t *p, const struct invocation *v, uint32_t series, uint32_t us)
{
    const uint64_t fixed[] = {htole64(v->key.hi), htole64(v->key.lo), htole64(v->content)};
    memcpy(p, fixed, FACT_FIXED);
    p += FACT_FIXED;
    int64_t field[FACT_FIELDS] = {
        us,
        v->flags,
        v->outcome,
        (int64_t)v->latency_ms - LATENCY_UNKNOWN,
        (int64_t)v->first_byte_ms - LATENCY_UNKNOWN,
        v->cost_span,
        (int64_t)((uint64_t)v->list_cost - (uint64_t)class_costs(v)),
        v->unpriced_tokens,
    };
    for (int i = 0; i < TOKEN_CLASSES; i++) {
        field[FACT_SINGLES + i] = v->tokens[i];
        field[FACT_SINGLES + TOKEN_CLASSES + i] = v->cost[i];
    }
    uint64_t map = 0;
    for (int i = 0; i < FACT_FIELDS; i++)
        map |= (uint64_t)(field[i] != 0) << i;
    p = pack_u64(p, series);
    p = pack_u64(p, map);
    for (; map; map &= map - 1)
        p = pack_i64(p, field[__builtin_ctzll(map)]);
    return p;
}

bool unpack_fact(struct unpack *u, int64_t second, struct invocation *v)
{
    if (u->end - u->p < FACT_FIXED)
        return false;
    *v = (struct invocation){0};
    uint64_t fixed[3];
    memcpy(fixed, u->p, FACT_FIXED);
    v->key = (struct hash128){le64toh(fixed[0]), le64toh(fixed[1])};
    v->content = le64toh(fixed[2]);
    u->p += FACT_FIXED;
    uint64_t series = unpack_u64(u), map = unpack_u64(u);
    if (series >= UINT32_MAX || map >> FACT_FIELDS)
        return false;
    int64_t field[FACT_FIELDS] = {0};
    for (; map; map &= map - 1)
        field[__builtin_ctzll(map)] = unpack_i64(u);
    if (u->bad || u->p != u->end || field[0] < 0 || field[0] >= US_PER_SECOND)
        return false;
    v->series = (uint32_t)series;
    v->time_us = second * US_PER_SECOND + field[0];
    v->flags = (uint32_t)field[1];
    v->outcome = (uint8_t)field[2];
    v->latency_ms = (int32_t)((uint64_t)field[3] + (uint64_t)LATENCY_UNKNOWN);
    v->first_byte_ms = (int32_t)((uint64_t)field[4] + (uint64_t)LATENCY_UNKNOWN);
    v->cost_span = field[5];
    v->unpriced_tokens = field[7];
    for (int i = 0; i < TOKEN_CLASSES; i++) {
        v->tokens[i] = field[FACT_SINGLES + i];
        v->cost[i] = field[FACT_SINGLES + TOKEN_CLASSES + i];
    }
    v->list_cost = (int64_t)((uint64_t)field[6] + (uint64_t)class_costs(v));
    return true;
}
