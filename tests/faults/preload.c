/*
 * Faults for a whole process: loaded before all else (LD_PRELOAD), so that the calls of every
 * library pass through here, too (SQLite, libcyaml, the C++ of simdjson, libc's own).
 *
 *     FAULT_KIND=alloc FAULT_AT=17 LD_PRELOAD=libpreload.so assay report logs
 *
 * FAULT_KIND is one of the kinds below; FAULT_AT the number of the call that fails, from 0;
 * FAULT_ALL, when set, lets all after it fail, too. FAULT_COUNT is a file that the number of calls
 * is written to when the process ends; without FAULT_KIND nothing fails. What the dynamic loader
 * does before its libraries are set up is neither counted nor failed: no program can answer for
 * that.
 *
 * Memory is taken from glibc by the names that its own malloc has inside; so this is for glibc.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { NONE, ALLOC, READ, WRITE, OPEN, SYNC, MAP, THREAD, KINDS };

static const struct {
    const char *name;
    int native;
} kinds[KINDS] = {
    [NONE] = {"none", 0},        [ALLOC] = {"alloc", ENOMEM},   [READ] = {"read", EIO},
    [WRITE] = {"write", ENOSPC}, [OPEN] = {"open", EMFILE},     [SYNC] = {"sync", EIO},
    [MAP] = {"map", ENOMEM},     [THREAD] = {"thread", EAGAIN},
};

static enum kind wanted;
static int64_t fail_at = INT64_MAX;
static bool all_after;
static int count_fd = -1;
static _Atomic int64_t calls;

static bool fails(enum kind kind)
{
    if (kind != wanted)
        return false;
    int64_t n = atomic_fetch_add(&calls, 1);
    if (n != fail_at && !(all_after && n > fail_at))
        return false;
    errno = kinds[kind].native;
    return true;
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* The system call itself, past what stands in its way below. */
static long direct(long number, long a, long b, long c, long d)
{
    static long (*_Atomic real)(long, ...);
    if (!real)
        real = (long (*)(long, ...))next("syscall");
    return real(number, a, b, c, d);
}

__attribute__((constructor)) static void start(void)
{
    const char *kind = getenv("FAULT_KIND"), *at = getenv("FAULT_AT");
    const char *count = getenv("FAULT_COUNT");
    if (count)
        count_fd =
            (int)direct(SYS_openat, AT_FDCWD, (long)count, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    all_after = getenv("FAULT_ALL") != NULL;
    if (at)
        fail_at = strtoll(at, NULL, 10);
    for (int i = 1; kind && i < KINDS; i++)
        if (strcmp(kind, kinds[i].name) == 0)
            wanted = (enum kind)i;
}

__attribute__((destructor)) static void end(void)
{
    char text[24];
    size_t n = sizeof text;
    uint64_t left = (uint64_t)atomic_load(&calls);
    do
        text[--n] = (char)('0' + left % 10);
    while (left /= 10);
    if (count_fd >= 0)
        direct(SYS_write, count_fd, (long)(text + n), (long)(sizeof text - n), 0);
}

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);

void *malloc(size_t n)
{
    return fails(ALLOC) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails(ALLOC) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return fails(ALLOC) ? NULL : __libc_realloc(p, n);
}

void *reallocarray(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(p, bytes);
}

void *memalign(size_t align, size_t n)
{
    return fails(ALLOC) ? NULL : __libc_memalign(align, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    return memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
    void *p = memalign(align, n);
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}

/* One that stands in front of the function of the same name in libc; `type` is what it returns,
 * `arguments` with their types, `names` without. */
#define STAND_IN(kind, type, failure, function, arguments, names)                                  \
    type function arguments;                                                                       \
    type function arguments                                                                        \
    {                                                                                              \
        static type(*_Atomic real) arguments;                                                      \
        if (!real)                                                                                 \
            real = (type(*) arguments)next(#function);                                             \
        return fails(kind) ? (failure) : real names;                                               \
    }

STAND_IN(READ, ssize_t, -1, read, (int fd, void *p, size_t n), (fd, p, n))
STAND_IN(READ, ssize_t, -1, pread64, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
STAND_IN(READ, ssize_t, -1, __read_chk, (int fd, void *p, size_t n, size_t cap), (fd, p, n, cap))
STAND_IN(READ, ssize_t, -1, __pread64_chk, (int fd, void *p, size_t n, off_t at, size_t cap),
         (fd, p, n, at, cap))
STAND_IN(WRITE, ssize_t, -1, write, (int fd, const void *p, size_t n), (fd, p, n))
STAND_IN(WRITE, ssize_t, -1, pwrite64, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
STAND_IN(WRITE, int, -1, ftruncate64, (int fd, off_t n), (fd, n))
STAND_IN(SYNC, int, -1, fsync, (int fd), (fd))
STAND_IN(SYNC, int, -1, fdatasync, (int fd), (fd))
STAND_IN(OPEN, int, -1, mkostemp64, (char *path, int flags), (path, flags))
STAND_IN(OPEN, int, -1, __open64_2, (const char *path, int flags), (path, flags))
STAND_IN(OPEN, void *, NULL, opendir, (const char *path), (path))
STAND_IN(OPEN, int, -1, __openat64_2, (int dir, const char *path, int flags), (dir, path, flags))
STAND_IN(READ, void *, NULL, readdir64, (void *dir), (dir))
STAND_IN(WRITE, int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
STAND_IN(WRITE, int, -1, rename, (const char *from, const char *to), (from, to))
STAND_IN(MAP, void *, MAP_FAILED, mmap64,
         (void *p, size_t n, int protection, int flags, int fd, off_t at),
         (p, n, protection, flags, fd, at))
STAND_IN(THREAD, int, EAGAIN, pthread_create,
         (pthread_t * thread, const pthread_attr_t *how, void *(*run)(void *), void *arg),
         (thread, how, run, arg))

int open64(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return fails(OPEN) ? -1 : (int)direct(SYS_openat, AT_FDCWD, (long)path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return fails(OPEN) ? -1 : (int)direct(SYS_openat, dir, (long)path, flags, mode);
}

/* openat2, which libc has no function for. */
long syscall(long number, ...)
{
    long v[4];
    va_list ap;
    va_start(ap, number);
    for (int i = 0; i < 4; i++)
        v[i] = va_arg(ap, long);
    va_end(ap);
    if (number == SYS_openat2 && fails(OPEN))
        return -1;
    return direct(number, v[0], v[1], v[2], v[3]);
}
