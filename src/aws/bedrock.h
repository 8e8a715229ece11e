/*
 * The control plane of Bedrock, as far as the price of a call depends on it: what an inference
 * profile points to (GetInferenceProfile) and its tags (ListTagsForResource). Facts: API models of
 * botocore 1.44; what profiles are is in the facts on profiles, sections 2 and 3.
 *
 *     struct bedrock_profile p;
 *     bedrock_profile_init(&p);
 *     if (bedrock_get_profile(client, STR("arn:aws:bedrock:eu-west-1:…"), &p, &err) == OK)
 *         … p.name, p.models[0] …
 *     bedrock_profile_fini(&p);
 *
 * Both ask in the Region that an ARN names, or else in the client's.
 */
#ifndef ASSAY_AWS_BEDROCK_H
#define ASSAY_AWS_BEDROCK_H

#include "aws/call.h"
#include "base/arena.h"

enum bedrock_profile_type {
    BEDROCK_PROFILE_OTHER, /* a kind that is not known here */
    BEDROCK_PROFILE_SYSTEM,
    BEDROCK_PROFILE_APPLICATION,
};

enum {
    BEDROCK_MODELS_MAX = 5, /* an answer names at most so many (API model) */
    BEDROCK_IDENTIFIER_MAX = 2048,
};

/* Texts live until the profile is filled again or ended; "" for what the answer does not hold. */
struct bedrock_profile {
    struct str name, description, arn, id, status;
    enum bedrock_profile_type type;
    /* ARNs of foundation models, one per Region that calls may run in. That of a global profile has
     * also one without a Region, "arn:aws:bedrock:::foundation-model/…". */
    struct str models[BEDROCK_MODELS_MAX];
    size_t models_n;
    struct arena arena; /* private */
};

void bedrock_profile_init(struct bedrock_profile *p);
void bedrock_profile_fini(struct bedrock_profile *p);

/*
 * identifier: an id or an ARN. Needs bedrock:GetInferenceProfile with credentials of the account
 * that the profile is in. ERR_NOT_FOUND: it has been deleted, or is of another Region; ERR_LIMIT:
 * the identifier is longer than one may be; ERR_PARSE: the answer is none, or names no model; else
 * as aws_send.
 */
enum status bedrock_get_profile(struct aws_client *c, struct str identifier,
                                struct bedrock_profile *out, struct err *err) MUST_USE;

struct bedrock_tag {
    struct str key, value;
};

/* As with profiles. */
struct bedrock_tags {
    struct bedrock_tag *v;
    size_t n;
    struct arena arena; /* private */
};

void bedrock_tags_init(struct bedrock_tags *t);
void bedrock_tags_fini(struct bedrock_tags *t);

/* The tags of a resource, by its ARN; none is OK. Needs bedrock:ListTagsForResource. */
enum status bedrock_get_tags(struct aws_client *c, struct str arn, struct bedrock_tags *out,
                             struct err *err) MUST_USE;

#endif
