/*
 * At most so many calls a second and Region, however many threads make them. Some operations have a
 * quota per account and Region that all programs of the account share (FilterLogEvents: 5 a second,
 * "CloudWatch Logs quotas", August 2026), so it is polite, and faster, not to run into it.
 *
 *     struct quota *p;
 *     quota_new(5, &p, &err);              shared by all threads
 *     quota_wait(p, "eu-west-1", &cancel); before each call
 *     quota_free(p);
 */
#ifndef ASSAY_AWS_QUOTA_H
#define ASSAY_AWS_QUOTA_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>

struct quota;

enum status quota_new(int per_second, struct quota **out, struct err *err) MUST_USE;
void quota_free(struct quota *p);
/* Sleeps until it is this caller's turn; returns within 100 ms after *cancel (may be NULL) became
 * true. Beyond QUOTA_REGIONS Regions the further ones share one turn. p NULL: no waiting. */
enum { QUOTA_REGIONS = 48 };
void quota_wait(struct quota *p, const char *region, const _Atomic bool *cancel);

#endif
