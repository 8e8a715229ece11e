/* Operands that are no files but something of AWS, s3://bucket/prefix and cloudwatch:GROUP, and the
 * options that go with them. */
#ifndef ASSAY_CLI_REMOTE_H
#define ASSAY_CLI_REMOTE_H

#include "cli/cli.h"
#include "source/source.h"

/* What reads over a network waits most of the time. */
enum { REMOTE_THREADS = 16 };

struct remote {
    /* As typed. */
    const char *profile, *region, *role_arn, *external_id;
    struct option_list body_buckets;
    bool requester_pays, all_streams;
    int64_t max_requests;
    /* Made of it. */
    int64_t since_us, until_us;
    struct aws_credentials *credentials; /* when somebody needs them */
    struct quota *logs_quota;            /* the same */
};

/* clang-format off */
#define REMOTE_OPTIONS(r)                                                                          \
    {"profile", OPTION_TEXT, &(r)->profile, "NAME", "profile of the AWS configuration files"},     \
    {"region", OPTION_TEXT, &(r)->region, "NAME", "AWS Region to ask"},                            \
    {"role-arn", OPTION_TEXT, &(r)->role_arn, "ARN", "role to assume for reading"},                \
    {"external-id", OPTION_TEXT, &(r)->external_id, "ID", "for that role, where it wants one"},    \
    {"body-bucket", OPTION_LIST, &(r)->body_buckets, "NAME[/PREFIX]",                              \
     "further bucket that bodies may be read from; may be repeated"},                              \
    {"requester-pays", OPTION_FLAG, &(r)->requester_pays, NULL,                                    \
     "agree to pay for requests to the bucket"},                                                   \
    {"all-streams", OPTION_FLAG, &(r)->all_streams, NULL,                                          \
     "of log groups, not only the stream that Bedrock writes to"},                                 \
    {"max-requests", OPTION_COUNT, &(r)->max_requests, "N",                                        \
     "per second (default: to S3 no limit, to CloudWatch Logs 5 per Region)"}
/* clang-format on */

void remote_init(struct remote *r);
/* After the sources are closed. */
void remote_fini(struct remote *r);
/* --since and --until as typed (NULL: none), in UTC. */
enum status remote_period(struct remote *r, const char *since, const char *until,
                          struct err *err) MUST_USE;
/* r->credentials, made when there are none yet; asks nobody. */
enum status remote_credentials(struct remote *r, struct err *err) MUST_USE;
bool remote_is(const char *operand);
/* Reads AWS's configuration when it is the first; asks nobody. ERR_USAGE: not an address that can
 * be read. */
enum status remote_source(struct remote *r, const char *operand, struct source **out,
                          struct err *err) MUST_USE;

#endif
