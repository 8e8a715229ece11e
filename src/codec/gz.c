/*
 * gzip over ISA-L: see gz.h.
 *
 * ISA-L inflates and checks the trailer; the member headers are read here, because its own header
 * reader forgets flags and field lengths when a header is split between two calls (2.30), and takes
 * no interest in what stands between members. ISAL_GZIP_NO_HDR_VER is the mode in which it leaves
 * nothing to guess: bytes that it has read ahead are used up by its own check of the trailer, while
 * in ISAL_GZIP_NO_HDR they stay inside (2.30) or are put back in front of a buffer that may be gone
 * (2.31).
 *
 * Its counters are 32 bits wide, so buffers are handed over in steps of at most 1 GiB.
 */
#include "codec/gz.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <assert.h>
#include <inttypes.h>
#include <stdalign.h>
#include <stdlib.h>

enum phase {
    BETWEEN, /* before the first member, or behind one */
    HEADER,
    BODY, /* deflated data and the trailer */
    GARBAGE,
    FAILED,
};

/* The parts of a header, in the order in which they come. */
enum header_part { FIXED, EXTRA_LEN, EXTRA, NAME, COMMENT, HEADER_CRC, HEADER_END };

enum {
    FLAG_HEADER_CRC = 1 << 1,
    FLAG_EXTRA = 1 << 2,
    FLAG_NAME = 1 << 3,
    FLAG_COMMENT = 1 << 4,
    FLAGS_RESERVED = 0xe0,
    FIXED_LEN = 10,
};

struct header {
    enum header_part part;
    uint32_t left;  /* bytes of the part still to come, where its length is known */
    uint32_t value; /* a little-endian number being read */
    uint32_t crc;
    uint8_t flags;
};

struct gz {
    struct inflate_state isal;
    struct header header;
    struct gz_limits limits;
    enum phase phase;
    uint64_t members; /* that ended cleanly */
    uint64_t total_in, total_out;
};

static const uint8_t magic[3] = {0x1f, 0x8b, 8};

static const size_t STEP = (size_t)1 << 30;
static const uint64_t RATIO_FROM = UINT64_C(1) << 20;

/* ISA-L's structures have no const for what they only read. */
static uint8_t *unconst(const char *p)
{
    return (uint8_t *)(uintptr_t)p;
}

bool gz_is_gzip(struct str head)
{
    return head.n >= sizeof magic && memcmp(head.p, magic, sizeof magic) == 0;
}

enum status gz_new(struct gz **out, struct err *err)
{
    struct gz *z = malloc(sizeof *z);
    if (!z)
        return err_nomem(err);
    isal_inflate_init(&z->isal);
    gz_start(z, (struct gz_limits){0});
    *out = z;
    return OK;
}

void gz_free(struct gz *z)
{
    free(z);
}

void gz_start(struct gz *z, struct gz_limits limits)
{
    z->limits = limits;
    z->phase = BETWEEN;
    z->members = 0;
    z->total_in = 0;
    z->total_out = 0;
}

bool gz_truncated(const struct gz *z)
{
    return z->phase == HEADER || z->phase == BODY;
}

uint64_t gz_total_in(const struct gz *z)
{
    return z->total_in;
}

uint64_t gz_total_out(const struct gz *z)
{
    return z->total_out;
}

static enum status fail(struct gz *z, enum status status, const char *what, struct err *err)
{
    z->phase = FAILED;
    err_set(err, status, "gzip member %" PRIu64 ", near byte %" PRIu64 ": %s", z->members + 1,
            z->total_in, what);
    if (err)
        err->offset = (int64_t)z->total_in;
    return status;
}

static void take_input(struct gz *z, struct str *in, size_t n)
{
    *in = str_skip(*in, n);
    z->total_in += n;
}

/* The last n bytes taken go back in front of *in. */
static void give_back(struct gz *z, struct str *in, size_t n)
{
    *in = str_of(in->p - n, in->n + n);
    z->total_in -= n;
}

/* The part behind `part`, skipping those that the flags do not announce. */
static void next_part(struct header *h)
{
    static const uint8_t announced_by[HEADER_END] = {
        [EXTRA_LEN] = FLAG_EXTRA, [EXTRA] = FLAG_EXTRA,           [NAME] = FLAG_NAME,
        [COMMENT] = FLAG_COMMENT, [HEADER_CRC] = FLAG_HEADER_CRC,
    };
    uint32_t number = h->value;
    do
        h->part++;
    while (h->part < HEADER_END && !(h->flags & announced_by[h->part]));
    h->value = 0;
    h->left = h->part == EXTRA ? number : 2;
    if (h->part == EXTRA && number == 0)
        next_part(h);
}

/* Takes one byte of a header; NULL, or what is wrong with it. */
static const char *header_byte(struct header *h, uint8_t byte)
{
    uint32_t at = 0;
    if (h->part != HEADER_CRC)
        h->crc = crc32_gzip_refl(h->crc, &byte, 1);
    switch (h->part) {
    case FIXED:
        at = FIXED_LEN - h->left--;
        if (at < sizeof magic && byte != magic[at])
            return "this is no gzip header";
        if (at == 3)
            h->flags = byte;
        if (h->flags & FLAGS_RESERVED)
            return "the header has flags that no version of gzip defines";
        if (h->left == 0)
            next_part(h);
        break;
    case NAME:
    case COMMENT:
        if (byte == 0)
            next_part(h);
        break;
    case EXTRA:
        if (--h->left == 0)
            next_part(h);
        break;
    case EXTRA_LEN:
    case HEADER_CRC:
        h->value |= (uint32_t)byte << (h->left == 2 ? 0 : 8);
        if (--h->left > 0)
            break;
        if (h->part == HEADER_CRC && h->value != (h->crc & 0xffff))
            return "the CRC of the header is wrong";
        next_part(h);
        break;
    case HEADER_END:
        break;
    }
    return NULL;
}

static enum status read_header(struct gz *z, struct str *in, struct err *err)
{
    struct header *h = &z->header;
    for (size_t taken = 0; in->n > 0 && h->part != HEADER_END; taken++) {
        bool in_magic = h->part == FIXED && h->left > FIXED_LEN - sizeof magic;
        const char *wrong = header_byte(h, (uint8_t)*in->p);
        if (wrong && in_magic && z->members > 0) {
            give_back(z, in, taken);
            z->phase = GARBAGE;
            return OK;
        }
        if (wrong)
            return fail(z, ERR_PARSE, wrong, err);
        take_input(z, in, 1);
    }
    if (h->part == HEADER_END) {
        /* ISA-L follows damaged data into tables and history that it never filled, and gives out
         * what it finds there: nothing of an earlier file may be left in them. */
        memset(&z->isal, 0, sizeof z->isal);
        isal_inflate_init(&z->isal);
        z->isal.crc_flag = ISAL_GZIP_NO_HDR_VER;
        z->phase = BODY;
    }
    return OK;
}

/* Passes over zero bytes; what follows begins a member or is garbage. */
static void step_between(struct gz *z, struct str *in)
{
    size_t zeros = 0;
    if (z->members > 0)
        while (zeros < in->n && in->p[zeros] == 0)
            zeros++;
    if (zeros > 0)
        take_input(z, in, zeros);
    if (in->n == 0)
        return;
    z->header = (struct header){.left = FIXED_LEN};
    z->phase = z->members > 0 && (uint8_t)*in->p != magic[0] ? GARBAGE : HEADER;
}

static enum status check_limits(struct gz *z, struct err *err)
{
    uint32_t ratio = z->limits.max_ratio;
    if (ratio && z->total_out >= RATIO_FROM && z->total_out / ratio > z->total_in)
        return fail(z, ERR_LIMIT, "it inflates to more than the allowed multiple of its size", err);
    return OK;
}

static const char *inflate_error(int code)
{
    switch (code) {
    case ISAL_INVALID_BLOCK:
        return "the deflated data has an invalid block";
    case ISAL_INVALID_SYMBOL:
        return "the deflated data has an invalid symbol";
    case ISAL_INVALID_LOOKBACK:
        return "the deflated data refers to before its beginning";
    case ISAL_INCORRECT_CHECKSUM:
        return "CRC or length does not match the data";
    default:
        return "it cannot be inflated";
    }
}

/* One call of ISA-L. *n grows by what was written to out + *n. */
static enum status inflate_step(struct gz *z, struct str *in, char *out, size_t cap, size_t *n,
                                struct err *err)
{
    size_t room = cap - *n < STEP ? cap - *n : STEP;
    size_t given = in->n < STEP ? in->n : STEP;
    uint64_t allowed = z->limits.max_out ? z->limits.max_out - z->total_out : UINT64_MAX;
    /* One byte of room more than is allowed tells a stream that ends there from one that goes on.
     */
    if (room > allowed)
        room = (size_t)allowed + 1;
    struct inflate_state *s = &z->isal;
    s->next_in = unconst(in->p);
    s->avail_in = (uint32_t)given;
    s->next_out = (uint8_t *)out + *n;
    s->avail_out = (uint32_t)room;
    int code = isal_inflate(s);
    size_t read = given - s->avail_in;
    uint64_t written = room - s->avail_out;
    take_input(z, in, read);
    bool beyond = written > allowed;
    if (beyond)
        written = allowed;
    *n += (size_t)written;
    z->total_out += written;
    if (beyond)
        return fail(z, ERR_LIMIT, "it inflates to more bytes than are allowed", err);
    if (code != ISAL_DECOMP_OK)
        return fail(z, ERR_PARSE, inflate_error(code), err);
    TRY(check_limits(z, err));
    if (s->block_state == ISAL_BLOCK_FINISH) {
        z->members++;
        z->phase = BETWEEN;
    } else if (given > 0 && room > 0 && read == 0 && written == 0) {
        return fail(z, ERR_PARSE, "the inflater makes no progress", err);
    }
    return OK;
}

static enum gz_state state_of(const struct gz *z)
{
    if (z->phase == GARBAGE)
        return GZ_GARBAGE;
    return z->phase == BETWEEN ? GZ_BOUNDARY : GZ_MORE;
}

enum status gz_inflate(struct gz *z, struct str *in, char *out, size_t cap, size_t *n,
                       enum gz_state *state, struct err *err)
{
    *n = 0;
    assert(z->phase != FAILED);
    for (bool more = true; more;) {
        switch (z->phase) {
        case BETWEEN:
            step_between(z, in);
            more = z->phase != BETWEEN;
            break;
        case HEADER:
            TRY(read_header(z, in, err));
            more = z->phase != HEADER;
            break;
        case BODY:
            TRY(inflate_step(z, in, out, cap, n, err));
            /* ISA-L holds output back when its room, but not out, was full. */
            more = z->phase != BODY || (*n < cap && (in->n > 0 || z->isal.avail_out == 0));
            break;
        case GARBAGE:
        case FAILED:
            more = false;
            break;
        }
    }
    *state = state_of(z);
    return OK;
}

struct deflater {
    struct isal_zstream stream;
    alignas(16) uint8_t level_buf[ISAL_DEF_LVL2_DEFAULT];
};

/* Room of a fixed size for each call, so that the bytes do not depend on how out has grown. */
static enum status deflate_all(struct deflater *d, struct str in, struct buf *out)
{
    enum { ROOM = 64 << 10 };
    struct isal_zstream *s = &d->stream;
    do {
        if (s->avail_in == 0 && in.n > 0) {
            size_t step = in.n < STEP ? in.n : STEP;
            s->next_in = unconst(in.p);
            s->avail_in = (uint32_t)step;
            in = str_skip(in, step);
        }
        s->end_of_stream = in.n == 0;
        size_t left = out->max > out->n ? out->max - out->n : 0;
        size_t room = left < ROOM ? left : ROOM;
        if (!buf_reserve(out, room > 0 ? room : 1))
            return buf_status(out);
        s->next_out = (uint8_t *)out->p + out->n;
        s->avail_out = (uint32_t)room;
        if (isal_deflate(s) != COMP_OK)
            return ERR_USAGE;
        out->n += room - s->avail_out;
    } while (s->internal_state.state != ZSTATE_END);
    return OK;
}

enum status gz_deflate(struct str in, int level, struct buf *out, struct err *err)
{
    assert(level >= 0 && level <= 2);
    struct deflater *d = calloc(1, sizeof *d);
    if (!d)
        return err_nomem(err);
    isal_deflate_init(&d->stream);
    d->stream.level = (uint32_t)level;
    d->stream.level_buf = d->level_buf;
    d->stream.level_buf_size = level == 0   ? ISAL_DEF_LVL0_DEFAULT
                               : level == 1 ? ISAL_DEF_LVL1_DEFAULT
                                            : ISAL_DEF_LVL2_DEFAULT;
    d->stream.gzip_flag = IGZIP_GZIP;
    size_t start = out->n;
    enum status status = deflate_all(d, in, out);
    free(d);
    if (status == OK)
        return OK;
    out->n = start;
    return err_set(err, status, "cannot deflate %zu bytes: %s", in.n, status_text(status));
}
