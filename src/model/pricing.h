/*
 * From what a record says to what it costs: model id -> base model and scope, price row, rates,
 * discounts; then tokens x rates. The rules are those of the price facts, sections 8 to 10.
 *
 * struct pricing is the price book, the profile map and the discounts together: loaded once and
 * shared by all threads. All that may change afterwards is that a profile is learned. Finding the
 * rates (pricing_find) walks tables and is to be remembered by the caller per (account, Region,
 * model id, body model, tier, latency); a match says how long it is valid. Applying it
 * (pricing_apply) is a few multiplications.
 */
#ifndef ASSAY_MODEL_PRICING_H
#define ASSAY_MODEL_PRICING_H

#include "base/err.h"
#include "model/cost.h"
#include "model/profiles.h"

struct pricing;

/* The built-in price book, nothing else. */
enum status pricing_new(struct pricing **out, struct err *err) MUST_USE;
void pricing_free(struct pricing *p);
/* Rows of a CSV in the form of data/prices.csv; a row with the same pattern, scope and date
 * replaces the built-in one, others are added. `name` is for messages, which name the line. */
enum status pricing_override(struct pricing *p, struct str csv, const char *name,
                             struct err *err) MUST_USE;
/* profiles.yaml: application inference profile ARN -> model, scope, name (model/profiles.h). */
enum status pricing_profiles(struct pricing *p, struct str yaml, const char *name,
                             struct err *err) MUST_USE;
/*
 * A profile that a store remembers or AWS has told: a copy is kept, in the place of what was
 * learned of the same ARN before. The file of pricing_profiles knows better. Any thread, any time;
 * it is no part of the fingerprint, because records that were priced without it are priced again in
 * the store (store_reprice), not read again.
 */
enum status pricing_learn(struct pricing *p, const struct profile *profile,
                          struct err *err) MUST_USE;
/* Grows with everything that is learned: a match of an older generation may have found less. */
uint32_t pricing_generation(const struct pricing *p);
/* What is known of the ARN of an application profile; *out has texts that live as long as p. */
bool pricing_profile(const struct pricing *p, struct str arn, struct profile *out);
/* Its tag, of the file if that has it, else as learned; "" for none. Lives as long as p. */
struct str pricing_tag(const struct pricing *p, struct str arn, struct str key);
/* The profiles of pricing_profiles. */
const struct profiles *pricing_given(const struct pricing *p);

/* "account:111122223333=10", "provider:anthropic=7.5", "model:anthropic.claude-opus-*=12.5":
 * per cent off; account, provider and model each count once (the most specific), multiplied. */
enum status pricing_discount(struct pricing *p, struct str text, struct err *err) MUST_USE;
/* The newest date in the book ("2026-10-07"), for reports. */
struct str pricing_date(const struct pricing *p);
/* A number that changes with anything that changes prices; for the store. */
uint64_t pricing_fingerprint(const struct pricing *p);

/* For price list and show; lives as long as p. */
struct price_book;
const struct price_book *pricing_book(const struct pricing *p);

struct price_key {
    struct str account;          /* "" when not known */
    struct str region;           /* source Region */
    struct str model_id;         /* as logged */
    struct str body_model;       /* model name inside a body, "" when none */
    struct str inference_region; /* a hint for the scope when only the body names the model */
    struct str tier; /* "", "default", "standard", "priority", "flex", "batch", "reserved" */
    bool latency_optimized;
    int64_t time_us;
};

/* Rates of one row for one request size, pico-USD per token; RATE_NONE: no figure. */
#define RATE_NONE (-1)
struct rates {
    int64_t v[TOKEN_CLASSES]; /* the slot of TOKENS_CACHE_WRITE_UNKNOWN is not used */
};

/* A row as it applies: rates, long rates, what is odd about it. Up to two of them in a match (low
 * and high) when the scope is not known. */
struct price_row_view {
    struct rates base;
    struct rates over;      /* above the threshold */
    int64_t threshold;      /* 0: no long-context tier */
    bool one_hour_not_sold; /* an unsplit write counter is exactly 5-minute */
    uint32_t row;           /* index in the book, for price show and explanations */
};

#define DISCOUNT_ALL INT64_C(1000000000000000000)

struct price_match {
    /* Valid for the same key with from_us <= time < until_us; INT64_MIN and INT64_MAX when open. */
    int64_t from_us, until_us;
    /* Base model id, "" when not resolved; lives as long as key or pricing. A model known only from
     * a body has the id of its price row ("anthropic.claude-opus-4-5", without date and version).
     */
    struct str model;
    struct str scope;   /* "in-region", "geo", "global", "" */
    struct str geo;     /* "us", "eu", … "" */
    struct str profile; /* name of the application profile when the map gives one */
    struct str reason;  /* why it is unpriced or estimated, static text; "" otherwise */
    int rows;           /* 0: unpriced; 1; 2: scope not known, low then high */
    struct price_row_view row[2];
    int64_t factor_num, factor_den; /* tier factor, 1/1 when none */
    /* What remains to be paid, of DISCOUNT_ALL: three discounts of four decimals each multiply
     * without rounding. */
    int64_t remaining;
    bool estimated;      /* by factor, other Region, speech text row, old promotion */
    bool flagged;        /* source unconfirmed or disputed */
    bool unknown_prefix; /* a geography prefix that is not in our table */
};

void pricing_find(const struct pricing *p, const struct price_key *key, struct price_match *out);

/*
 * Sets v->cost, cost_span, list_cost, unpriced_tokens, outcome and INV_PRICE_FLAGGED from v->tokens
 * and v->flags (INV_ERROR, INV_NO_COUNTS). Returns the reason: static text, "" when plainly priced.
 */
struct str pricing_apply(const struct price_match *m, struct invocation *v);

#endif
