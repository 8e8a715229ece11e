/* Slices: see str.h. */
#include "base/str.h"

#include <stdio.h>

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    if (order != 0)
        return order;
    return (a.n > b.n) - (a.n < b.n);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool str_has_prefix(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_has_suffix(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

ptrdiff_t str_find_char(struct str s, char c)
{
    const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
    return hit ? hit - s.p : -1;
}

ptrdiff_t str_find(struct str s, struct str needle)
{
    if (needle.n == 0)
        return 0;
    if (s.n < needle.n)
        return -1;
    const char *hit = memmem(s.p, s.n, needle.p, needle.n);
    return hit ? hit - s.p : -1;
}

struct str str_skip(struct str s, size_t n)
{
    if (n > s.n)
        n = s.n;
    return (struct str){s.p ? s.p + n : NULL, s.n - n};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.n && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str str_cut(struct str *rest, char c)
{
    struct str all = *rest;
    ptrdiff_t at = str_find_char(all, c);
    if (at < 0) {
        *rest = STR_NONE;
        return all;
    }
    *rest = str_skip(all, (size_t)at + 1);
    return str_of(all.p, (size_t)at);
}

static bool glob(struct str pattern, struct str s, bool nocase)
{
    size_t i = 0, j = 0;
    size_t star = SIZE_MAX, mark = 0; /* where to resume after the last `*` */
    while (i < s.n) {
        if (j < pattern.n && pattern.p[j] == '*') {
            star = j++;
            mark = i;
        } else if (j < pattern.n && (pattern.p[j] == '?' || pattern.p[j] == s.p[i] ||
                                     (nocase && lower(pattern.p[j]) == lower(s.p[i])))) {
            i++;
            j++;
        } else if (star != SIZE_MAX) {
            j = star + 1;
            i = ++mark;
        } else {
            return false;
        }
    }
    while (j < pattern.n && pattern.p[j] == '*')
        j++;
    return j == pattern.n;
}

bool str_glob(struct str pattern, struct str s)
{
    return glob(pattern, s, false);
}

bool str_glob_nocase(struct str pattern, struct str s)
{
    return glob(pattern, s, true);
}

bool str_to_i64(struct str s, int64_t *out)
{
    if (s.n == 0)
        return false;
    int64_t value = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, s.p[i] - '0', &value))
            return false;
    }
    *out = value;
    return true;
}

bool str_is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && !(c >= '0' && c <= '9') && !(c && strchr("._:/-", c)))
            return false;
    }
    return true;
}

const char *str_found(char out[STR_FOUND], struct str s)
{
    enum { SHORT = 24 };
    if (s.n <= SHORT && str_is_plain(s))
        snprintf(out, STR_FOUND, "\"%.*s\"", STR_ARG(s));
    else
        snprintf(out, STR_FOUND, "a text of %zu bytes", s.n);
    return out;
}
