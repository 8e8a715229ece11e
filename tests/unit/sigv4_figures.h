/* What both tests of codec/sigv4 do with texts of requests. */
#ifndef ASSAY_TESTS_SIGV4_FIGURES_H
#define ASSAY_TESTS_SIGV4_FIGURES_H

#include "codec/sigv4_internal.h"
#include "unit.h"

#include "base/clock.h"

static inline int64_t at(const char *text)
{
    int64_t time_us;
    assert_true(time_parse(str_from(text), &time_us));
    return time_us;
}

static inline void assert_text(struct str got, struct str wanted, const char *what)
{
    if (!str_eq(got, wanted))
        fail_msg("%s\nwanted: %.*s\ngot:    %.*s", what, STR_ARG(wanted), STR_ARG(got));
}

/* What stands behind "name: " in lines. */
static inline struct str line_of(struct str lines, const char *name)
{
    while (lines.p) {
        struct str line = str_cut(&lines, '\n');
        struct str found = str_cut(&line, ':');
        if (line.p && str_eq_nocase(found, str_from(name)))
            return str_trim(line);
    }
    return STR_NONE;
}

#endif
