/*
 * What the machine tells a program about AWS: environment variables, the home directory, the time.
 * It is passed on as a value, so that tests never touch the real ones.
 */
#ifndef ASSAY_AWS_MACHINE_H
#define ASSAY_AWS_MACHINE_H

#include "base/buf.h"
#include "base/err.h"

/* All zero is the machine that the program runs on. */
struct aws_machine {
    const char *(*variable)(void *ctx, const char *name); /* NULL: getenv */
    int64_t (*now_us)(void *ctx);                         /* NULL: clock_now_us */
    void *ctx;
    const char *home; /* NULL: the variable HOME */
};

/* The value of an environment variable; NULL when it is not set or empty. Borrowed. */
const char *machine_variable(const struct aws_machine *m, const char *name);
/* "true" in any case of letters, as the SDKs read their switches. */
bool machine_switch(const struct aws_machine *m, const char *name);
int64_t machine_now_us(const struct aws_machine *m);
/* Appends a path and a zero byte (not counted), a leading "~/" replaced by the home directory;
 * ERR_NOT_FOUND when there is no home. Empties out before. */
enum status machine_path(const struct aws_machine *m, const char *path, struct buf *out,
                         struct err *err) MUST_USE;

#endif
