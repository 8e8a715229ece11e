/* What makes a source: the functions behind source.h. Included by the files of this room only. */
#ifndef ASSAY_SOURCE_SOURCE_INTERNAL_H
#define ASSAY_SOURCE_SOURCE_INTERNAL_H

#include "source/source.h"

struct source_state;

struct source_ops {
    enum status (*begin)(struct source *s, const struct source_watch *watch, struct err *err);
    enum status (*next)(struct source *s, struct source_item *item, bool *more, struct err *err);
    int64_t (*position)(struct source *s, bool *estimated, int64_t *bytes);
    void (*wait)(struct source *s, int64_t ms);                                /* or NULL */
    void (*stop)(struct source *s);                                            /* or NULL */
    void (*done)(struct source *s, void *ticket, enum source_outcome outcome); /* or NULL */
    void (*close)(struct source *s);
    enum status (*reader_new)(struct source *s, struct source_reader **out, struct err *err);
    void (*reader_free)(struct source_reader *r);
    enum status (*open)(struct source_reader *r, const struct source_item *item,
                        struct source_bytes *out, struct err *err);
    enum status (*body)(struct source_reader *r, const char *name, struct str uri, struct str key,
                        bool look, struct source_bytes *out, struct err *err);
    /* How it is doing (state.h); from any thread. Or NULL. */
    void (*state)(struct source *s, struct source_state *out);
    /* Of several: the i-th, or NULL. Or NULL: it is one. */
    struct source *(*part)(struct source *s, int i);
};

/* The first member of each kind's own structure. */
struct source {
    const struct source_ops *ops;
};
struct source_reader {
    struct source *source; /* set by source_reader_new */
};

#endif
