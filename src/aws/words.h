/*
 * A line cut into words as a shell cuts them, without running one: blanks part words; '…' is
 * literal; "…" lets \" and \\ through; \ makes the next character literal. Nothing is expanded. The
 * rules are those of Python's shlex.split, which the AWS CLI uses for credential_process and for
 * the names of sections.
 */
#ifndef ASSAY_AWS_WORDS_H
#define ASSAY_AWS_WORDS_H

#include "base/str.h"

/* Writes at most max words, each zero-terminated, into room, which takes line.n + 1 bytes. Returns
 * their number, or -1: an open quote, a \ at the end, or more than max. */
int words_split(struct str line, char *room, char **words, int max);

#endif
