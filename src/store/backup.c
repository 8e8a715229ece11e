/*
 * A copy of a store while others read and write it. VACUUM INTO reads one snapshot of the file, so
 * the copy is whole whatever a writer commits meanwhile, and has no free pages. SQLite's backup
 * interface was the other choice: it begins again with every commit of another process, or holds
 * everything up as long.
 *
 * While the copy is made, the target is locked as by a writer: two copies to one place, or a copy
 * onto a store that is being written, exclude each other.
 */
#include "store/upkeep.h"

#include "store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct copy {
    const char *path, *target;
    char *part; /* the name that the copy has until it is whole */
    bool made;
};

/* What SQLite keeps beside a store that is open, or was not closed: it would be taken for the
 * copy's. */
static enum status check_beside(const char *target, const char *suffix, struct err *err)
{
    char *beside = NULL;
    struct stat st;
    if (asprintf(&beside, "%s%s", target, suffix) < 0)
        return err_nomem(err);
    bool there = stat(beside, &st) == 0;
    enum status status = OK;
    if (there)
        status = err_set(err, ERR_CONFLICT,
                         "'%.120s' is in use or was not closed: there is '%.120s'; choose another "
                         "name for the copy",
                         target, beside);
    free(beside);
    return status;
}

static enum status check_target(const struct copy *c, bool replace, struct err *err)
{
    struct stat st, source;
    bool there = stat(c->target, &st) == 0;
    if (there && stat(c->path, &source) == 0 && st.st_dev == source.st_dev &&
        st.st_ino == source.st_ino)
        return err_set(err, ERR_USAGE, "'%.200s' is the store itself", c->target);
    if (there && !S_ISREG(st.st_mode))
        return err_set(err, ERR_USAGE, "'%.200s' is no file", c->target);
    if (there && !replace)
        return err_set(err, ERR_CONFLICT, "'%.200s' is there already and stays as it is",
                       c->target);
    TRY(check_beside(c->target, "-wal", err));
    return check_beside(c->target, "-journal", err);
}

/* Its own file from the start, because SQLite would make one that others may read. One of that name
 * was left by a copy that was killed: the target is locked. */
static enum status make_part(struct copy *c, struct err *err)
{
    unlink(c->part);
    int fd = open(c->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(err, errno, "cannot make '%.200s'", c->part);
    c->made = true;
    close(fd);
    return OK;
}

/* SQLite's words are about the copy here, though the store's name stands in them. */
static enum status copy_error(struct store *s, const struct copy *c, struct err *err)
{
    struct err said = {0};
    enum status status = db_error(s, &said, "copy it");
    if (status == ERR_FULL)
        return err_set(err, ERR_FULL, "cannot write '%.160s': no room for it on its file system",
                       c->target);
    /* Of both files, and of the disks below them: SQLite does not say which. */
    if (status == ERR_PARSE)
        return err_set(
            err, ERR_IO,
            "cannot copy '%.120s' to '%.120s': %.60s; assay store check says whether the "
            "store is damaged",
            c->path, c->target, sqlite3_errstr(said.native));
    if (err)
        *err = said;
    return status;
}

static enum status vacuum_into(struct store *s, const struct copy *c, struct err *err)
{
    sqlite3_stmt *st = NULL;
    char *uri = store_uri(c->part, false);
    if (!uri)
        return err_nomem(err);
    int code = sqlite3_exec(s->db, "PRAGMA query_only=0", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(s->db, "VACUUM INTO ?1", -1, &st, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(st, 1, uri, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(st);
    enum status status = code == SQLITE_DONE ? OK : copy_error(s, c, err);
    sqlite3_finalize(st);
    free(uri);
    return status;
}

static int sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return failed;
}

/* On the disk first, then the name: a crash leaves the whole copy or what was there. */
static enum status take_name(struct copy *c, struct err *err)
{
    int failed = sync_path(c->part, O_RDWR);
    if (failed)
        return err_errno(err, failed, "cannot write '%.200s'", c->target);
    if (rename(c->part, c->target) != 0)
        return err_errno(err, errno, "cannot name the copy '%.200s'", c->target);
    c->made = false;
    char *folder = strdup(c->target), *slash = folder ? strrchr(folder, '/') : NULL;
    if (!folder)
        return OK; /* the copy is there; its name is on the disk a little later */
    if (slash)
        slash[slash == folder] = '\0';
    sync_path(slash ? folder : ".", O_RDONLY | O_DIRECTORY);
    free(folder);
    return OK;
}

static enum status run(struct copy *c, bool replace, struct err *err)
{
    struct store *s = NULL;
    TRY(check_target(c, replace, err));
    TRY(store_connect(c->path, STORE_READ, true, &s, err));
    enum status status = make_part(c, err);
    if (status == OK)
        status = vacuum_into(s, c, err);
    store_close(s);
    return status == OK ? take_name(c, err) : status;
}

enum status store_backup(const char *path, const char *target, bool replace, struct err *err)
{
    struct copy c = {.path = path, .target = target};
    int lock = -1;
    if (asprintf(&c.part, "%s-part", target) < 0)
        return err_nomem(err);
    enum status status = lock_acquire(target, &lock, err);
    if (status == OK)
        status = run(&c, replace, err);
    if (c.made)
        unlink(c.part);
    free(c.part);
    if (lock >= 0)
        lock_release(target, lock);
    return status;
}
