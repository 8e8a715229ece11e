/*
 * assay simulate: realistic logs of an organization that does not exist, for demonstrations, tests
 * and measurements, with the truth about them beside.
 */
#include "cli/cli.h"

#include "base/buf.h"
#include "base/clock.h"
#include "sim/sim.h"

#include <signal.h>
#include <string.h>

enum {
    MOST_USERS = 1000000,
    MOST_DAYS = 3660,
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static bool is_stopped(void)
{
    return stopped;
}

static int refuse(const char *text)
{
    struct err err;
    err_set(&err, ERR_USAGE, "%s", text);
    return cli_fail(&err);
}

/* The day of "2026-10-01"; -1 when it is no date. */
static int64_t parse_day(const char *text)
{
    char midnight[TIME_TEXT];
    int64_t time_us;
    size_t n = strlen(text);
    if (n != 10)
        return -1;
    memcpy(midnight, text, n);
    memcpy(midnight + n, "T00:00:00Z", sizeof "T00:00:00Z");
    return time_parse(str_from(midnight), &time_us) ? time_us / US_PER_DAY : -1;
}

static int print_report(const struct sim_options *o, const struct sim_report *r)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_printf(
        &b,
        "%lld records of %lld invocations in %lld files, %lld MB of JSON, %lld MB compressed\n"
        "logs: %s/AWSLogs  truth: %s/truth.json  also: directory.csv, profiles.yaml\n",
        (long long)r->records, (long long)r->invocations, (long long)r->files,
        (long long)(r->json_bytes / 1000000), (long long)(r->gzip_bytes / 1000000), o->dir, o->dir);
    int code = cli_write(&b);
    buf_fini(&b);
    return code;
}

static int run(const struct sim_options *o)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sim_report report;
    struct err err = {0};
    if (sim_run(o, &report, &err) != OK)
        return cli_fail(&err);
    return print_report(o, &report);
}

int cmd_simulate(int argc, char **argv)
{
    struct sim_options o = {
        .users = 20, .days = 30, .seed = 1, .body_scale = 100, .stop = is_stopped};
    const char *bodies = "inline", *start = "2026-10-01";
    bool help = false;
    const struct option table[] = {
        {"users", OPTION_COUNT, &o.users, "N", "people, besides services (20)"},
        {"days", OPTION_COUNT, &o.days, "N", "days from the start on (30)"},
        {"seed", OPTION_COUNT, &o.seed, "S", "the same seed gives the same logs (1)"},
        {"out", OPTION_TEXT, &o.dir, "DIR", "where to write; must be empty or missing"},
        {"bodies", OPTION_TEXT, &bodies, "HOW",
         "inline, s3 (large ones under data/) or none (inline)"},
        {"start", OPTION_TEXT, &start, "DATE", "the first day (2026-10-01)"},
        {"records", OPTION_COUNT, &o.records, "N", "stop after about so many records"},
        {"body-scale", OPTION_COUNT, &o.body_scale, "PERCENT",
         "size of generated texts, 1 to 400 (100)"},
        {"force", OPTION_FLAG, &o.force, NULL, "write into a directory that is not empty"},
        {"help", OPTION_FLAG, &help, NULL, "this text"},
        {0},
    };
    /* Operands are only counted: they may go where the options before them stood. */
    int operands_n = 0;
    if (!cli_options(argc, argv, table, argv, &operands_n))
        return EXIT_BAD_USAGE;
    if (help) {
        cli_help("assay simulate --out DIR [--users N] [--days N] [--seed S] [--bodies HOW]",
                 table);
        return EXIT_DONE;
    }
    if (!o.dir || operands_n)
        return refuse("simulate wants --out DIR and no other argument");
    if (o.users < 1 || o.users > MOST_USERS || o.days < 1 || o.days > MOST_DAYS)
        return refuse("--users takes 1 to 1000000, --days 1 to 3660");
    if (o.body_scale < 1 || o.body_scale > 400)
        return refuse("--body-scale takes 1 to 400 (per cent)");
    o.bodies = strcmp(bodies, "inline") == 0 ? SIM_INLINE
               : strcmp(bodies, "s3") == 0   ? SIM_S3
                                             : SIM_NONE;
    if (o.bodies == SIM_NONE && strcmp(bodies, "none") != 0)
        return refuse("--bodies takes inline, s3 or none");
    o.start_day = parse_day(start);
    if (o.start_day < 0)
        return refuse("--start takes a date such as 2026-10-01");
    return run(&o);
}
