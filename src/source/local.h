/*
 * Local files as a source: operands of the command line (files, directories, globs, `-`) become a
 * stream of files in a fixed order: names sorted bytewise, but below AWSLogs hour by hour, and of
 * an hour by Region and account. Nothing but the names of one directory at a time is kept in
 * memory, and of a day the hours of all accounts and Regions. Inside a directory links are not
 * followed and only regular files are given; bodies under data/ and permission checks are passed
 * over (bedrock-logs facts, 3).
 */
#ifndef ASSAY_SOURCE_LOCAL_H
#define ASSAY_SOURCE_LOCAL_H

#include "source/source.h"

struct local_walk;

/* Told of what cannot be read: a missing operand, a directory without permission. */
typedef void (*local_problem)(void *ctx, const char *path, const char *reason);

/* stat_files: tell size and time of each file, and pass over empty ones. */
enum status local_open(char *const *operands, int n, bool stat_files, local_problem problem,
                       void *ctx, struct local_walk **out, struct err *err) MUST_USE;
void local_close(struct local_walk *w);
/* The next file; *more is false at the end. */
enum status local_next(struct local_walk *w, struct source_item *item, bool *more,
                       struct err *err) MUST_USE;

/*
 * How far the walk has come, in parts per million, or -1 when nothing tells (standard input). Where
 * *estimated is false (all operands are files) that is 0 and *bytes is what all of them hold. Below
 * AWSLogs the days tell it, of which the first and the last are looked for when this is first
 * called; elsewhere the names of a directory count alike.
 */
int64_t local_position(struct local_walk *w, bool *estimated, int64_t *bytes);

#endif
