/*
 * From bytes to records: see reader.h. Bytes flow through a window that frame.c reads from the
 * front: file -> (gzip -> (gzip ->)) window. A file of usual size is inflated in one go, a larger
 * one by pieces that stay in the processor's cache and grow only for a record that does not fit.
 */
#include "ingest/reader_internal.h"

#include "base/io.h"
#include "base/pages.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    RAW_BYTES = 128 << 10,
    MID_BYTES = 64 << 10,
    PIECE_BYTES = 256 << 10, /* walked at a time: stays in the processor's cache */
    WINDOW_FIRST = (2 << 20) - JSON_PADDING,
    WHOLE_RATIO = 4, /* room for what a file inflates to that is inflated in one go */
};

static const size_t DEFAULT_LINE = (size_t)64 << 20;
static const uint64_t DEFAULT_INFLATED = UINT64_C(16) << 30;
static const uint32_t DEFAULT_RATIO = 1100;
static const size_t DEFAULT_WHOLE = (size_t)1 << 20;

enum status reader_new(struct reader_limits limits, struct reader **out, struct err *err)
{
    struct reader *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    r->limits.max_line = limits.max_line ? limits.max_line : DEFAULT_LINE;
    r->limits.max_inflated = limits.max_inflated ? limits.max_inflated : DEFAULT_INFLATED;
    r->limits.max_ratio = limits.max_ratio ? limits.max_ratio : DEFAULT_RATIO;
    r->limits.max_whole = limits.max_whole ? limits.max_whole : DEFAULT_WHOLE;
    if (r->limits.max_whole < RAW_BYTES)
        r->limits.max_whole = RAW_BYTES;
    arena_init(&r->arena);
    r->raw = pages_alloc(r->limits.max_whole);
    r->mid = malloc(MID_BYTES);
    r->window_cap = WINDOW_FIRST;
    r->window = pages_alloc(r->window_cap + JSON_PADDING);
    bool ok = r->raw && r->mid && r->window && gz_whole_new(&r->whole, NULL) == OK;
    for (int i = 0; ok && i < 2; i++)
        ok = gz_new(&r->gz[i], NULL) == OK;
    for (int i = 0; ok && i < LEVELS; i++)
        ok = json_new(&r->levels[i].json, NULL) == OK;
    if (!ok) {
        reader_free(r);
        return err_nomem(err);
    }
    *out = r;
    return OK;
}

void reader_free(struct reader *r)
{
    if (!r)
        return;
    for (int i = 0; i < 2; i++)
        gz_free(r->gz[i]);
    gz_whole_free(r->whole);
    for (int i = 0; i < LEVELS; i++) {
        json_free(r->levels[i].json);
        buf_fini(&r->levels[i].text);
    }
    arena_fini(&r->arena);
    pages_free(r->raw);
    free(r->mid);
    pages_free(r->window);
    free(r);
}

void reader_quarantine(struct reader *r, int64_t offset, const char *reason)
{
    r->about->n[ABOUT_QUARANTINED]++;
    struct origin at = r->origin;
    at.offset = offset;
    r->sink->quarantine(r->sink->ctx, &at, reason);
}

void reader_skipped(struct reader *r)
{
    r->about->n[ABOUT_SKIPPED]++;
}

/* Where bytes come from: a file, or memory (fd < 0). */
struct input {
    int fd;
    struct str bytes; /* what is left to take */
    int layers;       /* of gzip: 0, 1, 2 */
    bool ended;       /* the source has no more */
    struct str mid;   /* what is left of the first layer's output, with two layers */
    bool mid_ended;
    const char *failure; /* why the bytes end too early; NULL for a clean end */
    bool garbage;        /* bytes behind the last member of gzip were left out */
};

static void cannot_read(struct reader *r, struct input *in)
{
    in->failure = "the file cannot be read";
    r->cut_short = true;
}

/* The next bytes of the source, up to `room`; 0 at its end, and when it cannot be read. */
static size_t read_more(struct reader *r, struct input *in, char *to, size_t room)
{
    size_t n;
    if (io_read(in->fd, to, room, &n, r->origin.name, NULL) != OK) {
        cannot_read(r, in);
        n = 0;
    }
    in->ended = n == 0;
    if (r->source_bytes)
        atomic_fetch_add_explicit(r->source_bytes, (int64_t)n, memory_order_relaxed);
    return n;
}

/* More source bytes into in->bytes when it is empty. */
static void refill(struct reader *r, struct input *in)
{
    if (in->bytes.n > 0 || in->ended)
        return;
    if (in->fd < 0)
        in->ended = true;
    else
        in->bytes = str_of(r->raw, read_more(r, in, r->raw, RAW_BYTES));
}

/* The first bytes of a pipe may come one by one, and three tell what they are. */
static void refill_first(struct reader *r, struct input *in)
{
    refill(r, in);
    while (in->fd >= 0 && !in->ended && in->bytes.n < 3)
        in->bytes.n += read_more(r, in, r->raw + in->bytes.n, RAW_BYTES - in->bytes.n);
}

static const char *failure_of(enum status status)
{
    return status == ERR_LIMIT ? "the gzip file inflates beyond the limits"
                               : "the gzip file is damaged";
}

/*
 * One layer of gzip: from *src (the source or the layer before) to out. *done when the layer has
 * ended, cleanly or not.
 */
static enum status inflate_layer(struct input *in, struct gz *gz, struct str *src, bool src_ended,
                                 char *out, size_t cap, size_t *n, bool *done, struct err *err)
{
    enum gz_state state = GZ_MORE;
    *n = 0;
    if (src->n == 0 && src_ended) {
        *done = true;
        if (gz_truncated(gz) && !in->failure)
            in->failure = "the gzip file ends too early";
        return OK;
    }
    enum status status = gz_inflate(gz, src, out, cap, n, &state, err);
    if (status == ERR_NOMEM)
        return status;
    if (status != OK)
        in->failure = failure_of(status);
    else if (state == GZ_GARBAGE)
        in->garbage = true;
    *done = status != OK || state == GZ_GARBAGE;
    return OK;
}

/* Up to cap decompressed bytes; *n == 0 only at the end. */
static enum status produce(struct reader *r, struct input *in, char *out, size_t cap, size_t *n,
                           bool *end, struct err *err)
{
    *n = 0;
    *end = false;
    while (*n == 0 && !*end) {
        refill(r, in);
        if (in->layers == 0) {
            *n = in->bytes.n < cap ? in->bytes.n : cap;
            memcpy(out, in->bytes.p, *n);
            in->bytes = str_skip(in->bytes, *n);
            *end = in->ended && *n == 0;
        } else if (in->layers == 1) {
            TRY(inflate_layer(in, r->gz[0], &in->bytes, in->ended, out, cap, n, end, err));
        } else {
            if (in->mid.n == 0 && !in->mid_ended) {
                size_t got;
                TRY(inflate_layer(in, r->gz[0], &in->bytes, in->ended, r->mid, MID_BYTES, &got,
                                  &in->mid_ended, err));
                in->mid = str_of(r->mid, got);
            }
            TRY(inflate_layer(in, r->gz[1], &in->mid, in->mid_ended, out, cap, n, end, err));
        }
    }
    return OK;
}

/* Looks at the first bytes, so as to know how many layers of gzip there are. */
static enum status detect(struct reader *r, struct input *in, struct err *err)
{
    struct gz_limits limits = {r->limits.max_inflated, r->limits.max_ratio};
    if (!gz_is_gzip(in->bytes))
        return OK;
    in->layers = 1;
    gz_start(r->gz[0], limits);
    size_t got = 0;
    bool end = false;
    while (got < 3 && !end) {
        size_t n;
        refill(r, in);
        TRY(inflate_layer(in, r->gz[0], &in->bytes, in->ended, r->mid + got, MID_BYTES - got, &n,
                          &end, err));
        got += n;
    }
    in->mid = str_of(r->mid, got);
    in->mid_ended = end;
    if (gz_is_gzip(in->mid)) {
        in->layers = 2;
        gz_start(r->gz[1], limits);
    }
    return OK;
}

/* Room for so many bytes; the first `used` stay. */
static enum status reserve_window(struct reader *r, size_t used, size_t cap, struct err *err)
{
    if (cap <= r->window_cap)
        return OK;
    /* Once for all files of usual size: pages are taken as they are touched, and a window that grew
     * with each larger file would take (and the system clear) them again and again. */
    size_t usual = WHOLE_RATIO * r->limits.max_whole;
    cap = cap < usual ? usual : cap;
    char *window = pages_grow(r->window, used, cap + JSON_PADDING);
    if (!window)
        return err_nomem(err);
    r->window = window;
    r->window_cap = cap;
    return OK;
}

/* A window grown for one giant record is not kept for the files after it: of many threads most
 * wait for a server, each with what it has. */
static void shrink_window(struct reader *r)
{
    size_t usual = WHOLE_RATIO * r->limits.max_whole;
    if (r->window_cap <= (usual > WINDOW_FIRST ? usual : WINDOW_FIRST))
        return;
    char *window = pages_alloc(WINDOW_FIRST + JSON_PADDING);
    if (window) {
        pages_free(r->window);
        r->window = window;
        r->window_cap = WINDOW_FIRST;
    }
}

/* Fills the window up to `cap`. */
static enum status fill(struct reader *r, struct input *in, size_t cap, size_t *n, bool *eof,
                        struct err *err)
{
    if (in->layers == 1 && in->mid.n > 0 && *n == 0) {
        /* What detect() inflated. */
        memcpy(r->window, in->mid.p, in->mid.n);
        *n = in->mid.n;
        in->mid = STR_NONE;
        if (in->mid_ended) {
            *eof = true;
            return OK;
        }
    } else if (in->layers == 1 && in->mid_ended) {
        *eof = true;
        return OK;
    }
    while (*n < cap && !*eof) {
        size_t got;
        TRY(produce(r, in, r->window + *n, cap - *n, &got, eof, err));
        *n += got;
    }
    return OK;
}

/* Reads on until the file ends or raw is full. Memory is read already. */
static void read_whole(struct reader *r, struct input *in)
{
    in->ended |= in->fd < 0;
    while (!in->ended && in->bytes.n < r->limits.max_whole)
        in->bytes.n += read_more(r, in, r->raw + in->bytes.n, r->limits.max_whole - in->bytes.n);
}

/*
 * The usual object, inflated in one go. False when it is not of that kind: too large, damaged,
 * gzip in gzip. Then nothing has been taken from `in`, and the stream reads it.
 */
static bool inflate_whole(struct reader *r, struct input *in, size_t *n)
{
    if (!gz_is_gzip(in->bytes))
        return false;
    read_whole(r, in);
    uint64_t room = gz_whole_hint(in->bytes);
    if (!in->ended || in->failure || room == 0 || room > WHOLE_RATIO * r->limits.max_whole ||
        room > r->limits.max_inflated || room / r->limits.max_ratio > in->bytes.n)
        return false;
    return reserve_window(r, 0, (size_t)room, NULL) == OK &&
           gz_whole_inflate(r->whole, in->bytes, r->window, (size_t)room, n) &&
           !gz_is_gzip(str_of(r->window, *n));
}

/* The records in the first n bytes of the window. */
static enum status read_window(struct reader *r, size_t n, struct err *err)
{
    size_t consumed;
    r->about->n[ABOUT_BYTES] += (int64_t)n;
    memset(r->window + n, 0, JSON_PADDING);
    return frame_feed(r, 0, r->window, n, 0, true, &consumed, err);
}

static enum status read_all(struct reader *r, struct input *in, struct err *err)
{
    size_t n = 0;
    refill_first(r, in);
    if (inflate_whole(r, in, &n))
        return read_window(r, n, err);
    n = 0;
    TRY(detect(r, in, err));
    size_t cap = PIECE_BYTES;
    int64_t base = 0;
    bool eof = false;
    while (!eof) {
        size_t before = n, consumed = 0;
        TRY(fill(r, in, cap, &n, &eof, err));
        r->about->n[ABOUT_BYTES] += (int64_t)(n - before);
        memset(r->window + n, 0, JSON_PADDING);
        TRY(frame_feed(r, 0, r->window, n, base, eof, &consumed, err));
        if (consumed > 0)
            memmove(r->window, r->window + consumed, n - consumed);
        n -= consumed;
        base += (int64_t)consumed;
        /* Half full of one record: the next one like it should fit at once. */
        if (!eof && n > cap / 2)
            TRY(reserve_window(r, n, cap *= 2, err));
    }
    return OK;
}

static enum status run(struct reader *r, struct input *in, const struct origin *from,
                       const struct reader_sink *sink, struct about *about, struct err *err)
{
    r->sink = sink;
    r->about = about;
    r->origin = *from;
    r->discarding = false;
    r->csv = r->cut_short = false;
    arena_reset(&r->arena);
    about->n[ABOUT_FILES]++;
    enum status status = read_all(r, in, err);
    if (status == OK && in->failure) {
        about->n[ABOUT_FILES_FAILED]++;
        reader_quarantine(r, r->origin.offset, in->failure);
    } else if (status == OK && in->garbage) {
        reader_quarantine(r, r->origin.offset, "bytes behind the end of the gzip data");
    }
    shrink_window(r);
    return status;
}

enum status reader_file(struct reader *r, int fd, const struct origin *from,
                        const struct reader_sink *sink, struct about *about, struct err *err)
{
    struct input in = {.fd = fd};
    return run(r, &in, from, sink, about, err);
}

void reader_count_source(struct reader *r, _Atomic int64_t *bytes)
{
    r->source_bytes = bytes;
}

bool reader_cut_short(const struct reader *r)
{
    return r->cut_short;
}

enum status reader_bytes(struct reader *r, struct str bytes, const struct origin *from,
                         const struct reader_sink *sink, struct about *about, struct err *err)
{
    struct input in = {.fd = -1, .bytes = bytes};
    return run(r, &in, from, sink, about, err);
}
