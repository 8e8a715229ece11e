/*
 * From a key to the rates that hold for it: see pricing.h. Order of the questions: which model is
 * this (id, profile map, body), which rows hold (book), what changes them (tier, discounts), what
 * is odd about them. The first question without an answer makes the reason.
 */
#include "model/pricing.h"

#include "base/clock.h"
#include "model/discounts.h"
#include "model/prices.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

extern const char prices_csv[];
extern const size_t prices_csv_n;

/* What is learned while others read. Series of thousands of records ask once, so one mutex is
 * enough. */
struct learned {
    pthread_mutex_t lock;
    struct profiles profiles;
    _Atomic uint32_t generation;
};

struct pricing {
    struct price_book book;
    struct profiles profiles; /* of the file */
    struct learned *learned;
    struct discounts discounts;
    uint64_t fingerprint;
    char date[11];
};

/* Anybody may compute it: it only tells versions apart, so the key is no secret. */
static void add_to_fingerprint(struct pricing *p, uint64_t kind, struct str bytes)
{
    p->fingerprint = hash64((struct hash_key){p->fingerprint, kind}, bytes.p, bytes.n);
}

static void note_date(struct pricing *p)
{
    int64_t newest = 0;
    for (uint32_t i = 0; i < p->book.rows_n; i++)
        if (p->book.rows[i].from_day > newest)
            newest = p->book.rows[i].from_day;
    char text[TIME_TEXT];
    time_format(text, newest * US_PER_DAY);
    memcpy(p->date, text, 10);
    p->date[10] = '\0';
}

enum status pricing_new(struct pricing **out, struct err *err)
{
    struct pricing *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(err);
    price_book_init(&p->book);
    profiles_init(&p->profiles);
    p->learned = calloc(1, sizeof *p->learned);
    if (p->learned) {
        profiles_init(&p->learned->profiles);
        pthread_mutex_init(&p->learned->lock, NULL);
    }
    enum status status =
        p->learned ? pricing_override(p, str_of(prices_csv, prices_csv_n), "built-in prices", err)
                   : err_nomem(err);
    if (status != OK) {
        pricing_free(p);
        return status;
    }
    *out = p;
    return OK;
}

void pricing_free(struct pricing *p)
{
    if (!p)
        return;
    price_book_fini(&p->book);
    profiles_fini(&p->profiles);
    if (p->learned) {
        profiles_fini(&p->learned->profiles);
        pthread_mutex_destroy(&p->learned->lock);
    }
    free(p->learned);
    free(p);
}

enum status pricing_override(struct pricing *p, struct str csv, const char *name, struct err *err)
{
    TRY(price_book_load(&p->book, csv, name, err));
    add_to_fingerprint(p, 1, csv);
    note_date(p);
    return OK;
}

enum status pricing_profiles(struct pricing *p, struct str yaml, const char *name, struct err *err)
{
    TRY(profiles_load(&p->profiles, yaml, name, err));
    add_to_fingerprint(p, 2, yaml);
    return OK;
}

enum status pricing_learn(struct pricing *p, const struct profile *profile, struct err *err)
{
    struct learned *l = p->learned;
    pthread_mutex_lock(&l->lock);
    enum status status = profiles_add(&l->profiles, profile, err);
    pthread_mutex_unlock(&l->lock);
    if (status == OK)
        atomic_fetch_add(&l->generation, 1);
    return status;
}

uint32_t pricing_generation(const struct pricing *p)
{
    return atomic_load_explicit(&p->learned->generation, memory_order_relaxed);
}

static bool find_learned(const struct pricing *p, struct str arn, struct profile *out)
{
    struct learned *l = p->learned;
    pthread_mutex_lock(&l->lock);
    const struct profile *found = profiles_find(&l->profiles, arn);
    if (found)
        *out = *found;
    pthread_mutex_unlock(&l->lock);
    return found != NULL;
}

bool pricing_profile(const struct pricing *p, struct str arn, struct profile *out)
{
    const struct profile *given = profiles_find(&p->profiles, arn);
    if (!given)
        return find_learned(p, arn, out);
    *out = *given;
    return true;
}

struct str pricing_tag(const struct pricing *p, struct str arn, struct str key)
{
    const struct profile *given = profiles_find(&p->profiles, arn);
    struct str value = given ? profile_tag(given, key) : STR("");
    struct profile learned;
    if (value.n == 0 && find_learned(p, arn, &learned))
        value = profile_tag(&learned, key);
    return value;
}

const struct profiles *pricing_given(const struct pricing *p)
{
    return &p->profiles;
}

enum status pricing_discount(struct pricing *p, struct str text, struct err *err)
{
    TRY(discounts_add(&p->discounts, text, err));
    add_to_fingerprint(p, 3, str_trim(text));
    return OK;
}

struct str pricing_date(const struct pricing *p)
{
    return str_from(p->date);
}

uint64_t pricing_fingerprint(const struct pricing *p)
{
    return p->fingerprint;
}

const struct price_book *pricing_book(const struct pricing *p)
{
    return &p->book;
}

/* The model behind a key. `base` is what the book is asked for, `shown` what reports show. */
struct target {
    struct str base, shown, geo, profile, reason;
    enum model_scope scope;
    bool unknown_prefix;
    bool from_body; /* shown becomes the id of the price row */
};

static void target_from_profile(const struct profile *profile, struct target *t)
{
    t->base = t->shown = profile->base;
    t->geo = profile->geo;
    t->scope = profile->scope;
    t->unknown_prefix = profile->unknown_prefix;
    t->profile = profile->name;
}

/* A body names the model but not the scope, unless the call ran in another geography than it was
 * made in: that only a global profile does (seen: us-east-1 -> ap-southeast-4). */
static void target_from_body(const struct price_key *key, char *text, size_t cap, struct target *t)
{
    size_t n;
    struct model_id id = model_id_parse(key->body_model);
    if (model_from_body(key->body_model, text, cap, &n)) {
        t->base = str_of(text, n);
        t->shown = key->body_model;
        t->from_body = true;
    } else if (id.base.n) {
        t->base = t->shown = id.base;
        t->geo = id.geo;
        t->unknown_prefix = id.unknown_prefix;
        t->scope = id.geo.n ? id.scope : SCOPE_UNKNOWN;
    }
    if (t->base.n == 0 || t->scope != SCOPE_UNKNOWN)
        return;
    if (regions_apart(key->region, key->inference_region))
        t->scope = SCOPE_GLOBAL;
}

static struct target find_target(const struct pricing *p, const struct price_key *key,
                                 const struct model_id *id, char *text, size_t cap)
{
    struct target t = {.base = STR(""), .shown = STR(""), .geo = STR(""), .profile = STR("")};
    struct profile profile;
    t.reason = STR("");
    if (id->arn.n && pricing_profile(p, id->arn, &profile)) {
        target_from_profile(&profile, &t);
        if (!model_kind_is_opaque(id->kind))
            t.reason = model_kind_reason(id->kind); /* named, but not sold by the token */
    } else if (model_kind_is_opaque(id->kind)) {
        target_from_body(key, text, cap, &t);
        if (t.base.n == 0)
            t.reason = model_kind_reason(id->kind);
    } else if (id->kind == MODEL_FOUNDATION || id->kind == MODEL_SYSTEM_PROFILE) {
        t.base = t.shown = id->base;
        t.geo = id->geo;
        t.scope = id->scope;
        t.unknown_prefix = id->unknown_prefix;
    } else {
        t.reason = model_kind_reason(id->kind);
    }
    return t;
}

enum tier { TIER_STANDARD, TIER_PRIORITY, TIER_FLEX, TIER_BATCH, TIER_RESERVED, TIER_UNKNOWN };

static enum tier parse_tier(struct str s)
{
    static const struct {
        const char *name;
        enum tier tier;
    } tiers[] = {{"", TIER_STANDARD},         {"default", TIER_STANDARD},
                 {"standard", TIER_STANDARD}, {"priority", TIER_PRIORITY},
                 {"flex", TIER_FLEX},         {"batch", TIER_BATCH},
                 {"reserved", TIER_RESERVED}};
    for (size_t i = 0; i < sizeof tiers / sizeof tiers[0]; i++)
        if (str_eq_nocase(s, str_from(tiers[i].name)))
            return tiers[i].tier;
    return TIER_UNKNOWN;
}

static void estimate(struct price_match *m, struct str reason)
{
    m->estimated = true;
    if (m->reason.n == 0)
        m->reason = reason;
}

/* Priority 1.75 x, flex 0.5 x of standard: open-weight models and Nova (AWS, 2026-07). Where AWS
 * rounds the price per 1,000 tokens the factor is off by a little, so it is always an estimate. */
static void apply_tier(enum tier tier, const struct price_row *row, struct price_match *m)
{
    bool claude = str_eq_nocase(row->provider, STR("anthropic"));
    if (tier == TIER_UNKNOWN) {
        estimate(m, STR("tier not known: standard price"));
    } else if (claude && (tier == TIER_PRIORITY || tier == TIER_FLEX)) {
        estimate(m, STR("tier not sold for this model: standard price"));
    } else if (tier == TIER_PRIORITY) {
        m->factor_num = 7;
        m->factor_den = 4;
        estimate(m, STR("priority tier by its factor"));
    } else if (tier == TIER_FLEX) {
        m->factor_den = 2;
        estimate(m, STR("flex tier by its factor"));
    }
}

/* Claude has one number per scope in all commercial Regions; a row of another vendor without a
 * Region is a us-east-1 and us-west-2 price (price facts, 3.2). China's prices are not known. */
static bool is_home_price(const struct price_row *row, struct str region)
{
    if (row->regions.n)
        return true;
    if (str_eq_nocase(row->provider, STR("anthropic")))
        return !str_has_prefix(region, STR("cn-"));
    return str_eq_nocase(region, STR("us-east-1")) || str_eq_nocase(region, STR("us-west-2"));
}

static void note_oddities(const struct price_row *row, struct str region, int64_t day,
                          struct price_match *m)
{
    if (row->speech)
        estimate(m, STR("text price of a speech model"));
    if (!is_home_price(row, region))
        estimate(m, STR("price of another Region"));
    if (day > row->confirmed_day)
        estimate(m, STR("promotion past its confirmed end"));
    m->flagged |= row->flagged;
}

static struct price_row_view view_of(const struct price_row *row, uint32_t i, bool batch)
{
    struct price_row_view v = {.base = row->base,
                               .over = row->over,
                               .threshold = row->threshold,
                               .one_hour_not_sold = row->one_hour_not_sold,
                               .row = i};
    if (!batch)
        return v;
    /* No cache discount inside a batch, and its figures come from the bill as sums of many prompts,
     * so the size of one request is not known (price facts, 6). */
    for (int c = 0; c < TOKEN_CLASSES; c++)
        v.base.v[c] = RATE_NONE;
    v.base.v[TOKENS_INPUT] = row->batch_input;
    v.base.v[TOKENS_OUTPUT] = row->batch_output;
    v.threshold = 0;
    return v;
}

static struct str why_no_row(const struct price_query *q, const struct price_hit *hit)
{
    if (hit->candidate == ROW_NONE)
        return q->latency_optimized ? STR("no latency-optimized price") : STR("unknown model");
    switch (hit->best) {
    case ROW_OTHER_REGION:
        return q->gov ? STR("no GovCloud price") : STR("no price for this Region");
    case ROW_OTHER_SCOPE:
        return STR("no price for this scope");
    default:
        return STR("before the first known price");
    }
}

static int64_t day_to_us(int64_t day)
{
    return day == DAY_NONE ? INT64_MIN : day == DAY_EVER ? INT64_MAX : day * US_PER_DAY;
}

static void narrow(struct price_match *m, const struct price_hit *hit)
{
    int64_t from = day_to_us(hit->from_day), until = day_to_us(hit->until_day);
    if (from > m->from_us)
        m->from_us = from;
    if (until < m->until_us)
        m->until_us = until;
}

static bool same_rates(const struct price_row *a, const struct price_row *b)
{
    return memcmp(&a->base, &b->base, sizeof a->base) == 0 &&
           memcmp(&a->over, &b->over, sizeof a->over) == 0 && a->threshold == b->threshold &&
           a->batch_input == b->batch_input && a->batch_output == b->batch_output;
}

/* Asks the book for one scope, or for both prices when the scope is not known: global is the low
 * end, geo (= in-region) the high one. Returns how many different rows hold. */
static int find_rows(const struct price_book *b, struct price_query *q, uint32_t rows[2],
                     struct price_match *m)
{
    bool both = q->scope == SCOPE_UNKNOWN;
    if (both)
        q->scope = SCOPE_GLOBAL;
    struct price_hit low = price_book_find(b, q);
    narrow(m, &low);
    rows[0] = low.row;
    if (low.row == ROW_NONE)
        m->reason = why_no_row(q, &low);
    if (!both)
        return low.row != ROW_NONE;
    q->scope = SCOPE_GEO;
    struct price_hit high = price_book_find(b, q);
    narrow(m, &high);
    if (low.row == ROW_NONE || high.row == ROW_NONE) {
        rows[0] = low.row == ROW_NONE ? high.row : low.row;
        if (rows[0] == ROW_NONE)
            return 0;
        m->reason = STR("");
        estimate(m, STR("scope not known, one of its prices neither"));
        return 1;
    }
    rows[1] = high.row;
    return same_rates(&b->rows[low.row], &b->rows[high.row]) ? 1 : 2;
}

static struct str name_from_row(const struct price_book *b, const struct price_query *q,
                                struct str otherwise)
{
    struct price_candidates c;
    price_candidates_find(b, q, &c);
    uint32_t i = price_candidates_next(b, &c);
    return i == ROW_NONE ? otherwise : b->rows[i].head;
}

static void unpriced(struct price_match *m, struct str reason)
{
    m->rows = 0;
    m->estimated = false;
    m->flagged = false;
    m->reason = reason;
}

static void fill_rows(const struct pricing *p, const struct price_key *key, struct price_query *q,
                      struct price_match *m)
{
    uint32_t rows[2];
    enum tier tier = parse_tier(key->tier);
    m->rows = find_rows(&p->book, q, rows, m);
    for (int i = 0; i < m->rows; i++) {
        const struct price_row *row = &p->book.rows[rows[i]];
        m->row[i] = view_of(row, rows[i], tier == TIER_BATCH);
        note_oddities(row, q->region, q->day, m);
    }
    if (m->rows == 0)
        return;
    const struct price_row *row = &p->book.rows[rows[0]];
    apply_tier(tier, row, m);
    m->remaining = discounts_remaining(&p->discounts, key->account, row->provider, m->model);
    if (tier == TIER_RESERVED)
        unpriced(m, STR("reserved capacity is billed by the hour"));
    else if (tier == TIER_BATCH && row->batch_input == RATE_NONE && row->batch_output == RATE_NONE)
        unpriced(m, STR("no batch price"));
}

void pricing_find(const struct pricing *p, const struct price_key *key, struct price_match *out)
{
    char text[256];
    struct model_id id = model_id_parse(key->model_id);
    struct target t = find_target(p, key, &id, text, sizeof text);
    *out = (struct price_match){.from_us = INT64_MIN,
                                .until_us = INT64_MAX,
                                .model = t.shown,
                                .scope = model_scope_name(t.scope),
                                .geo = t.geo,
                                .profile = t.profile,
                                .reason = t.reason,
                                .factor_num = 1,
                                .factor_den = 1,
                                .remaining = DISCOUNT_ALL,
                                .unknown_prefix = t.unknown_prefix};
    struct str region = key->region.n ? key->region : id.arn_region;
    int64_t day = key->time_us / US_PER_DAY - (key->time_us % US_PER_DAY < 0);
    struct price_query q = {.id = t.base,
                            .region = region,
                            .gov = str_has_prefix(region, STR("us-gov-")) ||
                                   str_eq_nocase(t.geo, STR("us-gov")),
                            .latency_optimized = key->latency_optimized,
                            .scope = t.scope,
                            .day = day};
    if (t.from_body)
        out->model = name_from_row(&p->book, &q, t.shown);
    if (t.reason.n == 0)
        fill_rows(p, key, &q, out);
}
