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

/*
 * When an item whose bodies were missing is to be named again: Bedrock delivers them up to a minute
 * after the record (bedrock-logs facts, 5). TIME_NONE: not any more. Instants of the world's clock.
 */
int64_t source_body_due(int64_t written_us, int64_t now_us);
/* The same for a source that can wait without holding anything up: then ever less often until two
 * days after it was written, for bodies that AWS did not let us read (s3_bodies.h). */
int64_t source_body_due_long(int64_t written_us, int64_t now_us);

/* A body may be asked for there: its key has the prefix, and behind that only elements as Bedrock
 * makes them. What another reader of the path might take for a way out of the prefix is none of its
 * (bedrock-logs facts, 7); the part from AWSLogs on was looked at before. */
bool source_body_is_below(struct str prefix, struct str key);

/* The first member of each kind's own structure. */
struct source {
    const struct source_ops *ops;
};
struct source_reader {
    struct source *source; /* set by source_reader_new, as is the room */
    struct source_room *room;
};

#endif
