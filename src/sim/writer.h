/*
 * Files in the layout of S3 delivery. Each (account, Region) is a stream of records that is cut
 * into files every few minutes or when enough has gathered. A record may be delivered once more:
 * then the copy stands at the beginning of the stream's next file.
 */
#ifndef ASSAY_SIM_WRITER_H
#define ASSAY_SIM_WRITER_H

#include "base/buf.h"
#include "sim/org.h"

#define SIM_BUCKET "example-bedrock-logs"

struct stream {
    struct buf json; /* records of the file being gathered */
    struct buf late; /* a copy for the next file */
    int64_t slot;
    int64_t time_s; /* of the newest record in json; 0: none yet */
    int64_t hour;   /* whose folder exists, and with data/ */
    int64_t data_hour;
};

struct writer {
    const char *dir;
    const struct org *org;
    int64_t slot_s; /* seconds of delivery that go into one file */
    struct stream stream[ORG_ACCOUNTS * ORG_REGIONS];
    struct rng rng; /* names of files */
    struct buf gzip, plain;
    int64_t files, json_bytes, gzip_bytes;
    int64_t late_n; /* copies that were written */
};

void writer_init(struct writer *w, const char *dir, const struct org *org, uint64_t seed,
                 int64_t slot_s);
void writer_fini(struct writer *w);

/* Where to append a record of that time; cuts the file before when it is time. */
enum status writer_at(struct writer *w, uint8_t account, uint8_t region, int64_t time_s,
                      struct stream **out, struct err *err) MUST_USE;
/* Keeps the bytes of the stream from `from` on for its next file, unless one is kept already. */
void writer_again(struct stream *s, size_t from);
/* The s3:// path of a body object, or its file below the directory. kind: "input", "output". */
void writer_object_path(const struct writer *w, uint8_t account, uint8_t region, int64_t time_s,
                        const char *request_id, const char *kind, bool local, struct buf *path);
/* Writes a body object from its pieces. */
enum status writer_object(struct writer *w, uint8_t account, uint8_t region, int64_t time_s,
                          const char *request_id, const char *kind, const struct str *pieces, int n,
                          struct err *err) MUST_USE;
/* Writes what is gathered, copies included. */
enum status writer_finish(struct writer *w, struct err *err) MUST_USE;
/* The empty object that configuring logging leaves in every account and Region in use. */
enum status writer_permission_checks(struct writer *w, struct err *err) MUST_USE;

#endif
