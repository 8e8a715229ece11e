/* Statements and errors of SQLite, in the terms of base/err.h. */
#include "store/store_internal.h"

#include <errno.h>

static enum status status_of(int code, int native)
{
    if (native == ENOSPC || native == EDQUOT || native == EFBIG)
        return ERR_FULL;
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_CONFLICT;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
        return ERR_ACCESS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_PARSE;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    case SQLITE_INTERRUPT:
        return ERR_INTERRUPTED;
    default:
        return ERR_IO;
    }
}

/* What to do about it; SQLite's own message says what is wrong. */
static const char *advice(enum status status)
{
    switch (status) {
    case ERR_FULL:
        return "; make room on its file system and run again, nothing is lost";
    case ERR_CONFLICT:
        return "; another process is using the store, run again when it is done";
    case ERR_ACCESS:
        return "; the file and its folder must be writable";
    case ERR_PARSE:
        return "; the file is damaged, make a new store from the logs";
    default:
        return "";
    }
}

static bool last_read_failed(sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;
    int native = 0;
    return sqlite3_file_control(db, "main", which, &file) == SQLITE_OK && file && file->pMethods &&
           file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &native) == SQLITE_OK &&
           native == EIO;
}

/* SQLite calls a file damaged that its device cannot read; the errno that it keeps with the file
 * (or with its -wal) tells the two apart. */
static bool unreadable(sqlite3 *db, int code)
{
    return (code & 0xff) == SQLITE_CORRUPT && (last_read_failed(db, SQLITE_FCNTL_FILE_POINTER) ||
                                               last_read_failed(db, SQLITE_FCNTL_JOURNAL_POINTER));
}

enum status db_error(struct store *s, struct err *err, const char *doing)
{
    int native = errno, code = sqlite3_extended_errcode(s->db);
    if (unreadable(s->db, code))
        return err_errno(err, EIO, "store '%.160s': cannot %s", s->path, doing);
    /* Errno is left over from earlier calls unless this one was about files. SQLite keeps it for
     * most of them, but not for those of COMMIT. */
    bool io = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    if (sqlite3_system_errno(s->db) != 0)
        native = sqlite3_system_errno(s->db);
    enum status status = status_of(code, io ? native : 0);
    err_set(err, status, "store '%.160s': cannot %s: %s%s", s->path, doing, sqlite3_errmsg(s->db),
            advice(status));
    if (err)
        err->native = code;
    return status;
}

enum status db_damaged(struct store *s, struct err *err, const char *what)
{
    return err_set(err, ERR_PARSE, "store '%.160s': damaged: %s; make a new store from the logs",
                   s->path, what);
}

enum status db_get(struct store *s, enum stmt id, sqlite3_stmt **out, struct err *err)
{
    static const char *const sql[] = {
#define STMT_SQL(id, text) [id] = text,
        STMT_MAP(STMT_SQL)
#undef STMT_SQL
    };
    if (!s->stmt[id] && sqlite3_prepare_v3(s->db, sql[id], -1, SQLITE_PREPARE_PERSISTENT,
                                           &s->stmt[id], NULL) != SQLITE_OK)
        return db_error(s, err, "prepare a statement");
    *out = s->stmt[id];
    return OK;
}

enum status db_step(struct store *s, sqlite3_stmt *st, bool *row, struct err *err)
{
    int code = sqlite3_step(st);
    *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW)
        return OK;
    enum status status = OK;
    if (code != SQLITE_DONE)
        status = db_error(s, err, s->in_batch ? "write" : "read");
    sqlite3_reset(st);
    return status;
}

enum status db_run(struct store *s, sqlite3_stmt *st, struct err *err)
{
    bool row;
    TRY(db_step(s, st, &row, err));
    if (row)
        sqlite3_reset(st);
    return OK;
}

enum status db_do(struct store *s, enum stmt id, struct err *err)
{
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, id, &st, err));
    return db_run(s, st, err);
}

enum status db_i64(struct store *s, enum stmt id, int64_t parameter, int64_t *out, bool *found,
                   struct err *err)
{
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, id, &st, err));
    if (sqlite3_bind_parameter_count(st) > 0)
        sqlite3_bind_int64(st, 1, parameter);
    TRY(db_step(s, st, found, err));
    if (*found) {
        *out = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return OK;
}

enum status db_put_blob(struct store *s, enum stmt id, int64_t key, const void *bytes, size_t n,
                        struct err *err)
{
    sqlite3_stmt *st = NULL;
    TRY(db_get(s, id, &st, err));
    sqlite3_bind_int64(st, 1, key);
    if (sqlite3_bind_blob64(st, 2, bytes, n, SQLITE_STATIC) != SQLITE_OK)
        return db_error(s, err, "write");
    enum status status = db_run(s, st, err);
    sqlite3_bind_null(st, 2);
    return status;
}
