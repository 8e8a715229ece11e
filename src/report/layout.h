/* Which columns of a grid stand on a line of a given width, and how wide. */
#ifndef ASSAY_REPORT_LAYOUT_H
#define ASSAY_REPORT_LAYOUT_H

#include "report/render_internal.h"

enum { GAP = 2 };

struct layout_wish {
    int width; /* 0: as wide as it takes */
    bool bars;
    bool may_hide; /* leave out columns rather than not fit */
    int dim_least; /* how far texts may be shortened */
};

struct layout {
    bool fits;
    bool hidden[QUESTION_DIMS + QUESTION_METRICS + 1];
    int hidden_n;
    int width[QUESTION_DIMS + QUESTION_METRICS + 1];
    int last;  /* the last column that is shown */
    int total; /* of the line without bars */
    int bar;   /* columns for bars, 0: none */
};

struct layout layout_of(const struct grid *g, const struct layout_wish *wish);

#endif
