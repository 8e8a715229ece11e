/*
 * Model ids as records write them, taken apart: a plain id, a profile id with a geography in front,
 * an ARN of half a dozen kinds, or a client's spelling (price facts, section 8.1 to 8.3).
 *
 *     struct model_id id = model_id_parse(STR("us.anthropic.claude-opus-4-8"));
 *     // id.base "anthropic.claude-opus-4-8", id.scope SCOPE_GEO, id.geo "us"
 *
 * All slices borrow from the text given. Pure functions; any thread may call.
 */
#ifndef ASSAY_MODEL_MODEL_ID_H
#define ASSAY_MODEL_MODEL_ID_H

#include "base/str.h"

/* id, name in labels and price files. Claude has two prices for the three scopes: geo = in-region
 * (AWS pricing page, 2026-07-24). */
#define SCOPE_MAP(X)                                                                               \
    X(SCOPE_UNKNOWN, "")                                                                           \
    X(SCOPE_IN_REGION, "in-region")                                                                \
    X(SCOPE_GEO, "geo")                                                                            \
    X(SCOPE_GLOBAL, "global")

enum model_scope {
#define SCOPE_ENUM(id, name) id,
    SCOPE_MAP(SCOPE_ENUM)
#undef SCOPE_ENUM
};

/* id, text for people when the string alone gives no price per token; "" when it may. */
#define MODEL_KIND_MAP(X)                                                                          \
    X(MODEL_NONE, "no model id")                                                                   \
    X(MODEL_FOUNDATION, "")                                                                        \
    X(MODEL_SYSTEM_PROFILE, "")                                                                    \
    X(MODEL_APPLICATION_PROFILE, "profile not resolved")                                           \
    X(MODEL_PROMPT, "prompt not resolved to a model")                                              \
    X(MODEL_PROMPT_ROUTER, "prompt router not resolved to a model")                                \
    X(MODEL_PROVISIONED, "provisioned throughput is billed by the hour")                           \
    X(MODEL_CUSTOM, "a custom model has no price per token")                                       \
    X(MODEL_IMPORTED, "an imported model is billed by the minute")                                 \
    X(MODEL_ENDPOINT, "a marketplace endpoint is billed by the instance")                          \
    X(MODEL_OTHER_ARN, "unknown kind of ARN")

enum model_kind {
#define MODEL_KIND_ENUM(id, text) id,
    MODEL_KIND_MAP(MODEL_KIND_ENUM)
#undef MODEL_KIND_ENUM
};

struct model_id {
    enum model_kind kind;
    enum model_scope scope;
    struct str base; /* without geography, context size and client noise; "" for opaque kinds */
    struct str geo;  /* "us", "global", …; "" without a prefix */
    struct str arn;  /* the whole ARN, key of the profile map; "" for a plain id */
    struct str arn_region; /* Region inside the ARN; the record's own Region wins over it */
    bool unknown_prefix;   /* a geography that AWS has not documented */
};

struct model_id model_id_parse(struct str raw);
/* True when a profile map or a body may name the model behind this id. */
bool model_kind_is_opaque(enum model_kind kind);
struct str model_kind_reason(enum model_kind kind);

struct str model_scope_name(enum model_scope scope);
/* "in-region", "geo", "global", without case; SCOPE_UNKNOWN for anything else. */
enum model_scope model_scope_from(struct str name);

/* "anthropic" of "anthropic.claude-opus-5"; "" when no vendor is in front. Also gives "anthropic"
 * for the bare "claude-…" of bodies. */
struct str model_provider(struct str base);
/* "claude-opus" of "anthropic.claude-opus-4-8", a dimension of reports; never used for prices. A
 * slice of base or static text. */
struct str model_family(struct str base);

/* Bodies name Claude without vendor and sometimes with a variant of the context size:
 * "claude-3-haiku-48k-20240307". Writes "anthropic.claude-3-haiku-20240307"; false when it is no
 * such name or too long. */
bool model_from_body(struct str name, char *out, size_t cap, size_t *n);

#endif
