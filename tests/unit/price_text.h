/* Amounts and rates as the price facts print them, for tests that compare with their tables. */
#ifndef ASSAY_TESTS_PRICE_TEXT_H
#define ASSAY_TESTS_PRICE_TEXT_H

#include "model/pricing.h"
#include "unit.h"

#include <stdio.h>

#define RATES_TEXT 256

#define assert_str(actual, expected)                                                               \
    do {                                                                                           \
        struct str actual_ = (actual);                                                             \
        char text_[256];                                                                           \
        snprintf(text_, sizeof text_, "%.*s", STR_ARG(actual_));                                   \
        assert_string_equal(text_, (expected));                                                    \
    } while (0)

/* All twelve decimals, without the zeros at the end. */
static inline const char *usd_text(char out[MONEY_TEXT], money_sum pico)
{
    size_t n = money_format(out, pico, 12, 0);
    while (out[n - 1] == '0')
        out[--n] = '\0';
    if (out[n - 1] == '.')
        out[--n] = '\0';
    return out;
}

static inline const char *rates_text(char out[RATES_TEXT], const struct rates *rates)
{
    size_t n = 0;
    for (int c = 0; c <= TOKENS_CACHE_WRITE_1H; c++) {
        char rate[MONEY_TEXT] = "-";
        if (rates->v[c] != RATE_NONE)
            usd_text(rate, (money_sum)rates->v[c] * 1000000);
        n += (size_t)snprintf(out + n, RATES_TEXT - n, "%s%s", c ? " / " : "", rate);
    }
    return out;
}

#endif
