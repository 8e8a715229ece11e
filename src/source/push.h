/*
 * A source that is sent to: an HTTP(S) server that takes deliveries of Amazon Data Firehose
 * ("HTTP endpoint delivery request and response specifications", Firehose developer guide, read
 * 2026-11) and plain POSTs, and answers 200 when what they held is committed to the store.
 *
 *     const struct push_options o = {.name = "firehose", .listen = ":8443", .certificate = "c.pem",
 *                                    .key = "k.pem", .access_key_file = "access.key"};
 *     TRY(source_push_new(&o, &source, err));
 *
 * Firehose: any path; header X-Amz-Firehose-Request-Id, body {"requestId", "timestamp", "records":
 * [{"data": base64}]}, gzip when Content-Encoding says so. A record may be a CloudWatch
 * subscription message (as gzip or not), invocation records, or several of them back to back. The
 * answer is {"requestId", "timestamp"}, with "errorMessage" when it is not 200.
 * Plain: a body of anything that a file of logs may be; also gzip.
 *
 * 200  in the store
 * 400  the envelope is malformed, or has more than 100,000 records (what its records hold is no
 * matter: an unreadable record goes to the quarantine, because the sender would send it again and
 * again for nothing) 400  from Firehose, instead of 413: the body is too long. After a 413 Firehose
 * drops the batch for good; after anything else it tries again and at last keeps it in its error
 * bucket 401  no access key, or not the right one (X-Amz-Firehose-Access-Key, or Authorization:
 * Bearer) 405, 413, 415 (an encoding other than gzip) 500  it could not be read or stored: send it
 * again 503  too many bytes wait already, or the program stops: send it again later
 *
 * One request is one item "push:NAME" that grows. Senders repeat what was not answered; the store
 * knows the records again. Bodies in S3 that records point to are not there for it.
 *
 * Every request that is not answered with 200 or 500 is counted (`refused` of the state) and told
 * once a minute and reason; except for 401 and 503 it makes the source failing for five minutes.
 *
 * Memory: requests that wait, are read or are not yet committed hold at most queue_bytes_max and
 * one inflated body more; looking into an envelope takes less than 20 MiB beside that.
 */
#ifndef ASSAY_SOURCE_PUSH_H
#define ASSAY_SOURCE_PUSH_H

#include "source/source.h"

struct push_options {
    const char *name;
    const char *listen;            /* see struct server_options, as the next two */
    const char *certificate, *key; /* NULL: HTTP, for a proxy in front */
    const char *access_key_file;   /* what it holds, without white space around, is the key; NULL:
                                    * none, then it listens on loopback only */
    uint64_t body_bytes_max;       /* also inflated, of Firehose; 0: 64 MiB, which is as much as
                                    * Firehose sends, before compression */
    uint64_t queue_bytes_max;      /* 0: 256 MiB; at least body_bytes_max */
    int64_t first_ms;              /* for who has not shown the key: a TLS handshake, headers. 0:
                                    * 10000 */
    int64_t request_ms;            /* for a body to come in; 0: 170000, because Firehose gives up
                                    * after three minutes */
    unsigned connections_max;      /* 0: 256; see struct server_options */
};

enum { PUSH_KEY_MAX = 4096 }; /* bytes; Firehose's limit, too */

/* Listens at once; requests wait until the run begins. The options' strings live as long as the
 * source. ERR_USAGE: no key on an address that others reach, an empty key; see also server_new. */
enum status source_push_new(const struct push_options *o, struct source **out,
                            struct err *err) MUST_USE;
int source_push_port(const struct source *s);
/* Reads certificate, key and access key again. After a failure the old ones stay. Any thread. */
enum status source_push_reload(struct source *s, struct err *err) MUST_USE;

#endif
