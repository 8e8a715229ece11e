/* Figures as text: integers to decimals, rounded last and only here. */
#include "report/render_internal.h"

#include <stdio.h>

_Static_assert((int)FIGURE_TEXT >= MONEY_TEXT + 4, "room for any amount, its $ and a <");

size_t figure_count(char out[FIGURE_TEXT], int64_t n)
{
    return money_format(out, (money_sum)n * PICO_PER_USD, 0, ',');
}

/* Three significant digits: 1.23M, 12.3M, 123M. Rounding is down, so that nothing seems to be
 * reached before it is. */
size_t figure_count_short(char out[FIGURE_TEXT], int64_t n)
{
    static const char units[] = " kMGTPE";
    if (n > -10000 && n < 10000)
        return figure_count(out, n);
    int unit = 0;
    int64_t thousandths = n;
    bool negative = n < 0;
    while (thousandths >= 1000000 || thousandths <= -1000000) {
        thousandths /= 1000;
        unit++;
    }
    unit++;
    int64_t abs = negative ? -thousandths : thousandths;
    long long whole = abs / 1000, part = abs % 1000;
    int len;
    if (whole >= 100)
        len = snprintf(out, FIGURE_TEXT, "%s%lld%c", negative ? "-" : "", whole, units[unit]);
    else if (whole >= 10)
        len = snprintf(out, FIGURE_TEXT, "%s%lld.%lld%c", negative ? "-" : "", whole, part / 100,
                       units[unit]);
    else
        len = snprintf(out, FIGURE_TEXT, "%s%lld.%02lld%c", negative ? "-" : "", whole, part / 10,
                       units[unit]);
    return (size_t)len;
}

size_t figure_plain(char out[FIGURE_TEXT], enum metric_kind kind, int64_t n)
{
    if (kind == METRIC_KIND_RATIO)
        return money_format(out, (money_sum)n * (PICO_PER_USD / 10000), 4, 0);
    return money_format_int(out, n);
}

size_t figure_time(char out[FIGURE_TEXT], int64_t ms)
{
    long long s = ms < 0 ? 0 : ms / 1000;
    int n;
    if (s >= 24 * 3600)
        n = snprintf(out, FIGURE_TEXT, "%lldd %02lldh", s / (24 * 3600), s / 3600 % 24);
    else if (s >= 3600)
        n = snprintf(out, FIGURE_TEXT, "%lldh %02lldm", s / 3600, s / 60 % 60);
    else if (s >= 60)
        n = snprintf(out, FIGURE_TEXT, "%lldm %02llds", s / 60, s % 60);
    else
        n = snprintf(out, FIGURE_TEXT, "%llds", s);
    return (size_t)n;
}

size_t figure_percent(char out[FIGURE_TEXT], int64_t ten_thousandths)
{
    size_t n = money_format(out, (money_sum)ten_thousandths * (PICO_PER_USD / 100), 1, ',');
    out[n++] = '%';
    out[n] = '\0';
    return n;
}

/* Nine decimals of a dollar without their point: any amount, also beyond 64 bits. */
size_t figure_nano(char out[FIGURE_TEXT], money_sum pico)
{
    enum { DECIMALS = 9 };
    size_t n = money_format(out, pico, DECIMALS, 0);
    size_t point = n - DECIMALS - 1;
    memmove(out + point, out + point + 1, DECIMALS + 1);
    n--;
    size_t sign = out[0] == '-';
    size_t zeros = 0;
    while (sign + zeros + 1 < n && out[sign + zeros] == '0')
        zeros++;
    memmove(out + sign, out + sign + zeros, n - sign - zeros + 1);
    return n - zeros;
}

size_t figure_usd(char out[FIGURE_TEXT], money_sum pico)
{
    size_t n = money_format(out, pico, 12, 0);
    for (int spare = 10; spare > 0 && out[n - 1] == '0'; spare--)
        n--;
    out[n] = '\0';
    return n;
}

size_t figure_dollars(char out[FIGURE_TEXT], money_sum pico, int decimals)
{
    money_sum unit = PICO_PER_USD;
    for (int i = 0; i < decimals; i++)
        unit /= 10;
    char digits[MONEY_TEXT];
    bool tiny = pico > 0 && pico < unit - unit / 2;
    bool negative = pico < 0;
    money_format(digits, tiny ? unit : negative ? -pico : pico, decimals, ',');
    int n = snprintf(out, FIGURE_TEXT, "%s$%s", tiny ? "<" : negative ? "-" : "", digits);
    return (size_t)n;
}
