/*
 * Files behind the interface of all sources: the walk (local.h) names them, readers open them. A
 * body lies where its record's file is: below the same directory above AWSLogs, or under data/
 * beside the file.
 */
#include "base/io.h"
#include "source/key.h"
#include "source/local.h"
#include "source/source_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct local_source {
    struct source base;
    char *const *operands;
    int operands_n;
    struct local_walk *walk;
};

struct local_reader {
    struct source_reader base;
    char root[PATH_MAX]; /* directory that root_fd is open at */
    int root_fd;
};

static enum status begin(struct source *s, const struct source_watch *watch, struct err *err)
{
    struct local_source *l = (struct local_source *)s;
    return local_open(l->operands, l->operands_n, watch->versions, watch->problem, watch->ctx,
                      &l->walk, err);
}

static enum status next(struct source *s, struct source_item *item, bool *more, struct err *err)
{
    return local_next(((struct local_source *)s)->walk, item, more, err);
}

static int64_t position(struct source *s, bool *estimated, int64_t *bytes)
{
    return local_position(((struct local_source *)s)->walk, estimated, bytes);
}

static void close_source(struct source *s)
{
    local_close(((struct local_source *)s)->walk);
    free(s);
}

static enum status reader_new(struct source *s, struct source_reader **out, struct err *err)
{
    (void)s;
    struct local_reader *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    r->root_fd = -1;
    *out = &r->base;
    return OK;
}

static void reader_free(struct source_reader *base)
{
    io_close(((struct local_reader *)base)->root_fd);
    free(base);
}

static enum status open_item(struct source_reader *base, const struct source_item *item,
                             struct source_bytes *out, struct err *err)
{
    (void)base;
    struct key_facts key = key_facts(str_from(item->name));
    int fd = -1;
    if (strcmp(item->name, "-") == 0) {
        fd = dup(STDIN_FILENO);
        if (fd < 0)
            return err_errno(err, errno, "standard input");
    } else {
        enum status status = io_open_read(item->name, &fd, NULL);
        if (status == ERR_NOMEM)
            return err_nomem(err);
        if (status != OK)
            return err_set(err, status,
                           status == ERR_NOT_FOUND ? "the file is gone"
                                                   : "the file cannot be opened");
    }
    *out = (struct source_bytes){
        .fd = fd, .account = key.account, .region = key.region, .delivery_us = key.hour_us};
    return OK;
}
/* The directory above AWSLogs of the record's file; "." when the path begins with AWSLogs. False
 * when the file does not lie in the AWS layout. */
static bool layout_root(const char *record_file, char root[PATH_MAX])
{
    struct str file = str_from(record_file);
    ptrdiff_t at = key_layout(file);
    if (at < 0 || file.n >= PATH_MAX)
        return false;
    size_t n = (size_t)at;
    if (n == 0) {
        memcpy(root, ".", 2);
        return true;
    }
    memcpy(root, record_file, n);
    root[n > 1 ? n - 1 : n] = '\0';
    return true;
}

/* Without the AWS layout: data/<name> beside the record's file. */
static bool beside_root(const char *record_file, char root[PATH_MAX])
{
    const char *slash = strrchr(record_file, '/');
    size_t n = slash ? (size_t)(slash - record_file) : 0;
    if (n >= PATH_MAX)
        return false;
    if (!slash) {
        memcpy(root, ".", 2);
        return true;
    }
    memcpy(root, record_file, n ? n : 1);
    root[n ? n : 1] = '\0';
    return true;
}

static enum status open_root(struct local_reader *r, const char *root)
{
    if (r->root_fd >= 0 && strcmp(r->root, root) == 0)
        return OK;
    io_close(r->root_fd);
    r->root_fd = -1;
    TRY(io_open_dir(root, &r->root_fd, NULL));
    memcpy(r->root, root, strlen(root) + 1);
    return OK;
}

static enum status open_body(struct local_reader *r, const char *record_file, struct str key,
                             int *fd)
{
    char root[PATH_MAX], path[PATH_MAX];
    if (!layout_root(record_file, root)) {
        if (!beside_root(record_file, root))
            return ERR_NOT_FOUND;
        ptrdiff_t at = str_find(key, STR("/data/"));
        key = str_skip(key, (size_t)at + 1);
    }
    if (key.n >= sizeof path)
        return ERR_NOT_FOUND;
    TRY(open_root(r, root));
    memcpy(path, key.p, key.n);
    path[key.n] = '\0';
    return io_open_beneath(r->root_fd, path, fd, NULL);
}

static enum status body(struct source_reader *base, const char *name, struct str uri,
                        struct str key, bool look, struct source_bytes *out, struct err *err)
{
    (void)uri;
    int fd = -1;
    enum status status = open_body((struct local_reader *)base, name, key, &fd);
    if (status != OK)
        return err_set(err, status, "the body cannot be opened");
    if (look) {
        io_close(fd);
        fd = -1;
    }
    *out = (struct source_bytes){.fd = fd, .delivery_us = TIME_NONE};
    return OK;
}

enum status source_local_new(char *const *operands, int n, struct source **out, struct err *err)
{
    static const struct source_ops ops = {
        .begin = begin,
        .next = next,
        .position = position,
        .close = close_source,
        .reader_new = reader_new,
        .reader_free = reader_free,
        .open = open_item,
        .body = body,
    };
    struct local_source *l = calloc(1, sizeof *l);
    if (!l)
        return err_nomem(err);
    l->base.ops = &ops;
    l->operands = operands;
    l->operands_n = n;
    *out = &l->base;
    return OK;
}
