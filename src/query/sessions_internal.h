/* What the two files of the gathering of sessions share: sessions.c, which keeps records in parts,
 * and sessions_read.c, which makes sessions of the records of a part. */
#ifndef ASSAY_QUERY_SESSIONS_INTERNAL_H
#define ASSAY_QUERY_SESSIONS_INTERNAL_H

#include "query/sessions.h"
#include "query/spill.h"

enum { BITS = 6, SESSION_PARTS = 1 << BITS };

enum record_kind { RECORD_SURE, RECORD_PENDING, RECORD_DROP, RECORD_CONFIRM };
enum { KIND_BITS = 2 };

struct session_stream {
    struct spill_stream bytes;
    uint64_t records;
    uint64_t session; /* of the last record */
    bool several;     /* there are records of another session too */
};

struct lane {
    struct session_stream part[SESSION_PARTS];
    struct buf record;
};

struct sessions {
    struct sessions_options o;
    int threads;
    struct spill *spill;
    struct lane *lanes;
    _Atomic uint64_t peak; /* bytes of memory */
};

/* One record of a part in memory. */
struct index_entry {
    uint64_t session;
    struct hash128 key;
    uint64_t content;
    int64_t time_us;
    uint32_t kind; /* enum record_kind */
    uint32_t n;    /* bytes, from `at` in the part's bytes */
    size_t at;
};
enum { SESSIONS_INDEX_BYTES = sizeof(struct index_entry) };

/* A pass over all sessions. Its memory is used from part to part, and from session to session. */
struct visit {
    struct sessions *s;
    enum status (*each)(void *ctx, const struct session *s);
    void *ctx;
    struct buf bytes; /* of the part */
    struct index_entry *entries;
    size_t entries_cap;
    struct session_call *calls;
    size_t calls_cap;
    struct arena arena;
};

bool sessions_next(struct unpack *u, enum record_kind *kind, struct str *bytes);
enum status sessions_append(struct sessions *s, struct session_stream *stream, uint64_t session,
                            enum record_kind kind, struct str bytes, struct err *err) MUST_USE;
void sessions_note_memory(struct sessions *s, uint64_t more);

/* All sessions of a part that fits into memory. */
enum status sessions_read(struct visit *visit, struct session_stream *const *streams, size_t n,
                          struct err *err) MUST_USE;
void sessions_visit_fini(struct visit *visit);

#endif
