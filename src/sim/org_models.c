/*
 * Model ids as they appear in logs: plain ids, geographic and global profiles, their ARNs,
 * application inference profiles (known and forgotten ones), ids that no price list has.
 */
#include "sim/org_internal.h"

#include "sim/words.h"

#include <stdlib.h>

enum family { OPUS, SONNET, HAIKU_OLD, HAIKU_NEW };

/* Base ids of three generations. The name in bodies has neither vendor nor version. */
static const char *const bases[3][4] = {
    {"anthropic.claude-opus-5-5", "anthropic.claude-sonnet-5-5",
     "anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-5-5"},
    {"anthropic.claude-opus-4-8", "anthropic.claude-sonnet-5",
     "anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0"},
    {"anthropic.claude-opus-4-6-v1", "anthropic.claude-sonnet-4-6",
     "anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-5-5"},
};

/* The number of a model, which is added when it is new; 0 when memory is short. */
static uint32_t add_model(struct org *o, struct model m)
{
    if (!m.id.p)
        return 0;
    for (uint32_t i = 0; i < o->models_n; i++)
        if (str_eq(o->models[i].id, m.id))
            return i;
    if (o->models_n == o->models_cap) {
        uint32_t cap = o->models_cap ? o->models_cap * 2 : 64;
        struct model *grown = realloc(o->models, cap * sizeof *grown);
        if (!grown)
            return 0;
        o->models = grown;
        o->models_cap = cap;
    }
    o->models[o->models_n] = m;
    return o->models_n++;
}

static struct str body_name(struct str base)
{
    struct str name = str_skip(base, STR("anthropic.").n);
    ptrdiff_t version = str_find(name, STR("-v1"));
    return version > 0 ? str_of(name.p, (size_t)version) : name;
}

static struct model base_model(const char *base, const char *scope)
{
    struct str b = str_from(base);
    return (struct model){.base = b, .scope = scope, .how = BY_ID, .body_name = body_name(b)};
}

enum id_style { STYLE_GLOBAL, STYLE_GEO, STYLE_ARN, STYLE_FORGOTTEN, STYLE_PROFILE, STYLE_PLAIN };

static uint32_t claude(struct org *o, struct rng *r, const char *base, enum id_style style,
                       const struct desk *d, const char *name)
{
    const struct region *region = &REGIONS[d->region];
    const char *account = o->account[d->account];
    bool global = style == STYLE_GLOBAL || rng_one_in(r, 2);
    struct model m = base_model(base, style == STYLE_PLAIN ? "in-region"
                                      : global             ? "global"
                                                           : "geo");
    m.home_region = d->region;
    switch (style) {
    case STYLE_GLOBAL:
        m.id = org_text(o, "global.%s", base);
        break;
    case STYLE_GEO:
        m.scope = "geo";
        m.id = org_text(o, "%s.%s", region->geo, base);
        break;
    case STYLE_ARN:
        m.id = org_text(o, "arn:aws:bedrock:%s:%s:inference-profile/%s.%s", region->name, account,
                        global ? "global" : region->geo, base);
        break;
    case STYLE_PROFILE:
    case STYLE_FORGOTTEN:
        m.how = style == STYLE_PROFILE ? BY_PROFILE : BY_BODY;
        m.profile = org_text(o, "%s-%.*s", name, STR_ARG(m.body_name));
        m.id = org_text(o, "arn:aws:bedrock:%s:%s:application-inference-profile/%08x%04x",
                        region->name, account, (unsigned)rng_u64(r), rng_below(r, 1 << 16));
        break;
    case STYLE_PLAIN:
        m.id = org_text(o, "%s", base);
        break;
    }
    return add_model(o, m);
}

bool org_desks(struct org *o, struct rng *r)
{
    add_model(o, (struct model){.id = STR(""), .base = STR(""), .scope = "", .how = BY_NOTHING});
    for (uint32_t t = 0; t < o->teams_n + 2; t++) {
        uint32_t at = t < o->teams_n ? t : DESK_SANDBOX + t - o->teams_n;
        struct desk *d = &o->desk[at];
        d->account = (uint8_t)(at == DESK_SANDBOX ? 0 : t % o->accounts_n);
        d->region = (uint8_t)(t < o->regions_n ? t : rng_below(r, o->regions_n));
        /* The first teams show every style once; the rest is drawn. */
        enum id_style style = (enum id_style)(t < 5 ? t : rng_below(r, 5));
        const char *const *base = bases[t < 3 ? t : rng_below(r, 3)];
        if (at == DESK_GOV) { /* those that are priced there */
            d->account = (uint8_t)o->accounts_n;
            d->region = ORG_OPEN_REGIONS;
            style = STYLE_GEO;
            base = bases[1];
        }
        enum id_style small = style == STYLE_GLOBAL ? STYLE_GLOBAL : STYLE_GEO;
        const char *name = org_team(t);
        d->opus = claude(o, r, base[OPUS], style, d, name);
        d->sonnet =
            claude(o, r, base[SONNET], style == STYLE_FORGOTTEN ? STYLE_GEO : style, d, name);
        d->haiku_old = claude(o, r, base[HAIKU_OLD], small, d, name);
        d->haiku_new = claude(o, r, base[HAIKU_NEW], small, d, name);
        if (!d->opus || !d->sonnet || !d->haiku_old || !d->haiku_new)
            return false;
    }
    return true;
}

/* A model that is not Claude, by its plain or geographic id. */
static uint32_t other(struct org *o, const char *geo, const char *base, const char *scope)
{
    struct model m = {.base = str_from(base), .scope = scope, .how = BY_ID, .body_name = STR("")};
    m.id = geo ? org_text(o, "%s.%s", geo, base) : m.base;
    return add_model(o, m);
}

static uint32_t odd_model(struct org *o, struct rng *r, const struct caller *c)
{
    struct model m = {.base = STR(""), .body_name = STR(""), .scope = "", .how = BY_NOTHING};
    if (rng_one_in(r, 2))
        m.id = org_text(o, "arn:aws:bedrock:%s:%s:provisioned-model/%012x", REGIONS[c->region].name,
                        o->account[c->account], (unsigned)rng_u64(r));
    else
        m.id = STR("us.anthropic.claude-opus-6-preview");
    return add_model(o, m);
}

uint32_t org_service_model(struct org *o, struct rng *r, const struct caller *c, const char *name)
{
    struct desk d = {.account = c->account, .region = c->region};
    const char *geo = REGIONS[c->region].geo;
    switch ((enum service_kind)c->what) {
    case SERVICE_CHAT:
        return claude(o, r, bases[0][rng_between(r, OPUS, SONNET)], STYLE_PROFILE, &d, name);
    case SERVICE_CLASSIFY:
        /* Japan has no geographic Nova profile of its own. */
        return rng_one_in(r, 2) || strcmp(geo, "jp") == 0
                   ? other(o, NULL, "amazon.nova-lite-v1:0", "in-region")
                   : other(o, geo, "amazon.nova-pro-v1:0", "geo");
    case SERVICE_OSS:
        return other(o, NULL,
                     rng_one_in(r, 2) ? "openai.gpt-oss-120b-1:0" : "openai.gpt-oss-20b-1:0",
                     "in-region");
    case SERVICE_DOCUMENT:
        return rng_one_in(r, 4)
                   ? claude(o, r, "anthropic.claude-3-haiku-20240307-v1:0", STYLE_PLAIN, &d, name)
                   : claude(o, r, bases[0][HAIKU_NEW], STYLE_GLOBAL, &d, name);
    case SERVICE_EMBED:
        return other(o, NULL, "amazon.titan-embed-text-v2:0", "in-region");
    case SERVICE_RESPONSES: {
        struct model m = {
            .base = STR("openai.gpt-5.5"), .body_name = STR(""), .scope = "in-region"};
        m.id = m.base;
        return add_model(o, m);
    }
    case SERVICE_ODD:
    case SERVICE_KINDS:
        break;
    }
    return odd_model(o, r, c);
}
