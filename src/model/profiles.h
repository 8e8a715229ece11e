/*
 * The map of application inference profiles: ARN -> model and scope. The ARN is opaque and the
 * profile may be deleted while its records remain, so operators keep the answers in a file (CSV or
 * YAML, codec/table.h):
 *
 *     - arn: arn:aws:bedrock:us-west-2:111122223333:application-inference-profile/a1b2c3d4e5f6
 *       model: us.anthropic.claude-sonnet-4-6
 *       name: search-team
 *
 * Instead of `model`, `models` may hold the model ARNs that GetInferenceProfile answers, separated
 * by commas; their Regions give the scope. So does `regions` beside a plain model id; a `scope`
 * (in-region, geo, global) wins over both. A model id without any of them leaves the scope unknown.
 * `tags` holds the profile's tags, "team=search, environment=prod"; a key ends at the first '='.
 *
 * Read by any thread as long as nobody adds; owns its texts, which stay where they are when more
 * is added.
 */
#ifndef ASSAY_MODEL_PROFILES_H
#define ASSAY_MODEL_PROFILES_H

#include "base/arena.h"
#include "base/err.h"
#include "model/model_id.h"

/* Of a resource of AWS. Whoever may tag it chooses the texts, so they have limits: those of AWS
 * (profile facts, 2.2), but fifty tags, which is what nearly all of its services allow. */
enum { PROFILE_TAGS = 50, TAG_KEY_BYTES = 128, TAG_VALUE_BYTES = 256, PROFILE_NAME_BYTES = 64 };

struct tag {
    struct str key, value; /* keys differ by case, as they do for AWS */
};

struct profile {
    struct str arn; /* in lower case */
    struct str base;
    struct str geo; /* of the model's prefix, "" without one */
    struct str name;
    enum model_scope scope;
    bool unknown_prefix;
    const struct tag *tags; /* of one key the first counts */
    size_t tags_n;
};

struct profiles {
    struct arena arena;
    struct profile *v; /* sorted by ARN */
    size_t n;
};

void profiles_init(struct profiles *p);
void profiles_fini(struct profiles *p);
/* Adds a file; an ARN that is there already is replaced. The same ARN twice in one file, a row
 * without a model and an unknown scope are errors. */
enum status profiles_load(struct profiles *p, struct str text, const char *name,
                          struct err *err) MUST_USE;
/* Adds a copy, or puts it in the place of what is known of the same ARN. Names, keys and values
 * that are too long are cut, tags beyond the limit left out. */
enum status profiles_add(struct profiles *p, const struct profile *one, struct err *err) MUST_USE;
/* NULL when the map does not know the ARN. Compared without case. Good until something is added;
 * its texts as long as p. */
const struct profile *profiles_find(const struct profiles *p, struct str arn);
/* "" when there is no such tag. */
struct str profile_tag(const struct profile *p, struct str key);
/* What GetInferenceProfile answers as models, ARNs of one foundation model in several Regions:
 * fills base and scope, which borrow. False when they name no model, or two (profile facts, 3). */
bool profile_of_models(const struct str *arns, size_t n, struct profile *out);
/* True when both stand for the same model in the same scope: the price is the same. */
bool profile_same_model(const struct profile *a, const struct profile *b);

/* One Region: in-region. Several of one geography: geo. Several geographies, or a model ARN without
 * a Region: global (price facts, 8.4; the latter unconfirmed). */
enum model_scope scope_of_regions(const struct str *regions, size_t n);
/* True when b is surely outside the geography of a: the call went through a global profile. */
bool regions_apart(struct str a, struct str b);

#endif
