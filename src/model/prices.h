/*
 * The price book: rows of a CSV (data/prices.csv, then overrides) and which of them an invocation
 * is priced by (price facts, section 9). Knows rows and patterns; profiles, tiers and amounts are
 * pricing.h's.
 *
 *     model_id_pattern   [region,region.../]id[:latency-optimized]; one * in the id, any in Regions
 *     region_scope       global, geo, in-region, or * for all three
 *     effective_from     UTC day, inclusive; empty: from the beginning
 *     confirmed_until    last UTC day for which the price was promised; later is an estimate
 *     input_per_mtok …   USD per million tokens, at most six decimals; empty: no figure found,
 *                        n/a: not sold, 0: free
 *     basis              empty: the price of what is counted; speech-text: the text price of a
 *                        model that also counts speech tokens, so an estimate
 *     source             where it is from; "unconfirmed" and "differs:" are shown with the amount
 *
 * Columns are found by name, in any order. The book owns its texts and rows; loaded once, then
 * read by any thread.
 */
#ifndef ASSAY_MODEL_PRICES_H
#define ASSAY_MODEL_PRICES_H

#include "base/arena.h"
#include "base/buf.h"
#include "codec/jsonw.h"
#include "model/model_id.h"
#include "model/pricing.h"

#define DAY_NONE INT64_MIN /* effective_from empty */
#define DAY_EVER INT64_MAX /* confirmed_until empty */
#define ROW_NONE UINT32_MAX

struct price_row {
    struct str pattern; /* as written */
    struct str regions; /* "us-east-1,us-gov-*", "" for none */
    struct str head;    /* id part before the *, or all of it; lower case, as ids are */
    struct str tail;    /* id part behind the * */
    bool star;
    bool latency;   /* only for latency-optimized calls */
    bool any_scope; /* scope is not used */
    bool flagged;   /* source unconfirmed or disputed */
    bool speech;    /* basis speech-text */
    bool one_hour_not_sold;
    enum model_scope scope;
    int64_t from_day;      /* days since 1970-01-01, DAY_NONE */
    int64_t confirmed_day; /* DAY_EVER */
    struct rates base, over;
    int64_t batch_input, batch_output; /* RATE_NONE */
    int64_t threshold;                 /* 0: none */
    int64_t max_input;                 /* 0: not known */
    struct str provider, name, source;
    struct str file; /* where the row stands, for messages */
    int64_t line;
};

struct price_book {
    struct arena arena;
    struct price_row *rows;
    uint32_t rows_n;
    struct price_entry *entries;
    uint32_t *order; /* row numbers, sorted by head */
    uint32_t entries_n;
};

void price_book_init(struct price_book *b);
void price_book_fini(struct price_book *b);
/* Adds the rows of a CSV; a row with the pattern, scope and date of one that is there replaces it.
 * On an error the book is as before. */
enum status price_book_load(struct price_book *b, struct str csv, const char *name,
                            struct err *err) MUST_USE;

/* What to look for. */
struct price_query {
    struct str id;     /* base model id */
    struct str region; /* source Region */
    bool gov;          /* GovCloud: only rows that name it */
    bool latency_optimized;
    enum model_scope scope;
    int64_t day;
};

/* Rows whose id part matches, after dropping version suffixes until some row does (8.3, step 6). */
struct price_candidates {
    char id[256]; /* the form that matched, lower case */
    size_t id_n;
    bool latency;
    uint32_t entry; /* ROW_NONE: no row matches any form */
    uint32_t at;
};

void price_candidates_find(const struct price_book *b, const struct price_query *q,
                           struct price_candidates *out);
/* Walks through them: the next row number, or ROW_NONE at the end. */
uint32_t price_candidates_next(const struct price_book *b, struct price_candidates *c);

/* id, text for people: what became of a candidate. The order is that of the selection, so the
 * greatest of a search says how far it came. */
#define ROW_FATE_MAP(X)                                                                            \
    X(ROW_OTHER_REGION, "for another Region")                                                      \
    X(ROW_OTHER_SCOPE, "for another scope")                                                        \
    X(ROW_NOT_YET, "not yet in force")                                                             \
    X(ROW_APPLIES, "applies")

enum row_fate {
#define ROW_FATE_ENUM(id, text) id,
    ROW_FATE_MAP(ROW_FATE_ENUM)
#undef ROW_FATE_ENUM
};

enum row_fate price_row_fate(const struct price_row *row, const struct price_query *q);
const char *row_fate_text(enum row_fate fate);
/* Why b loses to a, both applying: "a row for this Region wins", …; NULL when b wins or ties. */
const char *price_row_beats(const struct price_row *a, const struct price_row *b);
bool price_row_in_region(const struct price_row *row, struct str region, bool gov);

struct price_hit {
    uint32_t row;                /* ROW_NONE: none applies */
    uint32_t candidate;          /* some row of the model, ROW_NONE when the model is unknown */
    enum row_fate best;          /* how far the candidates came */
    int64_t from_day, until_day; /* the answer holds for days in [from_day, until_day) */
};

struct price_hit price_book_find(const struct price_book *b, const struct price_query *q);

/* A row as a line of a price file, as JSON, and one rate: "0.125". Nothing for RATE_NONE. */
void price_csv_header(struct buf *out);
void price_row_csv(struct buf *out, const struct price_row *row);
void price_row_json(struct jsonw *w, const struct price_row *row);
size_t price_rate_text(char out[MONEY_TEXT], int64_t rate);

/*
 * Consistency (price facts, 9.2 and rules 23 to 29): one line per finding into `out`. Returns the
 * number of findings.
 */
size_t price_book_check(const struct price_book *b, struct buf *out);

#endif
