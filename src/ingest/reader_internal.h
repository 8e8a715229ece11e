/* What reader.c (bytes), frame.c (records) and unwrap.c (envelopes) share; included nowhere else.
 */
#ifndef ASSAY_INGEST_READER_INTERNAL_H
#define ASSAY_INGEST_READER_INTERNAL_H

#include "codec/gz.h"
#include "codec/gz_whole.h"
#include "ingest/reader.h"

/* Envelopes inside envelopes: Kinesis event > CloudWatch message > record, and one to spare. */
enum { LEVELS = 5 };

struct level {
    struct json *json;
    struct buf text; /* the decoded bytes of a nested text, with JSON_PADDING behind */
};

struct reader {
    struct reader_limits limits;
    struct gz *gz[2]; /* gzip, and gzip in gzip */
    struct gz_whole *whole;
    char *raw;    /* compressed bytes as read */
    char *mid;    /* between the two layers of gzip */
    char *window; /* decompressed bytes */
    size_t window_cap;
    struct level levels[LEVELS];
    struct arena arena;       /* names of the record in work */
    struct document document; /* of the outermost level; too large for the stack of each */

    /* Of the file in work. */
    const struct reader_sink *sink;
    struct about *about;
    struct origin origin;
    bool discarding;               /* inside a line that is too long: up to its end */
    bool csv;                      /* the rest is console CSV */
    bool cut_short;                /* see reader_cut_short */
    _Atomic int64_t *source_bytes; /* see reader_count_source */
};

/*
 * Finds the records in p[0..n), which has JSON_PADDING readable bytes behind it. *consumed is how
 * far it came: less than n when the rest is the beginning of a record and `eof` is false.
 */
enum status frame_feed(struct reader *r, int level, const char *p, size_t n, int64_t base, bool eof,
                       size_t *consumed, struct err *err) MUST_USE;

/* Hands a decoded object to the sink, or opens it when it is a wrapper. */
enum status unwrap_document(struct reader *r, int level, struct document *d,
                            struct err *err) MUST_USE;
/* Bytes found inside something (decoded base64, a message): gzip or text, read as a level deeper.
 */
enum status unwrap_bytes(struct reader *r, int level, struct str bytes, struct err *err) MUST_USE;
/* A text found as a JSON string, escapes still in it. */
enum status unwrap_string(struct reader *r, int level, struct str raw, struct err *err) MUST_USE;
/* When an event was delivered: milliseconds, or a date and time; `otherwise` when it is neither. */
int64_t unwrap_time(struct str text, int64_t otherwise);
enum status unwrap_base64(struct reader *r, int level, struct str text, struct err *err) MUST_USE;

void reader_quarantine(struct reader *r, int64_t offset, const char *reason);
void reader_skipped(struct reader *r);

#endif
