/* What timeline.c, timeline_head.c and timeline_data.c share; included nowhere else. */
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

/* For a page: texts are put together in `text` and kept in the arena. */
struct timeline_filler {
    const struct timeline *t;
    struct arena *arena;
    struct buf text;
    bool ascii, narrow, failed;
};

struct str timeline_keep(struct timeline_filler *f, struct str text);
/* What was put into f->text, cleaned. */
struct str timeline_cleaned(struct timeline_filler *f);
struct str timeline_clock(struct timeline_filler *f, int64_t time_us, bool with_day);

enum { TIMELINE_HEAD_LINES = 7 };

struct timeline_head {
    struct str title;
    struct str line[TIMELINE_HEAD_LINES];
    int n;
};
/* `width` of the terminal; 0 where there is none. */
struct timeline_head timeline_head(struct timeline_filler *f, int width);

/* What the notes below a page are made of. */
struct answer timeline_shell(const struct timeline *t);

enum status timeline_json(const struct timeline *t, struct buf *out) MUST_USE;
enum status timeline_csv(const struct timeline *t, struct buf *out) MUST_USE;

#endif
