/* What load.c (the readers' side) and load_write.c (the writer's) share; included nowhere else. */
#ifndef ASSAY_INGEST_LOAD_INTERNAL_H
#define ASSAY_INGEST_LOAD_INTERNAL_H

#include "ingest/load.h"

#include "base/queue.h"
#include "ingest/lexicon.h"

#include <limits.h>
#include <pthread.h>

enum {
    BATCH = 4096,      /* invocations handed to the writer at once */
    BATCH_FILES = 256, /* ends of files in one batch */
};

/* What a source waits for until the transaction is committed. */
struct promise {
    struct source *source;
    void *ticket;
    enum source_outcome outcome;
};

struct file_end {
    struct store_file file;
    struct store_quarantine *quarantine;
    size_t quarantine_n;
    struct promise promise;
};

struct batch {
    struct invocation v[BATCH];
    size_t n;
    struct lexicon *lexicon; /* of v; NULL as long as there are none */
    struct file_end files[BATCH_FILES];
    size_t files_n;
    int64_t since_us;   /* when a reader took it in hand (monotonic) */
    struct arena arena; /* exchanges; paths and quarantine of the files */
};

/* The canonical path of one directory: what is walked lies below the operands, and asking the
 * system for each file costs more than reading a small one. */
struct directory_name {
    char as_given[PATH_MAX], canonical[PATH_MAX];
    bool known;
};

struct run {
    const struct load *l;
    struct store *lookup;
    pthread_mutex_t lookup_lock;
    int64_t upkeep_due_us;    /* by the monotonic clock; the writer's */
    int64_t commit_us;        /* that the last commit took; the writer's */
    struct promise *promises; /* of the open transaction; the writer's */
    size_t promises_n, promises_cap;
    bool body_missing[CREW_MAX];                      /* in the file that the reader has in work */
    struct directory_name walk_name, names[CREW_MAX]; /* of the walk, of each reader */
    struct queue *full, *empty;
    struct batch *current[CREW_MAX];
    struct lexicons *lexicons;
    struct lexicon *lexicon[CREW_MAX]; /* NULL: not yet any */
    pthread_mutex_t lock;
    struct load_result *result;
    pthread_t writer;
    struct err err; /* of the writer */
    enum status written;
};

/* The writer's thread: takes batches from `full` until it is closed, and gives them back. `arg` is
 * a struct run; how it ended stands in `written` and `err`. */
void *load_write(void *arg);

#endif
