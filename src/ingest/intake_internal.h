/* What intake.c and intake_fields.c share; included nowhere else. */
#ifndef ASSAY_INGEST_INTAKE_INTERNAL_H
#define ASSAY_INGEST_INTAKE_INTERNAL_H

#include "ingest/intake.h"
#include "ingest/usage.h"

/* Flags and latency. First of all: what the others find is added. */
void intake_flags(const struct record *r, const struct usage *u, struct invocation *v);
/* Tokens by class: the envelope's, else the body's (bedrock-logs facts, 1.3). */
void intake_counts(const struct record *r, const struct usage *u, struct invocation *v);
/* The record's own time, else that of its delivery, else the epoch; both flagged. */
void intake_time(const struct record *r, const struct origin *from, struct invocation *v);
/*
 * The key: account, region and request id. Without a request id what the record says is hashed
 * instead, so that two copies of it still meet.
 */
void intake_key(struct hash_key key, const struct record *r, struct str account, struct str region,
                struct invocation *v);

#endif
