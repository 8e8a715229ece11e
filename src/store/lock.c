/*
 * One writer at a time: an advisory lock on a file of its own beside the store, removed when the
 * writer is done. Not on the store itself: closing any descriptor of that file would drop the
 * POSIX locks that SQLite holds on it in this process.
 */
#include "store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char *lock_path(const char *store_path)
{
    char *path = NULL;
    return asprintf(&path, "%s-lock", store_path) < 0 ? NULL : path;
}

/* True when the locked file is still the one of that name: the last owner may just have removed
 * it between our open and our lock. */
static bool still_there(int fd, const char *path)
{
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

static enum status lock_try(const char *store_path, const char *path, int *fd, struct err *err)
{
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return err_errno(err, errno, "cannot write here: '%.200s'", path);
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return OK;
    int native = errno;
    close(*fd);
    *fd = -1;
    if (native != EWOULDBLOCK)
        return err_errno(err, native, "cannot lock '%.200s'", path);
    return err_set(err, ERR_CONFLICT,
                   "store '%.200s' is being written by another process; run again when it is done, "
                   "or, if that is assay serve, stop it first",
                   store_path);
}

enum status lock_acquire(const char *store_path, int *fd, struct err *err)
{
    char *path = lock_path(store_path);
    if (!path)
        return err_nomem(err);
    enum status status = OK;
    int mine = -1;
    for (int tries = 0; tries < 100; tries++) {
        status = lock_try(store_path, path, &mine, err);
        if (status != OK || still_there(mine, path))
            break;
        close(mine);
        mine = -1;
    }
    free(path);
    if (status == OK && mine < 0)
        return err_set(err, ERR_CONFLICT, "store '%.200s' is in use by other writers", store_path);
    if (status == OK)
        *fd = mine;
    return status;
}

void lock_release(const char *store_path, int fd)
{
    char *path = lock_path(store_path);
    if (path)
        unlink(path);
    free(path);
    close(fd);
}
