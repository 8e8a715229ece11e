/*
 * gzip: however a stream is cut into pieces, it inflates to the same bytes and ends in the same
 * state, and what is inflated in one go is no other; and what is deflated is inflated again. The
 * first three bytes of the input choose the sizes of the pieces and rooms and the level, the rest
 * is the stream.
 */
#include "codec/gz.h"
#include "codec/gz_whole.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gz_limits limits = {.max_out = 100000};

struct outcome {
    enum status status;
    enum gz_state state;
    bool truncated;
};

static void require(bool truth)
{
    if (!truth)
        abort();
}

static struct outcome inflate(struct gz *z, struct str stream, size_t in_step, size_t out_step,
                              struct buf *out)
{
    struct outcome o = {.state = GZ_BOUNDARY};
    size_t n = 0;
    /* Blocks of exactly the size that is announced, so that a step outside is seen. */
    char *room = malloc(out_step);
    char *piece = malloc(in_step);
    struct str in = STR_NONE;
    gz_start(z, limits);
    buf_reset(out);
    do {
        if (in.n == 0) {
            size_t step = in_step < stream.n ? in_step : stream.n;
            if (step)
                memcpy(piece + in_step - step, stream.p, step);
            in = str_of(piece + in_step - step, step);
            stream = str_skip(stream, step);
        }
        o.status = gz_inflate(z, &in, room, out_step, &n, &o.state, NULL);
        buf_append(out, room, n);
    } while (o.status == OK && o.state != GZ_GARBAGE && (in.n || stream.n || n == out_step));
    o.truncated = gz_truncated(z);
    free(room);
    free(piece);
    return o;
}

/* `stream` came out as `text` and ended well, or it did not (`good`). */
static void try_in_one_go(struct str stream, struct str text, bool good)
{
    struct gz_whole *z;
    size_t n = 0;
    char *room = malloc(text.n + 1);
    require(gz_whole_new(&z, NULL) == OK);
    if (gz_whole_inflate(z, stream, room, text.n, &n))
        require(good && str_eq(str_of(room, n), text));
    gz_whole_free(z);
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct str stream = str_of((const char *)data + 3, size - 3);
    struct gz *z;
    struct buf whole, split;
    buf_init(&whole, 2 << 20);
    buf_init(&split, 2 << 20);
    require(gz_new(&z, NULL) == OK);
    struct outcome a = inflate(z, stream, stream.n + 1, 1 << 16, &whole);
    struct outcome b = inflate(z, stream, data[0] + 1u, data[1] * 16u + 1, &split);
    require(a.status == b.status && a.truncated == b.truncated);
    require(a.status != OK || a.state == b.state);
    size_t common = whole.n < split.n ? whole.n : split.n;
    require(common == 0 || memcmp(whole.p, split.p, common) == 0);
    require(a.status != OK || whole.n == split.n);
    if (a.status != ERR_LIMIT)
        try_in_one_go(stream, buf_view(&whole), a.status == OK && a.state == GZ_BOUNDARY);

    buf_reset(&whole);
    require(gz_deflate(stream, data[2] % 3, &whole, NULL) == OK);
    b = inflate(z, buf_view(&whole), data[0] + 1u, data[1] * 16u + 1, &split);
    require(b.status == OK && b.state == GZ_BOUNDARY && str_eq(buf_view(&split), stream));
    gz_free(z);
    buf_fini(&whole);
    buf_fini(&split);
    return 0;
}
