/* What inside*.c share; included nowhere else. */
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
/* Forgets the rows that are not in this share, of 2^bits that their keys are dealt out to. False
 * when memory is short, and all rows are there still. */
bool row_table_keep(struct row_table *t, unsigned bits, uint32_t share) MUST_USE;
uint32_t row_share(const struct row_table *t, const struct row_key *key, unsigned bits);
/* Counts a mark of the plan: a user once in each row; a reason likewise. */
enum status row_mark(struct row_table *t, struct inside_row *row, uint32_t mark) MUST_USE;
void row_free(struct inside_row *row);

/* A row that is final. */
struct kept_row {
    struct inside_row *row;
    struct metric_value lead;
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
    struct cube *stray; /* calls that are no sessions: session_is_stray */
    struct inside_row *total;
    struct kept_row *kept;
    size_t kept_n, kept_cap, cut;
    struct answer_sessions about;
    uint64_t serial; /* of the session, from 1 */
    bool counted;    /* it is among the sessions of the answer */
    int64_t limit;   /* of rows; 0: none */
    bool may_share;  /* rows need not all be there at once */
    uint32_t rows_at_once;
    unsigned share_bits; /* rows are dealt out to 2^share_bits passes */
    uint32_t pass;       /* the share at hand; what is no row is added up in the first */
    uint64_t calls_seen; /* in sessions before this one */
    struct offer_cache offers[OFFER_CACHE];
};

/* The row of a key, made when it is new; NULL when it is of another pass. */
enum status inside_row_at(struct inside *in, const struct row_key *key,
                          struct inside_row **row) MUST_USE;
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

/* ---- One session on its way through the question (inside_walk.c). */

struct counts {
    int64_t v[SESSION_SUMS];
};

struct walk {
    struct inside *in;
    const struct session *s;
    struct runaway runaway;
    uint32_t repository, signals; /* parts of keys */
    uint32_t *skills;             /* that were offered, when somebody asks */
    size_t skills_n, skills_cap;
    size_t anchor, first; /* calls; first: the session's first message, calls_n: not seen */
    size_t use;           /* the next one to look at */
    struct counts rest;   /* what no call tells */
};

static inline int64_t *count_of(struct counts *c, enum metric metric)
{
    return &c->v[(int)metric - (int)SESSION_SUM_FIRST];
}

static inline const struct exchange *exchange_of(const struct walk *w, size_t call)
{
    return w->s->calls[call].v.exchange;
}

money_sum walk_cost(const struct invocation *v);
/* What one call tells of the session's sums, without its uses of tools; and what a use adds. */
struct counts walk_call_counts(const struct walk *w, size_t call);
void walk_count_use(struct counts *n, const struct session_use *u);
bool walk_is_skill(const struct walk *w, uint32_t name);

/* ---- What the question wants of it (inside_filter.c). */

struct atom walk_atom_of_use(const struct session_use *u);
struct atom walk_atom_of_command(const struct walk *w, uint32_t name);
/* How many commands a call brings that count. */
uint32_t walk_commands(const struct walk *w, size_t call);
bool walk_atom_passes(const struct walk *w, const struct atom *a);
bool walk_session_passes(const struct walk *w);
/* The name of a call's thread as a text of the engine. */
enum status walk_thread_part(const struct walk *w, size_t call, bool numbered,
                             uint32_t *part) MUST_USE;
enum status walk_thread_passes(const struct walk *w, size_t call, bool *pass) MUST_USE;

/* ---- Adding (inside_add.c). */

enum status walk_call_key(const struct walk *w, size_t call, uint32_t group,
                          struct row_key *key) MUST_USE;
enum status walk_add_by_call(struct walk *w, size_t call, const struct row_key *key) MUST_USE;
enum status walk_add_by_use(struct walk *w, size_t call, const struct row_key *key) MUST_USE;
enum status walk_add_offer(struct walk *w, size_t call, const struct row_key *key) MUST_USE;

#endif
