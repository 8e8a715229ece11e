/* What inside.c, inside_rows.c and inside_walk.c share; included nowhere else. */
#ifndef ASSAY_QUERY_INSIDE_INTERNAL_H
#define ASSAY_QUERY_INSIDE_INTERNAL_H

#include "query/answer_internal.h"
#include "query/inside.h"
#include "query/plan_internal.h"
#include "query/tally.h"

/* Which row something counts in. The plan's group stands for all dimensions that labels tell;
 * `part` for the others: symbols, numbers of enums, or texts of the engine. No padding. */
struct row_key {
    int64_t bucket_us;
    uint32_t group;
    uint32_t spare;
    uint32_t part[QUESTION_DIMS];
};

struct inside_row {
    struct row_key key;
    uint32_t id;   /* position among the rows at hand */
    char *session; /* by session: its id, owned */
    size_t session_n;
    uint32_t *reasons; /* marks of the plan */
    uint32_t reasons_n;
    struct tally tally;
};

/* ---- Rows at hand, found by key, and who took part in them (inside_rows.c). */

struct row_table {
    struct inside_row **rows;
    uint32_t rows_n, rows_cap;
    uint32_t *slots; /* id + 1; 0: empty */
    size_t mask;
    uint64_t *marks; /* (row id, mark) + 1; 0: empty */
    size_t marks_n, marks_mask;
    struct hash_key key;
};

enum status row_table_init(struct row_table *t) MUST_USE;
void row_table_fini(struct row_table *t);
/* Forgets the rows, which are somebody else's now, and the marks. */
void row_table_reset(struct row_table *t);
/* The row of a key, made when it is new; NULL when memory is short. */
struct inside_row *row_at(struct row_table *t, const struct row_key *key);
/* Counts a mark of the plan: a user once in each row; a reason likewise. */
enum status row_mark(struct row_table *t, struct inside_row *row, uint32_t mark) MUST_USE;
void row_free(struct inside_row *row);

/* A row that is final, with what it is ordered by in front (answer_compare_rows). */
struct kept_row {
    struct answer_row head;
    struct inside_row *row;
};

/* ---- The engine. */

/* An item of an offer, by symbol. */
struct offered {
    uint8_t kind; /* enum tool_kind */
    uint32_t name;
    int64_t bytes; /* TOOL_MCP only */
};

enum { OFFER_CACHE = 16 };

struct offer_cache {
    uint32_t symbol; /* 0: empty */
    struct offered *v;
    size_t n, cap;
};

struct inside {
    struct plan *plan;
    struct plan_view *view;
    const struct question *question;
    struct series *series;
    struct symbols *symbols; /* of the series */
    struct symbols *texts;   /* threads and signals */
    struct runaway_limits limits;
    bool by_session, by_use, by_thread, by_tool, by_offer;
    bool filters_sessions; /* some filter is of sessions or of uses */
    bool filters_uses, filters_signals;
    bool wants_offers, wants_skills, wants_first, wants_signals;
    struct row_table table, total_table;
    struct inside_row *total;
    struct kept_row *kept;
    size_t kept_n, kept_cap, cut;
    struct answer_sessions about;
    uint64_t serial;     /* of the session, from 1 */
    uint64_t calls_seen; /* in sessions before this one */
    struct offer_cache offers[OFFER_CACHE];
};

/* By session: its rows are final now. At the end: all are. */
enum status inside_keep(struct inside *in) MUST_USE;
/* The text of a dimension of a row; "" for DIM_TIME. Borrows. */
struct str inside_text(const struct inside *in, const struct inside_row *row, int dim);

/* What an offer holds; NULL when memory is short. Good until the next call. */
const struct offer_cache *inside_offer(struct inside *in, uint32_t symbol);

/* A use of a tool, a command that was typed, or (with name 0 for servers) an item of an offer. */
struct atom {
    uint8_t kind; /* enum tool_kind */
    uint32_t server, name;
    bool is_skill; /* a command that runs a skill */
    bool error;
};
uint32_t atom_part(const struct atom *a, enum dimension dim);
struct str inside_part_text(const struct inside *in, enum dimension dim, uint32_t part);

#endif
