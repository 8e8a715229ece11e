/* Discounts: see discounts.h. */
#include "model/discounts.h"

#include "base/money.h"

#define PPM INT64_C(1000000)

static const char *const kind_names[DISCOUNT_KINDS] = {"account", "provider", "model"};

static enum status refuse(struct str text, const char *why, struct err *err)
{
    char found[STR_FOUND];
    return err_set(err, ERR_USAGE,
                   "discount %s: %s; wanted account:ID=PERCENT, provider:NAME=PERCENT or "
                   "model:GLOB=PERCENT",
                   str_found(found, str_cut(&text, '=')), why);
}

enum status discounts_add(struct discounts *d, struct str text, struct err *err)
{
    struct str rest = str_trim(text);
    struct str kind = str_cut(&rest, ':');
    size_t eq = rest.n; /* the last one: model ids hold colons, never an equals sign */
    while (eq > 0 && rest.p[eq - 1] != '=')
        eq--;
    if (eq == 0)
        return refuse(text, "no percentage", err);
    struct str name = str_trim(str_of(rest.p, eq - 1));
    int k = 0;
    while (k < DISCOUNT_KINDS && !str_eq(kind, str_from(kind_names[k])))
        k++;
    if (k == DISCOUNT_KINDS)
        return refuse(text, "unknown kind", err);
    if (name.n == 0 || name.n >= sizeof d->v[0].name)
        return refuse(text, "the name is empty or too long", err);
    int64_t ppm;
    if (!money_parse_percent(str_trim(str_skip(rest, eq)), &ppm))
        return refuse(text, "the percentage is not 0 to 100 with at most 4 decimals", err);
    for (int i = 0; i < d->n; i++)
        if ((int)d->v[i].kind == k && str_eq_nocase(str_from(d->v[i].name), name))
            return refuse(text, "given before", err);
    if (d->n == DISCOUNTS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d discounts", DISCOUNTS_MAX);
    d->v[d->n].kind = (enum discount_kind)k;
    memcpy(d->v[d->n].name, name.p, name.n);
    d->v[d->n].name[name.n] = '\0';
    d->v[d->n].ppm = ppm;
    d->n++;
    return OK;
}

/* How exactly a pattern names something: its letters without wildcards; -1 when it does not. */
static int specificity(struct str pattern, struct str s)
{
    if (s.n == 0 || !str_glob_nocase(pattern, s))
        return -1;
    int letters = 0;
    for (size_t i = 0; i < pattern.n; i++)
        letters += pattern.p[i] != '*' && pattern.p[i] != '?';
    return letters;
}

int64_t discounts_remaining(const struct discounts *d, struct str account, struct str provider,
                            struct str model)
{
    const struct str subject[DISCOUNT_KINDS] = {account, provider, model};
    int best[DISCOUNT_KINDS] = {-1, -1, -1};
    int64_t off[DISCOUNT_KINDS] = {0, 0, 0};
    for (int i = 0; i < d->n; i++) {
        enum discount_kind k = d->v[i].kind;
        int now = specificity(str_from(d->v[i].name), subject[k]);
        if (now > best[k]) {
            best[k] = now;
            off[k] = d->v[i].ppm;
        }
    }
    int64_t remaining = 1;
    for (int k = 0; k < DISCOUNT_KINDS; k++)
        remaining *= PPM - off[k];
    return remaining; /* of PPM cubed = DISCOUNT_ALL */
}
