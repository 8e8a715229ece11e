/*
 * Where a service answers: the user's own endpoint, or the one of AWS in a Region.
 *
 * Own endpoints, the first that is there (botocore 1.44, configprovider.py,
 * ConfiguredEndpointProvider): AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, endpoint_url below the
 * service in the profile's `services` section, the profile's endpoint_url; none of them when
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS or ignore_configured_endpoint_urls is true.
 *
 * AWS's: <service>.<region>.<domain of the partition>, with variants for FIPS 140 (…-fips) and for
 * IPv4 and IPv6 (dual-stack) when AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT or the
 * profile's use_… ask for them. Where a service has no such variant in a partition, asking is an
 * error.
 */
#ifndef ASSAY_AWS_ENDPOINT_H
#define ASSAY_AWS_ENDPOINT_H

#include "aws/config_file.h"

enum { ENDPOINT_REGION_MAX = 40 };

/* Where to look; borrowed. */
struct endpoint_settings {
    const struct aws_machine *machine;
    const struct aws_config *config; /* may be NULL */
    const char *profile;
};

struct endpoint {
    bool own; /* the user's */
    char scheme[8], host[256];
    int port;            /* 0: the scheme's */
    char base_path[256]; /* "" or "/some/where", without a slash at the end */
    char region[ENDPOINT_REGION_MAX];
    const char *signs_as; /* name of the service in signatures */
};

/* service as in struct aws_call. ERR_USAGE: a service or an endpoint that is none, or a Region with
 * other characters than letters, digits and hyphens. */
enum status endpoint_find(const struct endpoint_settings *s, const char *service,
                          const char *region, struct endpoint *out, struct err *err) MUST_USE;
/* As above: whether the user gave one. */
bool endpoint_is_own(const struct endpoint_settings *s, const char *service);
/* 1 to 39 letters, digits and hyphens: what may become part of a host name. */
bool endpoint_is_region(struct str region);

#endif
