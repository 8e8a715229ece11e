/* Words of a line: see words.h. */
#include "aws/words.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copies one word from s at *i to *to; false when a quote stays open. */
static bool take_word(struct str s, size_t *i, char **to)
{
    char quote = 0;
    for (; *i < s.n; ++*i) {
        char c = s.p[*i];
        if (!quote && is_blank(c))
            return true;
        if (c == quote) {
            quote = 0;
        } else if (!quote && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && quote != '\'') {
            if (++*i == s.n)
                return false;
            char next = s.p[*i];
            if (quote && next != '"' && next != '\\')
                *(*to)++ = '\\';
            *(*to)++ = next;
        } else {
            *(*to)++ = c;
        }
    }
    return !quote;
}

int words_split(struct str line, char *room, char **words, int max)
{
    int n = 0;
    for (size_t i = 0;;) {
        while (i < line.n && is_blank(line.p[i]))
            i++;
        if (i == line.n)
            return n;
        if (n == max)
            return -1;
        words[n++] = room;
        if (!take_word(line, &i, &room))
            return -1;
        *room++ = '\0';
    }
}
