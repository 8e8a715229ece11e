/*
 * Symbols: each distinct text of a run (an ARN, a model id, a Region) is kept once and named by a
 * small number. Id 0 is always the empty text. Many threads may intern and read at once: a text,
 * once given out, never moves and never changes.
 *
 * Ids depend on the order of arrival, so nothing that a user sees may be ordered by them.
 */
#ifndef ASSAY_BASE_SYMBOLS_H
#define ASSAY_BASE_SYMBOLS_H

#include "base/err.h"
#include "base/str.h"

struct symbols;

enum status symbols_new(struct symbols **out, struct err *err) MUST_USE;
void symbols_free(struct symbols *s);
/* The id of text, which is copied when it is new. ERR_NOMEM, or ERR_LIMIT past 2^31 texts. */
enum status symbols_intern(struct symbols *s, struct str text, uint32_t *id) MUST_USE;
/* How much texts that strangers choose may take: bytes of those texts and SYMBOL_COST for each. All
 * that is counted by one budget is of one table, whose lock guards it. */
enum { SYMBOL_COST = 64 };
struct symbols_budget {
    uint64_t limit, used; /* bytes */
};
/* As symbols_intern, but a new text is taken only while it fits; otherwise the id is 0. `bytes` are
 * those that count for it. */
enum status symbols_intern_within(struct symbols *s, struct str text, size_t bytes,
                                  struct symbols_budget *budget, uint32_t *id) MUST_USE;
/* False when the text was never interned. */
bool symbols_find(struct symbols *s, struct str text, uint32_t *id);
/* The text of an id that symbols_intern gave; lives as long as s, aligned for any type. */
struct str symbols_text(const struct symbols *s, uint32_t id);
/* How many ids exist: valid ids are 0 .. count-1. */
uint32_t symbols_count(const struct symbols *s);

#endif
