/* Large buffers on huge pages: see pages.h. */
#include "base/pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const size_t HUGE_PAGE = (size_t)2 << 20;

void *pages_alloc(size_t n)
{
    if (n > SIZE_MAX - HUGE_PAGE)
        return NULL;
    n = n ? (n + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE : HUGE_PAGE;
    void *p = aligned_alloc(HUGE_PAGE, n);
    if (p)
        (void)madvise(p, n, MADV_HUGEPAGE); /* a wish: without huge pages it works too */
    return p;
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
    free(p);
}
