/*
 * Money. Prices are pico-USD (10^-12 USD) per token, so an amount is an exact integer: tokens x
 * price, no rounding. One invocation fits int64_t (10^9 tokens at the dearest rate are 1.4 x
 * 10^17); sums are 128 bits wide, because 64 end at 9.2 million USD. Rounding happens when a number
 * is printed, half away from zero, and once per invocation where a factor (tier, discount) applies.
 * No floating point touches money.
 */
#ifndef ASSAY_BASE_MONEY_H
#define ASSAY_BASE_MONEY_H

#include "base/str.h"

__extension__ typedef __int128 money_sum; /* pico-USD */

#define PICO_PER_NANO INT64_C(1000)
#define PICO_PER_USD INT64_C(1000000000000)

/* Room for any money_sum as text with separators and a sign. */
#define MONEY_TEXT 72

/* "0.10", "137.5", "0.026004": USD per million tokens with at most six decimals, which is a whole
 * number of pico-USD per token. False on anything else (sign, exponent, seven decimals, beyond
 * 10^9 USD). */
bool money_parse_per_mtok(struct str text, int64_t *pico_per_token);

/* "12.5" -> 125000 parts per million; at most four decimals, 0 to 100. False on anything else. */
bool money_parse_percent(struct str text, int64_t *ppm);

/* amount x numerator / denominator, rounded half away from zero; false when it overflows. */
bool money_scale(int64_t amount, int64_t numerator, int64_t denominator, int64_t *out);

/* Nano-USD, rounded half away from zero. False when it does not fit int64_t. */
bool money_to_nano(money_sum pico, int64_t *nano);

/* Writes `decimals` (0 to 12) places, rounded half away from zero, thousands separated by
 * `separator` unless it is 0. Returns the length; the text is zero-terminated. */
size_t money_format(char out[MONEY_TEXT], money_sum pico, int decimals, char separator);

/* Plain decimal text of a 128-bit number, without separators. Returns the length. */
size_t money_format_int(char out[MONEY_TEXT], money_sum value);

#endif
