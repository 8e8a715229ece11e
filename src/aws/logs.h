/*
 * CloudWatch Logs: pages of events (FilterLogEvents) and names of groups (DescribeLogGroups), by
 * the JSON 1.1 protocol. Facts are those of the API reference 2014-03-28 as botocore 1.44 carries
 * it.
 *
 *     struct logs *l;
 *     logs_new(client, &l, &err);
 *     struct logs_query q = {.group = STR("bedrock"), .stream = LOGS_BEDROCK_STREAM,
 *                            .start_ms = since, .end_ms = now};
 *     struct logs_page page;
 *     do {
 *         TRY(logs_events(l, &q, &page, &err));
 *         … page.events, page.body …
 *         q.token = copy of page.token;
 *     } while (page.token.n > 0);
 *     logs_free(l);
 *
 * A struct logs belongs to one thread; what a call gives is borrowed until the next call.
 */
#ifndef ASSAY_AWS_LOGS_H
#define ASSAY_AWS_LOGS_H

#include "aws/call.h"

struct logs;

/* The stream that Bedrock writes to, in whatever group (User Guide, "Monitor model invocation"). */
#define LOGS_BEDROCK_STREAM STR("aws/bedrock/modelinvocations")

/* The client is borrowed. */
enum status logs_new(struct aws_client *c, struct logs **out, struct err *err) MUST_USE;
void logs_free(struct logs *l);

struct logs_query {
    struct str group;   /* a name, or an ARN (of another account, for who monitors it) */
    const char *region; /* NULL: the client's */
    struct str stream;  /* "": all streams of the group */
    int64_t start_ms;   /* of the events, both included; negative: no bound */
    int64_t end_ms;
    struct str token; /* of the page before; "" for the first page */
    int limit;        /* of events; 0: what the service takes, 10,000 */
};

struct logs_event {
    struct str id;   /* as written between its quotes; "" when the service gave none */
    int64_t time_ms; /* -1 when it gave none */
    struct str raw;  /* the whole event, an object of JSON */
};

/* Events come in the order of their times. A page may be empty and still not be the last one: that
 * is the one without a token. A token holds for 24 hours. */
struct logs_page {
    struct str body; /* {"events":[…],…}, as it came */
    const struct logs_event *events;
    size_t events_n;
    struct str token; /* decoded; "" after the last page */
};

/* Needs logs:FilterLogEvents. ERR_NOT_FOUND: no such group, or no such stream in it; ERR_PARSE: the
 * answer is not one; else as aws_send. That tokens come to an end is the caller's to watch. */
enum status logs_events(struct logs *l, const struct logs_query *q, struct logs_page *page,
                        struct err *err) MUST_USE;
/* The error code that the last call was answered with, "" for none. */
const char *logs_code(const struct logs *l);

struct logs_group {
    struct str name, arn; /* the ARN without the ":*" that the service may append */
};

struct logs_groups {
    const struct logs_group *groups;
    size_t n;
    struct str token; /* "" after the last page */
};

/* A page of the groups whose names begin with the prefix ("": all). Needs
 * logs:DescribeLogGroups. */
enum status logs_groups(struct logs *l, const char *region, struct str prefix, struct str token,
                        struct logs_groups *out, struct err *err) MUST_USE;

#endif
