/*
 * The servers beside a program that hand out keys: of the container (ECS, EKS) and of the instance
 * (IMDS). They answer at once or not at all, so one asks with short patience, over a connection of
 * its own.
 */
#ifndef ASSAY_AWS_METADATA_H
#define ASSAY_AWS_METADATA_H

#include "aws/credentials_internal.h"
#include "codec/uri.h"
#include "net/http.h"

struct metadata_patience {
    int64_t timeout_ms; /* for connecting, and again for the answer */
    int attempts;
};

/* One request, repeated after about a second when there was no answer, one of 5xx or 429. ERR_IO:
 * none came; OK for every status. headers: lines. The answer is wiped when it is emptied. */
enum status metadata_ask(const struct asking *a, const struct metadata_patience *p,
                         const char *method, const struct uri *base, struct str target,
                         struct str headers, struct http_answer *out, struct err *err) MUST_USE;
/* Keys from JSON with AccessKeyId, SecretAccessKey, Token, Expiration. */
enum status metadata_keys(const struct http_answer *a, const char *what, struct aws_keys *out,
                          struct err *err) MUST_USE;

#endif
