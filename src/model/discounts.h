/*
 * Discounts that an organization has agreed on: "account:111122223333=10",
 * "provider:anthropic=7.5", "model:anthropic.claude-opus-*=12.5", per cent off. Of each kind the
 * most specific one counts; the kinds multiply. The price list does not know them, so reports show
 * both amounts.
 */
#ifndef ASSAY_MODEL_DISCOUNTS_H
#define ASSAY_MODEL_DISCOUNTS_H

#include "base/err.h"
#include "base/str.h"

enum discount_kind { DISCOUNT_ACCOUNT, DISCOUNT_PROVIDER, DISCOUNT_MODEL, DISCOUNT_KINDS };

enum { DISCOUNTS_MAX = 256 };

struct discounts {
    struct {
        enum discount_kind kind;
        char name[200]; /* zero-terminated */
        int64_t ppm;    /* off, parts per million */
    } v[DISCOUNTS_MAX];
    int n;
};

/* Adds one. ERR_USAGE when it is not of that form or was given before. */
enum status discounts_add(struct discounts *d, struct str text, struct err *err) MUST_USE;
/* What remains to be paid, of DISCOUNT_ALL (pricing.h). */
int64_t discounts_remaining(const struct discounts *d, struct str account, struct str provider,
                            struct str model);

#endif
