/* assay ingest: logs into a store. */
#include "cli/reading.h"

#include "ingest/load.h"

#include <stdio.h>
#include <stdlib.h>

struct ingest {
    struct reading reading;
    const char *store_path, *since, *until;
    bool help, resolve, no_resolve;
    char **operands;
    int operands_n;
    struct store *store;
    struct resolver *resolver;
    struct learn *learn;
    struct load_result result;
    int64_t late_before;
};

/* What the store knows of profiles, and who may be asked about others. */
static enum status open_learning(struct ingest *g, struct err *err)
{
    struct learn_options o = {.store = g->store, .pricing = g->reading.pricing};
    if (g->resolve && g->no_resolve)
        return err_set(err, ERR_USAGE, "--resolve-profiles or --no-resolve-profiles, not both");
    /* Who reads from AWS anyway may ask it. */
    if (g->resolve || (g->reading.remote.credentials && !g->no_resolve)) {
        TRY(remote_credentials(&g->reading.remote, err));
        const struct resolver_options r = {.credentials = &g->reading.remote.credentials,
                                           .credentials_n = 1};
        TRY(resolver_new(&r, &g->resolver, err));
        o.resolver = g->resolver;
    }
    return learn_new(&o, &g->learn, err);
}

static void close_learning(struct ingest *g)
{
    learn_free(g->learn);
    resolver_free(g->resolver);
}

static enum status run(struct ingest *g, struct err *err)
{
    if (!g->store_path)
        return err_set(err, ERR_USAGE, "which store? Give --store FILE; it is made when new");
    if (g->operands_n == 0)
        return err_set(err, ERR_USAGE,
                       "nothing to read: give files or directories of logs, s3://bucket/prefix, "
                       "cloudwatch:GROUP, or - for standard input");
    TRY(remote_period(&g->reading.remote, g->since, g->until, err));
    TRY(reading_open(&g->reading, g->operands, g->operands_n, err));
    reading_want_exchange(&g->reading);
    TRY(store_open(g->store_path, STORE_WRITE, &g->store, err));
    struct about held;
    TRY(store_about(g->store, &held, err));
    g->late_before = held.late;
    reading_use_key(&g->reading, store_hash_key(g->store));
    TRY(reading_source(&g->reading, err));
    TRY(open_learning(g, err));
    const struct load load = {
        .source = g->reading.source,
        .threads = reading_threads(&g->reading),
        .env = &g->reading.env,
        .store = g->store,
        .store_path = g->store_path,
        .options = reading_fingerprint(&g->reading),
        .learn = g->learn,
        .ctx = &g->reading,
        .note = reading_note,
        .trouble = reading_trouble,
        .progress = reading_progress(&g->reading),
    };
    return load_run(&load, &g->result, err);
}

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static void print_learned(const struct ingest *g, struct buf *out)
{
    struct learn_result l = learn_result(g->learn);
    if (l.asked > 0)
        buf_printf(out,
                   "asked AWS about %lld profile%s: %lld known, %lld deleted, %lld not allowed",
                   (long long)l.asked, plural(l.asked), (long long)l.known, (long long)l.deleted,
                   (long long)l.denied);
    if (l.failed > 0)
        buf_printf(out, ", %lld without an answer", (long long)l.failed);
    if (l.asked > 0)
        buf_char(out, '\n');
    if (l.repriced > 0)
        buf_printf(out, "%lld invocation%s kept before %s profile was known %s been priced\n",
                   (long long)l.repriced, l.repriced == 1 ? " that was" : "s that were",
                   l.repriced == 1 ? "its" : "their", l.repriced == 1 ? "has" : "have");
    if (l.gone > 0)
        buf_printf(out,
                   "%lld invocation%s unpriced, no longer kept one by one when the profile "
                   "became known\n",
                   (long long)l.gone, l.gone == 1 ? " stays" : "s stay");
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
    buf_printf(&out, "read %lld file%s (%lld known already), %lld record%s",
               (long long)n[ABOUT_FILES], plural(n[ABOUT_FILES]), (long long)g->result.files_known,
               (long long)n[ABOUT_RECORDS], plural(n[ABOUT_RECORDS]));
    if (n[ABOUT_QUARANTINED] > 0)
        buf_printf(&out, ", %lld quarantined", (long long)n[ABOUT_QUARANTINED]);
    int64_t failed = n[ABOUT_FILES_FAILED] + g->result.problems;
    if (failed > 0)
        buf_printf(&out, ", %lld input%s not or not wholly readable", (long long)failed,
                   plural(failed));
    buf_char(&out, '\n');
    print_learned(g, &out);
    buf_printf(&out, "the store holds %lld invocation%s", (long long)held.invocations,
               plural(held.invocations));
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
        {"resolve-profiles", OPTION_FLAG, &g.resolve, NULL,
         "ask AWS what application profiles are (default: when logs come from AWS)"},
        {"no-resolve-profiles", OPTION_FLAG, &g.no_resolve, NULL, "do not ask AWS"},
        {"since", OPTION_TEXT, &g.since, "TIME", "of s3://: only hours from then on, in UTC"},
        {"until", OPTION_TEXT, &g.until, "TIME", "of s3://: only hours before the end of that"},
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
    close_learning(&g);
    store_close(g.store);
    reading_fini(&g.reading);
    free(g.operands);
    return code;
}
