/* Files: see io.h. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum status io_open_read(const char *path, int *fd, struct err *err)
{
    int f = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (f < 0)
        return err_errno(err, errno, "cannot open %.200s", path);
    *fd = f;
    return OK;
}

enum status io_open_dir(const char *path, int *fd, struct err *err)
{
    int f = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f < 0)
        return err_errno(err, errno, "cannot open the directory %.200s", path);
    *fd = f;
    return OK;
}

/* One path element at a time, for kernels (or sandboxes) without openat2. */
static int open_step_by_step(int dir_fd, const char *path)
{
    int at = dup(dir_fd);
    const char *p = path;
    while (at >= 0) {
        char part[NAME_MAX + 1];
        size_t n = strcspn(p, "/");
        if (n == 0 || n > NAME_MAX || (n == 2 && p[0] == '.' && p[1] == '.')) {
            close(at);
            errno = EXDEV;
            return -1;
        }
        memcpy(part, p, n);
        part[n] = '\0';
        bool last = p[n] == '\0';
        int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
        int next = openat(at, part, last ? flags : flags | O_DIRECTORY);
        int saved = errno;
        close(at);
        errno = saved;
        at = next;
        if (last)
            return at;
        p += n + 1;
    }
    return -1;
}

static int open_beneath(int dir_fd, const char *path)
{
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long f = syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
    if (f >= 0 || (errno != ENOSYS && errno != EPERM))
        return (int)f;
    return open_step_by_step(dir_fd, path);
}

enum status io_open_beneath(int dir_fd, const char *path, int *fd, struct err *err)
{
    int f = open_beneath(dir_fd, path);
    if (f < 0 && (errno == ELOOP || errno == EXDEV))
        return err_set(err, ERR_ACCESS, "refused: the path leaves its directory or is a link");
    if (f < 0)
        return err_errno(err, errno, "cannot open");
    struct stat st;
    if (fstat(f, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(f);
        return err_set(err, ERR_ACCESS, "refused: not a regular file");
    }
    *fd = f;
    return OK;
}

enum status io_read(int fd, void *out, size_t cap, size_t *n, const char *name, struct err *err)
{
    for (;;) {
        ssize_t got = read(fd, out, cap);
        if (got >= 0) {
            *n = (size_t)got;
            return OK;
        }
        if (errno != EINTR)
            return err_errno(err, errno, "cannot read %.200s", name);
    }
}

enum status io_read_at(int fd, void *out, size_t n, int64_t offset, const char *name,
                       struct err *err)
{
    char *p = out;
    while (n > 0) {
        ssize_t got = pread(fd, p, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "cannot read %.200s", name);
        if (got == 0)
            return err_set(err, ERR_TRUNCATED, "%.200s is shorter than expected", name);
        p += got;
        n -= (size_t)got;
        offset += got;
    }
    return OK;
}

enum status io_write_all(int fd, const void *bytes, size_t n, const char *name, struct err *err)
{
    const char *p = bytes;
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_errno(err, errno, "cannot write %.200s", name);
        p += put;
        n -= (size_t)put;
    }
    return OK;
}

enum status io_write_at(int fd, const void *bytes, size_t n, int64_t offset, const char *name,
                        struct err *err)
{
    const char *p = bytes;
    while (n > 0) {
        ssize_t put = pwrite(fd, p, n, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_errno(err, errno, "cannot write %.200s", name);
        p += put;
        n -= (size_t)put;
        offset += put;
    }
    return OK;
}

enum status io_read_file(const char *path, struct buf *out, struct err *err)
{
    int fd = -1;
    TRY(io_open_read(path, &fd, err));
    enum status status = OK;
    for (;;) {
        size_t got = 0;
        size_t room = out->max - out->n < 65536 ? out->max - out->n : 65536;
        /* One byte more than allowed, to tell "just fits" from "too long". */
        if (!buf_reserve(out, room) || room == 0) {
            char extra;
            status = io_read(fd, &extra, 1, &got, path, err);
            if (status == OK && (got > 0 || buf_status(out) == ERR_NOMEM))
                status = buf_status(out) == ERR_NOMEM
                             ? err_nomem(err)
                             : err_set(err, ERR_LIMIT, "%.200s is larger than %zu bytes", path,
                                       out->max);
            break;
        }
        status = io_read(fd, out->p + out->n, room, &got, path, err);
        if (status != OK || got == 0)
            break;
        out->n += got;
    }
    close(fd);
    return status;
}

static enum status write_file(const char *path, struct str bytes, mode_t mode, struct err *err)
{
    char temp[PATH_MAX];
    int n = snprintf(temp, sizeof temp, "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof temp)
        return err_set(err, ERR_USAGE, "the path %.100s… is too long", path);
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "cannot create %.200s", path);
    enum status status = io_write_all(fd, bytes.p, bytes.n, path, err);
    if (status == OK && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
        status = err_errno(err, errno, "cannot write %.200s", path);
    if (close(fd) != 0 && status == OK)
        status = err_errno(err, errno, "cannot write %.200s", path);
    if (status == OK && rename(temp, path) != 0)
        status = err_errno(err, errno, "cannot create %.200s", path);
    if (status != OK)
        unlink(temp);
    return status;
}

enum status io_write_file(const char *path, struct str bytes, struct err *err)
{
    return write_file(path, bytes, 0644, err);
}

enum status io_write_secret_file(const char *path, struct str bytes, struct err *err)
{
    return write_file(path, bytes, 0600, err);
}

/* Over what is there, which takes no room as long as it does not grow. */
static enum status write_over(const char *path, struct str bytes, struct err *err)
{
    int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "cannot write %.200s", path);
    enum status status = io_write_all(fd, bytes.p, bytes.n, path, err);
    if (status == OK && ftruncate(fd, (off_t)bytes.n) != 0)
        status = err_errno(err, errno, "cannot write %.200s", path);
    if (close(fd) != 0 && status == OK)
        status = err_errno(err, errno, "cannot write %.200s", path);
    return status;
}

enum status io_refresh_file(const char *path, struct str bytes, mode_t mode, struct err *err)
{
    struct err why = {0};
    char temp[PATH_MAX];
    int n = snprintf(temp, sizeof temp, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof temp)
        return err_set(err, ERR_USAGE, "the path %.100s… is too long", path);
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return write_over(path, bytes, err);
    enum status status = io_write_all(fd, bytes.p, bytes.n, path, &why);
    if (status == OK && fchmod(fd, mode) != 0)
        status = err_errno(&why, errno, "cannot set the mode of %.200s", temp);
    if (close(fd) != 0 && status == OK)
        status = err_errno(&why, errno, "cannot write %.200s", path);
    if (status == OK && rename(temp, path) != 0)
        status = err_errno(&why, errno, "cannot create %.200s", path);
    if (status == OK)
        return OK;
    unlink(temp);
    return write_over(path, bytes, err);
}

enum status io_temp(int *fd, struct err *err)
{
    const char *dir = getenv("TMPDIR");
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/assay-XXXXXX", dir && *dir ? dir : "/tmp");
    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(err, ERR_USAGE, "TMPDIR is too long");
    int f = mkostemp(path, O_CLOEXEC);
    if (f < 0)
        return err_errno(err, errno, "cannot create a temporary file in %.200s",
                         dir && *dir ? dir : "/tmp");
    unlink(path);
    *fd = f;
    return OK;
}

void io_close(int fd)
{
    if (fd >= 0)
        close(fd);
}
