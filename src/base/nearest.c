/* The nearest word: see nearest.h. Edit distance (Levenshtein), words of this program only. */
#include "base/nearest.h"

enum { LONGEST_WORD = 40 };

struct nearest nearest_start(struct str typed)
{
    return (struct nearest){typed, STR_NONE, typed.n / 3 + 2};
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static size_t edit_distance(struct str a, struct str b)
{
    size_t row[LONGEST_WORD + 1];
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t above = row[j];
            size_t change = diagonal + (a.p[i - 1] != b.p[j - 1]);
            row[j] = min3(above + 1, row[j - 1] + 1, change);
            diagonal = above;
        }
    }
    return row[b.n];
}

void nearest_offer(struct nearest *n, struct str word)
{
    if (n->typed.n > LONGEST_WORD || word.n > LONGEST_WORD)
        return;
    size_t d = edit_distance(n->typed, word);
    /* A beginning that was typed in full is nearer than its length says. */
    if (n->typed.n >= 3 && str_has_prefix(word, n->typed))
        d = 1;
    if (d < n->distance) {
        n->distance = d;
        n->best = word;
    }
}

const char *quoted(char out[QUOTED_TEXT], struct str typed)
{
    size_t n = typed.n < QUOTED_TEXT - 4 ? typed.n : QUOTED_TEXT - 4;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)typed.p[i];
        out[i] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    memcpy(out + n, n < typed.n ? "..." : "", n < typed.n ? 4 : 1);
    return out;
}
