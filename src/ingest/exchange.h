/*
 * Reads bodies: what the request holds and which tools the answer calls (shared facts,
 * request-bodies). Native Anthropic and Converse forms alike, of any harness; what is no such body
 * gives an exchange without details. Bodies are written by clients: nothing in them is trusted,
 * every list is bounded, time is linear in the length, and no text is kept.
 *
 * One per thread. What an exchange borrows is good until the next call.
 */
#ifndef ASSAY_INGEST_EXCHANGE_H
#define ASSAY_INGEST_EXCHANGE_H

#include "base/hash.h"
#include "base/symbols.h"
#include "codec/json.h"
#include "model/harness.h"
#include "model/principal.h"

struct exchange_reader;

/* What the names and offers of a run take, of all its threads (EXCHANGE_NAMES_BYTES …). */
struct exchange_room {
    struct symbols_budget names, offers;
};
void exchange_room_init(struct exchange_room *room);

struct exchange_env {
    struct symbols *symbols;
    const struct harness_rules *rules;
    struct hash_key key;        /* of the store, or of the run */
    bool repository_names;      /* keep the last part of working directories, not a hash */
    struct exchange_room *room; /* of the run; borrowed. NULL: this reader has its own */
};

struct exchange_source {
    const struct json_cursor *input; /* due at the body; NULL when it was not seen */
    const struct json_cursor *output;
    struct str operation;
    struct str principal; /* identity.arn */
};

/* Names for labels; "" when not known. */
struct exchange_names {
    struct str harness, version, entrypoint;
};

enum status exchange_reader_new(const struct exchange_env *env, struct exchange_reader **out,
                                struct err *err) MUST_USE;
void exchange_reader_free(struct exchange_reader *r);
/*
 * Requests repeat one another: system texts, tools, and the messages up to the last ones. What such
 * a part of a request amounts to is remembered by a keyed hash of its bytes. Finds these parts in
 * the first lines of a text, which are records: they need not be indexed (json_index_around). *end
 * is where these lines end; 0: nothing is remembered, or no line is whole. With and without it
 * exchange_read gives the same of these records; those of lines that were found before must not be
 * read any more.
 */
size_t exchange_known(struct exchange_reader *r, struct str text, struct json_gap *gaps,
                      size_t room, size_t *end);
/* *session is what invocation.session becomes. ERR_NOMEM only. */
enum status exchange_read(struct exchange_reader *r, const struct exchange_source *source,
                          struct exchange *out, struct exchange_names *names, uint64_t *session,
                          struct err *err) MUST_USE;

#endif
