/*
 * Statuses and errors.
 *
 * Every function that can fail returns an enum status and fills the caller's struct err (which may
 * be NULL). No heap, no thread-local, no global: an error is a value. Outputs of a function are
 * written only when it returns OK.
 *
 *     struct err err = {0};
 *     if (store_open(&store, path, STORE_WRITE, &err) != OK)
 *         fprintf(stderr, "assay: %s\n", err.text);
 *
 * Messages say what was wanted, what was found, where, and what to do. They never hold text of a
 * prompt, a key or a token: whoever formats one passes names, sizes and positions only.
 */
#ifndef ASSAY_BASE_ERR_H
#define ASSAY_BASE_ERR_H

#include <stddef.h>
#include <stdint.h>

/* name, text for people. The text is the fall-back when a message was not given. */
#define STATUS_MAP(X)                                                                              \
    X(OK, "success")                                                                               \
    X(ERR_NOMEM, "out of memory")                                                                  \
    X(ERR_IO, "input/output error")                                                                \
    X(ERR_NOT_FOUND, "not found")                                                                  \
    X(ERR_ACCESS, "permission denied")                                                             \
    X(ERR_FULL, "no space left")                                                                   \
    X(ERR_LIMIT, "a limit was exceeded")                                                           \
    X(ERR_PARSE, "malformed input")                                                                \
    X(ERR_TRUNCATED, "input ends too early")                                                       \
    X(ERR_RANGE, "number out of range")                                                            \
    X(ERR_USAGE, "wrong usage")                                                                    \
    X(ERR_VERSION, "version not supported")                                                        \
    X(ERR_CONFLICT, "in use by another process")                                                   \
    X(ERR_INTERRUPTED, "interrupted")

enum status {
#define STATUS_ENUM(name, text) name,
    STATUS_MAP(STATUS_ENUM)
#undef STATUS_ENUM
};

struct err {
    enum status status;
    int native;     /* errno, sqlite or zlib code; 0 when there is none */
    int64_t offset; /* byte offset in the input, -1 or 0 when it has no meaning */
    char text[384];
};

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Forwards a failure to the caller. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum status try_status_ = (call);                                                          \
        if (try_status_ != OK)                                                                     \
            return try_status_;                                                                    \
    } while (0)

/* Fills err (may be NULL) and returns status, so that `return err_set(...)` reads well. */
enum status err_set(struct err *err, enum status status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set, with the status derived from an errno and its text appended after ": ". */
enum status err_errno(struct err *err, int native, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set(err, ERR_NOMEM): one spelling for the most common failure. */
enum status err_nomem(struct err *err);

/* The text of STATUS_MAP, never NULL. */
const char *status_text(enum status status);

#endif
