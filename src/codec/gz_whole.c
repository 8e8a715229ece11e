/* gzip as a whole, over libdeflate: see gz_whole.h. */
#include "codec/gz_whole.h"

#include <libdeflate.h>

enum { MIN_MEMBER = 18, FLAGS_AT = 3, FLAG_HEADER_CRC = 1 << 1 };

/* struct gz_whole is libdeflate's decompressor by another name. */
static struct libdeflate_decompressor *decompressor_of(struct gz_whole *z)
{
    return (struct libdeflate_decompressor *)(void *)z;
}

enum status gz_whole_new(struct gz_whole **out, struct err *err)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    if (!d)
        return err_nomem(err);
    *out = (struct gz_whole *)(void *)d;
    return OK;
}

void gz_whole_free(struct gz_whole *z)
{
    if (z)
        libdeflate_free_decompressor(decompressor_of(z));
}

uint32_t gz_whole_hint(struct str in)
{
    if (in.n < MIN_MEMBER)
        return 0;
    const unsigned char *p = (const unsigned char *)in.p + in.n - 4;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

bool gz_whole_inflate(struct gz_whole *z, struct str in, char *out, size_t cap, size_t *n)
{
    size_t written = 0;
    do {
        size_t taken, got;
        /* libdeflate passes over the CRC of a header. */
        if (in.n < MIN_MEMBER || (in.p[FLAGS_AT] & FLAG_HEADER_CRC))
            return false;
        if (libdeflate_gzip_decompress_ex(decompressor_of(z), in.p, in.n, out + written,
                                          cap - written, &taken, &got) != LIBDEFLATE_SUCCESS)
            return false;
        in = str_skip(in, taken);
        written += got;
    } while (in.n > 0);
    *n = written;
    return true;
}
