/*
 * An arena: many small allocations that live and die together. Nothing is freed singly;
 * arena_reset keeps the first block for the next unit of work, arena_fini gives all back.
 * Owned by one thread at a time.
 */
#ifndef ASSAY_BASE_ARENA_H
#define ASSAY_BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *head;
    size_t used; /* bytes handed out since the last reset */
    bool failed; /* memory was short since the last reset */
};

void arena_init(struct arena *a);
void arena_fini(struct arena *a);
void arena_reset(struct arena *a);
/* n bytes aligned for any type, or NULL when memory is short. */
void *arena_alloc(struct arena *a, size_t n);
/* A copy of s followed by a zero byte; p is NULL when memory is short. */
struct str arena_str(struct arena *a, struct str s);

#endif
