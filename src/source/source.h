/*
 * What a run reads from: files, buckets, log groups, queues. A source names *items* one after
 * another, and each item is read as a whole: a file, an object, a page of events. Bodies that lie
 * outside their record are asked for here too, because only the source knows where they may be.
 *
 *     source_begin(s, &watch, &err);
 *     while (source_next(s, &item, &more, &err) == OK && more) …      one thread at a time
 *     source_reader_new(item.source, room, &reader, &err);            one per thread and source
 *     source_open(reader, &item, &bytes, &err);
 *     source_done(item.source, item.ticket, SOURCE_KEPT);             when it is safe in the store
 *
 * Naming is for one thread at a time (callers hold a lock); each reader belongs to one thread, and
 * readers work beside each other and beside the naming. source_done and source_stop may be called
 * from any thread.
 */
#ifndef ASSAY_SOURCE_SOURCE_H
#define ASSAY_SOURCE_SOURCE_H

#include "base/clock.h"
#include "base/err.h"

struct source;
struct source_reader;
struct source_room;

struct source_item {
    /* A path, "-" for standard input, or a URL; good until the next item. NULL: there is nothing
     * now, but there may be later; see source_wait. */
    const char *name;
    struct source *source; /* whose item it is: readers are asked of this one */
    int64_t size; /* with the time tells versions apart; 0 unless versions were asked for */
    int64_t mtime_ns;
    bool is_path;
    /* Of a path: length of the directory that was given, behind which it has no link; 0 when the
     * file was given itself. */
    size_t root_n;
    /* A part of something that grows, such as a log group: the store adds its counters to those of
     * the parts before, under one name. `mtime_ns` is then the position up to which it is known
     * when this part is (nothing: 0). */
    bool grows;
    /* Named before in this run, and read to its end, for the sake of bodies that may be there now:
     * its counters are known. */
    bool again;
    void *ticket; /* the source's, handed back to source_done; NULL: nobody waits for it */
};

/* What became of an item. */
enum source_outcome {
    SOURCE_KEPT,   /* what it held is in the store for good */
    SOURCE_AGAIN,  /* the same, but bodies were missing: another reading later may find them */
    SOURCE_KNOWN,  /* it was there before, and was not opened */
    SOURCE_FAILED, /* it could not be opened or not be read to its end */
};

/* Content, in one of two places. What is borrowed of an item is good until a reader of the same
 * room opens the next one, of a body until one is asked for the next body. */
struct source_bytes {
    int fd;           /* open at its beginning; -1: in memory. source_bytes_fini closes it */
    struct str bytes; /* when fd is -1 */
    /* What the item's name and place tell, for what its records do not tell themselves. */
    struct str account, region; /* "" when unknown */
    int64_t delivery_us;        /* TIME_NONE when unknown */
    /* Not NULL: there is no content; the item as a whole goes into the quarantine, for this reason
     * (which holds nothing of anybody's records). As long-lived as the ticket. */
    const char *refused;
};

struct source_watch {
    bool versions; /* sizes and times of items are wanted, and empty ones are not */
    void *ctx;
    /* What cannot be read at all: a missing operand, a directory without permission. The reason
     * holds nothing of anybody's records. From any thread. */
    void (*problem)(void *ctx, const char *name, const char *reason);
    /* The position up to which something that grows is known, 0 when it is not. NULL: nothing is
     * known of anything. From any thread. */
    int64_t (*position)(void *ctx, const char *name);
};

/* Once, before anything else; *watch is copied. */
enum status source_begin(struct source *s, const struct source_watch *watch,
                         struct err *err) MUST_USE;
/* The next item; *more is false at the end. Failures are of the run (memory, interruption); what is
 * wrong with single things is told to the watch. */
enum status source_next(struct source *s, struct source_item *item, bool *more,
                        struct err *err) MUST_USE;
/*
 * How far the naming has come, in parts per million, or -1 when nothing tells. Where *estimated is
 * false, that is 0 and *bytes is what all items hold. One thread at a time, as source_next.
 */
int64_t source_position(struct source *s, bool *estimated, int64_t *bytes);
/* After an item without a name: until there may be one, at most so many milliseconds. Without the
 * lock of the naming. */
void source_wait(struct source *s, int64_t ms);
/* No more items: what waits in source_next or for a server ends soon. When it returns, the watch is
 * not called any more. */
void source_stop(struct source *s);
/* Once per item with a ticket. */
void source_done(struct source *s, void *ticket, enum source_outcome outcome);
/* Readers are freed before it. Tickets that were not handed back are void. */
void source_close(struct source *s);

/* What a thread's readers read into: there may be hundreds of sources, and each thread reads from
 * one at a time. A few megabytes at most. Freed after the readers. */
enum status source_room_new(struct source_room **out, struct err *err) MUST_USE;
void source_room_free(struct source_room *room);
/* Borrows the room; files need none (NULL). */
enum status source_reader_new(struct source *s, struct source_room *room,
                              struct source_reader **out, struct err *err) MUST_USE;
void source_reader_free(struct source_reader *r);
/* ERR_NOT_FOUND: gone meanwhile; ERR_ACCESS; ERR_IO: worth another attempt later. */
enum status source_open(struct source_reader *r, const struct source_item *item,
                        struct source_bytes *out, struct err *err) MUST_USE;
/*
 * A body that a record of the item `name` points to by `uri` (s3://…), of which `key` is the part
 * from AWSLogs on, already found safe (bodies.h). `look`: only whether it is there; then nothing is
 * opened. ERR_NOT_FOUND: not there (yet), or AWS does not let it be read (yet); ERR_ACCESS: not
 * allowed to be followed; ERR_IO: worth another attempt later.
 */
enum status source_body(struct source_reader *r, const char *name, struct str uri, struct str key,
                        bool look, struct source_bytes *out, struct err *err) MUST_USE;
void source_bytes_fini(struct source_bytes *b);

/*
 * Several sources as one: each names its items in a thread of its own, ahead of the readers by at
 * most `ahead` items in all. Items keep their own source. Takes the sources, on success.
 */
enum status source_several_new(struct source *const *sources, int n, size_t ahead,
                               struct source **out, struct err *err) MUST_USE;

/* Files: operands of the command line (files, directories, globs, `-`). See local.h. */
enum status source_local_new(char *const *operands, int n, struct source **out,
                             struct err *err) MUST_USE;

#endif
