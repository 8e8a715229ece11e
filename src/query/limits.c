/* Thresholds by key: see limits.h. */
#include "query/limits.h"

#include "base/nearest.h"

#include <stdio.h>

enum { KEYS_TEXT = 256 };

/* "prompts, rate and cost" */
static const char *list(char out[KEYS_TEXT], const struct limit_key *keys, size_t n)
{
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < n && at < KEYS_TEXT; i++) {
        const char *before = i == 0 ? "" : i + 1 == n ? " and " : ", ";
        int put = snprintf(out + at, KEYS_TEXT - at, "%s%.*s", before, STR_ARG(keys[i].key));
        at += put > 0 ? (size_t)put : 0;
    }
    return out;
}

static enum status find(const struct limit_key *keys, size_t n, const char *what, struct str key,
                        size_t *at, struct err *err)
{
    char shown[QUOTED_TEXT], all[KEYS_TEXT];
    struct nearest near = nearest_start(key);
    for (*at = 0; *at < n; (*at)++) {
        if (str_eq(keys[*at].key, key))
            return OK;
        nearest_offer(&near, keys[*at].key);
    }
    if (near.best.p)
        return err_set(err, ERR_USAGE, "there is no %s '%s'; did you mean %.*s?", what,
                       quoted(shown, key), STR_ARG(near.best));
    return err_set(err, ERR_USAGE, "there is no %s '%s'; there are %s", what, quoted(shown, key),
                   list(all, keys, n));
}

static enum status set_all(const struct limit_key *keys, size_t n, const char *what,
                           struct str text, int64_t *v, bool write, struct err *err)
{
    struct str rest = str_trim(text);
    while (rest.n > 0) {
        char shown[QUOTED_TEXT];
        size_t at;
        int64_t number;
        struct str value = str_trim(str_cut(&rest, ','));
        struct str key = str_trim(str_cut(&value, '='));
        TRY(find(keys, n, what, key, &at, err));
        if (!value.p || !str_to_i64(str_trim(value), &number))
            return err_set(err, ERR_USAGE, "%s needs a whole number (0: it does not count)",
                           quoted(shown, key));
        if (keys[at].most > 0 && number > keys[at].most)
            return err_set(err, ERR_USAGE, "%s is at most %lld", quoted(shown, key),
                           (long long)keys[at].most);
        if (write)
            v[at] = number;
    }
    return OK;
}

enum status limits_set(const struct limit_key *keys, size_t n, const char *what, struct str text,
                       int64_t *v, struct err *err)
{
    TRY(set_all(keys, n, what, text, v, false, err));
    return set_all(keys, n, what, text, v, true, err);
}
