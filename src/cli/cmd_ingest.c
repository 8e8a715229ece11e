/* assay ingest: logs into a store. */
#include "cli/reading.h"

#include "ingest/load.h"

#include <stdio.h>
#include <stdlib.h>

struct ingest {
    struct reading reading;
    const char *store_path;
    bool help;
    char **operands;
    int operands_n;
    struct store *store;
    struct load_result result;
    int64_t late_before;
};

static enum status run(struct ingest *g, struct err *err)
{
    if (!g->store_path)
        return err_set(err, ERR_USAGE, "which store? Give --store FILE; it is made when new");
    if (g->operands_n == 0)
        return err_set(err, ERR_USAGE,
                       "nothing to read: give files or directories of logs, or - for standard "
                       "input");
    TRY(reading_open(&g->reading, err));
    reading_want_exchange(&g->reading);
    TRY(store_open(g->store_path, STORE_WRITE, &g->store, err));
    struct about held;
    TRY(store_about(g->store, &held, err));
    g->late_before = held.late;
    reading_use_key(&g->reading, store_hash_key(g->store));
    TRY(reading_source(&g->reading, g->operands, g->operands_n, err));
    const struct load load = {
        .source = g->reading.source,
        .threads = reading_threads(&g->reading),
        .env = &g->reading.env,
        .store = g->store,
        .store_path = g->store_path,
        .options = reading_fingerprint(&g->reading),
        .ctx = &g->reading,
        .trouble = reading_trouble,
        .progress = reading_progress(&g->reading),
    };
    return load_run(&load, &g->result, err);
}

static int print_summary(const struct ingest *g)
{
    struct about held;
    about_init(&held);
    struct err err = {0};
    if (store_about(g->store, &held, &err) != OK)
        return cli_fail(&err);
    const int64_t *n = g->result.about.n;
    struct buf out;
    buf_init(&out, 4096);
    buf_printf(&out, "read %lld files (%lld known already), %lld records",
               (long long)n[ABOUT_FILES], (long long)g->result.files_known,
               (long long)n[ABOUT_RECORDS]);
    if (n[ABOUT_QUARANTINED] > 0)
        buf_printf(&out, ", %lld quarantined", (long long)n[ABOUT_QUARANTINED]);
    int64_t failed = n[ABOUT_FILES_FAILED] + g->result.problems;
    if (failed > 0)
        buf_printf(&out, ", %lld files not or not wholly readable", (long long)failed);
    buf_printf(&out, "\nthe store holds %lld invocations", (long long)held.invocations);
    if (held.up_to_us != TIME_NONE) {
        char text[TIME_TEXT];
        time_format(text, held.up_to_us);
        buf_printf(&out, ", data up to %s", text);
    }
    buf_char(&out, '\n');
    if (held.late > g->late_before)
        buf_printf(&out,
                   "%lld records were older than the calls it keeps: not counted now, and lost "
                   "unless counted before\n",
                   (long long)(held.late - g->late_before));
    int code = cli_write(&out);
    buf_fini(&out);
    return code == EXIT_DONE && failed > 0 ? EXIT_INCOMPLETE : code;
}

int cmd_ingest(int argc, char **argv)
{
    static struct ingest g;
    g = (struct ingest){0};
    reading_init(&g.reading);
    const struct option options[] = {
        {"store", OPTION_TEXT, &g.store_path, "FILE", "the store; made when it is not there"},
        READING_OPTIONS(&g.reading),
        {"help", OPTION_FLAG, &g.help, NULL, "this text"},
        {0},
    };
    g.operands = cli_operands(argc);
    if (!g.operands)
        return EXIT_CANNOT;
    if (!cli_options(argc, argv, options, g.operands, &g.operands_n)) {
        free(g.operands);
        return EXIT_BAD_USAGE;
    }
    int code = EXIT_DONE;
    if (g.help) {
        cli_help("assay ingest PATH… --store FILE [option…]", options);
    } else {
        struct err err = {0};
        code = run(&g, &err) == OK ? print_summary(&g) : cli_fail(&err);
    }
    store_close(g.store);
    reading_fini(&g.reading);
    free(g.operands);
    return code;
}
