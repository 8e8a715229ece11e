/* The parts of logs.c that need no server; for it and its tests. */
#ifndef ASSAY_AWS_LOGS_INTERNAL_H
#define ASSAY_AWS_LOGS_INTERNAL_H

#include "aws/logs.h"
#include "codec/json.h"

struct logs {
    struct aws_client *client;
    struct json *json;
    struct aws_answer answer;
    struct buf request, token;
    struct buf names; /* decoded, of groups */
    struct logs_event *events;
    size_t events_cap;
    struct logs_group *groups;
    size_t groups_cap;
};

/* Appends the body of a FilterLogEvents request. */
void logs_write_query(struct buf *out, const struct logs_query *q);
/* Reads the body of an answer, which gets JSON_PADDING of room behind it. ERR_PARSE: it is none. */
enum status logs_read_page(struct logs *l, struct buf *body, struct logs_page *out,
                           struct err *err) MUST_USE;
enum status logs_read_groups(struct logs *l, struct buf *body, struct logs_groups *out,
                             struct err *err) MUST_USE;

#endif
