/* Forms of names: see name.h. */
#include "model/name.h"

static const struct {
    size_t longest;
    const char *more;
} forms[NAME_FORMS] = {
#define NAME_FORM(id, longest, more) {longest, more},
    NAME_MAP(NAME_FORM)
#undef NAME_FORM
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool name_fits(enum name_form form, struct str text)
{
    if (text.n == 0 || text.n > forms[form].longest)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !is_digit(c) && (c == '\0' || !strchr(forms[form].more, c)))
            return false;
    }
    return form != NAME_VERSION || is_digit(text.p[0]);
}
