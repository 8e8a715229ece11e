/*
 * What clang-tidy cannot see from one source file: whoever reports an error does not return OK.
 * Without it each `return err_nomem(err)` looks like a success with a null pointer. Included before
 * each file by ./dev lint, and by nothing else.
 */
#include "base/err.h"

#define err_set(err, status, ...) ((void)(err_set)(err, status, __VA_ARGS__), (status))
#define err_errno(...) ((void)(err_errno)(__VA_ARGS__), ERR_IO)
#define err_nomem(err) ((void)(err_nomem)(err), ERR_NOMEM)
