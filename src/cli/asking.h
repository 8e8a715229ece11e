/*
 * What the commands that answer from logs or from a store have in common: where to look, for which
 * period, and how to print. A command builds the question; what is read goes to the question's
 * cube, and where sessions are wanted, calls of sessions to these.
 */
#ifndef ASSAY_CLI_ASKING_H
#define ASSAY_CLI_ASKING_H

#include "cli/reading.h"
#include "query/sessions.h"
#include "query/plan.h"
#include "report/render.h"

struct asking {
    struct reading reading;
    /* As typed. */
    const char *zone, *format, *color, *directory_path, *store_path;
    int64_t dedupe_memory, session_memory;
    char **operands;
    int operands_n;
    /* Made of it. */
    struct question question;
    struct directory *directory;
    struct plan *plan;
    struct plan_view *view;
    struct cube *cube;
    struct sessions *sessions;
    /* Hears of calls of no session besides the cube, `thread` below asking_threads; see
     * ingest/oneshot.h. NULL unless the command sets it before it reads. */
    enum status (*loose)(void *ctx, int thread, const struct invocation *v, int sign);
    void *loose_ctx;
    struct about about;
    struct report_options render;
};

/* clang-format off */
#define ASKING_OPTIONS(a)                                                                          \
    {"tz", OPTION_TEXT, &(a)->zone, "ZONE", "time zone of days and months (default UTC)"},        \
    {"format", OPTION_TEXT, &(a)->format, "FORM", "table, json, csv or md"},                      \
    {"color", OPTION_TEXT, &(a)->color, "WHEN", "auto, always or never"},                         \
    {"store", OPTION_TEXT, &(a)->store_path, "FILE", "ask a store made by assay ingest"},         \
    {"directory", OPTION_TEXT, &(a)->directory_path, "FILE", "who belongs to which team"},        \
    {"dedupe-memory", OPTION_COUNT, &(a)->dedupe_memory, "SIZE",                                   \
     "memory for recognising duplicates (default 1G)"},                                            \
    {"session-memory", OPTION_COUNT, &(a)->session_memory, "SIZE",                                 \
     "memory for gathering sessions (default 32M)"}
/* clang-format on */

void asking_init(struct asking *a);
void asking_fini(struct asking *a);
/* Works out how to print, checks what is to be read, loads prices and directory and makes the plan
 * of the finished question. */
enum status asking_open(struct asking *a, struct err *err) MUST_USE;
/* How many threads will read. */
int asking_threads(const struct asking *a);
/* Reads it all: for the question, and for sessions when they are wanted. */
enum status asking_read(struct asking *a, bool sessions, struct err *err) MUST_USE;

#endif
