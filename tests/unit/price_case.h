/* One record, priced: what the tests of the price rules say again and again. */
#ifndef ASSAY_TESTS_PRICE_CASE_H
#define ASSAY_TESTS_PRICE_CASE_H

#include "base/clock.h"
#include "model/prices.h"
#include "price_text.h"

struct record {
    const char *model, *region, *time; /* NULL: us-east-1, 2026-10-20T12:00:00Z */
    const char *body, *inference_region, *tier, *account;
    int64_t in, out, read, w5, w1, unsplit;
    uint32_t flags;
    bool optimized;
};

struct priced_record {
    struct price_match m;
    struct invocation v;
    struct str reason;
    money_sum cost;
};

static inline struct str or_else(const char *text, const char *otherwise)
{
    return str_from(text ? text : otherwise);
}

static inline struct priced_record price_by(const struct pricing *p, const struct record *r)
{
    struct price_key key = {.account = or_else(r->account, ""),
                            .region = or_else(r->region, "us-east-1"),
                            .model_id = str_from(r->model),
                            .body_model = or_else(r->body, ""),
                            .inference_region = or_else(r->inference_region, ""),
                            .tier = or_else(r->tier, ""),
                            .latency_optimized = r->optimized};
    assert_true(time_parse(or_else(r->time, "2026-10-20T12:00:00Z"), &key.time_us));
    struct priced_record out = {.v = {.flags = r->flags}};
    pricing_find(p, &key, &out.m);
    assert_true(out.m.from_us <= key.time_us && key.time_us < out.m.until_us);
    const int64_t tokens[TOKEN_CLASSES] = {r->in, r->out, r->read, r->w5, r->w1, r->unsplit};
    memcpy(out.v.tokens, tokens, sizeof tokens);
    out.reason = pricing_apply(&out.m, &out.v);
    for (int c = 0; c < TOKEN_CLASSES; c++)
        out.cost += out.v.cost[c];
    return out;
}

#define expect(priced, wanted_outcome, wanted_usd)                                                 \
    do {                                                                                           \
        struct priced_record priced_ = (priced);                                                   \
        char usd_[MONEY_TEXT];                                                                     \
        assert_string_equal(outcome_name(priced_.v.outcome), outcome_name(wanted_outcome));        \
        assert_string_equal(usd_text(usd_, priced_.cost), (wanted_usd));                           \
    } while (0)

#endif
