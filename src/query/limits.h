/*
 * Thresholds that people can change, as one option each takes them: "KEY=N,…". What the keys are
 * and mean is said where they are used (runaway.h, savings.h).
 */
#ifndef ASSAY_QUERY_LIMITS_H
#define ASSAY_QUERY_LIMITS_H

#include "base/err.h"
#include "base/str.h"

struct limit_key {
    struct str key;
    int64_t usual;
    int64_t most; /* 0: as large as you like */
};

/* Changes those of `v` that the text names; the others stay. `what` is what a key is called in
 * messages ("signal"). ERR_USAGE, naming the nearest key, and then nothing is changed. */
enum status limits_set(const struct limit_key *keys, size_t n, const char *what, struct str text,
                       int64_t *v, struct err *err) MUST_USE;

#endif
