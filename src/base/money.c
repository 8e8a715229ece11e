/* Money: see money.h. */
#include "base/money.h"

__extension__ typedef unsigned __int128 magnitude;

/* Digits with at most one point and at most `places` decimals, scaled by 10^places. */
static bool parse_decimal(struct str text, int places, int64_t *out)
{
    int64_t value = 0;
    int decimals = -1; /* -1 before the point */
    bool digit_seen = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (c < '0' || c > '9')
            return false;
        if (decimals >= 0 && ++decimals > places)
            return false;
        digit_seen = true;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, c - '0', &value))
            return false;
    }
    if (!digit_seen || decimals == 0)
        return false;
    for (int i = decimals < 0 ? 0 : decimals; i < places; i++)
        if (__builtin_mul_overflow(value, 10, &value))
            return false;
    *out = value;
    return true;
}

bool money_parse_per_mtok(struct str text, int64_t *pico_per_token)
{
    int64_t value;
    if (!parse_decimal(text, 6, &value) || value > INT64_C(1000000000) * 1000000)
        return false;
    *pico_per_token = value;
    return true;
}

bool money_parse_percent(struct str text, int64_t *ppm)
{
    int64_t value;
    if (!parse_decimal(text, 4, &value) || value > 1000000)
        return false;
    *ppm = value;
    return true;
}

static magnitude magnitude_of(money_sum value)
{
    return value < 0 ? -(magnitude)value : (magnitude)value;
}

static magnitude divide_half_up(magnitude value, magnitude by)
{
    magnitude q = value / by, r = value % by;
    return r >= by - r ? q + 1 : q;
}

bool money_scale(int64_t amount, int64_t numerator, int64_t denominator, int64_t *out)
{
    if (denominator <= 0)
        return false;
    money_sum product = (money_sum)amount * numerator;
    magnitude q = divide_half_up(magnitude_of(product), (magnitude)denominator);
    if (q > (magnitude)INT64_MAX)
        return false;
    *out = product < 0 ? -(int64_t)q : (int64_t)q;
    return true;
}

bool money_to_nano(money_sum pico, int64_t *nano)
{
    magnitude q = divide_half_up(magnitude_of(pico), (magnitude)PICO_PER_NANO);
    if (q > (magnitude)INT64_MAX)
        return false;
    *nano = pico < 0 ? -(int64_t)q : (int64_t)q;
    return true;
}

size_t money_format(char out[MONEY_TEXT], money_sum pico, int decimals, char separator)
{
    magnitude unit = 1;
    for (int i = decimals; i < 12; i++)
        unit *= 10;
    magnitude value = divide_half_up(magnitude_of(pico), unit);
    bool negative = pico < 0 && value != 0;

    char reversed[MONEY_TEXT];
    size_t n = 0;
    for (int i = 0; i < decimals; i++, value /= 10)
        reversed[n++] = (char)('0' + (int)(value % 10));
    if (decimals > 0)
        reversed[n++] = '.';
    int group = 0;
    do {
        if (separator && group == 3) {
            reversed[n++] = separator;
            group = 0;
        }
        reversed[n++] = (char)('0' + (int)(value % 10));
        group++;
        value /= 10;
    } while (value > 0);
    if (negative)
        reversed[n++] = '-';
    for (size_t i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    out[n] = '\0';
    return n;
}

size_t money_format_int(char out[MONEY_TEXT], money_sum value)
{
    magnitude left = magnitude_of(value);
    char reversed[MONEY_TEXT];
    size_t n = 0;
    do {
        reversed[n++] = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left > 0);
    if (value < 0)
        reversed[n++] = '-';
    for (size_t i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    out[n] = '\0';
    return n;
}
