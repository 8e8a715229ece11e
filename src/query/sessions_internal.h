/* What the files of the gathering of sessions share: sessions.c, which keeps records in parts,
 * sessions_read.c, which makes sessions of the records of a part, sessions_slice.c, which folds
 * what is too long for that piece by piece, and sessions_sort.c, which puts calls in order that do
 * not fit into memory even packed. */
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
    uint32_t block;        /* bytes of a stream in memory */
    uint64_t part_limit;   /* bytes of packed calls and their index at once */
    uint64_t fold_limit;   /* weight of calls that are unpacked at once */
    _Atomic uint64_t peak; /* bytes of memory */
    struct sessions_cuts cuts;
};

/* One record of a part in memory. */
struct index_entry {
    uint64_t session;
    struct hash128 key;
    uint64_t content;
    int64_t time_us;
    uint8_t kind;    /* enum record_kind */
    uint16_t listed; /* entries of its lists */
    uint32_t n;      /* bytes, from `at` in the part's bytes */
    size_t at;
};
_Static_assert(3 * EXCHANGE_USES <= UINT16_MAX, "entries of three lists are counted in 16 bits");

/* A call that counts, by what it stands in order: sessions, and of each the order of session_fold.
 * The same in every process but for the order of sessions. */
struct call_place {
    uint64_t session, id; /* id: hash of what the client gave, 0: none */
    uint32_t principal;   /* symbol */
    uint8_t kind, good;
    uint16_t listed;
    int64_t time_us;
    uint32_t messages, n;
    uint64_t content;
    struct hash128 key;
    size_t at; /* of its n bytes, in the part's bytes */
};

/* What a record of a part takes in memory beside its bytes. */
enum { SESSIONS_INDEX_BYTES = sizeof(struct index_entry) + sizeof(struct call_place) };

/* Memory of an unpacked call while it is folded, and of an entry of its lists: measured, with what
 * the worst of calls need (each a thread of its own). The same whatever the run, as where sessions
 * are cut depends on it. */
enum { CALL_WEIGHT = 1200, LISTED_WEIGHT = 140 };
static inline uint64_t session_weight(uint32_t listed)
{
    return CALL_WEIGHT + (uint64_t)listed * LISTED_WEIGHT;
}

/* The session that comes in pieces. */
struct slice {
    bool open;
    uint64_t session, id;
    uint32_t principal;
    int64_t last_us;
    uint64_t weight; /* of the calls at hand */
    bool cut;        /* there were pieces before */
    struct session_before before;
    uint64_t *uses; /* of `before` */
    size_t uses_cap;
};

/* A pass over all sessions. Its memory is used from part to part, and from session to session. */
struct visit {
    struct sessions *s;
    enum status (*each)(void *ctx, const struct session *s);
    void *ctx;
    struct buf bytes; /* of the part */
    struct index_entry *entries;
    size_t entries_cap;
    struct call_place *places;
    size_t places_cap;
    struct session_call *calls;
    size_t calls_n, calls_cap;
    struct arena arena;
    struct slice slice;
};

bool sessions_next(struct unpack *u, enum record_kind *kind, struct str *bytes);
enum status sessions_append(struct sessions *s, struct session_stream *stream, uint64_t session,
                            enum record_kind kind, struct str bytes, struct err *err) MUST_USE;
void sessions_note_memory(struct sessions *s, uint64_t more);

/* Deals the records of a stream out to n others: by the hash of the session at a level, or of the
 * call. `bytes` is room to read in. */
struct session_deal {
    struct session_stream *to;
    size_t n;
    bool by_call;
    int level;
};
enum status sessions_deal(struct sessions *s, const struct session_stream *from,
                          const struct session_deal *deal, struct buf *bytes,
                          struct err *err) MUST_USE;

/* ---- sessions_read.c */

/* All sessions of a part that fits into memory. */
enum status sessions_read(struct visit *visit, struct session_stream *const *streams, size_t n,
                          struct err *err) MUST_USE;
/* Loads a part and leaves in its index the calls that count, *n of them, call by call. */
enum status sessions_load(struct visit *visit, struct session_stream *const *streams,
                          size_t streams_n, size_t *n, struct err *err) MUST_USE;
/* Unpacks a call behind the others. What it borrows is in the arena. */
enum status sessions_unpack(struct visit *visit, const unsigned char *p, size_t n,
                            struct err *err) MUST_USE;
/* Folds the calls at hand, which stay until they are forgotten. */
enum status sessions_fold(struct visit *visit, const struct session_before *before,
                          struct err *err) MUST_USE;
void sessions_forget(struct visit *visit);
uint32_t sessions_principal(const struct sessions *s, uint32_t series);
void sessions_visit_fini(struct visit *visit);

/* ---- sessions_slice.c */

/* Puts n calls of the index into order, as places. */
enum status sessions_place(struct visit *visit, const struct index_entry *e, size_t n,
                           struct err *err) MUST_USE;
int sessions_compare(const void *a, const void *b); /* places */
/* The next call in order; folds what is complete or does not fit. The end: the last ones. */
enum status sessions_slice(struct visit *visit, const struct call_place *place,
                           const unsigned char *p, struct err *err) MUST_USE;
enum status sessions_slice_end(struct visit *visit, struct err *err) MUST_USE;

/* ---- sessions_sort.c */

/* All sessions of a part that does not fit into memory and cannot be dealt out by hashes of
 * sessions. */
enum status sessions_sort(struct visit *visit, struct session_stream *const *streams, size_t n,
                          uint64_t need, struct err *err) MUST_USE;

#endif
