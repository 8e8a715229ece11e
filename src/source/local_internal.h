/* What local.c (walking) and local_position.c (how far it came) share; included nowhere else. */
#ifndef ASSAY_SOURCE_LOCAL_INTERNAL_H
#define ASSAY_SOURCE_LOCAL_INTERNAL_H

#include "base/buf.h"
#include "source/key.h"
#include "source/local.h"

#include <glob.h>

enum { DEPTH_MAX = 64 };

struct entry {
    uint32_t name, directory; /* offsets in the level's texts */
    unsigned char type;
};

struct level {
    struct buf names, directories; /* zero-terminated, one behind the other */
    struct entry *entries;
    size_t n, next;
    size_t begun; /* the entry that is walked, and those up to `next` with it */
    enum key_stage stage;
    /* In levels of years, months and days: the first and the last day, once asked for. */
    int64_t first_day, last_day;
};

struct local_walk {
    bool stat_files;
    local_problem problem;
    void *ctx;
    glob_t names; /* the operands, globs expanded */
    size_t next_operand;
    bool stdin_wanted, has_stdin, ended;
    struct level levels[DEPTH_MAX];
    int depth;       /* levels in use */
    struct buf path; /* of the entry at hand, zero-terminated */
    size_t root_n;   /* length of the operand that is being walked */
    int64_t bytes;   /* of the operands as far as they are files */
    bool all_files;
};

#endif
