/* An arena: see arena.h. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *next;
    size_t cap;
    size_t n;
    alignas(max_align_t) unsigned char data[];
};

enum { FIRST_BLOCK = 16 << 10, LARGEST_BLOCK = 1 << 20 };

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

static void free_blocks(struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
}

void arena_fini(struct arena *a)
{
    free_blocks(a->head);
    *a = (struct arena){0};
}

void arena_reset(struct arena *a)
{
    if (a->head) {
        free_blocks(a->head->next);
        a->head->next = NULL;
        a->head->n = 0;
    }
    a->used = 0;
    a->failed = false;
}

static struct arena_block *add_block(struct arena *a, size_t n)
{
    size_t cap = a->head ? a->head->cap * 2 : FIRST_BLOCK;
    if (cap > LARGEST_BLOCK)
        cap = LARGEST_BLOCK;
    if (cap < n)
        cap = n;
    if (cap > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *b = malloc(sizeof *b + cap);
    if (!b)
        return NULL;
    *b = (struct arena_block){.next = a->head, .cap = cap};
    a->head = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    const size_t align = alignof(max_align_t);
    if (n > SIZE_MAX - align) {
        a->failed = true;
        return NULL;
    }
    n = (n + align - 1) / align * align;
    struct arena_block *b = a->head;
    if (!b || b->cap - b->n < n)
        b = add_block(a, n);
    if (!b) {
        a->failed = true;
        return NULL;
    }
    void *p = b->data + b->n;
    b->n += n;
    a->used += n;
    return p;
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (!p)
        return STR_NONE;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct str){p, s.n};
}
