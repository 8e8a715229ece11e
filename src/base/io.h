/*
 * Files: thin wrappers over the system calls that finish short reads and writes, retry EINTR and
 * turn errno into a struct err. Tests replace the system calls below them (linker --wrap), so all
 * file access of the program goes through here or through SQLite.
 */
#ifndef ASSAY_BASE_IO_H
#define ASSAY_BASE_IO_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

/* Opens for reading, close-on-exec, without becoming a controlling terminal. */
enum status io_open_read(const char *path, int *fd, struct err *err) MUST_USE;
/* As above below the directory dir_fd: no symbolic link at any part of the path, no `..`, and the
 * end a regular file; anything else is ERR_ACCESS. */
enum status io_open_beneath(int dir_fd, const char *path, int *fd, struct err *err) MUST_USE;
/* Opens a directory for io_open_beneath. */
enum status io_open_dir(const char *path, int *fd, struct err *err) MUST_USE;
/* Up to cap bytes; *n == 0 means end of file. `name` is for messages. */
enum status io_read(int fd, void *out, size_t cap, size_t *n, const char *name,
                    struct err *err) MUST_USE;
/* Exactly n bytes from an offset; ERR_TRUNCATED when the file is shorter. */
enum status io_read_at(int fd, void *out, size_t n, int64_t offset, const char *name,
                       struct err *err) MUST_USE;
enum status io_write_all(int fd, const void *bytes, size_t n, const char *name,
                         struct err *err) MUST_USE;
/* Exactly n bytes to an offset. */
enum status io_write_at(int fd, const void *bytes, size_t n, int64_t offset, const char *name,
                        struct err *err) MUST_USE;
/* The whole file, at most out->max bytes (ERR_LIMIT beyond). */
enum status io_read_file(const char *path, struct buf *out, struct err *err) MUST_USE;
/* Writes path by way of a temporary file beside it and a rename: readers see the old or the new. */
enum status io_write_file(const char *path, struct str bytes, struct err *err) MUST_USE;
/* As above, for the owner's eyes only (mode 0600; the other is 0644). */
enum status io_write_secret_file(const char *path, struct str bytes, struct err *err) MUST_USE;
/* As io_write_file, for what is written again and again and may be lost with the machine's power:
 * without waiting for the disk, and by way of "PATH.new", so that a kill leaves no more than that
 * one behind. Where there is no room for another file, the old one is written over: a reader may
 * then see a part of both. One writer at a time. */
enum status io_refresh_file(const char *path, struct str bytes, mode_t mode,
                            struct err *err) MUST_USE;
/* A new file without a name in TMPDIR (default /tmp), gone when closed. */
enum status io_temp(int *fd, struct err *err) MUST_USE;
void io_close(int fd);

#endif
