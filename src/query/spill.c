/* Streams in a temporary file: see spill.h. */
#include "query/spill.h"

#include "base/io.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static const char NAME[] = "the temporary file";

struct spill {
    uint32_t block;          /* bytes */
    _Atomic uint32_t blocks; /* next free block of the file */
    _Atomic uint64_t memory;
    _Atomic int fd; /* -1 until the first block is full */
    pthread_mutex_t lock;
};

enum status spill_new(uint32_t block, struct spill **out, struct err *err)
{
    struct spill *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    s->block = block;
    atomic_store(&s->fd, -1);
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return OK;
}

void spill_free(struct spill *s)
{
    if (!s)
        return;
    io_close(atomic_load(&s->fd));
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void spill_fini(struct spill *s, struct spill_stream *stream)
{
    uint64_t held = stream->blocks_cap * sizeof *stream->blocks;
    held += stream->block ? s->block : 0;
    atomic_fetch_sub(&s->memory, held);
    free(stream->block);
    free(stream->blocks);
    *stream = (struct spill_stream){0};
}

static enum status file_of(struct spill *s, int *fd, struct err *err)
{
    *fd = atomic_load(&s->fd);
    if (*fd >= 0)
        return OK;
    pthread_mutex_lock(&s->lock);
    enum status status = OK;
    *fd = atomic_load(&s->fd);
    if (*fd < 0) {
        status = io_temp(fd, err);
        if (status == OK)
            atomic_store(&s->fd, *fd);
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

static enum status write_out(struct spill *s, struct spill_stream *stream, struct err *err)
{
    int fd;
    if (stream->blocks_n == stream->blocks_cap) {
        size_t cap = stream->blocks_cap ? stream->blocks_cap * 2 : 4;
        uint32_t *blocks = realloc(stream->blocks, cap * sizeof *blocks);
        if (!blocks)
            return err_nomem(err);
        atomic_fetch_add(&s->memory, (cap - stream->blocks_cap) * sizeof *blocks);
        stream->blocks = blocks;
        stream->blocks_cap = cap;
    }
    TRY(file_of(s, &fd, err));
    uint32_t at = atomic_fetch_add(&s->blocks, 1);
    if (at == UINT32_MAX)
        return err_set(err, ERR_LIMIT, "too many records for one run");
    TRY(io_write_at(fd, stream->block, s->block, (int64_t)at * s->block, NAME, err));
    stream->blocks[stream->blocks_n++] = at;
    stream->n = 0;
    return OK;
}

enum status spill_append(struct spill *s, struct spill_stream *stream, const void *bytes, size_t n,
                         struct err *err)
{
    const unsigned char *p = bytes;
    if (!stream->block) {
        if (!(stream->block = malloc(s->block)))
            return err_nomem(err);
        atomic_fetch_add(&s->memory, s->block);
    }
    stream->bytes += n;
    while (n > 0) {
        if (stream->n == s->block)
            TRY(write_out(s, stream, err));
        size_t room = s->block - stream->n, part = n < room ? n : room;
        memcpy(stream->block + stream->n, p, part);
        stream->n += (uint32_t)part;
        p += part;
        n -= part;
    }
    return OK;
}

size_t spill_pieces(const struct spill_stream *stream)
{
    return stream->blocks_n + (stream->n > 0);
}

enum status spill_take(struct spill *s, const struct spill_stream *stream, size_t piece,
                       struct buf *out, struct err *err)
{
    if (piece == stream->blocks_n) {
        buf_append(out, stream->block, stream->n);
        return buf_status(out) == OK ? OK : err_nomem(err);
    }
    if (!buf_reserve(out, s->block))
        return err_nomem(err);
    TRY(io_read_at(atomic_load(&s->fd), out->p + out->n, s->block,
                   (int64_t)stream->blocks[piece] * s->block, NAME, err));
    out->n += s->block;
    return OK;
}

uint64_t spill_memory(const struct spill *s)
{
    return atomic_load(&s->memory);
}

uint64_t spill_bytes(const struct spill *s)
{
    return (uint64_t)atomic_load(&s->blocks) * s->block;
}
