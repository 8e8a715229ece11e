/* What timeline.c and timeline_data.c share; included nowhere else. */
#ifndef ASSAY_REPORT_TIMELINE_INTERNAL_H
#define ASSAY_REPORT_TIMELINE_INTERNAL_H

#include "query/timeline.h"
#include "report/render_internal.h"

/* Which calls are shown: [from, to). */
struct span {
    size_t from, to;
};
struct span timeline_span(const struct timeline *t);

/* "Bash x3!, github/list": "!" where one failed. */
void timeline_uses_text(const struct timeline_call *c, struct buf *out);
/* "first", "retry", "cold", "compaction", "error": at most all of them, by index; NULL at the end.
 */
const char *timeline_mark(const struct timeline_call *c, int at);

enum status timeline_json(const struct timeline *t, struct buf *out) MUST_USE;
enum status timeline_csv(const struct timeline *t, struct buf *out) MUST_USE;

#endif
