/* Statuses and errors: see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *status_text(enum status status)
{
    switch (status) {
#define STATUS_CASE(name, text)                                                                    \
    case name:                                                                                     \
        return text;
        STATUS_MAP(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}

enum status err_set(struct err *err, enum status status, const char *fmt, ...)
{
    if (!err)
        return status;
    err->status = status;
    err->native = 0;
    err->offset = 0;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return status;
}

static enum status status_of_errno(int native)
{
    switch (native) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_ACCESS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_FULL;
    case ENOMEM:
        return ERR_NOMEM;
    default:
        return ERR_IO;
    }
}

enum status err_errno(struct err *err, int native, const char *fmt, ...)
{
    enum status status = status_of_errno(native);
    if (!err)
        return status;
    err->status = status;
    err->native = native;
    err->offset = 0;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    char room[128];
    /* The GNU strerror_r: thread-safe, and it may answer with a text of its own. */
    const char *reason = strerror_r(native, room, sizeof room);
    snprintf(err->text + used, sizeof err->text - used, ": %s", reason);
    return status;
}

enum status err_nomem(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}
