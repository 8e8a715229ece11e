/* Large buffers on huge pages: see pages.h. */
#include "base/pages.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const size_t HUGE_PAGE = (size_t)2 << 20;

/*
 * Straight from the system and back to it. Blocks of malloc of this size and alignment, taken and
 * freed by many threads, leave holes in its arenas that nothing else fits: 16 threads whose windows
 * grew and shrank held 780 MB of them. In the page in front of a block stands what was mapped.
 */
struct mapped {
    void *at;
    size_t n;
};

void *pages_alloc(size_t n)
{
    if (n > SIZE_MAX - 3 * HUGE_PAGE)
        return NULL;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    bool huge = n > HUGE_PAGE / 2; /* a smaller block would leave most of one unused */
    size_t unit = huge ? HUGE_PAGE : page;
    n = n ? (n + unit - 1) / unit * unit : unit;
    /* As much as holds an aligned block with a page in front, wherever it begins. */
    const size_t all = n + HUGE_PAGE;
    char *at = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    size_t over = (size_t)((uintptr_t)at % HUGE_PAGE);
    char *block = at + (HUGE_PAGE - over), *begin = block - page, *end = block + n;
    if (begin > at)
        munmap(at, (size_t)(begin - at));
    if (at + all > end)
        munmap(end, (size_t)(at + all - end));
    *(struct mapped *)(void *)begin = (struct mapped){begin, n + page};
    /* A wish: without huge pages it works too. */
    (void)madvise(block, n, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return block;
}

void *pages_grow(void *p, size_t used, size_t n)
{
    void *larger = pages_alloc(n);
    if (!larger)
        return NULL;
    if (used)
        memcpy(larger, p, used);
    pages_free(p);
    return larger;
}

void pages_free(void *p)
{
    if (!p)
        return;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct mapped m = *(struct mapped *)(void *)((char *)p - page);
    munmap(m.at, m.n);
}
