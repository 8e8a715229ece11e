/*
 * From bytes to records. A reader takes a file apart: gzip (several members, gzip in gzip) or
 * plain, told by content; JSON lines, objects back to back, pretty-printed objects, arrays; wrapped
 * by CloudWatch Logs, Kinesis, Firehose or Insights; export lines, CLI tail lines and console CSV
 * (bedrock-logs facts, sections 3 and 4.2). Each record found goes to the sink; what is broken goes
 * to its quarantine with an offset and a reason, and the reading goes on.
 *
 * One reader per thread; its buffers are reused from file to file.
 */
#ifndef ASSAY_INGEST_READER_H
#define ASSAY_INGEST_READER_H

#include "ingest/record.h"
#include "query/about.h"

struct reader;

struct reader_limits {
    size_t max_line;       /* bytes of one record, 0: 64 MiB */
    uint64_t max_inflated; /* bytes of one file after decompression, 0: 16 GiB */
    uint32_t max_ratio;    /* inflated : deflated, 0: 1100 (the format itself ends at 1032) */
    /* Deflated bytes of a file that is inflated in one go, in memory of five times its size, which
     * is faster than as a stream. 0: 1 MiB. */
    size_t max_whole;
};

/* Where a record was found. */
struct origin {
    const char *name;    /* of the file */
    int64_t offset;      /* in the decompressed bytes */
    struct str account;  /* from a wrapper or from the file's key, "" when unknown */
    struct str region;   /* from the file's key, "" when unknown */
    int64_t delivery_us; /* event time of a wrapper, hour of the key; TIME_NONE when unknown */
};

enum { READER_GAPS = 16 };

struct reader_sink {
    void *ctx;
    /* A failure stops the reading of the file and is handed to the caller of reader_file. */
    enum status (*record)(void *ctx, struct record *r, const struct origin *o, struct err *err);
    /* `reason` is static text and never holds anything of the record. */
    void (*quarantine)(void *ctx, const struct origin *o, const char *reason);
    /* Finds parts of the next lines of a text that need not be indexed because whoever takes the
     * records knows them: how many, at most `room`, and where these lines end; *end is 0 when it
     * is all the same to it. May be NULL. The lines that were asked for before are done with. */
    size_t (*known)(void *ctx, struct str text, struct json_gap *gaps, size_t room, size_t *end);
};

enum status reader_new(struct reader_limits limits, struct reader **out, struct err *err) MUST_USE;
void reader_free(struct reader *r);

/*
 * Reads one open file to its end. `from` names the file and what its key tells. `about` is added
 * to: files, bytes, records, skipped, quarantined, files_failed. Bad content is no failure;
 * ERR_NOMEM and failures of the sink are.
 */
enum status reader_file(struct reader *r, int fd, const struct origin *from,
                        const struct reader_sink *sink, struct about *about,
                        struct err *err) MUST_USE;

/* Adds the bytes of files to a counter as they are read, so that another thread can watch. */
void reader_count_source(struct reader *r, _Atomic int64_t *bytes);

/* The last file was not read to its end because the system could not (not because of what is in
 * it): another attempt may come further. */
bool reader_cut_short(const struct reader *r);

/* The same for bytes in memory. */
enum status reader_bytes(struct reader *r, struct str bytes, const struct origin *from,
                         const struct reader_sink *sink, struct about *about,
                         struct err *err) MUST_USE;

#endif
