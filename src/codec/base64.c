/*
 * Base64: see base64.h. Groups of four letters without white space in between, which is nearly all
 * there ever is, go through a table lookup each and one check for the whole group; anything else
 * goes letter by letter.
 */
#include "codec/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a letter plus LETTER; 0 for what is no letter. */
enum { LETTER = 0x40 };
#define V(value) (LETTER + (value))
static const uint8_t value_of[256] = {
    ['A'] = V(0),  ['B'] = V(1),  ['C'] = V(2),  ['D'] = V(3),  ['E'] = V(4),  ['F'] = V(5),
    ['G'] = V(6),  ['H'] = V(7),  ['I'] = V(8),  ['J'] = V(9),  ['K'] = V(10), ['L'] = V(11),
    ['M'] = V(12), ['N'] = V(13), ['O'] = V(14), ['P'] = V(15), ['Q'] = V(16), ['R'] = V(17),
    ['S'] = V(18), ['T'] = V(19), ['U'] = V(20), ['V'] = V(21), ['W'] = V(22), ['X'] = V(23),
    ['Y'] = V(24), ['Z'] = V(25), ['a'] = V(26), ['b'] = V(27), ['c'] = V(28), ['d'] = V(29),
    ['e'] = V(30), ['f'] = V(31), ['g'] = V(32), ['h'] = V(33), ['i'] = V(34), ['j'] = V(35),
    ['k'] = V(36), ['l'] = V(37), ['m'] = V(38), ['n'] = V(39), ['o'] = V(40), ['p'] = V(41),
    ['q'] = V(42), ['r'] = V(43), ['s'] = V(44), ['t'] = V(45), ['u'] = V(46), ['v'] = V(47),
    ['w'] = V(48), ['x'] = V(49), ['y'] = V(50), ['z'] = V(51), ['0'] = V(52), ['1'] = V(53),
    ['2'] = V(54), ['3'] = V(55), ['4'] = V(56), ['5'] = V(57), ['6'] = V(58), ['7'] = V(59),
    ['8'] = V(60), ['9'] = V(61), ['+'] = V(62), ['/'] = V(63),
};
#undef V

/* Decodes whole groups up to the first that holds something else; returns the letters used. */
static size_t decode_groups(const uint8_t *in, size_t n, uint8_t *out)
{
    const uint32_t bias = (uint32_t)LETTER << 18 | (uint32_t)LETTER << 12 | LETTER << 6 | LETTER;
    size_t i = 0;
    for (; n - i >= 4; i += 4, out += 3) {
        uint32_t a = value_of[in[i]], b = value_of[in[i + 1]];
        uint32_t c = value_of[in[i + 2]], d = value_of[in[i + 3]];
        if (!(a & b & c & d & LETTER))
            break;
        uint32_t v = (a << 18) + (b << 12) + (c << 6) + d - bias;
        out[0] = (uint8_t)(v >> 16);
        out[1] = (uint8_t)(v >> 8);
        out[2] = (uint8_t)v;
    }
    return i;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The bits of an unfinished group. */
struct group {
    uint32_t bits;
    unsigned letters;
    unsigned padding;
};

static bool add_letter(struct group *g, uint8_t c, uint8_t **out)
{
    if (is_space(c))
        return true;
    if (c == '=')
        return g->letters + ++g->padding <= 4 && g->letters >= 2;
    if (!(value_of[c] & LETTER) || g->padding)
        return false;
    g->bits = g->bits << 6 | (value_of[c] & 0x3f);
    if (++g->letters == 4) {
        for (int shift = 16; shift >= 0; shift -= 8)
            *(*out)++ = (uint8_t)(g->bits >> shift);
        *g = (struct group){0};
    }
    return true;
}

static bool finish(const struct group *g, uint8_t **out)
{
    if (g->letters == 1 || (g->padding && g->letters + g->padding != 4))
        return false;
    uint32_t bits = g->bits << 6 * (4 - g->letters);
    for (unsigned i = 1; i < g->letters; i++)
        *(*out)++ = (uint8_t)(bits >> (24 - 8 * i));
    return true;
}

/* The most that text can hold, so that a buffer with just enough room is enough. */
static size_t decoded_size(struct str text)
{
    while (text.n > 0 && (text.p[text.n - 1] == '=' || is_space((uint8_t)text.p[text.n - 1])))
        text.n--;
    return text.n / 4 * 3 + text.n % 4 * 3 / 4;
}

bool base64_decode(struct str text, struct buf *out)
{
    if (!buf_reserve(out, decoded_size(text)))
        return false;
    uint8_t nothing;
    const uint8_t *in = (const uint8_t *)text.p;
    uint8_t *start = out->p ? (uint8_t *)out->p + out->n : &nothing;
    uint8_t *end = start;
    struct group g = {0};
    for (size_t i = 0; i < text.n;) {
        if (g.letters == 0 && g.padding == 0) {
            size_t used = decode_groups(in + i, text.n - i, end);
            end += used / 4 * 3;
            i += used;
            if (i == text.n)
                break;
        }
        if (!add_letter(&g, in[i++], &end))
            return false;
    }
    if (!finish(&g, &end))
        return false;
    out->n += (size_t)(end - start);
    return true;
}

void base64_encode(struct str bytes, struct buf *out)
{
    if (bytes.n == 0 || bytes.n / 3 >= SIZE_MAX / 4 - 1 || !buf_reserve(out, (bytes.n + 2) / 3 * 4))
        return;
    const uint8_t *in = (const uint8_t *)bytes.p;
    char *p = out->p + out->n;
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t left = bytes.n - i;
        uint32_t v = (uint32_t)in[i] << 16;
        v |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        v |= left > 2 ? in[i + 2] : 0;
        *p++ = alphabet[v >> 18];
        *p++ = alphabet[v >> 12 & 63];
        *p++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
        *p++ = left > 2 ? alphabet[v & 63] : '=';
    }
    out->n = (size_t)(p - out->p);
}
