/* Calls that fail on demand: see faults.h. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>

#define NEVER INT64_MAX

/* Calls of one kind: how many there were, from which on they fail, and how. */
struct calls {
    _Atomic int64_t n, fail_from;
    _Atomic int native;
};

static struct {
    _Atomic int64_t allocations, fail_from, fail_until;
    struct calls reads, writes, opens;
    _Atomic int most; /* bytes of a call; 0: all */
    _Atomic unsigned turn;
} faults = {.fail_from = NEVER,
            .fail_until = NEVER,
            .reads = {.fail_from = NEVER},
            .writes = {.fail_from = NEVER},
            .opens = {.fail_from = NEVER}};

static void reset(struct calls *c)
{
    c->n = 0;
    c->fail_from = NEVER;
    c->native = 0;
}

void faults_none(void)
{
    faults.allocations = 0;
    faults.fail_from = faults.fail_until = NEVER;
    reset(&faults.reads);
    reset(&faults.writes);
    reset(&faults.opens);
    faults.most = 0;
}

void faults_fail_allocation(int64_t n, bool all_after)
{
    faults_none();
    faults.fail_until = all_after ? NEVER : n + 1;
    faults.fail_from = n;
}

int64_t faults_allocations(void)
{
    return faults.allocations;
}

void faults_short_calls(int most)
{
    faults_none();
    faults.most = most;
}

static void fail_calls(struct calls *c, int64_t n, int native)
{
    faults_none();
    c->native = native;
    c->fail_from = n;
}

void faults_fail_writes(int64_t n, int native)
{
    fail_calls(&faults.writes, n, native);
}

void faults_fail_reads(int64_t n, int native)
{
    fail_calls(&faults.reads, n, native);
}

void faults_fail_opens(int64_t n, int native)
{
    fail_calls(&faults.opens, n, native);
}

int64_t faults_reads(void)
{
    return faults.reads.n;
}

int64_t faults_writes(void)
{
    return faults.writes.n;
}

int64_t faults_opens(void)
{
    return faults.opens.n;
}

static bool allocation_fails(void)
{
    int64_t n = atomic_fetch_add(&faults.allocations, 1);
    if (n < faults.fail_from || n >= faults.fail_until)
        return false;
    errno = ENOMEM;
    return true;
}

static bool call_fails(struct calls *c)
{
    if (atomic_fetch_add(&c->n, 1) < c->fail_from)
        return false;
    errno = c->native;
    return true;
}

/* True when this call is interrupted; otherwise *n is made as small as was asked for. */
static bool interrupted(size_t *n)
{
    int most = faults.most;
    if (most == 0)
        return false;
    if (atomic_fetch_add(&faults.turn, 1) % 2 == 0) {
        errno = EINTR;
        return true;
    }
    *n = *n < (size_t)most ? *n : (size_t)most;
    return false;
}

/* The linker's names: __wrap_X is what the program calls X, __real_X is the X of the library. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
ssize_t __real_read(int fd, void *out, size_t n);
ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __real_pread64(int fd, void *out, size_t n, off_t at);
ssize_t __real_pwrite64(int fd, const void *bytes, size_t n, off_t at);
int __real_open64(const char *path, int flags, mode_t mode);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *text);
ssize_t __wrap_read(int fd, void *out, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_pread64(int fd, void *out, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t n, off_t at);
int __wrap_open64(const char *path, int flags, ...);

void *__wrap_malloc(size_t n)
{
    return allocation_fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return allocation_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return allocation_fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = __wrap_malloc(n);
    return copy ? memcpy(copy, text, n) : NULL;
}

ssize_t __wrap_read(int fd, void *out, size_t n)
{
    return call_fails(&faults.reads) || interrupted(&n) ? -1 : __real_read(fd, out, n);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    return call_fails(&faults.writes) || interrupted(&n) ? -1 : __real_write(fd, bytes, n);
}

ssize_t __wrap_pread64(int fd, void *out, size_t n, off_t at)
{
    return call_fails(&faults.reads) || interrupted(&n) ? -1 : __real_pread64(fd, out, n, at);
}

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t n, off_t at)
{
    return call_fails(&faults.writes) || interrupted(&n) ? -1 : __real_pwrite64(fd, bytes, n, at);
}

int __wrap_open64(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return call_fails(&faults.opens) ? -1 : __real_open64(path, flags, mode);
}
