/*
 * The table of seen keys: see dedupe.h. 64 shards by the top bits of the key, each with its lock,
 * its slots and the block it is writing.
 *
 * A shard's slots are ordered by fingerprint (linear probing that keeps order), so that a search
 * for an absent key ends early and growing by a fifth is a single pass. A slot is 12 bytes: 64 bits
 * of the key and where its invocation is packed; the whole key is compared there. 60 to 75 % load
 * makes 16 to 20 bytes a key; fuller tables were slower by the shifting of neighbours.
 */
#include "ingest/dedupe.h"

#include "base/io.h"
#include "model/invocation_pack.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SHARD_BITS = 6,
    SHARDS = 1 << SHARD_BITS,
    BLOCK = 64 << 10,
    LEAST_ROOM = 16 << 10, /* bytes that one pass over deferred invocations may take */
    FIRST_SLOTS = 256,
    ALIGN = 8,              /* of packed invocations, so that 32 bits reach 32 GiB of them */
    LEAST_PASS = 256 << 10, /* bytes of deferred invocations that are always sorted out at once */
    OFFSET_BITS = 13,       /* of a reference: offset within its block, in units of ALIGN */
};

struct slot {
    uint32_t finger[2]; /* 64 bits of the key, high half first; never 0 in a used slot */
    uint32_t ref;
};

struct shard {
    pthread_mutex_t lock;
    struct slot *slots;
    size_t size, n;
    _Atomic uintptr_t hint_slots; /* copies for dedupe_prefetch, which takes no lock */
    _Atomic size_t hint_size;
    unsigned char *block;       /* being filled */
    uint32_t block_n, block_at; /* bytes used; number of the block in the file */
    bool block_open;
    uint32_t *set_aside; /* blocks of deferred invocations, and the bytes used in each */
    uint32_t *set_aside_n;
    size_t set_aside_len;
    unsigned char *aside; /* the block of deferred invocations being filled */
    uint32_t aside_n;
};

struct dedupe {
    uint64_t limit;
    _Atomic uint64_t memory;
    _Atomic int64_t count;
    _Atomic uint32_t blocks; /* next free block of the file */
    _Atomic int fd;          /* -1 until the first block is full */
    pthread_mutex_t file_lock;
    struct shard shards[SHARDS];
};

enum status dedupe_new(uint64_t memory_limit, struct dedupe **out, struct err *err)
{
    struct dedupe *d = calloc(1, sizeof *d);
    if (!d)
        return err_nomem(err);
    d->limit = memory_limit ? memory_limit : UINT64_C(1) << 30;
    atomic_store(&d->fd, -1);
    pthread_mutex_init(&d->file_lock, NULL);
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&d->shards[i].lock, NULL);
    *out = d;
    return OK;
}

void dedupe_free(struct dedupe *d)
{
    if (!d)
        return;
    for (int i = 0; i < SHARDS; i++) {
        struct shard *s = &d->shards[i];
        free(s->slots);
        free(s->block);
        free(s->set_aside);
        free(s->set_aside_n);
        free(s->aside);
        pthread_mutex_destroy(&s->lock);
    }
    io_close(atomic_load(&d->fd));
    pthread_mutex_destroy(&d->file_lock);
    free(d);
}

int64_t dedupe_count(const struct dedupe *d)
{
    return atomic_load(&d->count);
}

uint64_t dedupe_memory(const struct dedupe *d)
{
    return atomic_load(&d->memory);
}

/* The shard took the top bits of hi; the rest orders the slots. 0 marks an empty slot. */
static uint64_t finger_of(struct hash128 key)
{
    uint64_t finger = key.hi << SHARD_BITS | key.lo >> (64 - SHARD_BITS);
    return finger ? finger : 1;
}

static inline uint64_t finger(const struct slot *s)
{
    return (uint64_t)s->finger[0] << 32 | s->finger[1];
}

static struct slot slot_of(struct hash128 key, uint32_t ref)
{
    uint64_t f = finger_of(key);
    return (struct slot){{(uint32_t)(f >> 32), (uint32_t)f}, ref};
}

/* Where the probing of a fingerprint begins: its share of the table, so that the order of the
 * slots is the order of the fingerprints. */
static size_t home(uint64_t f, size_t size)
{
    __extension__ typedef unsigned __int128 wide;
    return (size_t)((wide)f * size >> 64);
}

/* Tables do not wrap: room behind the last home takes the overflow. */
static size_t slack(size_t size)
{
    return size / 16 + 64;
}

/* Moves to a table a fifth larger: both are in order, so one pass copies. */
static bool grow(struct dedupe *d, struct shard *s, size_t index)
{
    /* Shards start at different sizes, so that they do not all grow at the same moment. */
    size_t size = s->size ? s->size + s->size / 5 : FIRST_SLOTS + index * FIRST_SLOTS / 5 / SHARDS;
    for (;;) {
        size_t all = size + slack(size);
        struct slot *slots = calloc(all, sizeof *slots);
        if (!slots)
            return false;
        size_t next = 0, old_all = s->size ? s->size + slack(s->size) : 0;
        bool fits = true;
        for (size_t i = 0; i < old_all; i++) {
            uint64_t f = finger(&s->slots[i]);
            if (!f)
                continue;
            size_t at = home(f, size);
            at = at < next ? next : at;
            if (at >= all) {
                fits = false;
                break;
            }
            slots[at] = s->slots[i];
            next = at + 1;
        }
        if (!fits) {
            free(slots);
            size += size / 5;
            continue;
        }
        uint64_t grown = (uint64_t)(all - old_all) * sizeof *slots;
        atomic_fetch_add(&d->memory, grown);
        free(s->slots);
        s->slots = slots;
        s->size = size;
        atomic_store_explicit(&s->hint_slots, (uintptr_t)slots, memory_order_relaxed);
        atomic_store_explicit(&s->hint_size, size, memory_order_relaxed);
        return true;
    }
}

/* The first slot that is empty or not before the fingerprint. */
static size_t seek(const struct shard *s, uint64_t want)
{
    size_t i = home(want, s->size), all = s->size + slack(s->size);
    for (; i < all; i++) {
        uint64_t f = finger(&s->slots[i]);
        if (f == 0 || f >= want)
            break;
    }
    return i;
}

static enum status file_of(struct dedupe *d, int *fd, struct err *err)
{
    *fd = atomic_load(&d->fd);
    if (*fd >= 0)
        return OK;
    pthread_mutex_lock(&d->file_lock);
    enum status status = OK;
    *fd = atomic_load(&d->fd);
    if (*fd < 0) {
        status = io_temp(fd, err);
        if (status == OK)
            atomic_store(&d->fd, *fd);
    }
    pthread_mutex_unlock(&d->file_lock);
    return status;
}

static enum status write_block(struct dedupe *d, uint32_t at, const unsigned char *bytes,
                               struct err *err)
{
    int fd;
    TRY(file_of(d, &fd, err));
    return io_write_at(fd, bytes, BLOCK, (int64_t)at * BLOCK, "the temporary file", err);
}

/* Appends a packed invocation to the shard's block; *ref says where. */
static enum status append(struct dedupe *d, struct shard *s, const struct invocation *v,
                          uint32_t *ref, struct err *err)
{
    if (s->block_open && s->block_n + PACK_MAX > BLOCK) {
        TRY(write_block(d, s->block_at, s->block, err));
        s->block_open = false;
    }
    if (!s->block_open) {
        if (!s->block && !(s->block = malloc(BLOCK)))
            return err_nomem(err);
        s->block_at = atomic_fetch_add(&d->blocks, 1);
        if (s->block_at >> (32 - OFFSET_BITS))
            return err_set(err, ERR_LIMIT, "too many records for one run");
        s->block_n = 0;
        s->block_open = true;
    }
    *ref = s->block_at << OFFSET_BITS | s->block_n / ALIGN;
    s->block_n += (uint32_t)invocation_pack(v, s->block + s->block_n);
    s->block_n = (s->block_n + ALIGN - 1) / ALIGN * ALIGN;
    return OK;
}

static enum status load(struct dedupe *d, struct shard *s, uint32_t ref, struct invocation *v,
                        struct err *err)
{
    uint32_t block = ref >> OFFSET_BITS;
    uint32_t offset = (ref & ((1u << OFFSET_BITS) - 1)) * ALIGN;
    unsigned char bytes[PACK_MAX];
    const unsigned char *p = bytes;
    size_t n = BLOCK - offset < PACK_MAX ? BLOCK - offset : PACK_MAX;
    if (s->block_open && block == s->block_at)
        p = s->block + offset;
    else
        TRY(io_read_at(atomic_load(&d->fd), bytes, n, (int64_t)block * BLOCK + offset,
                       "the temporary file", err));
    if (invocation_unpack(p, n, v) == 0)
        return err_set(err, ERR_IO, "the temporary file was changed from outside");
    return OK;
}

/* Looks a key up among the slots with its fingerprint; *found is its slot, or the place for it. */
static enum status find(struct dedupe *d, struct shard *s, const struct invocation *v, size_t *at,
                        bool *found, struct invocation *old, struct err *err)
{
    uint64_t want = finger_of(v->key);
    size_t all = s->size + slack(s->size);
    *found = false;
    for (*at = seek(s, want); *at < all && finger(&s->slots[*at]) == want; ++*at) {
        TRY(load(d, s, s->slots[*at].ref, old, err));
        if (hash128_eq(old->key, v->key)) {
            *found = true;
            return OK;
        }
    }
    return OK;
}

/* Puts a slot at `at`, shifting its neighbours up to the next empty one. */
static bool insert(struct shard *s, size_t at, struct slot slot)
{
    size_t end = at, all = s->size + slack(s->size);
    while (end < all && finger(&s->slots[end]))
        end++;
    if (end >= all)
        return false;
    memmove(&s->slots[at + 1], &s->slots[at], (end - at) * sizeof slot);
    s->slots[at] = slot;
    s->n++;
    return true;
}

static enum status add_new(struct dedupe *d, struct shard *s, size_t index, size_t at,
                           const struct invocation *v, struct err *err)
{
    uint32_t ref = 0;
    TRY(append(d, s, v, &ref, err));
    struct slot slot = slot_of(v->key, ref);
    bool full = s->n >= s->size / 4 * 3;
    while (full || !insert(s, at, slot)) {
        if (!grow(d, s, index))
            return err_nomem(err);
        at = seek(s, finger(&slot));
        full = false;
    }
    atomic_fetch_add(&d->count, 1);
    return OK;
}

/* Beyond the memory limit: the invocation goes to the shard's blocks of deferred ones. */
static enum status set_aside(struct dedupe *d, struct shard *s, const struct invocation *v,
                             struct err *err)
{
    if (!s->aside && !(s->aside = malloc(BLOCK)))
        return err_nomem(err);
    if (s->aside_n + PACK_MAX > BLOCK) {
        size_t len = s->set_aside_len;
        if ((len & (len - 1)) == 0) {
            size_t cap = len ? len * 2 : 1;
            uint32_t *a = realloc(s->set_aside, cap * sizeof *a);
            if (a)
                s->set_aside = a;
            uint32_t *b = realloc(s->set_aside_n, cap * sizeof *b);
            if (b)
                s->set_aside_n = b;
            if (!a || !b)
                return err_nomem(err);
        }
        uint32_t at = atomic_fetch_add(&d->blocks, 1);
        TRY(write_block(d, at, s->aside, err));
        s->set_aside[len] = at;
        s->set_aside_n[len] = s->aside_n;
        s->set_aside_len++;
        s->aside_n = 0;
    }
    s->aside_n += (uint32_t)invocation_pack(v, s->aside + s->aside_n);
    return OK;
}

static enum status offer_locked(struct dedupe *d, struct shard *s, size_t index,
                                const struct invocation *v, enum verdict *verdict,
                                struct invocation *old, struct err *err)
{
    size_t at;
    bool found;
    if (s->size == 0 && !grow(d, s, index))
        return err_nomem(err);
    TRY(find(d, s, v, &at, &found, old, err));
    if (!found) {
        if (atomic_load(&d->memory) >= d->limit) {
            *verdict = VERDICT_DEFERRED;
            return set_aside(d, s, v, err);
        }
        *verdict = VERDICT_NEW;
        return add_new(d, s, index, at, v, err);
    }
    *verdict = VERDICT_DROP;
    if (!invocation_beats(v, old))
        return OK;
    uint32_t ref = 0;
    TRY(append(d, s, v, &ref, err));
    s->slots[at] = slot_of(v->key, ref);
    *verdict = VERDICT_REPLACE;
    return OK;
}

void dedupe_prefetch(const struct dedupe *d, struct hash128 key)
{
    const struct shard *s = &d->shards[key.hi >> (64 - SHARD_BITS)];
    size_t size = atomic_load_explicit(&s->hint_size, memory_order_relaxed);
    uintptr_t slots = atomic_load_explicit(&s->hint_slots, memory_order_relaxed);
    /* The two may not belong together, or be freed already: a prefetch never faults. */
    uintptr_t at = slots + home(finger_of(key), size) * sizeof(struct slot);
    __builtin_prefetch((const void *)at, 1);
}

enum status dedupe_offer(struct dedupe *d, const struct invocation *v, enum verdict *verdict,
                         struct invocation *old, struct err *err)
{
    size_t index = (size_t)(v->key.hi >> (64 - SHARD_BITS));
    struct shard *s = &d->shards[index];
    pthread_mutex_lock(&s->lock);
    enum status status = offer_locked(d, s, index, v, verdict, old, err);
    pthread_mutex_unlock(&s->lock);
    return status;
}

/* A second, small table for the deferred invocations of a shard, made of the same parts. */
static enum status offer_block(struct dedupe *part, const unsigned char *bytes, uint32_t n,
                               unsigned pass, unsigned passes, struct err *err)
{
    for (uint32_t at = 0; at < n;) {
        struct invocation v, old;
        enum verdict verdict;
        size_t used = invocation_unpack(bytes + at, n - at, &v);
        if (used == 0)
            return err_set(err, ERR_IO, "the temporary file was changed from outside");
        at += (uint32_t)used;
        if ((v.key.lo >> 32) % passes == pass)
            TRY(dedupe_offer(part, &v, &verdict, &old, err));
    }
    return OK;
}

static enum status count_part(struct dedupe *part,
                              enum status (*count)(void *, const struct invocation *, struct err *),
                              void *ctx, struct err *err)
{
    for (int i = 0; i < SHARDS; i++) {
        struct shard *s = &part->shards[i];
        size_t all = s->size ? s->size + slack(s->size) : 0;
        for (size_t at = 0; at < all; at++) {
            struct invocation v;
            if (!finger(&s->slots[at]))
                continue;
            TRY(load(part, s, s->slots[at].ref, &v, err));
            TRY(count(ctx, &v, err));
        }
    }
    return OK;
}

static enum status finish_pass(struct dedupe *d, struct shard *s, unsigned pass, unsigned passes,
                               enum status (*count)(void *, const struct invocation *,
                                                    struct err *),
                               void *ctx, struct err *err)
{
    struct dedupe *part;
    TRY(dedupe_new(UINT64_MAX, &part, err));
    unsigned char *bytes = malloc(BLOCK);
    enum status status = bytes ? OK : err_nomem(err);
    for (size_t i = 0; status == OK && i < s->set_aside_len; i++) {
        status = io_read_at(atomic_load(&d->fd), bytes, BLOCK, (int64_t)s->set_aside[i] * BLOCK,
                            "the temporary file", err);
        if (status == OK)
            status = offer_block(part, bytes, s->set_aside_n[i], pass, passes, err);
    }
    if (status == OK)
        status = offer_block(part, s->aside, s->aside_n, pass, passes, err);
    if (status == OK)
        status = count_part(part, count, ctx, err);
    atomic_fetch_add(&d->count, dedupe_count(part));
    free(bytes);
    dedupe_free(part);
    return status;
}

enum status dedupe_finish(struct dedupe *d,
                          enum status (*count)(void *ctx, const struct invocation *v,
                                               struct err *err),
                          void *ctx, struct err *err)
{
    /* A pass may fill as much of the table's memory as the limit allows; a packed invocation is
     * never shorter than a slot's share. Each pass reads everything set aside: with a tiny
     * limit there would be thousands of them. */
    const uint64_t room = d->limit > LEAST_ROOM ? d->limit : LEAST_ROOM;
    for (int i = 0; i < SHARDS; i++) {
        struct shard *s = &d->shards[i];
        if (s->aside_n == 0 && s->set_aside_len == 0)
            continue;
        uint64_t held = (uint64_t)(s->set_aside_len + 1) * BLOCK;
        unsigned passes = (unsigned)(held / room) + 1;
        for (unsigned pass = 0; pass < passes; pass++)
            TRY(finish_pass(d, s, pass, passes, count, ctx, err));
    }
    return OK;
}
