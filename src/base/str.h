/*
 * Slices: a pointer and a length, borrowed, not terminated. All text that is parsed travels as a
 * struct str; who keeps one longer than the input it points into copies it first.
 */
#ifndef ASSAY_BASE_STR_H
#define ASSAY_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_from(const char *zero_terminated)
{
    return (struct str){zero_terminated, zero_terminated ? strlen(zero_terminated) : 0};
}

static inline struct str str_of(const char *p, size_t n)
{
    return (struct str){p, n};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Byte order, shorter first on a common prefix: <0, 0, >0. */
int str_cmp(struct str a, struct str b);
/* ASCII letters compare without case. */
bool str_eq_nocase(struct str a, struct str b);
bool str_has_prefix(struct str s, struct str prefix);
bool str_has_suffix(struct str s, struct str suffix);
/* Position of the first c, or -1. */
ptrdiff_t str_find_char(struct str s, char c);
/* Position of the first needle, or -1. An empty needle is found at 0. */
ptrdiff_t str_find(struct str s, struct str needle);
/* s without its first n bytes (all of them when n is larger). */
struct str str_skip(struct str s, size_t n);
/* s without ASCII white space at both ends. */
struct str str_trim(struct str s);
/* Cuts at the first c: returns the part before it and moves *rest behind it; without c the whole
 * of *rest is returned and *rest becomes STR_NONE (p == NULL). */
struct str str_cut(struct str *rest, char c);
/* Glob with `*` (any run, also empty) and `?` (one byte); everything else is literal. Linear in
 * practice, at most |pattern| x |s|. */
bool str_glob(struct str pattern, struct str s);
bool str_glob_nocase(struct str pattern, struct str s);
/* Decimal digits only, no sign, the whole of s; false on anything else or beyond INT64_MAX. */
bool str_to_i64(struct str s, int64_t *out);

/* What stood in a file, for a message: in quotes when it is short and plain (letters, digits and
 * ._:/-), otherwise only its length, because a file given by mistake may hold somebody's prompt. */
#define STR_FOUND 40
const char *str_found(char out[STR_FOUND], struct str s);
/* Only letters, digits and ._:/- */
bool str_is_plain(struct str s);

#endif
