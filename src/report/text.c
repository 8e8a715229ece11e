/*
 * Text of strangers. What a terminal or a browser would act on, hide or reorder is shown as an
 * escape instead: \x1b for control bytes and broken UTF-8, \u{202e} for direction marks, invisible
 * and unassigned characters. Widths come from small tables of our own, because wcwidth depends on
 * the locale of the process and the same answer has to give the same bytes everywhere.
 */
#include "report/render_internal.h"

struct range {
    uint32_t from, to;
};

/* Formatting, invisible or direction-changing characters, private use (Unicode 15). */
static const struct range hidden[] = {
    {0x00, 0x1F},        {0x7F, 0x9F},     {0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},
    {0x115F, 0x1160},    {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E},
    {0x2060, 0x206F},    {0x3164, 0x3164}, {0xD800, 0xF8FF}, {0xFDD0, 0xFDEF}, {0xFE00, 0xFE0F},
    {0xFEFF, 0xFEFF},    {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0xFFFE, 0xFFFF}, {0x1D173, 0x1D17A},
    {0xE0000, 0x10FFFF},
};

static const struct range combining[] = {
    {0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},   {0x5BF, 0x5BF},   {0x5C1, 0x5C2},
    {0x5C4, 0x5C5},   {0x610, 0x61A},   {0x64B, 0x65F},   {0x670, 0x670},   {0x6D6, 0x6DC},
    {0x6DF, 0x6E4},   {0x6E7, 0x6E8},   {0x6EA, 0x6ED},   {0x711, 0x711},   {0x730, 0x74A},
    {0x900, 0x902},   {0x93A, 0x93A},   {0x93C, 0x93C},   {0x941, 0x948},   {0x94D, 0x94D},
    {0x951, 0x957},   {0xE31, 0xE31},   {0xE34, 0xE3A},   {0xE47, 0xE4E},   {0x1AB0, 0x1AFF},
    {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0x3099, 0x309A}, {0xFE20, 0xFE2F},
};

/* East Asian wide and full-width characters, emoji. */
static const struct range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x23F0, 0x23F0},   {0x23F3, 0x23F3},   {0x25FD, 0x25FE},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x267F, 0x267F},   {0x2693, 0x2693},   {0x26A1, 0x26A1},
    {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x26C4, 0x26C5},   {0x26CE, 0x26CE},
    {0x26D4, 0x26D4},   {0x26EA, 0x26EA},   {0x26F2, 0x26F3},   {0x26F5, 0x26F5},
    {0x26FA, 0x26FA},   {0x26FD, 0x26FD},   {0x2705, 0x2705},   {0x270A, 0x270B},
    {0x2728, 0x2728},   {0x274C, 0x274C},   {0x274E, 0x274E},   {0x2753, 0x2755},
    {0x2757, 0x2757},   {0x2795, 0x2797},   {0x27B0, 0x27B0},   {0x27BF, 0x27BF},
    {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2B55, 0x2B55},   {0x2E80, 0x303E},
    {0x3041, 0x3098},   {0x309B, 0x4DBF},   {0x4E00, 0xA4CF},   {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE10, 0xFE19},   {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18CFF}, {0x1AFF0, 0x1B2FF},
    {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A},
    {0x1F200, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F7E0, 0x1F7EB}, {0x1F900, 0x1FAFF},
    {0x20000, 0x3FFFD},
};

#define IN(c, table) in_ranges(c, table, sizeof table / sizeof table[0])

static bool in_ranges(uint32_t c, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n && ranges[i].from <= c; i++)
        if (c <= ranges[i].to)
            return true;
    return false;
}

/* The next character and its length in bytes; length 0 when the bytes are no UTF-8 (overlong and
 * surrogates included). */
static size_t decode(struct str s, uint32_t *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)s.p[0];
    if (first < 0x80) {
        *c = first;
        return 1;
    }
    size_t n = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || s.n < n)
        return 0;
    uint32_t value = first & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        unsigned char next = (unsigned char)s.p[i];
        if ((next & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (next & 0x3Fu);
    }
    if (value < least[n] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *c = value;
    return n;
}

void text_clean(struct buf *out, struct str text, bool ascii)
{
    enum { MARKS_IN_A_ROW = 2 };
    int marks = MARKS_IN_A_ROW; /* a mark without a letter before it would sit on our own text */
    while (text.n > 0) {
        uint32_t c = 0;
        size_t n = decode(text, &c);
        bool mark = n > 1 && IN(c, combining);
        marks = mark ? marks + 1 : 0;
        if (n == 0 || (n == 1 && IN(c, hidden))) {
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)text.p[0]);
            n = 1;
        } else if (n > 1 && (ascii || IN(c, hidden) || marks > MARKS_IN_A_ROW)) {
            buf_printf(out, "\\u{%x}", (unsigned)c);
        } else {
            buf_append(out, text.p, n);
        }
        text = str_skip(text, n);
    }
}

static int width_of(uint32_t c)
{
    return c < 0x300 ? 1 : IN(c, combining) ? 0 : IN(c, wide) ? 2 : 1;
}

/* Bytes of the longest beginning that takes at most `columns`, with the marks that belong to it. */
static size_t measure(struct str text, int columns, int *taken)
{
    size_t at = 0;
    *taken = 0;
    while (at < text.n) {
        uint32_t c = 0;
        size_t n = decode(str_skip(text, at), &c);
        int w = n ? width_of(c) : 1;
        if (w > columns - *taken)
            break;
        *taken += w;
        at += n ? n : 1;
    }
    return at;
}

int text_width(struct str text)
{
    int taken;
    measure(text, INT32_MAX, &taken);
    return taken;
}

struct str text_head(struct str text, int columns)
{
    int taken;
    return str_of(text.p, measure(text, columns, &taken));
}

struct str text_tail(struct str text, int columns)
{
    int whole = text_width(text), taken;
    int drop = whole > columns ? whole - columns : 0;
    size_t at = measure(text, drop, &taken);
    if (taken < drop) { /* a wide character stands across the cut */
        uint32_t c = 0;
        size_t n = decode(str_skip(text, at), &c);
        at += n ? n : 1;
        at += measure(str_skip(text, at), 0, &taken);
    }
    return str_skip(text, at);
}
