/* The options that all commands which read logs have in common, and what they are turned into. */
#ifndef ASSAY_CLI_READING_H
#define ASSAY_CLI_READING_H

#include "cli/cli.h"
#include "cli/remote.h"
#include "ingest/crew.h"

struct reading {
    /* As typed. */
    const char *level, *profiles, *prices, *quarantine, *harness_rules;
    struct option_list discounts;
    int64_t threads, max_line, max_inflated, max_ratio;
    bool quiet, repository_names;
    struct remote remote;
    char *const *operands; /* borrowed */
    int operands_n;
    /* Made of it. */
    struct pricing *pricing;
    struct harness_rules *rules;
    struct symbols *symbols;
    struct series *series;
    struct intake_env env;
    struct source *source;
    struct exchange_room room;
    char **files;      /* the operands that are files */
    int quarantine_fd; /* -1: not wanted */
    int64_t troubles_shown;
    bool progress_shown, progress_wanted;
    int64_t started_us;
};

/* clang-format off */
#define READING_OPTIONS(r)                                                                         \
    {"level", OPTION_TEXT, &(r)->level, "counts|content",                                          \
     "whether bodies are looked into (default content)"},                                         \
    {"profiles", OPTION_TEXT, &(r)->profiles, "FILE",                                              \
     "application inference profiles: ARN, model, scope, name, tags"},                                  \
    {"prices", OPTION_TEXT, &(r)->prices, "FILE", "prices that replace built-in ones"},           \
    {"discount", OPTION_LIST, &(r)->discounts, "WHAT=PERCENT",                                     \
     "account:ID, provider:NAME or model:PATTERN; may be repeated"},                              \
    {"harness-rules", OPTION_TEXT, &(r)->harness_rules, "FILE",                                    \
     "how programs are recognised, before the built-in rules"},                                   \
    {"repository-names", OPTION_FLAG, &(r)->repository_names, NULL,                                \
     "keep the last part of working directories, not a hash"},                                    \
    {"quarantine", OPTION_TEXT, &(r)->quarantine, "FILE",                                          \
     "list what could not be read: file, offset, reason ('-': stderr)"},                          \
    {"threads", OPTION_COUNT, &(r)->threads, "N",                                                  \
     "default: as many as processors; from AWS 16"},              \
    {"max-line", OPTION_COUNT, &(r)->max_line, "SIZE", "largest record (default 64M)"},           \
    {"max-inflated", OPTION_COUNT, &(r)->max_inflated, "SIZE",                                     \
     "largest file after decompression (default 16G)"},                                           \
    {"max-ratio", OPTION_COUNT, &(r)->max_ratio, "N",                                              \
     "largest inflated : compressed (default 1100)"},                                             \
    REMOTE_OPTIONS(&(r)->remote),                                                                  \
    {"quiet", OPTION_FLAG, &(r)->quiet, NULL, "no progress and no notes on standard error"}
/* clang-format on */

void reading_init(struct reading *r);
void reading_fini(struct reading *r);
/* Loads prices, profiles and discounts and checks the limits. The operands, which are borrowed, say
 * how many threads there will be. */
enum status reading_open(struct reading *r, char *const *operands, int n, struct err *err) MUST_USE;
/* What the operands name becomes r->source. */
enum status reading_source(struct reading *r, struct err *err) MUST_USE;
/* Bodies are read for more than usage; before the reading begins. */
void reading_want_exchange(struct reading *r);
/* The key of a one-shot run is random; a store brings its own. */
void reading_use_key(struct reading *r, struct hash_key key);
int reading_threads(const struct reading *r);
/* What the result of reading depends on, as a number: the store keeps it per file. */
uint32_t reading_fingerprint(const struct reading *r);

/* Lines for people, on standard error unless --quiet; ctx is the struct reading. */
void reading_note(void *ctx, struct str text);
/* Callbacks for crews; likewise. */
void reading_trouble(void *ctx, const struct crew_trouble *t);
/* NULL when nobody watches: then nothing is worked out for it. */
typedef void (*reading_watcher)(void *ctx, const struct crew_progress *p);
reading_watcher reading_progress(const struct reading *r);

/* Reads a small file of the user's, at most 16 MiB. */
enum status reading_file(const char *path, struct buf *out, struct err *err) MUST_USE;

#endif
