/* Prices of calls: see price.h. */
#include "sim/price.h"

#include "base/clock.h"

#include <stdlib.h>

enum { SLOTS = 1024 };

struct prices {
    const struct org *org;
    struct pricing *pricing;
    struct {
        uint64_t key; /* plus one */
        struct price_match match;
    } slot[SLOTS];
};

enum status prices_new(const struct org *org, struct str profiles, struct prices **out,
                       struct err *err)
{
    struct prices *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(err);
    p->org = org;
    enum status status = pricing_new(&p->pricing, err);
    if (status == OK)
        status = pricing_profiles(p->pricing, profiles, "profiles.yaml", err);
    if (status != OK) {
        prices_free(p);
        return status;
    }
    *out = p;
    return OK;
}

void prices_free(struct prices *p)
{
    if (!p)
        return;
    pricing_free(p->pricing);
    free(p);
}

static const struct price_match *match_of(struct prices *p, const struct call *c, bool named,
                                          int64_t time_us)
{
    const struct caller *caller = &p->org->callers[c->caller];
    const struct model *m = &p->org->models[c->model];
    uint64_t key = (uint64_t)c->model << 16 | (uint64_t)caller->region << 8 |
                   (uint64_t)c->inference << 1 | named;
    size_t at = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 54);
    struct price_match *match = &p->slot[at].match;
    if (p->slot[at].key == key + 1 && time_us >= match->from_us && time_us < match->until_us)
        return match;
    struct price_key wanted = {
        .account = str_from(p->org->account[caller->account]),
        .region = str_from(REGIONS[caller->region].name),
        .model_id = m->id,
        .body_model = named ? m->body_name : STR(""),
        .inference_region = c->inference ? str_from(REGIONS[c->inference - 1].name) : STR(""),
        .tier = STR(""),
        .time_us = time_us,
    };
    pricing_find(p->pricing, &wanted, match);
    p->slot[at].key = key + 1;
    return match;
}

void price_call(struct prices *p, const struct call *c, struct seen seen, struct invocation *v)
{
    *v = (struct invocation){.time_us = c->time_s * US_PER_SECOND};
    struct tally t = tally_of(c, seen);
    v->tokens[TOKENS_INPUT] = t.input;
    v->tokens[TOKENS_OUTPUT] = t.output;
    v->tokens[TOKENS_CACHE_READ] = t.cache_read;
    v->tokens[TOKENS_CACHE_WRITE_5M] = t.write_5m;
    v->tokens[TOKENS_CACHE_WRITE_1H] = t.write_1h;
    v->tokens[TOKENS_CACHE_WRITE_UNKNOWN] = t.write_unknown;
    v->flags = (c->error != FAIL_NOT ? INV_ERROR : 0) | (c->no_counts ? INV_NO_COUNTS : 0);
    pricing_apply(match_of(p, c, c->model_in_body && seen.output_body, v->time_us), v);
}
